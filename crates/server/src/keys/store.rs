//! Changes keys, for commands. A server only reads, by [`super::Keys`].

use std::{path::Path, time::Duration};

use super::{
    clock,
    failure::KeyError,
    file,
    place::Place,
    principal::{Scope, TenantId},
    record::{KEYS_MAX, KeyInfo, KeyName, MOMENT_MAX_MS, Record},
    text::{KeyId, KeyText},
};

/// What a new key is to be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Whom it speaks for.
    pub tenant: TenantId,
    /// What it is good for.
    pub scope: Scope,
    /// What a person calls it.
    pub name: KeyName,
    /// How long it is good; `None` for ever.
    pub lifetime: Option<Duration>,
}

/// A key that was just made: the only time that its secret is there.
#[derive(Clone, Debug)]
pub struct CreatedKey {
    /// The key itself.
    pub text: KeyText,
    /// What is known of it.
    pub info: KeyInfo,
}

/// The keys of a state directory.
#[derive(Debug)]
pub struct KeyStore {
    place: Place,
}

impl KeyStore {
    /// Opens the state directory; makes it, readable by its owner alone, where it is not there.
    ///
    /// # Errors
    /// It cannot be made or opened, belongs to somebody else, or others may write to it.
    pub fn open(directory: &Path) -> Result<Self, KeyError> {
        Place::open(directory).map(|place| Self { place })
    }

    /// Makes a key. It is durable when this returns.
    ///
    /// # Errors
    /// There are too many, it would expire too late, or the file cannot be read or written.
    pub fn create(&self, new: NewKey) -> Result<CreatedKey, KeyError> {
        let created_unix_ms = clock::wall_unix_ms();
        let expires_unix_ms =
            new.lifetime.map(|lifetime| expiry(created_unix_ms, lifetime)).transpose()?;
        let lock = file::lock(&self.place)?;
        let mut records = file::read(&self.place)?.records;
        if records.len() >= KEYS_MAX {
            return Err(KeyError::TooMany { limit: KEYS_MAX });
        }
        let text = fresh(&records)?;
        let info = KeyInfo {
            id: text.id(),
            tenant: new.tenant,
            scope: new.scope,
            name: new.name,
            created_unix_ms,
            expires_unix_ms,
        };
        records.push(Record { info: info.clone(), digest: text.digest() });
        file::replace(&self.place, &lock, &records)?;
        Ok(CreatedKey { text, info })
    }

    /// Every key, the oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let records = file::read(&self.place)?.records;
        Ok(records.into_iter().map(|record| record.info).collect())
    }

    /// Forgets a key; gives what was known of it.
    ///
    /// # Errors
    /// No key has the id, or the file cannot be read or written.
    pub fn revoke(&self, id: KeyId) -> Result<KeyInfo, KeyError> {
        let lock = file::lock(&self.place)?;
        let mut records = file::read(&self.place)?.records;
        let at = records.iter().position(|record| record.info.id == id);
        let removed = records.remove(at.ok_or(KeyError::NotFound { id })?);
        file::replace(&self.place, &lock, &records)?;
        Ok(removed.info)
    }

    pub(super) fn into_place(self) -> Place {
        self.place
    }
}

/// A key whose id none of these has.
fn fresh(records: &[Record]) -> Result<KeyText, KeyError> {
    loop {
        let text = KeyText::generate().map_err(|error| KeyError::Random(error.into()))?;
        // Of 2^48 ids, a taken one comes up about never.
        if records.iter().all(|record| record.info.id != text.id()) {
            return Ok(text);
        }
    }
}

fn expiry(created_unix_ms: u64, lifetime: Duration) -> Result<u64, KeyError> {
    let lifetime_ms = u64::try_from(lifetime.as_millis()).ok();
    let expires = lifetime_ms.and_then(|lifetime| created_unix_ms.checked_add(lifetime));
    expires.filter(|moment| *moment <= MOMENT_MAX_MS).ok_or(KeyError::ExpiryTooLate)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, thread};

    use super::*;
    use crate::keys::{
        Unsafe,
        scratch::{Scratch, chmod, mode, runner},
    };

    #[test]
    fn keys_are_kept_in_private_without_their_secrets() {
        let scratch = Scratch::new();
        let store = scratch.store();
        assert_eq!(store.list().unwrap(), []);
        let lifetime = Some(Duration::from_secs(60));
        let first = store.create(NewKey { lifetime, ..runner("acme") }).unwrap();
        let second = store.create(runner("other")).unwrap();
        assert_eq!(first.info.expires_unix_ms, Some(first.info.created_unix_ms + 60_000));
        assert_eq!(scratch.store().list().unwrap(), [first.info.clone(), second.info]);
        let file = scratch.file("keys.json");
        assert_eq!((mode(scratch.path()), mode(&file)), (0o700, 0o600));
        let text = fs::read_to_string(&file).unwrap();
        let secret = first.text.reveal().split('_').next_back().unwrap().to_owned();
        assert!(text.contains(&first.info.id.to_string()) && !text.contains(&secret));
    }

    #[test]
    fn revoked_keys_are_forgotten() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let keys = ["a", "b", "c"].map(|tenant| store.create(runner(tenant)).unwrap().info);
        assert_eq!(store.revoke(keys[1].id).unwrap(), keys[1]);
        assert_eq!(store.list().unwrap(), [keys[0].clone(), keys[2].clone()]);
        assert!(matches!(store.revoke(keys[1].id), Err(KeyError::NotFound { .. })));
        let text = fs::read_to_string(scratch.file("keys.json")).unwrap();
        assert!(!text.contains(&keys[1].id.to_string()));
    }

    #[test]
    fn no_key_is_lost_where_many_are_made_at_once() {
        let scratch = Scratch::new();
        scratch.store();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let store = scratch.store();
                    let made = [(); 4].map(|()| store.create(runner("t")).unwrap().info.id);
                    store.revoke(made[0]).unwrap();
                });
            }
        });
        assert_eq!(scratch.store().list().unwrap().len(), 24);
    }

    #[test]
    fn what_a_killed_command_left_is_in_nobodys_way() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let next = scratch.file("keys.json.next");
        fs::write(&next, "{\"format\": 1, \"keys\"").unwrap();
        let victim = scratch.file("victim");
        fs::write(&victim, "as it was").unwrap();
        assert_eq!(store.list().unwrap(), []);
        store.create(runner("t")).unwrap();
        symlink(&victim, &next).unwrap();
        store.create(runner("t")).unwrap();
        assert_eq!(store.list().unwrap().len(), 2);
        assert!(!next.exists());
        assert_eq!(fs::read_to_string(victim).unwrap(), "as it was");
    }

    #[test]
    fn places_that_others_may_write_to_are_refused() {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.create(runner("t")).unwrap();
        for open in [0o770, 0o702, 0o777, 0o1777] {
            chmod(scratch.path(), open);
            let error = KeyStore::open(scratch.path()).unwrap_err();
            let reason = Unsafe::WritableByOthers { mode: open };
            assert!(matches!(error, KeyError::Unsafe { reason: found, .. } if found == reason));
        }
        chmod(scratch.path(), 0o755);
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(scratch.path(), Some(12345), None).unwrap();
            let error = KeyStore::open(scratch.path()).unwrap_err();
            let reason = Unsafe::Owner { uid: 12345 };
            assert!(matches!(error, KeyError::Unsafe { reason: found, .. } if found == reason));
            std::os::unix::fs::chown(scratch.path(), Some(0), None).unwrap();
        }
        let file = scratch.file("keys.json");
        chmod(&file, 0o606);
        assert!(matches!(scratch.store().list(), Err(KeyError::Unsafe { .. })));
        assert!(matches!(scratch.store().create(runner("t")), Err(KeyError::Unsafe { .. })));
    }

    #[test]
    fn what_is_no_file_of_keys_is_neither_read_nor_replaced() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let file = scratch.file("keys.json");
        fs::write(&file, "{}").unwrap();
        chmod(&file, 0o600);
        assert!(matches!(store.create(runner("t")), Err(KeyError::Damaged { .. })));
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
        fs::write(&file, vec![b' '; (4 << 20) + 1]).unwrap();
        assert!(matches!(store.list(), Err(KeyError::Damaged { .. })));
        fs::remove_file(&file).unwrap();
        symlink("/dev/zero", &file).unwrap();
        assert!(matches!(store.list(), Err(KeyError::Read { .. })));
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(store.list().is_err());
        fs::remove_dir(&file).unwrap();
        let private = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &file, rustix::fs::FileType::Fifo, private, 0)
            .unwrap();
        assert!(matches!(store.list(), Err(KeyError::Unsafe { reason: Unsafe::Kind, .. })));
    }

    #[test]
    fn there_is_an_end_to_keys_and_to_their_lives() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let info = store.create(runner("t")).unwrap().info;
        for lifetime in [Duration::MAX, Duration::from_secs(9000 * 365 * 86_400)] {
            let new = NewKey { lifetime: Some(lifetime), ..runner("t") };
            assert!(matches!(store.create(new), Err(KeyError::ExpiryTooLate)));
        }
        let digest = "0".repeat(64);
        let row = |number: usize| {
            serde_json::json!({
                "id": format!("{number:012x}"), "tenant": "t", "scope": "run", "name": "",
                "created_unix_ms": 0, "expires_unix_ms": null, "secret_sha256": digest,
            })
        };
        let rows: Vec<_> = (0..KEYS_MAX).map(row).collect();
        let text = serde_json::json!({"format": 1, "keys": rows}).to_string();
        fs::write(scratch.file("keys.json"), text).unwrap();
        assert!(matches!(store.create(runner("t")), Err(KeyError::TooMany { .. })));
        assert!(matches!(store.revoke(info.id), Err(KeyError::NotFound { .. })));
        store.revoke("000000000000".parse().unwrap()).unwrap();
        store.create(runner("t")).unwrap();
    }
}
