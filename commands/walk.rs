//! Words walked along the declared tree: the commands in them are recognised in any case, flags are set apart.

use clap::{Arg, ArgAction};

use crate::side::Side;

/// Where a walk has come to.
pub(crate) struct Walk<'t> {
    side: Side,
    root: &'t clap::Command,
    /// The commands walked into, outermost first.
    pub(crate) path: Vec<&'t clap::Command>,
    /// The values of positional arguments, each with the argument it belongs to.
    pub(crate) values: Vec<(&'t Arg, String)>,
    /// How many of them belong to the innermost command.
    pub(crate) taken: usize,
    /// The flags that were given.
    pub(crate) flags: Vec<&'t Arg>,
    /// A flag that takes the next word as its value.
    pub(crate) awaits: Option<&'t Arg>,
    /// `--` was given: nothing after it is a command or a flag.
    pub(crate) ended: bool,
    /// Help was asked for by a flag.
    pub(crate) help: bool,
    /// The version was asked for by a flag.
    pub(crate) version: bool,
    /// Which word is no flag that is declared.
    pub(crate) odd_flag: Option<usize>,
    /// Which word has no place.
    pub(crate) stray: Option<usize>,
    /// The flags of the root, to stand in front of the commands.
    pub(crate) front: Vec<String>,
    rest: Vec<String>,
    awaits_in_front: bool,
    seen: usize,
}

impl<'t> Walk<'t> {
    pub(crate) fn along(side: Side, root: &'t clap::Command, words: &[String]) -> Self {
        let mut walk = Self {
            side,
            root,
            path: Vec::new(),
            values: Vec::new(),
            taken: 0,
            flags: Vec::new(),
            awaits: None,
            ended: false,
            help: false,
            version: false,
            odd_flag: None,
            stray: None,
            front: Vec::new(),
            rest: Vec::new(),
            awaits_in_front: false,
            seen: 0,
        };
        for word in words {
            walk.step(word);
            walk.seen += 1;
        }
        walk
    }

    /// The command that the next word belongs to.
    pub(crate) fn here(&self) -> &'t clap::Command {
        self.path.last().copied().unwrap_or(self.root)
    }

    /// The names of the commands walked into.
    pub(crate) fn names(&self) -> Vec<String> {
        self.path.iter().map(|command| command.get_name().to_owned()).collect()
    }

    /// The words for clap: flags of the root first, since a flag before an action would hide the action
    /// (`args_conflicts_with_subcommands`); commands by their declared names.
    pub(crate) fn args(&self) -> Vec<String> {
        self.front.iter().chain(&self.rest).cloned().collect()
    }

    /// The positional argument that the next word would fill.
    pub(crate) fn positional(&self) -> Option<&'t Arg> {
        let mut positionals = self.here().get_positionals();
        let last = self.here().get_positionals().last();
        positionals.nth(self.taken).or(last.filter(|arg| many(arg)))
    }

    /// Says whether the next word may be the name of a command.
    pub(crate) fn takes_command(&self) -> bool {
        !(self.ended || self.taken > 0 && self.here().is_args_conflicts_with_subcommands_set())
    }

    /// Finds a flag by its long name, of the innermost command or of the whole line.
    pub(crate) fn long(&self, name: &str) -> Option<(&'t Arg, bool)> {
        let named = |arg: &&Arg| {
            arg.get_long() == Some(name) || arg.get_all_aliases().is_some_and(|names| names.contains(&name))
        };
        let own = self.path.last().and_then(|command| command.get_arguments().find(named));
        own.map(|arg| (arg, false)).or_else(|| self.root.get_arguments().find(named).map(|arg| (arg, true)))
    }

    fn step(&mut self, word: &str) {
        if self.awaits.take().is_some() {
            self.push(word, self.awaits_in_front);
        } else if self.ended {
            self.fill(word);
        } else if word == "--" {
            self.ended = true;
            self.push(word, false);
        } else if let Some(flag) = word.strip_prefix("--") {
            self.step_long(flag, word);
        } else if is_flag(word) {
            self.step_short(word);
        } else {
            self.step_word(word);
        }
    }

    fn step_long(&mut self, flag: &str, word: &str) {
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        let Some((arg, front)) = self.long(name) else {
            match (name, self.side) {
                ("help", _) => self.help = true,
                ("version", Side::Shell) => self.version = true,
                _ => {
                    self.odd_flag.get_or_insert(self.seen);
                    self.push(word, false);
                }
            }
            return;
        };
        self.push(word, front);
        self.flags.push(arg);
        if value.is_none() && wants_value(arg) {
            self.awaits = Some(arg);
            self.awaits_in_front = front;
        }
    }

    /// A cluster such as `-qv` or `-pTEXT`.
    fn step_short(&mut self, word: &str) {
        for (at, letter) in word.char_indices().skip(1) {
            let found = self.root.get_arguments().find(|arg| arg.get_short() == Some(letter));
            match (letter, self.side) {
                _ if found.is_some() => {}
                ('h', _) => {
                    self.help = true;
                    return;
                }
                ('V', Side::Shell) => {
                    self.version = true;
                    return;
                }
                _ => {
                    self.odd_flag.get_or_insert(self.seen);
                    self.push(word, false);
                    return;
                }
            }
            self.flags.extend(found);
            if let Some(arg) = found.filter(|arg| wants_value(arg)) {
                if at + letter.len_utf8() == word.len() {
                    self.awaits = Some(arg);
                    self.awaits_in_front = true;
                }
                break;
            }
        }
        self.push(word, true);
    }

    fn step_word(&mut self, word: &str) {
        match self.here().get_subcommands().find(|command| called(command, word)) {
            Some(command) if self.takes_command() => {
                self.push(command.get_name(), false);
                self.path.push(command);
                self.taken = 0;
            }
            _ => self.fill(word),
        }
    }

    fn fill(&mut self, word: &str) {
        self.push(word, false);
        match self.positional() {
            Some(arg) => {
                self.values.push((arg, word.to_owned()));
                self.taken += 1;
            }
            None => {
                self.stray.get_or_insert(self.seen);
            }
        }
    }

    fn push(&mut self, word: &str, front: bool) {
        if front { &mut self.front } else { &mut self.rest }.push(word.to_owned());
    }
}

/// Says whether a word is a flag: `-` alone is a value, and so is a negative number.
pub(crate) fn is_flag(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Says whether a command is called so, in any case.
pub(crate) fn called(command: &clap::Command, word: &str) -> bool {
    let mut names = std::iter::once(command.get_name()).chain(command.get_all_aliases());
    names.any(|name| name.eq_ignore_ascii_case(word))
}

/// Says whether a positional argument takes several words.
pub(crate) fn many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// Says whether a flag takes the next word as its value.
fn wants_value(arg: &Arg) -> bool {
    arg.get_action().takes_values() && !arg.is_require_equals_set()
}
