//! Pages of `docs/` that are made from the program: they say what it does.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use llxprt::error::Code;

/// Compares a page with what it should be; with `LLXPRT_WRITE_DOCS` set it is written instead.
fn same(page: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    if std::env::var_os("LLXPRT_WRITE_DOCS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == wanted, "{page} is not what the program says: LLXPRT_WRITE_DOCS=1 cargo test pages writes it");
}

#[test]
fn the_reference_of_commands_is_made_from_the_grammar() {
    same("docs/commands.md", &llxprt_commands::reference());
}

#[test]
fn the_list_of_codes_is_made_from_the_codes() {
    let mut page = String::from(
        "# Errors\n\nEach failure ends with a stable code that scripts may compare; with `--json` it is the member \
         `code` of `llxprt.error.v1`.\n\n| code | exit status | meaning |\n| --- | --- | --- |\n",
    );
    for code in Code::ALL {
        writeln!(page, "| `{}` | {} | {} |", code.text(), code.exit(), code.about().trim()).unwrap();
    }
    page.push_str(
        "\nOther statuses: 0 done, 129 ended by SIGHUP, 130 by Ctrl+C, 143 by SIGTERM, 141 stdout was closed early. \
         `W-RESTRICTED` and `W-RETIRED` mark what a provider's owner says of such sign-ins; they end nothing.\n",
    );
    same("docs/errors.md", &page);
}

#[test]
fn the_page_of_documents_names_every_schema_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schemas = |text: &str| {
        let words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '.');
        let is_schema = |word: &&str| word.starts_with("llxprt.") && word.ends_with(".v1");
        words.filter(is_schema).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let mut used = BTreeSet::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                used.extend(schemas(&std::fs::read_to_string(path).unwrap()));
            }
        }
    }
    assert_eq!(schemas(&std::fs::read_to_string(root.join("docs/scripts.md")).unwrap()), used);
}
