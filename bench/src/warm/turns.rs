//! Turns of a session, beside a bare process that executes the same statement.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use engine::{Session, WarmConfig};

use super::{
    house::{House, Threads, good_turn, session_of},
    peer::{Peer, Place},
    rounds::Subject,
    site::Site,
};

/// Statements, what they print, and the names of their series: as a turn, and by the peer.
const STATEMENTS: [(&str, &str, [&str; 2]); 3] = [
    ("pass", "", ["pass, turn", "pass, peer"]),
    ("x = x + 1", "", ["x = x + 1, turn", "x = x + 1, peer"]),
    ("print(1)", "1\n", ["print(1), turn", "print(1), peer"]),
];
/// Runs of the same right before one that is timed: it is one of many in a row then,
/// unless it is paced.
const BEFORE: usize = 3;

/// Every subject, in order.
///
/// # Errors
/// The session or the peer cannot be had.
pub(super) fn subjects(site: &Site, are_many: bool) -> Result<Vec<Box<dyn Subject>>> {
    let warm = WarmConfig { pool_max: 0, ..WarmConfig::default() };
    let house = Rc::new(House::build(site, warm, Threads::One)?);
    let session = house.wait(house.engine().create_session(session_of("bare")))?;
    house.wait(good_turn(&session, "x = 0", ""))?;
    let peer = Rc::new(RefCell::new(Peer::start(&site.python, &["-I", "-S"], &[])?));
    let before = if are_many { BEFORE } else { 0 };
    let mut subjects: Vec<Box<dyn Subject>> = Vec::new();
    for (code, printed, [turn, raw]) in STATEMENTS {
        let (house, session) = (Rc::clone(&house), session.clone());
        subjects.push(Box::new(Turn { house, session, code, printed, name: turn, before }));
        subjects.push(Box::new(Raw { peer: Rc::clone(&peer), code, name: raw, before }));
    }
    Ok(subjects)
}

struct Turn {
    session: Session,
    house: Rc<House>,
    code: &'static str,
    printed: &'static str,
    name: &'static str,
    before: usize,
}

impl Subject for Turn {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn prepare(&mut self) -> Result<()> {
        (0..self.before).try_for_each(|_| self.run().map(drop))
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        let start = Instant::now();
        self.house.wait(good_turn(&self.session, self.code, self.printed))?;
        Ok(vec![start.elapsed()])
    }
}

struct Raw {
    peer: Rc<RefCell<Peer>>,
    code: &'static str,
    name: &'static str,
    before: usize,
}

impl Subject for Raw {
    fn names(&self) -> Vec<&'static str> {
        vec![self.name]
    }

    fn prepare(&mut self) -> Result<()> {
        (0..self.before).try_for_each(|_| self.run().map(drop))
    }

    fn run(&mut self) -> Result<Vec<Duration>> {
        Ok(vec![self.peer.borrow_mut().time(Place::Here, self.code)?])
    }
}
