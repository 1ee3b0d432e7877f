//! Writes the table as Rust source. Knows the names of the types in
//! `policy::syscalls::table` and nothing else about them.

use std::fmt::Write;

use crate::parse::{Call, Case, Half, Rule, Ruling, Table, Verdict};

/// The source of the table.
pub(crate) fn source(table: &Table) -> String {
    let mut text = String::new();
    for (name, rule) in &table.rules {
        let body = rule_source(name, rule);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "static {}: Rule = {body};", rule_name(name));
    }
    let calls: String = table.calls.iter().map(call_source).collect();
    let _ = writeln!(text, "static CALLS: &[Call] = &[{calls}];");
    text
}

fn rule_name(name: &str) -> String {
    format!("RULE_{}", name.to_uppercase().replace('-', "_"))
}

fn rule_source(name: &str, rule: &Rule) -> String {
    let cases: String = rule.cases.iter().map(case_source).collect();
    let otherwise = verdict_source(rule.otherwise);
    format!("Rule {{ name: {name:?}, cases: &[{cases}], otherwise: {otherwise} }}")
}

fn case_source((case, then): &(Case, Verdict)) -> String {
    let mut conditions = String::new();
    for condition in &case.when {
        let half = match condition.half {
            Half::Low => "Half::Low",
            Half::High => "Half::High",
        };
        let (arg, mask, values) = (condition.arg, condition.mask, &condition.values);
        let _ = write!(
            conditions,
            "Condition {{ arg: {arg}, half: {half}, mask: {mask:#x}, values: &{values:?} }},"
        );
    }
    let (then, why) = (verdict_source(*then), &case.why);
    format!("Case {{ conditions: &[{conditions}], verdict: {then}, why: {why:?} }},")
}

fn verdict_source(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allow => "Verdict::Allow".to_owned(),
        Verdict::Errno(number) => format!("Verdict::Errno({number})"),
    }
}

fn call_source(call: &Call) -> String {
    let rulings: Vec<_> = call.rulings.iter().map(ruling_source).collect();
    let (name, reason, numbers) = (&call.name, &call.reason, &call.numbers);
    format!(
        "Call {{ name: {name:?}, reason: {reason:?}, numbers: {numbers:?}, rulings: [{}] }},\n",
        rulings.join(", ")
    )
}

fn ruling_source(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Plain(verdict) => format!("Ruling::Plain({})", verdict_source(*verdict)),
        Ruling::Rule(rule) => format!("Ruling::Rule(&{})", rule_name(rule)),
    }
}
