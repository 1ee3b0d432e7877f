//! Requests a second of several clients, each with a connection of its own.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde::Serialize;

use super::{
    args::ServeArgs,
    asks::{Dialect, Target, check, live_session},
    requests::Places,
    wire::{Client, Content, Request},
};
use crate::statistics::{Summary, summary};

/// What clients do again and again.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Greeting,
    Turn,
    Session,
    Run,
}

/// What was found of a deed and a number of clients.
#[derive(Debug, Serialize)]
pub(crate) struct Rate {
    pub(crate) name: &'static str,
    pub(crate) clients: usize,
    pub(crate) per_second: f64,
    /// Of one, as its client saw it.
    pub(crate) times_ms: Summary,
}

/// A client's own part: does it once; the time that counts.
pub(super) type Work = Box<dyn FnMut() -> Result<Duration> + Send>;

/// Measures every deed with every number of clients.
///
/// # Errors
/// A server cannot be asked.
pub(super) fn measure(places: &Places, args: &ServeArgs) -> Result<Vec<Rate>> {
    let ours = Target::open(places.ours, Dialect::Own);
    let otari = |place| Target::open(place, Dialect::Otari);
    let mut deeds = vec![
        ("bare handler", Deed::Greeting, otari(places.bare)),
        ("turn", Deed::Turn, ours.clone()),
        ("create and delete", Deed::Session, ours.clone()),
        ("run print(1)", Deed::Run, ours),
    ];
    if let Some(reference) = places.reference {
        deeds.push(("otari: python", Deed::Turn, otari(places.ours)));
        deeds.push(("reference: python", Deed::Turn, otari(reference)));
        deeds.push(("otari: create and delete", Deed::Session, otari(places.ours)));
        deeds.push(("reference: create and delete", Deed::Session, otari(reference)));
    }
    let mut rates = Vec::new();
    for clients in &args.clients {
        for (name, deed, target) in &deeds {
            let works = (0..*clients).map(|_| work(*deed, target)).collect::<Result<_>>();
            let times = at_once(works.context(*name)?, args.seconds).context(*name)?;
            rates.extend(rate(name, *clients, &times, args.seconds));
        }
    }
    Ok(rates)
}

fn rate(name: &'static str, clients: usize, times: &[Option<f64>], seconds: u64) -> Option<Rate> {
    let per_second = times.len() as f64 / Duration::from_secs(seconds.max(1)).as_secs_f64();
    Some(Rate { name, clients, per_second, times_ms: summary(times)? })
}

/// Has every client work for so long; the milliseconds of what came to its end in time.
fn at_once(works: Vec<Work>, seconds: u64) -> Result<Vec<Option<f64>>> {
    let end = Instant::now() + Duration::from_secs(seconds.max(1));
    thread::scope(|scope| {
        let start = |work| scope.spawn(move || until(end, work));
        let threads: Vec<_> = works.into_iter().map(start).collect();
        let mut all = Vec::new();
        for thread in threads {
            let times = thread.join().map_err(|_| anyhow::anyhow!("a client has panicked"))?;
            all.extend(times?);
        }
        Ok(all)
    })
}

fn until(end: Instant, mut work: Work) -> Result<Vec<Option<f64>>> {
    let mut times = Vec::new();
    loop {
        let time = work()?;
        if Instant::now() > end {
            return Ok(times);
        }
        times.push(Some(time.as_secs_f64() * 1e3));
    }
}

fn work(deed: Deed, target: &Target) -> Result<Work> {
    let mut client = target.connect()?;
    let target = target.clone();
    Ok(match deed {
        Deed::Greeting => same(client, Request::new("GET", "/", Content::None), false),
        Deed::Turn => {
            let session = live_session(&mut client, &target)?;
            same(client, target.turn(&session), true)
        }
        Deed::Run => same(client, target.run("print(1)"), true),
        Deed::Session => Box::new(move || {
            let start = Instant::now();
            let session = client.ask(&target.create())?.good()?.text("session_id")?;
            client.ask(&target.delete(&session))?.good()?;
            Ok(start.elapsed())
        }),
    })
}

/// The same request, again and again.
fn same(mut client: Client, request: Request, is_code: bool) -> Work {
    Box::new(move || {
        let (answer, time) = client.time(&request)?;
        if is_code {
            check(&answer)?;
        }
        Ok(time)
    })
}
