//! Where on this host sandboxes' cgroups go, found out once.

use std::{
    collections::BTreeMap,
    io,
    num::NonZero,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    files, guards,
    owners::Owners,
    version2::{self, DIRECTORY, Place, WANTED, make},
};

/// A controller of version 1, each in a hierarchy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Controller {
    Memory,
    Pids,
    Cpu,
    CpuAccounting,
    Devices,
    HugePages,
}

impl Controller {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Memory, "memory"),
        (Self::Pids, "pids"),
        (Self::Cpu, "cpu"),
        (Self::CpuAccounting, "cpuacct"),
        (Self::Devices, "devices"),
        (Self::HugePages, "hugetlb"),
    ];

    /// Whether it is a second barrier only, which no control needs.
    pub(super) const fn is_spare(self) -> bool {
        matches!(self, Self::Devices | Self::HugePages)
    }
}

/// Where sandboxes' cgroups go.
#[derive(Debug, Default)]
pub(crate) struct Site {
    /// Version 1: the directory of ours in each controller's hierarchy.
    pub(super) v1: BTreeMap<Controller, PathBuf>,
    /// Version 2.
    pub(super) v2: Option<Place>,
    /// Who has sandboxes in it.
    pub(super) owners: Arc<Owners>,
    /// Why there is less than one would expect.
    why_not: Option<String>,
}

/// Which limits a site can hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Supports {
    pub memory: bool,
    pub pids: bool,
    pub cpu: bool,
    pub cpu_time: bool,
}

impl Site {
    /// Finds the site: below the cgroups that this process is in, by the text of
    /// its mountinfo.
    pub(crate) fn find(mounts: &str) -> Self {
        let own = crate::text::of("/proc/self/cgroup");
        let mut site = Self::default();
        for hierarchy in hierarchies(mounts) {
            let Some(inside) = own_path(&own, &hierarchy) else { continue };
            let place = hierarchy.mount_point.join(inside);
            let is_spare = matches!(hierarchy.controllers.as_slice(), [one] if one.is_spare());
            if let (Err(error), false) = (site.add(&hierarchy, &place), is_spare) {
                let why = format!("{}: {error}", place.join(DIRECTORY).display());
                site.why_not.get_or_insert(why);
            }
        }
        site
    }

    fn add(&mut self, hierarchy: &Hierarchy, place: &Path) -> io::Result<()> {
        if hierarchy.controllers.is_empty() {
            return self.add_v2(hierarchy, place);
        }
        let directory = place.join(DIRECTORY);
        make(&directory)?;
        silence(&directory)?;
        if hierarchy.controllers.contains(&Controller::Cpu) {
            weigh(&directory);
        }
        for controller in &hierarchy.controllers {
            if *controller == Controller::Devices && !guards::limit_devices(&directory) {
                continue;
            }
            self.v1.insert(*controller, directory.clone());
        }
        Ok(())
    }

    fn add_v2(&mut self, hierarchy: &Hierarchy, own: &Path) -> io::Result<()> {
        let place = version2::find(&hierarchy.mount_point, own)?;
        let lacks = WANTED.iter().find(|name| !place.controllers.contains(name));
        if let Some(name) = lacks {
            let why = format!("the controller {name} is not passed on to {}", own.display());
            self.why_not.get_or_insert(why);
        }
        self.v2 = Some(place);
        Ok(())
    }

    /// Which limits can be held here.
    pub(crate) fn supports(&self) -> Supports {
        let v2 = |name| self.v2.as_ref().is_some_and(|place| place.controllers.contains(&name));
        Supports {
            memory: self.v1.contains_key(&Controller::Memory) || v2("memory"),
            pids: self.v1.contains_key(&Controller::Pids) || v2("pids"),
            cpu: self.v1.contains_key(&Controller::Cpu) || v2("cpu"),
            cpu_time: self.v1.contains_key(&Controller::CpuAccounting) || self.v2.is_some(),
        }
    }

    /// Why a limit cannot be held here.
    pub(crate) fn why_not(&self) -> String {
        let none = || "no cgroup file system is mounted".to_owned();
        self.why_not.clone().unwrap_or_else(none)
    }

    /// In words: `version 1`, `version 2` or both.
    pub(crate) fn name(&self) -> &'static str {
        match (self.v1.is_empty(), &self.v2) {
            (true, None) => "none",
            (true, Some(_)) => "version 2",
            (false, None) => "version 1",
            (false, Some(_)) => "version 1 and 2",
        }
    }

    /// Every directory of ours.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &Path> {
        let v1 = self.v1.values().map(PathBuf::as_path);
        v1.chain(self.v2.iter().map(|place| place.directory.as_path()))
    }
}

/// The host is to start no program when a cgroup of ours has emptied. What is made
/// in the directory takes this over from it.
fn silence(directory: &Path) -> io::Result<()> {
    const SIGN: &str = "notify_on_release";
    if files::read_number(directory, SIGN) == Some(0) {
        return Ok(());
    }
    files::set_number(directory, SIGN, 0)
}

/// Has all sandboxes together weigh on each processor what one thread beside them does:
/// in version 1 threads and cgroups compete, and the weight of a cgroup is spread over
/// the processors. With less, a server that is busy starves its sandboxes, with more they
/// starve it. In version 2 only cgroups compete, and as equals.
fn weigh(directory: &Path) {
    const WEIGHT: &str = "cpu.shares";
    /// What a thread weighs, and a new cgroup.
    const THREAD: u64 = 1024;
    /// The host kernel's own most.
    const WEIGHT_MAX: u64 = 1 << 18;
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let weight = u64::try_from(processors).unwrap_or(u64::MAX).saturating_mul(THREAD);
    // Another weight is somebody's choice.
    if files::read_number(directory, WEIGHT) == Some(THREAD) {
        // It stays as it is where that is refused: owners are equals all the same.
        let _ = files::write(directory, WEIGHT, &weight.min(WEIGHT_MAX).to_string());
    }
}

/// A mounted hierarchy; no controllers means version 2.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    controllers: Vec<Controller>,
    mount_point: PathBuf,
    root: String,
}

/// The cgroup hierarchies among the lines of a mountinfo.
fn hierarchies(mountinfo: &str) -> Vec<Hierarchy> {
    mountinfo.lines().filter_map(hierarchy).collect()
}

fn hierarchy(line: &str) -> Option<Hierarchy> {
    let (before, after) = line.split_once(" - ")?;
    let mut fields = before.split(' ').skip(3);
    let (root, mount_point) = (fields.next()?.to_owned(), fields.next()?);
    let mut fields = after.split(' ');
    let kind = fields.next()?;
    let options = fields.nth(1)?;
    let controllers: Vec<_> = match kind {
        "cgroup2" => Vec::new(),
        "cgroup" => Controller::ALL
            .iter()
            .filter(|(_, name)| options.split(',').any(|option| option == *name))
            .map(|(controller, _)| *controller)
            .collect(),
        _ => return None,
    };
    let usable = kind == "cgroup2" || !controllers.is_empty();
    usable.then(|| Hierarchy { controllers, mount_point: mount_point.into(), root })
}

/// Where this process stands in a hierarchy, relative to its mount point.
fn own_path(own: &str, hierarchy: &Hierarchy) -> Option<PathBuf> {
    let path = own.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let is_this = match hierarchy.controllers.first() {
            None => controllers.is_empty(),
            Some(first) => Controller::ALL.iter().any(|(controller, name)| {
                controller == first && controllers.split(',').any(|held| held == *name)
            }),
        };
        is_this.then_some(path)
    })?;
    let below = Path::new(path).strip_prefix(&hierarchy.root).ok()?;
    Some(below.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
30 24 0:26 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct
32 30 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
33 30 0:29 /a /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
broken line - cgroup
";

    #[test]
    fn hierarchies_are_found_by_their_options() {
        let found = hierarchies(MOUNTS);
        let controllers: Vec<_> = found.iter().map(|found| found.controllers.len()).collect();
        assert_eq!(controllers, [2, 1, 0]);
    }

    #[test]
    fn the_own_path_is_relative_to_what_is_mounted() {
        let own = "9:name=systemd:/x\n4:memory:/a/b\n2:cpu,cpuacct:/\n0::/u/v\n";
        let paths: Vec<_> = hierarchies(MOUNTS).iter().map(|found| own_path(own, found)).collect();
        let expected = [Some(""), Some("b"), Some("u/v")].map(|path| path.map(PathBuf::from));
        assert_eq!(paths, expected);
        assert_eq!(own_path("4:memory:/elsewhere\n", &hierarchies(MOUNTS)[1]), None);
        assert_eq!(own_path("", &hierarchies(MOUNTS)[0]), None);
    }
}
