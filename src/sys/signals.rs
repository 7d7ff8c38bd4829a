//! Signals: Ctrl-C cancels what runs; SIGTERM and SIGHUP end the process with the terminal as it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// What the signals of this process have said.
#[derive(Debug, Default)]
pub struct Signals {
    busy: AtomicUsize,
    interrupts: watch::Sender<u64>,
    /// Work that must not be cut: a refresh that was sent.
    pending: AtomicUsize,
    raw: AtomicBool,
}

/// While it lives, SIGINT cancels the work at hand and does not end the process.
#[derive(Debug)]
pub struct Busy {
    signals: Arc<Signals>,
    interrupts: watch::Receiver<u64>,
}

impl Busy {
    /// Ends when SIGINT has come since this work began.
    pub async fn interrupted(&mut self) {
        if self.interrupts.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
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
        Busy { signals: self.clone(), interrupts: self.interrupts.subscribe() }
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
    fn leave_soon(self: Arc<Self>, status: i32) {
        std::thread::spawn(move || self.leave(status));
    }

    /// Puts the terminal back and ends the process.
    pub fn leave(&self, status: i32) -> ! {
        self.wait_for_uncut();
        self.restore_terminal();
        std::process::exit(status)
    }

    /// Puts the terminal back to how it was found, if the line editor holds it.
    pub fn restore_terminal(&self) {
        if self.raw.swap(false, Ordering::SeqCst) {
            let _ = crossterm::terminal::disable_raw_mode();
            let _ = crossterm::execute!(
                std::io::stdout(),
                crossterm::event::DisableBracketedPaste,
                crossterm::cursor::Show,
                crossterm::style::Print("\r\n")
            );
        }
    }

    /// Attends to the signals from now on.
    #[cfg(unix)]
    pub async fn attend(self: Arc<Self>) {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut int), Ok(mut term), Ok(mut hup)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        else {
            return;
        };
        loop {
            tokio::select! {
                _ = int.recv() => if self.busy.load(Ordering::SeqCst) > 0 {
                    self.interrupts.send_modify(|n| *n += 1);
                } else {
                    self.clone().leave_soon(130)
                },
                _ = term.recv() => self.clone().leave_soon(143),
                _ = hup.recv() => self.clone().leave_soon(129),
            }
        }
    }

    /// Attends to the signals from now on.
    #[cfg(not(unix))]
    pub async fn attend(self: Arc<Self>) {
        while tokio::signal::ctrl_c().await.is_ok() {
            if self.busy.load(Ordering::SeqCst) > 0 {
                self.interrupts.send_modify(|n| *n += 1)
            } else {
                self.leave(130)
            }
        }
    }
}
