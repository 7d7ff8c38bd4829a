//! The HTTP clients of a run: built at the first need, one for loopback hosts that no proxy may see.

use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Client, redirect::Policy};
use url::Url;

use crate::error::{Code, Failure, Outcome};
use crate::secret::Hidden;

/// What we say of ourselves.
pub const USER_AGENT: &str = concat!("llxprt/", env!("CARGO_PKG_VERSION"));

/// Time until a connection stands (`docs/security.md`, network).
const CONNECT: Duration = Duration::from_secs(10);
/// Time for a whole answer of a token endpoint.
pub const TOKEN_TIME: Duration = Duration::from_secs(30);
/// Bytes of a token endpoint's answer.
pub const TOKEN_BOUND: usize = 1 << 20;
/// Bytes of an error body.
const ERROR_BOUND: usize = 64 << 10;

/// Two clients, as proxies of the environment would be used for loopback too.
#[derive(Debug, Default)]
pub struct Http {
    outer: OnceLock<Client>,
    loopback: OnceLock<Client>,
}

/// A host that could not be reached, or an answer that never came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// The request may have arrived: it was sent, or the answer broke off.
    pub perhaps_sent: bool,
    /// The certificate was not trusted.
    pub tls: bool,
    /// What happened, with the host.
    pub words: String,
}

impl Http {
    /// Returns the client for a URL.
    ///
    /// # Errors
    /// `E-TLS` when no certificates can be loaded.
    pub fn client(&self, url: &Url) -> Outcome<Client> {
        let loopback = crate::providers::is_loopback(url);
        let cell = if loopback { &self.loopback } else { &self.outer };
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_secs(60));
        let builder = if loopback && url.scheme() == "http" { builder.no_proxy().tls_certs_only([]) } else { builder };
        let client = builder.build().map_err(|e| {
            Failure::new(Code::Tls, format!("No secure connection can be made: {}.", chain(&e).trim_end_matches('.')))
                .say(certificates())
        })?;
        Ok(cell.get_or_init(|| client).clone())
    }
}

/// Reads a body up to a bound.
///
/// # Errors
/// When it breaks off or is over the bound.
pub async fn read_bounded(mut answer: reqwest::Response, bound: usize) -> Result<Vec<u8>, Unreached> {
    let host = host_of(answer.url());
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(None) => return Ok(bytes),
            Ok(Some(chunk)) if bytes.len() + chunk.len() > bound => {
                let words = format!("{host} sent an answer of over {} KiB", bound >> 10);
                return Err(Unreached { perhaps_sent: true, tls: false, words });
            }
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Err(e) => return Err(Unreached::from_error(&e, &host)),
        }
    }
}

/// Reads the start of an error body; what breaks off is as good as what came. The secrets of the request are taken out
/// here, before anybody reads the words: an error may repeat the whole request.
pub async fn read_error(mut answer: reqwest::Response, hidden: &Hidden) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        let room = ERROR_BOUND - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if bytes.len() >= ERROR_BOUND {
            break;
        }
    }
    hidden.clean_body(bytes)
}

/// Returns the host, with its port where one is named.
pub fn host_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "nowhere".to_owned(),
    }
}

impl Unreached {
    /// Tells what a failed request means.
    pub fn from_error(error: &reqwest::Error, host: &str) -> Self {
        let cause = chain(error);
        let tls = cause.contains("certificate") || cause.contains("tls") || cause.contains("TLS");
        let words = if error.is_connect() && error.is_timeout() {
            format!("{host} did not answer within {} seconds", CONNECT.as_secs())
        } else if error.is_timeout() {
            format!("{host} did not answer in time")
        } else if tls {
            format!("the connection to {host} was not trusted: {cause}")
        } else if error.is_connect() {
            format!("{host} could not be reached: {cause}")
        } else {
            format!("the connection to {host} broke off: {cause}")
        };
        Self { perhaps_sent: !error.is_connect(), tls, words }
    }

    /// Tells a person.
    pub fn failure(&self) -> Failure {
        let mut words = self.words.clone();
        if let Some(first) = words.get(..1) {
            words.replace_range(..1, &first.to_uppercase());
        }
        let code = if self.tls { Code::Tls } else { Code::Offline };
        let failure = Failure::new(code, format!("{words}."));
        if self.tls { failure.say(certificates()) } else { failure }
    }
}

/// The innermost cause says most.
fn chain(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn certificates() -> String {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .iter()
        .find_map(|name| std::env::var_os(name).map(|v| format!("{name}={}", v.display())));
    match named {
        Some(place) => format!("Certificates come from {place}. If that is old, unset it and try again."),
        None => "Certificates come from the system's store.".to_owned(),
    }
}
