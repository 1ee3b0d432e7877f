//! Takes the objects of a bucket into a snapshot.

use api::SnapshotFile;
use futures_util::{StreamExt, TryStreamExt, stream};
use record::{Blobs, Bucket, BucketError, BucketObject};

use super::{FILES_MAX, Taken};
use crate::ProjectError;

/// Objects that are read at one time: each waits for its store more than for anything else.
const AT_ONCE: usize = 8;

/// The most bytes of one object, and of a snapshot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) object_bytes: u64,
    pub(crate) bytes: u64,
}

/// Takes every object of a bucket, below a name. Nothing is read before it is known that
/// all of them may be taken.
pub(crate) async fn bucket(
    blobs: &Blobs,
    bucket: &Bucket,
    name: &str,
    bounds: Bounds,
    taken: &mut Taken,
) -> Result<(), ProjectError> {
    let objects = bucket.list().await?;
    if objects.len() + taken.files.len() > FILES_MAX {
        let reason = format!("there are more than {FILES_MAX} files");
        return Err(ProjectError::Unfit { reason });
    }
    taken.bytes = checked(&objects, bounds, taken.bytes)?;
    let keep = move |object: BucketObject| async move {
        let Some(digest) = bucket.keep(&object, blobs).await? else { return Ok(None) };
        let path = format!("{name}/{}", object.path);
        let (sha256, size_bytes) = (digest.sha256, digest.size_bytes);
        Ok::<_, ProjectError>(Some(SnapshotFile { path, sha256, size_bytes }))
    };
    let mut kept = stream::iter(objects).map(keep).buffered(AT_ONCE);
    while let Some(file) = kept.try_next().await? {
        taken.files.extend(file);
    }
    Ok(())
}

/// The bytes of a snapshot with these, if that is not too much.
fn checked(objects: &[BucketObject], bounds: Bounds, before: u64) -> Result<u64, BucketError> {
    let mut bytes = before;
    for object in objects {
        let (given, maximum) = (object.size_bytes, bounds.object_bytes);
        if given > maximum {
            let what = format!("{:?}", object.path);
            return Err(BucketError::TooLarge { what, given, maximum });
        }
        bytes = bytes.saturating_add(given);
    }
    match bytes > bounds.bytes {
        true => Err(BucketError::TooLarge {
            what: "the snapshot".to_owned(),
            given: bytes,
            maximum: bounds.bytes,
        }),
        false => Ok(bytes),
    }
}
