//! Where a login may be sent: where the manifest that it was made with sends one, and nowhere else (design 4.5).

use url::Url;

use super::tokens::Tokens;
use crate::providers::{Manifest, Registry};

/// Returns the places that a login goes to by a manifest, each as scheme, host and port; that of the token endpoint
/// is the first.
pub fn origins(manifest: &Manifest) -> Vec<String> {
    let Some(oauth) = &manifest.oauth else { return Vec::new() };
    let further = [&oauth.revoke_url, &oauth.verify_url, &oauth.usage_url, &manifest.api.oauth_base_url];
    let urls = [&oauth.token_url, &manifest.api.base_url].into_iter().chain(further.into_iter().flatten());
    let mut origins: Vec<String> = Vec::new();
    for origin in urls.map(|url| url.origin().ascii_serialization()) {
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    origins
}

/// Returns where a stored login may be sent. One that names no places (an older one, or another program's) is taken
/// for one of the provider as shipped, or else of the manifest, where its token endpoint's host is not another.
pub fn made_at(manifest: &Manifest, tokens: &Tokens, sandbox: bool) -> Vec<String> {
    if !tokens.origins.is_empty() {
        return tokens.origins.clone();
    }
    let as_it_is = || origins(manifest);
    let shipped = || Some(origins(&shipped(manifest, sandbox)?));
    let Some(host) = tokens.token_host.as_deref() else { return shipped().unwrap_or_else(as_it_is) };
    let there = |origins: &Vec<String>| host_of(origins) == host;
    shipped()
        .filter(there)
        .or_else(|| Some(as_it_is()).filter(there))
        .unwrap_or_else(|| vec![format!("https://{host}")])
}

/// Returns why a login that was made for these places is not used: the manifest names another one now. What a newer
/// version of the program ships for the same token endpoint is none.
pub fn moved(manifest: &Manifest, made_at: &[String], sandbox: bool) -> Option<String> {
    let made = made_at.first()?;
    let now = origins(manifest);
    let tokens = now.first()?;
    let unknown = now.iter().find(|origin| !made_at.contains(origin));
    let shipped = || shipped(manifest, sandbox).map(|m| origins(&m)).filter(|shipped| shipped[0] == *made);
    let other = match unknown {
        _ if tokens != made => tokens,
        None => return None,
        Some(unknown) => match shipped() {
            None => unknown,
            Some(shipped) => now.iter().find(|origin| !made_at.contains(origin) && !shipped.contains(origin))?,
        },
    };
    let made: String = made.chars().filter(char::is_ascii_graphic).collect();
    Some(format!("was made at {made}, and its manifest names {other} now"))
}

fn shipped(manifest: &Manifest, sandbox: bool) -> Option<Manifest> {
    Registry::shipped(&manifest.name).filter(|m| !sandbox && m.oauth.is_some())
}

fn host_of(origins: &[String]) -> String {
    let url = origins.first().and_then(|origin| Url::parse(origin).ok());
    url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(change: impl FnOnce(&mut Manifest)) -> Manifest {
        let mut manifest = Registry::shipped(&"codex".parse().unwrap()).unwrap();
        change(&mut manifest);
        manifest
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a6_a_login_is_not_used_once_its_manifest_names_any_other_place_for_it() {
        let made = origins(&manifest(|_| {}));
        assert_eq!(made, ["https://auth.openai.com", "https://chatgpt.com"]);
        assert_eq!(moved(&manifest(|m| m.api.base_url = url("https://chatgpt.com/other")), &made, false), None);
        type Change = fn(&mut Manifest);
        let changes: [Change; 8] = [
            |m| m.oauth.as_mut().unwrap().token_url = url("https://evil.example"),
            // One of its own places, but no token endpoint.
            |m| m.oauth.as_mut().unwrap().token_url = url("https://chatgpt.com/oauth/token"),
            |m| m.oauth.as_mut().unwrap().revoke_url = Some(url("https://evil.example")),
            |m| m.oauth.as_mut().unwrap().verify_url = Some(url("https://evil.example")),
            |m| m.oauth.as_mut().unwrap().usage_url = Some(url("https://auth.openai.com.evil.example")),
            |m| m.api.oauth_base_url = Some(url("https://evil.example")),
            |m| m.api.base_url = url("http://localhost:8999"),
            |m| m.api.base_url = url("https://chatgpt.com:8443"),
        ];
        for (number, change) in changes.into_iter().enumerate() {
            for sandbox in [true, false] {
                assert!(moved(&manifest(change), &made, sandbox).is_some(), "{number}");
            }
        }
    }

    #[test]
    fn a6_a_login_without_a_record_is_one_of_the_provider_as_shipped() {
        let here = manifest(|m| m.api.base_url = url("https://evil.example"));
        let of = |json: &str| made_at(&here, &Tokens::from_json(json).unwrap(), false);
        let shipped = ["https://auth.openai.com", "https://chatgpt.com"];
        assert_eq!(of(r#"{"access_token":"a"}"#), shipped);
        assert_eq!(of(r#"{"access_token":"a","token_host":"auth.openai.com"}"#), shipped);
        assert_eq!(of(r#"{"access_token":"a","token_host":"a.example"}"#), ["https://a.example"]);
        assert_eq!(of(r#"{"access_token":"a","origins":["https://b.example"]}"#), ["https://b.example"]);
        // Of a provider that is not shipped, the manifest's, if the host is right.
        let own = Manifest { name: "gateway".parse().unwrap(), ..here.clone() };
        let of = |json: &str| made_at(&own, &Tokens::from_json(json).unwrap(), false);
        assert_eq!(of(r#"{"access_token":"a"}"#), origins(&own));
        assert_eq!(of(r#"{"access_token":"a","token_host":"a.example"}"#), ["https://a.example"]);
    }

    #[test]
    fn what_a_newer_version_ships_is_none_but_for_a_login_at_another_token_endpoint() {
        let first = |origin: &str| vec![origin.to_owned()];
        assert_eq!(moved(&manifest(|_| {}), &first("https://auth.openai.com"), false), None);
        assert!(moved(&manifest(|_| {}), &first("https://auth.openai.com"), true).is_some());
        assert!(moved(&manifest(|_| {}), &first("https://sso.example.com"), false).is_some());
    }
}
