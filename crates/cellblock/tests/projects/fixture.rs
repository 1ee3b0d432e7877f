//! A place with a repository, a store and an engine, and short ways to use them.

use std::{
    fs,
    future::Future,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use api::{Control, PolicySpec, Project, ProjectRunRequest, RunRecord, RunScope, RunStatus};
use backend_native::Native;
use engine::{Cancel, Ceiling, Config, Engine, WarmConfig};
use project::{NewProjectSpec, Projects, Settings};
use record::{BlobSettings, Blobs, Location, Retention, Store, Upkeep};

/// A list of tests of one module.
pub(crate) type Tests = &'static [(&'static str, fn())];

/// Longer than any test takes.
const PATIENCE: Duration = Duration::from_secs(240);

/// Whose everything is.
pub(crate) const TENANT: &str = "acme";

/// A directory that goes with the test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path =
            std::env::temp_dir().join(format!("cellblock-project-{}", api::RunId::generate()));
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let place = self.0.join(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
        place
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs git on the host, as the owner of a repository does.
pub(crate) fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args([
            "-c",
            "user.name=Me",
            "-c",
            "user.email=me@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(["-c", "init.defaultBranch=main", "-c", "core.hooksPath=/dev/null"])
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A place with everything.
pub(crate) struct House {
    pub(crate) scratch: Scratch,
    pub(crate) store: Store,
    pub(crate) projects: Arc<Projects>,
    pub(crate) repository: PathBuf,
}

impl House {
    /// Commits files to the repository; gives the commit.
    pub(crate) fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            self.scratch.write(&format!("repository/{name}"), text);
        }
        git(&self.repository, &["add", "--all", "--force"]);
        git(&self.repository, &["commit", "--quiet", "--allow-empty", "--message", "More"]);
        git(&self.repository, &["rev-parse", "HEAD"])
    }

    /// Registers the repository.
    pub(crate) async fn register(&self, name: &str) -> Project {
        self.projects.add(TENANT, &self.spec(name)).await.unwrap()
    }

    pub(crate) fn spec(&self, name: &str) -> NewProjectSpec {
        NewProjectSpec {
            name: name.to_owned(),
            repository: self.repository.display().to_string(),
            ..NewProjectSpec::default()
        }
    }

    /// Projects of another process on the same records.
    pub(crate) fn another(&self, settings: impl FnOnce(&mut Settings)) -> Arc<Projects> {
        projects(&self.scratch, &self.store, false, settings)
    }

    /// Projects that may use the network.
    pub(crate) fn connected(&self) -> Arc<Projects> {
        projects(&self.scratch, &self.store, true, |_| {})
    }

    /// Runs and waits for the end.
    pub(crate) async fn run(&self, request: &ProjectRunRequest) -> RunRecord {
        self.projects.run(TENANT, "tester", request).await.unwrap()
    }
}

fn settings(scratch: &Scratch) -> Settings {
    let allow_missing = match std::env::var_os("CELLBLOCK_ALLOW_MISSING") {
        Some(value) if value == "cgroup" => {
            [Control::Memory, Control::Pids, Control::Cpu, Control::CpuTime].into()
        }
        _ => [].into(),
    };
    Settings {
        policy: PolicySpec { allow_missing, ..PolicySpec::default() },
        repository_dirs: vec![scratch.0.clone()],
        data_dirs: vec![scratch.0.clone()],
        renew_every: Duration::from_millis(300),
        ..Settings::new(scratch.0.join("cache"))
    }
}

fn projects(
    scratch: &Scratch,
    store: &Store,
    full_network: bool,
    change: impl FnOnce(&mut Settings),
) -> Arc<Projects> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    // Callers may share nothing: projects do not need it.
    let ceiling = Ceiling { shares: false, full_network, ..Ceiling::own_machine() };
    let config = Config {
        ceiling,
        environments: scratch.0.join("environments"),
        search_path: usual.into_iter().chain(std::env::split_paths(&path)).collect(),
        python: None,
        runs_max: 64,
        warm: WarmConfig::default(),
    };
    let engine = Arc::new(Engine::new(config, Arc::new(Native::new().unwrap())));
    let blobs = Blobs::open(&BlobSettings::directory(scratch.0.join("blobs")), store).unwrap();
    let mut settings = settings(scratch);
    change(&mut settings);
    Projects::new(engine, store.clone(), blobs, settings).unwrap()
}

/// Runs a test on a house with an empty repository; `slots` runs at once.
pub(crate) fn in_house<T: Future<Output = ()>>(slots: usize, test: impl FnOnce(Arc<House>) -> T) {
    with_lease(slots, Duration::from_secs(30), test);
}

/// The same, with claims that last so long.
pub(crate) fn with_lease<T: Future<Output = ()>>(
    slots: usize,
    lease: Duration,
    test: impl FnOnce(Arc<House>) -> T,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let scratch = Scratch::new();
        let repository = scratch.0.join("repository");
        fs::create_dir(&repository).unwrap();
        git(&repository, &["init", "--quiet"]);
        let path = scratch.0.join("records.sqlite").display().to_string();
        let location = Location::parse(&path).unwrap();
        let settings = record::Settings { lease, ..record::Settings::default() };
        let store = Store::open_with(&location, settings).await.unwrap();
        let projects = projects(&scratch, &store, false, |_| {});
        let house = Arc::new(House { scratch, store, projects, repository });
        let shutdown = Cancel::new();
        let work = Arc::clone(&house.projects).work(slots, shutdown.clone());
        let worker = tokio::spawn(work);
        let blobs = BlobSettings::directory(house.scratch.0.join("blobs"));
        let blobs = Blobs::open(&blobs, &house.store).unwrap();
        let upkeep = Upkeep::new(house.store.clone(), blobs, Retention::default());
        let upkeep = tokio::spawn(async move { upkeep.go_on().await });
        tokio::time::timeout(PATIENCE, test(Arc::clone(&house))).await.unwrap();
        shutdown.cancel();
        worker.await.unwrap();
        upkeep.abort();
        house.store.close().await;
    });
}

/// A run of a whole project.
pub(crate) fn whole(project: &str) -> ProjectRunRequest {
    ProjectRunRequest {
        project: project.to_owned(),
        scope: RunScope::Project,
        model: None,
        branch: None,
        commit_sha: None,
        parameters: None,
        snapshot: None,
        wall_time_ms: None,
        attempts_max: None,
    }
}

/// A run of one model.
pub(crate) fn model(project: &str, name: &str) -> ProjectRunRequest {
    ProjectRunRequest { scope: RunScope::Model, model: Some(name.to_owned()), ..whole(project) }
}

/// What a record says, for a failed assertion.
pub(crate) fn shown(record: &RunRecord) -> String {
    format!("{:?} {:?} {} {}", record.status, record.error, record.stdout.head, record.stderr.head)
}

#[track_caller]
pub(crate) fn succeeded(record: &RunRecord) {
    assert_eq!(record.status, RunStatus::Success, "{}", shown(record));
}
