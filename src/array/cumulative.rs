//! Running totals: NumPy's `cumsum` and its kind.

use super::axes::position;
use super::elementwise::{cast, constant};
use super::{Array, concatenate, counted};
use crate::error::Result;
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::ScanOp;
use flagstone_kernels::scan::Scan;

/// Running totals of `expr` along `axis`, which a 1-D array need not name; `skip_nan` for the nan- forms.
pub(super) fn cumulative(op: ScanOp, expr: &Expr, axis: Option<i64>, dtype: Option<DType>, skip_nan: bool) -> Result<Expr> {
    if expr.is_counted() {
        let later = move |args: &[Expr]| cumulative(op, &args[0], axis, dtype, skip_nan);
        return counted::when_known(op.name(), std::slice::from_ref(expr), &[], later);
    }
    let name = if skip_nan { format!("nan{}", op.name()) } else { op.name().to_string() };
    let ndim = expr.shape.len();
    let axis = match axis {
        // a number is an array of one, as NumPy has it
        None | Some(0 | -1) if ndim == 0 => return cumulative(op, &super::manipulate::insert_axes(expr, &[0])?, Some(0), dtype, skip_nan),
        Some(axis) => position(&name, axis, ndim)?,
        None if ndim == 1 => 0,
        None => return cumulative(op, &Array::from_expr(expr.clone()).ravel().expr()?, Some(0), dtype, skip_nan),
    };
    let arg = match dtype {
        Some(dtype) => cast(expr, dtype)?,
        None => expr.clone(),
    };
    let scan = Scan::new(op, arg.dtype, skip_nan);
    let totals = Node::new(ops::Cumulative::new(scan, &arg, axis).into())?;
    // NumPy accumulates sums of dtype=int8 in int8: the wide sum wraps to the same value
    dtype.map_or(Ok(totals.clone()), |dtype| cast(&totals, dtype))
}

/// The array API's forms, with the value before the first element in front where that is asked for.
pub(super) fn with_initial(op: ScanOp, expr: &Expr, axis: Option<i64>, dtype: Option<DType>, initial: bool) -> Result<Expr> {
    if expr.is_counted() {
        let later = move |args: &[Expr]| with_initial(op, &args[0], axis, dtype, initial);
        return counted::when_known(op.name(), std::slice::from_ref(expr), &[], later);
    }
    let totals = cumulative(op, expr, axis, dtype, false)?;
    if !initial {
        return Ok(totals);
    }
    let at = position(op.name(), axis.unwrap_or(0), totals.shape.len())?;
    let mut shape = totals.shape.clone();
    shape[at] = 1;
    let first = constant(Scalar::Int((op == ScanOp::Prod) as i64), totals.dtype, &shape)?;
    concatenate(&[Array::from_expr(first), Array::from_expr(totals)], at as i64).expr()
}

macro_rules! totals {
    ($($name:ident = $op:ident $nan:literal, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, " along `axis`; the result has the array's shape. One read.\n\n```\nuse flagstone::{DType, ones};\n",
                "assert_eq!(ones([2, 3], DType::F64).", stringify!($name), "(1).shape().unwrap(), [2, 3]);\n```")]
            #[track_caller]
            pub fn $name(&self, axis: i64) -> Array {
                Array::build(|| cumulative(ScanOp::$op, &self.expr()?, Some(axis), None, $nan))
            }
        )* }
    };
}

totals! {
    cumsum = Sum false, "Running sums (integers add up in 64 bits)";
    cumprod = Prod false, "Running products";
    cummax = Max false, "Running maxima, NaN from the first one on";
    cummin = Min false, "Running minima, NaN from the first one on";
    nancumsum = Sum true, "Running sums, NaN counting as 0,";
    nancumprod = Prod true, "Running products, NaN counting as 1,";
}
