//! Cellblock on the command line.
//!
//! The first statement decides what this process is: a sandbox's first process,
//! or the program that a person called.

mod archive;
mod args;
mod bubble;
mod code;
mod commands;
mod config;
mod drive;
mod duration;
mod exit;
mod failure;
mod ledger;
mod limit;
mod log;
mod recording;
mod render;
mod request;
mod session;
mod size;
mod wire;

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = wire::role() {
        return code;
    }
    ExitCode::from(commands::main(std::env::args_os().collect()))
}
