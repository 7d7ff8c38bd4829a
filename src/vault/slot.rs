//! Which secret: its place among the sealed files, its name in the keyring, its lock.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use llxprt_commands::{Account, KeyName};

/// The place of one secret: the login of an account, or a saved API key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// The tokens of a login.
    Login(Account),
    /// A saved API key.
    Key(KeyName),
}

/// The folder of sealed files below the data folder.
pub(super) const STORE: &str = "secure-store";
/// The folder of locks below the data folder.
pub(super) const LOCKS: &str = "locks";
/// The folder of logins in [`STORE`], and what binds a sealed text to being one.
pub(super) const LOGINS: &str = "tokens";
/// The same for API keys.
pub(super) const KEYS: &str = "keys";
/// The keyring's service name of logins, as LLxprt Code has it.
pub(super) const LOGIN_SERVICE: &str = "llxprt-code-oauth";
/// The keyring's service name of API keys, as LLxprt Code has it.
pub(super) const KEY_SERVICE: &str = "llxprt-code-provider-keys";
/// No provider can be called so: the locks of API keys cannot meet those of accounts.
const KEY_LOCKS: &str = "_keys";
const SEALED: &str = ".sealed";

impl Slot {
    /// The sealed file, relative to the data folder.
    pub(super) fn file(&self) -> PathBuf {
        let (folder, name) = match self {
            Self::Login(account) => (login_folder(account.provider.as_str()), account.bucket.as_str()),
            Self::Key(name) => (Path::new(STORE).join(KEYS), name.as_str()),
        };
        folder.join(encode(name) + SEALED)
    }

    /// The lock file, relative to a data folder.
    pub(super) fn lock(&self) -> PathBuf {
        let (folder, name) = match self {
            Self::Login(account) => (encode(account.provider.as_str()), account.bucket.as_str()),
            Self::Key(name) => (KEY_LOCKS.to_owned(), name.as_str()),
        };
        Path::new(LOCKS).join(folder).join(encode(name) + ".lock")
    }

    /// What a sealed text is bound to after magic and key id (`security.md` 3.2).
    pub(super) fn binding(&self) -> Vec<u8> {
        let (kind, provider, name) = match self {
            Self::Login(account) => (LOGINS, account.provider.as_str(), account.bucket.as_str()),
            Self::Key(name) => (KEYS, "", name.as_str()),
        };
        [kind, "\0", provider, "\0", name].concat().into_bytes()
    }

    /// Service and account name in the keyring.
    pub(super) fn entry(&self) -> (&'static str, String) {
        match self {
            Self::Login(account) => (LOGIN_SERVICE, account.to_string()),
            Self::Key(name) => (KEY_SERVICE, name.to_string()),
        }
    }

    /// Finds the slot whose sealed file has this name, in the folder of a provider's logins or of the keys.
    pub(super) fn of_file(provider: Option<&str>, file: &str) -> Option<Self> {
        let name = decode(file.strip_suffix(SEALED)?)?;
        match provider {
            Some(folder) => {
                let provider = decode(folder)?.parse().ok()?;
                Some(Self::Login(Account { provider, bucket: name.parse().ok()? }))
            }
            None => Some(Self::Key(name.parse().ok()?)),
        }
    }
}

/// The folder of a provider's sealed logins, relative to the data folder.
fn login_folder(provider: &str) -> PathBuf {
    Path::new(STORE).join(LOGINS).join(encode(provider))
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login(account) => account.fmt(f),
            Self::Key(name) => write!(f, "the key {name}"),
        }
    }
}

fn stays(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'@' | b'+' | b'-')
}

/// Writes a name so that no two share a file on disks that ignore case, and none is a device on Windows.
pub(super) fn encode(name: &str) -> String {
    let device = is_device(name.split('.').next().unwrap_or_default());
    let mut out = String::with_capacity(name.len());
    for (place, byte) in name.bytes().enumerate() {
        if stays(byte) && !(device && place == 0) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Reads what [`encode`] wrote, and nothing else.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(tail.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = tail.get(2..)?;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    let name = String::from_utf8(bytes).ok()?;
    (encode(&name) == text).then_some(name)
}

/// Upper case needs no care: every upper-case letter is encoded anyway.
fn is_device(stem: &str) -> bool {
    match stem {
        "con" | "prn" | "aux" | "nul" => true,
        _ => {
            let port = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
            port.is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn login(account: &str) -> Slot {
        Slot::Login(account.parse().unwrap())
    }

    #[test]
    fn sealed_files_and_locks_lie_where_the_contract_says() {
        let slot = login("anthropic:work@company.com");
        assert_eq!(slot.file(), Path::new("secure-store/tokens/anthropic/work@company.com.sealed"));
        assert_eq!(slot.lock(), Path::new("locks/anthropic/work@company.com.lock"));
        assert_eq!(slot.entry(), ("llxprt-code-oauth", "anthropic:work@company.com".to_owned()));
        let key = Slot::Key("openai".parse().unwrap());
        assert_eq!(key.file(), Path::new("secure-store/keys/openai.sealed"));
        assert_eq!(key.lock(), Path::new("locks/_keys/openai.lock"));
        assert_eq!(key.entry(), ("llxprt-code-provider-keys", "openai".to_owned()));
    }

    #[test]
    fn the_binding_has_kind_provider_and_name() {
        assert_eq!(login("codex:Work").binding(), b"tokens\0codex\0Work");
        assert_eq!(Slot::Key("Work".parse().unwrap()).binding(), b"keys\0\0Work");
    }

    #[test]
    fn upper_case_is_encoded_so_that_two_buckets_stay_two_on_any_disk() {
        assert_eq!(encode("Work@x.com"), "%57ork@x.com");
        assert_eq!(encode("JOE"), "%4A%4F%45");
        let names = ["work", "Work", "WORK", "wOrk"];
        let folded: BTreeSet<_> = names.iter().map(|n| encode(n).to_lowercase()).collect();
        assert_eq!(folded.len(), names.len());
    }

    #[test]
    fn names_that_windows_reserves_are_encoded_at_their_first_letter() {
        for (name, file) in [
            ("con", "%63on"),
            ("con.txt", "%63on.txt"),
            ("nul.a.b", "%6Eul.a.b"),
            ("com1", "%63om1"),
            ("lpt9.x", "%6Cpt9.x"),
            ("com0", "%63om0"),
            ("prn", "%70rn"),
            ("aux", "%61ux"),
            ("CON", "%43%4F%4E"),
        ] {
            assert_eq!(encode(name), file);
        }
        for harmless in ["console", "com", "com10", "lpt", "x.con", "null", "com1x"] {
            assert_eq!(encode(harmless), harmless);
        }
        assert_eq!(login("con:nul").file(), Path::new("secure-store/tokens/%63on/%6Eul.sealed"));
    }

    #[test]
    fn what_could_lead_elsewhere_is_encoded() {
        assert_eq!(encode("../a\\b:c\0d e"), "..%2Fa%5Cb%3Ac%00d%20e");
        assert_eq!(encode("é"), "%C3%A9");
        assert_eq!(encode("100%"), "100%25");
        // The suffix keeps a trailing dot, which Windows would drop, from standing at the end.
        assert_eq!(login("qwen:a.").file(), Path::new("secure-store/tokens/qwen/a..sealed"));
    }

    #[test]
    fn the_longest_name_fits_a_file_name_with_its_temporary_one() {
        let name = "Z".repeat(64);
        assert!(encode(&name).len() + ".sealed".len() + "..12345678.tmp".len() <= 255);
    }

    #[test]
    fn only_the_one_right_spelling_of_a_file_is_read_back() {
        assert_eq!(Slot::of_file(Some("anthropic"), "%57ork.sealed"), Some(login("anthropic:Work")));
        assert_eq!(Slot::of_file(Some("%63on"), "a.sealed"), Some(login("con:a")));
        assert_eq!(Slot::of_file(None, "openai.sealed"), Some(Slot::Key("openai".parse().unwrap())));
        for wrong in ["Work.sealed", "%57ork", "%57or%6b.sealed", "%6B.sealed", "%4a.sealed", "%.sealed", ".sealed"] {
            assert_eq!(Slot::of_file(Some("anthropic"), wrong), None, "{wrong}");
        }
        assert_eq!(Slot::of_file(Some("con"), "a.sealed"), None);
        assert_eq!(Slot::of_file(Some("anthropic"), "%2E%2E.sealed"), None);
    }

    proptest! {
        #[test]
        fn every_bucket_comes_back_from_its_file_and_no_two_share_one(a in "[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,63}", b in "[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,63}") {
            prop_assume!(!a.eq_ignore_ascii_case("all") && !b.eq_ignore_ascii_case("all"));
            let (one, other) = (login(&format!("qwen:{a}")), login(&format!("qwen:{b}")));
            let file = one.file().file_name().unwrap().to_str().unwrap().to_owned();
            prop_assert_eq!(Slot::of_file(Some("qwen"), &file), Some(one));
            let other = other.file().file_name().unwrap().to_str().unwrap().to_owned();
            prop_assert_eq!(a == b, file.eq_ignore_ascii_case(&other));
        }

        #[test]
        fn decoding_never_panics(text in ".{0,80}") {
            let _ = Slot::of_file(Some(&text), &text);
            let _ = Slot::of_file(None, &format!("{text}.sealed"));
        }
    }
}
