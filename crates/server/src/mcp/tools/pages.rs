//! Lines of a text that comes in pieces, from one to another. Pure.

use crate::mcp::refusal::Refusal;

/// The most text of one answer: more would fill a model's context.
pub(super) const TEXT_BYTES_MAX: usize = 128 << 10;
/// How many lines are read if the client does not say, and the most.
const LINES_USUAL: u64 = 2000;
const LINES_MAX: u64 = 100_000;

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lines {
    /// The first, counted from 1.
    pub(super) first: u64,
    /// How many.
    count: u64,
}

impl Lines {
    pub(super) fn asked(offset: Option<u64>, limit: Option<u64>) -> Result<Self, Refusal> {
        let (first, count) = (offset.unwrap_or(1), limit.unwrap_or(LINES_USUAL));
        if first == 0 {
            return Err(Refusal::invalid("offset: lines are counted from 1"));
        }
        if !(1..=LINES_MAX).contains(&count) {
            return Err(Refusal::invalid(format!("limit: from 1 to {LINES_MAX}")));
        }
        Ok(Self { first, count })
    }
}

/// Takes the lines that are wanted out of pieces.
#[derive(Debug)]
pub(super) struct Taker {
    wanted: Lines,
    /// The line that the next byte belongs to.
    line: u64,
    taken: Vec<u8>,
    is_full: bool,
}

/// The lines that were taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) text: String,
    /// The first line that was not taken, if there is one.
    pub(super) next: Option<u64>,
}

impl Taker {
    pub(super) const fn new(wanted: Lines) -> Self {
        Self { wanted, line: 1, taken: Vec::new(), is_full: false }
    }

    /// Takes of a piece what is wanted; says whether more may be.
    pub(super) fn push(&mut self, piece: &[u8]) -> bool {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line >= self.wanted.first.saturating_add(self.wanted.count) {
                self.is_full = true;
            }
            if self.is_full {
                return false;
            }
            if self.line >= self.wanted.first {
                let room = TEXT_BYTES_MAX - self.taken.len();
                self.taken.extend_from_slice(line.get(..room).unwrap_or(line));
                self.is_full = line.len() > room;
            }
            if line.ends_with(b"\n") && !self.is_full {
                self.line += 1;
            }
        }
        !self.is_full
    }

    pub(super) fn finish(self) -> Taken {
        let next = self.is_full.then_some(if self.line <= self.wanted.first {
            // A line that fits into no answer is passed over.
            self.line + 1
        } else {
            self.line
        });
        let mut taken = self.taken;
        if self.is_full && self.line > self.wanted.first && !taken.ends_with(b"\n") {
            // What was begun of a line is read whole the next time.
            let whole = taken.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            taken.truncate(whole);
        }
        Taken { text: String::from_utf8_lossy(&taken).into_owned(), next }
    }
}

/// Whether bytes at the beginning of a file are those of a text.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0)
        && match str::from_utf8(bytes) {
            Ok(_) => true,
            // A character may be cut in two by the end of the piece.
            Err(error) => error.error_len().is_none(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(text: &[u8], piece: usize, first: u64, count: u64) -> Taken {
        let mut taker = Taker::new(Lines { first, count });
        for piece in text.chunks(piece) {
            if !taker.push(piece) {
                break;
            }
        }
        taker.finish()
    }

    #[test]
    fn lines_are_taken_whatever_the_pieces() {
        let text = "one\ntw\u{f6}\nthree\nfour";
        for piece in 1..=text.len() {
            let taken = |first, count| {
                let Taken { text, next } = take(text.as_bytes(), piece, first, count);
                (text, next)
            };
            assert_eq!(taken(1, 2), ("one\ntw\u{f6}\n".to_owned(), Some(3)));
            assert_eq!(taken(3, 2), ("three\nfour".to_owned(), None));
            assert_eq!(taken(1, 100), (text.to_owned(), None));
            assert_eq!(taken(9, 1), (String::new(), None));
        }
    }

    #[test]
    fn an_answer_ends_at_a_whole_line() {
        let text = format!("{}\n{}\n", "a".repeat(TEXT_BYTES_MAX - 10), "b".repeat(20));
        let taken = take(text.as_bytes(), 1000, 1, 10);
        assert_eq!((taken.text.len(), taken.next), (TEXT_BYTES_MAX - 9, Some(2)));
        let long = "c".repeat(3 * TEXT_BYTES_MAX);
        let taken = take(long.as_bytes(), 1000, 1, 10);
        assert_eq!((taken.text.len(), taken.next), (TEXT_BYTES_MAX, Some(2)));
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        assert!(is_text(b"") && is_text("a\u{e9}".as_bytes()) && is_text(b"a\xc3"));
        assert!(!is_text(b"a\0") && !is_text(b"\xff\xfe") && !is_text(b"\xc3a"));
    }
}
