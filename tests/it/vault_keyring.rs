//! The vault with a real gnome-keyring on a bus of its own (`security.md` 3.1, F3).

use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use crate::support::secret_service::SecretService;
use crate::vault_steps::Steps;

const LOGIN: [(&str, &str); 2] = [("service", "llxprt-code-oauth"), ("username", "anthropic:default")];
/// What LLxprt Code looks for, and what it writes besides.
const THEIRS: [(&str, &str); 3] = [LOGIN[0], LOGIN[1], ("target", "default")];

fn root() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
#[ignore = "needs gnome-keyring"]
fn what_we_write_other_programs_find_and_what_we_delete_is_gone() {
    let (service, root) = (SecretService::unlocked(), root());
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("probe"), "ok Secret Service");
    assert_eq!(vault.step(r#"write anthropic:default {"access_token":"canary"}"#), "ok Keyring");
    assert_eq!(service.lookup(&THEIRS).unwrap(), r#"{"access_token":"canary"}"#);
    assert_eq!(vault.step("read anthropic:default"), r#"ok {"access_token":"canary"}"#);
    assert_eq!(vault.step("save openai sk-canary-0123456789"), "ok Keyring");
    let key = [("service", "llxprt-code-provider-keys"), ("username", "openai")];
    assert_eq!(service.lookup(&key).unwrap(), "sk-canary-0123456789");
    assert!(!root.path().join("data/secure-store").exists());
    assert_eq!(vault.step("delete anthropic:default"), "ok true");
    assert_eq!((service.count(&LOGIN), service.count(&key)), (0, 1));
    assert_eq!(vault.step("read anthropic:default"), "ok none");
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_login_of_llxprt_code_is_found_renewed_in_its_place_and_still_found_by_it() {
    let (service, root) = (SecretService::unlocked(), root());
    let theirs = [THEIRS[0], THEIRS[1], THEIRS[2], ("application", "rust-keyring")];
    service.store(&theirs, "first");
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("read anthropic:default"), "ok first");
    assert_eq!(vault.step("write anthropic:default second"), "ok Keyring");
    assert_eq!((service.lookup(&theirs).unwrap(), service.count(&LOGIN)), ("second".to_owned(), 1));
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn of_several_items_the_newest_is_read_and_a_write_leaves_one_that_llxprt_code_finds() {
    let (service, root) = (SecretService::unlocked(), root());
    service.store(&[LOGIN[0], LOGIN[1], ("by", "an older program")], "oldest");
    service.store(&[LOGIN[0], LOGIN[1], ("by", "a newer program")], "newest");
    service.store(&[LOGIN[0], ("username", "anthropic:other")], "another account");
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("read anthropic:default"), "ok newest");
    assert_eq!(vault.step("write anthropic:default ours"), "ok Keyring");
    assert_eq!((service.lookup(&THEIRS).unwrap(), service.count(&LOGIN)), ("ours".to_owned(), 1));
    service.store(&[LOGIN[0], LOGIN[1], ("by", "one more")], "double");
    assert_eq!(vault.step("delete anthropic:default"), "ok true");
    assert_eq!((service.count(&LOGIN), service.count(&LOGIN[..1])), (0, 1));
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn without_a_service_logins_go_to_files_and_one_that_appears_takes_the_next() {
    let (mut service, root) = (SecretService::bus_alone(), root());
    let mut vault = Steps::start(service.environment(), root.path());
    assert!(vault.step("probe").starts_with("Absent: No keyring answers here"));
    assert_eq!(vault.step("write anthropic:default x"), "ok File");
    service.start();
    assert_eq!(vault.step("write codex:default y"), "ok Keyring");
    assert_eq!(vault.step("read anthropic:default"), "ok x");
    assert_eq!(service.count(&LOGIN), 0);
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_locked_keyring_makes_its_accounts_unreadable_and_new_logins_go_to_files() {
    let (mut service, root) = (SecretService::unlocked(), root());
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("write anthropic:default x"), "ok Keyring");
    service.lock();
    assert!(vault.step("read anthropic:default").starts_with("Refused: anthropic:default belongs in the keyring"));
    assert!(vault.step("write anthropic:default y").starts_with("Refused: "));
    assert!(vault.step("delete anthropic:default").starts_with("Refused: "));
    assert_eq!(vault.step("write codex:default y"), "ok File");
    assert_eq!(vault.step("read codex:default"), "ok y");
    service.kill();
    service.start();
    assert_eq!(vault.step("read anthropic:default"), "ok x");
    assert_eq!(service.count(&LOGIN[..1]), 1);
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_keyring_that_dies_is_gone_and_one_that_is_started_again_is_used_by_the_same_process() {
    let (mut service, root) = (SecretService::unlocked(), root());
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("write anthropic:default x"), "ok Keyring");
    service.kill();
    assert!(vault.step("read anthropic:default").starts_with("Absent: "));
    assert!(vault.step("write anthropic:default y").starts_with("Absent: "));
    service.start();
    assert_eq!(vault.step("read anthropic:default"), "ok x");
    assert_eq!(vault.step("write anthropic:default z"), "ok Keyring");
    assert_eq!(service.lookup(&THEIRS).unwrap(), "z");
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_service_that_owns_its_name_and_never_answers_costs_two_seconds_once() {
    let (service, root) = (SecretService::unlocked(), root());
    service.stop();
    let mut vault = Steps::start(service.environment(), root.path());
    assert!(vault.step("probe").starts_with("NoAnswer: "));
    let begun = Instant::now();
    assert_eq!(vault.step("write anthropic:default x"), "ok File");
    assert_eq!(vault.step("read anthropic:default"), "ok x");
    assert!(vault.step("probe").starts_with("NoAnswer: "));
    assert!(begun.elapsed() < Duration::from_secs(2), "asked again after {:?}", begun.elapsed());
    vault.end();
    service.go_on();
    assert_eq!(service.count(&LOGIN), 0);
}

#[test]
#[ignore = "needs two seconds"]
fn a_bus_that_never_answers_keeps_no_process_from_ending() {
    let root = root();
    let socket = root.path().join("bus");
    let _deaf = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    let mut vault = Steps::start([("DBUS_SESSION_BUS_ADDRESS", address)], root.path());
    assert!(vault.step("probe").starts_with("NoAnswer: "));
    assert_eq!(vault.step("write anthropic:default x"), "ok File");
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn a_keyring_that_falls_silent_is_given_up_and_what_was_given_up_is_never_written() {
    let (service, root) = (SecretService::unlocked(), root());
    let mut vault = Steps::start(service.environment(), root.path());
    assert_eq!(vault.step("write anthropic:default x"), "ok Keyring");
    service.stop();
    assert!(vault.step("write anthropic:default late").starts_with("NoAnswer: "));
    service.go_on();
    assert!(vault.step("read anthropic:default").starts_with("NoAnswer: "), "left alone for the rest of the run");
    let mut next = Steps::start(service.environment(), root.path());
    assert_eq!(next.step("read anthropic:default"), "ok x");
    next.end();
    assert_eq!(service.lookup(&THEIRS).unwrap(), "x");
    vault.end();
}

#[test]
#[ignore = "needs gnome-keyring"]
fn without_an_index_the_keyring_is_searched_and_a_locked_one_raises_no_dialog() {
    let (mut service, root) = (SecretService::unlocked(), root());
    service.store(&THEIRS, "theirs");
    service.store(&[("service", "llxprt-code-provider-keys"), ("username", "openai"), ("target", "default")], "k");
    service.lock();
    let mut vault = Steps::start(service.environment(), root.path());
    let locked = vault.step("recover");
    assert!(locked.starts_with("ok [] The keyring is locked"), "{locked}");
    service.kill();
    service.start();
    let found = vault.step("recover");
    assert!(found.starts_with("ok [anthropic:default openai] The index of accounts was built"), "{found}");
    assert_eq!(vault.step("recover"), "ok [anthropic:default openai] ");
    assert_eq!(vault.step("read anthropic:default"), "ok theirs");
    vault.end();
}
