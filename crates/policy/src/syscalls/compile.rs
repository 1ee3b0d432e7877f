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
    compile_with(&[], profile, arch)
}

/// What a parked interpreter may do beside the default profile, so that what is
/// forked from it can be given namespaces and take everything else away.
const ZYGOTE_CALLS: [&str; 6] = [
    "clone3",                 // namespaces of what is forked
    "landlock_restrict_self", // confinement of what is forked
    "prctl",                  // securebits and the bounding set
    "prlimit64",              // the limit of core dumps among others
    "seccomp",                // the filter of what is forked
    "unshare",                // its cgroups as the root of what is shown
];

/// Makes the filter of a parked interpreter.
#[must_use]
pub fn compile_for_zygote(arch: Arch) -> FilterProgram {
    compile_with(&ZYGOTE_CALLS, ProfileName::Default, arch)
}

fn compile_with(allowed: &[&str], profile: ProfileName, arch: Arch) -> FilterProgram {
    let known = |call: &'static Call| {
        let ruling = match allowed.contains(&call.name) {
            true => Ruling::Plain(Verdict::Allow),
            false => call.ruling(profile),
        };
        Some((call.number(arch)?, ruling))
    };
    let ranges = ranges(calls().iter().filter_map(known).collect());
    let mut compiler = Compiler { assembler: Assembler::new(), rules: Vec::with_capacity(32) };
    let tree = compiler.tree(&ranges);
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
fn ranges(mut known: Vec<(u32, Ruling)>) -> Vec<Range> {
    known.sort_unstable_by_key(|(number, _)| *number);
    let unknown = Ruling::Plain(Verdict::UNKNOWN);
    let mut ranges = Vec::with_capacity(2 * known.len() + 1);
    let mut add = |start, ruling| match ranges.last() {
        Some(Range { ruling: last, .. }) if *last == ruling => {}
        _ => ranges.push(Range { start, ruling }),
    };
    let mut next = Some(0);
    for (number, ruling) in known {
        if let Some(gap) = next.filter(|next| *next < number) {
            add(gap, unknown);
        }
        add(number, ruling);
        next = number.checked_add(1);
    }
    if let Some(rest) = next {
        add(rest, unknown);
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::syscalls::{SyscallData, evaluate};

    fn any_verdict() -> impl Strategy<Value = Verdict> {
        prop_oneof![Just(Verdict::Allow), (0_u16..4).prop_map(Verdict::Errno)]
    }

    /// Few arguments, masks and values, so that cases often share a word.
    fn any_condition() -> impl Strategy<Value = Condition> {
        let half = prop_oneof![3 => Just(Half::Low), 1 => Just(Half::High)];
        let mask = proptest::sample::select(vec![u32::MAX, 3, 1]);
        (0_u8..3, half, mask, proptest::collection::vec(0_u32..4, 1..4)).prop_map(
            |(arg, half, mask, values)| Condition { arg, half, mask, values: values.leak() },
        )
    }

    fn any_rule() -> impl Strategy<Value = &'static Rule> {
        let conditions = proptest::collection::vec(any_condition(), 1..4);
        let case = (conditions, any_verdict()).prop_map(|(conditions, verdict)| Case {
            conditions: conditions.leak(),
            verdict,
            why: "",
        });
        (proptest::collection::vec(case, 0..5), any_verdict()).prop_map(|(cases, otherwise)| {
            let rule = Rule { name: "any", cases: cases.leak(), otherwise };
            &*Box::leak(Box::new(rule))
        })
    }

    fn any_args() -> impl Strategy<Value = [u64; 6]> {
        let arg = (0_u64..5, 0_u64..5).prop_map(|(low, high)| low | high << 32);
        proptest::array::uniform6(arg)
    }

    fn compiler() -> Compiler {
        Compiler { assembler: Assembler::new(), rules: Vec::new() }
    }

    proptest! {
        #[test]
        fn any_rule_is_compiled_to_what_it_says(
            rule in any_rule(),
            calls in proptest::collection::vec(any_args(), 64),
        ) {
            let mut compiler = compiler();
            compiler.ruling(Ruling::Rule(rule));
            let program = compiler.assembler.finish();
            for args in calls {
                let data = SyscallData { args, ..SyscallData::default() };
                prop_assert_eq!(evaluate(&program, &data), rule.verdict(&args));
            }
        }

        #[test]
        fn any_table_is_compiled_to_what_it_says(
            table in proptest::collection::btree_map(
                prop_oneof![0_u32..40, any::<u32>(), Just(u32::MAX)],
                any_verdict(),
                0..40,
            ),
        ) {
            let plain = table.iter().map(|(number, verdict)| (*number, Ruling::Plain(*verdict)));
            let ranges = ranges(plain.collect());
            let apart = |pair: &[Range]| {
                pair[0].start < pair[1].start && pair[0].ruling != pair[1].ruling
            };
            prop_assert!(ranges.windows(2).all(apart));
            let mut compiler = compiler();
            let tree = compiler.tree(&ranges);
            compiler.assembler.step(code::LOAD, NUMBER_OFFSET, tree);
            let program = compiler.assembler.finish();
            let around = |nr: &u32| [nr.saturating_sub(1), *nr, nr.saturating_add(1)];
            let near = table.keys().flat_map(around);
            for nr in near.chain(0..50) {
                let data = SyscallData { nr, ..SyscallData::default() };
                let expected = table.get(&nr).copied().unwrap_or(Verdict::UNKNOWN);
                prop_assert_eq!(evaluate(&program, &data), expected, "{}", nr);
            }
        }
    }
}
