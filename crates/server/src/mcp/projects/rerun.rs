//! `rerun`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::run::{RunTold, ended, patience};
use crate::{
    app::App,
    http::Failure,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// A run that is to be repeated.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RerunArgs {
    /// The run, or an unambiguous beginning of its id.
    run_id: String,
    /// How long to wait for its end.
    wait_seconds: Option<f64>,
}

/// A run that was repeated.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RerunTold {
    /// The new run.
    run_id: String,
    /// The run that it repeats.
    rerun_of: String,
    /// Whether it left the same, byte for byte; `null` while that is not known.
    identical: Option<bool>,
    /// The new run.
    record: RunTold,
}

/// `rerun`.
pub(super) struct Rerun;

impl Kind for Rerun {
    const NAME: &'static str = "rerun";
    const TITLE: &'static str = "Repeat a run";
    const SCOPE: Scope = Scope::Run;
    const HINTS: Hints = Hints::RUNS.with_fetching();
    type Args = RerunArgs;
    type Output = RerunTold;

    fn description(_: &App) -> String {
        "Repeats a run of a project with the same code, data and parameters, and says whether it \
         left the same."
            .to_owned()
    }

    async fn call(call: Call, args: RerunArgs) -> Result<Answer<RerunTold>, Refusal> {
        let patience = patience(args.wait_seconds)?;
        let projects = call.projects();
        let before = projects.get(call.tenant(), &args.run_id).await?;
        let (id, asker) = (before.run_id.to_string(), call.caller.name());
        call.app.quotas().count_run(&call.caller.tenant).map_err(Failure::from)?;
        let started = projects.rerun(call.tenant(), &asker, &id, Duration::ZERO).await?;
        let ended = ended(&call, &started.record, patience).await?;
        let identical = match ended.status.is_final() {
            true => projects.compare(&before, &ended).await?.identical,
            false => None,
        };
        let record = RunTold::of(&call, &ended).await?;
        let same = match identical {
            Some(true) => "what it left is the same",
            Some(false) => "what it left differs",
            None => "whether it left the same is not known",
        };
        let text = format!("{}\n[{same}]", record.text());
        let run_id = record.run_id.clone();
        Ok(Answer::text(text, RerunTold { run_id, rerun_of: id, identical, record }))
    }
}
