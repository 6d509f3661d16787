//! Functions of two arrays as reductions and as running totals: NumPy's `ufunc.reduce` and `ufunc.accumulate`.

use super::calls::{Options, cumulative, reduction};
use super::composed::composed;
use super::reduce::first_value;
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Axes, args, where_};
use crate::error::Result;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::{ReduceOp, ScanOp};

type Called = Result<Value>;

macro_rules! reduces {
    ($name:literal $doc:literal, $call:expr) => {
        sig!($name ["array", "axis" = "0", "dtype" = "None"; "keepdims" = "False", "initial" = "None", "where" = "None"] $doc, $call)
    };
}

macro_rules! accumulates {
    ($name:literal $doc:literal, $call:expr) => {
        sig!($name ["array", "axis" = "0", "dtype" = "None"] $doc, $call)
    };
}

pub(super) static SIGNATURES: &[Signature] = &[
    reduces!("add.reduce" "Sums.", |a| reduce(ReduceOp::Sum, false, a)),
    reduces!("multiply.reduce" "Products.", |a| reduce(ReduceOp::Prod, false, a)),
    reduces!("maximum.reduce" "Largest values.", |a| reduce(ReduceOp::Max, false, a)),
    reduces!("minimum.reduce" "Smallest values.", |a| reduce(ReduceOp::Min, false, a)),
    reduces!("fmax.reduce" "Largest values of what is not NaN.", |a| reduce(ReduceOp::Max, true, a)),
    reduces!("fmin.reduce" "Smallest values of what is not NaN.", |a| reduce(ReduceOp::Min, true, a)),
    reduces!("logical_and.reduce" "Whether all are nonzero.", |a| reduce(ReduceOp::All, false, a)),
    reduces!("logical_or.reduce" "Whether any is nonzero.", |a| reduce(ReduceOp::Any, false, a)),
    reduces!("logical_xor.reduce" "Whether an odd number of them is nonzero.", |a| {
        let truth = args::array("logical_xor.reduce", &a[0])?.astype(DType::Bool);
        reduce(ReduceOp::BitwiseXor, false, &[&[Value::Array(truth), a[1].clone(), Value::None], &a[3..]].concat())
    }),
    reduces!("bitwise_and.reduce" "Bits that all have.", |a| reduce(ReduceOp::BitwiseAnd, false, a)),
    reduces!("bitwise_or.reduce" "Bits that any has.", |a| reduce(ReduceOp::BitwiseOr, false, a)),
    reduces!("bitwise_xor.reduce" "Bits that an odd number of them has.", |a| reduce(ReduceOp::BitwiseXor, false, a)),
    reduces!("logaddexp.reduce" "log Σ eˣ.", |a| log_sum(Base::E, a)),
    reduces!("logaddexp2.reduce" "log₂ Σ 2ˣ.", |a| log_sum(Base::Two, a)),
    accumulates!("add.accumulate" "Running sums.", |a| cumulative(ScanOp::Sum, false, a)),
    accumulates!("multiply.accumulate" "Running products.", |a| cumulative(ScanOp::Prod, false, a)),
    accumulates!("maximum.accumulate" "Running maxima.", |a| cumulative(ScanOp::Max, false, a)),
    accumulates!("minimum.accumulate" "Running minima.", |a| cumulative(ScanOp::Min, false, a)),
    accumulates!("fmax.accumulate" "Running maxima of what is not NaN.", |a| cumulative(ScanOp::Max, true, a)),
    accumulates!("fmin.accumulate" "Running minima of what is not NaN.", |a| cumulative(ScanOp::Min, true, a)),
    accumulates!("logical_and.accumulate" "Whether all so far are nonzero.", |a| cumulative(ScanOp::Min, false, &truths(a)?)),
    accumulates!("logical_or.accumulate" "Whether any so far is nonzero.", |a| cumulative(ScanOp::Max, false, &truths(a)?)),
];

/// (array, axis, dtype, keepdims, initial, where).
fn reduce(op: ReduceOp, skip_nan: bool, a: &[Value]) -> Called {
    let options = Options { axis: &a[1], dtype: &a[2], keepdims: &a[3], initial: &a[4], only: &a[5], ..Options::NONE };
    reduction(op, skip_nan, &a[0], options)
}

/// (array, axis, dtype), the array as bools.
fn truths(a: &[Value]) -> Result<Vec<Value>> {
    Ok(vec![Value::Array(args::array("accumulate", &a[0])?.astype(DType::Bool)), a[1].clone(), Value::None])
}

/// Of which powers the logarithms are added.
#[derive(Clone, Copy)]
enum Base {
    E,
    Two,
}

impl Base {
    fn power(self, x: &Array) -> Array {
        match self {
            Base::E => x.exp(),
            Base::Two => x.exp2(),
        }
    }
    fn log(self, x: &Array) -> Array {
        match self {
            Base::E => x.log(),
            Base::Two => x.log2(),
        }
    }
    fn joined(self, a: &Array, b: &Array) -> Array {
        match self {
            Base::E => a.logaddexp(b),
            Base::Two => a.logaddexp2(b),
        }
    }
}

/// (array, axis, dtype, keepdims, initial, where): powers of what is less the greatest, so that none overflows. Two reads.
fn log_sum(base: Base, a: &[Value]) -> Called {
    let name = "logaddexp.reduce";
    let array = args::array(name, &a[0])?;
    let dtype = match args::dtype(name, &a[2])? {
        Some(dtype) => dtype,
        None => array.logaddexp(&array).dtype()?,
    };
    let axes = Axes { keepdims: true, ..args::axes(name, &a[1])? };
    let (keepdims, initial) =
        (args::boolean(name, &a[3])?, if matches!(a[4], Value::None) { None } else { Some(args::operand(name, &a[4])?) });
    let x = match &a[5] {
        Value::None => array.astype(dtype),
        only => where_(&args::array(name, only)?, array.astype(dtype), f64::NEG_INFINITY),
    };
    Ok(Value::Array(composed(name, &[&x], move |arrays| {
        let x = &arrays[0];
        let most = x.max(axes.clone().initial(f64::NEG_INFINITY));
        // ∞ − ∞ is no number
        let level = where_(most.isfinite(), &most, 0.0);
        let sums = base.log(&base.power(&(x - &level)).sum(axes.clone())) + level;
        let sums = match &initial {
            None => sums,
            Some(first) => base.joined(&sums, &first_value(first, dtype)),
        };
        let dropped: Vec<i64> = axes.positions(name, x.ndim()?)?.into_iter().map(|axis| axis as i64).collect();
        Ok(if keepdims { sums } else { sums.squeeze(dropped) })
    })))
}
