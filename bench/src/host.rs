//! What the host's kernel tells of processes and memory.

use std::{collections::BTreeMap, fs};

/// What the kernel itself uses and what grows with sandboxes.
const OF_KERNEL: [&str; 4] = ["PageTables", "KernelStack", "Slab", "Percpu"];

/// The value of a line like `Name:  12 kB`; 0 where there is none.
pub(crate) fn kilobytes(text: &str, name: &str) -> u64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
    let found = text.lines().find_map(value).unwrap_or_default();
    found.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A line of the machine's memory.
pub(crate) fn meminfo_kb(name: &str) -> u64 {
    kilobytes(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), name)
}

/// What the kernel itself uses, in kilobytes.
pub(crate) fn kernel_kb() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    OF_KERNEL.iter().map(|name| kilobytes(&text, name)).sum()
}

/// The processes below this one that are the first of a forked sandbox: first of a
/// namespace of process ids right below a zygote's.
pub(crate) fn kernels() -> Vec<u32> {
    descendants().into_iter().filter(|pid| numbers(*pid).is_some_and(|n| n == 3)).collect()
}

/// The interpreters below this one that are parked.
pub(crate) fn zygotes() -> Vec<u32> {
    let is_zygote = |pid: &u32| {
        let text = status(*pid);
        let last = numbers_of(&text).last().copied();
        numbers_of(&text).len() == 2 && last.is_some_and(|number| number > 1) && is_python(&text)
    };
    descendants().into_iter().filter(is_zygote).collect()
}

/// The process below this one that has given itself this name.
pub(crate) fn named(name: &str) -> Option<u32> {
    let has_name = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        text.trim_end() == name
    };
    descendants().into_iter().find(has_name)
}

fn status(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}

fn is_python(status: &str) -> bool {
    status.lines().next().is_some_and(|line| line.contains("python"))
}

/// A process's numbers, from ours to that in its own namespace.
fn numbers_of(status: &str) -> Vec<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    line.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

/// In how many namespaces the first process of one has a number.
fn numbers(pid: u32) -> Option<usize> {
    let numbers = numbers_of(&status(pid));
    (numbers.last() == Some(&1)).then_some(numbers.len())
}

fn descendants() -> Vec<u32> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    for entry in entries {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        children.entry(parent(&stat).unwrap_or(0)).or_default().push(pid);
    }
    let (mut found, mut pending) = (Vec::new(), vec![std::process::id()]);
    while let Some(pid) = pending.pop() {
        let more = children.remove(&pid).unwrap_or_default();
        found.extend(&more);
        pending.extend(more);
    }
    found
}

/// The parent, by a line of `/proc/<pid>/stat`.
fn parent(stat: &str) -> Option<u32> {
    // The name may have spaces and brackets in it; the last bracket ends it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_names() {
        let text = "Pss_Anon:  9 kB\nPss:    12 kB\nOdd: x kB\n";
        assert_eq!(kilobytes(text, "Pss"), 12);
        assert_eq!((kilobytes(text, "Odd"), kilobytes(text, "None")), (0, 0));
    }

    #[test]
    fn numbers_and_parents_are_read() {
        assert_eq!(numbers_of("Name:\tx\nNSpid:\t7\t3\t1\n"), [7, 3, 1]);
        assert!(numbers_of("").is_empty());
        assert_eq!(parent("7 (a) b) S 3 7"), Some(3));
        assert_eq!(parent("7 (a"), None);
    }
}
