//! Runs of projects: asked for, waited for, found, repeated and compared.

use std::time::Duration;

use api::{
    ArtifactInfo, Comparison, OutputHead, Project, ProjectRunRequest, RepositoryKind, RunId,
    RunKind, RunOutput, RunOutputs, RunRecord, RunScope, RunStatus,
};
use record::{Cancelled, Filter, Found, NewRecord, Page, RunEvent};
use tokio::time::{Instant, timeout};

use super::{Projects, wanted};
use crate::{
    GitSource, ProjectError,
    compare::{Metrics, changes},
    media::{JSON, is_text},
    order::{Order, parameters},
};

/// How often the record of a run that others may carry out is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most of an output that is shown at once, by kind, and of all together.
const JSON_BYTES_MAX: u64 = 256 * 1024;
const TEXT_BYTES_MAX: u64 = 64 * 1024;
const SHOWN_BYTES_MAX: u64 = 2 << 20;
/// The largest output that is handed out: what is kept is.
const OUTPUT_BYTES_MAX: u64 = record::ARTIFACT_BYTES_MAX;

/// A run that was repeated.
#[derive(Clone, Debug)]
pub struct Rerun {
    /// The new run.
    pub record: RunRecord,
    /// Whether it left the same, byte for byte; `None` while that is not known.
    pub identical: Option<bool>,
}

impl Projects {
    /// Puts a run into the queue. It is durable when this returns, and goes on whether
    /// anybody waits for it or not.
    ///
    /// # Errors
    /// The request names something that is not there, or the queue is full.
    pub async fn start(
        &self,
        tenant: &str,
        asker: &str,
        request: &ProjectRunRequest,
    ) -> Result<RunRecord, ProjectError> {
        wanted::check(request, self.wall_time_max())?;
        let parameters = parameters(request.parameters.clone())?;
        let project = self.show(tenant, &request.project).await?;
        let (branch, commit) = (request.branch.as_deref(), request.commit_sha.as_deref());
        let commit = self.commit(tenant, &project, branch, commit).await?;
        let order = Order {
            project_id: project.project_id.to_string(),
            repository: project.repository.clone(),
            git: self.git_directory(&project)?,
            commit,
            scope: request.scope,
            model: request.model.clone(),
            parameters,
            snapshot: self.pinned(tenant, &project, request.snapshot.as_deref()).await?,
            environment: project.environment.clone(),
            wall_time_ms: request.wall_time_ms,
        };
        let branch = match request.commit_sha {
            Some(_) => request.branch.clone(),
            None => Some(request.branch.clone().unwrap_or_else(|| project.default_branch.clone())),
        };
        let record = NewRecord { branch, ..record(tenant, asker, &project, &order) };
        self.enqueue(tenant, record, request.attempts_max).await
    }

    /// Waits until a run has ended, for so long at most, and gives its record as it is then.
    /// Where this process carries out no more runs, it waits for none.
    ///
    /// # Errors
    /// There is no such run.
    pub async fn wait(
        &self,
        tenant: &str,
        run_id: RunId,
        patience: Duration,
    ) -> Result<RunRecord, ProjectError> {
        let deadline = Instant::now() + patience;
        let mut ended = self.ended.subscribe();
        loop {
            ended.mark_unchanged();
            let record = self.store.record(tenant, run_id).await?;
            let record = record.ok_or_else(|| no_run(&run_id.to_string()))?;
            let left = deadline.saturating_duration_since(Instant::now());
            if record.status.is_final() || left.is_zero() || self.over.is_cancelled() {
                return Ok(record);
            }
            let _ = timeout(left.min(LOOK_EVERY), ended.changed()).await;
        }
    }

    /// Starts a run and waits for its end, however long it waits in the queue and takes.
    ///
    /// # Errors
    /// As of [`Projects::start`].
    pub async fn run(
        &self,
        tenant: &str,
        asker: &str,
        request: &ProjectRunRequest,
    ) -> Result<RunRecord, ProjectError> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let started = self.start(tenant, asker, request).await?;
        self.wait(tenant, started.run_id, DAY).await
    }

    /// A run by its id or an unambiguous beginning of it.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub async fn get(&self, tenant: &str, id: &str) -> Result<RunRecord, ProjectError> {
        match self.store.run(tenant, id).await? {
            Found::One(record) => Ok(*record),
            Found::None => Err(no_run(id)),
            Found::Ambiguous => {
                Err(ProjectError::Ambiguous { prefix: id.chars().take(40).collect() })
            }
        }
    }

    /// Runs, newest first.
    ///
    /// # Errors
    /// The cursor is none, or the records cannot be read.
    pub async fn runs(&self, tenant: &str, filter: &Filter) -> Result<Page, ProjectError> {
        Ok(self.store.list(tenant, filter).await?)
    }

    /// Takes a run back. Says what it has come to so far.
    ///
    /// # Errors
    /// There is no such run.
    pub async fn cancel(&self, tenant: &str, id: &str) -> Result<Cancelled, ProjectError> {
        let record = self.get(tenant, id).await?;
        let cancelled = self.store.request_cancel(tenant, record.run_id).await?;
        self.held.cancel(record.run_id);
        self.tell_ended();
        Ok(cancelled)
    }

    /// What a run has said so far, after an event.
    ///
    /// # Errors
    /// There is no such run.
    pub async fn events(
        &self,
        tenant: &str,
        run_id: RunId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<RunEvent>, ProjectError> {
        Ok(self.store.events_after(tenant, run_id, after, limit).await?)
    }

    /// One output of a run, of at most 10 MiB, with what it is. `stdout` and `stderr` are
    /// the streams, whatever the run left; a file of such a name, as any other, is found
    /// below `outputs/`, too.
    ///
    /// # Errors
    /// The run has none of that name, or it is larger.
    pub async fn output(
        &self,
        record: &RunRecord,
        name: &str,
    ) -> Result<(String, Vec<u8>), ProjectError> {
        if let Some(stream) = stream_of(record, name) {
            let bytes = match &stream.sha256 {
                Some(sha256) => self.blobs.read(sha256, OUTPUT_BYTES_MAX).await?,
                None => stream.head.clone().into_bytes(),
            };
            return Ok(("text/plain".to_owned(), bytes));
        }
        if let Some(artifact) = artifact_of(record, name) {
            let (given, maximum) = (artifact.size_bytes, OUTPUT_BYTES_MAX);
            if given > maximum {
                return Err(ProjectError::TooLarge { what: "the output", given, maximum });
            }
            let bytes = self.blobs.read(&artifact.sha256, maximum).await?;
            return Ok((artifact.media_type.clone(), bytes));
        }
        Err(ProjectError::NotFound { what: "output", name: name.chars().take(200).collect() })
    }

    /// Every output of a run; what is small, JSON or text, with what it says.
    ///
    /// # Errors
    /// An output that should be there is not.
    pub async fn outputs(&self, record: &RunRecord) -> Result<RunOutputs, ProjectError> {
        let (mut outputs, mut left) = (RunOutputs::new(), SHOWN_BYTES_MAX);
        for artifact in &record.artifacts {
            let mut output = RunOutput {
                media_type: artifact.media_type.clone(),
                size_bytes: artifact.size_bytes,
                sha256: artifact.sha256.clone(),
                json: None,
                text: None,
            };
            let most = match artifact.media_type.as_str() {
                JSON => JSON_BYTES_MAX,
                kind if is_text(kind) => TEXT_BYTES_MAX,
                _ => 0,
            };
            if artifact.size_bytes <= most.min(left) {
                left -= artifact.size_bytes;
                let bytes = self.blobs.read(&artifact.sha256, most).await?;
                output.json = (output.media_type == JSON)
                    .then(|| serde_json::from_slice(&bytes).ok())
                    .flatten();
                output.text = match output.json {
                    None => String::from_utf8(bytes).ok(),
                    Some(_) => None,
                };
            }
            outputs.insert(artifact.name.clone(), output);
        }
        Ok(outputs)
    }

    /// What two runs' numbers differ in.
    ///
    /// # Errors
    /// An output that should be there is not.
    pub async fn compare(
        &self,
        base: &RunRecord,
        scenario: &RunRecord,
    ) -> Result<Comparison, ProjectError> {
        let (one, other) = (self.metrics(base).await?, self.metrics(scenario).await?);
        let (changes, compared, is_cut) = changes(&one, &other);
        Ok(Comparison {
            base_run_id: base.run_id,
            scenario_run_id: scenario.run_id,
            same_snapshot: base.snapshot == scenario.snapshot,
            identical: identical(base, scenario),
            changes,
            compared,
            is_cut,
        })
    }

    /// Repeats a run with the same inputs; waits for its end if that is wanted.
    ///
    /// # Errors
    /// It is no run of a project, its project is gone, or its record cannot be read.
    pub async fn rerun(
        &self,
        tenant: &str,
        asker: &str,
        id: &str,
        patience: Duration,
    ) -> Result<Rerun, ProjectError> {
        let before = self.get(tenant, id).await?;
        let reason = "only a project's run can be repeated";
        let unfit = || ProjectError::Request { reason };
        let request = before.request.clone().filter(|_| before.kind == RunKind::Project);
        let order: Order =
            serde_json::from_value(request.ok_or_else(unfit)?).map_err(|_| unfit())?;
        let project = match before.project_id {
            Some(id) => self.store.project_by_id(tenant, id).await?,
            None => None,
        };
        let project =
            project.ok_or(ProjectError::Request { reason: "the project of the run is gone" })?;
        // What may be read is the operator's word of now.
        self.source(&project)?;
        let record = NewRecord {
            branch: before.branch.clone(),
            rerun_of: Some(before.run_id),
            ..record(tenant, asker, &project, &order)
        };
        let started = self.enqueue(tenant, record, Some(before.attempts_max)).await?;
        let record = self.wait(tenant, started.run_id, patience).await?;
        let identical = identical(&before, &record);
        Ok(Rerun { record, identical })
    }

    async fn enqueue(
        &self,
        tenant: &str,
        record: NewRecord,
        attempts_max: Option<u32>,
    ) -> Result<RunRecord, ProjectError> {
        self.store.enqueue(&record, attempts_max.unwrap_or(1)).await?;
        self.wake.notify_one();
        let opened = self.store.record(tenant, record.run_id).await?;
        opened.ok_or_else(|| no_run(&record.run_id.to_string()))
    }

    /// The snapshot that a run sees: the one that is named, the newest, or one of now.
    async fn pinned(
        &self,
        tenant: &str,
        project: &Project,
        named: Option<&str>,
    ) -> Result<Option<String>, ProjectError> {
        if let Some(id) = named {
            let found = self.store.snapshot(tenant, project.project_id, id).await?;
            let name = id.chars().take(80).collect();
            let found = found.ok_or(ProjectError::NotFound { what: "snapshot", name })?;
            return Ok(Some(found.snapshot_id));
        }
        let newest = self.store.snapshots(tenant, project.project_id, 1, None).await?;
        if let Some(newest) = newest.items.into_iter().next() {
            return Ok(Some(newest.snapshot_id));
        }
        match self.sources(tenant, project).await?.is_empty() {
            true => Ok(None),
            false => Ok(Some(self.take_snapshot(tenant, project).await?.snapshot_id)),
        }
    }

    fn git_directory(&self, project: &Project) -> Result<Option<String>, ProjectError> {
        match (project.repository_kind, self.source(project)?) {
            (RepositoryKind::Local, GitSource::Directory { git, .. }) => Ok(Some(git.to_owned())),
            _ => Ok(None),
        }
    }

    async fn metrics(&self, record: &RunRecord) -> Result<Metrics, ProjectError> {
        let mut metrics = Metrics::default();
        if let Some(result) = &record.result {
            metrics.add("", result);
        }
        for (name, output) in self.outputs(record).await? {
            if let Some(json) = &output.json {
                metrics.add(&name, json);
            }
        }
        Ok(metrics)
    }
}

fn record(tenant: &str, asker: &str, project: &Project, order: &Order) -> NewRecord {
    let model = order.model.clone().filter(|_| order.scope == RunScope::Model);
    NewRecord {
        project_id: Some(project.project_id),
        project: Some(project.name.clone()),
        model,
        scope: Some(order.scope.word().to_owned()),
        commit_sha: Some(order.commit.clone()),
        snapshot: order.snapshot.clone(),
        code_digest: Some(order.code_digest()),
        environment: Some(order.environment.clone()),
        request: serde_json::to_value(order).ok(),
        ..NewRecord::new(RunId::generate(), tenant, RunKind::Project, asker)
    }
}

/// The stream of a name, if it is one's.
fn stream_of<'a>(record: &'a RunRecord, name: &str) -> Option<&'a OutputHead> {
    match name {
        "stdout" => Some(&record.stdout),
        "stderr" => Some(&record.stderr),
        _ => None,
    }
}

/// The file of a name, or of a path below `/outputs`.
fn artifact_of<'a>(record: &'a RunRecord, name: &str) -> Option<&'a ArtifactInfo> {
    let find = |name: &str| record.artifacts.iter().find(|artifact| artifact.name == name);
    find(name).or_else(|| name.strip_prefix("outputs/").and_then(find))
}

/// Whether two runs left the same; `None` unless both succeeded.
fn identical(one: &RunRecord, other: &RunRecord) -> Option<bool> {
    let has_succeeded = |record: &RunRecord| record.status == RunStatus::Success;
    if !has_succeeded(one) || !has_succeeded(other) {
        return None;
    }
    let left = |record: &RunRecord| {
        let files = record.artifacts.iter().map(|file| (file.name.clone(), file.sha256.clone()));
        (files.collect::<std::collections::BTreeMap<_, _>>(), record.result.clone())
    };
    Some(left(one) == left(other))
}

fn no_run(id: &str) -> ProjectError {
    ProjectError::NotFound { what: "run", name: id.chars().take(40).collect() }
}
