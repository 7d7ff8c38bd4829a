//! The ways to answer a login that waits: callback and paste beside each other, each with an attempt of its own.

use llxprt::sandbox::Endpoint;

use crate::session_steps::{
    WORK, accepted, approve, at_prompt, begin, code, fetch, leave, link, manifest, param, paste_prompt, port_is_free,
    port_of, terminal,
};
use crate::support::pty::key;
use crate::support::{Browser, DEADLINE, until};

#[test]
fn the_browser_gets_the_loopback_address_and_the_screen_the_page_with_a_code() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    for (way, bucket) in [("callback", "one"), ("paste", "two")] {
        let pty = terminal(&home, &[]);
        let shown = begin(&pty, &format!("/auth anthropic login {bucket}"));
        let opened = browser.next();
        // Two attempts: nothing of the one is in the other.
        for name in ["state", "code_challenge", "redirect_uri"] {
            assert_ne!(param(&opened, name), param(&shown, name), "{name}");
        }
        assert!(param(&opened, "redirect_uri").unwrap().starts_with("http://localhost:"));
        assert!(param(&shown, "redirect_uri").unwrap().ends_with("/oauth/code/callback"));
        let used = if way == "callback" {
            // No key is pressed.
            assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
            &opened
        } else {
            pty.paste(&code(&shown, WORK));
            pty.keys(key::ENTER);
            &shown
        };
        pty.wait_for("Signed in to anthropic as work@company.com");
        at_prompt(&pty);
        assert!(!pty.screen().contains("paste ›") || way == "paste", "{}", pty.screen());
        let exchanged = sandbox.script("anthropic").requests_to(Endpoint::Token).pop().unwrap().json().unwrap();
        assert_eq!(exchanged["redirect_uri"], param(used, "redirect_uri").unwrap());
        assert_eq!(exchanged["state"], param(used, "state").unwrap());
        port_is_free(port_of(&opened));
        assert_eq!(leave(pty), 0);
    }
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Token), 2);
}

#[test]
fn a_paste_half_typed_when_the_browser_comes_back_leaves_no_trace() {
    let (_sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = home.pty_of(50, 60, &[]);
    begin(&pty, "/auth anthropic login");
    let opened = browser.next();
    pty.paste(&"x".repeat(150));
    pty.wait_until("the stars", |screen| screen.matches('*').count() == 150);
    assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    at_prompt(&pty);
    let screen = pty.screen();
    assert!(!screen.contains('*') && !screen.contains("paste ›"), "{screen}");
    assert!(screen.contains("Ctrl+C cancel\nSigned in to anthropic"), "{screen}");
    assert_eq!(leave(pty), 0);
}

#[test]
fn without_a_page_that_shows_a_code_the_address_itself_is_the_answer() {
    let (sandbox, home) = accepted();
    manifest(&home, "bare", sandbox.url(), "", false);
    let home = home.env("SSH_TTY", "/dev/pts/3");
    let pty = terminal(&home, &[]);
    at_prompt(&pty);
    pty.type_line("/auth bare login");
    paste_prompt(&pty, 1);
    let screen = pty.screen();
    assert!(screen.contains("After you approve, the page may say it cannot connect. That is expected:\n"), "{screen}");
    let link = link(&pty);
    let address = approve(&link, WORK);
    pty.type_line(&format!("{}#", param(&address, "code").unwrap()));
    pty.wait_for("That breaks off at the #.");
    paste_prompt(&pty, 2);
    // A tunnel brings the browser back as well.
    assert_eq!(fetch(&address).0, 200);
    pty.wait_for("Signed in to bare as work@company.com");
    until("the port to be free", || std::net::TcpListener::bind(("127.0.0.1", port_of(&link))).ok());
    assert!(sandbox.script("anthropic").wait_for(Endpoint::Profile, 1, DEADLINE));
}

#[test]
fn an_answer_that_is_pasted_when_its_login_is_over_goes_nowhere() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let pty = terminal(&home, &[]);
    let shown = begin(&pty, "/auth anthropic login");
    let opened = browser.next();
    let late = code(&shown, WORK);
    assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
    pty.wait_for("Signed in to anthropic as work@company.com");
    at_prompt(&pty);
    let said = pty.ask(&late);
    assert!(said.contains("That answers a sign-in that is over. It was sent nowhere.  E-STATE"), "{said}");
    assert_eq!(pty.ask("hello"), "hello");
    assert_eq!(leave(pty), 0);
    assert_eq!(sandbox.script("anthropic").count(Endpoint::Chat), 1);
    assert_eq!(home.read("data/history"), "/auth anthropic login\nhello\n");
}

#[test]
fn f7_a_taken_port_gives_way_to_the_next_and_then_to_the_paste() {
    let (sandbox, home) = accepted();
    let browser = Browser::idle(&home);
    let home = home.env("BROWSER", browser.command());
    let taken = [(); 2].map(|()| std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap());
    let [first, second] = taken.each_ref().map(|socket| socket.local_addr().unwrap().port());
    manifest(&home, "fixed", sandbox.url(), &format!("ports = [{first}, {second}]"), false);
    let pty = terminal(&home, &[]);
    begin(&pty, "/auth fixed login");
    let screen = pty.screen();
    let screen = screen.replace('\n', " ");
    let words = format!("port {first} is in use, port {second} is in use");
    assert!(screen.contains(&words) && screen.contains("Paste mode is ready instead.  E-PORT"), "{screen}");
    assert!(screen.contains("After you approve, the page may say it cannot connect."), "{screen}");
    // The browser opens all the same; where it ends, nothing answers, and that address is the answer.
    let opened = browser.next();
    assert_eq!(opened, link(&pty));
    pty.paste(&approve(&opened, WORK));
    pty.keys(key::ENTER);
    pty.wait_for("Signed in to fixed as work@company.com");
    pty.wait_for("fixed default (work@company.com) ›");
    let [_first, second_socket] = taken;
    drop(second_socket);
    pty.type_line("/auth fixed login again");
    let opened = browser.next();
    assert_eq!(port_of(&opened), second);
    assert_eq!(fetch(&approve(&opened, WORK)).0, 200);
    pty.wait_for("again and default are one identity");
    pty.wait_until("the prompt", |s| s.lines().last().is_some_and(|l| l.starts_with("fixed ")));
    pty.type_line("/quit");
}
