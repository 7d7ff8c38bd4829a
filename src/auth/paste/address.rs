//! A pasted address, or the part of one that carries parameters.

use url::form_urlencoded;

/// Parameters that make a text an address although nothing else does.
const KNOWN: [&str; 8] =
    ["code", "state", "error", "response_type", "code_challenge", "redirect_uri", "callback_url", "user_code"];

/// What a pasted address says. The host is left out: it is neither trusted nor contacted.
pub(super) struct Address {
    /// The segments of the path, decoded.
    pub(super) path: Vec<String>,
    /// What stands after a `#` without being a parameter.
    pub(super) after_hash: Option<String>,
    /// It has a scheme, so it should have everything.
    pub(super) whole: bool,
    pairs: Vec<(String, String)>,
}

impl Address {
    /// Reads `http://…?code=…`, `localhost:1455/…?code=…`, `?code=…`, `#code=…` or `code=…&state=…`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let whole = text.contains("://");
        let (before, rest) = match text.split_once('?') {
            Some((before, rest)) => (before, rest.to_owned()),
            None if whole => text.split_once('#').map_or((text, String::new()), |(b, hash)| (b, format!("#{hash}"))),
            None => ("", text.trim_start_matches(['#', '&']).to_owned()),
        };
        let named = |piece: &str| KNOWN.iter().any(|k| piece.strip_prefix(k).is_some_and(|r| r.starts_with('=')));
        if !whole && !text.contains('?') && !rest.split(['&', '#']).any(named) {
            return None;
        }
        let (query, hash) = rest.split_once('#').unwrap_or((&rest, ""));
        let (query, hash) = (pairs(query), hash.trim());
        let answers = |pairs: &[(String, String)]| pairs.iter().any(|(k, _)| k == "code" || k == "error");
        // Some servers answer in the fragment (OAuth 2.0 Multiple Response Types 2.1).
        let (pairs, after_hash) = match pairs(hash) {
            fragment if !answers(&query) && answers(&fragment) => (fragment, None),
            _ if hash.is_empty() || hash.contains('=') => (query, None),
            _ => (query, Some(decode(hash))),
        };
        let path = before.split_once("://").map_or(before, |(_, rest)| rest);
        let path = path.split('/').skip(1).filter(|s| !s.is_empty()).map(decode).collect();
        Some(Self { path, after_hash, whole, pairs })
    }

    /// Returns a parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Returns whether a parameter stands there more than once, which RFC 6749 3.1 forbids.
    pub(super) fn repeats(&self, name: &str) -> bool {
        self.pairs.iter().filter(|(k, _)| k == name).count() > 1
    }

    /// Returns whether this is a link that begins a login. Anthropic's carries `code=true`, so a code proves nothing.
    pub(super) fn is_link(&self) -> bool {
        let asks = KNOWN[3..].iter().any(|name| self.pairs.iter().any(|(k, _)| k == name));
        let answers = self.get("code").or(self.get("error")).is_some();
        asks || (!answers && self.path.last().is_some_and(|last| last == "authorize"))
    }

    /// Returns the parameters beside code and state.
    pub(super) fn others(self) -> Vec<(String, String)> {
        self.pairs.into_iter().filter(|(k, _)| k != "code" && k != "state").collect()
    }
}

/// Splits parameters. A blank is a trace of wrapping, but for the sentence of an error.
fn pairs(text: &str) -> Vec<(String, String)> {
    text.replace("&amp;", "&")
        .split('&')
        .filter_map(|piece| piece.split_once('='))
        .map(|(name, value)| {
            let name = decode(&name.replace(char::is_whitespace, ""));
            let value = if name == "error_description" { value } else { &value.replace(char::is_whitespace, "") };
            (name, decode(value))
        })
        .collect()
}

/// Undoes `application/x-www-form-urlencoded` (RFC 6749 appendix B) in one name or value.
pub(super) fn decode(text: &str) -> String {
    // A key without `=` and `&` comes back alone.
    let alone = text.replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(alone.as_bytes()).next().map(|(k, _)| k.into_owned()).unwrap_or_default()
}
