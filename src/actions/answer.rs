//! A prompt to the model: who answers, the lazy login, the stream, and what becomes of it.

use std::io::IsTerminal as _;
use std::time::Duration;

use llxprt_commands::{Account, Bucket, Provider};
use serde_json::json;

use super::choose::model_name;
use super::credential::{Credential, credential, resolution};
use super::{fresh, login};
use crate::auth::{api_base, claim_headers};
use crate::chat::{Auth, Finished, Piece, Trouble, send};
use crate::error::{Code, Failure, Outcome};
use crate::run::Run;
use crate::ui::clean_line;

/// Sends a prompt and shows the answer. A prompt that failed is back on the line.
///
/// # Errors
/// What a person must read.
pub fn prompt(run: &mut Run, text: &str) -> Outcome {
    let result = answer(run, text);
    if result.is_err() {
        run.conversation.take_back();
        run.keyboard.put_back(text);
    }
    result
}

/// With `-p TEXT`: a piped stdin is appended, `-` is stdin alone.
///
/// # Errors
/// As [`prompt`].
pub fn one_shot(run: &mut Run, text: &str) -> Outcome {
    let piped = if std::io::stdin().is_terminal() { String::new() } else { read_stdin()? };
    let text = match (text, piped.trim()) {
        ("-", piped) => piped.to_owned(),
        (text, "") => text.to_owned(),
        (text, piped) => format!("{text}\n\n{piped}"),
    };
    if text.trim().is_empty() {
        return Err(Failure::new(Code::Usage, "There is no prompt: -p needs a text, or text on stdin."));
    }
    prompt(run, &text)
}

fn read_stdin() -> Outcome<String> {
    const BOUND: u64 = 4 << 20;
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(std::io::stdin(), BOUND + 1), &mut bytes)
        .map_err(|e| Failure::new(Code::File, format!("stdin cannot be read: {e}.")))?;
    if bytes.len() as u64 > BOUND {
        return Err(Failure::new(Code::Usage, "stdin holds more than 4 MiB; that is too much for one prompt."));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn answer(run: &mut Run, text: &str) -> Outcome {
    run.settings.whole()?;
    let provider = active(run)?;
    let credential = credential(run, &provider)?;
    let (auth, bucket, mut headers, told_base) = sendable(run, &provider, credential)?;
    let oauth = matches!(auth, Auth::Token(_));
    let manifest = run.manifest(&provider)?.clone();
    run.conversation.ask(text);
    let model = model_name(run);
    let dialect = manifest.dialect(oauth);
    let base = run.base_url(&manifest).or(told_base).unwrap_or_else(|| manifest.base_url(oauth).clone());
    let mut request = dialect.request(&base, &model, &run.conversation, &run.settings.model_params());
    headers.extend(manifest.api.headers.clone());
    if oauth {
        headers.extend(manifest.api.oauth_headers.clone());
    }
    request.headers.extend(headers);
    let mut shown = run.ui.answer();
    let reasoning = run.settings.truth("show.reasoning");
    let idle = Duration::from_secs(run.settings.whole_number("stream.idleSeconds", 120));
    let sent = run.wait(async {
        let show = |piece| match piece {
            Piece::Text(text) => shown.text(&text),
            Piece::Reasoning(text) if reasoning => shown.reasoning(&text),
            _ => {}
        };
        Ok(send(&run.http, dialect, &request, &auth, idle, show).await)
    });
    let any = shown.shown();
    let text = shown.end();
    run.conversation.answer(&text);
    match sent {
        Ok(Ok(finished)) => {
            if run.ui.json {
                document(run, &provider, &model, bucket.as_ref(), &text, &finished);
            }
            if let Some(reason) = finished.reason {
                run.ui.note(&format!("The answer ended early: {}.", clean_line(&reason)));
            }
            Ok(())
        }
        // Ctrl-C ends the answer and keeps what came.
        Err(failure) if failure.code == Code::Cancelled && any && run.ui.session => {
            run.ui.note("Stopped. What came is kept in the conversation.");
            Ok(())
        }
        Err(failure) => Err(failure),
        Ok(Err(trouble)) => {
            let failure = told(&trouble, &provider, &manifest.title, bucket.as_ref(), any);
            Err(match manifest.no_access(&trouble.body()) {
                Some(hint) => failure.say(hint),
                None => failure,
            })
        }
    }
}

fn document(run: &Run, provider: &Provider, model: &str, bucket: Option<&Bucket>, text: &str, finished: &Finished) {
    run.ui.document(&json!({
        "schema": "llxprt.answer.v1", "text": text, "provider": provider.as_str(), "model": model,
        "bucket": bucket.map(Bucket::as_str),
        "usage": { "input": finished.usage.input, "output": finished.usage.output },
    }));
}

/// Finds who answers: the active provider, or the only one with a credential (design 4.1).
fn active(run: &mut Run) -> Outcome<Provider> {
    if let Some(provider) = run.active() {
        return Ok(provider);
    }
    let mut able = Vec::new();
    for manifest in run.registry.all() {
        if resolution(run, &manifest.name)?.winner.is_some() {
            able.push(manifest.name.clone());
        }
    }
    match able.as_slice() {
        [only] => {
            run.ui.note(&format!("Using {only}: the only provider with a credential."));
            run.chosen.provider = Some(only.clone());
            Ok(only.clone())
        }
        [] => {
            let mut failure = Failure::new(Code::NoProvider, "No provider is chosen, and none has a credential.");
            for manifest in run.registry.all().filter(|m| m.oauth.is_some()) {
                failure = failure.then(login::command(&manifest.name, &Bucket::default()));
            }
            Err(failure)
        }
        several => {
            let names: Vec<_> = several.iter().map(Provider::as_str).collect();
            let words = format!("Several providers have a credential: {}. Choose one.", names.join(", "));
            Err(Failure::new(Code::WhichProvider, words).say(format!("/provider {}", names[0])))
        }
    }
}

type Sendable = (Auth, Option<Bucket>, Vec<(String, String)>, Option<url::Url>);

fn sendable(run: &mut Run, provider: &Provider, credential: Credential) -> Outcome<Sendable> {
    let account = match credential {
        Credential::Key(key) => return Ok((Auth::Key(key), None, Vec::new(), None)),
        Credential::OAuth(accounts) => accounts
            .into_iter()
            .next()
            .unwrap_or_else(|| Account { provider: provider.clone(), bucket: Bucket::default() }),
    };
    let (account, tokens) = match fresh::read(run, &account)? {
        Some(tokens) => (account, tokens),
        None => {
            if run.flags.prompt.is_none() && run.keyboard.is_person() {
                run.ui.say(&format!("{provider} needs a sign-in before it can answer. Your prompt is kept."));
            }
            let account = login::lazy(run, provider, &account.bucket)?;
            let tokens = fresh::read(run, &account)?.ok_or_else(|| {
                Failure::new(Code::Vault, format!("The sign-in of {account} could not be read back."))
            })?;
            run.ui.note("Sending your prompt.\n");
            (account, tokens)
        }
    };
    let tokens = fresh::token(run, &account, tokens)?;
    let (manifest, oauth) = run.oauth(provider)?;
    let headers = claim_headers(oauth, &tokens);
    let base = api_base(manifest, &tokens)?;
    Ok((Auth::Token(tokens.access), Some(account.bucket), headers, Some(base)))
}

fn told(trouble: &Trouble, provider: &Provider, title: &str, bucket: Option<&Bucket>, any: bool) -> Failure {
    let broke = if any { " What came is kept." } else { "" };
    match trouble {
        Trouble::Unreached(unreached) => {
            let mut failure = unreached.failure();
            if any {
                failure = Failure::new(Code::Stream, format!("The answer broke off: {}.{broke}", unreached.words));
            }
            failure
        }
        Trouble::Nonsense(words) => Failure::new(Code::Answer, format!("{}.{broke}", clean_line(words))),
        Trouble::InStream { words, .. } => {
            Failure::new(Code::Refused, format!("{title} ended the answer: {}.{broke}", clean_line(words)))
        }
        Trouble::Status { status, headers, body } => {
            let map = headers.iter().filter_map(|(k, v)| Some((k.parse().ok()?, v.parse().ok()?))).collect();
            let refusal = crate::auth::Refusal::read(*status, &map, body);
            let words = format!("{title} refuses: {} (status {status}).", clean_line(&refusal.words));
            match (*status, bucket) {
                (401, Some(bucket)) => Failure::new(Code::NeedLogin, words).then(login::command(provider, bucket)),
                (429, _) => Failure::new(Code::Limit, words),
                (500..=599, _) => Failure::new(Code::Offline, words),
                _ => Failure::new(Code::Refused, words),
            }
        }
        Trouble::Ours(failure) => failure.clone(),
    }
}
