//! Counts what a sandbox could leave behind on the host.
//!
//! Processes and namespaces are counted among the descendants of the calling
//! process, which is made the adopter of orphans: sandboxes that other programs
//! run at the same time do not disturb the count. Suites that use it must not
//! run sandboxes on other threads meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// How long what is dying may take to be gone.
const SETTLING: Duration = Duration::from_secs(2);

/// How often a count that is too high is taken again.
const POLL: Duration = Duration::from_millis(20);

/// The most directories that are visited below each place that is looked at.
const DIRECTORIES_MAX: usize = 20_000;

/// What of a sandbox exists on the host at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Live descendants of this process, by process id and start time.
    pub processes: BTreeSet<(u32, u64)>,
    /// Namespaces of those descendants, such as `mnt:[4026531841]`.
    pub namespaces: BTreeSet<String>,
    /// Control groups of sandboxes that no other living process answers for.
    pub cgroups: BTreeSet<PathBuf>,
    /// Lines of this process's mount table.
    pub mounts: BTreeSet<String>,
    /// Entries with `cellblock` in their name where temporary files are kept.
    pub temporary: BTreeSet<PathBuf>,
}

impl Snapshot {
    /// Takes a snapshot, and makes this process the adopter of its orphans.
    #[must_use]
    pub fn take() -> Self {
        adopt_orphans();
        let processes = descendants(std::process::id());
        let namespaces = processes.iter().flat_map(|(pid, _)| namespaces_of(*pid)).collect();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let cgroups = sandbox_groups(Path::new("/sys/fs/cgroup"), &processes);
        Self {
            processes,
            namespaces,
            cgroups,
            mounts: mounts.lines().map(ToOwned::to_owned).collect(),
            temporary: temporary_entries(),
        }
    }

    /// What is in this snapshot and not in another, a line each.
    #[must_use]
    pub fn beyond(&self, before: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (pid, start) in self.processes.difference(&before.processes) {
            lines.push(format!("process {pid} started at {start}: {}", command_name(*pid)));
        }
        lines.extend(
            self.namespaces.difference(&before.namespaces).map(|n| format!("namespace {n}")),
        );
        lines.extend(self.cgroups.difference(&before.cgroups).map(|c| format!("cgroup {c:?}")));
        lines.extend(self.mounts.difference(&before.mounts).map(|m| format!("mount {m}")));
        lines.extend(self.temporary.difference(&before.temporary).map(|t| format!("left {t:?}")));
        lines
    }

    /// What there is now beyond a snapshot, once what is dying has had its time.
    #[must_use]
    pub fn settled_beyond(before: &Self) -> Vec<String> {
        let deadline = Instant::now() + SETTLING;
        let mut lines = Self::take().beyond(before);
        while !lines.is_empty() && Instant::now() < deadline {
            thread::sleep(POLL);
            // What came since is another's: only what stays is left behind.
            let now = Self::take().beyond(before);
            lines.retain(|line| now.contains(line));
        }
        lines
    }

    /// Checks that nothing has come since an earlier snapshot that is still
    /// there two seconds from now.
    ///
    /// # Panics
    /// Something has; it is listed.
    pub fn assert_no_more_than(&self, before: &Self) {
        if self.beyond(before).is_empty() {
            return;
        }
        let lines = Self::settled_beyond(before);
        assert!(lines.is_empty(), "left behind:\n{}", lines.join("\n"));
    }
}

/// Makes orphans of this process's children its own children, so that they are
/// found among its descendants.
pub fn adopt_orphans() {
    // Where that is refused, only children that are not orphaned are seen.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills the descendants of this process that an earlier snapshot did not have.
pub fn kill_beyond(before: &Snapshot) {
    for (pid, _) in descendants(std::process::id()).difference(&before.processes) {
        let pid = i32::try_from(*pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Takes note of the end of every adopted orphan, so that none stays a zombie.
/// Must not be called while a child's status is still wanted.
pub fn reap() {
    while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
}

fn descendants(root: u32) -> BTreeSet<(u32, u64)> {
    let mut children: BTreeMap<u32, Vec<(u32, u64)>> = BTreeMap::new();
    for (pid, parent, start) in live_processes() {
        children.entry(parent).or_default().push((pid, start));
    }
    let mut found = BTreeSet::new();
    let mut pending = vec![root];
    while let Some(parent) = pending.pop() {
        for (pid, start) in children.remove(&parent).unwrap_or_default() {
            found.insert((pid, start));
            pending.push(pid);
        }
    }
    found
}

/// Process id, parent and start time of every process that is not a zombie.
fn live_processes() -> Vec<(u32, u32, u64)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (parent, start) = parse_stat(&stat)?;
        Some((pid, parent, start))
    })
    .collect()
}

/// Parent and start time from a line of `/proc/<pid>/stat`; none for a zombie.
fn parse_stat(stat: &str) -> Option<(u32, u64)> {
    // The name may have spaces and brackets in it; the last bracket ends it.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let start = fields.nth(17)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some((parent, start))
}

fn namespaces_of(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/ns")).into_iter().flatten().flatten();
    let links = entries.filter_map(|entry| fs::read_link(entry.path()).ok());
    let foreign = links.filter_map(|link| {
        let name = link.to_str()?.to_owned();
        let (kind, _) = name.split_once(':')?;
        let own = fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
        (own != link).then_some(name)
    });
    foreign.collect()
}

fn command_name(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}

fn is_ours(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("cellblock"))
}

/// Living processes that are not among the given ones.
fn foreign_processes(own: &BTreeSet<(u32, u64)>) -> BTreeSet<u32> {
    let own: BTreeSet<u32> = own.iter().map(|(pid, _)| *pid).collect();
    live_processes().into_iter().map(|(pid, ..)| pid).filter(|pid| !own.contains(pid)).collect()
}

/// Whether a group's name, which begins with its owner, names one of these processes.
fn belongs_to(path: &Path, processes: &BTreeSet<u32>) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut numbers = name.split('-').filter_map(|part| part.parse::<u32>().ok()).take(2);
    numbers.any(|number| processes.contains(&number))
}

/// Directories right below one that is called `cellblock`, without those of others.
fn sandbox_groups(root: &Path, own: &BTreeSet<(u32, u64)>) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut pending = vec![root.to_owned()];
    let mut visited = 0;
    while let Some(directory) = pending.pop() {
        visited += 1;
        if visited > DIRECTORIES_MAX {
            break;
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            let path = entry.path();
            if is_ours(&directory) {
                found.insert(path.clone());
            }
            pending.push(path);
        }
    }
    // Asked for last, so that whoever made one of them is known.
    let others = foreign_processes(own);
    found.retain(|path| !belongs_to(path, &others));
    found
}

fn temporary_entries() -> BTreeSet<PathBuf> {
    let mut places = vec![std::env::temp_dir()];
    places.extend(["/tmp", "/var/tmp", "/dev/shm", "/run"].map(PathBuf::from));
    places.extend(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    let entries = places.iter().flat_map(|place| fs::read_dir(place).into_iter().flatten());
    entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path)).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_confuse() {
        let line = "7 (a) b) S 3 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 1";
        assert_eq!(parse_stat(line), Some((3, 4711)));
        assert_eq!(parse_stat(&line.replace(" S ", " Z ")), None);
        assert_eq!(parse_stat("7 (a"), None);
    }

    #[test]
    fn an_orphan_is_found_until_it_is_dead() {
        let before = Snapshot::take();
        let mut shell = Command::new("sh").args(["-c", "sleep 0.4 & exit 0"]).spawn().unwrap();
        shell.wait().unwrap();
        let lines = Snapshot::take().beyond(&before);
        assert!(lines.iter().any(|line| line.contains("sleep")), "{lines:?}");
        // Other tests of this program may have children of theirs meanwhile.
        let sleeps = |lines: Vec<String>| lines.iter().any(|line| line.contains("sleep"));
        assert!(!sleeps(Snapshot::settled_beyond(&before)));
    }
}
