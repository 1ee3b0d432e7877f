//! What is measured: a program that does nothing, a script, the binaries. Lies in
//! a temporary directory that goes with the fixture.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::args::{Args, Peer};

/// The text that the script prints.
pub(crate) const GREETING: &str = "hello";

/// What to do where it is missing.
pub(crate) const NO_BWRAP: &str =
    "bwrap is not here: install the package bubblewrap, or leave it out (see `--help`)";

/// Binaries and files that the subjects are made of.
#[derive(Debug)]
pub(crate) struct Fixture {
    directory: PathBuf,
    pub(crate) cellblock: PathBuf,
    pub(crate) bwrap: Option<PathBuf>,
    pub(crate) python: PathBuf,
}

impl Fixture {
    /// Makes everything and finds the binaries.
    ///
    /// # Errors
    /// Something is missing; says what to install or to pass.
    pub(crate) fn make(args: &Args) -> Result<Self> {
        let directory = env::temp_dir().join(format!("cellblock-bench-{}", std::process::id()));
        fs::create_dir_all(directory.join("share")).context("no temporary directory can be had")?;
        let mut fixture =
            Self { directory, cellblock: PathBuf::new(), bwrap: None, python: args.python.clone() };
        // From here on an error removes the directory, too.
        fixture.fill()?;
        fixture.cellblock = match &args.cellblock {
            Some(path) => path.clone(),
            None => build_cellblock()?,
        };
        if args.wants(Peer::Bwrap) {
            fixture.bwrap = Some(find("bwrap").context(NO_BWRAP)?);
        }
        if !fixture.python.is_file() {
            bail!("{} is not here: pass `--python`", fixture.python.display());
        }
        if let Some(command) = &args.bubble_sandbox {
            fixture.make_bubble_environment(command)?;
        }
        Ok(fixture)
    }

    fn fill(&self) -> Result<()> {
        for path in [self.directory.clone(), self.share()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        fs::write(self.script(), format!("print({GREETING:?})\n"))?;
        let source = self.directory.join("noop.c");
        fs::write(&source, "int main(void) { return 0; }\n")?;
        let mut compiler = Command::new("cc");
        compiler.args(["-static", "-O2", "-o"]).arg(self.noop()).arg(source);
        run(compiler).context("a static program cannot be made: install a C compiler")
    }

    /// The directory that is shared with sandboxes.
    pub(crate) fn share(&self) -> PathBuf {
        self.directory.join("share")
    }

    /// The program that does nothing, statically linked.
    pub(crate) fn noop(&self) -> PathBuf {
        self.share().join("noop")
    }

    /// The script that prints [`GREETING`].
    pub(crate) fn script(&self) -> PathBuf {
        self.directory.join("hello.py")
    }

    /// Where subjects start; no configuration lies there or in their home.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// bubble-sandbox has no environment of its own.
    fn make_bubble_environment(&self, command: &Path) -> Result<()> {
        let place = self.directory.join("environments/bare");
        fs::create_dir_all(&place)?;
        fs::write(place.join("pyproject.toml"), "[project]\nname = \"bare\"\nversion = \"0\"\n")?;
        let mut make = Command::new(command.with_file_name("python"));
        make.args(["-m", "venv", "--without-pip"]).arg(place.join(".venv"));
        run(make).context("no environment can be made for bubble-sandbox")
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // What cannot be removed is in a temporary directory.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Builds the binary of this workspace, which then lies beside our own.
///
/// # Errors
/// It cannot be built, or is no release build.
pub(crate) fn build_cellblock() -> Result<PathBuf> {
    if let Some(cargo) = env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--release", "--package", "cellblock"]);
        run(build).context("cellblock cannot be built")?;
    }
    let path = env::current_exe()?.with_file_name("cellblock");
    if !path.with_file_name("bench").is_file() || !path.is_file() {
        bail!("no cellblock lies beside this program: pass `--cellblock`");
    }
    if !path.parent().is_some_and(|place| place.ends_with("release")) {
        bail!("this is no release build: use `cargo run --release -p bench`");
    }
    Ok(path)
}

/// Finds a program.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|place| place.join(name)).find(|path| path.is_file())
}

fn run(mut command: Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} cannot be started"))?;
    if !status.success() {
        bail!("{command:?} failed");
    }
    Ok(())
}
