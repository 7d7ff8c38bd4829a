//! Which OAuth client a login is made with: the user's own file or id, or the manifest's.

use llxprt_commands::Provider;

use super::super::keyfile::expanded;
use crate::auth::Client;
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::sys::files;

/// The JSON of a client is a few hundred bytes.
const BOUND: u64 = 64 << 10;

/// Finds the OAuth client of a provider.
///
/// # Errors
/// `E-NO-CLIENT` with how to make one, or with what the named file is in place of one.
pub(in crate::actions) fn client(run: &Run, provider: &Provider) -> Outcome<Client> {
    let (manifest, oauth) = run.oauth(provider)?;
    let text = |name: &str| run.settings.text(&format!("auth.{provider}.{name}"));
    match text("clientFile")?.filter(|path| *path != "none") {
        Some(path) => from_file(run, provider, path),
        None => Client::of(manifest, oauth, text("clientId")?),
    }
}

fn from_file(run: &Run, provider: &Provider, path: &str) -> Outcome<Client> {
    let path = expanded(run, path);
    // A pipe would be waited for.
    let plain = std::fs::metadata(&path).map_or(true, |found| found.is_file());
    let plain = plain.then_some(()).ok_or_else(|| "is no plain file".to_owned());
    let read = plain.and_then(|()| files::read_bounded(&path, BOUND).map_err(|e| format!("cannot be read: {e}")));
    let read = read.and_then(|bytes| bytes.ok_or_else(|| "is not there".to_owned()));
    let read = read.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "holds no text".to_owned()));
    read.and_then(|text| Client::from_console(&text)).map_err(|words| {
        let said = format!("{}, named by auth.{provider}.clientFile, {words}.", path.display());
        Failure::new(Code::NoClient, said)
            .say("Needed is the JSON of an OAuth client of the type \"Desktop app\":")
            .say("https://console.cloud.google.com/auth/clients")
    })
}
