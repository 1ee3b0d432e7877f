//! The queue: a durable place for every run that waits, and for every one that a worker
//! holds.
//!
//! A claim lasts as long as its lease, by the database's clock, and every write of its
//! holder carries its fence: a worker that was stalled for too long changes nothing.

mod cancel;
mod claim;
mod enqueue;
mod hold;
mod settle;

pub use cancel::Cancelled;
pub use claim::{Claim, Share};
pub use enqueue::Queued;
pub use hold::{Renewed, Started};
pub use settle::Settled;
