//! Which base URLs a login may be sent to (security 5.2).

use url::Url;

/// Returns why a login cannot be used with a base URL: it is not at one of the provider's own places.
pub fn elsewhere(base_url: &str, own: &[&str]) -> Option<String> {
    let place = |text: &str| Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
    let known: Vec<_> = own.iter().filter_map(|text| place(text)).collect();
    match place(base_url) {
        // Scheme and port count too: plain http to the right name would show the token to the network.
        Some(asked) if known.contains(&asked) => None,
        Some(asked) => {
            let names: Vec<String> = known.iter().map(url::Origin::unicode_serialization).collect();
            let own = if names.is_empty() { "the provider's own hosts".to_owned() } else { names.join(", ") };
            Some(format!("the base URL is at {}, and a sign-in is only sent to {own}", asked.unicode_serialization()))
        }
        None => Some("the base URL cannot be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn a_login_stays_at_scheme_name_and_port_of_its_manifest() {
        let own = ["https://api.anthropic.com", "http://127.0.0.1:8080/anthropic"];
        for same in ["https://api.anthropic.com/v2", "https://API.anthropic.com:443", "http://127.0.0.1:8080/x"] {
            assert_eq!(elsewhere(same, &own), None, "{same}");
        }
        for other in [
            "http://api.anthropic.com",
            "https://api.anthropic.com:8443",
            "https://api.anthropic.com@evil.example",
            "https://evil.example/api.anthropic.com",
            "https://api.anthropic.com.evil.example",
            "https://api.anthropic.com.",
            "http://127.0.0.1:8081",
            "data:text/plain,https://api.anthropic.com",
            "not a url",
        ] {
            assert!(elsewhere(other, &own).is_some(), "{other}");
        }
        assert_eq!(
            elsewhere("https://proxy.example/v1", &own[..1]).unwrap(),
            "the base URL is at https://proxy.example, and a sign-in is only sent to https://api.anthropic.com"
        );
    }
}
