//! The data that a project is run on.

use std::{path::PathBuf, time::Duration};

use api::{DataFile, DataSnapshot, DataSource, ErrorCode, SnapshotFile};
use axum::{
    Json as Encoded,
    extract::{Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, time::timeout};
use utoipa::ToSchema;

use super::registry::Paging;
use crate::{
    app::App,
    http::{Binary, Failure, FailureBody, Json, OnceKey, Params, Path, Reader, Runner, bytes_of},
    v1::lists::list_size,
};

/// The largest upload: what the contract of hosted runs has.
const UPLOAD_BYTES_MAX: usize = 100 << 20;
/// Uploads at any one moment: so many times the largest is what they may hold of memory.
static UPLOADS: Semaphore = Semaphore::const_new(4);
/// How long an upload may wait for a place among them.
const PLACE_TIME_MAX: Duration = Duration::from_secs(20);

/// A project's data sources.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Sources {
    /// By name.
    sources: Vec<DataSource>,
    /// The files of the newest snapshot, which runs see: 500 of them at most.
    files: Vec<DataFile>,
}

/// What a project's data comes from.
#[utoipa::path(get, path = "/projects/{project}/sources", tag = "projects",
    operation_id = "source_list",
    params(("project" = String, Path, description = "Its name.")),
    responses((status = 200, description = "They are these.", body = Sources),
        (status = "default", description = "They cannot be listed.", body = FailureBody)))]
pub(crate) async fn sources(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
) -> Result<Encoded<Sources>, Failure> {
    let project = super::find(app.projects(), &caller, &name).await?;
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let sources = projects.sources(tenant, &project).await?;
    let files = projects.newest_files(tenant, &project).await?;
    Ok(Encoded(Sources { sources, files }))
}

/// A directory of the server's host, or a bucket. The operator has to allow it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDataSource {
    /// What the source is called; its files are below that name.
    name: String,
    /// The directory's path.
    #[schema(value_type = Option<String>)]
    directory: Option<PathBuf>,
    /// The bucket's URL instead, with a prefix: `s3://bucket/prefix`, `gs://…` or `az://…`.
    bucket: Option<String>,
}

/// Takes a directory of the server's host or a bucket as a data source. It is read whenever
/// a snapshot is taken.
#[utoipa::path(post, path = "/projects/{project}/sources", tag = "projects",
    operation_id = "source_add", request_body = NewDataSource,
    params(("project" = String, Path, description = "Its name."), OnceKey),
    responses((status = 201, description = "It is one.", body = DataSource),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn add_source(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(name): Path<String>,
    Json(new): Json<NewDataSource>,
) -> Result<(StatusCode, Encoded<DataSource>), Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    let source = match (&new.directory, &new.bucket) {
        (Some(path), None) => projects.add_directory(tenant, &project, &new.name, path).await?,
        (None, Some(url)) => projects.add_bucket(tenant, &project, &new.name, url).await?,
        _ => return Err(Failure::unprocessable("give a directory or a bucket")),
    };
    Ok((StatusCode::CREATED, Encoded(source)))
}

/// Takes the request's body as a data source: CSV, XLSX, Parquet or JSON, as the name says.
/// One of that name is replaced; snapshots that were taken of it stay as they are.
#[utoipa::path(put, path = "/projects/{project}/sources/{source}", tag = "projects",
    operation_id = "source_upload",
    params(("project" = String, Path, description = "The project's name."),
        ("source" = String, Path, description = "A file's name, such as `sales.csv`.")),
    request_body(content = inline(Binary), content_type = "application/octet-stream"),
    responses((status = 201, description = "It is one.", body = DataSource),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn upload(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((name, source)): Path<(String, String)>,
    request: Request,
) -> Result<(StatusCode, Encoded<DataSource>), Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    // Each is held in memory while it is looked at.
    let place = timeout(PLACE_TIME_MAX, UPLOADS.acquire()).await.map_err(|_| full())?;
    let place = place.map_err(|_| Failure::internal())?;
    let bytes = bytes_of(request, UPLOAD_BYTES_MAX).await?;
    let source = projects.upload(tenant, &project, &source, bytes.to_vec()).await?;
    drop(place);
    Ok((StatusCode::CREATED, Encoded(source)))
}

fn full() -> Failure {
    let (status, code) = (StatusCode::TOO_MANY_REQUESTS, ErrorCode::QuotaExceeded);
    Failure::new(status, code, "too many uploads are under way").retry(PLACE_TIME_MAX)
}

/// Forgets a data source; snapshots that were taken of it stay.
#[utoipa::path(delete, path = "/projects/{project}/sources/{source}", tag = "projects",
    operation_id = "source_remove",
    params(("project" = String, Path, description = "The project's name."),
        ("source" = String, Path, description = "The source's name.")),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn remove_source(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((name, source)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let project = super::find(app.projects(), &caller, &name).await?;
    match app.projects().remove_source(caller.tenant.as_str(), &project, &source).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Failure::not_found("data source")),
    }
}

/// Some snapshots.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Snapshots {
    /// The last taken first.
    snapshots: Vec<DataSnapshot>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// A project's data as it was at different moments.
#[utoipa::path(get, path = "/projects/{project}/snapshots", tag = "projects",
    operation_id = "snapshot_list",
    params(("project" = String, Path, description = "Its name."), Paging),
    responses((status = 200, description = "They are these.", body = Snapshots),
        (status = "default", description = "They cannot be listed.", body = FailureBody)))]
pub(crate) async fn snapshots(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Encoded<Snapshots>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    let (limit, cursor) = (list_size(paging.limit)?, paging.cursor.as_deref());
    let listed = projects.snapshots(tenant, &project, limit, cursor).await?;
    Ok(Encoded(Snapshots { snapshots: listed.items, next_cursor: listed.next_cursor }))
}

/// Keeps a project's data as it is now.
#[utoipa::path(post, path = "/projects/{project}/snapshots", tag = "projects",
    operation_id = "snapshot_take",
    params(("project" = String, Path, description = "Its name."), OnceKey),
    responses((status = 201, description = "It is this.", body = DataSnapshot),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn take(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(name): Path<String>,
) -> Result<(StatusCode, Encoded<DataSnapshot>), Failure> {
    let project = super::find(app.projects(), &caller, &name).await?;
    let snapshot = app.projects().take_snapshot(caller.tenant.as_str(), &project).await?;
    Ok((StatusCode::CREATED, Encoded(snapshot)))
}

/// What is in a snapshot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SnapshotFiles {
    /// By path.
    files: Vec<SnapshotFile>,
}

/// The files of a snapshot.
#[utoipa::path(get, path = "/projects/{project}/snapshots/{snapshot}", tag = "projects",
    operation_id = "snapshot_files",
    params(("project" = String, Path, description = "The project's name."),
        ("snapshot" = String, Path, description = "The snapshot's id.")),
    responses((status = 200, description = "They are these.", body = SnapshotFiles),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn snapshot_files(
    State(app): State<App>,
    Reader(caller): Reader,
    Path((name, snapshot)): Path<(String, String)>,
) -> Result<Encoded<SnapshotFiles>, Failure> {
    let project = super::find(app.projects(), &caller, &name).await?;
    let tenant = caller.tenant.as_str();
    let files = app.projects().snapshot_files(tenant, &project, &snapshot).await?;
    Ok(Encoded(SnapshotFiles { files }))
}

/// Deletes a snapshot that no record refers to.
#[utoipa::path(delete, path = "/projects/{project}/snapshots/{snapshot}", tag = "projects",
    operation_id = "snapshot_delete",
    params(("project" = String, Path, description = "The project's name."),
        ("snapshot" = String, Path, description = "The snapshot's id.")),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn delete_snapshot(
    State(app): State<App>,
    Runner(caller): Runner,
    Path((name, snapshot)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    let project = super::find(app.projects(), &caller, &name).await?;
    let tenant = caller.tenant.as_str();
    match app.projects().delete_snapshot(tenant, &project, &snapshot).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Failure::not_found("snapshot")),
    }
}
