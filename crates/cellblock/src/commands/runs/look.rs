//! Looks at records of runs and at what runs left.

use std::{
    io::{self, Write},
    time::Duration,
};

use api::{RunId, RunRecord};
use project::Projects;
use record::Filter;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    args::RunsListArgs,
    exit,
    failure::Failure,
    ledger::{Ledger, TENANT},
    render::{self, Table},
};

/// The most events that are looked at at once.
const EVENTS_MAX: u32 = 500;
/// How often it is looked what a run that is followed says.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct PageJson<'a> {
    records: &'a [RunRecord],
    next_cursor: Option<&'a str>,
}

/// Lists records.
pub(super) fn list(ledger: &Ledger, args: &RunsListArgs) -> Result<u8, Failure> {
    let filter = Filter {
        project: args.project.clone(),
        statuses: args.status.into_iter().collect(),
        kind: args.kind,
        since: args.since,
        until: args.until,
        limit: args.limit,
        cursor: args.cursor.clone(),
        ..Filter::default()
    };
    let page = ledger.with(async |projects| Ok(projects.runs(TENANT, &filter).await?))?;
    if args.ledger.format.json {
        let next_cursor = page.next_cursor.as_deref();
        render::pretty_json(&PageJson { records: &page.records, next_cursor })?;
        return Ok(exit::SUCCESS);
    }
    let mut table = Table::new(&["RUN", "KIND", "STATUS", "PROJECT", "COMMIT", "ASKED", "BY"]);
    for record in &page.records {
        let what = match (&record.project, &record.model) {
            (Some(project), Some(model)) => format!("{project}/{model}"),
            (Some(project), None) => project.clone(),
            (None, _) => "-".to_owned(),
        };
        let commit = record.commit_sha.as_deref().and_then(|sha| sha.get(..10)).unwrap_or("-");
        let (id, asked) = (record.run_id.to_string(), record.queued_at.to_string());
        let (kind, status) = (record.kind.word(), record.status.word());
        table.row(&[&id, kind, status, &what, commit, &asked, &record.requested_by]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    if let Some(cursor) = &page.next_cursor {
        render::note(&format!("there are more: --cursor {cursor}"));
    }
    Ok(exit::SUCCESS)
}

/// Shows one record.
pub(super) fn get(ledger: &Ledger, run: &str, as_json: bool) -> Result<u8, Failure> {
    let record = ledger.record(run)?;
    if as_json {
        render::pretty_json(&record)?;
        return Ok(exit::SUCCESS);
    }
    let optional = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let moment = |at: Option<api::Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
    let mut table = Table::new(&["RUN", &record.run_id.to_string()]);
    let rows = [
        ("kind", record.kind.to_string()),
        ("status", record.status.to_string()),
        ("project", optional(record.project.as_ref())),
        ("model", optional(record.model.as_ref())),
        ("branch", optional(record.branch.as_ref())),
        ("commit", optional(record.commit_sha.as_ref())),
        ("data", optional(record.snapshot.as_ref())),
        ("environment", optional(record.environment.as_ref())),
        ("exit status", record.exit_code.map_or("-".to_owned(), |code| code.to_string())),
        ("asked by", record.requested_by.clone()),
        ("asked", record.queued_at.to_string()),
        ("started", moment(record.started_at)),
        ("ended", moment(record.ended_at)),
        ("error", record.error.as_ref().map_or("-".to_owned(), |error| error.message.clone())),
    ];
    for (name, value) in &rows {
        table.row(&[name, value]);
    }
    for artifact in &record.artifacts {
        table.row(&["output", &format!("{} ({} bytes)", artifact.name, artifact.size_bytes)]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    Ok(exit::SUCCESS)
}

/// Prints an output as it is, or lists all.
pub(super) fn output(
    ledger: &Ledger,
    run: &str,
    name: Option<&str>,
    as_json: bool,
) -> Result<u8, Failure> {
    let record = ledger.record(run)?;
    let Some(name) = name else {
        if as_json {
            render::pretty_json(
                &ledger.with(async |projects| Ok(projects.outputs(&record).await?))?,
            )?;
            return Ok(exit::SUCCESS);
        }
        let mut table = Table::new(&["OUTPUT", "BYTES", "KIND"]);
        for artifact in &record.artifacts {
            let size = artifact.size_bytes.to_string();
            table.row(&[&artifact.name, &size, &artifact.media_type]);
        }
        render::text(&table.text(|_, cell| cell.to_owned()))?;
        return Ok(exit::SUCCESS);
    };
    let (_, bytes) = ledger.with(async |projects| Ok(projects.output(&record, name).await?))?;
    let mut stdout = io::stdout().lock();
    stdout.write_all(&bytes).and_then(|()| stdout.flush()).map_err(Failure::Output)?;
    Ok(exit::SUCCESS)
}

/// Prints what a run wrote.
pub(super) fn logs(ledger: &Ledger, run: &str, is_followed: bool) -> Result<u8, Failure> {
    let record = ledger.record(run)?;
    let mut tail = Tail::new(record.run_id);
    ledger.with(async |projects| {
        loop {
            let is_over = projects.get(TENANT, run).await?.status.is_final();
            let was_empty = !tail.show(projects).await?;
            if (is_over || !is_followed) && was_empty {
                break;
            }
            if was_empty {
                sleep(FOLLOW_EVERY).await;
            }
        }
        if tail.after == 0 {
            tail.show_kept(projects).await?;
        }
        Ok(())
    })?;
    Ok(exit::SUCCESS)
}

/// Shows what two runs differ in.
pub(super) fn compare(
    ledger: &Ledger,
    (base, scenario): (&str, &str),
    as_json: bool,
) -> Result<u8, Failure> {
    let found = ledger.with(async |projects| {
        let (base, scenario) =
            (projects.get(TENANT, base).await?, projects.get(TENANT, scenario).await?);
        Ok(projects.compare(&base, &scenario).await?)
    })?;
    if as_json {
        render::pretty_json(&found)?;
        return Ok(exit::SUCCESS);
    }
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
    let percent =
        |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:+.2} %"));
    let mut table = Table::new(&["METRIC", "BASE", "SCENARIO", "CHANGE", "IN PERCENT"]);
    for change in &found.changes {
        let (base, scenario) = (number(change.base_value), number(change.scenario_value));
        let (by, share) = (number(change.absolute_delta), percent(change.pct_delta));
        table.row(&[&change.metric, &base, &scenario, &by, &share]);
    }
    render::text(&table.text(|_, cell| cell.to_owned()))?;
    let (compared, differ) = (found.compared, found.changes.len());
    render::note(&format!("{differ} of {compared} numbers differ"));
    Ok(exit::SUCCESS)
}

/// Says how a run ended, on standard error.
pub(super) fn tell(record: &RunRecord) {
    render::note(&format!("run {} ended: {}", record.run_id, record.status));
    if let Some(error) = &record.error {
        render::note(&error.message);
    }
    for artifact in &record.artifacts {
        render::note(&format!("output {} ({} bytes)", artifact.name, artifact.size_bytes));
    }
}

/// What a run writes, from where it was last looked at.
pub(super) struct Tail {
    run_id: RunId,
    after: u64,
}

impl Tail {
    pub(super) const fn new(run_id: RunId) -> Self {
        Self { run_id, after: 0 }
    }

    /// Prints what is new; says whether anything was.
    pub(super) async fn show(&mut self, projects: &Projects) -> Result<bool, Failure> {
        let events = projects.events(TENANT, self.run_id, self.after, EVENTS_MAX).await?;
        for event in &events {
            self.after = event.seq;
            print(&event.kind, &event.data)?;
        }
        Ok(!events.is_empty())
    }

    /// Prints what is kept of the streams, where what was told live is gone.
    async fn show_kept(&self, projects: &Projects) -> Result<(), Failure> {
        let record = projects.get(TENANT, &self.run_id.to_string()).await?;
        for stream in ["stdout", "stderr"] {
            let (_, bytes) = projects.output(&record, stream).await?;
            print(stream, &String::from_utf8_lossy(&bytes))?;
        }
        Ok(())
    }
}

/// Text of a stream on the same stream here, without what a terminal would act on.
fn print(stream: &str, text: &str) -> Result<(), Failure> {
    let text = render::tamed(text);
    let written = match stream {
        "stderr" => io::stderr().write_all(text.as_bytes()),
        _ => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        }
    };
    written.map_err(Failure::Output)
}
