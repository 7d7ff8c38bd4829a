//! `/auth` and `/auth P`: who is signed in, from the index alone: no keyring, no network.

mod document;
mod row;
mod sentences;
mod table;

use llxprt_commands::{Auth, AuthAction, Command, Provider};

use self::row::Row;
pub(super) use self::row::window;
use super::credential::{self, resolution, resolution_with};
use super::login;
use crate::auth::precedence::Note;
use crate::error::{Code, Outcome};
use crate::providers::{BadManifest, Manifest, Status};
use crate::run::Run;
use crate::ui::{clean_line, faint, striking, times};
use crate::vault::Index;

/// How many accounts that need a new sign-in are named before the rest is counted.
const NAMED: usize = 5;

/// `/auth`
pub(super) fn all(run: &mut Run) -> Outcome {
    let index = run.index()?;
    if run.ui.json {
        sound(run)?;
        for words in broken(run) {
            run.ui.warn(&words);
        }
        run.ui.document(&document::All {
            schema: "llxprt.auth.v1",
            store: index.store_seen(),
            providers: run.registry.all().map(|m| document::element(run, &index, m)).collect(),
            problems: run.registry.bad.iter().map(document::Problem::of).collect(),
        });
        return Ok(());
    }
    let rows: Vec<Row> = run.registry.all().flat_map(|manifest| row::rows(run, &index, manifest)).collect();
    show(run, &rows);
    footer(run, &index, &rows, run.registry.all());
    for words in broken(run) {
        run.ui.warn(&words);
    }
    let notes = run.registry.all().filter_map(|manifest| resolution_with(run, manifest, &index).shadow_note());
    for note in notes.collect::<Vec<_>>() {
        say(run, &note);
    }
    sound(run)
}

/// `/auth P`
pub(super) fn one(run: &mut Run, provider: &Provider) -> Outcome {
    let manifest = run.manifest(provider)?;
    let index = run.index()?;
    if run.ui.json {
        credential::need(run, provider)?;
        let element = document::element(run, &index, manifest);
        run.ui.document(&document::One { schema: "llxprt.auth.provider.v1", element });
        return Ok(());
    }
    run.ui.data(&format!("{} ({provider}): {}", manifest.title, sign_in(run, manifest)));
    let rows = row::rows(run, &index, manifest);
    show(run, &rows);
    for row in rows.iter().filter(|row| row.bucket.is_some()) {
        details(run, row);
    }
    footer(run, &index, &rows, std::iter::once(manifest));
    if let Some(note) = resolution_with(run, manifest, &index).shadow_note() {
        say(run, &note);
    }
    credential::need(run, provider)
}

/// Fails where what is shown of a provider is a guess, since a setting behind it cannot be understood.
fn sound(run: &Run) -> Outcome {
    run.active_known()?;
    run.registry.all().try_for_each(|manifest| credential::need(run, &manifest.name))
}

/// The providers whose manifests are invalid, as sentences.
fn broken(run: &Run) -> impl Iterator<Item = String> {
    let words = |bad: &BadManifest| format!("{}. {} cannot be used until that is mended.", bad.message, bad.name);
    run.registry.bad.iter().map(words).collect::<Vec<_>>().into_iter()
}

/// Says it when a key wins over a sign-in.
pub(super) fn say_shadow(run: &mut Run, provider: &Provider) -> Outcome {
    match resolution(run, provider) {
        Ok(resolution) => resolution.shadow_note().iter().for_each(|note| say(run, note)),
        // What was asked for is done; whoever needs the setting fails by it.
        Err(failure) if failure.code == Code::Damaged => run.ui.warn(&failure.message),
        Err(failure) => return Err(failure),
    }
    Ok(())
}

fn say(run: &mut Run, note: &Note) {
    // A prompt says it once a session, and not again where it was said in full.
    run.first_time(&note.text);
    let next: Vec<_> = note.next.iter().map(|n| run.ui.next(n)).collect();
    let instead = run.ui.choice("To use the sign-in instead: ", &next, "      More: ");
    run.ui.note(&format!("{}\n{instead}", note.text));
}

fn show(run: &Run, rows: &[Row]) {
    run.ui.data(&match run.ui.plain {
        true => sentences::text(rows, run.now()),
        false => styled(rows, table::text(rows, run.now(), run.ui.width())),
    });
}

/// Repeats in colour what the words of a table say.
fn styled(rows: &[Row], text: String) -> String {
    // Stacked rows have no head.
    if !crate::ui::coloured() || text.trim_end().lines().count() != rows.len() + 1 {
        return text;
    }
    let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
    let line = |(line, row): (&str, &Row)| match line.rfind(&row.state).filter(|_| row.why.is_some()) {
        Some(at) => {
            let (before, state) = line.split_at(at);
            format!("{before}{}{}", striking(row.state), &state[row.state.len()..])
        }
        None => line.to_owned(),
    };
    let lines: Vec<String> = body.lines().zip(rows).map(line).collect();
    format!("{}\n{}", faint(head), lines.join("\n"))
}

fn sign_in(run: &Run, manifest: &Manifest) -> String {
    match &manifest.oauth {
        None => "takes keys only.".to_owned(),
        Some(_) if run.settings.oauth_enabled(&manifest.name) => "sign-in is on.".to_owned(),
        Some(_) => {
            let enable = Auth { provider: Some(manifest.name.clone()), action: Some(AuthAction::Enable) };
            format!("sign-in is off. To turn it on: {}", run.typed(&Command::Auth(enable)))
        }
    }
}

/// What the table of one account has no room for.
fn details(run: &Run, row: &Row) {
    let Some(bucket) = &row.bucket else { return };
    let who = row.identity.map_or("who it is was not told".to_owned(), clean_line);
    let plan = row.plan.map_or(String::new(), |plan| format!(", {} plan", login::capital(&clean_line(plan))));
    let kept = row.store.map_or(String::new(), |store| format!(", kept in {store}"));
    run.ui.data(&format!("{bucket}: {who}{plan}{kept}"));
    if let Some(why) = &row.why {
        run.ui.data(&format!("  {}: {}", row.state, clean_line(why)));
    }
    for limit in &row.model_limits {
        let until = times::both(run.now(), limit.until);
        let model = limit.model.as_deref().map(clean_line).unwrap_or_default();
        run.ui.data(&format!("  {model}: {}, back in {until}", clean_line(&limit.why)));
    }
    for window in row.windows.iter().filter(|window| window.model.is_some()) {
        run.ui.data(&format!("  {}", row::window(window, run.now(), true)));
    }
}

/// What is true of the whole table, and what a person should do about it.
fn footer<'a>(run: &Run, index: &Index, rows: &[Row], manifests: impl Iterator<Item = &'a Manifest>) {
    let now = run.now();
    run.ui.note("");
    if rows.iter().any(|row| row.used) && !run.ui.plain {
        run.ui.note("* used now.");
    }
    let store = index.store_seen();
    let as_of = rows.iter().filter_map(|row| row.as_of).max();
    let as_of = as_of.map_or(String::new(), |at| format!(" Limits as of {}.", times::at(now, at)));
    let detail = clean_line(&store.detail);
    let vault = match store.kind.as_str() {
        "file" => format!("sealed files ({detail})"),
        _ => detail,
    };
    run.ui.note(&format!("Vault: {vault}.{as_of}"));
    let mut needy = 0;
    for row in rows {
        let Some(bucket) = &row.bucket else { continue };
        let again = || run.typed(&login::command(row.provider, bucket));
        if let Some(until) = row.ends_soon(now) {
            let span = times::both(now, until);
            run.ui.warn(&format!("The sign-in of {bucket} ends in {span}. To sign in anew: {}", again()));
        } else if row.needs_login {
            needy += 1;
            if needy <= NAMED {
                run.ui.note(&format!("{bucket} needs a new sign-in: {}", again()));
            }
        }
    }
    if needy > NAMED {
        run.ui.note(&format!("{} more need a new sign-in.", needy - NAMED));
    }
    let manifests: Vec<&Manifest> = manifests.collect();
    let many = manifests.len() > 1;
    for manifest in manifests {
        let any = rows.iter().any(|row| *row.provider == manifest.name && row.bucket.is_some());
        if any && !run.settings.oauth_enabled(&manifest.name) {
            run.ui.note(&format!("{}: its accounts are kept and not used; {}", manifest.name, sign_in(run, manifest)));
        }
        let Some(oauth) = manifest.oauth.as_ref().filter(|oauth| oauth.status != Status::Active) else { continue };
        // The column says it in short of the providers that nobody uses.
        if !any && !run.settings.oauth_enabled(&manifest.name) && many {
            continue;
        }
        let since = oauth.since.as_deref().map_or(String::new(), |since| format!(" since {since}"));
        let reason = oauth.reason.as_deref().map_or(String::new(), |reason| format!(": {reason}"));
        run.ui.note(&format!("{} sign-ins are {}{since}{reason}.", manifest.name, oauth.status.word()));
        if let Some(link) = &oauth.link {
            run.ui.note(&format!("  {link}"));
        }
    }
}
