//! Pretend browsers: small programs for `$BROWSER` that note what they were given and behave in one way.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::Folder;
use super::{Home, until, write_script};

/// A pretend browser in a folder of its own below the home.
///
/// It keeps the address and its environment in files there, so that [`Home::assert_clean`] sees both.
pub struct Browser {
    folder: PathBuf,
    command: String,
    forbidden: bool,
    taken: Cell<usize>,
    _folder: Arc<Folder>,
}

/// Notes the arguments and the environment; the rename makes a call visible as a whole or not at all.
const NOTE: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 70
env > "environment.$$"
{ echo "$#"; printf '%s\n' "$@"; } > "call.$$.part"
mv "call.$$.part" "call.$$"
"#;

/// Stays until the test's folder is gone, as a browser in the foreground does; it ends by itself.
const STAY: &str = "while [ -e \"call.$$\" ]; do sleep 0.05; done\n";

/// Fills in the login page and follows the redirect, cookies and all, as a person with a browser would.
const ANSWER: &str = r#"curl --noproxy '*' --silent --show-error --location --max-time 20 \
  --cookie "jar.$$" --cookie-jar "jar.$$" --output "part.$$" \
  --data-urlencode "account=$ACCOUNT" --data-urlencode "decision=$DECISION" "$1" 2> "trouble.$$" \
  && mv "part.$$" "page.$$" || mv "trouble.$$" "failed.$$"
"#;

impl Browser {
    /// One that opens nothing and ends well.
    pub fn idle(home: &Home) -> Self {
        Self::new(home, "idle", "")
    }

    /// One that ends with status 1.
    pub fn failing(home: &Home) -> Self {
        Self::new(home, "failing", "echo 'cannot open display' >&2\nexit 1\n")
    }

    /// One that never ends while the test runs.
    pub fn hanging(home: &Home) -> Self {
        Self::new(home, "hanging", STAY)
    }

    /// One in which a person picks this account on the sandbox's page and allows the login.
    pub fn approving(home: &Home, account: &str) -> Self {
        Self::answering(home, "approving", account, "allow")
    }

    /// One in which a person denies the login.
    pub fn denying(home: &Home) -> Self {
        Self::answering(home, "denying", "work@company.com", "deny")
    }

    /// One that must not be started: the test fails at the end if it was.
    pub fn zero(home: &Home) -> Self {
        let mut browser = Self::new(home, "zero", "");
        browser.forbidden = true;
        browser
    }

    fn answering(home: &Home, kind: &str, account: &str, decision: &str) -> Self {
        assert!(!account.contains('\''), "an account without quotes");
        Self::new(home, kind, &format!("ACCOUNT='{account}' DECISION={decision}\n{ANSWER}"))
    }

    fn new(home: &Home, kind: &str, behaviour: &str) -> Self {
        // Two of a kind in one home have their own folders.
        std::fs::create_dir_all(home.path("browser")).expect("a folder");
        let free = |folder: &PathBuf| std::fs::create_dir(folder).is_ok();
        let folder = (0..1000).map(|n| home.path(&format!("browser/{kind}{n}"))).find(free).expect("a name");
        let script = folder.join("browser");
        write_script(&script, &noting(behaviour));
        Self {
            folder,
            command: script.display().to_string(),
            forbidden: false,
            taken: Cell::new(0),
            _folder: home.claim(),
        }
    }

    /// Returns the value for `$BROWSER`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the addresses it was given so far, oldest first.
    #[track_caller]
    pub fn opened(&self) -> Vec<String> {
        calls(&self.folder).into_iter().map(|(_, address)| address).collect()
    }

    /// Waits until it is given the next address, and returns that.
    #[track_caller]
    pub fn next(&self) -> String {
        let address = until("the browser to be started", || self.opened().into_iter().nth(self.taken.get()));
        self.taken.set(self.taken.get() + 1);
        address
    }

    /// Waits for the page that the newest call ended on, and returns its text.
    #[track_caller]
    pub fn page(&self) -> String {
        let read = |name: &str, pid| std::fs::read_to_string(self.folder.join(format!("{name}.{pid}"))).ok();
        until("the browser's last page", || {
            let (pid, address) = calls(&self.folder).pop()?;
            if let Some(trouble) = read("failed", pid) {
                panic!("{address}: {trouble}");
            }
            read("page", pid)
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if self.forbidden && !std::thread::panicking() {
            let opened = self.opened();
            assert!(opened.is_empty(), "a browser was opened: {opened:?}");
        }
    }
}

/// Returns process id and address of every call noted in the folder, oldest first.
#[track_caller]
pub fn calls(folder: &Path) -> Vec<(u32, String)> {
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix("call.").and_then(|pid| pid.parse().ok()) else { continue };
        let time = entry.metadata().and_then(|meta| meta.modified()).expect("a time");
        let note = std::fs::read_to_string(entry.path()).expect("a note");
        let Some(address) = note.strip_prefix("1\n") else { panic!("not one argument, but {note}") };
        calls.push((time, pid, address.trim_end_matches('\n').to_owned()));
    }
    calls.sort();
    calls.into_iter().map(|(_, pid, address)| (pid, address)).collect()
}

/// The beginning of every script for `$BROWSER`, for those with a behaviour of their own.
pub fn noting(behaviour: &str) -> String {
    format!("{NOTE}{behaviour}")
}
