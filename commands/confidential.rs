//! Lines that must not be remembered.

/// Says whether a line may hold a key or a token.
pub fn carries_secret(line: &str) -> bool {
    let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    secret_words(&words)
}

/// As [`carries_secret`], for words after the slash.
pub(crate) fn secret_words(words: &[String]) -> bool {
    words.first().is_some_and(|word| word.contains('k'))
}
