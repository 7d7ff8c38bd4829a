//! `/help`, and what the shell can be given: completions, the man page.

use llxprt_commands::{Completions, Help, shell_command};

use crate::error::{Code, Failure, Next, Outcome};
use crate::run::Run;

/// `/help [COMMAND…]`
pub(super) fn help(run: &Run, help: &Help) -> Outcome {
    let Help { words } = help;
    no_document(run)?;
    let words: Vec<&str> = words.iter().map(|w| w.trim_start_matches('/')).collect();
    match llxprt_commands::help(&words) {
        Ok(page) => {
            run.ui.data(&page);
            Ok(())
        }
        Err(e) => {
            let mut failure = Failure::new(Code::Usage, e.message);
            failure.next = e.suggestions.into_iter().map(Next::Shell).collect();
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

/// `llxprt man`
pub(super) fn man(run: &Run) -> Outcome {
    no_document(run)?;
    let mut page = Vec::new();
    clap_mangen::Man::new(shell_command())
        .render(&mut page)
        .map_err(|e| Failure::new(Code::Internal, format!("The man page cannot be made: {e}.")))?;
    run.ui.data(&String::from_utf8_lossy(&page));
    Ok(())
}

/// Refuses `--json` for what is a text through and through.
fn no_document(run: &Run) -> Outcome {
    match run.ui.json {
        true => Err(Failure::new(Code::Usage, "This prints a text, and --json is for documents: leave it out.")),
        false => Ok(()),
    }
}
