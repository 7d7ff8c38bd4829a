//! Commands about the session itself.

use clap::{Args, ValueEnum};

/// `/help [COMMAND…]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Help {
    /// The command, with as many of its words as you like
    pub words: Vec<String>,
}

/// `/stats [buckets|quota]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Stats {
    /// What to show
    pub of: Option<StatsOf>,
}

/// What `/stats` can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatsOf {
    /// Requests, tokens and switches of each account
    Buckets,
    /// Windows and resets as the providers tell them
    Quota,
}
