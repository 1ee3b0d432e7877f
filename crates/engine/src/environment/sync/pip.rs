//! Builds with the interpreter's own `venv` and `pip`.
//!
//! The new `.venv`'s interpreter is started by pip only while nothing is
//! installed there yet, so no code of an installed package runs: pip's own
//! copy stays outside of it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    lock::Lock,
    process::{Call, Progress},
    report,
    work::Work,
};
use crate::environment::EnvironmentError;

/// The first pip that installs into another interpreter's environment, tells
/// what it would do, and reads hashes with it.
const OLDEST: (u64, u64) = (22, 3);

/// pip's settings that would lead an installation elsewhere.
const OURS: [(&str, &str); 8] = [
    ("NO_COLOR", "1"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_NO_INPUT", "1"),
    ("PIP_PROGRESS_BAR", "off"),
    ("PIP_REQUIRE_VIRTUALENV", "0"),
    ("PIP_USER", "0"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
    ("PYTHONDONTWRITEBYTECODE", "1"),
];

/// pip, by the interpreter that has it.
#[derive(Debug)]
pub(super) struct Pip {
    /// The interpreter that the environment is built on.
    base: PathBuf,
    /// The interpreter that has a pip: `base`, or one of a passing `.venv`.
    with_pip: PathBuf,
}

impl Pip {
    /// Makes the empty `.venv`, and finds a pip that is recent enough.
    pub(super) fn make(
        base: PathBuf,
        work: &Work<'_>,
        progress: Progress<'_>,
    ) -> Result<Self, EnvironmentError> {
        let pip = Self { with_pip: base.clone(), base };
        let mut args = words(&["-I", "-m", "venv", "--symlinks", "--without-pip"]);
        args.push(work.staging.clone().into_os_string());
        call(work, &pip.base, "making the .venv", args).run(progress)?;
        if pip.is_recent(work) {
            return Ok(pip);
        }
        progress("this Python has no recent pip of its own: fetching one for this build");
        let passing = work.scratch.join("pip");
        let mut args = words(&["-I", "-m", "venv"]);
        args.push(passing.clone().into_os_string());
        call(work, &pip.base, "making a place for pip", args).run(progress)?;
        let pip = Self { with_pip: passing.join("bin/python"), ..pip };
        if !pip.is_recent(work) {
            let args = words(&["-I", "-m", "pip", "install", "--upgrade", "pip"]);
            call(work, &pip.with_pip, "fetching pip", args).run(progress)?;
        }
        Ok(pip)
    }

    /// Chooses the packages.
    pub(super) fn resolve(
        &self,
        work: &Work<'_>,
        requirements: &Path,
        progress: Progress<'_>,
    ) -> Result<Lock, EnvironmentError> {
        let account = work.scratch.join("report.json");
        let mut args = self.install_args(work);
        args.extend(words(&["--dry-run", "--ignore-installed", "--report"]));
        args.push(account.clone().into_os_string());
        args.extend([OsString::from("--requirement"), requirements.as_os_str().to_owned()]);
        call(work, &self.with_pip, "choosing the packages", args).run(progress)?;
        report::lock(&account)
    }

    /// Installs the packages of a lock.
    pub(super) fn install(
        &self,
        work: &Work<'_>,
        lock: &Path,
        progress: Progress<'_>,
    ) -> Result<(), EnvironmentError> {
        let mut args = self.install_args(work);
        args.extend(words(&["--no-deps", "--require-hashes", "--requirement"]));
        args.push(lock.as_os_str().to_owned());
        call(work, &self.with_pip, "installing the packages", args).run(progress).map(drop)
    }

    fn install_args(&self, work: &Work<'_>) -> Vec<OsString> {
        let mut args = words(&["-I", "-m", "pip", "--python"]);
        args.push(work.python().into_os_string());
        args.extend(words(&["install", "--no-compile"]));
        if !work.options.allow_source_builds {
            args.extend(words(&["--only-binary", ":all:"]));
        }
        args
    }

    fn is_recent(&self, work: &Work<'_>) -> bool {
        let args = words(&["-I", "-m", "pip", "--version"]);
        let call = call(work, &self.with_pip, "asking for pip's version", args);
        // `pip 24.0 from …`
        let lines = call.run(&mut |_| {}).unwrap_or_default();
        let version = lines.iter().find_map(|line| line.strip_prefix("pip "));
        let mut numbers = version.unwrap_or_default().split(['.', ' ']).map(str::parse);
        matches!((numbers.next(), numbers.next()), (Some(Ok(a)), Some(Ok(b))) if (a, b) >= OLDEST)
    }
}

fn call<'a>(work: &'a Work<'_>, program: &'a Path, step: &'a str, args: Vec<OsString>) -> Call<'a> {
    let mut env_vars = work.options.env_vars.clone();
    env_vars.extend(OURS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Call { step, program, args, directory: &work.scratch, env_vars }
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
