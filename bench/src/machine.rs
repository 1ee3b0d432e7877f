//! The machine that the times are of.

use std::{fs, num::NonZero, thread::available_parallelism};

use serde::Serialize;

/// What one has to know of a machine to read its times.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    kernel: String,
    processor: String,
    processors: usize,
    is_virtual: bool,
    cgroups: &'static str,
    uid: u32,
    /// Processes that were running or waiting to, over a minute, at the start
    /// and at the end.
    load: [String; 2],
}

impl Machine {
    /// Looks at the machine before the measurement.
    pub(crate) fn look() -> Self {
        let processor = read("/proc/cpuinfo");
        Self {
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            processor: field(&processor, "model name").unwrap_or("unknown").to_owned(),
            processors: available_parallelism().map_or(1, NonZero::get),
            is_virtual: field(&processor, "flags").is_some_and(is_virtual),
            cgroups: cgroups(&read("/proc/self/mountinfo")),
            uid: uid(&read("/proc/self/status")),
            load: [load(), String::new()],
        }
    }

    /// Looks at what may have changed meanwhile.
    pub(crate) fn look_again(&mut self) {
        self.load[1] = load();
    }

    /// In words, a fact a line.
    pub(crate) fn lines(&self) -> [String; 4] {
        let kind = if self.is_virtual { ", virtual machine" } else { "" };
        let user = if self.uid == 0 { "root".to_owned() } else { format!("uid {}", self.uid) };
        [
            format!("Linux {}, cgroup {}, as {user}", self.kernel, self.cgroups),
            format!("{} x {}{kind}", self.processors, self.processor),
            format!("load at the start: {}", self.load[0]),
            format!("load at the end:   {}", self.load[1]),
        ]
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn load() -> String {
    read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The value of a line like `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|p| p.1)
}

fn is_virtual(flags: &str) -> bool {
    flags.split(' ').any(|flag| flag == "hypervisor")
}

fn uid(status: &str) -> u32 {
    let uid = field(status, "Uid").and_then(|ids| ids.split_whitespace().nth(1));
    uid.and_then(|uid| uid.parse().ok()).unwrap_or(u32::MAX)
}

fn cgroups(mountinfo: &str) -> &'static str {
    let has = |kind: &str| mountinfo.lines().any(|line| line.contains(&format!(" - {kind} ")));
    match (has("cgroup"), has("cgroup2")) {
        (true, true) => "version 1 and 2",
        (true, false) => "version 1",
        (false, true) => "version 2",
        (false, false) => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_in_the_kernels_files() {
        let status = "Name:\tbench\nUid:\t7\t8\t7\t7\n";
        assert_eq!((uid(status), uid("")), (8, u32::MAX));
        assert_eq!(field("model name\t: X 1\n", "model name"), Some("X 1"));
        assert!(is_virtual("fpu hypervisor lahf") && !is_virtual("hypervisors"));
        assert_eq!(cgroups("1 2 0:3 / /x rw - cgroup2 c rw\n"), "version 2");
        assert_eq!(cgroups("1 2 0:3 / /x rw - tmpfs cgroup rw\n"), "none");
    }
}
