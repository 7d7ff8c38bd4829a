//! One run of the program: everything that a command may use. Built in `app`, handed to every action.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use llxprt_commands::{Account, Bucket, Command, Flags, KeyName, Policy, ProfileName, Provider};
use tokio::runtime::Runtime;
use url::Url;

use crate::auth::precedence::save_key;
use crate::auth::{moved, origins};
use crate::chat::Conversation;
use crate::config::{Dirs, Origin, Profile, Settings};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{Manifest, OAuth, Registry, base_url};
use crate::seams::{Clock, Keyboard};
use crate::secret::Secret;
use crate::sys::log::Log;
use crate::sys::signals::Signals;
use crate::ui::Ui;
use crate::vault::{Counts, Index, Vault, VaultError, VaultErrorKind};

/// What a person chose in this session and nowhere else.
#[derive(Debug, Default)]
pub struct Chosen {
    /// By `--provider`, or taken because it was the only one with a credential.
    pub provider: Option<Provider>,
    /// By `--model`.
    pub model: Option<String>,
    /// By `--bucket`, `switch` or a login here.
    pub buckets: BTreeMap<Provider, Bucket>,
    /// By `/key KEY`: belongs to the provider that was active then.
    pub keys: BTreeMap<Provider, Secret>,
    /// By `/keyfile PATH`, likewise.
    pub keyfiles: BTreeMap<Provider, String>,
    /// By `/key load`, likewise.
    pub loaded_keys: BTreeMap<Provider, KeyName>,
    /// The provider that `--key`, `--keyfile` and `--key-name` belong to: the one active at start.
    pub flags_for: Option<Provider>,
    /// By `--key`.
    pub flag_key: Option<Secret>,
    /// What was read from a `--keyfile` that is a pipe and can be read only once.
    pub flag_pipe: Option<Result<Secret, String>>,
    /// By `--baseurl` and `/baseurl`: the provider that it is for, and where its API is; `None`: where its manifest
    /// says, whatever profile and settings say.
    pub base_urls: BTreeMap<Provider, Option<Url>>,
    /// The loaded profile; of a load balancer the one that the next request goes by.
    pub profile: Option<Profile>,
    /// The loaded load balancer.
    pub balanced: Option<Balanced>,
    /// What is remembered from turn to turn.
    pub turns: Turns,
    /// States of logins that ended in this session: their late answers are told apart.
    pub earlier_states: Vec<String>,
    /// Accounts that a request of this session was sent with.
    pub used: BTreeSet<Account>,
    /// What was said once and need not be said again.
    pub said: Vec<String>,
    /// What renewals left for later ones.
    pub renewals: Arc<Renewals>,
}

/// What renewals of this run leave for later ones; a renewal may outlive the request that asked for it.
#[derive(Debug, Default)]
pub struct Renewals {
    unsure: Mutex<BTreeSet<Account>>,
    /// That the machine's clock is off was said.
    pub skew_said: AtomicBool,
    /// That a renewed login could not be stored was said.
    pub unkept_said: AtomicBool,
}

impl Renewals {
    /// Tells whether the refresh token of an account may be spent: its last renewal broke off after it was sent.
    pub fn unsure(&self, account: &Account) -> bool {
        self.unsure.lock().unwrap_or_else(PoisonError::into_inner).contains(account)
    }

    /// Notes whether the refresh token of an account may be spent.
    pub fn doubt(&self, account: &Account, spent: bool) {
        let mut unsure = self.unsure.lock().unwrap_or_else(PoisonError::into_inner);
        if spent {
            unsure.insert(account.clone())
        } else {
            unsure.remove(account)
        };
    }
}

/// A loaded load balancer.
#[derive(Debug, Clone)]
pub struct Balanced {
    /// Its name.
    pub name: ProfileName,
    /// How one of the profiles is chosen.
    pub policy: Policy,
    /// The profiles, first choice first; at least one.
    pub members: Vec<Profile>,
}

/// What a session remembers from turn to turn.
#[derive(Debug, Default)]
pub struct Turns {
    /// The account that answered last at a provider, and the order it was chosen from.
    pub last: BTreeMap<Provider, (Bucket, Vec<Bucket>)>,
    /// The profile of a load balancer that answered last.
    pub profile: Option<ProfileName>,
    /// Accounts whose plan does not cover a model, with the provider's reason.
    pub not_covered: Vec<(Account, String, String)>,
    /// What was counted here, by provider and by account or key.
    pub counts: BTreeMap<(Provider, String), Counts>,
    /// Until when a key must wait, in Unix seconds, by provider and key.
    pub key_limits: BTreeMap<(Provider, String), i64>,
    /// How a key ends that its provider refused, and the provider's words, by provider and key.
    pub refused_keys: BTreeMap<(Provider, String), (String, String)>,
    /// The sign-ins that the loaded profile lacks were offered.
    pub offered: bool,
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
        let within = runtime.enter();
        runtime.spawn(self.signals.clone().attend());
        drop(within);
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
        if let Some(bad) = self.registry.bad.iter().find(|b| b.name.eq_ignore_ascii_case(name.as_str())) {
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
        // People stop typing early.
        let begun = |m: &&Manifest| name.as_str().len() >= 2 && m.name.as_str().starts_with(name.as_str());
        let manifest = self.registry.all().find(begun).or_else(|| self.registry.all().min_by_key(near))?;
        let slips = (name.as_str().len() / 3).clamp(1, 3);
        (begun(&manifest) || near(&manifest).0 <= slips).then_some(&manifest.name)
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
                let words = format!("{} takes API keys only.", manifest.title);
                let failure = Failure::new(Code::KeyOnly, words).next(save_key(name));
                Err(match manifest.api_key_env.first() {
                    Some(variable) => failure.say(format!("Or set {variable}.")),
                    None => failure,
                })
            }
        }
    }

    /// Reads the index of accounts.
    ///
    /// # Errors
    /// When it is damaged and cannot be rebuilt.
    pub fn index(&self) -> Outcome<Index> {
        let mut index = self.vault.index()?;
        // A login that its manifest would send elsewhere now works no more, and does again with the old manifest.
        for manifest in self.registry.all() {
            let now = origins(manifest);
            // Most are at home: they are found so without a look at what else the manifest may name.
            let entries = index.entries_of(&manifest.name);
            for entry in entries.filter(|entry| entry.refused.is_none() && entry.origins != now) {
                entry.refused = moved(manifest, &entry.origins, self.sandbox).map(|why| format!("it {why}"));
            }
        }
        Ok(index)
    }

    /// Returns the provider that a prompt goes to, if one is active: flag, profile, or the one remembered.
    pub fn active(&self) -> Option<Provider> {
        let profile = || self.chosen.profile.as_ref().map(|p| p.provider.clone());
        self.chosen.provider.clone().or_else(profile).or_else(|| self.settings.provider())
    }

    /// As [`Run::active`], for who must not take one that cannot be read for none.
    ///
    /// # Errors
    /// `E-DAMAGED` where the remembered one decides and settings.json or that member is damaged.
    pub fn active_known(&self) -> Outcome<Option<Provider>> {
        let active = self.active();
        if active.is_none() {
            self.settings.need("provider")?;
        }
        Ok(active)
    }

    /// Returns the loaded profile if it is one of this provider.
    pub fn profile_for(&self, provider: &Provider) -> Option<&Profile> {
        self.chosen.profile.as_ref().filter(|p| p.provider == *provider)
    }

    /// Returns where the API of a provider is in place of what its manifest says: flag or command, profile, setting.
    /// One that cannot be used counts as none here; no request comes so far (`actions::baseurl`).
    pub fn base_url(&self, manifest: &Manifest) -> Option<Url> {
        match self.base_url_given(&manifest.name) {
            Some((Ok(url), _)) => Some(url),
            Some((Err(_), _)) | None => None,
        }
    }

    /// As [`Run::base_url`], with where it was given, and why it cannot be used.
    pub fn base_url_given(&self, provider: &Provider) -> Option<(Result<Url, String>, Origin)> {
        if let Some(url) = self.chosen.base_urls.get(provider) {
            return url.clone().map(|url| (Ok(url), Origin::Flag));
        }
        let profile = self.profile_for(provider).and_then(|profile| address(profile.settings.get("base-url")));
        let setting = || address(self.settings.in_file(&self.base_url_setting(provider)?));
        let profile = profile.map(|url| (url, Origin::Profile));
        profile.or_else(|| setting().map(|url| (url, Origin::Settings)))
    }

    /// Returns the setting that names a base URL for a provider: its own, or the one of whichever provider is active.
    pub fn base_url_setting(&self, provider: &Provider) -> Option<String> {
        let active = (self.active().as_ref() == Some(provider)).then(|| "base-url".to_owned());
        let names = [Some(format!("base-url.{provider}")), active];
        names.into_iter().flatten().find(|name| address(self.settings.in_file(name)).is_some())
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
        self.ui.typed(command)
    }
}

/// Reads a member that names a base URL; nothing, an empty text and `none` name none.
fn address(member: Option<&serde_json::Value>) -> Option<Result<Url, String>> {
    match member?.as_str().map(str::trim) {
        Some("" | "none") => None,
        Some(text) => Some(base_url(text)),
        None => (!member?.is_null()).then(|| Err("is no text".to_owned())),
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let code = match error.kind {
            VaultErrorKind::Busy => Code::Busy,
            VaultErrorKind::Damaged | VaultErrorKind::Newer => Code::Damaged,
            _ => Code::Vault,
        };
        Self::new(code, error.message)
    }
}
