//! Reads `profiles/*.toml` and checks that it makes sense. Never panics,
//! whatever the text is; every defect of the data has a name.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::errno::ERRNOS;

/// Why the data makes no table.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TableError {
    /// Not TOML, or not of the right shape.
    #[error("{file} cannot be understood")]
    Syntax {
        /// The file.
        file: &'static str,
        /// The cause.
        #[source]
        source: toml::de::Error,
    },
    /// A verdict is none of those there are.
    #[error("{place} has the verdict {text:?}, which there is not")]
    UnknownVerdict {
        /// The call or rule.
        place: String,
        /// What it has.
        text: String,
    },
    /// A rule is named that is not there.
    #[error("{call} names the rule {rule:?}, which there is not")]
    UnknownRule {
        /// The call.
        call: String,
        /// The rule.
        rule: String,
    },
    /// A rule that no call names.
    #[error("no call names the rule {rule:?}")]
    UnusedRule {
        /// The rule.
        rule: String,
    },
    /// A condition that can never hold, always holds, or looks nowhere.
    #[error("a condition of the rule {rule:?} is impossible")]
    Condition {
        /// The rule.
        rule: String,
    },
    /// A reason is missing.
    #[error("{place} does not say why")]
    Reason {
        /// The call or rule.
        place: String,
    },
    /// A profile's verdict is the same as without it.
    #[error("{call} gives {profile} the verdict that it has anyway")]
    Redundant {
        /// The call.
        call: String,
        /// The profile.
        profile: &'static str,
    },
    /// A call has a verdict and no number, or a number and no verdict.
    #[error("{call} is in one of the files and not in the other")]
    Unpaired {
        /// The call.
        call: String,
    },
    /// Two calls with one number, or a number below -1.
    #[error("the number of {call} is taken or impossible")]
    Number {
        /// The call.
        call: String,
    },
}

/// A verdict that does not depend on arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The kernel does it.
    Allow,
    /// It fails with this, or succeeds without effect if 0.
    Errno(u16),
}

/// What decides on a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// This.
    Plain(Verdict),
    /// The rule of this name.
    Rule(String),
}

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) reason: String,
    /// On x86-64 and aarch64.
    pub(crate) numbers: [Option<u32>; 2],
    /// In strict, default and compat.
    pub(crate) rulings: [Ruling; 3],
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) cases: Vec<(Case, Verdict)>,
    pub(crate) otherwise: Verdict,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct Table {
    /// By name.
    pub(crate) calls: Vec<Call>,
    pub(crate) rules: BTreeMap<String, Rule>,
}

/// One case as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) when: Vec<Condition>,
    pub(crate) then: String,
    pub(crate) why: String,
}

/// One condition as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) arg: u8,
    #[serde(default)]
    pub(crate) half: Half,
    #[serde(default = "every_bit")]
    pub(crate) mask: u32,
    pub(crate) values: Vec<u32>,
}

/// Half of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Half {
    /// Its low 32 bits.
    #[default]
    Low,
    /// Its upper 32 bits.
    High,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallsFile {
    rules: BTreeMap<String, RuleText>,
    calls: BTreeMap<String, CallText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    otherwise: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallText {
    verdict: String,
    strict: Option<String>,
    compat: Option<String>,
    reason: String,
}

const fn every_bit() -> u32 {
    u32::MAX
}

/// Makes the table of the two files.
///
/// # Errors
/// The first defect found; see [`TableError`].
pub(crate) fn table(calls: &str, numbers: &str) -> Result<Table, TableError> {
    let syntax = |file| move |source| TableError::Syntax { file, source };
    let file: CallsFile = toml::from_str(calls).map_err(syntax("syscalls.toml"))?;
    let mut numbers: BTreeMap<String, [i64; 2]> =
        toml::from_str(numbers).map_err(syntax("numbers.toml"))?;
    let rules = file
        .rules
        .into_iter()
        .map(|(name, text)| rule(&name, text).map(|rule| (name, rule)))
        .collect::<Result<BTreeMap<_, _>, _>>()?;
    let mut table = Table { calls: Vec::with_capacity(file.calls.len()), rules };
    for (name, text) in file.calls {
        let Some(pair) = numbers.remove(&name) else {
            return Err(TableError::Unpaired { call: name });
        };
        table.calls.push(call(name, text, pair, &table.rules)?);
    }
    if let Some((call, _)) = numbers.pop_first() {
        return Err(TableError::Unpaired { call });
    }
    check_numbers(&table)?;
    check_use(&table)?;
    Ok(table)
}

fn rule(name: &str, text: RuleText) -> Result<Rule, TableError> {
    let mut cases = Vec::with_capacity(text.cases.len());
    for case in text.cases {
        if case.when.is_empty() || !case.when.iter().all(is_possible) {
            return Err(TableError::Condition { rule: name.to_owned() });
        }
        if case.why.trim().is_empty() {
            return Err(TableError::Reason { place: name.to_owned() });
        }
        let then = verdict(name, &case.then)?;
        cases.push((case, then));
    }
    Ok(Rule { cases, otherwise: verdict(name, &text.otherwise)? })
}

/// Whether a condition can hold, by each of its values, and can fail to hold.
fn is_possible(condition: &Condition) -> bool {
    let values: BTreeSet<_> = condition.values.iter().collect();
    condition.arg < 6
        && condition.mask != 0
        && !values.is_empty()
        && values.len() == condition.values.len()
        && values.iter().all(|value| **value & !condition.mask == 0)
}

fn verdict(place: &str, text: &str) -> Result<Verdict, TableError> {
    match text {
        "allow" => return Ok(Verdict::Allow),
        "success" => return Ok(Verdict::Errno(0)),
        _ => {}
    }
    let found = ERRNOS.iter().find(|(name, _)| *name == text);
    found.map(|(_, number)| Verdict::Errno(*number)).ok_or_else(|| TableError::UnknownVerdict {
        place: place.to_owned(),
        text: text.to_owned(),
    })
}

fn call(
    name: String,
    text: CallText,
    pair: [i64; 2],
    rules: &BTreeMap<String, Rule>,
) -> Result<Call, TableError> {
    if text.reason.trim().is_empty() {
        return Err(TableError::Reason { place: name });
    }
    let usual = ruling(&name, &text.verdict, rules)?;
    let special = |profile, text: Option<String>| match text {
        None => Ok(usual.clone()),
        Some(text) => match ruling(&name, &text, rules)? {
            same if same == usual => Err(TableError::Redundant { call: name.clone(), profile }),
            other => Ok(other),
        },
    };
    let rulings = [special("strict", text.strict)?, usual.clone(), special("compat", text.compat)?];
    let [x86_64, aarch64] = pair;
    let numbers = [number(&name, x86_64)?, number(&name, aarch64)?];
    Ok(Call { name, reason: text.reason, numbers, rulings })
}

fn ruling(call: &str, text: &str, rules: &BTreeMap<String, Rule>) -> Result<Ruling, TableError> {
    match text.strip_prefix("rule ") {
        Some(rule) if rules.contains_key(rule) => Ok(Ruling::Rule(rule.to_owned())),
        Some(rule) => Err(TableError::UnknownRule { call: call.to_owned(), rule: rule.to_owned() }),
        None => verdict(call, text).map(Ruling::Plain),
    }
}

fn number(call: &str, given: i64) -> Result<Option<u32>, TableError> {
    match given {
        -1 => Ok(None),
        _ => {
            u32::try_from(given).map(Some).map_err(|_| TableError::Number { call: call.to_owned() })
        }
    }
}

fn check_numbers(table: &Table) -> Result<(), TableError> {
    let mut taken = BTreeSet::new();
    for call in &table.calls {
        let mut given = call.numbers.iter().enumerate().filter_map(|(at, n)| n.map(|n| (at, n)));
        if call.numbers == [None, None] || !given.all(|number| taken.insert(number)) {
            return Err(TableError::Number { call: call.name.clone() });
        }
    }
    Ok(())
}

fn check_use(table: &Table) -> Result<(), TableError> {
    let mut unused: BTreeSet<&String> = table.rules.keys().collect();
    for ruling in table.calls.iter().flat_map(|call| &call.rulings) {
        if let Ruling::Rule(rule) = ruling {
            unused.remove(rule);
        }
    }
    match unused.pop_first() {
        Some(rule) => Err(TableError::UnusedRule { rule: rule.clone() }),
        None => Ok(()),
    }
}
