//! The last bytes of an output stream, each known by its offset from the start.

use std::collections::VecDeque;

/// The most that is kept of one stream of one command: what a person scrolls back, and
/// no more than a server can hold for each of many.
pub const LOG_BYTES_MAX: usize = 1 << 20;

/// A part of an output stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogChunk {
    /// What was written, byte for byte.
    pub bytes: Vec<u8>,
    /// Where it begins, in bytes from the start of the stream. More than was asked for
    /// where what lies before is not kept any more.
    pub offset: u64,
    /// Where what follows begins.
    pub next_offset: u64,
    /// Where what is still kept begins.
    pub oldest_offset: u64,
    /// Whether nothing will ever follow.
    pub is_ended: bool,
}

/// The last bytes of an output stream.
#[derive(Debug)]
pub(super) struct Log {
    kept: VecDeque<u8>,
    oldest: u64,
    maximum: usize,
}

impl Log {
    pub(super) const fn new(maximum: usize) -> Self {
        Self { kept: VecDeque::new(), oldest: 0, maximum }
    }

    /// Where what comes next begins.
    pub(super) fn end(&self) -> u64 {
        self.oldest.saturating_add(self.kept.len() as u64)
    }

    /// How much is kept.
    pub(super) fn size(&self) -> usize {
        self.kept.len()
    }

    /// Takes what was written next.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.end().saturating_add(bytes.len() as u64);
        let last = &bytes[bytes.len().saturating_sub(self.maximum)..];
        let surplus = (self.kept.len() + last.len()).saturating_sub(self.maximum);
        self.kept.drain(..surplus);
        self.kept.extend(last);
        self.oldest = end - self.kept.len() as u64;
    }

    /// Nothing more comes: no more memory is held than is used.
    pub(super) fn finish(&mut self) {
        self.kept.shrink_to_fit();
    }

    /// What was written from an offset on, but not more than so much.
    pub(super) fn read(&self, offset: u64, maximum: usize) -> LogChunk {
        let offset = offset.clamp(self.oldest, self.end());
        let skipped = usize::try_from(offset - self.oldest).unwrap_or(usize::MAX);
        let bytes: Vec<u8> = self.kept.iter().skip(skipped).take(maximum).copied().collect();
        let next_offset = offset + bytes.len() as u64;
        LogChunk { bytes, offset, next_offset, oldest_offset: self.oldest, is_ended: false }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_gone_is_passed_over() {
        let mut log = Log::new(5);
        log.push(b"abcdefg");
        let chunk = |offset, maximum| {
            let chunk = log.read(offset, maximum);
            (chunk.offset, String::from_utf8(chunk.bytes).unwrap(), chunk.next_offset)
        };
        assert_eq!(chunk(0, 2), (2, "cd".to_owned(), 4));
        assert_eq!(chunk(4, 100), (4, "efg".to_owned(), 7));
        assert_eq!(chunk(7, 100), (7, String::new(), 7));
        assert_eq!(chunk(u64::MAX, 100), (7, String::new(), 7));
        assert_eq!(chunk(3, 0), (3, String::new(), 3));
        assert_eq!(log.read(0, 1).oldest_offset, 2);
    }

    proptest! {
        #[test]
        fn the_last_bytes_are_kept_at_their_offsets(
            maximum in 0_usize..40,
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..10),
            offset in 0_u64..400,
            length in 0_usize..100,
        ) {
            let mut log = Log::new(maximum);
            chunks.iter().for_each(|chunk| log.push(chunk));
            let all = chunks.concat();
            prop_assert_eq!(log.end(), all.len() as u64);
            prop_assert_eq!(log.size(), all.len().min(maximum));
            let chunk = log.read(offset, length);
            prop_assert!(chunk.bytes.len() <= length);
            prop_assert!(chunk.oldest_offset <= chunk.offset && chunk.offset <= chunk.next_offset);
            let at = |offset: u64| usize::try_from(offset).unwrap();
            prop_assert_eq!(&all[at(chunk.offset)..at(chunk.next_offset)], &chunk.bytes[..]);
        }
    }
}
