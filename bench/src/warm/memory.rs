//! What idle sessions cost in memory, and how turns and forks slow down as they grow.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use engine::{Session, WarmConfig};
use serde::Serialize;

use super::{
    args::WarmArgs,
    crowd::Crowd,
    house::{House, Threads, good_turn, session_of},
    site::{PANDAS, Site},
};
use crate::{
    host,
    statistics::{Summary, summary},
};

/// How long what was just started is left alone before it is measured.
const SETTLING: Duration = Duration::from_secs(1);
/// Turns in one session, and all over.
const TURNS: usize = 300;
/// Forks whose time counts: the last ones.
const FORKS: usize = 100;
/// Sessions of one process: each takes a dozen files, and a process may often open no more
/// than 20,000. Others hold the rest, but for the last ones of each step.
const HELD_MAX: usize = 1_000;

/// What was found with so many sessions.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) environment: &'static str,
    pub(crate) sessions: usize,
    /// Kilobytes a session: of processes, each page shared by so many counted so
    /// many times less.
    pub(crate) pss_kb: f64,
    /// Of pages that nobody else has.
    pub(crate) private_kb: f64,
    /// Of the kernel's own: page tables, stacks, slabs, per-processor areas.
    pub(crate) kernel_kb: f64,
    /// Anonymous pages of all processes.
    pub(crate) anonymous_kb: f64,
    /// What their control groups count.
    pub(crate) cgroup_kb: f64,
    /// What the machine has less to give.
    pub(crate) available_kb: f64,
    /// What the processes hold that they are sessions of.
    pub(crate) engine_kb: f64,
    /// Turns of one session, turns of this process's in turn, the last fresh sessions.
    pub(crate) turn_ms: Option<Summary>,
    pub(crate) turn_of_any_ms: Option<Summary>,
    pub(crate) fresh_ms: Option<Summary>,
    /// How long all of them took to end; known of the last row.
    pub(crate) end_seconds: Option<f64>,
}

/// Measures every environment.
///
/// # Errors
/// A session cannot be had.
pub(super) fn measure(site: &Site, args: &WarmArgs) -> Result<Vec<Memory>> {
    let pandas = site.has_pandas.then_some(PANDAS);
    let mut rows = Vec::new();
    for environment in ["bare"].into_iter().chain(pandas) {
        rows.extend(grow(site, environment, &args.sessions)?);
    }
    Ok(rows)
}

fn grow(site: &Site, environment: &'static str, steps: &[usize]) -> Result<Vec<Memory>> {
    let house = without_pool(site)?;
    // The interpreter is parked, and what is loaded once is loaded.
    let first = house.wait(fresh(&house, environment))?.0;
    let zero = Sample::take(&[])?;
    let (mut idle, mut rows) = (Idle { sessions: Vec::new(), crowds: Vec::new() }, Vec::new());
    for step in steps {
        let forks = idle.grow((site, &house), environment, *step)?;
        std::thread::sleep(SETTLING);
        let row = Sample::take(&idle.crowds)?.beyond(&zero, environment, idle.len().max(1));
        let turn_ms = summary(&turns(&house, std::slice::from_ref(&first))?);
        let turn_of_any_ms = summary(&turns(&house, &idle.sessions)?);
        let fresh_ms = summary(&forks[forks.len().saturating_sub(FORKS)..]);
        rows.push(Memory { turn_ms, turn_of_any_ms, fresh_ms, ..row });
    }
    let start = Instant::now();
    idle.end(&house);
    if let Some(last) = rows.last_mut() {
        last.end_seconds = Some(start.elapsed().as_secs_f64());
    }
    Ok(rows)
}

/// Sessions that nobody uses: this process's, and those that others hold.
struct Idle {
    sessions: Vec<Session>,
    crowds: Vec<Crowd>,
}

impl Idle {
    fn len(&self) -> usize {
        self.sessions.len() + self.crowds.iter().map(|crowd| crowd.sessions).sum::<usize>()
    }

    /// Makes so many of them in all; how long each took of those that are this process's.
    fn grow(
        &mut self,
        (site, house): (&Site, &House),
        environment: &str,
        wanted: usize,
    ) -> Result<Vec<Option<f64>>> {
        let mut forks = Vec::new();
        while let missing @ 1.. = wanted.saturating_sub(self.len()) {
            if self.sessions.len() >= HELD_MAX && missing > FORKS {
                let held = (missing - FORKS).min(HELD_MAX);
                self.crowds.push(Crowd::gather(site, environment, held)?);
                continue;
            }
            let (session, time) = house
                .wait(fresh(house, environment))
                .with_context(|| format!("with {} sessions in {environment}", self.len()))?;
            self.sessions.push(session);
            forks.push(Some(milliseconds(time)));
        }
        Ok(forks)
    }

    fn end(self, house: &House) {
        drop(self.crowds);
        close(house, &self.sessions);
    }
}

/// Closes sessions, one after the other.
pub(super) fn close(house: &House, sessions: &[Session]) {
    house.wait(async {
        for session in sessions {
            session.close().await;
        }
    });
}

/// An engine that forks nothing ahead.
///
/// # Errors
/// The backend cannot be had on this host.
pub(super) fn without_pool(site: &Site) -> Result<House> {
    House::build(site, WarmConfig { pool_max: 0, ..WarmConfig::default() }, Threads::One)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A session that has had a turn, and how long that took.
///
/// # Errors
/// It cannot be had.
pub(super) async fn fresh(house: &House, environment: &str) -> Result<(Session, Duration)> {
    let start = Instant::now();
    let session = house.engine().create_session(session_of(environment)).await?;
    good_turn(&session, "x = 0\nprint('hello')", "hello\n").await?;
    Ok((session, start.elapsed()))
}

/// Times of turns that go round these sessions.
fn turns(house: &House, sessions: &[Session]) -> Result<Vec<Option<f64>>> {
    let time = |session: &Session| {
        let start = Instant::now();
        house.wait(good_turn(session, "x = x + 1", ""))?;
        Ok(Some(milliseconds(start.elapsed())))
    };
    // Not one after the other in memory: each step goes a third of the way round.
    let stride = sessions.len() / 3 + 1;
    (0..TURNS).map(|n| &sessions[n * stride % sessions.len()]).map(time).collect()
}

/// What is used at one moment, in kilobytes.
struct Sample {
    pss: u64,
    private: u64,
    kernel: u64,
    anonymous: u64,
    cgroups: u64,
    available: u64,
    engine: u64,
}

impl Sample {
    fn take(crowds: &[Crowd]) -> Result<Self> {
        let kernels = host::kernels();
        let mut engine = rollup(std::process::id())?.1;
        for crowd in crowds {
            engine += rollup(crowd.pid())?.1;
        }
        let mut sample = Self {
            pss: 0,
            private: 0,
            kernel: host::kernel_kb(),
            anonymous: host::meminfo_kb("AnonPages"),
            cgroups: 0,
            available: host::meminfo_kb("MemAvailable"),
            engine,
        };
        let mut groups = BTreeSet::new();
        for pid in kernels {
            // One that has just ended has nothing.
            let Ok((pss, private)) = rollup(pid) else { continue };
            sample.pss += pss;
            sample.private += private;
            groups.extend(memory_group(pid));
        }
        sample.cgroups = groups.iter().map(|group| charged_kb(group)).sum();
        Ok(sample)
    }

    fn beyond(&self, zero: &Self, environment: &'static str, sessions: usize) -> Memory {
        let each = |now: u64, before: u64| (now as f64 - before as f64) / sessions as f64;
        Memory {
            environment,
            sessions,
            pss_kb: each(self.pss, zero.pss),
            private_kb: each(self.private, zero.private),
            kernel_kb: each(self.kernel, zero.kernel),
            anonymous_kb: each(self.anonymous, zero.anonymous),
            cgroup_kb: each(self.cgroups, zero.cgroups),
            available_kb: each(zero.available, self.available),
            engine_kb: each(self.engine, zero.engine),
            turn_ms: None,
            turn_of_any_ms: None,
            fresh_ms: None,
            end_seconds: None,
        }
    }
}

/// A process's proportional share, and what is its own.
fn rollup(pid: u32) -> Result<(u64, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let of = |name: &str| host::kilobytes(&text, name);
    Ok((of("Pss"), of("Private_Clean") + of("Private_Dirty")))
}

/// The control group that counts a process's memory.
fn memory_group(pid: u32) -> Option<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let root = match controllers {
            "" => "/sys/fs/cgroup",
            _ if controllers.split(',').any(|c| c == "memory") => "/sys/fs/cgroup/memory",
            _ => return None,
        };
        let path = PathBuf::from(format!("{root}{path}"));
        FILES.iter().any(|file| path.join(file).is_file()).then_some(path)
    })
}

/// Where a control group says what it counts: version 1, version 2.
const FILES: [&str; 2] = ["memory.usage_in_bytes", "memory.current"];

fn charged_kb(group: &std::path::Path) -> u64 {
    let read = |file| fs::read_to_string(group.join(file)).ok()?.trim().parse::<u64>().ok();
    FILES.into_iter().find_map(read).unwrap_or(0) / 1024
}
