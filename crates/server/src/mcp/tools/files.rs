//! Files of a session: read, written, listed, edited, deleted.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{FileInfo, PageRequest, Precondition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{calls, pages, reading};
use crate::{
    app::App,
    http::Failure,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
    v1::{conditions, files::FileView},
};

/// How many files a listing has if its client does not say, and the most.
const FILES_USUAL: usize = 200;
const FILES_MAX: usize = 1000;

/// A file, and which part of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ReadFileArgs {
    /// The session.
    session_id: String,
    /// The file, relative to the workspace.
    path: String,
    /// The first line, counted from 1.
    offset: Option<u64>,
    /// How many lines at most; 2000 if left out.
    limit: Option<u64>,
}

/// `read_file`.
pub(in crate::mcp) struct ReadFile;

impl Kind for ReadFile {
    const NAME: &'static str = "read_file";
    const TITLE: &'static str = "Read a file";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ReadFileArgs;
    type Output = reading::FileRead;

    fn description(_: &App) -> String {
        format!(
            "Reads a file of a session's workspace: text by lines, at most {} KiB at once; PNG \
             and JPEG as images; other files as links.",
            pages::TEXT_BYTES_MAX >> 10
        )
    }

    async fn call(call: Call, args: ReadFileArgs) -> Result<Answer<reading::FileRead>, Refusal> {
        let entry = calls::find(&call, &args.session_id)?;
        let lines = pages::Lines::asked(args.offset, args.limit)?;
        reading::read(&entry, &args.path, lines).await
    }
}

/// A file that is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct WriteFileArgs {
    /// The session.
    session_id: String,
    /// Where it is to be, relative to the workspace. Directories are made.
    path: String,
    /// What it is to hold, as text; or else `content_base64`.
    content: Option<String>,
    /// What it is to hold, in base64.
    content_base64: Option<String>,
}

/// A file that was written.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct FileWritten {
    /// The session.
    session_id: String,
    /// What it is now.
    file: FileView,
    /// Whether it was not there before.
    is_new: bool,
}

/// `write_file`.
pub(in crate::mcp) struct WriteFile;

impl Kind for WriteFile {
    const NAME: &'static str = "write_file";
    const TITLE: &'static str = "Write a file";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES;
    type Args = WriteFileArgs;
    type Output = FileWritten;

    fn description(_: &App) -> String {
        "Writes a file of a session's workspace, in the place of what is there.".to_owned()
    }

    async fn call(call: Call, args: WriteFileArgs) -> Result<Answer<FileWritten>, Refusal> {
        let entry = calls::find(&call, &args.session_id)?;
        let bytes = content(args.content, args.content_base64)?;
        let mut spool = entry.session.spool().await?;
        spool.push(bytes).await.map_err(|error| Refusal::invalid(error.to_string()))?;
        let path = Path::new(&args.path);
        let written = entry.session.write_spooled(path, spool, &Precondition::None).await?;
        let file = FileView::of(&written.info);
        let text = format!("wrote {} bytes to {}", written.info.size_bytes, args.path);
        let (session_id, is_new) = (args.session_id, written.is_new);
        Ok(Answer::text(text, FileWritten { session_id, file, is_new }))
    }
}

fn content(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, Refusal> {
    match (text, base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => {
            let broken = |error| Refusal::invalid(format!("content_base64: {error}"));
            STANDARD.decode(base64).map_err(broken)
        }
        _ => Err(Refusal::invalid("one of content and content_base64 has to be given")),
    }
}

/// Which files.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct ListFilesArgs {
    /// The session.
    session_id: String,
    /// The directory, relative to the workspace; the workspace if left out.
    path: Option<String>,
    /// Whether directories are entered.
    recursive: Option<bool>,
    /// How many at most, from 1 to 1000; 200 if left out.
    limit: Option<u64>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// Some files.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct FilesListed {
    /// The session.
    session_id: String,
    /// By path.
    files: Vec<FileView>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
    /// Whether there is more that is on no page.
    is_cut: bool,
}

/// `list_files`.
pub(in crate::mcp) struct ListFiles;

impl Kind for ListFiles {
    const NAME: &'static str = "list_files";
    const TITLE: &'static str = "List files";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ListFilesArgs;
    type Output = FilesListed;

    fn description(_: &App) -> String {
        "Lists files and directories of a session's workspace.".to_owned()
    }

    async fn call(call: Call, args: ListFilesArgs) -> Result<Answer<FilesListed>, Refusal> {
        let entry = calls::find(&call, &args.session_id)?;
        let after = args.cursor.as_deref().map(conditions::read_place).transpose()?;
        let request = PageRequest {
            is_recursive: args.recursive.unwrap_or(false),
            after,
            limit: page_size(args.limit)?,
        };
        let path = PathBuf::from(args.path.unwrap_or_default());
        let page = entry.session.page(&path, request).await?;
        let text = listing(&page.files, page.next.is_some() || page.is_cut);
        let listed = FilesListed {
            session_id: args.session_id,
            files: page.files.iter().map(FileView::of).collect(),
            next_cursor: page.next.as_deref().map(conditions::place),
            is_cut: page.is_cut,
        };
        Ok(Answer::text(text, listed))
    }
}

fn page_size(limit: Option<u64>) -> Result<usize, Refusal> {
    let Some(limit) = limit else { return Ok(FILES_USUAL) };
    let size = usize::try_from(limit).ok().filter(|size| (1..=FILES_MAX).contains(size));
    size.ok_or_else(|| Refusal::invalid(format!("limit: from 1 to {FILES_MAX}")))
}

fn listing(files: &[FileInfo], has_more: bool) -> String {
    let line = |info: &FileInfo| match info.kind {
        engine::FileKind::Directory => format!("{}/", crate::v1::files::shown(&info.path)),
        _ => format!("{} ({} bytes)", crate::v1::files::shown(&info.path), info.size_bytes),
    };
    let mut lines: Vec<_> = files.iter().map(line).collect();
    if files.is_empty() {
        lines.push("there are no files".to_owned());
    }
    if has_more {
        lines.push("[there are more]".to_owned());
    }
    lines.join("\n")
}

/// A change of a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct EditFileArgs {
    /// The session.
    session_id: String,
    /// The file, relative to the workspace.
    path: String,
    /// The passage to be replaced; the file has it exactly once.
    old_str: String,
    /// What takes its place.
    new_str: String,
}

/// A file that was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct FileEdited {
    /// The session.
    session_id: String,
    /// What it is now.
    file: FileView,
}

/// `edit_file`.
pub(in crate::mcp) struct EditFile;

impl Kind for EditFile {
    const NAME: &'static str = "edit_file";
    const TITLE: &'static str = "Edit a file";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::CHANGES;
    type Args = EditFileArgs;
    type Output = FileEdited;

    fn description(_: &App) -> String {
        "Replaces a passage of a text file of a session's workspace; the file has to have it \
         exactly once."
            .to_owned()
    }

    async fn call(call: Call, args: EditFileArgs) -> Result<Answer<FileEdited>, Refusal> {
        let session = &calls::find(&call, &args.session_id)?.session;
        let path = Path::new(&args.path);
        session.replace(path, &args.old_str, &args.new_str).await?;
        let file = FileView::of(&session.stat(path).await?);
        let edited = FileEdited { session_id: args.session_id, file };
        Ok(Answer::text(format!("edited {}", args.path), edited))
    }
}

/// A file that is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::mcp) struct DeleteFileArgs {
    /// The session.
    session_id: String,
    /// The file, or a directory with all that is in it, relative to the workspace.
    path: String,
}

/// A file that has gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct FileDeleted {
    /// The session.
    session_id: String,
    /// Where it was.
    path: String,
    /// `true`: it is gone.
    deleted: bool,
}

/// `delete_file`.
pub(in crate::mcp) struct DeleteFile;

impl Kind for DeleteFile {
    const NAME: &'static str = "delete_file";
    const TITLE: &'static str = "Delete a file";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES;
    type Args = DeleteFileArgs;
    type Output = FileDeleted;

    fn description(_: &App) -> String {
        "Deletes a file, or a directory with all that is in it, of a session's workspace."
            .to_owned()
    }

    async fn call(call: Call, args: DeleteFileArgs) -> Result<Answer<FileDeleted>, Refusal> {
        let entry = calls::find(&call, &args.session_id)?;
        let deleted = entry.session.delete(Path::new(&args.path)).await;
        deleted.map_err(Failure::from)?;
        let text = format!("deleted {}", args.path);
        let DeleteFileArgs { session_id, path } = args;
        Ok(Answer::text(text, FileDeleted { session_id, path, deleted: true }))
    }
}
