//! What a person is told when something failed: what happened, why, what to type next, and a stable code.
//!
//! Beside all layers. A failure that code must act on is a variant of the layer that finds it; it becomes a
//! [`Failure`] where nothing but telling is left to do.

use std::fmt;

use llxprt_commands::Command;

/// The stable codes, each with its exit status (`docs/errors.md` lists them).
macro_rules! codes {
    ($($name:ident $text:literal $exit:literal $doc:literal)*) => {
        /// A stable code; scripts may compare its text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// Every code, for the reference page.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the code as it is shown: `E-…`.
            pub fn text(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// Returns the exit status of a process that ends with this failure.
            pub fn exit(self) -> u8 { match self { $(Self::$name => $exit,)* } }

            /// Returns one sentence about the code.
            pub fn about(self) -> &'static str { match self { $(Self::$name => $doc,)* } }
        }
    };
}

codes! {
    Usage "E-USAGE" 2 "The command, a flag or a value was not understood."
    Provider "E-PROVIDER" 2 "There is no provider of that name."
    Account "E-ACCOUNT" 2 "There is no account of that name at the provider."
    NoProvider "E-NO-PROVIDER" 4 "No provider is chosen and none has a credential."
    WhichProvider "E-WHICH-PROVIDER" 2 "Several providers have a credential and none is chosen."
    NeedLogin "E-NEED-LOGIN" 4 "A person must sign in first, and this run cannot ask."
    Denied "E-DENIED" 4 "The provider or the person refused the sign-in."
    Timeout "E-TIMEOUT" 4 "Nobody finished the sign-in in time."
    Cancelled "E-CANCELLED" 130 "Cancelled with Ctrl+C."
    Identity "E-IDENTITY" 4 "The identity that signed in is not the one asked for; nothing was stored."
    State "E-STATE" 4 "The answer belongs to another sign-in."
    Paste "E-PASTE" 4 "What was pasted is not an answer to this sign-in."
    PasteHalf "E-PASTE-HALF" 4 "Only half of the code was pasted."
    PasteLink "E-PASTE-LINK" 4 "The sign-in link was pasted, not the answer."
    PasteBig "E-PASTE-BIG" 4 "What was pasted is over 16 KiB."
    Port "E-PORT" 1 "No port that the provider allows is free."
    NoClient "E-NO-CLIENT" 4 "The provider needs an OAuth client of your own."
    Retired "E-RETIRED" 1 "The provider has ended this sign-in."
    NoFlow "E-NO-FLOW" 2 "The provider has no such way to sign in."
    KeyOnly "E-KEY-ONLY" 2 "The provider takes keys only."
    LoginFailed "E-LOGIN" 1 "The provider did not complete the sign-in."
    OtherHost "E-OTHER-HOST" 4 "The sign-in was made for another host than the manifest names now."
    Refused "E-REFUSED" 1 "The provider refused the request."
    Answer "E-ANSWER" 1 "The provider's answer could not be used."
    Stream "E-STREAM" 69 "The answer broke off; what came is kept."
    Offline "E-OFFLINE" 69 "The provider could not be reached."
    Tls "E-TLS" 69 "The connection was not trusted."
    Limit "E-LIMIT" 75 "Every account is at its limit."
    Vault "E-VAULT" 77 "A secret could not be read or kept."
    Damaged "E-DAMAGED" 78 "A file of ours that the command needs is damaged."
    Setting "E-SETTING" 2 "There is no such setting, or the value does not fit."
    Manifest "E-MANIFEST" 78 "A provider manifest is invalid."
    Profile "E-PROFILE" 2 "There is no such profile, or it cannot be used."
    Key "E-KEY" 2 "The named key, key file or saved key cannot be used."
    Secret "E-SECRET" 2 "A secret would have been shown on a terminal."
    File "E-FILE" 1 "A file could not be read or written."
    Busy "E-BUSY" 1 "Another process holds the account for too long."
    Internal "E-INTERNAL" 1 "A fault of this program."
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// A command of ours; shown with a slash in a session and after `llxprt` in the shell.
    Command(Command),
    /// The same with flags of the process in front, for the shell only.
    Shell(String),
    /// How a command is formed, with placeholders in it.
    Form(String),
    /// Words.
    Say(String),
}

/// A failure that somebody must read.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What happened and why; one or more sentences, outside text already cleaned.
    pub message: String,
    /// What to type next, most useful first.
    pub next: Vec<Next>,
}

/// The result of nearly everything a command does.
pub type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with nothing to type next.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next: Vec::new() }
    }

    /// Adds a command to type next.
    #[must_use]
    pub fn then(mut self, command: Command) -> Self {
        self.next.push(Next::Command(command));
        self
    }

    /// Adds what to do next.
    #[must_use]
    pub fn next(mut self, next: Next) -> Self {
        self.next.push(next);
        self
    }

    /// Adds words on what to do next.
    #[must_use]
    pub fn say(mut self, words: impl Into<String>) -> Self {
        self.next.push(Next::Say(words.into()));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code.text())
    }
}

impl std::error::Error for Failure {}
