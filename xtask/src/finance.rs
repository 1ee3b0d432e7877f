//! Runs the example project as its page does, and compares its last result with the one
//! that stands beside it.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command::run;

/// The example, and the output that has the last model's result.
const EXAMPLE: &str = "examples/finance";
const RESULT: &str = "summary.json";
/// Who makes the commit that is run.
const AUTHOR: [&str; 4] = ["-c", "user.name=example", "-c", "user.email=example@localhost"];

/// Makes a repository of the example, registers it with its data, and runs it.
pub(crate) fn check(root: &Path, cellblock: impl Fn(&[&str]) -> Command) -> Result<()> {
    let place = root.join("target/example-project");
    if place.exists() {
        fs::remove_dir_all(&place).context("cannot remove the example project of before")?;
    }
    fs::create_dir_all(&place).context("cannot make a place for the example project")?;
    let repository = place.join("finance");
    run(Command::new("cp").arg("-r").arg(root.join(EXAMPLE)).arg(&repository))?;
    for words in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "first"]] {
        run(Command::new("git").arg("-C").arg(&repository).args(AUTHOR).args(words))?;
    }
    let ask = |words: &[&str]| {
        let mut command = cellblock(words);
        command.current_dir(&repository).args(["--state-dir", "../state"]);
        command
    };
    run(&mut ask(&["project", "add", "finance", "."]))?;
    run(&mut ask(&["data", "add", "finance", "data/receipts.csv", "data/macro.csv"]))?;
    let mut command = ask(&["runs", "run", "finance", "--json"]);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("the example project did not succeed: {}", String::from_utf8_lossy(&output.stdout));
    }
    let told: Value = serde_json::from_slice(&output.stdout).context("it told no JSON")?;
    let expected = fs::read(root.join(EXAMPLE).join("expected.json"))
        .context("cannot read what the example project gives")?;
    compare(&told, &serde_json::from_slice(&expected).context("expected.json is no JSON")?)
}

fn compare(told: &Value, expected: &Value) -> Result<()> {
    let result = &told["outputs"][RESULT]["json"];
    if result != expected {
        bail!("the example project gave {result:#}, not what its expected.json has");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_expected_passes() {
        let told = json!({"outputs": {RESULT: {"json": {"a": 1}}}});
        assert!(compare(&told, &json!({"a": 1})).is_ok());
        assert!(compare(&told, &json!({"a": 2})).is_err());
        assert!(compare(&json!({}), &json!({"a": 1})).is_err());
    }
}
