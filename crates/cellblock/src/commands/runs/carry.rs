//! Runs that are begun, repeated and taken back.

use std::{fs::File, io::Read, time::Duration};

use api::{Outcome, ProjectRunRequest, RunId, RunOutputs, RunRecord, RunScope, RunStatus};
use project::Projects;
use serde::Serialize;
use serde_json::Value;
use tokio::signal::ctrl_c;

use super::look::{self, Tail};
use crate::{
    args::ProjectRunArgs,
    duration, exit,
    failure::Failure,
    ledger::{Ledger, TENANT},
    render,
};

/// How often it is looked what a run says.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a run that was taken back may need to end.
const CANCEL_TIME_MAX: Duration = Duration::from_secs(10);
/// The largest file of parameters that is read: more than may be given.
const PARAMETERS_BYTES_MAX: u64 = 1 << 20;

#[derive(Serialize)]
struct RunJson<'a> {
    #[serde(flatten)]
    record: &'a RunRecord,
    outputs: &'a RunOutputs,
}

/// Runs a project; gives the exit status.
pub(super) fn run(ledger: &Ledger, args: &ProjectRunArgs) -> Result<u8, Failure> {
    let (request, as_json) = (request(args)?, args.ledger.format.json);
    if args.detach {
        let started =
            ledger.with(async |projects| Ok(projects.start(TENANT, TENANT, &request).await?))?;
        match as_json {
            true => render::pretty_json(&started)?,
            false => render::text(&format!("{}\n", started.run_id))?,
        }
        return Ok(exit::SUCCESS);
    }
    let (record, outputs) = ledger.working(async |projects| {
        let started = projects.start(TENANT, TENANT, &request).await?;
        let record = accompany(projects, started.run_id, !as_json).await?;
        let outputs = projects.outputs(&record).await?;
        Ok((record, outputs))
    })?;
    match as_json {
        true => render::pretty_json(&RunJson { record: &record, outputs: &outputs })?,
        false => look::tell(&record),
    }
    Ok(status(&record))
}

/// Repeats a run; gives the exit status.
pub(super) fn rerun(ledger: &Ledger, run: &str, as_json: bool) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct RerunJson<'a> {
        #[serde(flatten)]
        record: &'a RunRecord,
        identical: Option<bool>,
    }
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let again =
        ledger.working(async |projects| Ok(projects.rerun(TENANT, TENANT, run, DAY).await?))?;
    let (record, identical) = (&again.record, again.identical);
    if as_json {
        render::pretty_json(&RerunJson { record, identical })?;
        return Ok(status(record));
    }
    look::tell(record);
    let said = match identical {
        Some(true) => "it left the same, byte for byte",
        Some(false) => "it left something else",
        None => "whether it left the same is not known",
    };
    render::text(&format!("{said}\n"))?;
    Ok(status(record))
}

/// Takes a run back.
pub(super) fn cancel(ledger: &Ledger, run: &str, as_json: bool) -> Result<u8, Failure> {
    let (had_ended, record) = ledger.with(async |projects| {
        let record = projects.get(TENANT, run).await?;
        projects.cancel(TENANT, run).await?;
        let ended = projects.wait(TENANT, record.run_id, CANCEL_TIME_MAX).await?;
        Ok((record.status.is_final(), ended))
    })?;
    if had_ended {
        render::note(&format!("run {} had ended before", record.run_id));
    }
    match as_json {
        true => render::pretty_json(&record)?,
        false => look::tell(&record),
    }
    Ok(exit::SUCCESS)
}

fn request(args: &ProjectRunArgs) -> Result<ProjectRunRequest, Failure> {
    let wall_time_ms = args.timeout.as_deref().map(duration::parse).transpose();
    Ok(ProjectRunRequest {
        project: args.project.clone(),
        scope: if args.model.is_some() { RunScope::Model } else { RunScope::Project },
        model: args.model.clone(),
        branch: args.branch.clone(),
        commit_sha: args.commit.clone(),
        parameters: args.parameters.as_deref().map(parameters).transpose()?,
        snapshot: args.snapshot.clone(),
        wall_time_ms: wall_time_ms.map_err(Failure::Expiry)?,
        attempts_max: None,
    })
}

/// Parameters as they were typed, or those of a file.
fn parameters(text: &str) -> Result<Value, Failure> {
    let text = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(path) => {
            let failed = |source| Failure::Data { path: path.into(), source };
            let mut text = String::new();
            // However long it says it is: a device never ends.
            let file = File::open(path).map_err(failed)?;
            file.take(PARAMETERS_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
            if text.len() as u64 > PARAMETERS_BYTES_MAX {
                return Err(Failure::Parameters { reason: "the file is larger than 1 MiB".into() });
            }
            text
        }
    };
    serde_json::from_str(&text).map_err(|error| Failure::Parameters { reason: error.to_string() })
}

/// Shows what a run says until it is over; an interrupt takes it back.
async fn accompany(
    projects: &Projects,
    run_id: RunId,
    is_shown: bool,
) -> Result<RunRecord, Failure> {
    let mut tail = Tail::new(run_id);
    let mut status = None;
    loop {
        let waited = tokio::select! {
            waited = projects.wait(TENANT, run_id, LOOK_EVERY) => Some(waited?),
            _ = ctrl_c() => None,
        };
        let Some(record) = waited else {
            projects.cancel(TENANT, &run_id.to_string()).await?;
            return Ok(projects.wait(TENANT, run_id, CANCEL_TIME_MAX).await?);
        };
        if status != Some(record.status) && !record.status.is_final() {
            status = Some(record.status);
            render::progress(&format!("run {run_id} is {}", record.status));
        }
        if is_shown {
            tail.show(projects).await?;
        }
        if record.status.is_final() {
            return Ok(record);
        }
    }
}

/// The exit status that a run's end has here.
fn status(record: &RunRecord) -> u8 {
    match (&record.outcome, record.status) {
        (Some(outcome), _) => exit::of_outcome(outcome),
        (None, RunStatus::Success | RunStatus::Pending | RunStatus::Running) => exit::SUCCESS,
        (None, RunStatus::TimedOut) => exit::TIMED_OUT,
        (None, RunStatus::Cancelled) => exit::of_outcome(&Outcome::Cancelled),
        (None, RunStatus::Failed | RunStatus::Lost) => exit::FAILED,
    }
}
