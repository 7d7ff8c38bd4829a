//! One URL that a person may open: its own state, PKCE verifier and redirect URI (RFC 6749 4.1, RFC 7636, RFC 8252).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use url::Url;

use super::client::Client;
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Grants, IdentityFrom, OAuth, StateIn};

/// An attempt to sign in that has not been answered.
#[derive(Debug)]
pub struct Attempt {
    /// Compared with the state of an answer; for a provider without one, the secret end of the callback's path.
    pub state: String,
    /// Sent again with the code (RFC 6749 4.1.3).
    pub redirect_uri: String,
    /// What to open.
    pub url: Url,
    /// Comes back in the id token, where that tells the identity (OpenID Connect Core 3.1.2.1).
    pub(super) nonce: Option<String>,
    /// Sent with the code (RFC 7636 4.5).
    pub(super) verifier: PkceCodeVerifier,
}

impl Attempt {
    /// Makes an attempt that comes back to `redirect_uri`. With `StateIn::Path` the state becomes its last segment.
    ///
    /// # Errors
    /// `E-NO-FLOW` when the provider has no authorization endpoint; `E-INTERNAL` without randomness.
    pub fn new(oauth: &OAuth, client: &Client, redirect_uri: &str, login_hint: Option<&str>) -> Outcome<Self> {
        let Some(authorize) = &oauth.authorize_url else {
            return Err(Failure::new(Code::NoFlow, "This provider has no page to sign in on."));
        };
        // 32 bytes, independent of the verifier: some clients send the verifier as state and leak it.
        let state = random_text()?;
        let verifier = PkceCodeVerifier::new(random_text()?);
        let nonce = (oauth.identity == IdentityFrom::IdToken).then(random_text).transpose()?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        let in_path = oauth.state_in == StateIn::Path;
        let redirect_uri = if in_path { format!("{redirect_uri}/{state}") } else { redirect_uri.to_owned() };
        let mut url = authorize.clone();
        {
            let mut query = url.query_pairs_mut();
            for (name, value) in &oauth.authorize_params {
                query.append_pair(name, value);
            }
            if oauth.grants == Grants::ApiKey {
                query.append_pair("callback_url", &redirect_uri);
            } else {
                query.append_pair("client_id", &client.id);
                query.append_pair("response_type", "code");
                query.append_pair("redirect_uri", &redirect_uri);
                query.append_pair("scope", &oauth.scopes.join(" "));
            }
            query.append_pair("code_challenge", challenge.as_str());
            query.append_pair("code_challenge_method", "S256");
            if !in_path {
                query.append_pair("state", &state);
            }
            if let Some(nonce) = &nonce {
                query.append_pair("nonce", nonce);
            }
            if let Some(hint) = login_hint.filter(|_| oauth.login_hint) {
                query.append_pair("login_hint", hint);
            }
        }
        // Some authorization servers take + in a query as a plus sign.
        let encoded = url.query().unwrap_or_default().replace('+', "%20");
        url.set_query(Some(&encoded));
        Ok(Self { state, redirect_uri, url, nonce, verifier })
    }

    /// Compares a state in constant time (`docs/security.md`, login).
    pub fn has_state(&self, state: &str) -> bool {
        let (ours, theirs) = (self.state.as_bytes(), state.as_bytes());
        let differ = ours.iter().zip(theirs).fold(0, |acc, (a, b)| acc | (a ^ b));
        ours.len() == theirs.len() && differ == 0
    }
}

/// Returns 32 random bytes as base64url: 43 characters, within the alphabet and bounds of RFC 7636 4.1.
fn random_text() -> Outcome<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|e| Failure::new(Code::Internal, format!("This machine gives no random numbers: {e}.")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Registry;

    fn oauth(provider: &str) -> OAuth {
        let registry = Registry::load(std::path::Path::new("/nowhere"), None);
        registry.get(&provider.parse().unwrap()).unwrap().oauth.clone().unwrap()
    }

    fn of(attempt: &Attempt, name: &str) -> Option<String> {
        attempt.url.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.into_owned())
    }

    #[test]
    fn the_link_asks_what_the_manifest_says_and_no_two_share_state_or_challenge() {
        let (oauth, client) = (oauth("anthropic"), Client { id: "me".into(), ..Client::default() });
        let a = Attempt::new(&oauth, &client, "http://localhost:1/callback", Some("a+b@example.com")).unwrap();
        let b = Attempt::new(&oauth, &client, "http://localhost:1/callback", None).unwrap();
        assert_eq!(of(&a, "scope").as_deref(), Some("user:profile user:inference"));
        assert_eq!(of(&a, "redirect_uri").as_deref(), Some("http://localhost:1/callback"));
        assert_eq!(of(&a, "login_hint").as_deref(), Some("a+b@example.com"));
        assert_eq!(of(&a, "code").as_deref(), Some("true"));
        assert_ne!(of(&a, "code_challenge"), of(&b, "code_challenge"));
        assert!(a.has_state(&of(&a, "state").unwrap()) && !a.has_state(&b.state) && !a.has_state(""));
        assert_ne!(Some(a.verifier.secret().as_str()), of(&a, "state").as_deref());
        assert!(!a.url.query().unwrap().contains('+'));
    }

    #[test]
    fn an_id_token_that_tells_the_identity_is_bound_to_its_attempt() {
        let client = Client { id: "me".into(), ..Client::default() };
        let codex = Attempt::new(&oauth("codex"), &client, "http://localhost:1455/auth/callback", Some("a@b")).unwrap();
        assert_eq!(of(&codex, "nonce").map(|n| n.len()), Some(43));
        assert_ne!(of(&codex, "nonce"), of(&codex, "state"));
        assert_eq!((of(&codex, "originator").as_deref(), of(&codex, "login_hint")), (Some("llxprt"), None));
        assert!(codex.url.as_str().contains("scope=openid%20profile%20email%20offline_access"));
        let anthropic = Attempt::new(&oauth("anthropic"), &client, "http://localhost:1/callback", None).unwrap();
        assert_eq!(of(&anthropic, "nonce"), None);
    }

    #[test]
    fn a_provider_without_state_and_client_gets_a_callback_that_nobody_guesses() {
        let url = "http://localhost:1/callback";
        let attempt = Attempt::new(&oauth("openrouter"), &Client::default(), url, None).unwrap();
        assert_eq!(attempt.redirect_uri, format!("{url}/{}", attempt.state));
        assert_eq!(of(&attempt, "callback_url"), Some(attempt.redirect_uri.clone()));
        let names: Vec<_> = attempt.url.query_pairs().map(|(k, _)| k.into_owned()).collect();
        assert_eq!(names, ["callback_url", "code_challenge", "code_challenge_method"]);
    }
}
