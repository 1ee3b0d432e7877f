//! What a sandbox is given: mounts, symlinks, env vars, files and steps.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

#[expect(dead_code, reason = "each test uses a part of it")]
mod scratch;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use api::{Access, Phase, PolicySpec, Program, RunRequest, Source, Workspace};
use engine::{
    Config,
    environment::EnvironmentError,
    language::{self, Search},
    runtime::{self, Runtime, RuntimeError},
};
use policy::{Ceiling, MountView};
use sandbox::{Action, FileBody, Place};
use scratch::Scratch;

fn config(scratch: &Scratch, search_path: &[&str]) -> Config {
    Config {
        ceiling: Ceiling::own_machine(),
        environments: scratch.join("environments"),
        search_path: search_path.iter().map(|path| scratch.join(path)).collect(),
        python: None,
        warm: engine::WarmConfig::default(),
        runs_max: 1,
    }
}

fn request(program: Program) -> RunRequest {
    RunRequest {
        environment: "bare".to_owned(),
        program,
        args: vec!["one".to_owned(), "two words".to_owned()],
        workspace: Workspace::Private,
        uploads: Vec::new(),
        downloads: Vec::new(),
        rescues: Vec::new(),
        list_changes: false,
        scratch: Vec::new(),
        exhibits: Vec::new(),
        policy: PolicySpec::default(),
    }
}

fn source(language: &str, file_name: &str, text: &str) -> Program {
    Program::Source(Source {
        language: language.to_owned(),
        file_name: file_name.to_owned(),
        text: text.to_owned(),
    })
}

fn shared() -> Workspace {
    let (source, target) = (PathBuf::from("/any"), PathBuf::from("/sandbox/work"));
    Workspace::Host { source, target, access: Access::ReadWrite }
}

/// A step's command line, or what else it does.
fn words(runtime: &Runtime) -> Vec<(Phase, String)> {
    let words = runtime.steps.iter().map(|step| {
        let text = match &step.action {
            Action::Command(command) => {
                let program = command.program.display().to_string();
                std::iter::once(program).chain(command.args.clone()).collect::<Vec<_>>().join(" ")
            }
            Action::StripTypes { source, target } => format!("strip {source} {target}"),
            Action::Probe => "probe".to_owned(),
        };
        (step.phase, text)
    });
    words.collect()
}

fn sources(runtime: &Runtime) -> Vec<&Path> {
    runtime.mounts.iter().map(|mount| mount.source.as_path()).collect()
}

/// A toolchain outside `/usr` with these programs.
fn toolchain(scratch: &Scratch, name: &str, programs: &[&str]) -> String {
    let prefix = scratch.toolchain(name).display().to_string();
    for program in programs {
        scratch.binary(&format!("{name}/bin/{program}"));
    }
    prefix
}

#[test]
fn every_mount_is_read_only_private_and_nothing_secret() {
    let scratch = Scratch::new();
    let config = config(&scratch, &[]);
    let command = Program::Command { name: "true".to_owned() };
    let runtime = runtime::of(&request(command), &config).unwrap();
    let off = ["/", "/etc", "/var", "/opt", "/home", "/root", "/srv", "/etc/shadow", "/etc/ssl"];
    for mount in &runtime.mounts {
        assert_eq!((mount.access, mount.view), (Access::ReadOnly, MountView::Private));
        assert!(!off.iter().any(|path| mount.source == Path::new(path)), "{mount:?}");
        assert_eq!(std::fs::canonicalize(&mount.source).unwrap(), mount.source);
        assert!(!mount.source.ends_with("private"), "{mount:?}");
    }
    assert!(sources(&runtime).contains(&Path::new("/usr")));
    // What leads into /usr on this host does so inside.
    for name in ["/bin", "/lib"].map(Path::new) {
        let link = runtime.symlinks.iter().find(|(path, _)| path.as_path() == name);
        let mount = runtime.mounts.iter().any(|mount| mount.target.as_path() == name);
        assert_eq!(link.map(|(_, target)| target.clone()), std::fs::read_link(name).ok());
        assert_ne!(link.is_some(), mount);
    }
    assert_eq!(words(&runtime), [(Phase::Run, "true one two words".to_owned())]);
    assert_eq!(runtime.digest, None);
    assert!(runtime.files.is_empty());
}

#[test]
fn env_vars_are_a_fixed_list() {
    let scratch = Scratch::new();
    let config = config(&scratch, &[]);
    let runtime = runtime::of_probe(&config).unwrap();
    let expected = BTreeMap::from(
        [
            ("HOME", "/home/user"),
            ("LANG", "C.UTF-8"),
            ("LOGNAME", "user"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("TMPDIR", "/tmp"),
            ("USER", "user"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(runtime.env_vars, expected);
    assert_eq!(words(&runtime), [(Phase::Run, "probe".to_owned())]);
}

#[test]
fn each_language_has_its_steps() {
    let scratch = Scratch::new();
    let names = [
        "python3", "bash", "sh", "zsh", "node", "ruby", "php", "perl", "lua", "Rscript", "gcc",
        "g++", "rustc", "cc", "go", "javac", "java",
    ];
    let prefix = toolchain(&scratch, "all", &names);
    let config = config(&scratch, &["all/bin"]);
    let table: &[(&str, &str, &str, &[&str])] = &[
        ("py", "a.py", "", &["{}/python3 /workspace/a.py"]),
        ("py", "no ending", "", &["{}/python3 /workspace/no ending"]),
        ("bash", "a.sh", "", &["{}/bash /workspace/a.sh"]),
        ("sh", "a.sh", "", &["{}/sh /workspace/a.sh"]),
        ("zsh", "a.zsh", "", &["{}/zsh /workspace/a.zsh"]),
        ("js", "a.js", "require('fs')", &["{}/node /workspace/a.js"]),
        ("js", "a.js", "import 'fs'", &["{}/node /workspace/a.mjs"]),
        ("js", "a.cjs", "import 'fs'", &["{}/node /workspace/a.cjs"]),
        (
            "ts",
            "a.ts",
            "let a: number",
            &["strip /workspace/a.ts /workspace/a.ts.cjs", "{}/node /workspace/a.ts.cjs"],
        ),
        (
            "ts",
            "a.ts",
            "import 'fs'",
            &["strip /workspace/a.ts /workspace/a.ts.mjs", "{}/node /workspace/a.ts.mjs"],
        ),
        (
            "ts",
            "code",
            "",
            &["strip /workspace/code.ts /workspace/code.ts.cjs", "{}/node /workspace/code.ts.cjs"],
        ),
        ("rb", "a.rb", "", &["{}/ruby /workspace/a.rb"]),
        ("php", "a.php", "", &["{}/php /workspace/a.php"]),
        ("pl", "a.pl", "", &["{}/perl /workspace/a.pl"]),
        ("lua", "a.lua", "", &["{}/lua /workspace/a.lua"]),
        ("r", "a.R", "", &["{}/Rscript /workspace/a.R"]),
        ("c", "a.c", "", &["{}/gcc -O1 -o /tmp/program /workspace/a.c -lm", "/tmp/program"]),
        ("c", "a.txt", "", &["{}/gcc -O1 -o /tmp/program /workspace/a.txt.c -lm", "/tmp/program"]),
        ("c++", "a.cc", "", &["{}/g++ -O1 -o /tmp/program /workspace/a.cc -lm", "/tmp/program"]),
        (
            "rust",
            "a-b.rs",
            "",
            &[
                "{}/rustc --edition=2021 --crate-name=program -Copt-level=1 -Clinker={}/cc \
                 -o /tmp/program /workspace/a-b.rs",
                "/tmp/program",
            ],
        ),
        ("go", "a.go", "", &["{}/go build -o /tmp/program /workspace/a.go", "/tmp/program"]),
        (
            "java",
            "Main.java",
            "package p;\npublic class Hello {}",
            &[
                "{}/javac -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -encoding UTF-8 \
                 -d /tmp/classes /workspace/Hello.java",
                "{}/java -XX:+UseSerialGC -cp /tmp/classes p.Hello",
            ],
        ),
    ];
    for (language, file_name, text, expected) in table {
        let request = request(source(language, file_name, text));
        let runtime = runtime::of(&request, &config).unwrap();
        let bin = format!("{prefix}/bin");
        let mut expected: Vec<String> =
            expected.iter().map(|line| line.replace("{}", &bin)).collect();
        expected.last_mut().unwrap().push_str(" one two words");
        let lines: Vec<String> = words(&runtime).into_iter().map(|(_, text)| text).collect();
        assert_eq!(lines, expected);
        assert_eq!(runtime.steps.last().unwrap().phase, Phase::Run);
        assert!(sources(&runtime).contains(&Path::new(&prefix)), "{language}");
        assert!(runtime.env_vars["PATH"].starts_with(&bin));
    }
}

#[test]
fn code_for_a_shared_workspace_stands_apart_from_it() {
    let scratch = Scratch::new();
    toolchain(&scratch, "all", &["python3", "node"]);
    let config = config(&scratch, &["all/bin"]);
    for (language, name) in [("py", "a.py"), ("ts", "a.ts")] {
        let request = RunRequest { workspace: shared(), ..request(source(language, name, "1")) };
        let runtime = runtime::of(&request, &config).unwrap();
        let [file] = runtime.files.as_slice() else { panic!() };
        assert_eq!(file.place, Place::Code(PathBuf::from(name)));
        assert!(matches!(&file.body, FileBody::Bytes(bytes) if bytes == b"1"));
        assert_eq!(runtime.workspace.as_ref().unwrap().as_path(), Path::new("/sandbox/work"));
        let lines = words(&runtime);
        assert!(lines[0].1.contains(&format!("/code/{name}")), "{lines:?}");
        assert!(language != "ts" || lines[1].1.contains("/tmp/a.ts.cjs"), "{lines:?}");
        let imports = runtime.env_vars.get("PYTHONPATH").map(String::as_str);
        assert_eq!(imports, (language == "py").then_some("/sandbox/work"));
    }
}

#[test]
fn names_of_source_files_are_checked() {
    let scratch = Scratch::new();
    toolchain(&scratch, "all", &["python3"]);
    let config = config(&scratch, &["all/bin"]);
    let long = "a".repeat(300);
    for name in ["", ".", "..", "a/b.py", "../a.py", "a\nb.py", "a\0.py", &long] {
        let error = runtime::of(&request(source("py", name, "1")), &config).unwrap_err();
        assert!(matches!(error, RuntimeError::FileName { .. }), "{name:?}: {error}");
    }
    let error = runtime::of(&request(source("cobol", "a", "1")), &config).unwrap_err();
    assert!(matches!(error, RuntimeError::LanguageUnknown { .. }));
    let error = runtime::of(&request(source("lua", "a", "1")), &config).unwrap_err();
    assert!(matches!(error, RuntimeError::ToolchainMissing(_)));
}

/// An environment whose interpreter is reached as uv has it: through a symlink
/// that stands for the newest patch of a version.
fn linked_environment(scratch: &Scratch) -> PathBuf {
    let real = scratch.toolchain("uv/cpython-3.12.7");
    scratch.binary("uv/cpython-3.12.7/bin/python3.12");
    scratch.link("uv/cpython-3.12.7/bin/python3", "python3.12");
    scratch.link("uv/cpython-3.12", "cpython-3.12.7");
    let venv = "environments/data/.venv";
    scratch.link(&format!("{venv}/bin/python"), scratch.join("uv/cpython-3.12/bin/python3.12"));
    scratch.link(&format!("{venv}/bin/python3"), "python");
    let home = format!("home = {}\n", scratch.join("uv/cpython-3.12/bin").display());
    scratch.file(&format!("{venv}/pyvenv.cfg"), home);
    scratch.file("environments/data/pyproject.toml", "[project]\nname = 'data'\n");
    real
}

#[test]
fn an_environment_brings_its_interpreter_with_the_symlinks_that_lead_there() {
    let scratch = Scratch::new();
    let real = linked_environment(&scratch);
    let config = config(&scratch, &[]);
    for program in [source("py", "a.py", ""), Program::Command { name: "x".to_owned() }] {
        let request = RunRequest { environment: "data".to_owned(), ..request(program) };
        let runtime = runtime::of(&request, &config).unwrap();
        let venv = runtime.mounts.iter().find(|m| m.target.as_path().ends_with("venv")).unwrap();
        assert_eq!(venv.source, scratch.join("environments/data/.venv"));
        assert_eq!(venv.target.as_path(), Path::new("/sandbox/venv"));
        assert!(sources(&runtime).contains(&real.as_path()));
        let link = scratch.join("uv/cpython-3.12");
        let target = PathBuf::from("cpython-3.12.7");
        let found = runtime.symlinks.iter().filter(|(path, _)| path.as_path() == link);
        assert_eq!(found.map(|(_, target)| target).collect::<Vec<_>>(), [&target]);
        assert!(!runtime.symlinks.iter().any(|(path, _)| path.as_path().starts_with(&real)));
        assert!(runtime.env_vars["PATH"].starts_with("/sandbox/venv/bin:"));
        assert_eq!(runtime.env_vars["VIRTUAL_ENV"], "/sandbox/venv");
    }
    let request =
        RunRequest { environment: "data".to_owned(), ..request(source("py", "a.py", "")) };
    let runtime = runtime::of(&request, &config).unwrap();
    assert!(words(&runtime)[0].1.starts_with("/sandbox/venv/bin/python /workspace/a.py"));
}

#[test]
fn environments_that_cannot_be_used_are_told_apart() {
    let scratch = Scratch::new();
    linked_environment(&scratch);
    scratch.file("environments/new/pyproject.toml", "[project]\nname = 'new'\n");
    scratch.link("environments/gone/.venv/bin/python", "/nonexistent/python3");
    // Its interpreter would have a home directory shown.
    scratch.toolchain("someone");
    scratch.directory("someone/.ssh");
    scratch.binary("someone/bin/python3");
    scratch.link("environments/homely/.venv/bin/python", scratch.join("someone/bin/python3"));
    let config = config(&scratch, &[]);
    let of = |name: &str| {
        let request =
            RunRequest { environment: name.to_owned(), ..request(source("py", "a.py", "")) };
        match runtime::of(&request, &config) {
            Err(RuntimeError::Environment(error)) => error,
            other => panic!("{name}: {other:?}"),
        }
    };
    assert!(matches!(of("../data"), EnvironmentError::InvalidName { .. }));
    assert!(matches!(of("new"), EnvironmentError::NotSynced { .. }));
    assert!(of("new").to_string().contains("cellblock env sync new"));
    assert!(matches!(of("gone"), EnvironmentError::Broken { .. }));
    let homely = of("homely");
    assert!(homely.to_string().contains("looks like a home directory"), "{homely}");
    let EnvironmentError::NotFound { known, .. } = of("other") else { panic!() };
    assert_eq!(known, ["bare", "data", "gone", "homely", "new"]);
}

#[test]
fn an_environment_called_bare_takes_the_place_of_the_host() {
    let scratch = Scratch::new();
    toolchain(&scratch, "py", &["python3"]);
    let config = config(&scratch, &["py/bin"]);
    scratch.file("environments/bare/pyproject.toml", "[project]\nname = 'mine'\n");
    let program = || source("py", "a.py", "");
    let of_host = runtime::of(&request(program()), &config).unwrap();
    assert!(words(&of_host)[0].1.starts_with(scratch.path().to_str().unwrap()));
    scratch.link("environments/bare/.venv/bin/python", scratch.join("py/bin/python3"));
    let of_own = runtime::of(&request(program()), &config).unwrap();
    assert!(words(&of_own)[0].1.starts_with("/sandbox/venv/bin/python"));
}

#[test]
fn only_a_program_that_may_start_others_sees_the_hosts_python() {
    let scratch = Scratch::new();
    let prefix = toolchain(&scratch, "py", &["python3"]);
    toolchain(&scratch, "other", &["lua", "bash"]);
    let config = config(&scratch, &["py/bin", "other/bin"]);
    for (language, sees) in [("lua", false), ("bash", true), ("python", true)] {
        let runtime = runtime::of(&request(source(language, "a", "")), &config).unwrap();
        assert_eq!(sources(&runtime).contains(&Path::new(&prefix)), sees, "{language}");
    }
}

/// The host's own search path, with the interpreters of version managers that
/// keep them in a home directory.
fn host_search_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    for versions in [".pyenv/versions", ".local/share/uv/python", ".nvm/versions/node"] {
        let entries = std::fs::read_dir(home.join(versions)).into_iter().flatten().flatten();
        directories.extend(entries.map(|entry| entry.path().join("bin")));
    }
    directories
}

#[test]
fn real_interpreters_are_found_where_they_lie() {
    let directories = host_search_path();
    let mut found = 0;
    for directory in &directories {
        let one = [directory.clone()];
        let search = Search { directories: &one, python: None };
        let python = language::find("python").unwrap();
        let Ok(toolchain) = language::availability(python, &search) else { continue };
        let tool = &toolchain.tools[0];
        let output = std::process::Command::new(&tool.program)
            .args(["-I", "-c", "import sys; print(sys.base_prefix)"])
            .output()
            .unwrap();
        let prefix = String::from_utf8(output.stdout).unwrap();
        let prefix = std::fs::canonicalize(prefix.trim()).unwrap();
        let shown = tool.prefix.clone().unwrap_or_else(|| PathBuf::from("/usr"));
        assert!(prefix.starts_with(&shown), "{tool:?} has its library in {}", prefix.display());
        found += 1;
    }
    assert!(found > 0, "this machine has no Python");
}

#[test]
fn finding_a_runtime_is_quick() {
    let scratch = Scratch::new();
    linked_environment(&scratch);
    let config = Config { search_path: host_search_path(), ..config(&scratch, &[]) };
    let request = RunRequest {
        environment: "data".to_owned(),
        ..request(Program::Command { name: "true".to_owned() })
    };
    let mut times: Vec<_> = (0..50)
        .map(|_| {
            let start = std::time::Instant::now();
            runtime::of(&request, &config).unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("median of {:?}", times[times.len() / 2]);
    // The median of an unoptimised build on a machine that does other things too.
    assert!(times[times.len() / 2].as_micros() < 5000, "{times:?}");
}
