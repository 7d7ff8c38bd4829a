//! Lines that must not be remembered, because a key or a token may be in them.

use strsim::osa_distance;

use crate::KeyName;
use crate::patterns::holds_secret;
use crate::split::split;

/// Says whether a line may hold a key, a token or a code, and so has to stay out of the history.
///
/// A slip in `/key` or `--key` counts as well, since the key was typed all the same.
pub fn carries_secret(line: &str) -> bool {
    line.lines().any(|line| {
        let mut words: Vec<String> = split(line).words.into_iter().map(|word| word.text).collect();
        if let Some(first) = words.first_mut().filter(|first| first.starts_with('/')) {
            first.remove(0);
        } else if words.first().is_some_and(|first| first == "llxprt") {
            words.remove(0);
        } else {
            return holds_secret(line) || words.iter().any(|word| key_flag(word));
        }
        holds_secret(line) || secret_words(&words)
    })
}

/// As [`carries_secret`], for the words after a slash or after `llxprt`.
pub(crate) fn secret_words(words: &[String]) -> bool {
    if words.iter().any(|word| key_flag(word) || holds_secret(word)) {
        return true;
    }
    let words: Vec<String> =
        words.iter().filter(|word| !word.starts_with('-')).map(|word| word.to_lowercase()).collect();
    words.iter().enumerate().any(|(at, word)| match word.as_str() {
        word if slip_of_key(word) => key_after(&words[at + 1..]),
        "set" => words[at + 1..].len() > 1 && secret_setting(&words[at + 1]),
        _ => false,
    })
}

/// Says whether what follows `key` may be a key.
fn key_after(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [] | ["none" | "list" | "save" | "load" | "show" | "delete"] => false,
        ["save" | "load" | "show" | "delete", name] => name.parse::<KeyName>().is_err(),
        _ => true,
    }
}

/// Says whether a setting has a name under which people keep keys, in this program or in others.
fn secret_setting(name: &str) -> bool {
    name.ends_with("key") || name.ends_with("keys") || name.contains("apikey") || name.contains("secret")
}

/// `--key`, nearly.
fn key_flag(word: &str) -> bool {
    word.strip_prefix("--").is_some_and(|flag| slip_of_key(&flag.split('=').next().unwrap_or(flag).to_lowercase()))
}

/// `key`, or one slip away from it.
fn slip_of_key(word: &str) -> bool {
    (2..=4).contains(&word.len()) && osa_distance(word, "key") <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_key_are_told() {
        for line in [
            "/key abc",
            " /KEY abc",
            "/key save work abc",
            "/key save work \"a b",
            "/kye abc",
            "/keys abc",
            "/key list abc",
            "/key --json abc",
            "/key save abc/def=",
            "/set auth-key abc",
            "/set providerApiKeys.openai abc",
            "llxprt key save work abc",
            "llxprt --key=abc",
            "run llxprt --key abc for me",
            "is sk-ant-api03-abc a good key?",
            "/auth codex login sk-abcdefgh",
            "http://localhost:1455/auth/callback?code=abc&state=def",
            "/auth\n/key abc",
        ] {
            assert!(carries_secret(line), "{line}");
        }
    }

    #[test]
    fn lines_without_one_are_not() {
        for line in [
            "",
            "/key",
            "/key none",
            "/key list --json",
            "/key save work",
            "/key load work # the one at work",
            "/keyfile /home/me/key",
            "/set auth.noBrowser true",
            "/set modelparam.max_tokens 8192",
            "/set auth-key",
            "llxprt --key-name work --keyfile /k",
            "what is the key to a good life?",
            "/auth anthropic login work@company.com",
        ] {
            assert!(!carries_secret(line), "{line}");
        }
    }
}
