//! Where things lie and what a person chose: folders, `settings.json`, profiles.
//!
//! May read and write those files; may not print or decide what a setting means.

pub mod declared;
mod dirs;
mod lock;
mod members;
mod misfit;
mod profile;
mod profile_file;
mod profiles;
mod settings;

pub use dirs::Dirs;
pub use lock::{ConfigLock, guard, sweep};
pub use members::{find as member, unset};
pub use profile::{Balancer, Profile, Saved, accounts_of_profiles, profile_names};
pub use profiles::Profiles;
pub use settings::{Origin, Settings};
