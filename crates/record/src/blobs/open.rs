//! Opening the place.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Once},
};

use object_store::{ObjectStore, local::LocalFileSystem, path::Path as ObjectPath};

use super::{BlobError, BlobLocation, Blobs, Inner};
use crate::Store;

/// The directory, beside a local place's objects, where bytes are put aside.
const SPOOL: &str = "spool";

/// How a place is reached.
#[derive(Clone, Debug)]
pub struct BlobSettings {
    /// Where the blobs are.
    pub location: BlobLocation,
    /// Credentials and the like by the names of the usual environment variables, such as
    /// `AWS_ACCESS_KEY_ID`; names that the place does not know are passed over.
    pub options: Vec<(String, String)>,
    /// A directory of this host, where large blobs are put aside on their way to a bucket.
    pub spool: PathBuf,
}

impl BlobSettings {
    /// Those of a directory.
    #[must_use]
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let spool = path.join(SPOOL);
        Self { location: BlobLocation::Directory(path), options: Vec::new(), spool }
    }
}

impl Blobs {
    /// Opens a place for blobs, which are accounted for in a store. Whether a bucket can be
    /// reached shows when it is used.
    ///
    /// # Errors
    ///
    /// [`BlobError::Open`] and [`BlobError::Create`] if the place cannot be used.
    pub fn open(settings: &BlobSettings, store: &Store) -> Result<Self, BlobError> {
        let (objects, prefix) = match &settings.location {
            BlobLocation::Directory(path) => (open_directory(settings, path)?, ObjectPath::ROOT),
            BlobLocation::Bucket(url) => open_bucket(settings, url)?,
        };
        make_directory(&settings.spool)?;
        let spool = settings.spool.clone();
        Ok(Self(Arc::new(Inner { store: store.clone(), objects, prefix, spool })))
    }
}

fn open_directory(settings: &BlobSettings, path: &Path) -> Result<Box<dyn ObjectStore>, BlobError> {
    make_directory(path)?;
    let objects = LocalFileSystem::new_with_prefix(path).map_err(open_failed(settings))?;
    Ok(Box::new(objects.with_fsync(true)))
}

fn open_bucket(
    settings: &BlobSettings,
    url: &str,
) -> Result<(Box<dyn ObjectStore>, ObjectPath), BlobError> {
    provide();
    let url = reqwest::Url::parse(url).map_err(|source| BlobError::Open {
        location: settings.location.clone(),
        source: object_store::Error::Generic { store: "URL", source: Box::new(source) },
    })?;
    let options = settings.options.iter().map(|(name, value)| (name.to_lowercase(), value));
    object_store::parse_url_opts(&url, options).map_err(open_failed(settings))
}

/// Sees to it that TLS has its cryptography.
pub(crate) fn provide() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        // Whoever installed one before us chose it; it does as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

fn open_failed(settings: &BlobSettings) -> impl FnOnce(object_store::Error) -> BlobError {
    move |source| BlobError::Open { location: settings.location.clone(), source }
}

fn make_directory(path: &Path) -> Result<(), BlobError> {
    // What runs left is nobody else's on this host.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| BlobError::Create { path: path.to_owned(), source })
}
