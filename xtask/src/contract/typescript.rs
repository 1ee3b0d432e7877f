//! The TypeScript client of MCP and the conformance suite: a copy of `contract/mcp-ts` with
//! its packages, below `target`, because Node looks for packages beside what asks for them.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    command::run,
    contract::python::{Environment, text_of},
};

/// Node and npm, as packages of Python: the system's are older or missing.
const NODE: Environment = Environment {
    directory: "target/contract-node",
    requirements: &["contract/mcp-ts/requirements.txt"],
};
const SOURCE: &str = "contract/mcp-ts";
/// Where they are installed and run: as deep as the source, so that the example project is
/// found from both.
pub(super) const DIRECTORY: &str = "target/contract-mcp-ts";
/// What decides which packages are installed.
const PACKAGES: [&str; 3] =
    ["contract/mcp-ts/package.json", "contract/mcp-ts/package-lock.json", "contract/mcp-ts/.npmrc"];
/// What is run, copied each time.
const PROGRAMS: [&str; 4] = ["server.mjs", "smoke.mjs", "conformance.mjs", "conformance"];
/// When either is ended, many times what it takes: a server that does not answer has to fail
/// the step, not to hold it.
const SECONDS_MAX: &str = "600";

/// What is installed.
pub(super) struct Client {
    node: PathBuf,
}

impl Client {
    /// Installs what the lock file names, unless it is there.
    pub(super) fn install(root: &Path) -> Result<Self> {
        let node = NODE.python(root)?.with_file_name("node");
        let directory = root.join(DIRECTORY);
        let is_whole = directory.join("whole");
        let wanted = text_of(root, &PACKAGES)?;
        if !fs::read_to_string(&is_whole).is_ok_and(|installed| installed == wanted) {
            fs::create_dir_all(&directory).context("cannot make a place for the client")?;
            for name in PACKAGES {
                copy(&root.join(name), &directory)?;
            }
            run(&mut npm(&node, &directory))?;
            fs::write(is_whole, wanted).context("cannot note what is installed")?;
        }
        for name in PROGRAMS {
            copy(&root.join(SOURCE).join(name), &directory)?;
        }
        Ok(Self { node })
    }

    /// What an assistant does, and the suite, each begun by `begin` with the program it names.
    pub(super) fn commands(&self, begin: impl Fn(&Path) -> Command) -> [Command; 2] {
        ["smoke.mjs", "conformance.mjs"].map(|script| {
            let mut command = begin(Path::new("timeout"));
            command.arg(SECONDS_MAX).arg(&self.node).arg(script);
            command
        })
    }
}

fn copy(from: &Path, directory: &Path) -> Result<()> {
    run(Command::new("cp").arg("-r").arg(from).arg(directory))
}

/// The command that installs, and runs no script of a package.
fn npm(node: &Path, directory: &Path) -> Command {
    let programs = node.parent().map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let path: Vec<_> = programs.into_iter().chain(env::split_paths(&path)).collect();
    let mut command = Command::new(node.with_file_name("npm"));
    command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(directory);
    if let Ok(path) = env::join_paths(path) {
        command.env("PATH", path);
    }
    command
}
