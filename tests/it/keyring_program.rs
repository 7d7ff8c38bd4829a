//! The whole program with a real gnome-keyring on a bus of its own (design 4.8, security 3.1, F3).

use std::time::{Duration, Instant};

use llxprt::sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::faults_stage::{PERSONAL, WORK, now};
use crate::support::secret_service::SecretService;
use crate::support::{Browser, Done, Home};

const LOGIN: [(&str, &str); 2] = [("service", "llxprt-code-oauth"), ("username", "anthropic:work@company.com")];
/// What LLxprt Code writes and looks for.
const THEIRS: [(&str, &str); 3] =
    [("service", "llxprt-code-oauth"), ("username", "anthropic:default"), ("target", "default")];

/// A home at the platform's own places, where the keyring is used.
struct Desk {
    sandbox: Sandbox,
    home: Home,
}

impl Desk {
    fn new(service: &SecretService) -> Self {
        let sandbox = Sandbox::start_blocking(Options::for_tests()).unwrap();
        let mut home = Home::new().at(sandbox.url()).without("LLXPRT_NO_KEYRING");
        for name in ["CONFIG", "DATA", "CACHE", "LOG"] {
            home = home.without(&format!("LLXPRT_{name}_HOME"));
        }
        // The keyring's own home is in another folder; the program finds it by the bus alone.
        let bus = service.environment().into_iter().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS").unwrap();
        let home = home.env(bus.0, bus.1);
        let _ = home.run(&["set", "auth.anthropic.accepted", "2026-02-19"]).ok();
        Self { sandbox, home }
    }

    fn login(&self, bucket: &str) -> Done {
        let browser = Browser::approving(&self.home, bucket);
        let done = self.home.typed(&["auth", "anthropic", "login", bucket]).env("BROWSER", browser.command()).done();
        if done.status() == 0 {
            browser.page();
        }
        done
    }

    fn token(&self, bucket: &str) -> Done {
        self.home.typed(&["auth", "anthropic", "token", bucket]).reveals().done()
    }

    fn bucket(&self, bucket: &str) -> Value {
        let status = self.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
        status["buckets"].as_array().unwrap().iter().find(|b| b["bucket"] == bucket).cloned().unwrap_or_default()
    }

    fn sealed(&self) -> bool {
        self.home.path("home/.local/share/llxprt-code/secure-store").exists()
    }
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_login_goes_to_the_keyring_other_programs_read_it_and_a_logout_takes_it_away() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let done = desk.login(WORK).ok();
    assert!(done.stderr.contains("Kept in the OS keyring."), "{done}");
    let read = || serde_json::from_str::<Value>(&service.lookup(&LOGIN).unwrap()).unwrap();
    assert_eq!(desk.token(WORK).ok().stdout.trim(), read()["access_token"].as_str().unwrap());
    assert_eq!(desk.bucket(WORK)["store"], "keyring");
    assert!(!desk.sealed());
    let before = read();
    let mut members: Vec<_> = before.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    let [theirs, ours] = [
        ["access_token", "account_id", "expiry", "refresh_token", "scope", "token_type"].as_slice(),
        &["lifetime", "origins", "token_host"],
    ];
    let mut known = [theirs, ours].concat();
    known.sort_unstable();
    members.retain(|name| *name != "signed_in_until");
    assert_eq!(members, known);
    assert!(
        service.lookup(&[LOGIN[0], LOGIN[1], ("target", "default")]).is_some(),
        "older clients ask for the target too"
    );
    let mut expired = before.clone();
    expired["expiry"] = json!(now() - 10);
    expired["of_a_newer_version"] = json!({ "deep": [1, null] });
    service.store(&[LOGIN[0], LOGIN[1], ("target", "default")], &expired.to_string());
    assert_eq!(desk.home.run(&["-p", "renewed in its place"]).ok().stdout.trim(), "renewed in its place");
    assert_ne!(read()["refresh_token"], before["refresh_token"]);
    assert_eq!(read()["of_a_newer_version"], expired["of_a_newer_version"]);
    assert_eq!(service.count(&LOGIN), 1);
    let _ = desk.home.run(&["auth", "anthropic", "logout", WORK]).ok();
    assert_eq!(service.count(&LOGIN), 0);
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_login_that_llxprt_code_stored_works_in_a_token_and_in_a_prompt() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let ready = &desk.sandbox.describe()["providers"]["anthropic"];
    let stored = json!({ "access_token": ready["access_token"], "refresh_token": ready["refresh_token"],
        "expiry": now() + 3600, "scope": "user:profile user:inference", "token_type": "Bearer" });
    service.store(&THEIRS, &stored.to_string());
    let _ = desk.home.run(&["auth", "anthropic", "enable"]).ok();
    let done = desk.home.typed(&["auth", "anthropic", "token"]).reveals().done().ok();
    assert_eq!(done.stdout.trim(), ready["access_token"].as_str().unwrap());
    assert_eq!(desk.home.run(&["-p", "made elsewhere"]).ok().stdout.trim(), "made elsewhere");
    assert_eq!(desk.bucket("default")["store"], "keyring");
    let untouched: Value = serde_json::from_str(&service.lookup(&THEIRS).unwrap()).unwrap();
    assert_eq!(untouched, stored, "reading changes nothing");
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_a_locked_keyring_ends_with_77_says_why_and_loses_nothing() {
    let mut service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let _ = desk.login(WORK).ok();
    service.lock();
    let begun = Instant::now();
    let done = desk.token(WORK).exit(77);
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    assert!(done.stderr.contains("keyring") && done.stderr.contains("locked"), "{done}");
    assert_eq!(desk.bucket(WORK)["state"], "unknown");
    let table = desk.home.run(&["auth", "anthropic"]).ok().stdout;
    assert!(table.contains("unreadable") && table.contains("locked"), "{table}");
    let done = desk.home.run(&["auth", "anthropic", "logout", WORK]).exit(77);
    assert!(done.stderr.contains("not removed"), "{done}");
    assert!(!desk.sealed(), "never a second copy");
    service.kill();
    service.start();
    let _ = desk.token(WORK).ok();
    assert_eq!(desk.bucket(WORK)["state"], "ready");
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_a_saved_key_in_a_locked_keyring_is_an_error_that_names_it_and_no_other_is_used() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let (key, other) = ("sk-ant-api03-canary-in-the-keyring-1111", "sk-ant-api03-canary-in-the-variable-2222");
    let script = desk.sandbox.script("anthropic");
    script.add_key(key, PERSONAL);
    script.add_key(other, PERSONAL);
    let done = desk.home.run_with_stdin(&["key", "save", "anthropic"], format!("{key}\n")).ok();
    assert!(done.stderr.contains("in the keyring"), "{done}");
    let send = || desk.home.typed(&["--provider", "anthropic", "-p", "hello"]).env("ANTHROPIC_API_KEY", other).done();
    let _ = send().ok();
    service.lock();
    let done = send().exit(77);
    assert!(
        done.stderr.contains("The saved key anthropic cannot be read.") && done.stderr.contains("locked"),
        "{done}"
    );
    assert_eq!(script.count(llxprt::sandbox::Endpoint::Chat), 1, "nothing went out");
    // `why` asks no keyring: it still says what is named there.
    let why = desk.home.run(&["auth", "anthropic", "why", "--json"]).ok().json();
    assert_eq!(why["winner"], 3);
    desk.home.assert_clean(&[key, other]);
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_without_a_keyring_logins_go_to_sealed_files_and_it_is_said_once() {
    let service = SecretService::bus_alone();
    let desk = Desk::new(&service);
    let done = desk.login(WORK).ok();
    assert!(
        done.stderr.contains("No keyring answers here, so anthropic:work@company.com is in a sealed file"),
        "{done}"
    );
    assert_eq!(desk.bucket(WORK)["store"], "file");
    assert_eq!(desk.token(WORK).ok().stderr, "");
    assert!(desk.sealed());
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_a_keyring_that_goes_and_comes_back_in_mid_session_is_used_again() {
    let mut service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let _ = desk.login(WORK).ok();
    let pty = desk.home.pty(&[]);
    pty.wait_prompt();
    assert!(pty.ask("while it is there").contains("while it is there"));
    service.kill();
    pty.type_line("while it is gone");
    pty.wait_for("E-VAULT");
    assert!(pty.screen().contains("keyring"), "{}", pty.screen());
    // The prompt was put back on the line.
    pty.clear_line();
    pty.wait_prompt();
    service.start();
    assert!(pty.ask("there again").contains("there again"));
    assert!(!desk.sealed());
    assert_eq!(service.count(&LOGIN), 1);
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_a_silent_service_holds_up_no_start_and_no_end() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let _ = desk.login(WORK).ok();
    service.stop();
    let begun = Instant::now();
    let mut pty = desk.home.pty(&[]);
    pty.wait_prompt();
    let started = begun.elapsed();
    assert!(started < Duration::from_millis(2_500), "{started:?}");
    pty.type_line("nobody answers");
    pty.wait_for("E-VAULT");
    pty.clear_line();
    pty.wait_prompt();
    let begun = Instant::now();
    pty.keys(crate::support::pty::key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // A new login finds another place, and says which.
    let done = desk.login(PERSONAL).ok();
    assert!(done.stderr.contains("did not answer in time"), "{done}");
    service.go_on();
    let _ = desk.token(WORK).ok();
    let _ = desk.token(PERSONAL).ok();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_a_login_in_memory_works_whatever_the_keyring_does_and_touches_no_store() {
    let service = SecretService::unlocked();
    let mut desk = Desk::new(&service);
    let browser = Browser::approving(&desk.home, WORK);
    desk.home = desk.home.env("BROWSER", browser.command());
    for silent in [false, true] {
        if silent {
            service.stop();
        }
        let pty = desk.home.pty(&[]);
        pty.wait_prompt();
        pty.type_line(&format!("/auth anthropic login {WORK} --memory"));
        pty.wait_for("Kept in memory: it is gone when you leave.");
        pty.wait_prompt();
        assert!(pty.ask("from memory").contains("from memory"));
        drop(pty);
    }
    service.go_on();
    assert_eq!(service.count(&LOGIN[..1]), 0);
    assert!(!desk.sealed());
    assert_eq!(desk.bucket(WORK), Value::Null);
}

#[test]
#[ignore = "needs gnome-keyring"]
fn f3_ctrl_c_gives_the_prompt_back_while_the_keyring_is_silent() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let _ = desk.login(WORK).ok();
    let pty = desk.home.pty(&[]);
    pty.wait_prompt();
    assert!(pty.ask("while it answers").contains("while it answers"));
    service.stop();
    pty.type_line("while it is silent");
    // Said after a second; the person at the desk may have to type a password elsewhere.
    pty.wait_for("keyring");
    let begun = Instant::now();
    pty.keys(crate::support::pty::key::CTRL_C);
    pty.wait_for("Cancelled.");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    service.go_on();
    pty.clear_line();
    pty.wait_prompt();
    assert!(pty.ask("and again").contains("and again"));
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_saved_key_lies_under_its_own_name_as_it_was_typed() {
    let service = SecretService::unlocked();
    let desk = Desk::new(&service);
    let _ = desk.home.run(&["key", "save", "mine", "sk-canary-of-a-saved-key-0009"]).ok();
    let key = [("service", "llxprt-code-provider-keys"), ("username", "mine"), ("target", "default")];
    assert_eq!(service.lookup(&key).unwrap(), "sk-canary-of-a-saved-key-0009");
    assert!(!desk.sealed());
    let _ = desk.home.run(&["key", "delete", "mine"]).ok();
    assert_eq!(service.count(&key[..1]), 0);
}

#[test]
#[ignore = "needs gnome-keyring"]
fn with_a_data_folder_of_ones_own_the_keyring_is_used_only_when_it_is_wished_for() {
    let service = SecretService::unlocked();
    let mut desk = Desk::new(&service);
    let data = desk.home.path("data");
    desk.home = desk.home.env("LLXPRT_DATA_HOME", data);
    let _ = desk.login(PERSONAL).ok();
    assert_eq!(desk.bucket(PERSONAL)["store"], "file");
    let _ = desk.home.run(&["set", "vault.store", "keyring"]).ok();
    let _ = desk.login(WORK).ok();
    assert_eq!((service.count(&LOGIN), &desk.bucket(WORK)["store"]), (1, &json!("keyring")));
}
