//! Starts a browser: without a shell, without our key variables, and without waiting for it.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use url::Url;

use crate::providers::is_loopback;

/// What starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// What the system opens links with.
    System,
    /// Programs with their arguments, the URL already in its place; the first that starts.
    Programs(Vec<(String, Vec<String>)>),
}

/// Starts the browser in the background. `trouble` gets a sentence if none could be started or the one that was
/// ends at once with an error; an opener that hangs or lies is never waited for.
pub fn open(start: &Start, url: &Url, hidden_env: &[String], trouble: impl FnOnce(String) + Send + 'static) {
    // Nothing but https and loopback http is ever handed to an opener, whoever asked for it.
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url)) {
        return trouble(format!("{} is not a web address that may be opened", url.scheme()));
    }
    let candidates = match start {
        Start::System => system(url),
        Start::Programs(programs) => programs
            .iter()
            .map(|(program, arguments)| {
                let mut command = Command::new(program);
                command.args(arguments);
                command
            })
            .collect(),
    };
    let hidden = hidden_env.to_vec();
    std::thread::spawn(move || {
        if let Err(words) = first_that_starts(candidates, &hidden) {
            trouble(words);
        }
    });
}

/// What the system opens links with. On WSL `wslview` comes first, where it is installed: it finds the browser that the
/// person chose in Windows.
fn system(url: &Url) -> Vec<Command> {
    let mut commands = open::commands(url.as_str());
    if is_wsl() {
        let mut wslview = Command::new("wslview");
        wslview.arg(url.as_str());
        commands.insert(0, wslview);
    }
    commands
}

/// Tells whether the kernel is that of the Windows Subsystem for Linux, 1 or 2: its version names Microsoft.
pub fn is_wsl() -> bool {
    cfg!(target_os = "linux")
        && std::fs::read_to_string("/proc/version").is_ok_and(|version| version.to_lowercase().contains("microsoft"))
}

fn first_that_starts(candidates: Vec<Command>, hidden_env: &[String]) -> Result<(), String> {
    let mut last = "no command to open links was found".to_owned();
    for mut command in candidates {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for name in hidden_env {
            command.env_remove(name);
        }
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt as _;
            // Ctrl-C at our prompt must not reach the browser.
            command.process_group(0);
        }
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(e) => {
                last = format!("{name} could not be started: {e}");
                continue;
            }
        };
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let _ = tell.send(child.wait());
        });
        match told.recv_timeout(Duration::from_secs(3)) {
            Ok(Ok(status)) if !status.success() => last = format!("{name} ended with an error"),
            _ => return Ok(()),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_web_addresses_reaches_an_opener() {
        for bad in ["file:///etc/passwd", "javascript:alert(1)", "http://example.com/", "ftp://example.com"] {
            let (tell, told) = mpsc::channel();
            let touch = Start::Programs(vec![("/nowhere/must-not-start".into(), vec![bad.into()])]);
            open(&touch, &Url::parse(bad).unwrap(), &[], move |words| tell.send(words).unwrap());
            assert!(told.recv().unwrap().contains("not a web address"), "{bad}");
        }
    }
}
