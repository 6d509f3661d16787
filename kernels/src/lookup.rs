//! Places in a table that is held whole: where values belong in sorted ones, and what stands at given indices.

use crate::dtype::DType;
use crate::sort::{Gives, Sorter};
use crate::with_element;
use serde::{Deserialize, Serialize};

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Lookup {
    /// How many values of a sorted table stand before each value, or, from the right, not after it. NaN comes last.
    Search {
        /// After values that are equal.
        right: bool,
    },
    /// The elements at indices, negative ones from the end.
    Take,
}

/// An index that is not in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds(pub i64);

impl Lookup {
    /// NumPy's name.
    pub fn name(self) -> &'static str {
        match self {
            Lookup::Search { .. } => "searchsorted",
            Lookup::Take => "take",
        }
    }

    /// Dtype of what is asked, and of the answers, for a table of `dtype`.
    pub fn dtypes(self, dtype: DType) -> (DType, DType) {
        match self {
            Lookup::Search { .. } => (dtype, DType::I64),
            Lookup::Take => (DType::I64, dtype),
        }
    }

    /// Bytes beside the arguments and the answers, for a table of `n` elements of `dtype` that `asked` are looked up in.
    pub fn scratch_bytes(self, dtype: DType, n: u64, asked: u64) -> u64 {
        match self {
            Lookup::Search { .. } => n.saturating_add(asked).saturating_mul(keys(dtype).item_bytes() as u64),
            Lookup::Take => 0,
        }
    }

    /// Looks up `asked` along the middle axis of a dense table [outer, n, inner] of `dtype`: answers [outer, asked, inner].
    ///
    /// # Errors
    /// The first index that is out of bounds.
    ///
    /// # Panics
    /// If a buffer is shorter than said, or not aligned to 8 bytes.
    pub fn run(
        self,
        table: &[u8],
        dtype: DType,
        [outer, n, inner]: [usize; 3],
        asked: &[u8],
        out: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), OutOfBounds> {
        match self {
            Lookup::Search { right } => {
                search(table, dtype, n, asked, bytemuck::cast_slice_mut(out), right, scratch);
                Ok(())
            }
            Lookup::Take => {
                let asked: &[i64] = bytemuck::cast_slice(asked);
                let out_of_bounds = |at: &&i64| **at < -(n as i64) || **at >= n as i64;
                if let Some(&at) = asked.iter().find(out_of_bounds) {
                    return Err(OutOfBounds(at));
                }
                let place = |at: i64| if at < 0 { (at + n as i64) as usize } else { at as usize };
                if inner == 1 {
                    with_element!(dtype, T => {
                        let (table, out): (&[T], &mut [T]) = (bytemuck::cast_slice(table), bytemuck::cast_slice_mut(out));
                        for (table, out) in table.chunks_exact(n).zip(out.chunks_exact_mut(asked.len())) {
                            asked.iter().zip(out).for_each(|(&at, out)| *out = table[place(at)]);
                        }
                    });
                    return Ok(());
                }
                let row = inner * dtype.size();
                for before in 0..outer {
                    let table = &table[before * n * row..][..n * row];
                    let out = &mut out[before * asked.len() * row..][..asked.len() * row];
                    for (&at, out) in asked.iter().zip(out.chunks_exact_mut(row)) {
                        out.copy_from_slice(&table[place(at) * row..][..row]);
                    }
                }
                Ok(())
            }
        }
    }
}

/// The order of values of which equal ones are equal.
fn keys(dtype: DType) -> Sorter {
    Sorter { dtype, gives: Gives::Places }
}

fn search(table: &[u8], dtype: DType, n: usize, asked: &[u8], out: &mut [i64], right: bool, scratch: &mut [u8]) {
    let sorter = keys(dtype);
    let item = sorter.item_bytes();
    let (held, rest) = scratch.split_at_mut(n * item);
    // the same place for all: only values are compared
    sorter.items(table, |_| 0, held);
    let sought = &mut rest[..out.len() * item];
    sorter.items(asked, |_| 0, sought);
    sorter.search(held, sought, right, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_as_numpy_does() {
        let (table, asked) = ([1.0f64, 2.0, 2.0, f64::NAN], [0.0f64, 2.0, 3.0, f64::NAN, -0.0]);
        for (right, expected) in [(false, [0, 1, 3, 3, 0]), (true, [0, 3, 3, 4, 0])] {
            let (mut out, mut scratch) = ([0i64; 5], vec![0u64; 18]);
            let what = Lookup::Search { right };
            assert_eq!(what.scratch_bytes(DType::F64, 4, 5), 9 * 16);
            let run = what.run(
                bytemuck::cast_slice(&table),
                DType::F64,
                [1, 4, 1],
                bytemuck::cast_slice(&asked),
                bytemuck::cast_slice_mut(&mut out),
                bytemuck::cast_slice_mut(&mut scratch),
            );
            assert_eq!((run, out), (Ok(()), expected));
        }
    }

    #[test]
    fn takes_along_the_middle_axis() {
        let table: Vec<i16> = (0..12).collect();
        let (mut out, asked) = ([0i16; 8], [-1i64, 0]);
        let mut take = |asked: &[i64]| {
            let (table, asked) = (bytemuck::cast_slice(&table), bytemuck::cast_slice(asked));
            Lookup::Take.run(table, DType::I16, [2, 3, 2], asked, bytemuck::cast_slice_mut(&mut out), &mut [])
        };
        assert_eq!(take(&[3, 0]), Err(OutOfBounds(3)));
        assert_eq!(take(&[0, -4]), Err(OutOfBounds(-4)));
        assert_eq!(take(&asked), Ok(()));
        assert_eq!(out, [4, 5, 0, 1, 10, 11, 6, 7]);
    }
}
