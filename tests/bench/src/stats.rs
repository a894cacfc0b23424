//! Percentiles of many samples, medians and spread of few.

use serde::{Deserialize, Serialize};

/// Median, smallest and largest of the rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// The middle one, or the mean of the middle two.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

/// Sums up `values`; `None` if there are none.
pub(crate) fn summary(values: &[f64]) -> Option<Summary> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let upper = sorted.len() / 2;
    let lower = (sorted.len() - 1) / 2;
    Some(Summary { median: f64::midpoint(sorted[lower], sorted[upper]), min, max })
}

/// The value that `share` (0 to 1) of the samples do not exceed.
pub(crate) fn percentile(samples: &mut [u64], share: f64) -> f64 {
    if samples.is_empty() {
        return f64::NAN;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let rank = ((samples.len() - 1) as f64 * share).round() as usize;
    *samples.select_nth_unstable(rank).1 as f64
}

#[cfg(test)]
mod tests {
    use super::{percentile, summary};

    #[test]
    fn a_median_of_an_even_count_lies_between_the_middle_two() {
        for (values, median) in [(vec![3.0], 3.0), (vec![3.0, 1.0], 2.0), (vec![9.0, 1.0, 2.0], 2.0)] {
            assert_eq!(summary(&values).unwrap().median, median, "{values:?}");
        }
        assert!(summary(&[]).is_none());
    }

    #[test]
    fn percentiles_are_samples() {
        let mut samples: Vec<u64> = (0..=100).rev().collect();
        for (share, want) in [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.0, 0.0)] {
            assert_eq!(percentile(&mut samples, share), want, "{share}");
        }
    }
}
