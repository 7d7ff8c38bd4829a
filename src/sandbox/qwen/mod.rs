//! Qwen: the device login as it was before its owner ended it, and DashScope keys.

mod chat;
mod login;

use serde_json::{Value, json};

use super::answer::Answer;
use super::desk::Desk;
use super::page::Look;
use super::people::WORK;
use super::provider::{Endpoint, Provider};
use super::received::Received;
use super::tokens::Grant;

pub use chat::{error_finish, free_quota, throttled};
pub use login::slow_down;

/// The stand-in for Qwen.
pub(super) struct Qwen;

const LOOK: Look = Look { title: "Qwen", client: "llxprt", accent: "#6a4fd8" };

impl Provider for Qwen {
    fn name(&self) -> &'static str {
        "qwen"
    }

    fn endpoint(&self, call: &Received) -> Option<Endpoint> {
        Some(match call.path.as_str() {
            "/api/v1/oauth2/device/code" => Endpoint::Device,
            "/api/v1/oauth2/token" if login::is_refresh(call) => Endpoint::Refresh,
            "/api/v1/oauth2/token" => Endpoint::Poll,
            "/authorize" => Endpoint::DevicePage,
            "/v1/chat/completions" | "/compatible-mode/v1/chat/completions" => Endpoint::Chat,
            "/compatible-mode/v1/models" => Endpoint::Models,
            _ => return None,
        })
    }

    fn answer(&self, endpoint: Endpoint, call: &Received, desk: &mut Desk) -> Answer {
        let fits = match endpoint {
            Endpoint::DevicePage => ["GET", "POST"].contains(&call.method.as_str()),
            Endpoint::Models => call.method == "GET",
            _ => call.method == "POST",
        };
        if !fits {
            return Answer::json(405, json!({"detail": "Method Not Allowed"}));
        }
        match endpoint {
            Endpoint::Device => login::begin(call, desk),
            Endpoint::Poll => login::poll(call, desk),
            Endpoint::Refresh => login::refresh(call, desk),
            Endpoint::DevicePage => login::page(call, desk),
            Endpoint::Models => chat::models(call, desk),
            _ => chat::completions(call, desk),
        }
    }

    fn elsewhere(&self, _: &Received, _: &mut Desk) -> Answer {
        Answer::json(404, json!({"detail": "Not Found"}))
    }

    fn ready(&self, desk: &mut Desk) -> Value {
        let scopes = login::SCOPES.map(str::to_owned).to_vec();
        let client = login::CLIENT.to_owned();
        let grant = Grant { email: WORK.to_owned(), client, scopes, lasting: true, ..Grant::default() };
        let family = desk.tokens.begin(grant, desk.now);
        let tokens = login::issue(desk, family, true);
        let key = format!("sk-{}", desk.ids.text(32));
        desk.tokens.keep_key(key.clone(), WORK.to_owned());
        json!({
            "base_url": format!("{}/v1", desk.url), "access_token": tokens["access_token"],
            "refresh_token": tokens["refresh_token"], "id_token": null, "api_key": key, "account": WORK,
            "key_base_url": format!("{}/compatible-mode/v1", desk.url),
        })
    }
}
