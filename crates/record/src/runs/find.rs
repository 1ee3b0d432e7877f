//! Finding one record.

use api::{RunId, RunRecord};

use super::artifacts;
use crate::{Store, StoreError, row};

/// The fewest characters that stand for an id: with fewer nearly everything would match.
pub const PREFIX_CHARS_MIN: usize = 4;

const ID_DIGITS: usize = 32;

/// Before which digits an id has a dash.
const DASHES: [usize; 4] = [8, 12, 16, 20];

const OPERATION: &str = "read the record of a run";

/// What an id, or the beginning of one, leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// One record.
    One(Box<RunRecord>),
    /// None that the tenant has.
    None,
    /// Several of the tenant's begin so.
    Ambiguous,
}

impl Store {
    /// Finds a tenant's run by its id or by an unambiguous beginning of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::InvalidPrefix`] if the text cannot be the beginning of an id.
    pub async fn run(&self, tenant: &str, id_or_prefix: &str) -> Result<Found, StoreError> {
        let prefix = normalize(id_or_prefix).ok_or(StoreError::InvalidPrefix)?;
        let sql = "SELECT id FROM runs WHERE tenant = $1 AND id >= $2 AND id < $3 LIMIT 2";
        let rows = self
            .database()
            .query(sql)
            .bind(tenant.to_owned())
            // Every digit and the dash stand before `g`.
            .bind(prefix.clone())
            .bind(prefix + "g")
            .fetch_all(self.database().reader())
            .await
            .map_err(StoreError::of(OPERATION))?;
        match rows.as_slice() {
            [] => Ok(Found::None),
            [only] => {
                let found = self.record(tenant, row::parsed(only, "id")?).await?;
                Ok(found.map_or(Found::None, |record| Found::One(Box::new(record))))
            }
            _ => Ok(Found::Ambiguous),
        }
    }

    /// A tenant's record, with its artifacts.
    ///
    /// # Errors
    ///
    /// What the database fails with.
    pub async fn record(
        &self,
        tenant: &str,
        run_id: RunId,
    ) -> Result<Option<RunRecord>, StoreError> {
        let found = self
            .database()
            .query(row::SELECT_ONE)
            .bind(run_id.to_string())
            .bind(tenant.to_owned())
            .fetch_optional(self.database().reader())
            .await
            .map_err(StoreError::of(OPERATION))?;
        let Some(found) = found else { return Ok(None) };
        let mut record = row::record(&found)?;
        record.artifacts = artifacts::read(self.database(), &run_id.to_string()).await?;
        Ok(Some(record))
    }
}

/// The beginning of an id as the database has it: small digits, dashes in their places.
fn normalize(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|char| *char != '-').collect();
    let plausible = text.len() >= PREFIX_CHARS_MIN
        && (PREFIX_CHARS_MIN..=ID_DIGITS).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then(|| {
        let mut id = String::with_capacity(text.len() + DASHES.len());
        for (place, digit) in digits.to_ascii_lowercase().chars().enumerate() {
            if DASHES.contains(&place) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_brought_into_the_form_of_ids() {
        let table = [
            ("0190", Some("0190")),
            ("0190F3C2", Some("0190f3c2")),
            ("0190f3c2-", Some("0190f3c2")),
            ("0190f3c27b1e", Some("0190f3c2-7b1e")),
            ("0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a", Some("0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")),
            ("019", None),
            ("----", None),
            ("01%_", None),
            ("0190g", None),
            ("0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a0", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(normalize(text).as_deref(), expected, "{text}");
        }
    }
}
