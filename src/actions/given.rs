//! What the flags of the process give the provider that is active at start: a key, the address of its API.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use super::{baseurl, key, keyfile, set};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::seams::Typed;
use crate::secret::Secret;

/// No key is longer.
const BOUND: u64 = 64 << 10;

/// Binds `--key`, `--keyfile`, `--key-name` and `--baseurl` to the provider active now, and looks at the names that
/// `--set` and `--provider` were given. Called once, when provider and profile of the start are known.
///
/// # Errors
/// `E-USAGE` when no provider is active, `E-PROVIDER` when there is none of that name, and whatever is wrong with what was given.
pub fn bind_flags(run: &mut Run) -> Outcome {
    for pair in run.flags.set.clone() {
        let name = pair.split_once('=').map_or(pair.as_str(), |(name, _)| name);
        set::named(run, name)?;
    }
    if let Some(provider) = &run.flags.provider {
        run.manifest(provider)?;
    }
    let flags = &run.flags;
    let given = [
        ("--key", flags.key.is_some()),
        ("--keyfile", flags.keyfile.is_some()),
        ("--key-name", flags.key_name.is_some()),
        ("--baseurl", flags.baseurl.is_some()),
    ];
    let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else { return Ok(()) };
    let provider = key::active(run, flag)?;
    run.manifest(&provider)?;
    run.chosen.flags_for = Some(provider.clone());
    if let Some(given) = run.flags.key.take() {
        let found = if given == "-" { from_stdin(run)? } else { typed(run, &given)? };
        run.log.hide(&found);
        run.chosen.flag_key = Some(found);
    }
    if let Some(path) = run.flags.keyfile.clone() {
        run.chosen.flag_pipe = keyfile::read_pipe(run, &path);
    }
    if let Some(text) = run.flags.baseurl.clone() {
        let url = baseurl::read(&text)?;
        run.chosen.base_urls.insert(provider, url);
    }
    Ok(())
}

fn typed(run: &Run, given: &str) -> Outcome<Secret> {
    run.ui.warn(
        "--key shows the key to other users of this machine, in its list of processes. --key - reads it from stdin.",
    );
    key::checked(given).map_err(|why| unusable(&why))
}

fn unusable(why: &str) -> Failure {
    Failure::new(Code::Key, format!("The key given with --key cannot be used: {why}."))
}

/// Reads the first line of stdin; what follows is for whoever reads on.
fn from_stdin(run: &Run) -> Outcome<Secret> {
    if std::io::stdin().is_terminal() {
        return match run.keyboard.ask_hidden(if run.ui.plain { "key> " } else { "key › " }) {
            Typed::Line(line) => key::checked(&line).map_err(|why| unusable(&why)),
            Typed::Cancelled => Err(Failure::new(Code::Cancelled, "Cancelled.")),
            Typed::End | Typed::Broken => Err(unusable("none was typed")),
            Typed::Nobody => Err(unusable("what is typed here could be seen; give it through a pipe")),
        };
    }
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = std::io::stdin().lock().take(BOUND).read_until(b'\n', &mut bytes);
    read.map_err(|e| unusable(&format!("stdin cannot be read: {e}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unusable("stdin holds no text"))?;
    key::checked(text).map_err(|why| unusable(if text.is_empty() { "stdin is empty" } else { &why }))
}
