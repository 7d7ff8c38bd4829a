//! Commands about the session itself.

use clap::{Args, ValueEnum};

use crate::words::Words;

/// `/help [COMMAND…]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Help {
    /// The command, with as many of its words as you like
    #[arg(value_name = "command")]
    pub words: Vec<String>,
}

/// `/stats [buckets|quota]`
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Stats {
    /// What to show
    #[arg(value_name = "buckets|quota", ignore_case = true)]
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

impl std::fmt::Display for StatsOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Buckets => "buckets",
            Self::Quota => "quota",
        })
    }
}

impl Help {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("help");
        words.values(&self.words);
        words
    }
}

impl Stats {
    pub(crate) fn words(&self) -> Words {
        let mut words = Words::of("stats");
        words.values(self.of);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;
    use crate::tests::{command, refused};

    #[test]
    fn stats_take_one_word() {
        assert_eq!(command("/stats QUOTA"), Command::Stats(Stats { of: Some(StatsOf::Quota) }));
        assert_eq!(command("/Stats"), Command::Stats(Stats { of: None }));
        assert_eq!(refused("/stats quotas").suggestions, ["/stats quota"]);
    }

    #[test]
    fn help_is_found_by_flag_too() {
        let words = vec!["auth".to_owned(), "login".to_owned()];
        assert_eq!(command("/help auth login"), Command::Help(Help { words: words.clone() }));
        assert_eq!(command("/auth anthropic login --help"), Command::Help(Help { words: words.clone() }));
        assert_eq!(command("/auth codex login work -h"), Command::Help(Help { words }));
    }

    #[test]
    fn other_names_of_a_command_are_the_command() {
        assert_eq!(command("/EXIT"), Command::Quit);
        assert_eq!(command("/diagnostics"), Command::Doctor);
    }
}
