//! Files of a session: listed, read in parts, written under conditions, moved, removed.

use std::path::{Path as FilePath, PathBuf};

use api::ErrorCode;
use axum::{
    Json as Encoded,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{FileInfo, FileKind, PageRequest, Precondition, Session, SessionError, Written};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    conditions::{self, Wanted},
    lists::{PAGE_MAX, page_size},
    sessions, transfer,
    view::moment,
};
use crate::{
    app::App,
    http::{Binary, Failure, FailureBody, Json, Params, Path, Reader, Runner},
};

/// The most parts of an upload.
const PARTS_MAX: usize = 64;
/// The longest field of an upload that is no file.
const FIELD_BYTES_MAX: usize = 8 * 1024;

/// A file or directory.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FileView {
    /// Where it is, relative to the workspace; odd bytes escaped.
    path: String,
    /// What it is: `file`, `directory`, `symlink` or `other`.
    kind: &'static str,
    /// Its size.
    size_bytes: u64,
    /// When its content was last changed, as the sandbox has it, RFC 3339.
    #[schema(format = "date-time")]
    modified_at: String,
    /// Its MIME type by its name.
    mime: Option<String>,
    /// A text that is another as soon as the content is, as the header `ETag` has it.
    version: String,
}

impl FileView {
    pub(crate) fn of(info: &FileInfo) -> Self {
        Self {
            path: shown(&info.path),
            kind: match info.kind {
                FileKind::File => "file",
                FileKind::Directory => "directory",
                FileKind::Symlink => "symlink",
                FileKind::Other => "other",
            },
            size_bytes: info.size_bytes,
            modified_at: moment(info.modified),
            mime: mime_guess::from_path(&info.path).first_raw().map(str::to_owned),
            version: info.version.clone(),
        }
    }
}

pub(crate) fn shown(path: &FilePath) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{}", path.as_os_str().as_encoded_bytes().escape_ascii()),
    }
}

/// What of the files is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// The directory, or one file; the workspace if left out.
    path: Option<String>,
    /// Whether directories are entered.
    recursive: Option<bool>,
    /// How many at most, from 1 to 1000.
    limit: Option<i64>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Some files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileList {
    /// By path.
    files: Vec<FileView>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
    /// Whether there is more that is on no page: it lies too deep, or is too much.
    is_cut: bool,
}

/// The files of a directory.
#[utoipa::path(get, path = "/sessions/{session_id}/files", tag = "files",
    operation_id = "file_list",
    params(("session_id" = String, Path, description = "The session."), Filter),
    responses((status = 200, description = "They are these.", body = FileList),
        (status = "default", description = "They could not be listed.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
    Params(filter): Params<Filter>,
) -> Result<Encoded<FileList>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let limit = filter.limit.map_or(Ok(PAGE_MAX), |limit| page_size(Some(limit)))?;
    let after = filter.cursor.as_deref().map(conditions::read_place).transpose()?;
    let is_recursive = filter.recursive.unwrap_or(false);
    let path = PathBuf::from(filter.path.unwrap_or_default());
    let page = entry.session.page(&path, PageRequest { is_recursive, after, limit }).await;
    let page = page.map_err(failure)?;
    let next_cursor = page.next.as_deref().map(conditions::place);
    let files = page.files.iter().map(FileView::of).collect();
    Ok(Encoded(FileList { files, next_cursor, is_cut: page.is_cut }))
}

/// Which file.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    /// Its path, relative to the workspace or below it.
    path: String,
}

/// What a file is.
#[utoipa::path(get, path = "/sessions/{session_id}/files/stat", tag = "files",
    operation_id = "file_stat",
    params(("session_id" = String, Path, description = "The session."), Place),
    responses((status = 200, description = "It is this.", body = FileView),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn stat(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
    Params(place): Params<Place>,
) -> Result<Encoded<FileView>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let info = entry.session.stat(place.path.as_ref()).await.map_err(failure)?;
    Ok(Encoded(FileView::of(&info)))
}

/// What a file holds, or the part of it that the header `Range` asks for.
#[utoipa::path(get, path = "/sessions/{session_id}/files/content", tag = "files",
    operation_id = "file_read",
    params(("session_id" = String, Path, description = "The session."), Place),
    responses(
        (status = 200, description = "All of it, of the type that its name tells.",
            content((inline(Binary) = "application/octet-stream"), (serde_json::Value = "*/*"))),
        (status = 206, description = "The part.",
            content((inline(Binary) = "application/octet-stream"), (serde_json::Value = "*/*"))),
        (status = 304, description = "It is what the client has."),
        (status = "default", description = "It cannot be read.", body = FailureBody)))]
pub(crate) async fn read(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(session_id): Path<String>,
    Params(place): Params<Place>,
    request: Request,
) -> Result<Response, Failure> {
    let (method, headers) = (request.method().clone(), request.headers());
    let entry = sessions::find(&app, &caller, &session_id)?;
    let opened = entry.session.open(place.path.as_ref()).await.map_err(failure)?;
    let wanted = conditions::wanted(headers, &opened.info.version, opened.info.size_bytes)?;
    let info = opened.info.clone();
    let mut response = match wanted {
        Wanted::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Wanted::All => {
            let body = transfer::content(opened.chunks(), method == Method::HEAD);
            let mut response = body.into_response();
            length(response.headers_mut(), info.size_bytes);
            response
        }
        Wanted::Part(part) => {
            let size = info.size_bytes;
            let said = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            let count = part.end - part.start;
            let body = transfer::content(opened.range(part), method == Method::HEAD);
            let mut response = (StatusCode::PARTIAL_CONTENT, body).into_response();
            length(response.headers_mut(), count);
            set(response.headers_mut(), header::CONTENT_RANGE, &said);
            response
        }
    };
    describe(response.headers_mut(), &info);
    Ok(response)
}

fn length(headers: &mut HeaderMap, bytes: u64) {
    headers.insert(header::CONTENT_LENGTH, bytes.into());
}

fn describe(headers: &mut HeaderMap, info: &FileInfo) {
    let mime = mime_guess::from_path(&info.path).first_or_octet_stream();
    set(headers, header::CONTENT_TYPE, mime.essence_str());
    set(headers, header::ETAG, &format!("\"{}\"", info.version));
    set(headers, header::ACCEPT_RANGES, "bytes");
    // Hostile code made it: a browser that opens it runs nothing of it.
    set(headers, header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'");
    set(headers, header::CONTENT_DISPOSITION, "attachment");
}

fn set(headers: &mut HeaderMap, name: header::HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(name, value);
    }
}

/// Writes a file, with the directories that it lies in. `If-None-Match: *` writes only
/// a new one, `If-Match` only what the client knows.
#[utoipa::path(put, path = "/sessions/{session_id}/files/content", tag = "files",
    operation_id = "file_write",
    params(("session_id" = String, Path, description = "The session."), Place),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It was there, and is this now.", body = FileView),
        (status = 201, description = "It is new.", body = FileView),
        (status = "default", description = "It cannot be written.", body = FailureBody)))]
pub(crate) async fn write(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Params(place): Params<Place>,
    request: Request,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let condition = conditions::precondition(request.headers())?;
    let spool = entry.session.spool().await.map_err(failure)?;
    let spool = transfer::receive(request, spool).await?;
    let path = FilePath::new(&place.path);
    let written = entry.session.write_spooled(path, spool, &condition).await;
    Ok(told(&written.map_err(failure)?))
}

fn told(written: &Written) -> Response {
    let status = if written.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Encoded(FileView::of(&written.info))).into_response();
    let version = format!("\"{}\"", written.info.version);
    set(response.headers_mut(), header::ETAG, &version);
    response
}

/// Removes a file, or a directory with all that is in it.
#[utoipa::path(delete, path = "/sessions/{session_id}/files/content", tag = "files",
    operation_id = "file_delete",
    params(("session_id" = String, Path, description = "The session."), Place),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "It cannot be removed.", body = FailureBody)))]
pub(crate) async fn delete(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Params(place): Params<Place>,
    headers: HeaderMap,
) -> Result<StatusCode, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let condition = conditions::precondition(&headers)?;
    entry.session.delete_if(place.path.as_ref(), &condition).await.map_err(failure)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A file, and where it is to go.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes a form")]
pub(crate) struct UploadForm {
    /// Where it is to go; the file's own name if left out.
    path: Option<String>,
    /// The file.
    #[schema(format = Binary, content_media_type = "application/octet-stream")]
    file: String,
}

/// Writes a file from a form, as browsers and `curl -F` send it.
#[utoipa::path(post, path = "/sessions/{session_id}/files", tag = "files",
    operation_id = "file_upload",
    params(("session_id" = String, Path, description = "The session.")),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "It was there, and is this now.", body = FileView),
        (status = 201, description = "It is new.", body = FileView),
        (status = "default", description = "It cannot be written.", body = FailureBody)))]
pub(crate) async fn upload(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let form = Multipart::from_request(request, &()).await;
    let form = form.map_err(|error| {
        let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedMediaType);
        Failure::new(status, code, format!("the body is no form: {}", error.body_text()))
    })?;
    let written = transfer::timed(form_file(form, &entry.session)).await?;
    Ok(told(&written))
}

async fn form_file(mut form: Multipart, session: &Session) -> Result<Written, Failure> {
    let (mut path, mut file) = (None, None);
    for _ in 0..PARTS_MAX {
        let Some(mut field) = form.next_field().await.map_err(|error| broken(&error))? else {
            return put(session, path, file).await;
        };
        match (field.name(), &file) {
            (Some("path"), _) if path.is_none() => {
                let mut text = Vec::new();
                while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
                    text.extend_from_slice(&piece);
                    if text.len() > FIELD_BYTES_MAX {
                        return Err(Failure::too_large(FIELD_BYTES_MAX as u64));
                    }
                }
                let no_text = |_| Failure::unprocessable("path: it is not UTF-8");
                path = Some(String::from_utf8(text).map_err(no_text)?);
            }
            (Some("file"), None) => {
                let name = field.file_name().map(str::to_owned);
                let mut spool = session.spool().await.map_err(failure)?;
                while let Some(piece) = field.chunk().await.map_err(|error| broken(&error))? {
                    transfer::push(&mut spool, piece).await?;
                }
                file = Some((name, spool));
            }
            _ => return Err(Failure::unprocessable("the form has one `file` and one `path`")),
        }
    }
    Err(Failure::unprocessable("the form has too many parts"))
}

async fn put(
    session: &Session,
    path: Option<String>,
    file: Option<(Option<String>, engine::Spool)>,
) -> Result<Written, Failure> {
    let missing = || Failure::unprocessable("the form has no `file`");
    let (name, spool) = file.ok_or_else(missing)?;
    let path = path.filter(|path| !path.is_empty()).or(name);
    let path = path.unwrap_or_else(|| "upload.bin".to_owned());
    let written = session.write_spooled(path.as_ref(), spool, &Precondition::None).await;
    written.map_err(failure)
}

fn broken(error: &axum::extract::multipart::MultipartError) -> Failure {
    Failure::malformed(format!("the form is broken: {}", error.body_text()))
}

/// A file that gets another path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    /// Where it is.
    from: String,
    /// Where it is to be.
    to: String,
    /// Whether it may take the place of what is there.
    #[serde(default)]
    overwrite: bool,
}

/// Gives a file or directory another path.
#[utoipa::path(post, path = "/sessions/{session_id}/files/move", tag = "files",
    operation_id = "file_move",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = Move,
    responses((status = 200, description = "It is there.", body = FileView),
        (status = "default", description = "It cannot be moved.", body = FailureBody)))]
pub(crate) async fn rename(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Json(asked): Json<Move>,
) -> Result<Encoded<FileView>, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let (from, to) = (asked.from.as_ref(), asked.to.as_ref());
    let moved = entry.session.rename(from, to, asked.overwrite).await;
    let info = moved.map_err(|error| match error {
        SessionError::Precondition { .. } => {
            let message = Failure::from(error).body.message;
            Failure::new(StatusCode::CONFLICT, ErrorCode::Conflict, message)
                .hint("ask with `overwrite`")
        }
        error => failure(error),
    })?;
    Ok(Encoded(FileView::of(&info)))
}

/// A directory that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDirectory {
    /// Its path.
    path: String,
}

/// Makes a directory, with those that it lies in.
#[utoipa::path(post, path = "/sessions/{session_id}/files/directories", tag = "files",
    operation_id = "file_make_directory",
    params(("session_id" = String, Path, description = "The session.")),
    request_body = NewDirectory,
    responses(
        (status = 200, description = "It was there.", body = FileView),
        (status = 201, description = "It is new.", body = FileView),
        (status = "default", description = "It cannot be made.", body = FailureBody)))]
pub(crate) async fn make_directory(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(session_id): Path<String>,
    Json(new): Json<NewDirectory>,
) -> Result<Response, Failure> {
    let entry = sessions::find(&app, &caller, &session_id)?;
    let made = entry.session.make_directory(new.path.as_ref()).await.map_err(failure)?;
    Ok(told(&made))
}

/// What a client is told where something cannot be done with a file.
pub(super) fn failure(error: SessionError) -> Failure {
    let status = match &error {
        SessionError::Precondition { .. } => StatusCode::PRECONDITION_FAILED,
        SessionError::File { source, .. } if source.kind() == std::io::ErrorKind::FileTooLarge => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        _ => return Failure::from(error),
    };
    let code = match status {
        StatusCode::PRECONDITION_FAILED => ErrorCode::PreconditionFailed,
        _ => ErrorCode::TooLarge,
    };
    let body = error.body();
    let failure = Failure::new(status, code, body.message);
    body.hint.into_iter().fold(failure, Failure::hint)
}
