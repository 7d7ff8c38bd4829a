//! The order of precedence in all its combinations, for every provider that takes keys and sign-ins: what `why` says is
//! what the provider sees (design 4.7).

use llxprt::providers::Registry;
use llxprt::sandbox::Endpoint;
use serde_json::{Value, json};

use crate::provider_steps::{PERSONAL, Stand};
use crate::support::Done;

/// Keys of no provider's form, so that none is warned about; one for each of the first four tiers.
const KEYS: [&str; 4] = [
    "canary-flag-0123456789-1111",
    "canary-file-0123456789-2222",
    "canary-vault-0123456789-3333",
    "canary-env-0123456789-4444",
];

/// A provider, the variable of its key, and the restriction to say yes to.
type Tried = (&'static str, Option<&'static str>, Option<&'static str>);

const TRIED: [Tried; 5] = [
    ("anthropic", Some("ANTHROPIC_API_KEY"), Some("2026-02-19")),
    ("codex", None, Some("2026-09-29")),
    ("gemini", Some("GOOGLE_API_KEY"), None),
    ("openrouter", Some("OPENROUTER_API_KEY"), None),
    ("qwen", Some("DASHSCOPE_API_KEY"), Some("2026-04-15")),
];

/// Which tiers are there, from the first to the fifth; `authOnly`; whether profile or settings say so.
#[derive(Debug, Clone, Copy)]
struct Case {
    there: [bool; 5],
    auth_only: bool,
    by_profile: bool,
}

impl Case {
    fn all() -> impl Iterator<Item = Self> {
        let case = |bits: u8| {
            let there = [0, 1, 2, 3, 4].map(|n| bits & (1 << n) != 0);
            Self { there, auth_only: bits & 32 != 0, by_profile: bits.count_ones() % 2 == 1 }
        };
        (0..64).map(case)
    }

    /// The tier that has to win, by the table of the documentation and nothing of the program.
    fn winner(self) -> Option<usize> {
        let first = if self.auth_only { 4 } else { 0 };
        (first..5).find(|tier| self.there[*tier]).map(|tier| tier + 1)
    }

    fn prepare(self, stand: &Stand) {
        let mut settings =
            json!({ "provider": stand.provider, "oauthEnabledProviders": { stand.provider: self.there[4] } });
        let mut profile = json!({});
        match (self.there[1], self.by_profile) {
            (true, true) => profile["auth-keyfile"] = json!("~/key"),
            (true, false) => settings["providerKeyfiles"] = json!({ stand.provider: "~/key" }),
            (false, _) => {}
        }
        if self.auth_only {
            *(if self.by_profile { &mut profile["authOnly"] } else { &mut settings["authOnly"] }) = json!(true);
        }
        let registry = Registry::load(std::path::Path::new("/nowhere"), None);
        let model = registry.get(&stand.provider.parse().unwrap()).unwrap().default_model.clone();
        let profile = json!({
            "version": 1, "provider": stand.provider, "model": model, "modelParams": {}, "ephemeralSettings": profile,
        });
        stand.home.write("config/settings.json", settings.to_string());
        stand.home.write("config/profiles/p.json", profile.to_string());
    }

    fn flags(self) -> Vec<&'static str> {
        let profile = if self.by_profile { &["--profile-load", "p"][..] } else { &[] };
        let key = if self.there[0] { &["--key", KEYS[0]][..] } else { &[] };
        [profile, key].concat()
    }
}

/// A stand where one is signed in and every key works.
fn stand((provider, _, accepted): Tried) -> Stand {
    let stand = match accepted {
        Some(since) => Stand::new(provider).accepted(since),
        None => Stand::new(provider),
    };
    let _ = stand.auth(&["login"]).ok();
    for key in KEYS {
        stand.script.add_key(key, PERSONAL);
    }
    stand.home.write("home/key", format!("{}\n", KEYS[1]));
    stand
}

/// The tiers of the credentials that the prompts so far were sent with.
fn sent(stand: &Stand) -> Vec<usize> {
    let tier = |call: &llxprt::sandbox::Received| {
        let headers = [call.header("x-api-key"), call.header("x-goog-api-key"), call.bearer()];
        let [credential] = headers.into_iter().flatten().collect::<Vec<_>>()[..] else {
            panic!("not one: {headers:?}")
        };
        KEYS.iter().position(|key| *key == credential).map_or(5, |at| at + 1)
    };
    stand.script.requests_to(Endpoint::Chat).iter().map(tier).collect()
}

fn why(done: &Done) -> Value {
    let line = done.stdout.lines().next().unwrap_or_else(|| panic!("{done}"));
    serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}\n{done}"))
}

fn in_all_combinations_the_provider_sees_what_why_says(tried: Tried) {
    let (provider, variable, _) = tried;
    let stand = stand(tried);
    let asked = format!("/auth {provider} why --json\nhello\n");
    for saved in [false, true] {
        if saved {
            let _ = stand.home.run_with_stdin(&["key", "save", provider], format!("{}\n", KEYS[2])).ok();
        }
        for case in Case::all().filter(|case| case.there[2] == saved && (variable.is_some() || !case.there[3])) {
            case.prepare(&stand);
            let before = stand.script.count(Endpoint::Chat);
            // An empty variable is one that is not set.
            let value = if case.there[3] { KEYS[3] } else { "" };
            let run = stand.home.typed(&case.flags()).env(variable.unwrap_or("NOTHING"), value);
            let done = run.stdin(asked.clone()).done();
            let said = why(&done);
            assert_eq!(said["winner"], json!(case.winner()), "{provider} {case:?}\n{done}");
            for tier in 0..5 {
                assert_eq!(said["tiers"][tier]["present"], case.there[tier], "{provider} {case:?}, tier {}", tier + 1);
            }
            assert_eq!(sent(&stand)[before..], *Vec::from_iter(case.winner()), "{provider} {case:?}\n{done}");
            match case.winner() {
                None => assert_eq!(done.status(), 4, "{case:?}\n{done}"),
                // Its keys are another provider's; the person is told, and what was given is tried.
                Some(1..=4) if provider == "codex" => {
                    assert!(done.stderr.contains("Keys are for openai") && done.status() == 1, "{case:?}\n{done}");
                }
                Some(_) => {
                    assert_eq!((done.status(), done.stdout.lines().last()), (0, Some("hello")), "{case:?}\n{done}");
                }
            }
        }
    }
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
    stand.home.write("home/key", "");
    stand.home.assert_clean(&KEYS);
}

#[test]
fn for_anthropic() {
    in_all_combinations_the_provider_sees_what_why_says(TRIED[0]);
}

#[test]
fn for_codex() {
    in_all_combinations_the_provider_sees_what_why_says(TRIED[1]);
}

#[test]
fn for_gemini() {
    in_all_combinations_the_provider_sees_what_why_says(TRIED[2]);
}

#[test]
fn for_openrouter() {
    in_all_combinations_the_provider_sees_what_why_says(TRIED[3]);
}

#[test]
fn for_qwen() {
    in_all_combinations_the_provider_sees_what_why_says(TRIED[4]);
}

#[test]
fn no_provider_with_a_sign_in_is_left_out() {
    let registry = Registry::load(std::path::Path::new("/nowhere"), None);
    let with: Vec<_> = registry.all().filter(|m| m.oauth.is_some()).collect();
    let names: Vec<&str> = with.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, TRIED.map(|(name, ..)| name));
    for (manifest, (_, variable, since)) in with.iter().zip(TRIED) {
        assert_eq!(manifest.api_key_env.last().map(String::as_str), variable);
        assert_eq!(manifest.oauth.as_ref().unwrap().since.as_deref(), since);
    }
}

#[test]
fn in_a_terminal_it_is_the_same() {
    std::thread::scope(|scope| {
        for tried in TRIED {
            scope.spawn(move || in_a_terminal(tried));
        }
    });
}

/// One case for each tier that may win, with and without `authOnly`.
fn in_a_terminal(tried: Tried) {
    let (provider, variable, _) = tried;
    let mut stand = stand(tried);
    for first in (0..5).rev().filter(|tier| variable.is_some() || *tier != 3) {
        if first == 2 {
            let _ = stand.home.run_with_stdin(&["key", "save", provider], format!("{}\n", KEYS[2])).ok();
        }
        let there = [0, 1, 2, 3, 4].map(|tier| tier >= first && (tier != 3 || variable.is_some()));
        let value = if there[3] { KEYS[3] } else { "" };
        stand.home = stand.home.env(variable.unwrap_or("NOTHING"), value);
        for (auth_only, by_profile) in [(false, false), (true, true)] {
            let case = Case { there, auth_only, by_profile };
            case.prepare(&stand);
            let before = stand.script.count(Endpoint::Chat);
            let mut pty = stand.home.pty_of(24, 140, &case.flags());
            stand.at_prompt(&pty);
            let said = pty.ask(&format!("/auth {provider} why"));
            let row = said.lines().find(|line| line.contains("<- used")).unwrap_or_else(|| panic!("{said}"));
            let used = row.trim().chars().next().unwrap().to_string();
            assert_eq!(used, case.winner().unwrap().to_string(), "{case:?}\n{said}");
            if provider == "codex" && case.winner() != Some(5) {
                // Its keys are another provider's: one is refused, and the prompt is kept.
                pty.type_line("hello");
                pty.wait_until("the refusal", |s| s.contains("E-REFUSED") && s.trim_end().ends_with("› hello"));
                pty.clear_line();
            } else {
                pty.ask("hello");
            }
            assert_eq!(sent(&stand)[before..], [case.winner().unwrap()], "{provider} {case:?}");
            pty.type_line("/quit");
            assert_eq!(pty.exit_status(), 0);
        }
    }
}
