//! Identifiers.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};
use uuid::Uuid;

/// Names one run. Ids sort by the time they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(Uuid);

/// The text is not a run id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a run id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")]
pub struct InvalidRunId;

/// Names one turn of a session. Ids sort by the time they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TurnId(Uuid);

/// The text is not a turn id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a turn id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")]
pub struct InvalidTurnId;

/// Names one session. Ids sort by the time they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(Uuid);

/// The text is not a session id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a session id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")]
pub struct InvalidSessionId;

/// Names one command that runs in the background of a session. Ids sort by the time
/// they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Uuid);

/// The text is not a command id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a command id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")]
pub struct InvalidCommandId;

/// Names one project. Ids sort by the time they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectId(Uuid);

/// The text is not a project's id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a project's id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a")]
pub struct InvalidProjectId;

/// Names one data source. Ids sort by the time they were made (UUID version 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(Uuid);

/// The text is not a data source's id.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a data source's id: expected 36 characters such as 0190f3c2-7b1e-7c43-9d0a-1f2e3d4c5b6a"
)]
pub struct InvalidSourceId;

/// What every kind of id can do.
macro_rules! id {
    ($name:ident, $invalid:ident) => {
        impl $name {
            /// Makes an id that nothing else has.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let format = SchemaFormat::Custom("uuid".to_owned());
                ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
            }
        }

        impl ToSchema for $name {}

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = $invalid;

            fn from_str(text: &str) -> Result<Self, $invalid> {
                Uuid::parse_str(text).map(Self).map_err(|_| $invalid)
            }
        }
    };
}

id!(RunId, InvalidRunId);
id!(TurnId, InvalidTurnId);
id!(SessionId, InvalidSessionId);
id!(CommandId, InvalidCommandId);
id!(ProjectId, InvalidProjectId);
id!(SourceId, InvalidSourceId);

/// A turn's record goes by the turn's id.
impl From<TurnId> for RunId {
    fn from(id: TurnId) -> Self {
        Self(id.0)
    }
}

/// A command's record goes by the command's id.
impl From<CommandId> for RunId {
    fn from(id: CommandId) -> Self {
        Self(id.0)
    }
}
