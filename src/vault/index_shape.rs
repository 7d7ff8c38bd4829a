//! How the index is read. Members of newer versions are kept, which serde's own `flatten` does by holding the whole
//! text twice; a thousand accounts are read for every command, so each member goes straight to its place here.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::index::{Entry, Home, Index};

/// The name of a member, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryShape)
    }
}

struct EntryShape;

impl<'de> Visitor<'de> for EntryShape {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what is known of an account")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let mut entry = Entry::new(Home::Memory);
        let mut store = None;
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "store" => store = Some(map.next_value()?),
                "identity" => entry.identity = map.next_value()?,
                "identity_id" => entry.identity_id = map.next_value()?,
                "plan" => entry.plan = map.next_value()?,
                "expires_at" => entry.expires_at = map.next_value()?,
                "refreshable" => entry.refreshable = map.next_value()?,
                "signed_in_until" => entry.signed_in_until = map.next_value()?,
                "origins" => entry.origins = map.next_value()?,
                "found" => entry.found = map.next_value()?,
                "unverified" => entry.unverified = map.next_value()?,
                "refused" => entry.refused = map.next_value()?,
                "unreadable" => entry.unreadable = map.next_value()?,
                "windows" => entry.windows = map.next_value()?,
                "windows_at" => entry.windows_at = map.next_value()?,
                "limits" => entry.limits = map.next_value()?,
                "counts" => entry.counts = map.next_value()?,
                _ => drop(entry.other.insert(name.into_owned(), map.next_value()?)),
            }
        }
        entry.store = store.ok_or_else(|| A::Error::missing_field("store"))?;
        Ok(entry)
    }
}

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(IndexShape)
    }
}

struct IndexShape;

impl<'de> Visitor<'de> for IndexShape {
    type Value = Index;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index of accounts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Index, A::Error> {
        let mut index = Index::default();
        let (mut version, mut accounts) = (None, None);
        while let Some(Name(name)) = map.next_key()? {
            match &*name {
                "version" => version = Some(map.next_value()?),
                "accounts" => accounts = Some(map.next_value()?),
                "keys" => index.keys = map.next_value()?,
                "store" => index.store = map.next_value()?,
                _ => drop(index.other.insert(name.into_owned(), map.next_value()?)),
            }
        }
        index.version = version.ok_or_else(|| A::Error::missing_field("version"))?;
        index.accounts = accounts.ok_or_else(|| A::Error::missing_field("accounts"))?;
        Ok(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_comes_back_and_one_that_must_be_there_is_missed() {
        let text = r#"{"version":1,"accounts":{"a:b":{"store":"keyring","identity":"i","identity_id":"d","plan":"p",
            "expires_at":1,"refreshable":true,"signed_in_until":2,"origins":["o"],"found":true,"unverified":true,"refused":"r","unreadable":"u",
            "windows":[{"window":"5h","used":0.5}],"windows_at":3,"limits":[{"until":4,"why":"w","strikes":0}],
            "counts":{"requests":5,"input":0,"output":0,"switches":0},"n\u0065w":1}},
            "keys":{"k":{"store":"file","tail":"t"}},"store":{"kind":"file","detail":"d"}}"#;
        let index: Index = serde_json::from_str(text).unwrap();
        let entry = &index.accounts["a:b"];
        assert_eq!((entry.store, entry.counts.requests, &entry.other["new"]), (Home::Keyring, 5, &1.into()));
        let text: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_value(&index).unwrap(), text);
        for (text, missing) in [
            (r#"{"accounts":{}}"#, "version"),
            (r#"{"version":1}"#, "accounts"),
            (r#"{"version":1,"accounts":{"a:b":{}}}"#, "store"),
        ] {
            let error = serde_json::from_str::<Index>(text).unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        }
    }
}
