//! `/auth` and `/auth P`: the table at every width, as sentences, as JSON, with a thousand accounts.

use std::time::Instant;

use serde_json::{Value, json};

use crate::accounts_steps::{PERSONAL, Stand, WORK, leave, now, pair, stand, timeless, two};
use crate::support::Browser;

/// Accounts in every state, without a login behind any of them.
fn every_state(stand: &Stand) {
    let now = now();
    let day = 86_400;
    let entry = |more: Value| {
        let mut entry = json!({
            "store": "file", "identity": "you@example.com", "plan": "max", "expires_at": now + day,
            "refreshable": true, "signed_in_until": now + 26 * day + 100,
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let accounts = json!({
        "anthropic:a-ready": entry(json!({
            "windows": [{"window": "5h", "used": 0.62, "resets_at": now + 3600}, {"window": "7d", "used": 0.18, "resets_at": now + day}],
            "windows_at": now,
        })),
        "anthropic:b-limited": entry(json!({"limits": [{"until": now + 600, "why": "5-hour limit", "strikes": 0}]})),
        "anthropic:c-refused": entry(json!({"refused": "invalid_grant"})),
        "anthropic:d-renews": entry(json!({"expires_at": now - 5, "signed_in_until": null})),
        "anthropic:e-unverified": entry(json!({"unverified": true})),
        "anthropic:f-unreadable": entry(json!({"unreadable": "the keyring is locked"})),
        "anthropic:g-soon": entry(json!({"signed_in_until": now + 2 * day + 100})),
        "anthropic:h-model": entry(json!({"limits": [{"model": "claude-opus-5", "until": now + 600, "why": "7-day limit", "strikes": 0}]})),
    });
    stand.home.write("data/index.json", json!({"version": 1, "accounts": accounts}).to_string());
    stand.home.write("config/settings.json", r#"{"provider":"anthropic","oauthEnabledProviders":{"anthropic":true}}"#);
}

#[test]
fn every_state_has_its_words() {
    let _times = timeless();
    // A date is as wide as its day and month are, and the column with it.
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"(\[days\]|renews by itself|Signed in until| -) {2,}", "$1  ");
    let _widths = settings.bind_to_scope();
    let stand = stand();
    every_state(&stand);
    insta::assert_snapshot!(stand.home.run(&["auth", "anthropic"]).ok(), @"
    Anthropic (anthropic): sign-in is on.
    Provider   Account                           State             Signed in until  Limit
    anthropic  * a-ready (you@example.com)       ready             [days]  5 h 62 % · 7 d 18 %
                 b-limited (you@example.com)     at its limit      [days]  back [time]
                 c-refused (you@example.com)     sign in again     -  -
                 d-renews (you@example.com)      renews on use     renews by itself  -
                 e-unverified (you@example.com)  not verified yet  [days]  -
                 f-unreadable (you@example.com)  unreadable        [days]  -
                 g-soon (you@example.com)        ready             [days]  -
                 h-model (you@example.com)       ready             [days]  claude-opus-5 back [time]
    a-ready: you@example.com, Max plan, kept in a sealed file
    b-limited: you@example.com, Max plan, kept in a sealed file
      at its limit: 5-hour limit
    c-refused: you@example.com, Max plan, kept in a sealed file
      sign in again: invalid_grant
    d-renews: you@example.com, Max plan, kept in a sealed file
    e-unverified: you@example.com, Max plan, kept in a sealed file
    f-unreadable: you@example.com, Max plan, kept in a sealed file
      unreadable: the keyring is locked
    g-soon: you@example.com, Max plan, kept in a sealed file
    h-model: you@example.com, Max plan, kept in a sealed file
      claude-opus-5: 7-day limit, back in [span] ([time])
    --- stderr

    * used now.
    Vault: chosen at the next login. Limits as of [time].
    c-refused needs a new sign-in: llxprt auth anthropic login c-refused
    The sign-in of g-soon ends in [span] ([time]). To sign in anew: llxprt auth anthropic login g-soon
    anthropic sign-ins are restricted since 2026-02-19: Anthropic keeps claude.ai logins for its own apps; a key, or an approval of your own, is the sanctioned way.
      https://code.claude.com/docs/en/legal-and-compliance
    --- exit 0
    ");
    insta::assert_snapshot!(stand.home.run(&["--plain", "auth", "anthropic", "status"]).ok().stdout, @"
    Anthropic (anthropic): sign-in is on.
    anthropic, account a-ready (you@example.com): ready, in use. Signed in until [day]. 5-hour limit 62 percent used. 7-day limit 18 percent used.
    anthropic, account b-limited (you@example.com): at its limit. 5-hour limit. Available again at [time].
    anthropic, account c-refused (you@example.com): sign in again.
    anthropic, account d-renews (you@example.com): renews on use. Renews by itself.
    anthropic, account e-unverified (you@example.com): not verified yet. Signed in until [day].
    anthropic, account f-unreadable (you@example.com): unreadable. Signed in until [day].
    anthropic, account g-soon (you@example.com): ready. Signed in until [time].
    anthropic, account h-model (you@example.com): ready. Signed in until [day]. claude-opus-5 at its limit until [time].
    a-ready: you@example.com, Max plan, kept in a sealed file
    b-limited: you@example.com, Max plan, kept in a sealed file
      at its limit: 5-hour limit
    c-refused: you@example.com, Max plan, kept in a sealed file
      sign in again: invalid_grant
    d-renews: you@example.com, Max plan, kept in a sealed file
    e-unverified: you@example.com, Max plan, kept in a sealed file
    f-unreadable: you@example.com, Max plan, kept in a sealed file
      unreadable: the keyring is locked
    g-soon: you@example.com, Max plan, kept in a sealed file
    h-model: you@example.com, Max plan, kept in a sealed file
      claude-opus-5: 7-day limit, back in [span] ([time])
    ");
}

#[test]
fn the_table_of_all_providers_names_each() {
    let _times = timeless();
    let stand = two();
    let shown = stand.home.run(&["auth"]).ok();
    assert!(shown.stdout.starts_with("Provider"), "{shown}");
    assert!(shown.stdout.contains("* personal@gmail.com  ready"), "{shown}");
    assert!(shown.stderr.contains("Vault: sealed files"), "{shown}");
    assert!(shown.stdout.contains("retired since 2026-04-15") && !shown.stderr.contains("qwen"), "{shown}");
    let one = stand.home.run(&["auth", "qwen"]).ok();
    assert!(one.stderr.contains("qwen sign-ins are retired since 2026-04-15"), "{one}");
    assert!(shown.stderr.contains("anthropic sign-ins are restricted since 2026-02-19"), "{shown}");
}

#[test]
fn a_narrower_terminal_drops_columns_and_then_stacks() {
    let stand = pair();
    let _ = stand.home.run(&["-p", "hello"]).ok();
    for (columns, limit, until, stacked) in
        [(100, true, true, false), (80, false, true, false), (50, false, false, false), (30, true, true, true)]
    {
        let pty = stand.home.pty_of(50, columns, &[]);
        pty.wait_prompt();
        let shown = pty.ask("/auth anthropic");
        let head = shown.lines().find(|line| line.starts_with("Provider"));
        assert_eq!(head.is_none(), stacked, "{columns}\n{shown}");
        if let Some(head) = head {
            assert_eq!(
                (head.contains("Limit"), head.contains("Signed in until")),
                (limit, until),
                "{columns}\n{shown}"
            );
        }
        assert!(shown.contains("* work@company.com"), "{columns}\n{shown}");
        leave(pty);
    }
}

#[test]
fn the_document_is_as_the_contract_has_it() {
    let stand = pair();
    let _ = stand.home.run(&["-p", "hello"]).ok();
    stand.script.end_quota(WORK);
    let _ = stand.home.run(&["-p", "hello"]).ok();
    let all = stand.home.run(&["auth", "--json"]).ok().json();
    assert_eq!(all["schema"], "llxprt.auth.v1");
    assert_eq!(all["store"]["kind"], "file");
    let anthropic = all["providers"].as_array().unwrap().iter().find(|p| p["provider"] == "anthropic").unwrap();
    let members: Vec<&String> = anthropic.as_object().unwrap().keys().collect();
    assert_eq!(members, ["provider", "login", "status", "oauth_enabled", "credential", "buckets", "error"]);
    assert_eq!((&anthropic["login"], &anthropic["status"]), (&json!("on"), &json!("restricted")));
    assert_eq!(anthropic["credential"], json!({"tier": 5, "source": "oauth", "detail": PERSONAL}));
    let [work, personal] = anthropic["buckets"].as_array().unwrap().as_slice() else { panic!("{anthropic}") };
    assert_eq!(
        (&work["state"], &work["active"], &personal["active"]),
        (&json!("limited"), &json!(false), &json!(true))
    );
    assert!(work["limited_until"].as_str().unwrap().ends_with('Z'), "{work}");
    assert_eq!((&work["identity"], &work["plan"], &work["store"]), (&json!(WORK), &json!("max"), &json!("file")));
    assert_eq!(work["limits"][0]["window"], "5h");
    let mut one = stand.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    assert_eq!(one["schema"], "llxprt.auth.provider.v1");
    one.as_object_mut().unwrap().remove("schema");
    assert_eq!(&one, anthropic);
    // With a limit that is over nobody is limited, and nothing was asked for.
    stand.limits_pass();
    assert_eq!(stand.states()[WORK], "ready");
}

#[test]
fn a_key_that_stands_before_is_said_and_nobody_is_marked() {
    let stand = two();
    let browser = Browser::zero(&stand.home);
    let run = stand.home.typed(&["auth"]).env("ANTHROPIC_API_KEY", "sk-ant-api03-0123456789");
    let done = run.env("BROWSER", browser.command()).done().ok();
    assert!(!done.stdout.contains('*'), "{done}");
    assert!(done.stderr.contains("ANTHROPIC_API_KEY is set, and a key wins over a sign-in"), "{done}");
    let run = stand.home.typed(&["auth", "--json"]).env("ANTHROPIC_API_KEY", "sk-ant-api03-0123456789");
    let all = run.done().ok().json();
    assert_eq!(all["providers"][0]["credential"]["source"], "environment");
}

#[test]
fn a_thousand_accounts_are_shown_and_used_without_delay() {
    let stand = stand();
    stand.sign_in(WORK);
    stand.change_index(|index| {
        let entry = index["accounts"][format!("anthropic:{WORK}")].clone();
        for n in 0..1000 {
            index["accounts"][format!("anthropic:n{n:04}@x.org")] = entry.clone();
        }
    });
    let before = Instant::now();
    let shown = stand.home.run(&["auth"]).ok();
    let all = stand.home.run(&["auth", "--json"]).ok().json();
    let _ = stand.home.run(&["--bucket", WORK, "-p", "hello"]).ok();
    let took = before.elapsed();
    assert_eq!(shown.stdout.lines().filter(|line| line.contains("@x.org")).count(), 1000);
    assert_eq!(all["providers"][0]["buckets"].as_array().unwrap().len(), 1001);
    // Generous: a debug build on a loaded machine. The figure itself is printed by the benchmark.
    assert!(took.as_secs() < 20, "{took:?}");
}

#[test]
fn a_damaged_index_is_told_with_its_place_and_the_accounts_are_still_there() {
    let stand = pair();
    stand.home.write("data/index.json", "{\"version\": 1, \"accounts\": {");
    let done = stand.home.run(&["auth"]).ok();
    assert!(done.stderr.contains("index.json, is damaged"), "{done}");
    assert!(done.stdout.contains(WORK) && done.stdout.contains(PERSONAL), "{done}");
}

#[test]
fn an_index_that_was_built_again_claims_nothing_that_it_cannot_know() {
    let _times = timeless();
    let stand = pair();
    let before = stand.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    std::fs::remove_file(stand.home.path("data/index.json")).unwrap();
    // What the sealed files tell is read at once.
    let done = stand.home.run(&["auth", "anthropic"]).ok();
    insta::assert_snapshot!(done.stdout, @"
    Anthropic (anthropic): sign-in is on.
    Provider   Account               State  Signed in until  Limit
    anthropic  * work@company.com    ready  [days]  -
                 personal@gmail.com  ready  [days]  -
    work@company.com: who it is was not told, kept in a sealed file
    personal@gmail.com: who it is was not told, kept in a sealed file
    ");
    let after = stand.home.run(&["auth", "anthropic", "status", "--json"]).ok().json();
    for member in ["bucket", "state", "store", "expires_at", "refreshable", "signed_in_until"] {
        assert_eq!(after["buckets"][0][member], before["buckets"][0][member], "{member}");
    }
    // What cannot be opened is not made up.
    std::fs::remove_file(stand.home.path("data/index.json")).unwrap();
    for key in std::fs::read_dir(stand.home.path("data")).unwrap().flatten() {
        if key.file_name().to_string_lossy().ends_with(".key") {
            std::fs::rename(key.path(), stand.home.path("kept-aside")).unwrap();
        }
    }
    let shown = stand.home.run(&["auth", "anthropic"]).ok().stdout;
    for line in ["* work@company.com    unreadable  -                -", "The vault key "] {
        assert!(shown.contains(line), "{shown}");
    }
}
