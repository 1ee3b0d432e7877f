//! Sessions, the pool and warm runs, with real kernels in real sandboxes.
//!
//! This program is the init of its sandboxes, too, so it has a `main` of its own.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]

mod commands;
mod fair;
mod files;
mod fixture;
mod kernels;
mod limits;
mod pool;
mod programs;
mod runs;
mod shares;
mod siblings;
mod tools;
mod workspace;

use std::process::ExitCode;

use engine::language::typescript;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let builtins = backend_native::Builtins { strip_types: typescript::strip };
    if let Some(code) = backend_native::role(builtins) {
        return code;
    }
    let all = [
        commands::TESTS,
        fair::TESTS,
        programs::TESTS,
        files::TESTS,
        kernels::TESTS,
        limits::TESTS,
        pool::TESTS,
        runs::TESTS,
        shares::TESTS,
        siblings::TESTS,
        tools::TESTS,
        workspace::TESTS,
    ];
    let trial = |(name, test): &(&str, fn())| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    };
    let trials = all.into_iter().flatten().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
