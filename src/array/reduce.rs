//! Reductions: NumPy's names, any axes, keepdims, ddof, where.

use super::elementwise::{self, broadcast, cast};
use super::{Array, Axes, Operand, counted, full, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, Reduce, cells};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::{BinaryOp, ReduceOp};
use flagstone_kernels::reduce::Reduction;

/// Whether NumPy takes a number for an array with one axis.
fn takes_numbers(op: ReduceOp) -> bool {
    !matches!(op, ReduceOp::Mean | ReduceOp::Var | ReduceOp::Std)
}

/// What a reduction begins with, in the dtype of its result.
pub(super) fn first_value(initial: &Operand, dtype: DType) -> Array {
    match initial {
        Operand::Array(array) => array.clone(),
        Operand::Scalar(scalar) => full(Vec::<u64>::new(), *scalar, None),
    }
    .astype(dtype)
}

/// A reduction of `expr` that begins with a value, in the dtype of the result.
fn reduce_from(initial: &Operand, op: ReduceOp, expr: &Expr, axes: &Axes, skip_nan: bool) -> Result<Expr> {
    if expr.is_counted() {
        let (initial, mut axes) = (initial.clone(), axes.clone());
        let mask = axes.only.take().map(|mask| mask.expr()).transpose()?;
        let later = move |args: &[Expr]| {
            let mut axes = axes.clone();
            axes.only = args.get(1).cloned().map(Array::from_expr);
            reduce_from(&initial, op, &args[0], &axes, skip_nan)
        };
        let args: Vec<Expr> = std::iter::once(expr.clone()).chain(mask).collect();
        return counted::when_known(op.name(), &args, &[], later);
    }
    let joined = match op {
        ReduceOp::Sum => BinaryOp::Add,
        ReduceOp::Prod => BinaryOp::Multiply,
        ReduceOp::Min => [BinaryOp::Minimum, BinaryOp::Fmin][skip_nan as usize],
        ReduceOp::Max => [BinaryOp::Maximum, BinaryOp::Fmax][skip_nan as usize],
        ReduceOp::Any => BinaryOp::LogicalOr,
        ReduceOp::All => BinaryOp::LogicalAnd,
        ReduceOp::BitwiseAnd => BinaryOp::BitwiseAnd,
        ReduceOp::BitwiseOr => BinaryOp::BitwiseOr,
        ReduceOp::BitwiseXor => BinaryOp::BitwiseXor,
        other => return Err(Error::bad_request(other.name(), "an initial value; expected none")),
    };
    let mut axes = Axes { initial: None, ..axes.clone() };
    let array = Array::from_expr(expr.clone());
    let value = |dtype: DType| first_value(initial, dtype);
    let is_extreme = matches!(op, ReduceOp::Min | ReduceOp::Max);
    let found = if is_extreme && axes.positions(op.name(), expr.shape.len())?.iter().any(|&axis| expr.shape[axis] == 0) {
        // sums of nothing are there where the least of nothing is not
        return (array.sum(axes).astype(expr.dtype) + value(expr.dtype)).expr();
    } else {
        // what is left out is as good as the first value
        let of = match axes.only.take_if(|_| is_extreme) {
            Some(mask) => where_(&mask, &array, value(expr.dtype)).expr()?,
            None => expr.clone(),
        };
        reduce(op, &of, &axes, skip_nan)?
    };
    let first = Operand::Array(value(found.dtype));
    elementwise::binary(joined, &Operand::Array(Array::from_expr(found)), &first)
}

/// A reduction of `expr`; `skip_nan` for the nan- forms.
pub(super) fn reduce(op: ReduceOp, expr: &Expr, axes: &Axes, skip_nan: bool) -> Result<Expr> {
    if let Some(initial) = &axes.initial {
        return reduce_from(initial, op, expr, axes, skip_nan);
    }
    let name = if skip_nan { format!("nan{}", op.name()) } else { op.name().to_string() };
    if expr.shape.is_empty() && takes_numbers(op) && matches!(axes.axes.as_deref(), Some([0 | -1])) {
        return reduce(op, expr, &Axes { axes: None, ..axes.clone() }, skip_nan);
    }
    let positions = axes.positions(&name, expr.shape.len())?;
    if matches!(op, ReduceOp::Argmin | ReduceOp::Argmax) && axes.axes.as_ref().is_some_and(|axes| axes.len() > 1) {
        return Err(Error::bad_request(name, format!("axes {:?}; expected one axis, or all", axes.axes.as_deref().unwrap_or_default())));
    }
    if axes.only.is_some() && matches!(op, ReduceOp::Argmin | ReduceOp::Argmax) {
        return Err(Error::bad_request(name, "where=; use where(mask, x, nan) and the nan- form"));
    }
    if axes.only.is_some() && matches!(op, ReduceOp::Min | ReduceOp::Max) {
        return Err(Error::bad_request(name, "where= without initial=, the value where nothing is left"));
    }
    let cast_to = axes.dtype.filter(|_| !matches!(op, ReduceOp::CountNonzero | ReduceOp::Any | ReduceOp::All));
    let arg = match cast_to {
        Some(dtype) => cast(expr, dtype)?,
        None => expr.clone(),
    };
    let out = op.out_dtype(arg.dtype).ok_or_else(|| Error::bad_type(&name, format!("not defined for {}", arg.dtype)))?;
    let (arg, mask) = match &axes.only {
        None => (arg, None),
        Some(mask) => {
            let mask = cast(&mask.expr()?, DType::Bool)?;
            let mask = match arg.is_counted() || mask.is_counted() {
                false => broadcast(&name, &mask, &arg.shape)?,
                true if counted::same_lengths(&mask, &arg) => mask,
                true if counted::spreads(&mask, &arg) => counted::spread(&mask, &arg)?,
                true => {
                    let without = Axes { only: None, ..axes.clone() };
                    return counted::when_known(&name, &[expr.clone(), mask], &[], move |args| {
                        reduce(op, &args[0], &without.clone().only(&Array::from_expr(args[1].clone())), skip_nan)
                    });
                }
            };
            (arg, Some(mask))
        }
    };
    let skip_nan = skip_nan && (arg.dtype.is_float() || arg.dtype.is_complex());
    let reduction = Reduction { op, dtype: arg.dtype, out, skip_nan, ddof: axes.ddof, masked: false };
    let cells = cells(&arg.chunks, &positions);
    let result = Node::new(Op::Reduce(Reduce { reduction, arg, mask, axes: positions, keepdims: axes.keepdims, cells }))?;
    // NumPy accumulates sums of dtype=int8 in int8: the wide sum wraps to the same value
    match (op, cast_to) {
        (ReduceOp::Sum | ReduceOp::Prod | ReduceOp::Mean, Some(dtype)) => cast(&result, dtype),
        _ => Ok(result),
    }
}

macro_rules! reductions {
    ($($name:ident $nan:ident = $op:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, "\n\n```\nuse flagstone::{DType, axis, ones};\nlet x = ones([2, 3], DType::F64);\nassert_eq!(x.",
                stringify!($name), "(..).ndim().unwrap(), 0);\nassert_eq!(x.", stringify!($name),
                "(axis(1).keepdims()).shape().unwrap(), [2, 1]);\n```")]
            #[track_caller]
            pub fn $name(&self, axes: impl Into<Axes>) -> Array {
                Array::build(|| reduce(ReduceOp::$op, &self.expr()?, &axes.into(), false))
            }
            #[doc = concat!("[`Array::", stringify!($name), "`] of what is not NaN.\n\n```\nuse flagstone::{DType, ones};\nassert_eq!(ones([2, 3], DType::F64).",
                stringify!($nan), "(1).shape().unwrap(), [2]);\n```")]
            #[track_caller]
            pub fn $nan(&self, axes: impl Into<Axes>) -> Array {
                Array::build(|| reduce(ReduceOp::$op, &self.expr()?, &axes.into(), true))
            }
        )* }
    };
}

reductions! {
    sum nansum = Sum, "Sums. Integers add up in 64 bits.";
    prod nanprod = Prod, "Products.";
    mean nanmean = Mean, "Arithmetic means.";
    var nanvar = Var, "Variances, with [`Axes::ddof`].";
    std nanstd = Std, "Standard deviations, with [`Axes::ddof`].";
    min nanmin = Min, "Smallest values.";
    max nanmax = Max, "Largest values.";
    argmin nanargmin = Argmin, "Where the first smallest value is: along one axis, or in the flattened array.";
    argmax nanargmax = Argmax, "Where the first largest value is: along one axis, or in the flattened array.";
}

macro_rules! tests_of_elements {
    ($($name:ident = $op:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, "\n\n```\nuse flagstone::{DType, ones};\nassert_eq!(ones([2, 3], DType::F64).",
                stringify!($name), "(0).shape().unwrap(), [3]);\n```")]
            #[track_caller]
            pub fn $name(&self, axes: impl Into<Axes>) -> Array {
                Array::build(|| reduce(ReduceOp::$op, &self.expr()?, &axes.into(), false))
            }
        )* }
    };
}

tests_of_elements! {
    any = Any, "Whether any element is nonzero.";
    all = All, "Whether all elements are nonzero.";
    count_nonzero = CountNonzero, "How many elements are nonzero.";
}

impl Array {
    /// Largest minus smallest value.
    ///
    /// ```
    /// assert_eq!(flagstone::ones([2, 3], flagstone::DType::F32).ptp(1).shape().unwrap(), [2]);
    /// ```
    #[track_caller]
    pub fn ptp(&self, axes: impl Into<Axes>) -> Array {
        let axes = axes.into();
        self.max(axes.clone()) - self.min(axes)
    }

    /// Whether all elements are close to `other`'s, by [`isclose`](super::isclose).
    ///
    /// ```
    /// use flagstone::{DType, ones};
    /// assert_eq!(ones([2], DType::F64).allclose(1.0, 1e-5, 1e-8).ndim().unwrap(), 0);
    /// ```
    #[track_caller]
    pub fn allclose(&self, other: impl Into<Operand>, rtol: f64, atol: f64) -> Array {
        super::isclose(self, other, rtol, atol, false).all(..)
    }
}
