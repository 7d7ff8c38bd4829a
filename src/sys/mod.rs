//! The only code that touches clock, browser, terminal, loopback listener, environment and disk.

pub mod files;
mod folders;
pub mod lock;
mod refusal;
