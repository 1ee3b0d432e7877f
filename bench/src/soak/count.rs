//! Counts everything that a soak could leave behind.

use std::{fs, thread, time::Duration};

use testkit::leaks::{self, Snapshot};

use crate::host;

/// The kernel clears namespaces away long after they are gone.
const SETTLING_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether it has.
const POLL: Duration = Duration::from_millis(500);
/// Where the kernel is told to give back what it only keeps in case it is wanted again.
const GIVE_BACK: (&str, &str) = ("/proc/sys/vm/drop_caches", "3");
/// Growth that chance and other programs explain, in kilobytes; and for each session.
const KERNEL_KB_MAX: u64 = 64 << 10;
const KERNEL_KB_PER_SESSION: u64 = 4;
const OWN_KB_MAX: u64 = 16 << 10;

/// What there is at one moment.
#[derive(Debug)]
pub(super) struct Count {
    snapshot: Snapshot,
    descriptors: Vec<String>,
    threads: usize,
    kernel_kb: u64,
    own_kb: u64,
    available_kb: u64,
}

/// What came of the comparison.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) told: Vec<String>,
    pub(super) failures: Vec<String>,
}

impl Count {
    /// Counts.
    pub(super) fn take() -> Self {
        leaks::reap();
        // Cached files hold on to control groups that are gone. Where that is refused, they count.
        let _ = fs::write(GIVE_BACK.0, GIVE_BACK.1);
        let rollup = fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        Self {
            snapshot: Snapshot::take(),
            descriptors: descriptors(),
            threads: fs::read_dir("/proc/self/task").map_or(0, Iterator::count),
            kernel_kb: host::kernel_kb(),
            own_kb: host::kilobytes(&rollup, "Anonymous"),
            available_kb: host::meminfo_kb("MemAvailable"),
        }
    }

    fn beyond(&self, before: &Self, sessions: usize) -> Vec<String> {
        let mut lines = self.snapshot.beyond(&before.snapshot);
        let more = |name: &str, now: usize, then: usize| {
            (now > then).then(|| format!("{now} {name} instead of {then}"))
        };
        lines.extend(more("descriptors", self.descriptors.len(), before.descriptors.len()));
        lines.extend(more("threads", self.threads, before.threads));
        let allowed = KERNEL_KB_MAX + KERNEL_KB_PER_SESSION * sessions as u64;
        if self.kernel_kb > before.kernel_kb + allowed {
            let grown = self.kernel_kb - before.kernel_kb;
            lines.push(format!("the kernel uses {grown} kB more"));
        }
        if self.own_kb > before.own_kb + OWN_KB_MAX {
            lines.push(format!("this process uses {} kB more", self.own_kb - before.own_kb));
        }
        lines
    }
}

/// What there is beyond an earlier count, once what is dying has had its time.
pub(super) fn left_behind(before: &Count, sessions: usize) -> Left {
    let mut waited = Duration::ZERO;
    loop {
        let now = Count::take();
        let failures = now.beyond(before, sessions);
        if failures.is_empty() || waited >= SETTLING_MAX {
            return Left { told: told(before, &now, waited), failures: named(failures, &now) };
        }
        thread::sleep(POLL);
        waited += POLL;
    }
}

fn named(mut failures: Vec<String>, now: &Count) -> Vec<String> {
    if failures.iter().any(|line| line.contains("descriptors")) {
        failures.extend(now.descriptors.iter().cloned());
    }
    failures
}

fn told(before: &Count, now: &Count, waited: Duration) -> Vec<String> {
    let pair = |name: &str, before: u64, now: u64| format!("{name}: {before}, then {now}");
    let size = |count: usize| count as u64;
    vec![
        format!("looked at {waited:?} after the end"),
        pair(
            "processes",
            size(before.snapshot.processes.len()),
            size(now.snapshot.processes.len()),
        ),
        pair("cgroups", size(before.snapshot.cgroups.len()), size(now.snapshot.cgroups.len())),
        pair("mounts", size(before.snapshot.mounts.len()), size(now.snapshot.mounts.len())),
        pair("descriptors", size(before.descriptors.len()), size(now.descriptors.len())),
        pair("threads", size(before.threads), size(now.threads)),
        pair("kernel memory in kB", before.kernel_kb, now.kernel_kb),
        pair("our memory in kB", before.own_kb, now.own_kb),
        pair("memory available in kB", before.available_kb, now.available_kb),
    ]
}

/// What our descriptors lead to.
fn descriptors() -> Vec<String> {
    let entries = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    // The listing itself is not there any more.
    links.map(|link| link.display().to_string()).collect()
}
