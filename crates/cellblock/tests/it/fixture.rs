//! A directory, a command line in it, and what must come of that.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

static DIRECTORIES: AtomicUsize = AtomicUsize::new(0);

/// One call of the program, in a directory of its own.
pub(crate) struct Call {
    directory: PathBuf,
    program: PathBuf,
    args: Vec<String>,
    vars: Vec<(String, String)>,
    stdin: Option<Vec<u8>>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Came {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

/// A call of `cellblock` with these arguments.
pub(crate) fn cellblock(args: &[&str]) -> Call {
    let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
    let name = format!("cb-it-{}-{number}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    fs::create_dir_all(&directory).unwrap();
    Call {
        directory: fs::canonicalize(directory).unwrap(),
        program: env!("CARGO_BIN_EXE_cellblock").into(),
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        vars: Vec::new(),
        stdin: None,
    }
}

/// A call of `cellblock run` with these arguments.
pub(crate) fn run(args: &[&str]) -> Call {
    cellblock(&[&["run"], args].concat())
}

/// A call of `cellblock run -c` with Python code.
pub(crate) fn python(code: &str, args: &[&str]) -> Call {
    run(&[&["-c", code, "-l", "python"], args].concat())
}

/// A call of `cellblock run -c` with shell code.
pub(crate) fn shell(code: &str, args: &[&str]) -> Call {
    run(&[&["-c", code, "-l", "sh"], args].concat())
}

impl Call {
    /// A file in the call's directory, with the directories on its way.
    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// An empty directory in the call's directory.
    pub(crate) fn dir(self, name: &str) -> Self {
        fs::create_dir_all(self.directory.join(name)).unwrap();
        self
    }

    /// An env var of the program.
    pub(crate) fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// What the program reads; nothing if not given.
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(bytes.into());
        self
    }

    /// Calls the program by another name.
    pub(crate) fn called(mut self, name: &str) -> Self {
        let link = self.directory.join(name);
        std::os::unix::fs::symlink(&self.program, &link).unwrap();
        self.program = link;
        self
    }

    /// The command, to be started by the test itself.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).current_dir(&self.directory).env_clear();
        command.env("HOME", &self.directory).envs(self.vars.clone());
        // The rest of the caller's env vars would make results depend on the caller.
        for name in ["PATH", "CELLBLOCK_ALLOW_MISSING"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Makes the call.
    pub(crate) fn came(&self) -> Came {
        let mut child = self.command().spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = self.stdin.clone().unwrap_or_default();
        // From a thread of its own: a program that reads nothing must not block us.
        let writer = thread::spawn(move || drop(pipe.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Came {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            status: std::os::unix::process::ExitStatusExt::into_raw(output.status),
        }
        .decoded()
    }

    /// Makes the call and compares everything that came of it.
    #[track_caller]
    pub(crate) fn gives(self, stdout: &str, stderr: &str, status: i32) -> Self {
        let came = self.came();
        assert_eq!(
            (came.stdout.as_str(), came.stderr.as_str(), came.status),
            (stdout, stderr, status)
        );
        self
    }

    /// Makes the call, which must succeed with this output.
    #[track_caller]
    pub(crate) fn prints(self, stdout: &str) -> Self {
        self.gives(stdout, "", 0)
    }

    /// Makes the call, which must be refused with nothing on standard output and
    /// these words in the message, and nothing but lines of ours.
    #[track_caller]
    pub(crate) fn refused(self, status: i32, words: &[&str]) -> Self {
        let came = self.came();
        assert_eq!((came.stdout.as_str(), came.status), ("", status), "{}", came.stderr);
        assert!(came.stderr.starts_with("cellblock: "), "{}", came.stderr);
        for word in words {
            assert!(came.stderr.contains(word), "no {word:?} in {}", came.stderr);
        }
        self
    }

    /// What a file of the call's directory holds.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// A path in the call's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

impl Came {
    /// The status as a shell has it.
    fn decoded(mut self) -> Self {
        let status: std::process::ExitStatus =
            std::os::unix::process::ExitStatusExt::from_raw(self.status);
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        self.status = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // What cannot be removed is among other temporary files.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Whether a language can be run here. Where everything is required, it must.
pub(crate) fn has_language(name: &str) -> bool {
    let listing = cellblock(&["languages", "--json"]).came().json();
    let languages = listing.as_array().unwrap();
    let row = languages.iter().find(|row| row["name"] == name).unwrap();
    let here = row["available"] == true;
    assert!(here || !requires_all(), "{name} is required: {}", row["hint"]);
    here
}

/// Whether a control holds fully here. Where everything is required, it must.
pub(crate) fn has_control(name: &str) -> bool {
    let report = cellblock(&["doctor", "--json"]).came().json();
    let controls = report["controls"].as_array().unwrap();
    let row = controls.iter().find(|row| row["control"] == name).unwrap();
    let holds = row["level"] == "full";
    assert!(holds || !requires_all(), "{name} is required: {}", row["detail"]);
    holds
}

/// Whether a test that cannot run here is a failure.
pub(crate) fn requires_all() -> bool {
    std::env::var_os("CELLBLOCK_TEST_REQUIRE_ALL").is_some_and(|value| value == "1")
}
