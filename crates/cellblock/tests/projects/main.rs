//! Projects with real repositories, real sandboxes and a real store.
//!
//! This program is the init of its sandboxes, too, so it has a `main` of its own.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]

mod code;
mod data;
mod fixture;
mod queue;
mod runs;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let builtins = backend_native::Builtins { strip_types: |_| Err("not here".to_owned()) };
    if let Some(code) = backend_native::role(builtins) {
        return code;
    }
    let all = [code::TESTS, data::TESTS, queue::TESTS, runs::TESTS];
    let trial = |(name, test): &(&'static str, fn())| {
        let test = *test;
        Trial::test(*name, move || {
            test();
            Ok(())
        })
    };
    let trials = all.into_iter().flatten().map(trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
