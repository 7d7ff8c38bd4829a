//! The folder of profiles, `<config>/profiles`: read, written whole under the lock, renamed into, deleted.

use std::path::{Path, PathBuf};

use llxprt_commands::{Bucket, ProfileName, Provider};
use serde_json::{Map, Value};

use super::lock::ConfigLock;
use super::profile::{Saved, profile_names};
use super::profile_file as file;
use crate::error::{Code, Failure, Outcome};
use crate::sys::files;

/// The largest file that is read, in bytes.
const BOUND: u64 = 1 << 20;

/// Names that Windows keeps for devices, whatever follows the first dot.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The saved profiles.
#[derive(Debug, Clone)]
pub struct Profiles {
    config: PathBuf,
}

impl Profiles {
    /// Those below a config folder.
    pub fn new(config: &Path) -> Self {
        Self { config: config.to_owned() }
    }

    /// Lists the names, sorted.
    pub fn names(&self) -> Vec<ProfileName> {
        profile_names(&self.config)
    }

    /// Returns where a profile lies.
    pub fn path(&self, name: &ProfileName) -> PathBuf {
        self.config.join("profiles").join(format!("{name}.json"))
    }

    /// Reads a profile; `None` when there is none of exactly this name.
    ///
    /// # Errors
    /// `E-DAMAGED` with file and place.
    pub fn read(&self, name: &ProfileName) -> Outcome<Option<Saved>> {
        let Some(members) = self.members(name)? else { return Ok(None) };
        let words = |why| damaged(&self.path(name), why);
        file::read(name, &members).map(Some).map_err(words)
    }

    /// Returns the members of a profile as they lie in its file.
    ///
    /// # Errors
    /// `E-DAMAGED` with file and place.
    pub fn members(&self, name: &ProfileName) -> Outcome<Option<Map<String, Value>>> {
        // A disk that ignores case would give another name's file.
        if !self.names().contains(name) {
            return Ok(None);
        }
        let path = self.path(name);
        let bytes = files::read_bounded(&path, BOUND).map_err(|e| damaged(&path, format!("cannot be read: {e}")))?;
        let Some(bytes) = bytes else { return Ok(None) };
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        match serde_json::from_slice(text) {
            Ok(Value::Object(members)) => Ok(Some(members)),
            Ok(_) => Err(damaged(&path, "is damaged: it is not a JSON object".to_owned())),
            Err(e) => Err(damaged(&path, format!("is damaged at line {}, column {}", e.line(), e.column()))),
        }
    }

    /// Saves a profile; returns the one that it replaces.
    ///
    /// # Errors
    /// `E-DAMAGED` when the one before does not parse (it is left as it is), `E-PROFILE` when the name cannot be told
    /// from another one on every disk, `E-FILE` when it cannot be written.
    pub fn save(&self, saved: &Saved) -> Outcome<Option<Saved>> {
        let name = saved.name();
        self.check_name(name)?;
        let _lock = ConfigLock::take(&self.config)?;
        let old = self.members(name)?;
        let before = old.as_ref().map(|members| file::read(name, members));
        let before = before.transpose().map_err(|why| damaged(&self.path(name), why))?;
        self.write(name, file::write(saved, old.unwrap_or_default()))?;
        Ok(before)
    }

    /// Deletes a profile, damaged or not; `false` when there was none.
    ///
    /// # Errors
    /// `E-FILE` when it cannot be deleted.
    pub fn delete(&self, name: &ProfileName) -> Outcome<bool> {
        let _lock = ConfigLock::take(&self.config)?;
        if !self.names().contains(name) {
            return Ok(false);
        }
        let path = self.path(name);
        files::remove_private(&path)
            .map_err(|e| Failure::new(Code::File, format!("{} cannot be deleted: {e}.", path.display())))
    }

    /// Lets every profile of a provider follow a bucket to its new name; returns the profiles that did.
    ///
    /// # Errors
    /// The first damaged profile; the others have followed.
    pub fn rename_bucket(&self, provider: &Provider, old: &Bucket, new: &Bucket) -> Outcome<Vec<ProfileName>> {
        let _lock = ConfigLock::take(&self.config)?;
        let mut followed = Vec::new();
        let mut trouble = None;
        for name in self.names() {
            match self.follow(&name, provider, old, new) {
                Ok(true) => followed.push(name),
                Ok(false) => {}
                Err(failure) => trouble = trouble.or(Some(failure)),
            }
        }
        trouble.map_or(Ok(followed), Err)
    }

    fn follow(&self, name: &ProfileName, provider: &Provider, old: &Bucket, new: &Bucket) -> Outcome<bool> {
        let Some(mut members) = self.members(name)? else { return Ok(false) };
        let Saved::Model(mut profile) = file::read(name, &members).map_err(|why| damaged(&self.path(name), why))?
        else {
            return Ok(false);
        };
        if profile.provider != *provider || !profile.buckets.contains(old) {
            return Ok(false);
        }
        profile.buckets.retain(|bucket| bucket != new);
        profile.buckets.iter_mut().filter(|bucket| *bucket == old).for_each(|bucket| bucket.clone_from(new));
        let buckets: Vec<Value> = profile.buckets.iter().map(|bucket| bucket.as_str().into()).collect();
        members["auth"]["buckets"] = Value::Array(buckets);
        self.write(name, members)?;
        Ok(true)
    }

    /// Returns the load balancers that name a profile, but for those that it leads to itself: such a circle cannot be
    /// loaded, and must open somewhere. Damaged files cannot tell and are left out.
    pub fn balancers_over(&self, member: &ProfileName) -> Vec<ProfileName> {
        let named_by = |name: &ProfileName| match self.read(name) {
            Ok(Some(Saved::Balancer(balancer))) => balancer.profiles,
            _ => Vec::new(),
        };
        let mut led_to = vec![member.clone()];
        let mut seen = 0;
        while let Some(name) = led_to.get(seen) {
            for next in named_by(name) {
                if !led_to.contains(&next) {
                    led_to.push(next);
                }
            }
            seen += 1;
        }
        let over = |name: &ProfileName| !led_to.contains(name) && named_by(name).contains(member);
        self.names().into_iter().filter(over).collect()
    }

    /// Refuses a name that some disks cannot tell from another one's or cannot hold.
    fn check_name(&self, name: &ProfileName) -> Outcome {
        let lower = name.as_str().to_ascii_lowercase();
        let device = lower.split('.').next().unwrap_or_default();
        let numbered =
            |text: &str| matches!(text.as_bytes(), [b'c', b'o', b'm', b'0'..=b'9'] | [b'l', b'p', b't', b'0'..=b'9']);
        if lower == "none" {
            let words = "\"none\" stands for no profile, so none can be called that. Not saved.";
            return Err(Failure::new(Code::Profile, words));
        }
        if RESERVED.contains(&device) || numbered(device) {
            let words = format!("\"{name}\" is a name that Windows keeps for a device. Not saved.");
            return Err(Failure::new(Code::Profile, words));
        }
        let twin = self.names().into_iter().find(|known| known != name && known.as_str().eq_ignore_ascii_case(&lower));
        match twin {
            Some(twin) => {
                let words = format!(
                    "There is a profile called {twin}. A disk that ignores case would take \"{name}\" for it. Not saved."
                );
                Err(Failure::new(Code::Profile, words))
            }
            None => Ok(()),
        }
    }

    fn write(&self, name: &ProfileName, members: Map<String, Value>) -> Outcome {
        let path = self.path(name);
        let cannot =
            |e: &dyn std::fmt::Display| Failure::new(Code::File, format!("{} cannot be written: {e}.", path.display()));
        let mut text = serde_json::to_vec_pretty(&Value::Object(members)).map_err(|e| cannot(&e))?;
        text.push(b'\n');
        files::create_private_dir(&self.config, "profiles").map_err(|e| cannot(&e))?;
        files::write_private(&path, &text).map_err(|e| cannot(&e))
    }
}

fn damaged(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Damaged, format!("{} {why}. It is left as it is.", path.display()))
        .say("Mend that place, or delete the profile and save it anew.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"version":1,"provider":"anthropic","model":"m","modelParams":{"t":0.7},
        "ephemeralSettings":{"authOnly":true},"auth":{"type":"oauth","buckets":["a@b.c","d"]},"type":"standard"}"#;

    #[test]
    fn f4_a_file_that_is_cut_or_flipped_anywhere_is_read_or_named_and_never_touched() {
        let dir = tempfile::tempdir().unwrap();
        let profiles = Profiles::new(dir.path());
        let name: ProfileName = "p".parse().unwrap();
        files::create_private_dir(dir.path(), "profiles").unwrap();
        let path = profiles.path(&name);
        let mut variants: Vec<Vec<u8>> = (0..TEXT.len()).map(|n| TEXT.as_bytes()[..n].to_vec()).collect();
        for n in 0..TEXT.len() {
            for flip in [0x01, 0x20, 0x80, 0xff] {
                let mut bytes = TEXT.as_bytes().to_vec();
                bytes[n] ^= flip;
                variants.push(bytes);
            }
        }
        let mut named = 0;
        for bytes in variants {
            std::fs::write(&path, &bytes).unwrap();
            match profiles.read(&name) {
                Ok(saved) => assert!(saved.is_some()),
                Err(failure) => {
                    named += 1;
                    assert_eq!(failure.code, Code::Damaged);
                    assert!(failure.message.contains("p.json"), "{}", failure.message);
                    assert!(!failure.message.contains(|c: char| c.is_control()), "{:?}", failure.message);
                    let saved = Saved::Balancer(super::super::profile::Balancer {
                        name: name.clone(),
                        policy: llxprt_commands::Policy::Failover,
                        profiles: vec![name.clone()],
                    });
                    assert_eq!(profiles.save(&saved).unwrap_err().code, Code::Damaged);
                    assert_eq!(std::fs::read(&path).unwrap(), bytes);
                }
            }
        }
        assert!(named > TEXT.len(), "{named}");
    }

    #[test]
    fn what_an_interrupted_write_left_is_swept() {
        let dir = tempfile::tempdir().unwrap();
        files::create_private_dir(dir.path(), "profiles").unwrap();
        let left = ["profiles/.p.json.abcdEFGH.tmp", ".settings.json.abcdEFGH.tmp"].map(|name| dir.path().join(name));
        left.iter().for_each(|path| std::fs::write(path, "{").unwrap());
        std::fs::write(dir.path().join("profiles/q.json"), "{}").unwrap();
        let held = ConfigLock::take(dir.path()).unwrap();
        crate::config::sweep(dir.path()).unwrap();
        assert!(left.iter().all(|path| path.exists()), "somebody is writing");
        drop(held);
        crate::config::sweep(dir.path()).unwrap();
        assert!(!left.iter().any(|path| path.exists()) && dir.path().join("profiles/q.json").exists());
    }
}
