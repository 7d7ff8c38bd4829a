//! Tests of the file: what survives, what is refused, what is left as it is.

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
        assert!(at(&FILE.as_bytes()[..length]).1.truth("authOnly").unwrap());
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
    assert!(one.truth("authOnly").unwrap() && one.whole_number("stream.idleSeconds", 0).unwrap() == 60);
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
    assert!(said[0].ends_with("settings.json has authOnly, and its value \"yes\" is not true or false."), "{said:?}");
    assert_eq!(said.len(), 2);
    settings.set_flag("AuthOnly=true").unwrap();
    assert!(settings.truth("authOnly").unwrap() && settings.misfit("authOnly").is_none());
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
