//! What the server knows of: sessions, and what is or was under way.

mod replies;
mod sessions;
mod works;

pub(crate) use replies::{Known, Replies, Reply, RequestKey};
pub(crate) use sessions::{Entry, Found, NewEntry, Sessions, sweep};
pub(crate) use works::{CancelOnDrop, Ended, Kind, Subscription, Terms, Work, Works};
