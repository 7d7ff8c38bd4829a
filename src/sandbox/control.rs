//! The same control as [`super::Script`] over HTTP, for tests in another process.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::answer::{Answer, Chunk, End};
use super::provider::Endpoint;
use super::received::Received;
use super::script::Script;
use super::server::Shared;

/// Answers a control request; the requests are listed in the module's own page.
pub(super) fn serve(shared: &Arc<Shared>, call: &Received) -> Answer {
    // A form or plain text could be sent by a page in a browser without asking (CORS); JSON cannot.
    let done = match (call.method.as_str(), call.json()) {
        ("POST", Some(Value::Object(order))) => carry_out(shared, &order),
        _ => Err("POST an object as application/json".to_owned()),
    };
    match done {
        Ok(value) => Answer::json(200, value),
        Err(why) => Answer::json(400, json!({"error": why})),
    }
}

fn carry_out(shared: &Arc<Shared>, order: &Map<String, Value>) -> Result<Value, String> {
    let text = |name: &str| order.get(name).and_then(Value::as_str).ok_or(format!("{name} is missing"));
    let number = |name: &str| order.get(name).and_then(Value::as_u64).ok_or(format!("{name} is missing"));
    let endpoint = || -> Result<Endpoint, String> {
        serde_json::from_value(text("endpoint")?.into()).map_err(|e| format!("endpoint: {e}"))
    };
    let provider = text("provider")?;
    if !shared.world().counters.contains_key(provider) {
        return Err(format!("there is no provider {provider}"));
    }
    let script = Script::new(Arc::clone(shared), provider);
    match text("do")? {
        "answer" => script.answer(endpoint()?, scripted(order)?),
        "requests" => return Ok(json!({"requests": script.requests().iter().map(shown).collect::<Vec<_>>()})),
        "counts" => return Ok(json!({"counts": script.counts()})),
        "violations" => return Ok(json!({"violations": script.violations()})),
        "hold" => script.hold(endpoint()?),
        "release" => script.release(endpoint()?),
        "expire" => script.expire_access_tokens(),
        "revoke" => script.revoke(text("account")?),
        "quota" => script.set_quota(text("account")?, number("requests")?),
        "key" => script.add_key(text("key")?, text("account")?),
        "advance" => script.advance(Duration::from_secs(number("seconds")?)),
        "vary" => return vary(&script, order.get("set")),
        other => return Err(format!("do: {other} is not known")),
    }
    Ok(json!({}))
}

fn vary(script: &Script, set: Option<&Value>) -> Result<Value, String> {
    let Some(Value::Object(set)) = set else { return Err("set is missing".to_owned()) };
    let mut outcome = Err("not done".to_owned());
    script.vary(|variants| {
        let mut all = json!(variants);
        for (name, value) in set {
            all[name.as_str()] = value.clone();
        }
        outcome =
            serde_json::from_value(all.clone()).map(|new| *variants = new).map(|()| all).map_err(|e| e.to_string());
    });
    outcome.map(|all| json!({"variants": all}))
}

fn scripted(order: &Map<String, Value>) -> Result<Answer, String> {
    if order.get("lost").and_then(Value::as_bool) == Some(true) {
        return Ok(Answer::lost());
    }
    let status = order.get("status").map_or(Some(200), Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or("status is no HTTP status")?;
    let mut answer = match (order.get("chunks"), order.get("body")) {
        (Some(Value::Array(chunks)), None) => {
            let texts: Option<Vec<&str>> = chunks.iter().map(Value::as_str).collect();
            let chunks = texts.ok_or("chunks: a list of texts")?.into_iter().map(|text| Chunk::new(text.to_owned()));
            let end = match order.get("end").and_then(Value::as_str) {
                None | Some("whole") => End::Whole,
                Some("drop") => End::Drop,
                Some("hang") => End::Hang,
                Some(other) => return Err(format!("end: {other} is not known")),
            };
            Answer::stream(chunks.collect(), end)
        }
        (None, Some(Value::String(text))) => Answer::text(status, "text/plain; charset=utf-8", text),
        (None, Some(body)) => Answer::json(status, body.clone()),
        (None, None) => Answer::empty(status),
        _ => return Err("either body or chunks".to_owned()),
    };
    answer.status = status;
    for (name, value) in order.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().ok_or(format!("headers: {name} is no text"))?;
        answer.headers.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
        answer = answer.header(name, value);
    }
    Ok(answer)
}

fn shown(call: &Received) -> Value {
    let headers: Map<String, Value> = call.headers.iter().map(|(n, v)| (n.clone(), json!(v))).collect();
    json!({
        "method": call.method, "path": call.path, "query": call.query, "headers": headers, "body": call.body,
        "endpoint": call.endpoint, "account": call.account, "status": call.status,
    })
}
