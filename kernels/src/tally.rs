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
    if bins.len() <= FEW {
        let mut rows = Rows::new();
        let n = bins.len();
        let first = rows.count(indices, |&at| if at as usize >= n { FEW } else { at as usize });
        rows.add_to(bins);
        return match first.filter(|_| strict) {
            Some(_) => Err(NoBin(indices.iter().copied().find(|&at| at as usize >= n).unwrap_or(-1))),
            None => Ok(()),
        };
    }
    for &at in indices {
        match bins.get_mut(at as usize) {
            Some(bin) => *bin += 1,
            None if strict => return Err(NoBin(at)),
            None => {}
        }
    }
    Ok(())
}

/// Bins so few that several rows of them lie in the nearest cache.
const FEW: usize = 1024;

/// Rows of few bins that are counted side by side: two counts of one bin in a row would wait for each other. The last bin is for what
/// has none.
struct Rows([[u32; FEW + 1]; 4]);

impl Rows {
    fn new() -> Rows {
        Rows([[0; FEW + 1]; 4])
    }

    /// Counts the bin of each of `values`, and says whether one had none.
    fn count<V>(&mut self, values: &[V], bin: impl Fn(&V) -> usize) -> Option<()> {
        let mut none = 0;
        // no row counts beyond its 32 bits
        for values in values.chunks(u32::MAX as usize) {
            let (fours, rest) = values.as_chunks::<4>();
            for four in fours {
                for (row, value) in self.0.iter_mut().zip(four) {
                    row[bin(value).min(FEW)] += 1;
                }
            }
            for value in rest {
                self.0[0][bin(value).min(FEW)] += 1;
            }
            none += self.0.iter().map(|row| row[FEW] as u64).sum::<u64>();
        }
        (none > 0).then_some(())
    }

    /// Adds what was counted to `bins`.
    fn add_to(&self, bins: &mut [i64]) {
        for (at, bin) in bins.iter_mut().enumerate() {
            *bin += self.0.iter().map(|row| row[at] as i64).sum::<i64>();
        }
    }
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

    /// Calls `each` with the place of the first of a tile of `values` and the bins of its values, or the number of bins for those beyond the
    /// range: as NumPy finds them, by division, and where rounding put a value beside its bin, by the `edges`.
    fn each(&self, values: &[f64], edges: &[f64], mut each: impl FnMut(usize, &[i32])) {
        assert!((2..i32::MAX as usize).contains(&edges.len()), "{} edges", edges.len());
        let mut places = [0i32; TILE];
        let near = self.near(edges.len() - 1);
        for (tile, values) in values.chunks(TILE).enumerate() {
            let places = &mut places[..values.len()];
            let found = near.is_some_and(|near| dispatch(Multiplied { even: self, edges, near, values, places }));
            if !found {
                dispatch(Places { even: self, edges, values, places });
            }
            each(tile * TILE, places);
        }
    }

    /// The bin of one value between its `edges`, two at least.
    #[inline(always)]
    fn place(&self, value: f64, edges: &[f64]) -> i32 {
        let (width, last) = (self.high - self.low, edges.len() - 2);
        let divided = ((value - self.low) / width * (last + 1) as f64).max(0.0).min(last as f64);
        // SAFETY: a number between 0 and `last`, since max(0.0) takes the place of NaN, which fits.
        let at = unsafe { divided.to_int_unchecked::<i32>() };
        // SAFETY: `at` is below `last` + 1, and there are `last` + 2 edges.
        let (edge, next) = unsafe { (*edges.get_unchecked(at as usize), *edges.get_unchecked(at as usize + 1)) };
        let (under, over) = (value < edge, at != last as i32 && value >= next);
        let is_inside = value >= self.low && value <= self.high && !(under && at == 0);
        if is_inside { at - under as i32 + over as i32 } else { last as i32 + 1 }
    }

    /// How near to an edge, in widths of a bin, rounding may put a value on the wrong side: what value and edge lose when they are made. None
    /// where that is no small part of a bin, or numbers leave their range.
    fn near(&self, bins: usize) -> Option<f64> {
        let (bins, width) = (bins as f64, self.high - self.low);
        let of_dtype = match self.dtype {
            DType::F16 => f16::EPSILON.to_f64(),
            DType::BF16 => bf16::EPSILON.to_f64(),
            DType::F32 => f32::EPSILON as f64,
            _ => f64::EPSILON,
        };
        let near = 4.0 * bins * (f64::EPSILON + of_dtype * self.low.abs().max(self.high.abs()) / width);
        (near < 0.25 && width.is_normal() && (bins / width).is_normal()).then_some(near)
    }

    /// Adds one to the bin of each value; others are left out. `edges` are [`Even::edges`].
    pub fn count(&self, values: &[f64], edges: &[f64], bins: &mut [i64]) {
        if bins.len() > FEW {
            return self.each(values, edges, |_, places| {
                for &place in places {
                    if let Some(bin) = bins.get_mut(place as usize) {
                        *bin += 1;
                    }
                }
            });
        }
        let n = bins.len();
        for values in values.chunks(u32::MAX as usize) {
            let mut rows = Rows::new();
            self.each(values, edges, |_, places| {
                rows.count(places, |&place| if place as usize >= n { FEW } else { place as usize });
            });
            rows.add_to(bins);
        }
    }

    /// Adds the weight of each value to its bin, one after the other.
    pub fn add(&self, values: &[f64], weights: &[f64], edges: &[f64], bins: &mut [f64]) {
        self.each(values, edges, |first, places| {
            for (&place, weight) in places.iter().zip(&weights[first..]) {
                if let Some(bin) = bins.get_mut(place as usize) {
                    *bin += weight;
                }
            }
        });
    }
}

/// The bin of each value by multiplication, or, of one that is near to an edge, as [`Places`] finds it; the number of bins for values
/// beyond the range. Gives whether it did: not where many are near to edges.
struct Multiplied<'a> {
    even: &'a Even,
    edges: &'a [f64],
    near: f64,
    values: &'a [f64],
    places: &'a mut [i32],
}

/// A share of values near to edges, one in so many, at which [`Places`] is faster.
const NEAR_SHARE: usize = 8;
/// Values among which one near to an edge is looked for at once.
const TOGETHER: usize = 16;

impl Loop for Multiplied<'_> {
    type Out = bool;
    #[inline(always)]
    fn run(self) -> bool {
        let (low, high, bins) = (self.even.low, self.even.high, (self.edges.len() - 1) as f64);
        let factor = bins / (high - low);
        let mut doubts = 0;
        for (place, &value) in self.places.iter_mut().zip(self.values) {
            let scaled = ((value - low) * factor).max(0.0).min(bins);
            // SAFETY: a number between 0 and the number of bins, since max(0.0) takes the place of NaN, which fits.
            let at = unsafe { scaled.to_int_unchecked::<i32>() };
            let into = scaled - at as f64;
            let (is_inside, is_clear) = (value >= low && value <= high, into > self.near && into < 1.0 - self.near);
            doubts += (is_inside & !is_clear) as i32;
            let inside = if is_clear { at } else { IN_DOUBT };
            *place = if is_inside { inside } else { bins as i32 };
        }
        if doubts as usize * NEAR_SHARE > self.values.len() {
            return false;
        }
        if doubts > 0 {
            for (places, values) in self.places.chunks_mut(TOGETHER).zip(self.values.chunks(TOGETHER)) {
                if places.iter().fold(false, |any, place| any | (*place == IN_DOUBT)) {
                    let in_doubt = places.iter_mut().zip(values).filter(|(place, _)| **place == IN_DOUBT);
                    in_doubt.for_each(|(place, value)| *place = self.even.place(*value, self.edges));
                }
            }
        }
        true
    }
}

/// Stands for the place of a value that is near to an edge.
const IN_DOUBT: i32 = -1;

/// The bin of each value, by division and the edges; the number of bins for values beyond the range.
struct Places<'a> {
    even: &'a Even,
    edges: &'a [f64],
    values: &'a [f64],
    places: &'a mut [i32],
}

impl Loop for Places<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (place, &value) in self.places.iter_mut().zip(self.values) {
            *place = self.even.place(value, self.edges);
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
            // every edge, what lies beside it, and what lies nowhere; among many that are clear, one at an edge
            let mut values: Vec<f64> = edges.iter().flat_map(|&edge| [edge.next_down(), edge, edge.next_up()]).collect();
            let rare =
                |i: usize| if i.is_multiple_of(23) { edges[i % (bins + 1)] } else { low + (high - low) * (i % 9973) as f64 / 9972.5 };
            values.extend((0..10 * TILE).map(rare));
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
