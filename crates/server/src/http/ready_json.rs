//! An answer in JSON, encoded once and never copied.
//!
//! Much of it takes milliseconds. Meanwhile others have the event loop, and every so often
//! the processor: the host kernel would leave it to us until its next tick, and who asks
//! for little would wait for whoever asks for much.

use std::{io, thread};

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::in_place;
use serde::{Deserialize, Serialize, Serializer, ser::Error};
use serde_json::value::RawValue;

use super::Failure;

/// Text from which on others have the event loop meanwhile: it takes tens of microseconds.
const IN_PLACE_BYTES_MIN: usize = 64 << 10;
/// Written before others may have the processor, for about as long.
const PORTION_BYTES: usize = 64 << 10;
/// More than what is told beside the text takes.
const REST_BYTES: usize = 4 << 10;

/// An answer in JSON. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ReadyJson(Bytes);

impl ReadyJson {
    /// Encodes a value with about so many bytes of text in it.
    pub(crate) fn of(value: &impl Serialize, bytes: usize) -> Result<Self, Failure> {
        let encoded = if bytes < IN_PLACE_BYTES_MIN {
            serde_json::to_vec(value)
        } else {
            in_place(|| unhurried(value, bytes))
        };
        encoded.map(|json| Self(json.into())).map_err(|_| Failure::internal())
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What of it is wanted.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_slice(&self.0)
    }

    /// The answer.
    pub(crate) fn answer(&self, status: StatusCode) -> Response {
        let content_type = [(header::CONTENT_TYPE, "application/json")];
        (status, content_type, self.0.clone()).into_response()
    }
}

/// As a part of other JSON.
impl Serialize for ReadyJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json: &RawValue = serde_json::from_slice(&self.0).map_err(S::Error::custom)?;
        json.serialize(serializer)
    }
}

fn unhurried(value: &impl Serialize, bytes: usize) -> serde_json::Result<Vec<u8>> {
    let mut out = Unhurried { json: Vec::with_capacity(bytes + REST_BYTES), portion: 0 };
    serde_json::to_writer(&mut out, value)?;
    Ok(out.json)
}

/// Lets others have the processor after each portion.
struct Unhurried {
    json: Vec<u8>,
    portion: usize,
}

impl io::Write for Unhurried {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(PORTION_BYTES - self.portion)];
        self.json.extend_from_slice(taken);
        self.portion += taken.len();
        if self.portion == PORTION_BYTES {
            self.portion = 0;
            thread::yield_now();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn what_is_long_is_the_same_as_what_is_short() {
        for length in [0, 10, PORTION_BYTES, 3 * PORTION_BYTES + 7] {
            let value = json!({ "head": "\"ü\n".repeat(length), "tail": "t".repeat(length) });
            for bytes in [0, 2 * length, 8 * length] {
                let encoded = ReadyJson::of(&value, bytes).unwrap();
                assert_eq!(encoded.len(), value.to_string().len());
                assert_eq!(encoded.read::<Value>().unwrap(), value);
                assert_eq!(serde_json::to_value(&encoded).unwrap(), value);
                let answer = encoded.answer(StatusCode::OK);
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
            }
        }
    }
}
