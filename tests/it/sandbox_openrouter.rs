//! The stand-in for OpenRouter accepts and refuses what the real service does.

use std::time::Duration;

use llxprt::sandbox::openrouter::no_credits;
use llxprt::sandbox::{Endpoint, Sandbox, Script};
use reqwest::Client;
use serde_json::{Value, json};

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, client, data, get, put, sandbox, text, with};

const QUERY: [(&str, &str); 3] = [
    ("callback_url", "http://localhost:4000/callback/a1b2"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

struct Stand {
    http: Client,
    url: String,
    script: Script,
    _sandbox: Sandbox,
}

impl Stand {
    fn new() -> Self {
        let sandbox = sandbox();
        let (url, script) = (format!("{}/openrouter", sandbox.url()), sandbox.script("openrouter"));
        Self { http: client(), url, script, _sandbox: sandbox }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn decide(&self, account: &str, decision: &str) -> Got {
        let form = [("account", account), ("decision", decision)];
        get(self.http.post(self.at("/auth")).query(&QUERY).form(&form)).await
    }

    async fn code(&self, account: &str) -> String {
        let (url, params) = self.decide(account, "allow").await.landed();
        assert_eq!((url.path(), params.len()), ("/callback/a1b2", 1));
        params["code"].clone()
    }

    async fn exchange(&self, body: &Value) -> Got {
        get(self.http.post(self.at("/api/v1/auth/keys")).json(body)).await
    }

    async fn key(&self, account: &str) -> String {
        let got = self.exchange(&exchange(&self.code(account).await)).await;
        assert_eq!(got.status, 200, "{}", got.body);
        text(&got.json()["key"]).to_owned()
    }

    async fn ask(&self, key: &str, body: &Value) -> Got {
        get(self.http.post(self.at("/api/v1/chat/completions")).bearer_auth(key).json(body)).await
    }
}

fn exchange(code: &str) -> Value {
    json!({"code": code, "code_verifier": VERIFIER, "code_challenge_method": "S256"})
}

fn prompt(said: &str) -> Value {
    json!({"model": "anthropic/claude-sonnet-5", "stream": true, "messages": [{"role": "user", "content": said}]})
}

#[tokio::test]
async fn a_code_becomes_a_key_that_does_not_end() {
    let stand = Stand::new();
    let key = stand.key("personal@gmail.com").await;
    assert!(key.starts_with("sk-or-v1-"));
    stand.script.expire_access_tokens();
    stand.script.advance(Duration::from_secs(1_000_000_000));
    let about = get(stand.http.get(stand.at("/api/v1/key")).bearer_auth(&key)).await;
    assert!(about.status == 200 && !about.body.contains(&key) && about.at("/data/label").1.starts_with("sk-or-v1-"));
    stand.script.revoke("personal@gmail.com");
    assert_eq!(stand.ask(&key, &prompt("hi")).await.at("/error/message"), (401, "User not found.".to_owned()));
}

#[tokio::test]
async fn the_page_checks_callback_and_challenge() {
    let stand = Stand::new();
    let page = |query: Vec<(&'static str, &'static str)>| get(stand.http.get(stand.at("/auth")).query(&query));
    assert!(page(QUERY.to_vec()).await.body.contains("Pretend OpenRouter"));
    for (name, value) in [
        ("callback_url", ""),
        ("callback_url", "http://evil.example/"),
        ("callback_url", "file:///etc/passwd"),
        ("code_challenge", ""),
        ("code_challenge_method", "plain"),
    ] {
        assert_eq!(page(with(&QUERY, name, value)).await.status, 400, "{name}={value}");
    }
    let (_, params) = stand.decide("personal@gmail.com", "deny").await.landed();
    assert_eq!(params["error"], "access_denied");
}

#[tokio::test]
async fn the_exchange_is_checked_and_works_once() {
    let stand = Stand::new();
    let code = stand.code("personal@gmail.com").await;
    for (name, value, status) in [
        ("code", json!("guess"), 403),
        ("code", Value::Null, 400),
        ("code_verifier", json!(CHALLENGE), 403),
        ("code_verifier", Value::Null, 403),
        ("code_challenge_method", json!("plain"), 400),
    ] {
        assert_eq!(stand.exchange(&put(exchange(&code), name, value)).await.at("/error/code").0, status, "{name}");
    }
    let key = text(&stand.exchange(&exchange(&code)).await.json()["key"]).to_owned();
    assert_eq!(stand.exchange(&exchange(&code)).await.status, 403);
    assert_eq!(stand.ask(&key, &prompt("hi")).await.status, 401);
    assert_eq!(get(stand.http.get(stand.at("/api/v1/auth/keys"))).await.status, 405);
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_after_a_comment() {
    let stand = Stand::new();
    let key = stand.key("personal@gmail.com").await;
    let got = stand.ask(&key, &prompt("one two  drei ü")).await;
    assert!(got.body.starts_with(": OPENROUTER PROCESSING\n\n") && got.body.ends_with("data: [DONE]\n\n"));
    let events = data(&got.body);
    let deltas: Vec<_> = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(deltas.concat(), "one two  drei ü");
    let whole = stand.ask(&key, &put(prompt("hi there"), "stream", json!(false))).await;
    assert_eq!(whole.at("/choices/0/message/content"), (200, "hi there".to_owned()));
    let wrong = stand.ask(&key, &put(prompt("hi"), "model", json!("claude"))).await;
    assert_eq!(wrong.at("/error/message"), (400, "claude is not a valid model ID".to_owned()));
    assert_eq!(get(stand.http.post(stand.at("/api/v1/chat/completions"))).await.status, 401);
    assert_eq!(get(stand.http.get(stand.at("/api/v1/models"))).await.at("/data/0/id").0, 200);
}

#[tokio::test]
async fn a_used_up_account_gets_429_and_one_without_money_402() {
    let stand = Stand::new();
    let key = stand.key("work@company.com").await;
    for _ in 0..3 {
        assert_eq!(stand.ask(&key, &prompt("hi")).await.status, 200);
    }
    let got = stand.ask(&key, &prompt("hi")).await;
    assert_eq!(got.at("/error/code"), (429, "429".to_owned()));
    assert_eq!(got.at("/error/metadata/headers/X-RateLimit-Reset").1, got.header("x-ratelimit-reset"));
    stand.script.answer(Endpoint::Chat, no_credits());
    assert_eq!(stand.ask(&key, &prompt("hi")).await.at("/error/code"), (402, "402".to_owned()));
    let policy = stand.key("policy@example.com").await;
    assert_eq!(stand.ask(&policy, &prompt("hi")).await.status, 403);
}
