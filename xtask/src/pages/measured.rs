//! Parts of pages that were measured on the machine that wrote them.

use std::{fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use api::Control;
use serde_json::Value;

use crate::user::{self, Ordinary};

/// What each control came to, as root and as an ordinary user.
pub(crate) fn controls(binary: &Path) -> Result<String> {
    let as_root = doctor(Command::new(binary))?;
    let user = Ordinary::find_or_create()?;
    user.expect_to_reach(binary)?;
    let as_user = doctor(user.command(binary, Path::new("/")))?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut text = format!(
        "Measured on Linux {}, {}, by `cargo xtask pages`.\n\n| control | as root | as an \
         ordinary user |\n|---|---|---|\n",
        kernel.trim(),
        std::env::consts::ARCH,
    );
    for control in Control::ALL {
        let name = control.name();
        writeln!(text, "| `{name}` | {} | {} |", cell(&as_root[name]), cell(&as_user[name]))?;
    }
    Ok(text)
}

/// The controls of a doctor's report, by name.
fn doctor(mut command: Command) -> Result<Value> {
    let output = command.args(["doctor", "--json"]).output().context("cannot run the doctor")?;
    let mut report: Value = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("the doctor printed something odd: {}", String::from_utf8_lossy(&output.stderr))
    })?;
    Ok(report["enforcement"]["controls"].take())
}

fn cell(report: &Value) -> String {
    let level = report["level"].as_str().unwrap_or("not reported");
    let detail = report["detail"].as_str().unwrap_or_default().replace('|', "\\|");
    if detail.is_empty() { level.to_owned() } else { format!("{level}: {detail}") }
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

fn summary(report: &Value) -> Result<String> {
    let cases = report["cases"].as_array().context("docs/battery.json has no cases")?;
    let attempts: u64 = cases.iter().filter_map(|case| case["attempts"].as_u64()).sum();
    let mut text = format!(
        "{} programs make {attempts} attempts. Each is in [docs/battery.md](docs/battery.md).\n\n\
         | run as | passed | failed | could not be tried here | does not apply |\n\
         |---|--:|--:|--:|--:|\n",
        cases.len(),
    );
    for caller in ["root", "user"] {
        let counts = &report["summary"][caller];
        let count = |name| counts[name].as_u64().unwrap_or(0).to_string();
        let row = ["passed", "FAILED", "not armed", "does not apply"].map(count).join(" | ");
        writeln!(text, "| {caller} | {row} |")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_say_level_and_detail() {
        let report = serde_json::json!({"level": "partial", "detail": "a | b"});
        assert_eq!(cell(&report), "partial: a \\| b");
        assert_eq!(cell(&Value::Null), "not reported");
    }

    #[test]
    fn the_battery_is_summed_up() {
        let report = serde_json::json!({
            "cases": [{"attempts": 3}, {"attempts": 4}],
            "summary": {"root": {"passed": 2}, "user": {"passed": 1, "FAILED": 1}},
        });
        let text = summary(&report).unwrap();
        assert!(text.starts_with("2 programs make 7 attempts."), "{text}");
        assert!(text.ends_with("| root | 2 | 0 | 0 | 0 |\n| user | 1 | 1 | 0 | 0 |\n"), "{text}");
        assert!(summary(&Value::Null).is_err());
    }
}
