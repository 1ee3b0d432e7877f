//! The records' one suite, against both databases.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]
#![expect(clippy::print_stderr, reason = "it says what it stands aside for")]

mod blobs;
mod buckets;
mod catalog;
mod crash;
mod fixture;
mod full;
mod lists;
mod model;
mod opening;
mod outage;
mod points;
mod queue;
mod records;
mod s3;
mod turns;
mod upkeep;
mod walk;
mod witness;
