//! Our own API.

pub(crate) mod begin;
pub(crate) mod commands;
pub(crate) mod conditions;
pub(crate) mod explain;
pub(crate) mod files;
mod lists;
mod parcel;
mod policy;
pub(crate) mod program;
mod projects;
mod records;
mod report;
mod runs;
pub(crate) mod scratch;
pub(crate) mod sessions;
mod tools;
mod transfer;
mod trees;
pub(crate) mod turns;
pub(crate) mod view;

pub(crate) use trees::Format;
pub(crate) use view::Status;

use axum::{extract::DefaultBodyLimit, middleware::from_fn_with_state};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, http::once};

/// Its routes, below `/v1`.
pub(crate) fn router(app: &App) -> OpenApiRouter<App> {
    // What makes something can be sent again without making another.
    let creations = OpenApiRouter::new()
        .routes(routes!(runs::create, runs::list))
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(turns::create))
        .routes(routes!(commands::create, commands::list))
        .layer(from_fn_with_state(app.clone(), once));
    OpenApiRouter::new()
        .merge(creations)
        .routes(routes!(runs::get))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::events))
        .routes(routes!(records::list))
        .routes(routes!(records::get))
        .routes(routes!(sessions::get, sessions::delete))
        .routes(routes!(sessions::renew))
        .routes(routes!(sessions::interrupt))
        .routes(routes!(sessions::restart))
        .routes(routes!(tools::register))
        .routes(routes!(turns::complete))
        .routes(routes!(turns::inspect))
        .routes(routes!(commands::get, commands::delete))
        .routes(routes!(commands::logs))
        .routes(routes!(commands::signal))
        .routes(routes!(commands::stdin))
        .routes(routes!(files::list, files::upload))
        .routes(routes!(files::stat))
        .routes(routes!(files::read, files::write, files::delete))
        .routes(routes!(files::rename))
        .routes(routes!(files::make_directory))
        .routes(routes!(trees::pack, trees::unpack))
        .routes(routes!(trees::events))
        .merge(projects::router(app))
        .layer(DefaultBodyLimit::disable())
        .routes(routes!(report::environments))
        .routes(routes!(report::languages))
        .routes(routes!(report::limits))
        .routes(routes!(report::host))
}
