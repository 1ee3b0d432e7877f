//! The server as its clients find it: otari's contract, what attackers send, requests made
//! up from the server's own documents, and what assistants are promised. Their environments
//! are built once for each state of the requirements.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::{
    ci::REQUIRE_ALL,
    command::{is_there, run},
    pages,
};

/// The interpreter that the environment is made of.
const PYTHON: &str = "/usr/bin/python3";
/// An environment below `target`, and what is installed into it.
struct Environment {
    directory: &'static str,
    requirements: &'static [&'static str],
}

const HTTP: Environment = Environment {
    directory: "target/contract",
    requirements: &["contract/requirements.txt", "contract/attack/requirements.txt"],
};
/// The official client of MCP wants other versions of what both need.
const MCP: Environment = Environment {
    directory: "target/contract-mcp",
    requirements: &["contract/mcp/requirements.txt"],
};
/// How long requests are made up for each document: enough that each operation gets some
/// of every kind, and little beside what the rest takes.
const FUZZ_SECONDS: &str = "45";

/// How much longer than promised answers may take on a machine that does other things
/// at the same time.
const PATIENCE: (&str, &str) = ("CONTRACT_PATIENCE", "3");

pub(crate) fn check(root: &Path) -> Result<()> {
    let (python, assistant) = (HTTP.python(root)?, MCP.python(root)?);
    let binary = binary(root)?;
    let begin_with = |python: &Path, directory: &str| {
        let mut command = Command::new(python);
        command.current_dir(root.join(directory)).env("CELLBLOCK_BIN", &binary);
        if env::var_os(PATIENCE.0).is_none() {
            command.env(PATIENCE.0, PATIENCE.1);
        }
        command.env(REQUIRE_ALL.0, REQUIRE_ALL.1).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let begin = |directory: &str| begin_with(&python, directory);
    run(begin("contract").args(["-m", "pytest", "--quiet", "tests"]))?;
    run(begin("contract/attack").args(["-m", "pytest", "--quiet", "-m", "not slow"]))?;
    run(begin("contract").args(["fuzz.py", "--seconds", FUZZ_SECONDS]))?;
    let tests = ["-m", "pytest", "--quiet", "-m", "not slow"];
    run(begin_with(&assistant, "contract/mcp").args(tests))
}

/// The program that is tested: the one that is named, or the one that is shipped.
fn binary(root: &Path) -> Result<PathBuf> {
    let Some(named) = env::var_os("CELLBLOCK_BIN") else { return pages::release_binary(root) };
    let named = Path::new(&named);
    named.canonicalize().with_context(|| format!("CELLBLOCK_BIN is {}", named.display()))
}

impl Environment {
    /// Its interpreter, with what is required, and nothing that was.
    fn python(&self, root: &Path) -> Result<PathBuf> {
        let directory = root.join(self.directory);
        let python = directory.join("bin/python");
        let is_whole = directory.join("whole");
        let wanted = self.wanted(root)?;
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

    fn wanted(&self, root: &Path) -> Result<String> {
        let read = |name: &&str| {
            let path = root.join(name);
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
        };
        self.requirements.iter().map(read).collect()
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
