//! `list_runs`.

use api::{RunKind, RunStatus, Timestamp};
use record::Filter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::told::{self, RunSummary};
use crate::{
    app::App,
    keys::Scope,
    mcp::{
        refusal::Refusal,
        tool::{Answer, Call, Hints, Kind},
    },
};

/// How many runs a list has if its client does not say, and the most.
const RUNS_USUAL: u32 = 50;
const RUNS_MAX: u32 = 500;
/// Which runs.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListRunsArgs {
    /// Those of this project.
    project_name: Option<String>,
    /// The same, as clients of Bridge Town name it.
    project: Option<String>,
    /// Those that are there: `pending`, `running`, `success`, `failed`, `timed_out` or
    /// `cancelled`; `lost` are those of `failed` whose worker died.
    status: Option<String>,
    /// Those asked for since then, RFC 3339.
    since: Option<String>,
    /// Those asked for before then, RFC 3339.
    until: Option<String>,
    /// How many at most, from 1 to 500; 50 if left out.
    #[schema(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
}

/// Some runs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunsTold {
    /// The latest first.
    runs: Vec<RunSummary>,
    /// Where the next page begins; `null` where there is none.
    next_cursor: Option<String>,
}

/// `list_runs`.
pub(super) struct ListRuns;

impl Kind for ListRuns {
    const NAME: &'static str = "list_runs";
    const TITLE: &'static str = "List runs";
    const SCOPE: Scope = Scope::Read;
    const HINTS: Hints = Hints::READS;
    type Args = ListRunsArgs;
    type Output = RunsTold;

    fn description(_: &App) -> String {
        "Lists runs of projects, the latest first.".to_owned()
    }

    async fn call(call: Call, args: ListRunsArgs) -> Result<Answer<RunsTold>, Refusal> {
        let page = call.projects().runs(call.tenant(), &filter(args)?).await?;
        let runs: Vec<_> = page.records.iter().map(RunSummary::of).collect();
        let mut lines = vec![format!("{} runs", runs.len())];
        lines.extend(runs.iter().map(RunSummary::line));
        let next_cursor = page.next_cursor;
        Ok(Answer::text(lines.join("\n"), RunsTold { runs, next_cursor }))
    }
}

/// The project by either of its names.
fn one_of(name: Option<String>, same: Option<String>) -> Result<Option<String>, Refusal> {
    match (name, same) {
        (Some(name), Some(same)) if name != same => Err(Refusal::invalid(
            "project: it means the same as project_name, and they are two; give one of them",
        )),
        (name, same) => Ok(name.or(same)),
    }
}

fn filter(args: ListRunsArgs) -> Result<Filter, Refusal> {
    let moment = |field: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => text
            .parse::<Timestamp>()
            .map(Some)
            .map_err(|error| Refusal::invalid(format!("{field}: {error}"))),
    };
    let status = args.status.as_deref().map(str::parse::<RunStatus>).transpose();
    let status = status.map_err(|error| Refusal::invalid(format!("status: {error}")))?;
    let limit = args.limit.unwrap_or(RUNS_USUAL);
    if !(1..=RUNS_MAX).contains(&limit) {
        return Err(Refusal::invalid(format!("limit: from 1 to {RUNS_MAX}")));
    }
    Ok(Filter {
        project: one_of(args.project_name, args.project)?,
        statuses: status.map(told::statuses).unwrap_or_default(),
        kind: Some(RunKind::Project),
        since: moment("since", args.since)?,
        until: moment("until", args.until)?,
        session_id: None,
        limit,
        cursor: args.cursor,
    })
}
