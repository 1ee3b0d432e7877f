//! The schema, step by step. A step that has been released is never changed.

use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use crate::{
    StoreError,
    database::Database,
    dialect::{Dialect, Lock},
};

/// Each step brings the schema from its index to the next version.
const STEPS: &[&str] = &[include_str!("../migrations/0001_records.sql")];

const OPERATION: &str = "bring the records' schema up to date";

/// Brings the schema up to date. Where several processes try, one does it.
pub(crate) async fn migrate(database: &Database) -> Result<(), StoreError> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found = version(database).await;
    if found == Some(known) {
        return Ok(());
    }
    let failed = || StoreError::of(OPERATION);
    let mut transaction = database.begin_locked(Lock::Schema).await.map_err(failed())?;
    let found = locked_version(&mut transaction).await.map_err(failed())?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let done = usize::try_from(found).map_err(|_| StoreError::Corrupt { what: "version" })?;
    for step in STEPS.iter().skip(done) {
        apply(&mut transaction, database.dialect, step).await.map_err(failed())?;
    }
    database
        .query("UPDATE schema_version SET version = $1")
        .bind(known)
        .execute(&mut *transaction)
        .await
        .map_err(failed())?;
    transaction.commit().await.map_err(failed())
}

/// The version, where there is a schema; reads only, for the usual case.
async fn version(database: &Database) -> Option<i64> {
    let query = database.query("SELECT version FROM schema_version");
    query.fetch_one(database.reader()).await.ok()?.try_get(0).ok()
}

async fn locked_version(transaction: &mut Transaction<'static, Any>) -> sqlx::Result<i64> {
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        .execute(&mut **transaction)
        .await?;
    let select = sqlx::query("SELECT version FROM schema_version");
    if let Some(row) = select.fetch_optional(&mut **transaction).await? {
        return row.try_get(0);
    }
    sqlx::raw_sql("INSERT INTO schema_version (version) VALUES (0)")
        .execute(&mut **transaction)
        .await?;
    Ok(0)
}

async fn apply(
    transaction: &mut Transaction<'static, Any>,
    dialect: Dialect,
    step: &'static str,
) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(dialect.sql(step))).execute(&mut **transaction).await.map(drop)
}
