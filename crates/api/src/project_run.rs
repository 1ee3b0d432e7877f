//! Runs of projects: what is asked, and what is told of them beside their records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What of a project is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunScope {
    /// `run.py`, or the models that its `PIPELINE` names.
    Project,
    /// One model, `model/NAME.py`.
    Model,
}

impl RunScope {
    /// The word in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Model => "model",
        }
    }
}

/// A run of a project that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectRunRequest {
    /// The project's name.
    pub project: String,
    /// What of it.
    pub scope: RunScope,
    /// The model's name, if it is about one.
    #[serde(default)]
    pub model: Option<String>,
    /// The branch; the project's usual one if left out.
    #[serde(default)]
    pub branch: Option<String>,
    /// The commit, or its beginning; the branch's newest if left out.
    #[serde(default)]
    pub commit_sha: Option<String>,
    /// What the models find in `/inputs/parameters.json`: an object of less than 64 KiB.
    #[serde(default)]
    pub parameters: Option<serde_json::Value>,
    /// The data snapshot; the newest if left out.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// The longest that it may take, in milliseconds.
    #[serde(default)]
    pub wall_time_ms: Option<u64>,
    /// How often it may be started: again only where a worker died under it. Once if
    /// left out.
    #[serde(default)]
    pub attempts_max: Option<u32>,
}

/// One output of a run: a file it left, as much of it as is shown at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunOutput {
    /// What it is, such as `text/csv`.
    pub media_type: String,
    /// Its size.
    pub size_bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
    /// What it says, if it is JSON and not large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<serde_json::Value>,
    /// What it says, if it is text and not large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Outputs by name.
pub type RunOutputs = BTreeMap<String, RunOutput>;

/// A number that two runs have in common, or that one has alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricChange {
    /// Where it is: keys and places, from the outermost in, with dots between.
    pub metric: String,
    /// What it was; `null` where the base run lacks it.
    pub base_value: Option<f64>,
    /// What it is; `null` where the other run lacks it.
    pub scenario_value: Option<f64>,
    /// By how much it grew.
    pub absolute_delta: Option<f64>,
    /// The same as a percentage of what it was; `null` where that was nothing.
    pub pct_delta: Option<f64>,
    /// Whether it changed by a tenth or more, or appeared or went.
    pub significant: bool,
}

/// What two runs differ in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Comparison {
    /// The run that is compared with.
    pub base_run_id: crate::RunId,
    /// The run that is compared.
    pub scenario_run_id: crate::RunId,
    /// Whether both saw the same data.
    pub same_snapshot: bool,
    /// Whether both left the same, byte for byte; `null` where one has not succeeded.
    pub identical: Option<bool>,
    /// The numbers that are not the same, largest change first.
    pub changes: Vec<MetricChange>,
    /// How many numbers were compared.
    pub compared: u64,
    /// Whether there are more than are told.
    pub is_cut: bool,
}

/// A file or directory of a project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProjectFile {
    /// Its path from the project's top.
    pub path: String,
    /// `file`, `directory` or `link`.
    pub kind: String,
    /// The size of a file.
    pub size_bytes: Option<u64>,
}
