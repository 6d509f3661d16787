//! Expr → Expr. Casts that do nothing, casts of constants where every way of casting agrees, and divisions that
//! are products bit for bit.

use crate::error::Result;
use crate::expr::{Expr, Op, ops, rebuild};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::BinaryOp;
use flagstone_kernels::program::StepOp;

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    rebuild(roots, |node| match &node.op {
        Op::Elementwise(ops::Elementwise { op: StepOp::Cast, args, dtype }) => {
            if args[0].dtype == *dtype {
                return Ok(args[0].clone());
            }
            match full(&args[0]).and_then(|value| cast(value, args[0].dtype, *dtype)) {
                Some(value) => node.replaced_by(constant(value, *dtype, node), node.chunks.clone()),
                None => Ok(node.clone()),
            }
        }
        Op::Elementwise(ops::Elementwise { op: StepOp::Binary(BinaryOp::Divide), args, dtype }) => {
            match full(&args[1]).and_then(|value| reciprocal(value, *dtype)) {
                Some(value) => {
                    let by = args[1].replaced_by(constant(value, *dtype, &args[1]), args[1].chunks.clone())?;
                    let op = StepOp::Binary(BinaryOp::Multiply);
                    node.replaced_by(
                        Op::Elementwise(ops::Elementwise { op, args: vec![args[0].clone(), by], dtype: *dtype }),
                        node.chunks.clone(),
                    )
                }
                None => Ok(node.clone()),
            }
        }
        _ => Ok(node.clone()),
    })
}

/// The value of a constant.
fn full(node: &Expr) -> Option<Scalar> {
    match &node.op {
        Op::Full(ops::Full { value, .. }) => Some(*value),
        _ => None,
    }
}

/// A constant as long as `like`.
fn constant(value: Scalar, dtype: DType, like: &Expr) -> Op {
    Op::Full(ops::Full { value, dtype, shape: like.shape.clone(), chunks: like.chunks.clone() })
}

/// 1 / `value` if both are powers of two well inside the range of `dtype`: x / value and x · (1 / value) are then
/// the same number, rounded once.
fn reciprocal(value: Scalar, dtype: DType) -> Option<Scalar> {
    let exponent_max = match dtype {
        DType::F16 => 12,
        DType::F32 | DType::BF16 => 120,
        DType::F64 => 1000,
        _ => return None,
    };
    let value = value.as_f64();
    let power = value.is_normal() && value.to_bits() << 12 == 0;
    (power && value.abs().log2().abs() <= exponent_max as f64).then(|| Scalar::Float(1.0 / value))
}

/// `value`, an element of `from`, as an element of `to`; `None` unless it comes back unchanged, so that no
/// rounding or wrapping of one cast could differ from another's.
fn cast(value: Scalar, from: DType, to: DType) -> Option<Scalar> {
    let stored = |value: Scalar, dtype: DType| {
        let mut bytes = [0; 16];
        let bytes = &mut bytes[..dtype.size()];
        value.write(dtype, bytes);
        Scalar::read(dtype, bytes)
    };
    let before = stored(value, from);
    let after = stored(before, to);
    let nan = matches!(before, Scalar::Float(f) if f.is_nan()) || matches!(before, Scalar::Complex(re, im) if re.is_nan() || im.is_nan());
    (!nan && stored(after, from).same_bits(before)).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_powers_of_two_divide_as_products() {
        assert_eq!(reciprocal(Scalar::Float(2.0), DType::F64), Some(Scalar::Float(0.5)));
        assert_eq!(reciprocal(Scalar::Float(-0.25), DType::F16), Some(Scalar::Float(-4.0)));
        for value in [0.0, -0.0, 3.0, f64::INFINITY, f64::NAN, 2f64.powi(1001), f64::MIN_POSITIVE / 2.0] {
            assert_eq!(reciprocal(Scalar::Float(value), DType::F64), None, "{value}");
        }
        assert_eq!(reciprocal(Scalar::Float(2f64.powi(14)), DType::F16), None);
        assert_eq!(reciprocal(Scalar::Float(2.0), DType::C128), None);
        assert_eq!(reciprocal(Scalar::Int(2), DType::I64), None);
    }

    #[test]
    fn only_casts_that_lose_nothing_are_folded() {
        assert_eq!(cast(Scalar::Int(2), DType::I64, DType::F32), Some(Scalar::Float(2.0)));
        assert_eq!(cast(Scalar::Int(7), DType::U8, DType::C64), Some(Scalar::Complex(7.0, 0.0)));
        assert_eq!(cast(Scalar::Int((1 << 53) + 1), DType::I64, DType::F64), None);
        assert_eq!(cast(Scalar::Float(0.1), DType::F64, DType::F32), None);
        assert_eq!(cast(Scalar::Float(f64::NAN), DType::F64, DType::F32), None);
        assert_eq!(cast(Scalar::Float(-0.0), DType::F64, DType::I32), None);
        assert_eq!(cast(Scalar::Int(300), DType::I32, DType::I8), None);
        // the element is 0.1 rounded to f32, whatever the scalar says
        assert_eq!(cast(Scalar::Float(0.1), DType::F32, DType::F64), Some(Scalar::Float(0.1f32 as f64)));
    }
}
