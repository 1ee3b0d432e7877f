//! The output streams of a kernel, for one turn.

use std::{future::pending, io, time::Duration};

use api::{CapturedStream, StreamName};
use tokio::time::{Instant, sleep_until};

use crate::{EventSink, give_way, output::Output, pipe::Pipe};

/// Read at a time at first: little for each of many sessions.
const CHUNK_BYTES_MIN: usize = 8 * 1024;
/// Read at a time from who writes much: what a pipe holds.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Chunks that are taken of what is there already, which is no more than the largest
/// pipe holds.
const DRAINED_CHUNKS_MAX: usize = 64;

/// Reads of little after which what is written is left to gather: each wakes a thread
/// that others need, and code may write a byte at a time without end.
const SHORT_READS_MAX: u32 = 8;
/// For how long. Nobody sees it, and a pipe holds what is written meanwhile. The end of a
/// turn does not wait for it.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// Reads of as much as there is room for after which others get their turn: code may write
/// without end, and as long as there is more to read nobody else would be heard.
const LONG_READS_MAX: u32 = 2;

/// Both streams.
pub(super) struct Taps<'a> {
    stdout: Tap<'a>,
    stderr: Tap<'a>,
    /// Reads of little in a row.
    short_reads: u32,
    gather_until: Option<Instant>,
    /// Reads of much in a row.
    long_reads: u32,
}

/// One stream. It ends for this turn alone: the pipe is the kernel's.
struct Tap<'a> {
    pipe: &'a Pipe,
    is_open: bool,
    buffer: Vec<u8>,
    output: Output,
}

impl<'a> Taps<'a> {
    pub(super) fn new(stdout: &'a Pipe, stderr: &'a Pipe, limit: Option<u64>) -> Self {
        let stdout = Tap::new(stdout, Output::new(StreamName::Stdout, limit));
        let stderr = Tap::new(stderr, Output::new(StreamName::Stderr, limit));
        Self { stdout, stderr, short_reads: 0, gather_until: None, long_reads: 0 }
    }

    /// Of which nothing is kept.
    pub(super) fn discarding(stdout: &'a Pipe, stderr: &'a Pipe) -> Self {
        Self::new(stdout, stderr, Some(0))
    }

    /// Waits for output, and takes it. May be dropped.
    pub(super) async fn read(&mut self, events: &mut dyn EventSink) {
        if let Some(until) = self.gather_until {
            sleep_until(until).await;
            self.gather_until = None;
        }
        if self.long_reads >= LONG_READS_MAX {
            self.long_reads = 0;
            give_way().await;
        }
        let Self { stdout, stderr, .. } = self;
        let was_short = tokio::select! {
            read = stdout.read() => stdout.take(read, events),
            read = stderr.read() => stderr.take(read, events),
        };
        self.pace(was_short);
    }

    fn pace(&mut self, was_short: bool) {
        self.short_reads = if was_short { self.short_reads + 1 } else { 0 };
        self.long_reads = if was_short { 0 } else { self.long_reads + 1 };
        if self.short_reads >= SHORT_READS_MAX {
            self.short_reads = 0;
            self.gather_until = Some(Instant::now() + GATHER_TIME);
        }
    }

    /// Takes what is there, without waiting.
    pub(super) fn drain(&mut self, events: &mut dyn EventSink) {
        self.stdout.drain(events);
        self.stderr.drain(events);
    }

    /// What was kept of both.
    pub(super) fn finish(self, events: &mut dyn EventSink) -> (CapturedStream, CapturedStream) {
        (self.stdout.output.finish(events), self.stderr.output.finish(events))
    }
}

impl<'a> Tap<'a> {
    const fn new(pipe: &'a Pipe, output: Output) -> Self {
        Self { pipe, is_open: true, buffer: Vec::new(), output }
    }

    async fn read(&mut self) -> io::Result<usize> {
        if !self.is_open {
            return pending().await;
        }
        self.make_room();
        self.pipe.read(&mut self.buffer).await
    }

    fn make_room(&mut self) {
        if self.buffer.is_empty() {
            self.buffer.resize(CHUNK_BYTES_MIN, 0);
        }
    }

    /// Takes what was read; whether there was room for more.
    fn take(&mut self, read: io::Result<usize>, events: &mut dyn EventSink) -> bool {
        match read {
            Ok(length @ 1..) => {
                self.output.write(&self.buffer[..length], events);
                let is_short = length < self.buffer.len();
                if !is_short {
                    self.buffer.resize(CHUNK_BYTES_MAX, 0);
                }
                is_short
            }
            Ok(0) | Err(_) => {
                self.is_open = false;
                false
            }
        }
    }

    fn drain(&mut self, events: &mut dyn EventSink) {
        self.make_room();
        for _ in 0..DRAINED_CHUNKS_MAX {
            match self.pipe.read_now(&mut self.buffer) {
                Ok(length @ 1..) => {
                    self.take(Ok(length), events);
                }
                Ok(0) | Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, future::poll_fn, io::Write, pin::pin, task::Poll};

    use api::Event;

    use super::*;

    /// How long each piece of output was that was told.
    #[derive(Default)]
    struct Lengths(Vec<usize>);

    impl EventSink for Lengths {
        fn event(&mut self, event: Event<'_>) {
            if let Event::Output { bytes, .. } = event {
                self.0.push(bytes.len());
            }
        }
    }

    fn pipe() -> (Pipe, File) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (Pipe::reader(reader).unwrap(), writer.into())
    }

    async fn is_ready(future: impl Future) -> bool {
        let mut future = pin!(future);
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn who_writes_little_and_often_is_read_in_larger_pieces() {
        let ((stdout, mut out), (stderr, mut err)) = (pipe(), pipe());
        let (mut taps, mut lengths) = (Taps::new(&stdout, &stderr, None), Lengths::default());
        let to: [&mut dyn Write; 2] = [&mut out, &mut err];
        for number in 0..SHORT_READS_MAX as usize {
            to[number % 2].write_all(b"x").unwrap();
            taps.read(&mut lengths).await;
        }
        let began = Instant::now();
        for _ in 0..100 {
            to[0].write_all(b"y").unwrap();
            assert!(!is_ready(taps.read(&mut lengths)).await);
        }
        assert_eq!(lengths.0, [1; SHORT_READS_MAX as usize]);
        taps.read(&mut lengths).await;
        assert!(began.elapsed() >= GATHER_TIME);
        assert_eq!(lengths.0.pop(), Some(100));
        // The end of a turn takes what there is.
        to[0].write_all(b"last").unwrap();
        taps.drain(&mut lengths);
        assert_eq!(lengths.0.pop(), Some(4));
    }

    #[tokio::test]
    async fn who_writes_much_lets_others_have_their_turn() {
        let ((stdout, mut out), (stderr, _err)) = (pipe(), pipe());
        let (mut taps, mut lengths) = (Taps::new(&stdout, &stderr, None), Lengths::default());
        out.write_all(&[b'x'; CHUNK_BYTES_MIN]).unwrap();
        taps.read(&mut lengths).await;
        let mut turns = 0;
        let reads = 3 * LONG_READS_MAX;
        for _ in 0..reads {
            out.write_all(&[b'x'; CHUNK_BYTES_MAX]).unwrap();
            while !is_ready(taps.read(&mut lengths)).await {
                turns += 1;
            }
        }
        assert_eq!(turns, 3);
        let read = CHUNK_BYTES_MIN + reads as usize * CHUNK_BYTES_MAX;
        assert_eq!(lengths.0.iter().sum::<usize>(), read);
    }

    #[tokio::test(start_paused = true)]
    async fn who_writes_much_is_not_held_up() {
        let ((stdout, mut out), (stderr, _err)) = (pipe(), pipe());
        let (mut taps, mut lengths) = (Taps::new(&stdout, &stderr, None), Lengths::default());
        let began = Instant::now();
        for _ in 0..100 {
            out.write_all(&[b'x'; CHUNK_BYTES_MAX]).unwrap();
            let told = |lengths: &Lengths| lengths.0.iter().sum::<usize>();
            let before = told(&lengths);
            while told(&lengths) < before + CHUNK_BYTES_MAX {
                taps.read(&mut lengths).await;
            }
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
