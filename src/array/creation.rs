//! Arrays from nothing: constants, ranges, the identity, functions of the index.

use super::operand::{check_fits, integer};
use super::{Array, ArrayElement, Chunks, Operand, Shape, blocks};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, auto_chunks, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::generate::{Generator, Rule};

pub(super) fn filled(operation: &str, shape: &Shape, value: Scalar, dtype: DType) -> Result<Expr> {
    let shape = shape.lengths(operation)?;
    check_fits(operation, value, dtype)?;
    let chunks = auto_chunks(&shape);
    Node::new(Op::Full(ops::Full { value, dtype, shape, chunks }))
}

pub(super) fn generated(shape: Vec<u64>, rule: Rule) -> Result<Expr> {
    let chunks = auto_chunks(&shape);
    Node::new(Op::Generate(ops::Generate { generator: Generator { shape, rule }, chunks }))
}

/// Zeros.
///
/// ```
/// let x = flagstone::zeros([2, 3], flagstone::DType::F64);
/// assert_eq!(x.shape().unwrap(), [2, 3]);
/// ```
#[track_caller]
pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Array {
    Array::build(|| filled("zeros", &shape.into(), Scalar::Int(0), dtype))
}

/// Ones.
///
/// ```
/// assert_eq!(flagstone::ones(3, flagstone::DType::I8).shape().unwrap(), [3]);
/// ```
#[track_caller]
pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Array {
    Array::build(|| filled("ones", &shape.into(), Scalar::Int(1), dtype))
}

/// An array whose values do not matter; they are zeros.
///
/// ```
/// assert_eq!(flagstone::array::empty(3, flagstone::DType::I8).shape().unwrap(), [3]);
/// ```
#[track_caller]
pub fn empty(shape: impl Into<Shape>, dtype: DType) -> Array {
    Array::build(|| filled("empty", &shape.into(), Scalar::Int(0), dtype))
}

/// The same value everywhere; without a dtype the value's own.
///
/// ```
/// use flagstone::{DType, array::full};
/// assert_eq!(full([2], 1.5, None).dtype().unwrap(), DType::F64);
/// assert!(full([2], 300, DType::U8).check().is_err());
/// ```
#[track_caller]
pub fn full(shape: impl Into<Shape>, value: impl Into<Operand>, dtype: impl Into<Option<DType>>) -> Array {
    Array::build(|| {
        let value = value.into().scalar("full", "fill_value")?;
        filled("full", &shape.into(), value, dtype.into().unwrap_or(value.natural_dtype()))
    })
}

/// `start, start + step, …` below `stop`; int64 where all three are integers, else float64.
///
/// ```
/// use flagstone::{DType, arange};
/// assert_eq!(arange(0, 10, 3, None).shape().unwrap(), [4]);
/// assert_eq!(arange(0.0, 1.0, 0.1, DType::F32).dtype().unwrap(), DType::F32);
/// ```
#[track_caller]
pub fn arange(start: impl Into<Operand>, stop: impl Into<Operand>, step: impl Into<Operand>, dtype: impl Into<Option<DType>>) -> Array {
    Array::build(|| {
        let number = |operand: Operand, name| operand.scalar("arange", name);
        range(number(start.into(), "start")?, number(stop.into(), "stop")?, number(step.into(), "step")?, dtype.into())
    })
}

fn range(start: Scalar, stop: Scalar, step: Scalar, dtype: Option<DType>) -> Result<Expr> {
    let natural = |scalar: Scalar| if matches!(scalar, Scalar::Bool(_)) { DType::I64 } else { scalar.natural_dtype() };
    let dtype = dtype.unwrap_or(natural(start).promote(natural(stop)).promote(natural(step)));
    if dtype.is_complex() || dtype == DType::Bool {
        return Err(Error::unsupported("arange", format!("{dtype}; use an integer or float dtype and .astype")));
    }
    let whole = |scalar: Scalar| match scalar {
        Scalar::Bool(b) => Some(b as i128),
        other => integer(other),
    };
    let zero_step = || Error::bad_request("arange", "step 0; expected a step that moves");
    let length = match (whole(start), whole(stop), whole(step)) {
        (Some(start), Some(stop), Some(step)) => {
            let distance = if step > 0 { stop - start } else { start - stop };
            match step.unsigned_abs() {
                0 => return Err(zero_step()),
                step => u64::try_from(distance.max(0).unsigned_abs().div_ceil(step)).ok(),
            }
        }
        _ => {
            let length = ((stop.as_f64() - start.as_f64()) / step.as_f64()).ceil();
            if step.as_f64() == 0.0 {
                return Err(zero_step());
            }
            (length.is_finite() && length < 9.2e18).then_some(length.max(0.0) as u64)
        }
    };
    let length = length.ok_or_else(|| Error::bad_request("arange", "the number of values is not finite or over 2⁶³"))?;
    let float_step = (start.as_f64() + step.as_f64()) - start.as_f64();
    let truncated = |scalar: Scalar| whole(scalar).map_or(scalar.as_f64() as i64, |i| i as i64);
    // NumPy casts the first two values and counts on from them
    let int_step = match (whole(start), whole(step)) {
        (Some(_), Some(step)) => step as i64,
        _ => ((start.as_f64() + step.as_f64()) as i64).wrapping_sub(truncated(start)),
    };
    let rule = Rule::Arange { start: start.as_f64(), step: float_step, start_int: truncated(start), step_int: int_step, dtype };
    generated(vec![length], rule)
}

/// `num` values from `start` to `stop`, which is the last one if `endpoint`.
///
/// ```
/// use flagstone::{DType, array::linspace};
/// assert_eq!(linspace(0.0, 1.0, 5, true, DType::F64).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn linspace(start: f64, stop: f64, num: u64, endpoint: bool, dtype: DType) -> Array {
    // of integers NumPy takes the floor
    let inside = if dtype.is_float() { dtype } else { DType::F64 };
    let line = Array::build(|| {
        let gaps = if endpoint { num.saturating_sub(1) } else { num };
        let step = if gaps > 0 { (stop - start) / gaps as f64 } else { 0.0 };
        let endpoint_index = if endpoint && num > 1 { num - 1 } else { u64::MAX };
        generated(vec![num], Rule::Linspace { start, step, stop, endpoint_index, dtype: inside })
    });
    if dtype.is_integer() { line.floor().astype(dtype) } else { line.astype(dtype) }
}

/// `base` to the powers of [`linspace`].
///
/// ```
/// use flagstone::{DType, array::logspace};
/// assert_eq!(logspace(0.0, 3.0, 4, true, 10.0, DType::F64).shape().unwrap(), [4]);
/// ```
#[track_caller]
pub fn logspace(start: f64, stop: f64, num: u64, endpoint: bool, base: f64, dtype: DType) -> Array {
    let base = Array::build(|| super::elementwise::constant(Scalar::Float(base), DType::F64, &[]));
    base.pow(linspace(start, stop, num, endpoint, DType::F64)).astype(dtype)
}

/// Ones on the k-th diagonal of `rows` × `columns`, zeros elsewhere.
///
/// ```
/// assert_eq!(flagstone::array::eye(2, 3, 0, flagstone::DType::F64).shape().unwrap(), [2, 3]);
/// ```
#[track_caller]
pub fn eye(rows: u64, columns: u64, k: i64, dtype: DType) -> Array {
    Array::build(|| generated(vec![rows, columns], Rule::Eye { k, dtype }))
}

/// The n × n identity.
///
/// ```
/// assert_eq!(flagstone::array::identity(2, flagstone::DType::F64).shape().unwrap(), [2, 2]);
/// ```
#[track_caller]
pub fn identity(n: u64, dtype: DType) -> Array {
    eye(n, n, 0, dtype)
}

/// The values of a function of the index, called once an element.
///
/// ```
/// let x = flagstone::array::from_function([2, 3], None, |at| (at[0] + at[1]) as f64);
/// assert_eq!(x.shape().unwrap(), [2, 3]);
/// ```
#[track_caller]
pub fn from_function<T: ArrayElement>(
    shape: impl Into<Shape>,
    chunks: impl Into<Option<Chunks>>,
    f: impl Fn(&[u64]) -> T + Send + Sync + 'static,
) -> Array {
    Array::build(|| blocks::from_function(&shape.into(), chunks.into(), f))
}
