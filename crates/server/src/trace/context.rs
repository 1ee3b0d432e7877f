//! Which trace a span belongs to, in the words of W3C Trace Context.

use rustix::rand::{GetRandomFlags, getrandom};

/// The bit that says that the caller records its part of the trace.
const SAMPLED: u8 = 1;

/// The longest header: that of a later version may have more than we know.
const HEADER_BYTES_MAX: usize = 256;

/// Names a span and its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanContext {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

impl SpanContext {
    /// Reads a `traceparent`; `None` where it is not one, and then a trace begins here.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        let text = str::from_utf8(header).ok().filter(|text| text.len() <= HEADER_BYTES_MAX)?;
        let mut parts = text.trim().split('-');
        let version = hex::<1>(parts.next()?)?[0];
        let (trace, span) = (hex::<16>(parts.next()?)?, hex::<8>(parts.next()?)?);
        let flags = hex::<1>(parts.next()?)?[0];
        let is_whole = version != 0xff && (version != 0 || parts.next().is_none());
        let is_named = trace != [0; 16] && span != [0; 8];
        (is_whole && is_named).then_some(Self { trace, span, flags })
    }

    /// A new span below another, or at the root of a new trace.
    pub(super) fn below(parent: Option<Self>) -> Self {
        let span = random();
        match parent {
            Some(parent) => Self { span, ..parent },
            None => Self { trace: random(), span, flags: SAMPLED },
        }
    }

    pub(crate) const fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The trace's id as text.
    pub(crate) fn trace_id(&self) -> String {
        text(&self.trace)
    }

    /// The span's id as text.
    pub(super) fn span_id(&self) -> String {
        text(&self.span)
    }
}

/// Names need to be different, not secret: where there is no randomness yet, they are
/// zero, and the collector drops them.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let _ = getrandom(&mut bytes[..], GetRandomFlags::empty());
    bytes
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

fn text(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn a_trace_goes_on_where_the_header_is_sound() {
        let table = [
            (format!("00-{TRACE}-b7ad6b7169203331-01"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-00"), Some(false)),
            (format!("01-{TRACE}-b7ad6b7169203331-01-more"), Some(true)),
            (format!("00-{TRACE}-b7ad6b7169203331-01-more"), None),
            (format!("ff-{TRACE}-b7ad6b7169203331-01"), None),
            (format!("00-{TRACE}-0000000000000000-01"), None),
            (format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), None),
            (format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()), None),
            (format!("00-{TRACE}-b7ad6b7169203331"), None),
            (String::new(), None),
        ];
        for (header, sampled) in table {
            let read = SpanContext::read(header.as_bytes());
            assert_eq!(read.map(|context| context.is_sampled()), sampled, "{header}");
            let below = SpanContext::below(read);
            assert_eq!(below.trace_id() == TRACE, sampled.is_some(), "{header}");
            assert_ne!(below.span_id(), "b7ad6b7169203331");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_may_come(bytes: Vec<u8>) {
            let _ = SpanContext::read(&bytes);
        }
    }
}
