//! A fused elementwise expression as a straight-line program over registers.
//!
//! Register `r` is leaf `r` for `r < leaves.len()`, else the result of step `r − leaves.len()`. A step
//! only reads registers before it. One run evaluates the program tile by tile, so that every
//! intermediate stays in cache.

use crate::dtype::{DType, Scalar};
use crate::generate::Generator;
use crate::op::{BinaryOp, UnaryOp};
use serde::{Deserialize, Serialize};

/// A register of a [`Program`].
pub type Reg = u16;

/// So many registers a program can name.
pub const REGISTERS_MAX: usize = 1 << Reg::BITS;

/// Register number `at`.
///
/// # Panics
/// If `at` is not under [`REGISTERS_MAX`]: a number cut short would name another register. Who builds programs from
/// what users ask checks before.
pub fn register(at: usize) -> Reg {
    Reg::try_from(at).unwrap_or_else(|_| panic!("program: register {at} of at most {REGISTERS_MAX}"))
}

/// Where a register's values come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Leaf {
    /// The view given to the run at position `slot`, of this dtype.
    Input {
        /// Position among the views given to the run.
        slot: usize,
        /// Its dtype.
        dtype: DType,
    },
    /// The same value everywhere.
    Constant {
        /// The value; cast to `dtype`.
        value: Scalar,
        /// The register's dtype.
        dtype: DType,
    },
    /// Values computed from the element's place.
    Generate {
        /// The function of the place.
        generator: Generator,
        /// One entry for every axis of the generator: how its index follows from the loop's place.
        axes: Vec<Follow>,
    },
}

/// The index along one axis of a generator: `start + step · place[axis]`, or just `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Follow {
    /// Index where the loop's place is 0.
    pub start: i64,
    /// Change of the index a step of the loop; negative for a flipped axis.
    pub step: i64,
    /// The axis of the loop that it follows.
    pub axis: Option<usize>,
}

/// An operation of a step. Its arguments already have the dtype that `Types::args` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepOp {
    /// One argument.
    Unary(UnaryOp),
    /// Two arguments.
    Binary(BinaryOp),
    /// `where(condition, x, y)`: a bool and two of the result's dtype.
    Where,
    /// `astype`: from the argument's dtype to the step's.
    Cast,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub op: StepOp,
    /// The arguments; unused ones are 0.
    pub args: [Reg; 3],
    /// The dtype of the result.
    pub dtype: DType,
}

/// Leaves and steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// The first registers.
    pub leaves: Vec<Leaf>,
    /// The registers after them.
    pub steps: Vec<Step>,
}

impl Program {
    /// The dtype of register `reg`.
    ///
    /// # Panics
    /// If there is no such register.
    pub fn dtype(&self, reg: Reg) -> DType {
        let reg = reg as usize;
        match self.leaves.get(reg) {
            Some(Leaf::Input { dtype, .. } | Leaf::Constant { dtype, .. }) => *dtype,
            Some(Leaf::Generate { generator, .. }) => generator.dtype(),
            None => self.steps[reg - self.leaves.len()].dtype,
        }
    }

    /// Appends a step and returns its register.
    ///
    /// # Panics
    /// As [`register`].
    pub fn push(&mut self, op: StepOp, args: [Reg; 3], dtype: DType) -> Reg {
        self.steps.push(Step { op, args, dtype });
        register(self.leaves.len() + self.steps.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_that_has_no_number_is_refused() {
        let mut program = Program::default();
        program.leaves.resize(REGISTERS_MAX - 1, Leaf::Constant { value: Scalar::Int(0), dtype: DType::I64 });
        assert_eq!(program.push(StepOp::Unary(UnaryOp::Negative), [0; 3], DType::I64) as usize, REGISTERS_MAX - 1);
        let refused = std::panic::catch_unwind(move || program.push(StepOp::Unary(UnaryOp::Negative), [0; 3], DType::I64));
        assert!(refused.is_err(), "given {:?}", refused.ok());
    }
}
