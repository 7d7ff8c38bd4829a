//! Where things lie and what a person chose: folders, `settings.json`, profiles.
//!
//! May read and write those files; may not print or decide what a setting means.

mod dirs;

pub use dirs::Dirs;
