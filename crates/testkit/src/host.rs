//! Facts of the host that no run may change, and facts that a report names.

use std::{collections::BTreeMap, fs};

use serde::{Deserialize, Serialize};

use crate::leaks::Snapshot;

/// Settings of the host's kernel that attacks aim at.
const SETTINGS: [&str; 12] = [
    "kernel/hostname",
    "kernel/domainname",
    "kernel/core_pattern",
    "kernel/modprobe",
    "kernel/randomize_va_space",
    "kernel/shmmax",
    "kernel/sysrq",
    "user/max_user_namespaces",
    "vm/overcommit_memory",
    "vm/swappiness",
    "net/ipv4/ip_forward",
    "fs/suid_dumpable",
];

/// The host as one run must leave it.
#[derive(Clone, Debug, Default)]
pub struct Host {
    settings: BTreeMap<&'static str, String>,
    ipc: BTreeMap<&'static str, String>,
    tainted: String,
    clocks_ms: Option<(u128, u128)>,
    left: Snapshot,
}

/// How far two clocks of the host may drift apart in a case before one of them
/// must have been set.
const DRIFT_MS: u128 = 2_000;

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn clocks() -> Option<(u128, u128)> {
    let wall = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    let uptime: f64 = read("/proc/uptime").split_whitespace().next()?.parse().ok()?;
    Some((wall.as_millis(), std::time::Duration::from_secs_f64(uptime).as_millis()))
}

/// System V objects by key and owner; the columns that count use are left out.
fn ipc(name: &str) -> String {
    let text = read(&format!("/proc/sysvipc/{name}"));
    let keys =
        text.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    keys.collect::<Vec<_>>().join("\n")
}

impl Host {
    /// Reads the facts.
    #[must_use]
    pub fn look() -> Self {
        let setting = |name: &&'static str| (*name, read(&format!("/proc/sys/{name}")));
        Self {
            settings: SETTINGS.iter().map(setting).collect(),
            ipc: ["shm", "sem", "msg"].map(|name| (name, ipc(name))).into(),
            tainted: read("/proc/sys/kernel/tainted"),
            clocks_ms: clocks(),
            left: Snapshot::take(),
        }
    }

    /// What is different now that a process of ours has ended, a line each, once
    /// what is dying has had its time.
    #[must_use]
    pub fn changes(&self, pid: u32) -> Vec<String> {
        let mut lines = Snapshot::settled_beyond(&self.left);
        let owner = pid.to_string();
        let owned = |line: &String| line.split(['-', '/']).any(|part| part == owner);
        // A group is named for who made it: those of other programs are not counted.
        lines.retain(|line| !line.starts_with("cgroup ") || owned(line));
        let now = Self::look();
        for (name, before) in &self.settings {
            if now.settings.get(name) != Some(before) {
                lines.push(format!("the setting {name} has changed"));
            }
        }
        for (name, before) in &self.ipc {
            if now.ipc.get(name) != Some(before) {
                lines.push(format!("the host's System V {name} have changed"));
            }
        }
        if now.tainted != self.tainted {
            lines.push("the host's kernel is tainted".to_owned());
        }
        if let (Some(before), Some(after)) = (self.clocks_ms, now.clocks_ms) {
            let (wall, up) = (after.0.saturating_sub(before.0), after.1.saturating_sub(before.1));
            if wall.abs_diff(up) > DRIFT_MS {
                lines.push("the host's clock was set".to_owned());
            }
        }
        lines
    }
}

/// What a report says of the machine. No names, no paths.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// The kernel's release.
    pub kernel: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Where control groups are: `v2`, `v1`, `v1 and v2`, or `none`.
    pub cgroups: String,
    /// Security modules that are active.
    pub security_modules: String,
    /// Processors.
    pub processors: usize,
}

impl Machine {
    /// Reads the facts.
    #[must_use]
    pub fn look() -> Self {
        let mounts = read("/proc/mounts");
        let kinds: Vec<&str> =
            mounts.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
        let cgroups = match (kinds.contains(&"cgroup"), kinds.contains(&"cgroup2")) {
            (true, true) => "v1 and v2",
            (true, false) => "v1",
            (false, true) => "v2",
            (false, false) => "none",
        };
        let release = read("/proc/sys/kernel/osrelease");
        Self {
            kernel: release.trim().split('-').next().unwrap_or_default().to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            cgroups: cgroups.to_owned(),
            security_modules: read("/sys/kernel/security/lsm").trim().to_owned(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
