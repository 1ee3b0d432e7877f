//! Changes to files of a session that depend on what is there.

use std::{
    io::{self, ErrorKind},
    path::Path,
};

use sandbox::FileBody;

use super::{
    FileInfo, FileKind, Inner, Session, SessionError,
    files::{as_text, entry},
    run::has_succeeded,
};
use crate::Spool;

/// What has to be so for a file to be written or removed. Programs in the sandbox may
/// change it in between; nobody else can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// Nothing is at that path.
    Absent,
    /// Something is at that path.
    Present,
    /// What is at that path has one of these versions; see [`FileInfo::version`].
    Version(Vec<String>),
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What it is now.
    pub info: FileInfo,
    /// Whether nothing was there before.
    pub is_new: bool,
}

impl Precondition {
    fn check(&self, path: &Path, found: Option<&FileInfo>) -> Result<(), SessionError> {
        let reason = match (self, found) {
            (Self::Absent, Some(_)) => "it is there already",
            (Self::Present | Self::Version(_), None) => "it is not there",
            (Self::Version(versions), Some(info)) if !versions.contains(&info.version) => {
                "it has changed"
            }
            _ => return Ok(()),
        };
        Err(SessionError::Precondition { path: path.to_owned(), reason })
    }
}

impl Session {
    /// A place on the host for what is to become a file or an archive of the session.
    ///
    /// # Errors
    /// There are too many already, or the host has no room.
    pub async fn spool(&self) -> Result<Spool, SessionError> {
        let _active = self.inner.begin()?;
        let place = self.inner.desk.transfer()?;
        let most = self.inner.file_bytes_max();
        let spool = Spool::new(most, Some(place)).await;
        spool.map_err(|source| SessionError::file(Path::new("."), source))
    }

    /// Writes a file of the workspace as [`Session::write`] does, if a condition holds.
    /// What is there and is no regular file is left alone.
    ///
    /// # Errors
    /// The condition does not hold, it does not fit, or something else has its name.
    pub async fn write_spooled(
        &self,
        path: &Path,
        spool: Spool,
        condition: &Precondition,
    ) -> Result<Written, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let place = inner.file_place(path)?;
        let failed = |source| SessionError::file(path, source);
        let body = spool.reader().map_err(failed)?;
        let _turn = inner.desk.writes.lock().await;
        let found = inner.found(&place).await.map_err(failed)?;
        condition.check(path, found.as_ref())?;
        match found.as_ref().map(|info| info.kind) {
            None | Some(FileKind::File) => {}
            Some(FileKind::Directory) => return Err(failed(ErrorKind::IsADirectory.into())),
            Some(_) => return Err(failed(ErrorKind::AlreadyExists.into())),
        }
        inner.put(path, vec![entry(place.clone(), FileBody::Host(body.into()))]).await?;
        let info = inner.info(&place).await.map_err(failed)?;
        Ok(Written { info, is_new: found.is_none() })
    }

    /// Removes what is at a path as [`Session::delete`] does, if a condition holds.
    ///
    /// # Errors
    /// The condition does not hold, it is not there, or cannot be removed.
    pub async fn delete_if(
        &self,
        path: &Path,
        condition: &Precondition,
    ) -> Result<(), SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let place = inner.file_place(path)?;
        let _turn = inner.desk.writes.lock().await;
        let found = inner.found(&place).await;
        let found = found.map_err(|source| SessionError::file(path, source))?;
        condition.check(path, found.as_ref())?;
        inner.erase(path, &place).await
    }

    /// Makes a directory of the workspace, with those that it lies in, unless it is there.
    ///
    /// # Errors
    /// Something else has its name, or that of one that it lies in.
    pub async fn make_directory(&self, path: &Path) -> Result<Written, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let place = inner.file_place(path)?;
        let failed = |source| SessionError::file(path, source);
        let _turn = inner.desk.writes.lock().await;
        let found = inner.found(&place).await.map_err(failed)?;
        inner.put(path, vec![entry(place.clone(), FileBody::Directory)]).await?;
        let info = inner.info(&place).await.map_err(failed)?;
        Ok(Written { info, is_new: found.is_none() })
    }

    /// Gives what is at a path of the workspace another path, with the directories that
    /// this one lies in. With `overwrite` it may take the place of a file, or of a
    /// directory with nothing in it if it is one itself.
    ///
    /// # Errors
    /// It is not there, something is at the other path, or that lies below the first.
    pub async fn rename(
        &self,
        from: &Path,
        to: &Path,
        overwrite: bool,
    ) -> Result<FileInfo, SessionError> {
        let inner = &self.inner;
        let _active = inner.begin()?;
        let (source, target) = (inner.file_place(from)?, inner.file_place(to)?);
        let _turn = inner.desk.writes.lock().await;
        let failed = |source| SessionError::file(to, source);
        inner.info(&source).await.map_err(|source| SessionError::file(from, source))?;
        let found = inner.found(&target).await.map_err(failed)?;
        if !overwrite {
            Precondition::Absent.check(to, found.as_ref())?;
        }
        if target == source {
            return inner.info(&target).await.map_err(failed);
        }
        if target.starts_with(&source) || source.starts_with(&target) {
            return Err(failed(ErrorKind::InvalidInput.into()));
        }
        inner.move_inside((from, &source), (to, &target)).await?;
        inner.info(&target).await.map_err(failed)
    }
}

impl Inner {
    /// What is at a place, if anything is.
    async fn found(&self, place: &Path) -> io::Result<Option<FileInfo>> {
        match self.info(place).await {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn move_inside(
        &self,
        from: (&Path, &Path),
        to: (&Path, &Path),
    ) -> Result<(), SessionError> {
        let names = [as_text(from.0, from.1)?, as_text(to.0, to.1)?];
        let parent = to.1.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.map(|parent| entry(parent.to_owned(), FileBody::Directory));
        if let Some(parent) = parent {
            self.put(to.0, vec![parent]).await?;
        }
        let options = ["-f", "-T", "--"].map(str::to_owned);
        let args = options.into_iter().chain(names).collect();
        let exit = self.run_own("mv", args).await?;
        if has_succeeded(&exit) {
            return Ok(());
        }
        Err(SessionError::file(to.0, ErrorKind::PermissionDenied.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn conditions_hold_or_say_what_is_otherwise() {
        let info = FileInfo {
            path: "a".into(),
            kind: FileKind::File,
            size_bytes: 1,
            modified: SystemTime::UNIX_EPOCH,
            mode: 0o644,
            version: "one".to_owned(),
        };
        let versions = |list: &[&str]| {
            Precondition::Version(list.iter().map(|text| (*text).to_owned()).collect())
        };
        let table = [
            (Precondition::None, true, true),
            (Precondition::Absent, true, false),
            (Precondition::Present, false, true),
            (versions(&["two", "one"]), false, true),
            (versions(&["two"]), false, false),
            (versions(&[]), false, false),
        ];
        for (condition, if_absent, if_present) in table {
            let holds = |found| condition.check(Path::new("a"), found).is_ok();
            assert_eq!((holds(None), holds(Some(&info))), (if_absent, if_present), "{condition:?}");
        }
    }
}
