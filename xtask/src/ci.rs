//! Everything that has to pass, in order, each step with its time. Stops at the
//! first step that fails; never changes the checkout.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{
    command::{built, cargo, is_there, run},
    contract, examples, kernels, pages, tidy, user,
};

/// The crate whose integration tests are run as an ordinary user, too.
const END_TO_END: &str = "crates/cellblock";
/// With it a test that cannot run here fails instead of standing aside.
pub(crate) const REQUIRE_ALL: (&str, &str) = ("CELLBLOCK_TEST_REQUIRE_ALL", "1");

/// The test that is the whole battery.
const BATTERY_TEST: &str = "every_case_holds";

struct Step {
    name: &'static str,
    run: fn(&Path) -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", run: format },
    Step { name: "tidy", run: tidy_up },
    Step { name: "dependencies", run: dependencies },
    Step { name: "lints", run: lints },
    Step { name: "pages", run: pages::check },
    Step { name: "examples", run: examples::check },
    Step { name: "tests", run: tests },
    Step { name: "kernels", run: kernels::check },
    Step { name: "contract", run: contract::check },
    Step { name: "documentation", run: documentation },
    Step { name: "user", run: as_user },
    Step { name: "battery", run: battery },
    Step { name: "bench", run: bench },
];

/// Runs the named steps, or all of them.
pub(crate) fn run_steps(root: &Path, names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        bail!("there is no step {unknown}; there are {}", known.join(", "));
    }
    let wanted = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    let mut times = Vec::new();
    for step in STEPS.iter().filter(wanted) {
        println!("==> {}", step.name);
        let start = Instant::now();
        (step.run)(root).with_context(|| format!("step {} failed", step.name))?;
        times.push((step.name, start.elapsed()));
    }
    for (name, time) in times {
        println!("{:>8.1} s  {name}", time.as_secs_f64());
    }
    Ok(())
}

fn format(root: &Path) -> Result<()> {
    run(cargo(root).args(["fmt", "--all", "--check"]))
}

fn tidy_up(root: &Path) -> Result<()> {
    let findings = tidy::check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() { Ok(()) } else { bail!("{} places break a rule", findings.len()) }
}

/// Licences, sources and bans. The list of known vulnerabilities is not looked at
/// here, because it has to be fetched: `cargo deny check advisories` does that.
fn dependencies(root: &Path) -> Result<()> {
    if !is_there("cargo-deny") {
        bail!("cargo-deny is not installed: run scripts/setup --for test");
    }
    run(cargo(root).args(["deny", "--locked", "check", "licenses", "bans", "sources"]))
}

fn lints(root: &Path) -> Result<()> {
    let mut clippy = cargo(root);
    clippy.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    run(&mut clippy)
}

fn tests(root: &Path) -> Result<()> {
    let mut command = cargo(root);
    if is_there("cargo-nextest") {
        command.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        command.args(["test", "--no-fail-fast"]);
    }
    command.args(["--workspace", "--locked"]).env(REQUIRE_ALL.0, REQUIRE_ALL.1);
    // A step of its own has the battery, and tries what is shipped with it.
    run(command.args(["--", "--skip", BATTERY_TEST]))
}

fn documentation(root: &Path) -> Result<()> {
    run(cargo(root).args(["test", "--doc", "--workspace", "--locked"]))?;
    let mut doc = cargo(root);
    doc.args(["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings");
    // There are no examples. Asking for them has cargo choose the features that the lints were
    // checked with, those of tests, too: what was checked then serves again.
    run(doc.args(["--lib", "--bins", "--examples"]))
}

/// The end-to-end tests again, without the rights of root.
fn as_user(root: &Path) -> Result<()> {
    if !user::is_root() {
        println!("this is an ordinary user already: the tests above were run as one");
        return Ok(());
    }
    let user = user::Ordinary::find_or_create()?;
    user::open_checkout()?;
    for test in end_to_end_tests(root)? {
        user.expect_to_reach(&test.executable)?;
        open_scratch(&test.executable)?;
        // Nobody gave this user control groups, or a toolchain in root's home: the few
        // tests of those stand aside, having been required of root above.
        let mut command = user.command(&test.executable, &test.directory);
        run(command.env("CELLBLOCK_ALLOW_MISSING", "cgroup"))?;
    }
    Ok(())
}

/// Lets every user write where cargo has tests keep their files: `tmp` in the
/// directory that the profiles' directories are in.
fn open_scratch(executable: &Path) -> Result<()> {
    let target = executable.ancestors().find(|path| path.join("CACHEDIR.TAG").is_file());
    let scratch = target.context("the tests lie in no target directory")?.join("tmp");
    fs::create_dir_all(&scratch)
        .and_then(|()| fs::set_permissions(&scratch, Permissions::from_mode(0o1777)))
        .with_context(|| format!("cannot open {} to other users", scratch.display()))
}

struct TestProgram {
    executable: PathBuf,
    directory: PathBuf,
}

/// The compiled integration tests of the binary's crate.
fn end_to_end_tests(root: &Path) -> Result<Vec<TestProgram>> {
    let mut command = cargo(root);
    // Of the whole workspace, so that what the tests above were built of serves again.
    command.args(["test", "--workspace", "--no-run", "--locked"]);
    let output = command
        .args(["--message-format", "json-render-diagnostics"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    let text = String::from_utf8(output.stdout).context("cargo printed something odd")?;
    let are_ours = |program: &TestProgram| program.directory.ends_with(END_TO_END);
    let programs: Vec<_> = text.lines().filter_map(test_program).filter(are_ours).collect();
    if programs.is_empty() {
        bail!("cargo built no end-to-end test");
    }
    Ok(programs)
}

fn test_program(line: &str) -> Option<TestProgram> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_test = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "test");
    let executable = message["executable"].as_str().filter(|_| is_test)?.into();
    let manifest = Path::new(message["manifest_path"].as_str()?);
    Some(TestProgram { executable, directory: manifest.parent()?.to_owned() })
}

/// The hostile programs, against the program as it is shipped.
fn battery(root: &Path) -> Result<()> {
    let binary = pages::release_binary(root)?;
    run(Command::new(built(root, "battery")?).current_dir(root).env("CELLBLOCK_BIN", binary))
}

/// Whether the comparison still runs; for figures run it alone on an idle machine, and as it
/// would be released, which here would only be built for this.
fn bench(root: &Path) -> Result<()> {
    let binary = pages::release_binary(root)?;
    let mut bench = Command::new(built(root, "bench")?);
    run(bench.current_dir(root).args(["--smoke", "--cellblock"]).arg(binary))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_told_from_other_messages() {
        let message = |kind: &str, executable: Value| {
            serde_json::json!({
                "target": {"kind": [kind]},
                "executable": executable,
                "manifest_path": "/here/Cargo.toml",
            })
            .to_string()
        };
        let found = test_program(&message("test", "/there/it".into()));
        assert!(found.is_some_and(|test| test.directory == Path::new("/here")));
        assert!(test_program(&message("bin", "/there/it".into())).is_none());
        assert!(test_program(&message("test", Value::Null)).is_none());
        assert!(test_program("{\"reason\":\"build-finished\"}").is_none());
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let error = run_steps(Path::new("."), &["frmat".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("there is no step frmat"));
    }
}
