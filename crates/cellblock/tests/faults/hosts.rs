//! Hosts that lack something: refused with what to do about it, or run without
//! where the caller says so.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use testkit::target::ids_of;

use crate::{
    gate::{alone, has_tools, is_root},
    scene::{Scene, binary},
};

/// A user id that nobody has, and so no subordinate range either.
const NOBODYS_UID: u32 = 54_321;

/// Where users' subordinate ranges of ids stand.
const RANGES: &str = "/etc/subuid";

/// Who is made where no user has such a range.
const RANGED: &str = "cellblock-ranged";

/// What came of a run of `echo ok` on a host that was changed by a shell first.
struct Came {
    status: i32,
    stdout: String,
    stderr: String,
}

/// A host, as shell code that ends in `"$@"`, behind these words.
fn on(wrapper: &[&str], shell: &str, arguments: &[&str]) -> Came {
    let scene = Scene::new();
    let mut command = scene.command(Path::new(wrapper[0]));
    command.args(&wrapper[1..]).args(["sh", "-c", &format!("{shell}; exec \"$@\""), "sh"]);
    command.arg(binary()).arg("run").args(arguments).args(["-l", "sh", "-c", "echo ok"]);
    let output = command.output().unwrap();
    Came {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Came {
    /// Nothing ran, and the message says all of this.
    #[track_caller]
    fn is_refused(&self, words: &[&str]) {
        assert_eq!((self.status, self.stdout.as_str()), (125, ""), "{}", self.stderr);
        assert!(self.stderr.starts_with("cellblock: "), "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {}", self.stderr);
        }
    }

    /// It ran, and just these controls are reported at these levels.
    #[track_caller]
    fn ran_without(&self, expected: &[(&str, &str)]) {
        assert_eq!(self.status, 0, "{}{}", self.stdout, self.stderr);
        let json: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(json["stdout"], "ok\n");
        let controls = json["enforcement"]["controls"].as_object().unwrap();
        let lacking = controls.iter().filter(|(_, report)| report["level"] != "full");
        let found: Vec<_> = lacking
            .map(|(name, report)| (name.as_str(), report["level"].as_str().unwrap()))
            .collect();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, expected);
    }
}

const PRIVATE_MOUNTS: &[&str] = &["unshare", "--mount"];

#[test]
fn a_host_without_cgroups_bounds_each_process_alone_if_that_will_do() {
    let _alone = alone();
    if !is_root() || !has_tools(&["unshare"]) {
        return;
    }
    let read_only = "for place in /sys/fs/cgroup /sys/fs/cgroup/*; do \
                     mount -o remount,bind,ro \"$place\" 2> /dev/null || true; done";
    for lack in ["umount -l /sys/fs/cgroup", read_only] {
        let refused = on(PRIVATE_MOUNTS, lack, &[]);
        refused.is_refused(&["memory", "Delegate=yes", "--allow-missing cgroup"]);
        let run = on(PRIVATE_MOUNTS, lack, &["--json", "--allow-missing", "cgroup"]);
        run.ran_without(&[("memory", "partial")]);
    }
}

#[test]
fn a_host_that_covers_parts_of_proc_is_told_what_to_change() {
    let _alone = alone();
    if !is_root() || !has_tools(&["unshare"]) {
        return;
    }
    let covered = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys";
    on(PRIVATE_MOUNTS, covered, &[]).is_refused(&[
        "mount /proc",
        "systempaths=unconfined",
        "--allow-missing masked-proc",
    ]);
    let waived =
        ["--json", "--allow-missing", "masked-proc", "--allow-missing", "no-nested-userns"];
    let run = on(PRIVATE_MOUNTS, covered, &waived);
    run.ran_without(&[("masked-proc", "none"), ("no-nested-userns", "none")]);
}

#[test]
fn a_host_that_forbids_user_namespaces_is_told_how_to_allow_them() {
    let _alone = alone();
    if !is_root() || !has_tools(&["unshare"]) {
        return;
    }
    let inside = ["unshare", "--user", "--map-root-user"];
    let forbidden = "echo 0 > /proc/sys/user/max_user_namespaces";
    on(&inside, forbidden, &["--allow-missing", "cgroup"])
        .is_refused(&["namespaces", "sysctl -w user.max_user_namespaces="]);
}

#[test]
fn the_root_of_a_container_with_one_user_id_can_run() {
    let _alone = alone();
    if !is_root() || !has_tools(&["unshare"]) {
        return;
    }
    let inside = ["unshare", "--user", "--map-root-user"];
    let run = on(&inside, "true", &["--json", "--allow-missing", "cgroup"]);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &json["stdout"]), (0, &"ok\n".into()), "{}", run.stderr);
    assert_eq!(json["enforcement"]["controls"]["own-uid"]["level"], "partial");
}

#[test]
fn a_root_with_fewer_capabilities_can_run() {
    let _alone = alone();
    if !is_root() || !has_tools(&["setpriv"]) {
        return;
    }
    let few = ["setpriv", "--bounding-set", "-sys_resource,-sys_ptrace,-net_admin,-sys_time"];
    on(&few, "true", &["--json"]).ran_without(&[]);
}

#[test]
fn a_kernel_without_landlock_is_refused_unless_that_is_accepted() {
    let _alone = alone();
    if !is_root() || !has_tools(&["strace"]) {
        return;
    }
    for error in ["ENOSYS", "EOPNOTSUPP"] {
        let inject = format!("inject=landlock_create_ruleset:error={error}");
        let traced = ["strace", "-f", "-o", "/dev/null", "-e", &inject];
        on(&traced, "true", &[]).is_refused(&["landlock", "--allow-missing landlock"]);
        let run = on(&traced, "true", &["--json", "--allow-missing", "landlock"]);
        run.ran_without(&[("landlock", "none")]);
    }
}

/// A copy of the program that everybody may execute.
fn public_binary(place: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let copy = place.join("cellblock");
    fs::create_dir_all(place).unwrap();
    fs::copy(binary(), &copy).unwrap();
    for path in [place, &copy] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    copy
}

fn as_user(uid: &str, gid: &str, arguments: &[&str]) -> Came {
    let place = std::env::temp_dir().join(format!("faults-user-{uid}-{}", std::process::id()));
    let program = public_binary(&place);
    let mut command = Command::new("setpriv");
    command.args(["--reuid", uid, "--regid", gid, "--clear-groups"]).arg(program);
    command.arg("run").args(arguments).args(["-l", "sh", "-c", "echo ok"]);
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    let output = command.output().unwrap();
    fs::remove_dir_all(&place).unwrap();
    Came {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// What an ordinary user lacks depends on what their cgroup was given.
fn lacks_of(run: &Came) -> Vec<String> {
    assert_eq!(run.status, 0, "{}{}", run.stdout, run.stderr);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["stdout"], "ok\n");
    let missing = json["enforcement"]["missing"].as_array().unwrap();
    missing.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_ordinary_user_without_a_subordinate_range_runs_as_itself() {
    let _alone = alone();
    if !is_root() || !has_tools(&["setpriv"]) {
        return;
    }
    let uid = NOBODYS_UID.to_string();
    let run = as_user(&uid, &uid, &["--json", "--allow-missing", "cgroup"]);
    let lacks = lacks_of(&run);
    assert!(lacks.contains(&"own-uid".to_owned()), "{lacks:?}");
    let cgroup = ["memory", "pids", "cpu", "cpu-time", "own-uid"];
    assert!(lacks.iter().all(|name| cgroup.contains(&name.as_str())), "{lacks:?}");
}

#[test]
fn an_ordinary_user_with_a_subordinate_range_has_a_uid_for_each_sandbox() {
    let _alone = alone();
    if !is_root() || !has_tools(&["setpriv", "newuidmap", "useradd"]) {
        return;
    }
    let (uid, gid) = ranged_user();
    let run = as_user(&uid.to_string(), &gid.to_string(), &["--json", "--allow-missing", "cgroup"]);
    let lacks = lacks_of(&run);
    assert!(!lacks.contains(&"own-uid".to_owned()), "{lacks:?}");
}

/// The ids of a user with a subordinate range, who is made if the machine has none.
fn ranged_user() -> (u32, u32) {
    look_up().unwrap_or_else(|| {
        // Whoever is there already has lost the range, and useradd gives one only where
        // there is a file to note it in.
        let _ = Command::new("userdel").arg(RANGED).stderr(Stdio::null()).status();
        fs::OpenOptions::new().create(true).append(true).open(RANGES).unwrap();
        let mut useradd = Command::new("useradd");
        useradd.args(["--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", RANGED]);
        assert!(useradd.status().unwrap().success(), "useradd could not make {RANGED}");
        look_up().expect("useradd gave its user no subordinate range")
    })
}

fn look_up() -> Option<(u32, u32)> {
    let ranges = fs::read_to_string(RANGES).unwrap_or_default();
    let mut names = ranges.lines().filter_map(|line| line.split(':').next());
    names.find_map(|name| ids_of(name).unwrap())
}
