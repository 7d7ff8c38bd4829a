//! The company gateway of `docs/providers.md`: the file on the page, as it stands there, is a provider that works.

use llxprt::sandbox::Endpoint;

use crate::provider_steps::{PERSONAL, Stand, after};
use crate::session_steps::terminal;
use crate::support::pty::key;

const PAGE: &str = include_str!("../../docs/providers.md");

/// What the page says to type after that.
fn lines() -> Vec<&'static str> {
    let (_, rest) = PAGE.split_once("Then:\n\n```\n").expect("lines to type");
    rest.split_once("```").expect("their end").0.lines().collect()
}

/// Takes the file out of the page and puts the stand-in in the place of the company's hosts and client.
fn manifest(stand: &Stand) -> String {
    let (_, rest) = PAGE.split_once("```toml\n").expect("a file on the page");
    let (toml, _) = rest.split_once("```").expect("its end");
    let here = format!("{}/qwen", stand.sandbox.url());
    let moved = toml.replace("https://login.acme.example", &here).replace("https://ai.acme.example", &here);
    assert!(!moved.contains("acme.example"));
    moved.replace("llxprt-at-acme", "f0304373b74a44d2b584a3fb70ca9e56")
}

#[test]
fn the_file_on_the_page_goes_from_enable_to_logout() {
    let stand = Stand::new("qwen");
    stand.home.write("config/providers/acme.toml", manifest(&stand));
    let mut pty = terminal(&stand.home, &["--nobrowser"]);
    let at_prompt = || {
        pty.wait_until("the prompt", |screen| {
            screen.lines().last().is_some_and(|l| l.ends_with('›') && !l.starts_with("waiting"))
        })
    };
    at_prompt();
    let lines = lines();
    let [enable, choose, prompt] = lines[..] else { panic!("{lines:?}") };
    for (line, said) in [(enable, "acme is on."), (choose, "answers from now on")] {
        pty.type_line(line);
        pty.wait_for(said);
        at_prompt();
    }
    pty.type_line(prompt);
    pty.wait_for("waiting ›");
    let screen = pty.screen();
    stand.enter(&after(&screen, "On any device open "), &after(&screen, "and check the code "), "allow");
    pty.wait_for("Sending your prompt.");
    pty.wait_for_count(prompt, 2);
    at_prompt();
    pty.type_line("/auth acme logout");
    pty.wait_for("removed here");
    at_prompt();
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    drop(pty);
    stand.assert_clean();
    assert!(stand.script.requests_to(Endpoint::Chat).iter().all(|call| call.account.as_deref() == Some(PERSONAL)));
}

#[test]
fn every_key_of_the_reference_is_one_and_every_key_is_in_the_reference() {
    let source = include_str!("../../src/providers/wire.rs");
    let mut keys = Vec::new();
    for name in ["struct Wire {", "struct WireOAuth {", "struct WireApi {"] {
        let (_, body) = source.split_once(name).expect("a shape");
        let (body, _) = body.split_once("\n}").expect("its end");
        keys.extend(body.lines().filter_map(|line| line.trim().split_once(": ")).map(|(key, _)| key.to_owned()));
    }
    let (_, reference) = PAGE.split_once("### All keys").expect("the reference");
    let missing: Vec<_> = keys
        .iter()
        .filter(|key| !["oauth", "api"].contains(&key.as_str()) && !reference.contains(&format!("`{key}`")))
        .collect();
    assert!(missing.is_empty(), "not in docs/providers.md: {missing:?}");
    let first_cells =
        reference.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|line| line.split_once(" |"));
    for cell in first_cells {
        for key in cell.0.split('`').step_by(2).map(str::trim) {
            assert!(keys.iter().any(|k| k == key), "no such key: {key}");
        }
    }
}
