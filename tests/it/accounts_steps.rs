//! Steps that the tests of several accounts share: a stand with two of them, a profile over both, time that passes.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use llxprt::sandbox::{Endpoint, Options, Sandbox, Script};
use serde_json::Value;

use crate::support::{Browser, Home, Pty};

pub const WORK: &str = "work@company.com";
pub const PERSONAL: &str = "personal@gmail.com";

/// A home, the sandbox that it joins, and Anthropic's side of that.
pub struct Stand {
    pub home: Home,
    pub script: Script,
    pub sandbox: Sandbox,
}

/// Nobody is signed in; the question about Anthropic's terms was answered before.
pub fn stand() -> Stand {
    let sandbox = Sandbox::start_blocking(Options::for_tests()).expect("a free port");
    let home = Home::new().at(sandbox.url());
    let _ = home.run(&["set", "auth.anthropic.accepted", "2026-02-19"]).ok();
    let script = sandbox.script("anthropic");
    Stand { home, script, sandbox }
}

/// Two accounts are signed in, both with plenty of requests.
pub fn two() -> Stand {
    let stand = stand();
    stand.sign_in(WORK);
    stand.sign_in(PERSONAL);
    stand.script.set_quota(WORK, 1000);
    stand
}

/// Two accounts and the profile `claude-ha` over both, loaded at every start.
pub fn pair() -> Stand {
    let stand = two();
    let _ = stand.home.run(&["profile", "save", "model", "claude-ha", WORK, PERSONAL]).ok();
    let _ = stand.home.run(&["profile", "set-default", "claude-ha"]).ok();
    stand
}

impl Stand {
    /// Signs in from the shell with a pretend browser, as a bucket named after the account.
    pub fn sign_in(&self, account: &str) {
        self.sign_in_as(account, account);
    }

    /// As [`Self::sign_in`], as another bucket.
    pub fn sign_in_as(&self, bucket: &str, account: &str) {
        let browser = Browser::approving(&self.home, account);
        let run = self.home.typed(&["auth", "anthropic", "login", bucket, "--force"]);
        let _ = run.env("BROWSER", browser.command()).done().ok();
        browser.page();
    }

    /// Returns whose token each prompt so far was sent with, oldest first, each by the name before the `@`.
    pub fn asked(&self) -> String {
        let calls = self.script.requests_to(Endpoint::Chat);
        let who =
            |account: &Option<String>| account.as_deref().unwrap_or("nobody").split('@').next().unwrap().to_owned();
        calls.iter().map(|call| who(&call.account)).collect::<Vec<_>>().join(" ")
    }

    /// Returns how often tokens were renewed.
    pub fn renewed(&self) -> usize {
        self.script.count(Endpoint::Refresh)
    }

    /// Reads the index.
    pub fn index(&self) -> Value {
        serde_json::from_str(&self.home.read("data/index.json")).expect("JSON")
    }

    /// Returns what the index knows of an account at Anthropic.
    pub fn entry(&self, bucket: &str) -> Value {
        self.index()["accounts"][format!("anthropic:{bucket}")].clone()
    }

    /// Changes the index as another process would.
    pub fn change_index(&self, change: impl FnOnce(&mut Value)) {
        let mut index = self.index();
        change(&mut index);
        self.home.write("data/index.json", index.to_string());
    }

    /// Makes every limit a thing of the past, for the provider and for what is remembered.
    pub fn limits_pass(&self) {
        for account in [WORK, PERSONAL] {
            self.script.set_quota(account, 1000);
        }
        self.change_index(|index| {
            for entry in index["accounts"].as_object_mut().expect("accounts").values_mut() {
                for limit in entry.get_mut("limits").and_then(Value::as_array_mut).into_iter().flatten() {
                    limit["until"] = (now() - 1).into();
                }
            }
        });
    }

    /// Begins a session in a terminal and waits for its prompt.
    pub fn session(&self, arguments: &[&str]) -> Pty {
        let pty = self.home.pty_of(50, 100, arguments);
        pty.wait_prompt();
        pty
    }

    /// Returns the state of each account as `auth --json` has it.
    pub fn states(&self) -> BTreeMap<String, String> {
        let status = self.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
        let buckets = status["buckets"].as_array().expect("buckets");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        buckets.iter().map(|bucket| (text(&bucket["bucket"]), text(&bucket["state"]))).collect()
    }
}

/// Returns the time in Unix seconds.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

/// Leaves the session and asserts that all went well.
#[track_caller]
pub fn leave(mut pty: Pty) {
    pty.type_line("/quit");
    assert_eq!(pty.exit_status(), 0, "{}", pty.screen());
    pty.assert_restored();
}

/// Replaces what depends on the time of day in snapshots, while the guard lives.
#[must_use]
pub fn timeless() -> impl Drop {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"((Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day |yesterday )?\b\d\d:\d\d\b", "[time]");
    settings.add_filter(r"\bin \d+ [dhms]( \d+ [hms])?", "in [span]");
    settings.add_filter(r"\b\d+ d \([^)]*\)", "[days]");
    settings.add_filter(r"\b\d+ (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)( \d+)?\b", "[day]");
    // The column of times is as wide as its widest.
    settings.add_filter(r"(Signed in until|\[days\]|renews by itself| -)  +", "$1  ");
    settings.bind_to_scope()
}
