//! Measures what records cost: of a turn, of queued runs with one worker and several, and
//! of looking at many. The bound below is the least that a durable record can cost: its
//! bytes appended to a file and synced.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use api::{Outcome, RunId, RunKind};
use clap::Args;
use record::{Closing, Filter, Location, NewRecord, Owner, Settings, Store};
use serde::Serialize;
use tokio::runtime::Builder;

use crate::{
    machine::Machine,
    statistics::{Summary, summary},
};

/// Tenants that share the queue.
const TENANTS: usize = 8;
/// Runs that a worker claims at once.
const SLOTS: usize = 4;
/// About what a record of a run takes.
const RECORD_BYTES: usize = 1024;
/// How many looks at a list, and at a record, are counted.
const LOOKS: usize = 200;
/// Long enough that nothing lapses while it is measured.
const LEASE: Duration = Duration::from_secs(600);

/// What is measured.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordsArgs {
    /// Records that there are when they are listed and looked at
    #[arg(long, default_value_t = 1_000_000)]
    count: usize,
    /// Runs that go through the queue, for each number of workers
    #[arg(long, default_value_t = 2000)]
    queued: usize,
    /// The database, `postgres://…`, instead of a file in the temporary directory
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// A few of everything
    #[arg(long)]
    smoke: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl RecordsArgs {
    /// A few of everything.
    pub(crate) const fn small() -> Self {
        Self { count: 500, queued: 40, database: None, smoke: true, json: false }
    }

    const fn sized(&self) -> (usize, usize) {
        if self.smoke { (500, 40) } else { (self.count, self.queued) }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    database: String,
    /// What a turn waits for its record, opened and closed, in microseconds.
    turn_us: Option<Summary>,
    /// What a one-shot run waits for its record, in microseconds.
    run_us: Option<Summary>,
    /// The bound below, for each of the two times that a run's record is written.
    synced_append_us: Option<Summary>,
    /// Runs a second through the queue, by the number of workers.
    queue: Vec<Queue>,
    /// Records that there were when they were looked at.
    count: usize,
    /// Records a second that were written in groups to get there.
    grouped_per_second: f64,
    list_us: Option<Summary>,
    get_us: Option<Summary>,
}

#[derive(Debug, Serialize)]
struct Queue {
    workers: usize,
    enqueued_per_second: f64,
    carried_per_second: f64,
}

/// Measures everything.
///
/// # Errors
/// The database cannot be used.
pub(crate) fn run(args: &RecordsArgs) -> Result<Report> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let place = Place::make()?;
    let location = match &args.database {
        Some(url) => Location::parse(url)?,
        None => Location::File(place.0.join("records.sqlite")),
    };
    runtime.block_on(measure(args, &location, &place.0))
}

/// A directory that goes at the end.
struct Place(PathBuf);

impl Place {
    fn make() -> Result<Self> {
        let name = format!("cellblock-bench-records-{}", std::process::id());
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&place.0).context("no temporary directory can be had")?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot be removed is in a temporary directory.
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn measure(args: &RecordsArgs, location: &Location, place: &Path) -> Result<Report> {
    let (count, queued) = args.sized();
    let waiting = u32::try_from(queued)?;
    let settings = Settings {
        lease: LEASE,
        tenant_running_max: waiting,
        tenant_waiting_max: waiting,
        waiting_max: waiting.saturating_mul(2),
        ..Settings::default()
    };
    let store = Store::open_with(location, settings).await?;
    let mut report = Report {
        machine: Machine::look(),
        database: location.to_string(),
        turn_us: summary(&turns(&store, LOOKS).await?),
        run_us: summary(&runs(&store, LOOKS).await?),
        synced_append_us: summary(&appends(&place.join("bound"), LOOKS)?),
        queue: Vec::new(),
        count,
        grouped_per_second: fill(&store, count).await?,
        list_us: summary(&lists(&store).await?),
        get_us: summary(&gets(&store).await?),
    };
    for workers in [1, 2, 4] {
        report.queue.push(queue(&store, queued, workers).await?);
    }
    store.close().await;
    report.machine.look_again();
    Ok(report)
}

fn micros(since: Instant) -> Option<f64> {
    Some(since.elapsed().as_secs_f64() * 1e6)
}

fn tenant(number: usize) -> String {
    format!("tenant-{}", number % TENANTS)
}

fn closing() -> Closing {
    Closing::ended(Outcome::Exited { code: 0 })
}

async fn turns(store: &Store, looks: usize) -> Result<Vec<Option<f64>>> {
    let (log, mut times) = (store.batch(), Vec::new());
    for number in 0..looks {
        let run_id = RunId::generate();
        let record = NewRecord::new(run_id, &tenant(number), RunKind::Turn, "bench");
        let begin = Instant::now();
        log.open(record).await?;
        log.close(run_id, closing()).await?;
        times.push(micros(begin));
    }
    log.flush().await?;
    Ok(times)
}

async fn runs(store: &Store, looks: usize) -> Result<Vec<Option<f64>>> {
    let mut times = Vec::new();
    for number in 0..looks {
        let run_id = RunId::generate();
        let record = NewRecord::new(run_id, &tenant(number), RunKind::Run, "bench");
        let begin = Instant::now();
        store.open_run(&record).await?;
        store.close_run(run_id, &closing(), None).await?;
        times.push(micros(begin));
    }
    Ok(times)
}

fn appends(path: &Path, looks: usize) -> Result<Vec<Option<f64>>> {
    let mut file = File::create(path)?;
    let mut times = Vec::new();
    for _ in 0..looks {
        let begin = Instant::now();
        file.write_all(&[0; RECORD_BYTES])?;
        file.sync_data()?;
        times.push(micros(begin));
    }
    Ok(times)
}

/// Writes that many records in groups; gives how many a second.
async fn fill(store: &Store, count: usize) -> Result<f64> {
    let (log, begin) = (store.batch(), Instant::now());
    for number in 0..count {
        let run_id = RunId::generate();
        log.open(NewRecord::new(run_id, &tenant(number), RunKind::Turn, "bench")).await?;
        log.close(run_id, closing()).await?;
    }
    log.flush().await?;
    Ok(per_second(count, begin))
}

async fn lists(store: &Store) -> Result<Vec<Option<f64>>> {
    let mut times = Vec::new();
    for number in 0..LOOKS {
        let filter = Filter { limit: 50, ..Filter::default() };
        let begin = Instant::now();
        store.list(&tenant(number), &filter).await?;
        times.push(micros(begin));
    }
    Ok(times)
}

async fn gets(store: &Store) -> Result<Vec<Option<f64>>> {
    let mut times = Vec::new();
    for number in 0..LOOKS {
        let (tenant, filter) = (tenant(number), Filter { limit: 500, ..Filter::default() });
        let page = store.list(&tenant, &filter).await?;
        let Some(record) = page.records.last() else { continue };
        let id = record.run_id.to_string();
        let begin = Instant::now();
        store.run(&tenant, &id).await?;
        times.push(micros(begin));
    }
    Ok(times)
}

async fn queue(store: &Store, count: usize, workers: usize) -> Result<Queue> {
    let begin = Instant::now();
    for number in 0..count {
        let id = RunId::generate();
        store.enqueue(&NewRecord::new(id, &tenant(number), RunKind::Project, "bench"), 1).await?;
    }
    let enqueued_per_second = per_second(count, begin);
    let (left, begin) = (Arc::new(AtomicUsize::new(count)), Instant::now());
    let tasks: Vec<_> =
        (0..workers).map(|_| tokio::spawn(work(store.clone(), Arc::clone(&left)))).collect();
    for task in tasks {
        task.await??;
    }
    Ok(Queue { workers, enqueued_per_second, carried_per_second: per_second(count, begin) })
}

async fn work(store: Store, left: Arc<AtomicUsize>) -> Result<()> {
    let owner = Owner::generate();
    while left.load(Ordering::Relaxed) > 0 {
        for claim in store.claim(&owner, SLOTS).await? {
            store.start_run(&claim.fence).await?;
            store.close_run(claim.run_id, &closing(), Some(&claim.fence)).await?;
            left.fetch_sub(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn per_second(count: usize, since: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no count comes near 2^52")]
    let count = count as f64;
    count / since.elapsed().as_secs_f64()
}

/// A report as text.
pub(crate) fn text(report: &Report) -> String {
    let line = |name: &str, found: Option<&Summary>| {
        found.map_or_else(String::new, |found| {
            format!("{name:<40} {:>10.0} {:>10.0}\n", found.median, found.p99)
        })
    };
    let mut text = format!("records in {}\n\n", report.database);
    text += &format!("{:<40} {:>10} {:>10}\n", "microseconds", "median", "p99");
    text += &line("a turn's record, opened and closed", report.turn_us.as_ref());
    text += &line("a run's record, opened and closed", report.run_us.as_ref());
    text += &line("bound: 1 KiB appended and synced, once", report.synced_append_us.as_ref());
    text += &line(&format!("a page of 50 among {}", report.count), report.list_us.as_ref());
    text += &line("one record among them", report.get_us.as_ref());
    text += &format!("\nwritten in groups: {:.0} a second\n", report.grouped_per_second);
    for queue in &report.queue {
        text += &format!(
            "queue, {} workers: {:.0} a second put in, {:.0} carried through\n",
            queue.workers, queue.enqueued_per_second, queue.carried_per_second
        );
    }
    text
}
