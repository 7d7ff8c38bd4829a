//! The terminal on stdin: its echo while something is typed that must not be seen, and whether it is still there.

#[cfg(unix)]
pub use unix::{Echo, hung_up};

#[cfg(unix)]
mod unix {
    use std::sync::{Mutex, PoisonError};

    use rustix::io::Errno;
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// Switches a control character off (POSIX `_POSIX_VDISABLE`).
    const NEVER: u8 = if cfg!(any(target_os = "linux", target_os = "android")) { 0 } else { 0xff };

    /// The echo of the terminal: who wants it off, and how the terminal was before the first of them.
    #[derive(Debug, Default)]
    pub struct Echo(Mutex<Option<(Termios, usize)>>);

    impl Echo {
        /// Switches it off once more; false where that cannot be done. Ctrl-Z is off with it: a shell that got the
        /// terminal in the middle would have to type blindly.
        pub fn off(&self) -> bool {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, wanted)) = &mut *state {
                *wanted += 1;
                return true;
            }
            let Ok(before) = tcgetattr(std::io::stdin()) else { return false };
            let done = hide(&before);
            *state = Some((before, 1));
            done
        }

        /// Takes one [`Self::off`] back; the last puts the terminal back to how it was. `forget` throws away then what
        /// was typed and not read.
        pub fn on(&self, forget: bool) {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((before, wanted)) = &mut *state else { return };
            *wanted -= 1;
            if *wanted == 0 {
                show(before, forget);
                *state = None;
            }
        }

        /// Takes all of them back. Returns whether there was any.
        pub fn restore(&self) -> bool {
            let state = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            state.inspect(|(before, _)| show(before, true)).is_some()
        }

        /// Switches it off again where it should be off: a shell may have set the terminal meanwhile.
        pub fn again(&self) {
            if let Some((before, _)) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
                hide(before);
            }
        }
    }

    fn show(before: &Termios, forget: bool) {
        let when = if forget { OptionalActions::Flush } else { OptionalActions::Now };
        // A terminal that is gone has no echo to switch on.
        let _ = tcsetattr(std::io::stdin(), when, before);
    }

    fn hide(before: &Termios) -> bool {
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // Enter is still seen, so that what is said next begins on a line of its own.
        hidden.local_modes.insert(LocalModes::ECHONL);
        hidden.special_codes[SpecialCodeIndex::VSUSP] = NEVER;
        tcsetattr(std::io::stdin(), OptionalActions::Now, &hidden).is_ok()
    }

    /// Tells whether the terminal on stdin was taken away: its window is closed, its line hung up.
    ///
    /// Reading shows it before SIGHUP comes: as an error, or as an end of input like Ctrl-D's; only a terminal that
    /// is still there tells its settings.
    pub fn hung_up(reading: Option<&std::io::Error>) -> bool {
        let io = |e: &std::io::Error| e.raw_os_error() == Some(Errno::IO.raw_os_error());
        reading.is_some_and(io) || tcgetattr(std::io::stdin()).is_err_and(|e| e == Errno::IO)
    }
}

#[cfg(not(unix))]
pub use elsewhere::{Echo, hung_up};

#[cfg(not(unix))]
mod elsewhere {
    /// The echo of the terminal, which only the line editor can switch off here.
    #[derive(Debug, Default)]
    pub struct Echo;

    impl Echo {
        /// Cannot be done here.
        pub fn off(&self) -> bool {
            false
        }

        /// Has nothing to do here.
        pub fn on(&self, _forget: bool) {}

        /// Has nothing to do here.
        pub fn restore(&self) -> bool {
            false
        }
    }

    /// A terminal that is gone ends the process by itself here.
    pub fn hung_up(_reading: Option<&std::io::Error>) -> bool {
        false
    }
}
