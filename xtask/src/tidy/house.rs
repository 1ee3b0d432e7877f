//! What every checkout must have: pages, licences, and each crate under the workspace's lints.

use super::{finding::Finding, tree::SourceFile};

/// Files without which the project is not whole.
const PRESENT: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "deny.toml",
];

/// The one crate with lints of its own: it may hold unsafe code.
const OWN_LINTS: &str = "crates/sys/Cargo.toml";

/// Checks the workspace as a whole.
pub(crate) fn check(files: &[SourceFile]) -> Vec<Finding> {
    let missing = PRESENT.iter().filter(|path| !files.iter().any(|file| file.path == **path));
    let mut findings: Vec<Finding> =
        missing.map(|path| Finding::new(path, 0, "is missing")).collect();
    for file in files.iter().filter(|file| file.path.ends_with("/Cargo.toml")) {
        findings.extend(manifest(file));
    }
    findings
}

fn manifest(file: &SourceFile) -> Vec<Finding> {
    let Ok(table) = file.text.parse::<toml::Table>() else {
        return vec![Finding::new(&file.path, 0, "is not TOML")];
    };
    // A workspace of its own has nothing to take from ours.
    if table.contains_key("workspace") {
        return Vec::new();
    }
    let inherits = |section: &str, key: &str| {
        let value = table.get(section).and_then(|section| section.get(key));
        value.is_some_and(|value| {
            value.as_bool() == Some(true)
                || value.get("workspace").and_then(toml::Value::as_bool) == Some(true)
        })
    };
    let mut findings = Vec::new();
    if file.path != OWN_LINTS && !inherits("lints", "workspace") {
        findings.push(Finding::new(&file.path, 0, "does not take the workspace's lints"));
    }
    if !inherits("package", "license") {
        findings.push(Finding::new(&file.path, 0, "does not take the workspace's licence"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_files_and_lints_are_found() {
        let file =
            |path: &str, text: &str| SourceFile { path: path.to_owned(), text: text.to_owned() };
        let whole: Vec<SourceFile> = PRESENT.iter().map(|path| file(path, "")).collect();
        assert_eq!(check(&whole), []);
        assert_eq!(check(&whole[1..]).len(), 1);
        let good = "[package]\nlicense.workspace = true\n[lints]\nworkspace = true\n";
        assert_eq!(manifest(&file("crates/a/Cargo.toml", good)), []);
        let bare = "[package]\nname = \"a\"\n";
        assert_eq!(manifest(&file("crates/a/Cargo.toml", bare)).len(), 2);
        assert_eq!(manifest(&file("crates/sys/Cargo.toml", bare)).len(), 1);
    }
}
