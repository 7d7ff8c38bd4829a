//! The books of an authorization server: codes, logins with their tokens, API keys.

use std::collections::{HashMap, HashSet};

use super::ids;

/// How long an authorization code can be exchanged (RFC 6749 4.1.2 recommends at most ten minutes).
const CODE_LIFE: i64 = 600;

/// The end of what does not end, such as a key that came from a login.
pub(super) const NEVER: i64 = i64::MAX;

/// What a person allowed a client.
#[derive(Debug, Clone, Default)]
pub(super) struct Grant {
    pub(super) email: String,
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) redirect: String,
    pub(super) challenge: Option<String>,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    /// Whether a refresh token belongs to it.
    pub(super) lasting: bool,
}

/// A login: everything that came from one code belongs to it and ends with it (RFC 9700 4.14.2).
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) grant: Grant,
    pub(super) began: i64,
    pub(super) ended: bool,
}

/// The number of a family.
pub(super) type FamilyId = usize;

#[derive(Debug)]
struct Code {
    grant: Grant,
    made: i64,
    family: Option<FamilyId>,
}

#[derive(Debug)]
struct Access {
    family: FamilyId,
    expires: i64,
}

#[derive(Debug)]
struct Refresh {
    family: FamilyId,
    spent: bool,
}

/// Why a code cannot be exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeFault {
    Unknown,
    Used,
    Old,
    Client,
    Redirect,
    Verifier,
    State,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefreshFault {
    Unknown,
    /// It was spent before; its whole family is revoked now.
    Spent,
    Revoked,
    Client,
}

/// What an access token is worth.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    Good(Family),
    Expired,
    Revoked,
    Unknown,
}

/// What a client sends to exchange a code.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Exchange<'a> {
    pub(super) code: &'a str,
    pub(super) client: &'a str,
    pub(super) redirect: &'a str,
    pub(super) verifier: Option<&'a str>,
    /// `Some` where the provider wants the state repeated.
    pub(super) state: Option<&'a str>,
}

/// All of that for one provider.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    codes: HashMap<String, Code>,
    families: Vec<Family>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    keys: HashMap<String, String>,
    /// Which clients a person has allowed before.
    consents: HashSet<(String, String)>,
}

impl Tokens {
    /// Records a code.
    pub(super) fn keep_code(&mut self, code: String, grant: Grant, now: i64) {
        self.codes.insert(code, Code { grant, made: now, family: None });
    }

    /// Exchanges a code for a login. A second try revokes what the first gave (RFC 6749 4.1.2).
    pub(super) fn exchange(&mut self, ask: Exchange<'_>, now: i64) -> Result<FamilyId, CodeFault> {
        let code = self.codes.get_mut(ask.code).ok_or(CodeFault::Unknown)?;
        if let Some(family) = code.family {
            self.families[family].ended = true;
            return Err(CodeFault::Used);
        }
        let grant = &code.grant;
        let verified = match (&grant.challenge, ask.verifier) {
            (Some(challenge), Some(verifier)) => is_verifier(verifier) && ids::challenge(verifier) == *challenge,
            (None, None) => true,
            _ => false,
        };
        let fault = if now >= code.made + CODE_LIFE {
            CodeFault::Old
        } else if grant.client != ask.client {
            CodeFault::Client
        } else if grant.redirect != ask.redirect {
            CodeFault::Redirect
        } else if !verified {
            CodeFault::Verifier
        } else if ask.state.is_some() && grant.state.as_deref() != ask.state {
            CodeFault::State
        } else {
            code.family = Some(self.families.len());
            self.families.push(Family { grant: grant.clone(), began: now, ended: false });
            return Ok(self.families.len() - 1);
        };
        Err(fault)
    }

    /// Begins a login without a code: ready-made ones and the device flow.
    pub(super) fn begin(&mut self, grant: Grant, now: i64) -> FamilyId {
        self.families.push(Family { grant, began: now, ended: false });
        self.families.len() - 1
    }

    /// Returns a login.
    pub(super) fn family(&self, id: FamilyId) -> &Family {
        &self.families[id]
    }

    /// Records an access token.
    pub(super) fn keep_access(&mut self, token: String, family: FamilyId, expires: i64) {
        self.access.insert(token, Access { family, expires });
    }

    /// Records a refresh token.
    pub(super) fn keep_refresh(&mut self, token: String, family: FamilyId) {
        self.refresh.insert(token, Refresh { family, spent: false });
    }

    /// Finds the login of a refresh token that may still be used.
    pub(super) fn look(&mut self, token: &str, client: &str) -> Result<FamilyId, RefreshFault> {
        let refresh = self.refresh.get(token).ok_or(RefreshFault::Unknown)?;
        let family = &mut self.families[refresh.family];
        if refresh.spent {
            family.ended = true;
            Err(RefreshFault::Spent)
        } else if family.ended {
            Err(RefreshFault::Revoked)
        } else if family.grant.client != client {
            Err(RefreshFault::Client)
        } else {
            Ok(refresh.family)
        }
    }

    /// Makes a refresh token useless for a second refresh.
    pub(super) fn spend(&mut self, token: &str) {
        if let Some(refresh) = self.refresh.get_mut(token) {
            refresh.spent = true;
        }
    }

    /// Returns what an access token is worth now.
    pub(super) fn standing(&self, token: &str, now: i64) -> Standing {
        let Some(access) = self.access.get(token) else { return Standing::Unknown };
        let family = &self.families[access.family];
        if family.ended {
            Standing::Revoked
        } else if now >= access.expires {
            Standing::Expired
        } else {
            Standing::Good(family.clone())
        }
    }

    /// Returns when an access token ends, in Unix seconds.
    pub(super) fn expires(&self, token: &str) -> Option<i64> {
        self.access.get(token).map(|access| access.expires)
    }

    /// Ends the life of every access token.
    pub(super) fn expire(&mut self, now: i64) {
        for access in self.access.values_mut().filter(|access| access.expires != NEVER) {
            access.expires = access.expires.min(now);
        }
    }

    /// Ends every login of an account.
    pub(super) fn revoke_account(&mut self, email: &str) {
        self.families.iter_mut().filter(|family| family.grant.email == email).for_each(|family| family.ended = true);
    }

    /// Ends the login of a token, access or refresh; tells whether there was one that lived.
    pub(super) fn revoke_token(&mut self, token: &str) -> bool {
        let family = self.access.get(token).map(|access| access.family);
        let family = family.or_else(|| self.refresh.get(token).map(|refresh| refresh.family));
        let Some(family) = family.map(|id| &mut self.families[id]).filter(|family| !family.ended) else { return false };
        family.ended = true;
        self.consents.remove(&(family.grant.client.clone(), family.grant.email.clone()));
        true
    }

    /// Records that a person allowed a client; tells whether it was the first time.
    pub(super) fn consent(&mut self, client: &str, email: &str) -> bool {
        self.consents.insert((client.to_owned(), email.to_owned()))
    }

    /// Records an API key.
    pub(super) fn keep_key(&mut self, key: String, email: String) {
        self.keys.insert(key, email);
    }

    /// Returns whose API key it is.
    pub(super) fn key_owner(&self, key: &str) -> Option<&str> {
        self.keys.get(key).map(String::as_str)
    }

    /// Returns whose token, code or key it is.
    pub(super) fn owner(&self, secret: &str) -> Option<&str> {
        let family = self.access.get(secret).map(|access| access.family);
        let family = family.or_else(|| self.refresh.get(secret).map(|refresh| refresh.family));
        let grant = family.map(|id| &self.families[id].grant);
        let grant = grant.or_else(|| self.codes.get(secret).map(|code| &code.grant));
        grant.map(|grant| grant.email.as_str()).or_else(|| self.key_owner(secret))
    }

    /// Tells whether a text is a token or key, which must never stand in a URL.
    pub(super) fn is_secret(&self, text: &str) -> bool {
        self.access.contains_key(text) || self.refresh.contains_key(text) || self.keys.contains_key(text)
    }
}

/// Tells whether a text is a code verifier by RFC 7636 4.1.
fn is_verifier(text: &str) -> bool {
    (43..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
}
