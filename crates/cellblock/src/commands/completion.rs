//! `completion`: a script that teaches a shell our verbs and flags.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::{args::Cli, exit, failure::Failure, render};

/// Prints the script of a shell.
pub(super) fn print(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cellblock", &mut script);
    render::text(&String::from_utf8_lossy(&script))?;
    Ok(exit::SUCCESS)
}
