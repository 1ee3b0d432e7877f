//! Projects: code kept in git, the data that it is run on, and its runs.

mod code;
mod data;
mod outputs;
mod registry;
mod runs;

use api::Project;
use axum::middleware::from_fn_with_state;
use project::Projects;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    app::App,
    http::{Failure, once_to_the_end},
    keys::Principal,
};

/// Its routes, below `/v1`.
pub(crate) fn router(app: &App) -> OpenApiRouter<App> {
    // What makes something can be sent again without making another.
    let creations = OpenApiRouter::new()
        .routes(routes!(registry::add, registry::list))
        .routes(routes!(data::sources, data::add_source))
        .routes(routes!(data::snapshots, data::take))
        .routes(routes!(runs::create))
        .routes(routes!(runs::rerun))
        .layer(from_fn_with_state(app.clone(), once_to_the_end));
    OpenApiRouter::new()
        .merge(creations)
        .routes(routes!(registry::get, registry::remove))
        .routes(routes!(code::branches))
        .routes(routes!(code::files))
        .routes(routes!(code::read))
        .routes(routes!(code::versions))
        .routes(routes!(code::diff))
        .routes(routes!(data::upload, data::remove_source))
        .routes(routes!(data::snapshot_files, data::delete_snapshot))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::compare))
        .routes(routes!(outputs::events))
        .routes(routes!(outputs::list))
        .routes(routes!(outputs::read))
}

/// A caller's project.
async fn find(projects: &Projects, caller: &Principal, name: &str) -> Result<Project, Failure> {
    Ok(projects.show(caller.tenant.as_str(), name).await?)
}
