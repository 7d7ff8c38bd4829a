//! `/baseurl`: where the API of the active provider is.

use llxprt_commands::{Baseurl, Command, Provider};
use serde_json::json;
use url::Url;

use super::key;
use crate::auth::precedence::{Here, elsewhere};
use crate::config::{Origin, unset};
use crate::error::{Code, Failure, Next, Outcome};
use crate::providers::{Manifest, base_url};
use crate::run::Run;

/// `/baseurl [URL|none]`: for this session; in the shell, which has none, for good (`base-url.NAME`).
pub(super) fn baseurl(run: &mut Run, choice: Baseurl) -> Outcome {
    let Baseurl { url } = choice;
    let Some(text) = url else { return show(run) };
    let url = read(&text)?;
    let provider = key::active(run, "A base URL")?;
    let manifest = run.manifest(&provider)?;
    if !run.ui.session {
        return persist(run, &provider, url.as_ref());
    }
    let back = format!("Requests to {provider} go to {} again.", manifest.api.base_url);
    run.ui.say(&match &url {
        Some(url) => format!("Requests to {provider} go to {url} in this session."),
        None => back,
    });
    run.chosen.base_urls.insert(provider.clone(), url);
    key::tell_used(run, &provider)
}

fn persist(run: &mut Run, provider: &Provider, url: Option<&Url>) -> Outcome {
    let setting = format!("base-url.{provider}");
    match url {
        Some(url) => {
            run.settings.set(&setting, url.as_str())?;
            run.ui.say(&format!("Requests to {provider} go to {url} from now on ({setting} in settings.json)."));
        }
        // The one of whichever provider is active would be left in its place.
        None if run.settings.unset(&setting)? | run.settings.unset("base-url")? => {
            run.ui.say(&format!("The base URL of {provider} is removed from settings.json."));
        }
        None => run.ui.say(&format!("settings.json has no base URL for {provider}.")),
    }
    if let Some((_, Origin::Profile)) = run.base_url_given(provider) {
        run.ui.say("The loaded profile goes before that file, with a base-url of its own.");
    }
    key::tell_used(run, provider)
}

/// Warns once where the base URL was given for whichever provider is active, and is no place of this one: its key goes
/// where another's was to go.
pub(super) fn warn_foreign(run: &mut Run, provider: &Provider) -> Outcome {
    let away = no_sign_in(run, run.manifest(provider)?).is_some();
    if let (true, Some((Ok(url), Origin::Settings))) = (away, run.base_url_given(provider))
        && run.base_url_setting(provider).is_some_and(|setting| setting == "base-url")
    {
        let unset = run.typed(&unset("base-url"));
        let words = format!(
            "Requests to {provider} go to {url}: base-url in settings.json is for whichever provider is active. To end \
             that: {unset}"
        );
        if run.first_time(&words) {
            run.ui.warn(&words);
        }
    }
    Ok(())
}

fn show(run: &Run) -> Outcome {
    run.settings.whole()?;
    let provider = key::active(run, "A base URL")?;
    let manifest = run.manifest(&provider)?;
    check(run, &provider)?;
    let given = run.base_url_given(&provider);
    let origin = given.as_ref().map_or("manifest", |(_, origin)| word(*origin));
    let url = given.and_then(|(url, _)| url.ok()).unwrap_or_else(|| manifest.api.base_url.clone());
    let keeps_sign_in = no_sign_in(run, manifest);
    if run.ui.json {
        run.ui.document(&json!({
            "schema": "llxprt.baseurl.v1", "provider": provider.as_str(), "base_url": url.as_str(), "origin": origin,
            "sign_in": keeps_sign_in.is_none(),
        }));
        return Ok(());
    }
    run.ui.data(&format!("{url}  ({origin})"));
    if let Some(why) = keeps_sign_in {
        run.ui.note(&format!("A sign-in is not used: {why}."));
    }
    Ok(())
}

/// Reads what was typed for a base URL; `none` is the provider's own.
///
/// # Errors
/// `E-USAGE` with the rule.
pub(super) fn read(text: &str) -> Outcome<Option<Url>> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    base_url(text).map(Some).map_err(|why| Failure::new(Code::Usage, format!("That address {why}.")))
}

/// Fails where a base URL is given that cannot be used: a request must not go elsewhere instead.
///
/// # Errors
/// `E-DAMAGED` with the place.
pub(super) fn check(run: &Run, provider: &Provider) -> Outcome {
    match run.base_url_given(provider) {
        Some((Err(why), origin)) => {
            let setting = setting(run, provider);
            run.settings.need(&setting)?;
            let failure = |place: &str| {
                Failure::new(Code::Damaged, format!("The {setting} in {place} cannot be used: it {why}."))
            };
            Err(match origin {
                Origin::Profile => failure("the loaded profile").say("Mend it there, or give --baseurl for one run."),
                Origin::Flag | Origin::Settings | Origin::Default => failure("settings.json").then(unset(&setting)),
            })
        }
        Some((Ok(_), _)) | None => Ok(()),
    }
}

/// Returns why a sign-in is not sent to the base URL, as the end of a sentence.
pub(super) fn no_sign_in(run: &Run, manifest: &Manifest) -> Option<String> {
    let own = [Some(&manifest.api.base_url), manifest.api.oauth_base_url.as_ref()];
    let own: Vec<&str> = own.into_iter().flatten().map(Url::as_str).collect();
    match run.base_url_given(&manifest.name)?.0 {
        Ok(url) => elsewhere(url.as_str(), &own),
        Err(why) => Some(format!("the base URL {why}")),
    }
}

/// Returns what takes away the base URL that is given in place of the manifest's.
pub(super) fn back(run: &Run, provider: &Provider, here: &Here) -> Option<Next> {
    let (_, origin) = run.base_url_given(provider)?;
    Some(match origin {
        Origin::Flag if here.session && here.active => {
            Next::Command(Command::Baseurl(Baseurl { url: Some("none".to_owned()) }))
        }
        Origin::Flag if here.session => Next::Say(format!("`/provider {provider}`, then `/baseurl none`")),
        Origin::Flag => Next::Say("start again without --baseurl".to_owned()),
        Origin::Profile => here.unload(),
        Origin::Settings | Origin::Default => Next::Command(unset(&setting(run, provider))),
    })
}

/// Returns the sentence on a base URL that is not the manifest's, for `why`.
pub(super) fn words(run: &Run, provider: &Provider) -> Option<String> {
    let (url, origin) = run.base_url_given(provider)?;
    Some(match url {
        Ok(url) => format!("Requests go to {url} ({}).", word(origin)),
        Err(why) => format!("No request is made: the base URL ({}) {why}.", word(origin)),
    })
}

/// The name under which profile or settings give the base URL.
fn setting(run: &Run, provider: &Provider) -> String {
    let by_profile = matches!(run.base_url_given(provider), Some((_, Origin::Profile)));
    run.base_url_setting(provider).filter(|_| !by_profile).unwrap_or_else(|| "base-url".to_owned())
}

fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Flag => "this session",
        Origin::Profile => "profile",
        Origin::Settings | Origin::Default => "settings.json",
    }
}
