//! Signals: Ctrl-C cancels what runs; SIGTERM, SIGHUP, SIGQUIT and a panic end the process with the terminal as it was.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::terminal::{Echo, hung_up};

/// How many times SIGINT may come to work that does not attend to it before it ends the process.
const DEAF: u64 = 2;

/// What the signals of this process have said.
#[derive(Debug, Default)]
pub struct Signals {
    busy: AtomicUsize,
    interrupts: watch::Sender<u64>,
    /// How many of them were attended to.
    attended: AtomicU64,
    /// Work that must not be cut: a refresh that was sent.
    pending: AtomicUsize,
    raw: AtomicBool,
    echo: Echo,
    /// Folders that nobody needs when the process has ended.
    passing: Mutex<Vec<PathBuf>>,
}

/// While it lives, what is typed on the terminal is not shown; dropped, the terminal is as it was.
#[derive(Debug)]
pub struct Unseen {
    signals: Arc<Signals>,
    forget: bool,
}

impl Unseen {
    /// Throws away what was typed and not read: it was meant for a question that is over.
    pub fn forget_the_rest(&mut self) {
        self.forget = true;
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        self.signals.echo.on(self.forget);
    }
}

/// While it lives, SIGINT cancels the work at hand and does not end the process.
#[derive(Debug)]
pub struct Busy {
    signals: Arc<Signals>,
    interrupts: watch::Receiver<u64>,
}

impl Busy {
    /// Ends when SIGINT has come since this work began, or before it and nothing else attended to it.
    pub async fn interrupted(&mut self) {
        if self.interrupts.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.attend();
    }

    /// Tells whether SIGINT has come, as [`Busy::interrupted`] does.
    pub fn was_interrupted(&self) -> bool {
        let came = self.interrupts.has_changed().unwrap_or(false);
        if came {
            self.attend();
        }
        came
    }

    fn attend(&self) {
        self.signals.attended.store(*self.interrupts.borrow(), Ordering::SeqCst);
    }
}

/// While it lives, leaving waits up to five seconds for it.
#[derive(Debug)]
pub struct Uncut(Arc<Signals>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.signals.busy.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Uncut {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Signals {
    /// Marks that work goes on which SIGINT cancels.
    pub fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        let mut interrupts = self.interrupts.subscribe();
        if *interrupts.borrow_and_update() > self.attended.load(Ordering::SeqCst) {
            interrupts.mark_changed();
        }
        Busy { signals: self.clone(), interrupts }
    }

    /// Marks that a line of a session is obeyed: a SIGINT between two pieces of its work cancels the next one and does
    /// not end the session. One that came before the line is not meant for it.
    pub fn line(self: &Arc<Self>) -> Busy {
        self.attended.store(*self.interrupts.borrow(), Ordering::SeqCst);
        self.busy()
    }

    /// Marks work that must come to its end.
    pub fn uncut(self: &Arc<Self>) -> Uncut {
        self.pending.fetch_add(1, Ordering::SeqCst);
        Uncut(self.clone())
    }

    /// Tells that the line editor holds the terminal.
    pub fn set_raw(&self, raw: bool) {
        self.raw.store(raw, Ordering::SeqCst);
    }

    /// Hides what is typed from now on while no line editor holds the terminal; nothing where that cannot be done.
    pub fn hide_typing(self: &Arc<Self>) -> Option<Unseen> {
        self.echo.off().then(|| Unseen { signals: self.clone(), forget: false })
    }

    /// Ends the process if the terminal that was read from is gone, as SIGHUP does that comes a moment later.
    pub fn leave_if_hung_up(&self, reading: Option<&std::io::Error>) {
        if hung_up(reading) {
            self.leave(129);
        }
    }

    /// Waits for work that must not be cut, up to five seconds.
    pub fn wait_for_uncut(&self) {
        for _ in 0..500 {
            if self.pending.load(Ordering::SeqCst) == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Leaves from a thread of its own: the work that is waited for may be next on the very thread that asks.
    pub fn leave_soon(self: Arc<Self>, status: i32) {
        std::thread::spawn(move || self.leave(status));
    }

    /// Removes a folder when the process is left from here; who ends otherwise removes it himself.
    pub fn remove_at_end(&self, folder: &Path) {
        self.passing.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
    }

    /// Puts the terminal back and ends the process.
    pub fn leave(&self, status: i32) -> ! {
        self.wait_for_uncut();
        self.restore_terminal();
        // Held to the end: nobody else leaves in the middle of this.
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        for folder in passing.iter() {
            let _ = std::fs::remove_dir_all(folder);
        }
        std::process::exit(status)
    }

    /// Puts the terminal back to how it was found, if the line editor holds it or a question hides what is typed.
    pub fn restore_terminal(&self) {
        let raw = self.raw.swap(false, Ordering::SeqCst);
        if raw {
            let _ = crossterm::terminal::disable_raw_mode();
            let _ = crossterm::execute!(
                std::io::stdout(),
                crossterm::event::DisableBracketedPaste,
                crossterm::cursor::Show,
                crossterm::style::Print("\r\n")
            );
        }
        // After the line editor, which leaves the terminal as it found it: without echo, in the middle of a login.
        if self.echo.restore() && !raw {
            use std::io::Write as _;
            // The question's line was not ended by a key.
            let _ = std::io::stderr().write_all(b"\n");
        }
    }

    /// Takes the terminal again after a stop: a shell may have set it to its own liking meanwhile.
    #[cfg(unix)]
    fn go_on(&self) {
        self.echo.again();
        if self.raw.load(Ordering::SeqCst) {
            let _ = crossterm::terminal::disable_raw_mode().and_then(|()| crossterm::terminal::enable_raw_mode());
            let _ = crossterm::execute!(std::io::stdout(), crossterm::event::EnableBracketedPaste);
        }
    }

    /// Takes a SIGINT. Returns whether it ends the process: nothing is at work, or what is does not listen.
    fn interrupt(&self) -> bool {
        if self.busy.load(Ordering::SeqCst) == 0 {
            return true;
        }
        self.interrupts.send_modify(|n| *n += 1);
        *self.interrupts.borrow() - self.attended.load(Ordering::SeqCst) > DEAF
    }

    /// Attends to the signals from the call on, in the work that is returned. Called within a runtime.
    #[cfg(unix)]
    pub fn attend(self: Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        use rustix::process::Signal;
        use tokio::signal::unix::{SignalKind, signal};
        // Now and not when that work has its first turn: a signal in between would end the process as it ends any.
        let of = |which: Signal| signal(SignalKind::from_raw(which.as_raw()));
        let all = (of(Signal::INT), of(Signal::TERM), of(Signal::HUP), of(Signal::QUIT), of(Signal::CONT));
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stdin());
        async move {
            let (Ok(mut int), Ok(mut term), Ok(mut hup), Ok(mut quit), Ok(mut cont)) = all else { return };
            // A line editor does not see that its terminal is gone, and the signal comes only to those whose
            // controlling terminal it was.
            let mut look = tokio::time::interval(Duration::from_secs(1));
            look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = int.recv() => if self.interrupt() {
                        self.clone().leave_soon(130)
                    },
                    _ = term.recv() => self.clone().leave_soon(143),
                    _ = hup.recv() => self.clone().leave_soon(129),
                    // Ctrl-\ where no line editor holds the terminal.
                    _ = quit.recv() => self.clone().leave_soon(131),
                    _ = cont.recv() => self.go_on(),
                    _ = look.tick(), if terminal => if hung_up(None) {
                        self.clone().leave_soon(129)
                    },
                }
            }
        }
    }

    /// Attends to the signals, in the work that is returned.
    #[cfg(not(unix))]
    pub async fn attend(self: Arc<Self>) {
        while tokio::signal::ctrl_c().await.is_ok() {
            if self.interrupt() {
                self.leave(130)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_between_two_pieces_of_a_line_belongs_to_the_next_and_one_before_the_line_to_none() {
        let signals = Arc::new(Signals::default());
        assert!(signals.interrupt(), "nothing is at work");
        let line = signals.line();
        assert!(!signals.interrupt());
        assert!(signals.busy().was_interrupted());
        assert!(!signals.busy().was_interrupted(), "it was attended to");
        assert_eq!([signals.interrupt(), signals.interrupt(), signals.interrupt()], [false, false, true]);
        drop(line);
        let _line = signals.line();
        assert!(!signals.busy().was_interrupted());
    }
}
