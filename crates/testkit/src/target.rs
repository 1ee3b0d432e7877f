//! The binary under test, and who runs it.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, bail, ensure};
use serde::{Deserialize, Serialize};

/// The ordinary user that the battery makes where it is absent.
pub const USER: &str = "cellblock-test";

/// Where programs are looked for, the same for everyone.
const SEARCH_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Who runs the binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Caller {
    /// The super user.
    Root,
    /// A user without any privilege or delegation.
    User,
}

/// A way to run cases: by whom, and in what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The super user, in fresh sandboxes.
    Root,
    /// An ordinary user, in fresh sandboxes.
    User,
    /// The super user, in forks of a parked interpreter.
    RootForked,
    /// An ordinary user, in forks of a parked interpreter.
    UserForked,
}

impl Way {
    /// Every way, in the order of the report's columns.
    pub const ALL: [Self; 4] = [Self::Root, Self::User, Self::RootForked, Self::UserForked];

    /// Who runs the binary.
    #[must_use]
    pub fn caller(self) -> Caller {
        match self {
            Self::Root | Self::RootForked => Caller::Root,
            Self::User | Self::UserForked => Caller::User,
        }
    }

    /// Whether programs run in forks of a parked interpreter.
    #[must_use]
    pub fn is_forked(self) -> bool {
        matches!(self, Self::RootForked | Self::UserForked)
    }

    /// In words, for a reader.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::User => "user",
            Self::RootForked => "root, forked",
            Self::UserForked => "user, forked",
        }
    }
}

/// The binary under test, run in one way.
#[derive(Clone, Debug)]
pub struct Target {
    /// The binary.
    pub binary: PathBuf,
    /// By whom, and in what.
    pub way: Way,
    /// A home directory of the caller.
    pub home: PathBuf,
    /// The caller's user and group, where it is not the super user.
    ids: Option<(u32, u32)>,
    /// A layer that the binary is told to leave out.
    pub knockout: Option<&'static str>,
}

/// The search path of everything that the battery starts: the system's, and the
/// compiler's that builds the battery.
#[must_use]
pub fn search_path() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(look_for_compiler)
}

fn look_for_compiler() -> String {
    let asked = Command::new("rustc").args(["--print", "sysroot"]).output();
    let found = asked.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    found.map_or(SEARCH_PATH.to_owned(), |root| format!("{SEARCH_PATH}:{}/bin", root.trim()))
}

/// A command line that leaves a secret file, a device and the host's root open as
/// descriptors 7, 8 and 9 for what follows it.
#[must_use]
pub fn careless(secret: &Path) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "exec 7<\"$0\" 8>/dev/null 9</; exec \"$@\""]).arg(secret);
    command
}

/// Finds the compiled binary: `CELLBLOCK_BIN`, or beside the running program.
///
/// # Errors
/// There is none.
pub fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = env::var_os("CELLBLOCK_BIN") {
        return Ok(PathBuf::from(path));
    }
    let own = env::current_exe()?;
    let places = own.ancestors().skip(1).take(2).map(|directory| directory.join("cellblock"));
    let mut found = places.filter(|path| path.is_file());
    found
        .next()
        .context("there is no cellblock beside this program: build it, or set CELLBLOCK_BIN")
}

impl Target {
    /// Prepares for one way. An ordinary user gets a copy of the binary that it can reach.
    ///
    /// # Errors
    /// The working directory cannot be prepared, the user cannot be made or the binary
    /// cannot be copied.
    pub fn new(way: Way, binary: &Path, work: &Path) -> anyhow::Result<Self> {
        match way.caller() {
            Caller::Root => Self::root(way, binary, work),
            Caller::User => Self::user(way, binary, work),
        }
    }

    fn root(way: Way, binary: &Path, work: &Path) -> anyhow::Result<Self> {
        let home = work.join("root-home");
        fs::create_dir_all(&home)?;
        Ok(Self { binary: binary.to_owned(), way, home, ids: None, knockout: None })
    }

    fn user(way: Way, binary: &Path, work: &Path) -> anyhow::Result<Self> {
        let (uid, gid) = user_ids()?;
        let home = work.join("user-home");
        fs::create_dir_all(&home)?;
        std::os::unix::fs::chown(&home, Some(uid), Some(gid))?;
        let copy = work.join("cellblock-copy");
        fs::copy(binary, &copy).context("copying the binary")?;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755))?;
        let ids = Some((uid, gid));
        Ok(Self { binary: copy, way, home, ids, knockout: None })
    }

    /// A command that this caller runs, with an env of the harness's choice and
    /// three descriptors that a careless caller left open.
    #[must_use]
    pub fn command(&self, program: &Path, secret: &Path) -> Command {
        let mut command = careless(secret);
        if let Some((uid, gid)) = self.ids {
            command.arg("setpriv");
            command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}"));
            command.args(["--clear-groups", "--inh-caps=-all", "--"]);
        }
        command.arg(program);
        command.env_clear().env("PATH", search_path()).env("HOME", &self.home);
        command.current_dir(&self.home);
        if let Some(layer) = self.knockout {
            command.env("CELLBLOCK_KNOCKOUT", layer);
        }
        command
    }

    /// A directory of the caller's own, for one run.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn scratch(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.home.join(name);
        fs::create_dir_all(&path)?;
        if let Some((uid, gid)) = self.ids {
            std::os::unix::fs::chown(&path, Some(uid), Some(gid))?;
        }
        Ok(path)
    }
}

fn user_ids() -> anyhow::Result<(u32, u32)> {
    if let Some(ids) = ids_of(USER)? {
        return Ok(ids);
    }
    let made = Command::new("useradd")
        .args(["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", USER])
        .status()
        .context("starting useradd")?;
    ensure!(made.success(), "useradd could not make {USER}");
    match ids_of(USER)? {
        Some(ids) => Ok(ids),
        None => bail!("{USER} is not there after useradd"),
    }
}

/// The ids of a user of the machine; none where there is no such user.
///
/// # Errors
/// The list of users cannot be read.
pub fn ids_of(name: &str) -> anyhow::Result<Option<(u32, u32)>> {
    let users = fs::read_to_string("/etc/passwd").context("reading the list of users")?;
    let line = users.lines().find(|line| line.split(':').next() == Some(name));
    let ids = line.and_then(|line| {
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Ok(ids)
}
