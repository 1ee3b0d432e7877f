//! `compare_runs`.

use api::MetricChange;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// Two runs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompareRunsArgs {
    /// The run that is compared with.
    base_run_id: String,
    /// The run that is compared.
    scenario_run_id: String,
}

/// What two runs differ in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Compared {
    /// The run that is compared with.
    base_run_id: String,
    /// The run that is compared.
    scenario_run_id: String,
    /// Whether both saw the same data.
    same_snapshot: bool,
    /// Whether both left the same, byte for byte; `null` where one has not succeeded.
    identical: Option<bool>,
    /// The numbers that are not the same, the largest change first.
    diff: Vec<MetricChange>,
    /// In one sentence.
    summary: String,
}

/// `compare_runs`.
pub(super) struct CompareRuns;

impl Kind for CompareRuns {
    const NAME: &'static str = "compare_runs";
    const TITLE: &'static str = "Compare two runs";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = CompareRunsArgs;
    type Output = Compared;

    fn description(_: &App) -> String {
        "Compares the numbers that two runs of projects left.".to_owned()
    }

    async fn call(call: Call, args: CompareRunsArgs) -> Result<Answer<Compared>, Refusal> {
        let projects = call.projects();
        let base = projects.get(call.tenant(), &args.base_run_id).await?;
        let scenario = projects.get(call.tenant(), &args.scenario_run_id).await?;
        let found = projects.compare(&base, &scenario).await?;
        let (changed, compared) = (found.changes.len(), found.compared);
        let more = if found.is_cut { "; there are more" } else { "" };
        let summary = format!("{changed} of {compared} numbers differ{more}");
        let told = Compared {
            base_run_id: found.base_run_id.to_string(),
            scenario_run_id: found.scenario_run_id.to_string(),
            same_snapshot: found.same_snapshot,
            identical: found.identical,
            diff: found.changes,
            summary,
        };
        let text = serde_json::to_string(&told).unwrap_or_default();
        Ok(Answer::text(text, told))
    }
}
