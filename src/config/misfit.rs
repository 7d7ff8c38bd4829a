//! Values that are there and do not count: of the wrong kind, or out of bounds. A command that needs such a setting
//! fails and says what mends it; nothing else does, and whoever lists settings lists these too.

use llxprt_commands::{Command, Provider, Set};
use serde_json::Value;

use super::declared::{self, Declared, Kind, quoted};
use super::members::{self, unset};
use super::settings::Settings;
use crate::error::{Code, Failure, Outcome};

/// Where a value lies.
enum Place<'a> {
    Profile,
    File(&'a std::path::Path),
}

impl Settings {
    /// Fails where the value that would hold does not count: for who needs it. A flag for this run goes before it.
    ///
    /// # Errors
    /// `E-DAMAGED` with key, value and the command that mends it, or with the place where the file is damaged.
    pub fn need(&self, name: &str) -> Outcome {
        if self.of_flags(name).is_none() && self.of_profile(name).is_none() {
            self.whole()?;
        }
        self.misfit(name).map_or(Ok(()), Err)
    }

    /// Fails where nobody can tell whether sign-ins are on for a provider.
    ///
    /// # Errors
    /// As [`Settings::need`].
    pub fn need_sign_in(&self, provider: &Provider) -> Outcome {
        self.need("oauthEnabledProviders")?;
        self.need(&format!("oauthEnabledProviders.{provider}"))
    }

    /// Returns why the value that would hold does not count; a damaged file has none.
    pub fn misfit(&self, name: &str) -> Option<Failure> {
        if self.of_flags(name).is_some() {
            return None;
        }
        match self.of_profile(name) {
            Some(value) => misfit(name, value, &Place::Profile),
            None => misfit(name, self.in_file(name)?, &Place::File(self.path())),
        }
    }

    /// Returns every value in the file or the profile that does not count, as [`Settings::misfit`] tells it.
    pub fn misfits(&self) -> Vec<Failure> {
        let mut found = Vec::new();
        for (name, value) in self.members() {
            let place = Place::File(self.path());
            found.extend(misfit(name, value, &place));
            let within = value.as_object().filter(|_| members::find(name).is_some());
            for (provider, value) in within.into_iter().flatten() {
                found.extend(misfit(&format!("{name}.{provider}"), value, &place));
            }
        }
        found.extend(self.profile_members().filter_map(|(name, value)| misfit(name, value, &Place::Profile)));
        found.sort_by(|a, b| a.message.cmp(&b.message));
        found
    }
}

/// Returns why a value in the file does not count.
pub(super) fn misfit_in_file(name: &str, value: &Value, path: &std::path::Path) -> Option<Failure> {
    misfit(name, value, &Place::File(path))
}

fn misfit(name: &str, value: &Value, place: &Place<'_>) -> Option<Failure> {
    if value.is_null() {
        return None;
    }
    let whole = members::find(name).map(|member| (member, false));
    let within = || name.split_once('.').and_then(|(object, _)| members::find(object)).map(|member| (member, true));
    let (takes, mends, secret) = match (whole.or_else(within), place) {
        // What a profile says of itself is its own affair.
        (Some(_), Place::Profile) => return None,
        (Some((member, true)), _) if member.fits_within(value) => return None,
        (Some((member, false)), _) if member.fits(value) => return None,
        (Some((member, within)), _) => (member.takes(within).to_owned(), vec![member.mend(name)], member.is_secret()),
        (None, _) => match declared::find(name) {
            Ok(declared) if fits(declared, value) => return None,
            Ok(declared) => (declared.takes(), mends(name, declared), declared.kind == Kind::KeyName),
            Err(_) if name.starts_with("modelparam.") => {
                let why = match declared::is_reserved(name) {
                    true => "that part of a request is written by llxprt itself",
                    false => "no parameter has such a name",
                };
                let words = format!("{} has {}, which is left out: {why}.", place.words(), quoted(name));
                return Some(Failure::new(Code::Damaged, words));
            }
            // Whoever wrote it knows it.
            Err(_) => return None,
        },
    };
    let shown = match value {
        _ if secret => String::new(),
        Value::String(text) => format!(" {}", quoted(text)),
        other => format!(" {}", quoted(&other.to_string()).trim_matches('"').replace("\\\"", "\"")),
    };
    let words = format!("{} has {name}, and its value{shown} is not {takes}.", place.words());
    let failure = Failure::new(Code::Damaged, words);
    Some(match place {
        Place::File(_) => mends.into_iter().fold(failure, Failure::then),
        Place::Profile => {
            let flag = declared::find(name).ok().and_then(|declared| declared.flag);
            let flag = flag.map_or_else(|| format!("--set {name}=VALUE"), str::to_owned);
            failure.say(format!("Mend it there, or give {flag} for one run."))
        }
    })
}

/// As [`Declared::fits`], but for what LLxprt Code writes where nothing is named.
fn fits(declared: &Declared, value: &Value) -> bool {
    let nothing = value.as_str().is_some_and(|text| matches!(text.trim(), "" | "none"));
    declared.fits(value) || (nothing && matches!(declared.kind, Kind::Path | Kind::KeyName | Kind::Url))
}

/// What mends a setting: its default, where that is a value, or none at all.
fn mends(name: &str, declared: &Declared) -> Vec<Command> {
    let default = declared.default_value();
    let set = || Set { key: Some(name.to_owned()), value: vec![declared.default.to_owned()], action: None };
    let set = (!default.is_null()).then(|| Command::Set(set()));
    set.into_iter().chain([unset(name)]).collect()
}

impl Place<'_> {
    fn words(&self) -> String {
        match self {
            Self::Profile => "The loaded profile".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}
