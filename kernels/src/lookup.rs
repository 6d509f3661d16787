//! Places in a table, a part of it at a time: where values belong in sorted ones, and what stands at given indices.

use crate::dtype::DType;
use crate::sort::search;
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
    /// The same, where each row of the table, its last axis, has indices of its own.
    TakeAlong,
}

/// Which part of a table is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where it starts along the axis of the table.
    pub start: u64,
    /// Length of that axis.
    pub of: u64,
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
            Lookup::TakeAlong => "take_along_axis",
        }
    }

    /// Dtype of what is asked, and of the answers, for a table of `dtype`.
    pub fn dtypes(self, dtype: DType) -> (DType, DType) {
        match self {
            Lookup::Search { .. } => (dtype, DType::I64),
            Lookup::Take | Lookup::TakeAlong => (DType::I64, dtype),
        }
    }

    /// Looks up `asked` along the middle axis of a dense table [outer, n, inner] of `dtype`, which is `part` of the whole one: answers
    /// [outer, asked, inner], or, of rows with indices [outer, asked] of their own, [outer, asked]. Parts come in any order but the first one, which begins the answers that the others complete.
    ///
    /// # Errors
    /// The first index that is out of bounds.
    ///
    /// # Panics
    /// If a buffer is shorter than said, or not aligned to 8 bytes.
    pub fn run(
        self,
        (table, part): (&[u8], Part),
        dtype: DType,
        [outer, n, inner]: [usize; 3],
        asked: &[u8],
        out: &mut [u8],
    ) -> Result<(), OutOfBounds> {
        if part.start == 0 {
            out.fill(0);
        }
        match self {
            Lookup::Search { right } => {
                search(dtype, table, asked, right, bytemuck::cast_slice_mut(out));
                Ok(())
            }
            Lookup::Take => take(table, part, dtype, [outer, n, inner], bytemuck::cast_slice(asked), out),
            Lookup::TakeAlong => {
                let asked: &[i64] = bytemuck::cast_slice(asked);
                let (row, each) = (n * dtype.size(), asked.len() / outer);
                let mut rows = table.chunks_exact(row).zip(asked.chunks_exact(each)).zip(out.chunks_exact_mut(each * dtype.size()));
                rows.try_for_each(|((table, asked), out)| take(table, part, dtype, [1, n, 1], asked, out))
            }
        }
    }
}

fn take(table: &[u8], part: Part, dtype: DType, [outer, n, inner]: [usize; 3], asked: &[i64], out: &mut [u8]) -> Result<(), OutOfBounds> {
    let of = part.of as i64;
    if let Some(&at) = asked.iter().find(|&&at| at < -of || at >= of) {
        return Err(OutOfBounds(at));
    }
    // below n where the part has it
    let place = |at: i64| (if at < 0 { at + of } else { at }).wrapping_sub(part.start as i64) as u64 as usize;
    if inner == 1 {
        with_element!(dtype, T => {
            let (table, out): (&[T], &mut [T]) = (bytemuck::cast_slice(table), bytemuck::cast_slice_mut(out));
            for (table, out) in table.chunks_exact(n).zip(out.chunks_exact_mut(asked.len())) {
                for (&at, out) in asked.iter().zip(out) {
                    if let Some(&value) = table.get(place(at)) {
                        *out = value;
                    }
                }
            }
        });
        return Ok(());
    }
    let row = inner * dtype.size();
    for before in 0..outer {
        let table = &table[before * n * row..][..n * row];
        let out = &mut out[before * asked.len() * row..][..asked.len() * row];
        for (&at, out) in asked.iter().zip(out.chunks_exact_mut(row)) {
            let at = place(at);
            if at < n {
                out.copy_from_slice(&table[at * row..][..row]);
            }
        }
    }
    Ok(())
}

/// Where rows are of a size that the machine moves as one, the type of that size.
macro_rules! with_row {
    ($bytes:expr, $t:ident => $typed:expr, $other:expr) => {
        match $bytes {
            1 => {
                type $t = u8;
                $typed
            }
            2 => {
                type $t = u16;
                $typed
            }
            4 => {
                type $t = u32;
                $typed
            }
            8 => {
                type $t = u64;
                $typed
            }
            16 => {
                type $t = [u64; 2];
                $typed
            }
            _ => $other,
        }
    };
}

/// Copies the rows of a table, of `row_bytes` each, that stand at the places `at`.
///
/// # Panics
/// If a place is outside of the table, or a buffer is not aligned to 8 bytes.
pub fn gather(table: &[u8], row_bytes: usize, at: &[u32], out: &mut [u8]) {
    with_row!(row_bytes, T => {
        let (table, out): (&[T], &mut [T]) = (bytemuck::cast_slice(table), bytemuck::cast_slice_mut(out));
        at.iter().zip(out).for_each(|(&at, out)| *out = table[at as usize]);
    }, {
        at.iter().zip(out.chunks_exact_mut(row_bytes)).for_each(|(&at, out)| out.copy_from_slice(&table[at as usize * row_bytes..][..row_bytes]));
    });
}

/// Copies rows of `row_bytes` each from where they are: in which block, and which of its rows.
///
/// # Panics
/// If a row is outside of its block, or a buffer is not aligned to 8 bytes.
pub fn put(blocks: &[&[u8]], row_bytes: usize, from: impl Iterator<Item = (usize, usize)>, out: &mut [u8]) {
    with_row!(row_bytes, T => {
        let blocks: Vec<&[T]> = blocks.iter().map(|block| bytemuck::cast_slice(block)).collect();
        from.zip(bytemuck::cast_slice_mut::<u8, T>(out)).for_each(|((block, row), out)| *out = blocks[block][row]);
    }, {
        let rows = from.zip(out.chunks_exact_mut(row_bytes));
        rows.for_each(|((block, row), out)| out.copy_from_slice(&blocks[block][row * row_bytes..][..row_bytes]));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers to `asked`, of a table [outer, n, inner] in parts of so many places.
    fn run<T: bytemuck::Pod, A: bytemuck::Pod, R: bytemuck::Pod + Default>(
        what: Lookup,
        (table, [outer, n, inner]): (&[T], [usize; 3]),
        dtype: DType,
        asked: &[A],
        length: usize,
    ) -> Result<Vec<R>, OutOfBounds> {
        let mut out = vec![R::default(); outer * asked.len() * inner];
        for start in (0..n).step_by(length) {
            let len = length.min(n - start);
            let rows = (0..outer).flat_map(|row| &table[(row * n + start) * inner..][..len * inner]).copied();
            let part: Vec<T> = rows.collect();
            let at = Part { start: start as u64, of: n as u64 };
            let (part, asked) = (bytemuck::cast_slice(&part), bytemuck::cast_slice(asked));
            what.run((part, at), dtype, [outer, len, inner], asked, bytemuck::cast_slice_mut(&mut out))?;
        }
        Ok(out)
    }

    #[test]
    fn searches_as_numpy_does() {
        let (table, asked) = ([1.0f64, 2.0, 2.0, f64::NAN], [0.0f64, 2.0, 3.0, f64::NAN, -0.0]);
        for (right, expected) in [(false, [0, 1, 3, 3, 0]), (true, [0, 3, 3, 4, 0])] {
            for length in 1..=4 {
                let places = run::<f64, f64, i64>(Lookup::Search { right }, (&table, [1, 4, 1]), DType::F64, &asked, length);
                assert_eq!(places.unwrap(), expected, "parts of {length}");
            }
        }
    }

    #[test]
    fn takes_along_the_middle_axis() {
        let table: Vec<i16> = (0..12).collect();
        let take = |shape, asked: &[i64], length| run::<i16, i64, i16>(Lookup::Take, (&table, shape), DType::I16, asked, length);
        for length in 1..=3 {
            assert_eq!(take([2, 3, 2], &[3, 0], length), Err(OutOfBounds(3)));
            assert_eq!(take([2, 3, 2], &[0, -4], length), Err(OutOfBounds(-4)));
            assert_eq!(take([2, 3, 2], &[-1, 0], length).unwrap(), [4, 5, 0, 1, 10, 11, 6, 7]);
            assert_eq!(take([4, 3, 1], &[-1, 0], length).unwrap(), [2, 0, 5, 3, 8, 6, 11, 9]);
        }
    }

    #[test]
    fn takes_along_rows_at_indices_of_their_own() {
        let table: Vec<i16> = (0..6).collect();
        let take = |asked: &[i64], length| {
            let mut out = [0i16; 4];
            for start in (0..3).step_by(length) {
                let len = length.min(3 - start);
                let part: Vec<i16> = table.chunks(3).flat_map(|row| &row[start..start + len]).copied().collect();
                let part = (bytemuck::cast_slice(&part), Part { start: start as u64, of: 3 });
                let (asked, out) = (bytemuck::cast_slice(asked), bytemuck::cast_slice_mut(&mut out));
                Lookup::TakeAlong.run(part, DType::I16, [2, len, 1], asked, out)?;
            }
            Ok(out)
        };
        for length in 1..=3 {
            assert_eq!(take(&[2, 0, -1, 1], length), Ok([2, 0, 5, 4]));
            assert_eq!(take(&[2, 0, 1, -4], length), Err(OutOfBounds(-4)));
        }
    }

    #[test]
    fn rows_are_gathered_and_put_back() {
        for row in [1, 2, 3, 4, 8, 12, 16, 24] {
            let table: Vec<u64> = (0..20 * row as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
            let table: &[u8] = &bytemuck::cast_slice(&table)[..20 * row];
            let at = [19, 0, 7, 7, 3];
            let mut rows = [[0u64; 4]; 5];
            let rows = &mut bytemuck::cast_slice_mut(&mut rows)[..5 * row];
            gather(table, row, &at, rows);
            for (&at, found) in at.iter().zip(rows.chunks_exact(row)) {
                assert_eq!(found, &table[at as usize * row..][..row], "rows of {row}");
            }
            // the last rows of the table are a block of their own, too
            let mut again = [[0u64; 4]; 5];
            let again = &mut bytemuck::cast_slice_mut(&mut again)[..5 * row];
            let two = [table, &table[16 * row..]];
            put(&two, row, [(1, 3), (0, 0), (0, 7), (0, 7), (0, 3)].into_iter(), again);
            assert_eq!(again, rows, "rows of {row}");
        }
    }
}
