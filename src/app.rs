//! Builds the real parts, in one place, and chooses between session, pipe, command and prompt.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, OnceLock};

use clap::ValueEnum as _;
use llxprt_commands::{ColorWhen, Command, Flags, Shell, ShellExit};
use url::Url;

use crate::actions;
use crate::chat::Conversation;
use crate::config::{Dirs, Settings};
use crate::error::{Code, Failure, Outcome};
use crate::http::Http;
use crate::providers::{Registry, is_loopback};
use crate::run::{Chosen, Run};
use crate::sandbox::{Options, Sandbox};
use crate::seams::Keyboard;
use crate::session::{self, Editor, Plain};
use crate::sys::clock::SystemClock;
use crate::sys::fault;
use crate::sys::log::Log;
use crate::sys::signals::Signals;
use crate::ui::{Sheet, Ui};
use crate::vault::{Vault, Wish};

/// Runs the program with the arguments and environment of the process. Returns the exit status.
pub fn start() -> u8 {
    // A core file would hold every secret of this process.
    #[cfg(unix)]
    {
        let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
        let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    }
    // Until there is a log that knows the secrets of this run, there are none but those of the command line.
    fault::install(&Arc::default(), &Arc::new(Log::new("".into(), Arc::default())));
    let shell = match Shell::parse_from_args(std::env::args_os()) {
        Ok(shell) => shell,
        Err(ShellExit::Text(text)) => {
            ui(&Flags::default(), &BTreeMap::new()).data(&text);
            return 0;
        }
        Err(ShellExit::Usage(error)) => {
            let flags = Flags { json: wants_json(arguments()), color: color_of_arguments(), ..Flags::default() };
            let ui = Ui { sandbox: sandbox_of_arguments(), ..ui(&flags, &BTreeMap::new()) };
            ui.fail(&session::wrong(&ui, &error));
            return Code::Usage.exit();
        }
    };
    let Shell { flags, command } = shell;
    let env: BTreeMap<String, String> = std::env::vars_os().map(|(k, v)| (lossy(&k), lossy(&v))).collect();
    let ui = ui(&flags, &env);
    match build(flags, env, ui.clone(), command.is_none()) {
        Ok((mut run, input)) => {
            let signals = run.signals.clone();
            fault::install(&signals, &run.log);
            let status = go(&mut run, &input, command);
            signals.wait_for_uncut();
            status
        }
        Err(failure) => {
            ui.fail(&failure);
            failure.code.exit()
        }
    }
}

/// The arguments that may be flags, for the time when they were not understood.
fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().skip(1).map(|argument| lossy(&argument)).take_while(|argument| argument != "--")
}

/// Finds the flag of the sandbox where the arguments were not understood.
fn sandbox_of_arguments() -> Option<String> {
    arguments().map(|a| sandbox_flag(&a)).find(Option::is_some).flatten()
}

/// Tells whether a document was asked for where the arguments were not understood. A prompt may be any text.
fn wants_json(arguments: impl Iterator<Item = String>) -> bool {
    let mut before = String::new();
    arguments.into_iter().any(|argument| {
        let prompt = matches!(before.as_str(), "-p" | "--prompt");
        before = argument;
        before == "--json" && !prompt
    })
}

/// Finds the wish about colours where the arguments were not understood; the last one counts.
fn color_of_arguments() -> ColorWhen {
    let arguments: Vec<String> = std::env::args_os().map(|argument| lossy(&argument)).collect();
    let wish = |n: usize| match arguments[n].as_str() {
        "--no-color" => Some("never"),
        "--color" => arguments.get(n + 1).map(String::as_str),
        other => other.strip_prefix("--color="),
    };
    let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let wishes = (0..end).filter_map(wish);
    wishes.filter_map(|word| ColorWhen::from_str(word, true).ok()).next_back().unwrap_or_default()
}

/// The flag as a shell takes it; one that needs quotes is no address that a sandbox has.
fn sandbox_flag(argument: &str) -> Option<String> {
    let rest = argument.strip_prefix("--sandbox")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/.-[]=".contains(c);
    ((rest.is_empty() || rest.starts_with('=')) && rest.chars().all(plain)).then(|| argument.to_owned())
}

fn lossy(text: &std::ffi::OsStr) -> String {
    text.to_string_lossy().into_owned()
}

/// Who types.
enum Input {
    Editor(Arc<Editor>),
    Plain(Arc<Plain>),
}

fn go(run: &mut Run, input: &Input, command: Option<Command>) -> u8 {
    if let Err(failure) = account_of_flags(run, command.is_none()) {
        run.ui.fail(&failure);
        return failure.code.exit();
    }
    // Flags belong to the first profile of a load balancer; which of them answers may depend on the account.
    actions::settle(run);
    // Signals are attended to before anything may be asked: one that comes then must not leave the terminal changed.
    if let Err(failure) = if run.keyboard.is_person() { run.runtime().map(drop) } else { Ok(()) } {
        run.ui.fail(&failure);
        return failure.code.exit();
    }
    let result = match (command, run.flags.prompt.clone(), input) {
        (Some(command), ..) => {
            let typed = command.clone();
            actions::perform(run, command).map_err(|failure| session::mended(run, typed, failure))
        }
        (None, Some(text), _) => actions::one_shot(run, &text),
        (None, None, Input::Editor(editor)) => return session::interactive(run, editor),
        (None, None, Input::Plain(plain)) => return session::plain(run, plain),
    };
    match result {
        Ok(()) => 0,
        Err(failure) => {
            run.ui.fail(&failure);
            failure.code.exit()
        }
    }
}

/// Takes the account of the flags, which has to be there where something may be sent.
fn account_of_flags(run: &mut Run, sends: bool) -> Outcome {
    match (run.flags.bucket.clone(), run.active()) {
        (None, _) => {}
        (Some(_), _) if sends => actions::choose_at_start(run)?,
        (Some(bucket), Some(active)) => drop(run.chosen.buckets.insert(active, bucket)),
        (Some(_), None) => {}
    }
    Ok(())
}

fn ui(flags: &Flags, env: &BTreeMap<String, String>) -> Ui {
    let dumb = env.get("TERM").is_some_and(|t| t == "dumb");
    let plain = flags.plain || dumb || crate::ui::accessible(env);
    Ui::set_color(flags.color, plain);
    let (stdin, stdout) = (std::io::stdin().is_terminal(), std::io::stdout().is_terminal());
    Ui {
        session: false,
        editor: stdin && stdout && !dumb,
        terminal: stdout,
        plain,
        links: stdout && !dumb && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout),
        json: flags.json,
        quiet: flags.quiet,
        verbose: flags.verbose,
        hidden: Arc::default(),
        sandbox: flags.sandbox.as_deref().and_then(|url| match url {
            "" => Some("--sandbox".to_owned()),
            url => sandbox_flag(&format!("--sandbox={url}")),
        }),
        sheet: Sheet::default(),
    }
}

fn build(flags: Flags, env: BTreeMap<String, String>, mut ui: Ui, is_session: bool) -> Outcome<(Run, Input)> {
    ui.session = is_session && flags.prompt.is_none();
    let signals = Arc::new(Signals::default());
    let leaving = signals.clone();
    crate::ui::leave_by(move |status| leaving.leave(status));
    let mut alive: Vec<Box<dyn std::any::Any + Send + Sync>> = Vec::new();
    let mut env = env;
    let dirs = Dirs::from_env(&|name| env.get(name).map(Into::into));
    let mut dirs = dirs.map_err(|words| Failure::new(Code::Usage, words))?;
    let sandbox = match flags.sandbox.as_deref() {
        None => None,
        Some("") => {
            let options = Options { ttl: flags.ttl, ..Options::default() };
            let sandbox = Sandbox::start_blocking(options)
                .map_err(|e| Failure::new(Code::Port, format!("The sandbox cannot listen: {e}.")))?;
            let folder = passing_folder()
                .map_err(|e| Failure::new(Code::File, format!("There is no temporary folder: {e}.")))?;
            signals.remove_at_end(folder.path());
            dirs = Dirs::below(folder.path());
            let url = joined(sandbox.url())?;
            alive.push(Box::new(sandbox));
            alive.push(Box::new(folder));
            Some(url)
        }
        Some(url) => Some(joined(url)?),
    };
    let registry = Registry::load(&dirs.config.join("providers"), sandbox.as_ref());
    if flags.sandbox.as_deref() == Some("") {
        let keys: Vec<String> =
            registry.all().flat_map(|m| m.api_key_env.clone()).filter(|k| env.contains_key(k)).collect();
        if !keys.is_empty() {
            ui.note(&format!("Sandbox: {} is not read.", keys.join(", ")));
        }
        env.retain(|name, _| !keys.contains(name));
    }
    let mut settings = Settings::load(&dirs.config);
    for pair in &flags.set {
        settings.set_flag(pair)?;
    }
    let no_keyring = env.get("LLXPRT_NO_KEYRING").is_some_and(|v| v == "1") || flags.sandbox.as_deref() == Some("");
    // Who stores something fails where this cannot be read; for everybody else nothing depends on it.
    let wish = match settings.text("vault.store") {
        Ok(Some("keyring")) => Wish::Keyring,
        Ok(Some("file")) => Wish::File,
        Ok(_) | Err(_) => Wish::Auto,
    };
    let saying = ui.clone();
    let vault =
        Vault::new(&dirs, wish, no_keyring, std::io::stdin().is_terminal()).saying(move |words| saying.note(words));
    let color = crate::ui::coloured();
    let (input, keyboard): (Input, Arc<dyn Keyboard>) = if ui.editor {
        let editor = Arc::new(Editor::new(signals.clone(), color));
        (Input::Editor(editor.clone()), editor)
    } else {
        let plain = Arc::new(Plain::new(signals.clone()));
        (Input::Plain(plain.clone()), plain)
    };
    let chosen = Chosen { model: flags.model.clone(), provider: flags.provider.clone(), ..Chosen::default() };
    let log = flags.log_file.as_ref().map_or_else(|| dirs.log.join("llxprt.log"), Into::into);
    let mut run = Run {
        log: Arc::new(Log::new(log, ui.hidden.clone())),
        flags,
        env,
        dirs,
        settings,
        registry,
        vault: Arc::new(vault),
        ui,
        clock: Arc::new(SystemClock),
        keyboard,
        http: Arc::new(Http::default()),
        signals,
        conversation: Conversation::default(),
        chosen,
        sandbox: sandbox.is_some(),
        leaving: false,
        alive,
        runtime: OnceLock::new(),
    };
    actions::load_at_start(&mut run)?;
    // Once profile and provider of the start are known: the flags belong to that provider.
    actions::bind_flags(&mut run)?;
    let narrowed = if run.ui.session { run.vault.start_up() } else { run.vault.guard() };
    for words in crate::config::guard(&run.dirs.config).iter().chain(&narrowed) {
        run.ui.warn(words);
    }
    // A session has swept the vault above. What cannot be swept now is swept at another start.
    if !run.ui.session {
        let _ = run.vault.sweep();
    }
    let _ = crate::config::sweep(&run.dirs.config);
    match find_accounts(&run) {
        Err(failure) if failure.code == Code::Cancelled => return Err(failure),
        // Whoever needs the index meets what is wrong with it and says so; nobody else depends on it.
        Err(failure) if run.index().is_ok() => run.ui.warn(&failure.message),
        Ok(()) | Err(_) => {}
    }
    Ok((run, input))
}

/// Makes the folder of a sandbox that keeps nothing.
fn passing_folder() -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("llxprt-sandbox-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// Builds the index of accounts anew where it was lost or is damaged; a whole one is not looked at here.
fn find_accounts(run: &Run) -> Outcome {
    let whole = run.vault.index_is_whole();
    let nothing_yet = !run.dirs.data.exists() && run.dirs.overridden;
    if whole || nothing_yet {
        return Ok(());
    }
    let recovered =
        run.wait(async { Ok(run.vault.recover(|| crate::config::accounts_of_profiles(&run.dirs.config)).await?) })?;
    for words in recovered.notices {
        run.ui.note(&words);
    }
    actions::learn_found(run);
    Ok(())
}

/// Only a sandbox on this very machine may stand in for the providers.
fn joined(text: &str) -> Outcome<Url> {
    let wrong = || Failure::new(Code::Usage, "--sandbox=URL takes a loopback address such as http://127.0.0.1:8080.");
    let url = Url::parse(text).map_err(|_| wrong())?;
    if url.scheme() == "http" && is_loopback(&url) { Ok(url) } else { Err(wrong()) }
}
