//! Affine choices of elements.

use crate::error::{Error, Result};
use crate::expr::infer::check_size;
use crate::expr::{Affine, Cut, Expr, Follow, Inferred, Node, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// Slicing, transposing, flipping, broadcasting: any affine choice of elements.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct View {
    /// Whose elements.
    #[serde(with = "record::arg")]
    pub arg: Expr,
    /// Which, and where they go.
    pub view: Affine,
}

/// The array with these axes from their ends on.
///
/// # Errors
/// As [`Node::new`].
pub fn mirrored(expr: &Expr, axes: &[usize]) -> Result<Expr> {
    if axes.is_empty() {
        return Ok(expr.clone());
    }
    let mut view = Affine::identity(&expr.shape);
    for &axis in axes {
        view.source[axis] = Follow { start: expr.shape[axis] as i64 - 1, step: -1, axis: Some(axis) };
    }
    Node::new(View { arg: expr.clone(), view }.into())
}

impl Op {
    /// Whether it repeats what it shows along an axis.
    pub fn repeats_along(&self, axis: usize) -> bool {
        matches!(self, Op::View(View { view, .. }) if view.slides.is_empty() && view.source.iter().all(|f| f.axis != Some(axis)))
    }
}

impl Operation for View {
    fn name(&self) -> &str {
        "view"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.arg]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.arg]
    }

    fn infer(&self) -> Result<Inferred> {
        let (arg, view) = (&self.arg, &self.view);
        if view.source.len() != arg.shape.len() {
            return Err(Error::internal(format!("a view of {} axes on {:?}", view.source.len(), arg.shape)));
        }
        check_size("index", &view.shape, arg.dtype)?;
        Ok(Inferred::known(view.shape.clone(), arg.dtype, view.chunks(&arg.chunks)))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::View(other) if self.view == other.view)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        std::hash::Hash::hash(&self.view, &mut { hasher });
    }

    // its text is an index of its argument
    fn detail(&self) -> String {
        String::new()
    }

    fn through(&self) -> Through<'_> {
        Through::Compose(&self.view)
    }

    fn cost(&self) -> u64 {
        0
    }

    fn ends_loop(&self) -> bool {
        false
    }

    fn is_shared_leaf(&self) -> bool {
        false
    }

    fn takes_counted(&self) -> bool {
        false
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
