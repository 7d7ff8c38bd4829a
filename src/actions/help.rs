//! `/help`, and what the shell can be given: completions, the man page.

use llxprt_commands::{Completions, Help, Line, parse, shell_command};

use crate::error::{Code, Failure, Next, Outcome};
use crate::run::Run;

/// `/help [COMMAND…]`
pub(super) fn help(run: &Run, help: &Help) -> Outcome {
    let Help { words } = help;
    no_document(run)?;
    let words: Vec<&str> = words.iter().map(|w| w.trim_start_matches('/')).collect();
    let names = super::names(run);
    let page = match run.ui.session {
        true => llxprt_commands::help(&words, &names),
        false => llxprt_commands::help_in_shell(&words, &names),
    };
    match page {
        Ok(page) => {
            run.ui.data(&page);
            Ok(())
        }
        Err(e) => {
            let mut failure = Failure::new(Code::Usage, e.message);
            // Each is a command, typed here as commands are.
            let typed = |line: String| match parse(&line) {
                Ok(Line::Command { command, .. }) => Next::Command(command),
                Ok(Line::Prompt(_) | Line::Empty) | Err(_) => Next::Shell(line),
            };
            failure.next = e.suggestions.into_iter().map(typed).collect();
            Err(failure)
        }
    }
}

/// `llxprt completions SHELL`
pub(super) fn completions(run: &Run, completions: &Completions) -> Outcome {
    let Completions { shell } = completions;
    no_document(run)?;
    let shell: clap_complete::Shell = shell.parse().map_err(|_| {
        let words = format!("There are no completions for \"{shell}\": name bash, zsh, fish, elvish or powershell.");
        Failure::new(Code::Usage, words)
    })?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shell_command(), "llxprt", &mut script);
    run.ui.data(&String::from_utf8_lossy(&script));
    Ok(())
}

/// Refuses `--json` for what is a text through and through.
pub(super) fn no_document(run: &Run) -> Outcome {
    match run.ui.json {
        true => Err(Failure::new(Code::Usage, "This prints a text, and --json is for documents: leave it out.")),
        false => Ok(()),
    }
}
