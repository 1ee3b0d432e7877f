//! The table as a page for people, `docs/syscalls.md`.

use std::{collections::BTreeMap, fmt::Write};

use api::ProfileName;

use super::{Arch, Call, Case, Condition, Half, Rule, Ruling, Verdict, calls};

const INTRODUCTION: &str = "\
# System calls

<!-- Made from profiles/syscalls.toml; CELLBLOCK_BLESS=1 cargo test -p policy writes it anew. -->

A program in a sandbox reaches the host's kernel by the calls below and by no
others. The kernel itself checks, by a filter that cannot be taken off again.

- A call that is in no table fails with `ENOSYS`, as on a kernel that is too old
  to have it. So do new calls of kernels newer than 6.18.
- A call of another kind than the machine's own (32-bit calls on a 64-bit
  machine) kills the process.
- *success without effect* means that the program is told it worked.
- Verdicts hold in every profile unless `strict` or `compat` is named. `strict`
  takes some calls away; `compat` adds message queues and `ptrace` for debuggers.
- Numbers are those of x86-64 and aarch64.
";

/// The page.
#[must_use]
pub fn markdown() -> String {
    let refused = |call: &Call| {
        ProfileName::ALL.iter().all(|profile| match call.ruling(*profile) {
            Ruling::Plain(Verdict::Errno(number)) => number != 0,
            _ => false,
        })
    };
    let (out, open): (Vec<_>, Vec<_>) = calls().iter().partition(|call| refused(call));
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "Allowed, or allowed in part", &open);
    section(&mut page, "Refused", &out);
    page.push_str("\n## Rules on arguments\n\n");
    page.push_str(
        "The first case that holds decides. Arguments are counted from 0; of each only the\n",
    );
    page.push_str("low 32 bits are looked at, unless the upper half is named.\n");
    for (rule, users) in rules() {
        rule_section(&mut page, rule, &users);
    }
    page
}

fn section(page: &mut String, title: &str, calls: &[&Call]) {
    // Writing to a string cannot fail.
    let _ = write!(page, "\n## {title}: {} calls\n\n", calls.len());
    page.push_str("| Call | x86-64 | aarch64 | Verdict | Why |\n|---|--:|--:|---|---|\n");
    for call in calls {
        let number = |arch| call.number(arch).map_or("–".to_owned(), |number| number.to_string());
        let (x86_64, aarch64) = (number(Arch::X86_64), number(Arch::Aarch64));
        let (name, verdict, why) = (call.name, verdicts(call), call.reason);
        let _ = writeln!(page, "| `{name}` | {x86_64} | {aarch64} | {verdict} | {why} |");
    }
}

/// A call's verdicts: the usual one, then those of profiles that differ.
fn verdicts(call: &Call) -> String {
    let usual = call.ruling(ProfileName::Default);
    let mut text = ruling(usual);
    for profile in ProfileName::ALL {
        let special = call.ruling(profile);
        if special != usual {
            let _ = write!(text, "; {profile}: {}", ruling(special));
        }
    }
    text
}

fn ruling(ruling: Ruling) -> String {
    match ruling {
        Ruling::Plain(verdict) => verdict_text(verdict),
        Ruling::Rule(rule) => format!("[by rule](#{})", rule.name),
    }
}

fn verdict_text(verdict: Verdict) -> String {
    match verdict {
        Verdict::Errno(1..) => format!("`{verdict}`"),
        _ => verdict.to_string(),
    }
}

/// Every rule with the calls that it decides on.
fn rules() -> Vec<(&'static Rule, Vec<String>)> {
    let mut found: BTreeMap<&str, (&'static Rule, Vec<String>)> = BTreeMap::new();
    for call in calls() {
        let mut deciding: BTreeMap<&str, (&'static Rule, Vec<&str>)> = BTreeMap::new();
        for profile in ProfileName::ALL {
            if let Ruling::Rule(rule) = call.ruling(profile) {
                let (_, profiles) = deciding.entry(rule.name).or_insert((rule, Vec::new()));
                profiles.push(profile.name());
            }
        }
        for (name, (rule, profiles)) in deciding {
            let (_, users) = found.entry(name).or_insert((rule, Vec::new()));
            users.push(match profiles.len() == ProfileName::ALL.len() {
                true => format!("`{}`", call.name),
                false => format!("`{}` in {}", call.name, profiles.join(" and ")),
            });
        }
    }
    found.into_values().collect()
}

fn rule_section(page: &mut String, rule: &Rule, users: &[String]) {
    let _ = write!(page, "\n### {}\n\nDecides on {}.\n\n", rule.name, users.join(", "));
    for case in rule.cases {
        let _ = writeln!(page, "1. {}", case_text(case));
    }
    let _ = writeln!(page, "1. Otherwise: {}.", verdict_text(rule.otherwise));
}

fn case_text(case: &Case) -> String {
    let conditions: Vec<_> = case.conditions.iter().map(condition_text).collect();
    let (conditions, verdict) = (conditions.join(" and "), verdict_text(case.verdict));
    format!("If {conditions}: {verdict}. ({})", case.why)
}

fn condition_text(condition: &Condition) -> String {
    let half = match condition.half {
        Half::Low => "",
        Half::High => "the upper half of ",
    };
    let mask = match condition.mask {
        u32::MAX => String::new(),
        mask => format!(" & {mask:#x}"),
    };
    let values: Vec<_> = condition.values.iter().map(|value| number_text(*value)).collect();
    let (arg, values) = (condition.arg, values.join(" or "));
    format!("{half}argument {arg}{mask} is {values}")
}

/// Small numbers in decimal digits, as manuals have them; bit patterns in hexadecimal.
fn number_text(value: u32) -> String {
    if value < 4096 { value.to_string() } else { format!("{value:#x}") }
}
