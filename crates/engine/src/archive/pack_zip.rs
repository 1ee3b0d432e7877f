//! Writes zip archives.

use std::{
    fmt::Write as _,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::pack::{Format, Out};
use crate::workspace::Look;

/// A zip archive that is being written; `None` once it is finished.
pub(super) struct Zip(Option<ZipWriter<StreamWriter<Out>>>);

impl Zip {
    pub(super) fn new(to: Out) -> Self {
        Self(Some(ZipWriter::new_stream(to)))
    }

    fn writer(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<Out>>> {
        self.0.as_mut().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Format for Zip {
    fn directory(&mut self, name: &Path, look: &Look) -> io::Result<()> {
        let options = options(look).compression_method(CompressionMethod::Stored);
        Ok(self.writer()?.add_directory(text(name), options)?)
    }

    fn link(&mut self, _: &Path, _: &Look, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn begin(&mut self, name: &Path, look: &Look) -> io::Result<()> {
        Ok(self.writer()?.start_file(text(name), options(look))?)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer()?.write_all(bytes)
    }

    fn end(&mut self, _: &Look) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(writer) = self.0.take() {
            writer.finish()?;
        }
        Ok(())
    }

    fn is_sized(&self) -> bool {
        false
    }
}

fn options(look: &Look) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .unix_permissions(look.mode & 0o777)
        .large_file(look.size >= u64::from(u32::MAX))
}

/// A name as text; what is none, or means something else elsewhere, is escaped.
fn text(name: &Path) -> String {
    let mut text = String::new();
    for chunk in name.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("%5C"),
                control if control.is_ascii_control() => {
                    let _ = write!(text, "%{:02X}", u32::from(control));
                }
                other => text.push(other),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn odd_names_are_escaped() {
        let text = |name: &[u8]| text(Path::new(OsStr::from_bytes(name)));
        assert_eq!(text("d\u{f6}ner/x".as_bytes()), "d\u{f6}ner/x");
        assert_eq!(text(b"..\\a\n\xff"), "..%5Ca%0A%FF");
    }
}
