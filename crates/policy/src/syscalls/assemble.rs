//! Puts instructions together from the last to the first.
//!
//! A filter only jumps forwards, so backwards every target is known before the
//! jump to it. A comparison reaches no more than 255 instructions; what lies
//! farther gets a stepping stone next to the comparison.

use super::{
    Verdict,
    program::{FilterProgram, Instruction, answer, code},
};

/// An instruction, by how many come after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// How far a comparison may have to reach, before the at most two stepping
/// stones of its own come in between.
const REACH: usize = u8::MAX as usize - 2;

/// Room for a whole filter, so that it grows without being moved.
const CAPACITY: usize = 1024;

/// The end of a program, growing towards its start.
#[derive(Debug)]
pub(super) struct Assembler {
    reversed: Vec<Instruction>,
    /// The latest instruction that gives each verdict.
    ends: Vec<(Verdict, Label)>,
}

impl Assembler {
    /// An empty program.
    pub(super) fn new() -> Self {
        Self { reversed: Vec::with_capacity(CAPACITY), ends: Vec::with_capacity(16) }
    }

    /// Ends with a verdict.
    pub(super) fn end(&mut self, verdict: Verdict) -> Label {
        let known = self.ends.iter().position(|(given, _)| *given == verdict);
        if let Some(at) = known
            && self.distance(self.ends[at].1) <= REACH
        {
            return self.ends[at].1;
        }
        let answer = match verdict {
            Verdict::Allow => answer::ALLOW,
            Verdict::Errno(number) => answer::ERRNO | u32::from(number),
            Verdict::KillProcess => answer::KILL_PROCESS,
        };
        let label = self.push(Instruction { code: code::RETURN, jt: 0, jf: 0, k: answer });
        match known {
            Some(at) => self.ends[at].1 = label,
            None => self.ends.push((verdict, label)),
        }
        label
    }

    /// Compares the loaded word with `k` and goes on in one of two places.
    pub(super) fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) -> Label {
        let (no, yes) = (self.near(no), self.near(yes));
        let skip = |label| u8::try_from(self.distance(label)).unwrap_or(u8::MAX);
        let (jt, jf) = (skip(yes), skip(no));
        self.push(Instruction { code, jt, jf, k })
    }

    /// Does something to the loaded word and goes on at `next`.
    pub(super) fn step(&mut self, code: u16, k: u32, next: Label) -> Label {
        if self.distance(next) > 0 {
            self.stone(next);
        }
        self.push(Instruction { code, jt: 0, jf: 0, k })
    }

    /// The program, which starts with the last instruction that was put.
    pub(super) fn finish(mut self) -> FilterProgram {
        self.reversed.reverse();
        FilterProgram::of(self.reversed)
    }

    fn push(&mut self, instruction: Instruction) -> Label {
        self.reversed.push(instruction);
        Label(self.reversed.len() - 1)
    }

    /// How many instructions lie between the next one to be put and a label.
    const fn distance(&self, label: Label) -> usize {
        self.reversed.len() - 1 - label.0
    }

    /// A place within reach from which the program goes on at `label`.
    fn near(&mut self, label: Label) -> Label {
        if self.distance(label) <= REACH { label } else { self.stone(label) }
    }

    fn stone(&mut self, label: Label) -> Label {
        let target = self.reversed[label.0];
        if target.code == code::RETURN {
            return self.push(target);
        }
        let k = u32::try_from(self.distance(label)).unwrap_or(u32::MAX);
        self.push(Instruction { code: code::JUMP, jt: 0, jf: 0, k })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscalls::{SyscallData, evaluate};

    /// A program that allows number 7 from a comparison at its start and refuses
    /// all else at its end, with `between` tests for other numbers in the middle.
    fn far(between: u32) -> FilterProgram {
        let mut assembler = Assembler::new();
        let refuse = assembler.end(Verdict::Errno(1));
        let refuse = assembler.step(code::LOAD, 0, refuse);
        let mut next = refuse;
        let found = assembler.end(Verdict::Allow);
        for number in (0..between).rev() {
            next = assembler.branch(code::IF_EQUAL, 1000 + number, found, next);
        }
        let start = assembler.branch(code::IF_EQUAL, 7, found, refuse);
        let start = assembler.branch(code::IF_AT_LEAST, 1000, next, start);
        assembler.step(code::LOAD, 0, start);
        assembler.finish()
    }

    #[test]
    fn comparisons_reach_any_distance() {
        for between in (0..20).chain(245..265).chain([500, 520, 1000, 3000]) {
            let program = far(between);
            let ask = |nr| evaluate(&program, &SyscallData { nr, ..SyscallData::default() });
            assert_eq!(ask(7), Verdict::Allow, "{between}");
            assert_eq!(ask(8), Verdict::Errno(1), "{between}");
            assert_eq!(ask(1000 + between), Verdict::Errno(1), "{between}");
            for number in 0..between {
                assert_eq!(ask(1000 + number), Verdict::Allow, "{number} of {between}");
            }
        }
    }

    #[test]
    fn a_verdict_far_away_is_given_again_nearby() {
        let mut assembler = Assembler::new();
        let mut next = assembler.end(Verdict::Allow);
        let refuse = assembler.end(Verdict::Errno(1));
        for number in 0..600 {
            let allow = assembler.end(Verdict::Allow);
            next = assembler.branch(code::IF_EQUAL, number, allow, next);
        }
        assert_ne!(assembler.end(Verdict::Errno(1)), refuse);
        let program = assembler.finish();
        let jumps = program.instructions().iter().filter(|step| step.code == code::JUMP);
        assert_eq!(jumps.count(), 0);
    }
}
