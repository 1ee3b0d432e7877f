//! Where the two databases differ. Everything else is the same text for both.

use std::borrow::Cow;

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Serialises what must not happen in two processes at once; `SQLite` has one writer anyway.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lock {
    /// Changing the schema.
    Schema,
    /// Choosing who is next: caps and fairness need to see what others chose.
    Claims,
}

impl Lock {
    /// Its number among all that whoever shares the database may use.
    const fn key(self) -> i64 {
        match self {
            Self::Schema => 0x6365_6c6c_0001,
            Self::Claims => 0x6365_6c6c_0002,
        }
    }
}

impl Dialect {
    /// What begins a transaction that writes. `SQLite` has to say so first: one that
    /// becomes a writer later fails where another wrote in between.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    /// A statement's text, with words in braces replaced by what this database calls it:
    /// `{now}` is its clock in milliseconds since 1970, `{key}` a column compared byte by
    /// byte, `{for update}` and `{for share}` hold rows until the transaction ends.
    pub(crate) fn sql(self, text: &'static str) -> Cow<'static, str> {
        if !text.contains('{') {
            return text.into();
        }
        let [now, key, update, share] = match self {
            Self::Sqlite => ["CAST(unixepoch('subsec') * 1000 AS INTEGER)", "TEXT", "", ""],
            Self::Postgres => [
                // Not the transaction's: it may have waited for a lock since.
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
                "TEXT COLLATE \"C\"",
                "FOR UPDATE",
                "FOR SHARE",
            ],
        };
        text.replace("{now}", now)
            .replace("{key}", key)
            .replace("{for update}", update)
            .replace("{for share}", share)
            .into()
    }

    /// What takes a lock until the transaction ends, if that is not its own already.
    pub(crate) fn lock(self, lock: Lock) -> Option<String> {
        let key = lock.key();
        (self == Self::Postgres).then(|| format!("SELECT pg_advisory_xact_lock({key})"))
    }
}
