//! The questions about a short code, asked of the sandbox, on a clock that only moves when somebody waits.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::providers::Registry;
use crate::sandbox::{Answer, End, Endpoint, Options, Sandbox, Script};

const BEGUN: i64 = 1_790_000_000;

/// A clock that notes how long somebody wanted to wait, and is there at once.
#[derive(Default)]
struct Waits {
    passed: AtomicI64,
    each: Mutex<Vec<u64>>,
}

impl Clock for Waits {
    fn now_millis(&self) -> i64 {
        (BEGUN + self.passed.load(Ordering::Relaxed)) * 1000
    }

    fn sleep(&self, wait: Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        self.passed.fetch_add(i64::try_from(wait.as_secs()).unwrap(), Ordering::Relaxed);
        self.each.lock().unwrap().push(wait.as_secs());
        Box::pin(std::future::ready(()))
    }
}

/// A code that somebody waits for.
struct Stand {
    sandbox: Sandbox,
    script: Script,
    oauth: OAuth,
    clock: Arc<Waits>,
}

impl Stand {
    fn new(provider: &str) -> Self {
        let sandbox = Sandbox::start_blocking(Options::for_tests()).unwrap();
        let url = Url::parse(sandbox.url()).unwrap();
        let registry = Registry::load(std::path::Path::new("/nowhere"), Some(&url));
        let oauth = registry.get(&provider.parse().unwrap()).unwrap().oauth.clone().unwrap();
        let script = sandbox.script(provider);
        Self { sandbox, script, oauth, clock: Arc::default() }
    }

    /// Asks until there is an end; the answers come first, then the provider's own.
    async fn ask(&self, answers: Vec<Answer>) -> (Ended, Vec<u64>) {
        let http = Http::default();
        let client = Client { id: self.oauth.client_id.clone().unwrap(), secret: None, project: None };
        let device = Device::begin(&http, &self.oauth, &client, BEGUN).await.unwrap();
        for answer in answers {
            self.script.answer(Endpoint::Poll, answer);
        }
        let clock: Arc<dyn Clock> = self.clock.clone();
        let until = clock.now() + device.life;
        let ended = ask(&http, &self.oauth, &client, &device, &clock, until).await;
        (ended, std::mem::take(&mut self.clock.each.lock().unwrap()))
    }
}

fn error(status: u16, code: &str) -> Answer {
    Answer::json(status, json!({ "error": code }))
}

fn tokens(stand: &Stand) -> Answer {
    let token = &stand.sandbox.describe()["providers"]["qwen"]["access_token"];
    Answer::json(200, json!({"access_token": token, "token_type": "Bearer", "expires_in": 3600}))
}

#[tokio::test]
async fn slow_down_adds_five_seconds_for_good_and_lost_answers_wait_longer_for_a_while() {
    let stand = Stand::new("qwen");
    stand.script.vary(|v| v.device_interval = Some(3));
    let answers = vec![
        error(400, "authorization_pending"),
        error(429, "slow_down"),
        error(400, "authorization_pending"),
        error(400, "slow_down"),
        Answer::stream(Vec::new(), End::Drop),
        Answer::html(502, "<html>Bad gateway</html>"),
        Answer::json(200, json!({"status": "pending"})),
        error(429, "slow_down").header("retry-after", "30"),
        error(400, "authorization_pending"),
        tokens(&stand),
    ];
    let (ended, waits) = stand.ask(answers).await;
    assert!(matches!(ended, Ended::Tokens(_)));
    //  begun, pending, slow_down, pending, slow_down, lost, 502, pending, slow_down with a wait, pending
    assert_eq!(waits, [3, 3, 8, 8, 13, 26, 52, 13, 30, 18]);
    assert_eq!(stand.script.count(Endpoint::Poll), waits.len());
}

#[tokio::test]
async fn without_an_interval_five_seconds_pass_between_two_questions() {
    let stand = Stand::new("qwen");
    let (ended, waits) = stand.ask(vec![error(400, "authorization_pending"), tokens(&stand)]).await;
    assert!(matches!(ended, Ended::Tokens(_)));
    assert_eq!(waits, [5, 5]);
}

#[tokio::test]
async fn what_the_provider_ends_is_not_asked_about_again() {
    for (answer, wanted) in [
        (error(400, "expired_token"), "over"),
        (error(401, "expired_token"), "over"),
        (Answer::json(400, json!({"error": "access_denied", "error_description": "Not you."})), "denied Not you."),
        (error(400, "invalid_client"), "failed"),
        (error(401, "invalid_grant"), "failed"),
        (Answer::redirect("https://evil.example/"), "failed"),
    ] {
        let stand = Stand::new("qwen");
        let (ended, waits) = stand.ask(vec![error(400, "authorization_pending"), answer]).await;
        let told = match ended {
            Ended::Over(None) => "over".to_owned(),
            Ended::Over(Some(words)) => format!("over, {words}"),
            Ended::Denied(words) => format!("denied {words}"),
            Ended::Failed(_) => "failed".to_owned(),
            Ended::Tokens(_) => "tokens".to_owned(),
        };
        assert_eq!((told.as_str(), waits.len()), (wanted, 2));
    }
}

#[tokio::test]
async fn nobody_is_asked_longer_than_the_code_lives_but_for_once_more() {
    let stand = Stand::new("qwen");
    let page = format!("{}/qwen/authorize", stand.sandbox.url());
    let short = |life: i64| -> Value {
        json!({"device_code": "d", "user_code": "U", "verification_uri": page, "expires_in": life, "interval": 10})
    };
    stand.script.answer(Endpoint::Device, Answer::json(200, short(25)));
    let pending = (0..9).map(|_| error(400, "authorization_pending")).collect();
    let (ended, waits) = stand.ask(pending).await;
    assert!(matches!(ended, Ended::Over(None)));
    assert_eq!(waits, [10, 10, 10], "asked at 10, 20 and, once more, at 30 seconds");

    // Out of reach at last: that is told.
    let stand = Stand::new("qwen");
    stand.script.answer(Endpoint::Device, Answer::json(200, short(5)));
    let (ended, waits) = stand.ask(vec![Answer::html(503, "<html>")]).await;
    assert!(matches!(ended, Ended::Over(Some(words)) if words.contains("503")));
    assert_eq!(waits, [10]);
}

#[tokio::test]
async fn the_short_code_of_codex_waits_through_403_and_404_and_slows_down_too() {
    let stand = Stand::new("codex");
    let slow = Answer::json(403, json!({"error": {"code": "slow_down"}}));
    let answers =
        vec![Answer::empty(404), slow, Answer::html(403, "<html>"), Answer::html(502, "<html>"), error(400, "x")];
    let (ended, waits) = stand.ask(answers).await;
    assert!(matches!(ended, Ended::Failed(_)));
    assert_eq!(waits, [5, 5, 10, 10, 20]);
}
