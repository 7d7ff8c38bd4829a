//! The sandbox as a process of its own (design 4.13), as other programs meet it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::{DEADLINE, Home, http};

/// A running `llxprt sandbox`, ended when the value is dropped.
pub struct StandIn {
    child: Child,
    line: Value,
}

impl StandIn {
    /// Starts one on a free port; `ttl` is the life of its access tokens in seconds.
    #[track_caller]
    pub fn start(home: &Home, ttl: Option<u32>) -> Self {
        Self::try_start(home, ttl).unwrap_or_else(|e| panic!("{e}"))
    }

    /// As [`Self::start`], for callers that can go on without.
    pub fn try_start(home: &Home, ttl: Option<u32>) -> Result<Self, String> {
        let mut command = home.command();
        command.arg("sandbox").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(seconds) = ttl {
            command.args(["--ttl", &seconds.to_string()]);
        }
        let mut child = command.spawn().map_err(|e| format!("llxprt sandbox: {e}"))?;
        let stdout = child.stdout.take().ok_or("no pipe")?;
        let (send, first) = mpsc::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
            // An end without a line closes the channel, and nobody waits for the deadline.
            let told = lines.next().map(|line| send.send(line));
            drop((told, send));
            lines.for_each(drop);
        });
        let line = first.recv_timeout(DEADLINE).map_err(|_| "llxprt sandbox printed no line".to_owned());
        let line = line.and_then(|line| serde_json::from_str(&line).map_err(|e| format!("{e} in {line}")));
        let this = Self { child, line: line.unwrap_or_default() };
        if this.line["url"].is_string() { Ok(this) } else { Err(format!("llxprt sandbox: no url in {}", this.line)) }
    }

    /// Returns where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        self.line["url"].as_str().unwrap_or_default()
    }

    /// Returns what its line says about a provider: `base_url`, `access_token`, `api_key`, ….
    pub fn provider(&self, name: &str) -> &Value {
        &self.line["providers"][name]
    }
}

impl StandIn {
    /// Tells the sandbox to do something, or asks it what it saw (its control interface; see the module's page).
    #[track_caller]
    pub fn control(&self, provider: &str, wish: &str, more: Value) -> Value {
        let mut body = json!({ "provider": provider, "do": wish });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let address = self.url().trim_start_matches("http://").parse().expect("an address");
        let answer = http::send(address, "POST", "/_control", &body).expect("the sandbox answers");
        assert!(answer["error"].is_null(), "{body}: {answer}");
        answer
    }

    /// Returns how many requests came to an endpoint of the provider: `token`, `chat`, `authorize`, ….
    #[track_caller]
    pub fn count(&self, provider: &str, endpoint: &str) -> u64 {
        self.control(provider, "counts", Value::Null)["counts"][endpoint].as_u64().unwrap_or(0)
    }

    /// Returns the requests that came to the provider so far.
    #[track_caller]
    pub fn requests(&self, provider: &str) -> Vec<Value> {
        self.control(provider, "requests", Value::Null)["requests"].as_array().cloned().unwrap_or_default()
    }

    /// Asserts that the provider was never asked for something that the real one would not allow.
    #[track_caller]
    pub fn assert_no_violations(&self, provider: &str) {
        assert_eq!(self.control(provider, "violations", Value::Null)["violations"], json!([]));
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
