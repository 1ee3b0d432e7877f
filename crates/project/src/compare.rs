//! What numbers two runs differ in. Pure.

use std::collections::BTreeMap;

use api::MetricChange;
use serde_json::Value;

/// The most numbers of a run that are looked at.
const METRICS_MAX: usize = 20_000;
/// The most changes that are told.
pub(crate) const CHANGES_MAX: usize = 500;
/// The deepest that is looked; what parses has no more than twice that.
const DEPTH_MAX: usize = 64;
/// A change of so many per cent matters.
const SIGNIFICANT_PCT: f64 = 10.0;

/// Numbers by where they are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Adds every number in a value, below a name; an empty one adds nothing to theirs.
    pub(crate) fn add(&mut self, name: &str, value: &Value) {
        self.descend(name.to_owned(), value, 0);
    }

    fn descend(&mut self, name: String, value: &Value, depth: usize) {
        if depth > DEPTH_MAX || self.0.len() >= METRICS_MAX {
            return;
        }
        let below = |part: &str| {
            if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") }
        };
        match value {
            Value::Number(number) => {
                if let Some(number) = number.as_f64() {
                    self.0.insert(name, number);
                }
            }
            Value::Object(parts) => {
                for (key, part) in parts {
                    self.descend(below(key), part, depth + 1);
                }
            }
            Value::Array(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    self.descend(below(&place.to_string()), part, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// What is not the same, largest change first; how many numbers were compared; and
/// whether there are more changes.
pub(crate) fn changes(base: &Metrics, scenario: &Metrics) -> (Vec<MetricChange>, u64, bool) {
    let mut names: Vec<&String> = base.0.keys().chain(scenario.0.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let compared = names.len() as u64;
    let pair = |name: &&String| (base.0.get(*name).copied(), scenario.0.get(*name).copied());
    let differing = names.into_iter().filter(|name| {
        let (one, other) = pair(name);
        one != other
    });
    let mut changes: Vec<MetricChange> = differing.map(|name| change(name, pair(&name))).collect();
    let weight = |change: &MetricChange| change.pct_delta.map_or(f64::INFINITY, f64::abs);
    changes.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
    let is_cut = changes.len() > CHANGES_MAX;
    changes.truncate(CHANGES_MAX);
    (changes, compared, is_cut)
}

fn change(name: &str, (base, scenario): (Option<f64>, Option<f64>)) -> MetricChange {
    let finite = |value: f64| value.is_finite().then_some(value);
    let absolute_delta = base.zip(scenario).and_then(|(base, new)| finite(new - base));
    let pct_delta = base.zip(absolute_delta).and_then(|(base, delta)| {
        (base != 0.0).then(|| finite(delta / base.abs() * 100.0)).flatten()
    });
    MetricChange {
        metric: name.to_owned(),
        base_value: base,
        scenario_value: scenario,
        absolute_delta,
        pct_delta,
        significant: pct_delta.is_none_or(|pct| pct.abs() >= SIGNIFICANT_PCT),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn metrics(value: &Value) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add("", value);
        metrics
    }

    #[test]
    fn numbers_are_compared_where_they_are() {
        let base = metrics(&json!({"a": 100, "b": {"c": [1, 2]}, "gone": 1, "zero": 0, "t": "x"}));
        let scenario = metrics(&json!({"a": 109, "b": {"c": [1, 4]}, "new": 2, "zero": 5}));
        let (changes, compared, is_cut) = changes(&base, &scenario);
        assert_eq!((compared, is_cut), (6, false));
        let told: Vec<_> = changes
            .iter()
            .map(|c| (c.metric.as_str(), c.absolute_delta, c.pct_delta, c.significant))
            .collect();
        let expected = [
            ("gone", None, None, true),
            ("new", None, None, true),
            ("zero", Some(5.0), None, true),
            ("b.c.1", Some(2.0), Some(100.0), true),
            ("a", Some(9.0), Some(9.0), false),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_tenth_matters_in_both_directions() {
        let pair = |base: f64, new: f64| change("x", (Some(base), Some(new))).significant;
        assert!(pair(100.0, 110.0) && pair(100.0, 90.0) && pair(-100.0, -110.0));
        assert!(!pair(100.0, 109.9) && !pair(-100.0, -109.0));
        assert_eq!(change("x", (Some(-100.0), Some(-150.0))).pct_delta, Some(-50.0));
        assert_eq!(change("x", (Some(f64::MIN), Some(f64::MAX))).absolute_delta, None);
    }

    #[test]
    fn lists_without_end_are_cut() {
        let many = json!((1..30_000).collect::<Vec<_>>());
        let (changes, _, is_cut) = changes(&metrics(&many), &Metrics::default());
        assert_eq!((changes.len(), is_cut), (CHANGES_MAX, true));
    }

    proptest! {
        #[test]
        fn a_run_is_as_it_is(values in prop::collection::vec(any::<f64>(), 0..20)) {
            let one = metrics(&json!(values));
            prop_assert!(changes(&one, &one).0.is_empty());
        }
    }
}
