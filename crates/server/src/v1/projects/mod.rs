//! Projects: code kept in git, the data that it is run on, and its runs.

mod code;
mod data;
mod outputs;
mod registry;
mod runs;

use api::Project;
use project::Projects;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, http::Failure, keys::Principal};

/// Its routes, below `/v1`.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(registry::add, registry::list))
        .routes(routes!(registry::get, registry::remove))
        .routes(routes!(code::branches))
        .routes(routes!(code::files))
        .routes(routes!(code::read))
        .routes(routes!(code::versions))
        .routes(routes!(code::diff))
        .routes(routes!(data::sources, data::add_source))
        .routes(routes!(data::upload, data::remove_source))
        .routes(routes!(data::snapshots, data::take))
        .routes(routes!(data::snapshot_files, data::delete_snapshot))
        .routes(routes!(runs::create))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::rerun))
        .routes(routes!(runs::compare))
        .routes(routes!(outputs::events))
        .routes(routes!(outputs::list))
        .routes(routes!(outputs::read))
}

/// A caller's project.
async fn find(projects: &Projects, caller: &Principal, name: &str) -> Result<Project, Failure> {
    Ok(projects.show(caller.tenant.as_str(), name).await?)
}
