//! An ordinary user of this machine, to test as: somebody with no rights and no
//! private files of anybody.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::command::run;

/// Who the tests run as; made if this machine has nobody of that name.
const NAME: &str = "cellblock-test";

/// Where every distribution has its programs.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin";

/// A user without rights.
pub(crate) struct Ordinary {
    uid: String,
    gid: String,
    home: String,
}

/// Whether this process may become somebody else.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

impl Ordinary {
    /// Finds the user, or makes it.
    pub(crate) fn find_or_create() -> Result<Self> {
        if let Some(found) = Self::find()? {
            return Ok(found);
        }
        let mut create = Command::new("useradd");
        run(create.args(["--create-home", "--user-group", "--shell", "/bin/sh", NAME]))?;
        Self::find()?.context("useradd made a user that cannot be found")
    }

    fn find() -> Result<Option<Self>> {
        let users = fs::read_to_string("/etc/passwd").context("cannot read the list of users")?;
        Ok(Self::of_list(&users))
    }

    fn of_list(users: &str) -> Option<Self> {
        let entry = users.lines().find(|line| line.split(':').next() == Some(NAME))?;
        match entry.split(':').collect::<Vec<_>>().as_slice() {
            [_, _, uid, gid, _, home, ..] => {
                Some(Self { uid: (*uid).into(), gid: (*gid).into(), home: (*home).into() })
            }
            _ => None,
        }
    }

    /// The command that runs a test program as this user, with nothing of the caller's.
    pub(crate) fn command(&self, program: &Path, directory: &Path) -> Command {
        self.command_near(program, program, directory)
    }

    /// That command, with the way open to a file.
    fn command_near(&self, file: &Path, program: &Path, directory: &Path) -> Command {
        let mut command = match closed_directory(file) {
            Some(closed) => through(&closed, directory),
            None => Command::new("setpriv"),
        };
        command.args([format!("--reuid={}", self.uid), format!("--regid={}", self.gid)]);
        command.args(["--init-groups", "--inh-caps=-all", "--"]).arg(program);
        command.env_clear().env("PATH", SEARCH_PATH).env("HOME", &self.home).env("USER", NAME);
        command.env("CARGO_MANIFEST_DIR", directory).current_dir(directory);
        command
    }

    /// An error unless this user can reach the file.
    pub(crate) fn expect_to_reach(&self, file: &Path) -> Result<()> {
        let mut test = self.command_near(file, Path::new("test"), Path::new("/"));
        if test.arg("-r").arg(file).status().context("cannot run setpriv")?.success() {
            return Ok(());
        }
        bail!(
            "user {NAME} cannot reach {}: put the checkout where every user may read it",
            file.display()
        )
    }
}

/// The checkout that this program was built in.
fn checkout() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// The first directory above the checkout that others may not pass through, if the
/// program lies in the checkout.
fn closed_directory(program: &Path) -> Option<PathBuf> {
    let is_closed = |place: &&Path| {
        fs::metadata(place).is_ok_and(|found| found.permissions().mode() & 0o001 == 0)
    };
    let above = checkout().ancestors().skip(1).filter(|_| program.starts_with(checkout()));
    above.filter(is_closed).last().map(PathBuf::from)
}

/// Puts a directory that holds the checkout alone in the place of one that others
/// may not pass through, for this command only, and goes on with the arguments.
const THROUGH: &str = "mount --bind \"$0\" /mnt
    mount -t tmpfs -o mode=755 tmpfs \"$1\"
    mkdir -p \"$0\"
    mount --bind /mnt \"$0\"
    umount /mnt
    cd \"$2\"
    shift 2
    exec \"$@\"";

fn through(closed: &Path, directory: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", THROUGH]).arg(checkout()).arg(closed).arg(directory);
    command.arg("setpriv");
    command
}

/// Lets every user into the checkout itself.
pub(crate) fn open_checkout() -> Result<()> {
    let mode = fs::metadata(checkout())?.permissions().mode();
    fs::set_permissions(checkout(), Permissions::from_mode(mode | 0o055))
        .context("cannot open the checkout to other users")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_is_found_in_the_list() {
        let list = "root:x:0:0::/r:/bin/sh\ncellblock-test:x:1004:1005:,,:/h:/bin/sh\n";
        let user = Ordinary::of_list(list).unwrap();
        assert_eq!((user.uid.as_str(), user.gid.as_str()), ("1004", "1005"));
        assert_eq!(user.home, "/h");
        assert!(Ordinary::of_list("root:x:0:0::/r:/bin/sh\n").is_none());
        assert!(Ordinary::of_list("cellblock-test:x\n").is_none());
    }
}
