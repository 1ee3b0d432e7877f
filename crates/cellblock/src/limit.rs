//! Limits that were refused, in the words of the command line: its flags and its units.

use api::ErrorBody;
use engine::RunError;
use policy::PolicyError;

use crate::{duration, size};

/// A limit's name among the policy's fields, its flag, and how its numbers are written.
type Named = (&'static str, &'static str, fn(u64) -> String);

const NAMES: [Named; 10] = [
    ("wall_time_ms", "--timeout", duration::format),
    ("cpu_time_ms", "--cpu-time", duration::format),
    ("memory_bytes", "--memory", size::format),
    ("pids", "--pids", plain),
    ("cpu_millis", "--cpus", processors),
    ("open_files", "--open-files", plain),
    ("file_size_bytes", "--file-size", size::format),
    ("workspace_bytes", "--workspace-size", size::format),
    ("workspace_inodes", "--workspace-files", plain),
    ("output_bytes", "--output-limit", size::format),
];

/// The error of a run, with a refused limit as it was typed.
pub(crate) fn body(error: &RunError) -> ErrorBody {
    let told = error.body();
    let RunError::Policy(error) = error else { return told };
    let (field, given, bound, least) = match error {
        PolicyError::LimitTooSmall { field, given, minimum } => (field, *given, *minimum, true),
        PolicyError::LimitTooLarge { field, given, maximum } => (field, *given, *maximum, false),
        _ => return told,
    };
    let Some((_, flag, shown)) = NAMES.iter().find(|(name, ..)| name == field) else {
        return told;
    };
    let (given, bound) = (shown(given), shown(bound));
    let (message, hint) = match least {
        true => (
            format!("{flag} {given} is impossible: it must be at least {bound}"),
            format!("ask for {bound} or more"),
        ),
        false => (
            format!("{flag} {given} is more than the {bound} that is allowed here"),
            format!("ask for {bound} or less"),
        ),
    };
    ErrorBody { message, hint: Some(hint), ..told }
}

fn plain(number: u64) -> String {
    number.to_string()
}

/// A thousandth is the unit.
fn processors(millis: u64) -> String {
    match (millis / 1000, millis % 1000) {
        (whole, 0) => whole.to_string(),
        (whole, rest) => format!("{whole}.{}", format!("{rest:03}").trim_end_matches('0')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(field: &'static str, given: u64, minimum: u64) -> String {
        body(&PolicyError::LimitTooSmall { field, given, minimum }.into()).message
    }

    fn large(field: &'static str, given: u64, maximum: u64) -> String {
        body(&PolicyError::LimitTooLarge { field, given, maximum }.into()).message
    }

    #[test]
    fn refused_limits_are_told_by_flag_and_unit() {
        let least = "--memory 1 is impossible: it must be at least 4M";
        assert_eq!(small("memory_bytes", 1, 4 << 20), least);
        let most = "--timeout 31d is more than the 30d that is allowed here";
        assert_eq!(large("wall_time_ms", 31 * 86_400_000, 30 * 86_400_000), most);
        let share = "--cpus 0.005 is impossible: it must be at least 0.01";
        assert_eq!(small("cpu_millis", 5, 10), share);
        assert!(small("another", 1, 2).starts_with("another of 1"));
    }
}
