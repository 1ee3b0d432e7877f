//! Decoding tried with every cut, with lengths that lie, and with noise.

use proptest::prelude::*;

use super::*;

fn encoded(kind: u8, token: u64, body: &[u8]) -> Vec<u8> {
    Frame { kind, token: Token::from_number(token), body: body.to_vec() }.encode().unwrap()
}

/// Everything that these bytes decode to, given in these pieces.
fn decoded<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Frame>, Option<Violation>, Decoder) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for mut piece in pieces {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(violation) => return (frames, Some(violation), decoder),
            }
        }
        assert!(piece.is_empty(), "what is not taken is lost");
    }
    (frames, None, decoder)
}

#[test]
fn the_form_is_the_protocols() {
    let expected = [12, 0, 0, 0, 66, 8, 7, 6, 5, 4, 3, 2, 1, b'{', b' ', b'}'];
    assert_eq!(encoded(66, 0x0102_0304_0506_0708, b"{ }"), expected);
}

#[test]
fn lengths_that_are_no_frames_are_told_at_once_and_for_good() {
    let longest = u32::try_from(FROM_KERNEL_BYTES_MAX).unwrap();
    for bytes in [0, 1, 8, longest + 1, u32::MAX] {
        let (frames, violation, mut decoder) = decoded([&bytes.to_le_bytes()[..]]);
        assert_eq!((frames, &violation), (Vec::new(), &Some(Violation::Length { bytes })));
        let good = encoded(65, 0, b"{}");
        assert_eq!(decoder.decode(&mut &good[..]).err(), violation);
        assert!(!decoder.is_at_start());
    }
    for bytes in [9, 10, longest] {
        assert_eq!(decoded([&bytes.to_le_bytes()[..]]).1, None, "{bytes}");
    }
}

#[test]
fn the_longest_frame_is_let_through() {
    let body = vec![b' '; FROM_KERNEL_BYTES_MAX - HEAD_BYTES];
    let bytes = encoded(66, 1, &body);
    let (frames, violation, decoder) = decoded(bytes.chunks(64 * 1024));
    assert_eq!((frames.len(), violation), (1, None));
    assert_eq!(frames[0].body, body);
    assert!(decoder.is_at_start());
}

#[test]
fn a_frame_too_long_for_a_kernel_is_not_made() {
    let frame = |length| Frame { kind: 2, token: Token::NONE, body: vec![0; length] };
    assert!(frame(TO_KERNEL_BYTES_MAX - HEAD_BYTES).encode().is_some());
    assert!(frame(TO_KERNEL_BYTES_MAX - HEAD_BYTES + 1).encode().is_none());
}

#[test]
fn a_promise_takes_no_memory() {
    let mut decoder = Decoder::new();
    let mut bytes = u32::try_from(FROM_KERNEL_BYTES_MAX).unwrap().to_le_bytes().to_vec();
    bytes.extend([0; 9 + 5000]);
    for piece in bytes.chunks(100) {
        assert_eq!(decoder.decode(&mut &piece[..]), Ok(None));
        let State::Body { frame, .. } = &decoder.state else { continue };
        let most = (2 * frame.body.len()).max(BODY_BYTES_MIN);
        assert!(frame.body.capacity() <= most, "{} for {}", frame.body.capacity(), most);
    }
}

fn frames() -> impl Strategy<Value = Vec<(u8, u64, Vec<u8>)>> {
    let body = prop::collection::vec(any::<u8>(), 0..700);
    prop::collection::vec((any::<u8>(), any::<u64>(), body), 0..6)
}

/// Cuts bytes into pieces of these lengths, over and over.
fn cut<'a>(mut bytes: &'a [u8], lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..300, 1..5)
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0_u8), Just(9), Just(10), any::<u8>()];
    prop::collection::vec(byte, 0..400)
}

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in(frames in frames(), cuts in cuts()) {
        let mut bytes = Vec::new();
        for (kind, token, body) in &frames {
            bytes.extend(encoded(*kind, *token, body));
        }
        let (decoded, violation, decoder) = decoded(cut(&bytes, &cuts));
        prop_assert_eq!(violation, None);
        prop_assert!(decoder.is_at_start());
        let parts = |frame: Frame| (frame.kind, frame.token.number(), frame.body);
        prop_assert_eq!(decoded.into_iter().map(parts).collect::<Vec<_>>(), frames);
    }

    #[test]
    fn an_unfinished_frame_is_none(frames in frames(), left_out in 1_usize..20) {
        let mut bytes = encoded(66, 1, b"{}");
        for (kind, token, body) in &frames {
            bytes.extend(encoded(*kind, *token, body));
        }
        let last = frames.last().map_or(2, |(.., body)| body.len()) + LENGTH_BYTES + HEAD_BYTES;
        bytes.truncate(bytes.len() - left_out.min(last - 1));
        let (decoded, violation, decoder) = decoded([&bytes[..]]);
        prop_assert_eq!((decoded.len(), violation), (frames.len(), None));
        prop_assert!(!decoder.is_at_start());
    }

    #[test]
    fn cuts_make_no_difference_to_noise(
        noise in noise(),
        cuts in cuts(),
    ) {
        let whole = decoded([&noise[..]]);
        let pieces = decoded(cut(&noise, &cuts));
        prop_assert_eq!((whole.0, whole.1), (pieces.0, pieces.1));
    }
}
