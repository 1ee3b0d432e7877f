//! A place for one run: a directory that is shared with the sandbox, in which
//! the program leaves a fingerprint of how it was confined.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

static SCENES: AtomicUsize = AtomicUsize::new(0);

/// The user id that a sandbox of root's takes first, less the process id.
const ROOT_IDS: (u32, u32) = (0x7000_0000, 1 << 20);

/// The program under test, in a copy that no build replaces under our hands.
pub(crate) fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let name = format!("faults-{}", std::process::id());
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&copy).unwrap();
        let copy = copy.join("cellblock");
        fs::copy(env!("CARGO_BIN_EXE_cellblock"), &copy).unwrap();
        copy
    })
}

/// A place for one run.
pub(crate) struct Scene {
    directory: PathBuf,
    began: SystemTime,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        let name = format!("scene-{}-{number}", std::process::id());
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(directory.join("data")).unwrap();
        fs::create_dir_all(directory.join("tmp")).unwrap();
        fs::write(directory.join("fingerprint.sh"), include_str!("fingerprint.sh")).unwrap();
        Self { directory: fs::canonicalize(directory).unwrap(), began: SystemTime::now() }
    }

    /// A path of the scene.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Arguments that run the program which leaves the fingerprint.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let share = format!("{}:/data", self.path("data").display());
        ["run", "--json", "-l", "sh", "-v", &share, "fingerprint.sh"].map(str::to_owned).to_vec()
    }

    /// Whatever is to be run, with nothing of the caller's around it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).env_clear().stdin(Stdio::null());
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", self.path("tmp"));
        command.env("TMPDIR", self.path("tmp"));
        // What a user without control groups of their own has to accept.
        if let Some(waived) = std::env::var_os("CELLBLOCK_ALLOW_MISSING") {
            command.env("CELLBLOCK_ALLOW_MISSING", waived);
        }
        command
    }

    /// What the program has written about its confinement, if it ran.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        fs::read_to_string(self.path("data/marker")).ok()
    }

    /// Whether a file is there that was not when the scene began: process ids, and
    /// so the names of locks, come again.
    pub(crate) fn is_new(&self, path: &Path) -> bool {
        // The clock of file systems is behind by some milliseconds.
        let since = self.began - Duration::from_millis(20);
        fs::metadata(path).and_then(|found| found.modified()).is_ok_and(|made| made > since)
    }

    /// What is in the directory for temporary files.
    pub(crate) fn temporary(&self) -> usize {
        fs::read_dir(self.path("tmp")).unwrap().count()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // What cannot be removed is in the build's own directory for such things.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// The control groups of sandboxes that a process made.
pub(crate) fn leaves(host: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let paths = own.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    let below: Vec<_> = paths.map(|path| path.trim_start_matches('/')).chain([""]).collect();
    let hierarchies = mounts.lines().filter(|line| line.contains(" - cgroup"));
    for mount_point in hierarchies.filter_map(|line| line.split(' ').nth(4)) {
        for path in &below {
            let place = Path::new(mount_point).join(path).join("cellblock");
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            let ours = entries.map(|entry| entry.path()).filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                // The pid namespace stands before the process id.
                name.split('-').nth(1) == Some(host.to_string().as_str())
            });
            for group in ours {
                // An owner's has leaves in it.
                let below = fs::read_dir(&group).into_iter().flatten().flatten();
                let below = below.map(|entry| entry.path()).filter(|path| path.is_dir());
                found.extend(below.chain([group]));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// The processes in the control groups of sandboxes that a process made.
pub(crate) fn inmates(host: u32) -> Vec<String> {
    let read = |path: PathBuf| fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
    let texts = leaves(host).into_iter().map(read);
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// The file by which root's sandbox of a process holds its user id.
pub(crate) fn id_lock(host: u32) -> PathBuf {
    let id = ROOT_IDS.0 + host % ROOT_IDS.1;
    PathBuf::from(format!("/run/cellblock/ids/{id}"))
}
