//! Runs the examples as the README does, and compares what they print with what
//! stands beside them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{command::run, finance, pages::release_binary, user};

/// The environment of the analysis, and the file that asks for its packages.
const ENVIRONMENT: &str = "analysis";
const PROJECT_FILE: &str = "pyproject.toml";

/// An example: the words after `cellblock run`, and the file with what it prints.
struct Example {
    words: &'static [&'static str],
    expected: &'static str,
}

const EXAMPLES: &[Example] = &[
    Example { words: &["examples/primes.c"], expected: "examples/primes.expected.txt" },
    Example { words: &["examples/report.ts"], expected: "examples/report.expected.txt" },
    Example {
        words: &[
            "--environment",
            ENVIRONMENT,
            "--volume",
            "examples/analysis/data:/data:ro",
            "examples/analysis/analysis.py",
            "/data",
        ],
        expected: "examples/analysis/expected.txt",
    },
];

/// Builds the environment and runs every example.
pub(crate) fn check(root: &Path) -> Result<()> {
    let binary = release_binary(root)?;
    let environments = environments(root, &binary)?;
    let cellblock = |words: &[&str]| {
        let mut command = Command::new(&binary);
        command.current_dir(root).arg("--environments").arg(&environments).args(words);
        if !user::is_root() {
            // An ordinary user has no control groups unless somebody gave some.
            command.env("CELLBLOCK_ALLOW_MISSING", "cgroup");
        }
        command
    };
    run(&mut cellblock(&["env", "sync", ENVIRONMENT]))?;
    run(&mut cellblock(&["run", "examples/hello.py"]))?;
    for example in EXAMPLES {
        let words = [&["run"], example.words].concat();
        println!("    cellblock {}", words.join(" "));
        let output = cellblock(&words).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        compare(root, example, &output.stdout, output.status.success())?;
    }
    finance::check(root, cellblock)
}

/// A directory with the analysis' environment, outside the checkout's own files.
fn environments(root: &Path, binary: &Path) -> Result<PathBuf> {
    let environments = binary.with_file_name("example-environments");
    let environment = environments.join(ENVIRONMENT);
    fs::create_dir_all(&environment).context("cannot make a directory for the environment")?;
    let project = root.join("examples").join(ENVIRONMENT).join(PROJECT_FILE);
    fs::copy(&project, environment.join(PROJECT_FILE))
        .with_context(|| format!("cannot copy {}", project.display()))?;
    Ok(environments)
}

fn compare(root: &Path, example: &Example, printed: &[u8], succeeded: bool) -> Result<()> {
    let expected = fs::read(root.join(example.expected))
        .with_context(|| format!("cannot read {}", example.expected))?;
    if !succeeded {
        bail!("{} did not succeed", example.words.join(" "));
    }
    if printed != expected {
        print!("{}", String::from_utf8_lossy(printed));
        bail!("{} printed this, not {}", example.words.join(" "), example.expected);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_passes() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let example = Example { words: &["x"], expected: "xtask/Cargo.toml" };
        let expected = fs::read(root.join(example.expected)).unwrap();
        assert!(compare(&root, &example, &expected, true).is_ok());
        assert!(compare(&root, &example, &expected, false).is_err());
        assert!(compare(&root, &example, b"other", true).is_err());
    }
}
