//! Kills, hostile names, links and swapped files, through the whole program (security 8 and 9).

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::json;

use crate::faults_kills::{Figures, kills};
use crate::faults_stage::{Stage, WORK, account, block_on};
use crate::support::canary;

/// Two logins that need no provider.
pub fn planted() -> Stage {
    let stage = Stage::empty();
    let _ = stage.home.run(&["auth", "anthropic", "enable"]).ok();
    stage.plant("good", "the-token-of-the-good-one");
    stage.plant("bad", "the-token-of-the-bad-one");
    stage
}

pub fn vault_key(stage: &Stage) -> PathBuf {
    let data = std::fs::read_dir(stage.home.path("data")).unwrap().map(|item| item.unwrap().path());
    let keys: Vec<_> = data.filter(|path| path.extension().is_some_and(|e| e == "key")).collect();
    assert_eq!(keys.len(), 1, "{keys:?}");
    keys[0].clone()
}

#[test]
fn f1_after_kills_nothing_is_lost_left_over_or_locked() {
    let figures = kills(25);
    let expected = Figures { killed: figures.killed, lost_in_window: figures.lost_in_window, ..Figures::default() };
    assert_eq!(figures, expected);
}

#[test]
fn a7_sealed_files_swapped_between_accounts_and_kinds_do_not_open() {
    let stage = planted();
    let _ = stage.home.run(&["key", "save", "good", "sk-canary-of-a-saved-key-0001"]).ok();
    let key = stage.home.path("data/secure-store/keys/good.sealed");
    let [good, bad] = ["good", "bad"].map(|bucket| stage.sealed(bucket));
    let [good_bytes, bad_bytes, key_bytes] = [&good, &bad, &key].map(|path| std::fs::read(path).unwrap());
    for (path, bytes) in [(&good, &bad_bytes), (&good, &key_bytes), (&bad, &good_bytes)] {
        std::fs::write(path, bytes).unwrap();
        let bucket = path.file_stem().unwrap().to_str().unwrap();
        let done = stage.token(bucket).exit(78);
        assert!(done.stderr.contains("does not open: it was changed, or it is not that of anthropic:"), "{done}");
        assert_eq!(done.stdout, "");
        std::fs::write(&good, &good_bytes).unwrap();
        std::fs::write(&bad, &bad_bytes).unwrap();
    }
    std::fs::write(&key, &good_bytes).unwrap();
    let done = stage.home.run(&["--key-name", "good", "-p", "hello"]);
    assert!(done.status() != 0 && done.stderr.contains("good.sealed"), "{done}");
    assert_eq!(stage.script().count(Endpoint::Chat), 0);
}

#[test]
fn a4_names_that_could_leave_their_folder_are_refused_before_anything_is_touched() {
    let stage = Stage::empty();
    let before = canary::files_below(&stage.home.path(""));
    let long = "x".repeat(65);
    let names = ["..", "../x", "a/b", "a\\b", "a:b", ".hidden", "-f", "", " ", "all", "a\u{430}", "a\u{202e}b", &long];
    for name in names {
        for words in [
            &["auth", "anthropic", "login", name][..],
            &["auth", "anthropic", "token", name],
            &["auth", "anthropic", "rename", name, "new"],
            &["auth", "anthropic", "rename", "old", name],
            &["key", "save", name, "sk-canary-of-a-saved-key-0002"],
            &["key", "delete", name],
            &["auth", name, "status"],
            &["auth", "anthropic", "switch", name],
            &["auth", "anthropic", "logout", name],
            &["profile", "save", "model", name, "good"],
            &["profile", "save", "model", "both", name],
            &["profile", "show", name],
            &["profile", "delete", name],
            &["profile", "set-default", name],
            &["--bucket", name, "-p", "hello"],
            &["--profile-load", name, "-p", "hello"],
            &["--key-name", name, "-p", "hello"],
            &["--provider", name, "-p", "hello"],
        ] {
            // Everybody is signed out by it.
            if words[2..] == ["logout", "all"] {
                continue;
            }
            let done = stage.home.run(words);
            assert_eq!(done.status(), 2, "{words:?}: {done}");
        }
    }
    // No argument of a process can hold it, a line that is typed can.
    for line in
        ["/auth anthropic login a\0b", "/profile save model a\0b good", "/key save a\0b sk-canary-0000000000002"]
    {
        assert_eq!(stage.home.run_with_stdin(&[], format!("{line}\n")).status(), 2, "{line:?}");
    }
    assert_eq!(canary::files_below(&stage.home.path("")), before);
}

#[test]
fn a4_names_that_differ_in_case_or_are_devices_are_accounts_of_their_own() {
    let stage = Stage::empty();
    for name in
        ["work", "Work", "WORK", "con", "nul.txt", "com1", "a%2e", "+", "a@b.c"].iter().filter(|n| !n.contains('%'))
    {
        stage.plant(name, &format!("the-token-of-{name}"));
    }
    for name in ["work", "Work", "WORK", "con", "nul.txt", "com1", "+", "a@b.c"] {
        assert_eq!(stage.token(name).ok().stdout.trim(), format!("the-token-of-{name}"));
    }
    let names: Vec<String> = canary::files_below(&stage.home.path("data/secure-store/tokens"))
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().to_lowercase())
        .collect();
    let mut distinct = names.clone();
    distinct.dedup();
    assert_eq!((names.len(), distinct.len()), (8, 8), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("con.") || name.starts_with("nul.")), "{names:?}");
}

#[test]
fn a4_a_trailing_dot_and_look_alikes_of_the_extension_stay_below_their_folder() {
    let stage = Stage::empty();
    for name in ["work.", "work.sealed", "work..", "x.tmp", "PRN", "aux.txt"] {
        stage.plant(name, &format!("the-token-of-{name}"));
    }
    for name in ["work.", "work.sealed", "work..", "x.tmp", "PRN", "aux.txt"] {
        assert_eq!(stage.token(name).ok().stdout.trim(), format!("the-token-of-{name}"));
    }
    // What ends in `.tmp` is no leftover.
    let _ = stage.home.run(&[]).ok();
    let _ = stage.token("x.tmp").ok();
}

#[test]
fn a7_a_key_file_with_another_key_in_it_opens_nothing_and_is_kept() {
    let (stage, other) = (planted(), planted());
    let (path, foreign) = (vault_key(&stage), std::fs::read(vault_key(&other)).unwrap());
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &foreign).unwrap();
    let done = stage.token("good");
    assert!([77, 78].contains(&done.status()) && done.stdout.is_empty(), "{done}");
    assert!(done.stderr.contains(path.file_name().unwrap().to_str().unwrap()), "{done}");
    assert_eq!(std::fs::read(&path).unwrap(), foreign);
    // Beside the right one a foreign whole key harms nothing.
    std::fs::write(&path, whole).unwrap();
    std::fs::copy(vault_key(&other), stage.home.path("data").join(vault_key(&other).file_name().unwrap())).unwrap();
    let _ = stage.token("good").ok();
}

#[test]
fn a5_a_second_name_of_a_file_of_ours_is_never_written_through() {
    let stage = Stage::signed_in();
    let outside = |name: &str| stage.home.path(&format!("work/{name}"));
    let _ = stage.home.run(&["profile", "save", "model", "both", WORK]).ok();
    let files = [
        stage.sealed(WORK),
        stage.home.path("data/index.json"),
        stage.home.path("config/settings.json"),
        stage.home.path("config/profiles/both.json"),
        stage.home.path("log/llxprt.log"),
        stage.home.write("data/history", "a line\n"),
    ];
    let named: Vec<_> = files
        .iter()
        .map(|file| {
            let second = outside(file.file_name().unwrap().to_str().unwrap());
            std::fs::hard_link(file, &second).unwrap();
            (std::fs::read(file).unwrap(), second)
        })
        .collect();
    stage.leave_seconds(WORK, -10);
    let _ = stage.token(WORK).ok();
    let _ = stage.home.run(&["set", "stream.idleSeconds", "61"]).ok();
    let _ = stage.home.run(&["profile", "save", "model", "both", WORK]);
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    let _ = pty.ask("a line for the history");
    drop(pty);
    for (before, second) in named {
        assert_eq!(std::fs::read(&second).unwrap(), before, "{}", second.display());
    }
}

#[test]
#[ignore = "needs root to give a file away"]
fn a5_a_file_or_folder_of_somebody_else_is_refused_with_its_path() {
    for place in ["sealed", "key", "index", "store"] {
        let stage = planted();
        let path = match place {
            "sealed" => stage.sealed("good"),
            "key" => vault_key(&stage),
            "index" => stage.home.path("data/index.json"),
            _ => stage.home.path("data/secure-store"),
        };
        std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let done = match place {
            // What lies sealed in it opens or does not; nothing is written there.
            "store" => stage.home.run(&["key", "save", "other", "sk-canary-of-a-saved-key-0010"]),
            _ => stage.token("good"),
        };
        assert!([77, 78].contains(&done.status()), "{place}: {done}");
        assert!(done.stderr.contains(name), "{place}: {done}");
        assert_eq!(done.stdout, "");
    }
}

/// Puts a link in the place of a file and returns what it leads to, with its bytes.
fn linked(place: &Path, aside: PathBuf) -> (PathBuf, Vec<u8>) {
    std::fs::rename(place, &aside).unwrap();
    symlink(&aside, place).unwrap();
    let bytes = if aside.is_file() { std::fs::read(&aside).unwrap() } else { Vec::new() };
    (aside, bytes)
}

#[test]
fn a5_a_link_in_the_place_of_a_file_of_ours_is_refused_with_its_path_and_not_followed() {
    for (number, place) in ["sealed", "key", "index", "store"].into_iter().enumerate() {
        let stage = planted();
        let path = match place {
            "sealed" => stage.sealed("good"),
            "key" => vault_key(&stage),
            "index" => stage.home.path("data/index.json"),
            _ => stage.home.path("data/secure-store"),
        };
        let (aside, bytes) = linked(&path, stage.home.path(&format!("work/aside{number}")));
        let done = stage.token("good");
        assert_eq!(done.status(), 77, "{place}: {done}");
        assert!(done.stderr.contains(path.to_str().unwrap().rsplit('/').next().unwrap()), "{place}: {done}");
        assert!(done.stderr.contains("link"), "{place}: {done}");
        let done = stage.home.run(&["key", "save", "other", "sk-canary-of-a-saved-key-0003"]);
        assert!(place == "sealed" || done.status() == 77, "{place}: {done}");
        assert!(path.is_symlink(), "{place}");
        if aside.is_file() {
            assert_eq!(std::fs::read(&aside).unwrap(), bytes, "{place}");
        }
    }
}

#[test]
fn a5_history_and_log_are_not_written_through_a_link() {
    let stage = planted();
    let outside = stage.home.write("work/outside", "untouched");
    std::fs::create_dir_all(stage.home.path("log")).unwrap();
    let _ = std::fs::remove_file(stage.home.path("log/llxprt.log"));
    symlink(&outside, stage.home.path("log/llxprt.log")).unwrap();
    symlink(&outside, stage.home.path("data/history")).unwrap();
    let pty = stage.home.pty(&[]);
    pty.wait_for("What you type is not remembered");
    pty.wait_prompt();
    let _ = pty.ask("/auth anthropic logout good");
    drop(pty);
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "untouched");
}

#[test]
fn a5_what_others_could_read_is_narrowed_and_said_once() {
    use std::os::unix::fs::PermissionsExt;
    let stage = planted();
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    open(&stage.sealed("good"), 0o644);
    open(&vault_key(&stage), 0o666);
    open(&stage.home.path("data/secure-store"), 0o755);
    let first = stage.home.run(&[]).ok();
    assert!(first.stderr.contains("good.sealed") && first.stderr.contains("secure-store"), "{first}");
    stage.home.assert_private();
    assert_eq!(stage.home.run(&[]).ok().stderr, "");
}

#[test]
fn a_login_that_another_process_made_meanwhile_is_not_written_over_by_what_was_owed() {
    // The owed write is that of a session whose disk was full; here the vault is asked itself.
    let stage = Stage::signed_in();
    let (vault, account) = (stage.vault(), crate::faults_stage::account(WORK));
    let stored = stage.stored(WORK).to_string();
    let renewed = json!({ "access_token": "renewed" }).to_string();
    vault.owe(&account, &stored, &renewed);
    assert!(vault.owes(&account));
    stage.script().answer(Endpoint::Profile, Answer::empty(503));
    let _ = stage.login(WORK, &["--force"]).ok();
    let newer = stage.stored(WORK);
    crate::faults_stage::block_on(async {
        let lock = vault.lock(&account).await.unwrap();
        vault.pay(&lock, &account).await.unwrap();
    });
    assert!(!vault.owes(&account));
    assert_eq!(stage.stored(WORK), newer);

    vault.owe(&account, &newer.to_string(), &renewed);
    crate::faults_stage::block_on(async {
        let lock = vault.lock(&account).await.unwrap();
        vault.pay(&lock, &account).await.unwrap();
    });
    assert_eq!(stage.stored(WORK)["access_token"], "renewed");
}

#[test]
fn f1_leftovers_of_a_write_that_was_killed_are_gone_after_the_next_start_whatever_it_is() {
    let stage = Stage::signed_in();
    let _ = stage.home.run(&["key", "save", "mine", "sk-canary-of-a-saved-key-0009"]).ok();
    let _ = stage.home.run(&["profile", "save", "model", "both", WORK]).ok();
    for words in [
        &["auth"][..],
        &["auth", "anthropic", "token", WORK],
        &["set"],
        &["-p", "hello"],
        &["auth", "anthropic", "login", WORK],
        &["help"],
    ] {
        for place in [
            "data/.index.json.abcdEFGH.tmp",
            "data/.vault-0011223344556677.key.abcdEFGH.tmp",
            "data/secure-store/tokens/anthropic/.work@company.com.sealed.abcdEFGH.tmp",
            "data/secure-store/keys/.mine.sealed.abcdEFGH.tmp",
            "config/.settings.json.abcdEFGH.tmp",
            "config/profiles/.both.json.abcdEFGH.tmp",
        ] {
            stage.home.write(place, "half");
        }
        let account = block_on(stage.vault().lock(&account(WORK))).unwrap();
        let _ = stage.home.run(&["doctor"]).ok();
        assert_eq!(stage.home.leftovers().len(), 1, "somebody writes that one right now");
        drop(account);
        let _ = stage.home.typed(words).reveals().done().ok();
        assert_eq!(stage.home.leftovers(), Vec::<PathBuf>::new(), "{words:?}");
    }
}
