//! One elementwise operation.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::{BinaryOp, UnaryOp};
use flagstone_kernels::program::StepOp;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// One elementwise operation. Arguments have exactly the result's shape (broadcasting is an explicit `View`) and the
/// dtypes that the operation computes in (conversion is an explicit `Cast`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Elementwise {
    /// Which.
    pub op: StepOp,
    /// One to three arguments.
    #[serde(with = "record::args")]
    pub args: Vec<Expr>,
    /// The dtype of the result.
    pub dtype: DType,
}

impl Op {
    /// The addends of a sum, or of a difference, whose second one is `true`: it is taken away.
    pub fn addends(&self) -> Option<[(&Expr, bool); 2]> {
        match self {
            Op::Elementwise(Elementwise { op: StepOp::Binary(op @ (BinaryOp::Add | BinaryOp::Subtract)), args, .. }) => {
                Some([(&args[0], false), (&args[1], *op == BinaryOp::Subtract)])
            }
            _ => None,
        }
    }

    /// What is converted to another dtype.
    pub fn converted(&self) -> Option<&Expr> {
        match self {
            Op::Elementwise(Elementwise { op: StepOp::Cast, args, .. }) => args.first(),
            _ => None,
        }
    }
}

impl Operation for Elementwise {
    fn name(&self) -> &str {
        match self.op {
            StepOp::Unary(op) => op.name(),
            StepOp::Binary(op) => op.name(),
            StepOp::Where => "where",
            StepOp::Cast => "astype",
        }
    }

    fn args(&self) -> Vec<&Expr> {
        self.args.iter().collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let shape = self.args[0].shape.clone();
        if let Some(other) = self.args.iter().find(|arg| arg.shape != shape) {
            return Err(Error::bad_request(self.name(), format!("shapes {shape:?} and {:?} do not broadcast", other.shape)));
        }
        let counted = self.args.iter().map(|arg| &arg.counted).find(|counted| !counted.is_empty()).cloned().unwrap_or_default();
        Ok(Inferred { counted, ..Inferred::known(shape, self.dtype, chunks_of(&self.args)) })
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Elementwise(other) if self.op == other.op)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name().as_bytes());
    }

    fn detail(&self) -> String {
        String::new()
    }

    fn through(&self) -> Through<'_> {
        Through::Each
    }

    fn cost(&self) -> u64 {
        cost(self.op)
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        true
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}

/// Along each axis, the cuts of the first argument that cuts it; an argument broadcast along the axis has
/// one chunk there.
fn chunks_of(args: &[Expr]) -> ChunkGrid {
    let axes = (0..args[0].shape.len()).map(|axis| {
        let cut = args.iter().map(|arg| &arg.chunks.axes[axis]).find(|chunks| chunks.count() > 1);
        cut.unwrap_or(&args[0].chunks.axes[axis]).clone()
    });
    ChunkGrid { axes: axes.collect() }
}

/// What evaluating an operation counts for, in additions.
fn cost(op: StepOp) -> u64 {
    use BinaryOp::*;
    match op {
        StepOp::Cast | StepOp::Where => 1,
        StepOp::Unary(op) => match op {
            UnaryOp::Negative | UnaryOp::Positive | UnaryOp::Absolute | UnaryOp::Fabs | UnaryOp::Sign | UnaryOp::Signbit => 1,
            UnaryOp::Rint | UnaryOp::Floor | UnaryOp::Ceil | UnaryOp::Trunc | UnaryOp::Square => 1,
            UnaryOp::Deg2rad | UnaryOp::Rad2deg | UnaryOp::Isnan | UnaryOp::Isinf | UnaryOp::Isfinite => 1,
            UnaryOp::LogicalNot | UnaryOp::Invert | UnaryOp::Real | UnaryOp::Imag | UnaryOp::Conjugate => 1,
            UnaryOp::Sqrt | UnaryOp::Reciprocal => 3,
            _ => super::DEAR,
        },
        StepOp::Binary(op) => match op {
            Add | Subtract | Multiply | Divide | Maximum | Minimum | Fmax | Fmin | Copysign => 1,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual | LogicalAnd | LogicalOr | LogicalXor => 1,
            BitwiseAnd | BitwiseOr | BitwiseXor | LeftShift | RightShift => 1,
            _ => super::DEAR,
        },
    }
}
