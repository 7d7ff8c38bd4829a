//! A fault of this program (a panic): the terminal is put back, and what is told holds no secret.

use std::io::Write as _;
use std::sync::Arc;
use std::thread;

use super::log::Log;
use super::signals::Signals;

/// Exit status of a process that ends by a fault, as Rust has it.
const FAULT: i32 = 101;

/// Attends to panics from now on, until the process ends: place and message are shown, the message without
/// any secret that the log knows. A renewal that was sent comes to its end first. Called on the main thread.
///
/// A fault on another thread ends the process too: nobody can tell what it left half done, and the terminal may have
/// been in its hands.
pub fn install(signals: &Arc<Signals>, log: &Arc<Log>) {
    let (signals, log, main) = (signals.clone(), log.clone(), thread::current().id());
    std::panic::set_hook(Box::new(move |info| {
        signals.restore_terminal();
        let place = info.location().map_or(String::new(), |l| format!("{}:{}", l.file(), l.line()));
        let said = info.payload().downcast_ref::<&str>().map(|s| (*s).to_owned());
        let said = said.or_else(|| info.payload().downcast_ref::<String>().cloned()).unwrap_or_default();
        // Not `eprintln`: a closed stderr would make it panic once more.
        let _ = writeln!(std::io::stderr(), "llxprt: a fault of this program at {place}: {}", log.safe(&said));
        if thread::current().id() == main {
            signals.wait_for_uncut();
        } else {
            signals.clone().leave_soon(FAULT);
        }
    }));
}
