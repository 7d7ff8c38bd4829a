//! Providers as data: one manifest each, built in or in a file of the user's.
//!
//! May read manifest files once, at start; may not talk to a provider. Adding a provider needs no code.

mod manifest;
mod places;
mod registry;
mod wire;

pub use wire::{base_url, is_loopback};

pub use manifest::{
    Api, Dialect, Flow, Grants, IdentityFrom, Manifest, OAuth, PastedCode, Redirect, RequestForm, StateIn, Status,
    Switching, Verify,
};
pub use registry::{BadManifest, Registry};
