//! Code Assist, the service behind the Gemini CLI: setting up an account, content in an envelope, quotas.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::people;
use super::super::received::Received;
use super::super::variants::CodeAssist;
use super::limits::{self, Wait};
use super::prompt::{Form, Prompt, invalid};
use super::{CLOUD, PROJECT, bearer, refused};

/// How often setting up an account is asked for before it is done.
const PENDING: u32 = 2;

/// Serves what comes before the first prompt.
pub(super) fn setup(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = bearer(call, desk, &[CLOUD])?.grant.email;
    match call.path.as_str() {
        "/v1internal:loadCodeAssist" => Ok(load(call, desk, &email)),
        "/v1internal:onboardUser" => onboard(call, desk, &email),
        path => poll(desk, path.trim_start_matches("/v1internal/")),
    }
}

fn load(call: &Received, desk: &Desk, email: &str) -> Answer {
    let asked = call.json().unwrap_or_default();
    let project = asked["cloudaicompanionProject"].as_str().unwrap_or(PROJECT).to_owned();
    let standard = json!({
        "id": "standard-tier", "name": "Gemini Code Assist", "description": "For teams",
        "userDefinedCloudaicompanionProject": true, "isDefault": true, "privacyNotice": {},
    });
    let free = json!({"id": "free-tier", "name": "Gemini Code Assist for individuals", "isDefault": true});
    let ineligible = |reason: &str, message: &str| {
        json!({
            "reasonCode": reason, "reasonMessage": message, "tierId": "free-tier",
            "tierName": "Gemini Code Assist for individuals",
        })
    };
    let state = match (desk.variants.code_assist, email) {
        (CodeAssist::Onboarded, people::POLICY) => CodeAssist::UnsupportedClient,
        (CodeAssist::New, _) if desk.operations.get(&operation(email)).is_some_and(|asked| *asked > PENDING) => {
            CodeAssist::Onboarded
        }
        (state, _) => state,
    };
    Answer::json(
        200,
        match state {
            CodeAssist::Onboarded => {
                json!({"currentTier": standard, "allowedTiers": [standard], "cloudaicompanionProject": project})
            }
            CodeAssist::New => json!({"allowedTiers": [free]}),
            CodeAssist::UnsupportedClient => {
                let message = "This client is no longer supported for Gemini Code Assist for individuals. \
                               To continue using Gemini, please migrate to the Antigravity suite of products: \
                               https://antigravity.google";
                let tier = ineligible("UNSUPPORTED_CLIENT", message);
                json!({"allowedTiers": [standard], "ineligibleTiers": [tier]})
            }
            CodeAssist::ValidationRequired => {
                let mut tier = ineligible("VALIDATION_REQUIRED", "Verify your account to continue.");
                tier["validationUrl"] = json!("https://accounts.google.com/verify-pretend");
                tier["validationUrlLinkText"] = json!("Verify your account");
                tier["validationErrorMessage"] = json!("Verify your account to continue.");
                json!({"allowedTiers": [free], "ineligibleTiers": [tier]})
            }
        },
    )
}

fn onboard(call: &Received, desk: &mut Desk, email: &str) -> Result<Answer, Answer> {
    let body = call.json().unwrap_or_default();
    let Some(tier) = body["tierId"].as_str() else { return Err(invalid("tierId is required.")) };
    let named = body.get("cloudaicompanionProject").is_some() || body["metadata"].get("duetProject").is_some();
    if named == (tier == "free-tier") {
        return Err(refused(400, "FAILED_PRECONDITION", "Precondition check failed.", &[]));
    }
    poll(desk, &operation(email))
}

/// Answers a long-running operation: twice not yet, then done. Asking again to begin it is the same question.
fn poll(desk: &mut Desk, name: &str) -> Result<Answer, Answer> {
    if !name.starts_with("operations/") {
        return Err(refused(404, "NOT_FOUND", "Operation not found.", &[]));
    }
    let asked = desk.operations.entry(name.to_owned()).or_default();
    *asked += 1;
    let mut answer = json!({"name": name, "done": *asked > PENDING});
    if *asked > PENDING {
        let project = json!({"id": PROJECT, "name": PROJECT, "projectNumber": "100000000001"});
        let kind = "type.googleapis.com/google.internal.cloud.code.v1internal.OnboardUserResponse";
        answer["response"] = json!({"@type": kind, "cloudaicompanionProject": project});
    }
    Ok(Answer::json(200, answer))
}

fn operation(email: &str) -> String {
    format!("operations/{}", people::account_id("gemini", email))
}

/// Answers a prompt in its envelope.
pub(super) fn chat(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = bearer(call, desk, &[CLOUD])?.grant.email;
    let body = call.json().unwrap_or_default();
    let Some(model) = body["model"].as_str() else { return Err(invalid("model is required.")) };
    if !model.starts_with("gemini-") {
        return Err(refused(404, "NOT_FOUND", "Requested entity was not found.", &[]));
    }
    if body["project"].as_str().is_none_or(str::is_empty) {
        let message = "Permission denied on resource project.";
        return Err(refused(403, "PERMISSION_DENIED", message, &[]));
    }
    let Value::Object(inner) = &body["request"] else { return Err(invalid("request is required.")) };
    let prompt = Prompt::read(inner, &["session_id"])?;
    if email == people::POLICY {
        let message = "You must be a named user on your organization's Gemini Code Assist Standard edition \
                       subscription to use this service.";
        return Err(refused(403, "PERMISSION_DENIED", message, &[]));
    }
    let now = desk.now;
    let form = Form::of(&call.path, call.param("alt").as_deref());
    let quota = desk.quota(&email);
    if !quota.take(now) {
        let delay = format!("{}s", quota.wait(now));
        let stamp = rfc3339(quota.resets_at());
        let wait = Wait { delay: Some(&delay), stamp: Some(&stamp), retry: Some(&delay) };
        return Err(limits::exhausted(model, wait, form != Form::Whole));
    }
    let trace = desk.ids.text(16);
    Ok(prompt.answer(desk, model, form, &|piece| json!({"response": piece, "traceId": trace})))
}

/// Tells what is left for each model.
pub(super) fn usage(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let email = bearer(call, desk, &[CLOUD])?.grant.email;
    let quota = desk.quota(&email);
    let (left, part, reset) = (quota.left(), 1.0 - quota.part(), rfc3339(quota.resets_at()));
    let bucket = |model: &str| {
        json!({
            "modelId": model, "tokenType": "REQUESTS", "remainingFraction": part,
            "remainingAmount": left.to_string(), "resetTime": reset,
        })
    };
    Ok(Answer::json(200, json!({"buckets": [bucket("gemini-2.5-pro"), bucket("gemini-2.5-flash")]})))
}

fn rfc3339(seconds: i64) -> String {
    let time = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::UNIX_EPOCH);
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
