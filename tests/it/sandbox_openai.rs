//! The stand-in for the OpenAI API accepts and refuses what the real service does.

use llxprt::sandbox::{Endpoint, Sandbox};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::sandbox_steps::{Got, client, data, get, sandbox};

fn post(sandbox: &Sandbox, body: &Value) -> RequestBuilder {
    client().post(format!("{}/openai/v1/responses", sandbox.url())).json(body)
}

fn key(sandbox: &Sandbox) -> String {
    sandbox.describe()["providers"]["openai"]["api_key"].as_str().unwrap().to_owned()
}

async fn ask(sandbox: &Sandbox, body: Value) -> Got {
    get(post(sandbox, &body).bearer_auth(key(sandbox))).await
}

#[tokio::test]
async fn the_answer_repeats_the_prompt_streamed_or_whole() {
    let sandbox = sandbox();
    let got = ask(&sandbox, json!({"model": "gpt-5.5", "input": "one two  three", "stream": true})).await;
    assert_eq!((got.status.as_u16(), got.header("x-ratelimit-limit-requests")), (200, "10000"));
    let events = data(&got.body);
    let deltas: Vec<_> = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(deltas.concat(), "one two  three");
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"][0]["text"], "one two  three");
    let messages = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"},
        {"role": "user", "content": [{"type": "input_text", "text": "and now?"}]}]);
    let whole = ask(&sandbox, json!({"model": "gpt-5.5", "input": messages, "store": true, "temperature": 1})).await;
    assert_eq!(whole.at("/output/0/content/0/text"), (200, "and now?".to_owned()));
}

#[tokio::test]
async fn an_answer_over_the_maximum_is_incomplete() {
    let sandbox = sandbox();
    let body = json!({"model": "gpt-5.5", "input": "a ".repeat(20), "stream": true, "max_output_tokens": 16});
    let events = data(&ask(&sandbox, body).await.body);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
}

#[tokio::test]
async fn keys_are_checked() {
    let sandbox = sandbox();
    let body = json!({"model": "gpt-5.5", "input": "hi"});
    let got = get(post(&sandbox, &body).bearer_auth("sk-wrong-secret-key")).await;
    assert_eq!(got.at("/error/code"), (401, "invalid_api_key".to_owned()));
    assert!(!got.body.contains("secret"));
    assert_eq!(get(post(&sandbox, &body)).await.at("/error/type"), (401, "invalid_request_error".to_owned()));
    let models = client().get(format!("{}/openai/v1/models", sandbox.url())).bearer_auth(key(&sandbox));
    assert_eq!(get(models).await.at("/data/0/object"), (200, "model".to_owned()));
    assert_eq!(sandbox.script("openai").count(Endpoint::Models), 1);
}

#[tokio::test]
async fn bodies_are_checked() {
    let sandbox = sandbox();
    let wrong = [
        (json!({"input": "hi"}), "missing_required_parameter"),
        (json!({"model": "gpt-5.5"}), "missing_required_parameter"),
        (json!({"model": "gpt-5.5", "input": 1}), "invalid_value"),
        (json!({"model": "gpt-5.5", "input": "hi", "stream": "yes"}), "invalid_value"),
        (json!({"model": "gpt-5.5", "input": "hi", "max_output_tokens": 1}), "invalid_value"),
        (json!({"model": "other", "input": "hi"}), "model_not_found"),
    ];
    for (body, code) in wrong {
        assert_eq!(ask(&sandbox, body.clone()).await.at("/error/code"), (400, code.to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_key_has_a_limit_only_where_a_test_gives_it_one() {
    let sandbox = sandbox();
    let body = json!({"model": "gpt-5.5", "input": "hi"});
    for _ in 0..5 {
        assert_eq!(ask(&sandbox, body.clone()).await.status, 200);
    }
    sandbox.script("openai").end_quota("work@company.com");
    assert_eq!(ask(&sandbox, body).await.at("/error/code"), (429, "insufficient_quota".to_owned()));
}

#[tokio::test]
async fn a_token_of_another_provider_is_noted() {
    let sandbox = sandbox();
    let token = sandbox.describe()["providers"]["anthropic"]["access_token"].as_str().unwrap().to_owned();
    let got = get(post(&sandbox, &json!({"model": "gpt-5.5", "input": "hi"})).bearer_auth(token)).await;
    assert_eq!(got.status, 401);
    assert_eq!(sandbox.script("openai").violations(), ["POST /v1/responses: a token of anthropic was sent to openai"]);
}
