//! What is kept of an output stream: its first and its last bytes, and how many
//! lay between them.
//!
//! The bytes are hostile. Memory stays below the limit whatever is written, and
//! counts are exact.

use std::{collections::VecDeque, string::FromUtf8Error};

use api::{CapturedStream, Event, StreamName};

use crate::EventSink;

/// Kept of each stream where the policy has no limit: as much as a person or a
/// model reads, and no more than a server can hold for each of many runs.
pub(crate) const CAPTURE_BYTES_DEFAULT: u64 = 1 << 20;
/// The largest limit that may be asked for, because what is kept is held in memory.
pub(crate) const CAPTURE_BYTES_MAX: u64 = 256 << 20;
/// The most bytes of a character that another can follow: UTF-8 has at most four.
const CHARACTER_REST_MAX: usize = 3;

/// The kept part of one stream.
#[derive(Debug)]
pub(crate) struct Capture {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    head_max: usize,
    tail_max: usize,
    total: u64,
}

/// What was kept, as bytes.
#[derive(Debug, PartialEq, Eq)]
struct Kept {
    head: Vec<u8>,
    tail: Vec<u8>,
    omitted: u64,
}

impl Capture {
    /// Keeps this many bytes, the first half and the last.
    pub(crate) fn new(bytes: u64) -> Self {
        let bytes = usize::try_from(bytes.min(CAPTURE_BYTES_MAX)).unwrap_or(usize::MAX);
        let tail_max = bytes / 2;
        Self {
            head: Vec::new(),
            tail: VecDeque::new(),
            head_max: bytes - tail_max,
            tail_max,
            total: 0,
        }
    }

    /// Takes what was written next; says how many bytes of it belong to the head.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let room = self.head_max - self.head.len();
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(head);
        let last = &rest[rest.len().saturating_sub(self.tail_max)..];
        let surplus = (self.tail.len() + last.len()).saturating_sub(self.tail_max);
        self.tail.drain(..surplus);
        self.tail.extend(last);
        head.len()
    }

    /// Bytes between head and tail that are gone.
    fn omitted(&self) -> u64 {
        self.total - self.head.len() as u64 - self.tail.len() as u64
    }

    /// The stream for the result. Where something was left out, a character that
    /// was cut in two by that is left out as a whole.
    pub(crate) fn finish(self) -> CapturedStream {
        let total_bytes = self.total;
        let kept = self.cut();
        CapturedStream {
            head: text(kept.head),
            tail: text(kept.tail),
            total_bytes,
            omitted_bytes: kept.omitted,
        }
    }

    fn cut(mut self) -> Kept {
        let omitted = self.omitted();
        if omitted == 0 {
            self.head.extend(&self.tail);
            return Kept { head: self.head, tail: Vec::new(), omitted };
        }
        let begun = begun_bytes(&self.head);
        self.head.truncate(self.head.len() - begun);
        let mut tail = Vec::from(self.tail);
        let rest = rest_bytes(&tail);
        tail.drain(..rest);
        let omitted = omitted + begun as u64 + rest as u64;
        Kept { head: self.head, tail, omitted }
    }
}

/// Bytes as text, which most are already.
fn text(bytes: Vec<u8>) -> String {
    let lossy = |error: FromUtf8Error| String::from_utf8_lossy(error.as_bytes()).into_owned();
    String::from_utf8(bytes).unwrap_or_else(lossy)
}

/// How many bytes at the end are the beginning of a character and no more.
fn begun_bytes(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(CHARACTER_REST_MAX);
    let is_begun = |length: &usize| {
        let suffix = &bytes[bytes.len() - length..];
        let error = std::str::from_utf8(suffix).err();
        error.is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=longest).find(is_begun).unwrap_or(0)
}

/// How many bytes at the start can only be the rest of a character.
fn rest_bytes(bytes: &[u8]) -> usize {
    let is_rest = |byte: &&u8| **byte & 0b1100_0000 == 0b1000_0000;
    bytes.iter().take(CHARACTER_REST_MAX).take_while(is_rest).count()
}

/// One stream on its way to events and to the result.
#[derive(Debug)]
pub(crate) struct Output {
    name: StreamName,
    capture: Capture,
    limited: bool,
}

impl Output {
    /// A stream of which all becomes events; or, with a limit, that much.
    pub(crate) fn new(name: StreamName, limit: Option<u64>) -> Self {
        let capture = Capture::new(limit.unwrap_or(CAPTURE_BYTES_DEFAULT));
        Self { name, capture, limited: limit.is_some() }
    }

    /// Takes what was written next.
    pub(crate) fn write(&mut self, bytes: &[u8], events: &mut dyn EventSink) {
        let head = self.capture.push(bytes);
        let shown = if self.withholds(events) { &bytes[..head] } else { bytes };
        self.show(shown, events);
    }

    /// Ends the stream: what a limit withheld of its end becomes an event now, and
    /// before it the count of what never will.
    pub(crate) fn finish(self, events: &mut dyn EventSink) -> CapturedStream {
        if self.withholds(events) {
            let bytes = self.capture.omitted();
            if bytes > 0 {
                events.event(Event::Omitted { stream: self.name, bytes });
            }
            let (front, back) = self.capture.tail.as_slices();
            self.show(front, events);
            self.show(back, events);
        }
        self.capture.finish()
    }

    fn withholds(&self, events: &dyn EventSink) -> bool {
        self.limited && !events.takes_all_output()
    }

    fn show(&self, bytes: &[u8], events: &mut dyn EventSink) {
        if !bytes.is_empty() {
            events.event(Event::Output { stream: self.name, bytes });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn captured(limit: u64, chunks: &[Vec<u8>]) -> Capture {
        let mut capture = Capture::new(limit);
        for chunk in chunks {
            capture.push(chunk);
        }
        capture
    }

    fn text(limit: u64, written: &str) -> (String, String, u64) {
        let stream = captured(limit, &[written.as_bytes().to_vec()]).finish();
        (stream.head, stream.tail, stream.omitted_bytes)
    }

    #[test]
    fn keeps_the_first_and_the_last_half() {
        let expected =
            |head: &str, tail: &str, omitted| (head.to_owned(), tail.to_owned(), omitted);
        assert_eq!(text(4, "abcdefgh"), expected("ab", "gh", 4));
        assert_eq!(text(5, "abcdefgh"), expected("abc", "gh", 3));
        assert_eq!(text(8, "abcdefgh"), expected("abcdefgh", "", 0));
        assert_eq!(text(7, "abcdefgh"), expected("abcd", "fgh", 1));
        assert_eq!(text(1, "abc"), expected("a", "", 2));
        assert_eq!(text(0, "abc"), expected("", "", 3));
        assert_eq!(text(0, ""), expected("", "", 0));
    }

    #[test]
    fn leaves_out_whole_characters() {
        let expected =
            |head: &str, tail: &str, omitted| (head.to_owned(), tail.to_owned(), omitted);
        assert_eq!(text(4, "aßcdeßf"), expected("a", "f", 7));
        assert_eq!(text(8, "a€€bcd€€e"), expected("a€", "€e", 9));
        assert_eq!(text(6, "🦀🦀🦀"), expected("", "", 12));
        assert_eq!(text(12, "🦀🦀🦀"), expected("🦀🦀🦀", "", 0));
    }

    #[test]
    fn replaces_what_is_not_text() {
        let stream = captured(100, &[b"a\xff\xfeb\xe2\x82".to_vec()]).finish();
        assert_eq!(stream.head, "a\u{fffd}\u{fffd}b\u{fffd}");
        assert_eq!((stream.total_bytes, stream.omitted_bytes), (6, 0));
    }

    /// Collects events as the bytes that a reader would have, and the gaps.
    #[derive(Default)]
    struct Reader {
        shown: Vec<u8>,
        gaps: Vec<(usize, u64)>,
    }

    impl EventSink for Reader {
        fn event(&mut self, event: Event<'_>) {
            match event {
                Event::Output { bytes, .. } => {
                    assert!(!bytes.is_empty());
                    self.shown.extend_from_slice(bytes);
                }
                Event::Omitted { bytes, .. } => self.gaps.push((self.shown.len(), bytes)),
                _ => {}
            }
        }
    }

    fn read(limit: Option<u64>, chunks: &[Vec<u8>]) -> Reader {
        let mut reader = Reader::default();
        let mut output = Output::new(StreamName::Stdout, limit);
        for chunk in chunks {
            output.write(chunk, &mut reader);
        }
        output.finish(&mut reader);
        reader
    }

    fn chunks() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let byte = prop_oneof![any::<u8>(), Just(b'a'), Just(0xe2), Just(0x82), Just(0xac)];
        prop::collection::vec(prop::collection::vec(byte, 0..40), 0..12)
    }

    proptest! {
        #[test]
        fn counts_are_exact_and_the_limit_holds(limit in 0_u64..300, chunks in chunks()) {
            let all = chunks.concat();
            let capture = captured(limit, &chunks);
            prop_assert_eq!(capture.total, all.len() as u64);
            let kept = capture.cut();
            let length = kept.head.len() + kept.tail.len();
            prop_assert_eq!(length as u64 + kept.omitted, all.len() as u64);
            prop_assert!(length as u64 <= limit);
            prop_assert!(all.starts_with(&kept.head));
            prop_assert!(all.ends_with(&kept.tail));
            if all.len() as u64 <= limit {
                prop_assert_eq!(kept.omitted, 0);
            } else {
                prop_assert!(kept.omitted >= all.len() as u64 - limit);
                prop_assert!(kept.omitted <= all.len() as u64 - limit + 6);
            }
        }

        #[test]
        fn chunks_make_no_difference(limit in 0_u64..300, chunks in chunks()) {
            let whole = captured(limit, &[chunks.concat()]).finish();
            prop_assert_eq!(captured(limit, &chunks).finish(), whole);
        }

        #[test]
        fn text_stays_text(limit in 0_u64..60, written in "[a-cß€🦀]{0,40}") {
            let stream = captured(limit, &[written.clone().into_bytes()]).finish();
            prop_assert!(written.starts_with(&stream.head));
            prop_assert!(written.ends_with(&stream.tail));
            let kept = (stream.head.len() + stream.tail.len()) as u64;
            prop_assert_eq!(kept + stream.omitted_bytes, stream.total_bytes);
        }

        #[test]
        fn events_without_a_limit_are_everything(chunks in chunks()) {
            let reader = read(None, &chunks);
            prop_assert_eq!(reader.shown, chunks.concat());
            prop_assert!(reader.gaps.is_empty());
        }

        #[test]
        fn events_with_a_limit_tell_of_the_gap(limit in 0_u64..300, chunks in chunks()) {
            let all = chunks.concat();
            let reader = read(Some(limit), &chunks);
            let gone = (all.len() as u64).saturating_sub(limit);
            prop_assert_eq!(reader.shown.len() as u64 + gone, all.len() as u64);
            if gone == 0 {
                prop_assert_eq!(reader.shown, all);
                prop_assert!(reader.gaps.is_empty());
            } else {
                let head = usize::try_from(limit - limit / 2).unwrap();
                prop_assert_eq!(&reader.gaps, &vec![(head, gone)]);
                prop_assert_eq!(&reader.shown[..head], &all[..head]);
                prop_assert!(all.ends_with(&reader.shown[head..]));
            }
        }
    }
}
