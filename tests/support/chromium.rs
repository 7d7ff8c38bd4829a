//! A real Chromium for `$BROWSER`: the program under test starts it, the test takes hold of it and clicks.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::browser::{calls, noting};
use super::folder::Folder;
use super::{Home, WebDriver, until, write_script};

/// How Chromium is started: without a window, without talking to anything but loopback.
///
/// `--no-sandbox` because test machines run it as root; every name but `localhost` resolves to nothing.
pub const FLAGS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--password-store=basic",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE [::1]",
];

/// Returns the program: `chromium` as Debian names it, or the one that `$CHROMIUM` names.
pub fn program() -> PathBuf {
    std::env::var_os("CHROMIUM").map_or_else(
        || {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let found = std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|p| p.exists());
            found.expect("chromium on the path (Debian: chromium)")
        },
        PathBuf::from,
    )
}

/// A script for `$BROWSER` that starts Chromium on the address it is given.
pub struct ChromiumOpener {
    folder: PathBuf,
    command: String,
    _folder: Arc<Folder>,
}

impl ChromiumOpener {
    /// Writes the script into the home; nothing is started yet.
    pub fn new(home: &Home) -> Self {
        let folder = home.path("chromium");
        std::fs::create_dir_all(&folder).expect("a folder");
        let script = folder.join("browser");
        let flags: String = FLAGS.iter().map(|flag| format!(" '{flag}'")).collect();
        // A profile for each start, or a second one would only hand its address to the first.
        let start = format!(
            "HOME=\"$PWD\"\nexport HOME\nexec '{}'{flags} --remote-debugging-port=0 \\\n  \
             --user-data-dir=\"$PWD/profile.$$\" \"$1\" > \"log.$$\" 2>&1\n",
            program().display()
        );
        write_script(&script, &noting(&start));
        Self { folder, command: script.display().to_string(), _folder: home.claim() }
    }

    /// Returns the value for `$BROWSER`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the addresses it was given so far, oldest first.
    pub fn opened(&self) -> Vec<String> {
        calls(&self.folder).into_iter().map(|(_, address)| address).collect()
    }

    /// Waits until the program has started a browser for the `nth` time (from 0), and takes hold of that one.
    #[track_caller]
    pub fn attach(&self, nth: usize) -> WebDriver {
        let (pid, _) = until("the program to start the browser", || calls(&self.folder).into_iter().nth(nth));
        let note = self.folder.join(format!("profile.{pid}/DevToolsActivePort"));
        let port = until("Chromium to open its debugging port", || {
            let text = std::fs::read_to_string(&note).ok()?;
            text.lines().next()?.parse().ok()
        });
        WebDriver::attach(&self.folder, port)
    }
}

impl Drop for ChromiumOpener {
    fn drop(&mut self) {
        for (pid, _) in calls(&self.folder) {
            if std::thread::panicking() {
                // A second panic would end the whole test run.
                if runs(pid, &self.folder) {
                    super::signal(pid, "KILL");
                }
            } else if runs(pid, &self.folder) {
                super::signal(pid, "TERM");
                until("Chromium to end", || (!runs(pid, &self.folder)).then_some(()));
            }
        }
    }
}

/// Returns whether the process is still the browser that was started from this folder.
fn runs(pid: u32, folder: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).contains(&*folder.to_string_lossy())
}
