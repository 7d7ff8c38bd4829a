//! What a renewal that failed means: whether the refresh token may be spent, and what may be tried (`docs/security.md`,
//! renewal; RFC 6749 5.2, RFC 9700 4.14).

use super::wire::Trouble;

/// What to do after a renewal that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// The login has ended: a person must sign in again. Nothing is deleted.
    Terminal(String),
    /// Our request was wrong: the manifest's field, and the provider's words.
    Ours(&'static str, String),
    /// The refresh token was surely not used: it may be tried again after a wait of so many seconds at least.
    NotSpent(String, u64),
    /// It may have been used: one immediate retry, then only when a person asks.
    PerhapsSpent(String),
    /// Kept, not retried, shown as the provider put it.
    Shown(String),
}

/// Classifies a renewal that failed.
pub fn classify(trouble: &Trouble) -> Class {
    match trouble {
        Trouble::Ours(failure) => Class::Shown(failure.message.clone()),
        Trouble::Nonsense(words) => Class::PerhapsSpent(words.clone()),
        Trouble::Unreached(unreached) if unreached.perhaps_sent => Class::PerhapsSpent(unreached.words.clone()),
        Trouble::Unreached(unreached) => Class::NotSpent(unreached.words.clone(), 0),
        Trouble::Refused(refusal) => {
            let words = refusal.words.clone();
            match (refusal.code.as_str(), refusal.status) {
                (
                    "invalid_grant" | "refresh_token_reused" | "refresh_token_expired" | "refresh_token_invalidated",
                    _,
                ) => Class::Terminal(words),
                ("invalid_client", _) => Class::Ours("oauth.client_id", words),
                ("invalid_scope", _) => Class::Ours("oauth.scopes", words),
                ("unsupported_grant_type", _) => Class::Ours("oauth.token_url", words),
                (_, 429) => Class::NotSpent(words, refusal.retry_after.unwrap_or(0).min(60)),
                (_, 500..=599) if refusal.json => Class::NotSpent(words, refusal.retry_after.unwrap_or(0).min(60)),
                (_, 500..=599) => Class::PerhapsSpent(words),
                (_, 200..=299) if !refusal.json => Class::PerhapsSpent(words),
                _ => Class::Shown(words),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Refusal;
    use crate::http::Unreached;

    #[test]
    fn f12_each_answer_of_a_token_endpoint_falls_into_its_class() {
        let refused = |status: u16, body: &str| {
            classify(&Trouble::Refused(Refusal::read(status, &reqwest::header::HeaderMap::new(), body.as_bytes())))
        };
        let kind = |class: Class| format!("{class:?}").split('(').next().unwrap().to_owned();
        for (status, body, class) in [
            (400, r#"{"error":"invalid_grant","error_description":"gone"}"#, "Terminal"),
            (401, r#"{"error":{"code":"refresh_token_reused","message":"used"}}"#, "Terminal"),
            (401, r#"{"code":"refresh_token_expired"}"#, "Terminal"),
            (200, r#"{"error":"invalid_grant"}"#, "Terminal"),
            (401, r#"{"error":"invalid_client"}"#, "Ours"),
            (400, r#"{"error":"invalid_scope"}"#, "Ours"),
            (429, "slow down", "NotSpent"),
            (503, r#"{"error":{"type":"overloaded_error","message":"x"}}"#, "NotSpent"),
            (502, "<html>Bad gateway</html>", "PerhapsSpent"),
            (500, "", "PerhapsSpent"),
            (403, r#"{"error":"access_denied"}"#, "Shown"),
            (404, "<html>portal</html>", "Shown"),
            (302, "", "Shown"),
        ] {
            assert_eq!(kind(refused(status, body)), class, "{status} {body}");
        }
        let unreached = |perhaps_sent| {
            kind(classify(&Trouble::Unreached(Unreached { perhaps_sent, tls: false, words: String::new() })))
        };
        assert_eq!((unreached(true), unreached(false)), ("PerhapsSpent".into(), "NotSpent".into()));
        assert_eq!(kind(classify(&Trouble::Nonsense(String::new()))), "PerhapsSpent");
    }
}
