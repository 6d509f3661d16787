//! Indices → places in a table, and the part of it in which each is.

use crate::error::{Error, Result};
use crate::grid::AxisChunks;
use flagstone_kernels::lookup::Lookup;

/// The place of `index`, negative ones from the end, along `axis`, of `n` places.
///
/// # Errors
/// `BadIndex` where there is none.
#[inline(always)]
pub(super) fn place_of(index: i64, n: u64, axis: usize) -> Result<u64> {
    // an index that is too far below zero is beyond the end then, too
    let place = if index < 0 { (index as u64).wrapping_add(n) } else { index as u64 };
    if place >= n {
        let what = format!("index {index} is out of bounds for axis {axis} with size {n}");
        return Err(Error::bad_index(Lookup::Take.name(), what));
    }
    Ok(place)
}

/// How the first axis of a table is cut, to be asked of every place.
pub(super) struct Parts<'a> {
    cuts: &'a AxisChunks,
    even: Option<Even>,
}

/// Parts of one length: ⌊place / length⌋ is the upper half of place · (⌊(2⁶⁴ − 1) / length⌋ + 1), where place · length < 2⁶⁴ (Lemire, Kaser
/// and Kurz, *Faster remainder by direct computation*, 2019).
#[derive(Clone, Copy)]
struct Even {
    length: u64,
    inverse: u64,
}

impl<'a> Parts<'a> {
    pub fn new(cuts: &'a AxisChunks) -> Parts<'a> {
        let even = match *cuts {
            AxisChunks::Regular { len, first, chunk } if first == chunk && chunk > 1 && len.checked_mul(chunk).is_some() => {
                Some(Even { length: chunk, inverse: u64::MAX / chunk + 1 })
            }
            _ => None,
        };
        Parts { cuts, even }
    }

    /// The part that `place` is in, and where in it.
    #[inline(always)]
    pub fn of(&self, place: u64) -> (usize, u32) {
        let (part, start) = match self.even {
            Some(Even { length, inverse }) => {
                let part = ((u128::from(place) * u128::from(inverse)) >> 64) as u64;
                (part, part * length)
            }
            None => {
                let part = self.cuts.find(place);
                (part, self.cuts.chunk(part).0)
            }
        };
        (part as usize, (place - start) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_where_it_is_cut() {
        let cuts = [
            AxisChunks::regular(1000, 7),
            AxisChunks::regular(1000, 1),
            AxisChunks::regular(u64::from(u32::MAX) * 5, 1 << 26),
            AxisChunks::regular(u64::from(u32::MAX) * 5, 12_345_677),
            AxisChunks::regular(1 << 60, 1 << 30),
            AxisChunks::Regular { len: 1000, first: 3, chunk: 10 },
            AxisChunks::from_lengths(&[5, 1, 9, 2]),
        ];
        for cuts in &cuts {
            let parts = Parts::new(cuts);
            for n in [0, 1, cuts.count() / 2, cuts.count() - 1] {
                let (start, len) = cuts.chunk(n);
                for inside in [0, len / 2, len - 1] {
                    assert_eq!(parts.of(start + inside), (n as usize, inside as u32), "{cuts:?}");
                }
            }
        }
    }
}
