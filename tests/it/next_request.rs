//! Whatever is shown of the next request before it is made - the prompt, `/auth`, `why`, `--json` - is what it is sent
//! with then.

use llxprt::sandbox::anthropic::{Limit, limited};
use llxprt::sandbox::{Answer, Endpoint};
use serde_json::{Value, json};

use crate::accounts_steps::{PERSONAL, Stand, WORK, leave, now, pair, two};
use crate::keys_steps::{Sent, sent_with};
use crate::support::Pty;

const KEY: &str = "sk-ant-api03-canary-key-0123456789";

/// Reads who is shown in a session, each place by itself, then sends a prompt; returns whom all of them named.
#[track_caller]
fn agreed(stand: &Stand, pty: &Pty) -> String {
    let line = pty.screen().lines().last().unwrap().to_owned();
    let why = pty.ask("/auth anthropic why");
    let used = pty.ask("/auth anthropic").lines().find_map(|row| Some(row.split_once("* ")?.1.to_owned()));
    let document: Value = serde_json::from_str(&pty.ask("/auth anthropic --json").replace('\n', "")).unwrap();
    let credential = document["credential"]["detail"].as_str().unwrap().to_owned();
    let answer = pty.ask("hello");
    assert!(answer.ends_with("hello"), "{answer}");
    let asked = stand.asked();
    let sent = stand.script.requests_to(Endpoint::Chat).pop().unwrap();
    let who = asked.split(' ').next_back().unwrap().to_owned();
    match sent_with(&sent) {
        Sent::Token => {
            for (place, shown) in [("prompt", &line), ("why", &why), ("credential", &credential)] {
                let others = [WORK, PERSONAL].map(|account| account.split('@').next().unwrap());
                let named: Vec<&str> =
                    others.into_iter().filter(|name| first(shown).contains(&format!("{name}@"))).collect();
                assert_eq!(named, [who.as_str()], "{place}: {shown}");
            }
            assert!(used.as_ref().is_some_and(|row| row.starts_with(&who)), "{used:?}, but {who} was asked");
            let active = document["buckets"].as_array().unwrap().iter().find(|b| b["active"] == true).unwrap();
            assert_eq!(active["bucket"].as_str().unwrap().split('@').next(), Some(who.as_str()));
        }
        _ => {
            assert!(line.starts_with("anthropic key "), "{line}");
            assert!(why.contains("because a key wins over a sign-in"), "{why}");
            assert_eq!((used, document["credential"]["tier"].as_u64()), (None, Some(2)), "{document}");
        }
    }
    who
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Saves a profile of a key in a file.
fn keyed(stand: &Stand, name: &str, key: &str) {
    let path = stand.home.write(&format!("work/{name}.key"), key).display().to_string();
    let text = json!({"version": 1, "provider": "anthropic", "ephemeralSettings": {"auth-keyfile": path}});
    stand.home.write(&format!("config/profiles/{name}.json"), text.to_string());
}

fn balancer(stand: &Stand, policy: &str, members: &[&str]) {
    let words = [&["profile", "save", "loadbalancer", "both", policy], members].concat();
    let _ = stand.home.run(&words).ok();
}

#[test]
fn a_limit_of_the_active_model_alone_is_seen_everywhere() {
    let stand = pair();
    stand.script.answer(Endpoint::Chat, limited(Limit::Model, now() + 600, 600));
    let pty = stand.session(&[]);
    assert!(pty.ask("one").contains("using personal@gmail.com"));
    assert_eq!(agreed(&stand, &pty), "personal");
    assert!(pty.ask("/auth anthropic why").contains("work@company.com (at its limit), personal@gmail.com"));
    let _ = pty.ask("/model claude-haiku-4-5");
    assert_eq!(agreed(&stand, &pty), "work", "another model is free");
    leave(pty);
    // Also in the shell, and each for the model that is asked for.
    let credential = |model: &[&str]| {
        let words = [model, &["auth", "anthropic", "--json"]].concat();
        stand.home.run(&words).ok().json()["credential"]["detail"].clone()
    };
    assert_eq!(credential(&[]), PERSONAL);
    assert_eq!(credential(&["--model", "claude-haiku-4-5"]), WORK);
}

#[test]
fn a_model_that_a_plan_does_not_cover_is_remembered_by_all_that_is_shown() {
    let stand = pair();
    let error = json!({"type": "permission_error", "message": "Your current plan does not include this model."});
    stand.script.answer(Endpoint::Chat, Answer::json(403, json!({"type": "error", "error": error})));
    let pty = stand.session(&[]);
    assert!(pty.ask("one").contains("work@company.com is not covered for this"));
    assert_eq!(agreed(&stand, &pty), "personal");
    leave(pty);
}

#[test]
fn whose_turn_it_is_is_shown_and_showing_it_takes_no_turn() {
    let stand = pair();
    let _ = stand.home.run(&["set", "auth.bucketPolicy", "roundrobin"]).ok();
    let pty = stand.session(&[]);
    let asked: Vec<String> = (0..4).map(|_| agreed(&stand, &pty)).collect();
    assert_eq!(asked, ["work", "personal", "work", "personal"]);
    stand.script.end_quota(PERSONAL);
    let _ = pty.ask("work");
    assert!(pty.ask("personal, then work").contains("personal@gmail.com is at its limit"));
    assert_eq!([agreed(&stand, &pty), agreed(&stand, &pty)], ["work", "work"]);
    leave(pty);
}

#[test]
fn turns_are_even_where_one_account_is_at_its_limit() {
    let stand = two();
    stand.sign_in_as("third", "third@x.org");
    stand.script.set_quota(PERSONAL, 1000);
    let names = [WORK, PERSONAL, "third"];
    let _ = stand.home.run(&[&["profile", "save", "model", "three"], &names[..]].concat()).ok();
    let _ = stand.home.run(&["set", "auth.bucketPolicy", "roundrobin"]).ok();
    let limit = json!([{"until": now() + 600, "why": "5-hour limit", "strikes": 0}]);
    stand.change_index(|index| index["accounts"][format!("anthropic:{PERSONAL}")]["limits"] = limit);
    let lines = ["hello"; 6].join("\n");
    let _ = stand.home.run_with_stdin(&["--profile-load", "three"], lines).ok();
    let mut asked: Vec<String> = stand.asked().split(' ').map(str::to_owned).collect();
    asked.sort();
    assert_eq!(asked, ["third", "third", "third", "work", "work", "work"]);
}

#[test]
fn the_account_that_only_a_person_may_leave_is_the_one_that_is_shown() {
    let stand = pair();
    stand.home.write("config/providers/anthropic.toml", "[oauth]\nfailover = \"manual\"\n");
    let limit = json!([{"until": now() + 600, "why": "5-hour limit", "strikes": 0}]);
    stand.change_index(|index| index["accounts"][format!("anthropic:{WORK}")]["limits"] = limit);
    let pty = stand.session(&[]);
    assert!(pty.screen().lines().last().unwrap().starts_with("anthropic work@company.com ›"), "{}", pty.screen());
    let why = pty.ask("/auth anthropic why");
    let words = "anthropic would use the sign-in work@company.com, but it is at its limit: 5-hour limit.";
    assert!(why.starts_with(words), "{why}");
    assert!(why.contains("work@company.com (at its limit)"), "{why}");
    assert!(pty.ask("/auth anthropic").contains("* work@company.com"));
    leave(pty);
    let done = stand.home.run(&["-p", "hello"]).exit(75);
    assert!(done.stderr.contains("work@company.com is at its limit until"), "{done}");
}

#[test]
fn the_profile_of_a_load_balancer_that_goes_on_is_the_one_that_is_shown() {
    let stand = two();
    stand.script.add_key(KEY, "billing@company.com");
    let _ = stand.home.run(&["profile", "save", "model", "mine", WORK]).ok();
    keyed(&stand, "keyed", KEY);
    balancer(&stand, "failover", &["mine", "keyed"]);
    let pty = stand.session(&["--profile-load", "both"]);
    assert_eq!(agreed(&stand, &pty), "work");
    stand.script.end_quota(WORK);
    assert!(pty.ask("over").contains(" · using keyed"));
    assert_eq!([agreed(&stand, &pty), agreed(&stand, &pty)], ["billing", "billing"]);
    stand.limits_pass();
    // What other processes learned counts from the next line on.
    let _ = pty.ask("/clear");
    assert_eq!(agreed(&stand, &pty), "work");
    leave(pty);
    // A single run shows it just so.
    stand.script.end_quota(WORK);
    let _ = stand.home.run(&["--profile-load", "both", "-p", "over"]).ok();
    let why = stand.home.run(&["--profile-load", "both", "auth", "anthropic", "why", "--json"]).ok().json();
    assert_eq!(why["winner"], 2, "{why}");
    // An account that is asked for goes before the limit of another.
    let why = ["--profile-load", "both", "--bucket", PERSONAL, "auth", "anthropic", "why", "--json"];
    assert_eq!(stand.home.run(&why).ok().json()["winner"], 5);
}

#[test]
fn the_profile_whose_turn_it_is_is_shown() {
    let stand = two();
    for (name, bucket) in [("a", WORK), ("b", PERSONAL)] {
        let _ = stand.home.run(&["profile", "save", "model", name, bucket]).ok();
    }
    balancer(&stand, "roundrobin", &["a", "b"]);
    let pty = stand.session(&["--profile-load", "both"]);
    let asked: Vec<String> = (0..4).map(|_| agreed(&stand, &pty)).collect();
    assert_eq!(asked, ["work", "personal", "work", "personal"]);
    leave(pty);
}

#[test]
fn a_load_balancer_goes_on_where_a_key_is_refused_and_asks_with_it_once() {
    let stand = pair();
    keyed(&stand, "wrong", "sk-ant-api03-nobody-knows-this-one");
    balancer(&stand, "failover", &["wrong", "claude-ha"]);
    let pty = stand.session(&["--profile-load", "both"]);
    let shown = pty.ask("one");
    assert!(
        shown.contains("Anthropic refuses the key (auth-keyfile)") && shown.contains("· using claude-ha"),
        "{shown}"
    );
    assert!(shown.ends_with("one"), "{shown}");
    assert_eq!(stand.asked(), "nobody work");
    assert_eq!([agreed(&stand, &pty), agreed(&stand, &pty)], ["work", "work"]);
    assert_eq!(stand.asked(), "nobody work work work");
    // Another key in that file is tried.
    stand.script.add_key(KEY, "billing@company.com");
    stand.home.write("work/wrong.key", KEY);
    let _ = pty.ask("/clear");
    assert_eq!(agreed(&stand, &pty), "billing");
    leave(pty);
    // Alone it is the end, as ever, and it is asked with each time.
    stand.home.write("work/wrong.key", "sk-ant-api03-nobody-knows-this-one");
    let done = stand.home.run_with_stdin(&["--profile-load", "wrong", "--keep-going"], "one\ntwo\n").exit(1);
    assert_eq!(done.stderr.matches("E-REFUSED").count(), 2, "{done}");
    assert!(stand.asked().ends_with("billing nobody nobody"));
}

#[test]
fn what_was_typed_stays_over_the_profiles_of_a_load_balancer_until_one_is_loaded_anew() {
    let stand = two();
    stand.script.add_key(KEY, "billing@company.com");
    let path = stand.home.write("work/good.key", KEY).display().to_string();
    for (name, bucket) in [("m1", WORK), ("m2", PERSONAL)] {
        let params = if name == "m1" { json!({"temperature": 0.3}) } else { json!({"temperature": 0.3, "top_k": 5}) };
        let text = json!({
            "version": 1, "provider": "anthropic", "modelParams": params,
            "ephemeralSettings": {"auth-keyfile": path, "authOnly": false},
            "auth": {"type": "oauth", "buckets": [bucket]},
        });
        stand.home.write(&format!("config/profiles/{name}.json"), text.to_string());
    }
    balancer(&stand, "failover", &["m1", "m2"]);
    let pty = stand.session(&["--profile-load", "both"]);
    assert_eq!(agreed(&stand, &pty), "billing");
    assert!(pty.ask("/set authOnly true").starts_with("authOnly is true now"));
    let _ = pty.ask("/set modelparam.temperature 0.9");
    // A name that only a later profile has.
    let _ = pty.ask("/set modelparam.top_k 7");
    assert_eq!([agreed(&stand, &pty), agreed(&stand, &pty)], ["work", "work"]);
    assert!(pty.ask("/set authOnly").starts_with("authOnly = true  (settings.json)"));
    stand.script.end_quota(WORK);
    let _ = pty.ask("over");
    assert_eq!(agreed(&stand, &pty), "personal", "it holds for each of its profiles");
    let sent = stand.script.requests_to(Endpoint::Chat).pop().unwrap().json().unwrap();
    assert_eq!((&sent["temperature"], &sent["top_k"]), (&json!(0.9), &json!(7)));
    let _ = pty.ask("/profile load both");
    assert_eq!(agreed(&stand, &pty), "billing");
    let sent = stand.script.requests_to(Endpoint::Chat).pop().unwrap().json().unwrap();
    assert_eq!(sent["temperature"], 0.3);
    leave(pty);
}

#[test]
fn what_another_process_did_to_an_account_is_said_as_it_is() {
    let stand = pair();
    let pty = stand.session(&[]);
    assert_eq!(agreed(&stand, &pty), "work");
    let _ = stand.home.run(&["auth", "anthropic", "rename", WORK, "office"]).ok();
    let shown = pty.ask("hello");
    assert!(shown.starts_with("nobody is signed in as work@company.com · using personal@gmail.com"), "{shown}");
    leave(pty);
}

#[test]
fn the_end_of_a_profile_within_a_load_balancer_is_told_by_its_own_name() {
    let stand = pair();
    keyed(&stand, "keyed", KEY);
    stand.script.add_key(KEY, "billing@company.com");
    balancer(&stand, "failover", &["claude-ha", "keyed"]);
    stand.script.end_quota(WORK);
    stand.script.end_quota(PERSONAL);
    let done = stand.home.run(&["--profile-load", "both", "-p", "hello"]).ok();
    assert!(done.stderr.contains("claude-ha: Both accounts in claude-ha are at their limits."), "{done}");
}

#[test]
fn an_account_that_could_not_be_read_is_passed_over_in_what_is_shown_and_not_called_back() {
    let stand = pair();
    let sealed = |name: &str| format!("data/secure-store/tokens/anthropic/{name}.sealed");
    stand.home.write(&sealed(WORK), "damaged");
    let pty = stand.session(&[]);
    assert!(pty.ask("one").contains("work@company.com is unreadable"));
    assert_eq!(agreed(&stand, &pty), "personal");
    assert!(!pty.transcript().contains("available again"), "{}", pty.transcript());
    leave(pty);
}
