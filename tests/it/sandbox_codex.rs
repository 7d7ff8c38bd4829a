//! The stand-in for Codex accepts and refuses what the real service does.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use llxprt::sandbox::codex::{Told, cloudflare, limited};
use llxprt::sandbox::{Answer, Endpoint, Sandbox, Script};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, claims, client, data, get, put, sandbox, text, with};

const CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const BACK: &str = "http://localhost:1455/auth/callback";
const WORK: &str = "work@company.com";
const PERSONAL: &str = "personal@gmail.com";

const QUERY: [(&str, &str); 10] = [
    ("response_type", "code"),
    ("client_id", CLIENT),
    ("redirect_uri", BACK),
    ("scope", "openid profile email offline_access"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("id_token_add_organizations", "true"),
    ("codex_cli_simplified_flow", "true"),
    ("state", "the-state"),
    ("originator", "llxprt"),
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
        let (url, script) = (format!("{}/codex", sandbox.url()), sandbox.script("codex"));
        Self { http: client(), url, script, ready: sandbox.describe()["providers"]["codex"].clone(), _sandbox: sandbox }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn code(&self, account: &str) -> String {
        let form = [("account", account), ("decision", "allow")];
        let got = get(self.http.post(self.at("/oauth/authorize")).query(&QUERY).form(&form)).await;
        got.landed().1["code"].clone()
    }

    async fn form(&self, form: &[(&str, &str)]) -> Got {
        get(self.http.post(self.at("/oauth/token")).form(form)).await
    }

    async fn post(&self, path: &str, body: Value) -> Got {
        get(self.http.post(self.at(path)).json(&body)).await
    }

    async fn login(&self, account: &str) -> Value {
        let got = self.form(&exchange(&self.code(account).await)).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    async fn refresh(&self, token: &Value) -> Got {
        let body = json!({"client_id": CLIENT, "grant_type": "refresh_token", "refresh_token": token});
        self.post("/oauth/token", body).await
    }

    fn signed(&self, request: RequestBuilder, token: &Value) -> RequestBuilder {
        let account = claims(token)["https://api.openai.com/auth"]["chatgpt_account_id"].clone();
        request.bearer_auth(text(token)).header("chatgpt-account-id", text(&account))
    }

    async fn ask(&self, token: &Value, body: &Value) -> Got {
        get(self.signed(self.http.post(self.at("/backend-api/codex/responses")), token).json(body)).await
    }

    async fn begin_device(&self) -> Value {
        let got = self.post("/api/accounts/deviceauth/usercode", json!({"client_id": CLIENT})).await;
        assert_eq!(got.status, 200);
        got.json()
    }

    async fn poll(&self, device: &Value) -> Got {
        let body = json!({"device_auth_id": device["device_auth_id"], "user_code": device["user_code"]});
        self.post("/api/accounts/deviceauth/token", body).await
    }

    async fn enter(&self, user_code: &str, decision: &str) -> Got {
        let form = [("user_code", user_code), ("account", PERSONAL), ("decision", decision)];
        get(self.http.post(self.at("/codex/device")).form(&form)).await
    }
}

fn exchange(code: &str) -> Vec<(&str, &str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", BACK),
        ("client_id", CLIENT),
        ("code_verifier", VERIFIER),
    ]
}

fn prompt(said: &str) -> Value {
    json!({"model": "gpt-5.6-sol", "instructions": "Be brief.", "store": false, "stream": true, "tools": [],
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}]})
}

#[tokio::test]
async fn only_this_machine_on_the_two_registered_ports_is_redirected_to() {
    let stand = Stand::new();
    let page =
        |redirect| get(stand.http.get(stand.at("/oauth/authorize")).query(&with(&QUERY, "redirect_uri", redirect)));
    for good in [BACK, "http://localhost:1457/auth/callback"] {
        assert_eq!(page(good).await.status, 200);
    }
    let bad = [
        "http://127.0.0.1:1455/auth/callback",
        "http://127.0.0.1:1457/auth/callback",
        "http://[::1]:1455/auth/callback",
        "http://localhost:1456/auth/callback",
        "http://localhost:1455/callback",
        "http://localhost/auth/callback",
        "https://auth.openai.com/deviceauth/callback",
    ];
    for bad in bad {
        assert_eq!(page(bad).await.status, 400, "{bad}");
    }
    stand.script.vary(|variants| variants.any_port = true);
    assert_eq!(page("http://localhost:39999/auth/callback").await.status, 200);
    assert_eq!(page("http://localhost:39999/callback").await.status, 400);
}

#[tokio::test]
async fn a_code_becomes_tokens_with_claims() {
    let stand = Stand::new();
    let token = stand.login(PERSONAL).await;
    assert_eq!((&token["expires_in"], &token["token_type"]), (&json!(864_000), &json!("Bearer")));
    assert!(text(&token["refresh_token"]).starts_with("rt_"));
    let id = claims(&token["id_token"]);
    assert_eq!((&id["email"], &id["aud"][0]), (&json!(PERSONAL), &json!(CLIENT)));
    assert_eq!(id["https://api.openai.com/auth"]["chatgpt_plan_type"], "plus");
    let access = claims(&token["access_token"]);
    assert_eq!(access["https://api.openai.com/auth"], id["https://api.openai.com/auth"]);
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 864_000);
}

#[tokio::test]
async fn the_exchange_is_a_form_and_every_part_is_checked() {
    let stand = Stand::new();
    let code = stand.code(WORK).await;
    let json: Value = exchange(&code).into_iter().map(|(n, v)| (n.to_owned(), json!(v))).collect();
    assert_eq!(stand.post("/oauth/token", json).await.at("/error"), (400, "invalid_request".to_owned()));
    let wrong = [
        ("code", "ac_guess", "invalid_grant"),
        ("redirect_uri", "http://localhost:1457/auth/callback", "invalid_grant"),
        ("client_id", "app_other", "invalid_client"),
        ("code_verifier", "", "invalid_grant"),
        ("code_verifier", CHALLENGE, "invalid_grant"),
        ("grant_type", "password", "unsupported_grant_type"),
        ("redirect_uri", "", "invalid_request"),
    ];
    for (name, value, error) in wrong {
        assert_eq!(
            stand.form(&with(&exchange(&code), name, value)).await.at("/error"),
            (400, error.to_owned()),
            "{name}"
        );
    }
    let token = stand.form(&exchange(&code)).await.json();
    assert_eq!(stand.form(&exchange(&code)).await.at("/error"), (400, "invalid_grant".to_owned()));
    assert_eq!(stand.ask(&token["access_token"], &prompt("hello")).await.at("/error/code").1, "token_invalidated");
}

#[tokio::test]
async fn without_offline_access_there_is_no_refresh_token() {
    let stand = Stand::new();
    let query = with(&QUERY, "scope", "openid");
    let form = [("account", WORK), ("decision", "allow")];
    let got = get(stand.http.post(stand.at("/oauth/authorize")).query(&query).form(&form)).await;
    let token = stand.form(&exchange(&got.landed().1["code"])).await.json();
    assert_eq!(token.get("refresh_token"), None);
    assert_eq!(claims(&token["id_token"]).get("email"), None);
}

#[tokio::test]
async fn a_refresh_is_json_or_form_and_rotates() {
    let stand = Stand::new();
    let first = stand.login(WORK).await;
    let second = stand.refresh(&first["refresh_token"]).await;
    assert_eq!(second.status, 200, "{}", second.body);
    let second = second.json();
    let form =
        [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", text(&second["refresh_token"]))];
    let third = stand.form(&form).await.json();
    assert_ne!(third["refresh_token"], second["refresh_token"]);
    assert_eq!(stand.ask(&third["access_token"], &prompt("hello")).await.status, 200);
}

#[tokio::test]
async fn a_spent_refresh_token_is_refresh_token_reused_and_ends_the_login() {
    let stand = Stand::new();
    let first = stand.login(WORK).await;
    let second = stand.refresh(&first["refresh_token"]).await.json();
    let replay = stand.refresh(&first["refresh_token"]).await;
    assert_eq!(replay.at("/error/code"), (401, "refresh_token_reused".to_owned()));
    let after = stand.refresh(&second["refresh_token"]).await;
    assert_eq!(after.at("/error/code"), (401, "refresh_token_invalidated".to_owned()));
    assert_eq!(stand.ask(&second["access_token"], &prompt("hello")).await.status, 401);
}

#[tokio::test]
async fn revocation_is_json_and_takes_both_hints() {
    let stand = Stand::new();
    for (kind, client) in [("refresh_token", Some(CLIENT)), ("access_token", None)] {
        let token = stand.login(WORK).await;
        let body = json!({"token": token[kind], "token_type_hint": kind, "client_id": client});
        let got = get(stand.http.post(stand.at("/oauth/revoke")).form(&[("token", text(&token[kind]))])).await;
        assert_eq!(got.status, 400);
        assert_eq!(stand.post("/oauth/revoke", body).await.status, 200, "{kind}");
        assert_eq!(stand.ask(&token["access_token"], &prompt("hello")).await.at("/error/code").1, "token_invalidated");
        assert_eq!(stand.refresh(&token["refresh_token"]).await.status, 401);
    }
    let unknown = json!({"token": "rt_none", "token_type_hint": "refresh_token", "client_id": CLIENT});
    assert_eq!(stand.post("/oauth/revoke", unknown.clone()).await.status, 200);
    assert_eq!(stand.post("/oauth/revoke", put(unknown, "client_id", Value::Null)).await.status, 400);
}

#[tokio::test]
async fn a_device_waits_with_403_and_404_and_gets_a_code_with_the_servers_own_verifier() {
    let stand = Stand::new();
    let device = stand.begin_device().await;
    assert_eq!(device["interval"], "5");
    assert_eq!(stand.poll(&device).await.at("/error/code"), (403, "deviceauth_authorization_pending".to_owned()));
    assert_eq!(stand.poll(&device).await.status, 404);
    let page = get(stand.http.get(stand.at("/codex/device"))).await;
    assert!(page.body.contains("id=\"user_code\"") && page.body.contains("id=\"allow\""));
    assert_eq!(stand.enter("WRNG-CODES", "allow").await.status, 400);
    assert_eq!(stand.enter(&text(&device["user_code"]).to_lowercase(), "allow").await.status, 200);
    let given = stand.poll(&device).await;
    assert_eq!(given.status, 200);
    let given = given.json();
    let form = with(&exchange(text(&given["authorization_code"])), "code_verifier", text(&given["code_verifier"]));
    let own = stand.at("/deviceauth/callback");
    let token = stand.form(&with(&form, "redirect_uri", &own)).await;
    assert_eq!(claims(&token.json()["id_token"])["email"], PERSONAL);
    assert_eq!(stand.poll(&device).await.status, 400);
    let known: Vec<_> = stand.script.requests_to(Endpoint::Poll).iter().map(|call| call.status.unwrap()).collect();
    assert_eq!(known, [403, 404, 200, 400]);
}

#[tokio::test]
async fn a_device_can_be_denied_run_out_or_be_switched_off() {
    let stand = Stand::new();
    let denied = stand.begin_device().await;
    assert_eq!(stand.enter(text(&denied["user_code"]), "deny").await.status, 200);
    assert_eq!(stand.poll(&denied).await.status, 400);
    let late = stand.begin_device().await;
    stand.script.advance(Duration::from_secs(900));
    assert_eq!(stand.poll(&late).await.status, 400);
    assert_eq!(stand.enter(text(&late["user_code"]), "allow").await.status, 400);
    stand.script.vary(|variants| variants.device_interval = Some(1));
    assert_eq!(stand.begin_device().await["interval"], "1");
    stand.script.vary(|variants| variants.device_off = true);
    let got = stand.post("/api/accounts/deviceauth/usercode", json!({"client_id": CLIENT})).await;
    assert_eq!(got.status, 404);
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_and_ends_with_an_empty_output() {
    let stand = Stand::new();
    let said = "Grüße an  alle,\n日本語 🦀.";
    let got = stand.ask(&stand.ready["access_token"], &prompt(said)).await;
    let events = data(&got.body);
    let names: Vec<_> = events.iter().map(|event| text(&event["type"])).collect();
    assert_eq!(names[..2], ["response.created", "response.in_progress"]);
    assert_eq!(names[names.len() - 2..], ["response.output_item.done", "response.completed"]);
    let deltas: Vec<_> = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(deltas.concat(), said);
    let last = &events.last().unwrap()["response"];
    assert_eq!((&last["output"], &last["status"]), (&json!([]), &json!("completed")));
    assert_eq!(last["usage"]["output_tokens"], 5);
    assert_eq!(got.header("x-codex-primary-window-minutes"), "300");
    assert_eq!(got.header("x-codex-primary-used-percent"), "33");
    assert_eq!(got.header("x-codex-plan-type"), "team");
}

#[tokio::test]
async fn event_names_can_be_left_out() {
    let stand = Stand::new();
    stand.script.vary(|variants| variants.nameless = true);
    let got = stand.ask(&stand.ready["access_token"], &prompt("hello")).await;
    assert!(!got.body.contains("event:") && got.body.contains("response.completed"));
}

#[tokio::test]
async fn what_the_api_takes_and_codex_does_not_is_refused() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    let wrong = [
        ("store", json!(true), "Store must be set to false"),
        ("store", Value::Null, "Store must be set to false"),
        ("stream", json!(false), "Stream must be set to true"),
        ("instructions", Value::Null, "Instructions are required"),
        ("instructions", json!(""), "Instructions are required"),
        ("max_output_tokens", json!(5), "Unsupported parameter: max_output_tokens"),
        ("temperature", json!(1), "Unsupported parameter: temperature"),
        ("previous_response_id", json!("x"), "Unsupported parameter: previous_response_id"),
        ("input", json!("hello"), "Input must be a list"),
        ("input", json!([{"role": "system", "content": "x"}]), "System messages are not allowed"),
        ("model", json!("o9"), "The 'o9' model is not supported when using Codex with a ChatGPT account."),
        ("input", json!([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]), "Invalid value"),
    ];
    for (name, value, why) in wrong {
        let got = stand.ask(token, &put(prompt("hello"), name, value)).await;
        assert!(got.at("/detail").1.starts_with(why) && got.status == 400, "{name}: {}", got.body);
    }
    let developer = json!([{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "x"}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello"}]}]);
    let body = put(put(prompt(""), "instructions", Value::Null), "input", developer);
    assert_eq!(stand.ask(token, &body).await.status, 200);
}

#[tokio::test]
async fn a_request_names_its_account() {
    let stand = Stand::new();
    let token = text(&stand.ready["access_token"]);
    let post = || stand.http.post(stand.at("/backend-api/codex/responses")).json(&prompt("hello"));
    assert_eq!(get(post().bearer_auth(token)).await.status, 400);
    assert_eq!(get(post().bearer_auth(token).header("chatgpt-account-id", "other")).await.status, 401);
    assert_eq!(get(post()).await.at("/detail"), (401, "Unauthorized".to_owned()));
    let good = post().bearer_auth(token).header("chatgpt-account-id", text(&stand.ready["account_id"]));
    assert_eq!(get(good).await.status, 200);
}

#[tokio::test]
async fn an_expired_token_is_told_in_body_and_headers() {
    let stand = Stand::new();
    stand.script.expire_access_tokens();
    let got = stand.ask(&stand.ready["access_token"], &prompt("hello")).await;
    assert_eq!(got.at("/error/code"), (401, "token_expired".to_owned()));
    assert_eq!(got.header("x-openai-authorization-error"), "token_expired");
    let coded = BASE64_STANDARD.decode(got.header("x-error-json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&coded).unwrap(), got.json());
}

#[tokio::test]
async fn a_used_up_account_is_told_until_when() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for _ in 0..3 {
        assert_eq!(stand.ask(token, &prompt("hello")).await.status, 200);
    }
    let got = stand.ask(token, &prompt("hello")).await;
    assert_eq!(got.at("/error/type"), (429, "usage_limit_reached".to_owned()));
    let (at, after) =
        (got.json()["error"]["resets_at"].as_i64().unwrap(), got.json()["error"]["resets_in_seconds"].clone());
    assert!((50..=60).contains(&after.as_i64().unwrap()));
    assert_eq!(got.header("x-codex-primary-reset-at"), at.to_string());
    assert_eq!(got.header("x-codex-primary-used-percent"), "100");
    assert_eq!(got.header("x-codex-rate-limit-reached-type"), "rate_limit_reached");
    let usage = get(stand.signed(stand.http.get(stand.at("/backend-api/wham/usage")), token)).await;
    assert_eq!(usage.at("/rate_limit/limit_reached"), (200, "true".to_owned()));
    assert_eq!(usage.at("/email").1, WORK);
    stand.script.advance(Duration::from_secs(60));
    assert_eq!(stand.ask(token, &prompt("hello")).await.status, 200);
}

#[tokio::test]
async fn scripted_limits_tell_the_reset_in_one_way_each() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for (told, at, after, header) in [
        (Told::At, "1777936568", "null", ""),
        (Told::In, "null", "13872", ""),
        (Told::Headers, "null", "null", "1777936568"),
        (Told::Not, "null", "null", ""),
    ] {
        stand.script.answer(Endpoint::Chat, limited(told, 1_777_936_568, 13_872));
        let got = stand.ask(token, &prompt("hello")).await;
        assert_eq!(got.at("/error/resets_at"), (429, at.to_owned()));
        assert_eq!(got.at("/error/resets_in_seconds").1, after);
        assert_eq!(got.header("x-codex-primary-reset-at"), header);
    }
    stand.script.answer(Endpoint::Chat, cloudflare());
    let got = stand.ask(token, &prompt("hello")).await;
    assert_eq!((got.status.as_u16(), got.header("cf-mitigated")), (403, "challenge"));
    let failed = Answer::json(401, json!({"detail": "Unauthorized"}));
    stand.script.answer(Endpoint::Chat, failed);
    assert_eq!(stand.ask(token, &prompt("hello")).await.status, 401);
}

#[tokio::test]
async fn the_policy_account_has_no_codex_in_its_plan() {
    let stand = Stand::new();
    let token = stand.login("policy@example.com").await;
    let got = stand.ask(&token["access_token"], &prompt("hello")).await;
    assert_eq!(got.at("/error/type"), (403, "usage_not_included".to_owned()));
}

#[tokio::test]
async fn old_clients_do_not_see_new_models() {
    let stand = Stand::new();
    let models = |version: &'static str| {
        let request = stand.http.get(stand.at("/backend-api/codex/models")).query(&[("client_version", version)]);
        get(stand.signed(request, &stand.ready["access_token"]))
    };
    assert_eq!(models("0.160.0").await.at("/models/0/slug"), (200, "gpt-5.6-sol".to_owned()));
    assert_eq!(models("0.100.0").await.at("/models/0/slug"), (200, "gpt-5.5".to_owned()));
}
