use proptest::prelude::*;

use super::{Choice, Expect, LARGEST, Pasted, Shows, read};
use crate::error::Code;
use crate::secret::Secret;

const LIVE: &[&str] = &["BJw5ccm-loopback", "Qe_page~state"];
const EARLIER: &[&str] = &["OLD-state"];

fn expect(shows: Shows) -> Expect<'static> {
    Expect { shows, state_in_path: false, live: LIVE, earlier: EARLIER, device: true }
}

fn answer(code: &str, attempt: Option<usize>) -> Pasted {
    Pasted::Answer { code: Secret::new(code), attempt, others: Vec::new() }
}

fn wrong(pasted: &Pasted) -> Option<Code> {
    match pasted {
        Pasted::Wrong { code, .. } => Some(*code),
        _ => None,
    }
}

#[test]
fn answers_are_read_in_every_form() {
    let rows: &[(Shows, &str, &str, Option<usize>)] = &[
        (Shows::Code, "abc123", "abc123", None),
        (Shows::Code, "4%2F0AVMBsJ-x", "4/0AVMBsJ-x", None),
        (Shows::Code, "4/0AVMBsJ+x=", "4/0AVMBsJ+x=", None),
        (Shows::Code, "?code=4%2F0A", "4/0A", None),
        (Shows::CodeAndState, "abc123#Qe_page~state", "abc123", Some(1)),
        (Shows::CodeAndState, "abc123 Qe_page~state", "abc123", Some(1)),
        (Shows::CodeAndState, "abc1\n  23#Qe_page\r\n~state", "abc123", Some(1)),
        (Shows::CodeAndState, "abc 123# Qe_page~state", "abc123", Some(1)),
        (
            Shows::CodeAndState,
            "https://platform.claude.com/oauth/code/callback?code=abc123#Qe_page~state",
            "abc123",
            Some(1),
        ),
        (Shows::Address, "abc123#BJw5ccm-loopback", "abc123", Some(0)),
        (Shows::Address, "code=abc123&state=BJw5ccm-loopback", "abc123", Some(0)),
        (Shows::Address, "state=BJw5ccm-loopback&code=abc123", "abc123", Some(0)),
        (Shows::Address, "?code=abc123&state=BJw5ccm-loopback", "abc123", Some(0)),
        (Shows::Address, "#code=abc123&state=BJw5ccm-loopback", "abc123", Some(0)),
        (
            Shows::Address,
            "http://localhost:1455/auth/callback?code=ac_9f%2FX&state=BJw5ccm-loopback",
            "ac_9f/X",
            Some(0),
        ),
        (Shows::Address, "https://anywhere.example/?state=BJw5ccm%2Dloopback&code=a", "a", Some(0)),
        (Shows::Address, "localhost:1455/auth/callback?code=a&amp;state=BJw5ccm-loopback#", "a", Some(0)),
        (Shows::Address, "http://localhost/cb#code=a&state=BJw5ccm-loopback", "a", Some(0)),
        (
            Shows::Address,
            " \"<http://localhost:1455/auth/callback?code=a&state=BJw5\n    ccm-loopback>\" ",
            "a",
            Some(0),
        ),
        (Shows::Address, "“http://localhost/cb?code=a&state=BJw5ccm-loop back”", "a", Some(0)),
        (
            Shows::Address,
            "\u{1b}[200~http://localhost/cb?code=a&state=BJw5ccm-\u{200b}loopback\u{1b}[201~\r",
            "a",
            Some(0),
        ),
    ];
    for (shows, text, code, attempt) in rows {
        assert_eq!(read(text, &expect(*shows)), answer(code, *attempt), "{text}");
    }
}

#[test]
fn wrong_pastes_say_what_was_wrong_and_leave_the_link_alive() {
    let big = "a".repeat(LARGEST + 1);
    let rows: &[(Shows, &str, Code)] = &[
        (Shows::CodeAndState, "ac_9fX2Q", Code::PasteHalf),
        (Shows::CodeAndState, "ac_9fX2Q#", Code::PasteHalf),
        (Shows::CodeAndState, "#Qe_page~state", Code::PasteHalf),
        (Shows::CodeAndState, "code=ac_9fX2Q", Code::PasteHalf),
        (Shows::Code, "ac_9fX2Q#", Code::PasteHalf),
        (Shows::Address, "ac_9fX2Q", Code::PasteHalf),
        (Shows::Address, "ac_9fX2Q#", Code::PasteHalf),
        (Shows::Address, "http://localhost:1455/auth/callback?code=ac_9fX2Q", Code::PasteHalf),
        (Shows::Address, "http://localhost:1455/auth/callback?code=ac_9fX2Q&state=", Code::PasteHalf),
        (Shows::Address, "http://localhost:1455/auth/callback", Code::Paste),
        (Shows::Address, "http://localhost:1455/auth/callback?code=&state=BJw5ccm-loopback", Code::Paste),
        (Shows::Address, "http://localhost/cb?code=a&code=b&state=BJw5ccm-loopback", Code::Paste),
        (Shows::Address, "http://localhost/cb?code=%FF%00&state=BJw5ccm-loopback", Code::Paste),
        (Shows::Address, "https://claude.ai/login?returnTo=%2Foauth%2Fauthorize%3Fcode%3Dtrue", Code::Paste),
        (Shows::Code, "three words here", Code::Paste),
        (Shows::Code, "hello world", Code::Paste),
        (Shows::Code, "abc1ü3", Code::Paste),
        (
            Shows::Address,
            "https://auth.openai.com/oauth/authorize?response_type=code&client_id=x&state=BJw5ccm-loopback",
            Code::PasteLink,
        ),
        (
            Shows::CodeAndState,
            "https://claude.ai/oauth/authorize?code=true&client_id=x&response_type=code",
            Code::PasteLink,
        ),
        (Shows::CodeAndState, "https://claude.ai/oauth/authorize", Code::PasteLink),
        (Shows::Address, "https://openrouter.ai/auth?callback_url=x&code_challenge=y", Code::PasteLink),
        (Shows::Address, "https://chat.qwen.ai/authorize?user_code=K7QX-P2MD&client=c", Code::PasteLink),
        (Shows::Address, "http://localhost:1455/auth/callback?code=a&state=OLD-state", Code::State),
        (Shows::Address, "http://localhost:1455/auth/callback?code=a&state=nobody", Code::State),
        (Shows::Address, "http://localhost:1455/auth/callback?error=access_denied&state=nobody", Code::State),
        (Shows::CodeAndState, "abc123#OLD-state", Code::State),
        (Shows::Code, "abc123#nobody", Code::State),
        (Shows::Code, &big, Code::PasteBig),
    ];
    for (shows, text, code) in rows {
        let pasted = read(text, &expect(*shows));
        assert_eq!(wrong(&pasted), Some(*code), "{text} gave {pasted:?}");
    }
}

#[test]
fn an_old_answer_and_a_foreign_one_are_told_apart() {
    let say = |text| match read(text, &expect(Shows::Address)) {
        Pasted::Wrong { message, .. } => message,
        other => panic!("{other:?}"),
    };
    assert!(say("?code=a&state=OLD-state").contains("earlier sign-in"));
    assert!(say("?code=a&state=nobody").contains("another sign-in"));
}

#[test]
fn a_refusal_brings_the_providers_words() {
    let denied = |text| read(text, &expect(Shows::Address));
    assert_eq!(
        denied("http://localhost:1455/auth/callback?error=access_denied&error_description=The+user%20cancelled"),
        Pasted::Denied { error: "access_denied".into(), description: Some("The user cancelled".into()), attempt: None }
    );
    assert_eq!(
        denied("?error=access_denied&code=x&state=Qe_page~state"),
        Pasted::Denied { error: "access_denied".into(), description: None, attempt: Some(1) }
    );
}

#[test]
fn parameters_beside_code_and_state_are_handed_on() {
    let text = "http://localhost/cb?code=a&iss=https%3A%2F%2Fauth.example&state=Qe_page~state";
    let Pasted::Answer { others, .. } = read(text, &expect(Shows::Address)) else { panic!() };
    assert_eq!(others, [("iss".to_owned(), "https://auth.example".to_owned())]);
}

#[test]
fn a_state_in_the_path_counts_where_the_provider_has_no_parameter() {
    let expect = Expect { state_in_path: true, ..expect(Shows::Address) };
    let read = |text| read(text, &expect);
    assert_eq!(read("http://localhost:3000/Qe_page~state/callback?code=k"), answer("k", Some(1)));
    assert_eq!(wrong(&read("http://localhost:3000/OLD-state/callback?code=k")), Some(Code::State));
    assert_eq!(wrong(&read("http://localhost:3000/callback?code=k&state=Qe_page~state")), Some(Code::State));
    assert_eq!(wrong(&read("?code=k")), Some(Code::PasteHalf));
}

#[test]
fn the_menu_is_one_key_and_a_short_code_only_where_there_is_one() {
    let with = expect(Shows::Address);
    for (text, choice) in
        [("c", Choice::Copy), ("QR", Choice::Qr), (" d ", Choice::Device), ("?", Choice::Help), ("D", Choice::Device)]
    {
        assert_eq!(read(text, &with), Pasted::Menu(choice));
    }
    for text in ["", "  ", "\n", "\"\"", "<>"] {
        assert_eq!(read(text, &with), Pasted::Nothing);
    }
    assert_eq!(wrong(&read("d", &Expect { device: false, ..with })), Some(Code::NoFlow));
}

proptest! {
    #[test]
    fn no_text_panics_and_none_is_taken_without_a_live_state(
        text in "\\PC{0,200}|[ -~\\n\\t]{0,200}|([?#&=]|code|state|error|http://|[a-z%0-9]){0,40}",
    ) {
        for shows in [Shows::Address, Shows::CodeAndState] {
            if let Pasted::Answer { attempt, .. } = read(&text, &expect(shows)) {
                prop_assert!(attempt.is_some(), "{text}");
            }
        }
        read(&text, &expect(Shows::Code));
    }

    #[test]
    fn any_code_survives_wrapping_quoting_and_escaping(
        code in "[!-~]{1,200}",
        wrap in 10_usize..80,
        quote in prop::sample::select(vec!["", "\"", "'", "`", " "]),
    ) {
        let escaped: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
        let address = format!("http://localhost:1455/auth/callback?code={escaped}&state={}", LIVE[1]);
        let wrapped: Vec<&str> = address.as_bytes().chunks(wrap).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let pasted = format!("{quote}{}{quote}\n", wrapped.join("\n   "));
        prop_assert_eq!(read(&pasted, &expect(Shows::Address)), answer(&code, Some(1)));
    }
}
