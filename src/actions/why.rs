//! `/auth P why`: which credential is used, and why.

use llxprt_commands::Provider;
use serde_json::json;

use super::{baseurl, credential};
use crate::auth::precedence::{Resolution, Row};
use crate::error::Outcome;
use crate::run::Run;

/// Below it, columns do more harm than good.
const NARROW: usize = 60;

/// `/auth P why`
pub(super) fn why(run: &mut Run, provider: &Provider) -> Outcome {
    run.settings.whole()?;
    run.manifest(provider)?;
    // What cannot be looked up is a row of the answer.
    if let Err(failure) = credential::look_up_named(run, provider) {
        run.ui.warn(&failure.message);
    }
    let resolution = credential::resolution(run, provider)?;
    let change = resolution.change();
    let next: Vec<String> = change.next.iter().map(|next| run.ui.next(next)).collect();
    let base = baseurl::words(run, provider);
    if run.ui.json {
        let mut document = resolution.json();
        document["headline"] = resolution.headline().into();
        document["ignored"] = json!(resolution.ignored);
        document["base_url"] = json!(run.base_url(run.manifest(provider)?).map(|url| url.to_string()));
        document["next"] = json!(next);
        run.ui.document(&document);
        return Ok(());
    }
    run.ui.prose(&format!("{}\n\n", resolution.headline()));
    run.ui.prose(&table(run, &resolution));
    for words in &resolution.ignored {
        run.ui.prose(words);
    }
    for note in &resolution.warnings {
        let next: Vec<String> = note.next.iter().map(|next| run.ui.next(next)).collect();
        run.ui.prose(&format!("{}  {}", note.text, next.join("     ")));
    }
    if let Some(words) = base {
        run.ui.prose(&words);
    }
    run.ui.data(&run.ui.choice(&format!("{}:   ", change.text), &next, "     or "));
    Ok(())
}

/// The five rows: in columns where they fit, the last one ragged where they nearly do, else as sentences.
fn table(run: &Run, resolution: &Resolution) -> String {
    let rows = resolution.rows();
    let width = run.ui.width();
    let wide = |text: &str| unicode_width::UnicodeWidthStr::width(text);
    let title = rows.iter().map(|row| wide(row.tier.title())).max().unwrap_or(0);
    let detail = rows.iter().filter(|row| row.mark.is_some()).map(|row| wide(&row.detail)).max().unwrap_or(0);
    let longest = rows.iter().map(|row| wide(&mark(row))).max().unwrap_or(0);
    let (before, even) = (5 + title + 2, 5 + title + 2 + detail + 4 + longest <= width);
    let mut text = String::new();
    for row in &rows {
        let (number, name, gap) = (row.tier.number(), row.tier.title(), "    ");
        let columns = |pad: usize| format!("  {number}  {name:title$}  {}{:pad$}{gap}{}", row.detail, "", mark(row));
        let line = match (run.ui.plain || width < NARROW, even) {
            (true, _) if row.mark.is_none() => format!("{number}, {name}: {}", row.detail),
            (true, _) => format!("{number}, {name}: {} ({})", row.detail, mark(row).trim_start_matches("<- ")),
            (false, true) => columns(detail.saturating_sub(wide(&row.detail))),
            (false, false) => {
                let indent = " ".repeat(before);
                let options = textwrap::Options::new(width).subsequent_indent(&indent).break_words(false);
                textwrap::fill(columns(0).trim_end(), options.word_splitter(textwrap::WordSplitter::NoHyphenation))
            }
        };
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    text
}

fn mark(row: &Row) -> String {
    match row.mark.as_deref() {
        Some("used") => "<- used".to_owned(),
        mark => mark.unwrap_or_default().to_owned(),
    }
}
