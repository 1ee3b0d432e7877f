//! Takes an archive apart on the host: for trees that are shown to sandboxes
//! read-only, where no process inside could write them.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use super::{ArchiveError, ArchiveFormat, Body, Room, Staged};

/// Read or written at a time.
const CHUNK_BYTES: u64 = 64 * 1024;

/// What an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveBounds {
    /// Files, directories and links.
    pub entries: usize,
    /// Bytes of all files together.
    pub bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Whether there may be symbolic links. Those that could lead out of the archive
    /// are left out; without this, an archive that has any is refused.
    pub links: bool,
}

/// What came out of an archive, each with its path below the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Regular files with their size in bytes.
    pub files: Vec<(PathBuf, u64)>,
    /// Links that lead out, and so were not made.
    pub left_out: Vec<PathBuf>,
}

/// Takes an archive apart into a directory that is empty and nobody else's. What is
/// made can be read by everybody and is on the disk when this returns.
///
/// # Errors
/// Something in it is refused, and then nothing was written; or the host failed.
pub fn extract_archive(
    archive: File,
    format: ArchiveFormat,
    bounds: &ArchiveBounds,
    directory: &Path,
) -> Result<Extracted, ArchiveError> {
    let ArchiveBounds { entries, bytes, file_bytes, links } = *bounds;
    let room = Room { bytes, file_bytes, entries, depth: 0, links };
    let staged = super::stage(archive, format, room)?;
    let mut extracted = Extracted::default();
    // Links come last: nothing is ever written through one.
    let (links, rest): (Vec<_>, Vec<_>) =
        staged.entries.iter().partition(|(_, body)| matches!(body, Body::Link { .. }));
    for (path, body) in rest.into_iter().chain(links) {
        let place = directory.join(path);
        make_directories(directory, path.parent().unwrap_or(Path::new("")))?;
        match body {
            Body::Directory => make_directories(directory, path)?,
            Body::Link { target } => symlink(target, &place)?,
            Body::File { start, size, executable } => {
                write(&staged, &place, (*start, *size), *executable)?;
                extracted.files.push((path.clone(), *size));
            }
        }
    }
    rustix::fs::syncfs(File::open(directory)?).map_err(io::Error::from)?;
    extracted.left_out = staged.left_out;
    Ok(extracted)
}

/// Makes a directory below another with those that it lies in.
fn make_directories(top: &Path, path: &Path) -> io::Result<()> {
    let mut place = top.to_owned();
    for part in path {
        place.push(part);
        match DirBuilder::new().mode(0o755).create(&place) {
            Ok(()) => fs::set_permissions(&place, fs::Permissions::from_mode(0o755))?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn write(
    staged: &Staged,
    place: &Path,
    (start, size): (u64, u64),
    executable: bool,
) -> io::Result<()> {
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(place)?;
    let (mut at, end) = (start, start + size);
    while at < end {
        let length = (end - at).min(CHUNK_BYTES);
        file.write_all(&staged.bytes(at, length)?)?;
        at += length;
    }
    // Whatever the umask is: sandboxes read it as somebody else.
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(test)]
mod tests {
    use tar::{Builder, EntryType, Header};

    use super::*;

    const BOUNDS: ArchiveBounds =
        ArchiveBounds { entries: 20, bytes: 1 << 20, file_bytes: 1 << 20, links: true };

    fn scratch(name: &str) -> PathBuf {
        let name = format!("cellblock-extract-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    /// An archive of files with these names and links with these targets.
    fn archive(files: &[&str], links: &[(&str, &str)]) -> File {
        let mut builder = Builder::new(Vec::new());
        for name in files {
            let mut header = Header::new_ustar();
            header.set_size(4);
            header.set_mode(if name.ends_with(".sh") { 0o4777 } else { 0o600 });
            builder.append_data(&mut header, name, b"text".as_slice()).unwrap();
        }
        for (name, target) in links {
            let mut header = Header::new_ustar();
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, name, target).unwrap();
        }
        let mut file = crate::spool::nameless().unwrap();
        file.write_all(&builder.into_inner().unwrap()).unwrap();
        crate::spool::reopen(&file).unwrap()
    }

    fn extract(archive: File, bounds: &ArchiveBounds, to: &Path) -> Result<Extracted, String> {
        let extracted = extract_archive(archive, ArchiveFormat::Tar, bounds, to);
        extracted.map_err(|error| error.to_string())
    }

    #[test]
    fn a_tree_is_made_that_everybody_can_read_and_none_can_leave() {
        let place = scratch("tree");
        let links = [
            ("d/in", "../a"),
            ("out", "../../etc/passwd"),
            ("absolute", "/etc/passwd"),
            ("later", "d"),
            ("loop", "loop"),
        ];
        let archive = archive(&["a", "d/e/run.sh"], &links);
        let extracted = extract(archive, &BOUNDS, &place).unwrap();
        assert_eq!(extracted.files, [("a".into(), 4), ("d/e/run.sh".into(), 4)]);
        assert_eq!(extracted.left_out, [PathBuf::from("out"), "absolute".into()]);
        assert_eq!(fs::read_to_string(place.join("d/in")).unwrap(), "text");
        assert_eq!(fs::read_to_string(place.join("later/e/run.sh")).unwrap(), "text");
        for gone in ["out", "absolute"] {
            assert!(fs::symlink_metadata(place.join(gone)).is_err(), "{gone}");
        }
        let mode = |path: &str| fs::metadata(place.join(path)).unwrap().permissions().mode();
        assert_eq!(mode("a") & 0o7777, 0o644);
        assert_eq!(mode("d/e/run.sh") & 0o7777, 0o755);
        assert_eq!(mode("d/e") & 0o7777, 0o755);
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn nothing_is_written_of_an_archive_that_is_refused() {
        let place = scratch("refused");
        let plain = || archive(&["a", "b"], &[]);
        let linked = || archive(&["a"], &[("l", "a")]);
        let through = archive(&["l/x"], &[("l", "..")]);
        let table = [
            (linked(), ArchiveBounds { links: false, ..BOUNDS }, "\"l\" is a link"),
            (plain(), ArchiveBounds { entries: 1, ..BOUNDS }, "more than 1 entries"),
            (plain(), ArchiveBounds { bytes: 7, ..BOUNDS }, "\"b\" does not fit"),
            (plain(), ArchiveBounds { file_bytes: 3, ..BOUNDS }, "larger than a file may be"),
            (through, BOUNDS, "\"l\" is both a file and a directory"),
        ];
        for (archive, bounds, reason) in table {
            let refused = extract(archive, &bounds, &place).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
            assert_eq!(fs::read_dir(&place).unwrap().count(), 0, "{reason}");
        }
        fs::remove_dir_all(place).unwrap();
    }
}
