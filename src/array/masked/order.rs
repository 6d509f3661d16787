//! What the order of values decides of masked arrays: sorted, places, medians. What does not count stands last, or first.

use super::{Masked, farthest};
use crate::array::composed::composed;
use crate::array::{Array, Axes, arange, axes::position, axis as along, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

/// A value that nothing stands behind, or before: NaN comes behind all others.
fn outermost(dtype: DType, last: bool) -> Result<Scalar> {
    match last && (dtype.is_float() || dtype.is_complex()) {
        true => Ok(Scalar::Float(f64::NAN)),
        false => farthest(dtype, last),
    }
}

/// The data with what stands last, or first, where elements do not count.
fn moved_out(x: &Masked, last: bool) -> Array {
    Array::build(|| x.filled(outermost(x.data.dtype()?, last)?).expr())
}

/// In ascending order along `axis`, with what does not count behind the others or before them.
#[track_caller]
pub(super) fn sorted(x: &Masked, axis: i64, last: bool) -> Masked {
    let mask = composed("ma.sort", &[&x.mask], move |arrays| {
        let shape = arrays[0].shape()?;
        let at = position("ma.sort", axis, shape.len())?;
        let mut line = vec![1; shape.len()];
        line[at] = shape[at];
        let (places, n) = (arange(0, shape[at] as i64, 1, None).reshape(line), shape[at] as i64);
        let masked = arrays[0].sum(along([at as i64].as_slice()).keepdims());
        Ok(if last { places.ge(n - masked) } else { places.lt(masked) })
    });
    x.with(moved_out(x, last).sort(axis), mask)
}

/// The places of the elements in ascending order along `axis`.
#[track_caller]
pub(super) fn places(x: &Masked, axis: i64, last: bool) -> Array {
    moved_out(x, last).argsort(axis)
}

impl Masked {
    /// In ascending order along `axis`, what does not count last. Cost: that of [`Array::sort`].
    ///
    /// ```
    /// let x = flagstone::arange(0, 4, 1, None).masked_less(2).sort(0);
    /// assert_eq!(x.filled(-1).compute::<i64>().unwrap().as_slice().unwrap(), [2, 3, -1, -1]);
    /// ```
    #[track_caller]
    pub fn sort(&self, axis: i64) -> Masked {
        sorted(self, axis, true)
    }

    /// The places of the elements in ascending order along `axis`, of what does not count last.
    #[track_caller]
    pub fn argsort(&self, axis: i64) -> Array {
        places(self, axis, true)
    }

    /// The exact median of what counts, masked where nothing does. It is NaN where something is that counts. Dtypes and cost are those
    /// of [`Array::nanmedian`].
    ///
    /// # Errors
    /// `BadType` of complex numbers.
    #[track_caller]
    pub fn median(&self, axes: impl Into<Axes>) -> Masked {
        let axes = axes.into();
        let of = axes.clone();
        let data = composed("ma.median", &[&self.data, &self.mask], move |arrays| {
            let (x, mask, dtype) = (&arrays[0], &arrays[1], arrays[0].dtype()?);
            if dtype.is_complex() {
                return Err(Error::bad_type("ma.median", format!("{dtype} has no order; expected a real dtype")));
            }
            if !dtype.is_float() {
                return Ok(where_(mask, f64::NAN, x.astype(DType::F64)).nanmedian(of.clone()));
            }
            let median = where_(mask, f64::NAN, x).astype(dtype).nanmedian(of.clone());
            let bad = x.isnan().logical_and(mask.logical_not()).any(of.clone());
            Ok(where_(bad, f64::NAN, median).astype(dtype))
        });
        self.with(data, self.mask.all(axes))
    }
}
