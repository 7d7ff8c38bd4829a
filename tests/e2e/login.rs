//! Logins in a real browser that the program starts itself: a person chooses an account on the page and decides.

use crate::support::{ChromiumOpener, Home, Pty, StandIn};

/// A home whose program starts Chromium, at a sandbox of its own.
fn stage() -> (StandIn, ChromiumOpener, Home) {
    let home = Home::new();
    let stand_in = StandIn::start(&home, None);
    let opener = ChromiumOpener::new(&home);
    let home = home.at(stand_in.url()).env("BROWSER", opener.command());
    (stand_in, opener, home)
}

/// Types the login in a terminal and answers the question that restricted providers ask.
fn login(home: &Home) -> Pty {
    let pty = home.pty(&["auth", "anthropic", "login", "work@company.com"]);
    pty.wait_for("[y/N]");
    pty.type_line("y");
    pty
}

#[test]
#[ignore = "needs Chromium"]
fn a_person_signs_in_with_clicks_and_the_page_says_what_the_terminal_says() {
    let (stand_in, opener, home) = stage();
    let mut pty = login(&home);
    let chromium = opener.attach(0);
    chromium.click("input[value='work@company.com']");
    chromium.click("#allow");
    let page = chromium.wait_text("Signed in");
    pty.wait_for("Signed in to anthropic as work@company.com");
    assert_eq!(pty.exit_status(), 0, "{}", pty.transcript());
    pty.assert_restored();
    assert!(page.contains("Signed in"), "{page}");
    assert!(chromium.url().starts_with("http://localhost:"), "{}", chromium.url());
    stand_in.assert_no_violations("anthropic");

    // A reload of the last page changes nothing; nobody listens there any more.
    let logins = stand_in.count("anthropic", "token");
    chromium.reach(&chromium.url()).unwrap_err();
    assert_eq!(stand_in.count("anthropic", "token"), logins);
    let status = home.run(&["auth", "--json"]).ok().json();
    assert_eq!(status["providers"][0]["buckets"][0]["state"], "ready", "{status}");
}

#[test]
#[ignore = "needs Chromium"]
fn a_person_who_denies_changes_nothing() {
    let (_stand_in, opener, home) = stage();
    let mut pty = login(&home);
    let chromium = opener.attach(0);
    chromium.click("#deny");
    assert_eq!(pty.exit_status(), 4, "{}", pty.transcript());
    pty.assert_restored();
    assert!(pty.transcript().contains("E-DENIED"), "{}", pty.transcript());
    assert!(!home.path("data/secure-store").join("tokens").exists());
}
