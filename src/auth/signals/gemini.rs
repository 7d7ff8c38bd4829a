//! Google: `google.rpc.Status` with details. Its quotas are per model.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde_json::Value;

use super::Case;
use super::wait::{after, duration, time};
use crate::auth::failover::{Outcome, Scope};

/// A wait longer than this, in seconds, is not waited out with the same account.
const SHORT: f64 = 10.0;

/// A wait longer than this, in seconds, is a quota and no burst.
const LONG: f64 = 300.0;

/// Judges what the status alone does not tell.
pub(super) fn judge(case: &Case) -> Option<Outcome> {
    let info = Info::of(case);
    match case.status {
        429 => Some(too_many(case, &info)),
        // A bad key is a 400 here.
        400 if info.reason == "API_KEY_INVALID" => Some(Outcome::Unauthorized { reason: case.reason() }),
        403 if info.reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" => Some(case.revoked()),
        403 if info.reason == "VALIDATION_REQUIRED" => Some(validation(case)),
        403 if info.reason == "SERVICE_DISABLED" => Some(case.refused()),
        499 => Some(case.unavailable()),
        _ => None,
    }
}

fn too_many(case: &Case, info: &Info) -> Outcome {
    let told = info.wait.or_else(|| case.fault.wait_in_words());
    let until = || {
        let stamp = time(&info.reset_stamp, case.now);
        let delay = || after(duration(&info.reset_delay)?, case.now);
        stamp.or_else(delay).or_else(|| after(told?, case.now)).or_else(|| case.asked_until())
    };
    match info.reason.as_str() {
        "QUOTA_EXHAUSTED" | "INSUFFICIENT_G1_CREDITS_BALANCE" | "MODEL_CAPACITY_EXHAUSTED" => {
            return case.quota(Scope::Model, until(), "quota of this model");
        }
        _ => {}
    }
    if case.fault.says("limit: 0") {
        return case.not_covered();
    }
    let daily = |id: &String| id.contains("PerDay") || id.contains("Daily");
    if info.quota_ids.iter().any(daily) {
        return case.quota(Scope::Model, Some(pacific_midnight(case.now)), "daily limit");
    }
    // A limit that is named and ends later than a burst is waited out (design 4.10).
    let minutely = info.quota_ids.iter().any(|id| id.contains("PerMinute"));
    if minutely && told.is_some_and(|seconds| seconds > SHORT) {
        return case.quota(Scope::Model, until(), "limit per minute");
    }
    if told.is_some_and(|seconds| seconds > LONG) {
        return case.quota(Scope::Model, until(), "quota of this model");
    }
    let retry_after = case.retry_after().or_else(|| info.wait.and_then(super::wait::millis));
    Outcome::Burst { scope: Scope::Model, retry_after, why: "too many requests".to_owned() }
}

/// The person has to follow a link; it belongs to what is told.
fn validation(case: &Case) -> Outcome {
    let links = case.fault.details.iter().filter(|detail| is(detail, "Help"));
    let link = links.filter_map(|help| help["links"][0]["url"].as_str()).next();
    let reason = match link {
        Some(link) => format!("{} {link}", case.reason()),
        None => case.reason(),
    };
    Outcome::Refused { status: Some(case.status), reason }
}

/// What the details say.
#[derive(Default)]
struct Info {
    reason: String,
    reset_stamp: String,
    reset_delay: String,
    /// `RetryInfo`, in seconds.
    wait: Option<f64>,
    quota_ids: Vec<String>,
}

impl Info {
    fn of(case: &Case) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut info = Self::default();
        for detail in &case.fault.details {
            if is(detail, "ErrorInfo") {
                info.reason = text(&detail["reason"]);
                info.reset_stamp = text(&detail["metadata"]["quotaResetTimeStamp"]);
                info.reset_delay = text(&detail["metadata"]["quotaResetDelay"]);
            } else if is(detail, "RetryInfo") {
                info.wait = detail["retryDelay"].as_str().and_then(duration);
            } else if is(detail, "QuotaFailure") {
                let violations = detail["violations"].as_array();
                info.quota_ids =
                    violations.into_iter().flatten().map(|violation| text(&violation["quotaId"])).collect();
            }
        }
        info
    }
}

fn is(detail: &Value, kind: &str) -> bool {
    detail["@type"].as_str().is_some_and(|name| name.rsplit('.').next() == Some(kind))
}

/// Returns the next midnight in California, where Google's days begin.
fn pacific_midnight(now: i64) -> i64 {
    let day = |at: i64| chrono::DateTime::from_timestamp(at, 0).map(|date| date.date_naive()).unwrap_or_default();
    let midnight = |date: NaiveDate| {
        let hours = if summer(date) { 7 } else { 8 };
        date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() + hours * 3600
    };
    let yesterday = day(now - 24 * 3600);
    let candidates = (0..4).filter_map(|n| yesterday.checked_add_days(Days::new(n))).map(midnight);
    candidates.into_iter().find(|&at| at > now).unwrap_or(now + 24 * 3600)
}

/// Returns whether a Californian day begins in summer time: from the second Sunday of March to the first of November
/// at two o'clock (15 U.S.C. 260a), so those two Sundays begin as the days before them.
fn summer(date: NaiveDate) -> bool {
    let sunday = |month, nth| NaiveDate::from_weekday_of_month_opt(date.year(), month, Weekday::Sun, nth);
    sunday(3, 2).is_some_and(|start| date > start) && sunday(11, 1).is_some_and(|end| date <= end)
}

#[cfg(test)]
mod tests {
    use super::pacific_midnight;

    #[test]
    fn googles_day_ends_at_midnight_in_california_in_summer_and_winter() {
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp();
        for (now, next) in [
            ("2026-11-23T19:11:00Z", "2026-11-24T08:00:00Z"),
            ("2026-11-24T07:59:59Z", "2026-11-24T08:00:00Z"),
            ("2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"),
            ("2026-07-01T06:59:59Z", "2026-07-01T07:00:00Z"),
            ("2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"),
            // 2026-03-08 and 2026-11-01 are the days of change.
            ("2026-03-07T12:00:00Z", "2026-03-08T08:00:00Z"),
            ("2026-03-08T12:00:00Z", "2026-03-09T07:00:00Z"),
            ("2026-10-31T12:00:00Z", "2026-11-01T07:00:00Z"),
            ("2026-11-01T12:00:00Z", "2026-11-02T08:00:00Z"),
        ] {
            assert_eq!(pacific_midnight(at(now)), at(next), "{now}");
        }
    }
}
