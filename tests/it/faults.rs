//! Damaged files, full and read-only disks, hostile names and links, through the whole program (security 8 and 9).

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use llxprt::sandbox::{Answer, Endpoint};
use serde_json::{Value, json};

use crate::faults_kills::{Figures, kills};
use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::support::{Ended, canary, until};

/// Two logins that need no provider.
fn planted() -> Stage {
    let stage = Stage::empty();
    let _ = stage.home.run(&["auth", "anthropic", "enable"]).ok();
    stage.plant("good", "the-token-of-the-good-one");
    stage.plant("bad", "the-token-of-the-bad-one");
    stage
}

/// The file whole, cut at several lengths, and with single bytes flipped: first, last and around the borders.
fn damages(whole: &[u8], borders: &[usize]) -> Vec<Vec<u8>> {
    let places = || borders.iter().copied().chain([0, whole.len() - 1]).filter(|at| *at < whole.len());
    let cut = places().map(|at| whole[..at].to_vec());
    let flip = places().map(|at| {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x01;
        bytes
    });
    cut.chain(flip).collect()
}

fn vault_key(stage: &Stage) -> PathBuf {
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
fn f4_a_damaged_sealed_file_is_named_and_kept_and_the_other_accounts_work() {
    let stage = planted();
    let path = stage.sealed("bad");
    let whole = std::fs::read(&path).unwrap();
    // Magic, key id, nonce, sealed text, tag.
    for bytes in damages(&whole, &[1, 7, 8, 15, 16, 39, 40, whole.len() - 16]) {
        std::fs::write(&path, &bytes).unwrap();
        let done = stage.token("bad");
        // A key id that no key has is a secret that cannot be opened; anything else is a damaged file.
        let codes = [(Ended::Exit(78), "E-DAMAGED"), (Ended::Exit(77), "E-VAULT")];
        assert!(codes.iter().any(|(end, code)| done.ended == *end && done.stderr.contains(code)), "{done}");
        assert!(done.stderr.contains("bad.sealed"), "{done}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is kept as it is");
    }
    assert_eq!(stage.bucket("bad")["state"], "unknown");
    assert_eq!(stage.bucket("good")["state"], "ready");
    let status = stage.home.run(&["auth", "anthropic"]).ok();
    assert!(status.stdout.contains("unreadable"), "{status}");
    assert!(status.stdout.contains("bad.sealed"), "the reason stands there, with the path: {status}");
    assert_eq!(stage.token("good").ok().stdout.trim(), "the-token-of-the-good-one");
    // What is whole again works again, and is not called unreadable any more.
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(stage.token("bad").ok().stdout.trim(), "the-token-of-the-bad-one");
    assert_eq!(stage.bucket("bad")["state"], "ready");
}

#[test]
fn f4_a_new_login_for_exactly_that_account_replaces_a_damaged_file() {
    let stage = Stage::signed_in();
    std::fs::write(stage.sealed(WORK), b"LLXSEAL1").unwrap();
    let _ = stage.token(WORK).exit(78);
    let _ = stage.login(WORK, &[]).ok();
    let _ = stage.token(WORK).ok();
}

#[test]
fn f4_a_damaged_index_is_set_aside_and_built_anew_from_the_vault() {
    let stage = planted();
    let path = stage.home.path("data/index.json");
    let whole = std::fs::read(&path).unwrap();
    for (number, bytes) in
        [whole[..whole.len() / 2].to_vec(), b"[]".to_vec(), b"\xff\xfe".to_vec(), Vec::new()].into_iter().enumerate()
    {
        std::fs::write(&path, &bytes).unwrap();
        let done = stage.token("good").ok();
        assert_eq!(done.stdout.trim(), "the-token-of-the-good-one");
        assert!(done.stderr.contains("index.json") && done.stderr.contains("kept as"), "{done}");
        let beside = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("index.json.");
        let kept: Vec<_> = canary::files_below(&stage.home.path("data")).into_iter().filter(beside).collect();
        assert!(kept.iter().any(|path| std::fs::read(path).unwrap() == bytes), "{number}: {kept:?}");
        assert_eq!(stage.token("bad").ok().stderr, "", "built once");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(stage.token("good").ok().stdout.trim(), "the-token-of-the-good-one");
}

#[test]
fn f4_a_damaged_key_file_is_named_and_a_new_login_makes_a_key_beside_it() {
    let stage = Stage::signed_in();
    let path = vault_key(&stage);
    let whole = std::fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    for bytes in damages(&whole, &[5, 18, 19, 20, 40]) {
        if bytes.trim_ascii_end() == whole.trim_ascii_end() {
            continue;
        }
        std::fs::write(&path, &bytes).unwrap();
        let done = stage.token(WORK);
        assert!([77, 78].contains(&done.status()) && done.stderr.contains(&name), "{done}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is kept as it is");
    }
    let damaged = std::fs::read(&path).unwrap();
    let done = stage.login(PERSONAL, &[]).ok();
    assert!(done.stderr.contains(&name), "the damaged one is named: {done}");
    assert_eq!(std::fs::read(&path).unwrap(), damaged);
    let _ = stage.token(PERSONAL).ok();
    std::fs::write(&path, &whole).unwrap();
    let _ = stage.token(WORK).ok();
    let _ = stage.token(PERSONAL).ok();
}

#[test]
fn f4_a_damaged_history_lets_the_session_begin_and_stays() {
    let stage = planted();
    let bytes = b"first\n\xff\xfe\x00broken\nlast".to_vec();
    let path = stage.home.write("data/history", &bytes);
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    assert!(pty.ask("/auth").contains("good"));
    drop(pty);
    assert!(std::fs::read(path).unwrap().starts_with(&bytes), "nothing is overwritten");
}

#[test]
fn f4_settings_that_do_not_parse_are_never_written() {
    let stage = planted();
    let whole = stage.home.read("config/settings.json");
    for bytes in damages(whole.as_bytes(), &[whole.len() / 2])
        .into_iter()
        .filter(|b| serde_json::from_slice::<Value>(b).is_err())
    {
        let path = stage.home.write("config/settings.json", &bytes);
        let done = stage.home.run(&["set", "stream.idleSeconds", "60"]);
        assert_eq!(done.status(), 78, "{done}");
        assert!(done.stderr.contains("settings.json"), "{done}");
        assert_eq!(std::fs::read(path).unwrap(), bytes);
        let _ = stage.token("good").ok();
    }
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
        ] {
            // The key called `all` and the provider called `all` are allowed or merely unknown.
            if name == "all" && (words[0] == "key" || words[1] == name) {
                continue;
            }
            let done = stage.home.run(words);
            assert_eq!(done.status(), 2, "{words:?}: {done}");
        }
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

    // A renewal that cannot be kept: the shell gets 77, a session goes on and stores it once it can.
    stage.leave_seconds(WORK, -10);
    let before = stage.stored(WORK);
    data.fill();
    let done = stage.token(WORK).exit(77);
    assert!(done.stderr.contains("No space left") && done.stderr.contains("work@company.com.sealed"), "{done}");
    data.free();
    assert_eq!(stage.stored(WORK), before, "the old content is intact");
    let _ = stage.login(WORK, &["--force"]).ok();
    stage.leave_seconds(WORK, -10);
    let before = stage.stored(WORK);
    let pty = stage.home.pty(&[]);
    pty.wait_prompt();
    data.fill();
    let answer = pty.ask("on a full disk");
    assert!(answer.contains("on a full disk") && answer.contains("in memory"), "{answer}");
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
