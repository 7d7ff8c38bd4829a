//! One request as it came in, and ways to look at it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::provider::Endpoint;

/// One request that the sandbox received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// `GET`, `POST`, ….
    pub method: String,
    /// The path below `<url>/<provider>`, with its leading slash.
    pub path: String,
    /// The query without the question mark, as sent.
    pub query: String,
    /// Header names in lower case with their values, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// Which endpoint it was meant for; `None`: the real provider has no such path.
    pub endpoint: Option<Endpoint>,
    /// Whose token, key or code it carried.
    pub account: Option<String>,
    /// The status it was answered with; `None` while it waits, or where the connection was cut instead.
    pub status: Option<u16>,
}

impl Received {
    /// Returns the value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Tells whether a header with a list of comma-separated values has this one.
    pub fn lists(&self, name: &str, wanted: &str) -> bool {
        self.headers.iter().filter(|(n, _)| n == name).flat_map(|(_, v)| v.split(',')).any(|v| v.trim() == wanted)
    }

    /// Returns the decoded value of a query parameter.
    pub fn param(&self, name: &str) -> Option<String> {
        find(self.query.as_bytes(), name)
    }

    /// Returns the decoded query parameters.
    pub fn params(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    /// Returns the bearer token.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// Returns user and password of a `Basic` authorization, form-decoded (RFC 6749 2.3.1).
    pub fn basic(&self) -> Option<(String, String)> {
        let (scheme, value) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let text = String::from_utf8(BASE64_STANDARD.decode(value).ok()?).ok()?;
        let (user, password) = text.split_once(':')?;
        let plain = |part: &str| find(format!("v={part}").as_bytes(), "v");
        Some((plain(user)?, plain(password)?))
    }

    /// Returns the content type without its parameters, in lower case.
    pub fn kind(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Returns the body where it says that it is JSON and is.
    pub fn json(&self) -> Option<Value> {
        (self.kind() == "application/json").then(|| serde_json::from_str(&self.body).ok())?
    }

    /// Returns the body's members where it says that it is JSON and is an object of texts.
    pub(super) fn json_fields(&self) -> Option<Fields> {
        let Value::Object(map) = self.json()? else { return None };
        Some(Fields::from_json(map))
    }

    /// Returns the body's members where it says that it is a form.
    pub(super) fn form_fields(&self) -> Option<Fields> {
        (self.kind() == "application/x-www-form-urlencoded")
            .then(|| Fields(form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()))
    }

    /// Returns the body's members, form or JSON.
    pub(super) fn fields(&self) -> Option<Fields> {
        self.form_fields().or_else(|| self.json_fields())
    }
}

/// The named members of a token request.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    fn from_json(map: Map<String, Value>) -> Self {
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            _ => None,
        };
        Self(map.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
    }

    /// Returns a member that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Tells whether a member is written more than once, which RFC 6749 3.2 forbids.
    pub(super) fn repeated(&self) -> bool {
        self.0.iter().enumerate().any(|(i, (name, _))| self.0[..i].iter().any(|(earlier, _)| earlier == name))
    }
}

fn find(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded).find(|(n, _)| n == name).map(|(_, v)| v.into_owned())
}
