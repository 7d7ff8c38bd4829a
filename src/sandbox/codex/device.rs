//! The device flow, which is not RFC 8628: the server makes the PKCE pair, and waiting is a 403 or a 404.

use serde_json::json;

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::devices::{Choice, Device};
use super::super::ids;
use super::super::received::Received;
use super::super::tokens::Grant;
use super::detail;
use super::login::CLIENT;

/// Seconds that a code can be entered.
const LIFE: i64 = 900;

/// Begins to wait for a person.
pub(super) fn begin(call: &Received, desk: &mut Desk) -> Answer {
    if desk.variants.device_off {
        return detail(404, "Device code login is not enabled");
    }
    let Some(fields) = call.json_fields() else { return detail(400, "The request must be JSON") };
    if fields.get("client_id") != Some(CLIENT) {
        return detail(400, "Unknown client_id");
    }
    let id = format!("deviceauth_{}", desk.ids.text(32));
    let user_code = format!("{}-{}", desk.ids.spoken(4), desk.ids.spoken(5));
    let device = Device {
        user_code: user_code.clone(),
        client: CLIENT.to_owned(),
        scopes: ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec(),
        challenge: None,
        ends: desk.now + LIFE,
        choice: Choice::Open,
        polls: 0,
    };
    desk.devices.begin(id.clone(), device);
    let interval = desk.variants.device_interval.unwrap_or(5).to_string();
    Answer::json(200, json!({"device_auth_id": id, "user_code": user_code, "interval": interval}))
}

/// Tells whether the person is done; while not, 403 and 404 take turns, since clients must take both.
pub(super) fn poll(call: &Received, desk: &mut Desk) -> Answer {
    let Some(fields) = call.json_fields() else { return detail(400, "The request must be JSON") };
    let (Some(id), Some(code)) = (fields.get("device_auth_id"), fields.get("user_code")) else {
        return detail(400, "device_auth_id and user_code are required");
    };
    let now = desk.now;
    let device = desk.devices.find(id).filter(|device| device.user_code == code);
    let Some(device) = device else { return detail(400, "Unknown device") };
    device.polls += 1;
    match device.choice.clone() {
        Choice::Denied => detail(400, "The sign-in was denied"),
        Choice::Taken => detail(400, "The code was already used"),
        _ if now >= device.ends => detail(400, "The code has expired"),
        Choice::Open if device.polls % 2 == 1 => {
            let error = json!({"message": "Authorization pending", "code": "deviceauth_authorization_pending"});
            Answer::json(403, json!({"error": error}))
        }
        Choice::Open => detail(404, "Not Found"),
        Choice::Allowed(email) => {
            device.choice = Choice::Taken;
            let scopes = device.scopes.clone();
            let verifier = desk.ids.text(64);
            let challenge = ids::challenge(&verifier);
            let code = format!("ac_{}", desk.ids.text(43));
            let grant = Grant {
                email,
                client: CLIENT.to_owned(),
                scopes,
                redirect: "https://auth.openai.com/deviceauth/callback".to_owned(),
                challenge: Some(challenge.clone()),
                ..Grant::default()
            };
            desk.tokens.keep_code(code.clone(), grant, now);
            Answer::json(
                200,
                json!({"authorization_code": code, "code_challenge": challenge, "code_verifier": verifier}),
            )
        }
    }
}
