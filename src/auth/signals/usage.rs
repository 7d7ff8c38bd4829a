//! Windows from the documents that providers give when asked for usage (manifest `usage_url`).

use serde_json::Value;

use super::Family;
use super::wait::{after, time, window_name};
use crate::vault::Window;

/// Reads a usage document. What is not understood is left out: these documents grow new members often.
pub fn usage(family: Family, body: &[u8], now: i64) -> Vec<Window> {
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return Vec::new() };
    match family {
        Family::Anthropic => anthropic(&document, now),
        Family::OpenAi => openai(&document, now),
        Family::Gemini => gemini(&document, now),
        Family::OpenRouter => openrouter(&document),
        Family::Qwen => Vec::new(),
    }
}

/// `/api/oauth/usage`: percent here, where the headers have fractions.
fn anthropic(document: &Value, now: i64) -> Vec<Window> {
    let one = |(name, value): (&String, &Value)| {
        let (window, rest) = match name.strip_prefix("five_hour") {
            Some(rest) => ("5h", rest),
            None => ("7d", name.strip_prefix("seven_day")?),
        };
        let used = value["utilization"].as_f64()? / 100.0;
        let resets_at = value["resets_at"].as_str().and_then(|text| time(text, now));
        let model = rest.strip_prefix('_').map(str::to_owned);
        Some(Window { window: window.to_owned(), model, used, resets_at })
    };
    document.as_object().map(|members| members.iter().filter_map(one).collect()).unwrap_or_default()
}

/// `/wham/usage`, and the event `codex.rate_limits`, which has the same under other names.
fn openai(document: &Value, now: i64) -> Vec<Window> {
    let both = |limit: &Value, model: Option<&str>| -> Vec<Window> {
        let one = |which: &str| {
            let window = &limit[which];
            let used = window["used_percent"].as_f64()? / 100.0;
            let minutes = || window["window_minutes"].as_u64();
            let minutes = window["limit_window_seconds"].as_u64().map(|seconds| seconds / 60).or_else(minutes)?;
            let at = window["reset_at"].as_i64().and_then(|at| time(&at.to_string(), now));
            let resets_at = at.or_else(|| after(window["reset_after_seconds"].as_f64()?, now));
            Some(Window { window: window_name(minutes), model: model.map(str::to_owned), used, resets_at })
        };
        ["primary_window", "secondary_window", "primary", "secondary"].into_iter().filter_map(one).collect()
    };
    let mut windows = both(&document["rate_limit"], None);
    windows.extend(both(&document["rate_limits"], None));
    for more in document["additional_rate_limits"].as_array().into_iter().flatten() {
        let name = more["limit_name"].as_str().or(more["metered_feature"].as_str());
        windows.extend(name.map(|name| both(&more["rate_limit"], Some(name))).unwrap_or_default());
    }
    windows
}

/// `/api/v1/key`: what is left of the credit that the key may use; without a limit there is no window.
fn openrouter(document: &Value) -> Vec<Window> {
    let number = |name: &str| document["data"][name].as_f64().filter(|n| *n >= 0.0);
    let one = |limit: f64, left: f64| {
        let used = (1.0 - left / limit).clamp(0.0, 1.0);
        Window { window: "credit".to_owned(), model: None, used, resets_at: None }
    };
    number("limit")
        .filter(|limit| *limit > 0.0)
        .zip(number("limit_remaining"))
        .map(|(l, r)| one(l, r))
        .into_iter()
        .collect()
}

/// `:retrieveUserQuota`: a fraction that remains, for each model, without the length of a window.
fn gemini(document: &Value, now: i64) -> Vec<Window> {
    let one = |bucket: &Value| {
        let remains = bucket["remainingFraction"].as_f64()?;
        let resets_at = bucket["resetTime"].as_str().and_then(|text| time(text, now));
        let model = bucket["modelId"].as_str().map(str::to_owned);
        Some(Window { window: "quota".to_owned(), model, used: 1.0 - remains, resets_at })
    };
    document["buckets"].as_array().into_iter().flatten().filter_map(one).collect()
}
