//! Quantiles of rows that are more than plain ones: with weights, or of the elements with each label.

use super::Refused;
use crate::dtype::{DType, Scalar};
use crate::lanes::Method;
use crate::select::{NAN_KEY, from_key, keys};
use serde::{Deserialize, Serialize};

/// Quantiles by the inverted distribution of weighted elements: NumPy's with `weights`. Each is one of the elements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    /// Of the elements.
    pub dtype: DType,
    /// Which, each in [0, 1].
    pub q: Vec<f64>,
    /// Whether NaNs are no elements; otherwise one NaN makes all quantiles NaN.
    pub skip_nan: bool,
}

impl Weighted {
    pub(super) fn scratch_bytes(&self, n: u64) -> u64 {
        n.saturating_mul(16)
    }

    pub(super) fn run(&self, rows: &[u8], weights: &[f64], n: usize, out: &mut [u8], scratch: &mut [u8]) -> Result<(), Refused> {
        let item = self.dtype.size();
        let (orders, pairs) = bytemuck::cast_slice_mut::<u8, u64>(&mut scratch[..n * 16]).split_at_mut(n);
        let rows = rows.chunks_exact(n * item).zip(weights.chunks_exact(n)).zip(out.chunks_exact_mut((self.q.len() * item).max(1)));
        for ((row, weights), out) in rows {
            keys(row, self.dtype, orders);
            if weights.iter().any(|w| !(*w >= 0.0 && w.is_finite())) {
                return Err(Refused::Weights);
            }
            let is_nan = |key: u64| self.dtype.is_float() && key == NAN_KEY;
            // places in the order of the values, those of NaNs last
            pairs.iter_mut().zip(0..).for_each(|(pair, at)| *pair = at);
            pairs.sort_unstable_by_key(|&at| (orders[at as usize], at));
            let nans = orders.iter().filter(|key| is_nan(**key)).count();
            let known = n - nans;
            if known == 0 || (nans > 0 && !self.skip_nan) {
                out.chunks_exact_mut(item).for_each(|out| Scalar::Float(f64::NAN).write(self.dtype, out));
                continue;
            }
            let sorted = &pairs[..known];
            let total = sorted.iter().fold(0.0, |sum, &at| sum + weights[at as usize]);
            if total <= 0.0 {
                return Err(Refused::Weights);
            }
            for (&q, out) in self.q.iter().zip(out.chunks_exact_mut(item)) {
                let mut sum = 0.0;
                let reached = sorted.iter().position(|&at| {
                    sum += weights[at as usize];
                    let part = sum / total;
                    // what has no weight is never chosen
                    part > 0.0 && part >= q
                });
                let at = sorted[reached.unwrap_or(known - 1)];
                from_key(orders[at as usize], self.dtype).write(self.dtype, out);
            }
        }
        Ok(())
    }
}

/// Quantiles of the elements of a row with each label, as float64: those of all labels for the first q, then for the next. NaN where there is no
/// element. Labels are the same for all rows; negative ones are of no group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ByLabel {
    /// Of the elements.
    pub dtype: DType,
    /// Which, each in [0, 1].
    pub q: Vec<f64>,
    /// Whether NaNs are no elements; otherwise one NaN makes the quantiles of its label NaN.
    pub skip_nan: bool,
    /// Where between two elements it lies.
    pub method: Method,
    /// Number of labels.
    pub groups: u64,
}

impl ByLabel {
    pub(super) fn scratch_bytes(&self, n: u64) -> u64 {
        // keys, places by label, and where each label's begin
        n.saturating_mul(24).saturating_add((self.groups + 1).saturating_mul(8))
    }

    pub(super) fn run(&self, rows: &[u8], labels: &[i64], n: usize, out: &mut [u8], scratch: &mut [u8]) -> Result<(), Refused> {
        let groups = self.groups as usize;
        if let Some(&label) = labels.iter().find(|&&label| label >= groups as i64) {
            return Err(Refused::Label(label, groups));
        }
        let words: &mut [u64] = bytemuck::cast_slice_mut(&mut scratch[..n * 24 + (groups + 1) * 8]);
        let (orders, rest) = words.split_at_mut(n);
        let (places, rest) = rest.split_at_mut(n);
        let (of_label, ends) = rest.split_at_mut(n);
        // places with the same label stand together
        ends.fill(0);
        labels.iter().filter(|label| **label >= 0).for_each(|&label| ends[label as usize + 1] += 1);
        (0..groups).for_each(|group| ends[group + 1] += ends[group]);
        for (at, &label) in labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
            // the start of each moves to its end, that is the start of the next
            places[ends[label as usize] as usize] = at as u64;
            ends[label as usize] += 1;
        }
        let out: &mut [f64] = bytemuck::cast_slice_mut(out);
        for (row, out) in rows.chunks_exact(n * self.dtype.size()).zip(out.chunks_exact_mut((self.q.len() * groups).max(1))) {
            keys(row, self.dtype, orders);
            let mut start = 0;
            for (group, &end) in ends[..groups].iter().enumerate() {
                let here = &places[start..end as usize];
                start = end as usize;
                let mut known = 0;
                for &at in here {
                    let key = orders[at as usize];
                    if !(self.skip_nan && self.is_nan(key)) {
                        of_label[known] = key;
                        known += 1;
                    }
                }
                let all = &mut of_label[..known];
                let nothing = all.is_empty() || all.iter().any(|&key| self.is_nan(key));
                for (at, &q) in self.q.iter().enumerate() {
                    out[at * groups + group] = if nothing { f64::NAN } else { self.of(q, all) };
                }
            }
        }
        Ok(())
    }

    fn is_nan(&self, key: u64) -> bool {
        self.dtype.is_float() && key == NAN_KEY
    }

    /// Of some elements.
    fn of(&self, q: f64, all: &mut [u64]) -> f64 {
        let (low, high, part) = self.method.between(q, all.len() as u64);
        let mut nth = |n: u64| from_key(*all.select_nth_unstable(n as usize).1, self.dtype).as_f64();
        let a = nth(low);
        if low == high { a } else { self.method.mix(a, nth(high), part) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;

    fn weighted(x: &[f64], w: &[f64], q: &[f64], skip_nan: bool) -> Result<Vec<f64>, Refused> {
        let of = Rows::Weighted(Weighted { dtype: DType::F64, q: q.to_vec(), skip_nan });
        let (mut out, mut scratch) = (vec![0.0; q.len()], vec![0u64; of.scratch_bytes(&[x.len() as u64]) as usize / 8]);
        let (x, w) = ((bytemuck::cast_slice(x), x.len()), bytemuck::cast_slice(w));
        of.run(&[x.0, w], &[x.1, x.1], 0, bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch))?;
        Ok(out)
    }

    #[test]
    fn weights_move_quantiles() {
        // np.quantile([3, 1, 2], q, weights=w, method="inverted_cdf")
        assert_eq!(
            weighted(&[3.0, 1.0, 2.0], &[1.0, 1.0, 2.0], &[0.0, 0.25, 0.3, 0.75, 0.8, 1.0], false).unwrap(),
            [1.0, 1.0, 2.0, 2.0, 3.0, 3.0]
        );
        // what has no weight is no element
        assert_eq!(weighted(&[3.0, 1.0, 2.0], &[1.0, 0.0, 2.0], &[0.0, 1.0], false).unwrap(), [2.0, 3.0]);
        assert!(weighted(&[3.0, f64::NAN], &[1.0, 1.0], &[0.5], false).unwrap()[0].is_nan());
        assert_eq!(weighted(&[3.0, f64::NAN], &[1.0, 1.0], &[0.5], true).unwrap(), [3.0]);
        assert_eq!(weighted(&[3.0, 1.0], &[1.0, -1.0], &[0.5], false), Err(Refused::Weights));
        assert_eq!(weighted(&[3.0, 1.0], &[0.0, 0.0], &[0.5], false), Err(Refused::Weights));
    }

    #[test]
    fn quantiles_stand_one_q_after_the_other() {
        let mut of = ByLabel { dtype: DType::F64, q: vec![0.0, 0.5, 1.0], skip_nan: true, method: Method::Linear, groups: 2 };
        let (x, labels) = ([5.0, f64::NAN, 1.0, 4.0, 3.0], [1i64, 0, 1, 0, 1]);
        let run = |of: &ByLabel| {
            let mut out = [0.0f64; 6];
            let mut scratch = vec![0u64; of.scratch_bytes(5) as usize / 8];
            of.run(bytemuck::cast_slice(&x), &labels, 5, bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch))
                .unwrap();
            out
        };
        assert_eq!(run(&of), [4.0, 1.0, 4.0, 3.0, 4.0, 5.0]);
        of.skip_nan = false;
        let found = run(&of);
        assert!(found[0].is_nan() && found[2].is_nan() && found[4].is_nan());
        assert_eq!([found[1], found[3], found[5]], [1.0, 3.0, 5.0]);
    }

    #[test]
    fn every_label_has_a_median_of_its_own() {
        let of = Rows::ByLabel(ByLabel { dtype: DType::I32, q: vec![0.5], skip_nan: false, method: Method::Median, groups: 3 });
        let x = [5i32, 1, 7, 3, 9, /* the second row */ 0, 1, 2, 3, 4];
        let labels = [2i64, 0, 2, -1, 2];
        let (mut out, mut scratch) = ([0.0f64; 6], vec![0u64; of.scratch_bytes(&[5]) as usize / 8]);
        let args: [&[u8]; 2] = [bytemuck::cast_slice(&x), bytemuck::cast_slice(&labels)];
        let mut run = |args: &[&[u8]]| {
            of.run(args, &[5, 5], 0, bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch))?;
            Ok(out)
        };
        let out = run(&args).unwrap();
        assert_eq!((out[0], out[2], out[3], out[5]), (1.0, 7.0, 1.0, 2.0));
        assert!(out[1].is_nan() && out[4].is_nan());
        assert_eq!(run(&[args[0], bytemuck::cast_slice(&[0i64, 1, 2, 3, 0])]), Err(Refused::Label(3, 3)));
    }
}
