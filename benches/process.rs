//! Figures of whole processes, each beside a trivial process of the same run: wall time and peak memory.
//!
//! `cargo bench --bench process` measures everything; words after `--` choose the cases that hold one of them. A case
//! that cannot be measured says why and makes the run fail. To add one, add a row to [`CASES`].

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark may end in a panic, what it includes too")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::pty::key;
use support::secret_service::SecretService;
use support::{Browser, Home, StandIn};

/// A row of the table that is printed.
struct Case {
    name: &'static str,
    /// How often it is measured.
    runs: usize,
    /// Makes the place for all runs of the case.
    place: fn() -> Result<Place, String>,
    what: What,
}

/// What is measured.
enum What {
    /// A process from start to end; it must end with status 0.
    Run(&'static [&'static str]),
    /// A session in a terminal, from start to the first prompt.
    FirstPrompt,
    /// So many processes at once, from the first start to the last end.
    Together(usize, &'static [&'static str]),
    /// The same where each finds an expired token.
    Expired(usize, &'static [&'static str]),
}

const CASES: &[Case] = &[
    Case { name: "/bin/true", runs: 100, place: trivial, what: What::Run(&[]) },
    Case { name: "llxprt --version", runs: 100, place: empty, what: What::Run(&["--version"]) },
    Case { name: "llxprt auth, no account", runs: 50, place: empty, what: What::Run(&["auth"]) },
    Case { name: "llxprt auth, 3 accounts", runs: 50, place: three_accounts, what: What::Run(&["auth"]) },
    Case { name: "llxprt auth, 1,000 accounts", runs: 50, place: thousand_accounts, what: What::Run(&["auth"]) },
    Case {
        name: "llxprt auth --json, 1,000",
        runs: 50,
        place: thousand_accounts,
        what: What::Run(&["auth", "--json"]),
    },
    Case { name: "first prompt, no account", runs: 20, place: empty, what: What::FirstPrompt },
    Case { name: "first prompt, 1,000 accounts", runs: 20, place: thousand_accounts, what: What::FirstPrompt },
    Case { name: "auth anthropic token, fresh", runs: 50, place: signed_in, what: What::Run(TOKEN) },
    Case { name: "auth anthropic token, keyring", runs: 50, place: signed_in_keyring, what: What::Run(TOKEN) },
    Case { name: "1 alone, token expired", runs: 5, place: signed_in_briefly, what: What::Expired(1, TOKEN) },
    Case { name: "32 at once, token fresh", runs: 20, place: signed_in, what: What::Together(32, TOKEN) },
    Case { name: "32 at once, token expired", runs: 5, place: signed_in_briefly, what: What::Expired(32, TOKEN) },
];

const TOKEN: &[&str] = &["auth", "anthropic", "token", "work@company.com"];

/// Seconds that a brief access token lives. It is renewed from [`RENEWAL`] before its end on (design 4.9).
const BRIEF: u32 = 12;
const RENEWAL: Duration = Duration::from_secs(5);

/// A home, and the stand-in that its logins were made at.
struct Place {
    home: Home,
    stand_in: Option<StandIn>,
    /// Held as long as it is asked.
    #[allow(dead_code, reason = "held, not read")]
    keyring: Option<SecretService>,
}

/// What one run took.
struct Sample {
    wall: Duration,
    peak_kb: Option<u64>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{} cores; wall time from outside, the start of the process included\n", cores);
    println!(
        "{:<30}{:>6}{:>11}{:>11}{:>11}{:>9}{:>10}{:>9}",
        "", "runs", "min", "median", "max", "ratio", "peak", "ratio"
    );
    let wanted = |case: &&Case| words.is_empty() || words.iter().any(|word| case.name.contains(&**word));
    // The trivial process is of the same run, whatever is chosen.
    let (first, others) = CASES.split_first().expect("a trivial process");
    let (mut trivial, mut failed) = (None, false);
    for case in std::iter::once(first).chain(others.iter().filter(wanted)) {
        match measure(case) {
            Ok(samples) => {
                let figures = Figures::of(samples);
                figures.print(case.name, trivial.get_or_insert(figures));
            }
            Err(why) => {
                failed = true;
                println!("{:<30}not measured: {}", case.name, why.replace('\n', " | "));
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What the runs of a case took.
#[derive(Clone, Copy)]
struct Figures {
    runs: usize,
    min: Duration,
    median: Duration,
    max: Duration,
    peak_kb: Option<u64>,
}

impl Figures {
    fn of(samples: Vec<Sample>) -> Self {
        let mut walls: Vec<Duration> = samples.iter().map(|sample| sample.wall).collect();
        walls.sort();
        let [min, median, max] = [0, walls.len() / 2, walls.len() - 1].map(|at| walls[at]);
        Self { runs: walls.len(), min, median, max, peak_kb: samples.iter().filter_map(|sample| sample.peak_kb).max() }
    }

    /// Prints the row, with how many times what the trivial process takes.
    fn print(self, name: &str, trivial: &Self) {
        let [min, median, max] = [self.min, self.median, self.max].map(milliseconds);
        let times = format!("{:.1} x", self.median.as_secs_f64() / trivial.median.as_secs_f64());
        let peak = self.peak_kb.map_or_else(|| "-".to_owned(), |kb| format!("{:.1} MB", kb as f64 / 1024.0));
        let peaks =
            self.peak_kb.zip(trivial.peak_kb).map(|(kb, trivial)| format!("{:.1} x", kb as f64 / trivial as f64));
        let (runs, peaks) = (self.runs, peaks.unwrap_or_else(|| "-".to_owned()));
        println!("{name:<30}{runs:>6}{min:>11}{median:>11}{max:>11}{times:>9}{peak:>10}{peaks:>9}");
    }
}

fn milliseconds(wall: Duration) -> String {
    format!("{:.1} ms", wall.as_secs_f64() * 1000.0)
}

fn measure(case: &Case) -> Result<Vec<Sample>, String> {
    let place = (case.place)()?;
    let once = || match case.what {
        What::Run(words) => run(&place.home, words),
        What::FirstPrompt => first_prompt(&place.home),
        What::Together(count, words) => {
            together(&place.home, count, words).map(|(wall, _)| Sample { wall, peak_kb: None })
        }
        What::Expired(count, words) => expired(&place, count, words),
    };
    // The first run reads the program from the disk, and makes the folders.
    once()?;
    (0..case.runs).map(|_| once()).collect()
}

fn run(home: &Home, words: &[&str]) -> Result<Sample, String> {
    let start = Instant::now();
    let mut child = quiet(home.command()).args(words).spawn().map_err(|e| e.to_string())?;
    let status = child.wait().map_err(|e| e.to_string())?;
    let wall = start.elapsed();
    if !status.success() {
        return Err(format!("{status}: {}", home.run(words)));
    }
    Ok(Sample { wall, peak_kb: peak(home, words) })
}

/// Returns the peak memory of one more run, by GNU time where it is installed.
fn peak(home: &Home, words: &[&str]) -> Option<u64> {
    let plain = home.command();
    let report = home.path("peak");
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-q", "-f", "%M", "-o"]).arg(&report).arg(plain.get_program()).args(plain.get_args()).args(words);
    timed.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed.current_dir(home.path("work"));
    quiet(timed).status().ok()?;
    std::fs::read_to_string(report).ok()?.trim().parse().ok()
}

fn first_prompt(home: &Home) -> Result<Sample, String> {
    let start = Instant::now();
    let mut pty = home.pty(&[]);
    pty.try_wait_prompt()?;
    let wall = start.elapsed();
    let status = std::fs::read_to_string(format!("/proc/{}/status", pty.pid())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    pty.keys(key::CTRL_D);
    pty.wait_end();
    Ok(Sample { wall, peak_kb: peak })
}

/// Waits until the token is due, lets all processes ask for it, and checks that one of them renewed it for all.
fn expired(place: &Place, count: usize, words: &[&str]) -> Result<Sample, String> {
    let Place { home, stand_in: Some(stand_in), .. } = place else { return Err("no stand-in".to_owned()) };
    std::thread::sleep(Duration::from_secs(BRIEF.into()) - RENEWAL + Duration::from_secs(1));
    let before = stand_in.count("anthropic", "refresh");
    let (wall, tokens) = together(home, count, words)?;
    match (stand_in.count("anthropic", "refresh") - before, tokens.len()) {
        (1, 1) => Ok(Sample { wall, peak_kb: None }),
        (refreshes, tokens) => Err(format!("{refreshes} refreshes, {tokens} different tokens")),
    }
}

/// Returns how long all of them took, and the different outputs they had.
fn together(home: &Home, count: usize, words: &[&str]) -> Result<(Duration, BTreeSet<Vec<u8>>), String> {
    let start = Instant::now();
    let spawn =
        || home.command().args(words).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let children = (0..count).map(|_| spawn()).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    let mut outputs = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        outputs.insert(output.stdout);
    }
    Ok((start.elapsed(), outputs))
}

fn quiet(mut command: Command) -> Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn trivial() -> Result<Place, String> {
    Ok(Place { home: Home::of("/bin/true"), stand_in: None, keyring: None })
}

fn empty() -> Result<Place, String> {
    Ok(Place { home: Home::new(), stand_in: None, keyring: None })
}

fn three_accounts() -> Result<Place, String> {
    Ok(accounts(3))
}

fn thousand_accounts() -> Result<Place, String> {
    Ok(accounts(1000))
}

/// A home whose index names so many accounts; listing them opens no secret, so none is there.
fn accounts(count: usize) -> Place {
    let home = Home::new();
    let accounts: serde_json::Map<String, serde_json::Value> = (0..count)
        .map(|n| {
            let (provider, email) = (["anthropic", "codex", "gemini"][n % 3], format!("person{n:04}@company.com"));
            let entry = serde_json::json!({ "store": "file", "identity": email, "plan": "max", "refreshable": true });
            (format!("{provider}:{email}"), entry)
        })
        .collect();
    home.write("data/index.json", serde_json::json!({ "version": 1, "accounts": accounts }).to_string());
    let on = serde_json::json!({ "anthropic": true, "codex": true, "gemini": true });
    home.write("config/settings.json", serde_json::json!({ "oauthEnabledProviders": on }).to_string());
    Place { home, stand_in: None, keyring: None }
}

fn signed_in() -> Result<Place, String> {
    sign_in(None)
}

fn signed_in_briefly() -> Result<Place, String> {
    sign_in(Some(BRIEF))
}

/// The same in a real keyring on a bus of its own, where gnome-keyring is installed.
fn signed_in_keyring() -> Result<Place, String> {
    let there = |program| Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if there("gnome-keyring-daemon").is_err() || there("dbus-daemon").is_err() {
        return Err("gnome-keyring or dbus-daemon is not installed".to_owned());
    }
    let keyring = SecretService::unlocked();
    let bus = keyring.environment().into_iter().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
    let (name, address) = bus.ok_or("no bus")?;
    let home = Home::new().without("LLXPRT_NO_KEYRING").without("LLXPRT_DATA_HOME").without("LLXPRT_CONFIG_HOME");
    let home = home.without("LLXPRT_CACHE_HOME").without("LLXPRT_LOG_HOME").env(name, address);
    let place = sign_in_at(home, None)?;
    Ok(Place { keyring: Some(keyring), ..place })
}

/// A home with one login at a stand-in of its own, made in a pretend browser.
fn sign_in(ttl: Option<u32>) -> Result<Place, String> {
    sign_in_at(Home::new(), ttl)
}

fn sign_in_at(home: Home, ttl: Option<u32>) -> Result<Place, String> {
    let stand_in = StandIn::try_start(&home, ttl)?;
    let browser = Browser::approving(&home, "work@company.com");
    let home = home.at(stand_in.url()).env("BROWSER", browser.command());
    let login = home.run(&["auth", "anthropic", "login", "work@company.com"]);
    if login.status() != 0 {
        return Err(login.to_string());
    }
    Ok(Place { home, stand_in: Some(stand_in), keyring: None })
}
