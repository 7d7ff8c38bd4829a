use proptest::prelude::*;

use super::*;
use crate::KnownBucket;

pub(crate) fn names() -> Names {
    let bucket = |name: &str, state: &str| KnownBucket { name: name.parse().unwrap(), state: state.to_owned() };
    let provider = |name: &str, state: &str, buckets| KnownProvider {
        name: name.parse().unwrap(),
        state: state.to_owned(),
        signs_in: state != "key only",
        buckets,
    };
    let setting = |name: &str, values: &[&str]| KnownSetting {
        name: name.to_owned(),
        description: "what it does".to_owned(),
        values: values.iter().map(ToString::to_string).collect(),
    };
    Names {
        providers: vec![
            provider(
                "anthropic",
                "on",
                vec![bucket("work@company.com", "ready"), bucket("personal@gmail.com", "at its limit")],
            ),
            provider("codex", "on", vec![bucket("default", "ready"), bucket("work@company.com", "ready")]),
            provider("gemini", "off", vec![]),
            provider("openai", "key only", vec![]),
        ],
        profiles: vec!["claude-ha".parse().unwrap(), "codex-work".parse().unwrap()],
        keys: vec!["anthropic".parse().unwrap()],
        settings: vec![
            setting("auth.noBrowser", &["true", "false"]),
            setting("auth.NAME.clientId", &[]),
            setting("stream.idleSeconds", &[]),
            setting("modelparam.NAME", &[]),
        ],
        changed: vec![setting("stream.idleSeconds", &[]), setting("modelparam.max_tokens", &[])],
        models: vec!["claude-opus-5".to_owned(), "claude-haiku-4-5".to_owned()],
    }
}

/// The texts at the end of a line.
fn texts(line: &str) -> Vec<String> {
    complete(line, line.len(), &names()).into_iter().map(|candidate| candidate.text).collect()
}

#[test]
fn a_slash_alone_shows_the_commands_of_a_session() {
    let all = texts("/");
    assert_eq!(
        all,
        [
            "auth", "set", "profile", "key", "keyfile", "provider", "model", "baseurl", "stats", "log", "doctor",
            "clear", "help", "quit"
        ]
    );
    let candidates = complete("/", 1, &names());
    assert_eq!(candidates[11].description.as_deref(), Some("Forget the conversation"));
    assert_eq!((candidates[0].start, candidates[0].end, candidates[0].append_space), (1, 1, true));
    assert!(!candidates[9].append_space);
}

#[test]
fn words_are_completed_in_their_place() {
    for (line, expected) in [
        ("/au", &["auth"][..]),
        ("/AU", &["auth"]),
        ("/diag", &["diagnostics"]),
        ("/ex", &["exit"]),
        ("/auth ", &["anthropic", "codex", "gemini", "openai"]),
        ("/auth log", &[]),
        ("/auth anthropic log", &["login", "logout"]),
        ("/auth anthropic ", &["status", "enable", "disable", "login", "logout", "switch", "rename", "why"]),
        ("/auth openai ", &["status", "why"]),
        ("/auth OpenAI lo", &[]),
        ("/auth anthropic login ", &["work@company.com", "personal@gmail.com"]),
        ("/auth anthropic login gmail", &["personal@gmail.com"]),
        ("/auth Codex logout ", &["all", "default", "work@company.com"]),
        ("/auth gemini switch ", &[]),
        ("/auth codex rename default ", &[]),
        ("/auth anthropic login work@company.com ", &[]),
        ("/set ", &["auth.noBrowser", "auth.", "stream.idleSeconds", "modelparam.", "unset"]),
        ("/set auth.", &["auth.noBrowser", "auth.anthropic.clientId", "auth.codex.clientId", "auth.gemini.clientId"]),
        ("/set AUTH.gem", &["auth.gemini.clientId"]),
        ("/set modelparam.t", &["modelparam.temperature", "modelparam.top_p"]),
        ("/set un", &["unset"]),
        ("/set unset ", &["stream.idleSeconds", "modelparam.max_tokens"]),
        ("/set unset str", &["stream.idleSeconds"]),
        ("/set auth.nobrowser ", &["true", "false"]),
        ("/set auth.noBrowser true ", &[]),
        ("/set stream.idleSeconds ", &[]),
        ("/profile ", &["save", "list", "load", "unload", "show", "delete", "set-default"]),
        ("/profile load ", &["claude-ha", "codex-work"]),
        ("/profile set-default n", &["none"]),
        ("/profile save ", &["model", "loadbalancer"]),
        ("/profile save model new ", &["work@company.com", "personal@gmail.com", "default"]),
        ("/profile save model new default ", &["work@company.com", "personal@gmail.com"]),
        ("/profile save loadbalancer both ", &["failover", "roundrobin"]),
        ("/profile save loadbalancer both failover codex-work ", &["claude-ha"]),
        ("/key ", &["none", "save", "load", "list", "show", "delete"]),
        ("/key load ", &["anthropic"]),
        ("/key save new ", &[]),
        ("/model claude-h", &["claude-haiku-4-5"]),
        ("/provider c", &["codex"]),
        ("/stats ", &["buckets", "quota"]),
        ("/help au", &["auth"]),
        ("/help auth log", &["login", "logout"]),
        ("/help san", &["sandbox"]),
        ("/sand", &[]),
        ("/clear ", &[]),
        ("/weather ", &[]),
    ] {
        assert_eq!(texts(line), expected, "{line}");
    }
}

#[test]
fn flags_are_offered_once_a_dash_is_typed() {
    assert_eq!(texts("/auth codex login --"), ["--force", "--device", "--nobrowser", "--browser", "--memory"]);
    assert_eq!(texts("/auth codex login --no-browser --de"), ["--device"]);
    assert_eq!(texts("/auth codex login --nobrowser --no"), [""; 0]);
    assert_eq!(texts("/auth codex logout --"), ["--all"]);
    assert_eq!(texts("/auth codex why -"), ["--json"]);
    assert_eq!(texts("/auth --"), ["--json"]);
    assert_eq!(texts("/doctor --json --"), [""; 0]);
    assert_eq!(texts("/set a -- --"), [""; 0]);
}

#[test]
fn prompts_and_comments_complete_nothing() {
    for line in ["", "au", "why /au", "//au", "/ au", "/auth # an", "# /au"] {
        assert_eq!(texts(line), [""; 0], "{line}");
    }
}

#[test]
fn the_word_at_the_cursor_is_replaced_as_a_whole() {
    let line = "/auth anthrxx login";
    let [candidate] = &complete(line, 11, &names())[..] else { panic!("not one") };
    assert_eq!((candidate.text.as_str(), candidate.start, candidate.end), ("anthropic", 6, 13));
    assert_eq!(candidate.description.as_deref(), Some("on"));
    let [candidate] = &complete("  /auth \"anth", 13, &names())[..] else { panic!("not one") };
    assert_eq!((candidate.start, candidate.end, candidate.append_space), (8, 13, true));
    // Between blanks nothing is replaced.
    assert_eq!(complete("/auth  login", 6, &names())[0].end, 6);
    let login = complete("/auth codex login", 17, &names());
    assert!(login[0].append_space);
    assert!(!complete("/auth codex login def", 21, &names())[0].append_space);
}

#[test]
fn states_are_told() {
    let described = |line: &str| complete(line, line.len(), &names()).swap_remove(0).description;
    assert_eq!(described("/auth anthropic switch pers").as_deref(), Some("at its limit"));
    assert_eq!(described("/profile save model new pers").as_deref(), Some("anthropic, at its limit"));
    assert_eq!(described("/profile save model clau").as_deref(), Some("is replaced"));
    assert_eq!(described("/set auth").as_deref(), Some("what it does"));
    assert_eq!(described("/stats q").as_deref(), Some("Windows and resets as the providers tell them"));
}

proptest! {
    #[test]
    fn any_place_in_any_line_can_be_completed(line in "/?(\\PC|[ \"#=/-]|auth|set|key|profile|save|codex|login|--json){0,20}", pos in 0usize..100) {
        let _ = crate::hint(&line, &names());
        for candidate in complete(&line, pos, &names()) {
            prop_assert!(line.is_char_boundary(candidate.start) && line.is_char_boundary(candidate.end));
            prop_assert!(candidate.start <= candidate.end);
        }
    }

    #[test]
    fn a_chosen_candidate_is_the_word_that_was_chosen(line in "/(auth|set|key|profile|help|model)( anthropic| save| model| login| unset| x| claude-ha){0,4} ?") {
        for candidate in complete(&line, line.len(), &names()) {
            let mut chosen = line.clone();
            chosen.replace_range(candidate.start..candidate.end, &candidate.text);
            let words = split(&chosen).words;
            prop_assert_eq!(words.last().unwrap().text.trim_start_matches('/'), candidate.text);
        }
    }
}
