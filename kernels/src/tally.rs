//! Indices, or values between edges → how often each occurs, or the sum of its weights.

use crate::dtype::DType;
use crate::isa::{Loop, dispatch};
use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// An index that has no bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoBin(pub i64);

/// Adds one to the bin of each index; indices without a bin are left out, or, where `strict`, refused.
///
/// # Errors
/// The first index without a bin.
pub fn count(indices: &[i64], strict: bool, bins: &mut [i64]) -> Result<(), NoBin> {
    for &at in indices {
        match bins.get_mut(at as usize) {
            Some(bin) => *bin += 1,
            None if strict => return Err(NoBin(at)),
            None => {}
        }
    }
    Ok(())
}

/// Adds the weight of each index to its bin, one after the other.
///
/// # Errors
/// As [`count`].
pub fn add(indices: &[i64], weights: &[f64], strict: bool, bins: &mut [f64]) -> Result<(), NoBin> {
    for (&at, weight) in indices.iter().zip(weights) {
        match bins.get_mut(at as usize) {
            Some(bin) => *bin += weight,
            None if strict => return Err(NoBin(at)),
            None => {}
        }
    }
    Ok(())
}

/// Bins of equal width from `low` to `high`; the last one has both its edges.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Even {
    /// The first edge.
    pub low: f64,
    /// The last edge, over the first.
    pub high: f64,
    /// The float dtype that edges are rounded to.
    pub dtype: DType,
}

/// Values whose bins are found at once.
const TILE: usize = 512;

impl Even {
    /// The edges of as many bins as there are `edges` but one, as NumPy's linspace gives them.
    pub fn edges(&self, edges: &mut [f64]) {
        let bins = edges.len() - 1;
        let step = (self.high - self.low) / bins as f64;
        for (at, edge) in edges.iter_mut().enumerate() {
            let exact = if at == bins { self.high } else { at as f64 * step + self.low };
            *edge = match self.dtype {
                DType::F32 => exact as f32 as f64,
                DType::F16 => f16::from_f64(exact).to_f64(),
                DType::BF16 => bf16::from_f64(exact).to_f64(),
                _ => exact,
            };
        }
    }

    /// Calls `each` with the number of each value in `values` that lies between the first and the last of `edges`, and its bin, as
    /// NumPy finds it: by division, and where rounding put it beside its bin, by the edges.
    fn each(&self, values: &[f64], edges: &[f64], mut each: impl FnMut(usize, usize)) {
        let last = edges.len() - 2;
        let mut places = [0i64; TILE];
        for (tile, values) in values.chunks(TILE).enumerate() {
            dispatch(Divided { even: self, bins: (last + 1) as f64, values, places: &mut places[..values.len()] });
            for (i, (&value, &place)) in values.iter().zip(&places).enumerate() {
                if place < 0 {
                    continue;
                }
                let mut bin = place as usize;
                if value < edges[bin] {
                    let Some(before) = bin.checked_sub(1) else { continue };
                    bin = before;
                }
                if bin != last && value >= edges[bin + 1] {
                    bin += 1;
                }
                each(tile * TILE + i, bin);
            }
        }
    }

    /// Adds one to the bin of each value; others are left out. `edges` are [`Even::edges`].
    pub fn count(&self, values: &[f64], edges: &[f64], bins: &mut [i64]) {
        self.each(values, edges, |_, bin| bins[bin] += 1);
    }

    /// Adds the weight of each value to its bin, one after the other.
    pub fn add(&self, values: &[f64], weights: &[f64], edges: &[f64], bins: &mut [f64]) {
        self.each(values, edges, |i, bin| bins[bin] += weights[i]);
    }
}

/// Where division says that values lie; −1 for those beyond the range.
struct Divided<'a> {
    even: &'a Even,
    bins: f64,
    values: &'a [f64],
    places: &'a mut [i64],
}

impl Loop for Divided<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let (low, high) = (self.even.low, self.even.high);
        let width = high - low;
        for (place, &value) in self.places.iter_mut().zip(self.values) {
            let divided = ((value - low) / width * self.bins).min(self.bins - 1.0);
            *place = if value >= low && value <= high { divided as i64 } else { -1 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_between_edges_are_in_the_bin_whose_edges_hold_them() {
        for (low, high, bins, dtype) in
            [(0.0, 1.0, 10, DType::F64), (-0.3, 0.7, 7, DType::F64), (1.0, 1.1, 3, DType::F32), (-5.0, 5.0, 1, DType::F64)]
        {
            let even = Even { low, high, dtype };
            let mut edges = vec![0.0; bins + 1];
            even.edges(&mut edges);
            // every edge, what lies beside it, and what lies nowhere
            let mut values: Vec<f64> = edges.iter().flat_map(|&edge| [edge.next_down(), edge, edge.next_up()]).collect();
            values.extend((0..1000).map(|i| low - 0.1 + (high - low + 0.2) * i as f64 / 999.0));
            values.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
            let (mut counts, mut sums) = (vec![0i64; bins], vec![0.0; bins]);
            crate::isa::on_every_isa(|| {
                counts.fill(0);
                even.count(&values, &edges, &mut counts);
            });
            even.add(&values, &vec![0.5; values.len()], &edges, &mut sums);
            let holds = |bin: usize, value: f64| {
                let inside = value >= low && value <= high && value >= edges[bin];
                inside && (value < edges[bin + 1] || bin + 1 == bins)
            };
            let expected: Vec<i64> = (0..bins).map(|bin| values.iter().filter(|&&value| holds(bin, value)).count() as i64).collect();
            assert_eq!(counts, expected, "{even:?}");
            assert_eq!(sums, expected.iter().map(|&n| n as f64 / 2.0).collect::<Vec<_>>());
        }
    }

    #[test]
    fn bins_fill() {
        let (mut counts, mut sums) = ([0; 3], [0.0; 3]);
        assert_eq!(count(&[0, 2, 2, -1, 3], false, &mut counts), Ok(()));
        assert_eq!(add(&[0, 2, 2, 7], &[1.0, 2.0, 0.5, 9.0], false, &mut sums), Ok(()));
        assert_eq!((counts, sums), ([1, 0, 2], [1.0, 0.0, 2.5]));
        assert_eq!(count(&[1, -2], true, &mut counts), Err(NoBin(-2)));
        assert_eq!(add(&[1, 3], &[1.0, 1.0], true, &mut sums), Err(NoBin(3)));
    }
}
