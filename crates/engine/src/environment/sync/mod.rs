//! Builds an environment's `.venv` on the host, apart from any run.
//!
//! Installers are an operator's act and run as the operator. No code of the
//! packages does: they are wheels, unpacked and not built (unless the operator
//! lets them be built), compiled by an interpreter that does not import them.
//! The old `.venv` stays until the new one is whole.

mod digest;
mod guest_paths;
mod installer;
mod interpreter;
mod lock;
mod made;
mod pip;
mod pip_settings;
mod process;
mod report;
mod requires;
mod uv;
mod work;

use std::{ffi::OsString, fs, path::Path};

use policy::guest;

use super::{
    Environment, EnvironmentError, SyncOptions, check_name, create::check_requirement, find,
    list::is_environment, names, packages, pyproject, remove::clear,
};
use installer::Installer;
use lock::Lock;
use made::{Made, Wanted};
use process::{Call, Progress};
use work::Work;

/// Builds an environment's `.venv`; `progress` gets each line that tells of it.
///
/// # Errors
/// The installer is missing or failed, or a file cannot be written. Then the
/// environment is as it was.
pub fn sync(
    environments: &Path,
    name: &str,
    options: &SyncOptions,
    progress: &mut dyn FnMut(&str),
) -> Result<Environment, EnvironmentError> {
    check_name(name)?;
    let path = environments.join(name);
    if !is_environment(&path) {
        let known = names(environments);
        return Err(EnvironmentError::NotFound { name: name.to_owned(), known });
    }
    let project = pyproject::read(&path)?.ok_or_else(|| EnvironmentError::Malformed {
        path: path.join(pyproject::FILE),
        reason: "it is not there".to_owned(),
    })?;
    project.dependencies.iter().try_for_each(|text| check_requirement(text))?;
    let work = Work::begin(&path, options, project.requires_python.as_deref())?;
    let installer = Installer::begin(&work, name, progress)?;
    let made = Made::look(&work, name)?;
    let lock = fill(&work, &installer, &made.made_for(&work, name, &project)?, progress)?;
    made.check(&work)?;
    finish(&work, &lock, &made.base, progress)?;
    drop(work);
    find(environments, name)
}

/// Installs the packages into the empty `.venv`, as the lock has them if it
/// was made for the same.
fn fill(
    work: &Work<'_>,
    installer: &Installer,
    wanted: &Wanted<'_>,
    progress: Progress<'_>,
) -> Result<Lock, EnvironmentError> {
    let kept = if work.options.upgrade { None } else { Lock::read(&work.directory)? };
    let lock = match kept.filter(|lock| lock.is_for(&wanted.made_for)) {
        Some(lock) => lock,
        None if wanted.dependencies.is_empty() => Lock::default(),
        None => {
            let requirements = work.note("requirements.txt", &wanted.dependencies.join("\n"))?;
            installer.resolve(work, &requirements, progress)?
        }
    };
    let lock = lock.for_what(wanted.made_for.clone());
    if !lock.is_empty() {
        let path = work.note("locked.txt", &lock.text())?;
        installer.install(work, &path, progress)?;
    }
    Ok(lock)
}

/// Settles, compiles, describes and swaps in the new `.venv`.
fn finish(
    work: &Work<'_>,
    lock: &Lock,
    base: &Path,
    progress: Progress<'_>,
) -> Result<(), EnvironmentError> {
    let failed = |action| {
        move |source| EnvironmentError::Files { action, path: work.directory.clone(), source }
    };
    compile(work, base, progress);
    guest_paths::settle(&work.staging).map_err(failed("settling"))?;
    let lock = lock.text();
    let project = fs::read_to_string(work.directory.join(pyproject::FILE));
    let project = project.map_err(failed("reading"))?;
    let digest = digest::of(&[&project, &lock], &work.staging).map_err(failed("reading"))?;
    // No digest stands beside packages that it is not of, whenever we end.
    clear(&work.directory.join(packages::DIGEST_FILE))
        .and_then(|()| work.swap())
        .and_then(|()| work.replace(lock::FILE, &lock))
        .and_then(|()| work.replace(packages::DIGEST_FILE, &format!("{digest}\n")))
        .map_err(failed("replacing"))
}

/// Compiles the packages, so that no run has to: runs cannot write there. The
/// base interpreter does it without its `site`, so nothing that the packages
/// would have run at a start is run. What cannot be compiled works without.
fn compile(work: &Work<'_>, base: &Path, progress: Progress<'_>) {
    progress("compiling the packages");
    let mut args: Vec<OsString> =
        ["-I", "-S", "-m", "compileall", "-q", "-j", "0"].map(OsString::from).into();
    args.extend(["--invalidation-mode", "unchecked-hash", "-d"].map(OsString::from));
    args.push(Path::new(guest::ENVIRONMENT).join("lib").into_os_string());
    args.push(work.staging.join("lib").into_os_string());
    let call = Call {
        step: "compiling the packages",
        program: base,
        args,
        directory: &work.scratch,
        env_vars: work.options.env_vars.clone(),
    };
    // Packages bring files that are meant not to compile.
    let _ = call.run(&mut |_| {});
}
