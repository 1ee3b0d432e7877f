//! The events of one run, numbered from 1, the latest of them kept.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tokio::sync::watch;

/// The most bytes of events that are kept of one run: some times the output that is
/// kept of it.
const KEPT_BYTES_MAX: usize = 8 << 20;
/// The most events that are kept of one run.
const KEPT_EVENTS_MAX: usize = 50_000;
/// About how much of them a reader is given at once: a reader that takes nothing holds
/// so much, and no more.
const PIECE_BYTES_MAX: usize = 256 << 10;
/// What an event takes beside its JSON: its place, the counters of its text, and what
/// the allocator adds.
const EVENT_BYTES: usize = size_of::<Numbered>() + 32;

/// One event, as it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) seq: u64,
    pub(crate) kind: &'static str,
    /// A JSON object in one line.
    pub(crate) json: Arc<str>,
}

impl Numbered {
    fn bytes(&self) -> usize {
        self.json.len() + EVENT_BYTES
    }
}

#[derive(Serialize)]
struct Wire<T> {
    seq: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    says: T,
}

/// What came after an event that a reader had: all of it, or the first piece.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) events: Vec<Numbered>,
    /// Whether there will be no more after these.
    pub(crate) is_over: bool,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Numbered>,
    bytes: usize,
    last: u64,
    is_over: bool,
}

/// The events of one run.
#[derive(Debug)]
pub(crate) struct EventLog {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl Default for EventLog {
    fn default() -> Self {
        Self { state: Mutex::default(), changes: watch::Sender::new(0) }
    }
}

impl EventLog {
    /// Adds an event: its kind, and what it says.
    pub(crate) fn push(&self, kind: &'static str, says: impl Serialize) {
        let mut state = self.lock();
        state.last += 1;
        let seq = state.last;
        // What we say ourselves is always JSON.
        let json = serde_json::to_string(&Wire { seq, kind, says }).unwrap_or_default();
        let event = Numbered { seq, kind, json: json.into() };
        state.bytes += event.bytes();
        state.events.push_back(event);
        state.trim();
        drop(state);
        self.changes.send_replace(seq);
    }

    /// Says that there will be no more.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.events.shrink_to_fit();
        drop(state);
        self.changes.send_modify(|_| ());
    }

    /// What there is after an event, without waiting. What is no longer kept is missing:
    /// the numbers tell.
    pub(crate) fn after(&self, seq: u64) -> News {
        let state = self.lock();
        let first = state.events.front().map_or(0, |event| event.seq);
        let skip = usize::try_from((seq + 1).saturating_sub(first)).unwrap_or(usize::MAX);
        let mut room = PIECE_BYTES_MAX;
        // The first is given whatever its size.
        let fits = |event: &&Numbered| {
            let is_room = room > 0;
            room = room.saturating_sub(event.bytes());
            is_room
        };
        let events: Vec<_> = state.events.iter().skip(skip).take_while(fits).cloned().collect();
        let reached = events.last().map_or(seq, |event| event.seq);
        News { events, is_over: state.is_over && reached >= state.last }
    }

    /// How many bytes it keeps.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// The number of the latest event.
    pub(crate) fn last(&self) -> u64 {
        self.lock().last
    }

    /// Tells of every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked with it left a list that is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn trim(&mut self) {
        while self.bytes > KEPT_BYTES_MAX || self.events.len() > KEPT_EVENTS_MAX {
            // The latest is told whatever its size.
            if self.events.len() <= 1 {
                return;
            }
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let log = EventLog::default();
        for text in ["a", "b", "c"] {
            log.push("stdout", json!({"text": text}));
        }
        let seqs = |news: News| news.events.iter().map(|event| event.seq).collect::<Vec<_>>();
        assert_eq!(seqs(log.after(0)), [1, 2, 3]);
        assert_eq!(seqs(log.after(2)), [3]);
        assert_eq!(seqs(log.after(99)), [0; 0]);
        assert_eq!(seqs(log.after(u64::MAX - 1)), [0; 0]);
        assert!(!log.after(0).is_over);
        log.end();
        assert!(log.after(3).is_over);
        let first = &log.after(0).events[0];
        assert_eq!(&*first.json, r#"{"seq":1,"type":"stdout","text":"a"}"#);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many_bytes() {
        let log = EventLog::default();
        let text = "x".repeat(KEPT_BYTES_MAX / 4);
        for _ in 0..6 {
            log.push("stdout", json!({"text": text}));
        }
        let all = |mut seq: u64| {
            let mut seqs: Vec<u64> = Vec::new();
            loop {
                let found = log.after(seq).events;
                let Some(last) = found.last() else { break };
                seq = last.seq;
                seqs.extend(found.iter().map(|event| event.seq));
            }
            seqs
        };
        assert_eq!(all(0), [4, 5, 6]);
        assert_eq!(all(5), [6]);
        log.push("stdout", json!({"text": "x".repeat(KEPT_BYTES_MAX + 1)}));
        assert_eq!(all(0), [7]);
    }

    #[test]
    fn a_reader_is_given_a_piece_at_a_time() {
        let log = EventLog::default();
        let text = "x".repeat(PIECE_BYTES_MAX / 2);
        for _ in 0..5 {
            log.push("stdout", json!({"text": text}));
        }
        log.end();
        let (mut seq, mut pieces) = (0, Vec::new());
        loop {
            let news = log.after(seq);
            pieces.push(news.events.len());
            seq = news.events.last().unwrap().seq;
            if news.is_over {
                break;
            }
        }
        assert_eq!(pieces, [2, 2, 1]);
        assert!(log.after(seq).is_over && log.after(99).is_over);
    }
}
