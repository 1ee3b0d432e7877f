//! Directories that are kept ready: made once under a key, used by many, the one unused
//! for longest removed when they are too many. Several processes may share one place.
//!
//! A directory gets its name when it is whole. Whoever uses it holds a lock that those
//! who remove would need.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Beginning of the names of what is not whole yet.
const PARTIAL: &str = ".partial-";
/// The end of the names of locks; each holds the size of its directory.
const LOCK: &str = "lock";
/// How long what is not whole may take to be made; then its maker has died.
const PARTIAL_AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// How often a lock is taken that somebody removes meanwhile.
const LOCKINGS_MAX: u32 = 8;
/// Where in a directory of the cache its files are.
const FILES: &str = "files";

/// A place for such directories.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
    bytes_max: u64,
}

/// A directory in use; it stays until this is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    files: PathBuf,
    _lock: File,
}

impl Kept {
    pub(crate) fn files(&self) -> &Path {
        &self.files
    }
}

/// A directory that is being made; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
}

impl Partial {
    /// The directory of its files.
    pub(crate) fn files(&self) -> PathBuf {
        self.path.join(FILES)
    }

    /// A place beside them, for what is needed while it is made.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Cache {
    /// A place, which is made if it is not there.
    pub(crate) fn open(root: PathBuf, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(&root)?;
        let cache = Self { root, bytes_max };
        cache.clear_away()?;
        Ok(cache)
    }

    /// The directory of a key, if it is there.
    pub(crate) fn find(&self, key: &str) -> io::Result<Option<Kept>> {
        let files = self.root.join(key).join(FILES);
        if !files.is_dir() {
            return Ok(None);
        }
        let lock = self.lock(key)?;
        // It may have been removed before the lock was ours.
        if !files.is_dir() {
            return Ok(None);
        }
        lock.set_modified(SystemTime::now())?;
        Ok(Some(Kept { files, _lock: lock }))
    }

    /// Begins to make a directory.
    pub(crate) fn begin(&self) -> io::Result<Partial> {
        let path = self.root.join(format!("{PARTIAL}{}", uuid::Uuid::now_v7()));
        let mut builder = DirBuilder::new();
        builder.mode(0o755).create(&path)?;
        builder.create(path.join(FILES))?;
        Ok(Partial { path })
    }

    /// Gives what was made its key. Where others were faster, theirs is taken.
    pub(crate) fn keep(&self, key: &str, made: Partial, bytes: u64) -> io::Result<Kept> {
        let lock = self.lock(key)?;
        let place = self.root.join(key);
        match fs::rename(&made.path, &place) {
            Ok(()) => fs::write(self.lock_path(key), bytes.to_string())?,
            Err(error) if is_there(&error) => {}
            Err(error) => return Err(error),
        }
        let kept = Kept { files: place.join(FILES), _lock: lock };
        self.make_room()?;
        Ok(kept)
    }

    fn lock_path(&self, key: &str) -> PathBuf {
        self.root.join(format!("{key}.{LOCK}"))
    }

    /// Holds a key's lock together with others who use it.
    fn lock(&self, key: &str) -> io::Result<File> {
        let path = self.lock_path(key);
        for _ in 0..LOCKINGS_MAX {
            let lock = File::options().create(true).append(true).open(&path)?;
            lock.lock_shared()?;
            let ours = lock.metadata()?.ino();
            if fs::metadata(&path).is_ok_and(|found| found.ino() == ours) {
                return Ok(lock);
            }
        }
        Err(ErrorKind::ResourceBusy.into())
    }

    /// Removes what was unused for longest until the rest is no more than it may be.
    fn make_room(&self) -> io::Result<()> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            if path.extension() != Some(OsStr::new(LOCK)) {
                continue;
            }
            // Others may remove it meanwhile.
            let Ok(used) = fs::metadata(&path).and_then(|found| found.modified()) else { continue };
            let size = fs::read_to_string(&path).unwrap_or_default();
            found.push((used, size.trim().parse::<u64>().unwrap_or(0), path));
        }
        let mut bytes = found.iter().fold(0_u64, |sum, (_, size, _)| sum.saturating_add(*size));
        found.sort();
        for (_, size, lock) in found {
            if bytes <= self.bytes_max {
                break;
            }
            if self.remove(&lock)? {
                bytes -= size;
            }
        }
        Ok(())
    }

    /// Removes a directory that nobody uses; says whether it did.
    fn remove(&self, lock_path: &Path) -> io::Result<bool> {
        let Ok(lock) = File::open(lock_path) else { return Ok(false) };
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let trash = self.begin()?;
        match fs::rename(lock_path.with_extension(""), trash.beside("removed")) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        fs::remove_file(lock_path)?;
        Ok(true)
    }

    /// Removes what the dead were making.
    fn clear_away(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let is_partial = entry.file_name().to_string_lossy().starts_with(PARTIAL);
            let made = entry.metadata().and_then(|found| found.modified());
            let is_old =
                made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > PARTIAL_AGE_MAX));
            if is_partial && is_old {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Ok(())
    }
}

fn is_there(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(name: &str, bytes_max: u64) -> Cache {
        let name = format!("cellblock-cache-{}-{name}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&root);
        Cache::open(root, bytes_max).unwrap()
    }

    fn make(cache: &Cache, key: &str, bytes: u64) -> Kept {
        let partial = cache.begin().unwrap();
        fs::write(partial.files().join("a"), key).unwrap();
        cache.keep(key, partial, bytes).unwrap()
    }

    #[test]
    fn what_was_made_is_found_and_nothing_else() {
        let cache = cache("found", 100);
        assert!(cache.find("one").unwrap().is_none());
        let kept = make(&cache, "one", 1);
        assert_eq!(fs::read_to_string(kept.files().join("a")).unwrap(), "one");
        // Whoever comes second gets what is there.
        let second = make(&cache, "one", 1);
        assert_eq!(second.files(), kept.files());
        assert!(cache.find("one").unwrap().is_some());
        let left = fs::read_dir(&cache.root).unwrap().count();
        assert_eq!(left, 2, "the directory and its lock");
        fs::remove_dir_all(&cache.root).unwrap();
    }

    #[test]
    fn the_one_unused_for_longest_goes_but_none_in_use() {
        let cache = cache("room", 10);
        drop(make(&cache, "old", 4));
        let used = make(&cache, "used", 4);
        std::thread::sleep(Duration::from_millis(20));
        drop(cache.find("old").unwrap());
        std::thread::sleep(Duration::from_millis(20));
        drop(make(&cache, "new", 4));
        assert!(cache.find("old").unwrap().is_none());
        assert!(cache.find("used").unwrap().is_some());
        assert!(cache.find("new").unwrap().is_some());
        assert!(used.files().join("a").exists());
        fs::remove_dir_all(&cache.root).unwrap();
    }
}
