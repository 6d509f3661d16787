//! A window that reaches beyond the ends of an array → the places there filled from those inside.

use crate::dtype::{DType, Scalar};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What stands beyond the ends of an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Boundary {
    /// Nothing: windows end where the axis ends.
    #[default]
    None,
    /// The elements mirrored behind the outermost one, which comes twice.
    Reflect,
    /// The outermost element.
    Nearest,
    /// The elements from the other end.
    Periodic,
    /// This value.
    Constant(Scalar),
}

impl Boundary {
    /// Its name in messages, as dask has it.
    pub fn name(self) -> &'static str {
        match self {
            Boundary::None => "none",
            Boundary::Reflect => "reflect",
            Boundary::Nearest => "nearest",
            Boundary::Periodic => "periodic",
            Boundary::Constant(_) => "constant",
        }
    }
}

/// Fills the places outside of `inside` along `axis` of a dense window of `shape` with what stands there by `boundary`, where that
/// follows from the places inside alone: the outermost element, or a value.
///
/// # Panics
/// If the window is shorter than said, or there is nothing inside to fill from.
pub fn fill(window: &mut [u8], dtype: DType, shape: &[usize], axis: usize, inside: Range<usize>, boundary: Boundary) {
    let mut value = [0; 16];
    let value = &mut value[..dtype.size()];
    let nearest = match boundary {
        Boundary::None | Boundary::Reflect | Boundary::Periodic => return,
        Boundary::Nearest => true,
        Boundary::Constant(scalar) => {
            scalar.write(dtype, value);
            false
        }
    };
    let (outer, n) = (shape[..axis].iter().product::<usize>(), shape[axis]);
    let row = shape[axis + 1..].iter().product::<usize>() * dtype.size();
    for slab in window[..outer * n * row].chunks_exact_mut((n * row).max(1)) {
        for at in (0..inside.start).chain(inside.end..n) {
            if nearest {
                let from = at.clamp(inside.start, inside.end - 1) * row;
                slab.copy_within(from..from + row, at * row);
            } else {
                slab[at * row..][..row].chunks_exact_mut(value.len()).for_each(|element| element.copy_from_slice(value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(boundary: Boundary, inside: Range<usize>) -> Vec<i16> {
        let mut window: Vec<i16> = (0..8).map(|at| if inside.contains(&at) { at as i16 } else { -1 }).collect();
        fill(bytemuck::cast_slice_mut(&mut window), DType::I16, &[8], 0, inside, boundary);
        window
    }

    #[test]
    fn what_is_beyond_the_ends_follows_from_the_boundary() {
        assert_eq!(filled(Boundary::Nearest, 2..5), [2, 2, 2, 3, 4, 4, 4, 4]);
        assert_eq!(filled(Boundary::Periodic, 2..5), [-1, -1, 2, 3, 4, -1, -1, -1]);
        assert_eq!(filled(Boundary::Constant(Scalar::Int(9)), 1..7), [9, 1, 2, 3, 4, 5, 6, 9]);
    }

    #[test]
    fn rows_and_slabs_are_filled_whole() {
        let mut window = [9u8, 9, 1, 2, 9, 9, 9, 9, 3, 4, 9, 9];
        fill(&mut window, DType::U8, &[2, 3, 2], 1, 1..2, Boundary::Nearest);
        assert_eq!(window, [1, 2, 1, 2, 1, 2, 3, 4, 3, 4, 3, 4]);
    }
}
