//! Decides which account a request goes to and what follows its outcome (design 4.10).

mod state;

pub use self::state::State;
