//! What was found, as data.

use serde::Serialize;

use crate::{
    args::{self, Plan},
    budget::{BUDGETS, Budget},
    machine::Machine,
    measure::Series,
    statistics::{Ratio, Summary, ratio, summary},
};

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) modes: Vec<Mode>,
}

/// What was found in one mode.
#[derive(Debug, Serialize)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
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
    /// Sums up what was measured.
    pub(crate) fn of(plan: &Plan, series: &[Series]) -> Self {
        let row =
            |series: &Series| Some(Row { name: series.name, times_ms: summary(&series.times)? });
        let name = match plan.mode {
            args::Mode::BackToBack => "back to back",
            args::Mode::Paced => "paced",
        };
        Self {
            name,
            pause_ms: plan.pause.as_millis(),
            subjects: series.iter().filter_map(row).collect(),
            ratios: BUDGETS.iter().filter_map(|budget| compare(budget, series)).collect(),
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
