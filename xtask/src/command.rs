//! Running other programs: shown before they run, and an error if they fail.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// What cargo tells a program that it runs of that program's package.
const OF_A_PACKAGE: [&str; 2] = ["CARGO_PKG_", "CARGO_MANIFEST_"];

/// Cargo, at work in the workspace, as if it had been called by hand: some build scripts run
/// again, and all that depends on them is built again, when what they read in the env is other.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if OF_A_PACKAGE.iter().any(|beginning| text.starts_with(beginning)) {
            command.env_remove(&name);
        }
    }
    command
}

/// A program of the workspace, built with everything of it, so that what the tests and the
/// lints are built of serves again: of one package alone, cargo chooses other features.
pub(crate) fn built(root: &Path, name: &str) -> Result<PathBuf> {
    run(cargo(root).args(["build", "--workspace", "--all-targets", "--locked"]))?;
    Ok(directory()?.join(name))
}

/// The directory of this profile's programs, this one among them.
pub(crate) fn directory() -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell where this program lies")?;
    own.parent().map(Path::to_owned).context("this program lies nowhere")
}

/// Runs a command to its end; an error unless it succeeds.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("    {}", shown(command));
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    if status.success() { Ok(()) } else { bail!("{} ended with {status}", shown(command)) }
}

/// Whether a program of this name is on the search path.
pub(crate) fn is_there(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// A command as somebody would type it, less where its program lies.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_owned();
    let words = std::iter::once(program).chain(command.get_args().map(OsString::from));
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_an_error_that_names_the_command() {
        assert!(run(&mut Command::new("true")).is_ok());
        let error = run(Command::new("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(error.to_string().starts_with("sh -c exit 3 ended with exit status: 3"));
        assert!(is_there("sh") && !is_there("no-such-program"));
    }
}
