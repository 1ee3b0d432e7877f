//! What a run writes: its beginning for the record, more of it for a blob, and all of
//! that, as it comes, for those who follow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::{Event, StreamName};
use engine::EventSink;
use record::{EVENT_BYTES_MAX, NewEvent};

/// The most of one stream that is kept: what a person may want to look through.
pub(crate) const KEPT_BYTES_MAX: usize = 4 << 20;
/// The most that waits to be written for those who follow; a fifth of a second's worth.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// The most of one event, below what the store takes: what is no text grows.
const PIECE_BYTES_MAX: usize = EVENT_BYTES_MAX / 4;

/// One stream as far as it is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stream {
    pub(crate) kept: Vec<u8>,
    pub(crate) total_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    stdout: Stream,
    stderr: Stream,
    waiting: Vec<(StreamName, Vec<u8>)>,
    waiting_bytes: usize,
    omitted_bytes: u64,
}

/// Takes what a run writes. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<Mutex<State>>);

impl Streams {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Both streams, standard output first.
    pub(crate) fn take(&self) -> (Stream, Stream) {
        let mut state = self.state();
        (std::mem::take(&mut state.stdout), std::mem::take(&mut state.stderr))
    }

    /// What came since the last time, for those who follow.
    pub(crate) fn events(&self) -> Vec<NewEvent> {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        let omitted = std::mem::take(&mut state.omitted_bytes);
        state.waiting_bytes = 0;
        drop(state);
        let mut events = Vec::new();
        for (stream, bytes) in waiting {
            let kind = name(stream);
            events.extend(bytes.chunks(PIECE_BYTES_MAX).map(|piece| NewEvent {
                kind: kind.to_owned(),
                data: String::from_utf8_lossy(piece).into_owned(),
            }));
        }
        if omitted > 0 {
            events.push(NewEvent { kind: "omitted".to_owned(), data: omitted.to_string() });
        }
        events
    }
}

const fn name(stream: StreamName) -> &'static str {
    match stream {
        StreamName::Stdout => "stdout",
        StreamName::Stderr => "stderr",
    }
}

impl State {
    fn output(&mut self, stream: StreamName, bytes: &[u8]) {
        let kept = match stream {
            StreamName::Stdout => &mut self.stdout,
            StreamName::Stderr => &mut self.stderr,
        };
        kept.total_bytes += bytes.len() as u64;
        let room = KEPT_BYTES_MAX.saturating_sub(kept.kept.len());
        kept.kept.extend(bytes.iter().take(room));
        if self.waiting_bytes + bytes.len() > WAITING_BYTES_MAX {
            self.omitted_bytes += bytes.len() as u64;
            return;
        }
        self.waiting_bytes += bytes.len();
        match self.waiting.last_mut() {
            Some((last, waiting)) if *last == stream => waiting.extend_from_slice(bytes),
            _ => self.waiting.push((stream, bytes.to_vec())),
        }
    }
}

impl EventSink for Streams {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Output { stream, bytes } = event {
            self.state().output(stream, bytes);
        }
    }

    fn takes_all_output(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_kept_to_their_bounds() {
        let mut streams = Streams::default();
        let mut write = |stream, bytes: &[u8]| streams.event(Event::Output { stream, bytes });
        write(StreamName::Stdout, b"one ");
        write(StreamName::Stdout, b"two");
        write(StreamName::Stderr, b"\xff");
        write(StreamName::Stdout, &vec![b'x'; WAITING_BYTES_MAX]);
        let told: Vec<_> =
            streams.events().into_iter().map(|event| (event.kind, event.data)).collect();
        let expected = [
            ("stdout", "one two".to_owned()),
            ("stderr", "\u{fffd}".to_owned()),
            ("omitted", WAITING_BYTES_MAX.to_string()),
        ];
        assert_eq!(told, expected.map(|(kind, data)| (kind.to_owned(), data)));
        assert!(streams.events().is_empty());
        for _ in 0..5 {
            let bytes = &vec![b'x'; 1 << 20];
            streams.event(Event::Output { stream: StreamName::Stderr, bytes });
        }
        let (stdout, stderr) = streams.take();
        assert_eq!(stdout.total_bytes, 7 + WAITING_BYTES_MAX as u64);
        assert_eq!(stderr.kept.len(), KEPT_BYTES_MAX);
        assert_eq!(stderr.total_bytes, (5 << 20) + 1);
    }
}
