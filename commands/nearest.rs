//! The nearest of some words to a mistyped one.

use strsim::osa_distance;

/// Longer words are no slip of a finger, and comparing them takes time.
const LONGEST: usize = 40;

/// Returns up to three of the words that are close enough to be meant, each once, nearest first.
pub(crate) fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let typed = typed.to_lowercase();
    let length = typed.chars().count();
    if length > LONGEST {
        return Vec::new();
    }
    let mut close: Vec<(usize, &str)> = words
        .into_iter()
        .filter_map(|word| {
            let lower = word.to_lowercase();
            // A beginning counts as one slip: people stop typing early.
            if length >= 2 && lower.starts_with(&typed) {
                return Some((1, word));
            }
            let distance = osa_distance(&typed, &lower);
            (distance <= (length.min(lower.len()) / 3).max(1) && distance < lower.len()).then_some((distance, word))
        })
        .collect();
    close.sort_by_key(|(distance, _)| *distance);
    let best = close.first().map_or(0, |(distance, _)| *distance);
    let mut words = Vec::new();
    for (_, word) in close.into_iter().filter(|(distance, _)| *distance <= best + 1) {
        if !words.contains(&word) && words.len() < 3 {
            words.push(word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_comes_first() {
        assert_eq!(nearest("auht", ["set", "auth"]), ["auth"]);
        assert_eq!(nearest("LOGIM", ["logout", "login"]), ["login"]);
        assert_eq!(nearest("log", ["enable", "logout", "login"]), ["logout", "login"]);
        assert_eq!(nearest("prof", ["profile"]), ["profile"]);
    }

    #[test]
    fn what_is_far_is_not_named() {
        assert!(nearest("weather", ["auth", "set", "profile"]).is_empty());
        assert!(nearest(&"x".repeat(4000), ["auth"]).is_empty());
        assert!(nearest("x", ["a"]).is_empty());
    }
}
