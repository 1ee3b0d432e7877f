//! The bodies of requests, refused in our shape.

use std::time::Duration;

use api::ErrorCode;
use axum::{
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::{Failure, object::Object};

/// The largest JSON body: the largest code, written in JSON with room for escapes,
/// and files that come with it.
pub(crate) const JSON_BYTES_MAX: usize = 64 << 20;
/// How long a JSON body may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);

/// A JSON body. Anything else is refused before it is read.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let bytes = json_bytes(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure::malformed("the body is empty; it has to be a JSON object"));
        }
        parse(&bytes).map(Json)
    }
}

/// A JSON body, or none at all, which stands for an empty object.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let is_absent = !request.headers().contains_key(header::CONTENT_TYPE);
        if is_absent && http_body::Body::is_end_stream(request.body()) {
            return Ok(Self(T::default()));
        }
        let bytes = json_bytes(request).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        parse(&bytes).map(OptionalJson)
    }
}

async fn json_bytes(request: Request) -> Result<Bytes, Failure> {
    check_json(request.headers())?;
    body_bytes(request).await
}

/// A body as a whole that is no larger than a JSON body may be.
pub(crate) async fn body_bytes(request: Request) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    read(&parts.headers, body, JSON_BYTES_MAX).await
}

/// A request's body as a whole, of so many bytes at most.
pub(crate) async fn bytes_of(request: Request, maximum: usize) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    read(&parts.headers, body, maximum).await
}

/// A body as a whole, of so many bytes at most.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    maximum: usize,
) -> Result<Bytes, Failure> {
    check_length(headers, maximum)?;
    let body = Limited::new(body, maximum);
    let read = timeout(BODY_TIME_MAX, body.collect()).await;
    let collected = read.map_err(|_| Failure::too_slow())?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Failure::too_large(maximum as u64))
        }
        Err(_) => Err(Failure::malformed("the body could not be read to its end")),
    }
}

fn check_json(headers: &HeaderMap) -> Result<(), Failure> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = text.and_then(|text| text.split(';').next()).map(str::trim).unwrap_or_default();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = "the body has to be JSON, with the header Content-Type: application/json";
    let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType);
    Err(Failure::new(status, code, message))
}

/// Refuses a body whose announced length is too much, before any of it is read.
pub(crate) fn check_length(headers: &HeaderMap, maximum: usize) -> Result<(), Failure> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    match announced {
        Some(length) if length > maximum as u64 => Err(Failure::too_large(maximum as u64)),
        _ => Ok(()),
    }
}

/// Text that is no JSON is malformed; JSON with other fields than it may have is not
/// processable. A field that is there twice makes it ambiguous, so that is malformed.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    // What is skipped, such as the value of a field that nobody knows, is not looked at.
    let text = str::from_utf8(bytes)
        .map_err(|error| Failure::malformed(format!("the body is not JSON: {error}")))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = serde_path_to_error::deserialize::<_, Object<T>>(&mut reader);
    let Object(parsed) = parsed.map_err(|error| {
        let path = error.path().to_string();
        refusal(text, &path, error.inner())
    })?;
    reader.end().map_err(|error| Failure::malformed(format!("the body is not JSON: {error}")))?;
    Ok(parsed)
}

fn refusal(body: &str, path: &str, error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    if !error.is_data() || text.starts_with("duplicate field") {
        return Failure::malformed(format!("the body is not JSON that can be taken: {text}"));
    }
    // What follows the offending field may still be nonsense.
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(body) {
        return Failure::malformed(format!("the body is not JSON: {error}"));
    }
    let place = if path == "." { "the body" } else { path };
    Failure::unprocessable(format!("{place}: {text}"))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Small {
        a: u32,
    }

    #[derive(Debug, Deserialize)]
    struct Named {
        #[serde(deserialize_with = "super::super::names")]
        names: std::collections::BTreeMap<String, String>,
    }

    #[test]
    fn form_is_told_from_meaning() {
        let deep = format!("{{\"a\": {}", "[".repeat(10_000));
        let table = [
            ("{\"a\": 1}", 200),
            ("{\"a\": 1,}", 400),
            ("{\"a\": 1} {}", 400),
            ("{\"a\": 1} // x", 400),
            ("\u{feff}{\"a\": 1}", 400),
            ("{\"a\": 1, \"a\": 2}", 400),
            ("{\"a\": \"x\"", 400),
            (deep.as_str(), 400),
            ("{\"a\": -1}", 422),
            ("{\"a\": 1, \"b\": 2}", 422),
            ("{}", 422),
            ("[]", 422),
            ("[1]", 422),
        ];
        for (text, status) in table {
            let found = parse::<Small>(text.as_bytes());
            let found = found.map_or_else(|failure| failure.status.as_u16(), |_| 200);
            assert_eq!(found, status, "{text:.40}");
        }
        let bytes = br#"{"names": {"b": "1", "\u0062": "2"}}"#;
        assert_eq!(parse::<Named>(bytes).unwrap_err().status.as_u16(), 400);
        let named = parse::<Named>(br#"{"names": {"b": "1", "c": "2"}}"#).unwrap();
        assert_eq!(named.names.len(), 2);
        for bytes in [b"{\"a\": \xff}".as_slice(), b"{\"x\":\"\xff\"}", b"{\"a\":1}\xc0"] {
            assert_eq!(parse::<Small>(bytes).unwrap_err().status.as_u16(), 400, "{bytes:?}");
        }
    }
}
