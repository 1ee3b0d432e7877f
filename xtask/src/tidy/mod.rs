//! The rules of the house that no compiler checks. Reads the workspace and
//! reports; never changes a file.

mod edges;
mod finding;
mod house;
mod links;
mod names;
mod rust;
mod size;
mod text;
mod tree;

use std::{fs, path::Path};

use anyhow::{Context, Result};

pub(crate) use finding::Finding;

/// Every place in the workspace that breaks a rule.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let files = tree::read(root)?;
    let ratchet = fs::read_to_string(root.join("xtask/ratchet.toml"))
        .context("cannot read xtask/ratchet.toml")?;
    let mut findings = edges::check(&edges::metadata(root)?);
    findings.extend(house::check(&files));
    findings.extend(links::check(root, &files));
    findings.extend(size::check(&files, &size::Ratchet::parse(&ratchet)?));
    for file in &files {
        findings.extend(names::check(file));
        findings.extend(text::check(file));
        if file.extension() == "rs" && !file.is_case() {
            findings.extend(rust::check(file));
        }
    }
    findings.sort();
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let findings = check(&root).unwrap();
        let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(list.is_empty(), "\n{}", list.join("\n"));
    }
}
