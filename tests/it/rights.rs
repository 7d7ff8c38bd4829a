//! Files and folders of ours that were opened to others are narrowed at the next run, whatever it is, and that is said.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt;

use crate::accounts_steps::pair;

#[test]
fn every_run_narrows_what_others_could_read_and_says_so_once() {
    let stand = pair();
    let widened = [
        ("config", 0o755, 0o700),
        ("config/settings.json", 0o644, 0o600),
        ("config/profiles", 0o755, 0o700),
        ("data", 0o755, 0o700),
        ("data/index.json", 0o644, 0o600),
        ("data/secure-store", 0o755, 0o700),
    ];
    let set = |path: &str, mode| set_permissions(stand.home.path(path), Permissions::from_mode(mode)).unwrap();
    for (path, wide, _) in widened {
        set(path, wide);
    }
    let done = stand.home.run(&["-p", "hello"]).ok();
    assert_eq!(done.stdout, "hello\n");
    for (path, wide, narrow) in widened {
        let mode = metadata(stand.home.path(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, narrow, "{path}");
        let said = format!("{path} was open to others (mode {wide:o}); it is {narrow:o} now.");
        assert_eq!(done.stderr.matches(&said).count(), 1, "{said}\n{done}");
    }
    assert_eq!(stand.home.run(&["-p", "again"]).ok().stderr, "");
}
