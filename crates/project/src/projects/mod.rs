//! Projects, as the adapters have them: the command line, HTTP and MCP.

mod code;
mod data;
mod runs;
mod wanted;

use std::{fs::DirBuilder, io, os::unix::fs::DirBuilderExt, sync::Arc};

use api::{Project, RepositoryKind};
use engine::{Cancel, Engine};
use record::{Blobs, Listed, NewProject, Store, StoreError};
use tokio::sync::{Notify, watch};

pub use runs::Rerun;

use crate::{
    Buckets, Git, GitSource, ProjectError, Settings, cache::Cache, checkout::Checkouts,
    data::Snapshots, desk, held::Held, names,
};

/// The longest description of a project.
const DESCRIPTION_BYTES_MAX: usize = 4096;
/// The branch of a repository that has none yet.
const NO_BRANCH: &str = "main";

/// Projects: their code, their data and their runs. One for a whole program.
pub struct Projects {
    pub(crate) engine: Arc<Engine>,
    pub(crate) store: Store,
    pub(crate) blobs: Blobs,
    pub(crate) settings: Arc<Settings>,
    pub(crate) git: Git,
    pub(crate) checkouts: Checkouts,
    pub(crate) snapshots: Snapshots,
    /// Wakes the worker of this process.
    pub(crate) wake: Notify,
    /// Counts runs that ended in this process.
    pub(crate) ended: watch::Sender<u64>,
    pub(crate) held: Held,
    /// Cancelled when the worker of this process has ended.
    pub(crate) over: Cancel,
}

/// A project that is to be registered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewProjectSpec {
    /// Its name.
    pub name: String,
    /// What it is, in its owner's words.
    pub description: String,
    /// Where its repository is: an address, or an absolute path.
    pub repository: String,
    /// The environment that it runs in; `bare` if left out.
    pub environment: Option<String>,
}

impl Projects {
    /// Projects that are kept in a store.
    ///
    /// # Errors
    /// The directories of what is kept ready cannot be made.
    pub fn new(
        engine: Arc<Engine>,
        store: Store,
        blobs: Blobs,
        settings: Settings,
    ) -> io::Result<Arc<Self>> {
        let git = Arc::clone(&engine);
        Self::with_git(engine, git, (store, blobs), settings)
    }

    /// The same with another engine for git, whose ceiling may have the network that it
    /// needs where nobody's code may have it.
    ///
    /// # Errors
    /// As of [`Projects::new`].
    pub fn with_git(
        engine: Arc<Engine>,
        git: Arc<Engine>,
        (store, blobs): (Store, Blobs),
        settings: Settings,
    ) -> io::Result<Arc<Self>> {
        // Code and data are nobody else's on this host.
        DirBuilder::new().recursive(true).mode(0o700).create(&settings.cache_dir)?;
        let settings =
            Settings { cache_dir: std::fs::canonicalize(&settings.cache_dir)?, ..settings };
        desk::clear_away(&settings.cache_dir)?;
        let cache =
            |name: &str| Cache::open(settings.cache_dir.join(name), settings.cache_bytes_max);
        let (trees, data) = (cache("trees")?, cache("data")?);
        let settings = Arc::new(settings);
        let git = Git::new(git, Arc::clone(&settings));
        Ok(Arc::new(Self {
            checkouts: Checkouts::new(git.clone(), trees, Arc::clone(&settings)),
            snapshots: Snapshots::new(store.clone(), blobs.clone(), data),
            engine,
            store,
            blobs,
            settings,
            git,
            wake: Notify::new(),
            ended: watch::Sender::new(0),
            held: Held::default(),
            over: Cancel::new(),
        }))
    }

    /// Registers a project. Its repository is asked for its branches.
    ///
    /// # Errors
    /// The name is taken or malformed, or the repository cannot be had.
    pub async fn add(&self, tenant: &str, new: &NewProjectSpec) -> Result<Project, ProjectError> {
        names::plain("project", &new.name)?;
        if new.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(ProjectError::TooLarge {
                what: "the description",
                given: new.description.len() as u64,
                maximum: DESCRIPTION_BYTES_MAX as u64,
            });
        }
        let source = GitSource::parse(&new.repository, &self.settings.repository_dirs)?;
        let refs = self.git.refs(tenant, &source).await?;
        let environment = new.environment.as_deref().unwrap_or(engine::environment::BARE);
        let project = NewProject {
            name: new.name.clone(),
            description: new.description.clone(),
            repository: source.text(),
            repository_kind: match source {
                GitSource::Url(_) => RepositoryKind::Remote,
                GitSource::Directory { .. } => RepositoryKind::Local,
            },
            default_branch: refs.default_branch.unwrap_or_else(|| NO_BRANCH.to_owned()),
            environment: environment.to_owned(),
        };
        self.store.add_project(tenant, &project).await.map_err(|error| match error {
            StoreError::Exists { what } => ProjectError::Exists { what, name: project.name },
            error => error.into(),
        })
    }

    /// A tenant's projects, by name.
    ///
    /// # Errors
    /// The records cannot be read.
    pub async fn list(
        &self,
        tenant: &str,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Listed<Project>, ProjectError> {
        Ok(self.store.projects(tenant, limit, cursor).await?)
    }

    /// A project by its name.
    ///
    /// # Errors
    /// There is none.
    pub async fn show(&self, tenant: &str, name: &str) -> Result<Project, ProjectError> {
        let found = self.store.project(tenant, name).await?;
        let name = name.chars().take(80).collect();
        found.ok_or(ProjectError::NotFound { what: "project", name })
    }

    /// Forgets a project with its data; the records of its runs stay.
    ///
    /// # Errors
    /// There is none, or runs of it wait or run.
    pub async fn remove(&self, tenant: &str, name: &str) -> Result<(), ProjectError> {
        let project = self.show(tenant, name).await?;
        self.store.delete_project(tenant, project.project_id).await?;
        Ok(())
    }

    /// Whether a repository or data may be fetched over the network.
    #[must_use]
    pub fn may_fetch(&self) -> bool {
        self.git.has_network() || self.settings.buckets != Buckets::Only(Vec::new())
    }

    /// The most bytes of an upload.
    #[must_use]
    pub fn upload_bytes_max(&self) -> u64 {
        self.settings.upload_bytes_max
    }

    pub(crate) fn tell_ended(&self) {
        self.ended.send_modify(|count| *count = count.wrapping_add(1));
    }
}
