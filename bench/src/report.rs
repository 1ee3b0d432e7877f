//! What was found, as data.

use std::time::Duration;

use serde::Serialize;

use crate::{
    budget::Budget,
    machine::Machine,
    measure::Series,
    statistics::{Ratio, Summary, ratio, summary},
};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) modes: Vec<Mode>,
    /// Only of a smoke test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warm: Option<crate::warm::Report>,
    /// The same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serve: Option<crate::serve::Report>,
}

/// What was found in one mode.
#[derive(Debug, Serialize)]
pub(crate) struct Mode {
    pub(crate) name: String,
    /// Idle time before each run.
    pub(crate) pause_ms: u128,
    pub(crate) subjects: Vec<Row>,
    pub(crate) ratios: Vec<Comparison>,
}

/// One series.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    #[serde(flatten)]
    pub(crate) times_ms: Summary,
}

/// One series over another.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    pub(crate) subject: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) ratio: Ratio,
    pub(crate) budget: Option<f64>,
    pub(crate) stretch: Option<f64>,
    /// By the median of the rounds' own ratios; `null` where there is no budget.
    pub(crate) met: Option<bool>,
}

impl Mode {
    /// Sums up what was measured with this name and pause.
    pub(crate) fn of(
        (name, pause): (String, Duration),
        series: &[Series],
        budgets: &[Budget],
    ) -> Self {
        let row =
            |series: &Series| Some(Row { name: series.name, times_ms: summary(&series.times)? });
        Self {
            name,
            pause_ms: pause.as_millis(),
            subjects: series.iter().filter_map(row).collect(),
            ratios: budgets.iter().filter_map(|budget| compare(budget, series)).collect(),
        }
    }
}

/// `None` where one of the two was not measured.
fn compare(budget: &Budget, series: &[Series]) -> Option<Comparison> {
    let find = |name| series.iter().find(|series| series.name == name);
    let ratio = ratio(&find(budget.subject)?.times, &find(budget.peer)?.times)?;
    let (limit, stretch) = budget.limits.unzip();
    Some(Comparison {
        subject: budget.subject,
        peer: budget.peer,
        ratio,
        budget: limit,
        stretch,
        met: limit.map(|limit| ratio.pairs <= limit),
    })
}
