//! Reads what a provider's answer means for the account: the outcome for the failover plan, and the windows of its
//! limits. One file per family of providers. Codes decide where there are codes; a provider's sentence decides only
//! where nothing else tells two cases apart, and is handed on as it came.

mod anthropic;
mod fault;
mod gemini;
mod openai;
mod openrouter;
mod qwen;
mod usage;
mod wait;

use llxprt_commands::Provider;

use self::fault::Fault;
pub use self::usage::usage;
use self::wait::{Headers, retry_after};
use crate::auth::failover::{Outcome, Scope};
use crate::vault::Window;

/// Providers that answer alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Anthropic's Messages API.
    Anthropic,
    /// OpenAI's, ChatGPT's and what is compatible with them.
    OpenAi,
    /// Google's.
    Gemini,
    /// Alibaba's.
    Qwen,
    /// OpenRouter's.
    OpenRouter,
}

impl Family {
    /// Returns the family of a provider: by its name, else by its dialect.
    pub fn of(provider: &Provider, dialect: &str) -> Self {
        match (provider.as_str(), dialect) {
            ("qwen", _) => Self::Qwen,
            ("openrouter", _) => Self::OpenRouter,
            (_, "anthropic-messages") => Self::Anthropic,
            (_, "gemini" | "code-assist") => Self::Gemini,
            _ => Self::OpenAi,
        }
    }
}

/// An answer that is to be judged, or an error inside a stream that began with status 200.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Who answers.
    pub family: Family,
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body, or the data of an error event; empty for an answer that went well.
    pub body: &'a [u8],
    /// The time in Unix seconds.
    pub now: i64,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// For the failover plan.
    pub outcome: Outcome,
    /// The windows that it tells of.
    pub windows: Vec<Window>,
    /// The provider's words, unclean; empty where it says nothing.
    pub said: String,
}

/// Judges an answer.
pub fn read(answer: &Answer<'_>) -> Signal {
    let fault = Fault::read(answer);
    let windows = windows(answer.family, answer.headers, answer.now);
    let mut case =
        Case { headers: Headers::new(answer.headers, &fault.headers), fault, status: answer.status, now: answer.now };
    if (200..300).contains(&case.status) {
        if !case.fault.plain {
            return Signal { outcome: Outcome::Answered, windows, said: String::new() };
        }
        case.status = case.fault.status().unwrap_or(500);
    }
    let special = match answer.family {
        Family::Anthropic => anthropic::judge(&case),
        Family::OpenAi => openai::judge(&case),
        Family::Gemini => gemini::judge(&case),
        Family::Qwen => qwen::judge(&case),
        Family::OpenRouter => openrouter::judge(&case),
    };
    let outcome = special.unwrap_or_else(|| case.by_status());
    Signal { outcome, windows, said: case.fault.message }
}

/// Reads the windows that the headers of any answer tell of.
pub fn windows(family: Family, headers: &[(&str, &str)], now: i64) -> Vec<Window> {
    let headers = Headers::new(headers, &[]);
    match family {
        Family::Anthropic => anthropic::windows(&headers, now),
        Family::OpenAi => openai::windows(&headers, now),
        Family::Gemini | Family::Qwen | Family::OpenRouter => Vec::new(),
    }
}

/// An answer taken apart.
struct Case {
    status: u16,
    headers: Headers,
    fault: Fault,
    now: i64,
}

impl Case {
    /// What the status alone means.
    fn by_status(&self) -> Outcome {
        match self.status {
            401 => Outcome::Unauthorized { reason: self.reason() },
            402 => self.quota(Scope::Account, None, "out of credit"),
            403 if self.fault.says("revoked") => self.revoked(),
            403 if self.plan_in_words() => self.not_covered(),
            429 => self.burst(Scope::Account),
            // Credentials do not follow a redirect (security 5.2).
            300..400 => {
                let to = self.headers.get("location").unwrap_or("nowhere");
                Outcome::Refused { status: Some(self.status), reason: format!("the answer points elsewhere: {to}") }
            }
            400..500 => self.refused(),
            _ => self.unavailable(),
        }
    }

    fn reason(&self) -> String {
        if self.fault.message.is_empty() { format!("status {}", self.status) } else { self.fault.message.clone() }
    }

    fn refused(&self) -> Outcome {
        Outcome::Refused { status: Some(self.status), reason: self.reason() }
    }

    fn revoked(&self) -> Outcome {
        Outcome::Revoked { reason: self.reason() }
    }

    fn not_covered(&self) -> Outcome {
        Outcome::NotCovered { reason: self.reason() }
    }

    fn unavailable(&self) -> Outcome {
        Outcome::Unavailable { status: Some(self.status), retry_after: self.retry_after(), reason: self.reason() }
    }

    fn burst(&self, scope: Scope) -> Outcome {
        Outcome::Burst { scope, retry_after: self.retry_after(), why: "too many requests".to_owned() }
    }

    fn quota(&self, scope: Scope, until: Option<i64>, why: &str) -> Outcome {
        Outcome::Quota { scope, until, why: why.to_owned() }
    }

    /// What is asked for in a header, else in the sentence, in milliseconds.
    fn retry_after(&self) -> Option<u64> {
        retry_after(&self.headers, self.now).or_else(|| self.fault.wait_in_words().and_then(wait::millis))
    }

    /// The same as a time in Unix seconds.
    fn asked_until(&self) -> Option<i64> {
        let millis = retry_after(&self.headers, self.now)?;
        i64::try_from(millis.div_ceil(1000)).ok().map(|seconds| self.now + seconds)
    }

    /// Where no code tells why a 403 came, the sentence has to.
    fn plan_in_words(&self) -> bool {
        ["subscription", "upgrade", "your plan", "current plan", "licen"].iter().any(|word| self.fault.says(word))
    }
}

#[cfg(test)]
mod tests;
