//! Files that clients send, on their way into a session.

use axum::{
    Json as Encoded,
    extract::{
        FromRequest, Multipart, Request, State,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use engine::{Precondition, Session, Spool};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    handle::Named,
    places::{locate, wrong},
    wrong::{Detail, Problem, Step, Wrong},
};
use crate::{
    app::App,
    http::{Failure, Runner},
};

/// The largest file.
const FILE_BYTES_MAX: u64 = 100 << 20;
/// The largest form: a file, and room for what stands around it.
pub(super) const FORM_BYTES_MAX: usize = (100 << 20) + (1 << 20);
/// The longest path: more than any that could be.
const PATH_BYTES_MAX: usize = 64 << 10;
/// What a file is called that has no name.
const NAMELESS: &str = "upload.bin";

/// What a client sends.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "it describes what is read by hand")]
pub(crate) struct Form {
    /// The file.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Where it goes, relative to the workspace; by its name if left out or empty.
    path: Option<String>,
}

/// A file that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Taken {
    /// Where it is, relative to the workspace.
    path: String,
    /// Its size.
    size_bytes: u64,
}

/// What was sent.
#[derive(Default)]
struct Sent {
    path: Option<String>,
    name: Option<String>,
    file: Option<Spool>,
}

/// Takes a file, in place of what is there.
#[utoipa::path(post, path = "/sessions/{session_id}/files", tag = "otari",
    operation_id = "otari_put_file",
    params(("session_id" = String, Path, description = "The session.", max_length = 64)),
    request_body(content = Form, content_type = "multipart/form-data"),
    responses((status = 201, description = "It is there.", body = Taken),
        (status = "default", description = "It cannot be taken.", body = Detail)))]
pub(crate) async fn put(
    State(app): State<App>,
    Runner(caller): Runner,
    named: Named,
    request: Request,
) -> Result<(StatusCode, Encoded<Taken>), Wrong> {
    let entry = named.find(&app, &caller)?;
    let session = &entry.session;
    let form = Multipart::from_request(request, &()).await.map_err(|_| no_file())?;
    let sent = receive(form, session).await?;
    let path = sent.path().to_owned();
    let spool = sent.file.ok_or_else(no_file)?;
    let size_bytes = spool.size_bytes();
    let place = locate(session, &path).await?;
    if place.as_os_str().is_empty() {
        return Err(Wrong::said(StatusCode::BAD_REQUEST, format!("is a directory: {path}")));
    }
    let written = session.write_spooled(&place, spool, &Precondition::None).await;
    written.map_err(|error| wrong(error, &path, "a file is in the way of"))?;
    let path = place.to_string_lossy().into_owned();
    Ok((StatusCode::CREATED, Encoded(Taken { path, size_bytes })))
}

impl Sent {
    /// Where the file goes.
    fn path(&self) -> &str {
        let given = [&self.path, &self.name].into_iter().flatten();
        given.map(String::as_str).find(|text| !text.is_empty()).unwrap_or(NAMELESS)
    }
}

async fn receive(mut form: Multipart, session: &Session) -> Result<Sent, Wrong> {
    let mut sent = Sent::default();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("path") => sent.path = Some(short(field).await?),
            Some("file") => {
                sent.name = field.file_name().map(str::to_owned);
                sent.file = Some(spool(field, session).await?);
            }
            _ => {}
        }
    }
    Ok(sent)
}

async fn short(mut field: Field<'_>) -> Result<String, Wrong> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        bytes.extend(&chunk);
        if bytes.len() > PATH_BYTES_MAX {
            return Err(Failure::too_large(PATH_BYTES_MAX as u64).into());
        }
    }
    String::from_utf8(bytes).map_err(|_| Failure::malformed("the path is not text").into())
}

async fn spool(mut field: Field<'_>, session: &Session) -> Result<Spool, Wrong> {
    let mut spool = session.spool().await?;
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        if spool.size_bytes() + chunk.len() as u64 > FILE_BYTES_MAX {
            return Err(too_large());
        }
        let most = spool.bytes_max();
        spool.push(chunk).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::FileTooLarge => Failure::too_large(most),
            _ => {
                tracing::error!(%error, "a file of a client's cannot be kept");
                Failure::internal()
            }
        })?;
    }
    Ok(spool)
}

fn broken(error: MultipartError) -> Wrong {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => Failure::malformed("the form could not be read to its end").into(),
    }
}

fn too_large() -> Wrong {
    Wrong::said(StatusCode::PAYLOAD_TOO_LARGE, "file exceeds 100 MB limit")
}

fn no_file() -> Wrong {
    let missing = Problem::new("missing", "Field required", &Value::Null);
    missing.below(Step::Field("file")).below(Step::Field("body")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_by_its_path_or_its_name() {
        let path = |path: Option<&str>, name: Option<&str>| {
            let (path, name) = (path.map(str::to_owned), name.map(str::to_owned));
            Sent { path, name, file: None }.path().to_owned()
        };
        assert_eq!(path(Some("a"), Some("b")), "a");
        assert_eq!(path(Some(""), Some("b")), "b");
        assert_eq!(path(None, Some("b")), "b");
        assert_eq!(path(None, Some("")), NAMELESS);
        assert_eq!(path(None, None), NAMELESS);
    }
}
