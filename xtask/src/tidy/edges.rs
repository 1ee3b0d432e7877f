//! Which crate may depend on which: dependencies point down only.

use std::{collections::BTreeMap, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::finding::Finding;

/// What a crate may use of the workspace outside its tests.
enum Allowed {
    /// These crates.
    Only(&'static [&'static str]),
    /// Every crate of the product.
    Product,
}

/// The whole list: a crate that is not here may not exist, an edge that is not
/// here may not be drawn.
const ALLOWED: &[(&str, Allowed)] = &[
    ("api", Allowed::Only(&[])),
    ("policy", Allowed::Only(&["api"])),
    ("sys", Allowed::Only(&[])),
    ("sandbox", Allowed::Only(&["api", "policy"])),
    ("backend-native", Allowed::Only(&["api", "policy", "sandbox", "sys"])),
    ("kernel", Allowed::Only(&["api"])),
    ("record", Allowed::Only(&["api"])),
    ("engine", Allowed::Only(&["api", "kernel", "policy", "record", "sandbox"])),
    ("project", Allowed::Only(&["api", "engine", "record"])),
    ("server", Allowed::Only(&["api", "engine", "project", "record"])),
    ("cellblock", Allowed::Product),
    ("testkit", Allowed::Product),
    ("bench", Allowed::Product),
    ("xtask", Allowed::Only(&["api"])),
];

/// Crates that only tests and developers use.
const DEVELOPMENT: &[&str] = &["testkit", "bench", "xtask"];

/// What `cargo metadata --no-deps` says, as far as it matters here.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Asks cargo for the crates of the workspace.
pub(crate) fn metadata(root: &Path) -> Result<Metadata> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata printed")
}

/// Every edge between crates of the workspace that is not in the list.
pub(crate) fn check(metadata: &Metadata) -> Vec<Finding> {
    let allowed: BTreeMap<_, _> = ALLOWED.iter().map(|(name, list)| (*name, list)).collect();
    let mut findings = Vec::new();
    for package in &metadata.packages {
        let place = format!("crate {}", package.name);
        let Some(list) = allowed.get(package.name.as_str()) else {
            findings.push(Finding::new(&place, 0, "not in the list of crates in xtask"));
            continue;
        };
        for edge in package.dependencies.iter().filter(|edge| edge.path.is_some()) {
            if !is_allowed(&package.name, list, edge) {
                findings.push(Finding::new(&place, 0, format!("may not use crate {}", edge.name)));
            }
        }
    }
    findings
}

fn is_allowed(from: &str, list: &Allowed, edge: &Dependency) -> bool {
    let name = edge.name.as_str();
    if DEVELOPMENT.contains(&name) {
        // The soak counts what is left behind as tests do, and nobody ships it.
        return name == "testkit" && (from == "bench" || edge.kind.as_deref() == Some("dev"));
    }
    match list {
        Allowed::Only(names) => names.contains(&name),
        Allowed::Product => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_edge(from: &str, to: &str, kind: Option<&str>) -> usize {
        let text = serde_json::json!({"packages": [{
            "name": from,
            "dependencies": [
                {"name": to, "kind": kind, "path": "/somewhere"},
                {"name": "serde", "kind": null, "path": null},
            ],
        }]});
        check(&serde_json::from_value(text).unwrap()).len()
    }

    #[test]
    fn edges_point_down_only() {
        let table = [
            ("policy", "api", None, 0),
            ("api", "policy", None, 1),
            ("engine", "sandbox", None, 0),
            ("engine", "backend-native", None, 1),
            ("engine", "sys", None, 1),
            ("backend-native", "engine", None, 1),
            ("cellblock", "backend-native", None, 0),
            ("cellblock", "testkit", None, 1),
            ("cellblock", "testkit", Some("dev"), 0),
            ("policy", "xtask", Some("dev"), 1),
            ("bench", "testkit", None, 0),
            ("testkit", "bench", None, 1),
            ("bench", "xtask", None, 1),
            ("newcomer", "api", None, 1),
        ];
        for (from, to, kind, findings) in table {
            assert_eq!(check_edge(from, to, kind), findings, "{from} -> {to} {kind:?}");
        }
    }
}
