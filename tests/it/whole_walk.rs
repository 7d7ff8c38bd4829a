//! Each provider in one session, from `enable` over a token that runs out and an account at its limit to `logout`; and
//! the same providers with a key. Where they differ, the differences stand in a table.

use llxprt::sandbox::{Answer, Endpoint, codex, gemini, openrouter, qwen};
use serde_json::{Value, json};

use crate::accounts_steps::now;
use crate::provider_steps::{PERSONAL, Stand, flat};
use crate::session_steps::{QUESTION, WORK, terminal};
use crate::support::pty::key;
use crate::support::{Browser, Pty};

/// The turns of a conversation as the provider was sent them: who, and what.
fn turns(prompt: &Value) -> Vec<(String, String)> {
    let list = ["input", "contents", "messages"].iter().find_map(|name| prompt[*name].as_array()).unwrap();
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        parts => parts.as_array().unwrap().iter().filter_map(|part| part["text"].as_str()).collect(),
    };
    let role = |turn: &Value| turn["role"].as_str().unwrap().replace("model", "assistant");
    let said = |turn: &Value| text(turn.get("content").or_else(|| turn.get("parts")).unwrap());
    list.iter().map(|turn| (role(turn), said(turn))).collect()
}

/// Asserts that the last prompt carried these turns, a person's and the provider's in turns.
#[track_caller]
fn assert_carried(stand: &Stand, said: &[&str]) {
    let prompt = stand.prompts().pop().unwrap();
    let sides = ["user", "assistant"].iter().cycle();
    let wanted: Vec<_> = sides.zip(said).map(|(side, said)| ((*side).to_owned(), (*said).to_owned())).collect();
    assert_eq!(turns(&prompt), wanted, "{prompt}");
}

/// Whose credential the last prompt was sent with.
fn asked(stand: &Stand) -> Option<String> {
    stand.script.requests_to(Endpoint::Chat).pop().unwrap().account
}

struct Walk {
    provider: &'static str,
    /// The provider's owner has something against such sign-ins.
    asks: bool,
    /// Tokens run out and are renewed.
    renews: bool,
    /// The limit is one of the model, not of the account.
    of_model: bool,
}

fn walk(walk: &Walk) {
    let provider = walk.provider;
    let stand = Stand::new(provider);
    stand.script.set_quota(WORK, 1000);
    let mut pty = terminal(&stand.home, &[]);
    let ask = |pty: &Pty, line: &str| {
        stand.at_prompt(pty);
        let shown = flat(&pty.ask(line));
        stand.at_prompt(pty);
        shown
    };

    // Nothing happens before the first prompt; then one sign-in, and the prompt goes out.
    assert!(ask(&pty, &format!("/auth {provider} enable")).contains("at the first request"), "{}", pty.screen());
    assert_eq!((stand.script.requests(), stand.browser.opened().len()), (vec![], 0));
    pty.type_line("My name is Ann.");
    if walk.asks {
        pty.wait_for(QUESTION);
        pty.keys("y\r");
    }
    pty.wait_for("Sending your prompt.");
    pty.wait_for_count("My name is Ann.", 2);
    stand.at_prompt(&pty);
    assert_eq!((asked(&stand).as_deref(), stand.browser.opened().len()), (Some(PERSONAL), 1));

    assert_eq!(ask(&pty, "What is my name?"), "What is my name?");
    assert_carried(&stand, &["My name is Ann.", "My name is Ann.", "What is my name?"]);

    // The token has run out: it is renewed, and nobody notices.
    let before = stand.script.count(Endpoint::Refresh);
    if walk.renews {
        stand.script.expire_access_tokens();
    }
    assert_eq!(ask(&pty, "Still there?"), "Still there?");
    assert_eq!(stand.script.count(Endpoint::Refresh) - before, usize::from(walk.renews));

    // A second account, and a profile over both.
    let other = Browser::approving(&stand.home, WORK);
    let signed = stand.home.typed(&["auth", provider, "login", "second"]).env("BROWSER", other.command()).done().ok();
    assert!(signed.stderr.contains("Signed in"), "{signed}");
    assert!(ask(&pty, "/profile save model both default second").contains("Saved both."), "{}", pty.screen());

    // The first is at its limit: one line, the answer, and nothing of the conversation is lost.
    stand.script.end_quota(PERSONAL);
    let shown = ask(&pty, "And now?");
    let (first, rest) = shown.split_once(" · using second ").unwrap_or_else(|| panic!("no switch in {shown}"));
    assert!(first.starts_with("default is at its limit until "), "{shown}");
    assert_eq!(rest, "And now?");
    assert_eq!(asked(&stand).as_deref(), Some(WORK));
    let said = ["My name is Ann.", "What is my name?", "Still there?"];
    let mut wanted: Vec<&str> = said.iter().flat_map(|said| [*said, *said]).collect();
    wanted.push("And now?");
    assert_carried(&stand, &wanted);
    assert_eq!(ask(&pty, "Go on."), "Go on.", "a switch is told once");

    // It is known, here and in other processes.
    let status = ask(&pty, &format!("/auth {provider}"));
    assert!(status.contains(if walk.of_model { "gemini-2.5-pro" } else { "at its limit" }), "{status}");
    // Both at their limits: one error that names each, and the prompt is kept.
    stand.script.end_quota(WORK);
    stand.at_prompt(&pty);
    pty.type_line("Anybody?");
    pty.wait_for("E-LIMIT");
    pty.wait_until("the prompt's text", |screen| screen.ends_with("› Anybody?"));
    pty.clear_line();
    stand.at_prompt(&pty);

    let gone = ask(&pty, &format!("/auth {provider} logout all"));
    assert!(gone.contains("default") && gone.contains("second"), "{gone}");
    stand.at_prompt(&pty);
    pty.keys(key::CTRL_D);
    assert_eq!(pty.exit_status(), 0);
    pty.assert_restored();
    drop(pty);
    assert_eq!(stand.auth(&["--json"]).ok().json()["buckets"], json!([]));
    stand.assert_clean();
}

#[test]
fn codex_from_enable_over_renewal_and_limit_to_logout() {
    walk(&Walk { provider: "codex", asks: true, renews: true, of_model: false });
}

#[test]
fn gemini_from_enable_over_renewal_and_limit_to_logout() {
    walk(&Walk { provider: "gemini", asks: false, renews: true, of_model: true });
}

#[test]
fn qwen_from_enable_over_renewal_and_limit_to_logout() {
    walk(&Walk { provider: "qwen", asks: true, renews: true, of_model: false });
}

#[test]
fn openrouter_from_enable_over_a_limit_to_logout() {
    walk(&Walk { provider: "openrouter", asks: false, renews: false, of_model: false });
}

/// Two accounts of a provider and a profile over both, loaded at every start.
fn two(provider: &'static str) -> Stand {
    let stand = Stand::new(provider);
    let stand = match provider {
        "codex" => stand.accepted("2026-09-29"),
        "qwen" => stand.accepted("2026-04-15"),
        _ => stand,
    };
    stand.script.set_quota(WORK, 1000);
    for (bucket, account) in [("first", PERSONAL), ("second", WORK)] {
        let browser = Browser::approving(&stand.home, account);
        let login = stand.home.typed(&["auth", provider, "login", bucket]).env("BROWSER", browser.command()).done();
        let _ = login.ok();
    }
    let _ = stand.home.run(&["profile", "save", "model", "both", "first", "second"]).ok();
    let _ = stand.home.run(&["profile", "set-default", "both"]).ok();
    stand
}

/// Forgets every limit, as time does.
fn forget(stand: &Stand) {
    let mut index: Value = serde_json::from_str(&stand.home.read("data/index.json")).unwrap();
    for entry in index["accounts"].as_object_mut().unwrap().values_mut() {
        entry.as_object_mut().unwrap().remove("limits");
        entry.as_object_mut().unwrap().remove("windows");
    }
    stand.home.write("data/index.json", index.to_string());
}

/// What an answer came to: who answered, and what was said of the switch.
fn outcome(stand: &Stand, answer: Answer) -> (Option<String>, String) {
    forget(stand);
    stand.script.answer(Endpoint::Chat, answer);
    let done = stand.home.run(&["-p", "hello"]).ok();
    assert_eq!(done.stdout, "hello\n");
    (asked(stand), done.stderr)
}

/// Asserts that the answer hands over, and what its line says.
#[track_caller]
fn assert_hands_over(stand: &Stand, answer: Answer, said: &str) {
    let (who, line) = outcome(stand, answer);
    assert_eq!((who.as_deref(), line.lines().count()), (Some(WORK), 1), "{line}");
    assert!(line.starts_with("first ") && line.contains(said) && line.ends_with(" · using second\n"), "{line}");
}

/// The limit that is remembered of the first account, in seconds from now, and of which model.
fn remembered(stand: &Stand) -> (i64, Option<String>) {
    let index: Value = serde_json::from_str(&stand.home.read("data/index.json")).unwrap();
    let limit = &index["accounts"][format!("{}:first", stand.provider)]["limits"][0];
    (limit["until"].as_i64().unwrap() - now(), limit["model"].as_str().map(str::to_owned))
}

#[test]
fn each_way_in_which_codex_tells_a_limit_hands_over_until_then() {
    let stand = two("codex");
    for told in [codex::Told::At, codex::Told::In, codex::Told::Headers] {
        assert_hands_over(&stand, codex::limited(told, now() + 7200, 7200), "is at its limit until ");
        let (wait, model) = remembered(&stand);
        assert!((7190..=7200).contains(&wait) && model.is_none(), "{told:?}: {wait}");
    }
    // A family of its own leaves the other models alone.
    let family = codex::limited(codex::Told::In, 0, 600).header("x-codex-active-limit", "codex-bengalfox");
    assert_hands_over(&stand, family, "is at its limit until ");
    assert_eq!(remembered(&stand).1.as_deref(), Some("gpt-5.6-sol"));
    // A plan without Codex: no reset, and its reason.
    let none = json!({"error": {"type": "usage_not_included", "message": "Upgrade to Plus"}});
    assert_hands_over(&stand, Answer::json(429, none), "is not covered for this (Upgrade to Plus)");
    // A burst is waited for with the same account, in body or header.
    let (who, line) = outcome(&stand, codex::limited(codex::Told::Not, 0, 0));
    assert_eq!((who.as_deref(), line.as_str()), (Some(PERSONAL), ""));
    // A limit within a stream that began, before its first word.
    let failed =
        json!({"type": "response.failed", "response": {"error": {"code": "insufficient_quota", "message": "m"}}});
    let stream =
        Answer::stream(vec![llxprt::sandbox::Chunk::new(format!("data: {failed}\n\n"))], llxprt::sandbox::End::Whole);
    assert_hands_over(&stand, stream, "is at its limit until ");
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
}

#[test]
fn each_way_in_which_gemini_tells_a_limit_hands_over_until_then() {
    let stand = two("gemini");
    let model = Some("gemini-2.5-pro".to_owned());
    let stamp = chrono::DateTime::from_timestamp(now() + 7200, 0).unwrap().to_rfc3339();
    let none = gemini::Wait { delay: None, stamp: None, retry: None };
    for (wait, about) in [
        (gemini::Wait { stamp: Some(&stamp), delay: Some("9s"), ..none }, 7200),
        (gemini::Wait { delay: Some("33740.910400305s"), ..none }, 33_741),
        (gemini::Wait { delay: Some("161h39m41.300432511s"), ..none }, 581_982),
        (gemini::Wait { retry: Some("3600.5s"), ..none }, 3601),
    ] {
        for listed in [false, true] {
            assert_hands_over(&stand, gemini::exhausted("gemini-2.5-pro", wait, listed), "is at its limit until ");
            let (left, of) = remembered(&stand);
            assert!((about - 10..=about).contains(&left) && of == model, "{wait:?}: {left} {of:?}");
        }
    }
    // A day of requests: until midnight in California.
    assert_hands_over(&stand, gemini::used_up_today("gemini-2.5-pro"), "is at its limit until ");
    assert!((0..=25 * 3600).contains(&remembered(&stand).0));
    // Requests of a minute: until the next.
    forget(&stand);
    stand.script.end_quota(PERSONAL);
    assert!(stand.home.run(&["-p", "hello"]).ok().stderr.starts_with("first is at its limit until "));
    assert!((1..=60).contains(&remembered(&stand).0));
    stand.script.set_quota(PERSONAL, 1000);
    // Another model of the account is free.
    let done = stand.home.run(&["--model", "gemini-2.5-flash", "-p", "hello"]).ok();
    assert_eq!((asked(&stand).as_deref(), done.stderr.as_str()), (Some(PERSONAL), ""));
    // Without details it says nothing of a quota: waited for with the same account.
    let (who, line) = outcome(&stand, gemini::bare().header("retry-after-ms", "50"));
    assert_eq!((who.as_deref(), line.as_str()), (Some(PERSONAL), ""));
    // A burst that is told with the wait.
    let retry = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Slow down.", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "RATE_LIMIT_EXCEEDED"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.2s"}]}}]);
    let (who, line) = outcome(&stand, Answer::json(429, retry));
    assert_eq!((who.as_deref(), line.as_str()), (Some(PERSONAL), ""));
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
}

#[test]
fn each_way_in_which_qwen_tells_a_limit_hands_over() {
    let stand = two("qwen");
    // No reset is told: a minute, doubling, is how long it is believed.
    for status in [429, 403] {
        assert_hands_over(&stand, qwen::free_quota(status), "is at its limit until ");
        assert!((50..=60).contains(&remembered(&stand).0), "{status}");
    }
    assert_hands_over(&stand, qwen::free_quota(429).header("retry-after", "3600"), "is at its limit until ");
    assert!((3590..=3600).contains(&remembered(&stand).0));
    let overdue = json!({"error": {"code": "Arrearage", "message": "Access denied, please pay."}});
    assert_hands_over(&stand, Answer::json(400, overdue), "is at its limit until ");
    let free = json!({"error": {"code": "AllocationQuota.FreeTierOnly", "message": "The free tier of this model is used up."}});
    assert_hands_over(
        &stand,
        Answer::json(403, free),
        "is not covered for this (The free tier of this model is used up)",
    );
    let (who, line) = outcome(&stand, qwen::throttled().header("retry-after-ms", "50"));
    assert_eq!((who.as_deref(), line.as_str()), (Some(PERSONAL), ""), "a burst is waited for");
}

#[test]
fn each_way_in_which_openrouter_tells_a_limit_hands_over() {
    let stand = two("openrouter");
    assert_hands_over(&stand, openrouter::no_credits(), "is at its limit until ");
    assert_hands_over(&stand, openrouter::limited(50, now() + 7200), "is at its limit until ");
    assert!((7190..=7200).contains(&remembered(&stand).0));
    let burst = json!({"error": {"code": 429, "message": "Provider returned error"}});
    let (who, line) = outcome(&stand, Answer::json(429, burst).header("retry-after-ms", "50"));
    assert_eq!((who.as_deref(), line.as_str()), (Some(PERSONAL), ""), "a provider behind it is busy");
    // What is left of the credit that the key may use; an account without a bound has none.
    let bound = json!({"data": {"label": "k", "usage": 7.5, "limit": 10, "limit_remaining": 2.5}});
    stand.script.answer(Endpoint::Profile, Answer::json(200, bound));
    let shown = stand.home.run(&["stats", "quota"]).ok().stdout;
    let (first, second) = shown.split_once("openrouter second").unwrap();
    assert!(first.contains("credit 75 %") && second.contains("the provider told nothing of limits so far"), "{shown}");
}

/// The lines of a table up to what depends on the time of day.
fn timeless_lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split([',', '(']).next().unwrap().trim_end().to_owned()).collect()
}

#[test]
fn the_windows_of_codex_are_shown_by_auth_and_by_stats() {
    let stand = two("codex");
    let _ = stand.home.run(&["-p", "hello"]).ok();
    let shown = stand.auth(&["status"]).ok().stdout;
    assert!(shown.contains("ready  renews by itself  5 h 0 % · 7 d 0 %\n"), "{shown}");
    assert!(shown.contains("first: personal@gmail.com, Plus plan") && shown.contains("Team plan"), "{shown}");
    let shown = stand.home.run(&["stats", "quota"]).ok().stdout;
    assert_eq!(
        timeless_lines(&shown),
        ["codex first", "  5 h 0 %", "  7 d 0 %", "codex second", "  5 h 0 %", "  7 d 0 %"]
    );
    assert_eq!(shown.matches("begins anew in").count(), 4, "{shown}");

    // Windows are called by their length, whichever comes first; an extra family by its own name.
    let usage = json!({
        "rate_limit": {"primary_window": {"used_percent": 12, "limit_window_seconds": 604_800, "reset_at": now() + 9000}},
        "additional_rate_limits": [{"limit_name": "gpt-5.3-codex-spark", "rate_limit":
            {"primary_window": {"used_percent": 100, "limit_window_seconds": 18_000, "reset_after_seconds": 900}}}],
    });
    let stand = two("codex");
    stand.script.answer(Endpoint::Usage, Answer::json(200, usage));
    let shown = timeless_lines(&stand.home.run(&["stats", "quota"]).ok().stdout);
    assert_eq!(shown[..3], ["codex first", "  7 d 12 %", "  5 h gpt-5.3-codex-spark 100 %"]);
    let json = stand.home.run(&["stats", "quota", "--json"]).ok().json();
    assert_eq!(json["accounts"][0]["limits"][1]["model"], "gpt-5.3-codex-spark");
}

/// A key in the place of a sign-in: saved, used, conversation, limit, another prompt, deleted.
fn by_key(provider: &'static str, refused: &str) {
    let own = provider;
    let stand = Stand::new(provider);
    let secret = stand.ready("api_key");
    let done = stand.home.run_with_stdin(&["key", "save", own], format!("{secret}\n")).ok();
    assert!(done.stderr.contains("is saved"), "{done}");
    let pty = terminal(&stand.home, &["--provider", provider]);
    assert_eq!(flat(&pty.ask("My name is Ann.")), "My name is Ann.");
    assert_eq!(flat(&pty.ask("What is my name?")), "What is my name?");
    assert_carried(&stand, &["My name is Ann.", "My name is Ann.", "What is my name?"]);
    // No other account takes over for a key: the provider's words, and the prompt is kept.
    stand.script.end_quota(WORK);
    pty.type_line("Anybody?");
    pty.wait_for_count("› Anybody?", 2);
    let shown = flat(&pty.screen());
    let shown = shown.split("Anybody?").nth(1).unwrap();
    assert!(shown.contains(refused), "{shown}");
    stand.script.set_quota(WORK, 1000);
    drop(pty);
    let _ = stand.home.run(&["key", "delete", own]).ok();
    let done = stand.say("hello").exit(4);
    assert!(done.stderr.contains("E-NEED-LOGIN"), "{done}");
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
    stand.home.assert_clean(&[&secret]);
    // A key that the provider does not know.
    let wrong = "canary-of-a-wrong-key-0123456789";
    let _ = stand.home.run_with_stdin(&["key", "save", own], format!("{wrong}\n")).ok();
    let done = stand.say("hello");
    assert!(done.status() != 0 && !done.stderr.contains(wrong), "{done}");
    stand.home.assert_clean(&[wrong]);
}

#[test]
fn openai_by_key_from_saving_to_deleting() {
    by_key("openai", "out of credit, next try in 1 m");
}

#[test]
fn gemini_by_key_from_saving_to_deleting() {
    by_key("gemini", "limit per minute, back in");
}

#[test]
fn qwen_by_key_from_saving_to_deleting() {
    by_key("qwen", "free quota, next try in 1 m");
}

#[test]
fn openrouter_by_key_from_saving_to_deleting() {
    by_key("openrouter", "request limit, back in 1 m");
}
