//! Values that follow from the place of an element alone.

use crate::dtype::{DType, Kind, Scalar};
use crate::isa::{Loop, dispatch};
use crate::random::Random;
use serde::{Deserialize, Serialize};

/// A function from an index of an array of `shape` to a value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// Shape of the whole generated array.
    pub shape: Vec<u64>,
    /// What is generated.
    pub rule: Rule,
}

/// The rule of a [`Generator`]. `i` is the element's flat C-order index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rule {
    /// Random values, one stream value an element.
    Random(Random),
    /// `start + i·step`, computed in `dtype` as NumPy's arange: f64 for floats, wrapping i64 for integers.
    Arange {
        /// First value, for floats.
        #[serde(with = "crate::exact")]
        start: f64,
        /// Difference, for floats.
        #[serde(with = "crate::exact")]
        step: f64,
        /// First value, for integers.
        start_int: i64,
        /// Difference, for integers.
        step_int: i64,
        /// The dtype of the values.
        dtype: DType,
    },
    /// `start + i·step` in f64, the last element being `stop` exactly when `endpoint_index` is it.
    Linspace {
        /// First value.
        #[serde(with = "crate::exact")]
        start: f64,
        /// Difference.
        #[serde(with = "crate::exact")]
        step: f64,
        /// Value at `endpoint_index`.
        #[serde(with = "crate::exact")]
        stop: f64,
        /// Index that gets `stop` itself; `u64::MAX` for none.
        endpoint_index: u64,
        /// The dtype of the values.
        dtype: DType,
    },
    /// 1 where column = row + k, else 0; two axes.
    Eye {
        /// The diagonal.
        k: i64,
        /// The dtype of the values.
        dtype: DType,
    },
}

impl Generator {
    /// The dtype of the values.
    pub fn dtype(&self) -> DType {
        match &self.rule {
            Rule::Random(random) => random.dtype,
            Rule::Arange { dtype, .. } | Rule::Linspace { dtype, .. } | Rule::Eye { dtype, .. } => *dtype,
        }
    }

    /// The values at flat C-order indices `first`, `first + step`, …: as many as `out` holds.
    pub(crate) fn fill_flat(&self, first: i64, step: i64, out: &mut [u8]) {
        let at = |i: usize| first.wrapping_add(step.wrapping_mul(i as i64));
        match &self.rule {
            Rule::Random(random) => random.fill(first as u64, step, out),
            Rule::Arange { start, step: by, dtype: DType::F64, .. } => dispatch(Range { first, step, start: *start, by: *by, out }),
            Rule::Arange { start, step, start_int, step_int, dtype } => match dtype.kind() {
                Kind::Float | Kind::Complex => fill(*dtype, out, |i| Scalar::Float(start + at(i) as f64 * step)),
                Kind::Unsigned => fill(*dtype, out, |i| Scalar::UInt(start_int.wrapping_add(at(i).wrapping_mul(*step_int)) as u64)),
                _ => fill(*dtype, out, |i| Scalar::Int(start_int.wrapping_add(at(i).wrapping_mul(*step_int)))),
            },
            Rule::Linspace { start, step, stop, endpoint_index, dtype } => fill(*dtype, out, |i| {
                let i = at(i);
                let value = if i as u64 == *endpoint_index { *stop } else { start + i as f64 * step };
                // NumPy rounds down before it casts to an integer
                Scalar::Float(if dtype.is_integer() { value.floor() } else { value })
            }),
            Rule::Eye { dtype, .. } => fill(*dtype, out, |i| Scalar::UInt((at(i) == 0) as u64)),
        }
    }

    /// What [`Self::fill_flat`] takes for the element at `index`, as an affine function of the index: its
    /// value at 0 and its change along each axis. The flat index, or for `eye` column − row − k.
    pub(crate) fn affine(&self) -> (i64, Vec<i64>) {
        if let Rule::Eye { k, .. } = self.rule {
            return (-k, vec![-1, 1]);
        }
        let mut strides = vec![0; self.shape.len()];
        let mut stride = 1i64;
        for axis in (0..self.shape.len()).rev() {
            strides[axis] = stride;
            stride = stride.wrapping_mul(self.shape[axis].max(1) as i64);
        }
        (0, strides)
    }

    /// The values at `index`, `index + axis_steps`, …: as many as `out` holds. Leaves `index` after the last.
    ///
    /// # Panics
    /// If `index` or `axis_steps` has another number of axes than the generator.
    pub fn fill(&self, index: &mut [i64], axis_steps: &[i64], out: &mut [u8]) {
        let (mut first, strides) = self.affine();
        assert!(index.len() == strides.len() && axis_steps.len() == strides.len(), "generate: {} axes", strides.len());
        let mut step = 0i64;
        let n = (out.len() / self.dtype().size()) as i64;
        for axis in 0..strides.len() {
            first = first.wrapping_add(index[axis].wrapping_mul(strides[axis]));
            step = step.wrapping_add(axis_steps[axis].wrapping_mul(strides[axis]));
            index[axis] += n * axis_steps[axis];
        }
        self.fill_flat(first, step, out);
    }
}

/// `start + (first + step·i) · by` as f64.
struct Range<'a> {
    first: i64,
    step: i64,
    start: f64,
    by: f64,
    out: &'a mut [u8],
}

impl Loop for Range<'_> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        for (i, o) in self.out.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let at = self.first.wrapping_add(self.step.wrapping_mul(i as i64));
            *o = (self.start + at as f64 * self.by).to_ne_bytes();
        }
    }
}

/// Writes `value(i)` to element i of `out`.
fn fill(dtype: DType, out: &mut [u8], value: impl Fn(usize) -> Scalar) {
    if dtype == DType::F64 {
        for (i, o) in out.chunks_exact_mut(8).enumerate() {
            o.copy_from_slice(&value(i).as_f64().to_ne_bytes());
        }
        return;
    }
    for (i, o) in out.chunks_exact_mut(dtype.size()).enumerate() {
        value(i).write(dtype, o);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eye_and_arange_follow_any_axis() {
        let eye = Generator { shape: vec![3, 4], rule: Rule::Eye { k: 1, dtype: DType::I32 } };
        let mut out = [0u8; 12];
        eye.fill(&mut [0, 1], &[1, 1], &mut out);
        assert_eq!(bytemuck::cast::<_, [i32; 3]>(out), [1, 1, 1]);
        let rule = Rule::Arange { start: 0.5, step: 2.0, start_int: 0, step_int: 0, dtype: DType::F64 };
        let range = Generator { shape: vec![10], rule };
        let mut out = [0u8; 24];
        let mut index = [9];
        range.fill(&mut index, &[-3], &mut out);
        assert_eq!(bytemuck::cast::<_, [f64; 3]>(out), [18.5, 12.5, 6.5]);
        assert_eq!(index, [0]);
    }
}
