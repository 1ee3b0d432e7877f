//! Links between the workspace's own pages: file and heading must exist.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use super::{finding::Finding, tree::SourceFile};

/// Checks every link of every Markdown page.
pub(crate) fn check(root: &Path, files: &[SourceFile]) -> Vec<Finding> {
    let pages: Vec<&SourceFile> = files.iter().filter(|file| file.extension() == "md").collect();
    let mut findings = Vec::new();
    for page in &pages {
        for (line, target) in links(&page.text) {
            if let Some(problem) = problem(root, &pages, page, target) {
                findings.push(Finding::new(&page.path, line, problem));
            }
        }
    }
    findings
}

/// Each link's line and target; code is left out.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (start, _) in line.match_indices("](") {
            let rest = &line[start + 2..];
            if let Some(end) = rest.find(')') {
                found.push((number, &rest[..end]));
            }
        }
    }
    found
}

fn problem(root: &Path, pages: &[&SourceFile], page: &SourceFile, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() { PathBuf::from(&page.path) } else { resolve(&page.path, file) };
    if !root.join(&path).exists() {
        return Some(format!("links to {file}, which does not exist"));
    }
    let linked = pages.iter().find(|page| Path::new(&page.path) == path)?;
    let missing = !heading.is_empty() && !headings(&linked.text).contains(heading);
    missing.then(|| format!("links to the heading #{heading}, which does not exist"))
}

fn resolve(page: &str, link: &str) -> PathBuf {
    let mut path = Path::new(page).parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => _ = path.pop(),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path
}

/// The anchors that a page's headings make.
fn headings(text: &str) -> BTreeSet<String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_links_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let check_page = |text: &str| {
            let page = SourceFile { path: "src/page.md".to_owned(), text: text.to_owned() };
            check(root, &[page]).len()
        };
        let table = [
            ("[a](main.rs)\n", 0),
            ("[a](../Cargo.toml) and [b](nothing.rs)\n", 1),
            ("[a](https://example.org/nothing)\n", 0),
            ("[a](../../no/such/file.md)\n", 1),
            ("```\n[a](nothing.rs)\n```\n", 0),
        ];
        for (text, expected) in table {
            assert_eq!(check_page(text), expected, "{text:?}");
        }
    }

    #[test]
    fn headings_are_found() {
        let page = SourceFile {
            path: "page.md".to_owned(),
            text: "# What it's, in `code`\n[a](#what-its-in-code) [b](#other)\n".to_owned(),
        };
        assert_eq!(anchor("What it's, in `code`"), "what-its-in-code");
        let found: Vec<_> = links(&page.text)
            .into_iter()
            .filter_map(|(_, target)| problem(Path::new("/"), &[&page], &page, target))
            .collect();
        assert_eq!(found.len(), 2, "a page that is not there: {found:?}");
        assert!(headings(&page.text).contains("what-its-in-code"));
    }
}
