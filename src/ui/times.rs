//! Times as they are shown: relative and rounded to two units, then absolute in local time.

use chrono::{DateTime, Datelike as _, Local, TimeZone as _};

/// Returns a duration in seconds, rounded to two units: `1 h 12 m`, `26 d`, `40 s`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} m"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} m"),
        (d, h, _) if d < 3 && h > 0 => format!("{d} d {h} h"),
        (d, h, _) => format!("{} d", d + h / 12),
    }
}

/// Returns a time of day, with the day where it is not today: `16:05`, `Wednesday 09:00`, `19 Dec`.
pub fn at(now: i64, then: i64) -> String {
    let (Some(now), Some(then)) = (local(now), local(then)) else { return "an unknown time".into() };
    let days = (then.date_naive() - now.date_naive()).num_days();
    match days {
        0 => then.format("%H:%M").to_string(),
        1..=6 => then.format("%A %H:%M").to_string(),
        -1 => then.format("yesterday %H:%M").to_string(),
        _ if then.year() == now.year() => then.format("%-d %b").to_string(),
        _ => then.format("%-d %b %Y").to_string(),
    }
}

/// Returns both: `26 d (19 Dec)`.
pub fn both(now: i64, then: i64) -> String {
    format!("{} ({})", span(then - now), at(now, then))
}

/// Returns a time of [`rfc3339`] as the clock here shows it, to the second: `2026-11-23 14:48:05`.
pub fn stamp(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string())
}

/// Returns RFC 3339 in UTC, for machines.
pub fn rfc3339(seconds: i64) -> Option<String> {
    let time = chrono::Utc.timestamp_opt(seconds, 0).single()?;
    Some(time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

fn local(seconds: i64) -> Option<DateTime<Local>> {
    Local.timestamp_opt(seconds, 0).single()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let shown = [0, 59, 60, 3599, 3600, 4320, 90_000, 26 * 86_400 + 5, 28 * 86_400 - 1].map(span);
        assert_eq!(shown, ["0 s", "59 s", "1 m", "59 m", "1 h", "1 h 12 m", "1 d 1 h", "26 d", "28 d"]);
    }

    #[test]
    fn machines_get_utc() {
        assert_eq!(rfc3339(1_790_000_000).as_deref(), Some("2026-09-21T14:13:20Z"));
        assert_eq!(rfc3339(i64::MAX), None);
    }
}
