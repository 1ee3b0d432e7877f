//! Frames: what goes over a kernel's socket, cut into pieces.
//!
//! A frame is its length (four bytes, little end first), a kind (one byte), the
//! token of the turn that it belongs to (eight bytes) and a body. The length counts
//! what follows it. What kinds there are and what a body holds is not known here.

use crate::{Token, Violation};

/// The longest frame to a kernel: code of 16 MiB, and room for what JSON makes
/// longer.
pub const TO_KERNEL_BYTES_MAX: usize = 20 << 20;
/// The longest frame from a kernel: two of the largest representations that it
/// passes on (8 MiB each).
pub const FROM_KERNEL_BYTES_MAX: usize = 16 << 20;
/// Bytes of a frame's length.
const LENGTH_BYTES: usize = 4;
/// Bytes of kind and token, which every frame has.
const HEAD_BYTES: usize = 9;
/// Room for the first bytes of a body; most are shorter, and what a frame only
/// promises costs no memory.
const BODY_BYTES_MIN: usize = 512;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What kind of message it is.
    pub kind: u8,
    /// The turn that it belongs to.
    pub token: Token,
    /// What it says.
    pub body: Vec<u8>,
}

impl Frame {
    /// The frame as bytes for a kernel; `None` where it is too long for one.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let length = HEAD_BYTES + self.body.len();
        if length > TO_KERNEL_BYTES_MAX {
            return None;
        }
        let mut bytes = Vec::with_capacity(LENGTH_BYTES + length);
        bytes.extend_from_slice(&u32::try_from(length).ok()?.to_le_bytes());
        bytes.push(self.kind);
        bytes.extend_from_slice(&self.token.number().to_le_bytes());
        bytes.extend_from_slice(&self.body);
        Some(bytes)
    }
}

/// Makes frames of the bytes that come from a kernel, however they are cut.
///
/// Holds at most one frame that is not complete yet, and of that only what came.
/// A violation is final: the place where the next frame begins is lost.
#[derive(Debug, Default)]
pub struct Decoder {
    state: State,
}

#[derive(Debug)]
enum State {
    /// The length and the head, as far as they came.
    Head { bytes: [u8; LENGTH_BYTES + HEAD_BYTES], filled: usize },
    /// The body, as far as it came.
    Body { frame: Frame, length: usize },
    /// What came was no frame.
    Broken(Violation),
}

impl Default for State {
    fn default() -> Self {
        Self::Head { bytes: [0; LENGTH_BYTES + HEAD_BYTES], filled: 0 }
    }
}

impl Decoder {
    /// A decoder at the start of a frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes from the front of `input` until a frame is complete or none are left.
    ///
    /// # Errors
    /// The bytes are no frame. Every further call says the same.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        loop {
            match &mut self.state {
                State::Broken(violation) => return Err(violation.clone()),
                State::Head { bytes, filled } => {
                    let taken = take(input, bytes.len() - *filled);
                    bytes[*filled..*filled + taken.len()].copy_from_slice(taken);
                    *filled += taken.len();
                    self.state = match parse_head(bytes, *filled) {
                        Ok(None) => return Ok(None),
                        Ok(Some((frame, length))) => State::Body { frame, length },
                        Err(violation) => State::Broken(violation),
                    };
                }
                State::Body { frame, length } => {
                    let taken = take(input, *length - frame.body.len());
                    append(&mut frame.body, taken, *length);
                    if frame.body.len() < *length {
                        return Ok(None);
                    }
                    let State::Body { frame, .. } = std::mem::take(&mut self.state) else {
                        return Ok(None);
                    };
                    return Ok(Some(frame));
                }
            }
        }
    }

    /// Whether what came so far ends where a frame ends.
    #[must_use]
    pub fn is_at_start(&self) -> bool {
        matches!(self.state, State::Head { filled: 0, .. })
    }
}

/// Takes up to this many bytes from the front.
fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (taken, rest) = input.split_at(most.min(input.len()));
    *input = rest;
    taken
}

/// The frame without its body, and how long that is, if its head is complete. A
/// wrong length is told as soon as it is there.
fn parse_head(
    bytes: &[u8; LENGTH_BYTES + HEAD_BYTES],
    filled: usize,
) -> Result<Option<(Frame, usize)>, Violation> {
    let [l0, l1, l2, l3, kind, token @ ..] = *bytes;
    if filled < LENGTH_BYTES {
        return Ok(None);
    }
    let bytes = u32::from_le_bytes([l0, l1, l2, l3]);
    let length = usize::try_from(bytes).unwrap_or(usize::MAX);
    if !(HEAD_BYTES..=FROM_KERNEL_BYTES_MAX).contains(&length) {
        return Err(Violation::Length { bytes });
    }
    if filled < LENGTH_BYTES + HEAD_BYTES {
        return Ok(None);
    }
    let token = Token::from_number(u64::from_le_bytes(token));
    Ok(Some((Frame { kind, token, body: Vec::new() }, length - HEAD_BYTES)))
}

/// Appends, growing by doubling but never past what the body will hold.
fn append(body: &mut Vec<u8>, bytes: &[u8], length: usize) {
    let needed = body.len() + bytes.len();
    if needed > body.capacity() {
        let wanted = needed.max(body.capacity() * 2).max(BODY_BYTES_MIN).min(length);
        body.reserve_exact(wanted - body.len());
    }
    body.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
