//! What a file holds, in the form that its kind has.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::{FileChunks, FileInfo, OpenedFile};
use rmcp::model::{ContentBlock, Resource};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    images::kind_of,
    pages::{Lines, Taken, Taker, is_text},
};
use crate::{
    mcp::{refusal::Refusal, tool::Answer, uri},
    table::Entry,
    v1::files::FileView,
};

/// The largest image that is told.
const IMAGE_BYTES_MAX: u64 = 2 << 20;
/// How much of a file is looked through for the lines that are wanted.
const LOOKED_BYTES_MAX: u64 = 256 << 20;

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::mcp) enum FileReadKind {
    /// Text, which is in `content`.
    Text,
    /// A PNG or JPEG, which comes beside this.
    Image,
    /// Anything else: only a link comes beside this.
    Binary,
}

/// What a file holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(in crate::mcp) struct FileRead {
    /// The session.
    session_id: String,
    /// What it is.
    file: FileView,
    /// What kind of file.
    kind: FileReadKind,
    /// The lines that were wanted, of a text.
    content: Option<String>,
    /// The number of the first of them, counted from 1.
    first_line: Option<u64>,
    /// The `offset` of what comes after; `null` where that is nothing.
    next_offset: Option<u64>,
}

/// Reads a file.
pub(super) async fn read(
    entry: &Entry,
    path: &str,
    lines: Lines,
) -> Result<Answer<FileRead>, Refusal> {
    let opened = entry.session.open(Path::new(path)).await?;
    let file = Reading {
        session_id: entry.session.id().to_string(),
        info: opened.info.clone(),
        path: path.to_owned(),
    };
    file.read(opened, lines).await
}

/// A file that is being read.
struct Reading {
    session_id: String,
    info: FileInfo,
    path: String,
}

impl Reading {
    async fn read(self, opened: OpenedFile, lines: Lines) -> Result<Answer<FileRead>, Refusal> {
        let mut chunks = opened.range(0..LOOKED_BYTES_MAX);
        let first = self.next(&mut chunks).await?.unwrap_or_default();
        if is_text(&first) {
            return self.text(first, chunks, lines).await;
        }
        match kind_of(&first) {
            Some(kind) if self.info.size_bytes <= IMAGE_BYTES_MAX => {
                self.image(first, chunks, kind).await
            }
            _ => {
                let text = format!("{} is no text: {} bytes", self.path, self.info.size_bytes);
                let content = vec![ContentBlock::text(text), self.link()];
                Ok(Answer { content, structured: self.told(FileReadKind::Binary) })
            }
        }
    }

    async fn next(&self, chunks: &mut FileChunks) -> Result<Option<Vec<u8>>, Refusal> {
        let broken = |error| Refusal::invalid(format!("path: it cannot be read: {error}"));
        chunks.next().await.map_err(broken)
    }

    async fn text(
        self,
        first: Vec<u8>,
        mut chunks: FileChunks,
        lines: Lines,
    ) -> Result<Answer<FileRead>, Refusal> {
        let mut taker = Taker::new(lines);
        let mut piece = Some(first);
        while let Some(bytes) = piece {
            if !taker.push(&bytes) {
                break;
            }
            piece = self.next(&mut chunks).await?;
        }
        let Taken { text, next } = taker.finish();
        let mut shown = text.clone();
        if shown.is_empty() {
            shown.push_str("[there is nothing in it]");
        }
        if let Some(next) = next {
            shown.push_str(&format!("\n[there is more: read on with offset {next}]"));
        }
        let told = FileRead {
            content: Some(text),
            first_line: Some(lines.first),
            next_offset: next,
            ..self.told(FileReadKind::Text)
        };
        Ok(Answer::text(shown, told))
    }

    async fn image(
        self,
        first: Vec<u8>,
        mut chunks: FileChunks,
        kind: &'static str,
    ) -> Result<Answer<FileRead>, Refusal> {
        let mut bytes = first;
        while let Some(piece) = self.next(&mut chunks).await? {
            bytes.extend(piece);
        }
        let text = format!("{}: an image of {} bytes", self.path, bytes.len());
        let image = ContentBlock::image(STANDARD.encode(bytes), kind);
        let content = vec![ContentBlock::text(text), image];
        Ok(Answer { content, structured: self.told(FileReadKind::Image) })
    }

    fn told(&self, kind: FileReadKind) -> FileRead {
        FileRead {
            session_id: self.session_id.clone(),
            file: FileView::of(&self.info),
            kind,
            content: None,
            first_line: None,
            next_offset: None,
        }
    }

    fn link(&self) -> ContentBlock {
        let uri = uri::of_file(&self.session_id, &crate::v1::files::shown(&self.info.path));
        let mut resource = Resource::new(uri, self.path.clone()).with_size(self.info.size_bytes);
        resource.mime_type = mime_guess::from_path(&self.info.path).first_raw().map(str::to_owned);
        ContentBlock::resource_link(resource)
    }
}
