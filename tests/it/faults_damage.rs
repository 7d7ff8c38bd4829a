//! Damaged files through the whole program (security F4). The readers' own tests cut at every length and flip every
//! byte; here the program meets the borders and places all over each file.

use std::path::{Path, PathBuf};

use llxprt::sandbox::Endpoint;
use serde_json::Value;

use crate::faults::{planted, vault_key};
use crate::faults_stage::{PERSONAL, Stage, WORK};
use crate::support::{Done, Ended, canary};

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
    // Nobody has met the damage before: the login itself finds it, the first time, and asks nothing.
    for damage in ["cut", "flipped", "short", "no key"] {
        let stage = Stage::signed_in();
        let path = stage.sealed(WORK);
        let mut whole = std::fs::read(&path).unwrap();
        match damage {
            "cut" => whole.truncate(30),
            "flipped" => *whole.last_mut().unwrap() ^= 1,
            "short" => whole.truncate(8),
            _ => std::fs::remove_file(vault_key(&stage)).unwrap(),
        }
        std::fs::write(&path, &whole).unwrap();
        let done = stage.login(WORK, &[]).ok();
        assert!(done.stderr.contains("Signed in to anthropic as work@company.com"), "{damage}: {done}");
        assert!(!done.stderr.contains("already"), "{damage}: {done}");
        assert_eq!(stage.script().count(Endpoint::Token), 2, "{damage}");
        let _ = stage.token(WORK).ok();
    }
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
fn f4_an_index_that_this_version_does_not_know_fails_only_who_needs_it() {
    for place in ["version 3", "version 9", "symlink"] {
        let stage = planted();
        let path = stage.home.path("data/index.json");
        let whole = stage.home.read("data/index.json");
        let (status, words) = match place {
            "symlink" => {
                let aside = stage.home.write("work/aside", &whole);
                std::fs::remove_file(&path).unwrap();
                std::os::unix::fs::symlink(aside, &path).unwrap();
                (77, "is a symbolic link")
            }
            version => {
                let version = format!("\"version\":{}", &version["version ".len()..]);
                assert!(whole.contains("\"version\":1"), "{whole}");
                stage.home.write("data/index.json", whole.replace("\"version\":1", &version));
                (78, "a newer llxprt wrote it")
            }
        };
        let now = stage.home.read("data/index.json");
        for words in [
            &["help"][..],
            &["doctor"],
            &["log"],
            &["set"],
            &["set", "stream.idleSeconds", "61"],
            &["profile", "list"],
            &["--provider", "anthropic", "--key", "sk-ant-unknown", "doctor"],
        ] {
            let done = stage.home.run(words).ok();
            assert_eq!(done.stderr.matches("  E-").count(), 0, "{place} {words:?}: {done}");
        }
        let doctor = stage.home.run(&["doctor"]).ok();
        assert!(doctor.stdout.contains("index.json"), "{place}: {doctor}");
        stage.script().add_key("sk-ant-api03-of-a-test", WORK);
        let done = stage.home.run(&["--provider", "anthropic", "--key", "sk-ant-api03-of-a-test", "-p", "by key"]);
        assert_eq!(done.ok().stdout.trim(), "by key", "{place}");
        for needs in [&["auth"][..], &["key", "list"], &["auth", "anthropic", "token", "good"], &["-p", "by sign-in"]] {
            let done = stage.home.run(needs).exit(status);
            assert!(done.stderr.contains(words) && done.stderr.contains("index.json"), "{place} {needs:?}: {done}");
            assert_eq!(done.stderr.matches("index.json").count(), 1, "{place} {needs:?}: said once: {done}");
        }
        let pty = stage.home.pty_of(24, 300, &[]);
        pty.wait_for(words);
        pty.wait_prompt();
        assert!(pty.ask("/set stream.idleSeconds").contains("61"));
        drop(pty);
        assert_eq!(stage.home.read("data/index.json"), now, "{place}: it is left as it is");
        assert_eq!(path.is_symlink(), place == "symlink");
    }
}

/// Places all over a file, about so many.
fn all_over(length: usize, many: usize) -> Vec<usize> {
    (0..length).step_by((length / many).max(1)).collect()
}

/// Damages a file in many ways; each time the program must end by itself, say nothing of a fault of its own, and leave
/// the bytes as they are.
fn everywhere(stage: &Stage, path: &Path, words: &[&str], check: impl Fn(&Done, &[u8])) {
    let whole = std::fs::read(path).unwrap();
    for bytes in damages(&whole, &all_over(whole.len(), 24)) {
        std::fs::write(path, &bytes).unwrap();
        let done = stage.home.run(words);
        assert!(!done.stderr.contains("a fault of this program") && !done.stderr.contains("E-INTERNAL"), "{done}");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(done.status() == 0 || done.stderr.contains(name), "the file is named: {done}");
        assert_eq!(std::fs::read(path).unwrap(), bytes, "nothing is overwritten");
        check(&done, &bytes);
        // What needs another file works.
        let good = stage.home.typed(&["auth", "anthropic", "token", "good"]).reveals().done();
        assert_eq!(good.ok().stdout.trim(), "the-token-of-the-good-one");
    }
    std::fs::write(path, whole).unwrap();
}

#[test]
fn f4_a_profile_damaged_anywhere_is_named_where_it_is_needed() {
    let stage = planted();
    let _ = stage.home.run(&["profile", "save", "model", "both", "good", "bad"]).ok();
    let path = stage.home.path("config/profiles/both.json");
    everywhere(&stage, &path, &["profile", "show", "both"], |done, bytes| {
        let parses = serde_json::from_slice::<Value>(bytes).is_ok();
        assert!(parses || done.status() == 78, "{done}");
    });
    let _ = stage.home.run(&["profile", "show", "both"]).ok();
}

#[test]
fn f4_settings_damaged_anywhere_are_named_and_never_written() {
    let stage = planted();
    let path = stage.home.path("config/settings.json");
    // A reading command goes on with what it has; one that would change the file does not.
    everywhere(&stage, &path, &["set", "unset", "stream.idleSeconds"], |done, bytes| {
        let parses = serde_json::from_slice::<Value>(bytes).is_ok_and(|value| value.is_object());
        assert!(parses || done.status() == 78, "{done}");
    });
}

#[test]
fn f4_a_manifest_damaged_anywhere_is_named_with_its_place_and_the_other_providers_work() {
    let stage = planted();
    let text = "name = \"gateway\"\ntitle = \"Gateway\"\ndefault_model = \"m\"\napi_key_env = [\"GATEWAY_KEY\"]\n\n\
        [api]\ndialect = \"openai-chat\"\nbase_url = \"http://127.0.0.1:9/v1\"\n";
    let path = stage.home.write("config/providers/gateway.toml", text);
    let _ = stage.home.run(&["auth", "gateway", "status"]).ok();
    everywhere(&stage, &path, &["auth", "gateway", "status"], |done, _| {
        assert!([0, 78].contains(&done.status()), "{done}");
    });
}

#[test]
fn f4_a_sealed_file_damaged_anywhere_stays_closed() {
    let stage = planted();
    let path = stage.sealed("bad");
    everywhere(&stage, &path, &["auth", "anthropic", "token", "bad"], |done, _| {
        assert!([77, 78].contains(&done.status()), "{done}");
        assert_eq!(done.stdout, "");
    });
}

#[test]
fn f4_an_index_damaged_anywhere_is_read_or_built_anew() {
    let stage = planted();
    let path = stage.home.path("data/index.json");
    let whole = std::fs::read(&path).unwrap();
    for bytes in damages(&whole, &all_over(whole.len(), 24)) {
        std::fs::write(&path, &bytes).unwrap();
        let done = stage.token("good");
        // A flipped letter of a name is another name; the sealed file is found all the same.
        assert_eq!(done.ok().stdout.trim(), "the-token-of-the-good-one");
        let _ = stage.home.run(&["auth"]).ok();
    }
}
