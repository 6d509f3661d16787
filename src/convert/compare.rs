//! Two arrays → where and by how much they differ; one array → whether all of it can be read.

use crate::array::{Array, Index};
use crate::error::{Error, Result};
use crate::runtime::Runtime;
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use std::fmt;

/// How two arrays differ. NaN is equal to NaN, and 0 to −0.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// How many elements differ.
    pub count: u64,
    /// Of how many.
    pub elements: u64,
    /// The first that does.
    pub first: Vec<u64>,
    /// Both values there.
    pub values: (Scalar, Scalar),
    /// The largest absolute difference of two numbers; `None` where only NaN differs from a number.
    pub largest: Option<f64>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |x| crate::array::format_scalar(x, x.natural_dtype());
        let (a, b) = (value(self.values.0), value(self.values.1));
        write!(f, "{} of {} elements; the first at {:?}: {a} and {b}", self.count, self.elements, self.first)?;
        self.largest.map_or(Ok(()), |largest| write!(f, "; the largest difference is {largest}"))
    }
}

/// How `a` and `b` differ; `None` when they do not. Reads both once, and again only where they differ.
///
/// # Errors
/// `BadRequest` when their shapes or dtypes differ; those of reading.
pub fn difference(a: &Array, b: &Array, runtime: &Runtime) -> Result<Option<Difference>> {
    let (shape, dtype) = (a.shape()?, a.dtype()?);
    if (&shape, dtype) != (&b.shape()?, b.dtype()?) {
        let what =
            format!("shape {shape:?} {dtype} and shape {:?} {}: only arrays of one shape and dtype are compared", b.shape()?, b.dtype()?);
        return Err(Error::bad_request("diff", what));
    }
    if shape.contains(&0) {
        return Ok(None);
    }
    let differ = |a: &Array, b: &Array| match dtype.kind() {
        Kind::Float | Kind::Complex => a.ne(b).logical_and(a.isnan().logical_and(b.isnan()).logical_not()),
        _ => a.ne(b),
    };
    let count = runtime.compute_any(&differ(a, b).count_nonzero(..))?.item().map_or(0, whole);
    if count == 0 {
        return Ok(None);
    }
    // Axis by axis to the first place: the first row with a difference, in it the first column, …
    let (mut at, mut rest) = (Vec::new(), (a.clone(), b.clone()));
    for axis in 0..shape.len() {
        let others: Vec<i64> = (1..(shape.len() - axis) as i64).collect();
        let rows = differ(&rest.0, &rest.1);
        let rows = if others.is_empty() { rows } else { rows.any(others) };
        let first = runtime.compute_any(&rows.astype(DType::U8).argmax(..))?.item().map_or(0, whole);
        at.push(first);
        let place = [Index::Int(first as i64)];
        rest = (rest.0.index(&place), rest.1.index(&place));
    }
    let scalar = |x: &Array| runtime.compute_any(x)?.item().ok_or_else(|| Error::internal("an element without a value"));
    let values = (scalar(&rest.0)?, scalar(&rest.1)?);
    let wide = if dtype.kind() == Kind::Complex { DType::C128 } else { DType::F64 };
    let apart = (&a.astype(wide) - &b.astype(wide)).abs();
    // Infinities of one sign are no number apart, nor is NaN from anything.
    let apart = crate::array::where_(apart.isnan(), 0.0, &apart);
    let largest = scalar(&apart.max(..))?.as_f64();
    let elements = shape.iter().product();
    Ok(Some(Difference { count, elements, first: at, values, largest: Some(largest).filter(|&x| x > 0.0) }))
}

fn whole(x: Scalar) -> u64 {
    match x {
        Scalar::Int(i) => i.max(0) as u64,
        Scalar::UInt(u) => u,
        other => other.as_f64() as u64,
    }
}

/// Reads every element once, so that every chunk is decoded and every checksum held against its bytes. Returns the bytes of
/// the elements.
///
/// # Errors
/// That of the first chunk that cannot be read.
pub fn read_all(array: &Array, runtime: &Runtime) -> Result<u64> {
    // A count needs every value.
    runtime.compute_any(&array.count_nonzero(..))?;
    array.nbytes()
}
