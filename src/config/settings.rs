//! `settings.json`: what a person chose for good, under the names that LLxprt Code users have (design 4.6).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use llxprt_commands::{Command, ProfileName, Provider};
use serde_json::{Map, Value};

use super::declared::{self, Named};
use super::lock::ConfigLock;
use super::members;
use super::misfit::misfit_in_file;
use crate::error::{Code, Failure, Outcome};
use crate::sys::files;

/// Key files by provider, an object in the file.
const KEYFILES: &str = "providerKeyfiles";
/// Keys by provider, which LLxprt Code wrote and we only read.
const API_KEYS: &str = "providerApiKeys";
/// Whether sign-ins are on, by provider.
const ENABLED: &str = "oauthEnabledProviders";

const BOUND: u64 = 4 * 1024 * 1024;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--set`, for this run.
    Flag,
    /// The loaded profile.
    Profile,
    /// `settings.json`.
    Settings,
    /// Nobody set it.
    Default,
}

impl Origin {
    /// Returns the word shown beside a value.
    pub fn word(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Profile => "profile",
            Self::Settings => "settings.json",
            Self::Default => "default",
        }
    }
}

/// The settings of a run: those of this run, of the loaded profile, of the file.
#[derive(Debug)]
pub struct Settings {
    path: PathBuf,
    file: Result<Map<String, Value>, Failure>,
    flags: BTreeMap<String, Value>,
    profile: BTreeMap<String, Value>,
    /// Sign-ins that are on for this run only, as the file could not be written.
    enabled: BTreeSet<Provider>,
    /// Names that were set or unset in this run: there the profile does not count until it is loaded anew.
    typed: BTreeSet<String>,
}

impl Settings {
    /// Reads `<config>/settings.json`. A damaged file is kept as a failure for whoever needs it.
    pub fn load(config: &Path) -> Self {
        let path = config.join("settings.json");
        let (flags, profile) = (BTreeMap::new(), BTreeMap::new());
        Self { file: read(&path), path, flags, profile, enabled: BTreeSet::new(), typed: BTreeSet::new() }
    }

    /// Reads the file again, as another process may have changed it.
    pub fn refresh(&mut self) {
        self.file = read(&self.path);
    }

    /// Takes `--set KEY=VALUE`.
    ///
    /// # Errors
    /// `E-SETTING` when the key or the value does not fit.
    pub fn set_flag(&mut self, pair: &str) -> Outcome {
        let Some((name, text)) = pair.split_once('=') else {
            // What was given instead may be a secret.
            return Err(Failure::new(Code::Setting, "--set takes KEY=VALUE, such as --set authOnly=true."));
        };
        let Named { name, declared, .. } = declared::named(name.trim())?;
        if let Some(flag) = declared.flag {
            return Err(Failure::new(
                Code::Setting,
                format!("--set does not take {name}; for one run there is {flag}."),
            ));
        }
        let value = declared.read(&name, text.trim())?;
        self.flags.insert(name, value);
        Ok(())
    }

    /// Lays the settings of a profile over those of the file, but where something else was typed meanwhile.
    pub fn set_profile(&mut self, settings: &Map<String, Value>) {
        let counts = settings.iter().filter(|(name, _)| !self.typed.contains(*name));
        self.profile = counts.map(|(k, v)| (k.clone(), v.clone())).collect();
    }

    /// Lets the profile that is laid over next count for every name.
    pub fn forget_typed(&mut self) {
        self.typed.clear();
    }

    /// Fails if the file is damaged: for commands that must not guess.
    ///
    /// # Errors
    /// `E-DAMAGED` with file and place.
    pub fn whole(&self) -> Outcome {
        self.file.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    /// Returns a value and where it comes from; a stored value of the wrong kind counts as absent.
    pub fn get(&self, name: &str) -> Option<(&Value, Origin)> {
        let fits = |value: &&Value| declared::find(name).is_ok_and(|d| d.fits(value));
        let flag = self.flags.get(name).filter(fits).map(|v| (v, Origin::Flag));
        let profile = || self.profile.get(name).filter(fits).map(|v| (v, Origin::Profile));
        let file = || self.in_file(name).filter(fits).map(|v| (v, Origin::Settings));
        flag.or_else(profile).or_else(file)
    }

    /// Returns a truth value, `false` when nobody set it.
    ///
    /// # Errors
    /// As [`Settings::need`].
    pub fn truth(&self, name: &str) -> Outcome<bool> {
        self.need(name)?;
        Ok(self.get(name).and_then(|(v, _)| v.as_bool()).unwrap_or(false))
    }

    /// Returns a text.
    ///
    /// # Errors
    /// As [`Settings::need`].
    pub fn text(&self, name: &str) -> Outcome<Option<&str>> {
        self.need(name)?;
        Ok(self.get(name).and_then(|(v, _)| v.as_str()))
    }

    /// Returns a whole number.
    ///
    /// # Errors
    /// As [`Settings::need`].
    pub fn whole_number(&self, name: &str, default: u64) -> Outcome<u64> {
        self.need(name)?;
        Ok(self.get(name).and_then(|(v, _)| v.as_u64()).unwrap_or(default))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn of_flags(&self, name: &str) -> Option<&Value> {
        self.flags.get(name)
    }

    /// Returns what the loaded profile has under a name; `null` is none.
    pub fn of_profile(&self, name: &str) -> Option<&Value> {
        self.profile.get(name).filter(|value| !value.is_null())
    }

    /// Every member of the file; a damaged one has none.
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.file.iter().flat_map(Map::iter)
    }

    /// Every member of the profile.
    pub(super) fn profile_members(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.profile.iter()
    }

    /// Returns a raw member of the file, also one that is no setting of ours.
    pub fn in_file(&self, name: &str) -> Option<&Value> {
        let file = self.file.as_ref().ok()?;
        match nested(name) {
            Some((object, member)) => file.get(object)?.get(member),
            None => file.get(name),
        }
    }

    /// Returns the model parameters by name: flag over profile over file. What is none is left out
    /// ([`Settings::misfits`] tells it).
    pub fn model_params(&self) -> BTreeMap<String, Value> {
        let mut params = BTreeMap::new();
        let file = self.file.iter().flat_map(Map::iter);
        for (name, value) in file.chain(&self.profile).chain(&self.flags) {
            if let (Some(param), Ok(declared)) = (name.strip_prefix("modelparam."), declared::find(name))
                && declared.fits(value)
            {
                params.insert(param.to_owned(), value.clone());
            }
        }
        params
    }

    /// Returns every declared setting that has a value, with its full name.
    pub fn listed(&self) -> Vec<(String, Value, Origin)> {
        let mut names: Vec<String> =
            declared::DECLARED.iter().filter(|d| !d.name.contains("NAME")).map(|d| d.name.to_owned()).collect();
        let keyfiles = self.in_file(KEYFILES).and_then(Value::as_object);
        let keyfiles = keyfiles.into_iter().flat_map(Map::keys).map(|provider| format!("{KEYFILES}.{provider}"));
        let stored = self.file.iter().flat_map(Map::keys).chain(self.profile.keys()).chain(self.flags.keys());
        let own = stored.cloned().chain(keyfiles);
        let mut own: Vec<_> = own.filter(|n| !names.contains(n) && declared::find(n).is_ok()).collect();
        own.sort();
        own.dedup();
        names.extend(own);
        let row = |name: String| match self.get(&name) {
            Some((value, origin)) => Some((name, value.clone(), origin)),
            None => declared::find(&name).ok().map(|d| (name, d.default_value(), Origin::Default)),
        };
        names.into_iter().filter_map(row).collect()
    }

    /// Lets what was typed go before the loaded profile, and all that a load balancer leads to, until one is loaded anew.
    pub fn lift(&mut self, name: &str) {
        self.profile.remove(name);
        self.typed.insert(name.to_owned());
    }

    /// Sets a value and keeps it in the file. What the loaded profile has goes before it ([`Settings::lift`]).
    ///
    /// # Errors
    /// `E-SETTING`, `E-DAMAGED`, or `E-FILE` when it cannot be written.
    pub fn set(&mut self, name: &str, text: &str) -> Outcome {
        let value = declared::find(name)?.read(name, text)?;
        self.change(|file, place| {
            match nested(name) {
                Some((object, member)) => object_in(file, object, place)?.insert(member.to_owned(), value),
                None => file.insert(name.to_owned(), value),
            };
            Ok(())
        })?;
        self.flags.remove(name);
        Ok(())
    }

    /// Removes a value, also one that is never set here, such as a key that LLxprt Code wrote; tells whether there was one.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn unset(&mut self, name: &str) -> Outcome<bool> {
        if !declared::names_a_key(name) && !declared::is_reserved(name) && members::find(name).is_none() {
            declared::find(name)?;
        }
        let hidden = nested(name).is_some_and(|(object, _)| self.misfit(object).is_some());
        let there = self.whole().is_err() || hidden || self.in_file(name).is_some();
        let removed = there
            && self.change(|file, place| {
                Ok(match nested(name) {
                    Some((object, member)) => object_in(file, object, place)?.shift_remove(member).is_some(),
                    None => file.shift_remove(name).is_some(),
                })
            })?;
        Ok(self.flags.remove(name).is_some() || removed)
    }

    /// Tells whether sign-ins are on for a provider.
    pub fn oauth_enabled(&self, provider: &Provider) -> bool {
        let on = self.in_file(ENABLED).and_then(|o| o.get(provider.as_str()));
        self.enabled.contains(provider) || on.and_then(Value::as_bool).unwrap_or(false)
    }

    /// Turns the sign-ins of a provider on for this run, until that is set for good.
    pub fn enable_for_run(&mut self, provider: &Provider) {
        self.enabled.insert(provider.clone());
    }

    /// Sets a value for this run, as `--set` would.
    ///
    /// # Errors
    /// `E-SETTING` when it does not fit.
    pub fn set_for_run(&mut self, name: &str, text: &str) -> Outcome {
        let value = declared::find(name)?.read(name, text)?;
        self.flags.insert(name.to_owned(), value);
        Ok(())
    }

    /// Remembers whether sign-ins are on for a provider.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn set_oauth_enabled(&mut self, provider: &Provider, on: bool) -> Outcome {
        self.change(|file, place| {
            object_in(file, ENABLED, place)?.insert(provider.to_string(), Value::Bool(on));
            Ok(())
        })?;
        self.enabled.remove(provider);
        Ok(())
    }

    /// Returns the provider that is remembered as active.
    pub fn provider(&self) -> Option<Provider> {
        self.in_file("provider")?.as_str()?.parse().ok()
    }

    /// Remembers a member that is text (`provider`, `model`, `defaultProfile`), or forgets it.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn remember(&mut self, member: &str, value: Option<&str>) -> Outcome {
        if self.whole().is_ok() && self.in_file(member) == value.map(Value::from).as_ref() {
            return Ok(());
        }
        self.change(|file, _| {
            match value {
                Some(text) => file.insert(member.to_owned(), text.into()),
                None => file.shift_remove(member),
            };
            Ok(())
        })
    }

    /// Returns the profile to load at start.
    pub fn default_profile(&self) -> Option<ProfileName> {
        self.in_file("defaultProfile")?.as_str()?.parse().ok()
    }

    /// Changes the file under its lock, after reading again what another process may have changed. A change that
    /// fails leaves it as it is, as does a file that does not parse.
    fn change<T>(&mut self, change: impl FnOnce(&mut Map<String, Value>, &Path) -> Outcome<T>) -> Outcome<T> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let _lock = ConfigLock::take(folder)?;
        let mut file = read(&self.path)?;
        let result = change(&mut file, &self.path)?;
        let mut text = serde_json::to_vec_pretty(&file).map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
        text.push(b'\n');
        files::write_private(&self.path, &text)
            .map_err(|e| Failure::new(Code::File, format!("{} cannot be written: {e}.", self.path.display())))?;
        self.file = Ok(file);
        Ok(result)
    }
}

/// Takes `providerKeyfiles.NAME` and the like apart: those lie in an object, all other names are dotted in the file too.
fn nested(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(object, _)| [KEYFILES, API_KEYS, ENABLED].contains(object))
}

/// Finds a member that holds other members, made where there is none. What is none of the kind is never replaced.
fn object_in<'f>(file: &'f mut Map<String, Value>, name: &str, place: &Path) -> Outcome<&'f mut Map<String, Value>> {
    let value = file.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let wrong = misfit_in_file(name, value, place);
    match (value.as_object_mut(), wrong) {
        (Some(members), _) => Ok(members),
        (None, wrong) => Err(wrong.unwrap_or_else(|| Failure::new(Code::Damaged, format!("{name} is no object.")))),
    }
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let damaged = |words: String| {
        let failure = Failure::new(Code::Damaged, format!("{} {words}. It is left as it is.", path.display()));
        failure.say("Mend that place, or move the file away to start with none.").then(Command::Doctor)
    };
    match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Map::new()),
        Err(e) => return Err(damaged(format!("cannot be read: {e}"))),
        Ok(meta) if meta.len() > BOUND => return Err(damaged("is over 4 MiB".to_owned())),
        Ok(_) => {}
    }
    let bytes = std::fs::read(path).map_err(|e| damaged(format!("cannot be read: {e}")))?;
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    serde_json::from_slice(text).map_err(|e| damaged(format!("is damaged at line {}, column {}", e.line(), e.column())))
}

#[cfg(test)]
mod tests;
