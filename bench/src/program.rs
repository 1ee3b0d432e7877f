//! A program as a subject: started, waited for, timed by the monotonic clock.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// What every subject that needs one has as its search path.
pub(crate) const SEARCH_PATH: &str = "/usr/bin:/bin";

/// A program with its arguments and env vars.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    words: Vec<OsString>,
    env_vars: BTreeMap<String, String>,
    directory: PathBuf,
}

impl Program {
    /// Of its words; starts in the directory, which is its home, too.
    pub(crate) fn new(words: Vec<OsString>, directory: &Path) -> Self {
        let home = directory.display().to_string();
        let env_vars = [("HOME", home), ("PATH", SEARCH_PATH.to_owned())];
        let env_vars = env_vars.map(|(name, value)| (name.to_owned(), value)).into();
        Self { words, env_vars, directory: directory.to_owned() }
    }

    /// With exactly these env vars.
    pub(crate) fn with_env_vars(self, env_vars: &BTreeMap<String, String>) -> Self {
        Self { env_vars: env_vars.clone(), ..self }
    }

    fn command(&self) -> Result<Command> {
        let (program, args) = self.words.split_first().context("a program has a name")?;
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(&self.env_vars).current_dir(&self.directory);
        command.stdin(Stdio::null());
        Ok(command)
    }

    /// Runs it once; it must succeed and print exactly this, white space aside.
    pub(crate) fn check(&self, expected: &str) -> Result<()> {
        let output = self.command()?.output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() || printed.trim() != expected {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{:?} ended with {}: {printed}{said}", self.words, output.status);
        }
        Ok(())
    }

    /// From the call that starts it to the call that says that it has ended.
    pub(crate) fn time(&self) -> Result<Duration> {
        let mut command = self.command()?;
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.spawn()?.wait()?;
        let time = start.elapsed();
        if !status.success() {
            bail!("{:?} ended with {status}", self.words);
        }
        Ok(time)
    }
}
