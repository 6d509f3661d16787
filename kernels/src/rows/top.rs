//! The greatest or least elements of rows, part by part: a state of as many items, which merge in any order into the same.

use crate::sort::{Gives, Sorter};
use serde::{Deserialize, Serialize};

/// The `k` greatest elements of a row, or the least. A row of items (orders of values, perhaps with their places) stands for a part
/// of a row: `of_items` begins from such rows, otherwise from the values. What comes out are items, unsorted, or what they
/// give, the greatest first, or the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Top {
    /// How values are ordered, and what they give.
    pub sorter: Sorter,
    /// How many; fewer where a row has fewer.
    pub k: u64,
    /// The greatest; else the least.
    pub greatest: bool,
    /// Whether rows are of items.
    pub of_items: bool,
    /// Whether results come out; else items.
    pub gives: bool,
}

impl Top {
    pub(super) fn name(&self) -> &'static str {
        if self.sorter.gives == Gives::Values { "topk" } else { "argtopk" }
    }

    pub(super) fn scratch_bytes(&self, n: u64) -> u64 {
        // of items their row is as long as their bytes
        if self.of_items { n } else { n.saturating_mul(self.sorter.item_bytes() as u64) }
    }

    /// `n` is the elements of a row, or the bytes of its items.
    pub(super) fn run(&self, rows: &[u8], n: usize, first: u64, out: &mut [u8], scratch: &mut [u8]) {
        let (item, dtype) = (self.sorter.item_bytes(), self.sorter.dtype.size());
        let (len, row) = if self.of_items { (n / item, n) } else { (n, n * dtype) };
        let kept = len.min(self.k as usize);
        let out_row = kept * if self.gives { self.sorter.out().size() } else { item };
        let items = &mut scratch[..len * item];
        for (row, out) in rows.chunks_exact(row).zip(out.chunks_exact_mut(out_row)) {
            match self.of_items {
                true => items.copy_from_slice(row),
                false => self.sorter.items(row, |at| first + at as u64, items),
            }
            let top = self.sorter.top(items, kept, self.greatest, self.gives);
            match self.gives {
                true => self.sorter.write(top, out),
                false => out.copy_from_slice(top),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::*;
    use crate::dtype::DType;

    /// By parts of three, which are merged.
    fn places(x: &[f32], k: u64, greatest: bool) -> Vec<i64> {
        let sorter = Sorter { dtype: DType::F32, gives: Gives::Places };
        let item = sorter.item_bytes();
        let run = |top: Top, rows: &[u8], n: usize, first: u64, out: &mut [u8]| {
            let top = Rows::Top(top);
            let mut scratch = vec![0u64; top.scratch_bytes(&[n as u64]).div_ceil(8) as usize];
            top.run(&[rows], &[n], first, out, bytemuck::cast_slice_mut(&mut scratch)).unwrap();
        };
        let of = |of_items, gives| Top { sorter, k, greatest, of_items, gives };
        let mut state: Vec<u64> = Vec::new();
        for (part, values) in x.chunks(3).enumerate() {
            let mut items = vec![0u64; values.len().min(k as usize) * item / 8];
            run(of(false, false), bytemuck::cast_slice(values), values.len(), 3 * part as u64, bytemuck::cast_slice_mut(&mut items));
            state.extend(items);
        }
        let mut out = vec![0i64; x.len().min(k as usize)];
        run(of(true, true), bytemuck::cast_slice(&state), state.len() * 8, 0, bytemuck::cast_slice_mut(&mut out));
        out
    }

    #[test]
    fn parts_merge_into_the_top_of_all() {
        let x = [3.0, 1.0, 2.0, f32::NAN, 1.0, 7.0, 3.0];
        assert_eq!(places(&x, 3, true), [3, 5, 6]);
        assert_eq!(places(&x, 3, false), [1, 4, 2]);
        assert_eq!(places(&x, 9, false), [1, 4, 2, 0, 6, 5, 3]);
    }
}
