//! Reads what a person pasted as the answer to a login (RFC 6749 4.1.2).
//!
//! The text is not trusted: nothing of it is opened or contacted, no message repeats it, and a state in it is
//! compared before its code is used (RFC 6749 10.12).

mod address;

use oauth2::CsrfToken;

use self::address::Address;
use crate::error::Code;
use crate::secret::Secret;

/// The largest paste that is read, in bytes.
pub const LARGEST: usize = 16 * 1024;

/// What a person finds at the end of the way through the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// A page of the provider with a bare code (manifest `pasted_code = "code"`).
    Code,
    /// A page of the provider with `code#state` (manifest `pasted_code = "code#state"`).
    CodeAndState,
    /// No page: the browser ends at a loopback address that may not answer, and that address is the answer.
    Address,
}

/// What the login that waits would take for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Expect<'a> {
    /// What there is to copy.
    pub shows: Shows,
    /// The state is a segment of the redirect's path, not a parameter (manifest `state_in = "path"`).
    pub state_in_path: bool,
    /// The states of the attempts that wait now, in the caller's order.
    pub live: &'a [&'a str],
    /// The states of attempts that are over, in this session.
    pub earlier: &'a [&'a str],
    /// The provider has a device flow.
    pub device: bool,
}

/// A choice of the menu under the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Copy the link.
    Copy,
    /// Show the link as a QR code.
    Qr,
    /// Use a short code instead.
    Device,
    /// Explain what to paste.
    Help,
}

/// What the paste was.
#[derive(Debug, Clone, PartialEq)]
pub enum Pasted {
    /// An answer that can be exchanged.
    Answer {
        /// The authorization code.
        code: Secret,
        /// The place in [`Expect::live`] of the attempt that it answers; absent for a bare code.
        attempt: Option<usize>,
        /// The other parameters of a pasted address, decoded: `iss` (RFC 9207) and what a provider adds.
        others: Vec<(String, String)>,
    },
    /// The provider's refusal (RFC 6749 4.1.2.1), in its own unclean words.
    Denied {
        /// The code of the error: `access_denied`.
        error: String,
        /// The provider's sentence.
        description: Option<String>,
        /// The attempt that it answers, where the address said so.
        attempt: Option<usize>,
    },
    /// A choice of the menu.
    Menu(Choice),
    /// Nothing was typed.
    Nothing,
    /// No answer; the login goes on waiting.
    Wrong {
        /// The stable code.
        code: Code,
        /// What to tell, without anything of the paste.
        message: &'static str,
    },
}

/// How a message ends where the login goes on waiting; left out where it ends.
pub const GOES_ON: [&str; 2] = [" The link above still works.", " Open the link above and try once more."];

const BIG: Pasted = wrong(
    Code::PasteBig,
    "That is more than 16 KiB, so it is not an answer to this sign-in. The link above still works.",
);
const NO_DEVICE: Pasted = wrong(Code::NoFlow, "This provider has no short code. The link above still works.");
const LINK: Pasted = wrong(
    Code::PasteLink,
    "That is the link to open, not the answer. Open it, approve, and paste what you are given then.",
);
const FIRST_HALF: Pasted = wrong(
    Code::PasteHalf,
    "That is the first half of the code. This provider's code has a # in the middle, and double-clicking stops \
     there. Copy the whole value. The link above still works.",
);
const SECOND_HALF: Pasted = wrong(
    Code::PasteHalf,
    "That is the second half of the code. Copy the whole value, with what is before the #. The link above still works.",
);
const CODE_ALONE: Pasted = wrong(
    Code::PasteHalf,
    "That is the code alone. Copy the whole address of the page that you were sent to. The link above still works.",
);
const BROKEN_OFF: Pasted =
    wrong(Code::PasteHalf, "That breaks off at the #. Copy it once more, to its very end. The link above still works.");
const CUT_ADDRESS: Pasted = wrong(
    Code::PasteHalf,
    "A part of that address is missing. Copy it whole, to its very end. The link above still works.",
);
const NO_ANSWER: Pasted = wrong(
    Code::Paste,
    "That address carries no answer. Finish in the browser, then copy the address of the page that comes last.",
);
const GARBLED: Pasted =
    wrong(Code::Paste, "That is not an answer to this sign-in. Copy it once more. The link above still works.");
const EARLIER: Pasted =
    wrong(Code::State, "That answer belongs to an earlier sign-in. Open the link above and try once more.");
const FOREIGN: Pasted =
    wrong(Code::State, "That answer belongs to another sign-in. Open the link above and try once more.");

const fn wrong(code: Code, message: &'static str) -> Pasted {
    Pasted::Wrong { code, message }
}

/// Reads a paste.
pub fn read(text: &str, expect: &Expect<'_>) -> Pasted {
    if text.len() > LARGEST {
        return BIG;
    }
    let text = tidy(text);
    match text.to_ascii_lowercase().as_str() {
        "" => return Pasted::Nothing,
        "c" => return Pasted::Menu(Choice::Copy),
        "qr" => return Pasted::Menu(Choice::Qr),
        "d" if expect.device => return Pasted::Menu(Choice::Device),
        "d" => return NO_DEVICE,
        "?" => return Pasted::Menu(Choice::Help),
        _ => {}
    }
    match Address::read(&text) {
        Some(address) => from_address(address, expect),
        None => from_code(&text, expect),
    }
}

/// Takes away what copying adds: marks of bracketed paste, line wraps, invisible characters, quotes and `<>` around.
fn tidy(text: &str) -> String {
    let text = text.replace("\x1b[200~", "").replace("\x1b[201~", "");
    let one_line: String = text.split(['\n', '\r']).map(str::trim).collect();
    let format = |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}');
    let invisible = |c: char| (c.is_control() && c != '\t') || format(c) || matches!(c, '\u{2060}'..='\u{2069}');
    let visible: String = one_line.chars().filter(|&c| !invisible(c)).collect();
    visible.trim_matches(|c: char| c.is_whitespace() || "\"'`<>“”‘’„«»‹›".contains(c)).to_owned()
}

/// Reads `code#state`, `code state` or a bare code.
fn from_code(text: &str, expect: &Expect<'_>) -> Pasted {
    let words: Vec<&str> = text.split_whitespace().collect();
    let joined = words.concat();
    let (code, state) = match (joined.split_once('#'), words.as_slice()) {
        (Some((code, state)), _) => (code, Some(state)),
        (None, [code]) => (*code, None),
        (None, [code, state]) => (*code, Some(*state)),
        (None, _) => return GARBLED,
    };
    let attempt = match state {
        _ if code.is_empty() => return SECOND_HALF,
        Some("") if expect.shows == Shows::CodeAndState => return FIRST_HALF,
        Some("") => return BROKEN_OFF,
        Some(state) => match attempt(&[state], expect) {
            Ok(attempt) => Some(attempt),
            // Two words of which the second is no state of ours are rather a slip than an attack.
            Err(FOREIGN) if !joined.contains('#') => return GARBLED,
            Err(wrong) => return wrong,
        },
        None => match expect.shows {
            Shows::Code => None,
            Shows::CodeAndState => return FIRST_HALF,
            Shows::Address => return CODE_ALONE,
        },
    };
    answer(address::decode(&code.replace('+', "%2B")), attempt, Vec::new())
}

fn from_address(address: Address, expect: &Expect<'_>) -> Pasted {
    if address.is_link() {
        return LINK;
    }
    if ["code", "state", "error"].iter().any(|name| address.repeats(name)) {
        return GARBLED;
    }
    let after_hash = address.after_hash.as_deref().filter(|_| expect.shows == Shows::CodeAndState);
    let states: Vec<&str> = match (expect.state_in_path, address.get("state").or(after_hash)) {
        (true, _) => address.path.iter().map(String::as_str).collect(),
        (false, state) => state.into_iter().collect(),
    };
    let attempt = match states.is_empty() {
        true => None,
        false => match attempt(&states, expect) {
            Ok(attempt) => Some(attempt),
            Err(wrong) => return wrong,
        },
    };
    if let Some(error) = address.get("error") {
        let description = address.get("error_description").map(str::to_owned);
        return Pasted::Denied { error: error.to_owned(), description, attempt };
    }
    let Some(code) = address.get("code").map(str::to_owned) else { return NO_ANSWER };
    if attempt.is_none() && expect.shows != Shows::Code {
        return if expect.shows == Shows::CodeAndState && !address.whole { FIRST_HALF } else { CUT_ADDRESS };
    }
    answer(code, attempt, address.others())
}

/// Finds the attempt that one of these states belongs to.
fn attempt(states: &[&str], expect: &Expect<'_>) -> Result<usize, Pasted> {
    let known = |among: &[&str]| states.iter().fold(None, |found, state| place(among, state).or(found));
    match (known(expect.live), known(expect.earlier)) {
        (Some(attempt), _) => Ok(attempt),
        (None, Some(_)) => Err(EARLIER),
        (None, None) => Err(FOREIGN),
    }
}

/// Compares with every state, in a time that tells neither which one was equal nor how far.
fn place(among: &[&str], state: &str) -> Option<usize> {
    let given = CsrfToken::new(state.to_owned());
    among.iter().enumerate().fold(
        None,
        |found, (at, one)| {
            if CsrfToken::new((*one).to_owned()) == given { Some(at) } else { found }
        },
    )
}

fn answer(code: String, attempt: Option<usize>, others: Vec<(String, String)>) -> Pasted {
    // RFC 6749 appendix A.11: a code is made of visible ASCII characters and blanks.
    if code.is_empty() || !code.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return GARBLED;
    }
    Pasted::Answer { code: Secret::new(code), attempt, others }
}

#[cfg(test)]
mod tests;
