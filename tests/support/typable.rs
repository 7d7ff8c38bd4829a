//! What the program suggests can be typed: every line that a run suggests is read by the grammar.

use llxprt_commands::{Line, Shell, ShellExit};

/// Returns the lines that a run suggested: indented ones on stderr, and the member `next` of documents on stdout.
/// Forms with something to fill in are left out.
pub fn suggested(stdout: &str, stderr: &str) -> Vec<String> {
    let documents = stdout.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let next = documents.flat_map(|document| document["next"].as_array().cloned().unwrap_or_default());
    let next = next.filter_map(|line| line.as_str().map(str::to_owned));
    let indented = stderr.lines().filter_map(|line| line.strip_prefix("  "));
    // What follows after a gap is a link, another suggestion or a code.
    let indented = indented.flat_map(|line| line.split("  ")).map(|part| part.trim_matches([' ', '·']).to_owned());
    next.chain(indented).filter(|line| is_command(line) && !line.contains(['<', '[', '…'])).collect()
}

fn is_command(line: &str) -> bool {
    let first = line.split(' ').next().unwrap_or_default();
    // A path has more than one slash.
    first == "llxprt"
        || (first.starts_with('/') && first.len() > 1 && !first[1..].contains('/') && !line.contains(", then "))
}

/// Panics when something that is suggested is no command.
#[track_caller]
pub fn assert_typable(shown: &str, stdout: &str, stderr: &str) {
    for line in suggested(stdout, stderr) {
        if let Err(why) = read(&line) {
            panic!("{shown} suggests {line:?}, and that is no command: {why}\n{stdout}\n--- stderr\n{stderr}");
        }
    }
}

/// Reads a line by the grammar of the place where it is to be typed.
pub fn read(line: &str) -> Result<(), String> {
    if line.starts_with('/') {
        return match llxprt_commands::parse(line) {
            Ok(Line::Command { .. }) => Ok(()),
            other => Err(format!("{other:?}")),
        };
    }
    match Shell::parse_from_args(words(line)) {
        Ok(_) | Err(ShellExit::Text(_)) => Ok(()),
        Err(ShellExit::Usage(error)) => Err(error.message),
    }
}

/// Splits as a POSIX shell does where single quotes and `\'` outside them are all there is.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted, mut letters) = (vec![String::new()], false, line.chars());
    while let Some(c) = letters.next() {
        match (c, words.last_mut()) {
            ('\'', _) => quoted = !quoted,
            (' ', _) if !quoted => words.push(String::new()),
            ('\\', Some(last)) if !quoted => last.extend(letters.next()),
            (c, Some(last)) => last.push(c),
            (_, None) => {}
        }
    }
    words
}
