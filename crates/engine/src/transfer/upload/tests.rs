//! Uploads from real directories.

use std::{fs, os::unix::fs::symlink};

use super::*;

/// A directory that is removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("engine-{}", api::RunId::generate()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn collect(
    source: &Path,
    target: &str,
    files: Vec<FileEntry>,
    bytes_max: u64,
) -> Result<Vec<FileEntry>, UploadError> {
    let workspace = GuestPath::new("/workspace").unwrap();
    let upload = Upload { source: source.to_owned(), target: PathBuf::from(target) };
    uploads(&[upload], files, &workspace, bytes_max)
}

/// What is collected, a line each: places, with a slash for directories, a `*`
/// for what may be executed, and the content of files.
fn lines(files: &[FileEntry]) -> Vec<String> {
    let line = |file: &FileEntry| {
        let (Place::Workspace(place) | Place::Code(place)) = &file.place;
        let place = place.display();
        let star = if file.executable { "*" } else { "" };
        match &file.body {
            FileBody::Directory => format!("{place}/"),
            FileBody::Bytes(bytes) => format!("{place}{star}={}", bytes.escape_ascii()),
            FileBody::Host(_) => format!("{place}{star} by descriptor"),
        }
    };
    files.iter().map(line).collect()
}

fn collected(source: &Path, target: &str) -> Vec<String> {
    lines(&collect(source, target, Vec::new(), 1 << 20).unwrap())
}

#[test]
fn a_file_goes_where_cp_would_put_it() {
    let directory = Directory::new();
    directory.file("a.txt", "text");
    let file = directory.0.join("a.txt");
    assert_eq!(collected(&file, ""), ["a.txt=text"]);
    assert_eq!(collected(&file, "."), ["a.txt=text"]);
    assert_eq!(collected(&file, "/workspace"), ["a.txt=text"]);
    assert_eq!(collected(&file, "d/"), ["d/", "d/a.txt=text"]);
    assert_eq!(collected(&file, "b.txt"), ["b.txt=text"]);
    assert_eq!(collected(&file, "/workspace/d/e/b.txt"), ["d/", "d/e/", "d/e/b.txt=text"]);
}

#[test]
fn a_directory_goes_where_cp_would_put_it() {
    let directory = Directory::new();
    directory.file("tree/b/c", "c");
    directory.file("tree/a", "a");
    let tree = directory.0.join("tree");
    assert_eq!(collected(&tree, "t"), ["t/", "t/a=a", "t/b/", "t/b/c=c"]);
    assert_eq!(collected(&tree, "."), ["tree/", "tree/a=a", "tree/b/", "tree/b/c=c"]);
    assert_eq!(collected(&tree, "x/")[..2], ["x/", "x/tree/"]);
    assert_eq!(collected(&tree.join("."), "."), ["a=a", "b/", "b/c=c"]);
}

#[test]
fn scripts_stay_executable_and_large_files_are_not_read() {
    use std::os::unix::fs::PermissionsExt;
    let directory = Directory::new();
    directory.file("script", "#!/bin/sh\n");
    fs::set_permissions(directory.0.join("script"), fs::Permissions::from_mode(0o755)).unwrap();
    directory.file("large", vec![0; 65537]);
    let all = directory.0.join(".");
    assert_eq!(collected(&all, ""), ["large by descriptor", "script*=#!/bin/sh\\n"]);
}

#[test]
fn what_is_no_file_is_refused_by_its_path() {
    let directory = Directory::new();
    directory.file("a", "a");
    let all = directory.0.join(".");
    let fifo = directory.0.join("fifo");
    let kind = |source: &Path| match collect(source, "", Vec::new(), 100) {
        Err(UploadError::NotAFile { path, kind }) => Some((path, kind)),
        _ => None,
    };
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    assert_eq!(kind(&all), Some((all.join("fifo"), "a pipe")));
    assert_eq!(kind(&fifo), Some((fifo.clone(), "a pipe")));
    fs::remove_file(&fifo).unwrap();
    let link = directory.0.join("link");
    symlink("a", &link).unwrap();
    assert_eq!(kind(&all), Some((all.join("link"), "a symbolic link")));
    assert_eq!(collected(&link, ""), ["link=a"]);
    let device = Path::new("/dev/null");
    assert_eq!(kind(device), Some((device.to_owned(), "a device")));
}

#[test]
fn what_does_not_exist_is_named() {
    let directory = Directory::new();
    let missing = directory.0.join("missing");
    let error = collect(&missing, "", Vec::new(), 100).unwrap_err();
    assert!(matches!(error, UploadError::Open { path, .. } if path == missing));
}

#[test]
fn a_place_outside_is_refused() {
    let directory = Directory::new();
    directory.file("a", "a");
    let refused = |target: &str| {
        let collected = collect(&directory.0.join("a"), target, Vec::new(), 100);
        matches!(collected, Err(UploadError::Target { .. }))
    };
    assert!(refused("../a") && refused("/etc/a") && refused("a/../../b") && refused("a\0"));
    assert!(refused(&"d/".repeat(DEPTH_MAX + 1)));
    assert!(!refused("b"));
}

#[test]
fn bytes_are_bounded_together() {
    let directory = Directory::new();
    directory.file("a", "12345");
    directory.file("b", "67890");
    let all = directory.0.join(".");
    assert!(collect(&all, "", Vec::new(), 10).is_ok());
    let error = collect(&all, "", Vec::new(), 9).unwrap_err();
    let is_b = |path: &Path| path == all.join("b");
    assert!(matches!(error, UploadError::TooLarge { path, maximum: 9 } if is_b(&path)));
    // Files of the kernel's own tell no size, and hold something all the same.
    assert!(matches!(
        collect(Path::new("/proc/self/status"), "", Vec::new(), 9),
        Err(UploadError::TooLarge { .. })
    ));
    assert!(collect(Path::new("/proc/self/status"), "", Vec::new(), 1 << 20).is_ok());
}

#[test]
fn files_and_levels_are_bounded() {
    let directory = Directory::new();
    directory.file(&format!("deep/{}a", "d/".repeat(DEPTH_MAX)), "a");
    let deep = collect(&directory.0.join("deep"), "", Vec::new(), 100);
    assert!(matches!(deep, Err(UploadError::TooDeep { maximum: DEPTH_MAX, .. })));
    for name in 0..FILES_MAX {
        directory.file(&format!("many/{name}"), "");
    }
    let many = directory.0.join("many/.");
    assert_eq!(collect(&many, "", Vec::new(), 100).unwrap().len(), FILES_MAX);
    directory.file("many/more", "");
    let error = collect(&many, "", Vec::new(), 100).unwrap_err();
    assert!(matches!(error, UploadError::TooManyFiles { maximum: FILES_MAX, .. }));
}

#[test]
fn the_source_file_may_be_among_what_is_uploaded() {
    let source = |place: Place, text: &str| FileEntry {
        place,
        body: FileBody::Bytes(text.into()),
        executable: false,
        replace: false,
    };
    let place = || Place::Workspace("main.py".into());
    let directory = Directory::new();
    directory.file("main.py", "same");
    let all = directory.0.join(".");
    let files = collect(&all, "", vec![source(place(), "same")], 100).unwrap();
    assert_eq!(lines(&files), ["main.py=same"]);
    let error = collect(&all, "", vec![source(place(), "other")], 100).unwrap_err();
    assert!(matches!(error, UploadError::Twice { path } if path == "main.py"));
    let elsewhere = vec![source(Place::Code("main.py".into()), "other")];
    assert_eq!(lines(&collect(&all, "", elsewhere, 100).unwrap()).len(), 2);
    let large = "x".repeat(70_000);
    directory.file("main.py", &large);
    assert!(collect(&all, "", vec![source(place(), &large)], 1 << 20).is_ok());
    let other = large.replacen('x', "y", 1);
    assert!(collect(&all, "", vec![source(place(), &other)], 1 << 20).is_err());
}

#[test]
fn a_file_is_not_a_directory() {
    let directory = Directory::new();
    directory.file("a", "a");
    let workspace = GuestPath::new("/workspace").unwrap();
    let upload =
        |target: &str| Upload { source: directory.0.join("a"), target: PathBuf::from(target) };
    let both = [upload("x"), upload("x/y")];
    let error = uploads(&both, Vec::new(), &workspace, 100).unwrap_err();
    assert!(matches!(error, UploadError::Twice { path } if path == "x"));
}
