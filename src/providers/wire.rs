//! The manifest as it is written, and the checks on the way to a [`Manifest`].

use std::collections::BTreeMap;

use serde::Deserialize;
use url::Url;

use super::manifest::{
    Api, Dialect, Flow, Grants, IdentityFrom, Manifest, OAuth, PastedCode, Redirect, RequestForm, StateIn, Status,
    Switching, Verify,
};

/// Key and complaint.
type Complaint = (String, String);

/// The file. Everything is optional, as a file may replace only some fields of a built-in manifest.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wire {
    name: Option<String>,
    title: Option<String>,
    default_model: Option<String>,
    #[serde(default)]
    models: Vec<String>,
    #[serde(default)]
    api_key_env: Vec<String>,
    #[serde(default)]
    key_prefixes: Vec<String>,
    keys_at: Option<String>,
    oauth: Option<WireOAuth>,
    api: Option<WireApi>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireOAuth {
    flows: Option<Vec<Flow>>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_help: Option<String>,
    client_project: Option<String>,
    project_header: Option<String>,
    issuer: Option<String>,
    authorize_url: Option<String>,
    token_url: Option<String>,
    device_url: Option<String>,
    device: Option<WireDevice>,
    device_poll_url: Option<String>,
    device_page: Option<String>,
    device_redirect: Option<String>,
    #[serde(default)]
    device_pkce: bool,
    revoke_url: Option<String>,
    verify: Option<Verify>,
    verify_url: Option<String>,
    usage_url: Option<String>,
    #[serde(default)]
    scopes: Vec<String>,
    redirect: Option<Redirect>,
    paste_redirect: Option<String>,
    state_in: Option<StateIn>,
    token_request: Option<RequestForm>,
    revoke_request: Option<RequestForm>,
    #[serde(default)]
    authorize_params: BTreeMap<String, String>,
    login_hint: Option<bool>,
    identity: Option<IdentityFrom>,
    #[serde(default)]
    identity_at: BTreeMap<String, WirePointers>,
    #[serde(default)]
    plan_prefix: String,
    #[serde(default)]
    claim_headers: BTreeMap<String, String>,
    #[serde(default)]
    resource_domains: Vec<String>,
    resource_path: Option<String>,
    pasted_code: Option<PastedCode>,
    grants: Option<Grants>,
    status: Option<Status>,
    since: Option<String>,
    reason: Option<String>,
    link: Option<String>,
    no_access: Option<String>,
    #[serde(default)]
    no_access_plans: Vec<String>,
    #[serde(default)]
    no_access_codes: Vec<String>,
    failover: Option<Switching>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireDevice {
    Rfc8628,
    Openai,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum WirePointers {
    One(String),
    Several(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireApi {
    dialect: Option<Dialect>,
    oauth_dialect: Option<Dialect>,
    base_url: Option<String>,
    oauth_base_url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    oauth_headers: BTreeMap<String, String>,
}

impl Wire {
    pub(super) fn check(self, builtin: bool) -> Result<Manifest, Complaint> {
        let name = wanted("name", self.name)?;
        let name = name.parse().map_err(|e| ("name".to_owned(), format!("{e}")))?;
        let api = wanted("[api]", self.api)?;
        let default_model = wanted("default_model", self.default_model)?;
        let keys_at = self.keys_at.map(|n| n.parse()).transpose();
        let manifest = Manifest {
            title: self.title.unwrap_or_else(|| format!("{name}")),
            models: if self.models.is_empty() { vec![default_model.clone()] } else { self.models },
            default_model,
            api_key_env: self.api_key_env,
            key_prefixes: self.key_prefixes,
            keys_at: keys_at.map_err(|e| complaint("keys_at", format!("{e}")))?,
            oauth: self.oauth.map(WireOAuth::check).transpose()?,
            api: Api {
                dialect: wanted("api.dialect", api.dialect)?,
                oauth_dialect: api.oauth_dialect,
                base_url: url("api.base_url", &wanted("api.base_url", api.base_url)?)?,
                oauth_base_url: maybe_url("api.oauth_base_url", api.oauth_base_url)?,
                headers: headers("api.headers", api.headers)?,
                oauth_headers: headers("api.oauth_headers", api.oauth_headers)?,
            },
            builtin,
            name,
        };
        let by_prompt = manifest.oauth.as_ref().is_some_and(|oauth| oauth.verify == Verify::Chat);
        if by_prompt && manifest.dialect(true) != Dialect::OpenaiChat {
            return Err(complaint("oauth.verify", "can be \"chat\" with the dialect openai-chat only"));
        }
        Ok(manifest)
    }
}

impl WireOAuth {
    fn check(self) -> Result<OAuth, Complaint> {
        let flows = wanted("oauth.flows", self.flows)?;
        let oauth = OAuth {
            client_id: self.client_id,
            client_secret: self.client_secret,
            client_help: self.client_help,
            client_project: self.client_project,
            project_header: project_header(self.project_header)?,
            issuer: maybe_url("oauth.issuer", self.issuer)?,
            authorize_url: maybe_url("oauth.authorize_url", self.authorize_url)?,
            token_url: url("oauth.token_url", &wanted("oauth.token_url", self.token_url)?)?,
            device_url: maybe_url("oauth.device_url", self.device_url)?,
            device_openai: self.device == Some(WireDevice::Openai),
            device_poll_url: maybe_url("oauth.device_poll_url", self.device_poll_url)?,
            device_page: maybe_url("oauth.device_page", self.device_page)?,
            device_redirect: maybe_url("oauth.device_redirect", self.device_redirect)?,
            device_pkce: self.device_pkce,
            revoke_url: maybe_url("oauth.revoke_url", self.revoke_url)?,
            verify: self.verify.unwrap_or(Verify::Get),
            verify_url: maybe_url("oauth.verify_url", self.verify_url)?,
            usage_url: maybe_url("oauth.usage_url", self.usage_url)?,
            scopes: self.scopes,
            redirect: redirect(self.redirect)?,
            paste_redirect: maybe_url("oauth.paste_redirect", self.paste_redirect)?
                .filter(|_| flows.contains(&Flow::Paste)),
            state_in: self.state_in.unwrap_or(StateIn::Query),
            token_request: self.token_request.unwrap_or(RequestForm::Form),
            revoke_request: self.revoke_request.unwrap_or(RequestForm::Form),
            authorize_params: self.authorize_params,
            login_hint: self.login_hint.unwrap_or(true),
            identity: self.identity.unwrap_or(IdentityFrom::None),
            identity_at: pointers(self.identity_at)?,
            plan_prefix: self.plan_prefix,
            claim_headers: headers("oauth.claim_headers", self.claim_headers)?,
            resource_domains: self.resource_domains,
            resource_path: self.resource_path.unwrap_or_else(|| "/v1".to_owned()),
            pasted_code: self.pasted_code.unwrap_or(PastedCode::Code),
            grants: self.grants.unwrap_or(Grants::Token),
            status: self.status.unwrap_or(Status::Active),
            since: self.since,
            reason: self.reason,
            link: maybe_url("oauth.link", self.link)?.map(String::from),
            no_access: self.no_access,
            no_access_plans: self.no_access_plans,
            no_access_codes: self.no_access_codes,
            failover: self.failover.unwrap_or(Switching::Auto),
            flows,
        };
        if oauth.flows.is_empty() {
            return Err(complaint("oauth.flows", "name at least one of \"browser\", \"paste\", \"device\""));
        }
        if oauth.flows.iter().any(|f| *f != Flow::Device) {
            wanted("oauth.authorize_url", oauth.authorize_url.as_ref())?;
        }
        if oauth.flows.contains(&Flow::Device) {
            wanted("oauth.device_url", oauth.device_url.as_ref())?;
        }
        if oauth.device_openai {
            wanted("oauth.device_poll_url", oauth.device_poll_url.as_ref())?;
            wanted("oauth.device_page", oauth.device_page.as_ref())?;
            wanted("oauth.device_redirect", oauth.device_redirect.as_ref())?;
        }
        Ok(oauth)
    }
}

fn complaint(key: &str, words: impl Into<String>) -> Complaint {
    (key.to_owned(), words.into())
}

fn wanted<T>(key: &str, value: Option<T>) -> Result<T, Complaint> {
    value.ok_or_else(|| complaint(key, "is missing"))
}

/// Accepts https, and http on a loopback host only (design 4.5).
fn url(key: &str, text: &str) -> Result<Url, Complaint> {
    let url = Url::parse(text).map_err(|e| complaint(key, format!("is not a URL: {e}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(complaint(key, "must not carry a user name or password"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(complaint(key, "must be https: http is for loopback addresses only")),
        other => Err(complaint(key, format!("must be https, not {other}"))),
    }
}

/// Reads the address of an API that a person gave: by the same rule as those of a manifest, and paths can be joined
/// to it. The error is the end of a sentence.
///
/// # Errors
/// Why it cannot be used; the text itself may hold a password and is not repeated.
pub fn base_url(text: &str) -> Result<Url, String> {
    let url = url("", text).map_err(|(_, why)| why)?;
    match url.query().is_some() || url.fragment().is_some() {
        true => Err("must not have a ? or a # in it".to_owned()),
        false => Ok(url),
    }
}

/// Tells whether a URL leads to this very machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

fn maybe_url(key: &str, text: Option<String>) -> Result<Option<Url>, Complaint> {
    text.map(|text| url(key, &text)).transpose()
}

fn redirect(given: Option<Redirect>) -> Result<Redirect, Complaint> {
    let redirect = given.unwrap_or_default();
    if !matches!(redirect.host.as_str(), "localhost" | "127.0.0.1") {
        return Err(complaint("oauth.redirect", "host must be localhost or 127.0.0.1"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.".contains(c);
    if !redirect.path.starts_with('/') || !redirect.path.chars().all(plain) || redirect.ports.contains(&0) {
        return Err(complaint("oauth.redirect", "path must begin with / and be plain, ports must not be 0"));
    }
    Ok(redirect)
}

fn pointers(given: BTreeMap<String, WirePointers>) -> Result<BTreeMap<String, Vec<String>>, Complaint> {
    let usual = [("email", "/email"), ("id", "/sub"), ("plan", "/plan")];
    let mut pointers = BTreeMap::from(usual.map(|(key, pointer)| (key.to_owned(), vec![pointer.to_owned()])));
    for (key, given) in given {
        let given = match given {
            WirePointers::One(pointer) => vec![pointer],
            WirePointers::Several(pointers) => pointers,
        };
        if key != "account" && !pointers.contains_key(&key) {
            return Err(complaint("oauth.identity_at", format!("has no {key}: use email, id, plan, account")));
        }
        if !given.iter().all(|pointer| pointer.starts_with('/')) {
            return Err(complaint("oauth.identity_at", "takes JSON Pointers, which begin with /"));
        }
        pointers.insert(key, given);
    }
    Ok(pointers)
}

fn project_header(name: Option<String>) -> Result<Option<String>, Complaint> {
    if let Some(name) = &name {
        headers("oauth.project_header", BTreeMap::from([(name.clone(), String::new())]))?;
    }
    Ok(name)
}

/// A manifest must not set what carries the credential or what we say of ourselves.
fn headers(key: &str, given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Complaint> {
    for (name, value) in &given {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if name.is_empty() || !name.chars().all(plain) || value.chars().any(char::is_control) {
            return Err(complaint(key, format!("{name:?} is not a header")));
        }
        if ["authorization", "cookie", "host", "content-length"].contains(&name.to_ascii_lowercase().as_str()) {
            return Err(complaint(key, format!("must not set {name}")));
        }
    }
    Ok(given)
}
