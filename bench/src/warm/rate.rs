//! Fresh sandboxes a second: until what was ready is used up, and from then on.

use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use api::StartSpec;
use engine::{Engine, WarmConfig};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    args::WarmArgs,
    house::{House, Threads, good_turn, run_of, session_of, timed_run},
    site::{PANDAS, Site},
};

/// Ticks of the kernel's processor times in a second.
const TICKS: f64 = 100.0;
/// Sandboxes forked ahead at once: as many as there are clients would only wait.
const REFILLS: usize = 2;

/// What was found of one environment.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) environment: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) clients: usize,
    pub(crate) pool: usize,
    /// Sandboxes a second while ready ones were left, and how many that were.
    pub(crate) ready_per_second: f64,
    pub(crate) ready: usize,
    /// The same from then on.
    pub(crate) steady_per_second: f64,
    pub(crate) steady: usize,
    /// Of the later ones, those that found one ready.
    pub(crate) steady_hits: u64,
    /// Processor time of the whole machine for each of the later ones.
    pub(crate) steady_cpu_ms: f64,
}

/// What is asked for again and again.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Session,
    Run,
}

/// Measures every environment and kind.
///
/// # Errors
/// A sandbox cannot be had.
pub(super) fn measure(site: &Site, args: &WarmArgs) -> Result<Vec<Rate>> {
    let pandas = site.has_pandas.then_some(PANDAS);
    let mut rates = Vec::new();
    for environment in ["bare"].into_iter().chain(pandas) {
        for kind in [Kind::Session, Kind::Run] {
            rates.push(one(site, args, environment, kind)?);
        }
    }
    Ok(rates)
}

fn one(site: &Site, args: &WarmArgs, environment: &'static str, kind: Kind) -> Result<Rate> {
    let warm = WarmConfig { pool_max: args.pool, refills_max: REFILLS, ..WarmConfig::default() };
    let house = House::build(site, warm, Threads::All)?;
    let engine = house.engine();
    let times = house.wait(async {
        let request = run_of(environment, CODE, StartSpec::Fork);
        match kind {
            Kind::Session => engine.prewarm(&session_of(environment), args.pool).await?,
            Kind::Run => engine.prewarm_run(&request, args.pool).await?,
        }
        let mut clients = JoinSet::new();
        let clock = Arc::new(Clock::start(args.seconds));
        for _ in 0..args.clients {
            let (engine, clock) = (Arc::clone(engine), Arc::clone(&clock));
            clients.spawn(client(engine, environment, kind, clock));
        }
        while let Some(ended) = clients.join_next().await {
            ended.context("a client has panicked")??;
        }
        Ok::<_, anyhow::Error>(clock.finish())
    })?;
    let name = match kind {
        Kind::Session => "session",
        Kind::Run => "run",
    };
    Ok(Rate { environment, kind: name, clients: args.clients, pool: args.pool, ..times })
}

const CODE: &str = "print('hello')\n";

async fn client(
    engine: Arc<Engine>,
    environment: &'static str,
    kind: Kind,
    clock: Arc<Clock>,
) -> Result<()> {
    let run = run_of(environment, CODE, StartSpec::Fork);
    while clock.goes_on(&engine) {
        match kind {
            Kind::Session => {
                let session = engine.create_session(session_of(environment)).await?;
                good_turn(&session, CODE, "hello\n").await?;
                session.close().await;
            }
            Kind::Run => drop(timed_run(&engine, &run).await?),
        }
        clock.count();
    }
    Ok(())
}

/// What all clients look at.
struct Clock {
    seconds: u64,
    state: std::sync::Mutex<State>,
}

struct State {
    start: Mark,
    /// When the first found nothing ready.
    empty: Option<Mark>,
    count: usize,
    end: Option<Mark>,
}

#[derive(Clone, Copy)]
struct Mark {
    at: Instant,
    count: usize,
    hits: u64,
    ticks: u64,
}

impl Clock {
    fn start(seconds: u64) -> Self {
        let start = Mark { at: Instant::now(), count: 0, hits: 0, ticks: ticks() };
        let state = State { start, empty: None, count: 0, end: None };
        Self { seconds, state: std::sync::Mutex::new(state) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn count(&self) {
        self.lock().count += 1;
    }

    /// Whether there is time for another one.
    fn goes_on(&self, engine: &Engine) -> bool {
        let stats = engine.warm_stats();
        let mut state = self.lock();
        let now = Mark { at: Instant::now(), count: state.count, hits: stats.hits, ticks: ticks() };
        if stats.misses > 0 {
            state.empty.get_or_insert(now);
        }
        // A pool that never runs empty is as steady as it gets.
        let since =
            state.empty.map_or(state.start.at + Duration::from_secs(self.seconds), |m| m.at);
        let is_over = now.at >= since + Duration::from_secs(self.seconds);
        if is_over {
            state.end.get_or_insert(now);
        }
        !is_over
    }

    fn finish(&self) -> Rate {
        let state = self.lock();
        let end = state.end.unwrap_or(state.start);
        let empty = state.empty.unwrap_or(state.start);
        let rate = |from: Mark, to: Mark| {
            let seconds = to.at.saturating_duration_since(from.at).as_secs_f64();
            if seconds > 0.0 { number(to.count - from.count) / seconds } else { 0.0 }
        };
        let steady = end.count - empty.count;
        let busy = end.ticks.saturating_sub(empty.ticks);
        Rate {
            environment: "",
            kind: "",
            clients: 0,
            pool: 0,
            ready_per_second: rate(state.start, empty),
            ready: empty.count,
            steady_per_second: rate(empty, end),
            steady,
            steady_hits: end.hits.saturating_sub(empty.hits),
            steady_cpu_ms: busy as f64 / TICKS * 1e3 / number(steady.max(1)),
        }
    }
}

fn number(count: usize) -> f64 {
    count as f64
}

/// Processor time that the machine has spent on anything, in ticks.
fn ticks() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<u64> = line.split_whitespace().skip(1).map_while(|f| f.parse().ok()).collect();
    // User, nice, system; then idle and waiting, which are not work; then interrupts.
    fields.iter().enumerate().filter(|(n, _)| matches!(n, 0..=2 | 5 | 6)).map(|(_, t)| t).sum()
}
