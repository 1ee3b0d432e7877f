//! Names of sandboxes, and removal of what a killed predecessor left.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use crate::{cgroup::Site, identity};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Most leftovers looked at in one sweep, so that a start is never slow for them.
const ENTRIES_MAX: usize = 4096;

/// How old a cgroup without processes must be to be nobody's, where who made it
/// cannot be asked for. A sandbox is never without a process for longer.
const ABANDONED_AGE: Duration = Duration::from_secs(600);

/// A name that no other cgroup of this host has, and that tells who made it: pid
/// namespace, process id in it, that process's start time, and a number.
pub(crate) fn new_name() -> String {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let start = start_time(pid).unwrap_or(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{pid}-{start}-{number}", pid_namespace())
}

/// How often it is tried again to remove a cgroup whose processes are still ending.
const BUSY_LOOK: Duration = Duration::from_millis(50);

/// How long that is tried: processes that were killed end sooner, also on a machine that
/// is busy.
const BUSY_TIME_MAX: Duration = Duration::from_secs(30);

/// Removes cgroups of processes that are gone, and their user ids' locks. What was in
/// them ended with their maker, or is ending: those are removed a little later.
pub(crate) fn sweep(site: &Site) {
    identity::sweep_locks();
    let mut busy = Vec::new();
    for directory in site.directories() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.take(ENTRIES_MAX).flatten() {
            let name = entry.file_name();
            match name.to_str().map(maker) {
                Some(Maker::Gone) if !end(&entry.path()) => busy.push(entry.path()),
                Some(Maker::Elsewhere) => forget(&entry),
                _ => {}
            }
        }
    }
    if !busy.is_empty() {
        // Whoever starts does not wait for it. Without a thread the next sweep takes them.
        let _ = thread::Builder::new().name("sweep".to_owned()).spawn(move || end_later(busy));
    }
}

fn end_later(mut busy: Vec<PathBuf>) {
    let deadline = Instant::now() + BUSY_TIME_MAX;
    while !busy.is_empty() && Instant::now() < deadline {
        thread::sleep(BUSY_LOOK);
        busy.retain(|directory| !end(directory));
    }
}

/// The leaves in a cgroup of an owner's; none in a leaf.
fn leaves(directory: &Path) -> impl Iterator<Item = fs::DirEntry> {
    let entries = fs::read_dir(directory).into_iter().flatten().take(ENTRIES_MAX).flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
}

/// Removes a cgroup that was abandoned, and those in it that were.
fn forget(entry: &fs::DirEntry) {
    let directory = entry.path();
    let leaves = leaves(&directory).filter(is_abandoned).map(|leaf| leaf.path());
    for abandoned in leaves.chain(is_abandoned(entry).then(|| directory.clone())) {
        // Refused, and rightly so, while there is a process or a cgroup in it.
        let _ = fs::remove_dir(abandoned);
    }
}

/// Whether it is gone.
fn end(directory: &Path) -> bool {
    // In version 1 there is no such file, and nothing to kill either: init ends
    // when its maker does, and with it the pid namespace.
    let _ = fs::write(directory.join("cgroup.kill"), "1");
    for leaf in leaves(directory) {
        // Busy: then so is this one, and both are tried again.
        let _ = fs::remove_dir(leaf.path());
    }
    match fs::remove_dir(directory) {
        Ok(()) => true,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let age = entry.metadata().and_then(|found| found.modified()).map(|made| made.elapsed());
    matches!(age, Ok(Ok(age)) if age > ABANDONED_AGE)
}

/// Who made a cgroup, by its name.
#[derive(Debug, PartialEq, Eq)]
enum Maker {
    /// A process that lives.
    Alive,
    /// A process that ended.
    Gone,
    /// A process of another pid namespace, of which nothing can be known here.
    Elsewhere,
    /// Not one of ours.
    Unknown,
}

fn maker(name: &str) -> Maker {
    let mut parts = name.splitn(4, '-').map(|text| text.parse::<u64>().ok());
    let mut part = || parts.next().flatten();
    let (Some(namespace), Some(pid), Some(start), Some(_)) = (part(), part(), part(), part())
    else {
        return Maker::Unknown;
    };
    if namespace != pid_namespace() || start == 0 {
        return Maker::Elsewhere;
    }
    match i32::try_from(pid).map(start_time) {
        Ok(Ok(found)) if found == start => Maker::Alive,
        Ok(Err(error)) if !is_no_process(&error) => Maker::Elsewhere,
        _ => Maker::Gone,
    }
}

/// Which pid namespace this process is in: numbers of processes mean nothing elsewhere.
fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |found| found.ino())
}

/// When a process started, in ticks since the host's start.
///
/// That it cannot be read says nothing of the process, unless the error is that
/// there is none: whoever is out of descriptors must not take others for dead.
fn start_time(pid: i32) -> io::Result<u64> {
    parse_start_time(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
}

fn is_no_process(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(rustix::io::Errno::from_raw_os_error);
    matches!(number, Some(rustix::io::Errno::NOENT | rustix::io::Errno::SRCH))
}

fn parse_start_time(stat: &str) -> Option<u64> {
    // The second field may hold anything, but ends at the last parenthesis.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::io;

    use proptest::prelude::*;

    use super::{Maker, is_no_process, maker, new_name, parse_start_time, pid_namespace};

    #[test]
    fn only_that_there_is_no_process_says_that_it_is_gone() {
        let error = |errno: rustix::io::Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        assert!(is_no_process(&error(rustix::io::Errno::NOENT)));
        assert!(is_no_process(&error(rustix::io::Errno::SRCH)));
        assert!(!is_no_process(&error(rustix::io::Errno::MFILE)));
        assert!(!is_no_process(&error(rustix::io::Errno::INTR)));
    }

    proptest! {
        #[test]
        fn a_name_with_brackets_does_not_confuse(name in "[a-z() 0-9]{0,15}", start: u64) {
            let rest = (0..18).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
            let stat = format!("7 ({name}) S {rest} {start} 1 2");
            prop_assert_eq!(parse_start_time(&stat), Some(start));
        }

        #[test]
        fn any_text_may_be_a_name_or_a_stat(text: String) {
            let _ = parse_start_time(&text);
            prop_assert_ne!(maker(&text), Maker::Alive);
        }
    }

    #[test]
    fn only_names_of_ours_whose_maker_is_gone_are_orphans() {
        let here = pid_namespace();
        assert_eq!(maker(&new_name()), Maker::Alive);
        assert_eq!(maker(&format!("{here}-1-1-0")), Maker::Gone);
        assert_eq!(maker(&format!("{here}-99999999999-5-0")), Maker::Gone);
        assert_eq!(maker("1-1-1-0"), Maker::Elsewhere);
        // It could not tell when it started, which is no reason to end it.
        assert_eq!(maker(&format!("{here}-1-0-0")), Maker::Elsewhere);
        for name in ["system.slice", "1-x-2-3", "1-2-3", "", "-1-1-1-0", "1-2-3-x"] {
            assert_eq!(maker(name), Maker::Unknown, "{name}");
        }
    }
}
