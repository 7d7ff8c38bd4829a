//! The stand-in for Anthropic's API answers and limits as the real one does: profile, usage, messages, models.

use std::time::Duration;

use llxprt::sandbox::anthropic::{Limit, Policy, limited, overloaded, policy};
use llxprt::sandbox::{Answer, Chunk, End, Endpoint};
use serde_json::{Value, json};

use crate::sandbox_anthropic::{PERSONAL, QUERY, Stand, WORK, exchange, prompt};
use crate::sandbox_steps::{Got, data, get, put, text, with};

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
