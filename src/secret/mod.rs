//! A value that must not be seen: no `Display`, a redacted `Debug`, wiped when dropped.

mod hidden;

use std::fmt;

pub use hidden::Hidden;
use zeroize::Zeroizing;

/// A token or key. The only way out is [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Gives the text, for the header of a request or the vault.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the last four characters after an ellipsis, for telling two keys apart; nothing of a short one.
    pub fn tail(&self) -> String {
        let chars = self.0.chars().count();
        if chars < 12 { "…".to_owned() } else { format!("…{}", self.0.chars().skip(chars - 4).collect::<String>()) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn debug_shows_nothing_and_tail_only_four_of_a_long_one() {
        let secret = Secret::new("sk-ant-api03-canary-9k2L");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.tail(), "…9k2L");
        assert_eq!(Secret::new("short").tail(), "…");
    }
}
