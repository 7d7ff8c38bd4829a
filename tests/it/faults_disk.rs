//! Disks that are full, read-only, unreadable or failing, through the whole program (security F2). A file system that
//! fails at one call is played by strace.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::Value;

use crate::faults::{planted, vault_key};
use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::support::{Browser, until};

/// A file system in memory of this many bytes in the place of a folder, gone with the value.
struct Small(PathBuf);

impl Small {
    fn mount(place: &Path, bytes: usize) -> Self {
        // What lies there moves in.
        let kept = place.with_extension("kept");
        std::fs::rename(place, &kept).unwrap();
        std::fs::create_dir(place).unwrap();
        let options = format!("size={bytes},mode=700");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(place).status();
        assert!(done.unwrap().success(), "mount needs root");
        let done = Command::new("cp").arg("-a").arg(kept.join(".")).arg(place).status();
        assert!(done.unwrap().success());
        Self(place.to_owned())
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 512]).is_ok() {}
    }

    /// Gives so many pages back.
    fn leave(&self, pages: u64) {
        let file = std::fs::OpenOptions::new().write(true).open(self.0.join("filler")).unwrap();
        file.set_len(file.metadata().unwrap().len().saturating_sub(pages * 4096)).unwrap();
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }

    fn read_only(&self, on: bool) {
        let options = if on { "remount,ro" } else { "remount,rw" };
        assert!(Command::new("mount").args(["-o", options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root to mount a tmpfs"]
fn f2_a_full_or_read_only_disk_keeps_what_was_there_and_says_what_could_not_be_written() {
    let stage = Stage::signed_in();
    let data = Small::mount(&stage.home.path("data"), 256 << 10);
    let config = Small::mount(&stage.home.path("config"), 64 << 10);
    let sealed = stage.sealed(WORK);
    for (full, cause) in [(true, "No space left"), (false, "Read-only file system")] {
        stage.leave_seconds(WORK, 3600);
        let content = std::fs::read(&sealed).unwrap();
        let settings = stage.home.read("config/settings.json");
        let set = |on: bool| match (full, on) {
            (true, true) => [&data, &config].into_iter().for_each(Small::fill),
            (true, false) => [&data, &config].into_iter().for_each(Small::free),
            (false, on) => [&data, &config].into_iter().for_each(|disk| disk.read_only(on)),
        };
        set(true);
        let _ = stage.token(WORK).ok();
        let done = stage.login(PERSONAL, &[]).exit(77);
        assert!(done.stderr.contains(cause) && done.stderr.contains("/data/"), "{done}");
        let done = stage.home.run(&["key", "save", "mine", "sk-canary-of-a-saved-key-0004"]).exit(77);
        assert!(done.stderr.contains(cause) && done.stderr.contains("/data/"), "{done}");
        let done = stage.home.run(&["set", "stream.idleSeconds", "61"]).exit(1);
        assert!(done.stderr.contains(cause) && done.stderr.contains("/config/"), "{done}");
        assert_eq!(std::fs::read(&sealed).unwrap(), content);
        assert_eq!(stage.home.read("config/settings.json"), settings);
        set(false);
        assert_eq!(stage.stored(PERSONAL), Value::Null);
        let _ = stage.home.run(&[]).ok();
        assert_eq!(stage.home.leftovers(), Vec::<PathBuf>::new());
    }

    // A renewal that cannot be kept: the shell does not ask for one, a session goes on and stores it once it can.
    stage.leave_seconds(WORK, -10);
    let (before, sent) = (stage.stored(WORK), stage.refreshes());
    data.fill();
    let done = stage.token(WORK).exit(77);
    assert!(done.stderr.contains("No space left") && done.stderr.contains("work@company.com.sealed"), "{done}");
    assert!(done.stderr.contains("The sign-in is kept."), "{done}");
    assert_eq!(stage.refreshes(), sent, "nothing was sent that could spend what is stored");
    data.free();
    assert_eq!(stage.stored(WORK), before, "the old content is intact");
    let _ = stage.token(WORK).ok();
    assert_eq!(stage.refreshes(), sent + 1);
    stage.leave_seconds(WORK, -10);
    let before = stage.stored(WORK);
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    data.fill();
    let answer = pty.ask("on a full disk");
    let joined = answer.replace('\n', " ");
    assert!(joined.contains("on a full disk") && joined.contains("in memory"), "{answer}");
    assert!(pty.ask("once more").contains("once more"));
    assert_eq!(stage.stored(WORK), before);
    data.free();
    assert!(pty.ask("there is room again").contains("there is room again"));
    until("the renewed login to be stored", || (stage.stored(WORK) != before).then_some(()));
    drop(pty);
    let _ = stage.token(WORK).ok();
    assert_eq!(stage.bucket(WORK)["state"], "ready");
}

#[test]
#[ignore = "needs root to mount a tmpfs"]
fn f2_a_new_login_that_cannot_be_stored_serves_the_session() {
    let mut stage = Stage::signed_in();
    let browser = Browser::approving(&stage.home, PERSONAL);
    stage.home = stage.home.env("BROWSER", browser.command());
    let data = Small::mount(&stage.home.path("data"), 256 << 10);
    for full in [true, false] {
        let pty = stage.home.pty_of(24, 300, &[]);
        pty.wait_prompt();
        if full {
            data.fill()
        } else {
            data.read_only(true)
        }
        pty.type_line(&format!("/auth anthropic login {PERSONAL}"));
        pty.wait_for("It could not be stored: ");
        pty.wait_for("Kept in memory: it is gone when you leave.");
        pty.wait_for(&format!("Once it can be stored, sign in anew: /auth anthropic login {PERSONAL} --force"));
        assert!(pty.ask("on a disk that takes nothing").contains("on a disk that takes nothing"));
        let said = pty.ask("/auth anthropic");
        assert!(said.contains(PERSONAL) && said.contains("ready"), "{said}");
        if full {
            data.free()
        } else {
            data.read_only(false)
        }
        assert_eq!(stage.stored(PERSONAL), Value::Null);
        pty.type_line(&format!("/auth anthropic login {PERSONAL} --force"));
        pty.wait_for("Kept in a sealed file");
        drop(pty);
        let _ = stage.token(PERSONAL).ok();
        assert_eq!(stage.bucket(PERSONAL)["state"], "ready");
        let _ = stage.home.run(&["auth", "anthropic", "logout", PERSONAL]).ok();
    }
}

#[test]
#[ignore = "needs root to mount a tmpfs"]
fn f2_a_login_in_memory_needs_no_settings_that_can_be_written() {
    for full in [true, false] {
        let mut stage = Stage::empty();
        let _ = stage.home.run(&["set", "unset", "auth.anthropic.accepted"]).ok();
        let browser = Browser::approving(&stage.home, WORK);
        stage.home = stage.home.env("BROWSER", browser.command());
        let config = Small::mount(&stage.home.path("config"), 64 << 10);
        if full {
            config.fill()
        } else {
            config.read_only(true)
        }
        let settings = stage.home.read("config/settings.json");
        let pty = stage.home.pty_of(24, 300, &[]);
        pty.wait_prompt();
        pty.type_line("/auth anthropic login --memory");
        pty.wait_for("Sign in all the same? [y/N]");
        pty.keys("y\r");
        pty.wait_for("What it was to remember holds for this run.");
        pty.wait_for("Kept in memory: it is gone when you leave.");
        assert!(pty.ask("from memory").contains("from memory"));
        assert_eq!(pty.screen().matches("What it was to remember").count(), 1, "{}", pty.screen());
        assert!(pty.ask("/auth anthropic").contains(WORK));
        drop(pty);
        assert_eq!(stage.home.read("config/settings.json"), settings);
    }
}

#[test]
#[ignore = "needs root to mount a tmpfs"]
fn f2_wherever_the_disk_runs_full_what_was_there_stays_and_one_error_names_the_path() {
    let stage = Stage::signed_in();
    let data = Small::mount(&stage.home.path("data"), 256 << 10);
    let _ = stage.home.run(&["key", "save", "mine", "sk-canary-of-a-saved-key-0006"]).ok();
    let mut failed = 0;
    // Each new file takes a page: with so many left, each write in turn is the first that fails.
    for pages in 0..8 {
        for words in [
            &["auth", "anthropic", "token", WORK][..],
            &["auth", "anthropic", "login", PERSONAL],
            &["key", "save", "other", "sk-canary-of-a-saved-key-0007"],
            &["auth", "anthropic", "logout", "third"],
        ] {
            stage.leave_seconds(WORK, -10);
            stage.plant("third", "the-token-of-the-third");
            let before = stage.stored(WORK);
            let browser = Browser::approving(&stage.home, PERSONAL);
            data.fill();
            data.leave(pages);
            let done = stage.home.typed(words).env("BROWSER", browser.command()).reveals().done();
            data.free();
            assert!([0, 1, 77].contains(&done.status()), "{done}");
            assert!(done.status() == 0 || done.stderr.matches("  E-").count() == 1, "{done}");
            assert!(done.status() != 77 || done.stderr.contains("/data/"), "{done}");
            failed += usize::from(done.status() != 0);
            let now = stage.stored(WORK);
            assert!(now == before || now["refresh_token"].is_string() && done.status() == 0, "{done}");
            let _ = stage.home.run(&[]).ok();
            assert_eq!(stage.home.leftovers(), Vec::<PathBuf>::new());
            let _ = stage.token(WORK).ok();
            let _ = stage.home.run(&["auth", "anthropic", "logout", PERSONAL]);
            let _ = stage.home.run(&["key", "delete", "other"]);
            assert_eq!(stage.bucket(WORK)["state"], "ready");
        }
    }
    assert!(failed >= 4, "{failed} writes failed");
}

#[test]
fn f2_a_folder_in_the_place_of_a_file_is_named_and_the_rest_works() {
    for place in ["sealed", "key", "settings", "profile", "manifest", "history", "log"] {
        let stage = planted();
        let _ = stage.home.run(&["profile", "save", "model", "both", "good", "bad"]).ok();
        let (path, words, status): (PathBuf, &[&str], i32) = match place {
            "sealed" => (stage.sealed("bad"), &["auth", "anthropic", "token", "bad"], 78),
            "key" => (vault_key(&stage), &["auth", "anthropic", "token", "bad"], 78),
            "settings" => (stage.home.path("config/settings.json"), &["set", "stream.idleSeconds", "60"], 78),
            "profile" => (stage.home.path("config/profiles/both.json"), &["profile", "show", "both"], 78),
            "manifest" => (stage.home.path("config/providers/gateway.toml"), &["auth", "gateway", "status"], 78),
            "history" => (stage.home.path("data/history"), &["auth"], 0),
            _ => (stage.home.path("log/llxprt.log"), &["log"], 1),
        };
        let _ = std::fs::remove_file(&path);
        std::fs::create_dir_all(&path).unwrap();
        let done = stage.home.run(words).exit(status);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(status == 0 || done.stderr.contains(name), "{place}: {done}");
        assert!(path.is_dir(), "{place}: nothing is overwritten");
        if place != "key" {
            assert_eq!(stage.token("good").ok().stdout.trim(), "the-token-of-the-good-one", "{place}");
        }
    }
}

/// What a run did in which one call of the system failed.
struct Injected {
    status: Option<i32>,
    stderr: String,
    /// So many calls failed.
    failures: usize,
}

/// Runs the program where calls of this kind fail with this error: those on `path`, or the one of this number.
fn injected(stage: &Stage, browser: &Browser, words: &[&str], call: &str, error: &str, at: Where<'_>) -> Injected {
    let plain = stage.home.command();
    let trace = stage.home.path("work/trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&trace).arg("-e").arg(format!("trace={call}"));
    let when = match at {
        Where::Path(path) => {
            command.arg("-P").arg(path);
            String::new()
        }
        Where::Number(number) => format!(":when={number}"),
    };
    command.arg("-e").arg(format!("inject={call}:error={error}{when}"));
    command.arg(plain.get_program()).args(plain.get_args()).args(words);
    command.env_clear().envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("BROWSER", browser.command()).stdin(Stdio::null()).current_dir(stage.home.path("work"));
    let done = command.output().expect("strace starts (Debian: apt install strace)");
    let failures = std::fs::read_to_string(&trace).unwrap().matches("(INJECTED)").count();
    Injected { status: done.status.code(), stderr: String::from_utf8_lossy(&done.stderr).into_owned(), failures }
}

enum Where<'a> {
    Path(&'a Path),
    Number(usize),
}

#[test]
#[ignore = "needs strace"]
fn f2_a_file_that_may_not_or_cannot_be_read_is_named_and_the_rest_works() {
    let stage = planted();
    let _ = stage.home.run(&["profile", "save", "model", "both", "good", "bad"]).ok();
    let manifest = "name = \"gateway\"\ndefault_model = \"m\"\n[api]\ndialect = \"openai-chat\"\n\
        base_url = \"http://127.0.0.1:9/v1\"\n";
    let manifest = stage.home.write("config/providers/gateway.toml", manifest);
    let browser = Browser::zero(&stage.home);
    let log = stage.home.path("log/llxprt.log");
    let files: [(PathBuf, &[&str], i32); 7] = [
        (stage.sealed("bad"), &["auth", "anthropic", "token", "bad"], 77),
        (vault_key(&stage), &["auth", "anthropic", "token", "bad"], 77),
        (stage.home.path("data/index.json"), &["auth"], 77),
        (stage.home.path("config/settings.json"), &["set", "stream.idleSeconds", "60"], 78),
        (stage.home.path("config/profiles/both.json"), &["profile", "show", "both"], 78),
        (manifest, &["auth", "gateway", "status"], 78),
        (log, &["log"], 1),
    ];
    let _ = stage.home.run(&["auth", "anthropic", "logout", "third"]);
    stage.home.write("log/llxprt.log", "2026-11-23T00:00:00Z  a:b  renewed\n");
    for (path, words, status) in &files {
        let before = std::fs::read(path).unwrap();
        for (call, error, words_of_it) in [
            ("openat", "EACCES", "ermission denied"),
            ("openat", "EIO", "nput/output error"),
            ("read", "EIO", "nput/output error"),
        ] {
            let done = injected(&stage, &browser, words, call, error, Where::Path(path));
            assert!(done.failures > 0, "{} was not touched", path.display());
            assert_eq!(done.status, Some(*status), "{call} {error} {}: {}", path.display(), done.stderr);
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(done.stderr.contains(name) && done.stderr.contains(words_of_it), "{}", done.stderr);
            assert_eq!(std::fs::read(path).unwrap(), before);
        }
    }
    let _ = stage.token("good").ok();
    let _ = stage.token("bad").ok();
}

#[test]
#[ignore = "needs strace"]
fn f2_a_copy_that_cannot_be_removed_does_not_hide_that_the_provider_has_revoked_it() {
    for (status, revoked) in [(200, true), (503, false)] {
        let stage = Stage::signed_in();
        let url = format!("{}/codex/oauth/revoke", stage.sandbox.url());
        let text = format!("name = \"anthropic\"\n[oauth]\nrevoke_url = \"{url}\"\nrevoke_request = \"json\"\n");
        let _ = stage.home.write("config/providers/anthropic.toml", text);
        stage.sandbox.script("codex").answer(Endpoint::Revoke, Answer::empty(status));
        let browser = Browser::zero(&stage.home);
        let sealed = stage.sealed(WORK);
        let words = ["auth", "anthropic", "logout", WORK];
        let done = injected(&stage, &browser, &words, "unlink,unlinkat", "EACCES", Where::Path(&sealed));
        assert!(done.failures > 0 && done.status == Some(77), "{:?} {}", done.status, done.stderr);
        assert!(done.stderr.contains("work@company.com was not removed."), "{}", done.stderr);
        assert!(done.stderr.contains("ermission denied") && done.stderr.contains(".sealed"), "{}", done.stderr);
        let (said, state) = match revoked {
            true => ("anthropic has revoked it, so it does not work any more", "needs-login"),
            false => ("anthropic did not confirm either, so its token may work", "ready"),
        };
        assert!(done.stderr.contains(said), "{}", done.stderr);
        assert_eq!(stage.bucket(WORK)["state"], state);
        let log = stage.home.read("log/llxprt.log");
        assert!(log.contains(&format!("not removed here: {said}")), "{log}");
        let _ = stage.home.run(&words).ok();
        assert_eq!(stage.stored(WORK), Value::Null);
    }
}

#[test]
#[ignore = "needs strace"]
fn f2_a_renewal_that_was_sent_and_could_not_be_stored_says_that_a_new_sign_in_is_due() {
    let stage = Stage::signed_in();
    stage.leave_seconds(WORK, -10);
    let (before, sent) = (stage.stored(WORK), stage.refreshes());
    let browser = Browser::zero(&stage.home);
    let words = ["auth", "anthropic", "token", WORK];
    let renames = "rename,renameat,renameat2,link,linkat";
    let done = injected(&stage, &browser, &words, renames, "EIO", Where::Path(&stage.sealed(WORK)));
    assert!(done.failures > 0 && done.status == Some(77), "{:?} {}", done.status, done.stderr);
    assert_eq!(stage.refreshes(), sent + 1);
    assert!(done.stderr.contains("what is stored here is spent: sign in again"), "{}", done.stderr);
    assert!(done.stderr.contains(&format!("auth anthropic login {WORK}")), "{}", done.stderr);
    assert_eq!(stage.stored(WORK), before);
    assert_eq!(stage.bucket(WORK)["state"], "needs-login");
    let _ = stage.token(WORK).exit(4);
    assert_eq!(stage.refreshes(), sent + 1, "a spent token is not sent again");
    let _ = stage.login(WORK, &[]).ok();
    let _ = stage.token(WORK).ok();
}

#[test]
#[ignore = "needs strace"]
fn f2_whichever_call_of_a_write_fails_what_was_there_stays_and_one_error_tells() {
    let stage = Stage::signed_in();
    let _ = stage.home.run(&["set", "stream.idleSeconds", "60"]).ok();
    let _ = stage.home.run(&["profile", "save", "model", "both", WORK]).ok();
    let browser = Browser::zero(&stage.home);
    let mut points = 0;
    for words in [
        &["auth", "anthropic", "token", WORK][..],
        &["key", "save", "mine", "sk-canary-of-a-saved-key-0008"],
        &["set", "stream.idleSeconds", "61"],
        &["profile", "save", "model", "both", WORK],
    ] {
        for (call, error) in [
            ("openat", "EACCES"),
            ("mkdir", "EROFS"),
            ("fsync", "EIO"),
            ("rename,renameat,renameat2,link,linkat", "EIO"),
        ] {
            for number in 1.. {
                stage.leave_seconds(WORK, -10);
                let before = stage.stored(WORK);
                let done = injected(&stage, &browser, words, call, error, Where::Number(number));
                if done.failures == 0 {
                    break;
                }
                // Without its libraries no program starts.
                if done.status == Some(127) {
                    continue;
                }
                points += 1;
                let told = format!("{words:?} {call} {number}: {:?} {}", done.status, done.stderr);
                assert!(matches!(done.status, Some(0 | 1 | 4 | 69 | 77 | 78)), "{told}");
                let errors = done.stderr.matches("  E-").count();
                assert!(done.status == Some(0) || errors == 1, "{told}");
                assert!(!done.stderr.contains("fault of this program"), "{told}");
                let now = stage.stored(WORK);
                assert!(now == before || now["refresh_token"].is_string(), "{told}");
                let _ = stage.home.run(&["set"]).ok();
                let _ = stage.home.run(&["profile", "show", "both"]).ok();
                let _ = stage.home.run(&["auth"]).ok();
                let _ = stage.home.run(&[]).ok();
                assert_eq!(stage.home.leftovers(), Vec::<PathBuf>::new(), "{told}");
                if stage.token(WORK).status() != 0 {
                    let _ = stage.login(WORK, &["--force"]).ok();
                }
            }
        }
    }
    println!("{points} calls of the system failed in turn; nothing that was there was damaged");
    assert!(points > 50, "{points}");
}
