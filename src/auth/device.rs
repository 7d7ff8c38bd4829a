//! The device flow: a short code that a person enters on any device (RFC 8628), and Codex' own relative of it.

use std::time::Duration;

use oauth2::{PkceCodeChallenge, PkceCodeVerifier};
use serde_json::{Map, Value};
use url::Url;

use super::client::Client;
use super::exchange::for_code;
use super::tokens::TokenAnswer;
use super::wire::{Trouble, Wire};
use crate::http::Http;
use crate::providers::{OAuth, RequestForm, is_loopback};
use crate::secret::Secret;

/// Seconds that a code lives where the provider does not say; Codex gives its codes a quarter of an hour.
const USUAL_LIFE: i64 = 900;
/// Seconds that nobody waits longer than.
const LONGEST_LIFE: i64 = 86_400;
/// Seconds between two questions where the provider does not say (RFC 8628 3.2).
const USUAL_INTERVAL: u64 = 5;
/// Seconds that `slow_down` adds for good (RFC 8628 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// The longest wait between two questions.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A sign-in that waits for a person on another device.
#[derive(Debug)]
pub struct Device {
    /// What the person enters, as the provider sent it: to be cleaned before it is shown.
    pub user_code: String,
    /// Where.
    pub page: Url,
    /// The same with the code in it.
    pub complete: Option<Url>,
    /// Seconds until the code runs out.
    pub life: i64,
    /// Seconds between two questions.
    pub interval: u64,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Rfc8628 { device_code: Secret, verifier: Option<PkceCodeVerifier> },
    OpenAi { id: Secret },
}

/// What a question to the provider came to.
#[derive(Debug)]
pub enum Polled {
    /// The person has not decided.
    Waiting,
    /// Likewise, and it was asked too often; wait so many seconds at least.
    Slower(u64),
    /// It could not be asked; the sign-in goes on.
    Unreached(String),
    /// The person allowed it.
    Done(Box<TokenAnswer>),
    /// The person denied it, in the provider's words.
    Denied(String),
    /// The code has run out.
    Over,
    /// It cannot go on.
    Failed(Trouble),
}

impl Device {
    /// Asks for a code.
    ///
    /// # Errors
    /// As a token request; a page that may not be opened is nonsense.
    pub async fn begin(http: &Http, oauth: &OAuth, client: &Client, now: i64) -> Result<Self, Trouble> {
        let missing = |name: &str| Trouble::Nonsense(format!("the manifest names no {name}"));
        let url = oauth.device_url.as_ref().ok_or_else(|| missing("device_url"))?;
        let mut fields = vec![("client_id".to_owned(), client.id.clone())];
        if oauth.device_openai {
            let wire = Wire::new(http, url, RequestForm::Json, Vec::new(), now).map_err(Trouble::Ours)?;
            let (map, _) = wire.post(fields).await?;
            let page = oauth.device_page.clone().ok_or_else(|| missing("device_page"))?;
            return Self::read_openai(&map, page).map_err(Trouble::Nonsense);
        }
        if let Some(secret) = &client.secret {
            fields.push(("client_secret".to_owned(), secret.clone()));
        }
        if !oauth.scopes.is_empty() {
            fields.push(("scope".to_owned(), oauth.scopes.join(" ")));
        }
        let pair = oauth.device_pkce.then(PkceCodeChallenge::new_random_sha256);
        if let Some((challenge, _)) = &pair {
            fields.push(("code_challenge".to_owned(), challenge.as_str().to_owned()));
            fields.push(("code_challenge_method".to_owned(), "S256".to_owned()));
        }
        let wire = Wire::new(http, url, RequestForm::Form, Vec::new(), now).map_err(Trouble::Ours)?;
        let (map, _) = wire.post(fields).await?;
        Self::read(&map, pair.map(|(_, verifier)| verifier)).map_err(Trouble::Nonsense)
    }

    fn read(map: &Map<String, Value>, verifier: Option<PkceCodeVerifier>) -> Result<Self, String> {
        let wanted = |name: &str| text(map, name).ok_or_else(|| format!("{name} is missing"));
        // Google says `verification_url`.
        let page = text(map, "verification_uri").or_else(|| text(map, "verification_url"));
        let page = page.ok_or("verification_uri is missing")?;
        let page = web(&page).ok_or("the page it names is no web address that may be opened")?;
        Ok(Self {
            user_code: wanted("user_code")?,
            page,
            complete: text(map, "verification_uri_complete").and_then(|t| web(&t)),
            life: number(map, "expires_in").filter(|s| *s > 0).map_or(USUAL_LIFE, |s| s.min(LONGEST_LIFE)),
            interval: interval(map),
            way: Way::Rfc8628 { device_code: Secret::new(wanted("device_code")?), verifier },
        })
    }

    fn read_openai(map: &Map<String, Value>, page: Url) -> Result<Self, String> {
        let code = text(map, "user_code").or_else(|| text(map, "usercode"));
        let id = text(map, "device_auth_id").ok_or("device_auth_id is missing")?;
        Ok(Self {
            user_code: code.ok_or("user_code is missing")?,
            page,
            complete: None,
            life: USUAL_LIFE,
            interval: interval(map),
            way: Way::OpenAi { id: Secret::new(id) },
        })
    }

    /// Asks whether the person is done.
    pub async fn poll(&self, http: &Http, oauth: &OAuth, client: &Client, now: i64) -> Polled {
        let (url, form) = match &self.way {
            Way::Rfc8628 { .. } => (Some(&oauth.token_url), oauth.token_request),
            Way::OpenAi { .. } => (oauth.device_poll_url.as_ref(), RequestForm::Json),
        };
        let Some(url) = url else {
            return Polled::Failed(Trouble::Nonsense("the manifest names no device_poll_url".into()));
        };
        let wire = match Wire::new(http, url, form, Vec::new(), now) {
            Ok(wire) => wire,
            Err(failure) => return Polled::Failed(Trouble::Ours(failure)),
        };
        let answer = wire.post(self.question(client)).await;
        match &self.way {
            Way::Rfc8628 { .. } => match answered(answer) {
                Polled::Done(answer) => {
                    Polled::Done(Box::new(TokenAnswer { project: client.project.clone(), ..*answer }))
                }
                polled => polled,
            },
            Way::OpenAi { .. } => match answered_openai(answer) {
                Ok((code, verifier)) => allowed(http, oauth, client, &code, &verifier, now).await,
                Err(polled) => polled,
            },
        }
    }

    fn question(&self, client: &Client) -> Vec<(String, String)> {
        let mut fields = match &self.way {
            Way::Rfc8628 { device_code, .. } => vec![
                ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
                ("client_id", client.id.as_str()),
                ("device_code", device_code.expose()),
            ],
            Way::OpenAi { id } => vec![("device_auth_id", id.expose()), ("user_code", self.user_code.as_str())],
        };
        if let Way::Rfc8628 { verifier, .. } = &self.way {
            fields.extend(verifier.iter().map(|verifier| ("code_verifier", verifier.secret().as_str())));
            fields.extend(client.secret.iter().map(|secret| ("client_secret", secret.as_str())));
        }
        fields.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

/// Exchanges the code that Codex hands to a device, with the verifier that came along.
async fn allowed(http: &Http, oauth: &OAuth, client: &Client, code: &str, verifier: &str, now: i64) -> Polled {
    let Some(redirect) = &oauth.device_redirect else {
        return Polled::Failed(Trouble::Nonsense("the manifest names no device_redirect".into()));
    };
    let wire = match Wire::new(http, &oauth.token_url, oauth.token_request, Vec::new(), now) {
        Ok(wire) => wire,
        Err(failure) => return Polled::Failed(Trouble::Ours(failure)),
    };
    match for_code(&wire, oauth, client, redirect.as_str(), verifier, code).await {
        Ok(answer) => Polled::Done(Box::new(answer)),
        Err(trouble) => Polled::Failed(trouble),
    }
}

/// Reads the answer of a token endpoint to a device (RFC 8628 3.5).
fn answered(answer: Result<(Map<String, Value>, Option<i64>), Trouble>) -> Polled {
    match answer {
        // A 200 without a token (`{"status":"pending"}`) has been seen.
        Ok((map, _)) if text(&map, "access_token").is_none() => Polled::Waiting,
        Ok((map, skew)) => match TokenAnswer::from_map(map) {
            Ok(answer) => Polled::Done(Box::new(TokenAnswer { skew, ..answer })),
            Err(e) => Polled::Failed(Trouble::Nonsense(e.0)),
        },
        Err(Trouble::Refused(refusal)) => match (refusal.code.as_str(), refusal.status) {
            ("authorization_pending", _) => Polled::Waiting,
            ("slow_down", _) | (_, 429) => Polled::Slower(refusal.retry_after.unwrap_or(0)),
            ("access_denied", _) => Polled::Denied(refusal.words),
            ("expired_token", _) => Polled::Over,
            (_, 300..=399) => Polled::Failed(Trouble::Refused(refusal)),
            // What is no JSON comes from a proxy or a portal, and may pass.
            (_, 500..=599) => Polled::Unreached(refusal.words),
            _ if !refusal.json => Polled::Unreached(refusal.words),
            _ => Polled::Failed(Trouble::Refused(refusal)),
        },
        Err(Trouble::Unreached(unreached)) => Polled::Unreached(unreached.words),
        Err(Trouble::Nonsense(words)) => Polled::Unreached(words),
        Err(trouble @ Trouble::Ours(_)) => Polled::Failed(trouble),
    }
}

/// Reads Codex' answer to a device: 403 and 404 mean that nobody has decided, whatever they say.
fn answered_openai(answer: Result<(Map<String, Value>, Option<i64>), Trouble>) -> Result<(String, String), Polled> {
    match answer {
        Ok((map, _)) => match (text(&map, "authorization_code"), text(&map, "code_verifier")) {
            (Some(code), Some(verifier)) => Ok((code, verifier)),
            _ => Err(Polled::Failed(Trouble::Nonsense("authorization_code is missing".into()))),
        },
        Err(Trouble::Refused(refusal)) => Err(match (refusal.code.as_str(), refusal.status) {
            ("slow_down", _) | (_, 429) => Polled::Slower(refusal.retry_after.unwrap_or(0)),
            (_, 403 | 404) => Polled::Waiting,
            (_, 500..=599) => Polled::Unreached(refusal.words),
            _ => Polled::Failed(Trouble::Refused(refusal)),
        }),
        Err(Trouble::Unreached(unreached)) => Err(Polled::Unreached(unreached.words)),
        Err(Trouble::Nonsense(words)) => Err(Polled::Unreached(words)),
        Err(trouble @ Trouble::Ours(_)) => Err(Polled::Failed(trouble)),
    }
}

/// How long to wait between two questions.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    wait: Duration,
}

impl Pace {
    /// Begins with the interval that the provider wants.
    pub fn new(interval: u64) -> Self {
        let interval = Duration::from_secs(interval);
        Self { interval, wait: interval }
    }

    /// Returns the wait before the first question.
    pub fn first(&self) -> Duration {
        self.wait
    }

    /// Returns the wait before the next question, after this answer.
    pub fn next(&mut self, polled: &Polled) -> Duration {
        self.wait = match polled {
            Polled::Slower(at_least) => {
                self.interval = (self.interval + SLOWER).min(LONGEST_WAIT);
                self.interval.max(Duration::from_secs(*at_least)).min(LONGEST_WAIT)
            }
            // RFC 8628 3.5 wants the wait to grow while the provider is out of reach.
            Polled::Unreached(_) => (self.wait * 2).min(LONGEST_WAIT),
            _ => self.interval,
        };
        self.wait
    }
}

/// Nothing but https and http on this machine is shown as a link or opened, whoever says so.
fn web(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim()).ok()?;
    let fits = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (fits && url.username().is_empty() && url.password().is_none()).then_some(url)
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// Reads a number, which Codex writes as text.
fn number(map: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = map.get(name)?;
    value.as_i64().or_else(|| value.as_f64().map(|f| f as i64)).or_else(|| value.as_str()?.trim().parse().ok())
}

fn interval(map: &Map<String, Value>) -> u64 {
    let told = number(map, "interval").and_then(|s| u64::try_from(s).ok()).filter(|s| *s > 0);
    told.map_or(USUAL_INTERVAL, |s| s.min(LONGEST_WAIT.as_secs()))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::auth::Refusal;
    use crate::http::Unreached;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn refused(status: u16, body: &str) -> Result<(Map<String, Value>, Option<i64>), Trouble> {
        Err(Trouble::Refused(Refusal::read(status, &HeaderMap::new(), body.as_bytes())))
    }

    fn kind(polled: &Polled) -> String {
        format!("{polled:?}").split(['(', ' ']).next().unwrap().to_owned()
    }

    #[test]
    fn an_answer_with_every_odd_shape_is_read_or_named() {
        let whole = json!({"device_code":"d","user_code":"K7-P2","verification_uri":"https://a.example/d","expires_in":"600","interval":"7"});
        let device = Device::read(&map(whole.clone()), None).unwrap();
        assert_eq!((device.life, device.interval, device.complete), (600, 7, None));
        let with = |name: &str, value: Value| {
            let mut changed = whole.clone();
            changed[name] = value;
            Device::read(&map(changed), None)
        };
        assert_eq!(with("interval", json!(0)).unwrap().interval, 5);
        assert_eq!(with("interval", json!(1e9)).unwrap().interval, 60);
        assert_eq!(with("expires_in", json!(-1)).unwrap().life, 900);
        assert_eq!(with("device_code", json!("")).unwrap_err(), "device_code is missing");
        assert_eq!(with("user_code", json!(7)).unwrap_err(), "user_code is missing");
    }

    #[test]
    fn a6_a_page_that_is_no_web_address_is_neither_shown_nor_opened() {
        for bad in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://a.example/",
            "https://u:p@a.example",
            "x",
            "data:text/html,x",
        ] {
            let answer = |name: &str| {
                let mut map = map(json!({"device_code":"d","user_code":"u","verification_uri":"https://a.example/"}));
                map.insert(name.to_owned(), bad.into());
                Device::read(&map, None)
            };
            assert!(answer("verification_uri").unwrap_err().contains("no web address"), "{bad}");
            assert_eq!(answer("verification_uri_complete").unwrap().complete, None, "{bad}");
        }
        let google = json!({"device_code":"d","user_code":"u","verification_url":"http://127.0.0.1:8/d"});
        assert!(Device::read(&map(google), None).is_ok());
    }

    #[test]
    fn each_answer_of_a_token_endpoint_means_what_rfc_8628_says() {
        for (status, body, wanted) in [
            (400, r#"{"error":"authorization_pending"}"#, "Waiting"),
            (400, r#"{"error":"slow_down"}"#, "Slower"),
            (429, r#"{"error":"slow_down"}"#, "Slower"),
            (429, "", "Slower"),
            (400, r#"{"error":"access_denied"}"#, "Denied"),
            (400, r#"{"error":"expired_token"}"#, "Over"),
            (401, r#"{"error":"expired_token"}"#, "Over"),
            (401, r#"{"error":"invalid_grant"}"#, "Failed"),
            (400, r#"{"error":"invalid_client"}"#, "Failed"),
            (200, r#"{"error":"authorization_pending"}"#, "Waiting"),
            (302, "", "Failed"),
            (403, "<html>portal</html>", "Unreached"),
            (500, r#"{"error":"server_error"}"#, "Unreached"),
            (502, "<html>", "Unreached"),
        ] {
            assert_eq!(kind(&answered(refused(status, body))), wanted, "{status} {body}");
        }
        for (body, wanted) in [
            (json!({"status":"pending"}), "Waiting"),
            (json!({"access_token":""}), "Waiting"),
            (json!({"access_token":null}), "Waiting"),
            (json!({"access_token":"a"}), "Done"),
        ] {
            assert_eq!(kind(&answered(Ok((map(body.clone()), None)))), wanted, "{body}");
        }
        let lost = Unreached { perhaps_sent: true, tls: false, words: "x".into() };
        assert_eq!(kind(&answered(Err(Trouble::Unreached(lost)))), "Unreached");
    }

    #[test]
    fn codex_means_wait_by_403_and_404() {
        for (status, body, wanted) in [
            (403, "", "Waiting"),
            (404, "<html>", "Waiting"),
            (403, r#"{"error":{"code":"slow_down"}}"#, "Slower"),
            (429, "", "Slower"),
            (400, r#"{"detail":"denied"}"#, "Failed"),
            (503, "", "Unreached"),
        ] {
            assert_eq!(kind(&answered_openai(refused(status, body)).unwrap_err()), wanted, "{status} {body}");
        }
        let done = json!({"authorization_code":"c","code_verifier":"v","code_challenge":"x"});
        assert_eq!(answered_openai(Ok((map(done), None))).unwrap(), ("c".into(), "v".into()));
        let device = json!({"device_auth_id":"i","usercode":"U","interval":"5"});
        let device = Device::read_openai(&map(device), Url::parse("https://a.example/").unwrap()).unwrap();
        assert_eq!((device.user_code.as_str(), device.interval, device.life), ("U", 5, 900));
    }

    #[test]
    fn the_pace_grows_for_good_when_asked_and_for_a_while_when_unreached() {
        let mut pace = Pace::new(5);
        let lost = || Polled::Unreached(String::new());
        let waits: Vec<u64> = [
            Polled::Waiting,
            Polled::Slower(0),
            Polled::Waiting,
            lost(),
            lost(),
            lost(),
            lost(),
            Polled::Waiting,
            Polled::Slower(30),
            Polled::Waiting,
            Polled::Slower(9000),
        ]
        .iter()
        .map(|polled| pace.next(polled).as_secs())
        .collect();
        assert_eq!(waits, [5, 10, 10, 20, 40, 60, 60, 10, 30, 15, 60]);
    }
}
