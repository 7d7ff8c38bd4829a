//! What the tests stand on: a home of its own for every test, a terminal, browsers, and a search for canary secrets.
//!
//! Both test binaries and the process benchmark include this folder. Everything here drives real programs from
//! outside; nothing reaches into the crate. Every wait has a deadline and ends as soon as what it waits for is there.

#![allow(dead_code, reason = "each binary that includes this folder uses a part of it")]

pub mod browser;
pub mod canary;
pub mod children;
pub mod chromium;
pub mod done;
pub mod folder;
pub mod home;
pub mod http;
pub mod pty;
pub mod secret_service;
pub mod standin;
pub mod terminal;
pub mod typable;
pub mod webdriver;

use std::path::Path;
use std::time::{Duration, Instant};

#[allow(unused_imports, reason = "as above")]
pub use {
    browser::Browser, chromium::ChromiumOpener, done::Done, done::Ended, home::Home, pty::Pty, standin::StandIn,
    webdriver::WebDriver,
};

/// How long a test waits for something that should happen at once; generous, because a loaded machine is slow.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// Looks again and again until `look` finds something; panics with `what` at the deadline.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {DEADLINE:?} for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes an executable script.
///
/// A child writes it: had this process the file open for writing while another test's thread forks, starting the
/// script would fail with ETXTBSY.
pub fn write_script(path: &Path, text: &str) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut install = Command::new("install")
        .args(["-m", "755", "/dev/stdin"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("install starts");
    install.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("the script is written");
    assert!(install.wait().expect("install ends").success(), "install {}", path.display());
}

/// Sends a signal (`TERM`, `INT`, `HUP`, …) to one process.
pub fn signal(pid: u32, name: &str) {
    let kill = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
    assert!(kill.expect("sh starts").success(), "kill -{name} {pid}");
}
