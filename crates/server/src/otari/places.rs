//! Paths of the workspace as clients write them, and what is said where they cannot
//! be.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use engine::{LocateError, Session, SessionError};
use serde_json::Value;

use super::wrong::{Problem, Step, Wrong};
use crate::http::Params;

/// Where a path leads in a session's workspace.
pub(super) async fn locate(session: &Session, path: &str) -> Result<PathBuf, Wrong> {
    session.locate(Path::new(path)).await.map_err(|error| match error {
        LocateError::Outside => {
            Wrong::said(StatusCode::FORBIDDEN, format!("path escapes workspace: {path}"))
        }
        LocateError::Session(error) => error.into(),
        error => Wrong::said(StatusCode::BAD_REQUEST, error.to_string()),
    })
}

/// What is said of an error of the engine's about a path.
pub(super) fn wrong(error: SessionError, path: &str, missing: &str) -> Wrong {
    let SessionError::File { source, .. } = &error else { return error.into() };
    let (status, words) = match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => (StatusCode::NOT_FOUND, missing),
        ErrorKind::IsADirectory => (StatusCode::BAD_REQUEST, "is a directory"),
        ErrorKind::InvalidFilename => (StatusCode::BAD_REQUEST, "name too long"),
        ErrorKind::Unsupported | ErrorKind::AlreadyExists => {
            (StatusCode::BAD_REQUEST, "not a regular file")
        }
        ErrorKind::StorageFull | ErrorKind::FileTooLarge => {
            (StatusCode::PAYLOAD_TOO_LARGE, "no space left for")
        }
        _ => return error.into(),
    };
    Wrong::said(status, format!("{words}: {path}"))
}

/// The path in an address, behind the question mark.
#[derive(Debug)]
pub(crate) struct AskedPath(pub(super) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for AskedPath {
    type Rejection = Wrong;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Wrong> {
        let pairs = Params::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Params(pairs) = pairs?;
        let path = pairs.into_iter().rev().find(|(name, _)| name == "path");
        Ok(Self(path.map(|(_, path)| path)))
    }
}

impl AskedPath {
    /// The path, which has to be there.
    pub(super) fn required(self) -> Result<String, Wrong> {
        self.0.ok_or_else(|| {
            let missing = Problem::new("missing", "Field required", &Value::Null);
            missing.below(Step::Field("path")).below(Step::Field("query")).into()
        })
    }
}
