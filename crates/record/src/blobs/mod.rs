//! Bytes, kept by their digest: once, whoever put them, and checked when they are read.
//!
//! The database says what is there, so that what nothing refers to can be removed while
//! others put the same: see [`Blobs::sweep`].

mod error;
mod get;
mod open;
mod place;
mod put;
mod spool;
mod sweep;

use std::{path::PathBuf, sync::Arc};

use object_store::{ObjectStore, path::Path};

use crate::{Store, text::is_digest};

pub use error::BlobError;
pub use get::BlobReader;
pub use open::BlobSettings;
pub(crate) use open::provide;
pub use place::BlobLocation;
pub use put::BlobDigest;
pub use sweep::Swept;

/// Where bytes are kept. Clones share one.
#[derive(Clone, Debug)]
pub struct Blobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    store: Store,
    objects: Box<dyn ObjectStore>,
    prefix: Path,
    /// Where what is too large for memory waits until its digest is known.
    spool: PathBuf,
}

impl Blobs {
    /// An object's name: two levels of directories, so that none gets too many entries.
    fn path(&self, sha256: &str) -> Result<Path, BlobError> {
        if !is_digest(sha256) {
            return Err(BlobError::Missing { sha256: sha256.chars().take(64).collect() });
        }
        let directories = [&sha256[..2], &sha256[2..4], sha256];
        Ok(directories.into_iter().fold(self.0.prefix.clone(), |path, part| path.join(part)))
    }
}
