//! Data: what it is read from, and what it was at one moment.

mod bucket;
mod kind;
mod ready;
mod take;

pub(crate) use bucket::{Bounds, bucket};
pub(crate) use kind::check;
pub use kind::data_suffixes;
pub(crate) use ready::Snapshots;
pub(crate) use take::{Taken, directory};

/// The most files of one snapshot.
const FILES_MAX: usize = record::SNAPSHOT_FILES_MAX;
