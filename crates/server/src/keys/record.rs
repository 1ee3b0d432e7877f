//! A key without its secret, and the form of many of them in a file. Pure.

use std::{collections::HashSet, fmt, str::FromStr};

use api::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    principal::{Scope, TenantId},
    text::{KeyId, SecretDigest},
};

/// The last moment that can be written, in milliseconds since 1970.
pub(super) const MOMENT_MAX_MS: u64 = Timestamp::MAX.unix_ms().unsigned_abs();

/// The number of the form that this program reads and writes.
pub(super) const FORMAT: u64 = 1;

/// Keys of a server: one each for more tenants than one machine serves, and few
/// enough that reading all of them takes no time to speak of.
pub(super) const KEYS_MAX: usize = 4096;

/// Bytes of a name: a line of a listing.
const NAME_BYTES_MAX: usize = 64;

/// What a person calls a key: at most 64 bytes, without control characters. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyName(String);

/// The text cannot name a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name: expected at most {NAME_BYTES_MAX} bytes without control characters")]
pub struct InvalidName;

impl KeyName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
            return Err(InvalidName);
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id.
    pub id: KeyId,
    /// Whom it speaks for.
    pub tenant: TenantId,
    /// What it is good for.
    pub scope: Scope,
    /// What a person calls it.
    pub name: KeyName,
    /// When it was made, in milliseconds since 1970.
    pub created_unix_ms: u64,
    /// From when on it is refused, in milliseconds since 1970; `None` for never.
    pub expires_unix_ms: Option<u64>,
}

impl KeyInfo {
    /// When it was made.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        moment(self.created_unix_ms)
    }

    /// From when on it is refused; `None` for never.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_unix_ms.map(moment)
    }

    /// Whether it is refused at a moment, given in milliseconds since 1970.
    #[must_use]
    pub fn is_expired_at(&self, unix_ms: u64) -> bool {
        self.expires_unix_ms.is_some_and(|expires| expires <= unix_ms)
    }
}

fn moment(unix_ms: u64) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(unix_ms).unwrap_or(i64::MAX))
}

/// What is kept of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) info: KeyInfo,
    pub(super) digest: SecretDigest,
}

/// Why a text is no file of keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Format(u64),
    Damaged(String),
}

#[derive(Deserialize)]
struct FormatJson {
    format: u64,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FileJson {
    format: u64,
    keys: Vec<RecordJson>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RecordJson {
    id: String,
    tenant: String,
    scope: String,
    name: String,
    created_unix_ms: u64,
    expires_unix_ms: Option<u64>,
    secret_sha256: String,
}

/// Writes keys as a file has them.
pub(super) fn encode(records: &[Record]) -> Result<Vec<u8>, serde_json::Error> {
    let keys = records.iter().map(RecordJson::of).collect();
    let mut text = serde_json::to_vec_pretty(&FileJson { format: FORMAT, keys })?;
    text.push(b'\n');
    Ok(text)
}

/// Reads what `encode` wrote. All of it must make sense: a key that is left out could
/// be one that was to be kept from something.
pub(super) fn decode(text: &[u8]) -> Result<Vec<Record>, Unreadable> {
    // First of all, for the rest may have another form.
    let FormatJson { format } = serde_json::from_slice(text).map_err(damaged)?;
    if format != FORMAT {
        return Err(Unreadable::Format(format));
    }
    let file: FileJson = serde_json::from_slice(text).map_err(damaged)?;
    if file.keys.len() > KEYS_MAX {
        return Err(damaged(format_args!("more than {KEYS_MAX} keys")));
    }
    let records: Vec<_> =
        file.keys.into_iter().map(RecordJson::record).collect::<Result<_, _>>()?;
    let mut ids = HashSet::new();
    match records.iter().find(|record| !ids.insert(record.info.id)) {
        Some(twice) => Err(damaged(format_args!("two keys have the id {}", twice.info.id))),
        None => Ok(records),
    }
}

fn damaged(reason: impl fmt::Display) -> Unreadable {
    Unreadable::Damaged(reason.to_string())
}

impl RecordJson {
    fn of(record: &Record) -> Self {
        let info = &record.info;
        Self {
            id: info.id.to_string(),
            tenant: info.tenant.to_string(),
            scope: info.scope.to_string(),
            name: info.name.as_str().to_owned(),
            created_unix_ms: info.created_unix_ms,
            expires_unix_ms: info.expires_unix_ms,
            secret_sha256: record.digest.to_string(),
        }
    }

    fn record(self) -> Result<Record, Unreadable> {
        let id = self.id.parse().map_err(damaged)?;
        let of_key = |reason: &dyn fmt::Display| damaged(format_args!("key {id}: {reason}"));
        let moments = std::iter::once(self.created_unix_ms).chain(self.expires_unix_ms);
        if moments.max() > Some(MOMENT_MAX_MS) {
            return Err(of_key(&"a time after the year 9999"));
        }
        let info = KeyInfo {
            id,
            tenant: self.tenant.parse().map_err(|error| of_key(&error))?,
            scope: self.scope.parse().map_err(|error| of_key(&error))?,
            name: self.name.parse().map_err(|error| of_key(&error))?,
            created_unix_ms: self.created_unix_ms,
            expires_unix_ms: self.expires_unix_ms,
        };
        let digest = SecretDigest::read(&self.secret_sha256);
        let digest = digest.ok_or_else(|| of_key(&"its secret_sha256 is none"))?;
        Ok(Record { info, digest })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::file::FILE_BYTES_MAX;

    fn record(number: u64, name: &str) -> Record {
        let id = format!("{number:012x}").parse().unwrap();
        let tenant = "t".repeat(63).parse().unwrap();
        let info = KeyInfo {
            id,
            tenant,
            scope: Scope::Admin,
            name: name.parse().unwrap(),
            created_unix_ms: MOMENT_MAX_MS,
            expires_unix_ms: Some(MOMENT_MAX_MS),
        };
        Record { info, digest: SecretDigest([7; 32]) }
    }

    #[test]
    fn as_many_keys_as_there_may_be_fit_into_the_file_and_read_back() {
        let records: Vec<_> =
            (0..KEYS_MAX as u64).map(|number| record(number, &"\"".repeat(64))).collect();
        let text = encode(&records).unwrap();
        assert!(text.len() as u64 <= FILE_BYTES_MAX, "{}", text.len());
        assert_eq!(decode(&text).unwrap(), records);
    }

    #[test]
    fn what_is_not_wholly_a_file_of_keys_is_refused() {
        let good = String::from_utf8(encode(&[record(1, "x"), record(2, "y")]).unwrap()).unwrap();
        let without = |old: &str, new: &str| {
            assert!(good.contains(old), "{old}");
            good.replace(old, new)
        };
        let table = [
            (String::new(), "EOF"),
            (good[..good.len() - 4].to_owned(), "EOF"),
            (format!("{good}{good}"), "trailing"),
            (without("\"keys\"", "\"key\""), "unknown field"),
            (without("\"name\": \"x\",", ""), "missing field"),
            (without("\"name\": \"x\"", "\"name\": \"\\u0000\""), "not a name"),
            (without("\"name\": \"x\",", "\"name\": \"x\", \"more\": 1,"), "unknown field"),
            (without("000000000002", "000000000001"), "two keys have the id"),
            (without("000000000002", "2"), "not the id"),
            (without("admin", "root"), "key 000000000001: not a scope"),
            (without("ttt", "TTT"), "key 000000000001: not a tenant"),
            (without("0707", "07"), "secret_sha256"),
            (without("253402300799999", "253402300800000"), "year 9999"),
            (without("253402300799999", "-1"), "invalid value"),
        ];
        for (text, words) in table {
            match decode(text.as_bytes()) {
                Err(Unreadable::Damaged(reason)) => assert!(reason.contains(words), "{reason}"),
                other => panic!("{words}: {other:?}"),
            }
        }
        let newer = good.replace("\"format\": 1", "\"format\": 2, \"more\": {}");
        assert_eq!(decode(newer.as_bytes()), Err(Unreadable::Format(2)));
    }

    #[test]
    fn names_are_short_and_print_as_they_are() {
        assert_eq!("".parse(), Ok(KeyName::default()));
        assert_eq!("Ann's laptop ☂".parse::<KeyName>().unwrap().as_str(), "Ann's laptop ☂");
        for bad in ["a\x1b[2J", "a\nb", "\u{9b}1m", &"a".repeat(65)] {
            assert_eq!(bad.parse::<KeyName>(), Err(InvalidName), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_keys_or_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_file_with_a_bit_flipped_is_never_more_keys(at in 0_usize..900, bit in 0_u8..8) {
            let mut text = encode(&[record(1, "x"), record(2, "y")]).unwrap();
            let at = at % text.len();
            text[at] ^= 1 << bit;
            if let Ok(records) = decode(&text) {
                prop_assert_eq!(records.len(), 2);
            }
        }
    }
}
