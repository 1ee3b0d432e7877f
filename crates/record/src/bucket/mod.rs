//! Objects of others' buckets, read as they are at one moment.
//!
//! Whoever can write to a bucket chooses keys, sizes and bytes; all are bounded here, and
//! an object is either what was listed, to its last byte, or an error.

mod error;
mod location;

use std::{
    collections::HashSet,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _, path::Path};

pub use error::BucketError;
pub use location::BucketLocation;

use crate::{BlobDigest, BlobError, Blobs, catalog::SNAPSHOT_FILES_MAX};

/// How long a bucket may take to be listed.
const LIST_TIME_MAX: Duration = Duration::from_secs(60);
/// How long nothing may come of an object.
const CHUNK_TIME_MAX: Duration = Duration::from_secs(60);
/// The longest path, as long as the host takes one, and the deepest: what is looked into
/// of directories.
const PATH_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 255;
const LEVELS_MAX: usize = 32;
/// The most entries that are listed, with those that stand for directories.
const ENTRIES_MAX: usize = 2 * SNAPSHOT_FILES_MAX;

/// A bucket, or what is below a prefix of it. Nothing is written to it.
#[derive(Clone, Debug)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    location: String,
}

/// One object as it was listed.
#[derive(Clone, Debug)]
pub struct BucketObject {
    /// The rest of its key, which is a relative path of plain names.
    pub path: String,
    /// How many bytes it has.
    pub size_bytes: u64,
    meta: ObjectMeta,
}

impl Bucket {
    /// A bucket, with credentials by the names of the usual environment variables, such as
    /// `AWS_ACCESS_KEY_ID`; names that its store does not know are passed over.
    ///
    /// # Errors
    ///
    /// [`BucketError::Open`] if they do not do.
    pub fn open(
        location: &BucketLocation,
        options: &[(String, String)],
    ) -> Result<Self, BucketError> {
        crate::blobs::provide();
        let open = |detail| BucketError::Open { location: location.to_string(), detail };
        let url =
            reqwest::Url::parse(location.as_str()).map_err(|error| open(error.to_string()))?;
        let options = options.iter().map(|(name, value)| (name.to_lowercase(), value));
        let (objects, prefix) = object_store::parse_url_opts(&url, options)
            .map_err(|error| open(error::told(&error)))?;
        Ok(Self { objects: objects.into(), prefix, location: location.to_string() })
    }

    /// Its objects by their paths, if each may be a file's and there are not too many.
    /// Empty ones that stand for a directory are left out.
    ///
    /// # Errors
    ///
    /// It cannot be listed, or has what cannot be a file.
    pub async fn list(&self) -> Result<Vec<BucketObject>, BucketError> {
        let listed = tokio::time::timeout(LIST_TIME_MAX, self.list_all()).await;
        let timed_out = |_| BucketError::TimedOut { location: self.location.clone() };
        let mut objects = listed.map_err(timed_out)??;
        objects.sort_by(|left, right| left.path.cmp(&right.path));
        self.without_directories(objects)
    }

    async fn list_all(&self) -> Result<Vec<BucketObject>, BucketError> {
        let prefix = (self.prefix != Path::ROOT).then_some(&self.prefix);
        let mut listed = self.objects.list(prefix);
        let mut objects = Vec::new();
        while let Some(meta) = listed.next().await {
            let meta = meta.map_err(|error| BucketError::of(&self.location, &error))?;
            if objects.len() >= ENTRIES_MAX {
                return Err(self.too_many());
            }
            objects.extend(self.object(meta)?);
        }
        Ok(objects)
    }

    /// An object; none where it is the prefix itself.
    fn object(&self, meta: ObjectMeta) -> Result<Option<BucketObject>, BucketError> {
        let odd = |why: &str| {
            let key: String = meta.location.to_string().chars().take(200).collect();
            let (location, detail) = (self.location.clone(), format!("{key:?} {why}"));
            Err(BucketError::Key { location, detail })
        };
        let Some(parts) = meta.location.prefix_match(&self.prefix) else {
            return odd("is not below the prefix");
        };
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        if parts.is_empty() {
            return Ok(None);
        }
        if parts.len() > LEVELS_MAX {
            return odd("lies too deep");
        }
        if !parts.iter().all(|part| is_name(part)) {
            return odd("has a name that no file can have");
        }
        let path = parts.join("/");
        if path.len() > PATH_BYTES_MAX {
            return odd("is too long");
        }
        Ok(Some(BucketObject { path, size_bytes: meta.size, meta }))
    }

    /// Takes out what stands for a directory. Nothing else may be file and directory.
    fn without_directories(
        &self,
        objects: Vec<BucketObject>,
    ) -> Result<Vec<BucketObject>, BucketError> {
        let mut directories = HashSet::new();
        for object in &objects {
            let ends = object.path.match_indices('/');
            directories.extend(ends.map(|(end, _)| object.path[..end].to_owned()));
        }
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        for object in objects {
            let is_directory = directories.contains(&object.path);
            if is_directory && object.size_bytes == 0 {
                continue;
            }
            if is_directory || !seen.insert(object.path.clone()) {
                let detail = format!("{:?} is there twice, or also a directory", object.path);
                return Err(BucketError::Key { location: self.location.clone(), detail });
            }
            files.push(object);
        }
        match files.len() > SNAPSHOT_FILES_MAX {
            true => Err(self.too_many()),
            false => Ok(files),
        }
    }

    fn too_many(&self) -> BucketError {
        BucketError::TooMany { location: self.location.clone(), maximum: SNAPSHOT_FILES_MAX }
    }

    /// Keeps an object as a blob, if it still is what was listed. `None` where there is
    /// none but a name that stands for a directory.
    ///
    /// # Errors
    ///
    /// It was changed, or the bucket or the blobs failed.
    pub async fn keep(
        &self,
        object: &BucketObject,
        blobs: &Blobs,
    ) -> Result<Option<BlobDigest>, KeepError> {
        let changed = || BucketError::Changed { key: object.path.clone() };
        let timed_out = || BucketError::TimedOut { location: self.location.clone() };
        let got = self.objects.get(&object.meta.location);
        let got = tokio::time::timeout(CHUNK_TIME_MAX, got).await.map_err(|_| timed_out())?;
        let got = match got {
            // Its key ends with a slash.
            Err(object_store::Error::NotFound { .. }) if object.size_bytes == 0 => {
                return Ok(None);
            }
            Err(object_store::Error::NotFound { .. }) => return Err(changed().into()),
            got => got.map_err(|error| BucketError::of(&self.location, &error))?,
        };
        if got.meta.size != object.size_bytes || !is_same(&got.meta, &object.meta) {
            return Err(changed().into());
        }
        // What goes wrong in the stream comes back as an error of the blobs.
        let failure = Arc::new(Mutex::new(None));
        let bytes = self.watched(got.into_stream(), Arc::clone(&failure));
        let kept = blobs.put(bytes, object.size_bytes).await;
        if let Some(error) = failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(KeepError::Bucket(error));
        }
        match kept {
            Ok(digest) if digest.size_bytes == object.size_bytes => Ok(Some(digest)),
            Ok(_) | Err(BlobError::TooLarge { .. }) => Err(changed().into()),
            Err(error) => Err(KeepError::Blob(error)),
        }
    }

    /// The bytes as they come, if they keep coming.
    fn watched<S: Stream<Item = object_store::Result<Bytes>> + Unpin>(
        &self,
        bytes: S,
        failure: Arc<Mutex<Option<BucketError>>>,
    ) -> impl Stream<Item = io::Result<Bytes>> {
        let location = self.location.clone();
        futures_util::stream::try_unfold(bytes, |mut bytes: S| async move {
            match tokio::time::timeout(CHUNK_TIME_MAX, bytes.try_next()).await {
                Ok(Ok(chunk)) => Ok(chunk.map(|chunk| (chunk, bytes))),
                Ok(Err(error)) => Err(Some(error)),
                Err(_) => Err(None),
            }
        })
        .map_err(move |error| {
            let told = match error {
                Some(error) => BucketError::of(&location, &error),
                None => BucketError::TimedOut { location: location.clone() },
            };
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(told);
            io::Error::other("the bucket failed")
        })
    }
}

/// Why an object was not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// It could not be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// It could not be written.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// Whether two looks were at the same content, as far as the object store tells. Lists of
/// some have tags without quotes.
fn is_same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    let tag = |meta: &ObjectMeta| meta.e_tag.as_ref().map(|tag| tag.trim_matches('"').to_owned());
    match (tag(one), tag(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one.last_modified == other.last_modified,
    }
}

/// Whether a part of a key can be a file's name, on any host and in a terminal.
fn is_name(part: &str) -> bool {
    let is_fine = |character: char| !character.is_control() && !"/\\".contains(character);
    !matches!(part, "" | "." | "..") && part.len() <= NAME_BYTES_MAX && part.chars().all(is_fine)
}
