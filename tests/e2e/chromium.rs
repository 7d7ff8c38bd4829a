//! Tests of the real browser as the other end-to-end tests use it, on a page of our own.

use std::sync::mpsc;

use crate::support::{ChromiumOpener, Home, WebDriver};

const PAGE: &str = "<!doctype html><title>Sign in</title><p id=who>nobody</p>\
    <form method=post action=/in><input name=account value=x><button name=decision value=allow>Allow</button></form>";

/// Serves a login page and, after a post, one that repeats what was posted. Ends with the process.
fn serve(host: &str) -> (String, mpsc::Receiver<String>) {
    let address = if host == "localhost" { "127.0.0.1" } else { host };
    let server = tiny_http::Server::http((address, 0)).unwrap();
    let url = format!("http://{host}:{}/page?a=1&b=%20", server.server_addr().to_ip().unwrap().port());
    let (send, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            send.send(format!("{} {} {body}", request.method(), request.url())).ok();
            let page = if body.is_empty() { PAGE.to_owned() } else { format!("<p id=who>{body}</p>") };
            let html = "Content-Type: text/html; charset=utf-8".parse::<tiny_http::Header>().unwrap();
            request.respond(tiny_http::Response::from_string(page).with_header(html)).ok();
        }
    });
    (url, seen)
}

/// Returns the first request that begins so; a browser also asks for an icon.
fn request(seen: &mpsc::Receiver<String>, begins: &str) -> String {
    seen.iter().find(|line| line.starts_with(begins)).unwrap()
}

#[test]
#[ignore = "needs Chromium"]
fn a_click_in_chromium_reaches_the_page() {
    let home = Home::of("/bin/sh");
    let (url, seen) = serve("localhost");
    let chromium = WebDriver::start(&home.path("home"));
    chromium.goto(&url);
    assert_eq!(chromium.title(), "Sign in");
    assert_eq!(chromium.text("#who"), "nobody");
    chromium.type_into("input", "work@company.com");
    chromium.click("button");
    // A click comes back before the page that it leads to is there.
    assert_eq!(chromium.wait_text("account="), "account=work%40company.com&decision=allow");
    assert!(chromium.wait_url("/in").starts_with("http://localhost:"));
    assert_eq!(request(&seen, "POST"), "POST /in account=work%40company.com&decision=allow");
}

#[test]
#[ignore = "needs Chromium"]
fn the_program_starts_chromium_through_browser_and_the_test_clicks_in_it() {
    let home = Home::of("/bin/sh");
    let (url, seen) = serve("localhost");
    let opener = ChromiumOpener::new(&home);
    let home = home.env("BROWSER", opener.command());
    for nth in 0..2 {
        // What a program does: starts it and goes on.
        let _ = home.run(&["-c", &format!("\"$BROWSER\" '{url}' </dev/null >/dev/null 2>&1 &")]).ok();
        let chromium = opener.attach(nth);
        chromium.wait_text("nobody");
        assert_eq!(request(&seen, "GET /page"), "GET /page?a=1&b=%20 ");
        chromium.click("button");
        chromium.wait_text("account=x&decision=allow");
        assert_eq!(chromium.script("return document.cookie"), "");
    }
    assert_eq!(opener.opened(), [url.clone(), url]);
}

#[test]
#[ignore = "needs Chromium"]
fn chromium_reaches_nothing_but_localhost() {
    let home = Home::of("/bin/sh");
    let chromium = WebDriver::start(&home.path("home"));
    // Stands for the outside: an address of this machine that answers, and that Chromium is not to know.
    let (url, seen) = serve("127.0.0.2");
    let trouble = chromium.reach(&url).unwrap_err();
    assert!(trouble.contains("ERR_NAME_NOT_RESOLVED"), "{trouble}");
    assert!(seen.try_recv().is_err());
}
