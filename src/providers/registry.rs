//! All providers of a run: the built-in manifests with the user's files laid over them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llxprt_commands::Provider;
use url::Url;

use super::Manifest;
use super::places::Places;

const BUILTIN: &[(&str, &str)] = &[
    ("anthropic", include_str!("builtin/anthropic.toml")),
    ("codex", include_str!("builtin/codex.toml")),
    ("gemini", include_str!("builtin/gemini.toml")),
    ("openai", include_str!("builtin/openai.toml")),
    ("openrouter", include_str!("builtin/openrouter.toml")),
    ("qwen", include_str!("builtin/qwen.toml")),
];

/// What the sandbox lays over the manifests of providers that want a client of the user's: its own client. None of
/// it means anything elsewhere.
const IN_THE_SANDBOX: &[(&str, &str)] = &[(
    "gemini",
    r#"[oauth]
client_id = "100000000001-pretend.apps.googleusercontent.com"
client_secret = "GOCSPX-pretend-not-a-secret"
client_project = "pretend-project"
"#,
)];

/// A manifest file that cannot be used; the other providers still can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadManifest {
    /// The provider that the file is named after.
    pub name: String,
    /// File, line and key, and what is wrong there.
    pub message: String,
}

/// The providers by name.
#[derive(Debug, Clone)]
pub struct Registry {
    manifests: BTreeMap<Provider, Manifest>,
    /// Files that could not be used.
    pub bad: Vec<BadManifest>,
}

impl Registry {
    /// Reads the built-in manifests and those in `folder`. With `sandbox`, every URL of a built-in one leads to
    /// `<sandbox>/<provider>` with its path kept (design 4.13).
    pub fn load(folder: &Path, sandbox: Option<&Url>) -> Self {
        let mut registry = Self { manifests: BTreeMap::new(), bad: Vec::new() };
        let mut tables = BTreeMap::new();
        for (name, text) in BUILTIN {
            match text.parse::<toml::Table>() {
                Ok(mut table) => {
                    if let Some(base) = sandbox {
                        redirect_urls(&mut table, base, name);
                        let ours = IN_THE_SANDBOX.iter().filter(|(n, _)| n == name);
                        ours.filter_map(|(_, text)| text.parse().ok()).for_each(|client| merge(&mut table, client));
                    }
                    tables.insert((*name).to_owned(), table);
                }
                Err(e) => registry.bad.push(BadManifest { name: (*name).to_owned(), message: e.to_string() }),
            }
        }
        let mut files = Vec::new();
        for file in manifest_files(folder) {
            match lay_over(&file, &mut tables) {
                Ok((name, places)) => files.push((name, file, places)),
                Err((name, message)) => {
                    tables.remove(&name);
                    registry.bad.push(BadManifest { name, message });
                }
            }
        }
        for (name, table) in tables {
            let builtin = BUILTIN.iter().any(|(n, _)| *n == name);
            match Manifest::from_table(table, builtin) {
                Ok(manifest) => {
                    registry.manifests.insert(manifest.name.clone(), manifest);
                }
                Err((key, complaint)) => {
                    let file = files.iter().find(|(n, ..)| *n == name);
                    let place = file.map_or_else(|| name.clone(), |(_, file, places)| place(file, places, &key));
                    registry.bad.push(BadManifest { name, message: format!("{place}: {key} {complaint}") });
                }
            }
        }
        registry
    }

    /// Returns the manifest of a provider.
    pub fn get(&self, name: &Provider) -> Option<&Manifest> {
        self.manifests.get(name)
    }

    /// Returns every manifest, by name.
    pub fn all(&self) -> impl Iterator<Item = &Manifest> {
        self.manifests.values()
    }

    /// Returns the manifest of a built-in provider as shipped, whatever a file says now: where a login belongs that
    /// names no place (design 4.8).
    pub fn shipped(name: &Provider) -> Option<Manifest> {
        let (_, text) = BUILTIN.iter().find(|(n, _)| *n == name.as_str())?;
        Manifest::from_table(text.parse().ok()?, true).ok()
    }
}

fn manifest_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

/// Reads one file over the table of its name; the error carries the name and the sentence.
fn lay_over(file: &Path, tables: &mut BTreeMap<String, toml::Table>) -> Result<(String, Places), (String, String)> {
    const BOUND: u64 = 256 * 1024;
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let fail = |words: String| (name.clone(), format!("{}: {words}", file.display()));
    // Two files for one name would be one too many: names ignore case.
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(fail("a provider's file is named in a-z, 0-9 and -".to_owned()));
    }
    let size = std::fs::metadata(file).map_err(|e| fail(e.to_string()))?.len();
    if size > BOUND {
        return Err(fail("is over 256 KiB".to_owned()));
    }
    let text = std::fs::read_to_string(file).map_err(|e| fail(e.to_string()))?;
    let places = Places::of(&text);
    toml::from_str::<super::wire::Wire>(&text).map_err(|e| fail(places.told(&e, &text)))?;
    let table: toml::Table = text.parse().map_err(|e| fail(places.told(&e, &text)))?;
    match table.get("name").and_then(toml::Value::as_str) {
        Some(said) if said != name => {
            let place = place(file, &places, "name");
            return Err((name.clone(), format!("{place}: name is {said:?}, but the file is named after {name:?}")));
        }
        None if !tables.contains_key(&name) => return Err(fail("name is missing".to_owned())),
        _ => {}
    }
    merge(tables.entry(name.clone()).or_default(), table);
    Ok((name, places))
}

/// Lays a table over another, member by member. An empty text takes a member of the inner tables away.
fn merge(under: &mut toml::Table, over: toml::Table) {
    lay(under, over, 0);
}

fn lay(under: &mut toml::Table, over: toml::Table, depth: u8) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(a)), toml::Value::Table(b)) => lay(a, b, depth + 1),
            (_, toml::Value::String(text)) if text.is_empty() && depth > 1 => {
                under.remove(&key);
            }
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

/// Names the file, and the line of the key where it is set there.
fn place(file: &Path, places: &Places, key: &str) -> String {
    let file = file.display();
    places.line(key).map_or_else(|| file.to_string(), |line| format!("{file}: line {line}"))
}

fn redirect_urls(table: &mut toml::Table, base: &Url, name: &str) {
    for (key, value) in table.iter_mut() {
        match value {
            toml::Value::Table(inner) => redirect_urls(inner, base, name),
            toml::Value::String(text) if key != "link" && text.starts_with("https://") => {
                if let Ok(url) = Url::parse(text) {
                    let rest = &url[url::Position::BeforePath..];
                    *text = format!("{}/{name}{}", base.as_str().trim_end_matches('/'), rest.trim_end_matches('/'));
                }
            }
            toml::Value::Array(domains) if key == "resource_domains" => {
                domains.push(toml::Value::String(base.host_str().unwrap_or("127.0.0.1").to_owned()));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(files: &[(&str, &str)]) -> (tempfile::TempDir, Registry) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let registry = Registry::load(folder.path(), None);
        (folder, registry)
    }

    const GATEWAY: &str = r#"
name = "gateway"
default_model = "m"
[oauth]
flows = ["device"]
client_id = "x"
token_url = "https://sso.example.com/token"
device_url = "https://sso.example.com/device"
[api]
dialect = "openai-chat"
base_url = "https://ai.example.com/v1"
"#;

    #[test]
    fn every_built_in_manifest_is_whole_and_https() {
        let (_folder, registry) = registry(&[]);
        assert_eq!(registry.bad, []);
        assert_eq!(registry.all().count(), BUILTIN.len());
        assert!(registry.all().all(|m| m.api.base_url.scheme() == "https" && m.builtin));
    }

    #[test]
    fn a_file_adds_a_provider_and_another_replaces_only_what_it_sets() {
        let (_folder, registry) = registry(&[
            ("gateway.toml", GATEWAY),
            ("anthropic.toml", "default_model = \"claude-x\"\n[oauth]\nclient_id = \"mine\"\n"),
        ]);
        assert_eq!(registry.bad, []);
        assert_eq!(registry.get(&"gateway".parse().unwrap()).unwrap().default_model, "m");
        let anthropic = registry.get(&"anthropic".parse().unwrap()).unwrap();
        assert_eq!(anthropic.default_model, "claude-x");
        let oauth = anthropic.oauth.as_ref().unwrap();
        assert_eq!((oauth.client_id.as_deref(), oauth.scopes.len()), (Some("mine"), 2));
    }

    #[test]
    fn a_table_of_a_file_replaces_only_its_own_members_and_an_empty_text_takes_one_away() {
        let (_folder, registry) = registry(&[
            ("anthropic.toml", "[api.headers]\nx-company = \"1\"\n"),
            ("codex.toml", "[oauth]\nredirect.ports = []\n[oauth.claim_headers]\nx-org = \"/org\"\n"),
            ("gemini.toml", "[oauth.authorize_params]\nprompt = \"\"\n"),
        ]);
        assert_eq!(registry.bad, []);
        let of = |name: &str| registry.get(&name.parse().unwrap()).unwrap();
        let names = |map: &BTreeMap<String, String>| map.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&of("anthropic").api.headers), ["anthropic-version", "x-company"]);
        let codex = of("codex").oauth.as_ref().unwrap();
        assert!(codex.redirect.ports.is_empty() && codex.redirect.path == "/auth/callback");
        assert!(codex.claim_headers.len() > 1 && codex.claim_headers["x-org"] == "/org");
        assert_eq!(names(&of("gemini").oauth.as_ref().unwrap().authorize_params), ["access_type"]);
    }

    #[test]
    fn a_wrong_file_names_file_line_and_key_and_spoils_no_other_provider() {
        for (text, words) in [
            ("name = \"x\"\ncolour = 3\n", "line 2: colour: unknown field `colour`"),
            (&GATEWAY.replace("https://ai", "http://ai"), "line 11: api.base_url must be https"),
            (&GATEWAY.replace("\"openai-chat\"", "\"klingon\""), "line 10: api.dialect: unknown variant `klingon`"),
            (&GATEWAY.replace("device_url", "verify_url"), "oauth.device_url is missing"),
            (&GATEWAY.replace("name = \"gateway\"", "name = \"other\""), "line 2: name is \"other\""),
            ("name = ", "line 1: name: "),
        ] {
            let (folder, registry) = registry(&[("gateway.toml", text)]);
            assert_eq!(registry.bad.len(), 1, "{text}");
            let message = &registry.bad[0].message;
            assert!(message.contains(words), "{message} should contain {words}");
            assert!(message.contains(&folder.path().join("gateway.toml").display().to_string()));
            assert!(registry.get(&"anthropic".parse().unwrap()).is_some());
        }
    }

    #[test]
    fn in_the_sandbox_every_url_of_a_built_in_manifest_keeps_its_path_below_the_provider() {
        let base = Url::parse("http://127.0.0.1:8080").unwrap();
        let registry = Registry::load(Path::new("/nowhere"), Some(&base));
        let anthropic = registry.get(&"anthropic".parse().unwrap()).unwrap();
        let oauth = anthropic.oauth.as_ref().unwrap();
        assert_eq!(oauth.token_url.as_str(), "http://127.0.0.1:8080/anthropic/v1/oauth/token");
        assert_eq!(anthropic.api.base_url.as_str(), "http://127.0.0.1:8080/anthropic");
        assert!(oauth.link.as_ref().unwrap().starts_with("https://code.claude.com"));
        assert!(registry.all().all(|m| super::super::wire::is_loopback(&m.api.base_url)));
    }
}
