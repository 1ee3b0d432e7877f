//! Records: opened, closed exactly once, found and listed.

mod artifacts;
mod close;
mod find;
mod list;
mod open;

pub(crate) use artifacts::refer;
pub use close::Closed;
pub(crate) use close::{close_in, close_statement, ended_by_us};
pub use find::{Found, PREFIX_CHARS_MIN};
pub use list::{Filter, LIST_LIMIT_MAX, Page};
pub(crate) use open::{Opening, insert_failed};
