//! A directory for each run: what it is shown, and where what it leaves is looked at.
//!
//! Whoever has one holds a lock beside it. What has a lock that nobody holds is of a
//! process that died, and is removed by the next that begins.

use std::{
    ffi::OsStr,
    fs::{self, DirEntry, File},
    io::{self, ErrorKind},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use api::RunId;

use crate::{Settings, order::Order};

/// Where they are, below what is kept ready.
const PLACE: &str = "runs";
/// The end of the names of locks.
const LOCK: &str = "lock";
/// How often a lock is taken that somebody removes meanwhile.
const LOCKINGS_MAX: u32 = 8;
/// How old a directory without a lock has to be to be nobody's.
const UNLOCKED_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A directory of one run; it goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Desk {
    path: PathBuf,
    _lock: File,
}

impl Desk {
    /// Makes it, with what the run is given.
    pub(crate) fn make(settings: &Settings, order: &Order) -> io::Result<Self> {
        let place = settings.cache_dir.join(PLACE);
        fs::create_dir_all(&place)?;
        let path = place.join(RunId::generate().to_string());
        // A directory is never without its lock.
        let lock = lock(&path.with_extension(LOCK))?;
        let desk = Self { path, _lock: lock };
        fs::create_dir(&desk.path)?;
        for name in ["inputs", "none", "taken"] {
            fs::create_dir(desk.path.join(name))?;
            readable(&desk.path.join(name), 0o755)?;
        }
        if let Some(parameters) = &order.parameters {
            let file = desk.inputs().join("parameters.json");
            fs::write(&file, serde_json::to_vec(parameters).map_err(io::Error::other)?)?;
            readable(&file, 0o644)?;
        }
        Ok(desk)
    }

    /// What the run is given.
    pub(crate) fn inputs(&self) -> PathBuf {
        self.path.join("inputs")
    }

    /// A directory with nothing in it.
    pub(crate) fn empty(&self) -> PathBuf {
        self.path.join("none")
    }

    /// The file that comes out of the run.
    pub(crate) fn parcel(&self) -> PathBuf {
        self.path.join("parcel.tar")
    }

    /// Where that is taken apart.
    pub(crate) fn taken(&self) -> PathBuf {
        self.path.join("taken")
    }

    /// Where what a run that was stopped had written is put.
    pub(crate) fn rescued(&self) -> PathBuf {
        self.path.join("rescued")
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Sandboxes read it as somebody else.
fn readable(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// Takes a new lock.
fn lock(path: &Path) -> io::Result<File> {
    for _ in 0..LOCKINGS_MAX {
        let lock = File::options().create(true).append(true).open(path)?;
        lock.lock()?;
        // Who clears away may have removed it before it was ours.
        let ours = lock.metadata()?.ino();
        if fs::metadata(path).is_ok_and(|found| found.ino() == ours) {
            return Ok(lock);
        }
    }
    Err(ErrorKind::ResourceBusy.into())
}

fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path);
    let _ = fs::remove_file(path.with_extension(LOCK));
}

/// Removes the directories of runs whose process died.
pub(crate) fn clear_away(cache_dir: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(cache_dir.join(PLACE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        let is_nobodys = match path.extension() {
            Some(extension) => extension == OsStr::new(LOCK) && is_free(&path),
            None => !path.with_extension(LOCK).exists() && is_old(&entry),
        };
        if is_nobodys {
            remove(&path.with_extension(""));
        }
    }
    Ok(())
}

/// Whether nobody holds a lock.
fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|lock| lock.try_lock().is_ok())
}

fn is_old(entry: &DirEntry) -> bool {
    let made = entry.metadata().and_then(|found| found.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > UNLOCKED_AGE_MAX))
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use api::RunScope;

    use super::*;

    fn order() -> Order {
        Order {
            project_id: String::new(),
            repository: String::new(),
            git: None,
            commit: String::new(),
            scope: RunScope::Project,
            model: None,
            parameters: None,
            snapshot: None,
            environment: String::new(),
            wall_time_ms: None,
        }
    }

    #[test]
    fn what_the_dead_left_goes_and_what_is_in_use_stays() {
        let name = format!("cellblock-desk-{}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&root);
        clear_away(&root).unwrap();
        let settings = Settings::new(&root);
        let used = Desk::make(&settings, &order()).unwrap();
        let [dead, old, new] = ["dead", "old", "new"].map(|name| root.join("runs").join(name));
        for path in [&dead, &old, &new] {
            fs::create_dir(path).unwrap();
        }
        // A lock goes with its process, and what it was for does not.
        fs::write(dead.with_extension(LOCK), "").unwrap();
        let long_ago = SystemTime::now() - 2 * UNLOCKED_AGE_MAX;
        File::open(&old).unwrap().set_modified(long_ago).unwrap();
        clear_away(&root).unwrap();
        assert!(used.inputs().is_dir() && new.is_dir());
        assert!(!dead.exists() && !dead.with_extension(LOCK).exists() && !old.exists());
        let place = used.path.clone();
        drop(used);
        assert!(!place.exists() && !place.with_extension(LOCK).exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
