//! `settings.json`: what a person chose for good, under the names that LLxprt Code users have (design 4.6).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llxprt_commands::{ProfileName, Provider};
use serde_json::{Map, Value};

use super::declared::{self, Named};
use super::lock::ConfigLock;
use crate::error::{Code, Failure, Outcome};
use crate::sys::files;

/// Key files by provider, an object in the file.
const KEYFILES: &str = "providerKeyfiles";
/// Keys by provider, which LLxprt Code wrote and we only read.
const API_KEYS: &str = "providerApiKeys";

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
        let file = self.file.as_ref().ok()?;
        match nested(name) {
            Some((object, member)) => file.get(object)?.get(member),
            None => file.get(name),
        }
    }

    /// Returns why a value that is there does not count: it is of the wrong kind.
    pub fn misfit(&self, name: &str) -> Option<Failure> {
        let profile = self.profile.get(name).map(|value| (value, "The loaded profile".to_owned()));
        let file = || self.in_file(name).map(|value| (value, self.path.display().to_string()));
        let (value, place) = profile.or_else(file).filter(|(value, _)| !value.is_null())?;
        let declared = match declared::find(name) {
            Ok(declared) => declared,
            Err(_) if name.starts_with("modelparam.") => {
                let why = match declared::is_reserved(name) {
                    true => "that part of a request is written by llxprt itself",
                    false => "no parameter has such a name",
                };
                let words = format!("{place} has {}, which is left out: {why}.", declared::quoted(name));
                return Some(Failure::new(Code::Damaged, words));
            }
            // Whoever wrote it knows it.
            Err(_) => return None,
        };
        if declared.fits(value) || self.flags.contains_key(name) {
            return None;
        }
        Some(Failure::new(Code::Damaged, format!("{place} has {name}, and its value is not {}.", declared.takes())))
    }

    /// Returns every value in the file or the profile that does not count, as [`Settings::misfit`] tells it.
    pub fn misfits(&self) -> Vec<Failure> {
        let names: std::collections::BTreeSet<&String> =
            self.file.iter().flat_map(Map::keys).chain(self.profile.keys()).collect();
        names.into_iter().filter_map(|name| self.misfit(name)).collect()
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

    /// Sets a value and keeps it in the file.
    ///
    /// # Errors
    /// `E-SETTING`, `E-DAMAGED`, or `E-FILE` when it cannot be written.
    pub fn set(&mut self, name: &str, text: &str) -> Outcome {
        let value = declared::find(name)?.read(name, text)?;
        self.change(|file| match nested(name) {
            Some((object, member)) => {
                let members = file.entry(object).or_insert_with(|| Value::Object(Map::new()));
                if !members.is_object() {
                    *members = Value::Object(Map::new());
                }
                members[member] = value;
            }
            None => {
                file.insert(name.to_owned(), value);
            }
        })?;
        self.flags.remove(name);
        self.profile.remove(name);
        Ok(())
    }

    /// Removes a value, also one that is never set here, such as a key that LLxprt Code wrote; tells whether there was one.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn unset(&mut self, name: &str) -> Outcome<bool> {
        if !declared::names_a_key(name) && !declared::is_reserved(name) {
            declared::find(name)?;
        }
        let there = self.whole().is_err() || self.in_file(name).is_some();
        let removed = there
            && self.change(|file| match nested(name) {
                Some((object, member)) => {
                    let members = file.get_mut(object).and_then(Value::as_object_mut);
                    members.is_some_and(|members| members.shift_remove(member).is_some())
                }
                None => file.shift_remove(name).is_some(),
            })?;
        let here = self.flags.remove(name).is_some() | self.profile.remove(name).is_some();
        Ok(removed || here)
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

/// Takes `providerKeyfiles.NAME` apart: those lie in an object, all other names are dotted in the file too.
fn nested(name: &str) -> Option<(&str, &str)> {
    name.split_once('.').filter(|(object, _)| [KEYFILES, API_KEYS].contains(object))
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

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "{\n  \"oauthEnabledProviders\": { \"anthropic\": true },\n  \"authOnly\": true,\n  \
                        \"theme\": [\"dark\", { \"x\": 1.50 }],\n  \"base-url\": \"https://a.example\"\n}\n";

    fn at(text: &[u8]) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("settings.json"), text).unwrap();
        let settings = Settings::load(folder.path());
        (folder, settings)
    }

    fn text(folder: &tempfile::TempDir) -> Vec<u8> {
        std::fs::read(folder.path().join("settings.json")).unwrap()
    }

    /// Whatever a command tries, the bytes stay.
    fn left_alone(bytes: &[u8], case: &str) {
        let (folder, mut settings) = at(bytes);
        let provider: Provider = "anthropic".parse().unwrap();
        let failures = [
            settings.whole().unwrap_err(),
            settings.set("authOnly", "false").unwrap_err(),
            settings.unset("authOnly").unwrap_err(),
            settings.set_oauth_enabled(&provider, false).unwrap_err(),
            settings.remember("provider", Some("anthropic")).unwrap_err(),
        ];
        let path = folder.path().join("settings.json").display().to_string();
        for failure in failures {
            assert_eq!(failure.code, Code::Damaged, "{case}");
            assert!(failure.message.starts_with(&path) && failure.message.contains("line "), "{case}: {failure}");
        }
        assert_eq!(text(&folder), bytes, "{case}");
    }

    #[test]
    fn a_file_cut_at_any_length_is_named_and_left_as_it_is() {
        let whole = FILE.trim_end().len();
        for length in 0..whole {
            left_alone(&FILE.as_bytes()[..length], &format!("cut at {length}"));
        }
        for length in whole..=FILE.len() {
            assert!(at(&FILE.as_bytes()[..length]).1.truth("authOnly"));
        }
    }

    #[test]
    fn a_file_with_any_byte_flipped_is_read_or_left_as_it_is() {
        for place in 0..FILE.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut bytes = FILE.as_bytes().to_vec();
                bytes[place] ^= bit;
                if serde_json::from_slice::<Map<String, Value>>(&bytes).is_err() {
                    left_alone(&bytes, &format!("byte {place} with {bit:#x}"));
                } else {
                    at(&bytes).1.whole().unwrap();
                }
            }
        }
    }

    #[test]
    fn what_we_do_not_know_survives_a_write_in_its_place() {
        let (folder, mut settings) = at(FILE.as_bytes());
        settings.set("authOnly", "false").unwrap();
        settings.set("providerKeyfiles.anthropic", "/k").unwrap();
        settings.unset("base-url").unwrap();
        insta::assert_snapshot!(String::from_utf8(text(&folder)).unwrap(), @r#"
        {
          "oauthEnabledProviders": {
            "anthropic": true
          },
          "authOnly": false,
          "theme": [
            "dark",
            {
              "x": 1.5
            }
          ],
          "providerKeyfiles": {
            "anthropic": "/k"
          }
        }
        "#);
        assert_eq!(settings.in_file("providerKeyfiles.anthropic").unwrap(), "/k");
        assert!(settings.unset("providerKeyfiles.anthropic").unwrap());
        assert!(!settings.unset("providerKeyfiles.anthropic").unwrap());
        assert_eq!(settings.in_file("providerKeyfiles").unwrap(), &serde_json::json!({}));
    }

    #[test]
    fn another_process_may_change_the_file_meanwhile() {
        let (folder, mut one) = at(b"{}");
        let mut other = Settings::load(folder.path());
        one.set("authOnly", "true").unwrap();
        other.set("stream.idleSeconds", "60").unwrap();
        one.refresh();
        assert!(one.truth("authOnly") && one.whole_number("stream.idleSeconds", 0) == 60);
    }

    #[test]
    fn keys_that_others_wrote_can_be_removed_and_never_set() {
        let (folder, mut settings) = at(br#"{"auth-key":"a","providerApiKeys":{"codex":"b","gemini":"c"}}"#);
        assert!(settings.set("auth-key", "x").is_err() && settings.set("providerApiKeys.codex", "x").is_err());
        assert!(settings.unset("auth-key").unwrap() && settings.unset("providerApiKeys.codex").unwrap());
        assert!(settings.unset("theme").is_err());
        let left: Value = serde_json::from_slice(&text(&folder)).unwrap();
        assert_eq!(left, serde_json::json!({"providerApiKeys":{"gemini":"c"}}));
    }

    #[test]
    fn a_value_of_the_wrong_kind_counts_as_absent_and_can_be_told() {
        let (_folder, mut settings) = at(br#"{"authOnly":"yes","stream.idleSeconds":0,"theme":7}"#);
        assert_eq!(settings.get("authOnly"), None);
        let said: Vec<String> = settings.misfits().into_iter().map(|f| f.message).collect();
        assert!(said[0].ends_with("settings.json has authOnly, and its value is not true or false."), "{said:?}");
        assert_eq!(said.len(), 2);
        settings.set_flag("AuthOnly=true").unwrap();
        assert!(settings.truth("authOnly") && settings.misfit("authOnly").is_none());
    }

    #[test]
    fn what_has_a_flag_of_its_own_is_not_taken_by_set() {
        let (_folder, mut settings) = at(b"{}");
        let said = settings.set_flag("base-url=https://a.example").unwrap_err().message;
        assert_eq!(said, "--set does not take base-url; for one run there is --baseurl.");
        assert!(settings.set_flag("auth-key=sk-canary").unwrap_err().message.contains("The vault keeps it"));
        assert_eq!(
            settings.set_flag("authOnly").unwrap_err().message,
            "--set takes KEY=VALUE, such as --set authOnly=true."
        );
    }
}
