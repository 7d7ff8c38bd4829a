//! llxprt: sign in to AI providers from a terminal.

pub mod auth;
pub mod error;
pub mod sandbox;
pub mod secret;
pub mod vault;
