//! Checks of any text file: whitespace, length of lines, words that may not be committed.

use super::{finding::Finding, tree::SourceFile};

const LINE_CHARS_MAX: usize = 100;

/// Files whose lines are data or somebody else's text.
const DATA_EXTENSIONS: &[&str] = &["csv", "json", "lock", "txt", "proptest-regressions"];
const DATA_PREFIXES: &[&str] = &["LICENSE", "docs/battery.md", "docs/syscalls.md", "profiles/"];

/// Unfinished work belongs in the tracker. Split so that this file does not find itself.
const UNFINISHED: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("Not yet ", "written"),
];

/// Where packages come from is a matter of the machine, not of the project.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("deb.debian", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("rubygems", ".org"),
    concat!("artifact", "ory"),
];

/// Directories of somebody's machine.
const MACHINE_PATHS: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/"), "/home/"];

/// The one user whose home may be named: the one inside a sandbox.
const GUEST_HOME: &str = "/home/user";

/// Checks one file.
pub(crate) fn check(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !file.text.is_empty() && !file.text.ends_with('\n') {
        findings.push(Finding::new(&file.path, 0, "does not end with a newline"));
    }
    for (number, line) in (1..).zip(file.text.split_terminator('\n')) {
        let mut report = |message: String| findings.push(Finding::new(&file.path, number, message));
        if let Some(problem) = layout(file, line) {
            report(problem);
        }
        if let Some(problem) = words(file, line) {
            report(problem);
        }
    }
    findings
}

fn layout(file: &SourceFile, line: &str) -> Option<String> {
    if line.ends_with([' ', '\t', '\r']) {
        return Some("ends with white space".to_owned());
    }
    let chars = line.chars().count();
    if chars > LINE_CHARS_MAX && !may_be_long(file, line) {
        return Some(format!("has {chars} characters; at most {LINE_CHARS_MAX} are allowed"));
    }
    None
}

fn may_be_long(file: &SourceFile, line: &str) -> bool {
    let is_table_row = file.extension() == "md" && line.trim_start().starts_with('|');
    let is_expectation = file.is_test() && line.contains('"');
    is_table_row || is_expectation || is_data(file) || is_inline_table(file, line)
}

fn is_data(file: &SourceFile) -> bool {
    file.is_case()
        || DATA_EXTENSIONS.contains(&file.extension())
        || DATA_PREFIXES.iter().any(|prefix| file.path.starts_with(prefix))
}

/// TOML allows no line break in an inline table.
fn is_inline_table(file: &SourceFile, line: &str) -> bool {
    file.extension() == "toml" && line.contains('{')
}

fn words(file: &SourceFile, line: &str) -> Option<String> {
    if let Some(word) = UNFINISHED.iter().find(|word| contains_word(line, word)) {
        return Some(format!("says {word}: finish it or leave it out"));
    }
    if file.extension() != "lock"
        && let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(*host))
    {
        return Some(format!("names the registry {host}: name the package alone"));
    }
    // Attacks look for whatever a machine may have.
    if file.is_case() {
        return None;
    }
    // Tests of what may be shared name homes that nobody has.
    let paths = MACHINE_PATHS.iter().filter(|path| **path != "/home/" || !file.is_test());
    let path = paths.into_iter().find(|path| names_path(line, path))?;
    Some(format!("names a path under {path} of some machine"))
}

fn contains_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

/// Whether a line names a path that begins with this one, not one that merely contains it.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let begins = !before.is_some_and(|c| c.is_alphanumeric() || "_-./}$".contains(c));
        let rest = &line[start + path.len()..];
        let goes_on = rest.starts_with(|c: char| c.is_alphanumeric() || c == '.');
        begins && goes_on && !line[start..].starts_with(GUEST_HOME)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&SourceFile { path: path.to_owned(), text: text.to_owned() }).len()
    }

    #[test]
    fn layout_is_checked() {
        let long = format!("{}\n", "x".repeat(101));
        let row = format!("| {} |\n", "x".repeat(101));
        let quoted = format!("(\"{}\", 1),\n", "x".repeat(101));
        let table = [
            ("a.rs", "fine\n", 0),
            ("a.rs", "no newline", 1),
            ("a.rs", "space \n", 1),
            ("a.rs", "carriage\r\n", 1),
            ("a.rs", long.as_str(), 1),
            ("a.csv", long.as_str(), 0),
            ("a.md", long.as_str(), 1),
            ("a.md", row.as_str(), 0),
            ("a.toml", row.as_str(), 1),
            ("tests/a.rs", long.as_str(), 1),
            ("tests/a.rs", quoted.as_str(), 0),
            ("a.rs", quoted.as_str(), 1),
        ];
        for (path, text, expected) in table {
            assert_eq!(findings(path, text), expected, "{path}: {text:?}");
        }
    }

    #[test]
    fn words_are_checked() {
        let table = [
            (concat!("// TO", "DO: later\n"), 1),
            (concat!("x = MASTO", "DON\n"), 0),
            (concat!("see https://crates", ".io/x\n"), 1),
            (concat!("open(\"/wo", "rk/main\")\n"), 1),
            (concat!("cd /sandbox/wo", "rk/x\n"), 0),
            (concat!("PATH=/ro", "ot/.pyenv\n"), 1),
            ("HOME=/home/user/x\n", 0),
            (concat!("HOME=/ho", "me/ada\n"), 1),
            ("at home/away\n", 0),
        ];
        for (text, expected) in table {
            assert_eq!(findings("a.sh", text), expected, "{text:?}");
        }
        assert_eq!(findings("tests/a.rs", concat!("HOME=/ho", "me/ada\n")), 0);
        assert_eq!(findings("Cargo.lock", concat!("git/crates", ".io-index\n")), 0);
    }
}
