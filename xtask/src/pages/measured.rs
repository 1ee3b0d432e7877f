//! Parts of pages that were measured on the machine that wrote them.

use std::{env::consts::ARCH, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use api::Control;
use serde_json::Value;

use crate::user::{self, Ordinary};

/// What each control came to, as root and as an ordinary user.
pub(crate) fn controls(binary: &Path) -> Result<String> {
    let user = Ordinary::find_or_create()?;
    user.expect_to_reach(binary)?;
    let as_root = doctor(Command::new(binary))?;
    let as_user = doctor(user.command(binary, Path::new("/")))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text = format!("Measured on Linux {}, {ARCH}.\n\n", kernel.trim());
    text += "| control | as root | as an ordinary user |\n|---|---|---|\n";
    for control in Control::ALL.iter().filter(|control| !control.is_on_request()) {
        let control = control.name();
        let (root, user) = (cell(&as_root, control), cell(&as_user, control));
        writeln!(text, "| `{control}` | {root} | {user} |")?;
    }
    let (root, user) = (acts(&as_root)?, acts(&as_user)?);
    writeln!(text, "| *forbidden acts tried from inside* | {root} | {user} |")?;
    Ok(text)
}

fn doctor(mut command: Command) -> Result<Value> {
    let output = command.args(["doctor", "--json"]).output().context("cannot run the doctor")?;
    serde_json::from_slice(&output.stdout).with_context(|| {
        format!("the doctor printed something odd: {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// How far a control holds by a doctor's report, and by what.
fn cell(report: &Value, control: &str) -> String {
    let mut found = report["controls"].as_array().into_iter().flatten();
    let Some(row) = found.find(|row| row["control"] == control) else {
        return "not reported".to_owned();
    };
    let level = row["level"].as_str().unwrap_or("not reported");
    let detail = without_ids(row["detail"].as_str().unwrap_or_default()).replace('|', "\\|");
    if detail.is_empty() { level.to_owned() } else { format!("{level}: {detail}") }
}

/// The text with numbers that are another one each time left out.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| word.len() > 4 && word.chars().all(|c| c.is_ascii_digit());
    let words = text.split(' ').map(|word| if is_id(word) { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// How many forbidden acts were tried by a doctor's report, and how many refused.
fn acts(report: &Value) -> Result<String> {
    let acts = report["findings"]["attempts"].as_array().context("the doctor tried nothing")?;
    let refused = acts.iter().filter(|act| act["refused"] == true).count();
    Ok(format!("{refused} of {} refused", acts.len()))
}

/// Whether this machine can measure: it takes root to be root and somebody else.
pub(crate) fn is_possible() -> bool {
    user::is_root()
}

/// What came of the attack battery when it last wrote its report.
pub(crate) fn battery(root: &Path) -> Result<String> {
    let report = fs::read_to_string(root.join("docs/battery.json"))
        .context("cannot read docs/battery.json, which the battery writes")?;
    summary(&serde_json::from_str(&report).context("docs/battery.json is malformed")?)
}

/// The ways in which cases run, as the report calls them, and for a reader.
const WAYS: [(&str, &str); 4] = [
    ("root", "root"),
    ("user", "user"),
    ("root_forked", "root, in a fork of a parked interpreter"),
    ("user_forked", "user, in a fork of a parked interpreter"),
];

fn summary(report: &Value) -> Result<String> {
    let cases = report["cases"].as_array().context("docs/battery.json has no cases")?;
    let attempts: u64 = cases.iter().filter_map(|case| case["attempts"].as_u64()).sum();
    let mut text = format!(
        "{} programs make {attempts} attempts. Each is in [docs/battery.md](docs/battery.md).\n\n\
         | run as | passed | failed | could not be tried here | does not apply |\n\
         |---|--:|--:|--:|--:|\n",
        cases.len(),
    );
    for (way, words) in WAYS {
        let counts = &report["summary"][way];
        let count = |name| counts[name].as_u64().unwrap_or(0).to_string();
        let row = ["passed", "FAILED", "not armed", "does not apply"].map(count).join(" | ");
        writeln!(text, "| {words} | {row} |")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_by_control() {
        let report = serde_json::json!({
            "controls": [
                {"control": "memory", "level": "full", "detail": ""},
                {"control": "pids", "level": "partial", "detail": "a | b"},
                {"control": "own-uid", "level": "full", "detail": "host uid 1879078255"},
            ],
            "findings": {"attempts": [{"refused": true}, {"refused": false}]},
        });
        assert_eq!(cell(&report, "memory"), "full");
        assert_eq!(cell(&report, "pids"), "partial: a \\| b");
        assert_eq!(cell(&report, "own-uid"), "full: host uid …");
        assert_eq!(cell(&report, "cpu"), "not reported");
        assert_eq!(acts(&report).unwrap(), "1 of 2 refused");
        assert!(acts(&Value::Null).is_err());
    }

    #[test]
    fn the_battery_is_summed_up() {
        let report = serde_json::json!({
            "cases": [{"attempts": 3}, {"attempts": 4}],
            "summary": {"root": {"passed": 2}, "user": {"passed": 1, "FAILED": 1}},
        });
        let text = summary(&report).unwrap();
        assert!(text.starts_with("2 programs make 7 attempts."), "{text}");
        assert!(text.contains("| root | 2 | 0 | 0 | 0 |\n| user | 1 | 1 | 0 | 0 |\n"), "{text}");
        assert!(summary(&Value::Null).is_err());
    }
}
