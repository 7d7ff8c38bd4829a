//! What is known of a provider: endpoints, client, scopes, flow, dialect (design 4.5).

use std::collections::BTreeMap;

use llxprt_commands::Provider;
use serde::Deserialize;
use url::Url;

use super::wire::Wire;

/// A way to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// A browser that comes back to a loopback address (RFC 8252 7.3).
    Browser,
    /// The answer is copied from a page and pasted.
    Paste,
    /// A short code typed on any device (RFC 8628, or the provider's own).
    Device,
}

/// A chat wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// `POST /v1/messages`.
    AnthropicMessages,
    /// `POST /responses`.
    OpenaiResponses,
    /// `POST /chat/completions`.
    OpenaiChat,
    /// `POST /models/…:streamGenerateContent`.
    Gemini,
}

/// The body of a token or revocation request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestForm {
    /// `application/x-www-form-urlencoded`, as RFC 6749 4.1.3 says.
    Form,
    /// The same members as JSON.
    Json,
}

/// Where the state travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateIn {
    /// As RFC 6749 says: the authorization request and its answer.
    Query,
    /// There, and the token request wants it too.
    Body,
    /// The provider has no state: a random path segment of the callback stands for it.
    Path,
}

/// Which document tells the identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityFrom {
    /// The claims of the id token.
    IdToken,
    /// The answer of the verifying call.
    Verify,
    /// The token answer.
    TokenResponse,
    /// The provider does not tell.
    None,
}

/// What the person sees on the provider's page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum PastedCode {
    /// The code alone.
    #[serde(rename = "code")]
    Code,
    /// Code and state with `#` between.
    #[serde(rename = "code#state")]
    CodeState,
}

/// The one real call after a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// `GET` of `verify_url`, where there is one.
    Get,
    /// The shortest prompt, where the provider has nothing else to ask; dialect `openai-chat`.
    Chat,
}

/// What the code is exchanged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grants {
    /// Tokens.
    Token,
    /// An API key that does not expire.
    ApiKey,
}

/// What the provider's owner says of such logins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing against them.
    Active,
    /// The terms limit them.
    Restricted,
    /// Ended.
    Retired,
}

impl Status {
    /// Returns the word of the manifest and of JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Restricted => "restricted",
            Self::Retired => "retired",
        }
    }
}

/// Whether work may go on with another account by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switching {
    /// Yes, in a profile with several accounts.
    Auto,
    /// The terms forbid it: only the person switches.
    Manual,
}

/// The loopback redirect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Redirect {
    /// `localhost` or `127.0.0.1`, as registered.
    pub host: String,
    /// The ports that are registered; any free one when empty.
    pub ports: Vec<u16>,
    /// The path.
    pub path: String,
}

impl Default for Redirect {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), ports: Vec::new(), path: "/callback".to_owned() }
    }
}

/// How to sign in.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// In order of preference.
    pub flows: Vec<Flow>,
    /// Absent: the user must bring one.
    pub client_id: Option<String>,
    /// Only for installed apps whose provider demands one; not a secret (RFC 8252 8.5).
    pub client_secret: Option<String>,
    /// How to make a client of one's own, for a provider without one.
    pub client_help: Option<String>,
    /// The project that the client belongs to, told in `project_header` with each request.
    pub client_project: Option<String>,
    /// The request header that names the client's project.
    pub project_header: Option<String>,
    /// Compared with `iss` where the provider sends one (RFC 9207).
    pub issuer: Option<Url>,
    /// Authorization endpoint.
    pub authorize_url: Option<Url>,
    /// Token endpoint.
    pub token_url: Url,
    /// Device authorization endpoint.
    pub device_url: Option<Url>,
    /// `true` for Codex' own device flow, `false` for RFC 8628.
    pub device_openai: bool,
    /// Where Codex' own device flow polls.
    pub device_poll_url: Option<Url>,
    /// What the person opens in Codex' own device flow.
    pub device_page: Option<Url>,
    /// The redirect URI that Codex' own device flow exchanges its code with.
    pub device_redirect: Option<Url>,
    /// The device flow carries PKCE.
    pub device_pkce: bool,
    /// Revocation endpoint (RFC 7009).
    pub revoke_url: Option<Url>,
    /// What the one real call after a login is.
    pub verify: Verify,
    /// Where it goes.
    pub verify_url: Option<Url>,
    /// Tells the windows of the limits.
    pub usage_url: Option<Url>,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// The loopback redirect.
    pub redirect: Redirect,
    /// The provider's page that shows a code to copy.
    pub paste_redirect: Option<Url>,
    /// Where the state travels.
    pub state_in: StateIn,
    /// Body of the token request.
    pub token_request: RequestForm,
    /// Body of the revocation request.
    pub revoke_request: RequestForm,
    /// Further parameters of the authorization request.
    pub authorize_params: BTreeMap<String, String>,
    /// The authorization request may carry `login_hint` (OpenID Connect Core 3.1.2.1).
    pub login_hint: bool,
    /// Which document tells the identity.
    pub identity: IdentityFrom,
    /// JSON Pointers (RFC 6901) into it: `email`, `id`, `plan`, and `account` where one person may have several. Of
    /// several for one, the first that leads somewhere counts.
    pub identity_at: BTreeMap<String, Vec<String>>,
    /// What the plan begins with and nobody needs to read.
    pub plan_prefix: String,
    /// Request headers from claims of the id token.
    pub claim_headers: BTreeMap<String, String>,
    /// Where a `resource_url` of a token answer may point.
    pub resource_domains: Vec<String>,
    /// What is appended to a `resource_url` that does not end with it.
    pub resource_path: String,
    /// What the page shows.
    pub pasted_code: PastedCode,
    /// What the code is exchanged for.
    pub grants: Grants,
    /// What the owner says of such logins.
    pub status: Status,
    /// Since when, `YYYY-MM-DD`.
    pub since: Option<String>,
    /// In one sentence.
    pub reason: Option<String>,
    /// Where to read more.
    pub link: Option<String>,
    /// What a login needs that has no access, in one sentence.
    pub no_access: Option<String>,
    /// Plans without access.
    pub no_access_plans: Vec<String>,
    /// Error codes that say so.
    pub no_access_codes: Vec<String>,
    /// Whether work may go on with another account by itself.
    pub failover: Switching,
}

/// How to talk.
#[derive(Debug, Clone)]
pub struct Api {
    /// For keys, and for tokens unless the next says otherwise.
    pub dialect: Dialect,
    /// For tokens, where they speak another.
    pub oauth_dialect: Option<Dialect>,
    /// For keys, and for tokens unless the next says otherwise.
    pub base_url: Url,
    /// For tokens, where they are used against another host.
    pub oauth_base_url: Option<Url>,
    /// Sent with every request.
    pub headers: BTreeMap<String, String>,
    /// Sent with a token too.
    pub oauth_headers: BTreeMap<String, String>,
}

/// One provider.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// What is typed.
    pub name: Provider,
    /// As its owner writes it.
    pub title: String,
    /// Used when none is chosen.
    pub default_model: String,
    /// For Tab; any other name is allowed.
    pub models: Vec<String>,
    /// Variables that may hold a key, first choice first.
    pub api_key_env: Vec<String>,
    /// How this provider's keys begin, for telling a key of another provider; empty: unknown.
    pub key_prefixes: Vec<String>,
    /// The provider whose keys take the place of a login here; absent: this one takes keys itself.
    pub keys_at: Option<Provider>,
    /// Absent: the provider takes keys only.
    pub oauth: Option<OAuth>,
    /// How to talk.
    pub api: Api,
    /// Shipped with the program.
    pub builtin: bool,
}

impl Manifest {
    /// Returns the base URL for keys or for tokens.
    pub fn base_url(&self, oauth: bool) -> &Url {
        match &self.api.oauth_base_url {
            Some(url) if oauth => url,
            _ => &self.api.base_url,
        }
    }

    /// Returns the dialect for keys or for tokens.
    pub fn dialect(&self, oauth: bool) -> Dialect {
        match self.api.oauth_dialect {
            Some(dialect) if oauth => dialect,
            _ => self.api.dialect,
        }
    }

    /// Returns what to tell a login that has no access, with the command for a key between backticks: by its plan, an error's code, or a text with such a code.
    pub fn no_access(&self, word: &str) -> Option<String> {
        let oauth = self.oauth.as_ref()?;
        let says = |code: &String| word == code || word.contains(code.as_str());
        let without = oauth.no_access_plans.iter().any(|p| p == word) || oauth.no_access_codes.iter().any(says);
        let words = oauth.no_access.as_deref().filter(|_| without)?;
        Some(format!("{words}: `/key save {}`", self.key_provider()))
    }

    /// Returns the provider whose keys do what a login here does.
    pub fn key_provider(&self) -> &Provider {
        self.keys_at.as_ref().unwrap_or(&self.name)
    }

    /// Reads a manifest from its merged table.
    ///
    /// # Errors
    /// A sentence that names the key.
    pub(super) fn from_table(table: toml::Table, builtin: bool) -> Result<Self, (String, String)> {
        let wire: Wire = table.try_into().map_err(|e: toml::de::Error| (String::new(), e.message().to_owned()))?;
        wire.check(builtin)
    }
}
