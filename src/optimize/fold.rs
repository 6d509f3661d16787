//! Expr → Expr. Casts that do nothing, and casts of constants where every way of casting agrees.

use crate::error::Result;
use crate::expr::{Expr, Op, rebuild};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::program::StepOp;

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    rebuild(roots, |node| {
        let Op::Elementwise { op: StepOp::Cast, args, dtype } = &node.op else { return Ok(node.clone()) };
        if args[0].dtype == *dtype {
            return Ok(args[0].clone());
        }
        let Op::Full { value, dtype: from, shape, .. } = &args[0].op else { return Ok(node.clone()) };
        let Some(value) = cast(*value, *from, *dtype) else { return Ok(node.clone()) };
        let chunks = node.chunks.clone();
        node.replaced_by(Op::Full { value, dtype: *dtype, shape: shape.clone(), chunks: chunks.clone() }, chunks)
    })
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
