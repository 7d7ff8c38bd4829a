//! Where secrets rest: the OS keyring, or sealed files where there is none, and the plain index of accounts.
//!
//! May touch the disk below the data folder and the keyring; may not print, ask, or know what a token is.

mod index;

pub use index::{Counts, Entry, Home, Index, KeyEntry, Limit, StoreSeen, Window};
