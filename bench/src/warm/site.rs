//! What the parts are made of: the interpreter, bubblewrap, the environment with pandas.

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use engine::environment::{self, NewEnvironment, State, SyncOptions};

use super::args::SiteArgs;
use crate::fixture;

/// The environment with pandas.
pub(crate) const PANDAS: &str = "pandas";
/// What is loaded ahead in it.
const PRELOAD: &str = "\n[tool.cellblock]\npreload = [\"numpy\", \"pandas\"]\n";

/// What the parts are made of. Its temporary directory goes with it.
#[derive(Debug)]
pub(crate) struct Site {
    directory: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) bwrap: Option<PathBuf>,
    pub(crate) environments: PathBuf,
    pub(crate) has_pandas: bool,
}

impl Site {
    /// Finds everything; builds the environment if it is not there, unless this is to
    /// do without the registry.
    ///
    /// # Errors
    /// Something is missing; says what to install or to pass.
    pub(crate) fn make(args: &SiteArgs, may_build: bool) -> Result<Self> {
        let bwrap = match args.without_bwrap {
            true => None,
            false => Some(fixture::find("bwrap").context(fixture::NO_BWRAP)?),
        };
        if !args.python.is_file() {
            bail!("{} is not here: pass `--python`", args.python.display());
        }
        let environments = match &args.environments {
            Some(place) => place.clone(),
            None => usual_environments()?,
        };
        let has_pandas = is_ready(&environments);
        let directory = env::temp_dir().join(format!("cellblock-bench-{}", std::process::id()));
        let python = args.python.clone();
        let mut site = Self { directory, python, bwrap, environments, has_pandas };
        fs::create_dir_all(&site.directory).context("no temporary directory can be had")?;
        if may_build && !site.has_pandas && !args.without_pandas {
            site.build_pandas()?;
        }
        site.has_pandas &= !args.without_pandas;
        Ok(site)
    }

    /// A file of the temporary directory with this text.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name);
        fs::write(&path, text)?;
        Ok(path)
    }

    /// Where programs start.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The interpreter of the environment with pandas, as the host sees it.
    pub(crate) fn pandas_python(&self) -> PathBuf {
        self.environments.join(PANDAS).join(".venv/bin/python")
    }

    fn build_pandas(&mut self) -> Result<()> {
        let place = self.environments.join(PANDAS);
        let new = NewEnvironment {
            name: PANDAS.to_owned(),
            description: Some("what the benchmark of warm sandboxes loads".to_owned()),
            dependencies: vec!["numpy".to_owned(), "pandas".to_owned()],
            python: None,
        };
        if !place.join("pyproject.toml").is_file() {
            environment::create(&self.environments, &new)?;
            let file = fs::OpenOptions::new().append(true).open(place.join("pyproject.toml"));
            file?.write_all(PRELOAD.as_bytes())?;
        }
        let vars = env::vars().filter(|(name, _)| environment::is_for_installer(name));
        let options = SyncOptions {
            search_path: env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect(),
            python: Some(self.python.clone()),
            env_vars: vars.collect(),
            ..SyncOptions::default()
        };
        let mut tell = |line: &str| {
            // Nobody is left to tell if that fails.
            let _ = writeln!(std::io::stderr(), "{line}");
        };
        environment::sync(&self.environments, PANDAS, &options, &mut tell)
            .context("the environment with pandas cannot be built: pass `--without-pandas`")?;
        self.has_pandas = true;
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What cannot be removed is in a temporary directory.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn is_ready(environments: &Path) -> bool {
    environment::find(environments, PANDAS).is_ok_and(|found| found.state == State::Ready)
}

/// Beside the build that this program is of.
fn usual_environments() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let target = program.parent().and_then(Path::parent).context("this program is nowhere")?;
    Ok(target.join("bench-environments"))
}
