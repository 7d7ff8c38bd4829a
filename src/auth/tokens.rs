//! One login as it is stored: the members that LLxprt Code uses, ours, and those of others kept (design 4.8).

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// Life of an access token in seconds where the provider names none or nonsense (`docs/security.md`, time).
const USUAL_LIFE: i64 = 3600;
const LONGEST_LIFE: i64 = 10 * 365 * 86_400;

/// The member of a stored login that names the project of its client.
pub(super) const PROJECT: &str = "project_id";

/// The tokens of one account.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// What a request is sent with.
    pub access: Secret,
    /// What a new access token is asked with.
    pub refresh: Option<Secret>,
    /// When the access token runs out, in Unix seconds; absent: never (an API key by OAuth).
    pub expiry: Option<i64>,
    /// The scopes granted, with blanks between.
    pub scope: Option<String>,
    /// Usually `Bearer`.
    pub token_type: String,
    /// The provider's id of the account, where a request needs it.
    pub account_id: Option<String>,
    /// The host that the provider told to use.
    pub resource_url: Option<String>,
    /// The host of the token endpoint that the login was made at.
    pub token_host: Option<String>,
    /// Where it may be sent: what [`super::origins`] said of the manifest that it was made with. Empty: not recorded.
    pub origins: Vec<String>,
    /// The life of the access token when it was given, in seconds.
    pub lifetime: Option<i64>,
    /// When the login itself ends, in Unix seconds.
    pub signed_in_until: Option<i64>,
    /// Members that are not ours (an id token among them); they survive.
    pub other: Map<String, Value>,
}

/// A stored login that is no login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotALogin(pub String);

impl Tokens {
    /// Reads the stored JSON.
    ///
    /// # Errors
    /// Says which member is missing or wrong, never its value.
    pub fn from_json(text: &str) -> Result<Self, NotALogin> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| NotALogin(format!("it is not JSON (line {}, column {})", e.line(), e.column())))?;
        let Value::Object(mut map) = value else { return Err(NotALogin("it is not a JSON object".into())) };
        let mut text = |name: &str| match map.shift_remove(name) {
            Some(Value::String(s)) if !s.is_empty() => Some(s),
            _ => None,
        };
        let access = text("access_token").ok_or_else(|| NotALogin("access_token is missing".into()))?;
        Ok(Self {
            access: Secret::new(access),
            refresh: text("refresh_token").map(Secret::new),
            scope: text("scope"),
            token_type: text("token_type").unwrap_or_else(|| "Bearer".into()),
            account_id: text("account_id"),
            resource_url: text("resource_url"),
            token_host: text("token_host"),
            origins: list(map.shift_remove("origins")),
            expiry: number(map.shift_remove("expiry")),
            lifetime: number(map.shift_remove("lifetime")),
            signed_in_until: number(map.shift_remove("signed_in_until")),
            other: map,
        })
    }

    /// Gives the JSON to store.
    pub fn to_json(&self) -> Zeroizing<String> {
        let mut map = self.other.clone();
        let mut put = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                map.insert(name.to_owned(), value);
            }
        };
        put("access_token", Some(self.access.expose().into()));
        put("refresh_token", self.refresh.as_ref().map(|r| r.expose().into()));
        put("expiry", self.expiry.map(Into::into));
        put("scope", self.scope.as_deref().map(Into::into));
        put("token_type", Some(self.token_type.as_str().into()));
        put("account_id", self.account_id.as_deref().map(Into::into));
        put("resource_url", self.resource_url.as_deref().map(Into::into));
        put("token_host", self.token_host.as_deref().map(Into::into));
        put("origins", Some(self.origins.clone()).filter(|o| !o.is_empty()).map(Into::into));
        put("lifetime", self.lifetime.map(Into::into));
        put("signed_in_until", self.signed_in_until.map(Into::into));
        Zeroizing::new(Value::Object(map).to_string())
    }

    /// Lays the answer to a refresh over the old tokens: what it leaves out stays (RFC 6749 6).
    #[must_use]
    pub fn renewed(&self, answer: TokenAnswer, now: i64) -> Self {
        let mut other = self.other.clone();
        other.extend(answer.kept());
        let lifetime = answer.life();
        Self {
            access: answer.access,
            refresh: answer.refresh.or_else(|| self.refresh.clone()),
            expiry: Some(now + lifetime),
            lifetime: Some(lifetime),
            scope: answer.scope.or_else(|| self.scope.clone()),
            token_type: answer.token_type,
            account_id: self.account_id.clone(),
            resource_url: answer.resource_url.or_else(|| self.resource_url.clone()),
            token_host: self.token_host.clone(),
            origins: self.origins.clone(),
            signed_in_until: answer.refresh_expires_in.map(|s| now + s).or(self.signed_in_until),
            other,
        }
    }

    /// Tells whether the access token has run out.
    pub fn expired(&self, now: i64) -> bool {
        self.expiry.is_some_and(|at| at <= now)
    }

    /// Tells whether the access token should be renewed: less than a tenth of its life is left, at least 5
    /// seconds and at most 5 minutes ahead (design 4.9). More than its whole life left means that the machine's clock
    /// went back since, and that nothing is known of what is left.
    pub fn stale(&self, now: i64) -> bool {
        let lead = (self.lifetime.unwrap_or(USUAL_LIFE) / 10).clamp(5, 300);
        let left = |at: i64| at.saturating_sub(now);
        let turned_back = |at| self.lifetime.is_some_and(|life| left(at) > life.saturating_add(60));
        self.expiry.is_some_and(|at| left(at) < lead || turned_back(at))
    }
}

fn list(value: Option<Value>) -> Vec<String> {
    value.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

/// Accepts whole numbers and, from other programs, those with a fraction.
fn number(value: Option<Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_f64().map(|f| f as i64)).or_else(|| value.as_str()?.parse().ok())
}

/// The answer of a token endpoint (RFC 6749 5.1) with the members that some providers add.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenAnswer {
    /// The access token.
    pub access: Secret,
    /// The refresh token.
    pub refresh: Option<Secret>,
    /// Life of the access token in seconds, as told.
    pub expires_in: Option<i64>,
    /// Life of the login in seconds, as told.
    pub refresh_expires_in: Option<i64>,
    /// The scopes granted.
    pub scope: Option<String>,
    /// Usually `Bearer`.
    pub token_type: String,
    /// The id token (OpenID Connect Core 3.1.3.3).
    pub id_token: Option<Secret>,
    /// The host that the provider told to use.
    pub resource_url: Option<String>,
    /// The client's project, told with each request.
    pub project: Option<String>,
    /// The rest of the answer, without tokens and times.
    pub other: Map<String, Value>,
    /// The provider's clock minus ours in seconds, where it was told (`Date`).
    pub skew: Option<i64>,
}

impl TokenAnswer {
    /// Reads the members of a successful answer.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn from_map(mut map: Map<String, Value>) -> Result<Self, NotALogin> {
        let mut text = |name: &str| match map.shift_remove(name) {
            Some(Value::String(s)) if !s.is_empty() => Some(s),
            _ => None,
        };
        let access = text("access_token").ok_or_else(|| NotALogin("access_token is missing".into()))?;
        let answer = Self {
            access: Secret::new(access),
            refresh: text("refresh_token").map(Secret::new),
            token_type: text("token_type").unwrap_or_else(|| "Bearer".into()),
            id_token: text("id_token").map(Secret::new),
            resource_url: text("resource_url"),
            scope: text("scope"),
            expires_in: number(map.shift_remove("expires_in")),
            refresh_expires_in: number(
                map.shift_remove("refresh_token_expires_in").or_else(|| map.shift_remove("refresh_expires_in")),
            )
            .filter(|s| (1..=LONGEST_LIFE).contains(s)),
            project: None,
            other: Map::new(),
            skew: None,
        };
        Ok(Self { other: map, ..answer })
    }

    /// Returns the life of the access token in seconds: 3600 where none or nonsense was told.
    pub fn life(&self) -> i64 {
        self.expires_in.filter(|s| (1..=LONGEST_LIFE).contains(s)).unwrap_or(USUAL_LIFE)
    }

    /// Returns the members that are stored under their own names.
    fn kept(&self) -> Map<String, Value> {
        let id_token = self.id_token.as_ref().map(|t| ("id_token".to_owned(), t.expose().into()));
        let project = self.project.as_deref().map(|p| (PROJECT.to_owned(), p.into()));
        id_token.into_iter().chain(project).collect()
    }

    /// Makes the tokens of a new login out of the answer.
    pub fn into_tokens(self, now: i64, token_host: &str, origins: Vec<String>) -> Tokens {
        let lifetime = self.life();
        let other = self.kept();
        Tokens {
            access: self.access,
            refresh: self.refresh,
            expiry: Some(now + lifetime),
            lifetime: Some(lifetime),
            scope: self.scope,
            token_type: self.token_type,
            account_id: None,
            resource_url: self.resource_url,
            token_host: Some(token_host.to_owned()),
            origins,
            signed_in_until: self.refresh_expires_in.map(|s| now + s),
            other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_another_program_survive_and_ours_are_added() {
        let stored = r#"{"access_token":"a","refresh_token":"r","expiry":1790000000,"scope":"s","token_type":"Bearer","quirk":{"deep":[1]}}"#;
        let tokens = Tokens::from_json(stored).unwrap();
        assert_eq!((tokens.expiry, tokens.lifetime), (Some(1_790_000_000), None));
        let again: Value = serde_json::from_str(&tokens.to_json()).unwrap();
        assert_eq!(again["quirk"]["deep"][0], 1);
        assert_eq!(Tokens::from_json(&tokens.to_json()).unwrap(), tokens);
    }

    #[test]
    fn what_is_no_login_is_told_without_its_values() {
        for text in ["", "[]", "{\"access_token\":7,\"x\":\"canary\"}", "{\"access_token\":\"\"}", "nul"] {
            let NotALogin(words) = Tokens::from_json(text).unwrap_err();
            assert!(!words.contains("canary"), "{words}");
        }
    }

    #[test]
    fn a_renewal_brings_its_id_token_and_project_and_leaves_out_what_it_does_not_tell() {
        let answer = |json: &str| TokenAnswer::from_map(serde_json::from_str(json).unwrap()).unwrap();
        let first = answer(r#"{"access_token":"a","refresh_token":"r","id_token":"i"}"#);
        let first = TokenAnswer { project: Some("p".into()), ..first }.into_tokens(0, "h", Vec::new());
        assert_eq!((&first.other["id_token"], &first.other[PROJECT]), (&"i".into(), &"p".into()));
        let kept = first.renewed(answer(r#"{"access_token":"b"}"#), 5);
        assert_eq!((kept.refresh.as_ref(), &kept.other), (first.refresh.as_ref(), &first.other));
        let new = first.renewed(answer(r#"{"access_token":"b","id_token":"j"}"#), 5);
        assert_eq!((&new.other["id_token"], &new.other[PROJECT]), (&"j".into(), &"p".into()));
    }

    #[test]
    fn a_life_that_is_nonsense_counts_as_an_hour() {
        for (told, life) in [("-5", 3600), ("0", 3600), ("999999999999", 3600), ("\"28800\"", 28_800), ("60.5", 60)] {
            let map = serde_json::from_str(&format!(r#"{{"access_token":"a","expires_in":{told}}}"#)).unwrap();
            assert_eq!(TokenAnswer::from_map(map).unwrap().life(), life, "{told}");
        }
    }

    #[test]
    fn f11_a_clock_far_off_renews_and_nothing_overflows() {
        let at = |expiry: &str, now: i64| {
            let json = format!(r#"{{"access_token":"a","expiry":{expiry},"lifetime":3600}}"#);
            Tokens::from_json(&json).unwrap().stale(now)
        };
        const YEARS: i64 = 10 * 365 * 86_400;
        let now = 1_790_000_000;
        assert!(!at("1790003600", now) && !at("1790003600", now - 60));
        assert!(at("1790003600", now + YEARS), "the clock went ahead");
        assert!(at("1790003600", now - YEARS), "the clock went back");
        for odd in ["-9223372036854775808", "9223372036854775807", "-1e300", "1e300", "\"1790000000\""] {
            assert!(at(odd, now), "{odd}");
        }
    }

    #[test]
    fn a_renewal_keeps_what_the_answer_leaves_out_and_takes_the_new_id_token() {
        let stored =
            r#"{"access_token":"a","refresh_token":"r","id_token":"old","scope":"s","quirk":1,"account_id":"x"}"#;
        let answer = r#"{"access_token":"b","id_token":"new","expires_in":60,"account":{"uuid":"u"}}"#;
        let answer = TokenAnswer::from_map(serde_json::from_str(answer).unwrap()).unwrap();
        let renewed = Tokens::from_json(stored).unwrap().renewed(answer, 1000);
        let json: Value = serde_json::from_str(&renewed.to_json()).unwrap();
        let wanted = serde_json::json!({ "id_token": "new", "quirk": 1, "access_token": "b", "refresh_token": "r",
            "expiry": 1060, "scope": "s", "token_type": "Bearer", "account_id": "x", "lifetime": 60 });
        assert_eq!(json, wanted);
    }

    #[test]
    fn it_is_renewed_a_tenth_of_its_life_ahead_within_bounds() {
        let at = |lifetime: i64| {
            let json = format!(r#"{{"access_token":"a","expiry":100000,"lifetime":{lifetime}}}"#);
            let tokens = Tokens::from_json(&json).unwrap();
            (100_000 - lifetime..=100_000).find(|now| tokens.stale(*now)).map(|now| 100_000 - now)
        };
        assert_eq!((at(10), at(1000), at(86_400)), (Some(4), Some(99), Some(299)));
    }
}
