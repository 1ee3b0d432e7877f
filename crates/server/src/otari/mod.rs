//! The session protocol that other systems' clients know, at `/sessions`.
//!
//! Its routes, fields, statuses and messages are theirs, to the letter: clients compare
//! them. A session has a handle here; below `/v1` it is known by its own id.

mod anthropic;
mod bash;
mod blocks;
mod body;
mod edit_input;
mod editor;
mod exec;
mod files;
mod handle;
mod lax;
mod places;
mod python;
mod ran;
mod sessions;
mod shapes;
mod texts;
mod tools;
mod upload;
mod wrong;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use handle::Handle;

use crate::app::App;

/// Its routes.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions::create))
        .routes(routes!(sessions::get, sessions::delete))
        .routes(routes!(exec::exec))
        .routes(routes!(upload::put, files::get))
        .routes(routes!(files::list))
        .routes(routes!(tools::register))
        .layer(DefaultBodyLimit::max(upload::FORM_BYTES_MAX))
}
