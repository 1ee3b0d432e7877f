//! Keeps pictures as files, where a terminal cannot show them.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::inline::Picture;

/// The most pictures of one session: more than a person looks at, and few enough
/// for one directory.
const PICTURES_MAX: u32 = 1000;
/// The most bytes of them together. They are made by code that nobody vouches for,
/// and nothing takes them away again.
const BYTES_MAX: u64 = 512 << 20;

/// A directory of pictures; made when the first one comes.
#[derive(Debug)]
pub(crate) struct Gallery {
    directory: PathBuf,
    pictures: u32,
    bytes: u64,
    /// The number of the next file; others may be there from before.
    number: u32,
}

/// Why a picture was not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    #[error("the session has kept {PICTURES_MAX} images or 512 MiB of them already")]
    Full,
    #[error("cannot write to {directory:?}: {source}", directory = directory.display())]
    Write { directory: PathBuf, source: io::Error },
}

impl Gallery {
    pub(crate) const fn new(directory: PathBuf) -> Self {
        Self { directory, pictures: 0, bytes: 0, number: 1 }
    }

    /// Writes a picture to a file of its own.
    pub(super) fn keep(&mut self, picture: &Picture) -> Result<PathBuf, NotKept> {
        let bytes = self.bytes.saturating_add(picture.bytes.len() as u64);
        if self.pictures >= PICTURES_MAX || bytes > BYTES_MAX {
            return Err(NotKept::Full);
        }
        let path = self
            .write(picture)
            .map_err(|source| NotKept::Write { directory: self.directory.clone(), source })?;
        self.pictures += 1;
        self.bytes = bytes;
        self.number = self.number.saturating_add(1);
        Ok(path)
    }

    fn write(&mut self, picture: &Picture) -> io::Result<PathBuf> {
        if !self.directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        }
        loop {
            let name = format!("image-{}.{}", self.number, picture.kind.suffix());
            let path = self.directory.join(name);
            // A file of that name is somebody's: an earlier session's, most likely.
            match create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.number = self.number.checked_add(1).ok_or(error)?;
                }
                file => {
                    file?.write_all(&picture.bytes)?;
                    return Ok(path);
                }
            }
        }
    }
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::inline::PictureKind, *};

    fn directory(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cb-gallery-{}-{name}", std::process::id()))
    }

    #[test]
    fn every_picture_has_a_file_of_its_own() {
        let directory = directory("own");
        let picture = Picture::read(PictureKind::Svg, "<svg/>").unwrap();
        let mut paths = Vec::new();
        for mut gallery in [Gallery::new(directory.clone()), Gallery::new(directory.clone())] {
            paths.extend([gallery.keep(&picture).unwrap(), gallery.keep(&picture).unwrap()]);
        }
        let names = ["image-1.svg", "image-2.svg", "image-3.svg", "image-4.svg"];
        assert_eq!(paths, names.map(|name| directory.join(name)));
        assert_eq!(fs::read(&paths[3]).unwrap(), b"<svg/>");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn what_is_too_much_is_not_kept() {
        let directory = directory("full");
        let mut gallery = Gallery::new(directory.clone());
        gallery.bytes = BYTES_MAX - 5;
        let picture = Picture::read(PictureKind::Svg, "<svg/>").unwrap();
        assert!(matches!(gallery.keep(&picture), Err(NotKept::Full)));
        assert!(!directory.exists());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let mut gallery = Gallery::new("/dev/null/images".into());
        let picture = Picture::read(PictureKind::Svg, "<svg/>").unwrap();
        let error = gallery.keep(&picture).unwrap_err().to_string();
        assert!(error.starts_with("cannot write to \"/dev/null/images\""), "{error}");
    }
}
