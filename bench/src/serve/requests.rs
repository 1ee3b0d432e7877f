//! One request after the other, and beside them what they are made of: a bare handler,
//! and a turn of the engine without HTTP.

use std::{
    cell::RefCell,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use engine::{Session, WarmConfig};

use super::{
    asks::{Dialect, Target, check, live_session},
    budget::FLOOR,
    wire::{Answer, Client, Content, Place, Request},
};
use crate::{
    measure::Series,
    warm::{
        args::SiteArgs,
        house::{House, Threads, good_turn, session_of},
        rounds::Subject,
        site::Site,
    },
};

/// Runs of the same right before one that is timed: it is one of many in a row then,
/// unless it is paced.
const BEFORE: usize = 3;
/// The size of the file.
const FILE_BYTES: usize = 1024;

/// A connection that several subjects use in turn.
type Shared = Rc<RefCell<Client>>;

/// Where everything is that is asked.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) ours: Place,
    pub(super) bare: Place,
    pub(super) reference: Option<Place>,
    pub(super) python: PathBuf,
}

/// Every subject, in order.
///
/// # Errors
/// A server cannot be asked.
pub(super) fn subjects(places: &Places, are_many: bool) -> Result<Vec<Box<dyn Subject>>> {
    let before = if are_many { BEFORE } else { 0 };
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    let client = Rc::new(RefCell::new(Client::connect(places.bare)?));
    let request = Request::new("GET", "/", Content::None);
    subjects.push(Box::new(Ask { name: "bare handler", client, request, before, check: None }));
    subjects.push(Box::new(EngineTurn::make(&places.python, before)?));
    subjects.extend(own(places, before)?);
    let ours = ["otari: create", "otari: python", "otari: bash", "otari: delete"];
    let theirs = ["reference: create", "reference: python", "reference: bash", "reference: delete"];
    if let Some(reference) = places.reference {
        subjects.extend(otari(places.ours, ours, before)?);
        subjects.extend(otari(reference, theirs, before)?);
    }
    Ok(subjects)
}

/// What our own API is asked for.
fn own(places: &Places, before: usize) -> Result<Vec<Box<dyn Subject>>> {
    let target = Target::open(places.ours, Dialect::Own);
    let mut client = target.connect()?;
    let session = live_session(&mut client, &target)?;
    let upload = target.upload(&session, &[b'x'; FILE_BYTES]);
    client.ask(&upload)?.good()?;
    let client = Rc::new(RefCell::new(client));
    let ask = |name, request, before, check| -> Box<dyn Subject> {
        Box::new(Ask { name, client: Rc::clone(&client), request, before, check })
    };
    let health = Request::new("GET", "/health", Content::None);
    let is_whole: Check = |answer| match answer.body.len() {
        FILE_BYTES => Ok(()),
        other => bail!("{other} bytes came back"),
    };
    Ok(vec![
        ask("GET /health", health, before, None),
        ask("turn", target.turn(&session), before, Some(check)),
        ask("command true", target.command(&session), 0, Some(check)),
        ask("upload 1 KiB", upload, before, None),
        ask("download 1 KiB", target.download(&session), before, Some(is_whole)),
        ask("run print(1)", target.run("print(1)"), 0, Some(check)),
        Box::new(CreateDelete { names: ["create", "delete"], client: Rc::clone(&client), target }),
    ])
}

/// What a server of otari's contract is asked for.
fn otari(place: Place, names: [&'static str; 4], before: usize) -> Result<Vec<Box<dyn Subject>>> {
    let target = Target::open(place, Dialect::Otari);
    let mut client = target.connect()?;
    let session = live_session(&mut client, &target)?;
    let client = Rc::new(RefCell::new(client));
    let [create, python, bash, delete] = names;
    let ask = |name, request, before| -> Box<dyn Subject> {
        Box::new(Ask { name, client: Rc::clone(&client), request, before, check: Some(check) })
    };
    Ok(vec![
        ask(python, target.turn(&session), before),
        ask(bash, target.command(&session), 0),
        Box::new(CreateDelete { names: [create, delete], client: Rc::clone(&client), target }),
    ])
}

/// The series of what a turn over HTTP cannot but cost: that of the bare handler and that
/// of the engine's turn, round by round.
pub(super) fn floor(series: &[Series]) -> Option<Series> {
    let find = |name| series.iter().find(|series| series.name == name);
    let (bare, turn) = (find("bare handler")?, find("engine turn")?);
    let pairs = bare.times.iter().zip(&turn.times);
    let times = pairs.map(|(bare, turn)| Some((*bare)? + (*turn)?)).collect();
    Some(Series { name: FLOOR, times })
}

/// What an answer must be like.
type Check = fn(&Answer) -> Result<()>;

/// The same request, again and again.
struct Ask {
    name: &'static str,
    client: Shared,
    request: Request,
    before: usize,
    check: Option<Check>,
}

impl Subject for Ask {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn prepare(&mut self) -> Result<()> {
        (0..self.before).try_for_each(|_| self.run().map(drop))
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let (answer, time) = self.client.borrow_mut().time(&self.request)?;
        if let Some(check) = self.check {
            check(&answer)?;
        }
        Ok(vec![time])
    }
}

/// A session that is made and ended.
struct CreateDelete {
    names: [&'static str; 2],
    client: Shared,
    target: Target,
}

impl Subject for CreateDelete {
    fn names(&self) -> Vec<&'static str> {
        self.names.to_vec()
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let mut client = self.client.borrow_mut();
        let (answer, created) = client.time(&self.target.create())?;
        let session = answer.text("session_id")?;
        let (_, deleted) = client.time(&self.target.delete(&session))?;
        Ok(vec![created, deleted])
    }
}

/// A turn without HTTP, by an engine of this process.
struct EngineTurn {
    session: Session,
    house: House,
    before: usize,
}

impl EngineTurn {
    fn make(python: &std::path::Path, before: usize) -> Result<Self> {
        let site = SiteArgs {
            python: python.to_owned(),
            environments: None,
            without_pandas: true,
            without_bwrap: true,
        };
        let site = Site::make(&site, false)?;
        let warm = WarmConfig { pool_max: 0, ..WarmConfig::default() };
        let house = House::build(&site, warm, Threads::One)?;
        let session = house.wait(house.engine().create_session(session_of("bare")))?;
        Ok(Self { session, house, before })
    }
}

impl Subject for EngineTurn {
    fn names(&self) -> Vec<&'static str> {
        vec!["engine turn"]
    }

    fn prepare(&mut self) -> Result<()> {
        (0..self.before).try_for_each(|_| self.run().map(drop))
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let start = Instant::now();
        self.house.wait(good_turn(&self.session, "x = 1", ""))?;
        Ok(vec![start.elapsed()])
    }
}
