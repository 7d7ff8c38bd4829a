//! Steps that the sessions of the other tests share: a stand, a person at a browser elsewhere, a login by paste.

use std::process::Command;

use llxprt::sandbox::{Endpoint, Options, Sandbox, Script};

use crate::support::pty::key;
use crate::support::{Browser, Home, Pty, until};

pub const WORK: &str = "work@company.com";
pub const PERSONAL: &str = "personal@gmail.com";
/// The question that Anthropic's terms ask for before the first login.
pub const QUESTION: &str = "Sign in all the same? [y/N]";
pub const PASTE: &str = "paste ›";

/// Starts a sandbox and makes a home that joins it.
pub fn stand() -> (Sandbox, Home) {
    stand_with(Options::for_tests())
}

/// As [`stand`], with other options.
pub fn stand_with(options: Options) -> (Sandbox, Home) {
    let sandbox = Sandbox::start_blocking(options).expect("a free port");
    let home = Home::new().at(sandbox.url());
    (sandbox, home)
}

/// A stand where the question about Anthropic's terms was answered before.
pub fn accepted() -> (Sandbox, Home) {
    let (sandbox, home) = stand();
    accept(&home);
    (sandbox, home)
}

/// Answers the question about Anthropic's terms as a person would have.
pub fn accept(home: &Home) {
    let _ = home.run(&["set", "auth.anthropic.accepted", "2026-02-19"]).ok();
}

/// A stand where somebody is signed in already, as the default bucket.
pub fn signed_in(account: &str) -> (Sandbox, Home) {
    let (sandbox, home) = accepted();
    sign_in(&home, &[], account);
    (sandbox, home)
}

/// Signs in from the shell with a pretend browser.
pub fn sign_in(home: &Home, more: &[&str], account: &str) {
    let browser = Browser::approving(home, account);
    let words = [&["auth", "anthropic", "login"], more].concat();
    let _ = home.typed(&words).env("BROWSER", browser.command()).done().ok();
    browser.page();
}

/// A terminal with room for a whole login.
pub fn terminal(home: &Home, arguments: &[&str]) -> Pty {
    home.pty_of(50, 100, arguments)
}

/// Waits until the session's own prompt stands there, empty.
#[track_caller]
pub fn at_prompt(pty: &Pty) {
    pty.wait_until("the session's prompt", |screen| {
        let last = screen.lines().last().unwrap_or_default();
        let who = ["anthropic ", "gemini ", "codex ", "qwen ", "no account"];
        last.ends_with('›') && who.iter().any(|who| last.starts_with(who))
    });
}

/// Waits until the paste prompt has been shown so many times since the start.
#[track_caller]
pub fn paste_prompt(pty: &Pty, times: usize) {
    pty.wait_for_count(PASTE, times);
    pty.wait_until("an empty paste prompt", |screen| screen.lines().last() == Some(PASTE));
}

/// Types a login as the session's first and waits for its paste prompt; returns the link.
#[track_caller]
pub fn begin(pty: &Pty, line: &str) -> String {
    at_prompt(pty);
    pty.type_line(line);
    paste_prompt(pty, 1);
    link(pty)
}

/// Returns the newest link that was shown, as a person would copy it from the screen.
#[track_caller]
pub fn link(pty: &Pty) -> String {
    links(&pty.transcript()).pop().unwrap_or_else(|| panic!("no link on\n{}", pty.screen()))
}

/// Returns every sign-in link in a text, each a line of its own.
pub fn links(text: &str) -> Vec<String> {
    let whole = |line: &&str| line.starts_with("http") && line.contains("/oauth/authorize?") && !line.contains(' ');
    text.lines().filter(whole).map(str::to_owned).collect()
}

/// A person opens the link in a browser on another machine, picks the account and allows: the address that the
/// browser is sent to then, without going there.
#[track_caller]
pub fn approve(link: &str, account: &str) -> String {
    decide(link, account, "allow")
}

/// As [`approve`], with another decision.
#[track_caller]
pub fn decide(link: &str, account: &str, decision: &str) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--noproxy", "*", "--silent", "--show-error", "--max-time", "20", "--output", "/dev/null"]);
    curl.args(["--write-out", "%{redirect_url}", "--data-urlencode", &format!("account={account}")]);
    let done = curl.args(["--data-urlencode", &format!("decision={decision}"), link]).output().expect("curl starts");
    let address = String::from_utf8(done.stdout).expect("an address");
    assert!(address.starts_with("http"), "{link} led nowhere: {}", String::from_utf8_lossy(&done.stderr));
    address
}

/// As [`approve`]; returns what the provider's page shows: `code#state`.
#[track_caller]
pub fn code(link: &str, account: &str) -> String {
    let address = approve(link, account);
    let code = param(&address, "code").expect("a code");
    format!("{code}#{}", param(&address, "state").expect("a state"))
}

/// Returns a parameter of an address.
pub fn param(address: &str, name: &str) -> Option<String> {
    let address = url::Url::parse(address).expect("an address");
    address.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

/// Fetches an address as a browser would; returns status and page. Status 0: nobody answered.
pub fn fetch(address: &str) -> (u16, String) {
    fetch_with(address, &[])
}

/// As [`fetch`], with more of curl's flags.
pub fn fetch_with(address: &str, flags: &[&str]) -> (u16, String) {
    let mut curl = Command::new("curl");
    curl.args(["--noproxy", "*", "--silent", "--max-time", "20", "--write-out", "\n%{http_code}"]).args(flags);
    let done = curl.arg(address).output().expect("curl starts");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let (page, status) = text.rsplit_once('\n').expect("a status");
    (status.parse().unwrap_or(0), page.to_owned())
}

/// Leaves the session and returns its exit status; the terminal must be as it was.
#[track_caller]
pub fn leave(mut pty: Pty) -> u32 {
    at_prompt(&pty);
    pty.keys(key::CTRL_D);
    let status = pty.exit_status();
    pty.assert_restored();
    status
}

/// Returns the secrets that a provider has seen so far: codes, verifiers, access and refresh tokens.
pub fn secrets(script: &Script) -> Vec<String> {
    let mut secrets = Vec::new();
    for call in script.requests() {
        secrets.extend(call.bearer().map(str::to_owned));
        if matches!(call.endpoint, Some(Endpoint::Token | Endpoint::Refresh)) {
            let body = call.json().unwrap_or_default();
            let named = ["code", "code_verifier", "refresh_token"].map(|name| body[name].as_str().map(str::to_owned));
            secrets.extend(named.into_iter().flatten());
        }
    }
    secrets.sort();
    secrets.dedup();
    secrets
}

/// Asserts that nothing secret of this provider lies open anywhere in the home or was shown.
#[track_caller]
pub fn assert_no_secret_shown(home: &Home, script: &Script) {
    let secrets = secrets(script);
    assert!(!secrets.is_empty(), "the provider saw no secret at all");
    home.assert_clean(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
}

/// Returns the files with sealed logins.
pub fn sealed(home: &Home) -> Vec<String> {
    let below = crate::support::canary::files_below(&home.path("data/secure-store"));
    below.into_iter().map(|f| f.file_name().expect("a name").to_string_lossy().into_owned()).collect()
}

/// Waits until nothing listens on the port of a redirect.
#[track_caller]
pub fn port_is_free(port: u16) {
    until("the port to be free", || std::net::TcpListener::bind(("127.0.0.1", port)).ok());
}

/// Returns the port of the loopback redirect in a sign-in link.
#[track_caller]
pub fn port_of(link: &str) -> u16 {
    let redirect = param(link, "redirect_uri").expect("a redirect");
    url::Url::parse(&redirect).expect("an address").port().expect("a port")
}

/// Writes a provider of one's own that stands on the sandbox's Anthropic; without a page that shows a code.
pub fn manifest(home: &Home, name: &str, sandbox: &str, ports: &str, page: bool) {
    let base = format!("{sandbox}/anthropic");
    let ports = if ports.is_empty() { String::new() } else { format!(", {ports}") };
    let page = if page {
        format!("paste_redirect = \"{base}/oauth/code/callback\"\npasted_code = \"code#state\"\n")
    } else {
        String::new()
    };
    let text = format!(
        r#"name = "{name}"
title = "{name}"
default_model = "claude-opus-5"
models = ["claude-opus-5"]

[oauth]
flows = ["browser", "paste"]
client_id = "9d1c250a-e61b-44d9-88ed-5944d1962f5e"
authorize_url = "{base}/oauth/authorize"
token_url = "{base}/v1/oauth/token"
verify_url = "{base}/api/oauth/profile"
scopes = ["user:profile", "user:inference"]
redirect = {{ host = "localhost"{ports}, path = "/callback" }}
{page}state_in = "body"
token_request = "json"
identity = "verify"
identity_at = {{ email = "/account/email", id = "/organization/uuid", plan = "/organization/organization_type" }}

[api]
dialect = "anthropic-messages"
base_url = "{base}"
headers = {{ "anthropic-version" = "2023-06-01" }}
oauth_headers = {{ "anthropic-beta" = "oauth-2025-04-20" }}
"#
    );
    home.write(&format!("config/providers/{name}.toml"), text);
}
