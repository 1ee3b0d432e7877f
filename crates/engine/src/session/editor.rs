//! The text editor of a session: views, changes, and changes taken back.

use std::{
    collections::VecDeque,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    Inner, Session, SessionError,
    edit::{self, EditError},
};

/// The largest text that is edited.
const TEXT_BYTES_MAX: usize = 4 << 20;
/// The most changes that can be taken back.
const UNDO_MAX: usize = 100;
/// The most bytes of earlier texts that are kept for that, for one session.
const UNDO_BYTES_MAX: usize = 16 << 20;

/// Some lines of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The lines, without their ends.
    pub lines: Vec<String>,
    /// The number of the first, counted from 1.
    pub first_line: usize,
    /// How many lines the text has.
    pub lines_total: usize,
}

/// Texts as they were before they were changed, the latest last.
#[derive(Debug, Default)]
pub(super) struct Edits {
    /// `None` for what was not there before.
    earlier: VecDeque<(PathBuf, Option<String>)>,
    bytes: usize,
}

impl Edits {
    fn remember(&mut self, place: PathBuf, text: Option<String>) {
        self.bytes += size(text.as_ref());
        self.earlier.push_back((place, text));
        while self.earlier.len() > UNDO_MAX || self.bytes > UNDO_BYTES_MAX {
            let Some((_, text)) = self.earlier.pop_front() else { return };
            self.bytes -= size(text.as_ref());
        }
    }

    fn latest(&self, place: &Path) -> Option<(usize, Option<String>)> {
        let index = self.earlier.iter().rposition(|(path, _)| path == place)?;
        Some((index, self.earlier.get(index)?.1.clone()))
    }

    fn forget(&mut self, index: usize) {
        if let Some((_, text)) = self.earlier.remove(index) {
            self.bytes -= size(text.as_ref());
        }
    }
}

fn size(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

impl Session {
    /// Shows a text of the workspace, from one line to another, counted from 1.
    ///
    /// # Errors
    /// It is not there, is not text, or has no such line.
    pub async fn view(
        &self,
        path: &Path,
        lines: Option<(usize, usize)>,
    ) -> Result<View, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.file_place(path)?;
        let text = self.inner.text(path, &place).await?;
        let viewed = edit::view(&text, lines);
        let (lines, first_line, lines_total) =
            viewed.map_err(|error| SessionError::edit(path, error))?;
        Ok(View { lines, first_line, lines_total })
    }

    /// Makes a text where nothing is yet.
    ///
    /// # Errors
    /// Something is there, or it does not fit.
    pub async fn create(&self, path: &Path, text: &str) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.file_place(path)?;
        let mut edits = self.inner.edits.lock().await;
        match self.inner.bytes(&place).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            _ => return Err(SessionError::edit(path, EditError::Exists)),
        }
        self.inner.put_bytes(path, place.clone(), text.as_bytes().to_vec()).await?;
        edits.remember(place, None);
        Ok(())
    }

    /// Puts a passage in the place of another, which the text must have just once.
    ///
    /// # Errors
    /// It does not have it, has it more than once, or is not text.
    pub async fn replace(&self, path: &Path, old: &str, new: &str) -> Result<(), SessionError> {
        self.inner.change(path, |text| edit::replace(text, old, new)).await
    }

    /// Puts lines after that many lines of a text.
    ///
    /// # Errors
    /// It has not as many lines, or is not text.
    pub async fn insert(&self, path: &Path, line: usize, text: &str) -> Result<(), SessionError> {
        self.inner.change(path, |before| edit::insert(before, line, text)).await
    }

    /// Takes the last change of a text back that was made here and not yet taken back.
    ///
    /// # Errors
    /// There is none that is known, or the text cannot be written.
    pub async fn undo(&self, path: &Path) -> Result<(), SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.file_place(path)?;
        let mut edits = self.inner.edits.lock().await;
        let nothing = || SessionError::NothingToUndo { path: path.to_owned() };
        let (index, text) = edits.latest(&place).ok_or_else(nothing)?;
        match text {
            Some(text) => self.inner.put_bytes(path, place, text.into_bytes()).await?,
            None => self.inner.erase(path, &place).await?,
        }
        edits.forget(index);
        Ok(())
    }
}

impl Inner {
    async fn text(&self, path: &Path, place: &Path) -> Result<String, SessionError> {
        let bytes = self.bytes(place).await.map_err(|source| SessionError::file(path, source))?;
        if bytes.len() > TEXT_BYTES_MAX {
            return Err(SessionError::file(path, ErrorKind::FileTooLarge.into()));
        }
        String::from_utf8(bytes).map_err(|_| SessionError::edit(path, EditError::NotText))
    }

    async fn change(
        &self,
        path: &Path,
        change: impl FnOnce(&str) -> Result<String, EditError>,
    ) -> Result<(), SessionError> {
        let _active = self.begin()?;
        let place = self.file_place(path)?;
        let mut edits = self.edits.lock().await;
        let before = self.text(path, &place).await?;
        let after = change(&before).map_err(|error| SessionError::edit(path, error))?;
        self.put_bytes(path, place.clone(), after.into_bytes()).await?;
        edits.remember(place, Some(before));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_change_is_taken_back_first_and_the_oldest_is_forgotten() {
        let mut edits = Edits::default();
        let text = |text: &str| Some(text.to_owned());
        edits.remember("a".into(), None);
        edits.remember("a".into(), text("one"));
        edits.remember("b".into(), text("other"));
        let (index, earlier) = edits.latest(Path::new("a")).unwrap();
        assert_eq!(earlier, text("one"));
        edits.forget(index);
        assert_eq!(edits.latest(Path::new("a")).unwrap().1, None);
        for _ in 0..UNDO_MAX {
            edits.remember("c".into(), text("x"));
        }
        assert!(edits.latest(Path::new("a")).is_none());
        let large = "x".repeat(UNDO_BYTES_MAX);
        edits.remember("d".into(), Some(large));
        assert_eq!((edits.earlier.len(), edits.bytes), (1, UNDO_BYTES_MAX));
        edits.remember("e".into(), text("y"));
        assert!(edits.latest(Path::new("d")).is_none());
        assert_eq!((edits.earlier.len(), edits.bytes), (1, 1));
    }
}
