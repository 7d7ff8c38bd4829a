//! The format of a sealed file: LLXSEAL1 (`security.md` 3.2).
//!
//! Magic, key id, nonce, then the text under XChaCha20-Poly1305. Magic, key id and the name of the slot are
//! authenticated with it, so that a file copied over another account's does not open.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key_file::{KeyId, VaultKey};
use super::slot::Slot;

const MAGIC: &[u8; 8] = b"LLXSEAL1";
const NONCE: usize = 24;
const TAG: usize = 16;
const HEAD: usize = MAGIC.len() + size_of::<KeyId>() + NONCE;

/// Why a sealed file does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    /// It is no sealed file, or of another version.
    Format,
    /// It is too short to be whole.
    Short,
    /// It was changed, or sealed for another slot.
    Forged,
}

/// Seals a text for a slot; the nonce is new every time.
///
/// # Errors
/// When the system gives no random bytes.
pub(super) fn seal(key: &VaultKey, slot: &Slot, text: &[u8]) -> Result<Vec<u8>, getrandom::Error> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)?;
    Ok(seal_with(key, slot, text, nonce))
}

fn seal_with(key: &VaultKey, slot: &Slot, text: &[u8], nonce: [u8; NONCE]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new((&*key.sealing()).into());
    let payload = Payload { msg: text, aad: &bound_to(key.id(), slot) };
    let Ok(sealed) = cipher.encrypt(&XNonce::from(nonce), payload) else {
        unreachable!("XChaCha20-Poly1305 takes 256 GiB");
    };
    [MAGIC.as_slice(), &key.id(), &nonce, &sealed].concat()
}

/// Reads which key a sealed file needs.
///
/// # Errors
/// `Format` or `Short`.
pub(super) fn key_id(bytes: &[u8]) -> Result<KeyId, Unopened> {
    let magic = bytes.get(..MAGIC.len()).ok_or(Unopened::Short)?;
    if magic != MAGIC {
        return Err(Unopened::Format);
    }
    if bytes.len() < HEAD + TAG {
        return Err(Unopened::Short);
    }
    bytes.get(MAGIC.len()..).and_then(|rest| rest.first_chunk()).copied().ok_or(Unopened::Short)
}

/// Opens the sealed file of a slot with the key it names.
///
/// # Errors
/// Any of [`Unopened`].
pub(super) fn open(key: &VaultKey, slot: &Slot, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unopened> {
    let id = key_id(bytes)?;
    let (head, sealed) = bytes.split_at_checked(HEAD).ok_or(Unopened::Short)?;
    let nonce: [u8; NONCE] = head.last_chunk().copied().ok_or(Unopened::Short)?;
    let cipher = XChaCha20Poly1305::new((&*key.sealing()).into());
    let payload = Payload { msg: sealed, aad: &bound_to(id, slot) };
    cipher.decrypt(&XNonce::from(nonce), payload).map(Zeroizing::new).map_err(|_| Unopened::Forged)
}

fn bound_to(id: KeyId, slot: &Slot) -> Vec<u8> {
    [MAGIC.as_slice(), &id, &slot.binding()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(n: u8) -> VaultKey {
        VaultKey::new(Zeroizing::new([n; 32]))
    }

    fn login(account: &str) -> Slot {
        Slot::Login(account.parse().unwrap())
    }

    const TEXT: &[u8] = br#"{"access_token":"canary-access","expiry":1}"#;

    /// Checked against the layout with the cipher called by hand.
    #[test]
    fn the_layout_is_magic_key_id_nonce_and_sealed_text() {
        let (key, slot) = (key(7), login("anthropic:Work@x.com"));
        let bytes = seal_with(&key, &slot, TEXT, [9; 24]);
        assert_eq!(bytes.len(), 40 + TEXT.len() + 16);
        assert_eq!(&bytes[..8], b"LLXSEAL1");
        assert_eq!(bytes[8..16], key.id());
        assert_eq!(bytes[16..40], [9; 24]);
        let mut aad = b"LLXSEAL1".to_vec();
        aad.extend(key.id());
        aad.extend(b"tokens\0anthropic\0Work@x.com");
        let by_hand = XChaCha20Poly1305::new((&*key.sealing()).into())
            .encrypt(&XNonce::from([9; 24]), Payload { msg: TEXT, aad: &aad })
            .unwrap();
        assert_eq!(bytes[40..], by_hand);
    }

    #[test]
    fn what_was_sealed_opens_and_no_two_files_are_alike() {
        let (key, slot) = (key(7), login("codex:default"));
        let one = seal(&key, &slot, TEXT).unwrap();
        assert_eq!(&**open(&key, &slot, &one).unwrap(), TEXT);
        assert_eq!(key_id(&one).unwrap(), key.id());
        let other = seal(&key, &slot, TEXT).unwrap();
        assert_ne!(one[16..40], other[16..40]);
        assert_ne!(one[40..], other[40..]);
    }

    #[test]
    fn a_file_of_another_account_kind_or_case_does_not_open() {
        let (key, slot) = (key(7), login("codex:work"));
        let bytes = seal(&key, &slot, TEXT).unwrap();
        let others = [
            login("codex:other"),
            login("codex:Work"),
            login("qwen:work"),
            Slot::Key("work".parse().unwrap()),
            Slot::Key("codex".parse().unwrap()),
        ];
        for other in others {
            assert_eq!(open(&key, &other, &bytes).unwrap_err(), Unopened::Forged, "{other}");
        }
        let saved = Slot::Key("work".parse().unwrap());
        let bytes = seal(&key, &saved, TEXT).unwrap();
        assert_eq!(open(&key, &slot, &bytes).unwrap_err(), Unopened::Forged);
    }

    #[test]
    fn another_key_does_not_open_it_even_under_the_same_id() {
        let slot = login("codex:work");
        let mut bytes = seal(&key(7), &slot, TEXT).unwrap();
        assert_eq!(open(&key(8), &slot, &bytes).unwrap_err(), Unopened::Forged);
        bytes[8..16].copy_from_slice(&key(8).id());
        assert_eq!(open(&key(8), &slot, &bytes).unwrap_err(), Unopened::Forged);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let (key, slot) = (key(7), login("codex:work"));
        let whole = seal(&key, &slot, TEXT).unwrap();
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[place] ^= 1 << bit;
                assert!(open(&key, &slot, &flipped).is_err(), "bit {bit} of byte {place}");
            }
        }
        for cut in 0..whole.len() {
            assert!(open(&key, &slot, &whole[..cut]).is_err(), "cut at {cut}");
        }
        let longer = [whole.as_slice(), b"x"].concat();
        assert_eq!(open(&key, &slot, &longer).unwrap_err(), Unopened::Forged);
    }

    #[test]
    fn another_version_is_told_from_a_damaged_file() {
        let (key, slot) = (key(7), login("codex:work"));
        let mut bytes = seal(&key, &slot, TEXT).unwrap();
        bytes[7] = b'2';
        assert_eq!(open(&key, &slot, &bytes).unwrap_err(), Unopened::Format);
        assert_eq!(open(&key, &slot, b"{\"v\":2}").unwrap_err(), Unopened::Short);
        assert_eq!(open(&key, &slot, b"LLXSEAL1 and a little").unwrap_err(), Unopened::Short);
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let bytes = seal(&key(1), &login("a:b"), &text).unwrap();
            prop_assert_eq!(&**open(&key(1), &login("a:b"), &bytes).unwrap(), &text[..]);
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_open(head in any::<bool>(), noise in proptest::collection::vec(any::<u8>(), 0..300)) {
            let bytes = if head { [MAGIC.as_slice(), &key(1).id(), &noise].concat() } else { noise };
            prop_assert!(open(&key(1), &login("a:b"), &bytes).is_err());
        }
    }
}
