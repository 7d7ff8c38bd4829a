//! Another address for a provider's API: keys may go there, sign-ins never.

use llxprt::sandbox::Endpoint;
use serde_json::json;

use crate::keys_steps::{Sent, Stand, sent_with};
use crate::sandbox_steps::sandbox;

const KEY: &str = "sk-ant-api03-canary-at-the-gateway-9k2L";
/// Of no provider's form, so that none is warned about.
const ANY: &str = "canary-of-another-0123456789-8j1M";

#[test]
fn a_foreign_host_gets_a_key_and_never_a_sign_in() {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    let gateway = sandbox();
    let seen = gateway.script("anthropic");
    seen.add_key(KEY, "personal@gmail.com");
    let url = format!("{}/anthropic", gateway.url());
    let with = |words: &[&str]| stand.home.run(words).named(gateway.url(), "[gateway]");

    insta::assert_snapshot!(with(&["--baseurl", &url, "-p", "hello"]), @"
    --- stderr
    llxprt: anthropic has no key, and the base URL is at [gateway], and a sign-in is only sent to [sandbox].
      llxprt key save anthropic
    start again without --baseurl  E-OTHER-HOST
    --- exit 4
    ");
    // By setting and in the session it is the same.
    let done = stand.session(&[&format!("/baseurl {url}"), "hello"]).exit(4);
    assert!(
        done.stderr.contains("a sign-in is only sent to") && done.stderr.contains("\n  /baseurl none  E-"),
        "{done}"
    );
    insta::assert_snapshot!(with(&["baseurl", &url]), @"
    --- stderr
    Requests to anthropic go to [gateway]/anthropic from now on (base-url.anthropic in settings.json).
    anthropic has no key, and the base URL is at [gateway], and a sign-in is only sent to [sandbox].
    --- exit 0
    ");
    let _ = with(&["-p", "hello"]).exit(4);
    let json = with(&["baseurl", "--json"]).ok().json();
    assert_eq!((&json["origin"], &json["sign_in"]), (&json!("settings.json"), &json!(false)));
    assert_eq!(seen.requests(), []);
    assert_eq!(stand.sent(), []);

    // A key that the user gave goes there.
    let _ = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", KEY).done().ok();
    let at_gateway: Vec<Sent> = seen.requests_to(Endpoint::Chat).iter().map(sent_with).collect();
    assert_eq!(at_gateway, [Sent::Key(KEY.into())]);
    assert_eq!(stand.sent(), []);

    // None goes back, for a session, for a run, and for good.
    let _ = stand.session(&["/baseurl none", "hello"]).ok();
    let _ = stand.home.run(&["--baseurl", "none", "-p", "hello"]).ok();
    let _ = with(&["baseurl", "none"]).ok();
    let _ = stand.home.run(&["-p", "hello"]).ok();
    assert_eq!(stand.sent(), [Sent::Token, Sent::Token, Sent::Token]);
    assert_eq!(seen.count(Endpoint::Chat), 1);
    assert_eq!(seen.violations(), [] as [&str; 0]);
}

#[test]
fn an_address_that_cannot_be_used_is_an_error_and_no_request_goes_elsewhere() {
    let stand = Stand::with(json!({}));
    stand.key(KEY);
    let send = || stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", KEY);
    for (url, said) in [
        ("http://gateway.example", "must be https: http is for loopback addresses only"),
        ("ftp://gateway.example", "must be https, not ftp"),
        ("gateway.example", "is not a URL"),
        ("https://user:canary@gateway.example", "must not carry a user name or password"),
        ("https://gateway.example/?key=canary", "must not have a ? or a # in it"),
        ("file:///etc/passwd", "must be https, not file"),
        ("", "is not a URL"),
    ] {
        for words in [&["--baseurl", url, "-p", "hello"][..], &["baseurl", url]] {
            let done = stand.home.run(words).exit(2);
            assert!(done.stderr.contains(said) && !done.stderr.contains("canary"), "{words:?}\n{done}");
        }
        if url.is_empty() {
            continue;
        }
        stand.settings(json!({ "base-url": url }));
        let done = send().done().exit(78);
        let named = format!("The base-url in settings.json cannot be used: it {said}");
        assert!(done.stderr.contains(&named), "{url}\n{done}");
        stand.settings(json!({}));
    }
    stand.settings(json!({ "base-url": 7 }));
    let _ = send().done().exit(78);
    assert_eq!(stand.sent(), []);
    // Nothing, an empty text and none name nothing.
    for nothing in [json!(null), json!(""), json!("none")] {
        stand.settings(json!({ "base-url": nothing }));
        let _ = send().done().ok();
    }
    assert_eq!(stand.sent().len(), 3);
}

#[test]
fn another_path_at_the_providers_own_place_takes_the_sign_in() {
    let stand = Stand::with(json!({}));
    stand.sign_in();
    let url = format!("{}/anthropic", stand.sandbox.url());
    let done = stand.session(&[&format!("/baseurl {url}"), "/baseurl", "hello"]);
    insta::assert_snapshot!(done, @"
    [sandbox]/anthropic  (this session)
    hello
    --- stderr
    Requests to anthropic go to [sandbox]/anthropic in this session.
    anthropic uses the sign-in default, because no key is there.
    --- exit 0
    ");
    assert_eq!(stand.sent(), [Sent::Token]);
}

#[test]
fn an_address_belongs_to_one_provider() {
    let stand = Stand::with(json!({}));
    let manifest = "name = \"other\"\ndefault_model = \"m\"\n[api]\ndialect = \"anthropic-messages\"\n\
                    base_url = \"https://other.example\"\n";
    stand.home.write("config/providers/other.toml", manifest);
    let done = stand.session(&[
        "/baseurl https://a.example/v1",
        "/provider other",
        "/baseurl",
        "/provider anthropic",
        "/baseurl",
    ]);
    insta::assert_snapshot!(done, @"
    https://other.example/  (manifest)
    https://a.example/v1  (this session)
    --- stderr
    Requests to anthropic go to https://a.example/v1 in this session.
    anthropic has no key, and its sign-in is off.
    other answers from now on, with m.
    Anthropic answers from now on, with claude-opus-5.
    A sign-in is not used: the base URL is at https://a.example, and a sign-in is only sent to [sandbox].
    --- exit 0
    ");
}

/// A provider beside anthropic, at another place, whose key is in a variable.
fn with_another(stand: &Stand, place: &str) {
    let manifest = format!(
        "name = \"other\"\ndefault_model = \"claude-opus-5\"\napi_key_env = [\"OTHER_KEY\"]\n[api]\n\
         dialect = \"anthropic-messages\"\nbase_url = \"{place}\"\nheaders = {{ anthropic-version = \"2023-06-01\" }}\n"
    );
    stand.home.write("config/providers/other.toml", manifest);
    stand.key(ANY);
}

#[test]
fn an_address_that_is_kept_in_the_shell_stays_with_the_provider_that_was_active() {
    let (stand, place) = (Stand::with(json!({})), sandbox());
    place.script("anthropic").add_key(ANY, "personal@gmail.com");
    with_another(&stand, &format!("{}/anthropic", place.url()));
    let url = format!("{}/anthropic", stand.sandbox.url());
    let _ = stand.home.run(&["baseurl", &url]).ok();
    let _ = stand.home.run(&["provider", "other"]).ok();
    let shown = stand.home.run(&["baseurl", "--json"]).ok().json();
    assert_eq!(shown["origin"], "manifest");
    let _ = stand.home.typed(&["-p", "hello"]).env("OTHER_KEY", ANY).done().ok();
    let _ = stand.home.typed(&[]).env("OTHER_KEY", ANY).stdin("hello\n").done().ok();
    assert_eq!((stand.sent(), place.script("anthropic").count(Endpoint::Chat)), (vec![], 2));
    // It is taken away where it is, and an address for whichever is active does not come in its place.
    stand.settings(json!({ "base-url": url, "base-url.anthropic": url }));
    let done = stand.home.run(&["baseurl", "none"]).ok();
    assert!(done.stderr.starts_with("The base URL of anthropic is removed from settings.json.\n"), "{done}");
    assert_eq!(stand.home.run(&["baseurl", "--json"]).ok().json()["origin"], "manifest");
}

#[test]
fn an_address_for_whichever_provider_is_active_is_told_before_the_key_of_another_goes_there() {
    let stand = Stand::with(json!({}));
    with_another(&stand, "https://other.example");
    let url = format!("{}/anthropic", stand.sandbox.url());
    stand.settings(json!({ "base-url": url }));
    let done = stand.home.typed(&[]).env("OTHER_KEY", ANY).stdin("/provider other\nhello\nagain\n").done();
    insta::assert_snapshot!(done, @"
    hello
    again
    --- stderr
    other answers from now on, with claude-opus-5.
    Requests to other go to [sandbox]/anthropic: base-url in settings.json is for whichever provider is active. To end that: /set unset base-url
    --- exit 0
    ");
    let done = stand.home.typed(&["-p", "hello"]).env("OTHER_KEY", ANY).done().ok();
    let said = "base-url in settings.json is for whichever provider is active. To end that: llxprt set unset base-url";
    assert_eq!(done.stderr.matches(said).count(), 1, "{done}");
    assert_eq!(stand.sent().len(), 3);
    // Where it was given for this one, or is its own place, there is nothing to tell.
    stand.settings(json!({ "provider": "other", "base-url.other": url }));
    let quiet = stand.home.typed(&["-p", "hello"]).env("OTHER_KEY", ANY).done().ok();
    stand.settings(json!({ "base-url": url }));
    let own = stand.home.typed(&["-p", "hello"]).env("ANTHROPIC_API_KEY", ANY).done().ok();
    assert_eq!((quiet.stderr.as_str(), own.stderr.as_str()), ("", ""));
}
