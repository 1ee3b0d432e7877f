//! What a client writes to us, watched for lines that are too long to be read: the
//! transport drops them, and whoever wrote one waits for an answer.

use std::{
    borrow::Cow,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use rmcp::model::RequestId;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, ReadBuf},
    sync::mpsc,
};

/// What is kept of a line's beginning and of its end: where clients write an id, there is
/// room for it and for what stands around it.
const EDGE_BYTES: usize = 512;
/// How many lines that were dropped may wait to be told of. Each took long to arrive, so
/// more wait only where nobody reads our answers.
const DROPPED_WAITING_MAX: usize = 16;

/// A line that was dropped, as far as it is known.
#[derive(Debug, PartialEq)]
pub(super) struct Dropped {
    /// The id of the request that it was, where that stands first or last in it.
    pub(super) id: Option<RequestId>,
}

/// Input that is passed on as it is.
pub(super) struct Lines<R> {
    inner: R,
    line_bytes_max: usize,
    line: Line,
    dropped: mpsc::Sender<Dropped>,
}

impl<R> Lines<R> {
    /// Watches for lines of more bytes than these, their end counted; gives where they
    /// are told of.
    pub(super) fn watch(inner: R, line_bytes_max: usize) -> (Self, mpsc::Receiver<Dropped>) {
        let (dropped, told) = mpsc::channel(DROPPED_WAITING_MAX);
        (Self { inner, line_bytes_max, line: Line::default(), dropped }, told)
    }

    fn look(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.take(piece);
            if !piece.ends_with(b"\n") {
                return;
            }
            let line = std::mem::take(&mut self.line);
            if line.bytes > self.line_bytes_max {
                // Whoever does not read what we say is told no more of it.
                let _ = self.dropped.try_send(Dropped { id: line.id() });
            }
        }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Lines<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        wake: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(wake, buffer))?;
        self.look(buffer.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

/// A line so far.
#[derive(Debug, Default)]
struct Line {
    bytes: usize,
    head: Vec<u8>,
    tail: Vec<u8>,
}

impl Line {
    fn take(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(piece.len());
        let room = EDGE_BYTES.saturating_sub(self.head.len()).min(piece.len());
        self.head.extend_from_slice(&piece[..room]);
        let last = &piece[piece.len().saturating_sub(EDGE_BYTES)..];
        let excess = (self.tail.len() + last.len()).saturating_sub(EDGE_BYTES);
        self.tail.drain(..excess);
        self.tail.extend_from_slice(last);
    }

    fn id(&self) -> Option<RequestId> {
        let [head, tail] = [&self.head, &self.tail].map(|edge| String::from_utf8_lossy(edge));
        last_id(&tail).or_else(|| first_id(head))
    }
}

/// The id in the end of a message, such as `…,"id":7}`.
fn last_id(tail: &str) -> Option<RequestId> {
    let members = tail.trim_end().strip_suffix('}')?;
    let (before, value) = members.rsplit_once("\"id\"")?;
    // What stands in a string has its quotes escaped.
    before.trim_end().ends_with([',', '{']).then_some(())?;
    serde_json::from_str(value.trim_start().strip_prefix(':')?).ok()
}

/// The id in the beginning of a message, with nothing but short members before it.
fn first_id(head: Cow<'_, str>) -> Option<RequestId> {
    let mut rest = head.trim_start().strip_prefix('{')?;
    loop {
        let (name, after) = value(rest)?;
        let (member, after) = value(after.trim_start().strip_prefix(':')?)?;
        if name == "id" {
            return serde_json::from_value(member).ok();
        }
        rest = after.trim_start().strip_prefix(',')?;
    }
}

/// The value that a text begins with, if it is whole, and what follows.
fn value(text: &str) -> Option<(Value, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let value = values.next()?.ok()?;
    Some((value, text.get(values.byte_offset()..)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    fn id(text: &str) -> Option<RequestId> {
        let mut line = Line::default();
        line.take(text.as_bytes());
        line.id()
    }

    #[test]
    fn ids_are_found_where_clients_write_them() {
        let long = "x".repeat(4 * EDGE_BYTES);
        let number = |id| Some(RequestId::Number(id));
        let table = [
            (format!(r#"{{"jsonrpc":"2.0","id":7,"params":"{long}"}}"#), number(7)),
            (format!(r#"{{"params":"{long}","jsonrpc":"2.0","id":7}}"#), number(7)),
            (format!("{{ \"id\" : 7 , \"params\":\"{long}\" }}\r\n"), number(7)),
            (format!("{{\"params\":\"{long}\" , \"id\" : 7 }}\n"), number(7)),
            (format!(r#"{{"id":"a","params":"{long}"}}"#), Some(RequestId::String("a".into()))),
            (format!(r#"{{"id":7,"params":{{"x":"{long}","id":8}}}}"#), number(7)),
            (format!(r#"{{"id":7,"params":"{long}\",\"id\":8}}"}}"#), number(7)),
            (format!(r#"{{"params":{{"x":"{long}","id":8}}}}"#), None),
            (format!(r#"{{"x":"{long}","id":8,"y":"{long}"}}"#), None),
            (format!(r#"{{"id":[7],"params":"{long}"}}"#), None),
            (format!(r#"[{{"id":7,"params":"{long}"}}]"#), None),
            (long, None),
        ];
        for (text, expected) in table {
            assert_eq!(id(&text), expected, "{}", text.replace("xxxx", ""));
        }
    }

    #[tokio::test]
    async fn lines_are_passed_on_and_long_ones_are_told() {
        let text = "{\"id\":1}\n{\"id\":12}\n\n{\"id\":345}\n{\"id\":6}\n{\"id\":789}";
        let (mut lines, mut told) = Lines::watch(text.as_bytes(), 9);
        let mut passed = String::new();
        lines.read_to_string(&mut passed).await.unwrap();
        assert_eq!(passed, text);
        for number in [12, 345] {
            assert_eq!(told.try_recv(), Ok(Dropped { id: Some(RequestId::Number(number)) }));
        }
        assert!(told.try_recv().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn any_line_has_an_id_or_none(
            pieces in prop::collection::vec("[ -~\\[{\":,]{0,700}", 0..4),
        ) {
            let mut line = Line::default();
            for piece in &pieces {
                line.take(piece.as_bytes());
            }
            let whole = pieces.concat();
            prop_assert_eq!(line.bytes, whole.len());
            prop_assert!(whole.as_bytes().starts_with(&line.head));
            prop_assert!(whole.as_bytes().ends_with(&line.tail));
            let _ = line.id();
        }
    }
}
