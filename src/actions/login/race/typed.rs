//! What is typed or pasted while a login waits.

use super::super::device;
use super::super::verdict::{denied, same_issuer};
use super::super::works::{From, Works};
use super::{Course, With, exchange};
use crate::auth::paste::{self, Choice, Expect, Pasted, Shows};
use crate::error::{Code, Failure, Outcome};
use crate::providers::{Flow, PastedCode, StateIn};
use crate::run::Run;
use crate::seams::Typed;
use crate::secret::Secret;
use crate::ui::clean_line;

/// Something was typed or pasted.
pub(super) fn typed_in<'a>(with: With<'a>, course: &mut Course, works: &mut Works<'a>, typed: Typed) -> Outcome<()> {
    let With { run, manifest, oauth, client, wanted } = with;
    let text = match typed {
        Typed::Line(text) => text,
        Typed::Cancelled => return Err(Failure::new(Code::Cancelled, "Sign-in cancelled.")),
        // The end of the input leaves callback and short code waiting; without one nobody can answer any more.
        Typed::End | Typed::Nobody if course.listening.is_none() && course.device.is_none() => {
            return Err(Failure::new(
                Code::Denied,
                "The input ended before the sign-in was answered. Nothing changed.",
            ));
        }
        Typed::End => {
            let what = match (&course.listening, &course.device) {
                (Some(_), None) => "the browser",
                (None, _) => "the short code",
                (Some(_), Some(_)) => "the browser or the short code",
            };
            run.ui.say(&format!("Waiting for {what}. Ctrl+C cancels."));
            course.open = false;
            return Ok(());
        }
        Typed::Nobody | Typed::Broken => {
            course.open = false;
            return Ok(());
        }
    };
    if text.trim() == "/quit" || text.trim() == "/exit" {
        return Err(Failure::new(Code::Cancelled, "Sign-in cancelled."));
    }
    let live: Vec<&str> = course.attempts.iter().map(|a| a.state.as_str()).collect();
    let earlier: Vec<&str> = run.chosen.earlier_states.iter().map(String::as_str).collect();
    let shows = match (&oauth.paste_redirect, oauth.pasted_code) {
        (None, _) => Shows::Address,
        (Some(_), PastedCode::Code) => Shows::Code,
        (Some(_), PastedCode::CodeState) => Shows::CodeAndState,
    };
    let (state_in_path, device) = (oauth.state_in == StateIn::Path, oauth.flows.contains(&Flow::Device));
    let expect = Expect { shows, state_in_path, live: &live, earlier: &earlier, device };
    let mut pasted = paste::read(&text, &expect);
    let person = run.keyboard.is_person();
    if matches!(pasted, Pasted::Wrong { .. }) && !person {
        // In a pipe something else may come behind the answer.
        let begins = text.match_indices('\n').take(64).map(|(at, _)| paste::read(&text[..at], &expect));
        if let Some(answer) = begins.into_iter().find(|begin| matches!(begin, Pasted::Answer { .. })) {
            pasted = answer;
        }
    } else if matches!(pasted, Pasted::Wrong { .. }) {
        let whole = course.begun.take().map_or(text.clone(), |begun| format!("{}\n{text}", begun.expose()));
        if let answer @ Pasted::Answer { .. } = paste::read(&whole, &expect) {
            pasted = answer;
        }
        course.begun = Some(Secret::new(whole)).filter(|begun| begun.expose().len() < paste::LARGEST);
    }
    match pasted {
        Pasted::Answer { code, attempt, others } => {
            let which = attempt.unwrap_or(course.attempts.len() - 1);
            if let Some((_, issuer)) = others.iter().find(|(k, v)| k == "iss" && !same_issuer(oauth, v)) {
                run.ui.say(&format!("That answer came from {}, not from this provider.", clean_line(issuer)));
                return Ok(());
            }
            exchange(with, course, works, From::Paste(text), which, code);
        }
        Pasted::Denied { error, description, .. } => return Err(denied(manifest, &error, description.as_deref())),
        Pasted::Menu(Choice::Device) if device => {
            let tell = course.tell.clone();
            works.begin(async move { device::begin(run, manifest, oauth, client, wanted, &tell).await });
        }
        Pasted::Menu(choice) => menu(run, course, choice),
        Pasted::Nothing => {}
        Pasted::Wrong { code, message } => {
            // In a pipe nobody reads the hint and pastes again.
            if !person {
                let words = paste::GOES_ON.iter().find_map(|end| message.strip_suffix(end)).unwrap_or(message);
                return Err(Failure::new(code, words).then(wanted.command()));
            }
            run.ui.tell(&Failure::new(code, message));
        }
    }
    Ok(())
}

fn menu(run: &Run, course: &Course, choice: Choice) {
    let Some(attempt) = course.attempts.last() else { return };
    match choice {
        Choice::Copy => run.ui.copy(attempt.url.as_str()),
        Choice::Qr => run.ui.qr(attempt.url.as_str()),
        Choice::Device => run.ui.say("This provider has no short code."),
        Choice::Help => run.ui.say(
            "Open the link, sign in and approve. Then paste what the last page shows: a code, or, when the page\n\
             cannot connect, its whole address.",
        ),
    }
}
