//! `/provider`, `/model`, `/clear`, `/quit`, and the prompt that says who would answer.

use llxprt_commands::{Model, ProviderChoice};

use super::credential::{self, Source};
use crate::error::Outcome;
use crate::run::Run;
use crate::ui::clean_line;

/// `/provider [NAME]`
pub(super) fn provider(run: &mut Run, choice: ProviderChoice) -> Outcome {
    let ProviderChoice { name } = choice;
    let Some(name) = name else {
        let active = run.active();
        for manifest in run.registry.all() {
            let mark = if active.as_ref() == Some(&manifest.name) { "*" } else { " " };
            run.ui.data(&format!("{mark} {:12} {}", manifest.name, manifest.title));
        }
        return Ok(());
    };
    let title = run.manifest(&name)?.title.clone();
    run.settings.remember("provider", Some(name.as_str()))?;
    run.settings.remember("model", None)?;
    run.chosen.provider = None;
    run.ui.say(&format!("{title} answers from now on, with {}.", model_name(run)));
    Ok(())
}

/// `/model [NAME]`
pub(super) fn model(run: &mut Run, model: Model) -> Outcome {
    let Model { name } = model;
    match name {
        Some(name) => {
            run.settings.remember("model", Some(&name))?;
            run.chosen.model = None;
            run.ui.say(&format!("{} answers from now on.", clean_line(&name)));
        }
        None => {
            run.ui.data(&model_name(run));
            if let Some(manifest) = run.active().and_then(|p| run.registry.get(&p)) {
                run.ui.note(&format!("{} names: {}", manifest.title, manifest.models.join(", ")));
            }
        }
    }
    Ok(())
}

/// Returns the model that answers.
pub(super) fn model_name(run: &Run) -> String {
    let remembered = || run.settings.in_file("model").and_then(|v| v.as_str()).map(str::to_owned);
    let default = || run.active().and_then(|p| run.registry.get(&p)).map(|m| m.default_model.clone());
    run.chosen.model.clone().or_else(remembered).or_else(default).unwrap_or_else(|| "no model".into())
}

/// `/clear`
pub(super) fn clear(run: &mut Run) -> Outcome {
    run.conversation.clear();
    run.ui.say("The conversation starts anew.");
    Ok(())
}

/// `/quit`
pub(super) fn quit(run: &mut Run) -> Outcome {
    run.leaving = true;
    Ok(())
}

/// Returns the session's prompt: who would answer.
pub fn status_line(run: &Run) -> String {
    let mark = if run.ui.plain { "> " } else { " › " };
    let Some(provider) = run.active() else { return format!("no account{mark}") };
    let who = match credential::source(run, &provider) {
        Ok(Source::Key { place, .. }) => place,
        Ok(Source::OAuth(account)) => {
            let index = run.index().ok();
            let entry = index.as_ref().and_then(|i| i.entry(&account).cloned());
            match entry {
                None => "(sign in on first use)".to_owned(),
                Some(entry) if account.bucket == llxprt_commands::Bucket::default() => {
                    clean_line(entry.identity.as_deref().unwrap_or("default"))
                }
                Some(_) => account.bucket.to_string(),
            }
        }
        Ok(Source::None) | Err(_) => "(no account)".to_owned(),
    };
    format!("{provider} {who}{mark}")
}
