//! The compiled filter against the model, on generated calls; and proof that the
//! generated calls reach every instruction of every filter.

use std::collections::BTreeSet;

use api::ProfileName;
use policy::syscalls::{
    Arch, Case, FilterProgram, INSTRUCTIONS_MAX, Instruction, Rule, Ruling, SyscallData, Verdict,
    calls, compile, evaluate, model, trace,
};
use proptest::prelude::*;

/// Upper halves that an `int` argument may come with.
const GARBAGE: [u64; 2] = [0, 0xdead_beef_0000_0000];

/// Words on which some condition of the rule turns, for each argument: its
/// values, their neighbours, and its values with bits set that do not count.
fn words(rule: &Rule) -> [Vec<u64>; 6] {
    let mut words: [BTreeSet<u64>; 6] = std::array::from_fn(|_| BTreeSet::from([0]));
    for condition in rule.cases.iter().flat_map(|case| case.conditions) {
        for value in condition.values {
            let near =
                [*value, value.wrapping_add(1), value.wrapping_sub(1), value | !condition.mask];
            words[usize::from(condition.arg)].extend(near.map(u64::from));
        }
    }
    words.map(|set| set.into_iter().collect())
}

/// Every combination of those words, each also with garbage above.
fn arguments(rule: &Rule) -> Vec<[u64; 6]> {
    let mut all = vec![[0; 6]];
    for (at, words) in words(rule).iter().enumerate().filter(|(_, words)| words.len() > 1) {
        let wider = all.iter().flat_map(|args| {
            words.iter().flat_map(move |word| {
                GARBAGE.map(|garbage| {
                    let mut args: [u64; 6] = *args;
                    args[at] = word | garbage;
                    args
                })
            })
        });
        all = wider.collect();
    }
    all
}

/// Numbers at which a filter could go wrong: the low ones, and powers of two.
fn numbers() -> impl Iterator<Item = u32> {
    let edges = (0..32).flat_map(|bit| {
        let power = 1_u32 << bit;
        [power.wrapping_sub(1), power, power.wrapping_add(1)]
    });
    (0..600).chain(edges).chain([u32::MAX, 0x4000_0000 + 257])
}

/// Calls that between them reach everything in a filter.
fn generated(profile: ProfileName, arch: Arch) -> Vec<SyscallData> {
    let audit = arch.audit();
    let mut all: Vec<_> =
        numbers().map(|nr| SyscallData { nr, arch: audit, args: [0; 6] }).collect();
    for call in calls() {
        let (Some(nr), Ruling::Rule(rule)) = (call.number(arch), call.ruling(profile)) else {
            continue;
        };
        let data = |args| SyscallData { nr, arch: audit, args };
        all.extend(arguments(rule).into_iter().map(data));
    }
    all.push(SyscallData { nr: 0, arch: 0x4000_0003, args: [0; 6] });
    all
}

#[test]
fn filter_and_model_agree_and_no_instruction_is_idle() {
    for profile in ProfileName::ALL {
        for arch in Arch::ALL {
            let filter = compile(profile, arch);
            let mut hit = vec![false; filter.instructions().len()];
            for data in generated(profile, arch) {
                let found = trace(&filter, &data, |at| hit[at] = true);
                assert_eq!(
                    found,
                    model(profile, arch, &data),
                    "{data:x?} on {arch:?} in {profile}"
                );
            }
            let idle: Vec<_> = hit.iter().enumerate().filter(|(_, hit)| !**hit).collect();
            assert!(idle.is_empty(), "never run on {arch:?} in {profile}: {idle:?}");
        }
    }
}

#[test]
fn every_branch_goes_both_ways() {
    for profile in ProfileName::ALL {
        for arch in Arch::ALL {
            let filter = compile(profile, arch);
            let mut ways = BTreeSet::new();
            for data in generated(profile, arch) {
                let mut before = None;
                trace(&filter, &data, |at| {
                    ways.extend(before.map(|before| (before, at)));
                    before = Some(at);
                });
            }
            for (at, instruction) in filter.instructions().iter().enumerate() {
                let is_branch = matches!(instruction.code, 0x15 | 0x35);
                let taken = ways.range((at, 0)..(at + 1, 0)).count();
                assert!(!is_branch || taken == 2, "{at}: {instruction:?} on {arch:?} in {profile}");
            }
        }
    }
}

#[test]
fn filters_jump_inside_and_end_with_an_answer() {
    for profile in ProfileName::ALL {
        for arch in Arch::ALL {
            let filter = compile(profile, arch);
            let length = filter.instructions().len();
            assert!(length < INSTRUCTIONS_MAX);
            for (at, Instruction { code, jt, jf, k }) in
                filter.instructions().iter().copied().enumerate()
            {
                let target = match code {
                    0x06 => continue,
                    0x05 => at + 1 + usize::try_from(k).unwrap(),
                    _ => at + 1 + usize::from(jt.max(jf)),
                };
                assert!(target < length, "{at} jumps to {target} of {length}");
            }
        }
    }
}

/// What a rule says without one of its cases.
fn without(rule: &Rule, left_out: usize, args: &[u64; 6]) -> Verdict {
    let holds = |case: &Case| case.conditions.iter().all(|condition| condition.holds(args));
    let rest = rule.cases.iter().enumerate().filter(|(at, _)| *at != left_out);
    let found = rest.map(|(_, case)| case).find(|case| holds(case));
    found.map_or(rule.otherwise, |case| case.verdict)
}

#[test]
fn no_row_is_redundant() {
    for call in calls() {
        for profile in ProfileName::ALL {
            let Ruling::Rule(rule) = call.ruling(profile) else { continue };
            let arguments = arguments(rule);
            for (at, case) in rule.cases.iter().enumerate() {
                let matters = |args: &[u64; 6]| rule.verdict(args) != without(rule, at, args);
                assert!(arguments.iter().any(matters), "{}: {}", rule.name, case.why);
            }
        }
    }
}

#[test]
fn every_value_of_a_rule_matters() {
    for call in calls() {
        let Ruling::Rule(rule) = call.ruling(ProfileName::Default) else { continue };
        let arguments = arguments(rule);
        for case in rule.cases {
            for condition in case.conditions {
                for value in condition.values {
                    let uses = |args: &&[u64; 6]| {
                        let found = rule.cases.iter().find(|case| {
                            case.conditions.iter().all(|condition| condition.holds(args))
                        });
                        let word = args[usize::from(condition.arg)];
                        let half = match condition.half {
                            policy::syscalls::Half::Low => word & 0xffff_ffff,
                            policy::syscalls::Half::High => word >> 32,
                        };
                        found == Some(case) && half & u64::from(condition.mask) == u64::from(*value)
                    };
                    assert!(arguments.iter().any(|args| uses(&args)), "{} {value}", rule.name);
                }
            }
        }
    }
}

fn any_number() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..480, 1 => any::<u32>(), 1 => 0x3fff_fff0_u32..0x4000_0200]
}

fn any_arch() -> impl Strategy<Value = u32> {
    prop_oneof![
        8 => Just(Arch::X86_64.audit()),
        8 => Just(Arch::Aarch64.audit()),
        1 => Just(0x4000_0003),
        1 => any::<u32>(),
    ]
}

fn any_arg() -> impl Strategy<Value = u64> {
    let every: BTreeSet<u64> = calls()
        .iter()
        .flat_map(|call| ProfileName::ALL.map(|profile| call.ruling(profile)))
        .filter_map(|ruling| match ruling {
            Ruling::Rule(rule) => Some(words(rule).concat()),
            Ruling::Plain(_) => None,
        })
        .flatten()
        .collect();
    let listed = proptest::sample::select(every.into_iter().collect::<Vec<_>>());
    let low = prop_oneof![6 => listed, 2 => 0_u64..64, 1 => any::<u32>().prop_map(u64::from)];
    (low, prop_oneof![Just(0), Just(1), any::<u32>()])
        .prop_map(|(low, high)| low | u64::from(high) << 32)
}

fn any_instruction() -> impl Strategy<Value = Instruction> {
    let code = prop_oneof![
        proptest::sample::select(vec![0x20_u16, 0x54, 0x05, 0x15, 0x35, 0x06]),
        any::<u16>(),
    ];
    let k = prop_oneof![0_u32..80, any::<u32>()];
    (code, 0_u8..8, 0_u8..8, k).prop_map(|(code, jt, jf, k)| Instruction { code, jt, jf, k })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn filter_and_model_agree(
        nr in any_number(),
        audit in any_arch(),
        args in proptest::array::uniform6(any_arg()),
    ) {
        let data = SyscallData { nr, arch: audit, args };
        for profile in ProfileName::ALL {
            for arch in Arch::ALL {
                let found = evaluate(&compile(profile, arch), &data);
                prop_assert_eq!(found, model(profile, arch, &data));
            }
        }
    }

    #[test]
    fn any_program_gets_a_verdict(
        instructions in proptest::collection::vec(any_instruction(), 1..64),
        nr in any::<u32>(),
    ) {
        let data = SyscallData { nr, ..SyscallData::default() };
        let program = FilterProgram::try_from(instructions).unwrap();
        let mut steps = 0;
        trace(&program, &data, |_| steps += 1);
        prop_assert!(steps <= program.instructions().len());
    }
}

#[test]
fn a_program_has_a_length_that_the_kernel_takes() {
    let end = Instruction { code: 0x06, jt: 0, jf: 0, k: 0x7fff_0000 };
    for (length, taken) in [(0, false), (1, true), (INSTRUCTIONS_MAX, true), (4097, false)] {
        let program = FilterProgram::try_from(vec![end; length]);
        assert_eq!(program.is_ok(), taken, "{length}");
    }
}
