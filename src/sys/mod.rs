//! The only code that touches clock, browser, loopback listener, signals, terminal and disk.
//!
//! May not decide: whatever could be decided elsewhere comes in as a value.

pub mod browser;
pub mod clock;
pub mod fault;
pub mod files;
mod folders;
pub mod listener;
pub mod lock;
pub mod log;
mod refusal;
mod room;
pub mod signals;
pub mod terminal;
