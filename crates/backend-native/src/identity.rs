//! Who a sandbox is on the host: a user id that nobody else has, where it may.
//!
//! Root takes ids from a range above those of people, containers and
//! `systemd-nspawn`; an ordinary user takes them from its subordinate range. An id
//! is held by a locked file, so it is free again when its holder is gone, however
//! it went.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use rustix::fs::{FlockOperation, flock};

/// The ids that root gives to sandboxes: 2^20, from 2^30 * 1.75.
const ROOT_RANGE: (u32, u32) = (0x7000_0000, 1 << 20);

/// The most ids that are tried before giving up: more sandboxes than that at one
/// time do not fit a machine.
const TRIES_MAX: u32 = 65_536;

/// How far this process has come in its range. Who began at its start each time would
/// try all that are taken, and one of thousands took longer than everything else.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// The uid and gid by which the sandbox's user is known inside.
pub(crate) const INSIDE: u32 = 1000;

/// Where a sandbox's user id on the host comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdSource {
    /// From a range, written into the map by ourselves.
    Range { first: u32, count: u32 },
    /// From the subordinate range of an ordinary user, written by the system's helpers.
    Subordinate { first: u32, count: u32 },
    /// There is none: the sandbox runs as the caller.
    Caller,
}

/// One sandbox's id, held as long as this lives.
#[derive(Debug)]
pub(crate) struct Identity {
    /// The user and group id on the host.
    pub id: (u32, u32),
    /// Whether no other process has it.
    pub is_own: bool,
    helper: bool,
    _lock: Option<Lock>,
}

/// A locked file; it is removed while it is still locked.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Gone already is as good; anything else leaves an empty file of a name
        // that the next holder takes over.
        let _ = fs::remove_file(&self.path);
    }
}

impl IdSource {
    /// Finds out what this process may give.
    ///
    /// # Errors
    /// What says it cannot be read: to take that for nothing would give less than there is.
    pub(crate) fn find(is_root: bool) -> io::Result<Self> {
        if is_root {
            let (first, count) = ROOT_RANGE;
            let uids = fs::read_to_string("/proc/self/uid_map")?;
            let gids = fs::read_to_string("/proc/self/gid_map")?;
            let has_range = [uids, gids].iter().all(|map| is_mapped(map, ROOT_RANGE));
            return Ok(if has_range { Self::Range { first, count } } else { Self::Caller });
        }
        let uid = rustix::process::getuid().as_raw();
        let name = user_name(uid);
        let range = |file| {
            let text = match fs::read_to_string(file) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
                text => text?,
            };
            io::Result::Ok(subordinate_range(&text, uid, name.as_deref()))
        };
        let helpers = ["newuidmap", "newgidmap"].iter().all(|name| helper(name).is_some());
        Ok(match (range("/etc/subuid")?, range("/etc/subgid")?) {
            (Some(uids), Some(gids)) if helpers && uids == gids => {
                Self::Subordinate { first: uids.0, count: uids.1 }
            }
            _ => Self::Caller,
        })
    }

    /// Takes an id for one sandbox.
    ///
    /// # Errors
    /// The directory of locks cannot be had, or every id is taken.
    pub(crate) fn take(&self) -> io::Result<Identity> {
        let (first, count, helper) = match self {
            Self::Range { first, count } => (*first, *count, false),
            Self::Subordinate { first, count } => (*first, *count, true),
            Self::Caller => return Ok(Identity::callers()),
        };
        let directory = locks()?;
        let start = rustix::process::getpid().as_raw_nonzero().get().unsigned_abs();
        let start = start.wrapping_add(GIVEN.load(Ordering::Relaxed));
        for attempt in 0..count.min(TRIES_MAX) {
            let id = first + start.wrapping_add(attempt) % count;
            if let Some(lock) = try_lock(directory.join(id.to_string()))? {
                GIVEN.fetch_add(attempt.wrapping_add(1), Ordering::Relaxed);
                return Ok(Identity { id: (id, id), is_own: true, helper, _lock: Some(lock) });
            }
        }
        Err(io::Error::other("every user id of the range is taken"))
    }
}

/// Whether a process's map of ids has all of a range: the root of a container
/// may have few.
fn is_mapped(map: &str, (first, count): (u32, u32)) -> bool {
    map.lines().any(|line| {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u64>().ok());
        let (Some(Some(start)), Some(Some(length))) = (fields.next(), fields.nth(1)) else {
            return false;
        };
        let (first, end) = (u64::from(first), u64::from(first) + u64::from(count));
        start <= first && start.checked_add(length).is_some_and(|last| end <= last)
    })
}

/// The most leftovers that are taken away in one start, so that none is slow for them.
const LEFTOVERS_MAX: usize = 4096;

/// Takes away the locks of holders that were killed. One that is held stays.
pub(crate) fn sweep_locks() {
    let directory = base().join("ids");
    if check(&directory).is_err() {
        return;
    }
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries.take(LEFTOVERS_MAX) {
        // Held, or gone meanwhile: then there is nothing to take away.
        drop(try_lock(entry.path()));
    }
}

impl Identity {
    /// The caller's own.
    pub(crate) fn callers() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let gid = rustix::process::getgid().as_raw();
        Self { id: (uid, gid), is_own: false, helper: false, _lock: None }
    }

    /// Writes the id maps of a new user namespace, by its first process.
    ///
    /// # Errors
    /// The host kernel or its helpers refused.
    pub(crate) fn map(&self, pid: rustix::process::Pid) -> io::Result<()> {
        let pid = pid.as_raw_nonzero();
        if self.helper {
            run_helper("newgidmap", pid.get(), (INSIDE, self.id.1, 1))?;
            return run_helper("newuidmap", pid.get(), (INSIDE, self.id.0, 1));
        }
        let place = PathBuf::from(format!("/proc/{pid}"));
        if !self.is_own {
            fs::write(place.join("setgroups"), "deny")?;
        }
        fs::write(place.join("gid_map"), format!("{INSIDE} {} 1\n", self.id.1))?;
        fs::write(place.join("uid_map"), format!("{INSIDE} {} 1\n", self.id.0))
    }
}

impl Identity {
    /// Writes the id maps of a user namespace in which others will be made, each
    /// with an id of the same source: all of them are there, as what they are outside.
    ///
    /// # Errors
    /// As [`Identity::map`].
    pub(crate) fn map_with_others(
        &self,
        source: &IdSource,
        pid: rustix::process::Pid,
    ) -> io::Result<()> {
        let pid = pid.as_raw_nonzero();
        let (first, count) = match (self.is_own, source) {
            (true, IdSource::Range { first, count } | IdSource::Subordinate { first, count }) => {
                (*first, *count)
            }
            _ => return self.map_as_outside(pid),
        };
        if self.helper {
            run_helper("newgidmap", pid.get(), (first, first, count))?;
            return run_helper("newuidmap", pid.get(), (first, first, count));
        }
        let place = PathBuf::from(format!("/proc/{pid}"));
        let line = format!("{first} {first} {count}\n");
        fs::write(place.join("gid_map"), &line)?;
        fs::write(place.join("uid_map"), &line)
    }

    fn map_as_outside(&self, pid: std::num::NonZeroI32) -> io::Result<()> {
        let place = PathBuf::from(format!("/proc/{pid}"));
        fs::write(place.join("setgroups"), "deny")?;
        let (uid, gid) = self.id;
        fs::write(place.join("gid_map"), format!("{gid} {gid} 1\n"))?;
        fs::write(place.join("uid_map"), format!("{uid} {uid} 1\n"))
    }
}

/// Directories in which the system's set-user-id helpers are.
const HELPER_PLACES: [&str; 2] = ["/usr/bin", "/bin"];

fn helper(name: &str) -> Option<PathBuf> {
    HELPER_PLACES.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists())
}

/// Runs a helper with a line of the map: first id inside, first outside, count.
fn run_helper(name: &str, pid: i32, line: (u32, u32, u32)) -> io::Result<()> {
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let path = helper(name).ok_or_else(missing)?;
    let (inside, outside, count) = line;
    let args = [pid.unsigned_abs(), inside, outside, count].map(|number| number.to_string());
    let done = Command::new(path).args(args).env_clear().output()?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(io::Error::other(format!("{name} refused: {said}")))
}

/// The first range of at least one id in a file like `/etc/subuid`.
fn subordinate_range(text: &str, uid: u32, name: Option<&str>) -> Option<(u32, u32)> {
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let owner = fields.next()?;
        let is_ours = Some(owner) == name || owner.parse() == Ok(uid);
        let (first, count) = (fields.next()?.parse().ok()?, fields.next()?.trim().parse().ok()?);
        let fits = count > 0 && u32::checked_add(first, count).is_some();
        (is_ours && fits).then_some((first, count))
    })
}

fn user_name(uid: u32) -> Option<String> {
    let text = fs::read_to_string("/etc/passwd").ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn base() -> PathBuf {
    let uid = rustix::process::getuid().as_raw();
    let own = PathBuf::from(format!("/run/user/{uid}"));
    match uid {
        0 => PathBuf::from("/run/cellblock"),
        _ if own.is_dir() => own.join("cellblock"),
        _ => PathBuf::from(format!("/tmp/cellblock-{uid}")),
    }
}

/// The directory of locks, which nobody else may write to.
fn locks() -> io::Result<PathBuf> {
    let directory = base().join("ids");
    DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    check(&directory)?;
    Ok(directory)
}

fn check(directory: &Path) -> io::Result<()> {
    let uid = rustix::process::getuid().as_raw();
    for place in [base().as_path(), directory] {
        let found = fs::symlink_metadata(place)?;
        if !found.is_dir() || found.uid() != uid || found.mode() & 0o022 != 0 {
            let text = format!("{} belongs to somebody else", place.display());
            return Err(io::Error::other(text));
        }
    }
    Ok(())
}

/// Locks a file, made if need be; `None` where somebody else holds it.
fn try_lock(path: PathBuf) -> io::Result<Option<Lock>> {
    let file = File::options().create(true).append(true).open(&path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    // The last holder may have removed it between our opening and our locking it. Whoever
    // cannot look leaves it behind: a want of the host's may be over at once.
    let is_there = leads_to(&path, &file).or_else(|_| leads_to(&path, &file))?;
    Ok(is_there.then_some(Lock { path, _file: file }))
}

/// Whether there is a file of that path, and it is this one.
fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        found => found?,
    };
    let ours = file.metadata()?;
    Ok((ours.dev(), ours.ino()) == (found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn subordinate_ranges_are_ours_and_fit() {
        let text = "ann:100000:65536\n1001:165536:65536\nbad\nbob:x:y\neve:4294967295:2\n";
        assert_eq!(subordinate_range(text, 7, Some("ann")), Some((100_000, 65_536)));
        assert_eq!(subordinate_range(text, 1001, None), Some((165_536, 65_536)));
        assert_eq!(subordinate_range(text, 9, Some("bob")), None);
        assert_eq!(subordinate_range(text, 9, Some("eve")), None);
        assert_eq!(subordinate_range("", 0, None), None);
    }

    #[test]
    fn only_a_root_that_has_the_range_gives_of_it() {
        assert!(is_mapped("         0          0 4294967295\n", ROOT_RANGE));
        assert!(is_mapped("0 1000 1\n1 100000 4294967294\n", ROOT_RANGE));
        assert!(is_mapped("1879048192 5 1048576\n", ROOT_RANGE));
        assert!(!is_mapped("1879048192 5 1048575\n", ROOT_RANGE));
        assert!(!is_mapped("1879048193 5 4000000\n", ROOT_RANGE));
        assert!(!is_mapped("0 1000 1\n1 100000 65536\n", ROOT_RANGE));
        assert!(!is_mapped("0 0 x\n", ROOT_RANGE));
        assert!(!is_mapped("", ROOT_RANGE));
    }

    proptest! {
        #[test]
        fn nothing_in_the_files_is_misread(text in "([a-c]|[0-9]{1,11}|:|\n| ){0,40}", uid: u32) {
            if let Some((first, count)) = subordinate_range(&text, uid, Some("a")) {
                prop_assert!(count > 0 && first.checked_add(count).is_some());
                let theirs = [format!("a:{first}:{count}"), format!("{uid}:{first}:{count}")];
                let digits = |line: &str| line.replace(' ', "");
                prop_assert!(text.lines().any(|line| {
                    let fields: Vec<_> = digits(line).split(':').take(3).map(|field| {
                        field.parse::<u32>().map_or(field.to_owned(), |number| number.to_string())
                    }).collect();
                    theirs.contains(&fields.join(":"))
                }), "{text:?} gave {first}:{count}");
            }
            let _ = is_mapped(&text, ROOT_RANGE);
        }

        #[test]
        fn any_text_may_stand_in_the_files(text: String, uid: u32) {
            let _ = subordinate_range(&text, uid, None);
            let _ = is_mapped(&text, ROOT_RANGE);
        }
    }

    #[test]
    fn a_lock_is_one_holders_and_goes_with_it() {
        let path = std::env::temp_dir().join(format!("lock-{}", std::process::id()));
        let held = try_lock(path.clone()).unwrap().unwrap();
        assert!(try_lock(path.clone()).unwrap().is_none());
        drop(held);
        assert!(!path.exists());
    }
}
