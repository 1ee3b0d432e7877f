//! Builds with `uv`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::{
    lock::Lock,
    pip_settings,
    process::{Call, Progress},
    work::Work,
};
use crate::environment::EnvironmentError;

/// uv's settings that would lead an installation elsewhere, or that
/// contradict what it is asked to do here.
const LEFT_OUT: [&str; 8] = [
    "UV_COMPILE_BYTECODE",
    "UV_LINK_MODE",
    "UV_NO_BINARY",
    "UV_NO_VERIFY_HASHES",
    "UV_REQUIRE_HASHES",
    "UV_SYSTEM_PYTHON",
    "UV_VENV_RELOCATABLE",
    "UV_VENV_SEED",
];

/// uv, where it is.
#[derive(Debug)]
pub(super) struct Uv {
    pub(super) program: PathBuf,
}

impl Uv {
    /// Makes the empty `.venv`.
    pub(super) fn make(
        &self,
        base: Option<PathBuf>,
        work: &Work<'_>,
        progress: Progress<'_>,
    ) -> Result<(), EnvironmentError> {
        let mut args = words(&["venv", "--no-project"]);
        // Where no interpreter is at hand, uv may know of one or fetch it.
        let found = base.map(PathBuf::into_os_string);
        if let Some(python) = found.or_else(|| work.requires_python.map(OsString::from)) {
            args.extend([OsString::from("--python"), python]);
        }
        args.push(work.staging.clone().into_os_string());
        self.call(work, "making the .venv", args).run(progress).map(drop)
    }

    /// Chooses the packages.
    pub(super) fn resolve(
        &self,
        work: &Work<'_>,
        requirements: &Path,
        progress: Progress<'_>,
    ) -> Result<Lock, EnvironmentError> {
        let chosen = work.scratch.join("chosen.txt");
        let mut args = words(&["pip", "compile", "--quiet", "--no-header", "--no-annotate"]);
        args.extend(words(&["--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]));
        args.extend(wheels_only(work));
        args.extend([OsString::from("--python"), work.python().into_os_string()]);
        args.extend([OsString::from("--output-file"), chosen.clone().into_os_string()]);
        args.push(requirements.as_os_str().to_owned());
        self.call(work, "choosing the packages", args).run(progress)?;
        Lock::of_requirements(&chosen)
    }

    /// Installs the packages of a lock.
    pub(super) fn install(
        &self,
        work: &Work<'_>,
        lock: &Path,
        progress: Progress<'_>,
    ) -> Result<(), EnvironmentError> {
        // Copies, because what is shared with uv's cache could be changed from there.
        let mut args = words(&["pip", "install", "--no-deps", "--require-hashes"]);
        args.extend(words(&["--link-mode", "copy"]));
        args.extend(wheels_only(work));
        args.extend([OsString::from("--python"), work.python().into_os_string()]);
        args.extend([OsString::from("--requirements"), lock.as_os_str().to_owned()]);
        self.call(work, "installing the packages", args).run(progress).map(drop)
    }

    fn call<'a>(&'a self, work: &'a Work<'_>, step: &'a str, args: Vec<OsString>) -> Call<'a> {
        let mut env_vars = work.options.env_vars.clone();
        env_vars.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
        env_vars.extend(pip_settings::for_uv(&work.options.env_vars));
        let ours = [("NO_COLOR", "1"), ("UV_NO_PROGRESS", "1")];
        env_vars.extend(ours.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Call { step, program: &self.program, args, directory: &work.scratch, env_vars }
    }
}

fn wheels_only(work: &Work<'_>) -> Vec<OsString> {
    if work.options.allow_source_builds {
        return Vec::new();
    }
    words(&["--only-binary", ":all:"])
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
