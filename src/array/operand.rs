//! What may stand beside an array in an operation: arrays, weak scalars, ndarray arrays.

use super::{Array, ArrayElement, io};
use crate::error::{Error, Refusal, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::{C64, C128, DType, Kind, Scalar};

/// An argument of an elementwise operation. Scalars are weak, as Python's are in NumPy 2: they lift the
/// kind (bool, integer, float, complex) and never the size.
///
/// ```
/// use flagstone::{DType, array::Operand, zeros};
/// let two: Operand = 2.0.into();
/// assert_eq!((zeros([1], DType::F32) + two).dtype().unwrap(), DType::F32);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Operand {
    /// An array.
    Array(Array),
    /// A weak scalar.
    Scalar(Scalar),
}

/// An operand whose array was built.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Expr(Expr),
    Weak(Scalar),
}

impl Operand {
    pub(super) fn arg(&self) -> Result<Arg> {
        Ok(match self {
            Operand::Array(array) => Arg::Expr(array.expr()?),
            Operand::Scalar(scalar) => Arg::Weak(*scalar),
        })
    }

    /// The scalar, where the operation takes no array.
    pub(super) fn scalar(&self, operation: &str, name: &str) -> Result<Scalar> {
        match self {
            Operand::Scalar(scalar) => Ok(*scalar),
            Operand::Array(array) => {
                array.check()?;
                Err(Error::bad_type(operation, format!("{name} is an array; expected a number")))
            }
        }
    }
}

/// The dtype that the arguments of an operation promote to (NEP 50).
pub(super) fn common_dtype(args: &[&Arg]) -> DType {
    let strong = args.iter().filter_map(|arg| match arg {
        Arg::Expr(expr) => Some(expr.dtype),
        Arg::Weak(_) => None,
    });
    let weak = args.iter().filter_map(|arg| match arg {
        Arg::Expr(_) => None,
        Arg::Weak(scalar) => Some(*scalar),
    });
    match strong.reduce(DType::promote) {
        Some(dtype) => weak.fold(dtype, |dtype, scalar| dtype.promote_weak(scalar.kind())),
        None => weak.map(Scalar::natural_dtype).reduce(DType::promote).unwrap_or(DType::F64),
    }
}

/// Smallest and largest value of an integer dtype.
pub(super) fn integer_range(dtype: DType) -> Option<(i128, i128)> {
    let bits = 8 * dtype.size() as u32;
    match dtype.kind() {
        Kind::Signed => Some((-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1)),
        Kind::Unsigned => Some((0, (1i128 << bits) - 1)),
        _ => None,
    }
}

/// The value of an integer scalar.
pub(super) fn integer(scalar: Scalar) -> Option<i128> {
    match scalar {
        Scalar::Int(i) => Some(i as i128),
        Scalar::UInt(u) => Some(u as i128),
        _ => None,
    }
}

/// Refuses an integer that does not fit `dtype`, as NumPy's OverflowError.
pub(super) fn check_fits(operation: &str, scalar: Scalar, dtype: DType) -> Result<()> {
    if let (Some(value), Some((low, high))) = (integer(scalar), integer_range(dtype))
        && !(low..=high).contains(&value)
    {
        return Err(Error::refused(
            Refusal::Overflow,
            operation,
            format!("integer {value} is out of bounds for {dtype}; expected {low}..={high}"),
        ));
    }
    Ok(())
}

macro_rules! from_scalar {
    ($($t:ty: $v:ident => $scalar:expr),* $(,)?) => { $(
        impl From<$t> for Operand {
            fn from($v: $t) -> Operand {
                Operand::Scalar($scalar)
            }
        }
    )* };
}
from_scalar!(
    f64: v => Scalar::Float(v),
    f32: v => Scalar::Float(v as f64),
    i64: v => Scalar::Int(v),
    i32: v => Scalar::Int(v as i64),
    u64: v => i64::try_from(v).map_or(Scalar::UInt(v), Scalar::Int),
    usize: v => i64::try_from(v).map_or(Scalar::UInt(v as u64), Scalar::Int),
    bool: v => Scalar::Bool(v),
    C128: v => Scalar::Complex(v.re, v.im),
    C64: v => Scalar::Complex(v.re as f64, v.im as f64),
    Scalar: v => v,
);

impl From<Array> for Operand {
    fn from(array: Array) -> Operand {
        Operand::Array(array)
    }
}

impl From<&Array> for Operand {
    fn from(array: &Array) -> Operand {
        Operand::Array(array.clone())
    }
}

impl<T: ArrayElement, D: ndarray::Dimension> From<ndarray::Array<T, D>> for Operand {
    fn from(array: ndarray::Array<T, D>) -> Operand {
        Operand::Array(io::in_memory::from_ndarray(array.view().into_dyn()))
    }
}

impl<T: ArrayElement, D: ndarray::Dimension> From<&ndarray::Array<T, D>> for Operand {
    fn from(array: &ndarray::Array<T, D>) -> Operand {
        Operand::Array(io::in_memory::from_ndarray(array.view().into_dyn()))
    }
}
