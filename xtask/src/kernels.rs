//! The tests of the guest side of kernels, with the machine's own interpreter:
//! without IPython, and with it in an environment that is built once.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::command::run;

/// What the environment with IPython has.
const PACKAGES: [&str; 3] = ["ipython==9.8.0", "matplotlib==3.10.7", "pandas==2.3.3"];

/// The interpreter that both are run with.
const PYTHON: &str = "/usr/bin/python3";

pub(crate) fn check(root: &Path) -> Result<()> {
    let python = environment(root)?;
    let mut tests = Command::new(PYTHON);
    tests.args(["-m", "unittest", "discover", "--start-directory", "kernels/python/tests"]);
    tests.args(["--top-level-directory", "kernels/python"]).current_dir(root);
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("CELLBLOCK_REQUIRE_IPYTHON", "1");
    run(tests.env("CELLBLOCK_TEST_IPYTHON", python))
}

/// The interpreter of the environment with IPython.
fn environment(root: &Path) -> Result<PathBuf> {
    let directory = root.join("target/kernel-tests");
    let python = directory.join("bin/python");
    let is_whole = directory.join("whole");
    if !is_whole.exists() {
        run(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(&directory))?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
        std::fs::write(is_whole, "")?;
    }
    Ok(python)
}
