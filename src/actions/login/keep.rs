//! Keeping a login: under which name, in which store, and what is said of it.

use llxprt_commands::{Account, Auth, AuthAction, Bucket, Command, Login};

use super::super::credential::resolution;
use super::super::fresh::goes_on_in_memory;
use super::{Signed, Wanted, for_good};
use crate::auth::precedence::Source;
use crate::auth::{Identity, Tokens, origins};
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Grants, OAuth};
use crate::run::Run;
use crate::seams::Typed;
use crate::ui::{clean_line, times};
use crate::vault::{Entry, Home, Room, Written};

/// What to do with a login.
pub(super) enum Choice {
    /// Keep it under this name.
    Keep(Bucket),
    /// Sign in once more.
    Again,
}

/// Compares the identity with the email that the bucket is named after (design 4.1).
pub(super) fn choose_bucket(run: &Run, wanted: &Wanted, identity: &Identity) -> Outcome<Choice> {
    let asked = &wanted.bucket;
    let Some(email) = &identity.email else { return Ok(Choice::Keep(asked.clone())) };
    if wanted.how.force || !asked.as_str().contains('@') || email.eq_ignore_ascii_case(asked.as_str()) {
        return Ok(Choice::Keep(asked.clone()));
    }
    let shown = clean_line(email);
    let words = format!("The browser signed in as {shown}, but you asked for {asked}.");
    let refuse = || Failure::new(Code::Identity, format!("{words} Nothing was stored.")).then(wanted.command());
    if !run.keyboard.is_person() {
        return Err(refuse().say("--force keeps it under the name you gave."));
    }
    let own: Option<Bucket> = email.parse().ok();
    run.ui.say(&words);
    if let Some(own) = &own {
        run.ui.say(&format!("  1  keep it under its own name, {own}"));
    }
    run.ui.say("  2  try again and choose the account in the browser");
    run.ui.say(&format!("  3  keep it as {asked} anyway"));
    let mark = if run.ui.plain { ">" } else { " ›" };
    loop {
        match run.keyboard.ask(&format!("Nothing is stored yet. Choice [2]{mark} ")) {
            Typed::Line(answer) => match (answer.trim(), &own) {
                ("1", Some(own)) => return Ok(Choice::Keep(own.clone())),
                ("" | "2", _) => return Ok(Choice::Again),
                ("3", _) => return Ok(Choice::Keep(asked.clone())),
                _ => run.ui.say("Type 1, 2 or 3; Ctrl+C leaves everything as it was."),
            },
            Typed::Cancelled => return Err(Failure::new(Code::Cancelled, "Sign-in cancelled. Nothing was stored.")),
            Typed::End | Typed::Broken | Typed::Nobody => return Err(refuse()),
        }
    }
}

/// Stores a login and says so.
pub(super) fn keep(run: &mut Run, oauth: &OAuth, account: &Account, wanted: &Wanted, signed: Signed) -> Outcome {
    let now = run.now();
    let Signed { answer, identity, unverified } = signed;
    let skew = answer.skew;
    let host = oauth.token_url.host_str().unwrap_or_default();
    let origins = origins(run.manifest(&account.provider)?);
    let mut tokens = answer.into_tokens(now, host, origins);
    tokens.account_id = identity.account.clone().or_else(|| identity.id.clone());
    if oauth.grants == Grants::ApiKey {
        tokens.expiry = None;
        tokens.lifetime = None;
    }
    let vault = run.vault.clone();
    let json = tokens.to_json();
    let in_memory = || {
        let describe = |entry: &mut Entry| describe(entry, Home::Memory, &tokens, &identity, unverified.is_some());
        vault.keep_in_memory(account, &json, describe);
        Written { home: Home::Memory, note: None }
    };
    let mut unkept = None;
    let Written { home, note } = if wanted.how.memory {
        in_memory()
    } else {
        let written = run.wait(async {
            let lock = vault.lock(account).await?;
            let written = vault.store(Room::default(), &lock, account, &json).await?;
            // Under the same lock: of two logins at once, secret and details of the later one stand together.
            run.vault.update_index(|index| {
                let entry = index.accounts.entry(account.to_string()).or_insert_with(|| Entry::new(written.home));
                describe(entry, written.home, &tokens, &identity, unverified.is_some());
            })?;
            Ok(written)
        });
        match written {
            Ok(written) => written,
            // The provider has granted it and will not again without a person: the session has the use of it.
            Err(failure) if matches!(failure.code, Code::Vault | Code::Busy) && goes_on_in_memory(run) => {
                unkept = Some(failure);
                in_memory()
            }
            Err(failure) => return Err(failure),
        }
    };
    if let Some(failure) = &unkept {
        run.ui.warn(&format!("It could not be stored: {}", failure.message));
        run.log.note(now, &account.to_string(), &format!("the sign-in could not be stored: {}", failure.message));
    }
    let twins = twins(run, account, &identity);
    run.log.note(now, &account.to_string(), "signed in");
    run.chosen.used.insert(account.clone());
    run.chosen.buckets.insert(account.provider.clone(), account.bucket.clone());
    let kept = super::super::activate(run, &account.provider);
    if !for_good(run, wanted, kept)? {
        run.chosen.provider = Some(account.provider.clone());
    }
    tell(run, account, &identity, &tokens, unverified.as_deref());
    let used = resolution(run, &account.provider)?.winner.is_some_and(|winner| winner.source == Source::OAuth);
    let elsewhere = super::super::answers_elsewhere(run, &account.provider);
    run.ui.note(&kept_where(run, home, used && elsewhere.is_none()));
    if unkept.is_some() {
        let store = Login { bucket: Some(account.bucket.clone()), force: true, ..Login::default() };
        let action = Some(AuthAction::Login(store));
        let store = Command::Auth(Auth { provider: Some(account.provider.clone()), action });
        run.ui.note(&format!("Once it can be stored, sign in anew: {}", run.typed(&store)));
    }
    if let Some(words) = elsewhere {
        run.ui.note(&words);
    }
    if let Some(note) = note {
        run.ui.note(&note);
    }
    if let Some((last, others)) = twins.split_last() {
        let before: String = others.iter().map(|other| format!(", {other}")).collect();
        run.ui.warn(&format!("{}{before} and {last} are one identity: their limits are shared.", account.bucket));
    }
    if let Some(skew) = skew.filter(|s| s.abs() > 60) {
        let way = if skew > 0 { "behind" } else { "ahead of" };
        let span = times::span(skew.abs());
        run.ui.warn(&format!("This machine's clock is {span} {way} the provider's. Sign-in works, times may be off."));
    }
    Ok(())
}

/// Notes what is known of a login in its entry of the index.
fn describe(entry: &mut Entry, home: Home, tokens: &Tokens, identity: &Identity, unverified: bool) {
    let same = entry.identity_id.is_some() && entry.identity_id == identity.id;
    if !same {
        // Limits and counts belong to the identity that was here before.
        entry.limits.clear();
        entry.windows.clear();
        entry.windows_at = None;
        entry.counts = crate::vault::Counts::default();
    }
    entry.store = home;
    entry.identity.clone_from(&identity.email);
    entry.identity_id.clone_from(&identity.id);
    entry.plan.clone_from(&identity.plan);
    entry.expires_at = tokens.expiry;
    entry.refreshable = tokens.refresh.is_some();
    entry.signed_in_until = tokens.signed_in_until;
    entry.origins.clone_from(&tokens.origins);
    entry.found = false;
    entry.unverified = unverified;
    entry.refused = None;
    entry.unreadable = None;
}

/// Finds the other buckets of the same identity.
fn twins(run: &Run, account: &Account, identity: &Identity) -> Vec<Bucket> {
    let (Some(id), Ok(index)) = (identity.id.as_ref(), run.index()) else { return Vec::new() };
    let same = |(a, e): &(Account, &Entry)| a.bucket != account.bucket && e.identity_id.as_ref() == Some(id);
    index.accounts_of(&account.provider).filter(same).map(|(a, _)| a.bucket).collect()
}

fn tell(run: &Run, account: &Account, identity: &Identity, tokens: &Tokens, unverified: Option<&str>) {
    let who = match (&identity.email, unverified) {
        (Some(email), _) => format!(" as {}", clean_line(email)),
        (None, _) => format!(" as {} (the provider does not tell who it is)", account.bucket),
    };
    let plan = identity.plan.as_deref().map_or(String::new(), |p| format!(" ({} plan)", capital(&clean_line(p))));
    let now = run.now();
    let lasts = match (tokens.signed_in_until, &tokens.refresh, tokens.expiry) {
        (Some(until), ..) => {
            format!("Signed in for {}; renews until then by itself.", times::both(now, until))
        }
        (None, Some(_), _) => "Renews by itself.".to_owned(),
        (None, None, Some(expiry)) => format!("Valid for {}; it does not renew.", times::both(now, expiry)),
        (None, None, None) => "It does not run out.".to_owned(),
    };
    let verb = if unverified.is_some() { "Stored the sign-in to" } else { "Signed in to" };
    run.ui.say(&format!("{verb} {}{who}{plan}. {lasts}", account.provider));
    if let Some(why) = unverified {
        run.ui.warn(&format!("Not verified yet: {}. The next request tells.", clean_line(why).trim_end_matches('.')));
    }
}

fn kept_where(run: &Run, home: Home, used: bool) -> String {
    let session = if run.ui.session && used { " Used from now on in this session." } else { "" };
    match home {
        Home::Keyring => format!("Kept in the OS keyring.{session}"),
        Home::File => {
            let place = run.dirs.data.join("secure-store");
            format!(
                "Kept in a sealed file under {}; its key lies beside it, readable only by you.{session}",
                place.display()
            )
        }
        Home::Memory => format!("Kept in memory: it is gone when you leave.{session}"),
    }
}

/// A plan as a person writes it.
pub(in crate::actions) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}
