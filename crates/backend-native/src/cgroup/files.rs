//! Reading and writing the small text files of a cgroup.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

/// A cgroup file that is read is shorter than this; the rest would be cut off.
const FILE_BYTES_MAX: u64 = 16 * 1024;

pub(super) fn read(directory: &Path, name: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(directory.join(name))?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

pub(super) fn write(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).open(directory.join(name))?;
    file.write_all(text.as_bytes())
}

pub(super) fn read_number(directory: &Path, name: &str) -> Option<u64> {
    read(directory, name).ok()?.trim().parse().ok()
}

/// The number behind a key, in a file with a key and a number a line.
pub(super) fn read_keyed(directory: &Path, name: &str, key: &str) -> Option<u64> {
    keyed(&read(directory, name).ok()?, key)
}

fn keyed(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(found, _)| *found == key).and_then(|(_, number)| number.trim().parse().ok())
}

/// Sets a number and makes sure that it holds: rounded by less than a page at most.
pub(super) fn set_number(directory: &Path, name: &str, value: u64) -> io::Result<()> {
    const PAGE_BYTES_MAX: u64 = 64 * 1024;
    write(directory, name, &value.to_string())?;
    match read_number(directory, name) {
        Some(held) if held <= value && value - held < PAGE_BYTES_MAX => Ok(()),
        held => Err(io::Error::other(format!("{name} was set to {value} but holds {held:?}"))),
    }
}

/// Removes a cgroup that may be busy for a moment after its last process ended.
pub(super) fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::keyed;

    #[test]
    fn odd_lines_are_not_misread() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(keyed(text, "oom_kill"), Some(3));
        assert_eq!(keyed(text, "oom"), None);
        assert_eq!(keyed("oom_kill", "oom_kill"), None);
        assert_eq!(keyed("oom_kill x\n", "oom_kill"), None);
        assert_eq!(keyed("oom_kill 99999999999999999999\n", "oom_kill"), None);
        assert_eq!(keyed("", ""), None);
    }
}
