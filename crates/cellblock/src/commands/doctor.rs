//! `doctor`: launches a sandbox, probes it from inside, and says what holds, what
//! does not, and how to mend it.
//!
//! Starts with what a plain `cellblock run` would do. Each control that the host
//! refuses is waived and the launch tried again, so that one call finds all of them.

mod findings;
mod report;

use std::collections::BTreeMap;

use api::{Control, ErrorBody, PolicySpec};
use engine::{Engine, RunError};
use policy::PolicyError;
use sandbox::LaunchError;

use super::{Context, run::Silent};
use crate::{args::FormatArgs, drive::Driver, exit, failure::Failure, render};
use findings::Findings;
use report::{Launch, Report};

/// Prints what this host can enforce; the status says whether that is everything.
pub(super) fn report(format: FormatArgs, context: &Context) -> Result<u8, Failure> {
    let driver = Driver::unrecorded(&context.config.settings, &context.vars)?;
    let report = examine(&driver, context)?;
    if format.json {
        render::pretty_json(&report)?;
    } else {
        let style = render::style(context.config.settings.color, &context.vars);
        render::text(&report.text(style))?;
    }
    Ok(if report.full { exit::SUCCESS } else { exit::NO })
}

fn examine(driver: &Driver, context: &Context) -> Result<Report, Failure> {
    let mut waived = context.config.settings.allow_missing.clone();
    let mut launches = Vec::new();
    let mut remedies = known_remedies(driver.engine());
    // Each refusal waives one control more, so this ends.
    for _ in 0..=Control::ALL.len() {
        let policy = PolicySpec {
            limits: context.config.settings.limits.clone(),
            allow_missing: waived.clone(),
            ..PolicySpec::default()
        };
        let allow_missing: Vec<_> = waived.iter().copied().collect();
        match driver.probe(policy, &mut Silent)? {
            Ok(result) => {
                launches.push(Launch { allow_missing, error: None });
                let findings = Findings::read(&result.stdout);
                return Ok(Report::launched(launches, &result, findings, remedies));
            }
            Err(error) => {
                let refused = refused_control(&error);
                let body = error.body();
                if let Some(control) = refused {
                    keep_remedy(&mut remedies, control, &body);
                }
                launches.push(Launch { allow_missing, error: Some(body) });
                if !refused.is_some_and(|control| waived.insert(control)) {
                    break;
                }
            }
        }
    }
    Ok(Report::not_launched(launches, remedies))
}

fn known_remedies(engine: &Engine) -> BTreeMap<Control, String> {
    let controls = &engine.backend().support().controls;
    let remedy = |(control, support): (&Control, &policy::Support)| {
        Some((*control, support.remedy.clone()?))
    };
    // What nobody may have asked for is no lack; if somebody did, the refusal tells.
    controls.iter().filter(|(control, _)| !control.is_on_request()).filter_map(remedy).collect()
}

fn keep_remedy(remedies: &mut BTreeMap<Control, String>, control: Control, body: &ErrorBody) {
    if let Some(hint) = &body.hint {
        remedies.entry(control).or_insert_with(|| hint.clone());
    }
}

/// The control for whose sake a launch was refused.
const fn refused_control(error: &RunError) -> Option<Control> {
    match error {
        RunError::Policy(PolicyError::ControlMissing { control, .. })
        | RunError::Launch(LaunchError::NotEnforced { control, .. }) => Some(*control),
        RunError::Launch(LaunchError::Step { control, .. }) => *control,
        _ => None,
    }
}
