//! All state of a running sandbox, and what happens to one request.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::{Map, Value, json};

use super::Options;
use super::answer::{Answer, Body};
use super::desk::Desk;
use super::provider::{Endpoint, PROVIDERS, Provider};
use super::received::Received;

/// One provider with what tests have arranged for it and what it has seen.
pub(super) struct Counter {
    pub(super) provider: &'static dyn Provider,
    pub(super) desk: Desk,
    pub(super) queued: HashMap<Endpoint, VecDeque<Answer>>,
    pub(super) held: BTreeSet<Endpoint>,
    pub(super) received: Vec<Received>,
    pub(super) violations: Vec<String>,
}

/// Everything behind one lock.
pub(super) struct World {
    pub(super) counters: BTreeMap<&'static str, Counter>,
    /// Seconds by which the sandbox's clock is ahead.
    pub(super) ahead: i64,
    /// The start-up line.
    pub(super) ready: Value,
}

impl World {
    /// Opens every provider, each with a login and a key that are ready to use.
    pub(super) fn new(url: &str, options: &Options) -> Self {
        let mut counters = BTreeMap::new();
        let mut providers = Map::new();
        for provider in PROVIDERS {
            let mut desk = Desk::new(provider.name(), url, options, chrono::Utc::now().timestamp());
            providers.insert(provider.name().to_owned(), provider.ready(&mut desk));
            let counter = Counter {
                provider: *provider,
                desk,
                queued: HashMap::new(),
                held: BTreeSet::new(),
                received: Vec::new(),
                violations: Vec::new(),
            };
            counters.insert(provider.name(), counter);
        }
        let ready = json!({"schema": "llxprt.sandbox.v1", "url": url, "providers": providers});
        Self { counters, ahead: 0, ready }
    }

    /// Returns a provider's counter with its clock set.
    pub(super) fn counter(&mut self, provider: &str) -> Option<&mut Counter> {
        let now = chrono::Utc::now().timestamp() + self.ahead;
        let counter = self.counters.get_mut(provider)?;
        counter.desk.now = now;
        Some(counter)
    }

    /// Records a request, answers it, and returns its number with the answer; `None`: no such provider.
    pub(super) fn serve(&mut self, provider: &str, call: Received) -> Option<(usize, Option<Endpoint>, Answer)> {
        let strangers = self.strangers(provider, &call);
        let counter = self.counter(provider)?;
        counter.violations.extend(strangers);
        Some(counter.serve(call))
    }

    /// Finds a bearer token that another provider gave out.
    fn strangers(&self, provider: &str, call: &Received) -> Option<String> {
        let token = call.bearer()?;
        let others = self.counters.iter().filter(|(name, _)| **name != provider);
        let owner = others.filter(|(_, counter)| counter.desk.tokens.is_secret(token)).map(|(name, _)| name).next()?;
        Some(format!("{} {}: a token of {owner} was sent to {provider}", call.method, call.path))
    }
}

impl Counter {
    fn serve(&mut self, mut call: Received) -> (usize, Option<Endpoint>, Answer) {
        let endpoint = self.provider.endpoint(&call);
        call.endpoint = endpoint;
        call.account = self.owner(&call);
        self.check(&call);
        let queued = endpoint.and_then(|endpoint| self.queued.get_mut(&endpoint)?.pop_front());
        let answer = match queued {
            Some(Answer { body: Body::Lost, .. }) => {
                self.usual(endpoint, &call);
                Answer::lost()
            }
            Some(answer) => answer,
            None => self.usual(endpoint, &call),
        };
        self.received.push(call);
        (self.received.len() - 1, endpoint, answer)
    }

    fn usual(&mut self, endpoint: Option<Endpoint>, call: &Received) -> Answer {
        match endpoint {
            Some(endpoint) => self.provider.answer(endpoint, call, &mut self.desk),
            None => self.provider.elsewhere(call, &mut self.desk),
        }
    }

    /// Finds whose token, key or code a request carries.
    fn owner(&self, call: &Received) -> Option<String> {
        let fields = call.fields().unwrap_or_default();
        let keys = ["x-api-key", "x-goog-api-key"].into_iter().filter_map(|name| call.header(name));
        let sent = ["refresh_token", "code", "token"].into_iter().filter_map(|name| fields.get(name));
        call.bearer()
            .into_iter()
            .chain(keys)
            .chain(sent)
            .find_map(|secret| self.desk.tokens.owner(secret))
            .map(str::to_owned)
    }

    /// Records what no client may do: secrets in a URL, two credentials in one request.
    fn check(&mut self, call: &Received) {
        let place = format!("{} {}", call.method, call.path);
        for (name, value) in call.params() {
            let named =
                ["access_token", "refresh_token", "id_token", "client_secret", "code_verifier", "key", "api_key"];
            if self.desk.tokens.is_secret(&value) || named.contains(&name.as_str()) {
                self.violations.push(format!("{place}: a secret in the query ({name})"));
            }
        }
        if call.path.split('/').any(|part| self.desk.tokens.is_secret(part)) {
            self.violations.push(format!("{place}: a secret in the path"));
        }
        let given = ["authorization", "x-api-key", "x-goog-api-key"];
        let given: Vec<_> = given.into_iter().filter(|name| call.header(name).is_some()).collect();
        if given.len() > 1 {
            self.violations.push(format!("{place}: two credentials ({})", given.join(" and ")));
        }
    }
}
