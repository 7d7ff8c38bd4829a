//! The stand-in for Anthropic accepts and refuses what the real service does.

use std::time::Duration;

use llxprt::sandbox::anthropic::{Limit, Policy, limited, overloaded, policy};
use llxprt::sandbox::{Answer, Chunk, End, Endpoint, Options, Sandbox, Script};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, client, data, get, put, sandbox, text, with};

const CLIENT: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
const BACK: &str = "http://localhost:54545/callback";
const WORK: &str = "work@company.com";
const PERSONAL: &str = "personal@gmail.com";

const QUERY: [(&str, &str); 8] = [
    ("code", "true"),
    ("client_id", CLIENT),
    ("response_type", "code"),
    ("redirect_uri", BACK),
    ("scope", "user:profile user:inference"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("state", "the-state"),
];

struct Stand {
    http: Client,
    url: String,
    script: Script,
    sandbox: Sandbox,
}

impl Stand {
    fn new() -> Self {
        Self::on(sandbox())
    }

    fn on(sandbox: Sandbox) -> Self {
        let (url, script) = (format!("{}/anthropic", sandbox.url()), sandbox.script("anthropic"));
        Self { http: client(), url, script, sandbox }
    }

    fn ready(&self, what: &str) -> String {
        self.sandbox.describe()["providers"]["anthropic"][what].as_str().unwrap().to_owned()
    }

    async fn page(&self, query: &[(&str, &str)]) -> Got {
        get(self.http.get(format!("{}/oauth/authorize", self.url)).query(query)).await
    }

    async fn decide(&self, query: &[(&str, &str)], form: &[(&str, &str)]) -> Got {
        get(self.http.post(format!("{}/oauth/authorize", self.url)).query(query).form(form)).await
    }

    async fn code(&self, account: &str, query: &[(&str, &str)]) -> String {
        let (_, params) = self.decide(query, &[("account", account), ("decision", "allow")]).await.landed();
        params["code"].clone()
    }

    async fn token(&self, body: Value) -> Got {
        get(self.http.post(format!("{}/v1/oauth/token", self.url)).json(&body)).await
    }

    async fn login(&self, account: &str) -> Value {
        let code = self.code(account, &QUERY).await;
        let got = self.token(exchange(&code)).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    async fn refresh(&self, token: &Value) -> Got {
        self.token(json!({"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT})).await
    }

    fn as_login(&self, path: &str, token: &str) -> RequestBuilder {
        let request = if path == "/v1/messages" { self.http.post(self.at(path)) } else { self.http.get(self.at(path)) };
        request
            .bearer_auth(token)
            .header("anthropic-beta", "x, oauth-2025-04-20")
            .header("anthropic-version", "2023-06-01")
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn ask(&self, token: &str, text: &str) -> Got {
        get(self.as_login("/v1/messages", token).json(&prompt(text))).await
    }
}

fn exchange(code: &str) -> Value {
    json!({"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": CLIENT,
        "code_verifier": VERIFIER, "state": "the-state"})
}

fn prompt(text: &str) -> Value {
    json!({"model": "claude-opus-5", "max_tokens": 1024, "stream": true,
        "messages": [{"role": "user", "content": text}]})
}

#[tokio::test]
async fn the_login_page_offers_accounts_and_names_what_is_asked() {
    let stand = Stand::new();
    let got = stand.page(&with(&QUERY, "login_hint", "ann@example.org")).await;
    assert_eq!(got.status, 200);
    for part in ["id=\"allow\"", "id=\"deny\"", "id=\"other\"", WORK, PERSONAL, "policy@example.com"] {
        assert!(got.body.contains(part), "{part}");
    }
    assert!(got.body.contains("value=\"ann@example.org\"") && got.body.contains("user:inference"));
    assert!(got.body.contains("Pretend Anthropic") && !got.body.contains("{{") && !got.body.contains("<script"));
    let hinted = stand.page(&with(&QUERY, "login_hint", PERSONAL)).await;
    assert!(hinted.body.contains("value=\"personal@gmail.com\" checked"));
}

#[tokio::test]
async fn a_wrong_client_or_redirect_is_told_to_the_person_and_never_redirected() {
    let stand = Stand::new();
    let wrong = [
        ("client_id", "somebody"),
        ("client_id", ""),
        ("redirect_uri", ""),
        ("redirect_uri", "http://127.0.0.1:54545/callback"),
        ("redirect_uri", "http://localhost:54545/other"),
        ("redirect_uri", "https://localhost:54545/callback"),
        ("redirect_uri", "http://localhost.evil.example/callback"),
        ("redirect_uri", "https://evil.example/oauth/code/callback"),
    ];
    for (name, value) in wrong {
        let got = stand.page(&with(&QUERY, name, value)).await;
        assert_eq!(got.status, 400, "{name}={value}");
        assert_eq!(got.header("location"), "");
    }
}

#[tokio::test]
async fn other_faults_of_the_request_go_back_to_the_client_with_its_state() {
    let stand = Stand::new();
    let wrong = [
        ("response_type", "token", "unsupported_response_type"),
        ("scope", "user:profile user:everything", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
    ];
    for (name, value, error) in wrong {
        let (url, params) = stand.page(&with(&QUERY, name, value)).await.landed();
        assert_eq!((url.port(), params["error"].as_str()), (Some(54545), error), "{name}");
        assert_eq!(params["state"], "the-state");
    }
    let (_, params) = stand.page(&with(&QUERY, "state", "")).await.landed();
    assert_eq!(params["error"], "invalid_request");
    let mut twice = QUERY.to_vec();
    twice.push(("scope", "user:profile"));
    assert_eq!(stand.page(&twice).await.landed().1["error"], "invalid_request");
}

#[tokio::test]
async fn deny_goes_back_as_access_denied() {
    let stand = Stand::new();
    let (_, params) = stand.decide(&QUERY, &[("account", WORK), ("decision", "deny")]).await.landed();
    assert_eq!((params["error"].as_str(), params["state"].as_str()), ("access_denied", "the-state"));
    assert!(!params["error_description"].is_empty());
}

#[tokio::test]
async fn any_typed_email_can_sign_in() {
    let stand = Stand::new();
    let form = [("account", WORK), ("other", "Ann@Example.org"), ("decision", "allow")];
    let code = stand.decide(&QUERY, &form).await.landed().1["code"].clone();
    let token = stand.token(exchange(&code)).await.json();
    assert_eq!(token["account"]["email_address"], "ann@example.org");
    assert_eq!(stand.decide(&QUERY, &[("other", "nobody"), ("decision", "allow")]).await.status, 400);
}

#[tokio::test]
async fn the_paste_page_shows_code_and_state() {
    let stand = Stand::new();
    let page = format!("{}/oauth/code/callback", stand.url);
    for redirect in [page.as_str(), "https://platform.claude.com/oauth/code/callback"] {
        let query = with(&QUERY, "redirect_uri", redirect);
        let (url, params) = stand.decide(&query, &[("account", WORK), ("decision", "allow")]).await.landed();
        assert!(url.as_str().starts_with(&page), "{url}");
        let shown = get(stand.http.get(url.as_str())).await;
        assert!(shown.body.contains(&format!(">{}#the-state</textarea>", params["code"])), "{}", shown.body);
        let ask = put(exchange(&params["code"]), "redirect_uri", json!(redirect));
        assert_eq!(stand.token(ask).await.status, 200);
    }
}

#[tokio::test]
async fn a_code_becomes_tokens_with_the_identity() {
    let stand = Stand::new();
    let token = stand.login(WORK).await;
    assert_eq!(token["token_type"], "Bearer");
    assert!(text(&token["access_token"]).starts_with("sk-ant-oat01-"));
    assert!(text(&token["refresh_token"]).starts_with("sk-ant-ort01-"));
    assert_eq!((&token["expires_in"], &token["refresh_token_expires_in"]), (&json!(28800), &json!(2_419_200)));
    assert_eq!(token["scope"], "user:inference user:profile");
    assert_eq!(token["account"]["email_address"], WORK);
    assert_eq!(token["organization"]["name"], "work@company.com's Organization");
    assert_eq!(stand.login(WORK).await["organization"], token["organization"]);
}

#[tokio::test]
async fn the_life_of_access_tokens_can_be_set() {
    let stand = Stand::on(Sandbox::start(Options { ttl: Some(7), ..Options::for_tests() }).await.unwrap());
    assert_eq!(stand.login(WORK).await["expires_in"], 7);
}

#[tokio::test]
async fn the_token_endpoint_takes_json_only() {
    let stand = Stand::new();
    let code = stand.code(WORK, &QUERY).await;
    let body = exchange(&code);
    let form: Vec<_> = body.as_object().unwrap().iter().map(|(n, v)| (n.clone(), text(v).to_owned())).collect();
    let got = get(stand.http.post(stand.at("/v1/oauth/token")).form(&form)).await;
    assert_eq!(got.at("/error/message"), (400, "Invalid request format".to_owned()));
    assert_eq!(got.at("/error/type").1, "invalid_request_error");
    assert_eq!(stand.token(body).await.status, 200);
}

#[tokio::test]
async fn every_part_of_an_exchange_is_checked() {
    let stand = Stand::new();
    let wrong = [
        ("state", json!("other"), "invalid_grant"),
        ("redirect_uri", json!("http://localhost:54546/callback"), "invalid_grant"),
        ("client_id", json!("somebody"), "invalid_grant"),
        ("code_verifier", json!("eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "invalid_grant"),
        ("code_verifier", Value::Null, "invalid_grant"),
        ("code", json!("ac_guess"), "invalid_grant"),
        ("grant_type", json!("password"), "unsupported_grant_type"),
    ];
    for (name, value, error) in wrong {
        let code = stand.code(WORK, &QUERY).await;
        let got = stand.token(put(exchange(&code), name, value)).await;
        assert_eq!(got.at("/error"), (400, error.to_owned()), "{name}");
    }
    for name in ["state", "code", "client_id", "redirect_uri", "grant_type"] {
        let code = stand.code(WORK, &QUERY).await;
        let got = stand.token(put(exchange(&code), name, Value::Null)).await;
        assert_eq!(got.at("/error/message"), (400, "Invalid request format".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_code_with_its_state_still_attached_is_refused() {
    let stand = Stand::new();
    let code = stand.code(WORK, &QUERY).await;
    let got = stand.token(exchange(&format!("{code}#the-state"))).await;
    assert_eq!(got.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_code_used_twice_revokes_what_it_gave() {
    let stand = Stand::new();
    let code = stand.code(WORK, &QUERY).await;
    let token = stand.token(exchange(&code)).await.json();
    assert_eq!(stand.token(exchange(&code)).await.at("/error"), (400, "invalid_grant".to_owned()));
    let got = stand.ask(text(&token["access_token"]), "hello").await;
    assert_eq!(got.at("/error/type"), (403, "permission_error".to_owned()));
    assert_eq!(stand.refresh(&token["refresh_token"]).await.status, 400);
}

#[tokio::test]
async fn a_code_lives_ten_minutes() {
    let stand = Stand::new();
    let (early, late) = (stand.code(WORK, &QUERY).await, stand.code(WORK, &QUERY).await);
    stand.script.advance(Duration::from_secs(590));
    assert_eq!(stand.token(exchange(&early)).await.status, 200);
    stand.script.advance(Duration::from_secs(11));
    assert_eq!(stand.token(exchange(&late)).await.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_refresh_rotates_and_a_spent_token_revokes_the_family() {
    let stand = Stand::new();
    let first = stand.login(WORK).await;
    let other = stand.login(WORK).await;
    let second = stand.refresh(&first["refresh_token"]).await;
    assert_eq!(second.status, 200);
    let second = second.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    assert_eq!(second["scope"], "user:inference user:profile");
    let replay = stand.refresh(&first["refresh_token"]).await;
    assert_eq!(replay.at("/error"), (400, "invalid_grant".to_owned()));
    assert_eq!(replay.at("/error_description").1, "Refresh token not found or invalid");
    assert_eq!(stand.refresh(&second["refresh_token"]).await.status, 400);
    assert_eq!(stand.ask(text(&second["access_token"]), "hello").await.status, 403);
    assert_eq!(stand.ask(text(&other["access_token"]), "hello").await.status, 200);
}

#[tokio::test]
async fn a_refresh_that_asks_for_more_is_invalid_scope_and_spends_nothing() {
    let stand = Stand::new();
    let token = stand.login(WORK).await;
    let ask = |scope: &str| {
        json!({"grant_type": "refresh_token", "refresh_token": token["refresh_token"],
            "client_id": CLIENT, "scope": scope})
    };
    let got = stand.token(ask("user:profile org:create_api_key")).await;
    assert_eq!(got.at("/error"), (400, "invalid_scope".to_owned()));
    assert_eq!(stand.token(ask("user:profile user:inference")).await.status, 200);
}

#[tokio::test]
async fn a_refresh_names_its_client() {
    let stand = Stand::new();
    let token = stand.login(WORK).await;
    let got = stand.token(json!({"grant_type": "refresh_token", "refresh_token": token["refresh_token"]})).await;
    assert_eq!(got.at("/error/message"), (400, "Invalid request format".to_owned()));
}

#[tokio::test]
async fn a_refresh_as_a_form_is_taken_only_where_a_test_says_so() {
    let stand = Stand::new();
    let token = stand.login(WORK).await;
    let form =
        [("grant_type", "refresh_token"), ("refresh_token", text(&token["refresh_token"])), ("client_id", CLIENT)];
    let ask = || get(stand.http.post(stand.at("/v1/oauth/token")).form(&form));
    assert_eq!(ask().await.status, 400);
    stand.script.vary(|variants| variants.form_refresh = true);
    assert_eq!(ask().await.status, 200);
}

#[tokio::test]
async fn a_login_ends_after_four_weeks_however_often_it_was_renewed() {
    let stand = Stand::new();
    let token = stand.login(WORK).await;
    stand.script.advance(Duration::from_secs(2_000_000));
    let token = stand.refresh(&token["refresh_token"]).await.json();
    assert!(token["refresh_token_expires_in"].as_i64().unwrap() <= 419_200);
    stand.script.advance(Duration::from_secs(419_200));
    let got = stand.refresh(&token["refresh_token"]).await;
    assert_eq!(got.at("/error_description"), (400, "Refresh token expired".to_owned()));
}

#[tokio::test]
async fn the_profile_needs_its_scope() {
    let stand = Stand::new();
    let token = stand.login(PERSONAL).await;
    let got = get(stand.http.get(stand.at("/api/oauth/profile")).bearer_auth(text(&token["access_token"]))).await;
    assert_eq!(got.at("/account/email"), (200, PERSONAL.to_owned()));
    assert_eq!(got.at("/organization/organization_type").1, "claude_pro");
    assert_eq!(got.json()["account"]["uuid"], token["account"]["uuid"]);
    let code = stand.code(WORK, &with(&QUERY, "scope", "user:inference")).await;
    let narrow = stand.token(exchange(&code)).await.json();
    for path in ["/api/oauth/profile", "/api/oauth/usage"] {
        let got = get(stand.as_login(path, text(&narrow["access_token"]))).await;
        let why = "OAuth token does not meet scope requirement user:profile";
        assert_eq!(got.at("/error/message"), (403, why.to_owned()));
    }
    assert_eq!(get(stand.http.get(stand.at("/api/oauth/profile"))).await.status, 401);
}

#[tokio::test]
async fn usage_tells_percent_and_wants_the_version_header() {
    let stand = Stand::new();
    let token = stand.ready("access_token");
    let fresh = get(stand.as_login("/api/oauth/usage", &token)).await;
    assert_eq!(fresh.at("/five_hour/resets_at"), (200, "null".to_owned()));
    stand.ask(&token, "hello").await;
    let used = get(stand.as_login("/api/oauth/usage", &token)).await.json();
    assert_eq!(used["five_hour"]["utilization"], 33.0);
    assert!(text(&used["five_hour"]["resets_at"]).ends_with("+00:00"));
    let bare = get(stand.http.get(stand.at("/api/oauth/usage")).bearer_auth(&token)).await;
    assert_eq!((bare.status.as_u16(), bare.header("retry-after")), (429, "0"));
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_word_for_word() {
    let stand = Stand::new();
    let said = "Grüße an  alle,\n日本語 and 🦀 too. ";
    let got = stand.ask(&stand.ready("access_token"), said).await;
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, "text/event-stream; charset=utf-8"));
    let events = data(&got.body);
    let names: Vec<_> = got.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names[..3], ["message_start", "content_block_start", "ping"]);
    assert_eq!(names[names.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
    assert_eq!(names, events.iter().map(|event| text(&event["type"])).collect::<Vec<_>>());
    let deltas: Vec<_> = events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect();
    assert!(deltas.len() > 2);
    assert_eq!(deltas.concat(), said);
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "end_turn");
    assert_eq!(events[events.len() - 2]["usage"]["output_tokens"], 7);
    assert!(events[0]["message"]["usage"]["input_tokens"].as_u64().unwrap() > 7);
}

#[tokio::test]
async fn the_stream_comes_in_pieces_that_split_characters() {
    let stand = Stand::new();
    let request = stand.as_login("/v1/messages", &stand.ready("access_token")).json(&prompt("äöü ".repeat(50).trim()));
    let mut response = request.send().await.unwrap();
    let mut split = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        split += usize::from(std::str::from_utf8(&chunk).is_err());
    }
    assert!(split > 10, "{split}");
}

#[tokio::test]
async fn an_answer_without_streaming_is_one_message() {
    let stand = Stand::new();
    let history = json!([{"role": "user", "content": "My name is Ann."}, {"role": "assistant", "content": "Hello Ann."},
        {"role": "user", "content": [{"type": "text", "text": "What is "}, {"type": "text", "text": "my name?"}]}]);
    let body = put(put(prompt(""), "messages", history), "stream", json!(false));
    let got = get(stand.as_login("/v1/messages", &stand.ready("access_token")).json(&body)).await;
    assert_eq!(got.at("/content/0/text"), (200, "What is my name?".to_owned()));
    assert_eq!(got.at("/stop_reason").1, "end_turn");
    let short = put(body, "max_tokens", json!(2));
    let got = get(stand.as_login("/v1/messages", &stand.ready("access_token")).json(&short)).await;
    assert_eq!((got.at("/content/0/text").1.as_str(), got.at("/stop_reason").1.as_str()), ("What is ", "max_tokens"));
}

#[tokio::test]
async fn a_login_needs_the_oauth_beta_and_everyone_the_version() {
    let stand = Stand::new();
    let (token, key) = (stand.ready("access_token"), stand.ready("api_key"));
    let post = || stand.http.post(stand.at("/v1/messages")).json(&prompt("hello"));
    let got = get(post().bearer_auth(&token).header("anthropic-version", "2023-06-01")).await;
    assert_eq!(got.at("/error/message"), (401, "OAuth authentication is currently not supported.".to_owned()));
    let got = get(post().bearer_auth(&token).header("anthropic-beta", "oauth-2025-04-20")).await;
    assert_eq!(got.at("/error/message"), (400, "anthropic-version: header is required".to_owned()));
    let got = get(post().header("x-api-key", &key).header("anthropic-version", "2023-06-01")).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("anthropic-ratelimit-unified-status"), "");
    let bearer = get(post().bearer_auth(&key).header("anthropic-version", "2026-10-21")).await;
    assert_eq!(bearer.status, 200);
    let old = get(post().bearer_auth(&key).header("anthropic-version", "2020-01-01")).await;
    assert_eq!(old.at("/error/message").1, "anthropic-version: not a valid version");
    assert!(got.header("anthropic-ratelimit-requests-reset").contains('T'));
}

#[tokio::test]
async fn a_key_and_a_login_in_one_request_are_refused_and_noted() {
    let stand = Stand::new();
    let request = stand.as_login("/v1/messages", &stand.ready("access_token")).json(&prompt("hello"));
    let got = get(request.header("x-api-key", stand.ready("api_key"))).await;
    assert_eq!(got.status, 400);
    assert_eq!(stand.script.violations(), ["POST /v1/messages: two credentials (authorization and x-api-key)"]);
}

#[tokio::test]
async fn a_token_in_a_url_is_noted() {
    let stand = Stand::new();
    let token = stand.ready("access_token");
    get(stand.as_login("/v1/models", &token).query(&[("t", token.as_str())])).await;
    assert_eq!(stand.script.violations(), ["GET /v1/models: a secret in the query (t)"]);
}

#[tokio::test]
async fn unknown_expired_and_revoked_credentials_are_told_apart() {
    let stand = Stand::new();
    let login = stand.login(PERSONAL).await;
    let token = text(&login["access_token"]);
    let why = |got: Got| got.at("/error/message");
    assert_eq!(why(stand.ask("nothing", "hello").await), (401, "Invalid authentication credentials".to_owned()));
    stand.script.expire_access_tokens();
    let expired = "OAuth token has expired. Please obtain a new token or refresh your existing token.";
    assert_eq!(why(stand.ask(token, "hello").await), (401, expired.to_owned()));
    let renewed = stand.refresh(&login["refresh_token"]).await.json();
    assert_eq!(stand.ask(text(&renewed["access_token"]), "hello").await.status, 200);
    stand.script.revoke(PERSONAL);
    let revoked = stand.ask(text(&renewed["access_token"]), "hello").await;
    assert_eq!(revoked.at("/error/type").1, "permission_error");
    assert!(why(revoked).1.starts_with("OAuth token has been revoked"));
    let post = |key: &str| {
        let request = stand.http.post(stand.at("/v1/messages")).header("anthropic-version", "2023-06-01");
        get(request.header("x-api-key", key).json(&prompt("hello")))
    };
    assert_eq!(why(post("sk-ant-api03-no").await), (401, "invalid x-api-key".to_owned()));
    stand.script.add_key("sk-ant-api03-mine", WORK);
    assert_eq!(post("sk-ant-api03-mine").await.status, 200);
    assert_eq!(get(stand.http.post(stand.at("/v1/messages"))).await.status, 401);
}

#[tokio::test]
async fn request_bodies_are_checked() {
    let stand = Stand::new();
    let token = stand.ready("access_token");
    let user = |text: &str| json!({"role": "user", "content": text});
    let reply = json!({"role": "assistant", "content": "hi"});
    let wrong = [
        ("model", Value::Null, "model: Field required"),
        ("max_tokens", Value::Null, "max_tokens: Field required"),
        ("max_tokens", json!(0), "max_tokens: Input should be greater than or equal to 1"),
        ("messages", Value::Null, "messages: Field required"),
        ("messages", json!([]), "messages: at least one message is required"),
        ("messages", json!([reply.clone()]), "messages: first message must use the \"user\" role"),
        ("messages", json!([user("a"), user("b")]), "messages: roles must alternate"),
        ("messages", json!([user("")]), "messages.0: user messages must have non-empty content"),
        ("messages", json!([{"role": "system", "content": "x"}]), "messages.0.role: Input should be"),
        ("stream", json!("yes"), "stream: Input should be a valid boolean"),
        ("input", json!([]), "input: Extra inputs are not permitted"),
        ("temperature", json!(3), "temperature: range: 0..1"),
    ];
    for (name, value, why) in wrong {
        let got = get(stand.as_login("/v1/messages", &token).json(&put(prompt("hello"), name, value))).await;
        assert_eq!(got.at("/error/type"), (400, "invalid_request_error".to_owned()), "{name}");
        assert!(got.at("/error/message").1.starts_with(why), "{}", got.body);
    }
    let got = get(stand.as_login("/v1/messages", &token).json(&put(prompt("x"), "model", json!("gpt-9")))).await;
    assert_eq!(got.at("/error/type"), (404, "not_found_error".to_owned()));
    assert_eq!(stand.script.requests_to(Endpoint::Chat).len(), 13);
}

#[tokio::test]
async fn answers_to_logins_carry_the_limits() {
    let stand = Stand::new();
    let got = stand.ask(&stand.ready("access_token"), "hello").await;
    assert_eq!(got.header("anthropic-ratelimit-unified-status"), "allowed");
    assert_eq!(got.header("anthropic-ratelimit-unified-5h-utilization"), "0.33");
    assert_eq!(got.header("anthropic-ratelimit-unified-overage-status"), "rejected");
    assert!(got.header("request-id").starts_with("req_011C"));
    assert_eq!(got.header("anthropic-organization-id").len(), 36);
}

#[tokio::test]
async fn the_work_account_reaches_its_limit_and_is_back_after_a_minute() {
    let stand = Stand::new();
    let (one, two) = (stand.login(WORK).await, stand.login(WORK).await);
    let (one, two) = (text(&one["access_token"]), text(&two["access_token"]));
    for token in [one, two, one] {
        assert_eq!(stand.ask(token, "hello").await.status, 200);
    }
    for token in [one, two] {
        let got = stand.ask(token, "hello").await;
        assert_eq!(got.at("/error/type"), (429, "rate_limit_error".to_owned()));
        assert_eq!(got.header("anthropic-ratelimit-unified-5h-status"), "rejected");
        assert_eq!(got.header("anthropic-ratelimit-unified-representative-claim"), "five_hour");
        let wait: u64 = got.header("retry-after").parse().unwrap();
        assert!((55..=60).contains(&wait), "{wait}");
    }
    let personal = stand.login(PERSONAL).await;
    assert_eq!(stand.ask(text(&personal["access_token"]), "hello").await.status, 200);
    stand.script.advance(Duration::from_secs(60));
    assert_eq!(stand.ask(one, "hello").await.status, 200);
}

#[tokio::test]
async fn tests_can_set_and_end_a_quota() {
    let stand = Stand::new();
    let personal = stand.login(PERSONAL).await;
    let token = text(&personal["access_token"]);
    stand.script.set_quota(PERSONAL, 1);
    assert_eq!(stand.ask(token, "hello").await.status, 200);
    assert_eq!(stand.ask(token, "hello").await.status, 429);
    stand.script.set_quota(PERSONAL, 5);
    assert_eq!(stand.ask(token, "hello").await.status, 200);
    stand.script.end_quota(PERSONAL);
    assert_eq!(stand.ask(token, "hello").await.status, 429);
}

#[tokio::test]
async fn the_policy_account_signs_in_and_is_refused_by_terms() {
    let stand = Stand::new();
    let login = stand.login("policy@example.com").await;
    let token = text(&login["access_token"]);
    assert_eq!(get(stand.as_login("/api/oauth/profile", token)).await.status, 200);
    let got = stand.ask(token, "hello").await;
    assert_eq!(got.at("/error/type"), (400, "invalid_request_error".to_owned()));
    assert!(got.at("/error/message").1.starts_with("This credential is only authorized for use with Claude Code"));
}

#[tokio::test]
async fn models_are_listed_for_logins_and_keys() {
    let stand = Stand::new();
    let got = get(stand.as_login("/v1/models", &stand.ready("access_token")).query(&[("limit", "1000")])).await;
    assert_eq!(got.at("/data/0/id"), (200, "claude-opus-5".to_owned()));
    let page = get(stand.as_login("/v1/models", &stand.ready("access_token")).query(&[("limit", "2")])).await.json();
    assert_eq!((&page["has_more"], &page["last_id"]), (&json!(true), &json!("claude-sonnet-5")));
    assert_eq!(get(stand.http.get(stand.at("/v1/models"))).await.status, 401);
    assert_eq!(get(stand.http.get(stand.at("/v1/nothing"))).await.at("/error/type").0, 404);
    assert_eq!(get(stand.http.get(stand.at("/v1/messages"))).await.at("/error/type").0, 405);
}

#[tokio::test]
async fn scripted_limits_tell_which_window_is_used_up() {
    let stand = Stand::new();
    let token = stand.ready("access_token");
    let windows = [
        (Limit::FiveHours, "rejected", "allowed", ""),
        (Limit::SevenDays, "allowed", "rejected", ""),
        (Limit::Model, "allowed", "allowed", "rejected"),
        (Limit::Overage, "allowed", "allowed", ""),
        (Limit::Burst, "", "", ""),
    ];
    for (limit, five, seven, model) in windows {
        stand.script.answer(Endpoint::Chat, limited(limit, 1_790_814_600, 7_999));
        let got = stand.ask(&token, "hello").await;
        let header = |name: &str| got.header(&format!("anthropic-ratelimit-unified-{name}-status")).to_owned();
        assert_eq!((got.status.as_u16(), got.header("retry-after")), (429, "7999"));
        assert_eq!((header("5h").as_str(), header("7d").as_str(), header("7d_oi").as_str()), (five, seven, model));
    }
    for (answer, status) in [(overloaded(), 529), (policy(Policy::ExtraUsage), 400), (policy(Policy::Balance), 400)] {
        stand.script.answer(Endpoint::Chat, answer);
        assert_eq!(stand.ask(&token, "hello").await.at("/type"), (status, "error".to_owned()));
    }
    stand.script.answer(Endpoint::Usage, limited(Limit::Burst, 0, 2_880));
    assert_eq!(get(stand.as_login("/api/oauth/usage", &token)).await.header("retry-after"), "2880");
    assert_eq!(stand.ask(&token, "hello").await.status, 200);
}

#[tokio::test]
async fn a_scripted_stream_can_end_with_an_error_or_be_cut() {
    let stand = Stand::new();
    let token = stand.ready("access_token");
    let error = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n";
    stand.script.answer(Endpoint::Chat, Answer::stream(vec![Chunk::new(error)], End::Whole));
    assert_eq!(stand.ask(&token, "hello").await.body, error);
    stand.script.vary(|variants| variants.drop_after = Some(4));
    let mut response = stand.as_login("/v1/messages", &token).json(&prompt("one two three")).send().await.unwrap();
    let mut body = Vec::new();
    let cut = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(cut);
    assert_eq!(data(&String::from_utf8(body).unwrap()).last().unwrap()["delta"]["text"], "one ");
}
