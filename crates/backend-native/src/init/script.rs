//! What a forked interpreter takes away from itself, as text that it can follow.
//!
//! A line is one system call: its number, an error that is as good as success (or
//! `0`), whether it may fail, and its arguments: `n` and a number, `b` and bytes in
//! hexadecimal digits, `p` and the instructions of a filter likewise, `d` for the
//! descriptor that comes later.

use std::{fmt::Write, io};

use sys::confine::{Arg, Confinement};

use super::{Failure, lockdown, setup::is_waived};
use crate::{
    identity::INSIDE,
    plan::{Plan, Step},
    wire::Weakened,
};

/// A script, and what belongs to it.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) text: String,
    /// The step of the plan that each line belongs to.
    steps: Vec<u16>,
}

impl Script {
    /// The script of a plan's steps from `first` on.
    pub(super) fn new(plan: &Plan, first: usize) -> io::Result<Self> {
        let mut script = Self::default();
        for (number, step) in plan.steps.iter().enumerate().skip(first) {
            let waived = is_waived(plan, step.control());
            let at = u16::try_from(number).unwrap_or(u16::MAX);
            lower(step)?.iter().for_each(|confinement| script.add(confinement, at, waived));
            if number == first {
                let limits = lockdown::limits(&plan.rlimits);
                let user =
                    [Confinement::NoGroups, Confinement::Group(INSIDE), Confinement::User(INSIDE)];
                limits
                    .iter()
                    .chain(&user)
                    .for_each(|confinement| script.add(confinement, at, false));
            }
        }
        Ok(script)
    }

    fn add(&mut self, confinement: &Confinement, step: u16, may_fail: bool) {
        let call = confinement.call();
        let tolerated = call.tolerated.unwrap_or(0);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{} {tolerated} {}", call.number, u8::from(may_fail));
        for arg in &call.args {
            let _ = match arg {
                Arg::Number(number) => write!(self.text, " n{number}"),
                Arg::Bytes(bytes) => write!(self.text, " b{}", hexadecimal(bytes)),
                Arg::Program(bytes) => write!(self.text, " p{}", hexadecimal(bytes)),
                Arg::Descriptor => write!(self.text, " d"),
            };
        }
        self.text.push('\n');
        self.steps.push(step);
    }

    /// What the interpreter says came of it: a byte that is 0 if it followed the
    /// script to its end, then each line that failed, as a number of two bytes
    /// and the error's of four.
    pub(super) fn interpret(&self, answer: &[u8]) -> Result<Vec<Weakened>, Failure> {
        let mut weakened = Vec::new();
        let Some((ended, failed)) = answer.split_first() else { return Err(Failure::Host) };
        for record in failed.chunks_exact(6) {
            let line = usize::from(u16::from_le_bytes([record[0], record[1]]));
            let errno = i32::from_le_bytes([record[2], record[3], record[4], record[5]]);
            let step = *self.steps.get(line).ok_or(Failure::Host)?;
            if *ended != 0 {
                let error = io::Error::from_raw_os_error(errno);
                return Err(Failure::Step { step, error });
            }
            weakened.push(Weakened { step, errno });
        }
        if *ended == 0 { Ok(weakened) } else { Err(Failure::Host) }
    }
}

/// What a step takes away from an interpreter.
fn lower(step: &Step) -> io::Result<Vec<Confinement>> {
    match step {
        Step::CgroupNamespace => Ok(vec![Confinement::OwnCgroupRoot]),
        // A change of ids hides a process from its own user; this one is a program
        // like any other from here on.
        Step::Landlock { .. } => Ok(vec![Confinement::Dumpable(true), Confinement::Landlock]),
        step => lockdown::lower(step).ok_or_else(|| rustix::io::Errno::NOSYS.into()),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
