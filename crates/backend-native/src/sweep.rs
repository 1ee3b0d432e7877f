//! Names of sandboxes, and removal of what a killed predecessor left.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{cgroup::Site, identity};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Most leftovers looked at in one sweep, so that a start is never slow for them.
const ENTRIES_MAX: usize = 4096;

/// A name that no other sandbox of this host has, and that tells whose it is:
/// process id, that process's start time, and a number.
pub(crate) fn new_name() -> String {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let start = start_time(pid).unwrap_or_default();
    format!("{pid}-{start}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// Removes cgroups whose owner is gone, and its user ids' locks. Its processes
/// ended with it.
pub(crate) fn sweep(site: &Site) {
    identity::sweep_locks();
    for directory in site.directories() {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.take(ENTRIES_MAX).flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(is_orphan) {
                end(&entry.path());
            }
        }
    }
}

fn end(directory: &Path) {
    // In version 1 there is no such file, and nothing to kill either: init ends
    // when its owner does, and with it the pid namespace.
    let _ = fs::write(directory.join("cgroup.kill"), "1");
    // Still busy: the next sweep takes it.
    let _ = fs::remove_dir(directory);
}

fn is_orphan(name: &str) -> bool {
    let mut parts = name.splitn(3, '-');
    let (pid, start) = (parts.next(), parts.next());
    match (pid.and_then(|text| text.parse().ok()), start.and_then(|text| text.parse().ok())) {
        (Some(pid), Some(start)) => start_time(pid) != Some(start),
        _ => false,
    }
}

/// When a process started, in ticks since the host's start.
fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field may hold anything, but ends at the last parenthesis.
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{is_orphan, new_name};

    #[test]
    fn only_names_of_ours_with_no_owner_are_orphans() {
        assert!(!is_orphan(&new_name()));
        assert!(!is_orphan("system.slice"));
        assert!(!is_orphan("1-x-2"));
        assert!(is_orphan("1-1-0"));
        assert!(is_orphan("99999999-5-0"));
    }
}
