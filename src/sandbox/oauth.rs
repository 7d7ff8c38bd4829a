//! The authorization endpoint that most providers share: checks, login page, decision.

use url::Url;

use super::answer::Answer;
use super::desk::Desk;
use super::devices::Choice;
use super::page::{self, Look};
use super::people;
use super::received::Received;
use super::tokens::Grant;

const NOBODY: &str = "Choose an account, or type an email address.";

/// What a provider's authorization endpoint accepts.
pub(super) struct Rules<'a> {
    pub(super) client: &'a str,
    pub(super) redirect: &'a dyn Fn(&Url) -> bool,
    /// Every scope that the provider knows.
    pub(super) scopes: &'a [&'a str],
    /// Whether a request without a code challenge is refused.
    pub(super) pkce: bool,
    /// Whether every fault is told to the person and none to the client, as Google does it.
    pub(super) tells: bool,
}

/// Where an allowed login leads: the redirect and its parameters, in order.
pub(super) type Landing = (String, Vec<(String, String)>);

/// Serves the authorization endpoint: `GET` shows the page, `POST` of its form decides.
///
/// A wrong client or redirect URI is told to the person and never redirected (RFC 6749 4.1.2.1, RFC 9700 4.11).
pub(super) fn authorize(
    call: &Received,
    desk: &mut Desk,
    look: &Look,
    rules: &Rules<'_>,
    land: impl FnOnce(&mut Desk, Grant) -> Landing,
) -> Answer {
    let mut grant = match check(call, rules) {
        Ok(grant) => grant,
        Err(Fault::Told(why)) => return page::failure(look, 400, &why),
        Err(Fault::Sent { error, why, .. }) if rules.tells => {
            return page::failure(look, 400, &format!("Error 400: {error}. {why}"));
        }
        Err(Fault::Sent { redirect, error, why }) => {
            return refuse(&redirect, error, &why, call.param("state").as_deref());
        }
    };
    if call.method == "GET" {
        return page::login(look, call, &grant.scopes);
    }
    match decide(call) {
        Decision::Deny => {
            let why = "The user denied the request";
            refuse(&grant.redirect, "access_denied", why, grant.state.as_deref())
        }
        Decision::Nobody => page::failure(look, 400, NOBODY),
        Decision::Allow(email) => {
            grant.email = email;
            let (redirect, mut params) = land(desk, grant);
            params.extend(desk.variants.iss.clone().map(|iss| ("iss".to_owned(), iss)));
            Answer::redirect(with_params(&redirect, params)).header("cache-control", "no-store")
        }
    }
}

/// Serves the page where a person enters the code of a device and decides.
pub(super) fn device_page(call: &Received, desk: &mut Desk, look: &Look) -> Answer {
    let in_query = call.param("user_code").unwrap_or_default();
    if call.method == "GET" {
        return page::device(look, &in_query);
    }
    let fields = call.form_fields().unwrap_or_default();
    let code = fields.get("user_code").unwrap_or(&in_query);
    let Some(device) = desk.devices.waiting(code, desk.now) else {
        return page::failure(look, 400, "There is no such code, or it has been used or has run out.");
    };
    match decide(call) {
        Decision::Nobody => page::failure(look, 400, NOBODY),
        Decision::Deny => {
            device.choice = Choice::Denied;
            page::done(look, "Not connected", "You can close this page.")
        }
        Decision::Allow(email) => {
            device.choice = Choice::Allowed(email);
            page::done(look, "Connected", "You can close this page and go on in the terminal.")
        }
    }
}

/// What the person chose on a page.
pub(super) enum Decision {
    Allow(String),
    Deny,
    Nobody,
}

/// Reads the form of a page. A typed email goes before a chosen one.
pub(super) fn decide(call: &Received) -> Decision {
    let fields = call.form_fields().unwrap_or_default();
    if fields.get("decision") != Some("allow") {
        return Decision::Deny;
    }
    let typed = fields.get("other").filter(|text| !text.trim().is_empty());
    match typed.or_else(|| fields.get("account")).and_then(people::email) {
        Some(email) => Decision::Allow(email),
        None => Decision::Nobody,
    }
}

enum Fault {
    Told(String),
    Sent { redirect: String, error: &'static str, why: String },
}

fn check(call: &Received, rules: &Rules<'_>) -> Result<Grant, Fault> {
    let param = |name: &str| call.param(name).filter(|value| !value.is_empty());
    let told = |why: &str| Fault::Told(why.to_owned());
    match param("client_id") {
        None => return Err(told("The request names no client (client_id).")),
        Some(client) if client != rules.client => return Err(told("There is no such client (client_id).")),
        Some(_) => {}
    }
    let redirect = param("redirect_uri").ok_or(told("The request names no redirect_uri."))?;
    let allowed = Url::parse(&redirect).is_ok_and(|url| url.fragment().is_none() && (rules.redirect)(&url));
    if !allowed {
        return Err(told("This redirect_uri is not registered for the client."));
    }
    let sent = |error, why: String| Fault::Sent { redirect: redirect.clone(), error, why };
    if let Some(name) = repeated(call) {
        return Err(sent("invalid_request", format!("{name} is given more than once")));
    }
    if param("response_type").as_deref() != Some("code") {
        return Err(sent("unsupported_response_type", "response_type must be code".to_owned()));
    }
    let state = param("state").ok_or_else(|| sent("invalid_request", "state is missing".to_owned()))?;
    let scopes: Vec<String> = param("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if scopes.is_empty() {
        return Err(sent("invalid_scope", "scope is missing".to_owned()));
    }
    if let Some(scope) = scopes.iter().find(|scope| !rules.scopes.contains(&scope.as_str())) {
        return Err(sent("invalid_scope", format!("unknown scope {scope}")));
    }
    let challenge = param("code_challenge");
    match (&challenge, param("code_challenge_method").as_deref()) {
        (Some(challenge), Some("S256")) if is_challenge(challenge) => {}
        (None, None) if !rules.pkce => {}
        _ => return Err(sent("invalid_request", "a code_challenge with method S256 is required".to_owned())),
    }
    Ok(Grant {
        email: String::new(),
        client: rules.client.to_owned(),
        scopes,
        redirect,
        challenge,
        state: Some(state),
        nonce: param("nonce"),
        lasting: true,
    })
}

/// Tells whether a text can be the S256 challenge of RFC 7636 4.2.
pub(super) fn is_challenge(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// Returns a parameter that is there twice, which RFC 6749 3.1 forbids.
fn repeated(call: &Received) -> Option<String> {
    let params = call.params();
    let twice = |i: usize| params[..i].iter().any(|(name, _)| *name == params[i].0);
    (0..params.len()).find(|i| twice(*i)).map(|i| params[i].0.clone())
}

/// Sends a refusal back to the client.
pub(super) fn refuse(redirect: &str, error: &str, why: &str, state: Option<&str>) -> Answer {
    let mut params = vec![("error".to_owned(), error.to_owned()), ("error_description".to_owned(), why.to_owned())];
    params.extend(state.map(|state| ("state".to_owned(), state.to_owned())));
    Answer::redirect(with_params(redirect, params)).header("cache-control", "no-store")
}

/// Adds parameters to a URL, keeping what its query had.
pub(super) fn with_params(url: &str, params: Vec<(String, String)>) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(params);
            url.into()
        }
        Err(_) => url.to_owned(),
    }
}
