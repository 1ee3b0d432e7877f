//! Commands in several lanes at the same time, those of a lane one after the other. What a
//! command prints is shown when it has ended.

use std::{
    fs::{self, File},
    io::{Read, Seek, Write, stdout},
    path::Path,
    process::Command,
    thread,
};

use anyhow::{Context, Result, anyhow, bail};

use crate::command::shown;

/// Runs every lane to its end; an error if a command of any failed. What comes after a
/// failure in its lane is run all the same. What is printed is kept in the directory
/// meanwhile.
pub(super) fn run(directory: &Path, lanes: Vec<Vec<Command>>) -> Result<()> {
    let ends: Vec<_> = thread::scope(|scope| {
        let start = |(number, lane)| {
            let place = directory.join(format!("lane-{}-{number}", std::process::id()));
            scope.spawn(move || one(&place, lane))
        };
        let threads: Vec<_> = lanes.into_iter().enumerate().map(start).collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    let panicked = |_| vec![anyhow!("a lane panicked")];
    let failures = ends.into_iter().flat_map(|end| end.unwrap_or_else(panicked));
    let failures: Vec<_> = failures.map(|error| format!("{error:#}")).collect();
    if failures.is_empty() { Ok(()) } else { bail!("{}", failures.join("; ")) }
}

/// Runs a lane; what failed in it.
fn one(place: &Path, lane: Vec<Command>) -> Vec<anyhow::Error> {
    lane.into_iter().filter_map(|command| to_its_end(place, command).err()).collect()
}

fn to_its_end(place: &Path, mut command: Command) -> Result<()> {
    let words = shown(&command);
    println!("    {words}");
    // Not a pipe, whose end would come only when everything that it started has gone, too.
    let mut printed = without_name(place).context("cannot make a file for what is printed")?;
    command.stdout(printed.try_clone()?).stderr(printed.try_clone()?);
    let status = command.status().with_context(|| format!("cannot run {words}"))?;
    let mut text = Vec::new();
    printed.rewind().and_then(|()| printed.read_to_end(&mut text))?;
    let mut out = stdout().lock();
    writeln!(out, "    of {words}:")?;
    out.write_all(&text)?;
    if status.success() { Ok(()) } else { bail!("{words} ended with {status}") }
}

/// A file that nobody else finds, made at this path.
fn without_name(path: &Path) -> std::io::Result<File> {
    let file = File::options().read(true).append(true).create_new(true).open(path)?;
    fs::remove_file(path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lanes_run_at_the_same_time() {
        let directory = std::env::temp_dir();
        let place = directory.join(format!("xtask-lanes-{}", std::process::id()));
        let place = place.display();
        // Each waits for the other, which would have to come first if there were but one.
        let makes = shell(&format!("mkfifo {place} && echo a > {place} && rm {place}"));
        let waits = shell(&format!("while ! [ -p {place} ]; do sleep 0.01; done; cat {place}"));
        assert!(run(&directory, vec![vec![makes], vec![waits]]).is_ok());
    }

    #[test]
    fn every_failure_is_told_and_none_stops_the_rest() {
        let lanes = vec![vec![shell("exit 3"), shell("exit 4")], vec![shell("exit 5")]];
        let error = run(&std::env::temp_dir(), lanes).unwrap_err().to_string();
        for status in ["exit status: 3", "exit status: 4", "exit status: 5"] {
            assert!(error.contains(status), "{error}");
        }
    }
}
