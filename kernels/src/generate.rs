//! Values that follow from the place of an element alone.

use crate::dtype::{DType, Element, Kind, Scalar};
use crate::elementwise::cast_dense;
use crate::isa::{Loop, dispatch};
use crate::random::Random;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Values that are made before they are cast together.
const STRETCH: usize = 256;

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
            Rule::Arange { start, step, start_int, step_int, dtype } => {
                let whole = |i: usize| start_int.wrapping_add(at(i).wrapping_mul(*step_int));
                match dtype.kind() {
                    Kind::Float | Kind::Complex => fill(*dtype, out, |i| start + at(i) as f64 * step),
                    Kind::Unsigned => fill(*dtype, out, |i| whole(i) as u64),
                    _ => fill(*dtype, out, whole),
                }
            }
            Rule::Linspace { start, step, stop, endpoint_index, dtype } => {
                let value = |i: usize| {
                    let i = at(i);
                    if i as u64 == *endpoint_index { *stop } else { start + i as f64 * step }
                };
                // NumPy rounds down before it casts to an integer
                if dtype.is_integer() { fill(*dtype, out, |i| value(i).floor()) } else { fill(*dtype, out, value) }
            }
            Rule::Eye { dtype, .. } => {
                out.fill(0);
                let mut elements = out.chunks_exact_mut(dtype.size());
                let mut one = |element: &mut [u8]| Scalar::UInt(1).write(*dtype, element);
                if step == 0 && first == 0 {
                    elements.for_each(one);
                } else if step != 0 && first.wrapping_rem(step) == 0 {
                    // the one element on the diagonal, if it is among these
                    let place = usize::try_from(first.wrapping_div(step).wrapping_neg()).ok();
                    place.and_then(|place| elements.nth(place)).into_iter().for_each(&mut one);
                }
            }
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

/// Writes `value(i)`, cast as NumPy's `astype` casts, to element i of `out`.
fn fill<T: Element>(dtype: DType, out: &mut [u8], value: impl Fn(usize) -> T) {
    dispatch(Fill { dtype, out, value, of: PhantomData });
}

struct Fill<'a, T, F> {
    dtype: DType,
    out: &'a mut [u8],
    value: F,
    of: PhantomData<T>,
}

impl<T: Element, F: Fn(usize) -> T> Loop for Fill<'_, T, F> {
    type Out = ();
    #[inline(always)]
    fn run(self) {
        let (mut values, mut cast) = ([T::default(); STRETCH], [0u128; STRETCH]);
        for (n, out) in self.out.chunks_mut(STRETCH * self.dtype.size()).enumerate() {
            let values = &mut values[..out.len() / self.dtype.size()];
            values.iter_mut().enumerate().for_each(|(i, to)| *to = (self.value)(n * STRETCH + i));
            let values: &[u8] = bytemuck::cast_slice(values);
            if self.dtype == T::DTYPE {
                out.copy_from_slice(values);
            } else {
                let cast = &mut bytemuck::cast_slice_mut(&mut cast)[..out.len()];
                cast_dense(T::DTYPE, values, self.dtype, cast);
                out.copy_from_slice(cast);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::on_every_isa;

    #[test]
    fn many_values_are_those_of_one_at_a_time() {
        let of = |rule: Rule, from: i64, step: i64, n: usize| {
            let generator = Generator { shape: vec![1 << 20], rule };
            let size = generator.dtype().size();
            let mut together = vec![7u8; n * size];
            generator.fill_flat(from, step, &mut together);
            for (i, element) in together.chunks_exact(size).enumerate() {
                let mut alone = vec![7u8; size];
                generator.fill_flat(from + step * i as i64, 0, &mut alone);
                assert_eq!(element, &alone, "{generator:?} {from} {step} {i}");
            }
        };
        on_every_isa(|| {
            for dtype in DType::ALL {
                for (from, step) in [(0, 1), (700, -1), (3, 0), (-600, 2), (5, 300)] {
                    let floats = [(0.5, 0.25), (-3.0, 1.5)];
                    for ((start, by), (start_int, step_int)) in floats.into_iter().zip([(-5, 3), (250, -7)]) {
                        of(Rule::Arange { start, step: by, start_int, step_int, dtype }, from, step, 3 * STRETCH - 1);
                        of(Rule::Linspace { start, step: by, stop: 77.7, endpoint_index: 600, dtype }, from, step, STRETCH + 3);
                    }
                    of(Rule::Eye { k: 0, dtype }, from, step, 3 * STRETCH - 1);
                }
            }
        });
        // and one at a time they are what is written of each
        let mut out = [0u8; 3];
        Generator { shape: vec![9], rule: Rule::Linspace { start: 0.5, step: 1.25, stop: 9.0, endpoint_index: 2, dtype: DType::U8 } }.fill(
            &mut [0],
            &[1],
            &mut out,
        );
        assert_eq!(out, [0, 1, 9]);
        let mut out = [7u8; 5];
        Generator { shape: vec![5, 5], rule: Rule::Eye { k: 2, dtype: DType::Bool } }.fill(&mut [1, 0], &[0, 1], &mut out);
        assert_eq!(out, [0, 0, 0, 1, 0]);
    }

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
