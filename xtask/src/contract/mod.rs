//! The server as its clients find it: otari's contract, what attackers send, requests made
//! up from the server's own documents, and what assistants are promised, by both official
//! clients and the public conformance suite.

mod lanes;
mod python;
mod typescript;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    ci::REQUIRE_ALL,
    contract::{python::Environment, typescript::Client},
    pages,
};

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

/// What is promised of projects, their data and their runs, which records carry.
const RECORDED: [&str; 7] = [
    "tests/test_data.py",
    "tests/test_example.py",
    "tests/test_projects.py",
    "tests/test_run.py",
    "tests/test_runs.py",
    "tests/test_tenants.py",
    "tests/test_v1.py",
];

/// How much longer than promised answers may take on a machine that does other things
/// at the same time.
const PATIENCE: (&str, &str) = ("CONTRACT_PATIENCE", "3");

pub(crate) fn check(root: &Path) -> Result<()> {
    let (http, mcp) = (HTTP.python(root)?, MCP.python(root)?);
    let client = Client::install(root)?;
    let binary = binary(root)?;
    let begin = |program: &Path, directory: &str| {
        let mut command = Command::new(program);
        command.current_dir(root.join(directory)).env("CELLBLOCK_BIN", &binary);
        if env::var_os(PATIENCE.0).is_none() {
            command.env(PATIENCE.0, PATIENCE.1);
        }
        command.env(REQUIRE_ALL.0, REQUIRE_ALL.1).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    };
    let with = |mut command: Command, words: &[&str]| {
        command.args(words);
        command
    };
    let quick = ["-m", "pytest", "--quiet", "-m", "not slow"];
    let attacks = with(begin(&http, "contract/attack"), &quick);
    let promises = with(begin(&http, "contract"), &["-m", "pytest", "--quiet", "tests"]);
    let made_up = with(begin(&http, "contract"), &["fuzz.py", "--seconds", FUZZ_SECONDS]);
    let assistants = with(begin(&mcp, "contract/mcp"), &quick);
    let mut on_postgres = with(begin(&mcp, "contract/mcp"), &quick);
    on_postgres.args(RECORDED).env("CONTRACT_DATABASE", "postgres");
    let [smoke, conformance] = client.commands(|program| begin(program, typescript::DIRECTORY));
    // Each starts servers of its own, and mostly waits for them. About as long, both.
    let lanes =
        vec![vec![attacks, made_up, on_postgres], vec![promises, assistants, smoke, conformance]];
    lanes::run(&root.join("target"), lanes)
}

/// The program that is tested: the one that is named, or the one that is shipped.
fn binary(root: &Path) -> Result<PathBuf> {
    let Some(named) = env::var_os("CELLBLOCK_BIN") else { return pages::release_binary(root) };
    let named = Path::new(&named);
    named.canonicalize().with_context(|| format!("CELLBLOCK_BIN is {}", named.display()))
}
