//! The names that can be typed: providers, buckets, profiles, and a bucket at a provider.

use std::fmt;
use std::str::FromStr;

/// A name that breaks the rule of its kind; `Display` says the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadName {
    /// What kind of name it should have been, as a person would say it.
    pub kind: &'static str,
    /// The rule in words.
    pub rule: &'static str,
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "that is not a {}: {}", self.kind, self.rule)
    }
}

impl std::error::Error for BadName {}

/// A provider's name: 1 to 64 of `a-z`, `0-9` and `-`, not starting with `-`; typed in any case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Provider(String);

/// A label for one login at a provider (design: bucket): 1 to 64 of ASCII letters, digits and
/// `. _ @ + -`, not starting with `-` or `.`, and not `all`. Case is kept and counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bucket(String);

/// The name of a saved profile; same rule as a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProfileName(String);

/// The name of a saved API key; same rule as a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyName(String);

/// Provider and bucket: the key of everything that is stored for a login. Shown as `provider:bucket`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account {
    /// The provider of the login.
    pub provider: Provider,
    /// The label of the login.
    pub bucket: Bucket,
}

const LABEL_RULE: &str = "use 1 to 64 ASCII letters, digits and . _ @ + - (not first - or ., and not \"all\")";

fn label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    (1..=64).contains(&text.len())
        && text.chars().all(allowed)
        && !text.starts_with(['-', '.'])
        && !text.eq_ignore_ascii_case("all")
}

impl FromStr for Provider {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let name = text.to_ascii_lowercase();
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=64).contains(&name.len()) && name.chars().all(allowed) && !name.starts_with('-') {
            Ok(Self(name))
        } else {
            Err(BadName { kind: "provider name", rule: "use letters, digits and -" })
        }
    }
}

macro_rules! label_type {
    ($name:ident, $kind:literal) => {
        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                if label(text) { Ok(Self(text.to_owned())) } else { Err(BadName { kind: $kind, rule: LABEL_RULE }) }
            }
        }
    };
}
label_type!(Bucket, "account name");
label_type!(ProfileName, "profile name");
label_type!(KeyName, "key name");

macro_rules! text_type {
    ($($name:ident)*) => {$(
        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    )*};
}
text_type!(Provider Bucket ProfileName KeyName);

impl Default for Bucket {
    /// The bucket that is meant when none is named.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.provider, self.bucket)
    }
}

impl FromStr for Account {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let (provider, bucket) =
            text.split_once(':').ok_or(BadName { kind: "account", rule: "write provider:bucket" })?;
        Ok(Self { provider: provider.parse()?, bucket: bucket.parse()? })
    }
}
