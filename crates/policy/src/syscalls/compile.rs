//! Compiles the table into a filter: a check of the processor, then a balanced
//! tree over ranges of numbers with one verdict, then rules on arguments.
//!
//! The kernel runs the whole filter for every number when it is installed, to
//! find out which calls it need not be asked about again. A tree makes that
//! several times cheaper than a list.

use api::ProfileName;

use super::{
    Arch, Call, Case, Condition, FilterProgram, Half, Rule, Ruling, Verdict,
    assemble::{Assembler, Label},
    calls,
    program::code,
};

/// Offsets of what a filter sees of a call, `struct seccomp_data`.
const NUMBER_OFFSET: u32 = 0;
const ARCH_OFFSET: u32 = 4;
const ARGS_OFFSET: u32 = 16;

/// Makes the filter of a profile. Calls of other processors' kinds (32-bit ones
/// among them) kill the process; on x86-64, numbers with the bit of the 32-bit
/// pointer variant lie above every number of the table and are unknown like any
/// other.
#[must_use]
pub fn compile(profile: ProfileName, arch: Arch) -> FilterProgram {
    let mut compiler = Compiler { assembler: Assembler::new(), rules: Vec::with_capacity(32) };
    let tree = compiler.tree(&ranges(profile, arch));
    let assembler = &mut compiler.assembler;
    let number = assembler.step(code::LOAD, NUMBER_OFFSET, tree);
    let kill = assembler.end(Verdict::KillProcess);
    let check = assembler.branch(code::IF_EQUAL, arch.audit(), number, kill);
    assembler.step(code::LOAD, ARCH_OFFSET, check);
    compiler.assembler.finish()
}

/// Numbers from here up to the next range have one ruling.
#[derive(Clone, Copy, Debug)]
struct Range {
    start: u32,
    ruling: Ruling,
}

/// Covers every number there can be, in order, neighbours with different rulings.
fn ranges(profile: ProfileName, arch: Arch) -> Vec<Range> {
    let known = |call: &'static Call| Some((call.number(arch)?, call.ruling(profile)));
    let mut known: Vec<_> = calls().iter().filter_map(known).collect();
    known.sort_unstable_by_key(|(number, _)| *number);
    let unknown = Ruling::Plain(Verdict::UNKNOWN);
    let mut ranges = Vec::with_capacity(2 * known.len() + 1);
    let mut add = |start, ruling| match ranges.last() {
        Some(Range { ruling: last, .. }) if *last == ruling => {}
        _ => ranges.push(Range { start, ruling }),
    };
    let mut next = 0;
    for (number, ruling) in known {
        if number > next {
            add(next, unknown);
        }
        add(number, ruling);
        next = number.saturating_add(1);
    }
    add(next, unknown);
    ranges
}

struct Compiler {
    assembler: Assembler,
    /// Rules that are already in the program, so that each is there once.
    rules: Vec<(&'static Rule, Label)>,
}

/// The word that a condition looks at: its offset, and the bits that count.
type Word = (u32, u32);

/// A place to go on, and a later one for who has this word loaded already.
#[derive(Clone, Copy)]
struct Entry {
    fresh: Label,
    loaded: Option<(Word, Label)>,
}

impl Entry {
    fn with(self, word: Word) -> Label {
        match self.loaded {
            Some((held, label)) if held == word => label,
            _ => self.fresh,
        }
    }
}

impl Compiler {
    fn tree(&mut self, ranges: &[Range]) -> Label {
        let (low, high) = ranges.split_at(ranges.len() / 2);
        match (low, high.first()) {
            ([], Some(range)) => self.ruling(range.ruling),
            (_, Some(Range { start, .. })) => {
                let above = self.tree(high);
                let below = self.tree(low);
                self.assembler.branch(code::IF_AT_LEAST, *start, above, below)
            }
            (_, None) => self.assembler.end(Verdict::UNKNOWN),
        }
    }

    fn ruling(&mut self, ruling: Ruling) -> Label {
        let rule = match ruling {
            Ruling::Plain(verdict) => return self.assembler.end(verdict),
            Ruling::Rule(rule) => rule,
        };
        if let Some((_, label)) = self.rules.iter().find(|(known, _)| *known == rule) {
            return *label;
        }
        let end = self.assembler.end(rule.otherwise);
        let mut entry = Entry { fresh: end, loaded: None };
        for (at, case) in rule.cases.iter().enumerate().rev() {
            let before = at.checked_sub(1).map(|at| &rule.cases[at]);
            entry = self.case(case, before, entry);
        }
        self.rules.push((rule, entry.fresh));
        entry.fresh
    }

    /// A case that is tried after the one `before`, or first. It loads its first
    /// word only if some way that leads to it has not.
    fn case(&mut self, case: &Case, before: Option<&Case>, otherwise: Entry) -> Entry {
        let mut entry = Entry { fresh: self.assembler.end(case.verdict), loaded: None };
        for (at, condition) in case.conditions.iter().enumerate().rev() {
            let word = word(condition);
            let test = self.test(condition, entry.fresh, otherwise.with(word));
            let known = |before: &Case| before.conditions.iter().all(|c| self::word(c) == word);
            let is_loaded = at == 0 && before.is_some_and(known);
            let fresh = if is_loaded { test } else { self.load(word, test) };
            entry = Entry { fresh, loaded: Some((word, test)) };
        }
        entry
    }

    /// Compares the loaded word with a condition's values.
    fn test(&mut self, condition: &Condition, yes: Label, no: Label) -> Label {
        let values = condition.values.iter().rev();
        values.fold(no, |no, value| self.assembler.branch(code::IF_EQUAL, *value, yes, no))
    }

    fn load(&mut self, (offset, mask): Word, mut next: Label) -> Label {
        if mask != u32::MAX {
            next = self.assembler.step(code::AND, mask, next);
        }
        self.assembler.step(code::LOAD, offset, next)
    }
}

fn word(condition: &Condition) -> Word {
    let half = match condition.half {
        Half::Low => 0,
        Half::High => 4,
    };
    (ARGS_OFFSET + 8 * u32::from(condition.arg) + half, condition.mask)
}
