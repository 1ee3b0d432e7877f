//! `mcp`: the engine for one assistant, over standard input and output.

use std::{
    io::{self, Read},
    pin::Pin,
    task::{Context as Wake, Poll, ready},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
};

use super::{
    Context,
    serve::{reaches, runtime, signals},
};
use crate::{exit, failure::Failure, log::Log, wire::House};

/// How much of standard input is read at once.
const PIECE_BYTES: usize = 64 * 1024;
/// How many pieces wait to be taken.
const PIECES_MAX: usize = 4;
/// How long threads that are inside of a system call may hold the end back.
const THREADS_END_MAX: Duration = Duration::from_millis(200);

/// Answers until standard input ends, or until it is told to end.
pub(super) fn run(context: &Context) -> Result<u8, Failure> {
    let process = |action| move |source| Failure::Process { action, source };
    let given = &context.config.settings.server;
    let _log = Log::begin(given.log_format, given.log_level.0).map_err(process("begin a log"))?;
    let runtime = runtime().map_err(process("start an event loop"))?;
    let ended = runtime.block_on(async {
        let signals = signals().map_err(process("wait for signals"))?;
        let client = House::assist(&context.config.settings, &context.vars).await?;
        let input = Input::begin().map_err(process("read standard input"))?;
        client.run((input, tokio::io::stdout()), reaches(signals, 1)).await;
        Ok(exit::SUCCESS)
    });
    runtime.shutdown_timeout(THREADS_END_MAX);
    ended
}

/// Standard input, read by a thread that nobody waits for at the end: it may be inside
/// of a read that never comes back.
struct Input {
    pieces: mpsc::Receiver<io::Result<Vec<u8>>>,
    piece: Vec<u8>,
    taken: usize,
}

impl Input {
    fn begin() -> io::Result<Self> {
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        thread::Builder::new().name("stdin".to_owned()).spawn(move || read(&sender))?;
        Ok(Self { pieces, piece: Vec::new(), taken: 0 })
    }
}

fn read(sender: &mpsc::Sender<io::Result<Vec<u8>>>) {
    let mut input = io::stdin().lock();
    loop {
        let mut piece = vec![0; PIECE_BYTES];
        let read = match input.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) => return,
            read => read,
        };
        let is_broken = read.is_err();
        let piece = read.map(|length| {
            piece.truncate(length);
            piece
        });
        if sender.blocking_send(piece).is_err() || is_broken {
            return;
        }
    }
}

impl AsyncRead for Input {
    fn poll_read(
        mut self: Pin<&mut Self>,
        wake: &mut Wake<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken == self.piece.len() {
            let Some(piece) = ready!(self.pieces.poll_recv(wake)) else {
                return Poll::Ready(Ok(()));
            };
            self.piece = piece?;
            self.taken = 0;
        }
        let rest = self.piece.get(self.taken..).unwrap_or_default();
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(rest.get(..length).unwrap_or_default());
        self.taken += length;
        Poll::Ready(Ok(()))
    }
}
