//! The parts of an address's path, refused in our shape.

use axum::{
    extract::{FromRequestParts, Path as Parted, rejection::PathRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::Failure;

/// The parts of a path that its route names.
#[derive(Debug)]
pub(crate) struct Path<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let parted = Parted::from_request_parts(parts, state).await;
        parted.map(|Parted(parts)| Self(parts)).map_err(|error| match error {
            PathRejection::FailedToDeserializePathParams(_) => {
                Failure::malformed("the path is not text in UTF-8")
            }
            // A route that names no parts must not ask for them.
            _ => Failure::internal(),
        })
    }
}
