//! The stand-in for Qwen accepts and refuses what the real service did.

use std::time::Duration;

use llxprt::sandbox::qwen::{error_finish, free_quota, slow_down, throttled};
use llxprt::sandbox::{Answer, Endpoint, Sandbox, Script};
use reqwest::Client;
use serde_json::{Value, json};
use url::Url;

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, client, data, get, put, sandbox, text, with};

const CLIENT: &str = "f0304373b74a44d2b584a3fb70ca9e56";
const BEGIN: [(&str, &str); 4] = [
    ("client_id", CLIENT),
    ("scope", "openid profile email model.completion"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
];

struct Stand {
    http: Client,
    url: String,
    script: Script,
    ready: Value,
    _sandbox: Sandbox,
}

impl Stand {
    fn new() -> Self {
        let sandbox = sandbox();
        let (url, script) = (format!("{}/qwen", sandbox.url()), sandbox.script("qwen"));
        Self { http: client(), url, script, ready: sandbox.describe()["providers"]["qwen"].clone(), _sandbox: sandbox }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn form(&self, path: &str, form: &[(&str, &str)]) -> Got {
        get(self.http.post(self.at(path)).form(form)).await
    }

    async fn begin(&self) -> Value {
        let got = self.form("/api/v1/oauth2/device/code", &BEGIN).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    async fn poll(&self, device: &Value) -> Got {
        self.form("/api/v1/oauth2/token", &ask(device)).await
    }

    async fn decide(&self, device: &Value, account: &str, decision: &str) -> Got {
        let url = text(&device["verification_uri_complete"]);
        get(self.http.post(url).form(&[("account", account), ("decision", decision)])).await
    }

    async fn login(&self, account: &str) -> Value {
        let device = self.begin().await;
        assert_eq!(self.decide(&device, account, "allow").await.status, 200);
        let got = self.poll(&device).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    async fn refresh(&self, token: &Value) -> Got {
        let form = [("grant_type", "refresh_token"), ("refresh_token", text(token)), ("client_id", CLIENT)];
        self.form("/api/v1/oauth2/token", &form).await
    }

    async fn ask(&self, token: &Value, body: &Value) -> Got {
        get(self.http.post(self.at("/v1/chat/completions")).bearer_auth(text(token)).json(body)).await
    }
}

fn ask(device: &Value) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", CLIENT),
        ("device_code", text(&device["device_code"])),
        ("code_verifier", VERIFIER),
    ]
}

fn prompt(said: &str) -> Value {
    json!({"model": "coder-model", "stream": true, "stream_options": {"include_usage": true}, "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, {"role": "user", "content": said}]})
}

#[tokio::test]
async fn a_device_is_begun_with_a_form_and_a_challenge() {
    let stand = Stand::new();
    let device = stand.begin().await;
    assert_eq!((&device["expires_in"], device.get("interval")), (&json!(900), None));
    let url = Url::parse(text(&device["verification_uri_complete"])).unwrap();
    assert_eq!(url.query().unwrap(), format!("user_code={}&client=qwen-code", text(&device["user_code"])));
    for (name, value, status, error) in [
        ("client_id", "other", 401, "invalid_client"),
        ("scope", "everything", 400, "invalid_scope"),
        ("code_challenge", "", 400, "invalid_request"),
        ("code_challenge_method", "plain", 400, "invalid_request"),
    ] {
        let got = stand.form("/api/v1/oauth2/device/code", &with(&BEGIN, name, value)).await;
        assert_eq!(got.at("/error"), (status, error.to_owned()), "{name}");
    }
    let json = get(stand.http.post(stand.at("/api/v1/oauth2/device/code")).json(&json!({"client_id": CLIENT}))).await;
    assert_eq!(json.status, 400);
    stand.script.vary(|variants| variants.device_interval = Some(2));
    assert_eq!(stand.begin().await["interval"], 2);
}

#[tokio::test]
async fn the_page_opens_only_with_both_parameters() {
    let stand = Stand::new();
    let device = stand.begin().await;
    let bare = get(stand.http.get(text(&device["verification_uri"]))).await;
    assert!(bare.status == 400 && bare.body.contains("user_code or client is null"));
    let page = get(stand.http.get(text(&device["verification_uri_complete"]))).await;
    assert!(page.status == 200 && page.body.contains(&format!("value=\"{}\"", text(&device["user_code"]))));
}

#[tokio::test]
async fn polling_waits_and_then_gives_tokens_once() {
    let stand = Stand::new();
    let device = stand.begin().await;
    assert_eq!(stand.poll(&device).await.at("/error"), (400, "authorization_pending".to_owned()));
    stand.decide(&device, "personal@gmail.com", "allow").await;
    let got = stand.poll(&device).await;
    assert_eq!(got.at("/status"), (200, "success".to_owned()));
    assert_eq!((got.at("/expires_in").1.as_str(), got.at("/resource_url").1), ("21600", stand.url.clone()));
    assert_eq!(stand.poll(&device).await.status, 401);
}

#[tokio::test]
async fn the_verifier_is_checked_at_each_poll() {
    let stand = Stand::new();
    let device = stand.begin().await;
    for wrong in ["", CHALLENGE] {
        let got = stand.form("/api/v1/oauth2/token", &with(&ask(&device), "code_verifier", wrong)).await;
        assert_eq!(got.at("/error"), (400, "invalid_grant".to_owned()));
    }
    stand.decide(&device, "personal@gmail.com", "allow").await;
    let got = stand.form("/api/v1/oauth2/token", &with(&ask(&device), "code_verifier", CHALLENGE)).await;
    assert_eq!(got.at("/error"), (400, "invalid_grant".to_owned()));
    assert_eq!(stand.poll(&device).await.status, 200);
}

#[tokio::test]
async fn a_device_can_be_denied_run_out_or_asked_to_slow_down() {
    let stand = Stand::new();
    let denied = stand.begin().await;
    stand.decide(&denied, "personal@gmail.com", "deny").await;
    assert_eq!(stand.poll(&denied).await.at("/error"), (400, "access_denied".to_owned()));
    let device = stand.begin().await;
    for status in [429, 400] {
        stand.script.answer(Endpoint::Poll, slow_down(status));
        assert_eq!(stand.poll(&device).await.at("/error"), (status, "slow_down".to_owned()));
    }
    stand.script.answer(Endpoint::Poll, Answer::html(200, "<html>wait</html>"));
    assert!(stand.poll(&device).await.body.starts_with("<html>"));
    stand.script.advance(Duration::from_secs(900));
    assert_eq!(stand.poll(&device).await.at("/error"), (401, "expired_token".to_owned()));
    assert_eq!(stand.decide(&device, "personal@gmail.com", "allow").await.status, 400);
}

#[tokio::test]
async fn the_resource_url_comes_in_every_form() {
    let stand = Stand::new();
    for url in ["portal.qwen.ai", "https://portal.qwen.ai", "https://portal.qwen.ai/v1"] {
        stand.script.vary(|variants| variants.resource_url = Some(url.to_owned()));
        assert_eq!(stand.login("personal@gmail.com").await["resource_url"], url);
    }
    stand.script.vary(|variants| variants.resource_url = Some(String::new()));
    let token = stand.login("personal@gmail.com").await;
    assert_eq!(token.get("resource_url"), None);
    stand.script.vary(|variants| variants.resource_url = Some("other.qwen.ai".to_owned()));
    assert_eq!(stand.refresh(&token["refresh_token"]).await.at("/resource_url").1, "other.qwen.ai");
}

#[tokio::test]
async fn a_refresh_rotates_unless_a_test_says_otherwise() {
    let stand = Stand::new();
    let first = stand.login("personal@gmail.com").await;
    stand.script.vary(|variants| variants.keep_refresh = true);
    assert_eq!(stand.refresh(&first["refresh_token"]).await.json().get("refresh_token"), None);
    stand.script.vary(|variants| variants.keep_refresh = false);
    let second = stand.refresh(&first["refresh_token"]).await.json();
    assert!(second["refresh_token"].is_string());
    assert_eq!(stand.refresh(&first["refresh_token"]).await.at("/error"), (400, "invalid_grant".to_owned()));
    assert_eq!(stand.refresh(&second["refresh_token"]).await.status, 400);
    assert_eq!(stand.ask(&second["access_token"], &prompt("hi")).await.status, 401);
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_and_ends_with_usage_and_done() {
    let stand = Stand::new();
    let said = "Grüße an  alle, 日本語 🦀.";
    let got = stand.ask(&stand.ready["access_token"], &prompt(said)).await;
    assert!(got.body.ends_with("data: [DONE]\n\n") && !got.body.contains("event:"));
    let events = data(&got.body);
    let deltas: Vec<_> = events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(deltas.concat(), said);
    let last = events.last().unwrap();
    assert_eq!((&last["choices"], &last["usage"]["completion_tokens"]), (&json!([]), &json!(5)));
    assert_eq!(events[events.len() - 2]["choices"][0]["finish_reason"], "stop");
    let short = json!({"model": "coder-model", "max_tokens": 1, "messages": [{"role": "user", "content": "a b"}]});
    let got = stand.ask(&stand.ready["access_token"], &short).await;
    assert_eq!(got.at("/choices/0/message/content"), (200, "a ".to_owned()));
    assert_eq!(got.at("/choices/0/finish_reason").1, "length");
}

#[tokio::test]
async fn bodies_and_credentials_are_checked() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for (name, value) in [
        ("model", Value::Null),
        ("messages", Value::Null),
        ("messages", json!([])),
        ("messages", json!([{"role": "model", "content": "x"}])),
        ("messages", json!([{"role": "user", "content": 1}])),
        ("stream", json!(false)),
        ("max_tokens", json!(0)),
    ] {
        let got = stand.ask(token, &put(prompt("hi"), name, value)).await;
        assert_eq!(got.at("/error/code"), (400, "invalid_parameter_error".to_owned()), "{name}");
    }
    let got = stand.ask(token, &put(prompt("hi"), "model", json!("gpt-9"))).await;
    assert_eq!(got.at("/error/code"), (404, "model_not_found".to_owned()));
    assert_eq!(
        stand.ask(&json!("nothing"), &prompt("hi")).await.at("/error/message").1,
        "invalid access token or token expired"
    );
    assert_eq!(stand.ask(&stand.ready["api_key"], &prompt("hi")).await.status, 401);
    let key = text(&stand.ready["api_key"]);
    let post = stand.http.post(stand.at("/compatible-mode/v1/chat/completions")).bearer_auth(key).json(&prompt("hi"));
    assert_eq!(get(post).await.status, 200);
    let models = stand.http.get(stand.at("/compatible-mode/v1/models")).bearer_auth(key);
    assert_eq!(get(models).await.at("/data/0/id"), (200, "coder-model".to_owned()));
    stand.script.expire_access_tokens();
    assert_eq!(stand.ask(token, &prompt("hi")).await.at("/error/code").0, 401);
}

#[tokio::test]
async fn limits_tell_no_reset() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for _ in 0..3 {
        assert_eq!(stand.ask(token, &prompt("hi")).await.status, 200);
    }
    let got = stand.ask(token, &prompt("hi")).await;
    assert_eq!(got.at("/error/code"), (429, "insufficient_quota".to_owned()));
    assert_eq!(got.header("retry-after"), "");
    for (answer, status, code) in [(free_quota(403), 403, "insufficient_quota"), (throttled(), 429, "limit_requests")] {
        stand.script.answer(Endpoint::Chat, answer);
        assert_eq!(stand.ask(token, &prompt("hi")).await.at("/error/code"), (status, code.to_owned()));
    }
    stand.script.answer(Endpoint::Chat, error_finish("Requests rate limit exceeded"));
    let events = data(&stand.ask(token, &prompt("hi")).await.body);
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "error_finish");
    let policy = stand.login("policy@example.com").await;
    assert_eq!(stand.ask(&policy["access_token"], &prompt("hi")).await.status, 403);
}
