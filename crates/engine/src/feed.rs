//! Input that a caller writes piece by piece while its program runs.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, TryAcquireError, mpsc};

/// The most that waits for a program to read it: what an upload of a form or a pasted
/// text needs, held in memory.
pub const FEED_BYTES_MAX: usize = 1 << 20;
/// The most callers that wait for room at any one moment.
const WRITERS_MAX: usize = 16;

/// Writes a program's standard input. Clones write to the same program.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// `None` once there is no more to come.
    pieces: Mutex<Option<mpsc::UnboundedSender<Vec<u8>>>>,
    room: Arc<Semaphore>,
    writers: Semaphore,
}

/// What was written to a [`Feed`], for the program to read.
#[derive(Debug)]
pub struct Fed {
    pieces: mpsc::UnboundedReceiver<Vec<u8>>,
    room: Arc<Semaphore>,
    piece: Vec<u8>,
    taken: usize,
    /// Whether room was taken for the piece.
    is_counted: bool,
}

/// Why a program gets no more input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// More was given at once than can wait.
    #[error("more input was given at once than {FEED_BYTES_MAX} bytes")]
    TooLong,
    /// Too many callers wait for the program to read.
    #[error("the program does not read, and {WRITERS_MAX} others wait for it to do so")]
    TooManyWaiting,
    /// The program reads no more, or its input was closed before.
    #[error("the program's input is closed")]
    Closed,
}

impl Feed {
    /// A feed, and the input that is fed by it.
    #[must_use]
    pub fn new() -> (Self, Fed) {
        let (sender, pieces) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(FEED_BYTES_MAX));
        let shared = Shared {
            pieces: Mutex::new(Some(sender)),
            room: Arc::clone(&room),
            writers: Semaphore::new(WRITERS_MAX),
        };
        let (piece, taken, is_counted) = (Vec::new(), 0, true);
        (Self { shared: Arc::new(shared) }, Fed { pieces, room, piece, taken, is_counted })
    }

    /// Hands bytes over, all or none of them; waits until there is room for them. If
    /// this is dropped while it waits, none are handed over.
    ///
    /// # Errors
    /// They are too many, too many callers wait, or nobody reads them.
    pub async fn write(&self, bytes: Vec<u8>) -> Result<(), FeedError> {
        let count = bytes.len();
        if count == 0 {
            return Ok(());
        }
        let permits = u32::try_from(count).ok().filter(|_| count <= FEED_BYTES_MAX);
        let permits = permits.ok_or(FeedError::TooLong)?;
        let _waiting = self.shared.writers.try_acquire().map_err(|error| match error {
            TryAcquireError::NoPermits => FeedError::TooManyWaiting,
            TryAcquireError::Closed => FeedError::Closed,
        })?;
        let room = self.shared.room.acquire_many(permits).await;
        let room = room.map_err(|_| FeedError::Closed)?;
        let pieces = self.lock();
        let sender = pieces.as_ref().ok_or(FeedError::Closed)?;
        sender.send(bytes).map_err(|_| FeedError::Closed)?;
        // It comes back when the program has read them.
        room.forget();
        Ok(())
    }

    /// Lets the program find the end of its input, after all that was handed over.
    pub fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<mpsc::UnboundedSender<Vec<u8>>>> {
        // Whoever panicked with it left a sender or none.
        self.shared.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fed {
    /// These bytes and no more.
    #[must_use]
    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        let (feed, mut fed) = Feed::new();
        feed.close();
        (fed.piece, fed.is_counted) = (bytes, false);
        fed
    }

    /// Takes what was written next; 0 at the end. May be dropped while it waits.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> usize {
        if self.taken == self.piece.len() {
            let Some(piece) = self.pieces.recv().await else { return 0 };
            (self.piece, self.taken, self.is_counted) = (piece, 0, true);
        }
        let rest = &self.piece[self.taken..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        if self.is_counted {
            self.room.add_permits(length);
        }
        length
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.room.close();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn on_runtime<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test)
    }

    async fn rest(fed: &mut Fed) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), [0; 7]);
        loop {
            match fed.read(&mut buffer).await {
                0 => return all,
                length => all.extend_from_slice(&buffer[..length]),
            }
        }
    }

    #[test]
    fn what_is_written_is_read_in_order_up_to_the_end() {
        on_runtime(async {
            let (feed, mut fed) = Feed::new();
            feed.write(b"a long first piece, ".to_vec()).await.unwrap();
            feed.write(Vec::new()).await.unwrap();
            feed.write(b"a second".to_vec()).await.unwrap();
            feed.close();
            assert_eq!(feed.write(b"more".to_vec()).await, Err(FeedError::Closed));
            assert_eq!(rest(&mut fed).await, b"a long first piece, a second");
            assert_eq!(rest(&mut Fed::of_bytes(b"whole text".to_vec())).await, b"whole text");
        });
    }

    #[test]
    fn a_writer_waits_for_room_and_hands_over_all_or_nothing() {
        on_runtime(async {
            let (feed, mut fed) = Feed::new();
            feed.write(vec![b'a'; FEED_BYTES_MAX]).await.unwrap();
            let late = timeout(Duration::from_millis(20), feed.write(vec![b'x'; 2])).await;
            assert!(late.is_err());
            assert_eq!(fed.read(&mut [0; 2]).await, 2);
            feed.write(vec![b'b'; 2]).await.unwrap();
            feed.close();
            let rest = rest(&mut fed).await;
            assert_eq!(rest.len(), FEED_BYTES_MAX);
            assert!(rest.ends_with(b"abb") && !rest.contains(&b'x'));
        });
    }

    #[test]
    fn nobody_waits_for_a_program_that_reads_no_more() {
        on_runtime(async {
            let (feed, fed) = Feed::new();
            assert_eq!(feed.write(vec![0; FEED_BYTES_MAX + 1]).await, Err(FeedError::TooLong));
            feed.write(vec![0; FEED_BYTES_MAX]).await.unwrap();
            let gone = async {
                tokio::task::yield_now().await;
                drop(fed);
            };
            let (written, ()) = tokio::join!(feed.write(vec![0]), gone);
            assert_eq!(written, Err(FeedError::Closed));
        });
    }

    #[test]
    fn only_so_many_wait() {
        on_runtime(async {
            let (feed, _fed) = Feed::new();
            feed.write(vec![0; FEED_BYTES_MAX]).await.unwrap();
            let waiting: Vec<_> = (0..WRITERS_MAX)
                .map(|_| {
                    let feed = feed.clone();
                    tokio::spawn(async move { feed.write(vec![0]).await })
                })
                .collect();
            tokio::task::yield_now().await;
            assert_eq!(feed.write(vec![0]).await, Err(FeedError::TooManyWaiting));
            waiting.iter().for_each(tokio::task::JoinHandle::abort);
        });
    }
}
