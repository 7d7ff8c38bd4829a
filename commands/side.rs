//! The two places where commands are typed.

/// A session or the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// After a slash.
    Session,
    /// After `llxprt`.
    Shell,
}

impl Side {
    /// What stands before the words of a command.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Session => "/",
            Self::Shell => "llxprt ",
        }
    }
}
