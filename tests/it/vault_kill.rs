//! `kill -9` at any instant while the vault writes (`security.md` F1).

use std::path::{Path, PathBuf};
use std::time::Duration;

use llxprt::config::Dirs;
use llxprt::vault::{Vault, Wish};

use crate::vault_steps::Steps;

const WIDE: usize = 3;

#[test]
fn after_kills_every_file_opens_what_was_kept_is_there_and_nothing_is_left_over() {
    assert_eq!(kills(25), 0);
}

#[test]
#[ignore = "takes a minute"]
fn the_same_after_a_thousand_kills() {
    let lost = kills(1000);
    println!("logins lost in 1,000 kill -9: {lost}");
    assert_eq!(lost, 0);
}

/// Returns how many logins that were kept are gone; everything else that is wrong panics.
fn kills(rounds: usize) -> usize {
    let root = tempfile::tempdir().unwrap();
    let environment = [("HOME", root.path())];
    let dirs = Dirs::below(root.path());
    let mut lost = 0;
    for round in 0..rounds {
        let mut child = Steps::start(environment, root.path());
        let mut kept: Vec<usize> =
            child.begin(&format!("storm {WIDE}")).take(round % 4).map(|n| n.parse().unwrap()).collect();
        // Not a wait for anything: it spreads the instants over what a round does.
        std::thread::sleep(Duration::from_micros((round as u64 * 577) % 6000));
        kept.extend(child.kill().iter().map(|n| n.parse::<usize>().unwrap()));
        lost += look(&dirs, &kept, round);
    }
    lost
}

fn look(dirs: &Dirs, kept: &[usize], round: usize) -> usize {
    let vault = Vault::new(dirs, Wish::File, true, false);
    assert_eq!(vault.start_up(), [""; 0], "round {round}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let files = files(&dirs.data);
    let left: Vec<_> = files.iter().filter(|path| path.extension().is_some_and(|e| e == "tmp")).collect();
    assert!(left.is_empty(), "round {round}: {left:?}");
    assert!(files.iter().filter(|path| path.extension().is_some_and(|e| e == "key")).count() <= 1, "round {round}");
    let index = vault.index().unwrap();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "sealed")) {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let folder = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let named = if folder == "keys" {
            index.keys.contains_key(name)
        } else {
            index.accounts.contains_key(&format!("{folder}:{name}"))
        };
        assert!(named, "round {round}: nothing names {}", path.display());
    }
    let mut lost = 0;
    for account in index.accounts.keys() {
        let account = account.parse().unwrap();
        drop(vault.try_lock(&account).unwrap().unwrap_or_else(|| panic!("round {round}: {account} is locked")));
        let text = runtime.block_on(vault.read(&account, &|_| {})).unwrap();
        let number = text.as_deref().map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()["n"].as_u64());
        let last = kept.iter().rev().find(|n| account.to_string() == format!("qwen:b{}", *n % WIDE));
        if let Some(last) = last
            && number.flatten().is_none_or(|n| n < *last as u64)
        {
            lost += 1;
        }
    }
    for (name, _) in vault.keys().unwrap() {
        let key = runtime.block_on(vault.read_key(&name, &|_| {})).unwrap();
        assert!(key.is_none_or(|key| key.expose().len() == 23), "round {round}");
    }
    lost
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for item in std::fs::read_dir(folder).into_iter().flatten() {
        let path = item.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
