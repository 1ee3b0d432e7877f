//! The output streams of a kernel, for one turn.

use std::{future::pending, io};

use api::{CapturedStream, StreamName};

use crate::{EventSink, output::Output, pipe::Pipe};

/// Read at a time at first: little for each of many sessions.
const CHUNK_BYTES_MIN: usize = 8 * 1024;
/// Read at a time from who writes much: what a pipe holds.
const CHUNK_BYTES_MAX: usize = 64 * 1024;
/// Chunks that are taken of what is there already, which is no more than the largest
/// pipe holds.
const DRAINED_CHUNKS_MAX: usize = 64;

/// Both streams.
pub(super) struct Taps<'a> {
    stdout: Tap<'a>,
    stderr: Tap<'a>,
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
        Self { stdout, stderr }
    }

    /// Of which nothing is kept.
    pub(super) fn discarding(stdout: &'a Pipe, stderr: &'a Pipe) -> Self {
        Self::new(stdout, stderr, Some(0))
    }

    /// Waits for output, and takes it. May be dropped.
    pub(super) async fn read(&mut self, events: &mut dyn EventSink) {
        let Self { stdout, stderr } = self;
        tokio::select! {
            read = stdout.read() => stdout.take(read, events),
            read = stderr.read() => stderr.take(read, events),
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

    fn take(&mut self, read: io::Result<usize>, events: &mut dyn EventSink) {
        match read {
            Ok(length @ 1..) => {
                self.output.write(&self.buffer[..length], events);
                if length == self.buffer.len() {
                    self.buffer.resize(CHUNK_BYTES_MAX, 0);
                }
            }
            Ok(0) | Err(_) => self.is_open = false,
        }
    }

    fn drain(&mut self, events: &mut dyn EventSink) {
        self.make_room();
        for _ in 0..DRAINED_CHUNKS_MAX {
            match self.pipe.read_now(&mut self.buffer) {
                Ok(length @ 1..) => self.take(Ok(length), events),
                Ok(0) | Err(_) => return,
            }
        }
    }
}
