//! `kill -9` at any instant of whole processes (security F1); the benchmark runs the same with more rounds.

use std::process::Stdio;
use std::time::{Duration, Instant};

use llxprt::sandbox::Endpoint;
use serde_json::Value;

use crate::faults_stage::{Stage, account, block_on};
use crate::support::{Browser, canary};

/// What came of all rounds together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Processes that were killed before they had ended.
    pub killed: usize,
    /// Logins lost although no renewal was under way.
    pub lost: usize,
    /// Logins lost between the provider's answer and our write, which nobody can prevent.
    pub lost_in_window: usize,
    /// Files that no longer open.
    pub unopened: usize,
    /// Temporary files that the next start left.
    pub leftovers: usize,
    /// Locks that were still held.
    pub stale_locks: usize,
}

/// What runs when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Refresh,
    Login,
    Logout,
    LogoutAll,
    KeySave,
    SettingsSave,
    ProfileSave,
}

use Work::{KeySave, Login, Logout, LogoutAll, ProfileSave, Refresh, SettingsSave};

const ROUND: [Work; 10] =
    [Refresh, KeySave, Login, ProfileSave, SettingsSave, Logout, Refresh, Login, LogoutAll, ProfileSave];

/// Whether each kind of work is killed within the time that it took when it was left alone.
#[derive(Default)]
struct Pace([Duration; 7]);

impl Pace {
    /// So long it may run: some microseconds of its own time, and a few more so that some end by themselves.
    fn most(&self, work: Work) -> u64 {
        let known = self.0[work as usize];
        let usual = if known.is_zero() { Duration::from_millis(20) } else { known + known / 8 };
        u64::try_from(usual.as_micros()).unwrap_or(u64::MAX).max(1)
    }
}

/// Whose logins there are; the first is renewed, the others come and go.
const STAYS: &str = "work@company.com";
const COMES: &str = "personal@gmail.com";
const GOES: &str = "third@example.com";

/// Kills so many processes, one after the other, and looks after each as the next start would.
pub fn kills(rounds: usize) -> Figures {
    let stage = Stage::signed_in();
    let _ = stage.login(COMES, &[]).ok();
    let browser = Browser::approving(&stage.home, COMES);
    let mut figures = Figures::default();
    let mut pace = Pace::default();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds {
        let work = ROUND[round % ROUND.len()];
        let number = round.to_string();
        let setting = ["set", "stream.idleSeconds", &number];
        let key = format!("sk-canary-{round:024}");
        let save = ["key", "save", "mine", &key];
        let words: &[&str] = match work {
            Refresh => {
                stage.leave_seconds(STAYS, -10);
                &["auth", "anthropic", "token", STAYS]
            }
            Login => &["auth", "anthropic", "login", COMES, "--force"],
            Logout | LogoutAll => {
                stage.plant(GOES, "a-token-that-goes");
                if work == Logout {
                    &["auth", "anthropic", "logout", GOES]
                } else {
                    &["auth", "anthropic", "logout", "all"]
                }
            }
            KeySave => &save,
            SettingsSave => &setting,
            ProfileSave => &["profile", "save", "model", "both", STAYS, COMES],
        };
        let before = [STAYS, COMES].map(|bucket| stage.stored(bucket));
        let refreshes = stage.refreshes();
        let mut command = stage.home.command();
        command.args(words).env("BROWSER", browser.command());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let begun = Instant::now();
        // The first of each kind is left alone, to learn how long it takes.
        if pace.0[work as usize].is_zero() {
            child.wait().expect("it ends");
            pace.0[work as usize] = begun.elapsed();
        }
        // Not a wait for anything: it spreads the instants over what the work takes.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((seed >> 33) % pace.most(work)).saturating_sub(begun.elapsed()));
        let ended = child.try_wait().expect("a child of ours").is_some();
        figures.killed += usize::from(!ended);
        // One that ended is no longer there to be killed.
        let _ = child.kill();
        child.wait().expect("it ends");
        look(&stage, work, &before, refreshes, &mut figures);
    }
    figures
}

/// Starts as a person would next, and checks everything that is there.
fn look(stage: &Stage, work: Work, before: &[Value; 2], refreshes: usize, figures: &mut Figures) {
    let start = stage.home.run(&[]);
    figures.unopened += usize::from(start.status() != 0 || start.stderr.contains("damaged"));
    let leftovers = stage.home.leftovers();
    if !leftovers.is_empty() {
        println!("left after {work:?}: {leftovers:?}");
    }
    figures.leftovers += leftovers.len();
    for words in [&["set"][..], &["profile", "list"], &["auth"]] {
        figures.unopened += usize::from(stage.home.run(words).status() != 0);
    }
    if stage.home.path("config/profiles/both.json").exists() {
        figures.unopened += usize::from(stage.home.run(&["profile", "show", "both"]).status() != 0);
    }
    let vault = stage.vault();
    let index = vault.index().expect("the index opens");
    for name in index.accounts.keys() {
        let account = name.parse().expect("an account");
        match vault.try_lock(&account) {
            Ok(Some(_)) => {}
            _ => figures.stale_locks += 1,
        }
        figures.unopened += usize::from(block_on(vault.read(&account, &|_| {})).is_err());
    }
    for (name, _) in vault.keys().expect("the keys") {
        let key = block_on(vault.read_key(&name, &|_| {}));
        figures.unopened += usize::from(key.map_or(true, |key| key.is_some_and(|key| key.expose().len() != 34)));
    }
    let sealed = canary::files_below(&stage.home.path("data/secure-store/tokens"));
    let named = |file: &std::path::PathBuf| {
        let bucket = file.file_stem().expect("a name").to_string_lossy().into_owned();
        index.entry(&account(&bucket)).is_some()
    };
    figures.unopened += sealed.iter().filter(|file| !named(file)).count();

    // Only now: what was sent may have been read after the kill.
    let asked = stage.refreshes() > refreshes;
    for (bucket, before) in [STAYS, COMES].into_iter().zip(before) {
        let gone_by_wish = work == LogoutAll;
        let now = stage.stored(bucket);
        if now.is_null() {
            figures.lost += usize::from(!gone_by_wish && !before.is_null());
            let _ = stage.login(bucket, &[]).ok();
            continue;
        }
        if work == Refresh && bucket == STAYS || work == Login && bucket == COMES {
            // Does what is stored still renew?
            stage.leave_seconds(bucket, -10);
            if stage.token(bucket).status() != 0 {
                let in_window = work == Refresh && asked && now["refresh_token"] == before["refresh_token"];
                if !in_window {
                    println!("lost after {work:?}: {bucket}, asked: {asked}, another is stored: {}", now != *before);
                }
                figures.lost_in_window += usize::from(in_window);
                figures.lost += usize::from(!in_window);
                let _ = stage.login(bucket, &["--force"]).ok();
            }
        } else if !gone_by_wish {
            figures.lost += usize::from(now != *before);
        }
    }
    assert!(stage.script().count(Endpoint::Revoke) == 0, "this provider cannot revoke");
}
