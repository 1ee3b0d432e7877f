//! Files of a session: got and listed.

use std::path::{Path, PathBuf};

use axum::{
    Json as Encoded,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
};
use bytes::Bytes;
use engine::{FileChunks, FileInfo, FileKind, FilePage, PageRequest, Session};
use futures_util::stream::try_unfold;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    handle::Named,
    places::{AskedPath, locate, wrong},
    sessions::seconds,
    wrong::{Detail, Wrong},
};
use crate::{
    app::App,
    http::{Binary, Reader},
};

/// The most files of one listing.
const FILES_MAX: usize = 10_000;
/// What is in a directory beside files is passed over, but not without end.
const PAGES_MAX: usize = 16;

/// Which file or directory is asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read by hand")]
pub(crate) struct ByPath {
    /// Relative to the workspace, or below `/workspace`.
    path: String,
}

/// Which directory is asked for.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what is read by hand")]
pub(crate) struct ByDirectory {
    /// Relative to the workspace, or below `/workspace`; the workspace if left out.
    path: Option<String>,
}

/// A file's content.
#[utoipa::path(get, path = "/sessions/{session_id}/files", tag = "otari",
    operation_id = "otari_get_file",
    params(("session_id" = String, Path, description = "The session.", max_length = 64), ByPath),
    responses(
        (status = 200, description = "It is this.",
            content((inline(Binary) = "application/octet-stream"), (serde_json::Value = "*/*"))),
        (status = "default", description = "It cannot be had.", body = Detail)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    named: Named,
    path: AskedPath,
) -> Result<(HeaderMap, Body), Wrong> {
    let path = path.required()?;
    let entry = named.find(&app, &caller)?;
    let place = locate(&entry.session, &path).await?;
    let opened = entry.session.open(&place).await;
    let opened = opened.map_err(|error| wrong(error, &path, "file not found"))?;
    let chunks = opened.chunks();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, content_type(&path));
    headers.insert(header::CONTENT_LENGTH, chunks.bytes_left().into());
    // Hostile code made it: a browser shows nothing of it as a page of this server's.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    Ok((headers, body(chunks)))
}

fn body(chunks: FileChunks) -> Body {
    Body::from_stream(try_unfold(chunks, |mut chunks| async move {
        let chunk = chunks.next().await?;
        Ok::<_, std::io::Error>(chunk.map(|bytes| (Bytes::from(bytes), chunks)))
    }))
}

fn content_type(path: &str) -> HeaderValue {
    let mime = mime(Path::new(path)).unwrap_or("application/octet-stream");
    let charset = if mime.starts_with("text/") { "; charset=utf-8" } else { "" };
    let plain = HeaderValue::from_static("application/octet-stream");
    HeaderValue::from_str(&format!("{mime}{charset}")).unwrap_or(plain)
}

fn mime(path: &Path) -> Option<&'static str> {
    mime_guess::from_path(path).first_raw()
}

/// The files of a directory.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Listing {
    /// By path.
    files: Vec<FileView>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OtariFile)]
pub(crate) struct FileView {
    /// Where it is, relative to the workspace.
    path: String,
    /// Its size.
    size_bytes: u64,
    /// Its MIME type by its name.
    mime_type: Option<&'static str>,
    /// When its content was last changed, in seconds of the epoch.
    modified_at: f64,
}

impl FileView {
    /// A file, by the name under which it was found.
    fn of(path: &Path, info: &FileInfo) -> Self {
        Self {
            path: path.to_string_lossy().into_owned(),
            size_bytes: info.size_bytes,
            mime_type: mime(path),
            modified_at: seconds(info.modified),
        }
    }
}

/// The files of a directory, without those in directories below it; or one file.
#[utoipa::path(get, path = "/sessions/{session_id}/files/list", tag = "otari",
    operation_id = "otari_list_files",
    params(("session_id" = String, Path, description = "The session.", max_length = 64),
        ByDirectory),
    responses((status = 200, description = "They are these.", body = Listing),
        (status = "default", description = "They cannot be told.", body = Detail)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    named: Named,
    path: AskedPath,
) -> Result<Encoded<Listing>, Wrong> {
    let path = path.0.unwrap_or_default();
    let entry = named.find(&app, &caller)?;
    let session = &entry.session;
    let place = locate(session, &path).await?;
    let missing = |error| wrong(error, &path, "path not found");
    let info = session.stat(&place).await.map_err(missing)?;
    let found = match info.kind {
        FileKind::Directory => everything(session, &place).await.map_err(missing)?,
        _ => vec![info],
    };
    let mut files = Vec::with_capacity(found.len());
    for info in found {
        files.extend(view(session, info).await);
    }
    Ok(Encoded(Listing { files }))
}

async fn everything(
    session: &Session,
    place: &Path,
) -> Result<Vec<FileInfo>, engine::SessionError> {
    let (mut found, mut after): (Vec<FileInfo>, Option<PathBuf>) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let request = PageRequest { is_recursive: false, after, limit: FilePage::FILES_MAX };
        let page = session.page(place, request).await?;
        let is_shown = |info: &FileInfo| matches!(info.kind, FileKind::File | FileKind::Symlink);
        found.extend(page.files.into_iter().filter(is_shown));
        after = page.next;
        if after.is_none() || found.len() >= FILES_MAX {
            break;
        }
    }
    found.truncate(FILES_MAX);
    Ok(found)
}

/// A file, or the file to which a link leads; nothing of what lies elsewhere.
async fn view(session: &Session, info: FileInfo) -> Option<FileView> {
    match info.kind {
        FileKind::File => Some(FileView::of(&info.path, &info)),
        FileKind::Symlink => {
            let place = session.locate(&info.path).await.ok()?;
            let target = session.stat(&place).await.ok()?;
            (target.kind == FileKind::File).then(|| FileView::of(&info.path, &target))
        }
        FileKind::Directory | FileKind::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_type() {
        let table = [
            ("a.txt", "text/plain; charset=utf-8"),
            ("d.x/a.CSV", "text/csv; charset=utf-8"),
            ("a.json", "application/json"),
            ("a.png", "image/png"),
            ("a", "application/octet-stream"),
            ("a.unknown-suffix", "application/octet-stream"),
            ("a.txt\n", "application/octet-stream"),
        ];
        for (path, expected) in table {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }
}
