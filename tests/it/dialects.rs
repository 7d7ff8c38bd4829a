//! Each dialect over HTTP, with the streams that proxies and providers are known to make of it (F9).

use std::time::Duration;

use llxprt::chat::{Auth, Conversation, Finished, Params, Piece, Trouble, send};
use llxprt::http::Http;
use llxprt::providers::{Manifest, Registry};
use llxprt::sandbox::{Answer, Chunk, End, Endpoint, Options, Sandbox, Script, Variants};
use llxprt::secret::Secret;
use serde_json::Value;
use url::Url;

/// Text that is cut within characters of two, three and four bytes.
const TEXT: &str = "Grüße, 日本 and 🦀 to everyone who reads this.";

struct Stand {
    sandbox: Sandbox,
    script: Script,
    manifest: Manifest,
    auth: Auth,
    headers: Vec<(String, String)>,
}

impl Stand {
    fn new(provider: &str) -> Self {
        let sandbox = Sandbox::start_blocking(Options::for_tests()).unwrap();
        let url = Url::parse(sandbox.url()).unwrap();
        let registry = Registry::load(std::path::Path::new("/nowhere"), Some(&url));
        let manifest = registry.get(&provider.parse().unwrap()).unwrap().clone();
        let ready = sandbox.describe()["providers"][provider].clone();
        let text = |name: &str| ready[name].as_str().map(str::to_owned);
        let auth = match (text("api_key"), text("access_token")) {
            (Some(key), _) => Auth::Key(Secret::new(key)),
            (None, token) => Auth::Token(Secret::new(token.unwrap())),
        };
        let mut headers: Vec<(String, String)> = manifest.api.headers.clone().into_iter().collect();
        headers.extend(text("account_id").map(|id| ("chatgpt-account-id".to_owned(), id)));
        let script = sandbox.script(provider);
        Self { sandbox, script, manifest, auth, headers }
    }

    /// Sends the text and returns what was shown and how it ended.
    async fn say(&self, text: &str) -> (String, Result<Finished, Trouble>) {
        let mut conversation = Conversation::default();
        conversation.ask(text);
        let oauth = matches!(self.auth, Auth::Token(_));
        let (dialect, base) = (self.manifest.dialect(oauth), self.manifest.base_url(oauth));
        let mut request = dialect.request(base, &self.manifest.default_model, &conversation, &Params::new());
        request.headers.clone_from(&self.headers);
        let mut shown = String::new();
        let show = |piece: Piece<'_>| {
            if let Piece::Text(text) = piece {
                shown.push_str(&text);
            }
        };
        let idle = Duration::from_millis(500);
        let ended = send(&Http::default(), dialect, &request, &self.auth, idle, show).await;
        (shown, ended)
    }

    /// What the usual answer to the text is, byte for byte.
    async fn usual(&self) -> String {
        let before = self.script.count(Endpoint::Chat);
        let (shown, ended) = self.say(TEXT).await;
        assert_eq!((shown.as_str(), ended.unwrap().reason), (TEXT, None));
        assert_eq!(self.script.count(Endpoint::Chat), before + 1);
        let call = self.script.requests_to(Endpoint::Chat).pop().unwrap();
        let url = format!("{}/{}{}?{}", self.sandbox.url(), self.manifest.name, call.path, call.query);
        let mut request = crate::sandbox_steps::client().post(url).body(call.body.clone());
        for (name, value) in call.headers.iter().filter(|(n, _)| n != "host" && n != "content-length") {
            request = request.header(name, value);
        }
        request.send().await.unwrap().text().await.unwrap()
    }
}

const ALL: [&str; 6] = ["anthropic", "codex", "openai", "gemini", "qwen", "openrouter"];

fn whole(text: &str) -> Answer {
    Answer::stream(vec![Chunk::new(text.to_owned())], End::Whole)
}

#[tokio::test]
async fn f9_line_ends_comments_names_and_the_last_blank_line_do_not_matter() {
    for provider in ALL {
        let stand = Stand::new(provider);
        for variants in [
            Variants::default(),
            Variants { crlf: true, ..Variants::default() },
            Variants { comments: true, ..Variants::default() },
            Variants { unfinished: true, ..Variants::default() },
            Variants { nameless: true, ..Variants::default() },
            Variants { crlf: true, comments: true, unfinished: true, nameless: true, ..Variants::default() },
        ] {
            stand.script.vary(|v| *v = variants.clone());
            stand.script.set_quota("work@company.com", 100);
            let (shown, ended) = stand.say(TEXT).await;
            let finished = ended.unwrap_or_else(|e| panic!("{provider} {variants:?}: {e:?}"));
            assert_eq!((shown.as_str(), finished.reason), (TEXT, None), "{provider} {variants:?}");
            assert!(finished.usage.input > 0 && finished.usage.output > 0, "{provider}");
        }
    }
}

#[tokio::test]
async fn f9_unknown_events_a_byte_order_mark_and_split_characters_do_not_matter() {
    for provider in ALL {
        let stand = Stand::new(provider);
        stand.script.set_quota("work@company.com", 100);
        let usual = stand.usual().await;
        let odd = "event: ping\ndata: {\"type\":\"ping\"}\n\nevent: new.thing\ndata: {\"type\":\"new.thing\",\"x\":[1]}\n\n\
                   id: 7\nretry: 10\ndata: not json\n\n";
        let bytes = format!("\u{feff}{odd}{}", usual.replacen("\n\n", &format!("\n\n{odd}"), 1)).into_bytes();
        let pieces = bytes.chunks(7).map(|piece| Chunk { wait: Duration::ZERO, bytes: piece.to_vec().into() });
        stand.script.answer(Endpoint::Chat, Answer::stream(pieces.collect(), End::Whole));
        let (shown, ended) = stand.say(TEXT).await;
        assert_eq!((shown.as_str(), ended.unwrap().reason), (TEXT, None), "{provider}");
    }
}

#[tokio::test]
async fn f9_what_was_shown_stays_when_the_stream_is_cut_or_stalls() {
    for provider in ALL {
        let stand = Stand::new(provider);
        stand.script.set_quota("work@company.com", 100);
        let events = match provider {
            "gemini" => 2,
            "qwen" | "openrouter" => 3,
            _ => 5,
        };
        for hang in [false, true] {
            stand.script.vary(|v| {
                (v.drop_after, v.hang_after) = if hang { (None, Some(events)) } else { (Some(events), None) }
            });
            let (shown, ended) = stand.say(TEXT).await;
            assert!(!shown.is_empty() && TEXT.starts_with(&shown) && shown != TEXT, "{provider}: {shown:?}");
            let Err(Trouble::Unreached(unreached)) = ended else { panic!("{provider}: {ended:?}") };
            assert!(unreached.perhaps_sent, "{provider}");
            assert_eq!(unreached.words.contains("was silent for"), hang, "{provider}: {}", unreached.words);
        }
    }
}

#[tokio::test]
async fn f9_a_stream_that_ends_early_is_not_whole() {
    for provider in ALL {
        let stand = Stand::new(provider);
        stand.script.set_quota("work@company.com", 100);
        let usual = stand.usual().await.replace("\r\n", "\n");
        let events: Vec<&str> = usual.split_inclusive("\n\n").collect();
        // The reason to stop is in the last event, or in the last but two where the tokens and a mark follow.
        let kept = events.len() - if matches!(provider, "qwen" | "openrouter") { 3 } else { 1 };
        let half = events[kept].get(..20).unwrap_or_default();
        for cut in [events[..kept].concat(), format!("{}{half}", events[..kept].concat())] {
            stand.script.answer(Endpoint::Chat, whole(&cut));
            let (shown, ended) = stand.say(TEXT).await;
            assert!(TEXT.starts_with(&shown) && !shown.is_empty(), "{provider}: {shown}");
            assert!(
                matches!(&ended, Err(Trouble::Unreached(u)) if u.words.contains("before the answer was whole")),
                "{provider}: {ended:?}"
            );
        }
    }
}

#[tokio::test]
async fn f9_an_endless_line_html_and_nothing_are_no_answer() {
    for provider in ALL {
        let stand = Stand::new(provider);
        let endless = (0..6).map(|_| Chunk::new("x".repeat(1 << 20))).collect();
        for (answer, words) in [
            (Answer::stream(endless, End::Hang), "an event of over 4 MiB"),
            (Answer::html(200, "<html>\n\n<p>Sign in to the hotel's network</p>\n\n</html>"), "no stream of events"),
            (whole(""), "no stream of events"),
            (whole(": only\n\n: comments\n\n"), "no stream of events"),
            (Answer::redirect("https://evil.example/"), "redirects the request to https://evil.example/"),
        ] {
            stand.script.answer(Endpoint::Chat, answer);
            let (shown, ended) = stand.say(TEXT).await;
            assert_eq!(shown, "", "{provider}");
            assert!(matches!(&ended, Err(Trouble::Nonsense(said)) if said.contains(words)), "{provider}: {ended:?}");
        }
    }
}

#[tokio::test]
async fn an_error_within_the_stream_comes_with_its_code_and_whole_body() {
    for (provider, event, code) in [
        ("anthropic", r#"{"type":"error","error":{"type":"overloaded_error","message":"Busy."}}"#, "overloaded_error"),
        (
            "codex",
            r#"{"type":"response.failed","response":{"error":{"code":"usage_limit_reached","message":"Busy."}}}"#,
            "usage_limit_reached",
        ),
        ("openai", r#"{"type":"error","code":"rate_limit_exceeded","message":"Busy."}"#, "rate_limit_exceeded"),
        ("gemini", r#"[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"Busy."}}]"#, "RESOURCE_EXHAUSTED"),
        ("qwen", r#"{"error":{"code":"limit_requests","message":"Busy."}}"#, "limit_requests"),
        (
            "openrouter",
            r#"{"error":{"code":502,"message":"Busy."},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
            "502",
        ),
    ] {
        let stand = Stand::new(provider);
        stand
            .script
            .answer(Endpoint::Chat, whole(&format!("data: {event}\n\ndata: [DONE]\n\n")).header("x-limit", "7"));
        let (_, ended) = stand.say(TEXT).await;
        let Err(Trouble::InStream { code: told, words, body, headers }) = ended else {
            panic!("{provider}: {ended:?}")
        };
        assert_eq!((told.as_str(), words.as_str(), body.as_str()), (code, "Busy.", event), "{provider}");
        assert!(headers.contains(&("x-limit".to_owned(), "7".to_owned())), "{provider}");
        assert!(serde_json::from_str::<Value>(&body).is_ok());
    }
}
