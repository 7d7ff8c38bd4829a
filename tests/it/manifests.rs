//! Providers by a file: what is wrong with one is told with its place, and spoils no other.

use llxprt::sandbox::{Answer, Endpoint, Options, Sandbox};
use serde_json::{Value, json};

use crate::provider_steps::Stand;

const GOOD: &str = r#"name = "gateway"
default_model = "m"
[oauth]
flows = ["device"]
client_id = "x"
token_url = "https://sso.example.com/token"
device_url = "https://sso.example.com/device"
[api]
dialect = "openai-chat"
base_url = "https://ai.example.com/v1"
"#;

#[test]
fn a_file_that_is_wrong_is_named_with_line_and_key() {
    let stand = Stand::new("codex");
    for (from, to, words) in [
        ("default_model", "defaultmodel", "line 2: defaultmodel: unknown field `defaultmodel`"),
        ("client_id", "clientid", "line 5: oauth.clientid: unknown field `clientid`"),
        ("https://sso.example.com/token", "http://sso.example.com/token", "line 6: oauth.token_url must be https"),
        ("https://ai", "http://ai", "line 10: api.base_url must be https"),
        ("https://ai.example.com/v1", "ftp://ai.example.com", "line 10: api.base_url must be https, not ftp"),
        ("https://ai", "https://user:pw@ai", "must not carry a user name or password"),
        ("\"gateway\"", "\"other\"", "line 1: name is \"other\", but the file is named after \"gateway\""),
        ("name = \"gateway\"\n", "", "name is missing"),
        ("\"device\"", "\"telepathy\"", "line 4: oauth.flows: unknown variant `telepathy`"),
        ("[\"device\"]", "[]", "line 4: oauth.flows name at least one of"),
        ("device_url", "revoke_url", "oauth.device_url is missing"),
        ("client_id = \"x\"", "device = \"openai\"", "oauth.device_poll_url is missing"),
        ("client_id = \"x\"", "verify = \"guess\"", "line 5: oauth.verify: unknown variant `guess`"),
        ("client_id = \"x\"", "identity_at = { mail = \"/m\" }", "has no mail: use email, id, plan, account"),
        ("client_id = \"x\"", "identity_at = { email = \"m\" }", "JSON Pointers, which begin with /"),
        ("client_id = \"x\"", "identity_at = { email = [\"/m\", \"n\"] }", "JSON Pointers, which begin with /"),
        ("client_id = \"x\"", "claim_headers = { Authorization = \"/x\" }", "must not set Authorization"),
        ("client_id = \"x\"", "project_header = \"Cookie\"", "must not set Cookie"),
        (
            "client_id = \"x\"",
            "redirect = { host = \"example.com\", path = \"/cb\" }",
            "host must be localhost or 127.0.0.1",
        ),
        ("openai-chat\"", "gemini\"\nheaders = { \"a b\" = \"c\" }", "is not a header"),
        ("client_id = \"x\"", "client_id = \"x\"\nclient_id = \"y\"", "line 6: client_id: duplicate key"),
        ("[api]", "[oauth]\n[api]", "line 8: oauth: duplicate key"),
        ("[api]", "[ap", "line 8: [ap: "),
        (
            "client_id = \"x\"",
            "scopes = \"a\"",
            "line 5: oauth.scopes: invalid type: string \"a\", expected a sequence",
        ),
        ("client_id = \"x\"", "scopes = [\n\"a\",\n1]", "line 7: oauth.scopes: invalid type: integer `1`"),
        (
            "client_id = \"x\"",
            "redirect = { host = \"localhost\", path = \"/\", ports = [70000] }",
            "line 5: oauth.redirect.ports: invalid value: integer `70000`",
        ),
        ("[api]", "[oauth.claim_headers]\nCookie = \"/x\"\n[api]", "line 8: oauth.claim_headers must not set Cookie"),
        ("[api]", "[api.headers]\nHost = \"x\"\n[api]", "line 8: api.headers must not set Host"),
        (
            &GOOD[GOOD.find("[oauth]").unwrap()..GOOD.find("[api]").unwrap()],
            "oauth.flows = [\"device\"]\noauth.token_url = \"http://sso.example.com/token\"\n",
            "line 4: oauth.token_url must be https",
        ),
        (
            "client_id = \"x\"\n",
            "verify_url = \"https://a.example\"\nverify = 7\n",
            "line 6: oauth.verify: wanted string",
        ),
        (
            "[api]\ndialect = \"openai-chat\"",
            "verify_url = \"https://a.example\"\nverify = \"chat\"\n[api]\ndialect = \"gemini\"",
            "line 9: oauth.verify can be \"chat\" with",
        ),
        (
            "client_id = \"x\"",
            "link = \"http://sso.example.com\"",
            "line 5: oauth.link must be https: http is for loopback",
        ),
        ("client_id = \"x\"", "link = \"javascript:alert(1)\"", "line 5: oauth.link must be https, not javascript"),
        ("default_model", "keys_at = \"../x\"\ndefault_model", "keys_at"),
        ("client_id = \"x\"", "verify = \"chat\"\nclient_id = \"x\"", ""),
    ] {
        stand.home.write("config/providers/gateway.toml", GOOD.replacen(from, to, 1));
        let done = stand.home.run(&["auth", "gateway", "status"]);
        if words.is_empty() {
            let _ = done.ok();
            continue;
        }
        let done = done.exit(78);
        assert!(done.stderr.contains(words) && done.stderr.contains("gateway.toml"), "{to}: {done}");
        assert!(done.stderr.contains("E-MANIFEST"), "{done}");
        let _ = stand.auth(&["status"]).ok();
    }
}

#[test]
fn a_file_of_the_wrong_kind_or_name_is_told_and_spoils_no_other() {
    let stand = Stand::new("codex");
    let providers = |name: &str| stand.home.path(&format!("config/providers/{name}.toml"));
    stand.home.write("config/providers/Gateway.toml", GOOD.replace("gateway", "Gateway"));
    std::fs::create_dir_all(providers("folder")).unwrap();
    stand.home.write("config/providers/bytes.toml", b"name = \"bytes\"\xff");
    stand.home.write("config/providers/long.toml", format!("# {}\n{GOOD}", "x".repeat(300_000)));
    // A built-in provider whose file is wrong is not used with half of it.
    stand.home.write("config/providers/gemini.toml", "[oauth]\ntoken_uri = \"https://a.example\"\n");
    for (name, words) in [
        ("gateway", "is named in a-z, 0-9 and -"),
        ("folder", "folder.toml"),
        ("bytes", "bytes.toml"),
        ("long", "is over 256 KiB"),
        ("gemini", "line 2: oauth.token_uri: unknown field `token_uri`"),
    ] {
        let done = stand.home.run(&["auth", name, "status"]);
        assert!(matches!(done.status(), 2 | 78), "{name}: {done}");
        assert!(done.stderr.contains(words), "{name}: {done}");
    }
    let table = stand.home.run(&["auth"]).ok();
    for name in ["anthropic", "codex", "openai", "openrouter", "qwen"] {
        assert!(table.stdout.contains(name), "{table}");
    }
}

#[test]
fn a6_a_file_that_moves_a_built_in_provider_elsewhere_does_not_take_its_login_along() {
    let stand = Stand::new("codex").accepted("2026-09-29");
    let _ = stand.auth(&["login"]).ok();
    let moved = "[oauth]\ntoken_url = \"https://evil.example/oauth/token\"\n";
    stand.home.write("config/providers/codex.toml", moved);
    let done = stand.say("hello").exit(4);
    assert!(done.stderr.contains("evil.example") && done.stderr.contains("E-OTHER-HOST"), "{done}");
}

#[test]
fn a6_any_place_that_a_login_was_not_made_for_gets_none_of_it_and_a_new_login_mends_that() {
    let evil = Sandbox::start_blocking(Options::for_tests()).unwrap();
    let there = evil.url().replace("127.0.0.1", "localhost");
    for key in ["usage_url", "verify_url", "revoke_url", "token_url", "[api]\nbase_url"] {
        let stand = Stand::short("codex").accepted("2026-09-29");
        let state = || stand.auth(&["status", "--json"]).ok().json()["buckets"][0]["state"].clone();
        let _ = stand.auth(&["login"]).ok();
        let usual = stand.home.read("config/providers/codex.toml");
        let moved = format!("{usual}{key} = \"{there}/codex/x\"\n");
        stand.home.write("config/providers/codex.toml", &moved);
        let before = stand.script.requests().len();
        assert_eq!(state(), "needs-login", "{key}");
        let done = stand.say("hello").exit(4);
        assert!(done.stderr.contains("names http://localhost:") && done.stderr.contains("E-OTHER-HOST"), "{done}");
        assert!(done.stderr.contains("llxprt auth codex login --force"), "{done}");
        let _ = stand.home.typed(&["auth", "codex", "token"]).done().exit(4);
        let quota = stand.home.run(&["stats", "quota"]).ok();
        assert!(quota.stdout.contains("needs a new sign-in: it was made at [sandbox], and its"), "{quota}");
        assert_eq!(stand.script.requests().len(), before, "{key}");

        // The old manifest takes it up again: nothing was deleted.
        stand.home.write("config/providers/codex.toml", &usual);
        assert_ne!(state(), "needs-login", "{key}");
        assert_eq!(stand.say("hello").ok().stdout, "hello\n");

        stand.home.write("config/providers/codex.toml", &moved);
        if matches!(key, "token_url" | "verify_url") {
            let out = stand.auth(&["logout"]).ok();
            assert!(out.stderr.contains("did not confirm"), "{out}");
        } else {
            // Perhaps the file is what is wrong: nothing is replaced unasked.
            let done = stand.auth(&["login"]).exit(4);
            assert!(done.stderr.contains("E-OTHER-HOST"), "{done}");
            let done = stand.auth(&["login", "--force"]).ok();
            assert!(done.stderr.contains("Signed in to codex"), "{done}");
            assert_ne!(state(), "needs-login", "{key}");
        }
    }
    assert_eq!(evil.script("codex").requests(), []);
}

/// A6, F12: nothing but a whole token answer is a login, and no answer makes it panic or follow.
#[test]
fn a_token_answer_of_any_wrong_shape_is_no_login() {
    let stand = Stand::new("codex").accepted("2026-09-29");
    let json = |value: Value| Answer::json(200, value);
    for (answer, words) in [
        (json(json!({})), "access_token is missing"),
        (json(json!({"access_token": null})), "access_token is missing"),
        (json(json!({"access_token": ["a"]})), "access_token is missing"),
        (json(json!([])), "no token answer"),
        (json(json!("token")), "no token answer"),
        (
            json(json!({"error": "invalid_grant", "error_description": "Used\u{1b}[31m up."})),
            "did not accept the code: Used up.",
        ),
        (json(json!({"error": {"message": "No.", "code": 7}})), "did not accept the code: No."),
        (Answer::json(400, json!({"error": "invalid_grant"})), "did not accept the code: invalid_grant."),
        (Answer::json(500, json!({"error": "server_error"})), "did not accept the code: server_error."),
        (Answer::html(200, "<html>Sign in to the hotel's network</html>"), "no token answer"),
        (Answer::html(511, "<html>Network authentication required</html>"), "status 511 with a web page"),
        (Answer::text(200, "application/json", "x".repeat(2 << 20)), "over 1024 KiB"),
        (Answer::redirect("https://evil.example/take"), "redirects the token request to https://evil.example/take"),
        (Answer::empty(200), "no token answer"),
        (Answer::empty(204), "no token answer"),
        (llxprt::sandbox::codex::cloudflare(), "status 403 with"),
    ] {
        stand.script.answer(Endpoint::Token, answer);
        let done = stand.auth(&["login"]);
        assert!(matches!(done.status(), 1 | 69), "{done}");
        assert!(done.stderr.contains(words) && !done.stderr.contains('\u{1b}'), "{words}: {done}");
    }
    assert_eq!(stand.script.count(Endpoint::Usage), 0, "no such token was used");
    // What is odd and can be read is a login.
    let access = stand.ready("access_token");
    let id_token = stand.ready("id_token");
    for odd in [
        json!({"access_token": access, "id_token": id_token, "expires_in": "3600", "scope": ["a", "b"], "token_type": 7}),
        json!({"access_token": access, "id_token": id_token, "expires_in": -1, "error": null, "refresh_token": null}),
        json!({"access_token": access, "id_token": "not.a.token", "expires_in": 1e300}),
    ] {
        stand.script.answer(Endpoint::Token, Answer::json(200, odd.clone()));
        let done = stand.auth(&["login", "--force"]).ok();
        assert!(done.stderr.contains("Signed in to codex"), "{odd}: {done}");
    }
}

#[test]
fn a_redirect_of_a_prompt_is_an_error_that_names_where_it_points() {
    let stand = Stand::new("codex").accepted("2026-09-29");
    let _ = stand.auth(&["login"]).ok();
    stand.script.answer(Endpoint::Chat, Answer::redirect("https://evil.example/take"));
    let done = stand.say("hello").exit(1);
    assert!(done.stderr.contains("redirects the request to https://evil.example/take; it was not followed"), "{done}");
}

#[test]
fn every_built_in_provider_is_listed_with_its_status() {
    let stand = Stand::new("codex");
    let json = stand.home.run(&["auth", "--json"]).ok().json();
    let listed: Vec<String> = json["providers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            format!(
                "{} {} {}",
                p["provider"].as_str().unwrap(),
                p["status"].as_str().unwrap(),
                p["login"].as_str().unwrap()
            )
        })
        .collect();
    insta::assert_snapshot!(listed.join("\n"), @"
    anthropic restricted off
    codex restricted off
    gemini active off
    openai active key-only
    openrouter active off
    qwen retired off
    ");
}
