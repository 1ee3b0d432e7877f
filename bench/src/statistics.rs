//! Order statistics of times. Pure.

use serde::Serialize;

/// A series in four numbers, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) runs: usize,
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// How one series compares with another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Ratio {
    /// Of the medians.
    pub(crate) medians: f64,
    /// The median of each round's own ratio: what drifts from round to round
    /// falls out of it.
    pub(crate) pairs: f64,
}

/// The value below which so many percent of the sorted values lie; between two
/// of them in proportion.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let place = percent * sorted.len().checked_sub(1)?;
    let below = *sorted.get(place / 100)?;
    let above = *sorted.get(place.div_ceil(100))?;
    Some(below + (above - below) * (place % 100) as f64 / 100.0)
}

fn sorted(values: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Sums up a series; `None` where it is empty.
pub(crate) fn summary(times: &[Option<f64>]) -> Option<Summary> {
    let sorted = sorted(times.iter().copied().flatten());
    Some(Summary {
        runs: sorted.len(),
        min: *sorted.first()?,
        median: quantile(&sorted, 50)?,
        p99: quantile(&sorted, 99)?,
        max: *sorted.last()?,
    })
}

/// Compares two series of the same rounds; `None` where they have none in common.
pub(crate) fn ratio(times: &[Option<f64>], of: &[Option<f64>]) -> Option<Ratio> {
    let pairs = times.iter().zip(of).filter_map(|(time, of)| Some((*time)? / (*of)?));
    let pairs = quantile(&sorted(pairs), 50)?;
    Some(Ratio { medians: summary(times)?.median / summary(of)?.median, pairs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_an_even_number_lies_between_two() {
        let found = summary(&[Some(4.0), Some(1.0), None, Some(3.0), Some(2.0)]);
        let expected =
            Summary { runs: 4, min: 1.0, median: 2.5, p99: 3.9699999999999998, max: 4.0 };
        assert_eq!(found, Some(expected));
        assert_eq!(summary(&[None]), None);
        assert_eq!(summary(&[Some(7.0)]).map(|s| (s.median, s.p99)), Some((7.0, 7.0)));
    }

    #[test]
    fn drift_falls_out_of_the_median_of_pairs() {
        // Twice as slow in each round, while the machine itself drifts.
        let ours = [Some(2.0), Some(20.0), Some(200.0), None];
        let theirs = [Some(1.0), Some(10.0), Some(100.0), Some(1.0)];
        let found = ratio(&ours, &theirs).unwrap();
        assert_eq!((found.pairs, found.medians), (2.0, 20.0 / 5.5));
        assert_eq!(ratio(&[None], &[Some(1.0)]), None);
    }
}
