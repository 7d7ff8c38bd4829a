//! Steps that the tests of the sandbox share: a client without proxies, a pair for PKCE, answers taken apart.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use llxprt::sandbox::{Options, Sandbox};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use url::Url;

/// The pair of RFC 7636 appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A sandbox without pauses.
pub fn sandbox() -> Sandbox {
    Sandbox::start_blocking(Options::for_tests()).unwrap()
}

/// A client that goes straight to loopback and follows nothing.
pub fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().tls_certs_only([]).redirect(Policy::none()).build().unwrap()
}

/// Parameters with one replaced, or left out where the value is empty.
pub fn with<'a>(params: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut changed: Vec<_> = params.iter().copied().filter(|(n, _)| *n != name).collect();
    if !value.is_empty() {
        changed.push((name, value));
    }
    changed
}

/// An answer: status, headers by name, body.
pub struct Got {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The parameters of the redirect.
    pub fn landed(&self) -> (Url, std::collections::HashMap<String, String>) {
        assert_eq!(self.status, 302, "{}", self.body);
        let url = Url::parse(self.header("location")).unwrap();
        let params = url.query_pairs().into_owned().collect();
        (url, params)
    }

    /// Status and the JSON at this pointer.
    pub fn at(&self, pointer: &str) -> (u16, String) {
        let value = self.json().pointer(pointer).cloned().unwrap_or(Value::Null);
        (self.status.as_u16(), value.as_str().map_or(value.to_string(), str::to_owned))
    }
}

pub async fn get(request: RequestBuilder) -> Got {
    let response: Response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Got { status, headers, body: response.text().await.unwrap() }
}

/// The data of each event of a stream.
pub fn data(body: &str) -> Vec<Value> {
    let lines = body.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|line| *line != "[DONE]");
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A body with one member replaced, or left out where the value is null.
pub fn put(mut body: Value, name: &str, value: Value) -> Value {
    if value.is_null() {
        body.as_object_mut().unwrap().remove(name);
    } else {
        body[name] = value;
    }
    body
}

/// The text of a JSON value.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// What a JSON Web Token says.
pub fn claims(token: &Value) -> Value {
    let part = text(token).split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
