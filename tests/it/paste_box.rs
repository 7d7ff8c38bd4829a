//! The paste prompt: every shape of an answer, every way to get it there, and what is said of a wrong one.

use llxprt::sandbox::{Endpoint, Sandbox, Script};

use crate::session_steps::{
    PASTE, PERSONAL, WORK, accepted, approve, assert_no_secret_shown, at_prompt, code, decide, leave, link, manifest,
    param, paste_prompt, sealed, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, Home, Pty};

/// A session whose next login waits at the paste prompt.
struct Waiting {
    sandbox: Sandbox,
    home: Home,
    pty: Pty,
    prompts: usize,
}

impl Waiting {
    fn new() -> Self {
        Self::with(&["--nobrowser"])
    }

    fn with(flags: &[&str]) -> Self {
        let (sandbox, home) = accepted();
        let pty = terminal(&home, flags);
        at_prompt(&pty);
        pty.type_line("/auth anthropic login");
        paste_prompt(&pty, 1);
        Self { sandbox, home, pty, prompts: 1 }
    }

    fn script(&self) -> Script {
        self.sandbox.script("anthropic")
    }

    /// Pastes a text that does not end the login, and returns what is said of it.
    fn wrong(&mut self, text: &str) -> String {
        let before = self.pty.transcript();
        self.pty.paste(text);
        self.pty.keys(key::ENTER);
        self.prompts += 1;
        paste_prompt(&self.pty, self.prompts);
        let after = self.pty.transcript();
        after[before.len()..].trim().trim_end_matches(PASTE).trim().to_owned()
    }

    /// Waits until the login is done, leaves, and looks for traces of what was pasted.
    fn signed_in_as(self, account: &str) {
        self.pty.wait_for(&format!("Signed in to anthropic as {account}"));
        assert_eq!(leave(self.pty), 0);
        assert_no_secret_shown(&self.home, &self.sandbox.script("anthropic"));
        let history = self.home.read("data/history");
        assert_eq!(history.lines().collect::<Vec<_>>(), ["/auth anthropic login"]);
    }
}

#[test]
fn a_way_to_sign_in_that_the_file_does_not_name_is_not_gone() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let redirect = |url: &str| param(url, "redirect_uri").unwrap();
    home.write("config/providers/anthropic.toml", "[oauth]\nflows = [\"paste\"]\n");
    let done = home.run(&["auth", "anthropic", "login"]).exit(4);
    assert!(done.stderr.contains("the answer is pasted, and input is not a terminal"), "{done}");
    let pty = terminal(&home, &["auth", "anthropic", "login"]);
    paste_prompt(&pty, 1);
    let opened = browser.next();
    assert_eq!((redirect(&opened), &opened), (format!("{}/anthropic/oauth/code/callback", sandbox.url()), &link(&pty)));
    pty.paste(&code(&opened, WORK));
    pty.keys(key::ENTER);
    pty.wait_for(&format!("Signed in to anthropic as {WORK}"));

    home.write("config/providers/anthropic.toml", "[oauth]\nflows = [\"browser\"]\n");
    let pty = terminal(&home, &["auth", "anthropic", "login", "two"]);
    paste_prompt(&pty, 1);
    let opened = browser.next();
    assert!(redirect(&opened).starts_with("http://localhost:"), "{opened}");
    assert_eq!(opened, link(&pty));
    pty.keys(key::CTRL_C);
}

/// Every shape in which a right answer may be pasted.
fn right(code: &str, address: &str) -> Vec<(&'static str, String)> {
    let (half, state) = code.split_once('#').unwrap();
    let wrap = |text: &str, at: usize, between: &str| {
        let chars: Vec<char> = text.chars().collect();
        chars.chunks(at).map(|piece| piece.iter().collect::<String>()).collect::<Vec<_>>().join(between)
    };
    vec![
        ("as the page shows it", code.to_owned()),
        ("with a blank in place of the #", format!("{half} {state}")),
        ("with blanks around", format!("  {code}\t")),
        ("in double quotes", format!("\"{code}\"")),
        ("in single quotes", format!("'{code}'")),
        ("in angle brackets", format!("<{code}>")),
        ("in backticks", format!("`{code}`")),
        ("as parameters", format!("code={half}&state={state}")),
        ("as a query", format!("?code={half}&state={state}")),
        ("as a fragment", format!("#code={half}&state={state}")),
        ("as an address of loopback", format!("http://localhost:1455/auth/callback?code={half}&state={state}")),
        ("as an address of another host", format!("https://example.com/x?state={state}&code={half}")),
        ("as the page's address", address.to_owned()),
        ("wrapped over lines", wrap(code, 30, "\n")),
        ("wrapped and indented", wrap(code, 30, "\n    ")),
        ("an address wrapped over lines", wrap(address, 40, "\n")),
        ("with a line end behind", format!("{code}\n")),
    ]
}

/// Pastes each shape in one way, each into a login of its own within one session.
fn every_right_shape(way: impl Fn(&Pty, &str)) {
    let (sandbox, home) = accepted();
    let pty = terminal(&home, &["--nobrowser"]);
    for number in 0.. {
        at_prompt(&pty);
        pty.type_line("/auth anthropic login --force");
        pty.wait_for_count("Ctrl+C cancel", number + 1);
        pty.wait_until("an empty paste prompt", |screen| screen.lines().last() == Some(PASTE));
        let address = approve(&link(&pty), WORK);
        let code = format!("{}#{}", param(&address, "code").unwrap(), param(&address, "state").unwrap());
        let shapes = right(&code, &address);
        let (shape, text) = &shapes[number];
        way(&pty, text);
        eprintln!("a login by a code {shape}");
        pty.wait_for_count(&format!("Signed in to anthropic as {WORK}"), number + 1);
        if number + 1 == shapes.len() {
            break;
        }
    }
    assert_eq!(leave(pty), 0);
    assert_no_secret_shown(&home, &sandbox.script("anthropic"));
    assert!(home.read("data/history").lines().all(|line| line == "/auth anthropic login --force"));
}

#[test]
fn every_shape_of_an_answer_signs_in_when_it_is_pasted() {
    every_right_shape(|pty, text| {
        pty.paste(text);
        pty.keys(key::ENTER);
    });
}

#[test]
fn every_shape_of_an_answer_signs_in_when_it_is_typed_or_pasted_without_marks() {
    // A terminal without bracketed paste sends the same bytes as fast fingers do, CR for line ends.
    every_right_shape(|pty, text| pty.keys(&format!("{}\r", text.trim_end().replace('\n', "\r"))));
}

#[test]
fn the_lines_of_a_slow_paste_without_marks_are_one_answer() {
    let waiting = Waiting::new();
    let code = code(&link(&waiting.pty), WORK);
    let pieces: Vec<&str> = code.as_bytes().chunks(50).map(|piece| std::str::from_utf8(piece).unwrap()).collect();
    for (number, piece) in pieces.iter().enumerate() {
        // Each is judged before the next one comes.
        paste_prompt(&waiting.pty, number + 1);
        waiting.pty.keys(&format!("{piece}\r"));
    }
    waiting.signed_in_as(WORK);
}

#[test]
fn line_feeds_of_a_paste_without_marks_are_no_enter() {
    every_right_shape(|pty, text| pty.keys(&format!("{text}\r")));
}

#[test]
fn a_code_typed_character_by_character_signs_in() {
    let waiting = Waiting::new();
    let code = code(&link(&waiting.pty), WORK);
    for (typed, character) in code.chars().enumerate() {
        waiting.pty.keys(&character.to_string());
        // One character is a choice of the menu and may be seen.
        let shown = if typed == 0 { character.to_string() } else { "*".repeat(typed + 1) };
        if typed < 3 {
            waiting.pty.wait_until("the character", |screen| screen.ends_with(&format!("{PASTE} {shown}")));
        }
    }
    waiting.pty.keys(key::ENTER);
    waiting.signed_in_as(WORK);
}

#[test]
fn wrong_pastes_say_what_is_wrong_keep_the_login_alive_and_show_nothing_of_themselves() {
    let mut waiting = Waiting::new();
    let link = link(&waiting.pty);
    let code = code(&link, WORK);
    let (half, state) = code.split_once('#').unwrap();
    let canary = "canary-of-a-wrong-paste";
    for (text, words) in [
        (half.to_owned(), "E-PASTE-HALF"),
        (format!("{half}#"), "E-PASTE-HALF"),
        (format!("#{state}"), "E-PASTE-HALF"),
        (format!("http://localhost:1/callback?code={half}"), "E-PASTE-HALF"),
        (link.clone(), "That is the link to open, not the answer."),
        (format!("{half}#{canary}"), "E-STATE"),
        (format!("http://localhost:1/callback?code={canary}&state={canary}"), "E-STATE"),
        (format!("{canary} what am I"), "E-PASTE"),
        ("http://localhost:1/callback".to_owned(), "E-PASTE"),
        ("\u{1b}]0;title\u{7}".to_owned(), ""),
        (String::new(), ""),
        ("   ".to_owned(), ""),
    ] {
        let said = waiting.wrong(&text).replace('\n', " ");
        assert!(said.contains(words), "{}: {said}", &text[..text.len().min(60)]);
        if !words.is_empty() {
            assert!(said.contains("till") || said.contains("ink") || said.contains("ddress"), "what now? {said}");
        }
        assert!(!said.contains(canary), "{said}");
    }
    assert_eq!(waiting.script().count(Endpoint::Token), 0);
    assert_eq!(waiting.pty.effects(), Vec::<String>::new());
    waiting.pty.paste(&code);
    waiting.pty.keys(key::ENTER);
    let home = waiting.home.path("");
    waiting.signed_in_as(WORK);
    assert!(
        !home.exists()
            || crate::support::canary::files_below(&home).iter().all(|file| {
                std::fs::read(file).map_or(true, |bytes| crate::support::canary::find(&bytes, canary).is_none())
            })
    );
}

#[test]
fn the_words_for_half_a_code_read_like_this() {
    let mut waiting = Waiting::new();
    let said = waiting.wrong("ac_9fX2Q");
    insta::assert_snapshot!(said, @"
    ********
    That is the first half of the code. This provider's code has a # in the middle, and double-clicking
    stops there. Copy the whole value. The link above still works.  E-PASTE-HALF
    ");
    let said = waiting.wrong("http://localhost:1455/auth/callback?code=x&state=OLD");
    insta::assert_snapshot!(said, @"
    ****************************************************
    That answer belongs to another sign-in. Open the link above and try once more.  E-STATE
    ");
    waiting.pty.keys(key::CTRL_C);
    assert_eq!(leave(waiting.pty), 0);
}

#[test]
fn a_pasted_refusal_ends_the_login_with_the_providers_words_made_safe() {
    let waiting = Waiting::new();
    let refusal = decide(&link(&waiting.pty), WORK, "deny");
    waiting.pty.paste(&refusal);
    waiting.pty.keys(key::ENTER);
    waiting
        .pty
        .wait_for("The provider says access was denied: \"The user denied the request\". Nothing changed.\n  /auth anthropic login  E-DENIED");
    at_prompt(&waiting.pty);
    assert_eq!(sealed(&waiting.home), Vec::<String>::new());
    // One that was made up carries escapes.
    waiting.pty.type_line("/auth anthropic login");
    paste_prompt(&waiting.pty, 2);
    let state = param(&link(&waiting.pty), "state").unwrap();
    let evil = format!("http://localhost/cb?error=x&error_description=%1b%5d0%3bt%07a%e2%80%aeb%1b%5b2J&state={state}");
    waiting.pty.paste(&evil);
    waiting.pty.keys(key::ENTER);
    waiting.pty.wait_for("The provider ended the sign-in: \"a<U+202E>b\". Nothing changed.");
    assert_eq!(waiting.pty.effects(), Vec::<String>::new());
    assert_eq!(leave(waiting.pty), 0);
}

#[test]
fn a2_a_code_of_another_persons_login_is_not_taken() {
    // Two logins wait at the same provider; an attacker's answer is pasted into the victim's.
    let (victim, attacker) = (Waiting::new(), Waiting::new());
    let mut victim = victim;
    let stolen = code(&link(&attacker.pty), PERSONAL);
    let said = victim.wrong(&stolen);
    assert!(said.contains("belongs to another sign-in"), "{said}");
    assert_eq!(victim.script().count(Endpoint::Token), 0);
    // Even with the victim's own state the provider does not exchange a code that was made for another verifier.
    let state = param(&link(&victim.pty), "state").unwrap();
    let said = victim.wrong(&format!("{}#{state}", stolen.split_once('#').unwrap().0));
    assert!(said.contains("did not accept the code") && said.contains("The link above still works."), "{said}");
    assert_eq!(sealed(&victim.home), Vec::<String>::new());
    let good = code(&link(&victim.pty), WORK);
    victim.pty.paste(&good);
    victim.pty.keys(key::ENTER);
    victim.signed_in_as(WORK);
}

#[test]
fn a_code_used_twice_is_refused_by_the_provider_and_the_login_goes_on() {
    let mut waiting = Waiting::new();
    let said = waiting.wrong(&format!("no-such-code#{}", param(&link(&waiting.pty), "state").unwrap()));
    assert!(said.contains("did not accept the code"), "{said}");
    waiting.pty.paste(&code(&link(&waiting.pty), WORK));
    waiting.pty.keys(key::ENTER);
    waiting.signed_in_as(WORK);
}

#[test]
fn the_whole_redirected_address_answers_the_browsers_own_attempt_too() {
    let (sandbox, home) = accepted();
    let browser = crate::support::Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    let opened = browser.next();
    paste_prompt(&pty, 1);
    pty.paste(&approve(&opened, WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to anthropic as work@company.com");
    let token = sandbox.script("anthropic").requests_to(Endpoint::Token)[0].json().unwrap();
    assert_eq!(token["redirect_uri"], param(&opened, "redirect_uri").unwrap());
    assert_eq!(leave(pty), 0);
}

#[test]
fn f15_a_line_that_a_plain_terminal_cuts_off_is_told_and_not_used() {
    let (sandbox, home) = accepted();
    let home = home.env("TERM", "dumb");
    let pty = home.pty(&["--nobrowser"]).prompt(">");
    pty.wait_prompt();
    pty.type_line("/auth anthropic login");
    pty.wait_for("paste>");
    pty.keys(&"x".repeat(4096));
    pty.keys("\r");
    pty.wait_for("That line is over 4,094 bytes.");
    pty.wait_for_count("paste>", 2);
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 0);
    pty.type_line(&code(&link(&pty), WORK));
    pty.wait_for("Signed in to anthropic as work@company.com");
    pty.wait_until("the prompt", |screen| screen.ends_with("anthropic default (work@company.com)>"));
}

#[test]
fn f15_sixteen_kibibytes_and_one_more() {
    let waiting = Waiting::new();
    for (length, words) in [(16 * 1024 + 1, "E-PASTE-BIG"), (16 * 1024, "E-PASTE-HALF")] {
        waiting.pty.paste(&"x".repeat(length));
        waiting.pty.keys(key::ENTER);
        // The words first: while so much is painted, the prompt stands there empty too.
        waiting.pty.wait_for(words);
        waiting.pty.wait_until("the paste prompt", |screen| screen.lines().last() == Some(PASTE));
    }
    waiting.pty.keys(key::CTRL_C);
    assert_eq!(leave(waiting.pty), 0);
}

#[test]
fn a_page_that_shows_a_bare_code_is_answered_with_one() {
    let (sandbox, home) = accepted();
    manifest(&home, "bare", sandbox.url(), "", true);
    let text =
        home.read("config/providers/bare.toml").replace("pasted_code = \"code#state\"", "pasted_code = \"code\"");
    home.write("config/providers/bare.toml", text);
    let pty = terminal(&home, &["--nobrowser"]);
    at_prompt(&pty);
    pty.type_line("/auth bare login");
    paste_prompt(&pty, 1);
    let code = code(&link(&pty), WORK);
    pty.paste(code.split_once('#').unwrap().0);
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to bare as work@company.com");
}
