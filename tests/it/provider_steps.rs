//! Steps that the tests of single providers share: a stand of one provider, and a person who goes the whole way from
//! `enable` to `logout`.

use std::process::Command;

use llxprt::sandbox::{Endpoint, Options, Sandbox, Script};
use serde_json::Value;

use crate::session_steps::{QUESTION, terminal};
use crate::support::pty::key;
use crate::support::{Browser, Home, Pty};

pub const PERSONAL: &str = "personal@gmail.com";

/// One provider of a sandbox, with a home that joins it and a browser in which a person allows everything.
pub struct Stand {
    pub home: Home,
    pub script: Script,
    pub browser: Browser,
    pub sandbox: Sandbox,
    pub provider: &'static str,
}

impl Stand {
    pub fn new(provider: &'static str) -> Self {
        Self::with(provider, Options::for_tests())
    }

    /// Access tokens that are about to run out as soon as they are given.
    pub fn short(provider: &'static str) -> Self {
        Self::with(provider, Options { ttl: Some(4), ..Options::for_tests() })
    }

    pub fn with(provider: &'static str, options: Options) -> Self {
        let sandbox = Sandbox::start_blocking(options).unwrap();
        let home = Home::new().at(sandbox.url());
        let browser = Browser::approving(&home, PERSONAL);
        let home = home.env("BROWSER", browser.command());
        let script = sandbox.script(provider);
        script.vary(|v| (v.any_port, v.device_interval) = (true, Some(1)));
        if provider == "codex" {
            // Its two ports are for one login at a time on a machine; tests sign in side by side.
            let any = "[oauth]\nredirect.ports = []\n";
            home.write("config/providers/codex.toml", any);
        }
        Self { home, script, browser, sandbox, provider }
    }

    /// Says yes to what the provider's owner has against such logins, as a person did before.
    pub fn accepted(self, since: &str) -> Self {
        let _ = self.home.run(&["set", &format!("auth.{}.accepted", self.provider), since]).ok();
        self
    }

    /// What the start-up line of the sandbox tells of the provider.
    pub fn ready(&self, name: &str) -> String {
        self.sandbox.describe()["providers"][self.provider][name].as_str().unwrap_or_default().to_owned()
    }

    /// Types `/auth PROVIDER …` in the shell.
    pub fn auth(&self, words: &[&str]) -> crate::support::Done {
        self.home.run(&[&["auth", self.provider], words].concat())
    }

    /// Sends one prompt.
    pub fn say(&self, prompt: &str) -> crate::support::Done {
        self.home.run(&["--provider", self.provider, "-p", prompt])
    }

    /// The bodies of the prompts so far.
    pub fn prompts(&self) -> Vec<Value> {
        self.script.requests_to(Endpoint::Chat).iter().map(|call| call.json().unwrap()).collect()
    }

    /// Every secret that went over the wire, either way.
    pub fn secrets(&self) -> Vec<String> {
        let mut secrets = Vec::new();
        for call in self.script.requests() {
            secrets.extend(call.bearer().map(str::to_owned));
            let form: Vec<(String, String)> = url::form_urlencoded::parse(call.body.as_bytes()).into_owned().collect();
            let json = call.json().unwrap_or_default();
            for name in ["code", "code_verifier", "refresh_token", "device_code", "token"] {
                secrets.extend(json[name].as_str().map(str::to_owned));
                secrets.extend(form.iter().filter(|(n, _)| n == name).map(|(_, v)| v.clone()));
            }
        }
        secrets.sort();
        secrets.dedup();
        secrets
    }

    /// Asserts that no secret lies open and that the provider has nothing to complain of.
    #[track_caller]
    pub fn assert_clean(&self) {
        let secrets = self.secrets();
        assert!(!secrets.is_empty(), "the provider saw no secret at all");
        // The pretend browser's own notes are its history: codes in a callback's address are the browser's.
        let kept: Vec<&str> = secrets.iter().map(String::as_str).filter(|s| !self.in_the_browser(s)).collect();
        self.home.assert_clean(&kept);
        self.home.assert_private();
        assert_eq!(self.script.violations(), [] as [&str; 0]);
    }

    fn in_the_browser(&self, secret: &str) -> bool {
        self.script.requests_to(Endpoint::Authorize).iter().any(|call| call.query.contains(secret))
            || self.script.requests_to(Endpoint::Token).iter().any(|call| {
                let json = call.json().unwrap_or_default();
                let form = url::form_urlencoded::parse(call.body.as_bytes()).any(|(n, v)| n == "code" && v == secret);
                json["code"] == secret || form
            })
    }

    /// A person enters the code of a device on the provider's page, on another machine.
    #[track_caller]
    pub fn enter(&self, page: &str, code: &str, decision: &str) {
        let mut curl = Command::new("curl");
        curl.args([
            "--noproxy",
            "*",
            "--silent",
            "--show-error",
            "--fail",
            "--max-time",
            "20",
            "--output",
            "/dev/null",
        ]);
        for (name, value) in [("account", PERSONAL), ("decision", decision), ("user_code", code)] {
            curl.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        assert!(curl.arg(page).status().unwrap().success(), "{page} did not take {code}");
    }

    /// Waits for the session's own prompt of this provider.
    #[track_caller]
    pub fn at_prompt(&self, pty: &Pty) {
        let begins = format!("{} ", self.provider);
        pty.wait_until("the session's prompt", |screen| {
            let last = screen.lines().last().unwrap_or_default();
            last.ends_with('›') && (last.starts_with(&begins) || last.starts_with("no account"))
        });
    }

    /// Goes the whole way in one session: enable, first prompt, sign-in, answer, second turn, logout. Returns all
    /// that was shown, as one line.
    #[track_caller]
    pub fn whole_way(&self, asks: bool) -> String {
        let mut pty = terminal(&self.home, &[]);
        self.at_prompt(&pty);
        pty.type_line(&format!("/auth {} enable", self.provider));
        pty.wait_for("(sign in on first use)");
        self.at_prompt(&pty);
        assert_eq!(self.script.requests(), [], "enable asks nobody");
        pty.type_line("My name is Ann.");
        if asks {
            pty.wait_for(QUESTION);
            pty.keys("y\r");
        }
        pty.wait_for("Sending your prompt.");
        pty.wait_for_count("My name is Ann.", 2);
        self.at_prompt(&pty);
        pty.type_line("And what is it?");
        pty.wait_for_count("And what is it?", 2);
        self.at_prompt(&pty);
        let last = self.prompts().pop().unwrap().to_string();
        assert!(last.contains("My name is Ann.") && last.contains("And what is it?"), "{last}");
        pty.type_line(&format!("/auth {} logout", self.provider));
        pty.wait_for("removed here");
        self.at_prompt(&pty);
        pty.keys(key::CTRL_D);
        assert_eq!(pty.exit_status(), 0);
        pty.assert_restored();
        let shown = flat(&pty.transcript());
        drop(pty);
        self.assert_clean();
        shown
    }
}

/// Reads the word after a label on the screen.
#[track_caller]
pub fn after(screen: &str, label: &str) -> String {
    let rest = screen.split(label).last().unwrap_or_default();
    rest.split_whitespace().next().unwrap_or_else(|| panic!("no {label:?} on\n{screen}")).to_owned()
}

/// Undoes the wrapping of lines.
pub fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits until words stand on the screen, wherever its lines break.
#[track_caller]
pub fn wait_words(pty: &Pty, words: &str) {
    pty.wait_until(words, |screen| flat(screen).contains(words));
}

/// Returns the link of a sign-in as a person would copy it.
#[track_caller]
pub fn link(pty: &Pty, path: &str) -> String {
    let shown = pty.transcript();
    let found = shown.lines().find(|line| line.starts_with("http") && line.contains(path));
    found.unwrap_or_else(|| panic!("no link on\n{shown}")).to_owned()
}
