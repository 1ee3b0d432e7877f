//! Reading the host kernel's text files in one go.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Room for most such files. Without it a read starts with 32 bytes, and the
/// host kernel writes the whole text anew for each further one.
const ROOM_BYTES: usize = 16 * 1024;

/// The most that is read: a machine with tens of thousands of mounts.
const BYTES_MAX: u64 = 16 << 20;

/// The text of a file in `/proc`; empty where it cannot be read, which every
/// reader takes for a file that says nothing.
pub(crate) fn of(path: impl AsRef<Path>) -> String {
    read(path.as_ref()).unwrap_or_default()
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::with_capacity(ROOM_BYTES);
    File::open(path)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
