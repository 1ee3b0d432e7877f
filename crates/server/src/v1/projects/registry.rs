//! Registering projects.

use api::Project;
use axum::{Json as Encoded, extract::State, http::StatusCode};
use project::NewProjectSpec;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    http::{Failure, FailureBody, Json, OnceKey, Params, Path, Reader, Runner},
    v1::lists::list_size,
};

/// A project that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProject {
    /// Its name: letters, digits, `-`, `_` and `.`.
    name: String,
    /// Where its repository is: a URL, or a path that the operator allows.
    repository: String,
    /// What it is.
    #[serde(default)]
    description: String,
    /// The environment that it runs in; `bare` if left out.
    #[serde(default)]
    environment: Option<String>,
}

/// Registers a project. Nothing of the repository is kept before it is run.
#[utoipa::path(post, path = "/projects", tag = "projects", operation_id = "project_add",
    request_body = NewProject, params(OnceKey),
    responses((status = 201, description = "It is registered.", body = Project),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn add(
    State(app): State<App>,
    Runner(caller): Runner,
    Json(new): Json<NewProject>,
) -> Result<(StatusCode, Encoded<Project>), Failure> {
    let NewProject { name, repository, description, environment } = new;
    let new = NewProjectSpec { name, description, repository, environment };
    let project = app.projects().add(caller.tenant.as_str(), &new).await?;
    Ok((StatusCode::CREATED, Encoded(project)))
}

/// Which page is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// How many at most, from 1 to 500.
    pub(super) limit: Option<i64>,
    /// Where the page before ended.
    pub(super) cursor: Option<String>,
}

/// Some projects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProjectList {
    /// By name.
    projects: Vec<Project>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// The caller's projects.
#[utoipa::path(get, path = "/projects", tag = "projects", operation_id = "project_list",
    params(Paging),
    responses((status = 200, description = "They are these.", body = ProjectList),
        (status = "default", description = "They cannot be listed.", body = FailureBody)))]
pub(crate) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Params(paging): Params<Paging>,
) -> Result<Encoded<ProjectList>, Failure> {
    let (limit, cursor) = (list_size(paging.limit)?, paging.cursor.as_deref());
    let listed = app.projects().list(caller.tenant.as_str(), limit, cursor).await?;
    Ok(Encoded(ProjectList { projects: listed.items, next_cursor: listed.next_cursor }))
}

/// One project.
#[utoipa::path(get, path = "/projects/{project}", tag = "projects", operation_id = "project_get",
    params(("project" = String, Path, description = "Its name.")),
    responses((status = 200, description = "It is this.", body = Project),
        (status = "default", description = "There is none.", body = FailureBody)))]
pub(crate) async fn get(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(name): Path<String>,
) -> Result<Encoded<Project>, Failure> {
    Ok(Encoded(super::find(app.projects(), &caller, &name).await?))
}

/// Forgets a project with its data. Records of its runs stay.
#[utoipa::path(delete, path = "/projects/{project}", tag = "projects",
    operation_id = "project_remove",
    params(("project" = String, Path, description = "Its name.")),
    responses((status = 204, description = "It is gone."),
        (status = "default", description = "It cannot be.", body = FailureBody)))]
pub(crate) async fn remove(
    State(app): State<App>,
    Runner(caller): Runner,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    app.projects().remove(caller.tenant.as_str(), &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
