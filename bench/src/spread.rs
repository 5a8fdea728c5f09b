//! The median and the spread of several measurements.

use serde::{Deserialize, Serialize};

/// The median, the minimum and the maximum of several measurements; zero if there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) greatest: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or_default();
        let (upper, last) = (values.len() / 2, values.len().saturating_sub(1));
        let lower = if values.len().is_multiple_of(2) { upper.saturating_sub(1) } else { upper };
        Self { median: f64::midpoint(at(lower), at(upper)), least: at(0), greatest: at(last) }
    }

    /// Half the distance between minimum and maximum, as a share of the median.
    pub(crate) fn share(&self) -> f64 {
        if self.median > 0.0 { (self.greatest - self.least) / 2.0 / self.median } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_right_for_odd_and_even_numbers() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { median: 2.0, least: 1.0, greatest: 3.0 });
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, least: 1.0, greatest: 4.0 });
        assert_eq!(Spread::of([]), Spread::default());
    }
}
