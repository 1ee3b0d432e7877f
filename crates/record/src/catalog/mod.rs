//! What projects consist of: their names, what their data comes from, and that data at
//! moments.

mod projects;
mod snapshots;
mod sources;

pub use projects::NewProject;
pub use snapshots::{NewSnapshot, SNAPSHOT_FILES_MAX};
pub use sources::NewSource;

/// Some of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    /// They.
    pub items: Vec<T>,
    /// What gets the next ones; there is none after the last.
    pub next_cursor: Option<String>,
}

/// The most that one call lists.
const LIST_LIMIT_MAX: u32 = 500;

/// One more than are listed, which says whether there are more.
fn rows_wanted(limit: u32) -> i64 {
    i64::from(limit.clamp(1, LIST_LIMIT_MAX)) + 1
}

/// Makes a list of rows of which one more than wanted was asked for.
fn listed<R, T, E>(
    rows: &[R],
    limit: u32,
    read: impl Fn(&R) -> Result<T, E>,
    cursor: impl Fn(&T) -> String,
) -> Result<Listed<T>, E> {
    let limit = limit.clamp(1, LIST_LIMIT_MAX) as usize;
    let items: Vec<T> = rows.iter().take(limit).map(read).collect::<Result<_, _>>()?;
    let next_cursor = items.last().filter(|_| rows.len() > limit).map(cursor);
    Ok(Listed { items, next_cursor })
}
