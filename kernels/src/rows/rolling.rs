//! Windows that roll along rows: something of what lies around each element.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is made of a window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Fold {
    /// The sum.
    Sum,
    /// The mean.
    Mean,
    /// The variance about the mean, with so many degrees of freedom less.
    Var(f64),
    /// The square root of that.
    Std(f64),
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The median.
    Median,
    /// How many are no NaN.
    Count,
}

/// A fold of the window from `before` elements before each element to `after` ones behind it, NaNs and what lies beyond the ends of
/// the axis left out; NaN where fewer than `least` are left. Each window is folded by itself in order, so that the bits do not
/// depend on how rows are cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    /// What is made.
    pub fold: Fold,
    /// Elements before.
    pub before: u64,
    /// Elements behind.
    pub after: u64,
    /// A NaN where there are fewer.
    pub least: u64,
    /// Of sums and means, one for each element of a window.
    pub weights: Option<Arc<[f64]>>,
    /// Whether rows end where the axis does; else they have all of `before` and `after` everywhere.
    pub ends: bool,
}

impl Rolling {
    pub(super) fn name(&self) -> &'static str {
        "rolling"
    }

    pub(super) fn scratch_bytes(&self) -> u64 {
        if self.fold == Fold::Median { (self.before + self.after + 1) * 8 } else { 0 }
    }

    /// Rows of `n` elements around those of `out`, which begin at the place `first` of their axis.
    pub(super) fn run(&self, rows: &[f64], n: usize, first: u64, out: &mut [f64], scratch: &mut [u8]) {
        let count = rows.len() / n;
        let m = out.len() / count.max(1);
        let (before, after) = (self.before as usize, self.after as usize);
        // how many elements before its own a row has
        let lead = if self.ends { self.before.min(first) as usize } else { before };
        for (row, out) in rows.chunks_exact(n).zip(out.chunks_exact_mut(m.max(1))) {
            for (at, out) in out.iter_mut().enumerate() {
                let middle = lead + at;
                let low = middle.saturating_sub(before);
                let window = &row[low..(middle + after + 1).min(n)];
                *out = self.of(window, low + before - middle, scratch);
            }
        }
    }

    /// Of a window that begins at the `skip`-th of its elements.
    fn of(&self, window: &[f64], skip: usize, scratch: &mut [u8]) -> f64 {
        let known = || window.iter().copied().filter(|x| !x.is_nan());
        let count = known().count();
        if self.fold == Fold::Count {
            return count as f64;
        }
        if (count as u64) < self.least.max(1) {
            return f64::NAN;
        }
        let weight = |at: usize| self.weights.as_ref().map_or(1.0, |weights| weights[skip + at]);
        let weighted = || window.iter().enumerate().filter(|(_, x)| !x.is_nan()).map(|(at, x)| (weight(at), *x));
        let sum = || weighted().fold(0.0, |sum, (w, x)| sum + w * x);
        match self.fold {
            Fold::Sum => sum(),
            Fold::Mean => sum() / weighted().fold(0.0, |sum, (w, _)| sum + w),
            Fold::Var(ddof) => variance(known, count, ddof),
            Fold::Std(ddof) => variance(known, count, ddof).sqrt(),
            Fold::Min => known().fold(f64::INFINITY, f64::min),
            Fold::Max => known().fold(f64::NEG_INFINITY, f64::max),
            Fold::Median => {
                let sorted: &mut [f64] = &mut bytemuck::cast_slice_mut::<u8, f64>(scratch)[..count];
                sorted.iter_mut().zip(known()).for_each(|(to, x)| *to = x);
                sorted.sort_unstable_by(f64::total_cmp);
                let (a, b) = (sorted[(count - 1) / 2], sorted[count / 2]);
                if a == b { a } else { (a + b) / 2.0 }
            }
            Fold::Count => unreachable!("counted above"),
        }
    }
}

fn variance<I: Iterator<Item = f64>>(values: impl Fn() -> I, count: usize, ddof: f64) -> f64 {
    let mean = values().sum::<f64>() / count as f64;
    let free = count as f64 - ddof;
    if free > 0.0 { values().map(|x| (x - mean) * (x - mean)).sum::<f64>() / free } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    fn rolled(fold: Fold, x: &[f64], least: u64, weights: Option<&[f64]>) -> Vec<f64> {
        let of = Rows::Rolling(Rolling { fold, before: 1, after: 1, least, weights: weights.map(Arc::from), ends: true });
        let (mut out, mut scratch) = (vec![0.0; x.len()], [0u64; 3]);
        of.run(&[bytemuck::cast_slice(x)], &[x.len()], 0, bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch))
            .unwrap();
        out
    }

    #[test]
    fn windows_end_where_the_axis_does_and_leave_out_nans() {
        let x = [1.0, 4.0, f64::NAN, 2.0];
        assert_eq!(rolled(Fold::Sum, &x, 1, None), [5.0, 5.0, 6.0, 2.0]);
        assert_eq!(rolled(Fold::Mean, &x, 1, None), [2.5, 2.5, 3.0, 2.0]);
        assert_eq!(rolled(Fold::Max, &x, 1, None), [4.0, 4.0, 4.0, 2.0]);
        assert_eq!(rolled(Fold::Count, &x, 3, None), [2.0, 2.0, 2.0, 1.0]);
        assert_eq!(rolled(Fold::Median, &[3.0, 1.0, 2.0, 9.0], 1, None), [2.0, 2.0, 2.0, 5.5]);
        assert_eq!(rolled(Fold::Var(0.0), &[1.0, 3.0, 5.0, 7.0], 2, None), [1.0, 8.0 / 3.0, 8.0 / 3.0, 1.0]);
        let least = rolled(Fold::Sum, &[1.0, 2.0, 3.0, 4.0], 3, None);
        assert!(least[0].is_nan() && least[3].is_nan() && least[1..3] == [6.0, 9.0]);
        // the first weight is that of the element before
        assert_eq!(rolled(Fold::Sum, &[1.0, 2.0, 3.0], 1, Some(&[1.0, 10.0, 100.0])), [210.0, 321.0, 32.0]);
    }
}
