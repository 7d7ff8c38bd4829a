//! The five tiers, and what became of each.

use serde_json::{Value, json};

/// The five tiers, first wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// `--key`, `--keyfile`, `--key-name`, and what `/key KEY` and `/keyfile` gave this session.
    Flags,
    /// The loaded profile, then settings.
    Settings,
    /// Saved keys.
    Keys,
    /// Environment variables.
    Environment,
    /// Logins.
    OAuth,
}

impl Tier {
    /// All, first wins.
    pub const ALL: [Self; 5] = [Self::Flags, Self::Settings, Self::Keys, Self::Environment, Self::OAuth];

    /// Returns the number that people see, from 1.
    pub fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Returns the name of `--json`.
    pub fn name(self) -> &'static str {
        ["flags", "settings", "keys", "environment", "oauth"][self as usize]
    }

    /// Returns the words of the screen.
    pub fn title(self) -> &'static str {
        ["command line", "profile, settings", "saved keys", "environment", "sign-in"][self as usize]
    }
}

/// What became of a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It wins.
    Used,
    /// Something is there, but this tier comes first.
    ShadowedBy(Tier),
    /// `authOnly` leaves it out.
    Skipped,
    /// Something is named there and cannot be used; nothing below is tried.
    Broken,
    /// Nothing is there.
    Absent,
}

/// One tier of a resolution.
#[derive(Debug, Clone, PartialEq)]
pub struct TierState {
    /// Which.
    pub tier: Tier,
    /// Something is there, usable or not.
    pub present: bool,
    /// What is there, or that nothing is, in words.
    pub detail: String,
    /// The name of the source, or the bucket; absent where nothing is.
    pub name: Option<String>,
    /// What became of it.
    pub usage: Use,
}

impl TierState {
    pub(super) fn json(&self) -> Value {
        let (state, by) = match self.usage {
            Use::Used => ("used", None),
            Use::ShadowedBy(tier) => ("shadowed", Some(tier.number())),
            Use::Skipped => ("skipped", None),
            Use::Broken => ("broken", None),
            Use::Absent => ("absent", None),
        };
        json!({
            "tier": self.tier.number(),
            "name": self.tier.name(),
            "present": self.present,
            "detail": self.name,
            "state": state,
            "shadowed_by": by,
        })
    }
}
