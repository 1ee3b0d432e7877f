//! A stream that is closed without the answer getting lost.
//!
//! Who is answered before all of its body was read goes on sending. If the connection is
//! simply closed then, the host kernel resets it, and the client may never see why. So
//! our side is ended first, and what still comes is thrown away for a while.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::{Request, body::Incoming};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a client may go on sending what nobody reads.
const LINGER_TIME_MAX: Duration = Duration::from_secs(5);
/// How much: what is left of the largest upload that clients of the session protocol make
/// (100 MiB), with its form.
const LINGER_BYTES_MAX: u64 = 128 << 20;
/// Thrown away at a time.
const CHUNK_BYTES: usize = 16 * 1024;
/// After so many of them others get their turn.
const CHUNKS_IN_A_ROW_MAX: usize = 16;

/// Whether a client may still be sending a body that nobody reads. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

impl Unread {
    /// Whether there is still something of it.
    pub(super) fn is_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Notes a request, and has its body note its end.
    pub(super) fn note(&self, request: Request<Incoming>) -> Request<Noted> {
        self.0.store(!request.body().is_end_stream(), Ordering::Release);
        request.map(|body| Noted { body, unread: self.clone() })
    }
}

/// A request's body that notes its end.
#[derive(Debug)]
pub(super) struct Noted {
    body: Incoming,
    unread: Unread,
}

impl Body for Noted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.unread.0.store(false, Ordering::Release);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that is closed without the answer getting lost.
#[derive(Debug)]
pub(super) struct Lingering<S> {
    stream: S,
    unread: Unread,
    /// While it is being closed.
    farewell: Option<Farewell>,
}

#[derive(Debug)]
struct Farewell {
    end: Pin<Box<Sleep>>,
    room: u64,
}

impl<S> Lingering<S> {
    pub(super) const fn new(stream: S, unread: Unread) -> Self {
        Self { stream, unread, farewell: None }
    }
}

impl<S: AsyncRead + Unpin> Lingering<S> {
    /// Throws away what comes, up to its end or ours.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let new = || Farewell { end: Box::pin(sleep(LINGER_TIME_MAX)), room: LINGER_BYTES_MAX };
        let farewell = self.farewell.get_or_insert_with(new);
        if farewell.end.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut chunk = [0; CHUNK_BYTES];
        for _ in 0..CHUNKS_IN_A_ROW_MAX {
            let mut buffer = ReadBuf::new(&mut chunk);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            let length = buffer.filled().len() as u64;
            if read.is_err() || length == 0 || length > farewell.room {
                return Poll::Ready(());
            }
            farewell.room -= length;
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.farewell.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
        }
        if self.unread.is_left() {
            ready!(self.poll_discard(context));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncWriteExt, DuplexStream, duplex},
        time::Instant,
    };

    use super::*;

    fn pair(is_unread: bool) -> (Lingering<DuplexStream>, DuplexStream) {
        let (ours, theirs) = duplex(1 << 10);
        (Lingering::new(ours, Unread(Arc::new(is_unread.into()))), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn who_still_sends_is_listened_to_up_to_its_end() {
        let (mut ours, mut theirs) = pair(true);
        let sending = tokio::spawn(async move { theirs.write_all(&[7; 1 << 20]).await });
        ours.shutdown().await.unwrap();
        sending.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_listened_to_for_ever() {
        let (mut ours, theirs) = pair(true);
        let began = Instant::now();
        ours.shutdown().await.unwrap();
        assert!(began.elapsed() >= LINGER_TIME_MAX);
        drop(theirs);
        let (mut ours, mut theirs) = pair(true);
        let endless = tokio::spawn(async move {
            let mut sent = 0;
            while theirs.write_all(&[7; 1 << 10]).await.is_ok() {
                sent += 1_u64 << 10;
            }
            sent
        });
        ours.shutdown().await.unwrap();
        drop(ours);
        let sent = endless.await.unwrap();
        assert!((LINGER_BYTES_MAX..=LINGER_BYTES_MAX + (1 << 16)).contains(&sent), "{sent}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_been_read_to_the_end_is_not_waited_for() {
        let (mut ours, _theirs) = pair(false);
        let began = Instant::now();
        ours.shutdown().await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
