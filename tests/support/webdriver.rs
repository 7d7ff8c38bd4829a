//! A small WebDriver client (W3C WebDriver): enough to read a page, type into it and click.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use serde_json::{Value, json};

use super::{DEADLINE, chromium, http, until};

/// The member that names an element in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A chromedriver with one session.
pub struct WebDriver {
    driver: Child,
    address: SocketAddr,
    session: String,
}

impl WebDriver {
    /// Starts a Chromium of its own, headless; its files lie in the folder.
    pub fn start(folder: &Path) -> Self {
        let profile = folder.join("driven");
        std::fs::create_dir_all(&profile).expect("a folder");
        let mut flags = chromium::FLAGS.map(str::to_owned).to_vec();
        flags.push(format!("--user-data-dir={}", profile.display()));
        Self::session(&profile, json!({ "args": flags, "binary": chromium::program() }))
    }

    /// Takes hold of a Chromium that already runs with an open debugging port.
    pub fn attach(folder: &Path, port: u16) -> Self {
        Self::session(folder, json!({ "debuggerAddress": format!("127.0.0.1:{port}") }))
    }

    fn session(home: &Path, options: Value) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .env("HOME", home)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts (Debian: chromium-driver)");
        let port = port_of(&mut driver).unwrap_or_else(|| {
            driver.kill().ok();
            driver.wait().ok();
            panic!("chromedriver named no port");
        });
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut this = Self { driver, address, session: String::new() };
        let wanted = json!({ "capabilities": { "alwaysMatch": { "browserName": "chrome", "goog:chromeOptions": options,
            "timeouts": { "implicit": DEADLINE.as_millis() as u64, "pageLoad": DEADLINE.as_millis() as u64 } } } });
        let answer = this.ask("POST", "/session", &wanted).unwrap_or_else(|e| panic!("no session: {e}"));
        this.session = answer["sessionId"].as_str().expect("a session id").to_owned();
        this
    }

    /// Opens an address and waits until the page is there.
    #[track_caller]
    pub fn goto(&self, url: &str) {
        self.reach(url).unwrap_or_else(|e| panic!("{url}: {e}"));
    }

    /// As [`Self::goto`], where the browser may be unable to reach the address.
    pub fn reach(&self, url: &str) -> Result<(), String> {
        self.ask("POST", &self.path("/url"), &json!({ "url": url })).map(drop)
    }

    /// Returns the address of the page.
    #[track_caller]
    pub fn url(&self) -> String {
        text(self.must("GET", "/url", &Value::Null))
    }

    /// Returns the page's title.
    #[track_caller]
    pub fn title(&self) -> String {
        text(self.must("GET", "/title", &Value::Null))
    }

    /// Returns the source of the page.
    #[track_caller]
    pub fn source(&self) -> String {
        text(self.must("GET", "/source", &Value::Null))
    }

    /// Returns the visible text of the first element that fits the selector; waits until there is one.
    #[track_caller]
    pub fn text(&self, css: &str) -> String {
        let element = self.element(css);
        text(self.must("GET", &format!("/element/{element}/text"), &Value::Null))
    }

    /// Clicks the first element that fits the selector; waits until there is one.
    #[track_caller]
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.must("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into the first element that fits the selector; what it held is removed first.
    #[track_caller]
    pub fn type_into(&self, css: &str, keys: &str) {
        let element = self.element(css);
        self.must("POST", &format!("/element/{element}/clear"), &json!({}));
        self.must("POST", &format!("/element/{element}/value"), &json!({ "text": keys }));
    }

    /// Waits until the page's address holds the text, and returns the address.
    #[track_caller]
    pub fn wait_url(&self, part: &str) -> String {
        until(&format!("the browser to reach {part}"), || Some(self.url()).filter(|url| url.contains(part)))
    }

    /// Waits until the visible text of the page holds the text, and returns all of it.
    #[track_caller]
    pub fn wait_text(&self, part: &str) -> String {
        until(&format!("the page to say {part:?}"), || {
            // While a page gives way to the next one, its body may be gone between finding and reading it.
            let body = self.find("body").ok()?;
            let read = self.ask("GET", &self.path(&format!("/element/{body}/text")), &Value::Null).ok()?;
            Some(text(read)).filter(|text| text.contains(part))
        })
    }

    /// Runs a script in the page (the body of a function) and returns its value.
    #[track_caller]
    pub fn script(&self, body: &str) -> Value {
        self.must("POST", "/execute/sync", &json!({ "script": body, "args": [] }))
    }

    #[track_caller]
    fn element(&self, css: &str) -> String {
        self.find(css).unwrap_or_else(|e| panic!("{css}: {e}\n{}", self.source()))
    }

    fn find(&self, css: &str) -> Result<String, String> {
        let found = self.ask("POST", &self.path("/element"), &json!({ "using": "css selector", "value": css }))?;
        found[ELEMENT].as_str().map(str::to_owned).ok_or_else(|| found.to_string())
    }

    fn path(&self, below: &str) -> String {
        format!("/session/{}{below}", self.session)
    }

    #[track_caller]
    fn must(&self, method: &str, below: &str, body: &Value) -> Value {
        self.ask(method, &self.path(below), body).unwrap_or_else(|e| panic!("{below}: {e}"))
    }

    /// Asks the driver; an error is its own sentence.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let answer = http::send(self.address, method, path, body).map_err(|e| e.to_string())?;
        let value = answer.get("value").cloned().ok_or_else(|| answer.to_string())?;
        match value.get("error").and_then(Value::as_str) {
            Some(error) => Err(format!("{error}: {}", value["message"].as_str().unwrap_or_default())),
            None => Ok(value),
        }
    }
}

impl Drop for WebDriver {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Over the debugging protocol, because a session that was attached leaves its browser running.
            let close = json!({ "cmd": "Browser.close", "params": {} });
            self.ask("POST", &self.path("/goog/cdp/execute"), &close).ok();
            self.ask("DELETE", &self.path(""), &Value::Null).ok();
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}

/// Reads the port from the driver's first lines (`--log-level=OFF` would leave them out); what it says later is
/// thrown away, so that its pipe never fills.
fn port_of(driver: &mut Child) -> Option<u16> {
    let lines = BufReader::new(driver.stdout.take()?).lines();
    let (send, port) = mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                send.send(port.trim_end_matches('.').parse().ok()).ok();
            }
        }
    });
    port.recv_timeout(DEADLINE).ok().flatten()
}

fn text(value: Value) -> String {
    value.as_str().map(str::to_owned).unwrap_or_else(|| value.to_string())
}
