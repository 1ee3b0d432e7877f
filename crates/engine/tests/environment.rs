//! Environments: names, listing, making, building and removing them.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "tests tell what they skip and do")]

#[expect(dead_code, reason = "each test uses a part of it")]
mod scratch;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use engine::{
    environment::{
        self, Environment, EnvironmentError, NewEnvironment, State, SyncOptions, check_name,
    },
    language::{Search, python},
};
use proptest::prelude::*;
use scratch::Scratch;

fn new(name: &str, dependencies: &[&str]) -> NewEnvironment {
    NewEnvironment {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|text| (*text).to_owned()).collect(),
        ..NewEnvironment::default()
    }
}

#[test]
fn names_that_are_no_directory_name_are_refused() {
    let long = "a".repeat(129);
    let bad = [
        "", ".", "..", "../x", "a/b", "/", "a\\b", "a..b", ".hidden", "-flag", "a\0", "a\nb", " a",
        "a ", &long,
    ];
    for name in bad {
        let error = check_name(name).unwrap_err();
        assert!(matches!(error, EnvironmentError::InvalidName { .. }), "{name:?}");
    }
    for name in ["bare", "pandas-only", "a.b", "data_2", "Größe", "a b"] {
        check_name(name).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_name_that_is_let_in_stays_in_its_directory(name in "\\PC{0,40}|[./\\\\a-c\\-\0\n ]{0,8}") {
        if check_name(&name).is_ok() {
            let path = Path::new("/environments").join(&name);
            prop_assert_eq!(path.parent(), Some(Path::new("/environments")));
            prop_assert_eq!(path.file_name().and_then(|n| n.to_str()), Some(name.as_str()));
            prop_assert!(!name.starts_with(['.', '-']) && !name.contains("..") && !name.contains('\0'));
        }
    }

    #[test]
    fn any_pyproject_is_described_or_told_to_be_malformed(text in "\\PC{0,60}|(\\[project\\]|name|=|\"a\"|\n|\\[|\\]|dependencies){0,12}") {
        let scratch = Scratch::new();
        scratch.file("e/pyproject.toml", &text);
        match environment::find(scratch.path(), "e") {
            Ok(found) => prop_assert!(!found.project.is_empty()),
            Err(EnvironmentError::Malformed { .. }) => {}
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        }
    }
}

#[test]
fn a_listing_tells_every_environment_and_every_malformed_one() {
    let scratch = Scratch::new();
    scratch.file(
        "data/pyproject.toml",
        "[project]\nname = 'of-data'\ndescription = 'd'\ndependencies = ['pandas>=3']\n",
    );
    scratch.link("data/.venv/bin/python", "/bin/sh");
    scratch.file("new/pyproject.toml", "[project]\nname = 'new'\n");
    scratch.file("broken/pyproject.toml", "[project]\nname = 'broken'\n");
    scratch.link("broken/.venv/bin/python", "/nonexistent");
    scratch.script("unnamed/.venv/bin/python");
    scratch.file("bad/pyproject.toml", "[project]\nname = \n");
    scratch.file("bad-too/pyproject.toml", "name = 'x'\n");
    scratch.file("bad-utf8/pyproject.toml", b"\xff");
    scratch.file("large/pyproject.toml", vec![b'#'; 2 << 20]);
    scratch.directory("no-environment");
    scratch.file("a-file", "");
    scratch.file(".hidden/pyproject.toml", "[project]\nname = 'h'\n");

    let listing = environment::list(scratch.path()).unwrap();
    let found: Vec<_> = listing
        .environments
        .iter()
        .map(|e| (e.name.as_str(), e.project.as_str(), e.state))
        .collect();
    assert_eq!(
        found,
        [
            ("bare", "bare", State::Ready),
            ("broken", "broken", State::Broken),
            ("data", "of-data", State::Ready),
            ("new", "new", State::NotSynced),
            ("unnamed", "unnamed", State::Ready),
        ]
    );
    let data = &listing.environments[2];
    assert_eq!(data.description.as_deref(), Some("d"));
    assert_eq!(data.dependencies, ["pandas>=3"]);
    let unreadable: Vec<_> = listing.unreadable.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unreadable, ["bad", "bad-too", "bad-utf8", "large"]);
    let (_, error) = &listing.unreadable[0];
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn a_directory_that_is_not_there_has_bare_only() {
    let scratch = Scratch::new();
    let listing = environment::list(&scratch.join("none")).unwrap();
    let [bare] = listing.environments.as_slice() else { panic!("{listing:?}") };
    assert_eq!((bare.name.as_str(), bare.path.as_ref(), bare.state), ("bare", None, State::Ready));
    assert_eq!(environment::find(&scratch.join("none"), "bare").unwrap(), *bare);
    let error = environment::find(&scratch.join("none"), "x").unwrap_err();
    assert_eq!(error.to_string(), "there is no environment \"x\"; there are: bare");
}

#[test]
fn what_is_created_is_found_as_it_was_asked_for() {
    let scratch = Scratch::new();
    let wanted = NewEnvironment {
        description: Some("quotes \" and ' and\nlines".to_owned()),
        python: Some("3.12".to_owned()),
        ..new("data", &["pandas>=3", "six[x]==1.0; python_version > '3'", "numpy"])
    };
    let made = environment::create(&scratch.join("deep/environments"), &wanted).unwrap();
    assert_eq!(made.state, State::NotSynced);
    assert_eq!(made.description, wanted.description);
    assert_eq!(made.dependencies, wanted.dependencies);
    let path = made.path.unwrap().join("pyproject.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("requires-python = \"==3.12.*\""), "{text}");
    let again = environment::create(&scratch.join("deep/environments"), &wanted);
    assert!(matches!(again, Err(EnvironmentError::Exists { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn requirements_that_are_more_than_a_package_are_refused() {
    let scratch = Scratch::new();
    let bad = [
        "",
        "-r /etc/passwd",
        "--index-url=https://x",
        "./local",
        "../local",
        "/abs",
        "a/b",
        "git+https://x",
        "six @ https://x/six.whl",
        "six\n--pre",
        "six # c",
        "six --pre",
        "six -e .",
    ];
    for text in bad {
        let error = environment::create(scratch.path(), &new("e", &[text])).unwrap_err();
        assert!(matches!(error, EnvironmentError::Requirement { .. }), "{text:?}: {error}");
    }
    assert!(!scratch.join("e").exists());
}

#[test]
fn removal_leaves_what_symlinks_point_to() {
    let scratch = Scratch::new();
    let kept = scratch.file("elsewhere/kept", "1");
    scratch.file("environments/e/pyproject.toml", "[project]\nname = 'e'\n");
    scratch.link("environments/e/.venv/link", scratch.join("elsewhere"));
    scratch.file("environments/other/pyproject.toml", "[project]\nname = 'o'\n");
    scratch.link("environments/linked", scratch.join("elsewhere-env"));
    scratch.file("elsewhere-env/pyproject.toml", "[project]\nname = 'l'\n");
    let environments = scratch.join("environments");
    environment::remove(&environments, "e").unwrap();
    environment::remove(&environments, "linked").unwrap();
    let left: Vec<_> =
        fs::read_dir(&environments).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["other"]);
    assert!(kept.exists() && scratch.join("elsewhere-env/pyproject.toml").exists());
    for name in ["e", "bare", "../elsewhere"] {
        assert!(environment::remove(&environments, name).is_err(), "{name}");
    }
}

/// Tells that a test cannot be done here; fails where everything must be.
fn skip(why: &str) {
    let must = std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!must, "skipped: {why}");
    eprintln!("SKIPPED: {why}");
}

/// The host's Pythons, the first on the search path first.
fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

fn options(search_path: Vec<PathBuf>) -> SyncOptions {
    // The search for a Python is not what is tested here.
    let found = python::find(&Search { directories: &search_path, python: None });
    let env_vars = std::env::vars().filter(|(name, _)| environment::is_for_installer(name));
    SyncOptions {
        search_path,
        python: found.ok().map(|found| found.program),
        env_vars: env_vars.collect(),
        ..SyncOptions::default()
    }
}

fn sync(scratch: &Scratch, options: &SyncOptions) -> Result<Environment, EnvironmentError> {
    environment::sync(scratch.path(), "e", options, &mut |line| println!("| {line}"))
}

/// What a second sync must reproduce, and what no sync may leave.
fn check_synced(scratch: &Scratch, options: &SyncOptions, installer: &str) {
    environment::create(scratch.path(), &new("e", &["six"])).unwrap();
    let first = sync(scratch, options).unwrap();
    assert_eq!(first.state, State::Ready);
    let digest = first.digest.clone().unwrap();
    let directory = first.path.unwrap();
    let lock = fs::read_to_string(directory.join("requirements.lock")).unwrap();
    assert!(lock.contains("\nsix==") && lock.contains("--hash=sha256:"), "{lock}");
    assert!(!lock.contains("://") && !lock.contains("index"), "{lock}");
    let found = installed(&directory.join(".venv"));
    assert!(fs::read_to_string(found.join("INSTALLER")).unwrap().contains(installer));

    let second = sync(scratch, options).unwrap();
    assert_eq!(second.digest.unwrap(), digest);
    assert_eq!(fs::read_to_string(directory.join("requirements.lock")).unwrap(), lock);
    assert_eq!(entries(&directory), [".venv", "digest", "pyproject.toml", "requirements.lock"]);
    check_settled(&directory);
}

/// The description of `six` in a `.venv`.
fn installed(venv: &Path) -> PathBuf {
    let lib = fs::read_dir(venv.join("lib")).unwrap().next().unwrap().unwrap().path();
    let mut packages = fs::read_dir(lib.join("site-packages")).unwrap();
    let is_it = |path: &Path| path.extension().is_some_and(|end| end == "dist-info");
    packages.find_map(|entry| Some(entry.unwrap().path()).filter(|path| is_it(path))).unwrap()
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Nothing of the place of building is left in what a sandbox sees, and
/// everybody can read it; the modules are compiled.
fn check_settled(directory: &Path) {
    let built_at = directory.join(".venv.new").to_str().unwrap().to_owned();
    let mut directories = vec![directory.join(".venv")];
    let mut compiled = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            if metadata.is_symlink() {
                continue;
            }
            let mode = metadata.permissions().mode();
            assert_eq!(mode & 0o044, 0o044, "{}", path.display());
            if metadata.is_dir() {
                directories.push(path);
                continue;
            }
            compiled += usize::from(path.extension().is_some_and(|end| end == "pyc"));
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(built_at.len()).any(|part| part == built_at.as_bytes());
            assert!(!found, "{} names {built_at}", path.display());
        }
    }
    assert!(compiled > 0);
}

/// A directory with `uv` in it: one of the search path, else one that pip
/// fetches and that later tests find again. `None` where that cannot be.
fn uv() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let mut path = search_path();
        path.push(Path::new(env!("CARGO_TARGET_TMPDIR")).join("uv/bin"));
        let here = path.iter().find(|directory| directory.join("uv").is_file());
        here.cloned().or_else(|| fetch_uv(&path.pop()?))
    };
    let found = FOUND.get_or_init(find).as_deref();
    if found.is_none() {
        skip("uv cannot be had");
    }
    found
}

fn fetch_uv(directory: &Path) -> Option<PathBuf> {
    let python = options(search_path()).python?;
    let made = Command::new(python).args(["-I", "-m", "venv"]).arg(directory.parent()?).status();
    let mut fetch = Command::new(directory.join("python"));
    fetch.args(["-I", "-m", "pip", "install", "--quiet", "--only-binary", ":all:", "uv"]);
    let succeeded = made.ok()?.success() && fetch.status().ok()?.success();
    succeeded.then(|| directory.to_owned())
}

#[test]
fn pip_builds_what_its_lock_reproduces() {
    let scratch = Scratch::new();
    let options = options(search_path());
    if options.python.is_none() {
        return skip("there is no Python");
    }
    let search_path = installers().swap_remove(0);
    check_synced(&scratch, &SyncOptions { search_path, ..options }, "pip");
}

#[test]
fn uv_builds_what_its_lock_reproduces() {
    let scratch = Scratch::new();
    let Some(uv) = uv() else { return };
    let mut path = search_path();
    path.insert(0, uv.to_owned());
    let options = SyncOptions { search_path: path, ..options(search_path()) };
    check_synced(&scratch, &options, "uv");
}

/// Makes a package `evil` in version 1 of these files, besides a module.
fn package(scratch: &Scratch, files: &[(&str, &str)]) -> PathBuf {
    let metadata = "Metadata-Version: 2.1\nName: evil\nVersion: 1\n";
    let wheel = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let mut files = files.to_vec();
    files.extend([
        ("evil.py", "A = 1\n"),
        ("evil-1.dist-info/METADATA", metadata),
        ("evil-1.dist-info/WHEEL", wheel),
    ]);
    let record: String = files.iter().map(|(path, _)| format!("{path},,\n")).collect();
    let record = record + "evil-1.dist-info/RECORD,,\n";
    files.push(("evil-1.dist-info/RECORD", &record));
    for (path, text) in &files {
        scratch.file(&format!("tree/{path}"), text);
    }
    let index = scratch.directory("index");
    let zip = "import os, sys, zipfile\n\
               with zipfile.ZipFile(sys.argv[1], 'w') as z:\n \
               [z.write(p) for p in sys.argv[2:]]\n";
    let packed = Command::new("python3")
        .args(["-c", zip])
        .arg(index.join("evil-1-py3-none-any.whl"))
        .args(files.iter().map(|(path, _)| path))
        .current_dir(scratch.join("tree"))
        .status();
    assert!(packed.unwrap().success());
    index
}

/// Options that take packages from a directory and nowhere else.
fn offline(index: &Path, search_path: Vec<PathBuf>) -> SyncOptions {
    let mut options = options(search_path);
    options.env_vars.retain(|(name, _)| !name.starts_with("PIP_") && !name.starts_with("UV_"));
    let links = index.display().to_string();
    let vars = [("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", &links), ("UV_CACHE_DIR", &links)];
    options.env_vars.extend(vars.map(|(name, value)| (name.to_owned(), value.to_owned())));
    options
}

/// The search paths with which pip and uv is the installer.
fn installers() -> Vec<Vec<PathBuf>> {
    let mut without = search_path();
    without.retain(|directory| !directory.join("uv").exists());
    let with = uv().map(|uv| [vec![uv.to_owned()], without.clone()].concat());
    std::iter::once(without).chain(with).collect()
}

#[test]
fn no_code_of_a_package_runs_on_the_host() {
    for search_path in installers() {
        let scratch = Scratch::new();
        let marker = scratch.join("marker");
        let code = format!("import os; open({:?}, 'a').write('1')\n", marker.display().to_string());
        let files =
            [("evil.pth", code.as_str()), ("sitecustomize.py", &code), ("compileall.py", &code)];
        let options = offline(&package(&scratch, &files), search_path);
        environment::create(scratch.path(), &new("e", &["evil"])).unwrap();
        for _ in 0..2 {
            sync(&scratch, &options).unwrap();
            assert!(!marker.exists());
        }
        // The marker does tell, once the environment's own interpreter starts.
        let python = scratch.join("e/.venv/bin/python");
        assert!(Command::new(python).args(["-c", "0"]).status().unwrap().success());
        assert!(marker.exists());
    }
}

#[test]
fn console_scripts_start_the_interpreter_at_its_guest_path() {
    for search_path in installers() {
        let scratch = Scratch::new();
        let files = [
            ("evil-1.dist-info/entry_points.txt", "[console_scripts]\nevil-tool = evil:main\n"),
            ("evil-1.data/scripts/evil-script", "#!python\nprint(1)\n"),
        ];
        let options = offline(&package(&scratch, &files), search_path);
        environment::create(scratch.path(), &new("e", &["evil"])).unwrap();
        sync(&scratch, &options).unwrap();
        for name in ["evil-tool", "evil-script"] {
            let text = fs::read_to_string(scratch.join("e/.venv/bin").join(name)).unwrap();
            assert_eq!(text.lines().next(), Some("#!/sandbox/venv/bin/python"), "{text}");
        }
        check_settled(&scratch.join("e"));
    }
}

#[test]
fn a_package_cannot_replace_the_interpreter_or_its_settings() {
    for search_path in installers() {
        let files = [
            ("evil-1.data/data/pyvenv.cfg", "home = /opt\n"),
            ("evil-1.data/scripts/python", "#!/bin/sh\n"),
        ];
        for file in files {
            let scratch = Scratch::new();
            let options = offline(&package(&scratch, &[file]), search_path.clone());
            environment::create(scratch.path(), &new("e", &["evil"])).unwrap();
            let error = sync(&scratch, &options).unwrap_err().to_string();
            // uv itself refuses programs of the interpreter's name.
            let refused = ["replaced the interpreter", "reserved name"];
            assert!(refused.iter().any(|reason| error.contains(reason)), "{error}");
            assert_eq!(entries(&scratch.join("e")), ["pyproject.toml"]);
        }
    }
}

#[test]
fn packages_that_come_as_source_are_built_only_if_allowed() {
    for search_path in installers() {
        let scratch = Scratch::new();
        let marker = scratch.join("marker");
        let setup = format!(
            "open({:?}, 'a').write('1')\nfrom setuptools import setup\nsetup(name='evil', version='1')\n",
            marker.display().to_string()
        );
        scratch.file("evil-1/setup.py", setup);
        scratch.file("evil-1/PKG-INFO", "Metadata-Version: 2.1\nName: evil\nVersion: 1\n");
        let index = scratch.directory("index");
        let archive = index.join("evil-1.tar.gz");
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(scratch.path()).arg("-czf").arg(archive).arg("evil-1");
        assert!(tar.status().unwrap().success());
        environment::create(scratch.path(), &new("e", &["evil"])).unwrap();
        let options = offline(&index, search_path);
        sync(&scratch, &options).unwrap_err();
        assert!(!marker.exists());
        // Whether it can be built offline or not, its code is run.
        let _ = sync(&scratch, &SyncOptions { allow_source_builds: true, ..options });
        println!("built: {}", marker.exists());
    }
}

#[test]
fn a_sync_that_fails_leaves_the_environment_as_it_was() {
    let scratch = Scratch::new();
    let options = options(search_path());
    if options.python.is_none() {
        return skip("there is no Python");
    }
    environment::create(scratch.path(), &new("e", &[])).unwrap();
    let first = sync(&scratch, &options).unwrap();
    let before = entries(&scratch.join("e"));
    let text = "[project]\nname = 'e'\ndependencies = ['six==0.0.0.0.1']\n";
    scratch.file("e/pyproject.toml", text);
    let error = sync(&scratch, &options).unwrap_err();
    assert!(matches!(error, EnvironmentError::Installer { .. }), "{error}");
    assert_eq!(entries(&scratch.join("e")), before);
    let after = environment::find(scratch.path(), "e").unwrap();
    assert_eq!((after.state, after.digest), (State::Ready, first.digest));
}

#[test]
fn a_python_that_the_project_does_not_let_in_is_not_taken() {
    let scratch = Scratch::new();
    let options = options(search_path());
    if options.python.is_none() {
        return skip("there is no Python");
    }
    let wanted = NewEnvironment { python: Some(">=3.99".to_owned()), ..new("e", &[]) };
    environment::create(scratch.path(), &wanted).unwrap();
    let without_uv = SyncOptions { search_path: vec![PathBuf::from("/usr/bin")], ..options };
    let error = sync(&scratch, &without_uv).unwrap_err();
    assert!(error.to_string().contains(">=3.99"), "{error}");
    assert_eq!(entries(&scratch.join("e")), ["pyproject.toml"]);
}

#[test]
fn an_interpreter_that_is_none_is_told_by_its_reason() {
    let scratch = Scratch::new();
    environment::create(scratch.path(), &new("e", &[])).unwrap();
    let shim = scratch.script("shims/python3");
    for search_path in installers() {
        let options = SyncOptions { python: Some(shim.clone()), ..options(search_path) };
        let error = sync(&scratch, &options).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("it is a script"), "{cause}");
    }
}
