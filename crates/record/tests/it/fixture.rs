//! Places for records, one of each kind, and what tests put there.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Mutex,
    time::{Duration, Instant},
};

use api::{RunId, RunKind};
use record::{Location, NewRecord, Settings, Store};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};
pub(crate) use testkit::gate::missing;
use testkit::postgres::Postgres;

/// Where servers' files are kept ready, once for all tests.
pub(crate) const TEMPLATES: &str = env!("CARGO_TARGET_TMPDIR");

/// How long a server may take to recover on a busy machine.
const UP_MAX: Duration = Duration::from_secs(60);

/// A directory that goes when it is dropped.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        // Short, for sockets have short paths.
        let name = format!("cbr-{}", &RunId::generate().to_string()[9..]);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A place for records. Fields go in their order: the server before its directory.
pub(crate) struct Place {
    pub(crate) location: Location,
    pub(crate) server: Option<Mutex<Postgres>>,
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn file() -> Self {
        let directory = TempDir::new();
        let location = Location::File(directory.path().join("a %?#b.db"));
        Self { location, server: None, directory }
    }

    pub(crate) fn postgres() -> Option<Self> {
        let directory = TempDir::new();
        let server = Postgres::start(directory.path(), Path::new(TEMPLATES)).unwrap()?;
        let location = Location::Postgres(server.url());
        Some(Self { location, server: Some(Mutex::new(server)), directory })
    }

    /// A new database of a server's, beside a directory of its own; the one with the number
    /// before goes.
    pub(crate) async fn new_database(&self, number: u32) -> Self {
        if number == 0 {
            // Drivers come with the first store.
            self.open().await.close().await;
        } else {
            self.sql(&format!("DROP DATABASE d{} WITH (FORCE)", number - 1)).await;
        }
        self.sql(&format!("CREATE DATABASE d{number}")).await;
        let url = self.server.as_ref().unwrap().lock().unwrap().url_of(&format!("d{number}"));
        Self { location: Location::Postgres(url), server: None, directory: TempDir::new() }
    }

    pub(crate) fn is_file(&self) -> bool {
        matches!(self.location, Location::File(_))
    }

    /// The location as it is given to another process.
    pub(crate) fn text(&self) -> String {
        match &self.location {
            Location::File(path) => path.to_str().unwrap().to_owned(),
            Location::Postgres(url) => url.clone(),
        }
    }

    /// Lets every lease run out.
    pub(crate) async fn expire(&self) {
        self.sql("UPDATE queue SET lease_until = 0").await;
        self.sql("UPDATE owners SET lease_until = 0").await;
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(Settings::default()).await
    }

    pub(crate) async fn open_with(&self, settings: Settings) -> Store {
        Store::open_with(&self.location, settings).await.unwrap()
    }

    /// Opens it as soon as whoever serves it is back.
    pub(crate) async fn open_when_up(&self) -> Store {
        let deadline = Instant::now() + UP_MAX;
        loop {
            match Store::open(&self.location).await {
                Ok(store) => return store,
                Err(error) => assert!(Instant::now() < deadline, "{error:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What another program could do to the database, such as letting time pass.
    pub(crate) async fn sql(&self, sql: &str) -> u64 {
        let mut connection = self.connect().await;
        let done = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await;
        let done = done.unwrap().rows_affected();
        connection.close().await.unwrap();
        done
    }

    /// What another program could ask the database: one text.
    pub(crate) async fn ask(&self, sql: &str) -> String {
        let mut connection = self.connect().await;
        let row = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        let text = row.unwrap().get(0);
        connection.close().await.unwrap();
        text
    }

    async fn connect(&self) -> AnyConnection {
        let url = match &self.location {
            Location::Postgres(url) => url.clone(),
            Location::File(path) => {
                let path = path.to_str().unwrap().replace('%', "%25");
                let path = path.replace('?', "%3F").replace('#', "%23").replace(' ', "%20");
                format!("sqlite://{path}")
            }
        };
        AnyConnection::connect(&url).await.unwrap()
    }
}

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).enable_all().build().unwrap().block_on(future)
}

pub(crate) fn on_file<F: Future<Output = ()>>(test: impl Fn(std::sync::Arc<Place>) -> F) {
    block_on(test(std::sync::Arc::new(Place::file())));
}

pub(crate) fn on_postgres<F: Future<Output = ()>>(test: impl Fn(std::sync::Arc<Place>) -> F) {
    match Place::postgres() {
        Some(place) => block_on(test(std::sync::Arc::new(place))),
        None => missing("PostgreSQL"),
    }
}

/// Makes a test of each function, for each kind of place.
macro_rules! on_both {
    ($($name:ident,)+) => {
        mod file {
            $(#[test] fn $name() { crate::fixture::on_file(super::$name); })+
        }
        mod postgres {
            $(#[test] fn $name() { crate::fixture::on_postgres(super::$name); })+
        }
    };
}

pub(crate) use on_both;

/// The record of a run of which little is known.
pub(crate) fn record_of(tenant: &str, kind: RunKind) -> NewRecord {
    NewRecord::new(RunId::generate(), tenant, kind, "a key")
}
