//! The sandbox's own side: starting and stopping, scripted answers, holds, the same control over HTTP.

use std::net::TcpListener;
use std::time::Duration;

use llxprt::sandbox::{Answer, Endpoint, Options, Sandbox};
use serde_json::{Value, json};

use crate::sandbox_steps::{Got, client, get, sandbox};

async fn models(sandbox: &Sandbox) -> Got {
    let token = sandbox.describe()["providers"]["anthropic"]["access_token"].as_str().unwrap().to_owned();
    let request = client().get(format!("{}/anthropic/v1/models", sandbox.url())).bearer_auth(token);
    get(request.header("anthropic-beta", "oauth-2025-04-20").header("anthropic-version", "2023-06-01")).await
}

async fn order(sandbox: &Sandbox, order: Value) -> Got {
    get(client().post(format!("{}/_control", sandbox.url())).json(&order)).await
}

#[tokio::test]
async fn a_dropped_sandbox_frees_its_port_at_once_also_with_an_answer_waiting() {
    let sandbox = sandbox();
    let port: u16 = sandbox.url().rsplit_once(':').unwrap().1.parse().unwrap();
    let script = sandbox.script("anthropic");
    script.hold(Endpoint::Models);
    let waiting = tokio::spawn(client().get(format!("{}/anthropic/v1/models", sandbox.url())).send());
    let asked = tokio::task::spawn_blocking(move || script.wait_for(Endpoint::Models, 1, Duration::from_secs(20)));
    assert!(asked.await.unwrap());
    drop(sandbox);
    assert!(waiting.await.unwrap().is_err());
    TcpListener::bind(("127.0.0.1", port)).unwrap();
    Sandbox::start_blocking(Options { port, ..Options::for_tests() }).unwrap();
}

#[tokio::test]
async fn the_start_up_line_has_a_working_login() {
    let sandbox = sandbox();
    let line = sandbox.describe();
    assert_eq!((&line["schema"], &line["url"]), (&json!("llxprt.sandbox.v1"), &json!(sandbox.url())));
    assert_eq!(line["providers"]["anthropic"]["base_url"], format!("{}/anthropic", sandbox.url()));
    assert_eq!(line["providers"]["anthropic"]["account"], "work@company.com");
    assert_eq!(models(&sandbox).await.status, 200);
}

#[tokio::test]
async fn a_seed_repeats_the_tokens() {
    let (one, two) = (sandbox(), sandbox());
    let token = |sandbox: &Sandbox| sandbox.describe()["providers"]["anthropic"]["access_token"].clone();
    assert_eq!(token(&one), token(&two));
    let random = Sandbox::start_blocking(Options::default()).unwrap();
    assert_ne!(token(&one), token(&random));
}

#[tokio::test]
async fn scripted_answers_come_once_each_in_order() {
    let sandbox = sandbox();
    let script = sandbox.script("anthropic");
    script.answer(Endpoint::Models, Answer::json(503, json!({"n": 1})).header("retry-after", "5"));
    script.answer(Endpoint::Models, Answer::html(403, "<h1>Just a moment</h1>"));
    let first = models(&sandbox).await;
    assert_eq!((first.at("/n"), first.header("retry-after")), ((503, "1".to_owned()), "5"));
    assert_eq!(models(&sandbox).await.body, "<h1>Just a moment</h1>");
    assert_eq!(models(&sandbox).await.status, 200);
    assert_eq!(script.count(Endpoint::Models), 3);
    let seen = script.requests();
    assert_eq!(seen.iter().map(|call| call.status).collect::<Vec<_>>(), [Some(503), Some(403), Some(200)]);
    assert_eq!(seen[2].account.as_deref(), Some("work@company.com"));
    assert!(seen[2].header("authorization").unwrap().starts_with("Bearer sk-ant-oat01-"));
}

#[tokio::test]
async fn a_lost_answer_has_its_effect_and_no_byte_arrives() {
    let sandbox = sandbox();
    let script = sandbox.script("anthropic");
    script.answer(Endpoint::Refresh, Answer::lost());
    let ready = &sandbox.describe()["providers"]["anthropic"];
    let body = json!({"grant_type": "refresh_token", "refresh_token": ready["refresh_token"],
        "client_id": "9d1c250a-e61b-44d9-88ed-5944d1962f5e"});
    let url = format!("{}/anthropic/v1/oauth/token", sandbox.url());
    let failed = client().post(&url).json(&body).send().await.unwrap_err();
    assert!(failed.is_request(), "{failed:?}");
    assert_eq!(get(client().post(&url).json(&body)).await.at("/error"), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn held_answers_wait_for_their_release() {
    let sandbox = sandbox();
    let script = sandbox.script("anthropic");
    script.hold(Endpoint::Models);
    let url = format!("{}/anthropic/v1/models", sandbox.url());
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(client().get(&url).send())).collect();
    let watch = script.clone();
    let all = tokio::task::spawn_blocking(move || watch.wait_for(Endpoint::Models, 3, Duration::from_secs(20)));
    assert!(all.await.unwrap());
    assert!(script.requests().iter().all(|call| call.status.is_none()));
    script.release(Endpoint::Models);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 401);
    }
}

#[tokio::test]
async fn the_same_control_works_over_http() {
    let sandbox = sandbox();
    let to = |name: &str| json!({"provider": "anthropic", "do": name});
    let mut answer = to("answer");
    answer["endpoint"] = json!("models");
    answer["status"] = json!(418);
    answer["headers"] = json!({"x-a": "b"});
    answer["body"] = json!({"tea": true});
    assert_eq!(order(&sandbox, answer).await.status, 200);
    let got = models(&sandbox).await;
    assert_eq!((got.at("/tea"), got.header("x-a")), ((418, "true".to_owned()), "b"));
    assert_eq!(order(&sandbox, to("expire")).await.status, 200);
    assert_eq!(models(&sandbox).await.status, 401);
    assert_eq!(order(&sandbox, to("counts")).await.at("/counts/models"), (200, "2".to_owned()));
    let seen = order(&sandbox, to("requests")).await;
    assert_eq!(seen.at("/requests/0/status").1, "418");
    assert_eq!(seen.at("/requests/1/path").1, "/v1/models");
    let vary = json!({"provider": "anthropic", "do": "vary", "set": {"crlf": true}});
    assert_eq!(order(&sandbox, vary).await.at("/variants/crlf").1, "true");
}

#[tokio::test]
async fn control_that_makes_no_sense_is_refused() {
    let sandbox = sandbox();
    let wrong = [
        json!({"provider": "nobody", "do": "counts"}),
        json!({"provider": "anthropic", "do": "dance"}),
        json!({"provider": "anthropic", "do": "hold", "endpoint": "kitchen"}),
        json!({"provider": "anthropic", "do": "vary", "set": {"colour": 1}}),
        json!([]),
    ];
    for order_ in wrong {
        assert_eq!(order(&sandbox, order_).await.at("/error").0, 400);
    }
    let form =
        client().post(format!("{}/_control", sandbox.url())).body("{\"provider\":\"anthropic\",\"do\":\"expire\"}");
    assert_eq!(get(form).await.status, 400);
}

#[tokio::test]
async fn a_foreign_host_name_gets_nothing() {
    let sandbox = sandbox();
    let request = client().get(format!("{}/anthropic/v1/models", sandbox.url())).header("host", "evil.example");
    assert_eq!(get(request).await.status, 421);
    assert_eq!(get(client().get(format!("{}/nobody/x", sandbox.url()))).await.status, 404);
    assert!(sandbox.script("anthropic").requests().is_empty());
}
