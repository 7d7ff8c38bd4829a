//! A stand with a login whose stored form the tests can look at and change: the steps of everything that goes wrong.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use llxprt::config::Dirs;
use llxprt::sandbox::{Endpoint, Options, Sandbox, Script};
use llxprt::vault::{Entry, Home as Store, Vault, Wish};
use llxprt_commands::Account;
use serde_json::{Value, json};

use crate::support::{Browser, Done, Home};

pub const WORK: &str = "work@company.com";
pub const PERSONAL: &str = "personal@gmail.com";

/// A sandbox in this process, and a home that joins it.
pub struct Stage {
    pub sandbox: Sandbox,
    pub home: Home,
}

impl Stage {
    /// One without a login.
    pub fn empty() -> Self {
        Self::with(Options::for_tests())
    }

    /// One without a login, with other options.
    pub fn with(options: Options) -> Self {
        let sandbox = Sandbox::start_blocking(options).expect("a free port");
        let home = Home::new().at(sandbox.url());
        let _ = home.run(&["set", "auth.anthropic.accepted", "2026-02-19"]).ok();
        Self { sandbox, home }
    }

    /// One where `work@company.com` is signed in.
    pub fn signed_in() -> Self {
        let stage = Self::empty();
        let _ = stage.login(WORK, &[]).ok();
        stage
    }

    /// Signs in with a pretend browser in which the person picks the account of that name.
    pub fn login(&self, bucket: &str, more: &[&str]) -> Done {
        let browser = Browser::approving(&self.home, bucket);
        let words = [&["auth", "anthropic", "login", bucket], more].concat();
        let done = self.home.typed(&words).env("BROWSER", browser.command()).done();
        if done.status() == 0 {
            browser.page();
        }
        done
    }

    pub fn script(&self) -> Script {
        self.sandbox.script("anthropic")
    }

    pub fn refreshes(&self) -> usize {
        self.script().count(Endpoint::Refresh)
    }

    /// Asks for a token in the shell.
    pub fn token(&self, bucket: &str) -> Done {
        self.home.typed(&["auth", "anthropic", "token", bucket]).reveals().done()
    }

    /// Starts asking for a token.
    pub fn token_child(&self, bucket: &str) -> Child {
        self.child(&["auth", "anthropic", "token", bucket])
    }

    pub fn child(&self, words: &[&str]) -> Child {
        let mut command: Command = self.home.command();
        command.args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the program starts")
    }

    pub fn vault(&self) -> Vault {
        Vault::new(&Dirs::below(&self.home.path("")), Wish::File, true, false)
    }

    /// Returns what is stored for a login; `null` where there is none.
    pub fn stored(&self, bucket: &str) -> Value {
        let text = block_on(self.vault().read(&account(bucket), &|_| {})).expect("the vault opens");
        text.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"))
    }

    /// Stores this in place of a login, with the details that the index would have.
    pub fn store(&self, bucket: &str, stored: &Value) {
        let (vault, account) = (self.vault(), account(bucket));
        block_on(async {
            let lock = vault.lock(&account).await.expect("the lock");
            let _ = vault.write(&lock, &account, &stored.to_string()).await.expect("it is written");
        });
        let change = |index: &mut llxprt::vault::Index| {
            let entry = index.accounts.entry(account.to_string()).or_insert_with(|| Entry::new(Store::File));
            entry.expires_at = stored["expiry"].as_i64();
            entry.refreshable = stored["refresh_token"].is_string();
        };
        vault.update_index(change).expect("the index");
    }

    /// Makes a login out of nothing, whose access token lives for an hour and is known to nobody.
    pub fn plant(&self, bucket: &str, access: &str) {
        let stored = json!({ "access_token": access, "refresh_token": format!("refresh-of-{access}"),
            "expiry": now() + 3600, "token_type": "Bearer" });
        self.store(bucket, &stored);
    }

    /// Lets the stored access token have so many seconds left; the provider thinks likewise where it is over.
    pub fn leave_seconds(&self, bucket: &str, seconds: i64) {
        let mut stored = self.stored(bucket);
        stored["expiry"] = json!(now() + seconds);
        self.store(bucket, &stored);
        if seconds <= 0 {
            self.script().expire_access_tokens();
        }
    }

    /// Returns the JSON element of a bucket in `llxprt auth --json`.
    pub fn bucket(&self, bucket: &str) -> Value {
        let status = self.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
        let all = status["buckets"].as_array().cloned().unwrap_or_default();
        all.into_iter().find(|b| b["bucket"] == bucket).unwrap_or_default()
    }

    /// Returns where the sealed file of a bucket lies.
    pub fn sealed(&self, bucket: &str) -> PathBuf {
        self.home.path(&format!("data/secure-store/tokens/anthropic/{bucket}.sealed"))
    }

    /// Returns every secret that went between program and sandbox, and those that are stored.
    pub fn secrets(&self) -> Vec<String> {
        let mut all = Vec::new();
        for call in self.script().requests() {
            all.extend(call.bearer().map(str::to_owned));
            all.extend(call.header("x-api-key").map(str::to_owned));
            let fields: Value = serde_json::from_str(&call.body).unwrap_or_default();
            let members = ["refresh_token", "code", "code_verifier"];
            all.extend(members.iter().filter_map(|name| fields[name].as_str().map(str::to_owned)));
        }
        for account in self.vault().index().expect("the index").accounts.keys() {
            let Some(bucket) = account.strip_prefix("anthropic:") else { continue };
            let stored = self.stored(bucket);
            let members = ["access_token", "refresh_token"];
            all.extend(members.iter().filter_map(|name| stored[name].as_str().map(str::to_owned)));
        }
        all.sort();
        all.dedup();
        all
    }
}

pub fn account(bucket: &str) -> Account {
    format!("anthropic:{bucket}").parse().expect("a bucket's name")
}

pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}
