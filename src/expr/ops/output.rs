//! One of several results of an operation.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Result `at` of the operation of `of`. An array that is one of several results is a node of this, so that what a
/// graph reaches says which of them are wanted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Output {
    /// A node of an operation with several results.
    #[serde(with = "record::arg")]
    pub of: Expr,
    /// Which of them.
    pub at: usize,
}

/// One expression for each result of `op`.
///
/// # Errors
/// As [`Node::new`].
pub fn outputs(op: Op) -> Result<Vec<Expr>> {
    let of = Node::new(op)?;
    (0..=of.more.len()).map(|at| Node::new(Output { of: of.clone(), at }.into())).collect()
}

/// The node of which `expr` is one of several results, and which.
pub fn output_of(expr: &Expr) -> Option<(&Expr, usize)> {
    match &expr.op {
        Op::Output(Output { of, at }) => Some((of, *at)),
        _ => None,
    }
}

impl Operation for Output {
    fn name(&self) -> &str {
        "output"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.of]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.of]
    }

    fn infer(&self) -> Result<Inferred> {
        self.of.output(self.at).ok_or_else(|| Error::internal(format!("{} has no result {}", self.of.op.name(), self.at)))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Output(other) if self.at == other.at)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(self.at);
    }

    fn detail(&self) -> String {
        self.at.to_string()
    }

    // the operation makes what it makes whole
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        true
    }

    fn is_shared_leaf(&self) -> bool {
        true
    }

    fn takes_counted(&self) -> bool {
        true
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        false
    }

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }

    fn cut(&self) -> Option<Cut<'_>> {
        None
    }

    fn under_mask(&self, _: &Expr, _: &Expr) -> Result<Option<Op>> {
        Ok(None)
    }
}
