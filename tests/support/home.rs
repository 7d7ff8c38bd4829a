//! A home of its own for one test: folders, a cleared environment, and runs of the program in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use super::folder::Folder;
use super::{DEADLINE, Done, Pty, canary};

/// Something a person or a program could have read: a name for it, and how to get its bytes.
type Seen = (String, Box<dyn Fn() -> Vec<u8> + Send>);

/// A temporary folder with everything the program may touch, and the environment that points there.
///
/// `<root>/home` is `$HOME`, `<root>/work` the current folder; `<root>/{config,data,cache,log}` are made by the
/// program. All is gone when the value is dropped.
pub struct Home {
    root: Arc<Folder>,
    program: PathBuf,
    environment: BTreeMap<OsString, OsString>,
    flags: Vec<String>,
    names: Vec<(String, String)>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Home {
    /// An empty home for llxprt, without a keyring.
    pub fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_llxprt"))
    }

    /// An empty home for another program.
    pub fn of(program: impl Into<PathBuf>) -> Self {
        let root = Folder::new();
        let path = |name: &str| OsString::from(root.path().join(name));
        for folder in ["home", "work"] {
            std::fs::create_dir(root.path().join(folder)).expect("a folder");
        }
        let environment = BTreeMap::from([
            ("PATH".into(), std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into())),
            ("HOME".into(), path("home")),
            ("TERM".into(), "xterm-256color".into()),
            ("LANG".into(), "C.UTF-8".into()),
            // Times on the screen are local ones; a snapshot must not depend on where the machine stands.
            ("TZ".into(), "UTC".into()),
            ("LLXPRT_CONFIG_HOME".into(), path("config")),
            ("LLXPRT_DATA_HOME".into(), path("data")),
            ("LLXPRT_CACHE_HOME".into(), path("cache")),
            ("LLXPRT_LOG_HOME".into(), path("log")),
            ("LLXPRT_NO_KEYRING".into(), "1".into()),
        ]);
        let names = vec![(root.path().display().to_string(), "[root]".to_owned())];
        let (flags, seen) = (Vec::new(), Arc::default());
        Self { root: Arc::new(root), program: program.into(), environment, flags, names, seen }
    }

    /// Sets a variable for every run.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Takes a variable away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(&OsString::from(name));
        self
    }

    /// Puts a flag before the arguments of every run.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        self.flags.push(flag.into());
        self
    }

    /// Joins a running sandbox in every run; its URL is shown as `[sandbox]`, and the flag is left out of the command
    /// lines that are suggested (one test looks at those as they are).
    #[must_use]
    pub fn at(self, sandbox: &str) -> Self {
        let flag = format!("--sandbox={sandbox}");
        self.flag(&flag).name(sandbox, "[sandbox]").name(format!("llxprt {flag} "), "llxprt ")
    }

    /// Replaces a text that differs from run to run in everything that runs return.
    #[must_use]
    pub fn name(mut self, text: impl Into<String>, name: impl Into<String>) -> Self {
        self.names.insert(0, (text.into(), name.into()));
        self
    }

    /// Returns a path below the root: `config/settings.json`, `data/index.json`, `work/note.txt`.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Writes a file below the root, folders on the way included (0700, the file 0600, as the program would).
    pub fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
        let path = self.path(below);
        let folder = path.parent().expect("a folder");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).expect("folders");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path).expect("a file");
        file.write_all(text.as_ref()).expect("the file is written");
        path
    }

    /// Reads a file below the root.
    #[track_caller]
    pub fn read(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap_or_else(|e| panic!("{below}: {e}"))
    }

    /// Returns a claim on the folder: it stays as long as somebody has one.
    pub fn claim(&self) -> Arc<Folder> {
        self.root.clone()
    }

    /// Runs the program with an empty stdin.
    pub fn run(&self, arguments: &[&str]) -> Done {
        self.typed(arguments).done()
    }

    /// Runs the program with this text on stdin.
    pub fn run_with_stdin(&self, arguments: &[&str], stdin: impl Into<Vec<u8>>) -> Done {
        self.typed(arguments).stdin(stdin).done()
    }

    /// Begins a run that differs in more than its arguments.
    pub fn typed(&self, arguments: &[&str]) -> Run<'_> {
        let mut command = self.command();
        command.args(arguments);
        let shown = format!("llxprt {}", arguments.join(" "));
        Run { home: self, command, shown, stdin: Vec::new(), limit: DEADLINE, reveals: false }
    }

    /// Returns the program in this home as a bare process, for tests that start, kill or race it themselves.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().envs(&self.environment).args(&self.flags).current_dir(self.path("work"));
        command
    }

    /// Runs the program in a terminal of 24 rows and 100 columns.
    pub fn pty(&self, arguments: &[&str]) -> Pty {
        self.pty_of(24, 100, arguments)
    }

    /// Runs the program in a terminal of this size.
    pub fn pty_of(&self, rows: u16, columns: u16, arguments: &[&str]) -> Pty {
        self.pty_with(rows, columns, arguments, |_| {})
    }

    /// As [`Self::pty`], in a terminal that is not the controlling one: when it goes away, no SIGHUP comes.
    pub fn pty_without_control(&self, arguments: &[&str]) -> Pty {
        self.pty_with(50, 100, arguments, |builder| builder.set_controlling_tty(false))
    }

    fn pty_with(
        &self,
        rows: u16,
        columns: u16,
        arguments: &[&str],
        set: impl FnOnce(&mut portable_pty::CommandBuilder),
    ) -> Pty {
        let mut builder = portable_pty::CommandBuilder::new(&self.program);
        builder.env_clear();
        self.environment.iter().for_each(|(name, value)| builder.env(name, value));
        builder.args(&self.flags);
        builder.args(arguments);
        builder.cwd(self.path("work"));
        set(&mut builder);
        let mut pty = Pty::start(builder, rows, columns);
        pty.hold(self.claim());
        self.saw(format!("the terminal of llxprt {}", arguments.join(" ")), pty.everything());
        pty
    }

    /// Keeps an output for [`Self::assert_clean`].
    pub fn saw(&self, what: String, bytes: impl Fn() -> Vec<u8> + Send + 'static) {
        self.seen.lock().expect("unpoisoned").push((what, Box::new(bytes)));
    }

    /// Asserts that no secret is in any file below the root, in a file's name, or in anything that was shown.
    #[track_caller]
    pub fn assert_clean(&self, secrets: &[&str]) {
        let found = self.find(secrets);
        assert!(found.is_empty(), "secrets lie open:\n{}", found.join("\n"));
    }

    /// Returns where secrets lie open: a line for each, which never repeats the secret.
    pub fn find(&self, secrets: &[&str]) -> Vec<String> {
        let mut places: Vec<(String, Vec<u8>)> =
            self.seen.lock().expect("unpoisoned").iter().map(|(what, bytes)| (what.clone(), bytes())).collect();
        for file in canary::files_below(self.root.path()) {
            let name = file.display().to_string();
            places.push((format!("the name of {name}"), name.clone().into_bytes()));
            // One that vanished meanwhile holds nothing any more.
            places.extend(std::fs::read(&file).map(|bytes| (name, bytes)));
        }
        let mut found = Vec::new();
        for (place, bytes) in places {
            for (number, secret) in secrets.iter().enumerate() {
                if let Some(how) = canary::find(&bytes, secret) {
                    found.push(format!("secret {number}, {how}, in {}", place.replace(secret, "[secret]")));
                }
            }
        }
        found
    }

    /// Asserts that only the owner can read what the program keeps (design 4.4): folders 0700, files 0600.
    #[track_caller]
    pub fn assert_private(&self) {
        let mut open = Vec::new();
        let mut look = |path: &Path, wanted: u32| {
            let mode = path.symlink_metadata().map_or(wanted, |meta| meta.mode() & 0o7777);
            if mode != wanted {
                open.push(format!("{mode:04o} instead of {wanted:04o}: {}", path.display()));
            }
        };
        for top in ["config", "data", "cache", "log"].map(|name| self.path(name)) {
            for file in canary::files_below(&top) {
                look(&file, 0o600);
                file.ancestors().skip(1).take_while(|folder| folder.starts_with(&top)).for_each(|f| look(f, 0o700));
            }
        }
        open.sort();
        open.dedup();
        assert!(open.is_empty(), "{}", open.join("\n"));
    }

    /// Returns the temporary files (`.NAME.RANDOM.tmp`, security 3.4) that lie below the root.
    pub fn leftovers(&self) -> Vec<PathBuf> {
        let ours = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Those of curl, in a pretend browser, begin with a letter.
            name.starts_with('.') && name.ends_with(".tmp")
        };
        canary::files_below(self.root.path()).into_iter().filter(ours).collect()
    }
}

/// One run that is being prepared.
#[must_use = "call `done`"]
pub struct Run<'a> {
    home: &'a Home,
    command: Command,
    shown: String,
    stdin: Vec<u8>,
    limit: Duration,
    reveals: bool,
}

impl Run<'_> {
    /// Sets a variable for this run only.
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.command.env(name, value.into());
        self
    }

    /// Gives the run this on stdin, and then its end.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Starts in another folder.
    pub fn dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Says that stdout is meant to be a secret (`token`): the search for canaries leaves it out.
    pub fn reveals(mut self) -> Self {
        self.reveals = true;
        self
    }

    /// Allows the run more or less time than [`DEADLINE`].
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs to the end; panics when the run is not over in time, or leaves a child that holds its streams.
    #[track_caller]
    pub fn done(mut self) -> Done {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().unwrap_or_else(|e| panic!("{}: {e}", self.shown));
        let mut input = child.stdin.take().expect("a pipe");
        let bytes = self.stdin;
        // A program may end without having read everything: then writing fails, as it should.
        std::thread::spawn(move || input.write_all(&bytes));
        let stdout = collect(child.stdout.take().expect("a pipe"));
        let stderr = collect(child.stderr.take().expect("a pipe"));

        let end = Instant::now() + self.limit;
        let ended = loop {
            match child.try_wait().expect("a child of ours") {
                Some(status) => break Some(status),
                None if Instant::now() > end => break None,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let Some(status) = ended else {
            child.kill().expect("a child of ours");
            child.wait().expect("a child of ours");
            let took = self.limit;
            panic!("{} still ran after {took:?}\n{}\n--- stderr\n{}", self.shown, take(&stdout), take(&stderr));
        };
        let mut texts = [stdout, stderr].map(|stream| {
            stream.recv_timeout(DEADLINE).unwrap_or_else(|_| {
                panic!("{} ended, but a child of it still holds its output open", self.shown);
            })
        });
        if !self.reveals {
            let text = texts[0].clone();
            self.home.saw(format!("stdout of {}", self.shown), move || text.clone());
        }
        let text = texts[1].clone();
        self.home.saw(format!("stderr of {}", self.shown), move || text.clone());
        let texts = texts.each_mut().map(|text| String::from_utf8(std::mem::take(text)).expect("UTF-8 output"));
        if self.home.program == Path::new(env!("CARGO_BIN_EXE_llxprt")) {
            super::typable::assert_typable(&self.shown, &texts[0], &texts[1]);
        }
        let [stdout, stderr] =
            texts.map(|text| self.home.names.iter().fold(text, |text, (from, to)| text.replace(from, to)));
        Done { stdout, stderr, ended: status.into() }
    }
}

/// Reads a stream to its end in a thread of its own.
fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if stream.read_to_end(&mut bytes).is_ok() {
            send.send(bytes).ok();
        }
    });
    receive
}

fn take(stream: &mpsc::Receiver<Vec<u8>>) -> String {
    let bytes = stream.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
