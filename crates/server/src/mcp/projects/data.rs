//! `ingest_data_source`, `list_data_sources`, `list_snapshots` and `delete_snapshot`.

use std::{iter, path::PathBuf};

use api::{DataFile, DataSnapshot, DataSource, Project};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// How many snapshots are listed.
const SNAPSHOTS_MAX: u32 = 500;

/// What data is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SpecKind {
    /// A file that comes with it.
    FileUpload,
    /// A directory of the server's host.
    Directory,
    /// A bucket, or what is below a prefix of it.
    Bucket,
}

/// Data, and what it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DataSpec {
    /// `file_upload`; or `directory` or `bucket` for one that the operator allows.
    kind: SpecKind,
    /// The file's name: CSV, XLSX, Parquet or JSON by its suffix.
    file_name: Option<String>,
    /// What it holds, as text; or else `content_base64`.
    content: Option<String>,
    /// What it holds, in base64.
    content_base64: Option<String>,
    /// The directory's absolute path.
    #[schema(value_type = Option<String>)]
    path: Option<PathBuf>,
    /// The bucket's URL: `s3://bucket/prefix`, `gs://…` or `az://…`.
    url: Option<String>,
}

/// A data source that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IngestArgs {
    /// The project.
    project_name: String,
    /// The source; one of that name is replaced.
    source_name: String,
    /// The data.
    spec: DataSpec,
}

/// A data source that was taken, and the snapshot that has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Ingested {
    /// The source.
    source: DataSource,
    /// The project's data from now on.
    data_snapshot_ref: String,
}

/// `ingest_data_source`.
pub(super) struct IngestDataSource;

impl Kind for IngestDataSource {
    const NAME: &'static str = "ingest_data_source";
    const TITLE: &'static str = "Add data to a project";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES.with_fetching();
    type Args = IngestArgs;
    type Output = Ingested;

    fn description(_: &App) -> String {
        "Takes a file (CSV, XLSX, Parquet or JSON), a directory or a bucket as a data source of a \
         project and takes a snapshot of its data, which runs see at /data from then on."
            .to_owned()
    }

    async fn call(call: Call, args: IngestArgs) -> Result<Answer<Ingested>, Refusal> {
        let project = call.project(&args.project_name).await?;
        let source = match args.spec.kind {
            SpecKind::FileUpload => upload(&call, &project, &args.source_name, args.spec).await?,
            SpecKind::Directory | SpecKind::Bucket => {
                register(&call, &project, &args.source_name, args.spec).await?
            }
        };
        let projects = call.projects();
        let snapshot = projects.take_snapshot(call.tenant(), &project).await?;
        let text = format!("took {} into snapshot {}", source.name, snapshot.snapshot_id);
        let data_snapshot_ref = snapshot.snapshot_id;
        Ok(Answer::text(text, Ingested { source, data_snapshot_ref }))
    }
}

async fn upload(
    call: &Call,
    project: &Project,
    name: &str,
    spec: DataSpec,
) -> Result<DataSource, Refusal> {
    if spec.path.is_some() || spec.url.is_some() {
        return Err(Refusal::invalid("spec: a file_upload has neither path nor url"));
    }
    let file_name = file_name(name, spec.file_name.as_deref().unwrap_or_default())?;
    let bytes = content(spec)?;
    Ok(call.projects().upload(call.tenant(), project, &file_name, bytes).await?)
}

async fn register(
    call: &Call,
    project: &Project,
    name: &str,
    spec: DataSpec,
) -> Result<DataSource, Refusal> {
    let (projects, tenant) = (call.projects(), call.tenant());
    let DataSpec { kind, path, url, file_name: None, content: None, content_base64: None } = spec
    else {
        return Err(Refusal::invalid("spec: only a file_upload has a file_name and content"));
    };
    match (kind, path, url) {
        (SpecKind::Directory, Some(path), None) => {
            Ok(projects.add_directory(tenant, project, name, &path).await?)
        }
        (SpecKind::Bucket, None, Some(url)) => {
            Ok(projects.add_bucket(tenant, project, name, &url).await?)
        }
        _ => Err(Refusal::invalid("spec: a directory has a path, and a bucket has a url")),
    }
}

/// The name of a source's file: the source's own, with the suffix that the file came with.
fn file_name(source: &str, file: &str) -> Result<String, Refusal> {
    let suffix = file.rsplit_once('.').map(|(_, suffix)| suffix);
    let suffix = suffix.filter(|_| !file.contains('/') && !file.contains('\0'));
    let Some(suffix) = suffix else {
        return Err(Refusal::invalid("spec.file_name: a name with the suffix of its kind"));
    };
    let known = project::data_suffixes();
    if !known.contains(&suffix.to_ascii_lowercase().as_str()) {
        let message = format!("spec.file_name: the suffix is one of {}", known.join(", "));
        return Err(Refusal::invalid(message));
    }
    if source.is_empty() {
        return Err(Refusal::invalid("source_name: it is empty"));
    }
    match source.to_ascii_lowercase().ends_with(&format!(".{}", suffix.to_ascii_lowercase())) {
        true => Ok(source.to_owned()),
        false => Ok(format!("{source}.{suffix}")),
    }
}

fn content(spec: DataSpec) -> Result<Vec<u8>, Refusal> {
    match (spec.content, spec.content_base64) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => STANDARD
            .decode(base64)
            .map_err(|error| Refusal::invalid(format!("spec.content_base64: {error}"))),
        _ => Err(Refusal::invalid("spec: one of content and content_base64 has to be given")),
    }
}

/// A project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProjectArgs {
    /// The project.
    project_name: String,
}

/// Data sources of a project.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SourcesTold {
    /// By name.
    sources: Vec<DataSource>,
    /// The files of the newest snapshot, which runs see below /data: 500 of them at most.
    files: Vec<DataFile>,
}

/// `list_data_sources`.
pub(super) struct ListDataSources;

impl Kind for ListDataSources {
    const NAME: &'static str = "list_data_sources";
    const TITLE: &'static str = "List data sources";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ProjectArgs;
    type Output = SourcesTold;

    fn description(_: &App) -> String {
        "Lists what a project's data comes from, and the files that runs see.".to_owned()
    }

    async fn call(call: Call, args: ProjectArgs) -> Result<Answer<SourcesTold>, Refusal> {
        let project = call.project(&args.project_name).await?;
        let sources = call.projects().sources(call.tenant(), &project).await?;
        let files = call.projects().newest_files(call.tenant(), &project).await?;
        let names: Vec<_> = sources.iter().map(|source| source.name.as_str()).collect();
        let first = format!("{} data sources: {}", names.len(), names.join(", "));
        let line = |file: &DataFile| {
            let DataFile { path, size_bytes, media_type, .. } = file;
            format!("/data/{path}: {size_bytes} bytes, {media_type}")
        };
        let lines: Vec<_> = iter::once(first).chain(files.iter().map(line)).collect();
        Ok(Answer::text(lines.join("\n"), SourcesTold { sources, files }))
    }
}

/// A snapshot.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SnapshotTold {
    /// What runs that saw it are recorded with.
    data_snapshot_ref: String,
    /// When it was taken first, RFC 3339.
    created_at: String,
    /// How many files it has.
    file_count: u64,
    /// Their sizes together.
    size_bytes: u64,
}

impl SnapshotTold {
    fn of(snapshot: DataSnapshot) -> Self {
        Self {
            data_snapshot_ref: snapshot.snapshot_id,
            created_at: snapshot.created_at.to_string(),
            file_count: snapshot.file_count,
            size_bytes: snapshot.size_bytes,
        }
    }
}

/// Snapshots of a project's data.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SnapshotsTold {
    /// The last taken first; the first five hundred.
    snapshots: Vec<SnapshotTold>,
}

/// `list_snapshots`.
pub(super) struct ListSnapshots;

impl Kind for ListSnapshots {
    const NAME: &'static str = "list_snapshots";
    const TITLE: &'static str = "List snapshots";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ProjectArgs;
    type Output = SnapshotsTold;

    fn description(_: &App) -> String {
        "Lists the snapshots of a project's data, the last taken first.".to_owned()
    }

    async fn call(call: Call, args: ProjectArgs) -> Result<Answer<SnapshotsTold>, Refusal> {
        let project = call.project(&args.project_name).await?;
        let projects = call.projects();
        let listed = projects.snapshots(call.tenant(), &project, SNAPSHOTS_MAX, None).await?;
        let snapshots: Vec<_> = listed.items.into_iter().map(SnapshotTold::of).collect();
        let mut lines = vec![format!("{} snapshots", snapshots.len())];
        lines.extend(snapshots.iter().map(|told| format!("- {}", told.data_snapshot_ref)));
        Ok(Answer::text(lines.join("\n"), SnapshotsTold { snapshots }))
    }
}

/// A snapshot that is to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteSnapshotArgs {
    /// The project.
    project_name: String,
    /// The snapshot.
    data_snapshot_ref: String,
}

/// A snapshot that has gone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct SnapshotDeleted {
    /// The snapshot.
    data_snapshot_ref: String,
    /// `true`: it is gone.
    deleted: bool,
}

/// `delete_snapshot`.
pub(super) struct DeleteSnapshot;

impl Kind for DeleteSnapshot {
    const NAME: &'static str = "delete_snapshot";
    const TITLE: &'static str = "Delete a snapshot";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::REPLACES;
    type Args = DeleteSnapshotArgs;
    type Output = SnapshotDeleted;

    fn description(_: &App) -> String {
        "Deletes a snapshot of a project's data; refused where a run's record refers to it."
            .to_owned()
    }

    async fn call(
        call: Call,
        args: DeleteSnapshotArgs,
    ) -> Result<Answer<SnapshotDeleted>, Refusal> {
        let project = call.project(&args.project_name).await?;
        let id = args.data_snapshot_ref;
        if !call.projects().delete_snapshot(call.tenant(), &project, &id).await? {
            let message = format!("data_snapshot_ref: there is no snapshot {id:.80}");
            return Err(Refusal::new(api::ErrorCode::NotFound, message)
                .hint("list_snapshots has those that there are"));
        }
        let told = SnapshotDeleted { data_snapshot_ref: id, deleted: true };
        Ok(Answer::text("deleted it", told))
    }
}
