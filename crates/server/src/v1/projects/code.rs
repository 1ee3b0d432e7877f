//! What is in a project's repository.

use api::ProjectFile;
use axum::{
    Json as Encoded,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use project::LogPage;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    http::{Binary, Failure, FailureBody, Params, Path, Reader},
};

/// How many commits are listed if the client does not say, and the most.
const VERSIONS_USUAL: u16 = 20;
const VERSIONS_MAX: u16 = 50;
/// The most that are passed over: no history that is taken has as many.
const SKIP_MAX: u64 = 1_000_000;

/// A branch and the commit that it points to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BranchView {
    name: String,
    commit_sha: String,
}

/// The branches of a repository.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Branches {
    /// The one that is taken unasked.
    default_branch: Option<String>,
    /// By name.
    branches: Vec<BranchView>,
}

/// A project's branches, as they are now.
#[utoipa::path(get, path = "/projects/{project}/branches", tag = "projects",
    operation_id = "project_branches",
    params(("project" = String, Path, description = "Its name.")),
    responses((status = 200, description = "They are these.", body = Branches),
        (status = "default", description = "They cannot be had.", body = FailureBody)))]
pub(crate) async fn branches(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
) -> Result<Encoded<Branches>, Failure> {
    let refs = app.projects().refs(caller.tenant.as_str(), &name).await?;
    let view =
        |branch: project::Branch| BranchView { name: branch.name, commit_sha: branch.commit };
    let branches = refs.branches.into_iter().map(view).collect();
    Ok(Encoded(Branches { default_branch: refs.default_branch, branches }))
}

/// Which files are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    /// A branch, or 7 to 40 digits of a commit; the usual branch if left out.
    #[serde(rename = "ref")]
    at: Option<String>,
    /// A path from the project's top.
    path: Option<String>,
    /// Whether directories below are listed as well.
    recursive: Option<bool>,
}

/// Some files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectFiles {
    /// The commit that they are of.
    commit_sha: String,
    /// By path.
    files: Vec<ProjectFile>,
    /// Whether there are more than are told.
    truncated: bool,
}

/// Files of a project at a commit.
#[utoipa::path(get, path = "/projects/{project}/files", tag = "projects",
    operation_id = "project_files",
    params(("project" = String, Path, description = "Its name."), At),
    responses((status = 200, description = "They are these.", body = ProjectFiles),
        (status = "default", description = "They cannot be had.", body = FailureBody)))]
pub(crate) async fn files(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
    Params(at): Params<At>,
) -> Result<Encoded<ProjectFiles>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    let asked = at.at.as_deref().unwrap_or(&project.default_branch);
    let commit = projects.resolve(tenant, &project, asked).await?;
    let (path, is_recursive) = (at.path.unwrap_or_default(), at.recursive.unwrap_or(false));
    let listed = projects.files(tenant, &project, (&commit, &path), is_recursive).await?;
    Ok(Encoded(ProjectFiles { commit_sha: commit, files: listed.0, truncated: listed.1 }))
}

/// A file of a project at a commit, of at most 1 MiB.
#[utoipa::path(get, path = "/projects/{project}/files/content", tag = "projects",
    operation_id = "project_file",
    params(("project" = String, Path, description = "Its name."), At),
    responses((status = 200, description = "Its bytes.", body = inline(Binary),
            content_type = "application/octet-stream"),
        (status = "default", description = "It cannot be had.", body = FailureBody)))]
pub(crate) async fn read(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
    Params(at): Params<At>,
) -> Result<Response, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let Some(path) = at.path else { return Err(Failure::malformed("path is missing")) };
    let project = super::find(projects, &caller, &name).await?;
    let asked = at.at.as_deref().unwrap_or(&project.default_branch);
    let commit = projects.resolve(tenant, &project, asked).await?;
    let bytes = projects.read_file(tenant, &project, &commit, &path).await?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((kind, bytes).into_response())
}

/// Which commits are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct History {
    /// From where: a branch or a commit; the usual branch if left out.
    #[serde(rename = "ref")]
    at: Option<String>,
    /// Those that change this path.
    path: Option<String>,
    /// How many at most, from 1 to 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u16>,
    /// How many are passed over, a million at most.
    #[param(maximum = 1_000_000)]
    skip: Option<u64>,
}

/// A commit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VersionView {
    commit_sha: String,
    message: String,
    author: String,
    /// In ISO 8601.
    date: String,
}

/// Some commits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Versions {
    /// The newest first.
    versions: Vec<VersionView>,
}

/// Commits of a project, back in time.
#[utoipa::path(get, path = "/projects/{project}/versions", tag = "projects",
    operation_id = "project_versions",
    params(("project" = String, Path, description = "Its name."), History),
    responses((status = 200, description = "They are these.", body = Versions),
        (status = "default", description = "They cannot be had.", body = FailureBody)))]
pub(crate) async fn versions(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
    Params(wanted): Params<History>,
) -> Result<Encoded<Versions>, Failure> {
    let (limit, skip) = (wanted.limit.unwrap_or(VERSIONS_USUAL), wanted.skip.unwrap_or(0));
    if !(1..=VERSIONS_MAX).contains(&limit) {
        return Err(Failure::malformed(format!("limit has to be from 1 to {VERSIONS_MAX}")));
    }
    if skip > SKIP_MAX {
        return Err(Failure::malformed(format!("skip has to be from 0 to {SKIP_MAX}")));
    }
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    let asked = wanted.at.as_deref().unwrap_or(&project.default_branch);
    let commit = projects.resolve(tenant, &project, asked).await?;
    let page = LogPage {
        path: wanted.path.as_deref().unwrap_or_default(),
        skip,
        count: usize::from(limit),
    };
    let view = |version: project::Version| VersionView {
        commit_sha: version.commit,
        message: version.message,
        author: version.author,
        date: version.date,
    };
    let versions = projects.versions(tenant, &project, &commit, &page).await?;
    Ok(Encoded(Versions { versions: versions.into_iter().map(view).collect() }))
}

/// Between which commits.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Between {
    /// The older: a branch or a commit.
    base: String,
    /// The newer.
    head: String,
    /// What changed of this path alone.
    path: Option<String>,
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DiffView {
    /// As `git diff` writes it.
    diff: String,
    /// Whether anything has.
    has_changes: bool,
    /// Whether it is longer than is told.
    truncated: bool,
}

/// What changed from one commit to another.
#[utoipa::path(get, path = "/projects/{project}/diff", tag = "projects",
    operation_id = "project_diff",
    params(("project" = String, Path, description = "Its name."), Between),
    responses((status = 200, description = "It is this.", body = DiffView),
        (status = "default", description = "It cannot be had.", body = FailureBody)))]
pub(crate) async fn diff(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
    Params(wanted): Params<Between>,
) -> Result<Encoded<DiffView>, Failure> {
    let (projects, tenant) = (app.projects(), caller.tenant.as_str());
    let project = super::find(projects, &caller, &name).await?;
    let base = projects.resolve(tenant, &project, &wanted.base).await?;
    let head = projects.resolve(tenant, &project, &wanted.head).await?;
    let path = wanted.path.as_deref().unwrap_or_default();
    let diff = projects.diff(tenant, &project, (&base, &head), path).await?;
    let has_changes = !diff.text.is_empty();
    Ok(Encoded(DiffView { diff: diff.text, has_changes, truncated: diff.is_cut }))
}
