//! Whether the machine has memory to give.

use std::path::Path;

use crate::text_file;

/// Where the host kernel says it; a few lines.
const FILE: &str = "/proc/meminfo";
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Memory that can be had without taking any from anybody. As much as can be
/// counted where the host does not say.
pub(super) fn available_bytes() -> u64 {
    text_file::read(Path::new(FILE), FILE_BYTES_MAX)
        .ok()
        .and_then(|text| parse(&text))
        .unwrap_or(u64::MAX)
}

fn parse(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        let table = [
            ("MemTotal:  9 kB\nMemAvailable:   1024 kB\n", Some(1 << 20)),
            ("MemAvailable: 0 kB", Some(0)),
            ("MemAvailable: 18446744073709551615 kB", None),
            ("MemAvailable: many kB", None),
            ("MemFree: 1 kB\n", None),
            ("", None),
        ];
        for (text, bytes) in table {
            assert_eq!(parse(text), bytes, "{text:?}");
        }
    }

    #[test]
    fn this_machine_has_some() {
        assert!(available_bytes() > 0);
    }
}
