//! What tokens, keys and codes look like, so that text can be shown without them.
//!
//! One pass by hand: no pattern language, linear time, and no state but a place in the text.

use std::ops::Range;

/// Beginnings of secrets: how they begin, how many characters must follow, and whether they count in mid-word.
const BEGINNINGS: [(&str, usize, bool); 16] = [
    ("ya29.", 1, true),
    ("GOCSPX-", 1, true),
    ("AIza", 8, true),
    ("sk-ant-", 1, true),
    ("sk-", 4, false),
    ("rt_", 4, false),
    ("ac_", 4, false),
    // Google's refresh tokens and codes, also percent-encoded and as JSON may write a slash.
    ("1//0", 6, false),
    ("1%2F%2F0", 6, false),
    ("1%2f%2f0", 6, false),
    (r"1\/\/0", 6, false),
    ("4/0", 8, false),
    ("4%2F0", 8, false),
    ("4%2f0", 8, false),
    (r"4\/0", 8, false),
    (r"4\u002f0", 8, false),
];

/// Names whose values are secrets wherever they stand, in the spellings of the wire and of other programs' files.
const NAMES: [&str; 13] = [
    "code",
    "state",
    "code_verifier",
    "codeVerifier",
    "device_code",
    "deviceCode",
    "user_code",
    "refresh_token",
    "refreshToken",
    "access_token",
    "accessToken",
    "id_token",
    "idToken",
];

/// Replaces every token, key and code in a text by `…` and keeps the rest.
pub fn redact(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for secret in secrets(text) {
        clean.push_str(&text[kept..secret.start]);
        clean.push('…');
        kept = secret.end;
    }
    clean.push_str(&text[kept..]);
    clean
}

/// Says whether a text has something in it that [`redact`] would replace.
pub(crate) fn holds_secret(text: &str) -> bool {
    secrets(text).next().is_some()
}

/// Returns the places of the secrets in a text, in order.
fn secrets(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let (mut at, mut no_jwt_before) = (0, 0);
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let found = named(bytes, at).or_else(|| token(bytes, at)).or_else(|| jwt(bytes, at, &mut no_jwt_before));
            if let Some(secret) = found.filter(|secret| !secret.is_empty()) {
                at = secret.end;
                return Some(secret);
            }
            at += 1;
        }
        None
    })
}

/// A token, code or key by how it begins.
fn token(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !matches!(bytes[at], b'y' | b'G' | b'A' | b's' | b'r' | b'a' | b'1' | b'4') {
        return None;
    }
    let rest = &bytes[at..];
    let (beginning, least, _) = BEGINNINGS
        .iter()
        .find(|(text, _, inside)| rest.starts_with(text.as_bytes()) && (*inside || fresh(bytes, at)))?;
    let body = at + beginning.len();
    let mut end = body;
    while let Some(b) = bytes.get(end) {
        match b {
            b'\\' if bytes.get(end + 1) == Some(&b'/') => end += 2,
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'~' | b'+' | b'/' | b'=' | b'%' => end += 1,
            _ => break,
        }
    }
    // A full stop at the end is that of the sentence.
    while end > body && bytes[end - 1] == b'.' {
        end -= 1;
    }
    (end - body >= *least).then_some(at..end)
}

/// A JSON web token (RFC 7519): three base64url parts, the first of an object. `dead` is a place before which none can
/// begin, so that a long first part is read once.
fn jwt(bytes: &[u8], at: usize, dead: &mut usize) -> Option<Range<usize>> {
    if at < *dead || !bytes[at..].starts_with(b"eyJ") {
        return None;
    }
    let run = |from: usize| from + bytes[from..].iter().take_while(|b| base64url(**b)).count();
    let first = run(at);
    *dead = first;
    let second = (bytes.get(first) == Some(&b'.')).then(|| run(first + 1))?;
    if second == first + 1 || bytes.get(second) != Some(&b'.') {
        return None;
    }
    let end = second + bytes[second..].iter().take_while(|b| base64url(**b) || **b == b'.').count();
    Some(at..end)
}

/// The value of a name that tells a secret: `name=value`, `name%3Dvalue`, `"name": "value"`, also inside a string.
fn named(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    if !matches!(bytes[at] | 0x20, b'c' | b's' | b'd' | b'u' | b'r' | b'a' | b'i') || !fresh(bytes, at) {
        return None;
    }
    if at > 0 && matches!(bytes[at - 1], b'_' | b'-') {
        return None;
    }
    let length = bytes[at..].iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count();
    let name = &bytes[at..at + length];
    if !NAMES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
        return None;
    }
    let after = at + length;
    if bytes[after..].starts_with(b"%3D") || bytes[after..].starts_with(b"%3d") {
        return Some(form_value(bytes, after + 3, true));
    }
    let (closing, _) = quote(bytes, after).unwrap_or((after, 0));
    let separator = blanks(bytes, closing);
    let sign = bytes.get(separator).filter(|b| matches!(b, b':' | b'='))?;
    let start = blanks(bytes, separator + 1);
    if let Some((start, escapes)) = quote(bytes, start) {
        return Some(start..string_end(bytes, start, bytes[start - 1], escapes));
    }
    let bare = start == after + 1 && *sign == b'=';
    let number = closing > after && bytes.get(start).is_some_and(u8::is_ascii_digit);
    if bare {
        Some(form_value(bytes, start, false))
    } else if number && !name.eq_ignore_ascii_case(b"code") {
        // The `code` of an error answer is a number, that of a sign-in never.
        Some(start..start + bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count())
    } else {
        None
    }
}

/// A quote with the backslashes before it: where it ends, and how many there are.
fn quote(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let escapes = bytes[at..].iter().take_while(|b| **b == b'\\').count();
    matches!(bytes.get(at + escapes), Some(b'"' | b'\'')).then_some((at + escapes + 1, escapes))
}

/// Where a string ends that was opened with so many backslashes before its quote; a line's end ends it too.
fn string_end(bytes: &[u8], start: usize, quote: u8, escapes: usize) -> usize {
    let mut before = 0;
    for (at, b) in bytes.iter().enumerate().skip(start) {
        match *b {
            b'\\' => before += 1,
            b'\n' => return at,
            b if b == quote && (before <= escapes || (escapes == 0 && before % 2 == 0)) => {
                return at - before.min(escapes);
            }
            _ => before = 0,
        }
    }
    bytes.len()
}

/// A value in a form or URL, up to the next parameter.
fn form_value(bytes: &[u8], start: usize, encoded: bool) -> Range<usize> {
    let mut end = start;
    while let Some(b) = bytes.get(end) {
        match b {
            b'&' | b'"' | b'\'' | b'<' | b'>' | b'`' => break,
            b if b.is_ascii_whitespace() => break,
            b'\\' if bytes.get(end + 1) != Some(&b'/') => break,
            b'%' if encoded && bytes[end..].starts_with(b"%26") => break,
            _ => end += 1,
        }
    }
    start..end
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    at + bytes.get(at..).unwrap_or_default().iter().take_while(|b| b.is_ascii_whitespace()).count()
}

fn base64url(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

/// Says whether a word may begin here: not after a letter or digit, unless that ends an escape (`%3D`, `\n`, `\u0026`).
fn fresh(bytes: &[u8], at: usize) -> bool {
    if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() {
        return true;
    }
    let before = |n: usize| at.checked_sub(n).map(|from| &bytes[from..at]);
    let hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
    before(3).is_some_and(|b| b[0] == b'%' && hex(&b[1..]))
        || before(2).is_some_and(|b| b[0] == b'\\' && b"nrtbf".contains(&b[1]))
        || before(6).is_some_and(|b| b.starts_with(b"\\u") && hex(&b[2..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_and_keys_go_and_the_rest_stays() {
        for (text, clean) in [
            ("Bearer ya29.a0Af_x-1 used", "Bearer … used"),
            ("refresh 1//0gAbCdEf-x.", "refresh …."),
            ("code 4/0AdQt8qh_abc, then", "code …, then"),
            ("GOCSPX-abc AIzaSyA12345678", "… …"),
            ("x-api-key: sk-ant-api03-A_b-C", "x-api-key: …"),
            ("(sk-proj-abcd) sk-abcd.", "(…) …."),
            ("rt_abcd.efgh ac_9fX2Q", "… …"),
            ("jwt eyJhbGciOi.eyJzdWIi.c2ln-_ end", "jwt … end"),
            ("{\"a\":\"eyJh.eyJz.c2\",\"b\":1}", "{\"a\":\"…\",\"b\":1}"),
            ("q=1%2F%2F0gAbCdEf&r=2", "q=…&r=2"),
            ("x%3Dsk-abcd %2Frt_abcd \\nsk-abcd", "x%3D… %2F… \\n…"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn ordinary_words_stay() {
        for text in [
            "",
            "a task-force asks for sort_by and mac_address",
            "due 4/04/2026, 1/2, eyJust a word, eyJa.b",
            "sk-1 rt_ ac_x ya29 état…",
            "the state of the code: fine, state: ready",
            "{\"error\":{\"code\":429,\"status\":\"X\"},\"state\":null}",
            "status_code=200&error_code=4",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn values_of_telling_names_go() {
        for (text, clean) in [
            (
                "http://localhost:1455/auth/callback?code=a%2Fb&state=c#d x",
                "http://localhost:1455/auth/callback?code=…&state=… x",
            ),
            ("grant_type=refresh_token&refresh_token=abc", "grant_type=refresh_token&refresh_token=…"),
            ("{\"access_token\": \"a\\\"b\", \"expires_in\": 1}", "{\"access_token\": \"…\", \"expires_in\": 1}"),
            ("{\\\"id_token\\\":\\\"abc\\\",\\\"x\\\":1}", "{\\\"id_token\\\":\\\"…\\\",\\\"x\\\":1}"),
            ("to=%3Fcode%3Dabc%26state%3Ddef%26x%3D1", "to=%3Fcode%3D…%26state%3D…%26x%3D1"),
            ("https:\\/\\/h\\/?code=4\\/0Ab\\u0026x=1", "https:\\/\\/h\\/?code=…\\u0026x=1"),
            (
                "Answer { device_code: \"abc\", user_code: \"AB-CD\" }",
                "Answer { device_code: \"…\", user_code: \"…\" }",
            ),
            ("{'codeVerifier': 'abc', 'user_code': 1234}", "{'codeVerifier': '…', 'user_code': …}"),
            ("Code=abc STATE=def", "Code=… STATE=…"),
            ("{\"state\":\"never closed", "{\"state\":\"…"),
            ("{\"code\":\"ends in \\\\\",\"x\":\"y\"}", "{\"code\":\"…\",\"x\":\"y\"}"),
            ("code=&x=1", "code=&x=1"),
        ] {
            assert_eq!(redact(text), clean);
        }
    }

    #[test]
    fn long_texts_are_read_once() {
        // Each of these would take minutes if a part of it were read again from every place.
        for part in
            ["eyJ", "eyJa.", "code", "code ", "code=", "\"code\":\"", "\\", "\\\"", "sk-", "4/0", "state\\", "%3D"]
        {
            redact(&part.repeat(1 << 17));
        }
    }

    fn secret() -> impl Strategy<Value = (String, String)> {
        let body = "[A-Za-z0-9_-]{12,40}";
        let beginning = prop::sample::select(vec![
            "ya29.",
            "1//0",
            "4/0",
            "GOCSPX-",
            "AIza",
            "sk-ant-oat01-",
            "sk-ant-sid02-",
            "sk-",
            "sk-proj-",
            "sk-sp-",
            "rt_",
            "ac_",
            "4%2F0",
            "1%2F%2F0",
            "eyJhbGciOi.eyJzdWIi.",
        ]);
        let name = prop::sample::select(NAMES.to_vec());
        let around = prop::sample::select(vec![
            ("=", "&"),
            ("%3D", "%26"),
            ("\":\"", "\""),
            ("\" : \"", "\""),
            ("\\\":\\\"", "\\\""),
            (": \"", "\""),
            ("=", ""),
        ]);
        prop_oneof![
            (beginning, body).prop_map(|(beginning, body)| (format!("{beginning}{body}"), body)),
            (name, around, body).prop_map(|(name, (open, close), body)| (format!("{name}{open}{body}{close}"), body)),
        ]
    }

    proptest! {
        #[test]
        fn no_secret_is_left(before in "\\PC*", (secret, body) in secret(), after in "\\PC*") {
            let clean = redact(&format!("{before} {secret} {after}"));
            prop_assert!(!clean.contains(&body), "{clean}");
            prop_assert!(holds_secret(&secret));
        }

        #[test]
        fn any_text_can_be_redacted_and_once_is_enough(text in "(\\PC|[\"\\\\=:%&.\n]|code|state|eyJ|sk-|4/0|id_token|%3D){0,60}") {
            let clean = redact(&text);
            prop_assert_eq!(redact(&clean), clean);
        }
    }
}
