//! Qwen and DashScope. Sources disagree on the status of a used-up quota (429 or 403), so the code decides on both;
//! no reset is told.

use super::Case;
use crate::auth::failover::{Outcome, Scope};

/// Judges what the status alone does not tell.
pub(super) fn judge(case: &Case) -> Option<Outcome> {
    let fault = &case.fault;
    match case.status {
        _ if fault.has(&["Arrearage", "PrepaidBillOverdue", "PostpaidBillOverdue"]) => {
            Some(case.quota(Scope::Account, None, "bill overdue"))
        }
        403 | 429 if fault.has(&["AllocationQuota.FreeTierOnly"]) => Some(case.not_covered()),
        403 | 429 if fault.has(&["insufficient_quota", "quota_exceeded"]) => {
            Some(case.quota(Scope::Account, case.asked_until(), "free quota"))
        }
        // An expired token is a 403 at times, without a code that says so.
        403 if fault.has(&["invalid_access_token", "token_expired"]) || fault.says("access token") => {
            Some(Outcome::Unauthorized { reason: case.reason() })
        }
        _ => None,
    }
}
