//! Google's login: authorization page, tokens, revocation, identity.

use serde_json::{Value, json};
use url::Url;

use super::super::answer::Answer;
use super::super::desk::Desk;
use super::super::ids;
use super::super::jwt;
use super::super::oauth::{self, Rules};
use super::super::people;
use super::super::received::{Fields, Received};
use super::super::tokens::{CodeFault, Exchange, FamilyId, Standing};
use super::{CLOUD, LOOK, PROJECT, bearer};

/// The client that the sandbox ships, since the user has to bring one.
pub(super) const CLIENT: &str = "100000000001-pretend.apps.googleusercontent.com";
const SECRET: &str = "GOCSPX-pretend-not-a-secret";

const EMAIL: &str = "https://www.googleapis.com/auth/userinfo.email";
const PROFILE: &str = "https://www.googleapis.com/auth/userinfo.profile";

const SCOPES: [&str; 8] = [
    "openid",
    "email",
    "profile",
    EMAIL,
    PROFILE,
    CLOUD,
    "https://www.googleapis.com/auth/generative-language.retriever",
    "https://www.googleapis.com/auth/generative-language.tuning",
];

/// Returns what Google's console lets a person download for a desktop client.
pub(super) fn client_file(desk: &Desk) -> Value {
    json!({"installed": {
        "client_id": CLIENT, "project_id": PROJECT, "auth_uri": format!("{}/o/oauth2/auth", desk.url),
        "token_uri": format!("{}/token", desk.url),
        "auth_provider_x509_cert_url": format!("{}/oauth2/v1/certs", desk.url), "client_secret": SECRET,
        "redirect_uris": ["http://localhost"],
    }})
}

/// Tells whether a token request is a refresh.
pub(super) fn is_refresh(call: &Received) -> bool {
    call.fields().is_some_and(|fields| fields.get("grant_type") == Some("refresh_token"))
}

/// Serves the authorization page. A desktop client may use any port and path of loopback.
pub(super) fn authorize(call: &Received, desk: &mut Desk) -> Answer {
    let redirect =
        |url: &Url| url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let rules = Rules { client: CLIENT, redirect: &redirect, scopes: &SCOPES, pkce: false, tells: true };
    let offline = call.param("access_type").as_deref() == Some("offline");
    let prompt = call.param("prompt");
    oauth::authorize(call, desk, &LOOK, &rules, |desk, mut grant| {
        let first = desk.tokens.consent(CLIENT, &grant.email);
        let again = prompt.as_deref().is_some_and(|prompt| prompt.split(' ').any(|word| word == "consent"));
        grant.lasting = offline && (first || again);
        grant.scopes = whole(&grant.scopes);
        let code = format!("4/0A{}", desk.ids.text(70));
        let (to, scopes) = (grant.redirect.clone(), grant.scopes.join(" "));
        let state = grant.state.clone().unwrap_or_default();
        desk.tokens.keep_code(code.clone(), grant, desk.now);
        let shown = if first || again { "consent" } else { "none" };
        let params =
            [("state", state.as_str()), ("code", &code), ("scope", &scopes), ("authuser", "0"), ("prompt", shown)];
        (to, params.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
    })
}

/// Returns scopes as Google grants them: short names become addresses.
fn whole(scopes: &[String]) -> Vec<String> {
    let mut granted: Vec<String> = Vec::new();
    for scope in scopes {
        let scope = match scope.as_str() {
            "email" => EMAIL,
            "profile" => PROFILE,
            other => other,
        };
        if !granted.iter().any(|had| had == scope) {
            granted.push(scope.to_owned());
        }
    }
    granted
}

/// Checks form and client of a token request.
fn client(call: &Received) -> Result<Fields, Answer> {
    let Some(fields) = call.form_fields().filter(|fields| !fields.repeated()) else {
        return Err(fault(400, "invalid_request", "The request must be a form, each parameter once."));
    };
    let basic = call.basic();
    let given = |name: &str, at: usize| {
        let named = fields.get(name).map(str::to_owned);
        named.or_else(|| basic.as_ref().map(|(id, secret)| if at == 0 { id.clone() } else { secret.clone() }))
    };
    match (given("client_id", 0), given("client_secret", 1)) {
        (None, _) => Err(fault(400, "invalid_request", "Could not determine client ID from request.")),
        (Some(id), _) if id != CLIENT => Err(fault(401, "invalid_client", "The OAuth client was not found.")),
        (_, None) => Err(fault(400, "invalid_request", "client_secret is missing.")),
        (_, Some(secret)) if secret != SECRET => Err(fault(401, "invalid_client", "Unauthorized")),
        _ => Ok(fields),
    }
}

/// Exchanges a code.
pub(super) fn token(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let fields = client(call)?;
    match fields.get("grant_type") {
        Some("authorization_code") => {}
        Some(other) => return Err(fault(400, "unsupported_grant_type", &format!("Invalid grant_type: {other}"))),
        None => return Err(fault(400, "invalid_request", "Required parameter is missing: grant_type")),
    }
    let all = ["code", "redirect_uri", "code_verifier"].map(|name| fields.get(name));
    let [Some(code), Some(redirect), verifier] = all else {
        return Err(fault(400, "invalid_request", "Missing required parameter"));
    };
    let ask = Exchange { code, client: CLIENT, redirect, verifier, state: None };
    match desk.tokens.exchange(ask, desk.now) {
        Ok(family) => Ok(Answer::json(200, issue(desk, family, true))),
        Err(CodeFault::Redirect) => Err(fault(400, "redirect_uri_mismatch", "Bad Request")),
        Err(CodeFault::Verifier) => Err(fault(400, "invalid_grant", "Invalid code verifier.")),
        Err(CodeFault::Used | CodeFault::Old) => Err(fault(400, "invalid_grant", "Bad Request")),
        Err(_) => Err(fault(400, "invalid_grant", "Malformed auth code.")),
    }
}

/// Renews a login; the refresh token stays as it is.
pub(super) fn refresh(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    let fields = client(call)?;
    let Some(token) = fields.get("refresh_token") else {
        return Err(fault(400, "invalid_request", "Missing required parameter: refresh_token"));
    };
    let family = desk.tokens.look(token, CLIENT);
    let family = family.map_err(|_| fault(400, "invalid_grant", "Token has been expired or revoked."))?;
    let granted = &desk.tokens.family(family).grant.scopes;
    let mut asked = fields.get("scope").unwrap_or_default().split_whitespace();
    if asked.any(|scope| !granted.iter().any(|had| had == scope)) {
        return Err(fault(400, "invalid_scope", "Some requested scopes were invalid."));
    }
    Ok(Answer::json(200, issue(desk, family, false)))
}

/// Revokes a login by either of its tokens.
pub(super) fn revoke(call: &Received, desk: &mut Desk) -> Answer {
    let fields = call.form_fields().unwrap_or_default();
    match fields.get("token") {
        None => fault(400, "invalid_request", "Bad Request"),
        Some(token) if desk.tokens.revoke_token(token) => Answer::json(200, json!({})),
        Some(_) => fault(400, "invalid_token", "Token expired or revoked"),
    }
}

/// Makes the tokens of a login; a refresh token only with a code and where the login is to last.
pub(super) fn issue(desk: &mut Desk, family: FamilyId, with_code: bool) -> Value {
    let life = desk.life(3_599);
    let grant = desk.tokens.family(family).grant.clone();
    let (email, now) = (grant.email.as_str(), desk.now);
    let access = format!("ya29.a0A{}", desk.ids.text(160));
    desk.tokens.keep_access(access.clone(), family, now + life);
    let scope = grant.scopes.join(" ");
    let mut answer = json!({"access_token": access, "expires_in": life, "scope": scope, "token_type": "Bearer"});
    if with_code && grant.lasting {
        let refresh = format!("1//0g{}", desk.ids.text(90));
        desk.tokens.keep_refresh(refresh.clone(), family);
        answer["refresh_token"] = json!(refresh);
    }
    if has(&grant.scopes, "openid") {
        let mut claims = json!({
            "iss": "https://accounts.google.com", "azp": grant.client, "aud": grant.client, "sub": subject(email),
            "iat": now, "exp": now + 3_600,
        });
        if has(&grant.scopes, EMAIL) {
            claims["email"] = json!(email);
            claims["email_verified"] = json!(true);
        }
        if has(&grant.scopes, PROFILE) {
            claims["name"] = json!(people::full_name(email));
        }
        if let Some(nonce) = grant.nonce {
            claims["nonce"] = json!(nonce);
        }
        answer["id_token"] = json!(jwt::write(&claims));
    }
    answer
}

/// Tells who is behind a token: `userinfo` in its three forms, and `tokeninfo`.
pub(super) fn profile(call: &Received, desk: &mut Desk) -> Result<Answer, Answer> {
    if call.path == "/tokeninfo" {
        return Ok(token_info(call, desk));
    }
    let family = bearer(call, desk, &["openid", EMAIL, PROFILE])?;
    let email = &family.grant.email;
    let newest = call.path == "/oauth2/v3/userinfo";
    let mut shown = json!({});
    shown[if newest { "sub" } else { "id" }] = json!(subject(email));
    if has(&family.grant.scopes, EMAIL) {
        shown["email"] = json!(email);
        shown[if newest { "email_verified" } else { "verified_email" }] = json!(true);
    }
    if has(&family.grant.scopes, PROFILE) {
        shown["name"] = json!(people::full_name(email));
        shown["given_name"] = json!(people::full_name(email));
    }
    Ok(Answer::json(200, shown))
}

fn token_info(call: &Received, desk: &Desk) -> Answer {
    let token = call.param("access_token").unwrap_or_default();
    let (Standing::Good(family), Some(expires)) = (desk.tokens.standing(&token, desk.now), desk.tokens.expires(&token))
    else {
        return fault(400, "invalid_token", "Invalid Value");
    };
    let grant = family.grant;
    Answer::json(
        200,
        json!({
            "azp": grant.client, "aud": grant.client, "sub": subject(&grant.email), "scope": grant.scopes.join(" "),
            "exp": expires.to_string(), "expires_in": (expires - desk.now).to_string(), "email": grant.email,
            "email_verified": "true", "access_type": if grant.lasting { "offline" } else { "online" },
        }),
    )
}

fn subject(email: &str) -> String {
    ids::digits_of(&["google", email], 21)
}

fn has(scopes: &[String], scope: &str) -> bool {
    scopes.iter().any(|granted| granted == scope)
}

fn fault(status: u16, error: &str, description: &str) -> Answer {
    Answer::json(status, json!({"error": error, "error_description": description}))
}
