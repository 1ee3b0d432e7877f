//! `version`: which release this is.

use serde::Serialize;

use crate::{args::FormatArgs, exit, failure::Failure, render};

/// This release.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct VersionJson {
    version: &'static str,
}

/// Prints the version.
pub(super) fn print(format: FormatArgs) -> Result<u8, Failure> {
    if format.json {
        render::json(&VersionJson { version: VERSION })?;
    } else {
        render::text(&format!("cellblock {VERSION}\n"))?;
    }
    Ok(exit::SUCCESS)
}
