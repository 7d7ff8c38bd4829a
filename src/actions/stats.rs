//! `/stats`: requests, tokens and limits. What was never counted is not shown as zero.

mod quota;

use llxprt_commands::{Command, Stats, StatsOf};
use serde_json::{Value, json};

use crate::error::Outcome;
use crate::run::Run;
use crate::ui::times;
use crate::vault::Counts;

/// Blanks between two columns.
const GAP: usize = 2;

/// `/stats [buckets|quota]`
pub(super) fn stats(run: &mut Run, stats: Stats) -> Outcome {
    let Stats { of } = stats;
    match of {
        None => session(run),
        Some(StatsOf::Buckets) => buckets(run),
        Some(StatsOf::Quota) => quota::quota(run),
    }
}

/// One line of counts.
struct Line {
    provider: String,
    who: String,
    counts: Counts,
}

/// What this session has used.
fn session(run: &Run) -> Outcome {
    let line = |((provider, who), counts): (&(llxprt_commands::Provider, String), &Counts)| Line {
        provider: provider.to_string(),
        who: who.clone(),
        counts: counts.clone(),
    };
    let lines: Vec<Line> = run.chosen.turns.counts.iter().map(line).collect();
    if run.ui.json {
        let rows: Vec<Value> = lines.iter().map(|line| document(line, "who")).collect();
        run.ui.document(&json!({ "schema": "llxprt.stats.v1", "session": rows }));
        return Ok(());
    }
    if lines.is_empty() {
        run.ui.say("No request was answered in this session.");
        let buckets = run.typed(&Command::Stats(Stats { of: Some(StatsOf::Buckets) }));
        run.ui.note(&format!("What each account was used for so far: {buckets}"));
        return Ok(());
    }
    table(run, &lines, false);
    Ok(())
}

/// What each account was used for so far, by every session.
fn buckets(run: &Run) -> Outcome {
    let index = run.index()?;
    let lines: Vec<Line> = run
        .registry
        .all()
        .flat_map(|manifest| index.accounts_of(&manifest.name))
        .map(|(account, entry)| Line {
            provider: account.provider.to_string(),
            who: account.bucket.to_string(),
            counts: entry.counts.clone(),
        })
        .collect();
    if run.ui.json {
        let rows: Vec<Value> = lines.iter().map(|line| document(line, "bucket")).collect();
        run.ui.document(&json!({ "schema": "llxprt.stats.buckets.v1", "buckets": rows }));
        return Ok(());
    }
    if lines.is_empty() {
        run.ui.say("Nobody is signed in.");
        return Ok(());
    }
    table(run, &lines, true);
    Ok(())
}

fn document(line: &Line, name: &str) -> Value {
    let Line { provider, who, counts } = line;
    json!({
        "provider": provider, name: who, "requests": counts.requests, "input": counts.input,
        "output": counts.output, "switches": counts.switches, "last_used": counts.last_used.and_then(times::rfc3339),
    })
}

fn table(run: &Run, lines: &[Line], switches: bool) {
    let now = run.now();
    let mut rows =
        vec![["Provider", "Account", "Requests", "Input", "Output", "Switches", "Last used"].map(str::to_owned)];
    rows.extend(lines.iter().map(|Line { provider, who, counts }| {
        let last = counts.last_used.map_or_else(|| "never".to_owned(), |at| times::at(now, at));
        let number = |n: u64| n.to_string();
        let switches = number(counts.switches);
        [
            provider.clone(),
            who.clone(),
            number(counts.requests),
            number(counts.input),
            number(counts.output),
            switches,
            last,
        ]
    }));
    let shown: Vec<usize> = (0..7).filter(|n| switches || *n != 5).collect();
    let wide: Vec<usize> = (0..7).map(|n| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0)).collect();
    if shown.iter().map(|n| wide[*n] + GAP).sum::<usize>() > run.ui.width().saturating_add(GAP) {
        return stacked(run, &rows, &shown);
    }
    for row in &rows {
        let cell = |n: &usize| match n {
            2..=5 => format!("{:>1$}", row[*n], wide[*n]),
            _ => format!("{:1$}", row[*n], wide[*n]),
        };
        run.ui.data(shown.iter().map(cell).collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end());
    }
}

/// The same where the columns do not stand side by side: the account, and below it each number with its name.
fn stacked(run: &Run, rows: &[[String; 7]], shown: &[usize]) {
    let Some((head, rows)) = rows.split_first() else { return };
    let name = shown.iter().filter(|n| **n > 1).map(|n| head[*n].len()).max().unwrap_or(0);
    for row in rows {
        run.ui.data(&format!("{} {}", row[0], row[1]));
        for n in shown.iter().filter(|n| **n > 1) {
            run.ui.data(&format!("  {:name$}  {}", head[*n], row[*n]));
        }
    }
}
