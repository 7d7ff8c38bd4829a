//! The stand-in for Anthropic accepts and refuses what the real service does.

use std::time::Duration;

use llxprt::sandbox::{Options, Sandbox, Script};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, client, get, put, sandbox, text, with};

pub const CLIENT: &str = "9d1c250a-e61b-44d9-88ed-5944d1962f5e";
pub const BACK: &str = "http://localhost:54545/callback";
pub const WORK: &str = "work@company.com";
pub const PERSONAL: &str = "personal@gmail.com";

pub const QUERY: [(&str, &str); 8] = [
    ("code", "true"),
    ("client_id", CLIENT),
    ("response_type", "code"),
    ("redirect_uri", BACK),
    ("scope", "user:profile user:inference"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("state", "the-state"),
];

pub struct Stand {
    pub http: Client,
    pub url: String,
    pub script: Script,
    pub sandbox: Sandbox,
}

impl Stand {
    pub fn new() -> Self {
        Self::on(sandbox())
    }

    pub fn on(sandbox: Sandbox) -> Self {
        let (url, script) = (format!("{}/anthropic", sandbox.url()), sandbox.script("anthropic"));
        Self { http: client(), url, script, sandbox }
    }

    pub fn ready(&self, what: &str) -> String {
        self.sandbox.describe()["providers"]["anthropic"][what].as_str().unwrap().to_owned()
    }

    pub async fn page(&self, query: &[(&str, &str)]) -> Got {
        get(self.http.get(format!("{}/oauth/authorize", self.url)).query(query)).await
    }

    pub async fn decide(&self, query: &[(&str, &str)], form: &[(&str, &str)]) -> Got {
        get(self.http.post(format!("{}/oauth/authorize", self.url)).query(query).form(form)).await
    }

    pub async fn code(&self, account: &str, query: &[(&str, &str)]) -> String {
        let (_, params) = self.decide(query, &[("account", account), ("decision", "allow")]).await.landed();
        params["code"].clone()
    }

    pub async fn token(&self, body: Value) -> Got {
        get(self.http.post(format!("{}/v1/oauth/token", self.url)).json(&body)).await
    }

    pub async fn login(&self, account: &str) -> Value {
        let code = self.code(account, &QUERY).await;
        let got = self.token(exchange(&code)).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    pub async fn refresh(&self, token: &Value) -> Got {
        self.token(json!({"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT})).await
    }

    pub fn as_login(&self, path: &str, token: &str) -> RequestBuilder {
        let request = if path == "/v1/messages" { self.http.post(self.at(path)) } else { self.http.get(self.at(path)) };
        request
            .bearer_auth(token)
            .header("anthropic-beta", "x, oauth-2025-04-20")
            .header("anthropic-version", "2023-06-01")
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn ask(&self, token: &str, text: &str) -> Got {
        get(self.as_login("/v1/messages", token).json(&prompt(text))).await
    }
}

pub fn exchange(code: &str) -> Value {
    json!({"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": CLIENT,
        "code_verifier": VERIFIER, "state": "the-state"})
}

pub fn prompt(text: &str) -> Value {
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
