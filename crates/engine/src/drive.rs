//! Carries a payload from its start to its end: input in, output out, clocks
//! watched, the caller's word heard. Gives facts; what they mean is not said here.
//!
//! Everything happens on the caller's task: nothing is spawned, so dropping the
//! future drops all of it.

use std::{
    convert::Infallible, future::pending, io, num::NonZero, os::fd::OwnedFd,
    thread::available_parallelism, time::Duration,
};

use api::{CapturedStream, Phase, StreamName, TimeLimit, Usage};
use policy::Limits;
use sandbox::{Sandbox, SandboxError, Stdio};
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    Cancel, EventSink, RunError, RunIo, Signaller,
    blocking::in_place,
    input::{Source, pump},
    output::Output,
    pipe::Pipe,
    settle::{End, StopReason},
};

/// Read from an output stream at a time: what a pipe holds.
const CHUNK_BYTES: usize = 64 * 1024;
/// Chunks after which the clocks are looked at, however fast a program writes.
const CHUNKS_IN_A_ROW_MAX: usize = 16;
/// How long what is left in the streams may take to come once every writer is
/// dead. It is there already; this bounds what should not be possible.
const DRAIN_TIME_MAX: Duration = Duration::from_millis(250);
/// The shortest time between two looks at the processor time: a look costs some
/// ten microseconds, and the host kernel itself counts by ticks of up to 10 ms.
const CPU_LOOK_MIN: Duration = Duration::from_millis(5);
/// The longest sleep: past it the clock's arithmetic is not worth trusting.
const SLEEP_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// What is known of a payload that has ended.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) end: End,
    pub(crate) phase: Phase,
    pub(crate) usage: Usage,
    pub(crate) stdout: CapturedStream,
    pub(crate) stderr: CapturedStream,
}

/// Starts the payload, whose steps run these programs, and stays with it to its end.
/// Afterwards nothing of it is alive.
///
/// # Errors
/// The program cannot be run, or the sandbox or a stream failed us.
pub(crate) async fn drive(
    sandbox: &mut dyn Sandbox,
    programs: &[String],
    limits: &Limits,
    signaller: &Signaller,
    io: RunIo<'_>,
) -> Result<Facts, RunError> {
    let Some(Stdio { stdin, stdout, stderr }) = sandbox.stdio() else {
        return Err(RunError::Lost { detail: "its streams were taken before".to_owned() });
    };
    let on_input = |source| RunError::Stream { stream: "standard input", source };
    let source = Source::new(io.stdin).map_err(on_input)?;
    let program = Pipe::writer(stdin).map_err(on_input)?;
    let mut streams = Streams {
        stdout: Stream::new(StreamName::Stdout, stdout, limits)?,
        stderr: Stream::new(StreamName::Stderr, stderr, limits)?,
    };
    let end = tokio::select! {
        biased;
        end = watch(sandbox, limits, (&io.cancel, signaller)) => end,
        never = copy(pump(source, program), streams.drain(io.events)) => match never {},
    };
    let usage = sandbox.usage();
    // Every writer is dead, so what is in the pipes is all that will ever be.
    let _ = timeout(DRAIN_TIME_MAX, streams.drain(io.events)).await;
    let stdout = streams.stdout.output.finish(io.events);
    let stderr = streams.stderr.output.finish(io.events);
    let end = end.map_err(|error| RunError::of_sandbox(error, programs))?;
    let phase = match end {
        End::Exit(exit) => exit.phase,
        End::Stopped(_) => sandbox.phase(),
    };
    Ok(Facts { end, phase, usage, stdout, stderr })
}

/// Copies in both directions; it is over only when the payload is.
async fn copy(input: impl Future<Output = ()>, output: impl Future<Output = ()>) -> Infallible {
    tokio::join!(input, output);
    pending().await
}

/// Starts the payload, passes signals on, and ends it when its time is over or the
/// caller says so.
async fn watch(
    sandbox: &mut dyn Sandbox,
    limits: &Limits,
    (cancel, signaller): (&Cancel, &Signaller),
) -> Result<End, SandboxError> {
    let deadline = Instant::now() + limits.wall_time.min(SLEEP_MAX);
    let mut look = next_look(limits.cpu_time, Duration::ZERO);
    loop {
        let reason = tokio::select! {
            biased;
            () = cancel.cancelled() => StopReason::Cancelled,
            exit = sandbox.run() => return exit.map(End::Exit),
            () = sleep_until(deadline) => StopReason::Time(TimeLimit::WallTime),
            () = sleep_until(look) => {
                let used = Duration::from_millis(sandbox.usage().cpu_time_ms.unwrap_or(0));
                if limits.cpu_time.is_none_or(|limit| used < limit) {
                    look = next_look(limits.cpu_time, used);
                    continue;
                }
                StopReason::Time(TimeLimit::CpuTime)
            }
            // Last, so that no number of them holds the clocks back.
            signal = signaller.next() => {
                // That nobody is there to get it is found out above.
                let _ = sandbox.signal(signal);
                continue;
            }
        };
        in_place(|| sandbox.kill());
        return Ok(End::Stopped(reason));
    }
}

/// When the processor time that is left could be used up, with every processor at
/// work; as good as never where there is no limit.
fn next_look(limit: Option<Duration>, used: Duration) -> Instant {
    let processors = available_parallelism().map_or(1, NonZero::get);
    let left = limit.map_or(SLEEP_MAX, |limit| limit.saturating_sub(used));
    Instant::now() + look_after(left, processors)
}

fn look_after(left: Duration, processors: usize) -> Duration {
    let processors = u32::try_from(processors).unwrap_or(u32::MAX).max(1);
    (left / processors).clamp(CPU_LOOK_MIN, SLEEP_MAX)
}

/// Both output streams.
#[derive(Debug)]
struct Streams {
    stdout: Stream,
    stderr: Stream,
}

impl Streams {
    /// Takes what is written until both streams have ended. May be dropped and
    /// called again: nothing that was read is lost.
    async fn drain(&mut self, events: &mut dyn EventSink) {
        let Self { stdout, stderr } = self;
        let mut chunks = 0_usize;
        while stdout.pipe.is_some() || stderr.pipe.is_some() {
            tokio::select! {
                read = stdout.read(), if stdout.pipe.is_some() => stdout.take(read, events),
                read = stderr.read(), if stderr.pipe.is_some() => stderr.take(read, events),
            }
            chunks += 1;
            if chunks.is_multiple_of(CHUNKS_IN_A_ROW_MAX) {
                yield_now().await;
            }
        }
    }
}

/// One output stream: our end of it until that has ended, and what came of it.
#[derive(Debug)]
struct Stream {
    pipe: Option<Pipe>,
    buffer: Vec<u8>,
    output: Output,
}

impl Stream {
    fn new(name: StreamName, descriptor: OwnedFd, limits: &Limits) -> Result<Self, RunError> {
        let stream = match name {
            StreamName::Stdout => "standard output",
            StreamName::Stderr => "standard error",
        };
        let pipe = Pipe::reader(descriptor);
        let pipe = pipe.map_err(|source| RunError::Stream { stream, source })?;
        let output = Output::new(name, limits.output_bytes);
        Ok(Self { pipe: Some(pipe), buffer: vec![0; CHUNK_BYTES], output })
    }

    async fn read(&mut self) -> io::Result<usize> {
        match &self.pipe {
            Some(pipe) => pipe.read(&mut self.buffer).await,
            None => Ok(0),
        }
    }

    /// Passes on what was read. A stream that cannot be read has ended for us.
    fn take(&mut self, read: io::Result<usize>, events: &mut dyn EventSink) {
        match read {
            Ok(length @ 1..) => self.output.write(&self.buffer[..length], events),
            Ok(0) | Err(_) => self.pipe = None,
        }
    }
}

#[cfg(test)]
mod tests;
