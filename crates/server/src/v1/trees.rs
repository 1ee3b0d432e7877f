//! Whole trees of a session's files as archives, and what becomes of files as events.

use std::convert::Infallible;

use api::FileChangeKind;
use axum::{
    Json as Encoded,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use engine::{ArchiveFormat, Watch};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use tokio::time::{Duration, timeout};
use utoipa::{IntoParams, ToSchema};

use super::{files::failure, sessions, transfer};
use crate::{
    app::App,
    http::{Binary, Failure, FailureBody, Params, Path, Reader, Runner},
    keys::{Keys, Principal},
    quota::StreamPermit,
};

/// How long a client may hear nothing.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Which archive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tree {
    /// The directory, or one file; the workspace if left out.
    path: Option<String>,
    /// `tar`, `tar.gz` or `zip`; `tar.gz` if left out.
    format: Option<Format>,
}

/// The format of an archive.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
pub(crate) enum Format {
    /// A tape archive.
    #[serde(rename = "tar")]
    Tar,
    /// The same, compressed by gzip.
    #[default]
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A zip archive.
    #[serde(rename = "zip")]
    Zip,
}

impl Format {
    const fn engines(self) -> ArchiveFormat {
        match self {
            Self::Tar => ArchiveFormat::Tar,
            Self::TarGz => ArchiveFormat::TarGz,
            Self::Zip => ArchiveFormat::Zip,
        }
    }

    const fn mime(self) -> &'static str {
        match self {
            Self::Tar => "application/x-tar",
            Self::TarGz => "application/gzip",
            Self::Zip => "application/zip",
        }
    }
}

/// A directory with all that is in it, as an archive.
#[utoipa::path(get, path = "/sessions/{session_id}/files/archive", tag = "files",
    operation_id = "file_pack",
    params(("session_id" = String, Path, description = "The session."), Tree),
    responses(
        (status = 200, description = "The archive.", content(
            (inline(Binary) = "application/gzip"), (inline(Binary) = "application/x-tar"),
            (inline(Binary) = "application/zip"))),
        (status = "default", description = "It cannot be made.", body = FailureBody)))]
pub(crate) async fn pack(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
    Params(tree): Params<Tree>,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let format = tree.format.unwrap_or_default();
    let path = tree.path.unwrap_or_default();
    let pack = entry.session.pack(path.as_ref(), format.engines()).await.map_err(failure)?;
    let body = Body::from_stream(stream::unfold(pack, |mut pack| async move {
        match pack.next().await {
            Ok(Some(bytes)) => Some((Ok(Bytes::from(bytes)), pack)),
            Ok(None) => None,
            // The connection breaks: the client learns that this is not all.
            Err(error) => Some((Err(error), pack)),
        }
    }));
    let content_type = HeaderValue::from_static(format.mime());
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}

/// What came out of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnpackedView {
    /// Regular files.
    files: usize,
    /// Directories that it names.
    directories: usize,
    /// Of all files together.
    size_bytes: u64,
}

/// Unpacks an archive into a directory. It may have regular files and directories alone.
/// Nothing is written unless all of it is fit to be.
#[utoipa::path(put, path = "/sessions/{session_id}/files/archive", tag = "files",
    operation_id = "file_unpack",
    params(("session_id" = String, Path, description = "The session."), Tree),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses((status = 200, description = "It is unpacked.", body = UnpackedView),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn unpack(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Params(tree): Params<Tree>,
    request: Request,
) -> Result<Encoded<UnpackedView>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let format = tree.format.unwrap_or_default().engines();
    let spool = entry.session.spool().await.map_err(failure)?;
    let spool = transfer::receive(request, spool).await?;
    let path = tree.path.unwrap_or_default();
    let unpacked = entry.session.unpack(path.as_ref(), format, spool).await;
    let unpacked = unpacked.map_err(failure)?;
    Ok(Encoded(UnpackedView {
        files: unpacked.files,
        directories: unpacked.directories,
        size_bytes: unpacked.bytes,
    }))
}

/// Something that became of a file.
#[derive(Debug, Serialize)]
struct Told {
    seq: u64,
    path: String,
    change: FileChangeKind,
    size_bytes: Option<u64>,
}

struct Watching {
    watch: Watch,
    seq: u64,
    keys: Keys,
    caller: Principal,
    _permit: StreamPermit,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if self.caller.key_id.is_some() && !self.keys.upholds(&self.caller) {
            return None;
        }
        // No longer than it may take until a revoked key is noticed.
        let mut quiet = Duration::ZERO;
        while quiet < HEARTBEAT {
            match timeout(LOOK, self.watch.next()).await {
                Ok(event) => return self.tell(event?),
                Err(_) if self.caller.key_id.is_some() && !self.keys.upholds(&self.caller) => {
                    return None;
                }
                Err(_) => quiet += LOOK,
            }
        }
        Some((Ok(Bytes::from_static(b": heartbeat\n\n")), self))
    }

    fn tell(mut self, event: engine::FileEvent) -> Option<(Result<Bytes, Infallible>, Self)> {
        self.seq += 1;
        let seq = self.seq;
        let (path, change, size_bytes) = (event.path, event.change, event.size_bytes);
        let told = serde_json::to_string(&Told { seq, path, change, size_bytes }).ok()?;
        let text = format!("id: {seq}\nevent: file\ndata: {told}\n\n");
        Some((Ok(Bytes::from(text)), self))
    }
}

/// How often it is looked whether a key is still good while nothing happens.
const LOOK: Duration = Duration::from_millis(500);

/// What becomes of the files from now on, as server-sent events.
#[utoipa::path(get, path = "/sessions/{session_id}/files/events", tag = "files",
    operation_id = "file_events",
    params(("session_id" = String, Path, description = "The session.")),
    responses(
        (status = 200, description = "Events `file` with path, change and size.",
            content((String = "text/event-stream"))),
        (status = "default", description = "They cannot be watched.", body = FailureBody)))]
pub(crate) async fn events(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let permit = app.quotas().acquire_stream(&caller.tenant)?;
    let watch = entry.session.watch().await.map_err(failure)?;
    let keys = app.keys().clone();
    let watching = Watching { watch, seq: 0, keys, caller, _permit: permit };
    let body = Body::from_stream(stream::unfold(watching, Watching::next));
    let content_type = HeaderValue::from_static("text/event-stream");
    Ok(([(header::CONTENT_TYPE, content_type)], body).into_response())
}
