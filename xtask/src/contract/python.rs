//! Environments of Python below `target`, built once for each state of their requirements.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::command::{is_there, run};

/// The interpreter that environments are made of.
const PYTHON: &str = "/usr/bin/python3";

/// An environment below `target`, and what is installed into it.
pub(super) struct Environment {
    pub(super) directory: &'static str,
    pub(super) requirements: &'static [&'static str],
}

impl Environment {
    /// Its interpreter, with what is required, and nothing that was.
    pub(super) fn python(&self, root: &Path) -> Result<PathBuf> {
        let directory = root.join(self.directory);
        let python = directory.join("bin/python");
        let is_whole = directory.join("whole");
        let wanted = text_of(root, self.requirements)?;
        if fs::read_to_string(&is_whole).is_ok_and(|installed| installed == wanted) {
            return Ok(python);
        }
        if directory.exists() {
            fs::remove_dir_all(&directory).context("cannot remove the environment of before")?;
        }
        self.build(root, &directory, &python)?;
        fs::write(is_whole, wanted).context("cannot note what is installed")?;
        Ok(python)
    }

    /// Makes it: with uv, which takes seconds, or else with pip.
    fn build(&self, root: &Path, directory: &Path, python: &Path) -> Result<()> {
        if !Path::new(PYTHON).exists() {
            bail!("{PYTHON} is not there: run scripts/setup --for test");
        }
        let files = self.requirements.iter().flat_map(|name| ["--requirement", name]);
        if is_there("uv") {
            run(Command::new("uv").args(["venv", "--quiet", "--python", PYTHON]).arg(directory))?;
            let mut install = Command::new("uv");
            install.args(["pip", "install", "--quiet", "--python"]).arg(python);
            return run(install.args(files).current_dir(root));
        }
        run(Command::new(PYTHON).args(["-m", "venv"]).arg(directory))?;
        let mut install = Command::new(python);
        install.args(["-m", "pip", "install", "--quiet"]).args(files);
        run(install.current_dir(root))
    }
}

/// The text of some files of the checkout, one after the other.
pub(super) fn text_of(root: &Path, names: &[&str]) -> Result<String> {
    let read = |name: &&str| {
        let path = root.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    names.iter().map(read).collect()
}
