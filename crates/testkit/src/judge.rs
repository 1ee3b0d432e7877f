//! Compares what was seen with what was expected. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    case::{Case, Comparison, ControlKind, Expect},
    observe::Observation,
};

/// One way in which an observation is not as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: an attempt, a fact, or an oracle.
    pub what: String,
    /// What was seen.
    pub seen: String,
}

/// Everything in which an observation is not as expected.
#[must_use]
pub fn findings(expect: &Expect, seen: &Observation) -> Vec<Finding> {
    let mut findings = Vec::new();
    if seen.attempts.len() < expect.at_least {
        let count = format!("{} of {}", seen.attempts.len(), expect.at_least);
        findings.push(Finding { what: "attempts reported".into(), seen: count });
    }
    for attempt in &seen.attempts {
        let accepted = expect.accepted(&attempt.name);
        if !accepted.is_some_and(|accepted| accepted.contains(&attempt.result)) {
            let (what, seen) = (attempt.name.clone(), attempt.result.clone());
            findings.push(Finding { what, seen });
        }
    }
    findings.extend(facts(expect).iter().filter_map(|fact| differs(fact, &seen.result)));
    findings.extend(texts(expect, seen));
    findings
}

type Fact = (String, Comparison, Value);

fn facts(expect: &Expect) -> Vec<Fact> {
    let mut facts = expect.facts.clone();
    if !facts.iter().any(|(pointer, ..)| pointer == "/outcome") {
        facts.push(("/outcome".into(), Comparison::Equal, "exited".into()));
        if !facts.iter().any(|(pointer, ..)| pointer == "/exit_code") {
            facts.push(("/exit_code".into(), Comparison::Equal, 0.into()));
        }
    }
    facts
}

fn differs((pointer, comparison, wanted): &Fact, result: &Value) -> Option<Finding> {
    let found = result.pointer(pointer).cloned().unwrap_or(Value::Null);
    let holds = match (comparison, found.as_f64(), wanted.as_f64()) {
        (Comparison::Equal, ..) => found == *wanted,
        (Comparison::AtLeast, Some(found), Some(wanted)) => found >= wanted,
        (Comparison::AtMost, Some(found), Some(wanted)) => found <= wanted,
        _ => false,
    };
    (!holds).then(|| Finding { what: format!("{pointer} {wanted}"), seen: found.to_string() })
}

fn texts(expect: &Expect, seen: &Observation) -> Vec<Finding> {
    let all: String = ["/stdout", "/stderr"]
        .iter()
        .filter_map(|pointer| seen.result.pointer(pointer).and_then(Value::as_str))
        .collect();
    let missing = expect.contains.iter().filter(|text| !all.contains(*text));
    let unwanted = expect.lacks.iter().filter(|text| all.contains(*text));
    let missing = missing.map(|text| (format!("output has {text:?}"), "it has not".to_owned()));
    let unwanted = unwanted.map(|text| (format!("output lacks {text:?}"), "it has it".to_owned()));
    missing.chain(unwanted).map(|(what, seen)| Finding { what, seen }).collect()
}

/// How far a case can tell a sandbox from none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arming {
    /// Whether the case proves anything on this host.
    pub armed: bool,
    /// Attempts that come out the same without the sandbox.
    pub blunt: Vec<String>,
    /// Why it is not armed.
    pub detail: String,
}

/// Judges the run without the sandbox.
#[must_use]
pub fn arming(case: &Case, control: Option<&Observation>) -> Arming {
    let Some(control) = control else {
        let detail = "there is no way to try it without the sandbox".to_owned();
        return Arming { armed: false, blunt: Vec::new(), detail };
    };
    let mut found = findings(&case.expect, control);
    found.retain(|finding| !only_inside(&finding.what));
    if matches!(case.control, ControlKind::Same | ControlKind::SameApart) {
        let detail = found.first().map_or(String::new(), |finding| {
            let said =
                control.result.pointer("/stderr").and_then(Value::as_str).unwrap_or_default();
            let said = said.lines().last().unwrap_or_default();
            format!("outside, {} came to {} {said}", finding.what, finding.seen)
        });
        return Arming { armed: found.is_empty(), blunt: Vec::new(), detail };
    }
    let sharp: BTreeMap<&str, &str> =
        found.iter().map(|finding| (finding.what.as_str(), finding.seen.as_str())).collect();
    let blunt =
        control.attempts.iter().filter(|attempt| !sharp.contains_key(attempt.name.as_str()));
    let blunt = blunt.map(|attempt| attempt.name.clone()).collect();
    let detail = match broken(&case.expect, control) {
        Some(detail) => detail,
        None if found.is_empty() => "it comes out the same without the sandbox".to_owned(),
        None => String::new(),
    };
    Arming { armed: detail.is_empty(), blunt, detail }
}

/// Why a run without the sandbox shows nothing: it must itself have gone well.
fn broken(expect: &Expect, control: &Observation) -> Option<String> {
    let reported = control.attempts.len();
    if reported < expect.at_least {
        return Some(format!("without the sandbox it reports {reported} of {}", expect.at_least));
    }
    let code = control.result.pointer("/exit_code").cloned().unwrap_or(Value::Null);
    let wanted = expect.facts.iter().find(|(pointer, ..)| pointer == "/exit_code");
    let fine = code == 0 || wanted.is_some_and(|(.., wanted)| code == *wanted);
    (!fine).then(|| format!("without the sandbox it ends with {code}"))
}

/// Facts that a plain process has no counterpart of.
fn only_inside(what: &str) -> bool {
    ["/usage", "/enforcement", "/phase", "/digests"].iter().any(|start| what.starts_with(start))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::observe::attempts;

    fn seen(text: &str) -> Observation {
        Observation {
            result: json!({ "outcome": "exited", "exit_code": 0, "stdout": text }),
            attempts: attempts(text),
            output: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    fn expect() -> Expect {
        toml::from_str("at_least = 1\nattempts = { \"*\" = [\"EPERM\"] }").unwrap()
    }

    #[test]
    fn a_refusal_by_the_wrong_errno_is_a_finding() {
        let found = findings(&expect(), &seen("{\"attempt\":\"a\",\"result\":\"ENOENT\"}"));
        assert_eq!(found, [Finding { what: "a".into(), seen: "ENOENT".into() }]);
    }

    #[test]
    fn silence_is_a_finding() {
        assert_eq!(findings(&expect(), &seen("")).len(), 1);
    }

    #[test]
    fn a_fact_that_is_absent_does_not_hold() {
        let expect: Expect =
            toml::from_str("facts = [[\"/usage/cpu_time_ms\", \">=\", 0]]").unwrap();
        assert_eq!(findings(&expect, &seen("")).len(), 1);
    }

    fn case() -> Case {
        let mut case: Case =
            toml::from_str("id = \"x\"\ntitle = \"x\"\nprogram = \"x\"\ncontrol = \"plain\"")
                .unwrap();
        case.expect = expect();
        case
    }

    #[test]
    fn a_case_is_armed_only_by_a_control_that_went_well_and_differed() {
        let armed = |control: Option<&Observation>| arming(&case(), control).armed;
        assert!(armed(Some(&seen("{\"attempt\":\"a\",\"result\":\"ok\"}"))));
        assert!(!armed(Some(&seen("{\"attempt\":\"a\",\"result\":\"EPERM\"}"))));
        assert!(!armed(Some(&seen(""))));
        assert!(!armed(None));
    }

    #[test]
    fn an_expected_refusal_passes() {
        assert!(findings(&expect(), &seen("{\"attempt\":\"a\",\"result\":\"EPERM\"}")).is_empty());
    }
}
