//! The setting `audit`: refused system calls in the host's audit log, and only then.

use std::{fs, process::Command};

use crate::fixture::python;

/// What the kernel wrote of filtered calls; `None` where it writes elsewhere, or
/// where we may not read it.
fn records() -> Option<Vec<String>> {
    let actions = fs::read_to_string("/proc/sys/kernel/seccomp/actions_logged").ok()?;
    let is_written = actions.split_whitespace().any(|action| action == "errno");
    let is_off = fs::read_to_string("/proc/cmdline").ok()?.contains("audit=0");
    let is_elsewhere = fs::exists("/run/auditd.pid").ok()?;
    if !is_written || is_off || is_elsewhere || !rustix::process::geteuid().is_root() {
        return None;
    }
    let output = Command::new("dmesg").output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().filter(|line| line.contains("type=1326")).map(str::to_owned).collect())
}

const REFUSED: &str = "
import ctypes
print(ctypes.CDLL(None).unshare(0x10000000))
";

#[test]
fn refused_calls_are_in_the_audit_log_where_that_is_set() {
    let Some(before) = records() else {
        eprintln!("SKIPPED: the kernel's log tells nothing of filters here");
        return;
    };
    let quiet = python(REFUSED, &["--json"]).came().json();
    assert_eq!(quiet["stdout"], "-1\n", "{quiet}");
    let between = records().unwrap();
    let new = |later: &[String], earlier: &[String]| -> Vec<String> {
        later.iter().filter(|line| !earlier.contains(line)).cloned().collect()
    };
    assert_eq!(new(&between, &before), Vec::<String>::new());
    let told = python(REFUSED, &["--json"]).var("CELLBLOCK_AUDIT", "true").came().json();
    assert_eq!(told["stdout"], "-1\n", "{told}");
    let detail = told["enforcement"]["controls"]["own-uid"]["detail"].as_str().unwrap();
    let uid = format!("uid={} ", detail.rsplit(' ').next().unwrap());
    let found = new(&records().unwrap(), &between);
    let number = if cfg!(target_arch = "x86_64") { "syscall=272 " } else { "syscall=97 " };
    let is_it = |line: &String| line.contains(&uid) && line.contains(number);
    assert!(found.iter().any(is_it), "{uid}{number}is not in {found:?}");
}
