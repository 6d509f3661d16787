//! Products of masked arrays: what does not count adds nothing, and a sum of nothing does not count.
//!
//! Source of the rules: `numpy.ma.core` and `numpy.ma.extras`.

use super::Masked;
use crate::array::composed::composed;
use crate::array::{Array, Operand, axis as along, concatenate};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

impl Masked {
    /// 1 where an element counts, 0 elsewhere, as float64: sums of them are counts.
    pub(super) fn counted(&self) -> Array {
        self.mask.logical_not().astype(DType::F64)
    }

    /// As a matrix of one row where there are fewer axes than two.
    fn as_matrix(&self) -> Masked {
        self.both(Array::atleast_2d)
    }
}

/// `f` of the data of both with zeros where elements do not count, masked where it took nothing that counts in both.
#[track_caller]
pub(super) fn product(a: &Masked, b: &Masked, f: impl Fn(&Array, &Array) -> Array) -> Masked {
    let nothing = f(&a.counted(), &b.counted()).eq(0);
    a.with(f(&a.filled(0), &b.filled(0)), nothing)
}

/// As [`product`], masked where anything that was taken does not count.
#[track_caller]
pub(super) fn outer(a: &Masked, b: &Masked) -> Masked {
    product(a, b, |a, b| a.outer(b))
}

/// How covariances are found.
#[derive(Clone, Copy)]
pub(super) struct Covariances {
    /// Whether variables stand in rows.
    pub in_rows: bool,
    pub ddof: f64,
    pub correlations: bool,
}

/// Covariances of variables, or their correlations, each of the observations that count for both; masked where there are too few.
#[track_caller]
pub(super) fn covariance(name: &'static str, x: &Masked, further: Option<&Masked>, how: Covariances) -> Masked {
    let matrices = further.map(Masked::as_matrix);
    let x = x.as_matrix();
    let parts: Vec<&Array> = std::iter::once(&x).chain(&matrices).flat_map(|x| [&x.data, &x.mask]).collect();
    let found = |which: fn(Masked) -> Array| {
        composed(name, &parts, move |arrays| {
            let of = |at: usize| Masked::new(&arrays[at], &arrays[at + 1]);
            let further = if arrays.len() > 2 { Some(of(2)) } else { None };
            Ok(which(of_matrices(name, of(0), further, how)?))
        })
    };
    x.with(found(|made| made.data), found(|made| made.mask))
}

fn of_matrices(name: &str, mut x: Masked, further: Option<Masked>, how: Covariances) -> Result<Masked> {
    let in_rows = how.in_rows || x.data.shape()?[0] == 1;
    if x.data.ndim()? != 2 || further.as_ref().is_some_and(|y| y.data.ndim().is_ok_and(|n| n != 2)) {
        return Err(Error::bad_request(name, format!("an array of shape {:?}; expected at most two axes", x.data.shape()?)));
    }
    if let Some(y) = further {
        // a place that does not count for one does not for the other
        let (x_mask, y_mask) = match x.data.shape()? == y.data.shape()? {
            true => (&x.mask | &y.mask, &x.mask | &y.mask),
            false => (x.mask.clone(), y.mask.clone()),
        };
        let axis = if in_rows { 0 } else { 1 };
        x = Masked::new(&concatenate(&[x.data.clone(), y.data.clone()], axis), &concatenate(&[x_mask, y_mask], axis));
    }
    let x = if in_rows { x } else { x.both(Array::t) };
    let dtype = x.data.dtype()?.promote(DType::F64);
    let x = x.map(|data| data.astype(dtype));
    let centred = (&x - &x.mean(along([1].as_slice()).keepdims())).filled(0);
    let counted = x.counted();
    let degrees = counted.matmul(counted.t()) - how.ddof;
    let found = x.with(centred.matmul(centred.conj().t()) / &degrees, degrees.le(0));
    let found = match how.correlations {
        false => found,
        true => {
            // NumPy has no diagonal of one variance, and gives what is masked
            if found.data.shape()? == [1, 1] {
                return Ok(found.or_where(&super::values::everywhere()).both(|part| part.squeeze(..)));
            }
            let deviations = found.both(|part| part.diagonal(0, 0, 1)).map(|variances| variances.real().sqrt());
            let deviations = deviations.both(|part| part.expand_dims(1));
            let quotient = &found / &deviations;
            &quotient / &deviations.both(Array::t)
        }
    };
    Ok(found.both(|part| part.squeeze(..)))
}

/// The sum along a diagonal of what counts, as a plain array: in float64 where no dtype is given, as NumPy has it; complex numbers stay
/// what they are.
pub(super) fn trace(x: &Masked, offset: i64, axes: [i64; 2], dtype: Option<DType>) -> Array {
    let filled = x.filled(0);
    let usual = || filled.dtype().ok().filter(|dtype| !dtype.is_complex()).map(|_| DType::F64);
    let counts = dtype.or_else(usual).map_or(filled.clone(), |dtype| filled.astype(dtype));
    counts.trace(offset, axes[0], axes[1])
}

/// The inner product of the data with zeros where elements do not count, all of which counts.
pub(super) fn inner(a: &Masked, b: &Masked) -> Masked {
    let data = a.filled(0).inner(Operand::from(&b.filled(0)));
    Masked::new(&data, &super::values::nowhere())
}
