//! Headers, and the many ways to write how long to wait.

use chrono::{DateTime, NaiveDateTime};

use crate::vault::Limit;

/// The longest wait that is believed, in seconds.
const LONGEST: i64 = Limit::LONGEST;

/// Headers by lower-case name. An empty one is as good as none: Codex sends such.
pub(super) struct Headers(Vec<(String, String)>);

impl Headers {
    /// Takes the headers of an answer, then those that came inside its body.
    pub(super) fn new(headers: &[(&str, &str)], more: &[(String, String)]) -> Self {
        let more = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let pair = |(name, value): (&str, &str)| (name.to_ascii_lowercase(), value.trim().to_owned());
        Self(headers.iter().copied().chain(more).map(pair).filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Returns a value; the name in lower case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Returns a number.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.get(name)?.parse().ok().filter(|n: &f64| n.is_finite())
    }

    /// Returns what stands between a prefix and a suffix of names, with the values.
    pub(super) fn between(&self, prefix: &str, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| {
            let middle = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
            (!middle.is_empty()).then_some((middle, value.as_str()))
        })
    }
}

/// Reads `retry-after-ms` or `retry-after` (RFC 9110 10.2.3), in milliseconds. A date that is over means now; what is
/// negative, unreadable or more than a month ahead is as good as nothing.
pub(super) fn retry_after(headers: &Headers, now: i64) -> Option<u64> {
    if let Some(asked) = headers.number("retry-after-ms") {
        return millis(asked / 1000.0);
    }
    let text = headers.get("retry-after")?;
    match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => u64::try_from((http_date(text)? - now).max(0))
            .ok()
            .map(|s| s * 1000)
            .filter(|ms| ms / 1000 <= LONGEST as u64),
    }
}

/// Turns believable seconds into milliseconds.
pub(super) fn millis(seconds: f64) -> Option<u64> {
    let believable = seconds.is_finite() && (0.0..=LONGEST as f64).contains(&seconds);
    believable.then_some((seconds * 1000.0).ceil() as u64)
}

/// Turns believable seconds from now into a time.
pub(super) fn after(seconds: f64, now: i64) -> Option<i64> {
    let believable = seconds.is_finite() && seconds > 0.0 && seconds <= LONGEST as f64;
    believable.then(|| now + seconds.ceil() as i64)
}

/// Reads a time of the near future: Unix seconds or milliseconds, or RFC 3339.
pub(super) fn time(text: &str, now: i64) -> Option<i64> {
    let at = match text.parse::<f64>() {
        // No second of this millennium has twelve digits.
        Ok(number) if number >= 1e11 => number / 1000.0,
        Ok(number) => number,
        Err(_) => DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis() as f64 / 1000.0,
    };
    after(at - now as f64, now)
}

/// The three forms of RFC 9110 5.6.7.
fn http_date(text: &str) -> Option<i64> {
    let naive = |form| NaiveDateTime::parse_from_str(text, form).ok().map(|date| date.and_utc().timestamp());
    let modern = DateTime::parse_from_rfc2822(text).ok().map(|date| date.timestamp());
    modern.or_else(|| naive("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| naive("%a %b %e %H:%M:%S %Y"))
}

/// Reads `161h39m41.3s`, `373.8ms`, `34.07s` in seconds.
pub(super) fn duration(text: &str) -> Option<f64> {
    let (mut rest, mut total) = (text, 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 0.001,
                "us" | "µs" => 0.000_001,
                "ns" => 0.000_000_001,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(total)
}

/// Finds a duration after some words of a sentence.
pub(super) fn seconds_after(sentence: &str, words: &str) -> Option<f64> {
    let lower = sentence.to_ascii_lowercase();
    let rest = &lower[lower.find(words)? + words.len()..];
    let word = rest.split_whitespace().next()?;
    duration(word.trim_end_matches(['.', ',', ';', ')']))
}

/// Writes the length of a window in minutes: `5h`, `7d`.
pub(super) fn window_name(minutes: u64) -> String {
    match minutes {
        m if m >= 1440 && m % 1440 == 0 => format!("{}d", m / 1440),
        m if m >= 60 && m % 60 == 0 => format!("{}h", m / 60),
        m => format!("{m}m"),
    }
}

/// Writes a limit by its window: `5-hour limit`.
pub(super) fn limit_name(window: &str) -> String {
    let unit = match window.chars().last() {
        Some('m') => "minute",
        Some('h') => "hour",
        Some('d') => "day",
        _ => return format!("{window} limit"),
    };
    format!("{}-{unit} limit", &window[..window.len() - 1])
}
