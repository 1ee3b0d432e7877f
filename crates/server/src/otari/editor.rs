//! `text_editor_code_execution`: texts of the workspace, viewed and changed.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use engine::{
    EditError, FileInfo, FileKind, FilePage, LocateError, PageRequest, Precondition, Session,
    SessionError,
};

use super::{
    edit_input::{Command, Wanted},
    texts::{self, Hunk, Shown},
};

/// The largest file that is viewed: it goes into one answer.
const VIEW_BYTES_MAX: u64 = 16 << 20;
/// The most names of a directory that are shown.
const NAMES_MAX: usize = 10_000;

/// What the editor has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// This is the file.
    Viewed {
        shown: Shown,
        bytes: Vec<u8>,
    },
    /// These are the names in the directory.
    Listed(String),
    Created(String),
    Replaced(String, Hunk),
    Inserted(String, Hunk),
    Reverted(String),
}

/// Why the editor has done nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) message: String,
    /// Whether that is because there is no such file.
    pub(super) is_missing: bool,
}

/// What came of an edit.
pub(super) type Edited = Result<Done, Refused>;

impl Done {
    /// What is written of it to standard output.
    pub(super) fn said(self) -> String {
        match self {
            Self::Viewed { shown, .. } => shown.text,
            Self::Listed(names) => names,
            Self::Created(path) => format!("File created: {path}\n"),
            Self::Replaced(path, _) => format!("Edited {path}\n"),
            Self::Inserted(path, _) => format!("Inserted into {path}\n"),
            Self::Reverted(path) => format!("Reverted {path}\n"),
        }
    }
}

/// Why nothing was done: for the caller to read, or for the whole request to fail.
enum Stop {
    Refused(Refused),
    Failed(SessionError),
}

impl Stop {
    fn said(message: impl Into<String>) -> Self {
        Self::Refused(Refused { message: message.into(), is_missing: false })
    }

    fn missing(path: &str) -> Self {
        let message = format!("file not found: {path}");
        Self::Refused(Refused { message, is_missing: true })
    }

    /// An error of the engine's that is about this path, or about more than that.
    fn of(error: SessionError, path: &str) -> Self {
        match error {
            SessionError::File { source, .. } => match source.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => Self::missing(path),
                ErrorKind::IsADirectory => Self::said(format!("is a directory: {path}")),
                ErrorKind::FileTooLarge => Self::said(format!("too large: {path}")),
                ErrorKind::StorageFull => Self::said("no space left in the workspace"),
                _ => Self::said(format!("not a regular file: {path}")),
            },
            SessionError::Place { reason, .. } => Self::said(format!("{reason}: {path}")),
            SessionError::Precondition { .. } => Self::said(format!("already exists: {path}")),
            SessionError::NothingToUndo { .. } => {
                Self::said(format!("no edits to undo for {path}"))
            }
            error => Self::Failed(error),
        }
    }
}

/// A text of a session.
struct Desk<'a> {
    session: &'a Session,
    /// As the caller has it.
    path: &'a str,
    /// Where that leads.
    place: PathBuf,
}

/// Does what the editor is asked to do.
///
/// # Errors
/// The session cannot be asked.
pub(super) async fn edit(session: &Session, wanted: Wanted) -> Result<Edited, SessionError> {
    match carry_out(session, wanted).await {
        Ok(done) => Ok(Ok(done)),
        Err(Stop::Refused(refused)) => Ok(Err(refused)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

async fn carry_out(session: &Session, wanted: Wanted) -> Result<Done, Stop> {
    let Wanted { path, command } = wanted;
    let place = session.locate(Path::new(&path)).await.map_err(|error| match error {
        LocateError::Outside => Stop::said(format!("path escapes workspace: {path}")),
        LocateError::Session(error) => Stop::of(error, &path),
        error => Stop::said(error.to_string()),
    })?;
    let desk = Desk { session, path: &path, place };
    match command {
        Command::View { range } => desk.view(range).await,
        Command::Create { text } => {
            desk.create(text.ok_or_else(|| Stop::said("create requires file_text"))?).await
        }
        Command::Replace { old: Some(old), new: Some(new) } => desk.replace(&old, &new).await,
        Command::Replace { .. } => Err(Stop::said("str_replace requires old_str and new_str")),
        Command::Insert { line: Some(line), text: Some(text) } => desk.insert(line, text).await,
        Command::Insert { .. } => Err(Stop::said("insert requires new_str and insert_line")),
        Command::Undo => {
            session.undo(&desk.place).await.map_err(|error| desk.stop(error))?;
            Ok(Done::Reverted(path))
        }
    }
}

impl Desk<'_> {
    fn stop(&self, error: SessionError) -> Stop {
        Stop::of(error, self.path)
    }

    async fn view(&self, range: Option<[i64; 2]>) -> Result<Done, Stop> {
        let info = self.session.stat(&self.place).await.map_err(|error| self.stop(error))?;
        if info.kind == FileKind::Directory {
            return Ok(Done::Listed(self.names().await?));
        }
        let bytes = self.bytes().await?;
        let shown = texts::show(&String::from_utf8_lossy(&bytes), range);
        Ok(Done::Viewed { shown, bytes })
    }

    async fn bytes(&self) -> Result<Vec<u8>, Stop> {
        let opened = self.session.open(&self.place).await.map_err(|error| self.stop(error))?;
        if opened.info.size_bytes > VIEW_BYTES_MAX {
            return Err(Stop::said(format!("too large: {}", self.path)));
        }
        let mut bytes = Vec::new();
        let mut chunks = opened.chunks();
        let broken = |_| Stop::said(format!("cannot be read: {}", self.path));
        while let Some(chunk) = chunks.next().await.map_err(broken)? {
            bytes.extend(chunk);
        }
        Ok(bytes)
    }

    /// The names in a directory and in those that lie in it, a line each.
    async fn names(&self) -> Result<String, Stop> {
        let mut found = self.page(&self.place).await?;
        for directory in found.clone() {
            if directory.kind == FileKind::Directory && found.len() < NAMES_MAX {
                // It may be gone by now.
                found.extend(self.page(&directory.path).await.unwrap_or_default());
            }
        }
        found.sort_by(|left, right| left.path.cmp(&right.path));
        found.truncate(NAMES_MAX);
        let name = |info: &FileInfo| {
            let below = info.path.strip_prefix(&self.place).unwrap_or(&info.path);
            format!("{}\n", below.to_string_lossy())
        };
        Ok(found.iter().map(name).collect())
    }

    async fn page(&self, place: &Path) -> Result<Vec<FileInfo>, Stop> {
        let request = PageRequest { is_recursive: false, after: None, limit: FilePage::FILES_MAX };
        let page = self.session.page(place, request).await;
        Ok(page.map_err(|error| self.stop(error))?.files)
    }

    /// Makes a file and leaves alone what is there. It is no change that could be
    /// taken back.
    async fn create(&self, text: String) -> Result<Done, Stop> {
        if self.place.as_os_str().is_empty() {
            return Err(Stop::said(format!("already exists: {}", self.path)));
        }
        let mut spool = self.session.spool().await.map_err(Stop::Failed)?;
        let pushed = spool.push(text.into_bytes()).await;
        pushed.map_err(|_| Stop::said(format!("too large: {}", self.path)))?;
        let written = self.session.write_spooled(&self.place, spool, &Precondition::Absent).await;
        written.map_err(|error| match error {
            SessionError::File { ref source, .. } if source.kind() == ErrorKind::NotADirectory => {
                Stop::said(format!("a file is in the way of {}", self.path))
            }
            error => self.stop(error),
        })?;
        Ok(Done::Created(self.path.to_owned()))
    }

    async fn replace(&self, old: &str, new: &str) -> Result<Done, Stop> {
        let before = self.text().await?;
        let replaced = self.session.replace(&self.place, old, new).await;
        replaced.map_err(|error| self.refused(error, None))?;
        let hunk = texts::hunk(&before, &before.replacen(old, new, 1));
        Ok(Done::Replaced(self.path.to_owned(), hunk))
    }

    async fn insert(&self, line: i64, mut text: String) -> Result<Done, Stop> {
        self.text().await?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let after = usize::try_from(line).map_err(|_| self.no_line(line))?;
        let inserted = self.session.insert(&self.place, after, &text).await;
        inserted.map_err(|error| self.refused(error, Some(line)))?;
        let new = text.lines().map(str::to_owned).collect();
        let hunk = Hunk { start: after + 1, old: Vec::new(), new };
        Ok(Done::Inserted(self.path.to_owned(), hunk))
    }

    /// The text before it is changed.
    async fn text(&self) -> Result<String, Stop> {
        let info = self.session.stat(&self.place).await.map_err(|error| self.stop(error))?;
        if info.kind == FileKind::Directory {
            return Err(Stop::said(format!("is a directory: {}", self.path)));
        }
        let bytes = self.bytes().await?;
        match texts::decoding_error(&bytes) {
            Some(said) => Err(Stop::said(said)),
            None => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    fn no_line(&self, line: i64) -> Stop {
        Stop::said(format!("insert_line {line} out of range for {}", self.path))
    }

    fn refused(&self, error: SessionError, line: Option<i64>) -> Stop {
        let path = self.path;
        match error {
            SessionError::Edit { error: EditError::Missing, .. } => {
                Stop::said(format!("old_str not found in {path}"))
            }
            SessionError::Edit { error: EditError::Ambiguous { count }, .. } => {
                Stop::said(format!("old_str matched {count} times in {path}; must be unique"))
            }
            SessionError::Edit { error: EditError::NoLine { .. }, .. } => {
                self.no_line(line.unwrap_or_default())
            }
            SessionError::Edit { error, .. } => Stop::said(format!("{error}: {path}")),
            error => self.stop(error),
        }
    }
}
