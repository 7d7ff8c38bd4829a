//! The OpenAI API: keys only.

use llxprt::sandbox::Endpoint;
use serde_json::json;

use crate::provider_steps::Stand;

#[test]
fn a_key_answers_and_its_conversation_is_not_stored() {
    let stand = Stand::new("openai");
    let key = stand.ready("api_key");
    let done = stand.home.typed(&["--provider", "openai", "-p", "hello there"]).env("OPENAI_API_KEY", &key).done().ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("hello there\n", ""));
    let prompt = &stand.prompts()[0];
    assert_eq!((&prompt["store"], &prompt["model"]), (&json!(false), &json!("gpt-5.6-sol")));
    let call = &stand.script.requests_to(Endpoint::Chat)[0];
    assert_eq!(call.bearer(), Some(key.as_str()));
    assert_eq!(stand.script.violations(), [] as [&str; 0]);
    stand.home.assert_clean(&[&key]);
}

#[test]
fn an_answer_that_was_cut_short_says_so() {
    let stand = Stand::new("openai");
    let set = ["--set", "modelparam.max_tokens=16", "--provider", "openai", "-p"];
    let long = "a b c d e f g h i j k l m n o p q r";
    let words = [&set[..], &[long]].concat();
    let done = stand.home.typed(&words).env("OPENAI_API_KEY", stand.ready("api_key")).done().ok();
    assert_eq!(done.stdout, "a b c d e f g h i j k l m n o p \n");
    assert!(done.stderr.contains("The answer ended early: it reached max_output_tokens."), "{done}");
}

#[test]
fn there_is_no_sign_in() {
    let stand = Stand::new("openai");
    for words in [&["enable"][..], &["login"], &["logout"]] {
        let done = stand.auth(words).exit(2);
        assert!(done.stderr.contains("E-KEY-ONLY") && done.stderr.contains("OPENAI_API_KEY"), "{done}");
    }
    let json = stand.auth(&["--json"]).ok().json();
    assert_eq!((&json["login"], &json["status"]), (&json!("key-only"), &json!("active")));
}

#[test]
fn a_wrong_key_is_refused_in_the_providers_words_without_the_key() {
    let stand = Stand::new("openai");
    let key = "sk-proj-canary-0123456789abcdef";
    let done = stand.home.typed(&["--provider", "openai", "-p", "hello"]).env("OPENAI_API_KEY", key).done();
    assert!(done.stderr.contains("Incorrect API key provided"), "{done}");
    stand.home.assert_clean(&[key]);
}
