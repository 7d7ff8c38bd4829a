//! The table for a terminal: wide with all columns, narrower with fewer, stacked where no table fits.

use unicode_width::UnicodeWidthStr;

use super::row::Row;

/// Below this many columns the limits are left out.
const WIDE: usize = 90;
/// Blanks between two columns.
const GAP: usize = 2;

/// Lays the rows out for a width in columns.
pub(super) fn lines(rows: &[Row], now: i64, width: usize) -> Vec<String> {
    let head = ["Provider", "Account", "State", "Signed in until", "Limit"].map(str::to_owned).to_vec();
    let mark = |row: &Row| if row.used { "* " } else { "  " };
    let cells = |row: &Row| {
        let account = if row.bucket.is_some() { format!("{}{}", mark(row), row.account()) } else { "-".to_owned() };
        let provider = if row.first { row.provider.to_string() } else { String::new() };
        vec![provider, account, row.state.clone(), row.until(now), row.limits(now)]
    };
    let mut table = vec![head];
    table.extend(rows.iter().map(cells));
    let most = if width < WIDE { 4 } else { 5 };
    for columns in (3..=most).rev() {
        let lines = aligned(&table, columns);
        if lines.iter().all(|line| line.width() <= width) {
            return lines;
        }
        if columns == 5 && width >= WIDE {
            // Of providers that nobody uses one word says enough, rather than a line that breaks.
            for (cells, row) in table[1..].iter_mut().zip(rows).filter(|(_, row)| row.bucket.is_none()) {
                let word = row.limits(now).split_whitespace().next().map(str::to_owned);
                cells[4] = word.unwrap_or_default();
            }
            return aligned(&table, columns);
        }
    }
    stacked(rows, now)
}

fn aligned(table: &[Vec<String>], columns: usize) -> Vec<String> {
    let wide = |n: usize| table.iter().map(|row| row[n].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(wide).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width + GAP - cell.width()));
        }
        line.trim_end().to_owned()
    };
    table.iter().map(line).collect()
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
