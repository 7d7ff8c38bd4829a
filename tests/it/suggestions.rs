//! Whatever the program suggests to type can be typed, and does what it was suggested for.

use std::path::Path;

use llxprt::sandbox::{Endpoint, Options, Sandbox};
use proc_macro2::{TokenStream, TokenTree};
use serde_json::{Value, json};

use crate::keys_steps::PERSONAL;
use crate::support::{Browser, Home, typable};

const KEY: &str = "sk-ant-api03-canary-suggested-0123-9k2L";
const OTHER: &str = "sk-ant-api03-canary-suggested-4567-8j1M";

/// A home whose runs join a sandbox by a flag, and whose suggestions are shown as they are.
struct Desk {
    home: Home,
    sandbox: Sandbox,
}

impl Desk {
    fn new() -> Self {
        let sandbox = Sandbox::start_blocking(Options::for_tests()).unwrap();
        let home = Home::new().flag(format!("--sandbox={}", sandbox.url()));
        let browser = Browser::approving(&home, PERSONAL);
        let home = home.env("BROWSER", browser.command());
        sandbox.script("anthropic").add_key(KEY, PERSONAL);
        sandbox.script("codex").vary(|v| v.any_port = true);
        Self { home, sandbox }
    }

    fn does(&self, words: &[&str]) {
        let done = self.home.run_with_stdin(words, format!("{KEY}\n"));
        assert_eq!(done.status(), 0, "{words:?}\n{done}");
    }

    /// Types a line into a real shell, where `llxprt` is the program.
    fn types(&self, line: &str) -> (i32, String) {
        let bare = self.home.command();
        let program = Path::new(bare.get_program());
        let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut shell = std::process::Command::new("timeout");
        shell.env_clear().args(["20", "sh", "-c", line]).current_dir(self.home.path("work"));
        shell.envs(bare.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("PATH", path);
        let input = self.home.write("home/stdin", format!("{KEY}\n"));
        let done = shell.stdin(std::fs::File::open(input).unwrap()).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned())
    }
}

/// What goes wrong: what was done before, what is typed, the code, and what the suggested lines end with.
struct Situation {
    before: &'static [&'static [&'static str]],
    settings: fn() -> Value,
    typed: &'static [&'static str],
    code: &'static str,
    next: &'static [(&'static str, i32)],
}

const LOGIN: &[&str] = &["auth", "anthropic", "login"];
const DISABLE: &[&str] = &["auth", "anthropic", "disable"];
const ENABLE: &[&str] = &["auth", "anthropic", "enable"];
const SAVE: &[&str] = &["key", "save", "anthropic"];

fn nothing() -> Value {
    json!({})
}

fn situations() -> Vec<Situation> {
    let of = |before, typed, code, next| Situation { before, settings: nothing, typed, code, next };
    let login = &[("auth anthropic login", 0)];
    vec![
        of(
            &[],
            &["-p", "hello"],
            "E-NO-PROVIDER",
            &[
                ("auth anthropic login", 0),
                ("auth codex login", 0),
                ("auth gemini login", 0),
                ("auth openrouter login", 0),
            ],
        ),
        of(&[ENABLE], &["-p", "hello"], "E-NEED-LOGIN", login),
        of(
            &[LOGIN, DISABLE],
            &["-p", "hello"],
            "E-NEED-LOGIN",
            &[("auth anthropic enable", 0), ("key save anthropic", 0)],
        ),
        of(
            &[LOGIN, SAVE, DISABLE, &["key", "delete", "anthropic"]],
            &["-p", "x"],
            "E-NEED-LOGIN",
            &[("auth anthropic enable", 0), ("key save anthropic", 0)],
        ),
        of(&[LOGIN], &["auth", "anthropic", "token", "nobody"], "E-NEED-LOGIN", &[("auth anthropic login nobody", 0)]),
        of(&[LOGIN], &["profile", "save", "model", "x", "nobody"], "E-ACCOUNT", &[("auth anthropic login nobody", 0)]),
        of(&[LOGIN], &["--bucket", "nobody", "-p", "x"], "E-ACCOUNT", &[("auth anthropic login nobody", 0)]),
        of(&[], &["auth", "antropic", "why"], "E-PROVIDER", &[("auth anthropic why", 0)]),
        of(&[], &["auth", "anthropic", "wyh"], "E-USAGE", &[("auth anthropic why", 0)]),
        of(&[], &["auth", "openai", "login"], "E-KEY-ONLY", &[("key save openai", 0)]),
        of(&[], &["auth", "qwen", "login"], "E-RETIRED", &[("key save qwen", 0)]),
        of(&[], &["auth", "anthropic", "login", "--device"], "E-NO-FLOW", login),
        of(&[], &["key", "show", "foo"], "E-KEY", &[("key save foo", 0)]),
        of(&[SAVE], &["key", "show", "anthropi"], "E-KEY", &[("key list", 0)]),
        Situation {
            settings: || json!({ "provider": "anthropic" }),
            ..of(&[SAVE], &["key", "load", "anthropic"], "E-USAGE", &[("--key-name anthropic", 0)])
        },
        of(&[SAVE], &["set", "nonsense"], "E-SETTING", &[("set", 0)]),
        of(&[], &["set", "defaultProfile", "x"], "E-SETTING", &[("help profile", 0)]),
        of(&[SAVE], &["set", "modelparam.model", "x"], "E-SETTING", &[("model", 0)]),
        of(&[], &["set", "auth-key", "canary"], "E-SETTING", &[("help key", 0)]),
        of(&[SAVE, &["key", "save", "openai"]], &["-p", "hello"], "E-WHICH-PROVIDER", &[("provider anthropic", 0)]),
        of(
            &[
                LOGIN,
                &["profile", "save", "model", "a"],
                &["profile", "save", "model", "b"],
                &["profile", "save", "loadbalancer", "both", "failover", "a", "b"],
            ],
            &["profile", "delete", "a"],
            "E-PROFILE",
            &[("profile delete both", 0)],
        ),
        Situation {
            settings: || json!({ "provider": "anthropic", "auth-key-name": "nowhere" }),
            ..of(&[], &["-p", "hello"], "E-KEY", &[("set unset auth-key-name", 0)])
        },
        Situation {
            settings: || json!({ "provider": "anthropic", "auth-key": OTHER }),
            ..of(&[], &["-p", "hello"], "E-REFUSED", &[("auth anthropic why", 0)])
        },
        Situation {
            settings: || json!({ "provider": "anthropic", "base-url": "https://gateway.example" }),
            ..of(&[LOGIN], &["-p", "hello"], "E-OTHER-HOST", &[("key save anthropic", 0), ("set unset base-url", 0)])
        },
        Situation {
            settings: || json!({ "provider": "codex" }),
            ..of(
                &[],
                &["-p", "hello"],
                "E-NEED-LOGIN",
                &[("auth codex login", 0), ("key save openai", 0), ("provider openai", 0)],
            )
        },
    ]
}

#[test]
fn what_an_error_suggests_is_typed_into_a_shell_and_works() {
    std::thread::scope(|scope| {
        for situation in situations() {
            scope.spawn(move || check(&situation));
        }
    });
}

fn check(situation: &Situation) {
    let Situation { before, settings, typed, code, next } = situation;
    let arranged = || {
        let desk = Desk::new();
        let settings = settings();
        before.iter().for_each(|words| desk.does(words));
        if settings.as_object().is_some_and(|members| !members.is_empty()) {
            let mut whole: Value = match desk.home.path("config/settings.json").exists() {
                true => serde_json::from_str(&desk.home.read("config/settings.json")).unwrap(),
                false => json!({}),
            };
            whole.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
            desk.home.write("config/settings.json", whole.to_string());
        }
        // Its two ports are for one login at a time on a machine; tests sign in side by side.
        let any = "[oauth]\nredirect.ports = []\n";
        desk.home.write("config/providers/codex.toml", any);
        desk
    };
    let desk = arranged();
    let mut words = typed.to_vec();
    if *code != "E-USAGE" {
        words.push("--json");
    }
    let done = desk.home.run(&words);
    // A line that was not understood is told in words.
    let said = serde_json::from_str::<Value>(&done.stdout).unwrap_or_default();
    let found = said["code"].as_str().unwrap_or_else(|| done.stderr.split("  E-").last().unwrap().trim_end());
    assert!(code.ends_with(found.lines().next().unwrap()), "{typed:?}: {code}\n{done}");
    let suggested = typable::suggested(&done.stdout, &done.stderr);
    let flag = format!(" --sandbox={}", desk.sandbox.url());
    let plain: Vec<String> = suggested.iter().map(|line| line.replacen(&flag, "", 1)).collect();
    let expected: Vec<String> = next.iter().map(|(line, _)| format!("llxprt {line}")).collect();
    assert_eq!(plain, expected, "{typed:?}\n{done}");
    assert!(suggested.iter().all(|line| line.contains(&flag)), "{suggested:?} leave the sandbox");
    for (line, (_, status)) in suggested.iter().zip(*next) {
        let fresh = arranged();
        let line = line.replace(desk.sandbox.url(), fresh.sandbox.url());
        let (ended, shown) = fresh.types(&line);
        assert_eq!(ended, *status, "{typed:?} suggests {line}\n{shown}");
    }
}

/// Two keys in the way, or a profile: what it holds, whether it is loaded by flag, the settings beside it, the variable,
/// what is asked, what is suggested, and whether a sign-in is used once that was typed.
type InTheWay = (Value, bool, Value, bool, &'static [&'static str], &'static [&'static str], bool);

#[test]
fn what_is_suggested_against_a_profile_or_two_keys_is_typed_into_a_shell_and_holds() {
    const WHY: &[&str] = &["auth", "anthropic", "why"];
    const SIGN_IN: &[&str] = &["set", "authOnly", "true"];
    const KEYS: &[&str] = &["set", "authOnly", "false"];
    let file = || json!({ "auth-keyfile": "~/key" });
    let key = |only: bool| json!({ "auth-keyfile": "~/key", "authOnly": only });
    const NONE: &str = "profile set-default none";
    const RUN: &str = "--set authOnly=true";
    let rows: [InTheWay; 11] = [
        (key(false), false, json!({}), false, WHY, &[RUN, NONE], true),
        (json!({ "authOnly": false }), false, file(), false, WHY, &[RUN, "set unset auth-keyfile"], true),
        (key(false), true, json!({}), false, WHY, &["--profile-load p --set authOnly=true"], true),
        (key(true), false, json!({}), false, WHY, &["--set authOnly=false"], false),
        (key(true), true, json!({}), false, WHY, &["--profile-load p --set authOnly=false"], false),
        (json!({ "authOnly": false }), false, json!({}), true, SIGN_IN, &[RUN, NONE], true),
        (json!({ "authOnly": true }), false, file(), false, KEYS, &["--set authOnly=false", NONE], false),
        (json!({}), false, file(), true, WHY, &["set authOnly true"], true),
        (json!({}), false, json!({ "auth-keyfile": "~/gone" }), true, &["auth"], &["set authOnly true"], true),
        (
            file(),
            false,
            json!({ "providerKeyfiles": { "anthropic": "~/key" } }),
            false,
            WHY,
            &["set authOnly true"],
            true,
        ),
        (json!({}), false, file(), false, WHY, &["set authOnly true", "set unset auth-keyfile"], true),
    ];
    std::thread::scope(|scope| {
        for row in &rows {
            scope.spawn(move || in_the_way(row));
        }
    });
}

fn in_the_way((profile, by_flag, settings, variable, typed, next, sign_in): &InTheWay) {
    let arranged = || {
        let mut desk = Desk::new();
        desk.does(LOGIN);
        desk.home.write("home/key", KEY);
        let mut whole = settings.clone();
        whole["provider"] = json!("anthropic");
        whole["oauthEnabledProviders"] = json!({ "anthropic": true });
        if !by_flag {
            whole["defaultProfile"] = json!("p");
        }
        desk.home.write("config/settings.json", whole.to_string());
        let profile = json!({ "version": 1, "provider": "anthropic", "ephemeralSettings": profile });
        desk.home.write("config/profiles/p.json", profile.to_string());
        if *variable {
            desk.home = desk.home.env("ANTHROPIC_API_KEY", KEY);
        }
        desk
    };
    let load = if *by_flag { &["--profile-load", "p"][..] } else { &[] };
    let asks = |desk: &Desk| desk.home.run(&[load, typed].concat()).ok();
    let desk = arranged();
    let done = asks(&desk);
    let flag = format!(" --sandbox={}", desk.sandbox.url());
    let shown = format!("{}{}", done.stdout, done.stderr).replace(&flag, "");
    let instead = shown.lines().find(|line| line.starts_with("To use ")).unwrap_or_else(|| panic!("{done}"));
    let said = instead.split("  ").filter_map(|part| part.trim_start_matches(' ').split_once("llxprt "));
    let said: Vec<&str> = said.map(|(_, line)| line).filter(|line| !line.ends_with(" why")).collect();
    assert_eq!(said, *next, "{done}");
    for line in said {
        let fresh = arranged();
        let _ = asks(&fresh);
        let (ended, shown) = fresh.types(&format!("llxprt --sandbox={} {line}", fresh.sandbox.url()));
        assert_eq!(ended, 0, "{line}\n{shown}");
        // A line with flags alone began a session, and its prompt is sent; else the next run does it.
        if !line.contains("--set") {
            let _ = fresh.home.run(&[load, &["-p", "hello"]].concat()).ok();
        }
        let sent = fresh.sandbox.script("anthropic").requests_to(Endpoint::Chat);
        let tokens: Vec<bool> = sent.iter().map(|call| call.bearer().is_some()).collect();
        assert_eq!(tokens, [*sign_in], "{typed:?} suggests {line}\n{shown}");
    }
}

/// Words of commands that stand in sentences as what was done, not as what to do.
const NAMES: [&str; 3] = ["(/key load)", "type /quit to leave", "  /auth              see the providers and sign in"];

#[test]
fn every_command_in_the_texts_of_the_program_stands_between_backticks_and_is_one() {
    let mut checked = 0;
    for text in texts() {
        if NAMES.iter().any(|name| text.contains(name)) || text.starts_with("  /help ") || text.starts_with('/') {
            continue;
        }
        let bare: String = text.split('`').step_by(2).collect();
        let loose = bare.split([' ', '\n', '(']).find(|word| {
            let name = word.trim_end_matches([')', '.', ',', ':']).strip_prefix('/').unwrap_or_default();
            !name.is_empty() && llxprt_commands::help(&[name], &llxprt_commands::Names::default()).is_ok()
        });
        assert_eq!(loose, None, "put the command between backticks (Ui::here) or build it from a Command: {text:?}");
        for command in text.split('`').skip(1).step_by(2).filter(|part| part.starts_with('/')) {
            let line = filled(command);
            if let Err(why) = typable::read(&line) {
                panic!("{text:?} suggests {line:?}: {why}");
            }
            let line = format!("llxprt {}", line.trim_start_matches('/'));
            assert!(typable::read(&line).is_ok() || command.contains("load"), "{line}");
            checked += 1;
        }
    }
    assert!(checked >= 8, "only {checked} were found");
}

/// Puts something into the places that are left open.
fn filled(form: &str) -> String {
    let words = form.split(' ').filter(|word| !word.starts_with('[')).map(|word| match word {
        "<profile…>" => "a b".to_owned(),
        "{command}" => "key none".to_owned(),
        word if word.starts_with('<') => "x".to_owned(),
        word => word.replace("{}", "anthropic").replace("{provider}", "anthropic").replace("{name}", "anthropic"),
    });
    words.collect::<Vec<_>>().join(" ").replace("`/key none`", "/key none")
}

/// Every text in the source of the program, tests and sandbox aside, and what the manifests help with.
fn texts() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && name != "sandbox" && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".toml") {
                let text: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
                found.extend(text.get("oauth").and_then(|o| o.get("client_help")?.as_str().map(str::to_owned)));
            } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                literals(text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display())), &mut found);
            }
        }
    }
    found
}

fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let mut doc = false;
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) if !doc => {
                let text = literal.to_string();
                if let Some(text) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                    found.push(text.replace("\\n", "\n").replace("\\\"", "\""));
                }
            }
            TokenTree::Ident(name) => {
                doc = name == "doc";
                continue;
            }
            TokenTree::Punct(mark) if mark.as_char() == '=' => continue,
            TokenTree::Literal(_) | TokenTree::Punct(_) => {}
        }
        doc = false;
    }
}
