//! Bytes on their way into a session and out of it, never held as a whole.

use std::{io, time::Duration};

use axum::{body::Body, extract::Request, http::header};
use bytes::Bytes;
use engine::{FileChunks, Spool};
use futures_util::stream;
use http_body_util::BodyExt;
use tokio::time::timeout;

use crate::http::Failure;

/// How long a body may bring nothing.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long a body may take as a whole.
const UPLOAD_TIME_MAX: Duration = Duration::from_secs(3600);

/// A part of a file as a body; an empty one where only its head is wanted.
pub(super) fn content(chunks: FileChunks, head_only: bool) -> Body {
    if head_only {
        return Body::empty();
    }
    Body::from_stream(stream::unfold(chunks, |mut chunks| async move {
        match chunks.next().await {
            Ok(Some(bytes)) => Some((Ok(Bytes::from(bytes)), chunks)),
            Ok(None) => None,
            // The connection breaks: the client learns that this is not all.
            Err(error) => Some((Err(error), chunks)),
        }
    }))
}

/// Takes a body in.
pub(super) async fn receive(request: Request, spool: Spool) -> Result<Spool, Failure> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let announced = announced.and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > spool.bytes_max()) {
        return Err(Failure::too_large(spool.bytes_max()));
    }
    timed(fill(request.into_body(), spool)).await
}

async fn fill(mut body: Body, mut spool: Spool) -> Result<Spool, Failure> {
    loop {
        let frame = timeout(PAUSE_MAX, body.frame()).await.map_err(|_| Failure::too_slow())?;
        let Some(frame) = frame else { return Ok(spool) };
        let frame =
            frame.map_err(|_| Failure::malformed("the body could not be read to its end"))?;
        if let Ok(bytes) = frame.into_data() {
            push(&mut spool, bytes).await?;
        }
    }
}

/// Adds to what is on its way in.
pub(super) async fn push(spool: &mut Spool, bytes: Bytes) -> Result<(), Failure> {
    let most = spool.bytes_max();
    spool.push(bytes).await.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => Failure::too_large(most),
        _ => {
            tracing::error!(%error, "a body cannot be kept");
            Failure::internal()
        }
    })
}

/// Within the time that a body may take as a whole.
pub(super) async fn timed<T>(
    received: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(UPLOAD_TIME_MAX, received).await.map_err(|_| Failure::too_slow())?
}
