//! One run of the program: everything that a command may use. Built in `app`, handed to every action.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use llxprt_commands::{Account, Bucket, Command, Flags, Provider};
use tokio::runtime::Runtime;

use crate::chat::Conversation;
use crate::config::{Dirs, Settings};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{Manifest, OAuth, Registry};
use crate::seams::{Clock, Keyboard};
use crate::secret::Secret;
use crate::sys::log::Log;
use crate::sys::signals::Signals;
use crate::ui::Ui;
use crate::vault::{Index, Vault, VaultError, VaultErrorKind};

/// What a person chose in this session and nowhere else.
#[derive(Debug, Default)]
pub struct Chosen {
    /// By `--provider`, or taken because it was the only one with a credential.
    pub provider: Option<Provider>,
    /// By `--model`.
    pub model: Option<String>,
    /// By `--bucket`, `switch` or a login here.
    pub buckets: BTreeMap<Provider, Bucket>,
    /// By `/key KEY`, `--key`: belongs to the provider that was active then.
    pub keys: BTreeMap<Provider, Secret>,
    /// States of logins that ended in this session: their late answers are told apart.
    pub earlier_states: Vec<String>,
    /// What was said once and need not be said again.
    pub said: Vec<String>,
}

/// One run of the program.
pub struct Run {
    /// Flags of the process.
    pub flags: Flags,
    /// The environment as it was at start.
    pub env: BTreeMap<String, String>,
    /// Folders.
    pub dirs: Dirs,
    /// Settings.
    pub settings: Settings,
    /// Providers.
    pub registry: Registry,
    /// Secrets and the index of accounts.
    pub vault: Arc<Vault>,
    /// The screen.
    pub ui: Ui,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The person.
    pub keyboard: Arc<dyn Keyboard>,
    /// The network.
    pub http: Arc<Http>,
    /// What happened.
    pub log: Arc<Log>,
    /// Ctrl-C and the like.
    pub signals: Arc<Signals>,
    /// What was said so far.
    pub conversation: Conversation,
    /// What was chosen here.
    pub chosen: Chosen,
    /// The pretend providers are used.
    pub sandbox: bool,
    /// Leave after this command.
    pub leaving: bool,
    /// Kept alive to the end of the run.
    pub alive: Vec<Box<dyn std::any::Any + Send + Sync>>,
    /// Built at the first need.
    pub runtime: OnceLock<Arc<Runtime>>,
}

impl Run {
    /// Returns the time in Unix seconds.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }

    /// Returns the runtime, started at the first need with the signals attended to.
    ///
    /// # Errors
    /// `E-INTERNAL` when the machine gives no threads.
    pub fn runtime(&self) -> Outcome<Arc<Runtime>> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime.clone());
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|e| Failure::new(Code::Internal, format!("No threads can be started: {e}.")))?;
        runtime.spawn(self.signals.clone().attend());
        Ok(self.runtime.get_or_init(|| Arc::new(runtime)).clone())
    }

    /// Runs work to its end, or to Ctrl-C: then it is dropped.
    ///
    /// # Errors
    /// `E-CANCELLED` at Ctrl-C, and whatever the work fails with.
    pub fn wait<T>(&self, work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
        let runtime = self.runtime()?;
        let mut busy = self.signals.busy();
        runtime.block_on(async {
            tokio::select! {
                result = work => result,
                () = busy.interrupted() => Err(Failure::new(Code::Cancelled, "Cancelled.")),
            }
        })
    }

    /// Finds a provider's manifest.
    ///
    /// # Errors
    /// `E-PROVIDER` with the nearest name, `E-MANIFEST` when its file is invalid.
    pub fn manifest(&self, name: &Provider) -> Outcome<&Manifest> {
        if let Some(bad) = self.registry.bad.iter().find(|b| b.name == name.as_str()) {
            return Err(Failure::new(Code::Manifest, format!("{}.", bad.message)));
        }
        self.registry.get(name).ok_or_else(|| {
            let said = format!("There is no provider called \"{name}\".");
            match self.nearest(name) {
                Some(near) => Failure::new(Code::Provider, format!("{said} Did you mean {near}?")),
                None => {
                    let all: Vec<_> = self.registry.all().map(|m| m.name.as_str()).collect();
                    Failure::new(Code::Provider, format!("{said} There are: {}.", all.join(", ")))
                }
            }
        })
    }

    /// Returns the provider whose name is so near that it was probably meant.
    pub fn nearest(&self, name: &Provider) -> Option<&Provider> {
        let near = |m: &&Manifest| (strsim::damerau_levenshtein(m.name.as_str(), name.as_str()), m.name.clone());
        let manifest = self.registry.all().min_by_key(near)?;
        (near(&manifest).0 <= 3).then_some(&manifest.name)
    }

    /// Finds how to sign in at a provider.
    ///
    /// # Errors
    /// As [`Run::manifest`], and `E-KEY-ONLY`.
    pub fn oauth(&self, name: &Provider) -> Outcome<(&Manifest, &OAuth)> {
        let manifest = self.manifest(name)?;
        match &manifest.oauth {
            Some(oauth) => Ok((manifest, oauth)),
            None => {
                let variable = manifest.api_key_env.first().map_or(String::new(), |v| format!(" Set {v}, or"));
                let words = format!("{} takes API keys only.{variable} save one: /key save {name}", manifest.title);
                Err(Failure::new(Code::KeyOnly, words))
            }
        }
    }

    /// Reads the index of accounts.
    ///
    /// # Errors
    /// When it is damaged and cannot be rebuilt.
    pub fn index(&self) -> Outcome<Index> {
        Ok(self.vault.index()?)
    }

    /// Returns the provider that a prompt goes to, if one is active.
    pub fn active(&self) -> Option<Provider> {
        self.chosen.provider.clone().or_else(|| self.settings.provider())
    }

    /// Returns the account that an unnamed bucket means in this session.
    pub fn account(&self, provider: &Provider) -> Account {
        let bucket = self.chosen.buckets.get(provider).cloned().unwrap_or_default();
        Account { provider: provider.clone(), bucket }
    }

    /// Tells whether `words` are said for the first time in this run.
    pub fn first_time(&mut self, words: &str) -> bool {
        let new = !self.chosen.said.iter().any(|s| s == words);
        if new {
            self.chosen.said.push(words.to_owned());
        }
        new
    }

    /// Returns a command as it is typed here, for words.
    pub fn typed(&self, command: &Command) -> String {
        if self.ui.session { command.to_string() } else { command.shell() }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let code = match error.kind {
            VaultErrorKind::Busy => Code::Busy,
            _ => Code::Vault,
        };
        Self::new(code, error.message)
    }
}
