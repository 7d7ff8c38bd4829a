//! A program in a terminal: types keys, waits for text on the screen, and looks at what is left behind.

use std::io::{Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system};

use super::DEADLINE;
use super::folder::Folder;
use super::terminal::Terminal;

/// Keys that have no letter.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const TAB: &str = "\t";
    pub const ESCAPE: &str = "\x1b";
    pub const BACKSPACE: &str = "\x7f";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const RIGHT: &str = "\x1b[C";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_D: &str = "\x04";
    pub const CTRL_J: &str = "\n";
    pub const CTRL_R: &str = "\x12";
    pub const CTRL_U: &str = "\x15";
    pub const CTRL_Z: &str = "\x1a";
}

/// How long the last output of a program that has ended may still take to reach the screen.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// A program that runs in a terminal.
///
/// One thread reads what it writes and answers what it asks (an unanswered `ESC[6n` costs a line editor seconds),
/// one thread types, one waits for its end; a test only ever waits on the screen.
pub struct Pty {
    watched: Arc<Watched>,
    keys: Option<mpsc::Sender<Vec<u8>>>,
    pid: u32,
    before: String,
    mark: String,
    master: Option<Box<dyn MasterPty + Send>>,
    // Held so that the settings can still be read when the program has ended; let go to see the last of its output.
    slave: Option<Box<dyn SlavePty + Send>>,
    folder: Option<Arc<Folder>>,
}

struct Watched {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    terminal: Terminal,
    ended: Option<ExitStatus>,
    closed: bool,
    hang_up: bool,
}

impl Pty {
    /// Starts the program; the builder's environment is the child's.
    pub fn start(command: CommandBuilder, rows: u16, columns: u16) -> Self {
        let pair = native_pty_system().openpty(pty_size(rows, columns)).expect("a pseudo-terminal");
        let before = settings(&*pair.master);
        let mut child = pair.slave.spawn_command(command).expect("the program starts");
        let pid = child.process_id().expect("a process id");
        let state = State { terminal: Terminal::new(rows, columns), ended: None, closed: false, hang_up: false };
        let watched = Arc::new(Watched { state: Mutex::new(state), changed: Condvar::new() });

        let (keys, typed) = mpsc::channel::<Vec<u8>>();
        let mut writer = pair.master.take_writer().expect("the only writer");
        std::thread::spawn(move || {
            while let Ok(bytes) = typed.recv() {
                if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
                    break;
                }
            }
        });

        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let (shared, answers) = (watched.clone(), keys.clone());
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut state = shared.lock();
                if state.hang_up {
                    break;
                }
                let answer = state.terminal.process(&bytes[..count]);
                shared.changed.notify_all();
                drop(state);
                if !answer.is_empty() {
                    answers.send(answer).ok();
                }
            }
            // The descriptors go before the news, or a hang-up would be told before it is one.
            drop((reader, answers));
            shared.lock().closed = true;
            shared.changed.notify_all();
        });

        let shared = watched.clone();
        std::thread::spawn(move || {
            let status = child.wait().expect("a child of ours");
            shared.lock().ended = Some(status);
            shared.changed.notify_all();
        });
        let (master, slave) = (Some(pair.master), Some(pair.slave));
        Self { watched, keys: Some(keys), pid, before, mark: "›".to_owned(), master, slave, folder: None }
    }

    /// Keeps the folder that the program works in until this value is gone.
    pub fn hold(&mut self, folder: Arc<Folder>) {
        self.folder = Some(folder);
    }

    /// Says how a prompt ends; `›`, as in llxprt, unless told.
    #[must_use]
    pub fn prompt(mut self, mark: &str) -> Self {
        self.mark = mark.to_owned();
        self
    }

    /// Waits until the cursor stands behind an empty prompt.
    #[track_caller]
    pub fn wait_prompt(&self) {
        self.try_wait_prompt().unwrap_or_else(|why| panic!("{why}"));
    }

    /// As [`Self::wait_prompt`], for callers that can go on without.
    pub fn try_wait_prompt(&self) -> Result<(), String> {
        let what = format!("a prompt that ends in {:?}", self.mark);
        self.try_wait(&what, DEADLINE, |state| state.terminal.cursor_behind(&self.mark))
    }

    /// Types a line at the prompt and waits for the next prompt; returns the screen between the two.
    ///
    /// Not for a line that clears the screen or asks something: there, [`Self::type_line`] and a wait of its own.
    #[track_caller]
    pub fn ask(&self, line: &str) -> String {
        self.wait_prompt();
        let prompts = |text: &str| text.lines().filter(|row| row.contains(&self.mark)).count();
        let before = prompts(&self.transcript());
        self.type_line(line);
        self.wait(&format!("the prompt after {line:?}"), DEADLINE, |state| {
            prompts(&state.terminal.transcript()) > before && state.terminal.cursor_behind(&self.mark)
        });
        let transcript = self.transcript();
        let rows: Vec<&str> = transcript.lines().collect();
        let marked: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].contains(&self.mark)).collect();
        rows[marked[before - 1] + 1..marked[before]].join("\n")
    }

    /// Types a line and Enter. Wait for the prompt first: what is typed before it may be thrown away.
    pub fn type_line(&self, line: &str) {
        self.keys(&format!("{line}\r"));
    }

    /// Types keys as they are; for those without a letter see [`key`].
    pub fn keys(&self, keys: &str) {
        self.keys.as_ref().expect("not hung up").send(keys.as_bytes().to_vec()).expect("the terminal takes keys");
    }

    /// Pastes a text as a terminal does: bracketed where the program asked for that.
    pub fn paste(&self, text: &str) {
        let bracketed = self.watched.lock().terminal.takes_bracketed_paste();
        // Terminals send CR for the line ends of a paste.
        let text = text.replace('\n', "\r");
        self.keys(&if bracketed { format!("\x1b[200~{text}\x1b[201~") } else { text });
    }

    /// Waits until the text stands on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |screen| screen.contains(text));
    }

    /// Waits until the text is gone from the screen.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("{text:?} to go"), |screen| !screen.contains(text));
    }

    /// Waits until the text was shown at least so many times since the start, scrolled away or not.
    #[track_caller]
    pub fn wait_for_count(&self, text: &str, times: usize) {
        self.wait(&format!("{text:?} {times} times"), DEADLINE, |state| {
            state.terminal.transcript().matches(text).count() >= times
        });
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.wait_until_within(DEADLINE, what, wanted);
    }

    /// As [`Self::wait_until`], with another deadline.
    #[track_caller]
    pub fn wait_until_within(&self, limit: Duration, what: &str, wanted: impl Fn(&str) -> bool) {
        self.wait(what, limit, |state| wanted(&state.terminal.text()));
    }

    /// Returns the screen's text, rows trimmed, rows that the terminal broke put together.
    pub fn screen(&self) -> String {
        self.watched.lock().terminal.text()
    }

    /// Returns the rows of the screen as they stand.
    pub fn rows(&self) -> Vec<String> {
        self.watched.lock().terminal.rows()
    }

    /// Returns all text since the start.
    pub fn transcript(&self) -> String {
        self.watched.lock().terminal.transcript()
    }

    /// Returns every byte since the start.
    pub fn raw(&self) -> Vec<u8> {
        self.watched.lock().terminal.raw().to_vec()
    }

    /// Returns the targets of the OSC 8 links that were shown.
    pub fn links(&self) -> Vec<String> {
        self.watched.lock().terminal.links().to_vec()
    }

    /// Returns titles, clipboard writes, bells and the like that the program sent.
    pub fn effects(&self) -> Vec<String> {
        self.watched.lock().terminal.effects().to_vec()
    }

    /// Returns where the cursor is: row and column, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.watched.lock().terminal.cursor()
    }

    /// Returns a function that gives raw bytes and text since the start, also when this value is gone.
    pub fn everything(&self) -> impl Fn() -> Vec<u8> + Send + 'static {
        let watched = self.watched.clone();
        move || {
            let mut state = watched.lock();
            let text = state.terminal.transcript();
            [state.terminal.raw(), b"\n", text.as_bytes()].concat()
        }
    }

    /// Changes the size of the window; the program gets SIGWINCH.
    pub fn resize(&self, rows: u16, columns: u16) {
        self.watched.lock().terminal.resize(rows, columns);
        self.master.as_ref().expect("not hung up").resize(pty_size(rows, columns)).expect("a new size");
    }

    /// Returns the program's process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Runs a shell command with the terminal as its stdin, as a shell's own `stty` would be run.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let tty = self.master.as_ref().and_then(|master| master.tty_name()).expect("not hung up");
        let tty = std::fs::OpenOptions::new().read(true).write(true).open(tty).expect("the terminal");
        let done = std::process::Command::new("sh").args(["-c", script]).stdin(tty).output().expect("sh starts");
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Sends the program a signal: `TERM`, `INT`, `HUP`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) {
        super::signal(self.pid, name);
    }

    /// Closes the terminal's window: the program loses its terminal and gets SIGHUP.
    pub fn hang_up(&mut self) {
        let master = self.master.take().expect("not hung up before");
        let tty = master.tty_name().expect("a name");
        self.watched.lock().hang_up = true;
        // The library's writer types end-of-input when it goes, which would be a key press before the hang-up:
        // without an end-of-input character it does not. The NUL shows nothing and wakes the reading thread.
        let script = "stty eof undef < \"$1\" && printf '\\000' > \"$1\"";
        let woken = std::process::Command::new("sh").args(["-c", script, "sh"]).arg(tty).status();
        assert!(woken.expect("sh starts").success(), "stty");
        self.keys = None;
        self.slave = None;
        drop(master);
        self.wait("the terminal to close", DEADLINE, |state| state.closed);
    }

    /// Waits for the program's end and for the last of its output; returns how it ended.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        self.wait_end_within(DEADLINE)
    }

    /// As [`Self::wait_end`], with another deadline.
    #[track_caller]
    pub fn wait_end_within(&mut self, limit: Duration) -> ExitStatus {
        self.wait("the program to end", limit, |state| state.ended.is_some());
        self.slave = None;
        // A browser that the program started may hold the terminal: its end is not waited for.
        self.watched.wait(Duration::from_millis(500), |state| state.closed);
        self.watched.lock().ended.clone().expect("it has ended")
    }

    /// Waits for the program's end; returns its exit status, or panics where a signal ended it.
    #[track_caller]
    pub fn exit_status(&mut self) -> u32 {
        let status = self.wait_end();
        assert_eq!(status.signal(), None, "ended by a signal\n{}", self.screen());
        status.exit_code()
    }

    /// Empties the line of a prompt, also one whose text is still on its way back to it.
    #[track_caller]
    pub fn clear_line(&self) {
        crate::support::until("an empty prompt", || {
            self.keys(key::CTRL_U);
            std::thread::sleep(Duration::from_millis(50));
            self.screen().lines().last().is_some_and(|row| row.trim_end().ends_with(['›', '>'])).then_some(())
        });
    }

    /// Returns whether the program has ended.
    pub fn has_ended(&self) -> bool {
        self.watched.lock().ended.is_some()
    }

    /// Returns how the terminal differs from what it was before the program started; empty: not at all.
    pub fn changes_left(&self) -> Vec<String> {
        let mut changes: Vec<String> =
            self.watched.lock().terminal.modes_left_on().into_iter().map(str::to_owned).collect();
        let after = settings(self.master.as_deref().expect("not hung up"));
        if after != self.before {
            changes.push(format!("settings: {after} instead of {}", self.before));
        }
        changes
    }

    /// Asserts that the terminal is as it was before the program started (security 6.3).
    #[track_caller]
    pub fn assert_restored(&self) {
        let changes = self.changes_left();
        assert!(changes.is_empty(), "the terminal is left with {}", changes.join(", "));
    }

    #[track_caller]
    fn wait(&self, what: &str, limit: Duration, wanted: impl Fn(&mut State) -> bool) {
        self.try_wait(what, limit, wanted).unwrap_or_else(|why| panic!("{why}"));
    }

    fn try_wait(&self, what: &str, limit: Duration, wanted: impl Fn(&mut State) -> bool) -> Result<(), String> {
        if self.watched.wait(limit, wanted) {
            return Ok(());
        }
        let state = self.watched.lock();
        let ended = state.ended.as_ref().map_or_else(|| "the program runs".to_owned(), |end| end.to_string());
        Err(format!("waited for {what}; {ended}; the screen is\n{}", state.terminal.text()))
    }
}

impl Watched {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panics while it looks at the state must not take the others (and the clean-up) with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the state is as wanted; false at the deadline, or when nothing more can come because the program
    /// has ended. Each change of the state is looked at once.
    fn wait(&self, limit: Duration, wanted: impl Fn(&mut State) -> bool) -> bool {
        let mut end = Instant::now() + limit;
        let mut last = None;
        let mut state = self.lock();
        loop {
            if wanted(&mut state) {
                return true;
            }
            if state.ended.is_some() {
                end = end.min(*last.get_or_insert_with(|| Instant::now() + LAST_OUTPUT));
            }
            let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if !self.has_ended() {
            // Not the library's kill, which sends SIGHUP: that is for the program to handle, and it may take its time.
            std::process::Command::new("sh").args(["-c", &format!("kill -KILL {}", self.pid)]).status().ok();
            self.watched.wait(Duration::from_secs(5), |state| state.ended.is_some());
        }
    }
}

/// Returns the settings of the terminal line (termios), to be compared.
fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", master.get_termios().expect("a terminal has settings"))
}

fn pty_size(rows: u16, columns: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}
