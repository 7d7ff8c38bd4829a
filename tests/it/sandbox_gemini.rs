//! The stand-in for Gemini accepts and refuses what Google does.

use std::time::Duration;

use llxprt::sandbox::gemini::{Wait, bare, exhausted};
use llxprt::sandbox::{CodeAssist, Endpoint, Sandbox, Script};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::sandbox_steps::{CHALLENGE, Got, VERIFIER, claims, client, data, get, put, sandbox, text, with};

const CLIENT: &str = "100000000001-pretend.apps.googleusercontent.com";
const BACK: &str = "http://127.0.0.1:41253/oauth2callback";
const SCOPES: &str = "openid https://www.googleapis.com/auth/userinfo.email \
                      https://www.googleapis.com/auth/cloud-platform \
                      https://www.googleapis.com/auth/generative-language.retriever";
const WORK: &str = "work@company.com";
const PERSONAL: &str = "personal@gmail.com";

const QUERY: [(&str, &str); 9] = [
    ("response_type", "code"),
    ("client_id", CLIENT),
    ("redirect_uri", BACK),
    ("scope", SCOPES),
    ("access_type", "offline"),
    ("prompt", "consent"),
    ("code_challenge", CHALLENGE),
    ("code_challenge_method", "S256"),
    ("state", "the-state"),
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
        let (url, script) = (format!("{}/gemini", sandbox.url()), sandbox.script("gemini"));
        Self {
            http: client(),
            url,
            script,
            ready: sandbox.describe()["providers"]["gemini"].clone(),
            _sandbox: sandbox,
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn secret(&self) -> &str {
        text(&self.ready["client_file"]["installed"]["client_secret"])
    }

    async fn page(&self, query: &[(&str, &str)]) -> Got {
        get(self.http.get(self.at("/o/oauth2/v2/auth")).query(query)).await
    }

    async fn code(&self, account: &str, query: &[(&str, &str)]) -> String {
        let form = [("account", account), ("decision", "allow")];
        let got = get(self.http.post(self.at("/o/oauth2/v2/auth")).query(query).form(&form)).await;
        got.landed().1["code"].clone()
    }

    fn exchange<'a>(&'a self, code: &'a str) -> Vec<(&'a str, &'a str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", BACK),
            ("client_id", CLIENT),
            ("client_secret", self.secret()),
            ("code_verifier", VERIFIER),
        ]
    }

    async fn token(&self, form: &[(&str, &str)]) -> Got {
        get(self.http.post(self.at("/token")).form(form)).await
    }

    async fn login(&self, account: &str, query: &[(&str, &str)]) -> Value {
        let code = self.code(account, query).await;
        let got = self.token(&self.exchange(&code)).await;
        assert_eq!(got.status, 200, "{}", got.body);
        got.json()
    }

    async fn refresh(&self, token: &Value) -> Got {
        let (token, secret) = (text(token), self.secret());
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token),
            ("client_id", CLIENT),
            ("client_secret", secret),
        ];
        self.token(&form).await
    }

    fn generate(&self, action: &str) -> RequestBuilder {
        self.http.post(self.at(&format!("/v1beta/models/gemini-2.5-pro:{action}")))
    }

    async fn ask(&self, token: &Value, body: &Value) -> Got {
        let request = self.generate("streamGenerateContent?alt=sse").bearer_auth(text(token));
        get(request.header("x-goog-user-project", "pretend-project").json(body)).await
    }

    async fn assist(&self, method: &str, body: &Value) -> Got {
        let request = self.http.post(self.at(&format!("/v1internal:{method}")));
        get(request.bearer_auth(text(&self.ready["access_token"])).json(body)).await
    }
}

fn prompt(said: &str) -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "My name is Ann."}]},
        {"role": "model", "parts": [{"text": "Hello Ann."}]}, {"role": "user", "parts": [{"text": said}]}]})
}

fn said(events: &[Value]) -> String {
    let parts = events.iter().map(|event| &event["candidates"][0]["content"]["parts"][0]);
    parts.filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str()).collect()
}

#[tokio::test]
async fn the_start_up_line_has_a_client_as_the_console_gives_it() {
    let stand = Stand::new();
    let installed = &stand.ready["client_file"]["installed"];
    assert_eq!((&installed["client_id"], &installed["project_id"]), (&json!(CLIENT), &json!("pretend-project")));
    assert_eq!(text(&installed["token_uri"]), stand.at("/token"));
}

#[tokio::test]
async fn any_port_of_loopback_is_a_redirect_and_faults_are_told_to_the_person() {
    let stand = Stand::new();
    for good in [BACK, "http://localhost:1/x", "http://[::1]:8080/"] {
        assert_eq!(stand.page(&with(&QUERY, "redirect_uri", good)).await.status, 200, "{good}");
    }
    for (name, bad) in [
        ("redirect_uri", "http://192.168.0.1:80/"),
        ("redirect_uri", "urn:ietf:wg:oauth:2.0:oob"),
        ("client_id", "other"),
        ("scope", "everything"),
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
    ] {
        let got = stand.page(&with(&QUERY, name, bad)).await;
        assert_eq!((got.status.as_u16(), got.header("location")), (400, ""), "{name}");
    }
}

#[tokio::test]
async fn pkce_is_optional_but_kept() {
    let stand = Stand::new();
    let bare = with(&with(&QUERY, "code_challenge", ""), "code_challenge_method", "");
    let code = stand.code(WORK, &bare).await;
    assert_eq!(stand.token(&with(&stand.exchange(&code), "code_verifier", "")).await.status, 200);
    let code = stand.code(WORK, &QUERY).await;
    let got = stand.token(&with(&stand.exchange(&code), "code_verifier", "")).await;
    assert_eq!(got.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn the_callback_carries_what_google_adds() {
    let stand = Stand::new();
    stand.script.vary(|variants| variants.iss = Some("https://accounts.google.com".to_owned()));
    let form = [("account", WORK), ("decision", "allow")];
    let got = get(stand.http.post(stand.at("/o/oauth2/v2/auth")).query(&QUERY).form(&form)).await;
    let (_, params) = got.landed();
    assert!(params["code"].starts_with("4/0A") && params["scope"].starts_with("openid "));
    assert_eq!((params["authuser"].as_str(), params["prompt"].as_str()), ("0", "consent"));
    assert_eq!(params["iss"], "https://accounts.google.com");
}

#[tokio::test]
async fn the_token_endpoint_takes_a_form_with_the_clients_secret() {
    let stand = Stand::new();
    let code = stand.code(WORK, &QUERY).await;
    let json: Value = stand.exchange(&code).into_iter().map(|(n, v)| (n.to_owned(), json!(v))).collect();
    assert_eq!(get(stand.http.post(stand.at("/token")).json(&json)).await.at("/error").0, 400);
    for (name, value, status, error) in [
        ("client_secret", "wrong", 401, "invalid_client"),
        ("client_secret", "", 400, "invalid_request"),
        ("client_id", "other", 401, "invalid_client"),
        ("redirect_uri", "http://127.0.0.1:1/oauth2callback", 400, "redirect_uri_mismatch"),
        ("code_verifier", CHALLENGE, 400, "invalid_grant"),
        ("code", "4/0Aguess", 400, "invalid_grant"),
        ("grant_type", "password", 400, "unsupported_grant_type"),
    ] {
        let got = stand.token(&with(&stand.exchange(&code), name, value)).await;
        assert_eq!(got.at("/error"), (status, error.to_owned()), "{name}={value}");
    }
    let form = with(&with(&stand.exchange(&code), "client_id", ""), "client_secret", "");
    let basic = get(stand.http.post(stand.at("/token")).basic_auth(CLIENT, Some(stand.secret())).form(&form)).await;
    assert_eq!(basic.status, 200);
    assert_eq!(stand.token(&stand.exchange(&code)).await.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn a_refresh_token_comes_with_the_first_consent_or_when_asked_for() {
    let stand = Stand::new();
    let silent = with(&QUERY, "prompt", "");
    let first = stand.login(PERSONAL, &silent).await;
    assert!(text(&first["refresh_token"]).starts_with("1//0g") && text(&first["access_token"]).starts_with("ya29."));
    assert_eq!(first["expires_in"], 3599);
    assert_eq!(claims(&first["id_token"])["email"], PERSONAL);
    assert_eq!(stand.login(PERSONAL, &silent).await.get("refresh_token"), None);
    assert!(stand.login(PERSONAL, &QUERY).await["refresh_token"].is_string());
    assert_eq!(stand.login(PERSONAL, &with(&QUERY, "access_type", "")).await.get("refresh_token"), None);
}

#[tokio::test]
async fn a_refresh_does_not_rotate() {
    let stand = Stand::new();
    let login = stand.login(PERSONAL, &QUERY).await;
    for _ in 0..2 {
        let got = stand.refresh(&login["refresh_token"]).await;
        assert_eq!((got.status.as_u16(), got.json().get("refresh_token")), (200, None));
        assert_ne!(got.json()["access_token"], login["access_token"]);
    }
    assert_eq!(stand.refresh(&json!("1//0gnone")).await.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn revoking_kills_the_grant_and_the_next_consent_is_a_first_one() {
    let stand = Stand::new();
    let login = stand.login(PERSONAL, &QUERY).await;
    let revoke = || get(stand.http.post(stand.at("/revoke")).form(&[("token", text(&login["refresh_token"]))]));
    let done = revoke().await;
    assert_eq!((done.status.as_u16(), done.body.as_str()), (200, "{}"));
    assert_eq!(revoke().await.at("/error"), (400, "invalid_token".to_owned()));
    let got = stand.refresh(&login["refresh_token"]).await;
    assert_eq!(got.at("/error_description"), (400, "Token has been expired or revoked.".to_owned()));
    assert_eq!(stand.ask(&login["access_token"], &prompt("hi")).await.status, 401);
    assert!(stand.login(PERSONAL, &with(&QUERY, "prompt", "")).await["refresh_token"].is_string());
}

#[tokio::test]
async fn userinfo_tells_the_email_and_needs_its_scope() {
    let stand = Stand::new();
    let info = |token: &Value| get(stand.http.get(stand.at("/oauth2/v2/userinfo")).bearer_auth(text(token)));
    let got = info(&stand.ready["access_token"]).await;
    assert_eq!(got.at("/email"), (200, WORK.to_owned()));
    assert_eq!((got.at("/verified_email").1.as_str(), got.at("/id").1.len()), ("true", 21));
    let narrow = with(&QUERY, "scope", "https://www.googleapis.com/auth/cloud-platform");
    let narrow = stand.login(WORK, &narrow).await;
    assert_eq!(info(&narrow["access_token"]).await.at("/error/status"), (403, "PERMISSION_DENIED".to_owned()));
    assert_eq!(info(&json!("ya29.none")).await.at("/error/status"), (401, "UNAUTHENTICATED".to_owned()));
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_as_events_list_or_document() {
    let stand = Stand::new();
    let words = "Grüße an  alle, 日本語 🦀.";
    let got = stand.ask(&stand.ready["access_token"], &prompt(words)).await;
    assert!(got.body.contains("\r\n\r\n") && !got.body.contains("event:") && !got.body.contains("[DONE]"));
    let events = data(&got.body);
    assert_eq!(said(&events), words);
    assert_eq!(events.last().unwrap()["candidates"][0]["finishReason"], "STOP");
    assert_eq!(events.last().unwrap()["usageMetadata"]["candidatesTokenCount"], 5);
    let key = text(&stand.ready["api_key"]);
    let list = get(stand.generate("streamGenerateContent").header("x-goog-api-key", key).json(&prompt(words))).await;
    assert_eq!(said(list.json().as_array().unwrap()), words);
    let thinking = put(
        prompt(words),
        "generationConfig",
        json!({"maxOutputTokens": 2, "thinkingConfig": {"includeThoughts": true}}),
    );
    let whole = get(stand.generate("generateContent").header("x-goog-api-key", key).json(&thinking)).await;
    assert_eq!(whole.at("/candidates/0/content/parts/0/text").1, "Grüße an  ");
    assert_eq!(whole.at("/candidates/0/finishReason").1, "MAX_TOKENS");
    let events = data(&stand.ask(&stand.ready["access_token"], &thinking).await.body);
    assert_eq!(events[0]["candidates"][0]["content"]["parts"][0]["thought"], true);
}

#[tokio::test]
async fn a_login_names_its_project_and_a_key_is_checked() {
    let stand = Stand::new();
    let post = || stand.generate("generateContent").json(&prompt("hi"));
    let token = text(&stand.ready["access_token"]);
    assert_eq!(get(post().bearer_auth(token)).await.at("/error/status"), (403, "PERMISSION_DENIED".to_owned()));
    let other = get(post().bearer_auth(token).header("x-goog-user-project", "other")).await;
    assert_eq!(other.at("/error/details/0/reason"), (403, "USER_PROJECT_DENIED".to_owned()));
    assert_eq!(get(post()).await.status, 403);
    let key = get(post().header("x-goog-api-key", "AIzaNo")).await;
    assert_eq!(key.at("/error/details/0/reason"), (400, "API_KEY_INVALID".to_owned()));
    let both = post().bearer_auth(token).header("x-goog-api-key", text(&stand.ready["api_key"]));
    assert_eq!(get(both).await.status, 400);
    assert_eq!(
        stand.script.violations(),
        ["POST /v1beta/models/gemini-2.5-pro:generateContent: two credentials (authorization and x-goog-api-key)"]
    );
    stand.script.expire_access_tokens();
    let expired = stand.ask(&stand.ready["access_token"], &prompt("hi")).await;
    assert_eq!(expired.at("/error/details/0/reason"), (401, "ACCESS_TOKEN_EXPIRED".to_owned()));
}

#[tokio::test]
async fn bodies_are_checked() {
    let stand = Stand::new();
    for (name, value, why) in [
        ("contents", Value::Null, "* GenerateContentRequest.contents: contents is not specified"),
        ("contents", json!([]), "* GenerateContentRequest.contents: contents is not specified"),
        ("contents", json!([{"role": "assistant", "parts": [{"text": "x"}]}]), "Please use a valid role"),
        ("contents", json!([{"role": "user", "parts": []}]), "* GenerateContentRequest.contents[0].parts"),
        ("messages", json!([]), "Invalid JSON payload received. Unknown name \"messages\""),
        ("session_id", json!("x"), "Invalid JSON payload received. Unknown name \"session_id\""),
        ("generationConfig", json!({"maxOutputTokens": 0}), "max_output_tokens must be positive"),
    ] {
        let got = stand.ask(&stand.ready["access_token"], &put(prompt("hi"), name, value)).await;
        assert_eq!(got.at("/error/status"), (400, "INVALID_ARGUMENT".to_owned()), "{name}");
        assert!(got.at("/error/message").1.starts_with(why), "{}", got.body);
    }
    let key = text(&stand.ready["api_key"]);
    let request = stand.http.post(stand.at("/v1beta/models/gpt-9:generateContent")).header("x-goog-api-key", key);
    assert_eq!(get(request.json(&prompt("hi"))).await.at("/error/status"), (404, "NOT_FOUND".to_owned()));
}

#[tokio::test]
async fn a_used_up_project_is_told_what_and_how_long() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for _ in 0..3 {
        assert_eq!(stand.ask(token, &prompt("hi")).await.status, 200);
    }
    let got = stand.ask(token, &prompt("hi")).await;
    assert_eq!(got.at("/error/status"), (429, "RESOURCE_EXHAUSTED".to_owned()));
    assert!(got.at("/error/details/0/violations/0/quotaId").1.contains("PerMinute"));
    let wait = got.at("/error/details/2/retryDelay").1;
    assert!((50..=60).contains(&wait.trim_end_matches('s').parse::<u64>().unwrap()), "{wait}");
    stand.script.advance(Duration::from_secs(60));
    assert_eq!(stand.ask(token, &prompt("hi")).await.status, 200);
    let policy = stand.login("policy@example.com", &QUERY).await;
    let got = stand.ask(&policy["access_token"], &prompt("hi")).await;
    assert_eq!(got.at("/error/status"), (400, "FAILED_PRECONDITION".to_owned()));
}

#[tokio::test]
async fn scripted_limits_come_plain_listed_and_bare_in_three_formats() {
    let stand = Stand::new();
    let token = &stand.ready["access_token"];
    for delay in ["33740.910400305s", "161h39m41.300432511s", "373.8ms"] {
        let wait = Wait { delay: Some(delay), stamp: Some("2025-12-18T20:18:34Z"), retry: Some("581981.3s") };
        stand.script.answer(Endpoint::Chat, exhausted("gemini-2.5-pro", wait, false));
        let got = stand.ask(token, &prompt("hi")).await;
        assert_eq!(got.at("/error/details/0/metadata/quotaResetDelay"), (429, delay.to_owned()));
        stand.script.answer(Endpoint::Chat, exhausted("gemini-2.5-pro", wait, true));
        assert_eq!(stand.ask(token, &prompt("hi")).await.at("/0/error/details/1/retryDelay").1, "581981.3s");
    }
    stand.script.answer(Endpoint::Chat, bare());
    let got = stand.ask(token, &prompt("hi")).await;
    assert_eq!((got.at("/error/details"), got.status.as_u16()), ((429, "null".to_owned()), 429));
}

#[tokio::test]
async fn models_are_listed_in_pages() {
    let stand = Stand::new();
    let page = |query: &'static [(&'static str, &'static str)]| {
        let request = stand.http.get(stand.at("/v1beta/models")).query(query);
        get(request.header("x-goog-api-key", text(&stand.ready["api_key"])))
    };
    assert_eq!(page(&[("pageSize", "1000")]).await.at("/models/0/name"), (200, "models/gemini-2.5-pro".to_owned()));
    assert_eq!(page(&[("pageSize", "3")]).await.at("/nextPageToken").1, "3");
    assert_eq!(page(&[("pageSize", "3"), ("pageToken", "3")]).await.at("/models/1").1, "null");
}

#[tokio::test]
async fn code_assist_says_who_may_use_it() {
    let stand = Stand::new();
    let body = json!({"metadata": {"pluginType": "GEMINI"}});
    let load = || stand.assist("loadCodeAssist", &body);
    assert_eq!(load().await.at("/currentTier/id"), (200, "standard-tier".to_owned()));
    assert_eq!(load().await.at("/cloudaicompanionProject").1, "pretend-project");
    stand.script.vary(|variants| variants.code_assist = CodeAssist::UnsupportedClient);
    assert_eq!(load().await.at("/ineligibleTiers/0/reasonCode").1, "UNSUPPORTED_CLIENT");
    stand.script.vary(|variants| variants.code_assist = CodeAssist::ValidationRequired);
    assert!(load().await.at("/ineligibleTiers/0/validationUrl").1.starts_with("https://"));
}

#[tokio::test]
async fn code_assist_sets_up_a_new_account_in_a_while() {
    let stand = Stand::new();
    stand.script.vary(|variants| variants.code_assist = CodeAssist::New);
    let body = json!({});
    let load = || stand.assist("loadCodeAssist", &body);
    assert_eq!(load().await.at("/currentTier").1, "null");
    let with_project = json!({"tierId": "free-tier", "cloudaicompanionProject": "mine"});
    assert_eq!(stand.assist("onboardUser", &with_project).await.at("/error/status").1, "FAILED_PRECONDITION");
    assert_eq!(stand.assist("onboardUser", &json!({"tierId": "standard-tier"})).await.status, 400);
    let begun = stand.assist("onboardUser", &json!({"tierId": "free-tier"})).await;
    assert_eq!(begun.at("/done").1, "false");
    let poll = || {
        let request = stand.http.get(stand.at(&format!("/v1internal/{}", begun.at("/name").1)));
        get(request.bearer_auth(text(&stand.ready["access_token"])))
    };
    assert_eq!(poll().await.at("/done").1, "false");
    assert_eq!(poll().await.at("/response/cloudaicompanionProject/id").1, "pretend-project");
    assert_eq!(load().await.at("/currentTier/id").1, "standard-tier");
}

#[tokio::test]
async fn code_assist_answers_in_an_envelope_and_wants_a_project() {
    let stand = Stand::new();
    let body = json!({"model": "gemini-2.5-pro", "project": "mine", "user_prompt_id": "x",
        "request": put(prompt("one two three"), "session_id", json!("s"))});
    let got = stand.assist("streamGenerateContent?alt=sse", &body).await;
    let inner: Vec<Value> = data(&got.body).iter().map(|event| event["response"].clone()).collect();
    assert_eq!(said(&inner), "one two three");
    let bare = stand.assist("streamGenerateContent?alt=sse", &put(body.clone(), "project", Value::Null)).await;
    assert_eq!(bare.at("/error/status"), (403, "PERMISSION_DENIED".to_owned()));
    let quota = stand.assist("retrieveUserQuota", &json!({"project": "mine"})).await;
    assert_eq!(quota.at("/buckets/0/remainingAmount"), (200, "2".to_owned()));
    stand.script.end_quota(WORK);
    let got = stand.assist("streamGenerateContent?alt=sse", &body).await;
    assert_eq!(got.at("/0/error/details/0/reason"), (429, "QUOTA_EXHAUSTED".to_owned()));
    let got = stand.assist("generateContent", &body).await;
    assert_eq!(got.at("/error/details/0/reason"), (429, "QUOTA_EXHAUSTED".to_owned()));
}
