//! Tests of the layers: which part of the program may use which, how long a file may be, and that nothing is unsafe.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What each top-level module of `src` may use, top down: `main → app → session → actions → run → { auth, chat } →
/// http → vault → config → sys → { providers, seams }`, with `ui` beside actions and the sandbox alone. `auth` and
/// `chat` decide: they reach neither disk nor screen nor settings. [`FOR_ALL`] is left out of the rows.
const MAY_USE: &[(&str, &[&str])] = &[
    ("main", &["app"]),
    (
        "app",
        &[
            "actions",
            "auth",
            "chat",
            "config",
            "http",
            "providers",
            "run",
            "sandbox",
            "seams",
            "session",
            "sys",
            "ui",
            "vault",
        ],
    ),
    ("session", &["actions", "config", "providers", "run", "seams", "sys", "ui"]),
    ("actions", &["auth", "chat", "config", "http", "providers", "run", "sandbox", "seams", "sys", "ui", "vault"]),
    ("run", &["auth", "chat", "config", "http", "providers", "seams", "sys", "ui", "vault"]),
    ("auth", &["http", "providers", "seams", "vault"]),
    ("chat", &["http", "providers", "seams"]),
    ("http", &["providers", "seams"]),
    ("vault", &["config", "seams", "sys"]),
    ("config", &["seams", "sys"]),
    ("sys", &["providers", "seams"]),
    ("providers", &[]),
    ("seams", &[]),
    ("ui", &[]),
    ("sandbox", &[]),
    ("error", &["secret"]),
    ("secret", &[]),
];

/// What every module but the sandbox may use.
const FOR_ALL: [&str; 2] = ["error", "secret"];

/// Uses that the table forbids and that stand all the same: the file, the module it uses, the reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("src/sys/log.rs", "ui", "dates and cleans its lines with two functions of ui that touch nothing")];

/// The longest a file may be, its tests not counted.
const LINES: usize = 500;

/// Files that are longer, each with the reason.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn each_module_uses_only_what_its_layer_allows() {
    let files = sources();
    let modules: BTreeSet<String> = files.iter().map(|file| file.module()).collect();
    let mut wrong: Vec<String> = modules
        .iter()
        .filter(|module| row(module).is_none() && *module != "lib")
        .map(|module| format!("src/{module}: no row in the table of allowed imports"))
        .collect();
    let mut needed = BTreeSet::new();
    for file in &files {
        let scan = file.scan();
        wrong.extend(scan.uses.iter().filter_map(|used| {
            let (from, to, shown) = (file.module(), &used.target, file.shown());
            if let Some(exception) = EXCEPTIONS.iter().find(|(file, module, _)| *file == shown && module == to) {
                needed.insert(exception);
                return None;
            }
            if !modules.contains(to) {
                return Some(format!("{shown}:{}: crate::{to} is no top-level module", used.line));
            }
            let allowed = from == *to || from == "lib" || row(&from).is_some_and(|row| allows(&from, row, to));
            (!allowed).then(|| format!("{shown}:{}: {from} may not use {to}", used.line))
        }));
    }
    let stale = EXCEPTIONS.iter().filter(|exception| !needed.contains(exception));
    wrong.extend(stale.map(|(file, module, _)| format!("{file}: no longer uses {module}; take its exception away")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_table_of_layers_has_no_circle() {
    let rows: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    assert_eq!(rows.len(), MAY_USE.len(), "a module has two rows");
    // A layer is settled when all it uses is; what can never be settled stands in a circle, or uses what has no row.
    let mut settled = BTreeSet::new();
    loop {
        let before = settled.len();
        for (module, uses) in &rows {
            if uses.iter().all(|used| settled.contains(used)) {
                settled.insert(*module);
            }
        }
        if settled.len() == before {
            break;
        }
    }
    let open: Vec<_> = rows.keys().filter(|module| !settled.contains(*module)).collect();
    assert!(open.is_empty(), "in a circle, or without a row: {open:?}");
}

#[test]
fn no_file_is_too_long() {
    let mut wrong = Vec::new();
    for file in sources() {
        let (shown, lines) = (file.shown(), file.lines());
        match LONGER.iter().find(|(name, _)| *name == shown) {
            None if lines > LINES => wrong.push(format!("{shown}: {lines} lines; {LINES} is the bound")),
            Some(_) if lines <= LINES => wrong.push(format!("{shown}: no longer needs its exception")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn nothing_is_unsafe() {
    let places: Vec<String> = sources()
        .iter()
        .flat_map(|file| file.scan().unsafe_lines.into_iter().map(|line| format!("{}:{line}", file.shown())))
        .collect();
    assert!(places.is_empty(), "unsafe in {}", places.join(", "));
}

#[test]
fn the_scan_sees_every_way_to_name_a_module() {
    let text = r#"
//! crate::comment
use crate::error::Failure;
use crate::{auth::{token, Login}, chat as talk, self};
fn f() -> crate::ui::Table { println!("crate::text {}", crate::sys::now()); super::super::vault::open() }
mod inner { use super::super::super::config; use super::sibling; }
#[cfg(test)]
use crate::hidden;
struct S { #[cfg(test)] field: crate::hidden::T, other: crate::seams::Clock }
#[cfg(test)]
mod tests {
    use crate::hidden;
    unsafe fn g() {}
}
pub(in crate::actions) const A: u8 = 1;
"#;
    let file = Source { path: "session/line.rs".into(), text: text.to_owned() };
    let scan = file.scan();
    let uses: Vec<String> = scan.uses.iter().map(ToString::to_string).collect();
    let expected = "3 error, 4 auth, 4 chat, 5 ui, 5 sys, 5 vault, 6 config, 9 seams, 15 actions";
    assert_eq!(uses.join(", "), expected);
    assert_eq!(scan.unsafe_lines, [13]);
    assert_eq!((file.lines(), scan.test_lines.first(), scan.test_lines.len()), (7, Some(&7), 8));
}

#[test]
fn modules_are_named_after_their_place() {
    let module = |path: &str| Source { path: path.into(), text: String::new() }.module();
    let modules =
        ["main.rs", "lib.rs", "secret.rs", "vault/mod.rs", "vault/index.rs", "chat/dialect/gemini.rs"].map(module);
    assert_eq!(modules, ["main", "lib", "secret", "vault", "vault", "chat"]);
    let main = Source { path: "main.rs".into(), text: "fn main() { llxprt::app::main() }".to_owned() };
    assert_eq!(main.scan().uses[0].to_string(), "1 app");
    assert!(allows("auth", row("auth").unwrap(), "error") && !allows("sandbox", row("sandbox").unwrap(), "error"));
}

fn row(module: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, uses)| *uses)
}

fn allows(from: &str, row: &[&str], to: &str) -> bool {
    row.contains(&to) || (FOR_ALL.contains(&to) && from != "sandbox" && !FOR_ALL.contains(&from))
}

/// One file of `src`.
struct Source {
    /// Its path below `src`.
    path: PathBuf,
    text: String,
}

/// One mention of a top-level module.
struct Use {
    line: usize,
    target: String,
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.line, self.target)
    }
}

/// What a file holds, its tests left out (but not their unsafe code).
#[derive(Default)]
struct Scan {
    uses: Vec<Use>,
    unsafe_lines: Vec<usize>,
    test_lines: BTreeSet<usize>,
}

/// Reads every file of `src` but those that hold only tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files: Vec<Source> = crate::support::canary::files_below(&root)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            text: std::fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(&root).unwrap().to_owned(),
        })
        .collect();
    files.retain(|file| {
        !file.path.components().any(|part| ["tests", "tests.rs"].contains(&&*part.as_os_str().to_string_lossy()))
    });
    assert!(files.len() > 3, "no sources below {}", root.display());
    files
}

impl Source {
    fn shown(&self) -> String {
        format!("src/{}", self.path.display())
    }

    /// Returns the top-level module that the file belongs to.
    fn module(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned()
    }

    /// Returns how many modules deep the file's own one is: 0 for the crate's root.
    fn depth(&self) -> usize {
        let stem = self.path.file_stem().unwrap();
        let folders = self.path.components().count() - 1;
        folders + usize::from(!(stem == "mod" || folders == 0 && (stem == "main" || stem == "lib")))
    }

    fn lines(&self) -> usize {
        self.text.lines().count() - self.scan().test_lines.len()
    }

    fn scan(&self) -> Scan {
        let tokens: TokenStream = self.text.parse().unwrap_or_else(|e| panic!("{}: {e}", self.shown()));
        let mut scan = Scan::default();
        // The binary names the library by its crate name.
        scan.walk(tokens, self.depth(), if self.module() == "main" { "llxprt" } else { "crate" });
        scan
    }
}

impl Scan {
    /// Walks over tokens at one level of nesting, `depth` modules below the crate's root.
    fn walk(&mut self, tokens: TokenStream, depth: usize, root: &str) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_test_attribute(&tokens[at..]) {
                let end = item_end(&tokens, at + 2);
                self.skip(&tokens[at..end]);
                at = end;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) => {
                    let named = at >= 2 && is_word(&tokens[at - 2], "mod") && group.delimiter() == Delimiter::Brace;
                    self.walk(group.stream(), depth + usize::from(named), root);
                }
                TokenTree::Ident(word) if word == "unsafe" => self.unsafe_lines.push(word.span().start().line),
                TokenTree::Ident(word) if word == root && is_path(&tokens[at + 1..]) => {
                    self.targets(&tokens[at + 3..]);
                }
                TokenTree::Ident(word) if word == "super" && is_path(&tokens[at + 1..]) => {
                    let mut up = 1;
                    while is_path(&tokens[at + 1..]) && tokens.get(at + 3).is_some_and(|t| is_word(t, "super")) {
                        up += 1;
                        at += 3;
                    }
                    if up == depth && is_path(&tokens[at + 1..]) {
                        self.targets(&tokens[at + 3..]);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Notes what follows `crate::`: one name, or the first name of each part of a group.
    fn targets(&mut self, rest: &[TokenTree]) {
        match rest.first() {
            Some(TokenTree::Ident(name)) => {
                self.uses.push(Use { line: name.span().start().line, target: name.to_string() });
            }
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| matches!(token, TokenTree::Punct(p) if p.as_char() == ',')) {
                    if !part.first().is_none_or(|token| is_word(token, "self")) {
                        self.targets(part);
                    }
                }
            }
            _ => {}
        }
    }

    /// Leaves tokens out, but for their unsafe code; the lines they stand on are test lines.
    fn skip(&mut self, tokens: &[TokenTree]) {
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else { return };
        self.test_lines.extend(first.span().start().line..=last.span().end().line);
        let mut inner = Self::default();
        inner.walk(tokens[2..].iter().cloned().collect(), 0, "crate");
        self.unsafe_lines.extend(inner.unsafe_lines);
    }
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == c)
}

/// Returns whether the tokens begin with `::`.
fn is_path(tokens: &[TokenTree]) -> bool {
    is_punct(tokens.first(), ':') && is_punct(tokens.get(1), ':')
}

/// Returns whether the tokens begin with `#[cfg(test)]`.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    is_punct(tokens.first(), '#')
        && matches!(tokens.get(1), Some(TokenTree::Group(group)) if group.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// Returns where the thing that begins at `at` ends: an item with its `;` or braces, anything else with its comma.
fn item_end(tokens: &[TokenTree], mut at: usize) -> usize {
    const ITEMS: [&str; 13] = [
        "use",
        "mod",
        "fn",
        "impl",
        "struct",
        "enum",
        "const",
        "static",
        "type",
        "trait",
        "async",
        "extern",
        "macro_rules",
    ];
    let start = at;
    let item = |token: &TokenTree| ITEMS.iter().any(|word| is_word(token, word));
    // Behind further attributes and the visibility: an item says so within its first few words.
    let words = tokens[start..].iter().filter(|token| !matches!(token, TokenTree::Group(_))).take(6);
    let is_item = words.take_while(|token| !is_punct(Some(token), ':')).any(item);
    while at < tokens.len() {
        let ends = match &tokens[at] {
            TokenTree::Punct(punct) => punct.as_char() == if is_item { ';' } else { ',' },
            TokenTree::Group(group) => is_item && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        at += 1;
        if ends {
            break;
        }
    }
    at
}
