//! Values that follow from the index.

use crate::error::Result;
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::ChunkGrid;
use flagstone_kernels::generate::{Generator, Rule};
use std::hash::Hasher;

/// Values that follow from the index: random, arange, eye.
#[derive(Clone, Debug)]
pub struct Generate {
    /// The rule and its shape.
    pub generator: Generator,
    /// The chunks that a user sees.
    pub chunks: ChunkGrid,
}

impl Operation for Generate {
    fn name(&self) -> &str {
        "generate"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![]
    }

    fn infer(&self) -> Result<Inferred> {
        let shape = self.generator.shape.clone();
        Ok(Inferred::known(shape, self.generator.dtype(), self.chunks.clone()))
    }

    // equal text besides: 0.0 == -0.0, but they generate different bits
    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Generate(other)
            if self.generator == other.generator && format!("{:?}", self.generator.rule) == format!("{:?}", other.generator.rule))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(format!("{:?}", self.generator.rule).as_bytes());
    }

    fn detail(&self) -> String {
        format!("{:?}", self.generator.rule)
    }

    // the loop that reads it generates only the places of its view
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        match self.generator.rule {
            Rule::Random(_) => super::DEAR,
            _ => 0,
        }
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    fn takes_counted(&self) -> bool {
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, chunks: &ChunkGrid) -> Relabel {
        Relabel::As(Generate { chunks: chunks.clone(), ..self.clone() }.into())
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
