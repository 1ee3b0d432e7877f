//! The command line from outside: arguments and files in; standard output,
//! standard error and exit status out. Real sandboxes, real programs.

#![expect(clippy::unwrap_used, reason = "in a test, what cannot be done is a failure")]

mod audit;
mod bad_input;
mod bubble;
mod environments;
mod files;
mod fixture;
mod json;
mod keys;
mod languages;
mod limits;
mod prompt;
mod records;
mod reports;
mod running;
mod session;
mod streams;
mod terminal;
