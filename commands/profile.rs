//! `/profile`: saved choices of provider, model and accounts.

use clap::{Args, Subcommand, ValueEnum};

use crate::{Bucket, ProfileName};

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
    /// Use a profile in this session
    Load {
        /// The profile
        name: ProfileName,
    },
    /// Stop using the loaded profile
    Unload,
    /// Show what a profile says
    Show {
        /// The profile
        name: ProfileName,
    },
    /// Delete a profile
    Delete {
        /// The profile
        name: ProfileName,
    },
    /// Load a profile at every start, or none
    SetDefault {
        /// The profile, or `none`
        name: String,
    },
}

/// The two kinds of profile.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum SaveProfile {
    /// Provider, model, parameters and accounts in order
    Model {
        /// The profile
        name: ProfileName,
        /// The accounts, first choice first
        buckets: Vec<Bucket>,
    },
    /// A profile over profiles
    Loadbalancer {
        /// The profile
        name: ProfileName,
        /// How to choose among them
        policy: Policy,
        /// The profiles, first choice first
        #[arg(required = true, num_args = 2..)]
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
