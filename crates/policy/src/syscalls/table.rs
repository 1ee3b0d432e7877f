//! The table's types, and the table itself as the build script wrote it.

use std::fmt;

use api::ProfileName;

use super::{Arch, errno::ERRNOS};

include!(concat!(env!("OUT_DIR"), "/syscalls.rs"));

/// What becomes of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The kernel does it.
    Allow,
    /// It fails with this error; 0 reports success, and nothing is done.
    Errno(u16),
    /// The process is killed.
    KillProcess,
}

impl Verdict {
    /// Of every call that the table does not have.
    pub const UNKNOWN: Self = Self::Errno(38);
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allow => formatter.write_str("allowed"),
            Self::KillProcess => formatter.write_str("killed"),
            Self::Errno(0) => formatter.write_str("success without effect"),
            Self::Errno(number) => match ERRNOS.iter().find(|(_, known)| known == number) {
                Some((name, _)) => formatter.write_str(name),
                None => write!(formatter, "error {number}"),
            },
        }
    }
}

/// Half of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Its low 32 bits: all that the kernel reads of an `int`.
    Low,
    /// Its upper 32 bits.
    High,
}

/// A test of one half of one argument: with the bits outside `mask` cleared it
/// is one of `values`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The argument, from 0 to 5.
    pub arg: u8,
    /// Which half.
    pub half: Half,
    /// The bits that count.
    pub mask: u32,
    /// What they may be; never empty.
    pub values: &'static [u32],
}

/// A verdict that holds if every condition does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The conditions; never empty.
    pub conditions: &'static [Condition],
    /// The verdict.
    pub verdict: Verdict,
    /// What the case is about, in one phrase.
    pub why: &'static str,
}

/// Decides on a call by its arguments: the first case that holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// The cases, in order.
    pub cases: &'static [Case],
    /// The verdict if no case holds.
    pub otherwise: Verdict,
}

/// What decides on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Always this.
    Plain(Verdict),
    /// Its arguments.
    Rule(&'static Rule),
}

/// One system call.
#[derive(Debug)]
pub struct Call {
    /// The kernel's name of it.
    pub name: &'static str,
    /// Why it is allowed or refused, in one phrase.
    pub reason: &'static str,
    numbers: [Option<u32>; 2],
    rulings: [Ruling; 3],
}

impl Call {
    /// Its number; `None` where it does not exist.
    #[must_use]
    pub const fn number(&self, arch: Arch) -> Option<u32> {
        match arch {
            Arch::X86_64 => self.numbers[0],
            Arch::Aarch64 => self.numbers[1],
        }
    }

    /// What decides on it.
    #[must_use]
    pub const fn ruling(&self, profile: ProfileName) -> Ruling {
        match profile {
            ProfileName::Strict => self.rulings[0],
            ProfileName::Default => self.rulings[1],
            ProfileName::Compat => self.rulings[2],
        }
    }
}

/// Every system call that we know, sorted by name.
#[must_use]
pub fn calls() -> &'static [Call] {
    CALLS
}

/// The system call of a name.
#[must_use]
pub fn call(name: &str) -> Option<&'static Call> {
    CALLS.binary_search_by_key(&name, |call| call.name).ok().map(|at| &CALLS[at])
}
