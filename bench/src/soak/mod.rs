//! The soak: clients make, use, interrupt, kill and end sessions at random. Afterwards
//! there must be no more of anything than before.

mod client;
mod count;
mod deeds;
mod dice;

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use engine::WarmConfig;
use tokio::task::JoinSet;

use crate::warm::{
    args::SiteArgs,
    house::{House, Threads},
    site::Site,
};

/// Of the sessions, so many are made before the first count, and no fewer and no more than
/// these: what is made once is made by then, and the allocator has seen its busiest moment.
const WARM_UP_PART: usize = 10;
const WARM_UP_MIN: usize = 20;
const WARM_UP_MAX: usize = 1_000;
/// Failures after which it is clear that something is wrong.
const FAILURES_MAX: usize = 25;
/// How often it tells how it is getting on.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Has clients make, use and end sessions at random.
#[derive(Clone, Debug, Args)]
pub(crate) struct SoakArgs {
    #[command(flatten)]
    site: SiteArgs,
    /// Sessions to make
    #[arg(long, default_value_t = 2000)]
    sessions: usize,
    /// Clients that do so at the same time
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Time after which no more are made
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// The number that chance starts from; another repeats nothing
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Never kill a parked interpreter
    #[arg(long)]
    spare_zygotes: bool,
}

/// What all clients share.
struct Shared {
    engine: Arc<engine::Engine>,
    environments: Vec<&'static str>,
    left: AtomicUsize,
    deadline: Instant,
    spares_zygotes: bool,
    failures: Mutex<Vec<String>>,
    deeds: Mutex<BTreeMap<&'static str, usize>>,
}

impl Shared {
    /// Takes one of the sessions that are left.
    fn take(&self) -> Option<usize> {
        if Instant::now() >= self.deadline || self.failures() >= FAILURES_MAX {
            return None;
        }
        let minus_one = |left: usize| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, minus_one).ok()
    }

    fn failures(&self) -> usize {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn fail(&self, text: String) {
        // Nobody is left to tell if that fails.
        let _ = writeln!(std::io::stderr(), "failed: {text}");
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn note(&self, deed: &'static str) {
        *self.deeds.lock().unwrap_or_else(PoisonError::into_inner).entry(deed).or_default() += 1;
    }
}

/// A soak of a few sessions.
///
/// # Errors
/// As of [`run`].
pub(crate) fn smoke(site: SiteArgs) -> Result<()> {
    let (sessions, clients, seconds, seed) = (20, 3, 60, 1);
    run(&SoakArgs { site, sessions, clients, seconds, seed, spare_zygotes: false })
}

/// Soaks.
///
/// # Errors
/// Something was not as it should be, or stayed behind.
pub(crate) fn run(args: &SoakArgs) -> Result<()> {
    let site = Site::make(&SiteArgs { without_bwrap: true, ..args.site.clone() }, false)?;
    let mut out = std::io::stderr();
    let first = (args.sessions / WARM_UP_PART).clamp(WARM_UP_MIN, WARM_UP_MAX);
    let first = SoakArgs { sessions: first.min(args.sessions), ..args.clone() };
    let mut failures = session_round(&site, &first)?.0;
    let before = count::Count::take();
    let (more, made) = session_round(&site, args)?;
    failures.extend(more);
    let left = count::left_behind(&before, made);
    for line in &left.told {
        writeln!(out, "{line}")?;
    }
    failures.extend(left.failures);
    if failures.is_empty() {
        writeln!(out, "{made} sessions, and nothing stayed behind")?;
        return Ok(());
    }
    bail!("{} failures:\n{}", failures.len(), failures.join("\n"));
}

/// Has all clients work with one engine, which is gone afterwards. Gives the failures,
/// and how many sessions were made.
fn session_round(site: &Site, args: &SoakArgs) -> Result<(Vec<String>, usize)> {
    let warm = WarmConfig {
        pool_min: args.clients.min(4),
        pool_max: args.clients.max(4) * 2,
        zygote_forks_max: 500,
        ready_age_max: Duration::from_secs(20),
        ..WarmConfig::default()
    };
    let house = House::build(site, warm, Threads::All)?;
    let mut environments = vec!["bare"];
    environments.extend(site.has_pandas.then_some(crate::warm::site::PANDAS));
    let shared = Arc::new(Shared {
        engine: Arc::clone(house.engine()),
        environments,
        left: AtomicUsize::new(args.sessions),
        deadline: Instant::now() + Duration::from_secs(args.seconds),
        spares_zygotes: args.spare_zygotes,
        failures: Mutex::default(),
        deeds: Mutex::default(),
    });
    house.wait(all_clients(&shared, args))?;
    let made = args.sessions - shared.left.load(Ordering::Relaxed);
    tell(&shared, args, true)?;
    let still = house.engine().warm_stats().sessions;
    if still > 0 {
        shared.fail(format!("{still} sessions are still in the engine's list"));
    }
    let failures =
        std::mem::take(&mut *shared.failures.lock().unwrap_or_else(PoisonError::into_inner));
    drop(shared);
    drop(house);
    Ok((failures, made))
}

async fn all_clients(shared: &Arc<Shared>, args: &SoakArgs) -> Result<()> {
    let mut clients = JoinSet::new();
    for number in 0..args.clients {
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(number as u64);
        clients.spawn(client::work(Arc::clone(shared), seed));
    }
    let mut tick = tokio::time::interval(TELL_EVERY);
    loop {
        tokio::select! {
            ended = clients.join_next() => match ended {
                Some(ended) => ended.context("a client has panicked")?,
                None => return Ok(()),
            },
            _ = tick.tick() => tell(shared, args, false)?,
        }
    }
}

fn tell(shared: &Shared, args: &SoakArgs, is_over: bool) -> Result<()> {
    let made = args.sessions - shared.left.load(Ordering::Relaxed);
    let stats = shared.engine.warm_stats();
    let mut out = std::io::stderr();
    writeln!(out, "{made} sessions, {} failures, {stats:?}", shared.failures())?;
    if is_over {
        let deeds = shared.deeds.lock().unwrap_or_else(PoisonError::into_inner);
        let deeds: Vec<_> = deeds.iter().map(|(name, count)| format!("{name} {count}")).collect();
        writeln!(out, "{}", deeds.join(", "))?;
    }
    Ok(())
}
