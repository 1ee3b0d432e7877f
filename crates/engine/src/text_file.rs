//! Reads small text files. What is larger than expected is an error, not a wait.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The text of a file of at most `bytes_max` bytes.
///
/// # Errors
/// It cannot be read, is not a regular file, is larger, or is not UTF-8.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<String> {
    // Not opened before it is known to be a file: opening a pipe waits for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        let reason = format!("it is larger than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}
