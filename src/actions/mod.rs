//! What each command does: one exhaustive match, one function per command, each arm of one shape.
//!
//! May use everything below and the screen; may not read lines or compare words.

mod accounts;
mod answer;
mod auth;
mod baseurl;
mod choose;
mod credential;
mod doctor;
mod fresh;
mod given;
mod happened;
mod help;
mod idle;
mod key;
mod keyfile;
mod limits;
pub mod login;
mod logout;
mod man;
mod names;
mod nearest;
mod profile;
mod rename;
mod set;
mod stand_in;
mod stats;
mod status;
mod switch;
mod token;
mod why;

use llxprt_commands::{Command, Login, Provider, ProviderChoice};

use crate::auth::no_browser::{Flag, Setting, Surroundings, System};
use crate::config::Origin;
use crate::error::Outcome;
use crate::run::Run;

pub use answer::{one_shot, prompt, settle};
pub use choose::status_line;
pub use fresh::learn_found;
pub use given::bind_flags;
pub use idle::{Watch, renew_while_idle};
pub use names::names;
pub use profile::{load_at_start, loaded as loaded_profile};
pub use set::warn_of_misfits;
pub use switch::choose_at_start;

/// Takes in what other processes changed, before a line is read or done.
pub fn refresh(run: &mut Run) {
    run.settings.refresh();
    settle(run);
}

/// Does what a command says.
///
/// # Errors
/// What a person must read.
pub fn perform(run: &mut Run, command: Command) -> Outcome {
    let done = command.clone();
    dispatch(run, command)?;
    run.ui.done(&done);
    Ok(())
}

fn dispatch(run: &mut Run, command: Command) -> Outcome {
    match command {
        Command::Auth(auth) => auth::auth(run, auth),
        Command::Set(set) => set::set(run, set),
        Command::Key(key) => key::key(run, key),
        Command::Keyfile(choice) => keyfile::keyfile(run, choice),
        Command::Baseurl(choice) => baseurl::baseurl(run, choice),
        Command::Provider(choice) => choose::provider(run, choice),
        Command::Model(model) => choose::model(run, model),
        Command::Clear => choose::clear(run),
        Command::Help(help) => help::help(run, &help),
        Command::Quit => choose::quit(run),
        Command::Sandbox(args) => stand_in::serve(run, &args),
        Command::Completions(completions) => help::completions(run, &completions),
        Command::Man => man::man(run),
        Command::Log => happened::log(run),
        Command::Doctor => doctor::doctor(run),
        Command::Profile(profile) => profile::profile(run, profile),
        Command::Stats(stats) => stats::stats(run, stats),
    }
}

/// Makes a provider the active one if none is, or if it is that only because it was the first prompt's only choice.
fn activate(run: &mut Run, provider: &Provider) -> Outcome {
    // One that is remembered and not understood stays, and is told where it is needed.
    if run.settings.misfit("provider").is_some() {
        return Ok(());
    }
    let named = run.flags.provider.is_some() || run.chosen.profile.is_some() || run.settings.provider().is_some();
    if run.active().is_none() || (!named && run.active().as_ref() == Some(provider)) {
        run.settings.remember("provider", Some(provider.as_str()))?;
    }
    Ok(())
}

/// Says which provider answers prompts, where it is another one than this, and how to change that.
fn answers_elsewhere(run: &Run, provider: &Provider) -> Option<String> {
    let active = run.active().filter(|active| active != provider)?;
    let choose = Command::Provider(ProviderChoice { name: Some(provider.clone()) });
    Some(format!("{active} answers now. To change that: {}", run.typed(&choose)))
}

/// Takes the snapshot that the choice between browser and link looks at. The flags of `login` go before those of
/// the program.
///
/// # Errors
/// `E-DAMAGED` where `auth.noBrowser` decides and is no truth value.
fn surroundings(run: &Run, how: &Login) -> Outcome<Surroundings> {
    let flag = Flag::of(how.nobrowser, how.browser.as_deref())
        .or_else(|| Flag::of(run.flags.nobrowser, run.flags.browser.as_deref()));
    if flag.is_none() {
        run.settings.need("auth.noBrowser")?;
    }
    let setting = run.settings.get("auth.noBrowser").and_then(|(value, origin)| {
        let origin = match origin {
            Origin::Flag => "a --set flag".to_owned(),
            Origin::Profile => "the profile".to_owned(),
            Origin::Settings | Origin::Default => "settings.json".to_owned(),
        };
        Some(Setting { on: value.as_bool()?, origin })
    });
    let interop = std::path::Path::new("/proc/sys/fs/binfmt_misc");
    let wsl = run.env.contains_key("WSL_DISTRO_NAME") || crate::sys::browser::is_wsl();
    Ok(Surroundings {
        env: run.env.clone(),
        system: if cfg!(target_os = "macos") {
            System::MacOs
        } else if cfg!(windows) {
            System::Windows
        } else {
            System::Linux
        },
        flag,
        setting,
        stdin_terminal: run.keyboard.is_person(),
        container: ["/.dockerenv", "/run/.containerenv"].iter().any(|p| std::path::Path::new(p).exists()),
        wsl_interop: wsl && ["WSLInterop", "WSLInterop-late"].iter().any(|name| interop.join(name).exists()),
    })
}
