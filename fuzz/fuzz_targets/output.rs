//! What is kept of a stream: never more than the limit, exact counts, the very
//! first and the very last bytes.

#![no_main]

use api::{Event, StreamName};
use engine::EventSink;
use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "events of a stream are tried, not all that is offered")]
#[path = "../../crates/engine/src/output.rs"]
mod output;

#[derive(Default)]
struct Seen {
    bytes: Vec<u8>,
    omitted: u64,
}

impl EventSink for Seen {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Output { bytes, .. } => self.bytes.extend_from_slice(bytes),
            Event::Omitted { bytes, .. } => self.omitted += bytes,
            _ => {}
        }
    }
}

fuzz_target!(|input: (u16, bool, Vec<Vec<u8>>)| {
    let (limit, is_limited, chunks) = input;
    let limit = is_limited.then_some(u64::from(limit));
    let mut stream = output::Output::new(StreamName::Stdout, limit);
    let mut seen = Seen::default();
    for chunk in &chunks {
        stream.write(chunk, &mut seen);
    }
    let all = chunks.concat();
    let captured = stream.finish(&mut seen);
    assert_eq!(seen.bytes.len() as u64 + seen.omitted, all.len() as u64);
    match limit {
        None => assert_eq!(seen.bytes, all),
        Some(limit) => {
            assert!(seen.bytes.len() as u64 <= limit);
            let split = usize::try_from(limit.div_ceil(2)).unwrap().min(seen.bytes.len());
            assert!(all.starts_with(&seen.bytes[..split]));
            assert!(all.ends_with(&seen.bytes[split..]));
        }
    }
    if captured.omitted_bytes == 0 {
        let text = String::from_utf8_lossy(&all).into_owned();
        assert_eq!(format!("{}{}", captured.head, captured.tail), text);
    }
});
