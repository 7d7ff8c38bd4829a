//! Gemini: Google's sign-in with a client of the user's own, and keys.

use llxprt::providers::Registry;
use llxprt::sandbox::{Answer, Chunk, End, Endpoint};
use serde_json::json;

use crate::provider_steps::{PERSONAL, Stand, link};
use crate::session_steps::{approve, paste_prompt, terminal};
use crate::support::pty::key;
use crate::support::{Browser, Home};

#[test]
fn the_client_that_the_sandbox_lays_over_the_manifest_is_the_sandboxs() {
    let stand = Stand::new("gemini");
    let url = url::Url::parse(stand.sandbox.url()).unwrap();
    let registry = Registry::load(std::path::Path::new("/nowhere"), Some(&url));
    let gemini = registry.get(&"gemini".parse().unwrap()).unwrap().oauth.clone().unwrap();
    let file = &stand.sandbox.describe()["providers"]["gemini"]["client_file"]["installed"];
    for (ours, theirs) in [
        (gemini.client_id, "client_id"),
        (gemini.client_secret, "client_secret"),
        (gemini.client_project, "project_id"),
    ] {
        assert_eq!(ours.as_deref(), file[theirs].as_str());
    }
    let shipped = Registry::load(std::path::Path::new("/nowhere"), None);
    assert_eq!(shipped.get(&"gemini".parse().unwrap()).unwrap().oauth.as_ref().unwrap().client_id, None);
}

#[test]
fn from_enable_to_logout_in_one_session() {
    let stand = Stand::new("gemini");
    let shown = stand.whole_way(false);
    assert!(shown.contains(&format!("Signed in to gemini as {PERSONAL}. Renews by itself.")), "{shown}");
    assert!(shown.contains("default revoked at gemini and removed here"), "{shown}");
    let asked = &stand.script.requests_to(Endpoint::Authorize)[0];
    assert_eq!(asked.param("access_type").as_deref(), Some("offline"));
    assert_eq!(asked.param("prompt").as_deref(), Some("consent"));
    assert!(asked.param("redirect_uri").unwrap().starts_with("http://127.0.0.1:"));
    for call in stand.script.requests_to(Endpoint::Chat) {
        assert_eq!(call.header("x-goog-user-project"), Some("pretend-project"));
        assert_eq!((call.header("x-goog-api-key"), call.param("alt").as_deref()), (None, Some("sse")));
    }
}

#[test]
fn a_token_that_runs_out_is_renewed_without_a_word_and_the_refresh_token_stays() {
    let stand = Stand::short("gemini");
    let _ = stand.auth(&["login"]).ok();
    for turn in 1..=3 {
        let done = stand.say("hello").ok();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
        assert_eq!(stand.script.count(Endpoint::Refresh), turn);
    }
    let call = stand.script.requests_to(Endpoint::Chat).pop().unwrap();
    assert_eq!(call.header("x-goog-user-project"), Some("pretend-project"));
    stand.assert_clean();
}

#[test]
fn the_address_is_pasted_where_no_browser_is() {
    let stand = Stand::new("gemini");
    let pty = terminal(&stand.home, &["--nobrowser", "auth", "gemini", "login", PERSONAL]);
    paste_prompt(&pty, 1);
    let link = link(&pty, "/o/oauth2/v2/auth?");
    assert!(link.contains("login_hint=personal%40gmail.com"), "{link}");
    pty.paste(&approve(&link, PERSONAL));
    pty.keys(key::ENTER);
    pty.wait_for(&format!("Signed in to gemini as {PERSONAL}"));
}

/// A provider that is gemini but for its name, so that no client of the sandbox's is there.
fn without_client(stand: &Stand) -> String {
    let url = format!("{}/gemini", stand.sandbox.url());
    format!(
        "client_help = \"Make one.\"\nproject_header = \"x-goog-user-project\"\n\
         authorize_url = \"{url}/o/oauth2/v2/auth\"\ntoken_url = \"{url}/token\"\nverify_url = \"{url}/oauth2/v2/userinfo\"\n\
         scopes = [\"openid\", \"https://www.googleapis.com/auth/userinfo.email\", \"https://www.googleapis.com/auth/cloud-platform\"]\n\
         identity = \"verify\"\nauthorize_params = {{ access_type = \"offline\" }}\n\
         [api]\ndialect = \"gemini\"\nbase_url = \"{url}\"\n"
    )
}

#[test]
fn a_client_file_of_googles_console_is_the_client_and_its_project_goes_along() {
    let stand = Stand::new("gemini");
    let manifest = format!(
        "name = \"mine\"\ndefault_model = \"gemini-2.5-pro\"\n[oauth]\nflows = [\"browser\"]\n{}",
        without_client(&stand)
    );
    stand.home.write("config/providers/mine.toml", manifest);
    let login = || stand.home.run(&["auth", "mine", "login"]);
    let done = login().exit(4);
    assert!(
        done.stderr.contains("mine needs an OAuth client of your own") && done.stderr.contains("Make one."),
        "{done}"
    );

    let describe = stand.sandbox.describe();
    let mut file = describe["providers"]["gemini"]["client_file"].clone();
    // What the file says of hosts is not asked: a token goes to the manifest's hosts only.
    file["installed"]["token_uri"] = json!("https://evil.example/token");
    let path = stand.home.write("home/client.json", file.to_string());
    let _ = stand.home.run(&["set", "auth.mine.clientFile", "~/client.json"]).ok();
    let done = login().ok();
    assert!(done.stderr.contains(&format!("Signed in to mine as {PERSONAL}")), "{done}");
    let done = stand.home.run(&["--provider", "mine", "-p", "hello"]).ok();
    assert_eq!(done.stdout, "hello\n");
    let call = stand.script.requests_to(Endpoint::Chat).pop().unwrap();
    assert_eq!(call.header("x-goog-user-project"), Some("pretend-project"));

    for (text, words) in [
        (
            json!({"installed": {"client_id": "canary-client", "project_id": "p"}}).to_string(),
            "client_secret is missing",
        ),
        (
            json!({"installed": {"client_id": "canary-client", "client_secret": "s"}}).to_string(),
            "project_id is missing",
        ),
        (json!({"web": {"client_id": "canary-client"}}).to_string(), "is of a client for web servers"),
        (
            json!({"type": "service_account", "private_key": "canary-client"}).to_string(),
            "is the key of a service account",
        ),
        ("{\"installed\":{\"client_id\":\"canary-client".to_owned(), "is not whole"),
        (String::new(), "is empty"),
    ] {
        std::fs::write(&path, text).unwrap();
        let done = stand.home.run(&["auth", "mine", "login", "--force"]).exit(4);
        assert!(
            done.stderr.contains(words) && done.stderr.contains("Desktop app") && done.stderr.contains("E-NO-CLIENT"),
            "{done}"
        );
        assert!(!done.stderr.contains("canary"), "{done}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(login().exit(4).stderr.contains("is no plain file"));
    std::fs::remove_file(&path).unwrap();
    assert!(login().exit(4).stderr.contains("is not there"));
}

#[test]
fn a_client_id_alone_is_told_to_be_too_little_before_a_browser_opens() {
    let home = Home::new();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    insta::assert_snapshot!(home.run(&["--set", "auth.gemini.clientId=mine", "auth", "gemini", "login"]), @"
    --- stderr
    llxprt: Gemini needs the secret and the project of your OAuth client too, not only its id.
    The JSON of the client holds all of it: llxprt set auth.gemini.clientFile PATH  E-NO-CLIENT
    --- exit 4
    ");
}

#[test]
fn without_a_client_the_login_tells_how_to_make_one() {
    let home = Home::new();
    let browser = Browser::zero(&home);
    let home = home.env("BROWSER", browser.command());
    let done = home.run(&["auth", "gemini", "login"]);
    insta::assert_snapshot!(done, @r#"
    --- stderr
    llxprt: Gemini needs an OAuth client of your own, and none is set.
    Google lets no other program use the client of its own Gemini CLI. To make yours, once:
      1  Open https://console.cloud.google.com/auth/clients and choose or make a project.
      2  Enable the Gemini API there (generativelanguage.googleapis.com).
      3  Create a client of the type "Desktop app" and download its JSON.
      4  llxprt set auth.gemini.clientFile PATH-OF-THAT-JSON
    Or use a key, which needs none of this: https://aistudio.google.com/apikey, then llxprt key save gemini  E-NO-CLIENT
    --- exit 4
    "#);
}

#[test]
fn an_account_that_google_does_not_serve_hears_it_in_googles_words() {
    let stand = Stand::new("gemini");
    let browser = Browser::approving(&stand.home, "policy@example.com");
    let _ = stand.home.typed(&["auth", "gemini", "login"]).env("BROWSER", browser.command()).done().ok();
    let done = stand.say("hello").exit(1);
    assert!(done.stderr.contains("User location is not supported for the API use"), "{done}");
}

#[test]
fn a_prompt_that_google_blocks_is_asked_once_and_the_reason_told() {
    let stand = Stand::new("gemini");
    let _ = stand.auth(&["login"]).ok();
    let blocked =
        "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":4}}\n\n";
    stand.script.answer(Endpoint::Chat, Answer::stream(vec![Chunk::new(blocked)], End::Whole));
    let done = stand.say("hello").exit(1);
    assert_eq!(done.stderr, "llxprt: Gemini refuses: the prompt was blocked (SAFETY).  E-REFUSED\n");
    assert_eq!(stand.script.count(Endpoint::Chat), 1);
}

#[test]
fn a_login_that_google_gives_no_refresh_token_is_kept_and_told() {
    let stand = Stand::new("gemini");
    let token = json!({"access_token": stand.ready("access_token"), "expires_in": 3599, "token_type": "Bearer"});
    stand.script.answer(Endpoint::Token, Answer::json(200, token));
    let done = stand.auth(&["login"]).ok();
    assert!(done.stderr.contains("it does not renew."), "{done}");
}

#[test]
fn a_key_goes_in_its_own_header() {
    let stand = Stand::new("gemini");
    let key = stand.ready("api_key");
    for name in ["GEMINI_API_KEY", "GOOGLE_API_KEY"] {
        let done = stand.home.typed(&["--provider", "gemini", "-p", "hello"]).env(name, &key).done().ok();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello\n", ""));
    }
    let call = &stand.script.requests_to(Endpoint::Chat)[0];
    assert_eq!((call.header("x-goog-api-key"), call.header("authorization")), (Some(key.as_str()), None));
    assert_eq!(call.header("x-goog-user-project"), None);
    stand.home.assert_clean(&[&key]);
}
