//! All keys as they were at one moment, to look one up. Pure.

use std::collections::HashMap;

use subtle::{Choice, ConstantTimeEq as _};

use super::{
    principal::Principal,
    record::{KeyInfo, Record},
    text::{KeyId, KeyText, SecretDigest},
};

/// All keys as they were at one moment.
#[derive(Debug, Default)]
pub(super) struct Roll(HashMap<KeyId, Record>);

impl Roll {
    pub(super) fn of(records: Vec<Record>) -> Self {
        Self(records.into_iter().map(|record| (record.info.id, record)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom a key speaks for, if it is one of these and good at the moment.
    ///
    /// A key that is not there costs what a wrong one does: it is hashed and compared,
    /// with the digest of nobody.
    pub(super) fn principal(&self, key: &KeyText, unix_ms: u64) -> Option<Principal> {
        let record = self.0.get(&key.id());
        let expected = record.map_or(SecretDigest::NOBODYS, |record| record.digest);
        let is_known = Choice::from(u8::from(record.is_some()));
        let is_right = key.digest().0.ct_eq(&expected.0) & is_known;
        let info = &record?.info;
        (bool::from(is_right) && !info.is_expired_at(unix_ms)).then(|| speaker(info))
    }

    /// Whether a key still speaks for whom it spoke before.
    pub(super) fn upholds(&self, id: KeyId, principal: &Principal, unix_ms: u64) -> bool {
        let info = self.0.get(&id).map(|record| &record.info);
        info.is_some_and(|info| !info.is_expired_at(unix_ms) && speaker(info) == *principal)
    }

    /// How many keys are good at the moment.
    pub(super) fn good_count(&self, unix_ms: u64) -> usize {
        self.0.values().filter(|record| !record.info.is_expired_at(unix_ms)).count()
    }
}

fn speaker(info: &KeyInfo) -> Principal {
    Principal { tenant: info.tenant.clone(), scope: info.scope, key_id: Some(info.id) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{Scope, TenantId, record::KeyName};

    fn record(key: &KeyText, expires_unix_ms: Option<u64>) -> Record {
        let info = KeyInfo {
            id: key.id(),
            tenant: "acme".parse::<TenantId>().unwrap(),
            scope: Scope::Run,
            name: KeyName::default(),
            created_unix_ms: 0,
            expires_unix_ms,
        };
        Record { info, digest: key.digest() }
    }

    #[test]
    fn only_the_whole_key_speaks_for_its_tenant() {
        let key = KeyText::generate().unwrap();
        let other = KeyText::generate().unwrap();
        let roll = Roll::of(vec![record(&key, None)]);
        let expected = speaker(&record(&key, None).info);
        assert_eq!(roll.principal(&key, u64::MAX), Some(expected));
        assert_eq!(roll.principal(&other, 0), None);
        let text = key.reveal().into_bytes();
        for at in 0..text.len() {
            let mut wrong = text.clone();
            wrong[at] ^= 1;
            let known = KeyText::read(&wrong).and_then(|wrong| roll.principal(&wrong, 0));
            assert_eq!(known, None, "letter {at}");
        }
    }

    #[test]
    fn a_key_is_good_until_it_expires() {
        let key = KeyText::generate().unwrap();
        let roll = Roll::of(vec![record(&key, Some(1000))]);
        let principal = roll.principal(&key, 999).unwrap();
        assert!(roll.upholds(key.id(), &principal, 999) && roll.good_count(999) == 1);
        assert_eq!(roll.principal(&key, 1000), None);
        assert!(!roll.upholds(key.id(), &principal, 1000) && roll.good_count(1000) == 0);
    }

    #[test]
    fn a_key_with_another_scope_no_longer_upholds_what_it_did() {
        let key = KeyText::generate().unwrap();
        let principal = Roll::of(vec![record(&key, None)]).principal(&key, 0).unwrap();
        let mut less = record(&key, None);
        less.info.scope = Scope::Read;
        assert!(!Roll::of(vec![less]).upholds(key.id(), &principal, 0));
        assert!(!Roll::default().upholds(key.id(), &principal, 0));
    }
}
