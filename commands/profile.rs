//! `/profile`: saved choices of provider, model and accounts.

use clap::{Args, Subcommand, ValueEnum};

use crate::words::Words;
use crate::{BadName, Bucket, ProfileName};

/// `/profile [ACTION]`; the list when no action is given.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Profile {
    /// What to do
    #[command(subcommand)]
    pub action: Option<ProfileAction>,
}

/// What can be done with profiles.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum ProfileAction {
    /// Save the current choice, and load it
    Save {
        /// What kind
        #[command(subcommand)]
        kind: SaveProfile,
    },
    /// List the profiles
    List,
    /// Use a profile in this session (session only)
    Load {
        /// The profile
        #[arg(value_name = "name")]
        name: ProfileName,
    },
    /// Stop using the loaded profile (session only)
    Unload,
    /// Show what a profile says
    Show {
        /// The profile
        #[arg(value_name = "name")]
        name: ProfileName,
    },
    /// Delete a profile
    Delete {
        /// The profile
        #[arg(value_name = "name")]
        name: ProfileName,
    },
    /// Load a profile at every start, or none
    SetDefault {
        /// The profile, or `none`
        #[arg(id = "default", value_name = "name|none", value_parser = profile_or_none)]
        name: String,
    },
}

/// The two kinds of profile.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum SaveProfile {
    /// Provider, model, parameters and accounts in order
    Model {
        /// The profile
        #[arg(id = "new-profile", value_name = "name")]
        name: ProfileName,
        /// The accounts, first choice first
        #[arg(value_name = "account")]
        buckets: Vec<Bucket>,
    },
    /// A profile over profiles
    Loadbalancer {
        /// The profile
        #[arg(id = "new-profile", value_name = "name")]
        name: ProfileName,
        /// How to choose among them
        #[arg(value_name = "failover|roundrobin", ignore_case = true)]
        policy: Policy,
        /// The profiles, first choice first
        #[arg(value_name = "profile", required = true, num_args = 2..)]
        profiles: Vec<ProfileName>,
    },
}

/// How a load balancer chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// The first that is not at a limit
    Failover,
    /// Each in turn
    Roundrobin,
}

fn profile_or_none(text: &str) -> Result<String, BadName> {
    if text.eq_ignore_ascii_case("none") {
        return Ok("none".to_owned());
    }
    text.parse().map(|name: ProfileName| name.to_string())
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Failover => "failover",
            Self::Roundrobin => "roundrobin",
        })
    }
}

impl Profile {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("profile");
        match &self.action {
            None => &mut words,
            Some(ProfileAction::Save { kind: SaveProfile::Model { name, buckets } }) => {
                words.word("save").word("model").value(name).values(buckets)
            }
            Some(ProfileAction::Save { kind: SaveProfile::Loadbalancer { name, policy, profiles } }) => {
                words.word("save").word("loadbalancer").value(name).value(policy).values(profiles)
            }
            Some(ProfileAction::List) => words.word("list"),
            Some(ProfileAction::Load { name }) => words.word("load").value(name),
            Some(ProfileAction::Unload) => words.word("unload"),
            Some(ProfileAction::Show { name }) => words.word("show").value(name),
            Some(ProfileAction::Delete { name }) => words.word("delete").value(name),
            Some(ProfileAction::SetDefault { name }) => words.word("set-default").value(name),
        };
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::tests::{command, refused};

    #[test]
    fn the_accounts_of_a_profile_keep_their_order() {
        let Command::Profile(Profile { action: Some(ProfileAction::Save { kind }) }) =
            command("/Profile SAVE model claude-ha work@company.com Personal@gmail.com")
        else {
            panic!("not a profile")
        };
        let buckets = ["work@company.com", "Personal@gmail.com"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(kind, SaveProfile::Model { name: "claude-ha".parse().unwrap(), buckets });
    }

    #[test]
    fn a_load_balancer_needs_two_profiles_and_a_policy() {
        let line = "/profile save loadbalancer both failover a b";
        assert_eq!(command("/profile save LoadBalancer both FAILOVER a b").to_string(), line);
        let error = refused("/profile save loadbalancer both failover a");
        assert_eq!(error.message, "/profile save loadbalancer needs at least 2 of <profile>.");
        let error = refused("/profile save loadbalancer both failovr a b");
        assert_eq!(error.message, "\"failovr\" is not one of failover, roundrobin.");
        assert_eq!(error.suggestions, [line]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = refused("/profile load");
        assert_eq!(error.message, "/profile load needs <name> after it.");
        assert_eq!(error.usage.as_deref(), Some("/profile load <name>"));
        assert_eq!(refused("/profile save").message, "/profile save needs model or loadbalancer after it.");
        assert_eq!(refused("/profile load all").message.split(':').next(), Some("\"all\" is not a profile name"));
    }

    #[test]
    fn the_default_can_be_none() {
        let set = |line| match command(line) {
            Command::Profile(Profile { action: Some(ProfileAction::SetDefault { name }) }) => name,
            other => panic!("{other:?}"),
        };
        assert_eq!(set("/profile set-default NONE"), "none");
        assert_eq!(set("/profile Set-Default Work"), "Work");
        assert!(refused("/profile set-default a/b").message.starts_with("\"a/b\" is not a profile name"));
    }
}
