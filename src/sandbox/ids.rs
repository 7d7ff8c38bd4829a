//! Tokens, codes and ids: random, or repeatable from a seed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// A source of values that nobody can guess, or that repeat from run to run.
#[derive(Debug)]
pub(super) struct Ids {
    seed: [u8; 32],
    made: u64,
}

impl Ids {
    /// Starts a source of its own for each provider.
    pub(super) fn new(seed: Option<u64>, provider: &str) -> Self {
        let mut bytes = [0; 32];
        match seed {
            Some(seed) => bytes = hash(&[b"seed", &seed.to_be_bytes(), provider.as_bytes()]),
            // No randomness from the system: the provider's name and the place in memory have to do.
            None => {
                if getrandom::fill(&mut bytes).is_err() {
                    bytes = hash(&[provider.as_bytes(), &(&raw const bytes).addr().to_be_bytes()]);
                }
            }
        }
        Self { seed: bytes, made: 0 }
    }

    /// Returns 32 bytes that were never returned before.
    fn bytes(&mut self) -> [u8; 32] {
        self.made += 1;
        hash(&[&self.seed, &self.made.to_be_bytes()])
    }

    /// Returns a text of letters, digits, `-` and `_`.
    pub(super) fn text(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&BASE64_URL_SAFE_NO_PAD.encode(self.bytes()));
        }
        text.truncate(length);
        text
    }

    /// Returns a text of capital letters and digits that people can tell apart.
    pub(super) fn spoken(&mut self, length: usize) -> String {
        const SET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        self.bytes().iter().take(length).map(|byte| char::from(SET[usize::from(*byte) % SET.len()])).collect()
    }

    /// Returns a random UUID.
    pub(super) fn uuid(&mut self) -> String {
        as_uuid(&self.bytes())
    }
}

/// Returns the same UUID for the same words.
pub(super) fn uuid_of(words: &[&str]) -> String {
    let parts: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    as_uuid(&hash(&parts))
}

/// Returns the same digits for the same words.
pub(super) fn digits_of(words: &[&str], length: usize) -> String {
    let parts: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    hash(&parts).iter().cycle().take(length).map(|byte| char::from(b'1' + byte % 9)).collect()
}

/// Returns BASE64URL(SHA256(verifier)), the S256 challenge of RFC 7636 4.2.
pub(super) fn challenge(verifier: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

fn as_uuid(bytes: &[u8; 32]) -> String {
    let mut b = *bytes;
    b[6] = b[6] & 0x0f | 0x40;
    b[8] = b[8] & 0x3f | 0x80;
    let hex: String = b[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_is_that_of_rfc_7636_appendix_b() {
        let made = challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(made, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_seed_repeats_and_no_seed_does_not() {
        assert_eq!(Ids::new(Some(7), "a").text(20), Ids::new(Some(7), "a").text(20));
        assert_ne!(Ids::new(Some(7), "a").text(20), Ids::new(Some(7), "b").text(20));
        assert_ne!(Ids::new(None, "a").text(20), Ids::new(None, "a").text(20));
    }
}
