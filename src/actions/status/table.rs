//! The table for a terminal: wide with all columns, narrower with fewer, stacked where no table fits.

use std::borrow::Cow;

use unicode_width::UnicodeWidthStr;

use super::row::Row;

/// Below this many columns the limits are left out.
const WIDE: usize = 90;
/// Blanks between two columns.
const GAP: usize = 2;
/// Marks the account that is used now.
const USED: &str = "* ";
const NOT_USED: &str = "  ";

/// A line of the table: one text for each column.
type Cells<'a> = [Cow<'a, str>; 5];

/// Lays the rows out for a terminal of so many columns.
pub(super) fn text(rows: &[Row], now: i64, most: usize) -> String {
    let mut table: Vec<Cells> = vec![["Provider", "Account", "State", "Signed in until", "Limit"].map(Cow::from)];
    table.extend(rows.iter().map(|row| cells(row, now)));
    let columns = if most < WIDE { 4 } else { 5 };
    for columns in (3..=columns).rev() {
        let text = aligned(&table, columns);
        if text.lines().all(|line| width(line) <= most) {
            return text;
        }
        if columns == 5 {
            // Of providers that nobody uses one word says enough, rather than a line that breaks.
            for (cells, _) in table[1..].iter_mut().zip(rows).filter(|(_, row)| row.bucket.is_none()) {
                let word = cells[4].split_whitespace().next().map(str::to_owned);
                cells[4] = word.unwrap_or_default().into();
            }
            return aligned(&table, columns);
        }
    }
    stacked(rows, now)
}

fn cells<'a>(row: &'a Row, now: i64) -> Cells<'a> {
    let provider = if row.first { row.provider.as_str() } else { "" };
    let account = match row.bucket {
        Some(_) => Cow::from([if row.used { USED } else { NOT_USED }, &row.account()].concat()),
        None => "-".into(),
    };
    [provider.into(), account, row.state.into(), row.until(now), row.limits(now)]
}

fn aligned(table: &[Cells], columns: usize) -> String {
    let mut widths = [0; 5];
    for row in table {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = width(cell).max(*wide);
        }
    }
    let blanks = " ".repeat(widths.iter().max().map_or(0, |wide| wide + GAP));
    let mut text = String::with_capacity(table.len() * (widths[..columns].iter().sum::<usize>() + columns * GAP));
    for row in table {
        for (cell, wide) in row[..columns].iter().zip(widths) {
            text.push_str(cell);
            text.push_str(&blanks[..wide + GAP - width(cell)]);
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    text
}

/// The columns of a text whose control characters are gone; most texts are ASCII.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

fn stacked(rows: &[Row], now: i64) -> String {
    let mut text = String::new();
    let mut line = |parts: &[&str]| {
        parts.iter().for_each(|part| text.push_str(part));
        text.push('\n');
    };
    for row in rows {
        if row.first {
            line(&[row.provider.as_str()]);
        }
        if row.bucket.is_none() {
            line(&[NOT_USED, row.state]);
            continue;
        }
        line(&[if row.used { USED } else { NOT_USED }, &row.account()]);
        let facts = [row.state.into(), row.until(now), row.limits(now)];
        facts.iter().filter(|fact| *fact != "-").for_each(|fact| line(&["    ", fact]));
    }
    text
}
