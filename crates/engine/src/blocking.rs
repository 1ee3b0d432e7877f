//! Work that may wait for a disk or a lock, away from the threads that everybody shares.

use std::io;

/// Does it on a thread of its own.
///
/// # Errors
/// It fails.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
