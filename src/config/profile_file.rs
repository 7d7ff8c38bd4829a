//! The JSON of a profile, in the shape that LLxprt Code writes; members that are none of ours survive.

use llxprt_commands::{Bucket, Policy, ProfileName};
use serde_json::{Map, Value, json};

use super::declared;
use super::profile::{Balancer, Profile, Saved};

/// Reads the members of a file. The error is a sentence's end: `model is not a text`.
pub(super) fn read(name: &ProfileName, file: &Map<String, Value>) -> Result<Saved, String> {
    match file.get("version") {
        Some(Value::Number(one)) if one.as_u64() == Some(1) => {}
        Some(Value::Number(other)) => return Err(format!("is of version {other}, which this llxprt does not know")),
        Some(_) => return Err("is damaged: version is not a number".into()),
        None => return Err("is damaged: version is missing".into()),
    }
    match text(file, "type")? {
        None | Some("" | "standard" | "model") => model(name, file).map(Saved::Model),
        Some("loadbalancer") => balancer(name, file).map(Saved::Balancer),
        Some(other) => Err(format!("is of the type {other:?}, which this llxprt does not know")),
    }
}

fn model(name: &ProfileName, file: &Map<String, Value>) -> Result<Profile, String> {
    let provider = text(file, "provider")?.filter(|p| !p.is_empty()).ok_or("is damaged: provider is missing")?;
    let mut buckets: Vec<Bucket> = Vec::new();
    match file.get("auth") {
        None | Some(Value::Null) => {}
        Some(Value::Object(auth)) => match text(auth, "type").map_err(|_| "is damaged: auth.type is not a text")? {
            None | Some("oauth") => {
                for bucket in names(auth, "buckets").map_err(|why| why.replace("buckets", "auth.buckets"))? {
                    if !buckets.contains(&bucket) {
                        buckets.push(bucket);
                    }
                }
            }
            Some("apikey") => {}
            Some(other) => return Err(format!("is damaged: auth.type {other:?} is neither oauth nor apikey")),
        },
        Some(_) => return Err("is damaged: auth is not an object".into()),
    }
    Ok(Profile {
        name: name.clone(),
        provider: provider.parse().map_err(|_| format!("is damaged: {provider:?} is no provider name"))?,
        model: text(file, "model")?.filter(|m| !m.trim().is_empty()).map(str::to_owned),
        params: object(file, "modelParams")?,
        settings: by_one_name(object(file, "ephemeralSettings")?),
        buckets,
    })
}

/// Puts the key itself under its first name; LLxprt Code knows two more.
fn by_one_name(settings: Map<String, Value>) -> Map<String, Value> {
    let nothing = |value: &Value| value.is_null() || matches!(value.as_str(), Some("" | "none"));
    let (keys, mut settings): (Map<_, _>, Map<_, _>) =
        settings.into_iter().partition(|(name, _)| declared::is_auth_key(name));
    let first = keys.get("auth-key").into_iter().chain(keys.values()).find(|key| !nothing(key));
    settings.extend(first.map(|key| ("auth-key".to_owned(), key.clone())));
    settings
}

fn balancer(name: &ProfileName, file: &Map<String, Value>) -> Result<Balancer, String> {
    let policy = match text(file, "policy")?.map(str::to_ascii_lowercase).as_deref() {
        Some("failover") => Policy::Failover,
        Some("roundrobin") => Policy::Roundrobin,
        Some(_) => return Err("is damaged: policy is neither failover nor roundrobin".into()),
        None => return Err("is damaged: policy is missing".into()),
    };
    let profiles: Vec<ProfileName> = names(file, "profiles")?;
    if profiles.is_empty() {
        return Err("is damaged: profiles names none".into());
    }
    Ok(Balancer { name: name.clone(), policy, profiles })
}

fn text<'a>(file: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, String> {
    match file.get(member) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("is damaged: {member} is not a text")),
    }
}

fn object(file: &Map<String, Value>, member: &str) -> Result<Map<String, Value>, String> {
    match file.get(member) {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(_) => Err(format!("is damaged: {member} is not an object")),
    }
}

fn names<T: std::str::FromStr>(file: &Map<String, Value>, member: &str) -> Result<Vec<T>, String> {
    let list = match file.get(member) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(format!("is damaged: {member} is not a list")),
    };
    let name = |(n, value): (usize, &Value)| {
        let name = value.as_str().and_then(|text| text.parse().ok());
        name.ok_or(format!("is damaged: {member}[{n}] is not a name that can be used here"))
    };
    list.iter().enumerate().map(name).collect()
}

/// Lays a profile over the members of the file that it replaces.
pub(super) fn write(saved: &Saved, old: Map<String, Value>) -> Map<String, Value> {
    let mut file = old;
    file.insert("version".into(), 1.into());
    match saved {
        Saved::Model(profile) => {
            for member in ["type", "policy", "profiles"] {
                file.shift_remove(member);
            }
            file.insert("provider".into(), profile.provider.as_str().into());
            file.insert("model".into(), profile.model.clone().unwrap_or_default().into());
            file.insert("modelParams".into(), Value::Object(profile.params.clone()));
            let mut settings = match file.shift_remove("ephemeralSettings") {
                Some(Value::Object(settings)) => settings,
                _ => Map::new(),
            };
            settings.retain(|name, _| declared::find(name).is_err() && !declared::names_a_key(name));
            let kept = profile.settings.iter().filter(|(name, _)| !declared::names_a_key(name));
            settings.extend(kept.map(|(name, value)| (name.clone(), value.clone())));
            file.insert("ephemeralSettings".into(), Value::Object(settings));
            let buckets: Vec<&str> = profile.buckets.iter().map(Bucket::as_str).collect();
            match (file.get_mut("auth"), buckets.is_empty()) {
                (Some(Value::Object(auth)), false) => {
                    auth.insert("type".into(), "oauth".into());
                    auth.insert("buckets".into(), json!(buckets));
                }
                (_, false) => {
                    file.insert("auth".into(), json!({ "type": "oauth", "buckets": buckets }));
                }
                (_, true) => {
                    file.shift_remove("auth");
                }
            }
        }
        Saved::Balancer(balancer) => {
            file.shift_remove("auth");
            file.insert("type".into(), "loadbalancer".into());
            file.insert("policy".into(), balancer.policy.to_string().into());
            file.insert(
                "profiles".into(),
                json!(balancer.profiles.iter().map(ProfileName::as_str).collect::<Vec<_>>()),
            );
            // LLxprt Code wants these members to be there.
            file.insert("provider".into(), "".into());
            file.insert("model".into(), "".into());
            for member in ["modelParams", "ephemeralSettings"] {
                file.insert(member.into(), json!({}));
            }
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        match read(&"p".parse().unwrap(), &serde_json::from_str(text).unwrap()) {
            Ok(saved) => format!("{saved:?}"),
            Err(words) => words,
        }
    }

    #[test]
    fn each_member_of_the_wrong_kind_is_named() {
        for (text, words) in [
            (r#"{}"#, "is damaged: version is missing"),
            (r#"{"version":"1"}"#, "is damaged: version is not a number"),
            (r#"{"version":2}"#, "is of version 2, which this llxprt does not know"),
            (r#"{"version":1,"type":"x"}"#, "is of the type \"x\", which this llxprt does not know"),
            (r#"{"version":1}"#, "is damaged: provider is missing"),
            (r#"{"version":1,"provider":"a/b"}"#, "is damaged: \"a/b\" is no provider name"),
            (r#"{"version":1,"provider":"a","model":7}"#, "is damaged: model is not a text"),
            (r#"{"version":1,"provider":"a","modelParams":[]}"#, "is damaged: modelParams is not an object"),
            (r#"{"version":1,"provider":"a","auth":7}"#, "is damaged: auth is not an object"),
            (
                r#"{"version":1,"provider":"a","auth":{"type":"x"}}"#,
                "is damaged: auth.type \"x\" is neither oauth nor apikey",
            ),
            (r#"{"version":1,"provider":"a","auth":{"buckets":7}}"#, "is damaged: auth.buckets is not a list"),
            (
                r#"{"version":1,"provider":"a","auth":{"buckets":["b","../x"]}}"#,
                "is damaged: auth.buckets[1] is not a name that can be used here",
            ),
            (r#"{"version":1,"type":"loadbalancer"}"#, "is damaged: policy is missing"),
            (r#"{"version":1,"type":"loadbalancer","policy":"failover"}"#, "is damaged: profiles names none"),
        ] {
            assert_eq!(said(text), words, "{text}");
        }
    }

    #[test]
    fn a_file_of_llxprt_code_is_read_and_what_is_not_ours_survives() {
        let text = r#"{"version":1,"provider":"anthropic","model":"claude-x","modelParams":{"temperature":0.7},
            "ephemeralSettings":{"context-limit":190000,"auth.noBrowser":true,"auth-key":"sk-secret"},
            "auth":{"type":"oauth","buckets":["a","b","a"],"more":1},"newer":{"x":1}}"#;
        let file: Map<String, Value> = serde_json::from_str(text).unwrap();
        let Ok(Saved::Model(mut profile)) = read(&"p".parse().unwrap(), &file) else { panic!("{}", said(text)) };
        assert_eq!(profile.buckets.iter().map(Bucket::as_str).collect::<Vec<_>>(), ["a", "b"]);
        profile.buckets.truncate(1);
        profile.settings = Map::from_iter([("authOnly".to_owned(), true.into()), ("auth-key".to_owned(), "k".into())]);
        let again = Value::Object(write(&Saved::Model(profile), file));
        assert_eq!(again["newer"]["x"], 1);
        assert_eq!(again["auth"], json!({"type": "oauth", "buckets": ["a"], "more": 1}));
        assert_eq!(again["ephemeralSettings"], json!({"context-limit": 190000, "authOnly": true}));
        assert_eq!(again["modelParams"]["temperature"], 0.7);
    }

    #[test]
    fn a_load_balancer_is_written_as_llxprt_code_reads_it() {
        let profiles = ["a", "b"].map(|n| n.parse().unwrap()).to_vec();
        let saved = Saved::Balancer(Balancer { name: "both".parse().unwrap(), policy: Policy::Roundrobin, profiles });
        let file = write(&saved, Map::new());
        assert_eq!(read(&"both".parse().unwrap(), &file), Ok(saved));
        let expected = json!({"version": 1, "type": "loadbalancer", "policy": "roundrobin", "profiles": ["a", "b"],
            "provider": "", "model": "", "modelParams": {}, "ephemeralSettings": {}});
        assert_eq!(Value::Object(file), expected);
    }
}
