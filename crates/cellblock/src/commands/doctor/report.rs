//! What `doctor` says, as data and as text. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use api::{Control, EnforcementLevel, ErrorBody, RunResult};
use serde::Serialize;

use super::findings::Findings;
use crate::render::{Style, Table, printable};

/// What this host can enforce.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Whether every control holds and every forbidden act was refused.
    pub(super) full: bool,
    /// The launches that were tried, in order; the last one tells the rest.
    pub(super) launches: Vec<Launch>,
    pub(super) controls: Vec<ControlFinding>,
    pub(super) findings: Findings,
}

/// A launch that was tried.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Launch {
    pub(super) allow_missing: Vec<Control>,
    /// Why it was refused; `null` where it was not.
    pub(super) error: Option<ErrorBody>,
}

/// One control, as enforced in the sandbox that was launched.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ControlFinding {
    pub(super) control: Control,
    pub(super) level: EnforcementLevel,
    pub(super) detail: String,
    /// How to get it; `null` where it holds or nothing is known.
    pub(super) remedy: Option<String>,
}

impl Report {
    /// Of a sandbox that was up.
    pub(super) fn launched(
        launches: Vec<Launch>,
        result: &RunResult,
        findings: Findings,
        remedies: BTreeMap<Control, String>,
    ) -> Self {
        let control = |control: &Control| {
            let reported = result.enforcement.controls.get(control);
            let detail = reported.map_or("nothing was reported", |report| report.detail.as_str());
            finding(*control, result.enforcement.level(*control), detail, &remedies)
        };
        let is_told = |control: &&Control| {
            !control.is_on_request() || result.enforcement.controls.contains_key(control)
        };
        let controls: Vec<_> = Control::ALL.iter().filter(is_told).map(control).collect();
        let all_hold = controls.iter().all(|found| found.level == EnforcementLevel::Full);
        let full = all_hold && findings.is_well() && result.outcome.is_success();
        Self { full, launches, controls, findings }
    }

    /// Where no sandbox came up.
    pub(super) fn not_launched(launches: Vec<Launch>, remedies: BTreeMap<Control, String>) -> Self {
        let lacking = remedies.keys().map(|control| {
            finding(*control, EnforcementLevel::None, "no sandbox came up", &remedies)
        });
        let controls = lacking.collect();
        Self { full: false, launches, controls, findings: Findings::default() }
    }

    /// For a person.
    pub(super) fn text(&self, style: Style) -> String {
        let mut text = self.controls_text(style);
        let _ = writeln!(text, "\n{}", self.acts_text());
        let _ = writeln!(text, "{}", self.launches_text());
        let remedies =
            self.controls.iter().filter_map(|found| Some((found, found.remedy.as_ref()?)));
        for (found, remedy) in remedies {
            let _ = writeln!(text, "\nto have {}: {}", found.control, printable(remedy));
        }
        text
    }

    fn controls_text(&self, style: Style) -> String {
        let mut table = Table::new(&["CONTROL", "HOLDS", "BY, OR WHY NOT"]);
        for found in &self.controls {
            table.row(&[found.control.name(), word(found.level), &found.detail]);
        }
        table.text(|column, cell| match (column, cell) {
            (1, "fully") => style.good(cell),
            (1, "partly") => style.doubtful(cell),
            (1, _) => style.bad(cell),
            _ => cell.to_owned(),
        })
    }

    fn acts_text(&self) -> String {
        let Findings { attempts, unreadable, .. } = &self.findings;
        if attempts.is_empty() {
            return "nothing could be tried from inside".to_owned();
        }
        let done: Vec<_> = attempts.iter().filter(|attempt| !attempt.refused).collect();
        let mut text = match done.len() {
            0 => format!("tried from inside: {} forbidden acts, all refused", attempts.len()),
            count => format!("tried from inside: {count} of {} NOT refused:", attempts.len()),
        };
        for attempt in done {
            let _ = write!(text, "\n  {} (errno {})", attempt.attempt, attempt.errno);
        }
        if *unreadable > 0 {
            let _ = write!(text, "\n  {unreadable} lines of the probe cannot be read");
        }
        text
    }

    fn launches_text(&self) -> String {
        let names = |launch: &Launch| {
            launch.allow_missing.iter().map(|control| control.name()).collect::<Vec<_>>().join(",")
        };
        match self.launches.as_slice() {
            [Launch { error: None, .. }] => "`cellblock run` works as it is".to_owned(),
            [first, .., last] if last.error.is_none() => {
                let reason = first.error.as_ref().map_or("", |error| error.message.as_str());
                format!(
                    "`cellblock run` is refused: {}\nit works with `--allow-missing {}`",
                    printable(reason),
                    names(last)
                )
            }
            launches => {
                let last = launches.last().and_then(|launch| launch.error.as_ref());
                let reason = last.map_or("no launch was tried", |error| error.message.as_str());
                format!("no sandbox can be launched: {}", printable(reason))
            }
        }
    }
}

fn finding(
    control: Control,
    level: EnforcementLevel,
    detail: &str,
    remedies: &BTreeMap<Control, String>,
) -> ControlFinding {
    let holds = level == EnforcementLevel::Full;
    let remedy = if holds { None } else { remedies.get(&control).cloned() };
    ControlFinding { control, level, detail: detail.to_owned(), remedy }
}

const fn word(level: EnforcementLevel) -> &'static str {
    match level {
        EnforcementLevel::Full => "fully",
        EnforcementLevel::Partial => "partly",
        EnforcementLevel::None => "not",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(control: Control) -> Launch {
        let error = ErrorBody {
            code: api::ErrorCode::ControlMissing,
            message: format!("this host cannot enforce {control}"),
            hint: None,
            retryable: false,
        };
        Launch { allow_missing: Vec::new(), error: Some(error) }
    }

    #[test]
    fn what_has_to_be_waived_is_named() {
        let launches = vec![
            refused(Control::Memory),
            Launch { allow_missing: vec![Control::Memory, Control::Cpu], error: None },
        ];
        let report =
            Report { full: false, launches, controls: Vec::new(), findings: Findings::default() };
        let text = report.text(Style { colored: false });
        assert!(text.contains("`cellblock run` is refused: this host cannot enforce memory"));
        assert!(text.contains("it works with `--allow-missing memory,cpu`"), "{text}");
    }

    #[test]
    fn a_host_without_sandboxes_hears_why_and_what_to_do() {
        let remedies = BTreeMap::from([(Control::UserNamespace, "run `sysctl`".to_owned())]);
        let report = Report::not_launched(vec![refused(Control::UserNamespace)], remedies);
        assert!(!report.full);
        let text = report.text(Style { colored: false });
        assert!(
            text.contains("no sandbox can be launched: this host cannot enforce user-namespace")
        );
        assert!(text.contains("to have user-namespace: run `sysctl`"), "{text}");
    }
}
