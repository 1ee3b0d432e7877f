//! Leaves out one layer of the sandbox at a time, in a build made for it, and
//! counts which cases notice and which attempts then succeed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    battery::Bench,
    case::{Case, ControlKind},
    judge,
    target::Target,
};

/// Every layer that the test build can leave out.
pub const LAYERS: [&str; 13] = [
    "seccomp",
    "landlock",
    "caps",
    "mount-ro",
    "masks",
    "net-ns",
    "cgroup",
    "nested-userns",
    "private-view",
    "pid-ns",
    "user-ns",
    "no-new-privs",
    "close-fds",
];

/// The areas whose cases are escapes: they should hold without any one layer.
pub const ESCAPE_AREAS: [char; 5] = ['A', 'B', 'C', 'E', 'F'];

/// What leaving out one layer did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LayerRow {
    /// The layer.
    pub layer: String,
    /// Cases that no longer come out as expected.
    pub noticed: Vec<String>,
    /// Attempts, by case, that come out as if there were no sandbox.
    pub succeeded: BTreeMap<String, Vec<String>>,
}

/// Runs the cases of the escape areas without the layer that the target leaves out.
///
/// # Errors
/// The harness itself failed.
pub fn run(
    bench: &mut Bench,
    target: &Target,
    cases: &[Case],
    failing: &[String],
) -> anyhow::Result<LayerRow> {
    let layer = target.knockout.unwrap_or("nothing");
    let mut row =
        LayerRow { layer: layer.to_owned(), noticed: Vec::new(), succeeded: BTreeMap::new() };
    // Bounds are no escapes, but without them there is nothing that would notice.
    let wanted = |case: &&Case| match layer {
        "cgroup" => case.needs_cgroups,
        _ => ESCAPE_AREAS.contains(&case.area),
    };
    for case in cases.iter().filter(wanted) {
        if failing.contains(&case.id)
            || matches!(case.control, ControlKind::Same | ControlKind::SameApart)
        {
            continue;
        }
        let program = bench.program(case)?;
        let (seen, outside) = bench.inside(case, &program, target)?;
        let found = judge::findings(&case.expect, &seen);
        if found.is_empty() && outside.is_empty() {
            continue;
        }
        row.noticed.push(case.id.clone());
        let Some(control) = bench.outside(case, &program)? else { continue };
        let breached = found.iter().filter(|finding| {
            control.attempts.iter().any(|a| a.name == finding.what && a.result == finding.seen)
        });
        let breached: Vec<String> = breached.map(|finding| finding.what.clone()).collect();
        if !breached.is_empty() {
            row.succeeded.insert(case.id.clone(), breached);
        }
    }
    Ok(row)
}
