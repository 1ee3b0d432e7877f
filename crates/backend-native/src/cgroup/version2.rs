//! Where in a hierarchy of version 2 sandboxes' cgroups go.
//!
//! A cgroup that holds processes passes no controllers on, and a process's own
//! cgroup always does, but for the root. So the nearest one above that passes them
//! on is taken; where there is none, the processes of our own move one down.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::files;

/// Every cgroup of ours lies in a directory of this name.
pub(super) const DIRECTORY: &str = "cellblock";

/// Where those go who were in a cgroup that is to pass controllers on.
const CALLERS: &str = "cellblock-callers";

/// The file that says what a cgroup may hold.
const TYPE: &str = "cgroup.type";

/// The file that lists what a cgroup itself has.
const CONTROLLERS: &str = "cgroup.controllers";

/// The controllers that a leaf wants.
pub(super) const WANTED: [&str; 3] = ["memory", "pids", "cpu"];

/// The controller of memory that is set aside for huge pages, which the memory
/// limit does not count. Where it is missing the system-call filter stands alone.
const HUGE_PAGES: &str = "hugetlb";

/// Processes are born while others are moved. Whoever is not done by then is up
/// against a program that forks without end.
const ROUNDS_MAX: usize = 16;

/// A directory of ours, and the controllers that it can give to a leaf.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub directory: PathBuf,
    pub controllers: Vec<&'static str>,
    /// Whether a leaf has the controller of huge pages.
    pub huge_pages: bool,
}

impl Place {
    /// What is written to hand everything on that the directory was handed.
    pub(super) fn passed_on(&self) -> String {
        let huge_pages = self.huge_pages.then_some(HUGE_PAGES);
        let names = self.controllers.iter().copied().chain(huge_pages);
        names.map(|name| format!("+{name} ")).collect()
    }
}

/// Finds a place for sandboxes of a process in the cgroup `own`.
///
/// # Errors
/// No directory can be made, in `own` or above it.
pub(super) fn find(mount_point: &Path, own: &Path) -> io::Result<Place> {
    let found = nearest(mount_point, own);
    let count = found.as_ref().map_or(0, |found| found.controllers.len());
    if offered(own).len() <= count {
        return found;
    }
    match vacate(own).and_then(|()| prepare(own)) {
        Ok((better, _)) if better.controllers.len() > count => Ok(better),
        Ok(_) => found,
        Err(error) => found.map_err(|_| error),
    }
}

/// The nearest cgroup that passes on the most controllers.
fn nearest(mount_point: &Path, own: &Path) -> io::Result<Place> {
    let mut best: io::Result<(Place, bool)> = Err(io::Error::from(io::ErrorKind::NotFound));
    for above in own.ancestors().take_while(|above| above.starts_with(mount_point)) {
        let held = best.as_ref().ok().map(|(place, _)| place.controllers.len());
        if held.is_some_and(|held| offered(above).len() <= held) {
            continue;
        }
        match (prepare(above), held) {
            (Ok(found), held) if held.is_none_or(|held| found.0.controllers.len() > held) => {
                forget(std::mem::replace(&mut best, Ok(found)));
            }
            // What is wrong with one's own cgroup says more than what is wrong
            // with those above.
            (Err(error), None) if above == own => best = Err(error),
            (found, _) => forget(found),
        }
    }
    best.map(|(place, _)| place)
}

/// Takes a directory back that was made for nothing.
fn forget(found: io::Result<(Place, bool)>) {
    if let Ok((place, true)) = found {
        // Refused where another process of ours makes use of it by now.
        let _ = files::remove(&place.directory);
    }
}

/// The wanted controllers that a cgroup has itself.
fn offered(cgroup: &Path) -> Vec<&'static str> {
    let listed = files::read(cgroup, CONTROLLERS).unwrap_or_default();
    WANTED.into_iter().filter(|name| names(&listed, name)).collect()
}

fn names(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|listed| listed == name)
}

/// Makes our directory in a cgroup, and tells whether it is new.
fn prepare(cgroup: &Path) -> io::Result<(Place, bool)> {
    let directory = cgroup.join(DIRECTORY);
    let is_new = make(&directory)?;
    let passes_on = |place: &Path, name: &str| {
        files::write(place, "cgroup.subtree_control", &format!("+{name}")).is_ok()
    };
    let is_free = passes_any(cgroup);
    let mut controllers = if is_free { offered(cgroup) } else { Vec::new() };
    controllers.retain(|name| passes_on(cgroup, name) && passes_on(&directory, name));
    let listed = files::read(cgroup, CONTROLLERS).unwrap_or_default();
    let huge_pages = is_free
        && names(&listed, HUGE_PAGES)
        && passes_on(cgroup, HUGE_PAGES)
        && passes_on(&directory, HUGE_PAGES);
    let found = (Place { directory, controllers, huge_pages }, is_new);
    if takes_processes(&found.0.directory) {
        return Ok(found);
    }
    forget(Ok(found));
    Err(io::Error::other("a cgroup in it could hold no processes"))
}

/// Whether a cgroup may pass controllers on: it is the root, which has no type, or
/// holds no process. Some controllers would be passed on from any other too, but
/// then every cgroup in it is for threads of what it holds.
fn passes_any(cgroup: &Path) -> bool {
    !cgroup.join(TYPE).exists()
        || files::read(cgroup, "cgroup.procs").is_ok_and(|processes| processes.is_empty())
}

fn takes_processes(cgroup: &Path) -> bool {
    files::read(cgroup, TYPE).is_ok_and(|kind| kind.trim() != "domain invalid")
}

/// Moves every process of a cgroup one down. Nobody may do so who was not given
/// the cgroup, and in one that was given its holder keeps order.
fn vacate(cgroup: &Path) -> io::Result<()> {
    let callers = cgroup.join(CALLERS);
    make(&callers)?;
    for _ in 0..ROUNDS_MAX {
        let processes = files::read(cgroup, "cgroup.procs")?;
        if processes.is_empty() {
            return Ok(());
        }
        // The last line of a long list may be cut off: then it waits its turn.
        for process in processes.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            move_to(&callers, process)?;
        }
    }
    Err(io::Error::other("processes are born in it faster than they can be moved"))
}

fn move_to(cgroup: &Path, process: &str) -> io::Result<()> {
    if process == "0" {
        // So are processes shown that are outside of our pid namespace; written,
        // it would mean ourselves.
        return Err(io::Error::other("it holds processes that cannot be seen"));
    }
    match files::write(cgroup, "cgroup.procs", process) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Ok(())
        }
        done => done,
    }
}

/// Makes a directory, or makes sure that leaves can be made in the one that is
/// there; whether it is new.
pub(super) fn make(directory: &Path) -> io::Result<bool> {
    let is_new = match fs::create_dir(directory) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK)?;
    Ok(is_new)
}
