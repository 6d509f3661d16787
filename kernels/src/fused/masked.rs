//! Masked reductions → plain ones. Where some value leaves a reduction's state alone, a step of the program
//! puts it in place of what the mask leaves out; where none does, the loops are given the selected runs.

use crate::dtype::{DType, Kind, Scalar};
use crate::elementwise::order::Order;
use crate::op::ReduceOp;
use crate::program::{Leaf, Program, Reg, Step, StepOp, register};
use crate::reduce::Reduction;
use crate::with_element;

/// The mask of a reduction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mask {
    /// A bool register.
    pub reg: Reg,
    /// Whether the loops are given the selected runs, since no value is neutral.
    pub runs: bool,
}

/// The dtype of the tiles that a masked reduction's loops take.
fn tile_dtype(reduction: &Reduction) -> DType {
    match reduction.op {
        // integers have no NaN; their moments are of their f64 values anyway
        ReduceOp::Var | ReduceOp::Std if !(reduction.dtype.is_float() || reduction.dtype.is_complex()) => DType::F64,
        _ => reduction.dtype,
    }
}

/// A value that leaves the state of a masked reduction alone.
fn neutral(reduction: &Reduction) -> Option<Scalar> {
    let dtype = tile_dtype(reduction);
    let nan = if dtype.is_complex() { Scalar::Complex(f64::NAN, f64::NAN) } else { Scalar::Float(f64::NAN) };
    let number = |x: u8| match dtype.kind() {
        Kind::Bool => Scalar::Bool(x != 0),
        Kind::Signed => Scalar::Int(x as i64),
        Kind::Unsigned => Scalar::UInt(x as u64),
        Kind::Float => Scalar::Float(x as f64),
        Kind::Complex => Scalar::Complex(x as f64, 0.0),
    };
    let skip_nan = reduction.skip_nan && (dtype.is_float() || dtype.is_complex());
    match reduction.op {
        // the loops of masked moments pass over NaN, and the count of selected values betrays a selected one
        ReduceOp::Var | ReduceOp::Std => Some(nan),
        // a sum starts at 0.0, so that no lane is ever −0.0
        ReduceOp::Sum | ReduceOp::Any | ReduceOp::CountNonzero | ReduceOp::BitwiseOr | ReduceOp::BitwiseXor => Some(number(0)),
        ReduceOp::BitwiseAnd => Some(match dtype.kind() {
            Kind::Signed => Scalar::Int(-1),
            Kind::Unsigned => Scalar::UInt(u64::MAX >> (64 - 8 * dtype.size())),
            _ => number(1),
        }),
        ReduceOp::All => Some(number(1)),
        // of equal values the first stands, selected or not
        ReduceOp::Argmin | ReduceOp::Argmax => None,
        ReduceOp::Prod | ReduceOp::Mean | ReduceOp::Min | ReduceOp::Max if skip_nan => Some(nan),
        ReduceOp::Mean => Some(number(0)),
        // (∞ + 0i) · (1 + 0i) is ∞ + NaN i
        ReduceOp::Prod if dtype.is_complex() => None,
        ReduceOp::Prod => Some(number(1)),
        ReduceOp::Min => Some(with_element!(dtype, T => Scalar::read(dtype, bytemuck::bytes_of(&<T as Order>::TOP)))),
        ReduceOp::Max => Some(with_element!(dtype, T => Scalar::read(dtype, bytemuck::bytes_of(&<T as Order>::BOTTOM)))),
    }
}

/// The constant leaf of that value.
fn constant(program: &mut Program, value: Scalar, dtype: DType) -> Reg {
    let there =
        program.leaves.iter().position(|leaf| matches!(leaf, Leaf::Constant { value: v, dtype: d } if v.same_bits(value) && *d == dtype));
    there.unwrap_or_else(|| {
        program.leaves.push(Leaf::Constant { value, dtype });
        program.leaves.len() - 1
    }) as Reg
}

/// The register of that step, which may be there already.
fn step(program: &mut Program, op: StepOp, args: [Reg; 3], dtype: DType) -> Reg {
    let step = Step { op, args, dtype };
    match program.steps.iter().position(|other| *other == step) {
        Some(at) => register(program.leaves.len() + at),
        None => program.push(op, args, dtype),
    }
}

/// Appends what the masks need to the program, renumbers the registers, and leaves in `reductions` the
/// registers that the loops take.
///
/// # Panics
/// If a mask is no bool register, or a reduction does not say that it is masked.
pub(super) fn lower(
    program: &mut Program,
    outputs: &mut [Reg],
    reductions: Vec<(Reg, Option<Reg>, Reduction)>,
) -> (Vec<(Reg, Reduction)>, Vec<Option<Mask>>) {
    let leaves = program.leaves.len();
    let constants: Vec<Option<Reg>> = reductions
        .iter()
        .map(|(_, mask, reduction)| {
            assert_eq!(mask.is_some(), reduction.masked, "fused: whether {} is masked", reduction.op.name());
            mask.and_then(|_| neutral(reduction)).map(|value| constant(program, value, tile_dtype(reduction)))
        })
        .collect();
    let more = program.leaves.len() - leaves;
    let moved = |reg: Reg| if (reg as usize) < leaves { reg } else { register(reg as usize + more) };
    for step in &mut program.steps {
        step.args = step.args.map(moved);
    }
    outputs.iter_mut().for_each(|reg| *reg = moved(*reg));
    let lowered = reductions.into_iter().zip(constants).map(|((reg, mask, reduction), constant)| {
        let mut reg = moved(reg);
        let Some(mask) = mask.map(moved) else { return ((reg, reduction), None) };
        assert_eq!(program.dtype(mask), DType::Bool, "fused: the mask of {}", reduction.op.name());
        if let Some(constant) = constant {
            let dtype = tile_dtype(&reduction);
            if program.dtype(reg) != dtype {
                reg = step(program, StepOp::Cast, [reg, 0, 0], dtype);
            }
            reg = step(program, StepOp::Where, [mask, reg, constant], dtype);
        }
        ((reg, reduction), Some(Mask { reg: mask, runs: constant.is_none() }))
    });
    lowered.unzip()
}

/// Calls `body(first, n)` for each run of true values.
pub(super) fn runs(mask: &[u8], mut body: impl FnMut(usize, usize)) {
    let mut at = 0;
    while let Some(skipped) = mask[at..].iter().position(|&m| m != 0) {
        at += skipped;
        let n = mask[at..].iter().position(|&m| m == 0).unwrap_or(mask.len() - at);
        body(at, n);
        at += n;
    }
}

/// How many are true.
pub(super) fn count(mask: &[u8]) -> u64 {
    mask.iter().map(|&m| (m != 0) as u32).sum::<u32>() as u64
}
