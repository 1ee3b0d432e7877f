//! The file of keys: read whole, replaced whole, by one command at a time.
//!
//! A new version is written beside the old one, made durable, and put in its place:
//! whoever reads sees one or the other, also after a crash.

use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags, Stat},
    io::Errno,
};

use super::{
    failure::KeyError,
    place::{self, Place},
    record::{self, FORMAT, Record, Unreadable},
};

/// The name of the file.
const NAME: &str = "keys.json";

/// What the next version is called until it is whole.
const NEXT: &str = "keys.json.next";

/// Held by whoever changes the file. The file itself cannot be: it is replaced.
const LOCK: &str = "keys.lock";

/// Bytes of the file: all the keys that there may be, with room to spare.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// How long a command waits for another: one that works takes milliseconds.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(5);

/// How often it looks. A lock that is waited for by the kernel has no time limit.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// Only the owner reads and writes.
const PRIVATE: Mode = Mode::RUSR.union(Mode::WUSR);

/// Tells versions of the file apart without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    size_bytes: i64,
    modified: (i64, u64),
    changed: (i64, u64),
}

impl Stamp {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino,
            size_bytes: stat.st_size,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// What the file holds, and which version that is; `None` where there is no file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) records: Vec<Record>,
    pub(super) stamp: Option<Stamp>,
}

/// The right to change the file, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "held until it is closed")] OwnedFd);

/// Which version of the file is there.
pub(super) fn stamp(place: &Place) -> Result<Option<Stamp>, KeyError> {
    match rustix::fs::statat(place.descriptor(), NAME, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(Stamp::of(&stat))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(cannot_read(place, error.into())),
    }
}

/// Reads the file; where there is none, there are no keys.
pub(super) fn read(place: &Place) -> Result<Contents, KeyError> {
    // A FIFO in its place must not stop us.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::openat(place.descriptor(), NAME, flags, Mode::empty()) {
        Ok(descriptor) => descriptor,
        Err(Errno::NOENT) => return Ok(Contents::default()),
        Err(error) => return Err(cannot_read(place, error.into())),
    };
    let stat = rustix::fs::fstat(&file).map_err(|error| cannot_read(place, error.into()))?;
    let path = || place.path_of(NAME);
    place::check(&stat).map_err(|reason| KeyError::Unsafe { path: path(), reason })?;
    let mut text = Vec::new();
    let read = File::from(file).take(FILE_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| cannot_read(place, error))?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let reason = format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(KeyError::Damaged { path: path(), reason });
    }
    let records = record::decode(&text).map_err(|error| match error {
        Unreadable::Damaged(reason) => KeyError::Damaged { path: path(), reason },
        Unreadable::Format(found) => KeyError::Format { path: path(), found, expected: FORMAT },
    })?;
    Ok(Contents { records, stamp: Some(Stamp::of(&stat)) })
}

/// Takes the right to change the file.
pub(super) fn lock(place: &Place) -> Result<Lock, KeyError> {
    let path = place.path_of(LOCK);
    let flags =
        OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let failed = |error: Errno| KeyError::Write { path: path.clone(), source: error.into() };
    let file = rustix::fs::openat(place.descriptor(), LOCK, flags, PRIVATE).map_err(failed)?;
    let deadline = Instant::now() + LOCK_WAIT_MAX;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => thread::sleep(LOCK_POLL),
            Err(Errno::WOULDBLOCK) => return Err(KeyError::Busy { path }),
            Err(Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Replaces the file. When this returns well, the new version survives a crash.
pub(super) fn replace(place: &Place, _lock: &Lock, records: &[Record]) -> Result<(), KeyError> {
    let failed = |source| KeyError::Write { path: place.path_of(NAME), source };
    let text = record::encode(records).map_err(|error| failed(error.into()))?;
    let written = write_next(place, &text).and_then(|()| {
        let directory = place.descriptor();
        rustix::fs::renameat(directory, NEXT, directory, NAME)?;
        rustix::fs::fsync(directory)?;
        Ok(())
    });
    written.map_err(|error| {
        // The first failure is the one to tell; the next command removes what is left.
        let _ = remove_next(place);
        failed(error)
    })
}

fn write_next(place: &Place, text: &[u8]) -> io::Result<()> {
    remove_next(place)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(place.descriptor(), NEXT, flags, PRIVATE)?;
    // The umask may have taken even the owner's access.
    rustix::fs::fchmod(&file, PRIVATE)?;
    let mut file = File::from(file);
    file.write_all(text)?;
    file.sync_all()
}

/// Removes what a command that was killed left behind.
fn remove_next(place: &Place) -> io::Result<()> {
    match rustix::fs::unlinkat(place.descriptor(), NEXT, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn cannot_read(place: &Place, source: io::Error) -> KeyError {
    KeyError::Read { path: place.path_of(NAME), source }
}
