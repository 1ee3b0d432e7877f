//! Resources: how the server is, files of sessions, and outputs too long to be told.

use std::path::Path;

use api::SessionId;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{FileInfo, FileKind, PageRequest};
use rmcp::{
    ErrorData,
    model::{
        ListResourcesResult, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    },
};
use serde_json::json;

use super::{
    refusal::Refusal,
    tools::ran::{Told, whole},
    uri::{self, Place},
};
use crate::{
    app::App,
    http::Failure,
    keys::Principal,
    table::Entry,
    v1::{files::shown, sessions},
};

/// The most of a resource that is read: it goes into one message.
const READ_BYTES_MAX: usize = 1 << 20;
/// The most files of a session that are listed.
const FILES_MAX: usize = 500;

fn not_found(uri: &str) -> ErrorData {
    ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))
}

fn refused(refusal: impl Into<Refusal>) -> ErrorData {
    ErrorData::invalid_params(refusal.into().line(), None)
}

/// What can be read without having been listed.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(uri::FILE_TEMPLATE, "file")
            .with_title("A file of a session")
            .with_description("The file's path is relative to the session's workspace."),
        ResourceTemplate::new(uri::OUTPUT_TEMPLATE, "output")
            .with_title("What a run has written")
            .with_description("All that is kept of it; the stream is stdout or stderr.")
            .with_mime_type("text/plain"),
    ]
}

/// What there is: a page for each session.
pub(super) async fn list(
    app: &App,
    caller: &Principal,
    cursor: Option<&str>,
) -> Result<ListResourcesResult, ErrorData> {
    let after = match cursor {
        None => None,
        Some(cursor) => Some(cursor.parse::<SessionId>().map_err(|_| {
            ErrorData::invalid_params("the cursor is none that this server gave", None)
        })?),
    };
    let entries = app.sessions().of(&caller.tenant, after);
    let mut resources = Vec::new();
    if cursor.is_none() {
        resources.push(
            Resource::new(uri::STATUS, "status")
                .with_title("How the server is")
                .with_mime_type("application/json"),
        );
    }
    if let Some(entry) = entries.first() {
        resources.extend(files(entry).await);
    }
    let mut listed = ListResourcesResult::with_all_items(resources);
    if let [entry, _, ..] = entries.as_slice() {
        listed.next_cursor = Some(entry.session.id().to_string());
    }
    Ok(listed)
}

async fn files(entry: &Entry) -> Vec<Resource> {
    let request = PageRequest { is_recursive: true, after: None, limit: FILES_MAX };
    // One that has ended meanwhile has none.
    let page = entry.session.page(Path::new(""), request).await;
    let files = page.map(|page| page.files).unwrap_or_default();
    let is_file = |info: &&FileInfo| info.kind == FileKind::File;
    let id = entry.session.id().to_string();
    files.iter().filter(is_file).map(|info| file(&id, info)).collect()
}

fn file(session_id: &str, info: &FileInfo) -> Resource {
    let path = shown(&info.path);
    let mut resource = Resource::new(uri::of_file(session_id, &path), path);
    resource.mime_type = mime(&info.path);
    resource.with_size(info.size_bytes)
}

fn mime(path: &Path) -> Option<String> {
    mime_guess::from_path(path).first_raw().map(str::to_owned)
}

/// What a resource holds.
pub(super) async fn read(
    app: &App,
    caller: &Principal,
    uri: &str,
) -> Result<ReadResourceResult, ErrorData> {
    let contents = match Place::read(uri).ok_or_else(|| not_found(uri))? {
        Place::Status => status(app, caller),
        Place::File { session_id, path } => {
            let entry = sessions::find(app, caller, &session_id).map_err(refused)?;
            read_file(&entry, &path, uri).await?
        }
        Place::Output { session_id, run_id, stream } => {
            let work = app.works().find(&caller.tenant, &run_id);
            let is_its = |session: SessionId| session.to_string() == session_id;
            let work = work.filter(|work| work.session().is_some_and(is_its));
            let ended = work.and_then(|work| work.ended()).ok_or_else(|| not_found(uri))?;
            let json = ended.result.as_ref().map_err(|failure| refused(failure.clone()))?;
            let told = Told::read(json).map_err(refused)?;
            let mut text = whole(told.stream(stream));
            text.truncate(text.floor_char_boundary(READ_BYTES_MAX));
            ResourceContents::text(text, uri)
        }
    };
    Ok(ReadResourceResult::new(vec![contents]))
}

fn status(app: &App, caller: &Principal) -> ResourceContents {
    let status = if app.is_draining() { "ending" } else { "ok" };
    let usage = app.quotas().usage(&caller.tenant);
    let told = json!({
        "status": status,
        "version": env!("CARGO_PKG_VERSION"),
        "sessions": usage.sessions,
        "runs": usage.runs,
    });
    ResourceContents::text(told.to_string(), uri::STATUS).with_mime_type("application/json")
}

async fn read_file(entry: &Entry, path: &str, uri: &str) -> Result<ResourceContents, ErrorData> {
    let opened = entry.session.open(Path::new(path)).await;
    let opened = opened.map_err(|error| refused(Failure::from(error)))?;
    let size = opened.info.size_bytes;
    if size > READ_BYTES_MAX as u64 {
        let message = format!("{size} bytes are more than the {READ_BYTES_MAX} that are read");
        return Err(refused(Refusal::invalid(message).hint("read_file reads it in parts")));
    }
    let kind = mime(&opened.info.path);
    let mut chunks = opened.chunks();
    let mut bytes = Vec::new();
    let broken = |_| ErrorData::internal_error("the file cannot be read", None);
    while let Some(chunk) = chunks.next().await.map_err(broken)? {
        bytes.extend(chunk);
    }
    let contents = match String::from_utf8(bytes) {
        Ok(text) => {
            let contents = ResourceContents::text(text, uri);
            kind.into_iter().fold(contents, ResourceContents::with_mime_type)
        }
        Err(error) => {
            let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
            let blob = STANDARD.encode(error.into_bytes());
            ResourceContents::blob(blob, uri).with_mime_type(kind)
        }
    };
    Ok(contents)
}
