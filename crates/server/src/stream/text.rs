//! Bytes as text, in pieces: a character that is cut in two by the pieces is held back
//! until it is whole.

/// The longest character of UTF-8.
const CHARACTER_BYTES_MAX: usize = 4;

/// Bytes that do not make a whole character yet.
#[derive(Debug, Default)]
pub(super) struct Text {
    held: Vec<u8>,
}

impl Text {
    /// The text of what came; bytes that are no text become U+FFFD.
    pub(super) fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let whole = self.held.len() - cut(&self.held);
        let rest = self.held.split_off(whole);
        let text = String::from_utf8_lossy(&self.held).into_owned();
        self.held = rest;
        text
    }

    /// What was held back.
    pub(super) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.held)).into_owned()
    }
}

/// How many bytes at the end begin a character without ending it.
fn cut(bytes: &[u8]) -> usize {
    for back in 1..CHARACTER_BYTES_MAX.min(bytes.len() + 1) {
        let Some(byte) = bytes.get(bytes.len() - back) else { return 0 };
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn pieces_of_text_are_the_text(
            text in "\\PC{0,20}",
            sizes in prop::collection::vec(1_usize..5, 0..60),
        ) {
            let mut pieces = Text::default();
            let mut told = String::new();
            let mut rest = text.as_bytes();
            for size in sizes {
                let (piece, more) = rest.split_at(size.min(rest.len()));
                told.push_str(&pieces.push(piece));
                rest = more;
            }
            told.push_str(&pieces.push(rest));
            told.push_str(&pieces.finish());
            prop_assert_eq!(told, text);
        }

        #[test]
        fn any_bytes_are_told_in_the_end(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut pieces = Text::default();
            for byte in &bytes {
                pieces.push(&[*byte]);
                prop_assert!(pieces.held.len() < CHARACTER_BYTES_MAX);
            }
            pieces.finish();
        }
    }
}
