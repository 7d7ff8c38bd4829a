//! The device login (RFC 8628) with PKCE at each poll.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::devices::{Choice, Device};
use super::super::ids;
use super::super::oauth;
use super::super::page;
use super::super::received::Received;
use super::super::tokens::{FamilyId, Grant};
use super::LOOK;

/// The client of Qwen Code.
pub(super) const CLIENT: &str = "f0304373b74a44d2b584a3fb70ca9e56";

/// Everything that can be asked for.
pub(super) const SCOPES: [&str; 4] = ["openid", "profile", "email", "model.completion"];

const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Seconds that a code can be entered.
const LIFE: i64 = 900;

/// Returns the answer to a device that asks too often; the service has sent it with 429, others with 400.
pub fn slow_down(status: u16) -> Answer {
    fault(status, "slow_down", "Polling too frequently")
}

/// Tells whether a token request is a refresh.
pub(super) fn is_refresh(call: &Received) -> bool {
    call.fields().is_some_and(|fields| fields.get("grant_type") == Some("refresh_token"))
}

/// Begins to wait for a person.
pub(super) fn begin(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.form_fields().filter(|fields| !fields.repeated()) else {
        return fault(400, "invalid_request", "The request must be a form, each parameter once");
    };
    if fields.get("client_id") != Some(CLIENT) {
        return fault(401, "invalid_client", "Unknown client");
    }
    let scopes: Vec<String> = fields.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() || scopes.iter().any(|scope| !SCOPES.contains(&scope.as_str())) {
        return fault(400, "invalid_scope", "Unknown scope");
    }
    let challenge = fields.get("code_challenge").filter(|text| oauth::is_challenge(text)).map(str::to_owned);
    if challenge.is_none() || fields.get("code_challenge_method") != Some("S256") {
        return fault(400, "invalid_request", "A code_challenge with method S256 is required");
    }
    let code = format!("dc_{}", desk.ids.text(40));
    let user_code = format!("{}-{}", desk.ids.spoken(4), desk.ids.spoken(4));
    let page = format!("{}/authorize", desk.url);
    let mut answer = json!({
        "device_code": code, "user_code": user_code, "verification_uri": page,
        "verification_uri_complete": format!("{page}?user_code={user_code}&client=qwen-code"), "expires_in": LIFE,
    });
    if let Some(interval) = desk.variants.device_interval {
        answer["interval"] = json!(interval);
    }
    let (ends, client) = (desk.now + LIFE, CLIENT.to_owned());
    let device = Device { user_code, client, scopes, challenge, ends, choice: Choice::Open, polls: 0 };
    desk.devices.begin(code, device);
    Answer::json(200, answer)
}

/// Serves the page for the person, which opens only with both of its parameters.
pub(super) fn page(call: &Received, desk: &mut Desk) -> Answer {
    if call.param("user_code").is_none() || call.param("client").is_none() {
        return page::failure(&LOOK, 400, "user_code or client is null");
    }
    oauth::device_page(call, desk, &LOOK)
}

/// Tells whether the person is done.
pub(super) fn poll(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.form_fields().filter(|fields| !fields.repeated()) else {
        return fault(400, "invalid_request", "The request must be a form, each parameter once");
    };
    if fields.get("grant_type") != Some(DEVICE_GRANT) {
        return fault(400, "unsupported_grant_type", "Unsupported grant type");
    }
    let now = desk.now;
    let device = fields.get("device_code").and_then(|code| desk.devices.find(code));
    let Some(device) = device else { return fault(401, "invalid_grant", "Unknown device code") };
    if fields.get("client_id") != Some(device.client.as_str()) {
        return fault(401, "invalid_client", "Unknown client");
    }
    if fields.get("code_verifier").map(ids::challenge) != device.challenge {
        return fault(400, "invalid_grant", "Invalid code_verifier");
    }
    device.polls += 1;
    match device.choice.clone() {
        Choice::Taken => fault(401, "invalid_grant", "The device code was already used"),
        Choice::Denied => fault(400, "access_denied", "The user denied the request"),
        _ if now >= device.ends => fault(401, "expired_token", "The device code has expired"),
        Choice::Open => {
            let why = "The user has not yet approved the authorization request";
            fault(400, "authorization_pending", why)
        }
        Choice::Allowed(email) => {
            device.choice = Choice::Taken;
            let (client, scopes) = (device.client.clone(), device.scopes.clone());
            let family = desk.tokens.begin(Grant { email, client, scopes, lasting: true, ..Grant::default() }, now);
            Answer::json(200, issue(desk, family, true))
        }
    }
}

/// Renews a login.
pub(super) fn refresh(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.form_fields().filter(|fields| !fields.repeated()) else {
        return fault(400, "invalid_request", "The request must be a form, each parameter once");
    };
    let (Some(token), Some(client)) = (fields.get("refresh_token"), fields.get("client_id")) else {
        return fault(400, "invalid_request", "refresh_token and client_id are required");
    };
    let Ok(family) = desk.tokens.look(token, client) else {
        return fault(400, "invalid_grant", "The refresh token is invalid or has expired");
    };
    let rotates = !desk.variants.keep_refresh;
    if rotates {
        desk.tokens.spend(token);
    }
    Answer::json(200, issue(desk, family, rotates))
}

/// Makes the tokens of a login and the answer that hands them out.
pub(super) fn issue(desk: &mut Desk, family: FamilyId, with_refresh: bool) -> Value {
    let life = desk.life(21_600);
    let access = desk.ids.text(86);
    desk.tokens.keep_access(access.clone(), family, desk.now + life);
    let scopes = desk.tokens.family(family).grant.scopes.join(" ");
    let mut answer = json!({
        "status": "success", "access_token": access, "token_type": "Bearer", "expires_in": life, "scope": scopes,
    });
    if with_refresh {
        let refresh = desk.ids.text(86);
        desk.tokens.keep_refresh(refresh.clone(), family);
        answer["refresh_token"] = json!(refresh);
    }
    // The service names a bare host, which clients take for https; the sandbox has to name its scheme.
    let resource = desk.variants.resource_url.clone().unwrap_or_else(|| desk.url.clone());
    if !resource.is_empty() {
        answer["resource_url"] = json!(resource);
    }
    answer
}

fn fault(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, json!({"error": error, "error_description": description}))
}
