//! What the world may do wrong: folders that cannot be written, hostile words, files of the wrong kind.

use std::os::unix::fs::PermissionsExt as _;

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::json;

use crate::session_steps::{WORK, accepted, at_prompt, leave, sealed, signed_in, stand, terminal};
use crate::support::{Browser, Home};

fn root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}

#[test]
fn f2_a_folder_that_cannot_be_written_is_named_and_nothing_is_half_done() {
    let (_sandbox, home) = stand();
    // A file in the folder's place cannot be written into, not even by root.
    std::fs::remove_dir_all(home.path("config")).ok();
    home.write("config", "not a folder");
    let done = home.run(&["auth", "anthropic", "enable"]);
    assert_ne!(done.status(), 0, "{done}");
    assert!(done.stderr.contains("[root]/config is not a folder"), "{done}");
    assert!(!done.stderr.contains("fault"), "{done}");
    assert_eq!(home.read("config"), "not a folder");
}

#[test]
fn f2_a_read_only_settings_folder_is_named() {
    if root() {
        // Modes do not hold root back; the test above serves there.
        return;
    }
    let (_sandbox, home) = accepted();
    let folder = home.path("config");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o500)).unwrap();
    let done = home.run(&["auth", "anthropic", "enable"]).exit(1);
    assert!(done.stderr.contains("settings.json"), "{done}");
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn f2_a_login_that_cannot_be_stored_says_so_with_77() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    home.write("data/secure-store", "not a folder");
    let done = home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done().exit(77);
    assert!(done.stderr.contains("secure-store") && done.stderr.contains("E-VAULT"), "{done}");
    assert!(!done.stderr.contains("Signed in to"), "{done}");
}

#[test]
fn a3_a_hostile_identity_is_shown_harmlessly() {
    let (sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let home = home.env("BROWSER", browser.command());
    let evil = "\u{1b}]0;title\u{7}\u{1b}[2Ja\u{202e}b\0<script>@example.com";
    let profile = json!({
        "account": {"uuid": "u", "email": evil},
        "organization": {"uuid": "o", "organization_type": "claude_\u{1b}[31mmax"},
    });
    sandbox.script("anthropic").answer(Endpoint::Profile, Answer::json(200, profile));
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth anthropic login");
    pty.wait_for("Signed in to anthropic as a<U+202E>b<script>@example.com (Max plan)");
    at_prompt(&pty);
    let _ = pty.ask("/auth");
    let _ = pty.ask("/auth anthropic");
    assert_eq!(pty.effects(), Vec::<String>::new());
    let page = browser.page();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>") && !page.contains('\u{1b}'), "{page}");
    assert_eq!(leave(pty), 0);
    let done = home.run(&["auth", "--json"]).ok();
    assert!(!done.stdout.contains('\u{1b}') && !done.stdout.contains('\u{202e}'), "{done}");
    let _ = done.json();
}

#[test]
fn a3_a_hostile_error_is_shown_harmlessly_and_short() {
    let (sandbox, home) = signed_in(WORK);
    let message = format!("\u{1b}]52;c;aGk=\u{7}no{}\u{1b}[2J", "x".repeat(60_000));
    let error = json!({"type": "error", "error": {"type": "invalid_request_error", "message": message}});
    sandbox.script("anthropic").answer(Endpoint::Chat, Answer::json(400, error));
    let done = home.run(&["-p", "hello"]).exit(1);
    assert!(!done.stderr.contains('\u{1b}') && done.stderr.len() < 2_000, "{}", done.stderr.len());
}

#[test]
fn a4_names_that_are_paths_or_worse_are_refused_everywhere() {
    let home = Home::new();
    for name in ["..", "../x", "a/b", "a\\b", ".hidden", "-x", "all", "a b", "ä", "a:b", "a\u{202e}b", &"x".repeat(65)]
    {
        for words in [&["auth", "anthropic", "login", name][..], &["--bucket", name, "auth"]] {
            let done = home.run(words);
            assert_eq!(done.status(), 2, "{words:?}: {done}");
        }
    }
    assert!(!home.path("data/secure-store").exists());
}

#[test]
fn a5_a_link_in_the_place_of_our_folder_is_refused() {
    let (_sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let elsewhere = home.path("home/elsewhere");
    std::fs::create_dir_all(&elsewhere).unwrap();
    std::fs::create_dir_all(home.path("data")).unwrap();
    std::fs::set_permissions(home.path("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, home.path("data/secure-store")).unwrap();
    let done = home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done().exit(77);
    assert!(done.stderr.contains("secure-store"), "{done}");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(sealed(&home), Vec::<String>::new());
}

#[test]
fn a6_a_redirect_of_a_token_request_is_not_followed() {
    let (sandbox, home) = accepted();
    let browser = Browser::approving(&home, WORK);
    let script = sandbox.script("anthropic");
    script.answer(Endpoint::Token, Answer::redirect("http://127.0.0.1:9/steal"));
    let done = home.typed(&["auth", "anthropic", "login"]).env("BROWSER", browser.command()).done();
    assert_ne!(done.status(), 0);
    assert!(done.stderr.contains("127.0.0.1:9"), "{done}");
    assert_eq!(sealed(&home), Vec::<String>::new());
}
