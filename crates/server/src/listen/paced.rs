//! A stream whose long answers are written in portions.
//!
//! On one machine a write is also the other side's receipt: megabytes in one call keep the
//! thread for milliseconds, and as long as it is kept nobody else may be heard.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use engine::give_way;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Written in one call: some tens of microseconds.
const PORTION_BYTES_MAX: usize = 64 * 1024;

/// A stream that lets others have their turn after each full portion.
pub(super) struct Paced<S> {
    stream: S,
    /// While others have it.
    others: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Paced<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, others: None }
    }

    fn poll_others(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(others) = &mut self.others {
            ready!(others.as_mut().poll(context));
            self.others = None;
        }
        Poll::Ready(())
    }
}

impl<S: fmt::Debug> fmt::Debug for Paced<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Paced").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_others(context));
        let portion = &bytes[..bytes.len().min(PORTION_BYTES_MAX)];
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, portion))?;
        if written == PORTION_BYTES_MAX {
            self.others = Some(Box::pin(give_way()));
        }
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = slices.iter().map(|slice| slice.len()).sum();
        if length <= PORTION_BYTES_MAX {
            ready!(self.poll_others(context));
            return Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        }
        // Of what is long, one piece after the other.
        let first = slices.iter().find(|slice| !slice.is_empty());
        self.poll_write(context, first.map_or(&[], |slice| slice))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, io::IoSlice, pin::pin};

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn long_answers_come_whole_and_others_have_their_turn() {
        let (ours, mut theirs) = duplex(8 << 20);
        let mut ours = Paced::new(ours);
        let long: Vec<u8> = (0_u32..1 << 20).flat_map(u32::to_le_bytes).collect();
        let mut writing = pin!(ours.write_all(&long));
        let mut turns = 0;
        while poll_fn(|context| Poll::Ready(writing.as_mut().poll(context).is_pending())).await {
            turns += 1;
        }
        assert_eq!(turns, long.len() / PORTION_BYTES_MAX - 1);
        drop(ours);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert!(read == long);
    }

    #[tokio::test]
    async fn pieces_are_written_in_order() {
        let (ours, mut theirs) = duplex(8 << 20);
        let mut ours = Paced::new(ours);
        let (head, body) = (vec![b'h'; 100], vec![b'b'; 3 * PORTION_BYTES_MAX]);
        let whole = [head.as_slice(), &body].concat();
        let mut sent = 0;
        while sent < whole.len() {
            let from_head = head.get(sent..).unwrap_or_default();
            let from_body = &body[sent.saturating_sub(head.len())..];
            let slices = [IoSlice::new(from_head), IoSlice::new(from_body)];
            let length = ours.write_vectored(&slices).await.unwrap();
            assert!((1..=PORTION_BYTES_MAX).contains(&length));
            sent += length;
        }
        drop(ours);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert!(read == whole);
    }
}
