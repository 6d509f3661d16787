//! Coordinates of the points of a grid, an array for each axis of it.

use crate::array::composed::composed;
use crate::array::{Array, Shape, arange, ones, stack, triangles};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

/// Which of the first two arrays goes along the first axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Indexing {
    /// The second one, as in plots: `'xy'`.
    Xy,
    /// The first one, as in matrices: `'ij'`.
    Ij,
}

/// `x` along axis `at` of `ndim` axes, the others of length 1.
fn along(x: &Array, at: usize, ndim: usize) -> Array {
    x.expand_dims((0..ndim as i64).filter(|&axis| axis != at as i64).collect::<Vec<_>>())
}

/// Each array of one axis along an axis of its own of a common grid: repeated along the others, or with length 1 there if
/// `sparse`.
///
/// ```
/// use flagstone::{arange, array::{Indexing, meshgrid}};
/// let (x, y) = (arange(0, 3, 1, None), arange(0, 2, 1, None));
/// assert_eq!(meshgrid(&[x, y], Indexing::Xy, false)[0].shape().unwrap(), [2, 3]);
/// ```
#[track_caller]
pub fn meshgrid(axes: &[Array], indexing: Indexing, sparse: bool) -> Vec<Array> {
    let given: Vec<&Array> = axes.iter().collect();
    let one = |i: usize| {
        composed("meshgrid", &given, move |arrays| {
            let ndim = arrays.len();
            let place = |i: usize| if indexing == Indexing::Xy && ndim > 1 && i < 2 { 1 - i } else { i };
            let mut shape = vec![1; ndim];
            for (i, array) in arrays.iter().enumerate() {
                if array.ndim()? > 1 {
                    let what = format!("array {i} has shape {:?}; expected one axis", array.shape()?);
                    return Err(Error::unsupported("meshgrid", what));
                }
                shape[place(i)] = array.size()?;
            }
            let open = along(&arrays[i].atleast_1d(), place(i), ndim);
            Ok(if sparse { open } else { open.broadcast_to(shape) })
        })
    };
    (0..axes.len()).map(one).collect()
}

/// The index along each axis at each place of a shape: the axes of the result are the axis meant, then the shape's.
///
/// ```
/// use flagstone::{DType, array::indices};
/// assert_eq!(indices([2, 3], DType::I64).shape().unwrap(), [2, 2, 3]);
/// ```
#[track_caller]
pub fn indices(shape: impl Into<Shape>, dtype: DType) -> Array {
    let shape = shape.into();
    composed("indices", &[], move |_| {
        let shape = shape.lengths("indices")?;
        if shape.is_empty() {
            return Ok(crate::array::zeros([0], dtype));
        }
        let whole = sparse_indices(&shape, dtype).into_iter().map(|open| open.broadcast_to(shape.clone())).collect::<Vec<_>>();
        Ok(stack(&whole, 0))
    })
}

/// As [`indices`], each along its own axis alone.
pub(super) fn sparse_indices(shape: &[u64], dtype: DType) -> Vec<Array> {
    let one = |(at, &n): (usize, &u64)| along(&arange(0, n, 1, DType::I64), at, shape.len()).astype(dtype);
    shape.iter().enumerate().map(one).collect()
}

/// The places of an axis of [`mgrid`]: `start:stop:step`, or with `count` so many from `start` to `stop`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Range {
    /// The first place.
    pub start: Scalar,
    /// Where it ends.
    pub stop: Scalar,
    /// From one place to the next.
    pub step: Scalar,
    /// How many places, whatever the step.
    pub count: Option<u64>,
}

impl Range {
    /// From `start` to before `stop`, by `step`.
    pub fn new(start: Scalar, stop: Scalar, step: Scalar) -> Range {
        Range { start, stop, step, count: None }
    }

    /// `count` places from `start` to `stop`, both included.
    pub fn counted(start: Scalar, stop: Scalar, count: u64) -> Range {
        Range { start, stop, step: Scalar::Int(1), count: Some(count) }
    }

    fn is_float(&self) -> bool {
        let float = |scalar: Scalar| matches!(scalar, Scalar::Float(_));
        self.count.is_some() || float(self.start) || float(self.stop) || float(self.step)
    }

    fn places(&self, dtype: DType) -> Array {
        let (start, stop) = (self.start.as_f64(), self.stop.as_f64());
        match self.count {
            None if dtype == DType::I64 => arange(self.start, self.stop, self.step, None),
            None => {
                let n = ((stop - start) / self.step.as_f64()).ceil().max(0.0);
                arange(0, if n.is_finite() { n as i64 } else { 0 }, 1, None).astype(DType::F64) * self.step.as_f64() + start
            }
            Some(n) => {
                let step = if n > 1 { (stop - start) / (n - 1) as f64 } else { 1.0 };
                arange(0, n, 1, None).astype(DType::F64) * step + start
            }
        }
    }
}

fn open_grid(ranges: &[Range]) -> Vec<Array> {
    let dtype = if ranges.iter().any(Range::is_float) { DType::F64 } else { DType::I64 };
    ranges.iter().enumerate().map(|(at, range)| along(&range.places(dtype), at, ranges.len())).collect()
}

/// Coordinates of all points of a grid, the axis meant being the first axis: NumPy's `mgrid[...]`.
///
/// ```
/// use flagstone::{Scalar, array::{Range, mgrid}};
/// let range = Range::new(Scalar::Int(0), Scalar::Int(3), Scalar::Int(1));
/// assert_eq!(mgrid(&[range, range]).shape().unwrap(), [2, 3, 3]);
/// ```
#[track_caller]
pub fn mgrid(ranges: &[Range]) -> Array {
    let ranges = ranges.to_vec();
    composed("mgrid", &[], move |_| {
        let open = open_grid(&ranges);
        let shape = open.iter().enumerate().map(|(at, axis)| Ok(axis.shape()?[at])).collect::<Result<Vec<u64>>>()?;
        Ok(stack(&open.iter().map(|axis| axis.broadcast_to(shape.clone())).collect::<Vec<_>>(), 0))
    })
}

/// As [`mgrid`], each axis as an array along it alone: NumPy's `ogrid[...]`.
///
/// ```
/// use flagstone::{Scalar, array::{Range, ogrid}};
/// let range = Range::new(Scalar::Int(0), Scalar::Int(3), Scalar::Int(1));
/// assert_eq!(ogrid(&[range, range])[1].shape().unwrap(), [1, 3]);
/// ```
#[track_caller]
pub fn ogrid(ranges: &[Range]) -> Vec<Array> {
    open_grid(ranges)
}

/// Ones on and below the `k`-th diagonal of `rows` × `columns`, zeros above.
///
/// ```
/// use flagstone::{DType, array::tri};
/// assert_eq!(tri(3, 3, 0, DType::F64).sum(..).item::<f64>().unwrap(), 6.0);
/// ```
#[track_caller]
pub fn tri(rows: u64, columns: u64, k: i64, dtype: DType) -> Array {
    triangles::is_low(rows, columns, k).astype(dtype)
}

/// So few powers are arrays side by side, each made anew: no row has to be whole.
const VANDER_COLUMNS_MAX: u64 = 8;

impl Array {
    /// The powers of the elements of one axis as rows, from `columns` − 1 down to 0, or up if `increasing`.
    ///
    /// ```
    /// assert_eq!(flagstone::arange(0, 3, 1, None).vander(4, false).shape().unwrap(), [3, 4]);
    /// ```
    #[track_caller]
    pub fn vander(&self, columns: impl Into<Option<u64>>, increasing: bool) -> Array {
        let columns = columns.into();
        composed("vander", &[self], move |arrays| {
            let x = &arrays[0];
            let [n] = x.shape()?[..] else {
                return Err(Error::bad_request("vander", format!("an array of shape {:?}; expected one axis", x.shape()?)));
            };
            let columns = columns.unwrap_or(n);
            let dtype = x.dtype()?.promote(DType::I64);
            let Some(powers) = columns.checked_sub(1) else { return Ok(crate::array::zeros([n, 0], dtype)) };
            if columns <= VANDER_COLUMNS_MAX {
                let x = x.astype(dtype).expand_dims(1);
                let next = |power: &Array| Some(power * &x);
                let powers: Vec<Array> = std::iter::successors(Some(ones([n, 1], dtype)), next).take(columns as usize).collect();
                return Ok(crate::array::concatenate(&if increasing { powers } else { powers.into_iter().rev().collect() }, 1));
            }
            let factors = x.astype(dtype).expand_dims(1).broadcast_to([n, powers]);
            let rows = crate::array::concatenate(&[ones([n, 1], dtype), factors], 1).cumprod(1);
            Ok(if increasing { rows } else { rows.flip(1) })
        })
    }
}
