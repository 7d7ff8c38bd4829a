//! The table for a terminal: wide with all columns, narrower with fewer, stacked where no table fits.

use unicode_width::UnicodeWidthStr;

use super::row::Row;

/// Below this many columns the limits are left out.
const WIDE: usize = 90;
/// Blanks between two columns.
const GAP: usize = 2;

/// Lays the rows out for a width in columns.
pub(super) fn lines(rows: &[Row], now: i64, most_columns: usize) -> Vec<String> {
    let head = ["Provider", "Account", "State", "Signed in until", "Limit"].map(str::to_owned).to_vec();
    let mark = |row: &Row| if row.used { "* " } else { "  " };
    let cells = |row: &Row| {
        let account = if row.bucket.is_some() { format!("{}{}", mark(row), row.account()) } else { "-".to_owned() };
        let provider = if row.first { row.provider.to_string() } else { String::new() };
        vec![provider, account, row.state.clone(), row.until(now), row.limits(now)]
    };
    let mut table = vec![head];
    table.extend(rows.iter().map(cells));
    let most = if most_columns < WIDE { 4 } else { 5 };
    for columns in (3..=most).rev() {
        let lines = aligned(&table, columns);
        if (columns == 5 && most_columns >= WIDE) || lines.iter().all(|line| width(line) <= most_columns) {
            return lines;
        }
    }
    stacked(rows, now)
}

fn aligned(table: &[Vec<String>], columns: usize) -> Vec<String> {
    let wide = |n: usize| table.iter().map(|row| width(&row[n])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let whole = widths.iter().map(|width| width + GAP).sum();
    let line = |row: &Vec<String>| {
        let mut line = String::with_capacity(whole);
        for (cell, wide) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(wide + GAP - width(cell)));
        }
        line.truncate(line.trim_end().len());
        line
    };
    table.iter().map(line).collect()
}

/// The columns of a text whose control characters are gone; most texts are ASCII.
fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

fn stacked(rows: &[Row], now: i64) -> Vec<String> {
    let mut lines = Vec::new();
    for row in rows {
        if row.first {
            lines.push(row.provider.to_string());
        }
        if row.bucket.is_none() {
            lines.push(format!("  {}", row.state));
            continue;
        }
        lines.push(format!("{} {}", if row.used { "*" } else { " " }, row.account()));
        let facts = [row.state.clone(), row.until(now), row.limits(now)];
        lines.extend(facts.iter().filter(|fact| *fact != "-").map(|fact| format!("    {fact}")));
    }
    lines
}
