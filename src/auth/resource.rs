//! Where the API of a login is, when the provider tells it with each token: never outside of its own domains.

use url::Url;

use super::tokens::Tokens;
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Manifest, is_loopback};

/// Returns the base URL for requests with these tokens: the provider's own word, or the manifest's.
/// A stored word that leads elsewhere is none.
pub fn api_base(manifest: &Manifest, tokens: &Tokens) -> Url {
    let told = resource(manifest, tokens.resource_url.as_deref()).ok().flatten();
    told.unwrap_or_else(|| manifest.base_url(true).clone())
}

/// Reads a `resource_url`: a bare host or a URL, to which the manifest's `resource_path` is appended. A provider
/// whose manifest names no domains is not listened to.
///
/// # Errors
/// `E-OTHER-HOST` when it leads out of the provider's domains or is no https: no token is sent there.
pub fn resource(manifest: &Manifest, told: Option<&str>) -> Outcome<Option<Url>> {
    let Some(oauth) = manifest.oauth.as_ref().filter(|oauth| !oauth.resource_domains.is_empty()) else {
        return Ok(None);
    };
    let Some(told) = told.map(str::trim).filter(|told| !told.is_empty()) else { return Ok(None) };
    let text = if told.contains("://") { told.to_owned() } else { format!("https://{told}") };
    let allowed = |url: &Url| {
        let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
        let host = url.host_str().unwrap_or_default();
        let within = |domain: &String| host == domain || host.strip_suffix(domain).is_some_and(|h| h.ends_with('.'));
        secure && url.username().is_empty() && url.password().is_none() && oauth.resource_domains.iter().any(within)
    };
    let Some(mut url) = Url::parse(&text).ok().filter(allowed) else {
        let place: String = told.chars().filter(|c| c.is_ascii_graphic()).take(80).collect();
        let words = format!("{} tells to use {place}, which is not one of its own hosts.", manifest.title);
        return Err(Failure::new(Code::OtherHost, words).say("No token was sent there."));
    };
    let path = url.path().trim_end_matches('/').to_owned();
    let end = oauth.resource_path.as_str();
    let path = if path.ends_with(end) { path } else { format!("{path}{end}") };
    url.set_path(&path);
    url.set_query(None);
    url.set_fragment(None);
    Ok(Some(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::Registry;

    fn told(provider: &str, text: &str) -> Result<Option<String>, Code> {
        let registry = Registry::load(std::path::Path::new("/nowhere"), None);
        let manifest = registry.get(&provider.parse().unwrap()).unwrap();
        resource(manifest, Some(text)).map(|url| url.map(String::from)).map_err(|failure| failure.code)
    }

    #[test]
    fn a_host_of_the_provider_is_the_base_in_every_form() {
        for (text, base) in [
            ("portal.qwen.ai", "https://portal.qwen.ai/v1"),
            (" https://portal.qwen.ai/ ", "https://portal.qwen.ai/v1"),
            ("https://portal.qwen.ai/v1", "https://portal.qwen.ai/v1"),
            ("dashscope.aliyuncs.com/compatible-mode", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
            ("PORTAL.QWEN.AI?x#y", "https://portal.qwen.ai/v1"),
        ] {
            assert_eq!(told("qwen", text), Ok(Some(base.to_owned())), "{text}");
        }
        assert_eq!(told("qwen", ""), Ok(None));
        assert_eq!(told("codex", "evil.example"), Ok(None), "not listened to");
    }

    #[test]
    fn a6_no_other_place_is_one() {
        for text in [
            "evil.example",
            "notqwen.ai",
            "qwen.ai.evil.example",
            "https://portal.qwen.ai@evil.example",
            "http://portal.qwen.ai",
            "ftp://portal.qwen.ai",
            "https://user:pw@portal.qwen.ai",
            "http://127.0.0.1:8080",
            "//evil.example",
            "\u{1b}]0;x",
            "https://",
            "file:///etc/passwd",
        ] {
            assert_eq!(told("qwen", text), Err(Code::OtherHost), "{text}");
        }
    }
}
