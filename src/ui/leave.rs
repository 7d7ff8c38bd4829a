//! The end of a process whose output nobody takes any more.

use std::sync::OnceLock;

static WAY: OnceLock<Box<dyn Fn(i32) + Send + Sync>> = OnceLock::new();

/// Says how the process is left when its output cannot be written: what must not be cut is waited for first. The first
/// call counts.
pub fn leave_by(way: impl Fn(i32) + Send + Sync + 'static) {
    let _ = WAY.set(Box::new(way));
}

/// Ends the process.
pub(super) fn leave(status: i32) -> ! {
    if let Some(way) = WAY.get() {
        way(status);
    }
    std::process::exit(status)
}
