//! The text of a key, `cbk_<id>_<secret>`: made here, taken apart here.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rustix::{
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};
use sha2::{Digest as _, Sha256};

/// Lets people and scanners of leaked secrets tell what they found.
const PREFIX: &str = "cbk_";

/// Bytes of randomness in an id: enough that no two keys of a server share one.
const ID_BYTES: usize = 6;

/// Letters of an id.
const ID_LENGTH: usize = 2 * ID_BYTES;

/// Bytes of randomness in a secret: nobody can guess 256 bits, however fast the hash.
const SECRET_BYTES: usize = 32;

/// Letters of a secret: 32 bytes as base64 without padding.
const SECRET_LENGTH: usize = 43;

/// Letters of a whole key.
const KEY_LENGTH: usize = PREFIX.len() + ID_LENGTH + 1 + SECRET_LENGTH;

/// Names a key, in listings and logs: 12 hexadecimal digits. It is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; ID_BYTES]);

/// The text is not the id of a key. What was given is not repeated: it may be a whole key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a key: expected {ID_LENGTH} lower-case hexadecimal digits")]
pub struct InvalidKeyId;

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        hex(text.as_bytes()).map(Self).ok_or(InvalidKeyId)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// The SHA-256 of a secret's letters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SecretDigest(pub(super) [u8; 32]);

impl SecretDigest {
    /// That of no secret that anybody was given: what an unknown id is compared with.
    pub(super) const NOBODYS: Self = Self([0; 32]);

    /// Reads what `Display` wrote.
    pub(super) fn read(text: &str) -> Option<Self> {
        hex(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretDigest")
    }
}

/// A whole key. Only [`KeyText::reveal`] shows it.
#[derive(Clone)]
pub struct KeyText {
    id: KeyId,
    secret: [u8; SECRET_LENGTH],
}

impl KeyText {
    /// Makes one of the system's randomness.
    pub(super) fn generate() -> Result<Self, Errno> {
        let mut id = [0; ID_BYTES];
        let mut bytes = [0; SECRET_BYTES];
        fill(&mut id)?;
        fill(&mut bytes)?;
        let mut secret = [0; SECRET_LENGTH];
        // 32 bytes are 43 letters, so that they fit.
        let _ = URL_SAFE_NO_PAD.encode_slice(bytes, &mut secret);
        Ok(Self { id: KeyId(id), secret })
    }

    /// Takes a key apart. What is public of its form decides, never the secret.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (id, secret) = bytes.strip_prefix(PREFIX.as_bytes())?.split_at_checked(ID_LENGTH)?;
        let secret: [u8; SECRET_LENGTH] = secret.strip_prefix(b"_")?.try_into().ok()?;
        Some(Self { id: KeyId(hex(id)?), secret })
    }

    /// The key's id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The whole key, for the one time that somebody is told it.
    #[must_use]
    pub fn reveal(&self) -> String {
        let mut text = String::with_capacity(KEY_LENGTH);
        text.push_str(PREFIX);
        text.push_str(&self.id.to_string());
        text.push('_');
        text.push_str(&String::from_utf8_lossy(&self.secret));
        text
    }

    /// What is kept of the secret. The letters are hashed as they are: decoding them
    /// first would take a time that depends on them.
    pub(super) fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(self.secret).into())
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyText({})", self.id)
    }
}

/// Fills a buffer of less than 256 bytes, which the kernel does whole or not at all.
fn fill(buffer: &mut [u8]) -> Result<(), Errno> {
    loop {
        match getrandom(&mut *buffer, GetRandomFlags::empty()) {
            Ok(count) if count == buffer.len() => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Bytes from lower-case hexadecimal digits, exactly as many as there is room for.
fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_reads_back_and_no_two_are_alike() {
        let keys: Vec<_> = (0..64).map(|_| KeyText::generate().unwrap()).collect();
        for key in &keys {
            let text = key.reveal();
            assert_eq!(text.len(), KEY_LENGTH);
            let read = KeyText::read(text.as_bytes()).unwrap();
            assert_eq!((read.id(), read.digest().0), (key.id(), key.digest().0));
            assert_eq!(read.id().to_string().parse(), Ok(read.id()));
        }
        let secrets: HashSet<_> = keys.iter().map(|key| key.secret).collect();
        let ids: HashSet<_> = keys.iter().map(|key| key.id).collect();
        assert_eq!((secrets.len(), ids.len()), (64, 64));
    }

    #[test]
    fn the_secret_is_shown_by_nothing_but_reveal() {
        let key = KeyText::generate().unwrap();
        let secret = String::from_utf8(key.secret.to_vec()).unwrap();
        assert!(key.reveal().ends_with(&secret));
        assert!(!format!("{key:?} {:?}", key.digest()).contains(&secret));
    }

    #[test]
    fn the_digest_is_that_of_the_letters() {
        let key = KeyText { id: KeyId([0; 6]), secret: [b'a'; SECRET_LENGTH] };
        let known = "66d34fba71f8f450f7e45598853e53bfc23bbd129027cbb131a2f4ffd7878cd0";
        assert_eq!(key.digest().to_string(), known);
        assert_eq!(SecretDigest::read(known), Some(key.digest()));
    }

    #[test]
    fn what_has_another_form_is_no_key() {
        let good = KeyText::generate().unwrap().reveal();
        let table = [
            String::new(),
            PREFIX.to_owned(),
            good[1..].to_owned(),
            good[..KEY_LENGTH - 1].to_owned(),
            format!("{good}A"),
            good.replacen("cbk_", "cbx_", 1),
            good.to_uppercase(),
            format!("cbk_{}_{}", "g".repeat(ID_LENGTH), "A".repeat(SECRET_LENGTH)),
            format!("cbk_{}-{}", "0".repeat(ID_LENGTH), "A".repeat(SECRET_LENGTH)),
            "cbk_ä".to_owned(),
        ];
        for text in table {
            assert!(KeyText::read(text.as_bytes()).is_none(), "{text:?}");
        }
        for bad in
            ["", "0123456789a", "0123456789abc", "0123456789AB", "../456789abcd", "é3456789ab"]
        {
            assert_eq!(bad.parse::<KeyId>(), Err(InvalidKeyId), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_key_or_none(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = KeyText::read(&bytes);
        }
    }
}
