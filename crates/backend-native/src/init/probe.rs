//! The probe: attempts what a sandbox forbids and prints what came of it.
//!
//! One JSON object a line: `{"attempt":NAME,"errno":N}`, where 0 is success, and
//! facts as `{"fact":NAME,"value":TEXT}`. It runs with the rights of any other program.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::MetadataExt,
};

use sys::attempt::Attempt;

/// Files that exist on hosts and must not exist, or not be readable, inside.
const ABSENT: [&str; 8] = [
    "/etc/shadow",
    "/root",
    "/sys",
    "/dev/mem",
    "/dev/kvm",
    "/var/run/docker.sock",
    "/run",
    "/proc/1/environ",
];

/// Files that must not be writable inside.
const READ_ONLY: [&str; 5] = [
    "/usr/cellblock-probe",
    "/etc/passwd",
    "/cellblock-probe",
    "/proc/sys/kernel/hostname",
    "/dev/x",
];

/// Lines of `/proc/self/status` that tell of the confinement.
const STATUS: [&str; 8] =
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Groups"];

/// Makes every attempt; the exit status.
pub(super) fn run() -> i32 {
    match report(&mut io::stdout().lock()) {
        Ok(()) => 0,
        Err(_) => 1,
    }
}

fn report(out: &mut impl Write) -> io::Result<()> {
    for attempt in Attempt::ALL {
        attempted(out, attempt.name(), attempt.make())?;
    }
    attempted(out, "leave by /..", leave_upwards())?;
    for path in ABSENT {
        let opened = File::open(path).map(drop);
        attempted(out, &format!("read {path}"), opened)?;
    }
    for path in READ_ONLY {
        let opened = File::options().append(true).create(true).open(path).map(drop);
        attempted(out, &format!("write {path}"), opened)?;
    }
    let interfaces = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let interfaces = interfaces.lines().filter(|line| line.contains(':')).count();
    fact(out, "network interfaces", &interfaces.to_string())?;
    let processes = fs::read_dir("/proc").map_or(0, |entries| {
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())).count()
    });
    fact(out, "visible processes", &processes.to_string())?;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (name, value) in status.lines().filter_map(|line| line.split_once(':')) {
        if STATUS.contains(&name) {
            fact(out, name, value.trim())?;
        }
    }
    Ok(())
}

/// Succeeds where something lies above the root.
fn leave_upwards() -> io::Result<()> {
    let identity = |path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match identity("/..")? == identity("/")? {
        true => Err(rustix::io::Errno::ACCESS.into()),
        false => Ok(()),
    }
}

fn attempted(out: &mut impl Write, name: &str, result: io::Result<()>) -> io::Result<()> {
    let errno = result.map_or_else(|error| super::errno(&error), |()| 0);
    writeln!(out, "{{\"attempt\":\"{name}\",\"errno\":{errno}}}")
}

fn fact(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "{{\"fact\":\"{name}\",\"value\":\"{value}\"}}")
}
