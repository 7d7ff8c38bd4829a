//! Where a command works: everywhere, only in a session, or only in the shell.

use crate::refusal::ParseError;
use crate::side::Side;
use crate::tree::tree;
use crate::words::Words;
use crate::{Auth, AuthAction, Command, Key, KeyAction, Profile, ProfileAction};

/// Where a command works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a session and in the shell.
    Anywhere,
    /// Only in a session: it changes the session and nothing else.
    Session,
    /// Only in the shell: its output is for other programs.
    Shell,
}

/// The ends of the `about` texts that mark a command for one place; shown to people and read by completion.
const MARKS: [(Place, &str); 2] = [(Place::Session, " (session only)"), (Place::Shell, " (shell only)")];

impl Place {
    /// Reads the mark of a declared command.
    pub(crate) fn of(command: &clap::Command) -> Self {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        MARKS.iter().find(|(_, mark)| about.ends_with(mark)).map_or(Self::Anywhere, |(place, _)| *place)
    }

    /// Says whether commands of this place work on a side.
    pub(crate) fn allows(self, side: Side) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Session => side == Side::Session,
            Self::Shell => side == Side::Shell,
        }
    }
}

/// An `about` text without the mark of its place.
pub(crate) fn unmarked(about: &str) -> &str {
    MARKS.iter().find_map(|(_, mark)| about.strip_suffix(mark)).unwrap_or(about)
}

impl Command {
    /// Returns where the command works.
    pub fn place(&self) -> Place {
        match self {
            Self::Clear => Place::Session,
            Self::Auth(Auth { action: Some(AuthAction::Switch { .. }), .. }) => Place::Session,
            Self::Auth(Auth { action: Some(AuthAction::Token { .. }), .. }) => Place::Shell,
            Self::Key(Key { key: Some(_), .. } | Key { action: Some(KeyAction::Load { .. }), .. }) => Place::Session,
            Self::Profile(Profile { action: Some(ProfileAction::Load { .. } | ProfileAction::Unload) }) => {
                Place::Session
            }
            Self::Sandbox(_) | Self::Completions(_) | Self::Man => Place::Shell,
            Self::Auth(_)
            | Self::Set(_)
            | Self::Profile(_)
            | Self::Key(_)
            | Self::Keyfile(_)
            | Self::Provider(_)
            | Self::Model(_)
            | Self::Baseurl(_)
            | Self::Stats(_)
            | Self::Log
            | Self::Doctor
            | Self::Help(_)
            | Self::Quit => Place::Anywhere,
        }
    }

    /// The flags of one run that do what a command does for a session; `None` where there are none.
    pub(crate) fn as_flags(&self) -> Option<Words> {
        let mut words = Words::default();
        match self {
            Self::Auth(Auth { provider: Some(provider), action: Some(AuthAction::Switch { bucket }) }) => {
                words.word("--provider").word(provider.as_str()).word("--bucket").word(bucket.as_str());
            }
            Self::Key(Key { action: Some(KeyAction::Load { name }), .. }) => {
                words.word("--key-name").word(name.as_str());
            }
            // The key itself is never shown again: `-` reads it from stdin.
            Self::Key(Key { key: Some(key), .. }) if key != "none" => {
                words.word("--key").word("-");
            }
            Self::Profile(Profile { action: Some(ProfileAction::Load { name }) }) => {
                words.word("--profile-load").word(name.as_str());
            }
            _ => return None,
        }
        Some(words)
    }

    /// Refuses the command where it does not work, and says what does.
    pub(crate) fn refuse_elsewhere(&self, side: Side) -> Result<(), ParseError> {
        if self.place().allows(side) {
            return Ok(());
        }
        if side == Side::Session {
            let line = self.shell();
            let message = match self {
                Self::Auth(_) => "A token is a secret, so it is printed in the shell only:",
                _ => "That works in the shell only:",
            };
            return Err(ParseError::new(message).suggest(line));
        }
        let refused = |why: &str| ParseError::new(format!("That works inside a session only. {why}"));
        Err(match (self, self.as_flags()) {
            (_, Some(words)) => {
                let line = words.shell();
                refused("For one run:").suggest(line)
            }
            (Self::Key(_), None) => refused("A run without --key, --keyfile and --key-name is given no key."),
            (Self::Profile(_), None) => refused("For every run:").suggest("llxprt profile set-default none"),
            _ => refused("Every run of llxprt begins with an empty conversation."),
        })
    }
}

/// The command line of the shell as clap has it: for completions and the man page.
///
/// Commands that only a session knows are hidden in it.
pub fn shell_command() -> clap::Command {
    fn hide(command: clap::Command) -> clap::Command {
        let hidden = Place::of(&command) == Place::Session;
        command.hide(hidden).mut_subcommands(hide)
    }
    // Clap's own sentence tells of two pages; there is one.
    let help = clap::Arg::new("help").short('h').long("help").action(clap::ArgAction::Help);
    let help = help.help("The page of the program, or of a command");
    tree(Side::Shell).no_binary_name(false).disable_help_flag(true).arg(help).mut_subcommands(hide)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::command;

    #[test]
    fn the_marks_people_read_are_those_the_program_keeps() {
        let tree = crate::tree::tree(Side::Shell);
        let marked = |path: &[&str]| {
            let command = path.iter().fold(&tree, |here, name| here.find_subcommand(name).unwrap());
            Place::of(command)
        };
        assert_eq!(marked(&["auth", "switch"]), command("/auth codex switch a").place());
        assert_eq!(marked(&["key", "load"]), command("/key load a").place());
        assert_eq!(marked(&["profile", "load"]), command("/profile load a").place());
        assert_eq!(marked(&["profile", "unload"]), command("/profile unload").place());
        assert_eq!(marked(&["clear"]), command("/clear").place());
        let shell = |line| crate::tests::shell(line).command.unwrap().place();
        assert_eq!(marked(&["auth", "token"]), shell("llxprt auth codex token"));
        assert_eq!(marked(&["sandbox"]), shell("llxprt sandbox"));
        assert_eq!(marked(&["completions"]), shell("llxprt completions zsh"));
        assert_eq!(marked(&["man"]), shell("llxprt man"));
        fn count(command: &clap::Command) -> usize {
            usize::from(Place::of(command) != Place::Anywhere) + command.get_subcommands().map(count).sum::<usize>()
        }
        assert_eq!(count(&tree), 9, "another command is marked: add it here");
    }

    #[test]
    fn completions_and_man_page_leave_out_what_the_shell_cannot_do() {
        let tree = shell_command();
        let hidden =
            |path: &[&str]| path.iter().fold(&tree, |here, name| here.find_subcommand(name).unwrap()).is_hide_set();
        assert!(hidden(&["clear"]) && hidden(&["auth", "switch"]) && hidden(&["profile", "load"]));
        assert!(!hidden(&["auth", "token"]) && !hidden(&["sandbox"]) && !hidden(&["auth", "login"]));
    }
}
