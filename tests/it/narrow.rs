//! Narrow terminals, and one that does not know how wide it is: no word is broken in the middle.

use crate::accounts_steps::{Stand, two};
use crate::support::Pty;

/// Signed in twice, with a session of so many columns.
fn session(stand: &Stand, columns: u16) -> Pty {
    let pty = stand.home.pty_of(60, columns, &[]);
    pty.wait_prompt();
    pty
}

/// What the screen shows from the first line that begins so, without the prompt.
fn shown(pty: &Pty, first: &str) -> String {
    pty.wait_prompt();
    let rows = pty.rows();
    let begins = |row: &String| row.starts_with(first) && !row.contains('›');
    let begin = rows.iter().rposition(begins).unwrap_or_else(|| panic!("{}", pty.screen()));
    let rows: Vec<_> = rows[begin..].iter().filter(|row| !row.is_empty()).cloned().collect();
    let end = rows.iter().position(|row| row.contains('›')).unwrap_or(rows.len());
    rows[..end].join("\n")
}

#[test]
fn counts_stack_where_their_columns_do_not_fit() {
    let stand = two();
    for columns in [60, 40] {
        let pty = session(&stand, columns);
        pty.type_line("/stats buckets");
        pty.wait_for_count("Last used", 2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&pty, "anthropic personal@gmail.com"), @"
            anthropic personal@gmail.com
              Requests   0
              Input      0
              Output     0
              Switches   0
              Last used  never
            anthropic work@company.com
              Requests   0
              Input      0
              Output     0
              Switches   0
              Last used  never
            ");
        }
    }
    let pty = session(&stand, 100);
    pty.type_line("/stats buckets");
    pty.wait_for("Provider   Account             Requests");
}

#[test]
fn settings_and_reasons_break_at_blanks() {
    let stand = two();
    let pty = session(&stand, 40);
    pty.type_line("/set");
    pty.wait_for("auth.anthropic.accepted");
    let settings = shown(&pty, "auth.noBrowser");
    assert!(settings.starts_with("auth.noBrowser\n  found out  (default)\nauth.waitSeconds\n  600  (default)\n"));
    assert!(settings.ends_with("auth.anthropic.accepted\n  2026-02-19  (settings.json)"), "{settings}");
    pty.type_line("/auth anthropic why");
    pty.wait_for("To use a key instead");
    let why = shown(&pty, "anthropic uses");
    insta::assert_snapshot!(why.split_once("\nTo use").unwrap().0, @"
    anthropic uses the sign-in
    personal@gmail.com, because no key is
    there.
    1, command line: nothing given
    2, profile, settings: no key there
    3, saved keys: none named anthropic
    4, environment: ANTHROPIC_API_KEY is not
    set
    5, sign-in: personal@gmail.com (used)
    ");
}

#[test]
fn a_terminal_of_no_columns_is_taken_for_one_of_80() {
    let stand = two();
    let pty = session(&stand, 100);
    pty.sh("stty rows 0 cols 0");
    pty.type_line("/auth anthropic why");
    pty.wait_for("To use a key instead:");
    pty.wait_for("anthropic uses the sign-in personal@gmail.com, because no key is there.");
}
