//! What is kept of runs: their records, their queue, and the bytes they left.
//!
//! [`Store`] is the database: a file of this host by default, PostgreSQL by a
//! connection string, one schema and one code for both. [`Blobs`] is where bytes go,
//! named by their digest. Several processes may use the same of either at once, and
//! nothing here assumes that it is alone.
//!
//! A record is opened before its run starts and closed exactly once, whoever dies in
//! between: each open record has an [`Owner`] whose lease the database's clock
//! measures, and [`Store::settle_expired`] closes those of owners that are gone.

mod blobs;
mod bucket;
mod catalog;
mod database;
mod dialect;
mod error;
mod events;
mod keeper;
mod location;
mod log;
mod migrate;
mod owner;
mod queue;
mod record;
mod retain;
mod row;
mod runs;
mod settings;
mod store;
mod text;
mod upkeep;

pub use blobs::{BlobDigest, BlobError, BlobLocation, BlobReader, BlobSettings, Blobs, Swept};
pub use bucket::{Bucket, BucketError, BucketLocation, BucketObject, KeepError};
pub use catalog::{Listed, NewProject, NewSnapshot, NewSource, SNAPSHOT_FILES_MAX};
pub use error::{QueueBound, StoreError};
pub use events::{Appended, EVENT_BYTES_MAX, EVENTS_PER_RUN_MAX, NewEvent, RunEvent};
pub use location::{InvalidLocation, Location};
pub use log::TurnLog;
pub use owner::{Fence, Owner};
pub use queue::{Cancelled, Claim, Queued, Renewed, Settled, Share, Started};
pub use record::{Closing, NewRecord};
pub use retain::{Removed, Retention};
pub use runs::{Closed, Filter, Found, LIST_LIMIT_MAX, PREFIX_CHARS_MIN, Page};
pub use settings::Settings;
pub use store::Store;
pub use text::{
    ARTIFACT_BYTES_MAX, ARTIFACT_NAME_BYTES_MAX, ARTIFACTS_BYTES_MAX, ARTIFACTS_MAX,
    HEAD_BYTES_MAX, REQUEST_BYTES_MAX, RESULT_BYTES_MAX,
};
pub use upkeep::Upkeep;
