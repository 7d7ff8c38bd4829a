//! The same as sentences, for plain mode and screen readers.

use super::row::{Ends, Row, percent, window_name};
use crate::ui::{clean_line, times};

/// Writes a line for each row.
pub(super) fn text(rows: &[Row], now: i64) -> String {
    rows.iter().map(|row| line(row, now) + "\n").collect()
}

fn line(row: &Row, now: i64) -> String {
    let provider = &row.provider;
    let Some(_) = &row.bucket else {
        let state = match row.state {
            "on first use" => "will ask you to sign in at the first request",
            "key only" => "takes API keys only",
            other => other,
        };
        let remark = row.remark.as_deref().map_or(String::new(), |remark| format!(" Sign-ins are {remark}."));
        return format!("{provider}: {state}.{remark}");
    };
    let used = if row.used { ", in use" } else { "" };
    let mut text = format!("{provider}, account {}: {}{used}.", row.account(), row.state);
    if let Some(limit) = &row.limit {
        text += &format!(" {}. Available again at {}.", clean_line(&limit.why), times::at(now, limit.until));
        return text;
    }
    match row.ends {
        Ends::Nothing => {}
        Ends::At(at) => text += &format!(" Signed in until {}.", times::at(now, at)),
        Ends::Token(at) => text += &format!(" Valid until {}; it does not renew.", times::at(now, at)),
        Ends::Renews => text += " Renews by itself.",
        Ends::Never => text += " Does not run out.",
    }
    for window in &row.windows {
        let model = window.model.as_deref().map_or(String::new(), |model| format!(" for {}", clean_line(model)));
        let name = window_name(&window.window);
        let name = match name.split_once(' ') {
            Some((count, "h")) => format!("{count}-hour"),
            Some((count, "d")) => format!("{count}-day"),
            Some((count, "m")) => format!("{count}-minute"),
            _ => name,
        };
        text += &format!(" {name} limit{model} {} percent used.", percent(window.used));
    }
    for limit in &row.model_limits {
        let model = limit.model.as_deref().map(clean_line).unwrap_or_default();
        text += &format!(" {model} at its limit until {}.", times::at(now, limit.until));
    }
    text
}
