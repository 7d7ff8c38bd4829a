//! The vault key, `vault-ID.key`: 32 random bytes from which the sealing key is derived (`security.md` 3.3).

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::error::{Doing, VaultError, VaultErrorKind};
use crate::sys::files;

const FIRST_LINE: &str = "llxprt vault key v1";
/// A key file is 65 bytes long.
const BOUND: u64 = 4096;

/// The first eight bytes derived from a vault key: tells which key, and whether a key file is intact.
pub(super) type KeyId = [u8; 8];

/// A vault key. No `Debug`: it must not be seen.
pub(super) struct VaultKey {
    id: KeyId,
    key: Zeroizing<[u8; 32]>,
}

impl VaultKey {
    /// Takes over the bytes of a key.
    pub(super) fn new(key: Zeroizing<[u8; 32]>) -> Self {
        Self { id: *derive(&key, b"llxprt key id"), key }
    }

    /// Returns the id.
    pub(super) fn id(&self) -> KeyId {
        self.id
    }

    /// Derives the key of the AEAD.
    pub(super) fn sealing(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.key, b"llxprt seal")
    }
}

/// HKDF-SHA256 (RFC 5869) without salt.
fn derive<const N: usize>(key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    if Hkdf::<Sha256>::new(None, key).expand(info, &mut *out).is_err() {
        unreachable!("RFC 5869 2.3 allows 255 blocks of 32 bytes");
    }
    out
}

/// Returns the path of the file that holds the key with this id.
pub(super) fn path(data: &Path, id: KeyId) -> PathBuf {
    data.join(name(id))
}

fn name(id: KeyId) -> String {
    let mut name = String::from("vault-");
    for byte in id {
        let _ = write!(name, "{byte:02x}");
    }
    name + ".key"
}

/// Tells whether a file name is that of a key file, whole or not.
pub(super) fn is_key_file(name: &str) -> bool {
    name.strip_prefix("vault-").and_then(|rest| rest.strip_suffix(".key")).is_some()
}

/// Reads the key with this id.
///
/// # Errors
/// `Unreadable` when it is not there, `Damaged` when its bytes do not give the id.
pub(super) fn read(data: &Path, id: KeyId) -> Result<VaultKey, VaultError> {
    let path = path(data, id);
    match files::read_private(&path, BOUND).map_err(Doing::Read.failed(&path))? {
        Some(bytes) => parse(&path, &Zeroizing::new(bytes)),
        None => {
            let words = format!("The vault key {} is not there.", path.display());
            Err(VaultError::new(VaultErrorKind::Unreadable, words).at(&path))
        }
    }
}

/// Returns the key that new files are sealed with: the first whole one in byte order, made when there is none.
///
/// The caller holds the index lock. The notes name key files that were found damaged.
///
/// # Errors
/// Those of reading the folder and of writing the new key.
pub(super) fn first_or_new(data: &Path) -> Result<(VaultKey, Vec<String>), VaultError> {
    let mut notes = Vec::new();
    for path in list(data)? {
        let Some(bytes) = files::read_private(&path, BOUND).map_err(Doing::Read.failed(&path))? else { continue };
        match parse(&path, &Zeroizing::new(bytes)) {
            Ok(key) => return Ok((key, notes)),
            Err(damaged) => notes.push(format!("{} It is left as it is, and another is used.", damaged.message)),
        }
    }
    Ok((make(data)?, notes))
}

fn list(data: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let listing = match fs::read_dir(data) {
        Ok(listing) => listing,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(VaultError::file(Doing::Read, data, &e)),
    };
    let mut found = Vec::new();
    for item in listing {
        let item = item.map_err(Doing::Read.failed(data))?;
        if item.file_name().to_str().is_some_and(is_key_file) {
            found.push(item.path());
        }
    }
    found.sort();
    Ok(found)
}

fn make(data: &Path) -> Result<VaultKey, VaultError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(|e| {
        VaultError::new(VaultErrorKind::Io, format!("The system gave no random bytes for the vault key: {e}."))
    })?;
    let key = VaultKey::new(bytes);
    let path = path(data, key.id);
    let text = Zeroizing::new(format!("{FIRST_LINE}\n{}\n", *Zeroizing::new(STANDARD.encode(key.key.as_slice()))));
    files::write_private_new(&path, text.as_bytes()).map_err(Doing::Write.failed(&path))?;
    // What is on the disk counts, not what was meant to be there.
    read(data, key.id)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<VaultKey, VaultError> {
    let damaged = |why: &str| {
        let words = format!("The vault key {} is damaged: {why}.", path.display());
        VaultError::new(VaultErrorKind::Damaged, words).at(path)
    };
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is no text"))?;
    let (first, rest) = text.split_once('\n').ok_or_else(|| damaged("it is cut off"))?;
    if first != FIRST_LINE {
        return Err(damaged(&format!("its first line is not \"{FIRST_LINE}\"")));
    }
    let mut key = Zeroizing::new([0; 32]);
    let line = rest.strip_suffix('\n').unwrap_or(rest);
    let decoded = Zeroizing::new(STANDARD.decode(line).map_err(|_| damaged("its second line is no base64"))?);
    if decoded.len() != key.len() {
        return Err(damaged("its key is not 32 bytes long"));
    }
    key.copy_from_slice(&decoded);
    let key = VaultKey::new(key);
    if path.file_name().and_then(|n| n.to_str()) == Some(name(key.id).as_str()) {
        Ok(key)
    } else {
        Err(damaged("its bytes do not give the id in its name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed() -> VaultKey {
        VaultKey::new(Zeroizing::new([7; 32]))
    }

    fn text_of(key: &VaultKey) -> String {
        format!("llxprt vault key v1\n{}\n", STANDARD.encode(key.key.as_slice()))
    }

    fn put(data: &Path, key: &VaultKey) -> PathBuf {
        let path = path(data, key.id);
        files::write_private(&path, text_of(key).as_bytes()).unwrap();
        path
    }

    /// RFC 5869 with SHA-256, worked out step by step with another implementation.
    #[test]
    fn id_and_sealing_key_are_derived_as_written_down() {
        assert_eq!(name(fixed().id()), "vault-a1b75ccf19c401e0.key");
        assert_eq!(fixed().sealing()[..8], [184, 60, 101, 153, 242, 161, 113, 161]);
    }

    #[test]
    fn a_new_key_is_two_lines_in_a_private_file_and_is_used_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let (key, notes) = first_or_new(dir.path()).unwrap();
        let path = path(dir.path(), key.id());
        assert_eq!(fs::read_to_string(&path).unwrap(), text_of(&key));
        assert_eq!((first_or_new(dir.path()).unwrap().0.id(), notes), (key.id(), Vec::new()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap()) & 0o777, 0o600);
    }

    #[test]
    fn of_several_whole_keys_the_first_in_byte_order_seals_and_each_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let keys = [1, 2, 3].map(|n| VaultKey::new(Zeroizing::new([n; 32])));
        for key in &keys {
            put(dir.path(), key);
            assert_eq!(read(dir.path(), key.id()).unwrap().id(), key.id());
        }
        let least = keys.iter().map(VaultKey::id).min().unwrap();
        assert_eq!(first_or_new(dir.path()).unwrap().0.id(), least);
    }

    #[test]
    fn a_damaged_key_is_left_named_and_another_made_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = put(dir.path(), &fixed());
        let damaged = text_of(&fixed()).replace("Bwc", "BwD");
        files::write_private(&path, damaged.as_bytes()).unwrap();
        let (key, notes) = first_or_new(dir.path()).unwrap();
        assert_ne!(key.id(), fixed().id());
        assert!(notes[0].contains(path.to_str().unwrap()), "{notes:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
        assert_eq!(read(dir.path(), fixed().id()).err().unwrap().kind, VaultErrorKind::Damaged);
    }

    #[test]
    fn a_key_file_cut_at_any_length_or_with_any_byte_flipped_is_damaged_and_never_another_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path(), fixed().id());
        let whole = text_of(&fixed()).into_bytes();
        // Without its last line feed nothing is lost.
        for cut in 0..whole.len() - 1 {
            assert!(parse(&path, &whole[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..whole.len() {
            for bit in 0..8 {
                let mut flipped = whole.clone();
                flipped[place] ^= 1 << bit;
                assert!(parse(&path, &flipped).is_err(), "bit {bit} of byte {place}");
            }
        }
    }

    #[test]
    fn a_key_under_another_name_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let wrong = dir.path().join("vault-0000000000000000.key");
        files::write_private(&wrong, text_of(&fixed()).as_bytes()).unwrap();
        let (key, notes) = first_or_new(dir.path()).unwrap();
        assert_ne!(key.id(), fixed().id());
        assert_eq!(notes.len(), 1);
        assert!(read(dir.path(), [0; 8]).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let real = put(elsewhere.path(), &fixed());
        std::os::unix::fs::symlink(&real, path(dir.path(), fixed().id())).unwrap();
        assert_eq!(read(dir.path(), fixed().id()).err().unwrap().kind, VaultErrorKind::Symlink);
        assert_eq!(first_or_new(dir.path()).err().unwrap().kind, VaultErrorKind::Symlink);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(first in proptest::bool::ANY, noise in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let bytes = if first { [FIRST_LINE.as_bytes(), b"\n", &noise].concat() } else { noise };
            proptest::prop_assert!(parse(Path::new("vault-0000000000000000.key"), &bytes).is_err());
        }
    }
}
