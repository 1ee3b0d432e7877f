//! Our own API.

mod begin;
mod commands;
mod explain;
mod lists;
mod parcel;
mod policy;
mod program;
mod report;
mod runs;
pub(crate) mod scratch;
mod sessions;
mod turns;
mod view;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::App;

/// Its routes, below `/v1`.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(runs::create, runs::list))
        .routes(routes!(runs::get))
        .routes(routes!(runs::cancel))
        .routes(routes!(runs::events))
        .routes(routes!(sessions::create, sessions::list))
        .routes(routes!(sessions::get, sessions::delete))
        .routes(routes!(sessions::renew))
        .routes(routes!(sessions::interrupt))
        .routes(routes!(sessions::restart))
        .routes(routes!(turns::create))
        .routes(routes!(turns::complete))
        .routes(routes!(turns::inspect))
        .routes(routes!(commands::create, commands::list))
        .routes(routes!(commands::get, commands::delete))
        .routes(routes!(commands::logs))
        .routes(routes!(commands::signal))
        .routes(routes!(commands::stdin))
        .routes(routes!(report::environments))
        .routes(routes!(report::languages))
        .routes(routes!(report::limits))
        .routes(routes!(report::host))
}
