//! Fresh sandboxes: ready ones, ones forked on demand and cold ones, beside bubblewrap
//! and bare interpreters.

use std::{
    ffi::OsString,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use api::{RunRequest, StartSpec};
use engine::WarmConfig;
use policy::guest;

use super::{
    house::{House, Threads, good_turn, run_of, session_of, timed_run},
    peer::{Peer, Place},
    rounds::Subject,
    site::{PANDAS, Site},
};
use crate::{program::Program, subject::bwrap_options};

/// Rounds of which what takes a third of a second takes part in one.
const SLOW_EVERY: usize = 10;
/// Ready ones before one is taken: as one is left then, none is forked meanwhile.
const READY: usize = 2;
/// Code that makes pandas do some of its work.
const DESCRIBE: &str = "import pandas as pd\n\
    frame = pd.DataFrame({'a': range(1000), 'b': [x / 7 for x in range(1000)]})\n\
    summary = frame.describe()";
/// Turns after which describing is as fast as it gets.
const DESCRIBED_BEFORE: usize = 5;

/// The engines: one that keeps sandboxes ready, and one that forks on demand.
pub(super) struct Houses {
    pool: Rc<House>,
    miss: Rc<House>,
}

impl Houses {
    fn build(site: &Site) -> Result<Self> {
        let build = |warm| House::build(site, warm, Threads::One).map(Rc::new);
        let none = WarmConfig { pool_max: 0, ..WarmConfig::default() };
        Ok(Self { pool: build(WarmConfig::default())?, miss: build(none)? })
    }
}

/// The names of a kind of work's series.
struct Names {
    bare: &'static str,
    bwrap: &'static str,
    cold: [&'static str; 2],
    fork: &'static str,
    run_hit: [&'static str; 2],
    run_miss: [&'static str; 2],
    hit: [&'static str; 2],
    miss: [&'static str; 2],
}

const HELLO: Names = Names {
    bare: "hello, bare python",
    bwrap: "hello, bwrap",
    cold: ["hello, cold run: output", "hello, cold run: gone"],
    fork: "hello, raw fork",
    run_hit: ["hello, run hit: output", "hello, run hit: gone"],
    run_miss: ["hello, run miss: output", "hello, run miss: gone"],
    hit: ["hello, session hit: answer", "hello, session hit: closed"],
    miss: ["hello, session miss: answer", "hello, session miss: closed"],
};

const WITH_PANDAS: Names = Names {
    bare: "pandas, bare python",
    bwrap: "pandas, bwrap",
    cold: ["pandas, cold run: output", "pandas, cold run: gone"],
    fork: "pandas, raw fork",
    run_hit: ["pandas, run hit: output", "pandas, run hit: gone"],
    run_miss: ["pandas, run miss: output", "pandas, run miss: gone"],
    hit: ["pandas, session hit: answer", "pandas, session hit: closed"],
    miss: ["pandas, session miss: answer", "pandas, session miss: closed"],
};

/// What is done in a fresh sandbox.
struct Work<'a> {
    names: &'a Names,
    environment: &'a str,
    code: &'a str,
    /// The interpreter on the host, and in the sandbox.
    python: [OsString; 2],
    options: &'a [&'a str],
    modules: &'a [&'a str],
    /// How often processes that start from nothing take part.
    every: usize,
}

/// Every subject, in order.
///
/// # Errors
/// One of them cannot be had.
pub(super) fn subjects(site: &Site) -> Result<Vec<Box<dyn Subject>>> {
    let houses = Houses::build(site)?;
    let python = OsString::from(&site.python);
    let hello = Work {
        names: &HELLO,
        environment: "bare",
        code: "print('hello')\n",
        python: [python.clone(), python],
        options: &["-I", "-S"],
        modules: &[],
        every: 1,
    };
    let mut subjects = of_work(site, &houses, &hello)?;
    if site.has_pandas {
        let inside = format!("{}/bin/python", guest::ENVIRONMENT);
        let pandas = Work {
            names: &WITH_PANDAS,
            environment: PANDAS,
            code: "import pandas\nprint('hello')\n",
            python: [site.pandas_python().into(), inside.into()],
            options: &["-I"],
            modules: &["numpy", "pandas"],
            every: SLOW_EVERY,
        };
        subjects.extend(of_work(site, &houses, &pandas)?);
        subjects.push(Box::new(Describe { house: Rc::clone(&houses.pool) }));
    }
    Ok(subjects)
}

fn of_work(site: &Site, houses: &Houses, work: &Work<'_>) -> Result<Vec<Box<dyn Subject>>> {
    let Work { names, environment, code, .. } = *work;
    let mut subjects = processes(site, houses, work)?;
    let run = |house: &Rc<House>, start, names, ready: Option<bool>| {
        let request = run_of(environment, code, start);
        let every = if ready.is_some() { 1 } else { work.every };
        Box::new(Run { house: Rc::clone(house), request, names, ready, every })
    };
    let session = |house: &Rc<House>, names, ready| {
        let (environment, code) = (environment.to_owned(), code.to_owned());
        Box::new(Fresh { house: Rc::clone(house), environment, code, names, ready })
    };
    subjects.push(run(&houses.miss, StartSpec::Exec, names.cold, None));
    let peer = Peer::start(work.python[0].as_ref(), work.options, work.modules)?;
    subjects.push(Box::new(RawFork { peer, code: code.to_owned(), name: names.fork }));
    subjects.push(run(&houses.pool, StartSpec::Fork, names.run_hit, Some(true)));
    subjects.push(run(&houses.miss, StartSpec::Fork, names.run_miss, Some(false)));
    subjects.push(session(&houses.pool, names.hit, true));
    subjects.push(session(&houses.miss, names.miss, false));
    Ok(subjects)
}

/// The bare interpreter, and the same in bubblewrap with the mounts of our policy.
fn processes(site: &Site, houses: &Houses, work: &Work<'_>) -> Result<Vec<Box<dyn Subject>>> {
    let script = site.file(&format!("{}.py", work.environment), work.code)?;
    let request = run_of(work.environment, work.code, StartSpec::Exec);
    let policy = houses.miss.engine().policy(&request)?;
    let line = |python: &OsString, script: &OsString| {
        let options = work.options.iter().map(OsString::from);
        [python.clone()].into_iter().chain(options).chain([script.clone()]).collect::<Vec<_>>()
    };
    let process = |words, name| {
        let program = Program::new(words, site.directory()).with_env_vars(policy.env_vars());
        program.check("hello")?;
        let every = work.every;
        Ok::<_, anyhow::Error>(Box::new(Process { program, name, every }) as Box<dyn Subject>)
    };
    let script = OsString::from(script);
    let mut subjects = vec![process(line(&work.python[0], &script), work.names.bare)?];
    if let Some(bwrap) = &site.bwrap {
        let seen = OsString::from(format!("{}/hello.py", guest::WORKSPACE));
        let mut words = vec![bwrap.into()];
        words.extend(bwrap_options(&policy));
        words.extend(["--ro-bind".into(), script, seen.clone()]);
        words.extend(line(&work.python[1], &seen));
        subjects.push(process(words, work.names.bwrap)?);
    }
    Ok(subjects)
}

/// A process that starts from nothing.
struct Process {
    program: Program,
    name: &'static str,
    every: usize,
}

impl Subject for Process {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn every(&self) -> usize {
        self.every
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        Ok(vec![self.program.time()?])
    }
}

/// A fork of a process without a sandbox.
struct RawFork {
    peer: Peer,
    code: String,
    name: &'static str,
}

impl Subject for RawFork {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        Ok(vec![self.peer.time(Place::Fork, &self.code)?])
    }
}

/// One run of a program.
struct Run {
    house: Rc<House>,
    request: RunRequest,
    names: [&'static str; 2],
    /// Whether one is ready for it; neither where it starts from nothing.
    ready: Option<bool>,
    every: usize,
}

impl Subject for Run {
    fn names(&self) -> Vec<&'static str> {
        self.names.to_vec()
    }

    fn every(&self) -> usize {
        self.every
    }

    fn prepare(&mut self) -> Result<()> {
        if self.ready == Some(true) {
            let engine = self.house.engine();
            self.house.wait(engine.prewarm_run(&self.request, READY))?;
            self.house.wait(engine.prewarm_run(&self.request, 0))?;
        }
        Ok(())
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let engine = self.house.engine();
        let before = engine.warm_stats();
        let times = self.house.wait(timed_run(engine, &self.request))?;
        let after = engine.warm_stats();
        let found = (after.hits - before.hits, after.misses - before.misses);
        let expected = match self.ready {
            Some(true) => (1, 0),
            Some(false) => (0, 1),
            None => (0, 0),
        };
        if found != expected {
            bail!("(hits, misses) were {found:?} and not {expected:?}");
        }
        Ok(times.to_vec())
    }
}

/// A session with one turn.
struct Fresh {
    house: Rc<House>,
    environment: String,
    code: String,
    names: [&'static str; 2],
    ready: bool,
}

/// Has ready sandboxes wait, none of which will be replaced while one is measured.
fn make_ready(house: &House, environment: &str) -> Result<()> {
    let request = session_of(environment);
    house.wait(house.engine().prewarm(&request, READY))?;
    Ok(house.wait(house.engine().prewarm(&request, 0))?)
}

impl Subject for Fresh {
    fn names(&self) -> Vec<&'static str> {
        self.names.to_vec()
    }

    fn prepare(&mut self) -> Result<()> {
        if self.ready { make_ready(&self.house, &self.environment) } else { Ok(()) }
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let request = session_of(&self.environment);
        let start = Instant::now();
        self.house.wait(async {
            let session = self.house.engine().create_session(request).await?;
            good_turn(&session, &self.code, "hello\n").await?;
            let answer = start.elapsed();
            let was_ready = session.info().was_ready;
            session.close().await;
            if was_ready != self.ready {
                bail!("it was ready: {was_ready}");
            }
            Ok(vec![answer, start.elapsed()])
        })
    }
}

/// The first description of a data frame in a fresh sandbox, and a later one.
struct Describe {
    house: Rc<House>,
}

impl Subject for Describe {
    fn names(&self) -> Vec<&'static str> {
        vec!["describe, first", "describe, again"]
    }

    fn prepare(&mut self) -> Result<()> {
        make_ready(&self.house, PANDAS)
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        self.house.wait(async {
            let session = self.house.engine().create_session(session_of(PANDAS)).await?;
            let start = Instant::now();
            good_turn(&session, DESCRIBE, "").await?;
            let first = start.elapsed();
            for _ in 1..DESCRIBED_BEFORE {
                good_turn(&session, DESCRIBE, "").await?;
            }
            let start = Instant::now();
            good_turn(&session, DESCRIBE, "").await?;
            let again = start.elapsed();
            session.close().await;
            Ok(vec![first, again])
        })
    }
}
