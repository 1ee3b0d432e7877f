//! The prompt: reads what a person types, cell by cell, and keeps the history.

use std::{
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use rustyline::{
    Behavior, CompletionType, Config, Editor, error::ReadlineError, history::FileHistory,
};

use super::typing::Typing;
use crate::{
    failure::Failure,
    render::{self, Style},
};

/// What the history keeps.
const HISTORY_CELLS_MAX: usize = 5000;
/// A longer cell was pasted, not typed, and would make the history slow to read.
const HISTORY_CELL_BYTES_MAX: usize = 16 << 10;
/// A history that is larger was not written by us.
const HISTORY_FILE_BYTES_MAX: u64 = 128 << 20;
/// A longer list of ways to go on is shown after a question.
const LISTED_UNASKED_MAX: usize = 100;

const MARK: &str = ">>> ";

/// What came of one look at the prompt.
pub(super) enum Typed {
    Cell(String),
    /// The line was cleared, or is empty.
    Nothing,
    /// The person leaves.
    End,
}

/// The prompt.
pub(super) struct Prompt {
    editor: Editor<Typing, FileHistory>,
    history: Option<PathBuf>,
    mark: (&'static str, String),
}

impl Prompt {
    /// # Errors
    /// The terminal cannot be used.
    pub(super) fn new(
        typing: Typing,
        history: Option<PathBuf>,
        style: Style,
    ) -> Result<Self, Failure> {
        let config = Config::builder()
            .max_history_size(HISTORY_CELLS_MAX)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(failure)?
            .completion_type(CompletionType::List)
            .completion_prompt_limit(LISTED_UNASKED_MAX)
            // So that what is typed does not end up in a file that takes the output.
            .behavior(Behavior::PreferTerm)
            .build();
        let mut editor = Editor::with_config(config).map_err(failure)?;
        editor.set_helper(Some(typing));
        let mut prompt = Self { editor, history, mark: (MARK, style.good(MARK)) };
        prompt.load();
        Ok(prompt)
    }

    /// Waits for what is typed next.
    ///
    /// # Errors
    /// The terminal cannot be read any more.
    pub(super) fn read(&mut self) -> Result<Typed, Failure> {
        match self.editor.readline(&self.mark) {
            Ok(cell) if cell.trim().is_empty() => Ok(Typed::Nothing),
            Ok(cell) => {
                self.remember(&cell);
                Ok(Typed::Cell(cell))
            }
            Err(ReadlineError::Interrupted) => Ok(Typed::Nothing),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(failure(error)),
        }
    }

    fn load(&mut self) {
        let Some(path) = self.history.clone() else { return };
        let is_ours = |path: &Path| {
            path.metadata()
                .is_ok_and(|found| found.is_file() && found.len() <= HISTORY_FILE_BYTES_MAX)
        };
        match path.try_exists() {
            Ok(true) if is_ours(&path) => {
                if let Err(error) = self.editor.load_history(&path) {
                    self.forgo(&path, &error);
                }
            }
            Ok(false) => {
                let parent = path.parent().unwrap_or(Path::new("."));
                let made = DirBuilder::new().recursive(true).mode(0o700).create(parent);
                if let Err(error) = made {
                    self.forgo(&path, &error);
                }
            }
            _ => self.forgo(&path, &"it is no file that a history could be in"),
        }
    }

    fn remember(&mut self, cell: &str) {
        if cell.len() > HISTORY_CELL_BYTES_MAX {
            return;
        }
        let added = self.editor.add_history_entry(cell.trim_end());
        let Some(path) = self.history.clone() else { return };
        if let Err(error) = added.and_then(|_| self.editor.append_history(&path)) {
            self.forgo(&path, &error);
        }
    }

    /// Goes on without a history on disk, having said so once.
    fn forgo(&mut self, path: &Path, why: &dyn std::fmt::Display) {
        render::note(&format!("the history {} is not kept: {why}", path.display()));
        self.history = None;
    }
}

fn failure(error: ReadlineError) -> Failure {
    let source = match error {
        ReadlineError::Io(source) => source,
        other => io::Error::other(other.to_string()),
    };
    Failure::Process { action: "read from the terminal", source }
}
