//! Decides about logins: what a pasted answer means, whether a browser opens, which credential wins, which account
//! comes next, what a provider's refusal says. Touches nothing: values in, values out, the time is a number.

pub mod failover;
pub mod no_browser;
pub mod paste;
pub mod precedence;
pub mod signals;
