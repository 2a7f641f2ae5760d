//! Medians, percentiles and ratios.

/// A number as a real one; counts of a run are far below the 2^53 from where that would round.
pub(crate) fn real(number: u64) -> f64 {
    let high = u32::try_from(number >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A length as a real number.
pub(crate) fn length(length: usize) -> f64 {
    real(u64::try_from(length).unwrap_or(u64::MAX))
}

/// The middle, and how far the others lie.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Spread {
    /// Of any numbers; `None` of none.
    pub(crate) fn of(numbers: &[f64]) -> Option<Self> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let upper = sorted.get(middle).copied()?;
        let median = if sorted.len() % 2 == 1 {
            upper
        } else {
            let lower = sorted.get(middle.saturating_sub(1)).copied()?;
            f64::midpoint(lower, upper)
        };
        Some(Self { median, least: sorted.first().copied()?, most: sorted.last().copied()? })
    }
}

/// The median; 0 of nothing.
pub(crate) fn median(numbers: &[f64]) -> f64 {
    Spread::of(numbers).unwrap_or_default().median
}

/// The value below which so many thousandths of the sorted values lie; 0 of nothing.
pub(crate) fn percentile(sorted: &[u32], thousandths: usize) -> u32 {
    let last = sorted.len().saturating_sub(1);
    let place = last.saturating_mul(thousandths) / 1000;
    sorted.get(place).copied().unwrap_or_default()
}

/// The slope of the line through points that fits them best (least squares); 0 if there is none.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let count = length(points.len());
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let shared: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    if spread > 0.0 { shared / spread } else { 0.0 }
}

/// A whole number with commas, as people write it: `12,345`.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Spread, grouped, median, percentile, real, slope};

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, least: 1.0, most: 3.0 }));
        assert_eq!(Spread::of(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(Spread::of(&[]), None);
        assert!(median(&[]).abs() < f64::EPSILON);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<u32> = (1..=101).collect();
        assert_eq!((percentile(&values, 0), percentile(&values, 500), percentile(&values, 990)), (1, 51, 100));
        assert_eq!(percentile(&values, 1000), 101);
        assert_eq!((percentile(&[7], 990), percentile(&[], 500)), (7, 0));
    }

    #[test]
    fn numbers_become_real_ones_without_loss() {
        assert!((real((1 << 40) + 5) - 1_099_511_627_781.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_line_is_fitted() {
        assert!((slope(&[(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) - 2.0).abs() < 1e-9);
        assert!(slope(&[(1.0, 1.0)]).abs() < f64::EPSILON);
    }

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!(grouped(1_234_567.4), "1,234,567");
        assert_eq!(
            (grouped(999.0), grouped(1000.0), grouped(-1000.0)),
            ("999".to_owned(), "1,000".to_owned(), "-1,000".to_owned())
        );
    }
}
