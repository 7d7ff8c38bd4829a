//! The OAuth client that we are at a provider: the manifest's, or one of the user's own.

use serde_json::Value;

use crate::error::{Code, Failure, Outcome};
use crate::providers::{Grants, Manifest, OAuth};

/// A client id and, for installed apps whose provider demands one, a secret that is none (RFC 8252 8.5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// `client_id`; empty where the provider knows no clients.
    pub id: String,
    /// `client_secret`.
    pub secret: Option<String>,
    /// The project that requests are counted for.
    pub project: Option<String>,
}

impl Client {
    /// Returns the manifest's client, with the user's id in place of its own where one is set.
    ///
    /// # Errors
    /// `E-NO-CLIENT` with how to make one.
    pub fn of(manifest: &Manifest, oauth: &OAuth, own_id: Option<&str>) -> Outcome<Self> {
        let (secret, project) = (oauth.client_secret.clone(), oauth.client_project.clone());
        match own_id.or(oauth.client_id.as_deref()) {
            // Where requests name the client's project, the token endpoint asks for its secret too: Google's.
            Some(_) if oauth.project_header.is_some() && (secret.is_none() || project.is_none()) => {
                let (title, name) = (&manifest.title, &manifest.name);
                let words =
                    format!("{title} needs the secret and the project of your OAuth client too, not only its id.");
                let all = format!("The JSON of the client holds all of it: `/set auth.{name}.clientFile PATH`");
                Err(Failure::new(Code::NoClient, words).say(all))
            }
            Some(id) => Ok(Self { id: id.to_owned(), secret, project }),
            None if oauth.grants == Grants::ApiKey => Ok(Self::default()),
            None => {
                let words = format!("{} needs an OAuth client of your own, and none is set.", manifest.title);
                let help = || format!("`/set auth.{}.clientId ID`", manifest.name);
                Err(Failure::new(Code::NoClient, words).say(oauth.client_help.clone().unwrap_or_else(help)))
            }
        }
    }

    /// Reads the JSON that Google's console gives for a client.
    ///
    /// # Errors
    /// Says what the file is in place of that, as the end of a sentence; never anything of its content.
    pub fn from_console(text: &str) -> Result<Self, String> {
        let text = text.trim_start_matches('\u{feff}').trim();
        let value: Value = serde_json::from_str(text).map_err(|e| match text {
            "" => "is empty".to_owned(),
            text if text.starts_with("AIza") => "is an API key, not a client".to_owned(),
            _ => format!("is not whole: no JSON at line {}, column {}", e.line(), e.column()),
        })?;
        if value.get("web").is_some() {
            return Err("is of a client for web servers".to_owned());
        }
        match value.get("type").and_then(Value::as_str) {
            Some("service_account") => {
                return Err("is the key of a service account, which no person signs in to".into());
            }
            Some("authorized_user") => return Err("is a sign-in of gcloud, not a client".to_owned()),
            _ => {}
        }
        let Some(installed) = value.get("installed") else {
            return Err("is JSON of something else: the member \"installed\" is missing".to_owned());
        };
        let member = |name: &str| {
            let text = installed.get(name).and_then(Value::as_str).filter(|t| !t.is_empty());
            text.map(str::to_owned).ok_or_else(|| format!("is not whole: {name} is missing"))
        };
        let id = member("client_id")?;
        Ok(Self { id, secret: Some(member("client_secret")?), project: Some(member("project_id")?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_a_desktop_client_gives_id_secret_and_project() {
        let text = "\u{feff}{\"installed\":{\"client_id\":\"i\",\"project_id\":\"p\",\"client_secret\":\"s\",\"token_uri\":\"https://evil.example\"}}\n";
        let client = Client { id: "i".into(), secret: Some("s".into()), project: Some("p".into()) };
        assert_eq!(Client::from_console(text), Ok(client));
    }

    #[test]
    fn a_file_of_another_kind_is_told_what_it_is_and_nothing_of_it() {
        for (text, words) in [
            ("", "is empty"),
            ("AIzaSyCANARY", "is an API key"),
            ("{\"installed\":{\"client_id\":\"CANARY", "is not whole: no JSON at line 1"),
            ("{\"web\":{\"client_id\":\"CANARY\"}}", "is of a client for web servers"),
            ("{\"type\":\"service_account\",\"private_key\":\"CANARY\"}", "the key of a service account"),
            ("{\"type\":\"authorized_user\",\"refresh_token\":\"CANARY\"}", "a sign-in of gcloud"),
            ("{\"installed\":{\"client_secret\":\"CANARY\"}}", "client_id is missing"),
            ("{\"installed\":7}", "client_id is missing"),
            ("{\"installed\":{\"client_id\":\"CANARY\",\"project_id\":\"p\"}}", "client_secret is missing"),
            ("{\"installed\":{\"client_id\":\"i\",\"client_secret\":\"CANARY\"}}", "project_id is missing"),
            ("[\"CANARY\"]", "\"installed\" is missing"),
        ] {
            let said = Client::from_console(text).unwrap_err();
            assert!(said.contains(words) && !said.contains("CANARY"), "{said}");
        }
    }
}
