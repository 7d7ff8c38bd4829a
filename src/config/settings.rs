//! `settings.json`: what a person chose for good, under the names that LLxprt Code users have (design 4.6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llxprt_commands::{ProfileName, Provider};
use serde_json::{Map, Value};

use super::declared::{self, Declared};
use super::lock::ConfigLock;
use crate::error::{Code, Failure, Outcome};
use crate::sys::files;

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
}

impl Settings {
    /// Reads `<config>/settings.json`. A damaged file is kept as a failure for whoever needs it.
    pub fn load(config: &Path) -> Self {
        let path = config.join("settings.json");
        Self { file: read(&path), path, flags: BTreeMap::new(), profile: BTreeMap::new() }
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
            return Err(Failure::new(Code::Setting, format!("--set takes KEY=VALUE, not \"{pair}\".")));
        };
        let value = declared::find(name)?.read(name, text)?;
        self.flags.insert(name.to_owned(), value);
        Ok(())
    }

    /// Lays the settings of a profile over those of the file; those that are none of ours are left aside.
    pub fn set_profile(&mut self, settings: &Map<String, Value>) {
        self.profile = settings.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
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
    pub fn truth(&self, name: &str) -> bool {
        self.get(name).and_then(|(v, _)| v.as_bool()).unwrap_or(false)
    }

    /// Returns a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|(v, _)| v.as_str())
    }

    /// Returns a whole number.
    pub fn whole_number(&self, name: &str, default: u64) -> u64 {
        self.get(name).and_then(|(v, _)| v.as_u64()).unwrap_or(default)
    }

    /// Returns a raw member of the file, also one that is no setting of ours.
    pub fn in_file(&self, name: &str) -> Option<&Value> {
        self.file.as_ref().ok()?.get(name)
    }

    /// Returns the model parameters by name: flag over profile over file.
    pub fn model_params(&self) -> BTreeMap<String, Value> {
        let mut params = BTreeMap::new();
        let file = self.file.iter().flat_map(Map::iter);
        for (name, value) in file.chain(&self.profile).chain(&self.flags) {
            if let Some(param) = name.strip_prefix("modelparam.").filter(|p| !p.is_empty() && !p.contains('.')) {
                params.insert(param.to_owned(), value.clone());
            }
        }
        params
    }

    /// Returns every declared setting that has a value, with its full name.
    pub fn listed(&self) -> Vec<(String, Value, Origin)> {
        let mut names: Vec<String> =
            declared::DECLARED.iter().filter(|d| !d.name.contains("NAME")).map(|d| d.name.to_owned()).collect();
        let stored = self.file.iter().flat_map(Map::keys).chain(self.profile.keys()).chain(self.flags.keys());
        let mut own: Vec<_> = stored.filter(|n| !names.contains(n) && declared::find(n).is_ok()).cloned().collect();
        own.sort();
        own.dedup();
        names.extend(own);
        let default = |d: &Declared| Value::from(d.default);
        let row = |name: String| match self.get(&name) {
            Some((value, origin)) => Some((name, value.clone(), origin)),
            None => declared::find(&name).ok().map(|d| (name, default(d), Origin::Default)),
        };
        names.into_iter().filter_map(row).collect()
    }

    /// Sets a value and keeps it in the file.
    ///
    /// # Errors
    /// `E-SETTING`, `E-DAMAGED`, or `E-FILE` when it cannot be written.
    pub fn set(&mut self, name: &str, text: &str) -> Outcome {
        let value = declared::find(name)?.read(name, text)?;
        self.flags.remove(name);
        self.profile.remove(name);
        self.change(|file| {
            file.insert(name.to_owned(), value);
        })
    }

    /// Removes a value; tells whether there was one.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn unset(&mut self, name: &str) -> Outcome<bool> {
        declared::find(name)?;
        let here = self.flags.remove(name).is_some() | self.profile.remove(name).is_some();
        if self.whole().is_ok() && self.in_file(name).is_none() {
            return Ok(here);
        }
        self.change(|file| file.shift_remove(name).is_some()).map(|there| here || there)
    }

    /// Tells whether sign-ins are on for a provider.
    pub fn oauth_enabled(&self, provider: &Provider) -> bool {
        let on = self.in_file("oauthEnabledProviders").and_then(|o| o.get(provider.as_str()));
        on.and_then(Value::as_bool).unwrap_or(false)
    }

    /// Remembers whether sign-ins are on for a provider.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn set_oauth_enabled(&mut self, provider: &Provider, on: bool) -> Outcome {
        self.change(|file| {
            let providers = file.entry("oauthEnabledProviders").or_insert_with(|| Value::Object(Map::new()));
            if !providers.is_object() {
                *providers = Value::Object(Map::new());
            }
            providers[provider.as_str()] = Value::Bool(on);
        })
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
        if self.whole().is_ok() && self.in_file(member).and_then(Value::as_str) == value {
            return Ok(());
        }
        self.change(|file| {
            match value {
                Some(text) => file.insert(member.to_owned(), text.into()),
                None => file.shift_remove(member),
            };
        })
    }

    /// Returns the profile to load at start.
    pub fn default_profile(&self) -> Option<ProfileName> {
        self.in_file("defaultProfile")?.as_str()?.parse().ok()
    }

    /// Changes the file under its lock, after reading again what another process may have changed.
    ///
    /// # Errors
    /// `E-DAMAGED` when it does not parse (it is left as it is), `E-FILE` when it cannot be written.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Map<String, Value>) -> T) -> Outcome<T> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let _lock = ConfigLock::take(folder)?;
        let mut file = read(&self.path)?;
        let result = change(&mut file);
        let mut text = serde_json::to_vec_pretty(&file).map_err(|e| Failure::new(Code::Internal, e.to_string()))?;
        text.push(b'\n');
        files::write_private(&self.path, &text)
            .map_err(|e| Failure::new(Code::File, format!("{} cannot be written: {e}.", self.path.display())))?;
        self.file = Ok(file);
        Ok(result)
    }
}

fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let damaged = |words: String| {
        let failure = Failure::new(Code::Damaged, format!("{} {words}. It is left as it is.", path.display()));
        failure.say("Mend that place, or move the file away to start with none.")
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
