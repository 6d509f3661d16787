//! Variables beside one another → how they vary together. Half of the symmetric product is computed.

use crate::array::composed::composed;
use crate::array::counted::is_counted;
use crate::array::{Array, axis, concatenate, where_, zeros};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// How observations of variables lie and count, for [`Array::cov`].
///
/// ```
/// use flagstone::{arange, array::Observations};
/// let x = arange(0, 12, 1, None).reshape([3, 4]);
/// assert_eq!(x.cov(Observations::new().in_rows()).shape().unwrap(), [4, 4]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Observations {
    in_rows: bool,
    ddof: Option<f64>,
    frequencies: Option<Array>,
    weights: Option<Array>,
    further: Option<Array>,
    dtype: Option<DType>,
}

impl Observations {
    /// Variables in rows, observations in columns, all counting once; divided by their number less one.
    pub fn new() -> Observations {
        Observations::default()
    }
    /// An observation is a row, a variable a column.
    pub fn in_rows(mut self) -> Observations {
        self.in_rows = true;
        self
    }
    /// What is taken off the number of observations before dividing by it.
    pub fn ddof(mut self, ddof: f64) -> Observations {
        self.ddof = Some(ddof);
        self
    }
    /// How often each observation was made (NumPy's `fweights`).
    pub fn frequencies(mut self, counts: &Array) -> Observations {
        self.frequencies = Some(counts.clone());
        self
    }
    /// How much each observation counts (NumPy's `aweights`).
    pub fn weights(mut self, weights: &Array) -> Observations {
        self.weights = Some(weights.clone());
        self
    }
    /// More variables, with the same observations.
    pub fn with(mut self, further: &Array) -> Observations {
        self.further = Some(further.clone());
        self
    }
    /// The dtype to compute in; float64 or what holds more without it.
    pub fn dtype(mut self, dtype: DType) -> Observations {
        self.dtype = Some(dtype);
        self
    }
}

/// Variables as rows of a matrix.
fn rows(name: &str, x: &Array, dtype: DType, in_rows: bool) -> Result<Array> {
    match x.ndim()? {
        0 | 1 => Ok(x.astype(dtype).atleast_2d()),
        2 => Ok(if in_rows { x.astype(dtype).t() } else { x.astype(dtype) }),
        _ => Err(Error::bad_request(name, format!("an array of shape {:?}; expected at most two axes", x.shape()?))),
    }
}

/// One weight for each of `n` observations.
fn checked(weights: &Array, what: &str, n: u64) -> Result<()> {
    match weights.shape()? == [n] {
        true => Ok(()),
        false => Err(Error::bad_request("cov", format!("{what} of shape {:?} for {n} observations; expected [{n}]", weights.shape()?))),
    }
}

fn covariance(x: &Array, further: Option<&Array>, counts: Option<&Array>, weights: Option<&Array>, how: &Observations) -> Result<Array> {
    let mut dtype = x.dtype()?;
    if let Some(further) = further {
        dtype = dtype.promote(further.dtype()?);
    }
    let dtype = how.dtype.unwrap_or(dtype.promote(DType::F64));
    let mut x = rows("cov", x, dtype, how.in_rows)?;
    if let Some(further) = further {
        let more = rows("cov", further, dtype, how.in_rows && further.shape()?.first() != Some(&1))?;
        x = concatenate(&[x, more], 0);
    }
    let [variables, n] = x.shape()?[..] else { return Err(Error::internal("variables that are no matrix")) };
    if variables == 0 {
        return Ok(zeros([0, 0], dtype));
    }
    let ddof = how.ddof.unwrap_or(1.0);
    for (weights, what) in [(counts, "frequencies"), (weights, "weights")] {
        weights.map_or(Ok(()), |weights| checked(weights, what, n))?;
    }
    let weight = match (counts, weights) {
        (None, None) => None,
        (Some(one), None) | (None, Some(one)) => Some(one.astype(DType::F64)),
        (Some(counts), Some(weights)) => Some(counts.astype(DType::F64) * weights),
    };
    let Some(weight) = weight else {
        let apart = &x - x.mean(axis(1).keepdims());
        let over = (n as f64 - ddof).max(0.0);
        return Ok(apart.matmul(apart.conj().t()) * (1.0 / over));
    };
    let sum = weight.sum(..);
    let apart = &x - (&x * &weight).sum(axis(1).keepdims()) / &sum;
    let over = match weights {
        _ if ddof == 0.0 => sum,
        None => sum - ddof,
        Some(weights) => &sum - (&weight * weights).sum(..) * ddof / &sum,
    };
    let over = where_(over.le(0.0), 0.0, &over);
    Ok(apart.matmul((&apart * weight).conj().t()) * (1.0 / over))
}

impl Array {
    /// The covariances of variables; of a single one its variance, without axes.
    ///
    /// ```
    /// use flagstone::{arange, array::Observations};
    /// let x = arange(0, 12, 1, None).reshape([3, 4]);
    /// assert_eq!(x.cov(Observations::new()).shape().unwrap(), [3, 3]);
    /// ```
    #[track_caller]
    pub fn cov(&self, how: Observations) -> Array {
        let parts = [&how.further, &how.frequencies, &how.weights];
        let there = parts.map(Option::is_some);
        let given: Vec<Array> = std::iter::once(self.clone()).chain(parts.into_iter().flatten().cloned()).collect();
        // a variable alone has no axes, unless nobody knew that it would be alone
        let along = how.in_rows as usize;
        let counted = |x: &Array| x.expr().is_ok_and(|x| x.shape.len() == 2 && is_counted(&x, along));
        let is_known = !counted(self) && !how.further.as_ref().is_some_and(counted);
        // the arrays are arguments: kept in the options besides, they would be kept as they were built
        let how = Observations { further: None, frequencies: None, weights: None, ..how };
        composed("cov", &given.iter().collect::<Vec<_>>(), move |arrays| {
            let mut rest = arrays[1..].iter();
            let [further, counts, weights] = there.map(|there| if there { rest.next() } else { None });
            let found = covariance(&arrays[0], further, counts, weights, &how)?;
            Ok(if is_known && found.shape()? == [1, 1] { found.squeeze([0, 1]) } else { found })
        })
    }

    /// The correlation coefficients of variables, within −1 and 1.
    ///
    /// ```
    /// use flagstone::{arange, array::Observations};
    /// let x = arange(0, 12, 1, None).reshape([3, 4]);
    /// assert_eq!(x.corrcoef(Observations::new()).shape().unwrap(), [3, 3]);
    /// ```
    #[track_caller]
    pub fn corrcoef(&self, how: Observations) -> Array {
        let covariances = self.cov(how);
        composed("corrcoef", &[&covariances], |arrays| {
            let c = &arrays[0];
            if c.ndim()? == 0 {
                // 1, or NaN where the variance is 0
                return Ok(c / c.clone());
            }
            let deviations = c.diagonal(0, 0, 1).real().sqrt();
            let r = c / deviations.expand_dims(1) / deviations;
            let complex = r.dtype()?.is_complex();
            let limited = r.real().clip(-1.0, 1.0);
            Ok(if complex { limited + r.imag().clip(-1.0, 1.0) * flagstone_kernels::dtype::C128::new(0.0, 1.0) } else { limited })
        })
    }
}
