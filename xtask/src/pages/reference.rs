//! Parts of pages that follow from the program alone, the same on every machine.

use std::{fmt::Write as _, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use api::Control;
use serde_json::Value;

/// A home for paths that the program derives from one.
const HOME: &str = "/home/user";

/// Where root's state lies, and everybody else's: the page is the same whoever writes it.
const STATE_DIRS: [&str; 2] = ["/var/lib/cellblock", "~/.local/state/cellblock"];

/// The commands whose help is printed, as their words.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["run"],
    &["exec"],
    &["shell"],
    &["session"],
    &["languages"],
    &["env", "create"],
    &["env", "sync"],
    &["env", "list"],
    &["env", "show"],
    &["env", "remove"],
    &["key", "create"],
    &["key", "list"],
    &["key", "revoke"],
    &["doctor"],
    &["config", "show"],
];

/// The help of each command.
pub(crate) fn help(binary: &Path) -> Result<String> {
    let mut text = String::new();
    for words in COMMANDS {
        let title: Vec<&str> = [&["cellblock"], *words].concat();
        let asked: Vec<&str> = [*words, &["-h"]].concat();
        let help = output(binary, &asked)?;
        write!(text, "### {}\n\n```text\n{}\n```\n\n", title.join(" "), help.trim_end())?;
    }
    Ok(text)
}

/// The settings with their defaults.
pub(crate) fn settings(binary: &Path) -> Result<String> {
    let mut text = "| key | env var | default | what it decides |\n|---|---|---|---|\n".to_owned();
    for row in rows(&output(binary, &["config", "show", "--json"])?)? {
        let value = row["value"].as_str().map_or("–".to_owned(), |value| format!("`{value}`"));
        let cell = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let (key, env_var) = (cell("key"), cell("env_var"));
        let value = value.replace(HOME, "~").replace(STATE_DIRS[0], STATE_DIRS[1]);
        writeln!(text, "| `{key}` | `{env_var}` | {value} | {} |", cell("about"))?;
    }
    Ok(text)
}

/// The languages with their names and suffixes.
pub(crate) fn languages(binary: &Path) -> Result<String> {
    let mut text = "| language | also called | suffixes |\n|---|---|---|\n".to_owned();
    for row in rows(&output(binary, &["languages", "--json"])?)? {
        let list = |name: &str, before: &str| {
            let words = row[name].as_array().into_iter().flatten().filter_map(Value::as_str);
            let words: Vec<_> = words.map(|word| format!("`{before}{word}`")).collect();
            words.join(" ")
        };
        let name = row["name"].as_str().unwrap_or_default();
        writeln!(text, "| {name} | {} | {} |", list("aliases", ""), list("suffixes", "."))?;
    }
    Ok(text)
}

/// The controls by name.
pub(crate) fn controls() -> String {
    let mut text = "| control | what it does |\n|---|---|\n".to_owned();
    for control in Control::ALL {
        let summary = control.summary().trim();
        text.push_str(&format!("| `{}` | {summary} |\n", control.name()));
    }
    text
}

fn rows(json: &str) -> Result<Vec<Value>> {
    serde_json::from_str(json).context("cellblock printed something odd")
}

fn output(binary: &Path, words: &[&str]) -> Result<String> {
    let mut command = Command::new(binary);
    command.args(words).env_clear().env("HOME", HOME).env("PATH", "/usr/bin:/bin");
    let output = command.output().with_context(|| format!("cannot run {}", binary.display()))?;
    if !output.status.success() {
        bail!("cellblock {} ended with {}", words.join(" "), output.status);
    }
    let text = String::from_utf8(output.stdout).context("cellblock printed something odd")?;
    Ok(text.lines().map(|line| format!("{}\n", line.trim_end())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_control_has_a_row() {
        let text = controls();
        assert_eq!(text.lines().count(), Control::ALL.len() + 2);
        assert!(text.contains("| `syscall-filter` | Only listed"));
    }
}
