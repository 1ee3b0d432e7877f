//! Downloads into real directories, of files as a sandbox hands them over.

use std::{fs::File, io::Write, os::unix::fs::symlink};

use api::ErrorCode;

use super::*;

/// A directory that is removed with what is in it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("engine-{}", api::RunId::generate()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok()
    }

    /// Every name in it, to find what was left behind.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn file(content: &[u8]) -> File {
    let path = std::env::temp_dir().join(format!("engine-{}", api::RunId::generate()));
    File::create_new(&path).unwrap().write_all(content).unwrap();
    let file = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    file
}

fn download(source: &str, target: &Path) -> Download {
    let workspace = GuestPath::new("/workspace").unwrap();
    let spec = DownloadSpec { source: source.into(), target: target.to_owned() };
    downloads(&[spec], &workspace).unwrap().remove(0)
}

fn fetched(
    download: &Download,
    files: Vec<(&str, File)>,
    bytes_max: u64,
) -> Result<Vec<DownloadedFile>, DownloadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut allowance = Allowance { bytes: bytes_max, bytes_max, files: FILES_MAX };
    let mut report = Vec::new();
    let files = files.into_iter().map(|(path, file)| (path.into(), file)).collect();
    let taken = (&mut report, &mut Kept::default());
    runtime.block_on(fetch_one(download, files, &mut allowance, taken))?;
    Ok(report)
}

fn fetch_text(source: &str, target: &Path) -> DownloadedFile {
    let files = vec![("", file(b"abc"))];
    fetched(&download(source, target), files, 100).unwrap().remove(0)
}

#[test]
fn a_file_goes_where_cp_would_put_it() {
    let directory = Directory::new();
    let at = |path: &str| directory.0.join(path);
    let saved = fetch_text("out/a.txt", &at("b.txt"));
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!((saved.path.as_str(), saved.size_bytes), ("out/a.txt", Some(3)));
    assert_eq!((saved.sha256.as_deref(), saved.error), (Some(digest), None));
    fetch_text("out/a.txt", &at("new/"));
    fetch_text("out/b.txt", &at("new"));
    fetch_text("/workspace/c.txt", &at("deep/er/d.txt"));
    for path in ["b.txt", "new/a.txt", "new/b.txt", "deep/er/d.txt"] {
        assert_eq!(directory.text(path).as_deref(), Some("abc"), "{path}");
    }
    assert_eq!(directory.names(), ["b.txt", "deep", "new"]);
}

#[test]
fn a_directory_goes_where_it_is_wanted_also_twice() {
    let directory = Directory::new();
    for _ in 0..2 {
        let files = || vec![("a", file(b"1")), ("b/c", file(b"2"))];
        fetched(&download("out", &directory.0.join("to")), files(), 100).unwrap();
        fetched(&download("out", &directory.0.join("in/")), files(), 100).unwrap();
        fetched(&download(".", &directory.0.join("all/")), files(), 100).unwrap();
    }
    for path in ["to/a", "in/out/a", "all/a"] {
        assert_eq!(directory.text(path).as_deref(), Some("1"), "{path}");
    }
    for path in ["to/b/c", "in/out/b/c", "all/b/c"] {
        assert_eq!(directory.text(path).as_deref(), Some("2"), "{path}");
    }
}

#[test]
fn a_path_that_leads_out_is_refused_alone() {
    let directory = Directory::new();
    let target = directory.0.join("to");
    let deep = "d/".repeat(DEPTH_MAX) + "a";
    let hostile = ["../a", "/tmp/a", "a/../../b", "..", ".", "a\0b", deep.as_str()];
    for path in hostile {
        let files = vec![(path, file(b"evil")), ("good", file(b"good"))];
        let report = fetched(&download("out", &target), files, 100).unwrap();
        let error = report[0].error.as_ref().unwrap();
        assert_eq!(error.code, ErrorCode::PolicyRefused, "{path:?}");
        assert_eq!((report[0].size_bytes, &report[0].sha256), (None, &None));
        assert_eq!(report[1].error, None);
    }
    assert_eq!(directory.names(), ["to"]);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
}

#[test]
fn links_below_the_target_are_not_followed() {
    let directory = Directory::new();
    let (target, outside) = (directory.0.join("to"), directory.0.join("outside"));
    fs::create_dir(&target).unwrap();
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("secret"), "secret").unwrap();
    symlink(&outside, target.join("link")).unwrap();
    symlink(outside.join("secret"), target.join("file")).unwrap();
    let files = vec![("link/a", file(b"evil")), ("file", file(b"good"))];
    let report = fetched(&download("out", &target), files, 100).unwrap();
    assert!(report[0].error.is_some());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(directory.text("outside/secret").as_deref(), Some("secret"));
    assert_eq!(directory.text("to/file").as_deref(), Some("good"));
    assert!(!fs::symlink_metadata(target.join("file")).unwrap().is_symlink());
}

#[test]
fn bytes_are_bounded_together_and_nothing_half_is_left() {
    let directory = Directory::new();
    let path = directory.0.join("sparse");
    File::create_new(&path).unwrap().set_len(1 << 40).unwrap();
    let large = File::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let files = vec![("a", file(b"12345")), ("large", large), ("z", file(b""))];
    let report = fetched(&download("out", &directory.0), files, 100_000).unwrap();
    assert_eq!(report[0].error, None);
    let error = report[1].error.as_ref().unwrap();
    assert!(error.message.contains("100000"), "{}", error.message);
    assert_eq!(directory.names(), ["a", "z"]);
}

#[test]
fn what_is_no_file_is_not_read() {
    let directory = Directory::new();
    let files = vec![("a", File::open("/dev/zero").unwrap())];
    let report = fetched(&download("out", &directory.0), files, 100).unwrap();
    assert!(report[0].error.is_some());
    assert!(directory.names().is_empty());
}

#[test]
fn a_directory_in_the_way_stays() {
    let directory = Directory::new();
    fs::create_dir_all(directory.0.join("a/b")).unwrap();
    let report = fetched(&download("out", &directory.0), vec![("a", file(b"x"))], 100).unwrap();
    assert!(report[0].error.is_some());
    assert_eq!(directory.names(), ["a"]);
}

#[test]
fn places_outside_are_refused_before_anything_runs() {
    let workspace = GuestPath::new("/workspace").unwrap();
    let refused = |source: &str, target: &str| {
        let spec = DownloadSpec { source: source.into(), target: target.into() };
        downloads(&[spec], &workspace).is_err()
    };
    assert!(refused("../a", "a") && refused("/etc/passwd", "a") && refused("a", "a\0b"));
    assert!(!refused("a", "a") && !refused("/workspace/a", "/tmp/a") && !refused("", ""));
}

#[test]
fn paths_are_told_from_what_was_asked_for() {
    let paths = |asked: &str, path: &str| {
        let files = below(Path::new(asked), vec![(path.into(), file(b""))]);
        files[0].0.display().to_string()
    };
    assert_eq!(paths("out/a", "out/a"), "");
    assert_eq!(paths("out", "out/a/b"), "a/b");
    assert_eq!(paths(".", "./a"), "a");
    assert_eq!(paths("out", "output/a"), "output/a");
    assert_eq!(paths("out", "../a"), "../a");
}
