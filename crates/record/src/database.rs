//! Connections: how they are made, and how transactions begin.

use std::time::{Duration, Instant};
use std::{fmt::Write as _, fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, sync::Once};

use sqlx::{
    Any, AnyPool, AssertSqlSafe, Connection as _, Transaction,
    any::{AnyArguments, AnyPoolOptions},
    query::Query,
};

use crate::{
    Location, Settings, StoreError,
    dialect::{Dialect, Lock},
    error::is_busy,
};

/// How long a statement waits for another process's transaction on the file, in
/// milliseconds. Ours take milliseconds; a checkpoint of a large log may take seconds.
const BUSY_TIMEOUT_MS: u32 = 10_000;

/// How often to try again meanwhile, where the database itself does not wait.
const BUSY_POLL: Duration = Duration::from_millis(20);

/// How long to wait for a connection that others of this process use.
const ACQUIRE_WAIT: Duration = Duration::from_secs(15);

/// A statement with its arguments.
pub(crate) type Statement = Query<'static, Any, AnyArguments>;

/// The database.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) dialect: Dialect,
    /// `SQLite` has one writer at a time; ours queue here and not at the file's lock.
    writer: AnyPool,
    reader: AnyPool,
}

impl Database {
    pub(crate) async fn open(location: &Location, settings: &Settings) -> Result<Self, StoreError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(|| {
            // Whoever installed drivers before us installed those they use; ours are then
            // missing at the next step, which says so.
            let _ = sqlx::any::install_drivers(&[
                sqlx::sqlite::any::DRIVER,
                sqlx::postgres::any::DRIVER,
            ]);
        });
        let opened = match location {
            Location::File(path) => Self::open_file(location, path, settings).await?,
            Location::Postgres(text) => Self::open_postgres(text, settings).await,
        };
        opened.map_err(|source| StoreError::Open { location: location.clone(), source })
    }

    async fn open_file(
        location: &Location,
        path: &Path,
        settings: &Settings,
    ) -> Result<sqlx::Result<Self>, StoreError> {
        let create = |source| StoreError::Create { location: location.clone(), source };
        make_file(path).map_err(create)?;
        let Some(url) = url_of(path) else {
            return Err(create(std::io::Error::other("the path is not UTF-8")));
        };
        // Those that switch a new file's mode at once are told off at once, not made to wait.
        let deadline = Instant::now() + Duration::from_millis(BUSY_TIMEOUT_MS.into());
        loop {
            match Self::connect_file(&url, settings).await {
                Err(error) if is_busy(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(BUSY_POLL).await;
                }
                connected => return Ok(connected),
            }
        }
    }

    async fn connect_file(url: &str, settings: &Settings) -> sqlx::Result<Self> {
        // FULL: what is acknowledged outlives the host, not only the process.
        let write = format!(
            "PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA journal_mode = WAL; \
             PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864;"
        );
        let read = format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA query_only = ON;");
        let writer = pool(1, write).connect(url).await?;
        let reader = pool(settings.connections_max, read).connect(url).await?;
        Ok(Self { dialect: Dialect::Sqlite, writer, reader })
    }

    async fn open_postgres(text: &str, settings: &Settings) -> sqlx::Result<Self> {
        let all = pool(settings.connections_max, String::new()).connect(text).await?;
        Ok(Self { dialect: Dialect::Postgres, writer: all.clone(), reader: all })
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin(&self) -> sqlx::Result<Transaction<'static, Any>> {
        self.writer.begin_with(self.dialect.begin()).await
    }

    /// Begins one that holds a lock.
    pub(crate) async fn begin_locked(&self, lock: Lock) -> sqlx::Result<Transaction<'static, Any>> {
        let mut transaction = self.begin().await?;
        if let Some(sql) = self.dialect.lock(lock) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }

    /// Where single statements that write are executed.
    pub(crate) const fn writer(&self) -> &AnyPool {
        &self.writer
    }

    /// Where statements that read are executed.
    pub(crate) const fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// A statement whose arguments follow.
    pub(crate) fn query(&self, text: &'static str) -> Statement {
        sqlx::query(AssertSqlSafe(self.dialect.sql(text)))
    }

    /// Waits for what is under way, then lets go of the connections.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

fn pool(connections_max: u32, setup: String) -> AnyPoolOptions {
    AnyPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_WAIT)
        // A full disk ends a transaction of SQLite's behind the driver's back. The driver
        // then takes the connection to be inside it for good, and begins no other there.
        .before_acquire(|connection, _| {
            let usable = !connection.is_in_transaction();
            Box::pin(std::future::ready(Ok(usable)))
        })
        .after_connect(move |connection, _| {
            let setup = setup.clone();
            Box::pin(async move {
                if !setup.is_empty() {
                    sqlx::raw_sql(AssertSqlSafe(setup)).execute(connection).await?;
                }
                Ok(())
            })
        })
}

/// Makes the file for its owner alone; `SQLite` gives its companions the same mode.
fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(directory)?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

/// The URL of a file; the driver reads `%`, `?` and `#` in it.
fn url_of(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let mut url = "sqlite://".to_owned();
    for byte in path.to_str()?.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").ok()?;
        }
    }
    Some(url + "?mode=rw")
}
