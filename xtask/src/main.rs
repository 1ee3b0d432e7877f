//! Chores of the workspace. `cargo xtask` alone lists them.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command for developers prints what it does"
)]

mod ci;
mod command;
mod contract;
mod examples;
mod finance;
mod kernels;
mod pages;
mod tidy;
mod user;

use std::{path::Path, process::ExitCode};

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask tidy             the rules that no compiler checks
cargo xtask ci [STEP...]     everything that has to pass, or some steps of it
cargo xtask pages            the parts of the pages that are made, not written";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.split_first().map(|(verb, rest)| (verb.as_str(), rest)) {
        Some(("tidy", [])) => ci::run_steps(&root, &["tidy".to_owned()]),
        Some(("ci", steps)) => ci::run_steps(&root, steps),
        Some(("pages", [])) => pages::write(&root),
        None => {
            println!("{USAGE}");
            Ok(())
        }
        Some((verb, rest)) => bail!("no chore is called {verb} {}\n{USAGE}", rest.join(" ")),
    }
}
