//! Decides about logins: what a pasted answer means, whether a browser opens, which credential wins, which account
//! comes next, what a provider's refusal says; and makes the few requests of OAuth itself.
//!
//! May not print, ask, store or read the clock: values in, values out, the time is a number.

mod attempt;
mod classes;
mod client;
mod device;
mod exchange;
pub mod failover;
mod identity;
pub mod no_browser;
mod origins;
pub mod paste;
pub mod precedence;
mod resource;
pub mod signals;
mod tokens;
mod wire;

pub use attempt::Attempt;
pub use classes::{Class, classify};
pub use client::Client;
pub use device::{Device, Pace, Polled};
pub use exchange::{exchange, refresh, revoke};
pub use identity::{Identity, Verdict, claim_headers, claims, verify};
pub use origins::{made_at, moved, origins};
pub use resource::{api_base, resource};
pub use tokens::{NotALogin, TokenAnswer, Tokens};
pub use wire::{Refusal, Trouble};
