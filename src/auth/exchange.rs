//! The requests to the token endpoint: a code for tokens, a refresh token for new ones (RFC 6749 4.1.3 and 6).

use oauth2::basic::{BasicClient, BasicErrorResponse, BasicTokenResponse};
use oauth2::{
    AuthType, AuthorizationCode, ClientId, ClientSecret, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, TokenUrl,
};

use super::attempt::Attempt;
use super::client::Client;
use super::identity::claims;
use super::tokens::TokenAnswer;
use super::wire::{Trouble, Wire};
use crate::error::{Code, Failure};
use crate::http::Http;
use crate::providers::{Grants, OAuth, RequestForm, StateIn};
use crate::secret::Secret;

type Endpoint = oauth2::Client<
    BasicErrorResponse,
    BasicTokenResponse,
    oauth2::basic::BasicTokenIntrospectionResponse,
    oauth2::StandardRevocableToken,
    oauth2::basic::BasicRevocationErrorResponse,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointNotSet,
    oauth2::EndpointSet,
>;

/// Exchanges the code of an attempt.
///
/// # Errors
/// Says whether the request may have been used up.
pub async fn exchange(
    http: &Http,
    oauth: &OAuth,
    client: &Client,
    attempt: &Attempt,
    code: &str,
    now: i64,
) -> Result<TokenAnswer, Trouble> {
    let extra = match oauth.state_in {
        StateIn::Body => vec![("state".to_owned(), attempt.state.clone())],
        StateIn::Query | StateIn::Path => Vec::new(),
    };
    let wire = Wire::new(http, &oauth.token_url, oauth.token_request, extra, now).map_err(Trouble::Ours)?;
    let verifier = attempt.verifier.secret();
    if oauth.grants == Grants::ApiKey {
        return key(&wire, verifier, code).await;
    }
    let answer = for_code(&wire, oauth, client, &attempt.redirect_uri, verifier, code).await?;
    let said = answer.id_token.as_ref().and_then(|t| claims(t.expose()));
    let said = said.as_ref().and_then(|c| c.get("nonce")).and_then(serde_json::Value::as_str);
    // OpenID Connect Core 3.1.3.7: an id token that names a nonce must name ours.
    if said.is_some_and(|said| attempt.nonce.as_deref() != Some(said)) {
        return Err(Trouble::Nonsense("its id token was made for another sign-in".into()));
    }
    Ok(answer)
}

/// Exchanges a code that came by another way than an attempt's: the device flow of Codex.
pub(super) async fn for_code(
    wire: &Wire,
    oauth: &OAuth,
    client: &Client,
    redirect_uri: &str,
    verifier: &str,
    code: &str,
) -> Result<TokenAnswer, Trouble> {
    let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|e| ours(&e))?;
    let result = endpoint(oauth, client)?
        .set_redirect_uri(redirect)
        .exchange_code(AuthorizationCode::new(code.to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
        .request_async(&|request| wire.clone().call(request))
        .await;
    answer(result, wire, client)
}

/// Exchanges a code for an API key, as OpenRouter does: no client, no grant type, and a `key` that does not end.
async fn key(wire: &Wire, verifier: &str, code: &str) -> Result<TokenAnswer, Trouble> {
    let fields = [("code", code), ("code_verifier", verifier), ("code_challenge_method", "S256")];
    let (mut map, skew) = wire.post(fields.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec()).await?;
    let key = map.shift_remove("key").filter(serde_json::Value::is_string);
    map.insert("access_token".to_owned(), key.ok_or_else(|| Trouble::Nonsense("key is missing".into()))?);
    let answer = TokenAnswer::from_map(map).map_err(|_| Trouble::Nonsense("key is missing".into()))?;
    Ok(TokenAnswer { skew, ..answer })
}

/// Asks for new tokens with a refresh token, and for no more scope than was granted.
///
/// # Errors
/// Says whether the refresh token may have been used up.
pub async fn refresh(
    http: &Http,
    oauth: &OAuth,
    client: &Client,
    refresh_token: &Secret,
    now: i64,
) -> Result<TokenAnswer, Trouble> {
    let wire = Wire::new(http, &oauth.token_url, oauth.token_request, Vec::new(), now).map_err(Trouble::Ours)?;
    let token = RefreshToken::new(refresh_token.expose().to_owned());
    let result = endpoint(oauth, client)?
        .exchange_refresh_token(&token)
        .request_async(&|request| wire.clone().call(request))
        .await;
    answer(result, &wire, client)
}

fn endpoint(oauth: &OAuth, client: &Client) -> Result<Endpoint, Trouble> {
    let url = TokenUrl::new(oauth.token_url.to_string()).map_err(|e| ours(&e))?;
    let endpoint = BasicClient::new(ClientId::new(client.id.clone())).set_auth_type(AuthType::RequestBody);
    let endpoint = match &client.secret {
        Some(secret) => endpoint.set_client_secret(ClientSecret::new(secret.clone())),
        None => endpoint,
    };
    Ok(endpoint.set_token_uri(url))
}

fn ours(error: &dyn std::fmt::Display) -> Trouble {
    Trouble::Ours(Failure::new(Code::Internal, format!("The sign-in could not be built: {error}.")))
}

fn answer(
    result: Result<BasicTokenResponse, RequestTokenError<Trouble, BasicErrorResponse>>,
    wire: &Wire,
    client: &Client,
) -> Result<TokenAnswer, Trouble> {
    match result {
        Ok(_) => {
            let (map, skew) = wire.take().ok_or_else(|| Trouble::Nonsense("the answer was empty".into()))?;
            let answer = TokenAnswer::from_map(map).map_err(|e| Trouble::Nonsense(e.0))?;
            Ok(TokenAnswer { skew, project: client.project.clone(), ..answer })
        }
        Err(RequestTokenError::Request(trouble)) => Err(trouble),
        Err(other) => Err(Trouble::Nonsense(format!("the token answer could not be used: {other}"))),
    }
}

/// Revokes a token (RFC 7009): by form or, where the provider wants it, JSON.
///
/// # Errors
/// When the provider did not confirm.
pub async fn revoke(http: &Http, oauth: &OAuth, client: &Client, token: &Secret, hint: &str) -> Result<(), Trouble> {
    let Some(url) = &oauth.revoke_url else { return Err(Trouble::Nonsense("no revocation endpoint".into())) };
    let fields = [("token", token.expose()), ("token_type_hint", hint), ("client_id", &client.id)];
    let sending = http.client(url).map_err(Trouble::Ours)?.post(url.clone()).timeout(crate::http::TOKEN_TIME);
    let sending = match oauth.revoke_request {
        RequestForm::Form => sending.form(&fields),
        RequestForm::Json => sending.json(&std::collections::BTreeMap::from(fields)),
    };
    let host = crate::http::host_of(url);
    let sent = sending.send().await;
    let answer = sent.map_err(|e| Trouble::Unreached(crate::http::Unreached::from_error(&e, &host)))?;
    if answer.status().is_success() {
        return Ok(());
    }
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = crate::http::read_error(answer, &super::wire::secrets_of(fields)).await;
    Err(Trouble::Refused(super::wire::Refusal::read(status, &headers, &body)))
}
