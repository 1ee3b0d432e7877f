//! Keeps the first and the last characters of a stream and counts those between.
//!
//! The bytes are hostile: whatever is no UTF-8 becomes U+FFFD, and memory stays
//! below the limit.

use std::collections::VecDeque;

/// The most bytes of a character that another can complete.
const CHARACTER_BYTES_MAX: usize = 4;

/// The first and the last characters of a stream.
#[derive(Debug)]
pub(crate) struct Window {
    head: String,
    head_room: usize,
    tail: VecDeque<char>,
    tail_max: usize,
    omitted: u64,
    begun: Vec<u8>,
}

impl Window {
    /// Keeps this many characters.
    pub(crate) const fn new(characters: usize) -> Self {
        let head_room = characters / 2;
        Self {
            head: String::new(),
            head_room,
            tail: VecDeque::new(),
            tail_max: characters - head_room,
            omitted: 0,
            begun: Vec::new(),
        }
    }

    /// Takes what was written next.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let mut whole = std::mem::take(&mut self.begun);
        whole.extend_from_slice(bytes);
        let end = whole.len() - begun_bytes(&whole);
        for letter in String::from_utf8_lossy(&whole[..end]).chars() {
            self.take(letter);
        }
        self.begun = whole.split_off(end);
    }

    fn take(&mut self, letter: char) {
        if self.head_room > 0 {
            self.head_room -= 1;
            self.head.push(letter);
            return;
        }
        self.tail.push_back(letter);
        if self.tail.len() > self.tail_max {
            self.tail.pop_front();
            self.omitted += 1;
        }
    }

    /// The text, with a line in the middle where characters are missing; and whether they are.
    pub(crate) fn finish(mut self) -> (String, bool) {
        let begun = std::mem::take(&mut self.begun);
        for letter in String::from_utf8_lossy(&begun).chars() {
            self.take(letter);
        }
        let mut text = self.head;
        if self.omitted > 0 {
            text.push_str(&format!("\n[... {} characters omitted ...]\n", self.omitted));
        }
        text.extend(self.tail);
        (text, self.omitted > 0)
    }
}

/// How many bytes at the end begin a character that is not complete.
fn begun_bytes(bytes: &[u8]) -> usize {
    let longest = bytes.len().min(CHARACTER_BYTES_MAX - 1);
    let begins = |length: &usize| {
        let error = std::str::from_utf8(&bytes[bytes.len() - length..]).err();
        error.is_some_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
    };
    (1..=longest).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(characters: usize, text: &str) -> (String, bool) {
        let mut window = Window::new(characters);
        window.push(text.as_bytes());
        window.finish()
    }

    #[test]
    fn the_middle_goes_and_is_counted() {
        assert_eq!(kept(4, "abcd"), ("abcd".to_owned(), false));
        let shortened = "ab\n[... 22 characters omitted ...]\nyz";
        assert_eq!(kept(4, "abcdefghijklmnopqrstuvwxyz"), (shortened.to_owned(), true));
        assert_eq!(kept(2, "äöü"), ("ä\n[... 1 characters omitted ...]\nü".to_owned(), true));
        assert_eq!(kept(0, "a"), ("\n[... 1 characters omitted ...]\n".to_owned(), true));
    }

    proptest! {
        #[test]
        fn chunks_make_no_difference(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            cut in 0_usize..64,
            characters in 0_usize..40,
        ) {
            let mut window = Window::new(characters);
            let (left, right) = bytes.split_at(cut.min(bytes.len()));
            window.push(left);
            window.push(right);
            let mut whole = Window::new(characters);
            whole.push(&bytes);
            prop_assert_eq!(window.finish(), whole.finish());
        }

        #[test]
        fn what_fits_is_left_as_it_is(text in "\\PC{0,20}") {
            prop_assert_eq!(kept(20, &text), (text.clone(), false));
        }
    }
}
