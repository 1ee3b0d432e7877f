//! Work that may wait for a disk or a lock, away from the threads that everybody shares.

use std::{future::poll_fn, io, pin::pin};

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does it here and now, and has others do meanwhile what would have been this thread's
/// turn. Where there are no others, it is only done.
pub fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Does so with each poll of a future that between its waits computes, or keeps the host's
/// kernel busy, for longer than others should wait.
pub(crate) async fn polled_in_place<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| in_place(|| future.as_mut().poll(context))).await
}

/// Lets others have their turn amid long work: other tasks, and threads that wait for this
/// processor, to which the host kernel would give it no sooner than at its next tick.
pub async fn give_way() {
    std::thread::yield_now();
    tokio::task::yield_now().await;
}

/// Does it on a thread of its own.
///
/// # Errors
/// It fails.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
