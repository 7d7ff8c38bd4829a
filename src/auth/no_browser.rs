//! Decides whether a browser opens for a login or the link is shown for copying, and says why (design 4.12).

mod opener;

use std::collections::BTreeMap;

pub use self::opener::{Candidate, Opener};
use self::opener::{Named, browser_variable};

/// The kinds of systems that differ here. Other Unixes count as Linux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Linux and other Unixes with X11 or Wayland.
    Linux,
    /// macOS, where a browser needs no variable.
    MacOs,
    /// Windows, likewise.
    Windows,
}

/// What was said on the command line, of the program or of `login`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flag {
    /// `--nobrowser`
    NoBrowser,
    /// `--browser[=CMD]`; without a command: empty.
    Browser(String),
}

impl Flag {
    /// Reads the two flags of one place. `--nobrowser` wins: a link hurts less than an unwanted window.
    pub fn of(nobrowser: bool, browser: Option<&str>) -> Option<Self> {
        if nobrowser { Some(Self::NoBrowser) } else { browser.map(|command| Self::Browser(command.to_owned())) }
    }
}

/// The setting `auth.noBrowser`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its value.
    pub on: bool,
    /// Where it was set, as a person would say it: `settings.json`, `the profile claude-ha`.
    pub origin: String,
}

/// A snapshot of everything that the decision looks at.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The environment; a variable that is there may be empty.
    pub env: BTreeMap<String, String>,
    /// The system.
    pub system: System,
    /// The flags; those of `login` go before those of the program.
    pub flag: Option<Flag>,
    /// The setting, where it is set.
    pub setting: Option<Setting>,
    /// Somebody can type.
    pub stdin_terminal: bool,
    /// This process runs in a container.
    pub container: bool,
    /// This is WSL and Windows programs can be started.
    pub wsl_interop: bool,
}

/// How the person gets to the provider's page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A browser opens.
    Open {
        /// What opens it.
        with: Opener,
        /// What decided, in words.
        why: String,
    },
    /// The link is shown, and the answer is pasted.
    Manual {
        /// What decided, in words: `--nobrowser`, `CI is set`.
        why: String,
    },
}

impl Decision {
    /// Returns the line that says why no browser opened, or nothing where one does.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Open { .. } => None,
            Self::Manual { why } => Some(format!("No browser opened: {why}.")),
        }
    }
}

/// Who wants the login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A person typed `login`.
    Typed,
    /// A prompt of a session needs it.
    Lazy,
    /// A prompt given with `-p` needs it.
    OneShot,
}

/// Where the answer of a shown link is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasteFrom {
    /// The paste prompt.
    Prompt,
    /// Standard input, which is no terminal; the link goes to standard error.
    Stdin,
}

/// How a login begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// Opens a browser and awaits the callback.
    Browser {
        /// What opens it.
        with: Opener,
        /// What decided, in words.
        why: String,
        /// A paste prompt is open beside it.
        paste: bool,
    },
    /// Shows the link and reads the answer.
    Link {
        /// What decided, in words.
        why: String,
        /// Where the answer comes from.
        from: PasteFrom,
    },
    /// Does not begin: a person must log in, and this run cannot ask (status 4).
    CannotAsk {
        /// What is in the way, in words.
        why: String,
    },
}

/// Decides between a browser and a link. The first rule that speaks wins.
pub fn decide(around: &Surroundings) -> Decision {
    let value = |name: &str| around.env.get(name).map(String::as_str);
    let set = |name: &&str| value(name).is_some_and(|v| !v.is_empty());
    let named = value("BROWSER").map(|text| browser_variable(text, around.system));
    let manual = |why: String| Decision::Manual { why };
    let open = |why: &str| Decision::Open {
        with: match &named {
            Some(Named::Commands(commands)) => Opener::Commands(commands.clone()),
            _ => Opener::System,
        },
        why: why.to_owned(),
    };

    match &around.flag {
        Some(Flag::NoBrowser) => return manual("--nobrowser".to_owned()),
        Some(Flag::Browser(command)) => {
            return match Candidate::parse(command) {
                Some(command) => Decision::Open { with: Opener::Commands(vec![command]), why: "--browser".to_owned() },
                None => open("--browser"),
            };
        }
        None => {}
    }
    if let Some(Setting { on, origin }) = &around.setting {
        let why = format!("auth.noBrowser is {on} (set in {origin})");
        return if *on { manual(why) } else { open(&why) };
    }
    if set(&"NO_BROWSER") {
        return manual("NO_BROWSER is set".to_owned());
    }
    match &named {
        Some(Named::Nothing) => return manual("BROWSER is empty".to_owned()),
        Some(Named::NoWindow(name)) => return manual(format!("BROWSER is \"{name}\", which opens no window")),
        Some(Named::Commands(_)) => return open("BROWSER is set"),
        None => {}
    }
    if set(&"CI") {
        return manual("CI is set".to_owned());
    }
    if value("DEBIAN_FRONTEND") == Some("noninteractive") {
        return manual("DEBIAN_FRONTEND is noninteractive".to_owned());
    }
    if let Some(name) = ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"].iter().find(|name| set(name)) {
        return manual(format!("this is an SSH session ({name} is set)"));
    }
    if !["DISPLAY", "WAYLAND_DISPLAY", "MIR_SOCKET"].iter().any(set) {
        if around.container {
            return manual("this is a container without a display".to_owned());
        }
        if around.system == System::Linux && !around.wsl_interop {
            return manual("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)".to_owned());
        }
    }
    open("nothing speaks against it")
}

/// Decides how a login begins, or that it cannot because nobody could answer.
pub fn begin(around: &Surroundings, asked: Asked) -> Begin {
    if asked == Asked::OneShot {
        return Begin::CannotAsk { why: "a prompt given with -p never asks".to_owned() };
    }
    match (decide(around), around.stdin_terminal) {
        (Decision::Open { with, why }, true) => Begin::Browser { with, why, paste: true },
        (Decision::Manual { why }, true) => Begin::Link { why, from: PasteFrom::Prompt },
        (_, false) if asked == Asked::Lazy => Begin::CannotAsk { why: "input is not a terminal".to_owned() },
        (Decision::Open { with, why }, false) => Begin::Browser { with, why, paste: false },
        (Decision::Manual { why }, false) if around.flag == Some(Flag::NoBrowser) => {
            Begin::Link { why, from: PasteFrom::Stdin }
        }
        (Decision::Manual { why }, false) => {
            Begin::CannotAsk { why: format!("no browser opens ({why}) and input is not a terminal") }
        }
    }
}

#[cfg(test)]
mod tests;
