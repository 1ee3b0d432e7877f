//! Writes the parts of the pages that are made, not written: help, tables of
//! settings, languages and controls, what was measured.

mod markers;
mod measured;
mod reference;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::command::{cargo, directory, run};

struct Part {
    page: &'static str,
    name: &'static str,
    body: fn(&Source) -> Result<String>,
    /// Whether it may differ between machines.
    is_measured: bool,
}

struct Source {
    root: PathBuf,
    binary: PathBuf,
}

const PARTS: &[Part] = &[
    Part {
        page: "docs/command-line.md",
        name: "help",
        body: |source| reference::help(&source.binary),
        is_measured: false,
    },
    Part {
        page: "docs/command-line.md",
        name: "settings",
        body: |source| reference::settings(&source.binary),
        is_measured: false,
    },
    Part {
        page: "docs/environments.md",
        name: "languages",
        body: |source| reference::languages(&source.binary),
        is_measured: false,
    },
    Part {
        page: "docs/policy.md",
        name: "controls",
        body: |_| Ok(reference::controls()),
        is_measured: false,
    },
    Part {
        page: "SECURITY.md",
        name: "controls",
        body: |source| measured::controls(&source.binary),
        is_measured: true,
    },
    Part {
        page: "SECURITY.md",
        name: "battery",
        body: |source| measured::battery(&source.root),
        is_measured: false,
    },
];

/// Writes every part anew.
pub(crate) fn write(root: &Path) -> Result<()> {
    let source = source(root)?;
    for part in PARTS {
        if part.is_measured && !measured::is_possible() {
            println!("{}: {} is left as it is, measuring takes root", part.page, part.name);
            continue;
        }
        let path = root.join(part.page);
        let (old, new) = part.both(&source)?;
        if old != new {
            println!("{}: {} is written anew", part.page, part.name);
            fs::write(&path, new).with_context(|| format!("cannot write {}", part.page))?;
        }
    }
    Ok(())
}

/// An error if a part that does not hang on the machine is not as it would be written.
pub(crate) fn check(root: &Path) -> Result<()> {
    let source = source(root)?;
    for part in PARTS.iter().filter(|part| !part.is_measured) {
        let (old, new) = part.both(&source)?;
        if old != new {
            bail!("{}: {} is out of date: run `cargo xtask pages`", part.page, part.name);
        }
    }
    Ok(())
}

impl Part {
    /// The page as it is and as it would be written.
    fn both(&self, source: &Source) -> Result<(String, String)> {
        let context = || format!("cannot write {} of {}", self.name, self.page);
        let old = fs::read_to_string(source.root.join(self.page)).with_context(context)?;
        let body = (self.body)(source).with_context(context)?;
        let new = markers::replace(&old, self.name, &body).with_context(context)?;
        Ok((old, new))
    }
}

fn source(root: &Path) -> Result<Source> {
    Ok(Source { root: root.to_owned(), binary: release_binary(root)? })
}

/// Builds the program as it is shipped; gives its path.
pub(crate) fn release_binary(root: &Path) -> Result<PathBuf> {
    run(cargo(root).args(["build", "--release", "--locked", "--package", "cellblock"]))?;
    Ok(directory()?.with_file_name("release").join("cellblock"))
}
