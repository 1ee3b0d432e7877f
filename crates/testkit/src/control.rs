//! Runs a case's program without the sandbox, so that it can succeed.
//!
//! Bounded by processor time and memory, and put into throw-away namespaces
//! where it would otherwise touch the host.

use std::path::{Path, PathBuf};

use crate::{
    canary::{Canaries, ENV_VAR},
    case::{Case, ControlKind},
    leaks::{self, Snapshot},
    observe::{Observation, finish},
    target::{self, Target},
};

/// Processor seconds of one process of a control.
const CPU_SECONDS: &str = "--cpu=20";

/// Address space of one process of a control: above what any case asks for.
const ADDRESS_SPACE: &str = "--as=34359738368";

/// Runs the program without the sandbox; `None` where the case has no control.
///
/// # Errors
/// It cannot be started.
pub fn run(
    case: &Case,
    program: &Path,
    target: &Target,
    canaries: &Canaries,
) -> anyhow::Result<Option<Observation>> {
    if case.control == ControlKind::None {
        return Ok(None);
    }
    let work = target.scratch("control")?;
    let words = words(case.control, program, &work);
    let mut command = target::careless(&canaries.root_only());
    command.args(&words).arg(canaries.map().to_string());
    command.env_clear().env("PATH", target::search_path());
    command.env("HOME", &work).env(ENV_VAR, canaries.env_secret()).current_dir(&work);
    let before = Snapshot::take();
    let finished = finish(&mut command, case.stdin_bytes)?;
    leaks::kill_beyond(&before);
    leaks::reap();
    std::fs::remove_dir_all(&work)?;
    Ok(Some(Observation::of_plain(finished)))
}

fn words(kind: ControlKind, program: &Path, work: &Path) -> Vec<PathBuf> {
    let mut words = vec!["prlimit", CPU_SECONDS, ADDRESS_SPACE, "--core=0:0"];
    words.extend(["setsid", "--wait"]);
    if matches!(kind, ControlKind::Namespaced | ControlKind::SameApart) {
        words.extend(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        words.extend(["--uts", "--ipc", "--net", "--cgroup", "--propagation", "private"]);
    }
    let mut words: Vec<PathBuf> = words.into_iter().map(PathBuf::from).collect();
    let program = program.to_owned();
    match program.extension().and_then(|suffix| suffix.to_str()) {
        Some("py") => words.extend([PathBuf::from("/usr/bin/python3"), program]),
        Some("sh") => words.extend([PathBuf::from("/bin/bash"), program]),
        Some("js" | "mjs") => words.extend([PathBuf::from("node"), program]),
        Some("c") => {
            let line = "gcc -pthread -o \"$1/program\" \"$0\" && shift && exec ./program \"$@\"";
            let words_of_shell = ["/bin/sh", "-c", line].map(PathBuf::from);
            words.extend(words_of_shell);
            words.extend([program, work.to_owned()]);
        }
        Some("java") => words.extend([PathBuf::from("java"), program]),
        Some("rs") => {
            let line = "rustc -o \"$1/program\" \"$0\" && shift && exec ./program \"$@\"";
            words.extend(["/bin/sh", "-c", line].map(PathBuf::from));
            words.extend([program, work.to_owned()]);
        }
        Some("pl") => words.extend([PathBuf::from("perl"), program]),
        _ => words.push(program),
    }
    words
}
