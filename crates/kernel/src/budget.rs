//! How much one turn may say.

use memchr::memchr2;

use crate::{GuestKind, Violation, frame::Frame};

/// Things shown, updated, cleared and asked for in one turn: far more than anybody
/// looks at, and few enough to be kept in a list.
pub const TURN_FRAMES_MAX: usize = 10_000;
/// Bytes of all bodies of one turn: a few large figures, and no more than a server
/// can hold for each of many turns.
pub const TURN_BYTES_MAX: usize = 64 << 20;
/// JSON values in all bodies of one turn. A value of two bytes takes a hundred and
/// more in memory, so bytes alone bound nothing.
pub const VALUES_MAX: usize = 1 << 18;

/// What a turn has said so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Budget {
    frames: usize,
    bytes: usize,
    values: usize,
}

impl Budget {
    /// Counts a frame, before anything is made of its body.
    pub(crate) fn charge(&mut self, kind: GuestKind, frame: &Frame) -> Result<(), Violation> {
        let counted = matches!(kind, GuestKind::Display | GuestKind::Clear | GuestKind::Input);
        self.frames += usize::from(counted);
        if self.frames > TURN_FRAMES_MAX {
            return Err(Violation::Frames);
        }
        self.bytes += frame.body.len();
        if self.bytes > TURN_BYTES_MAX {
            return Err(Violation::Bytes);
        }
        self.values += count_values(&frame.body);
        if self.values > VALUES_MAX {
            return Err(Violation::Values);
        }
        Ok(())
    }
}

/// At least as many as the values that a JSON parser would make of this text; of
/// text that is not JSON, as many as it could make before it notices.
fn count_values(text: &[u8]) -> usize {
    let mut count = 1;
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b',' | b'[' | b'{' => count += 1,
            b'"' => rest = after_string(rest),
            _ => {}
        }
    }
    count
}

/// What follows the string that this is the inside of.
pub(crate) fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(place) = memchr2(b'"', b'\\', rest) {
        let is_end = rest[place] == b'"';
        let past = if is_end { place + 1 } else { place + 2 };
        rest = rest.get(past..).unwrap_or_default();
        if is_end {
            return rest;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn counts_outside_strings_only() {
        let table = [
            ("1", 1),
            ("\"a,b,[{\"", 1),
            (r#""\",\\","#, 2),
            ("[1,2,3]", 4),
            (r#"{"a,":1,"b":[]}"#, 4),
            ("", 1),
            ("\"", 1),
            ("\"\\", 1),
            (r#""\""#, 1),
        ];
        for (text, count) in table {
            assert_eq!(count_values(text.as_bytes()), count, "{text}");
        }
    }

    fn values(value: &Value) -> usize {
        1 + match value {
            Value::Array(items) => items.iter().map(values).sum(),
            Value::Object(members) => members.values().map(values).sum(),
            _ => 0,
        }
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<u64>().prop_map(Value::from),
            "[a,\\\\\"{}\\[]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            let members = prop::collection::btree_map("[a,\"]{0,3}", inner.clone(), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..5).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_value_goes_uncounted(value in json()) {
            let text = serde_json::to_vec(&value).unwrap();
            prop_assert!(count_values(&text) >= values(&value));
            prop_assert!(count_values(&text) <= 2 * values(&value));
        }
    }
}
