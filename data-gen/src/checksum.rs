//! Array → one number: Σ mix(bits of the element, its index) in wrapping 64-bit arithmetic.
//!
//! A sum does not depend on the order of its terms, and a term only on an element and where it stands:
//! so chunks, codec and format do not matter, while a changed, lost or misplaced value does. Every NaN
//! counts as the same value. The sum runs blockwise under the runtime's memory limit.

use flagstone::array::Array;
use flagstone::{DType, Result, Runtime, arange};

const INDEX_STEP: i64 = 0x1E37_79B9_7F4A_7C15;
const FIRST_MIX: i64 = 0x3F58_476D_1CE4_E5B9;
const SECOND_MIX: i64 = 0x14D0_49BB_1331_11EB;

/// The C-order index of every element of an array of `shape`.
pub fn index(shape: &[u64], dtype: DType) -> Array {
    let mut sum: Option<Array> = None;
    let mut stride: u64 = 1;
    for (axis, &length) in shape.iter().enumerate().rev() {
        let mut line = vec![1u64; shape.len()];
        line[axis] = length;
        let along = (arange(0, length, 1, dtype) * stride).reshape(line);
        sum = Some(match sum {
            None => along,
            Some(sum) => along + sum,
        });
        stride = stride.saturating_mul(length);
    }
    sum.unwrap_or_else(|| flagstone::zeros((), dtype)).broadcast_to(shape)
}

/// The bits of every element as u64; integers as their value modulo 2⁶⁴.
fn bits(array: &Array) -> Result<Array> {
    let of_f64 = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    let of_f32 = |value: f32| u64::from(if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() });
    Ok(match array.dtype()? {
        DType::F64 => array.map_blocks(move |block: ndarray::ArrayViewD<'_, f64>| block.mapv(of_f64)),
        DType::F16 | DType::BF16 => array.astype(DType::F32).map_blocks(move |block: ndarray::ArrayViewD<'_, f32>| block.mapv(of_f32)),
        DType::F32 => array.map_blocks(move |block: ndarray::ArrayViewD<'_, f32>| block.mapv(of_f32)),
        _ => array.astype(DType::U64),
    })
}

/// The checksum of the values of `array`.
pub fn of(runtime: &Runtime, array: &Array) -> Result<u64> {
    let place = index(&array.shape()?, DType::U64) * INDEX_STEP;
    let mixed = (bits(array)? + place) * FIRST_MIX;
    let mixed = (&mixed ^ (&mixed >> 29)) * SECOND_MIX;
    let mixed = &mixed ^ (&mixed >> 32);
    runtime.item(&mixed.sum(..))
}

/// As the manifest has it.
pub fn text(checksum: u64) -> String {
    format!("mix64:{checksum:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(values: &[f64]) -> u64 {
        let one = |(at, value): (usize, &f64)| {
            let first = value.to_bits().wrapping_add((at as u64).wrapping_mul(INDEX_STEP as u64)).wrapping_mul(FIRST_MIX as u64);
            let second = (first ^ (first >> 29)).wrapping_mul(SECOND_MIX as u64);
            second ^ (second >> 32)
        };
        values.iter().enumerate().map(one).fold(0, u64::wrapping_add)
    }

    fn engine(shape: [usize; 2], chunks: [u64; 2], values: &[f64]) -> u64 {
        let array = Array::from_ndarray(ndarray::Array2::from_shape_vec(shape, values.to_vec()).unwrap()).rechunk(chunks);
        of(&Runtime::builder().memory_limit("64MiB").threads(1).build().unwrap(), &array).unwrap()
    }

    #[test]
    fn the_engine_finds_what_a_plain_loop_finds_for_any_chunks() {
        let values: Vec<f64> = (0..35).map(|at| (at as f64 * 0.7).sin()).collect();
        for chunks in [[5, 7], [2, 3], [1, 7]] {
            assert_eq!(engine([5, 7], chunks, &values), plain(&values));
        }
    }

    #[test]
    fn two_values_that_change_places_are_seen() {
        let mut values: Vec<f64> = (0..6).map(f64::from).collect();
        let before = engine([2, 3], [2, 3], &values);
        values.swap(1, 4);
        assert_ne!(engine([2, 3], [2, 3], &values), before);
    }
}
