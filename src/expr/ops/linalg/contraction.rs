//! Sums of products: matrices, stacks of them, tensors.

use crate::error::{Error, Result};
use crate::expr::infer::contraction_chunks;
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::ChunkGrid;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// [batch…, rows…, depth…] · [batch…, depth…, columns…] → [batch…, rows…, columns…]: for each place of the batch axes a
/// product of matrices, whose rows, columns and depth may be several axes each. Other orders of axes are views of the
/// operands and of the result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contraction {
    /// The left one.
    #[serde(with = "record::arg")]
    pub a: Expr,
    /// The right one.
    #[serde(with = "record::arg")]
    pub b: Expr,
    /// How many leading axes of both and of the result belong together.
    pub batch: usize,
    /// How many axes are summed over: the last ones of `a`, those after `batch` of `b`.
    pub depth: usize,
}

/// How the axes that are summed over are cut into blocks, which fixes the order of arithmetic: the elements of the depth in
/// C order are *rows* of `row` elements (the innermost axes that matter), each cut into blocks of `block` elements, the
/// last of a row being what is left. A block is summed on its own, and the blocks in C order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthBlocks {
    /// The axis that blocks cut: those after it are whole in each block, those before it have one place in it.
    pub axis: usize,
    /// Elements of a block: a multiple of the length of the axes after `axis` together.
    pub block: u64,
    /// Elements of a row: `axis` and those after it.
    pub row: u64,
}

impl DepthBlocks {
    /// A single axis is cut at multiples of `most`. Of several, as many of the innermost as come to `most` elements at most
    /// are whole in a block, and the next one out is cut evenly.
    pub fn new(shape: &[u64], most: u64) -> DepthBlocks {
        let long: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] != 1).collect();
        let [.., last] = long[..] else {
            return DepthBlocks { axis: 0, block: most, row: 1 };
        };
        if long.len() == 1 {
            return DepthBlocks { axis: last, block: most, row: shape[last] };
        }
        let (mut axis, mut inner) = (last, 1);
        for &next in long.iter().rev() {
            axis = next;
            match shape[next].checked_mul(inner) {
                Some(both) if both <= most && next != long[0] => inner = both,
                _ => break,
            }
        }
        let places = (most / inner).max(1);
        let even = shape[axis].div_ceil(shape[axis].div_ceil(places).max(1)).max(1);
        DepthBlocks { axis, block: even * inner, row: shape[axis].saturating_mul(inner) }
    }
}

impl Contraction {
    /// The product of two matrices, [m, k] · [k, n].
    pub fn matrices(a: Expr, b: Expr) -> Contraction {
        Contraction { a, b, batch: 0, depth: 1 }
    }

    /// How many axes of `a` only the result has, and how many of `b`.
    ///
    /// # Errors
    /// `BadRequest` where there are too few.
    fn kept(&self) -> Result<(usize, usize)> {
        let (a, b, shared) = (self.a.shape.len(), self.b.shape.len(), self.batch + self.depth);
        match (a.checked_sub(shared), b.checked_sub(shared)) {
            (Some(rows), Some(columns)) => Ok((rows, columns)),
            _ => Err(Error::internal(format!("a contraction of {a} and {b} axes, of which {shared} are shared"))),
        }
    }

    /// Axes of `a` that only the result has.
    pub fn rows(&self) -> usize {
        self.a.shape.len() - self.batch - self.depth
    }

    /// Axes of `b` that only the result has.
    pub fn columns(&self) -> usize {
        self.b.shape.len() - self.batch - self.depth
    }

    /// Lengths of the axes that are summed over.
    pub fn depth_shape(&self) -> &[u64] {
        &self.b.shape[self.batch..self.batch + self.depth]
    }
}

impl Operation for Contraction {
    fn name(&self) -> &str {
        let plain = self.depth == 1 && self.rows() == 1 && self.columns() == 1;
        if plain { "matmul" } else { "tensordot" }
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.a, &self.b]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.a, &mut self.b]
    }

    fn infer(&self) -> Result<Inferred> {
        let (a, b) = (&self.a, &self.b);
        let (rows, _) = self.kept()?;
        let (batch, end) = (self.batch, self.batch + self.depth);
        if a.shape[..batch] != b.shape[..batch] || a.shape[batch + rows..] != b.shape[batch..end] {
            return Err(Error::bad_request(
                self.name(),
                format!("shapes {:?} and {:?} do not match: expected […, m, k] and […, k, n]", a.shape, b.shape),
            ));
        }
        let shape = [&a.shape[..batch + rows], &b.shape[end..]].concat();
        let chunks = contraction_chunks(&a.chunks.axes[..batch], &a.chunks.axes[batch..batch + rows], &b.chunks.axes[end..]);
        Ok(Inferred::known(shape, a.dtype, chunks))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Contraction(other) if (self.batch, self.depth) == (other.batch, other.depth))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(self.batch);
        hasher.write_usize(self.depth);
    }

    fn detail(&self) -> String {
        match (self.batch, self.depth) {
            (0, 1) => String::new(),
            (0, depth) => format!("over {depth} axes"),
            (batch, 1) => format!("for each of {batch} axes"),
            (batch, depth) => format!("for each of {batch} axes over {depth}"),
        }
    }

    // rows of the left one, columns of the right one, the same places of batch axes of both
    fn through(&self) -> Through<'_> {
        let (batch, rows, columns) = (self.batch, self.rows(), self.columns());
        let depth = || std::iter::repeat_n(None, self.depth);
        let a = (0..batch + rows).map(Some).chain(depth()).collect();
        let b = (0..batch).map(Some).chain(depth()).chain((batch + rows..batch + rows + columns).map(Some)).collect();
        Through::Window(vec![a, b])
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::As(self.clone().into())
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::ops::DepthBlocks;

    #[test]
    fn blocks_of_depth_are_whole_inner_axes() {
        let of = |shape: &[u64]| {
            let DepthBlocks { axis, block, row } = DepthBlocks::new(shape, 256);
            (axis, block, row)
        };
        // one axis, however many of length 1 stand beside it
        assert_eq!(of(&[1000]), (0, 256, 1000));
        assert_eq!(of(&[1, 1000, 1]), (1, 256, 1000));
        assert_eq!(of(&[1, 1]), (0, 256, 1));
        assert_eq!(of(&[]), (0, 256, 1));
        // 5 rows of 50 in a block
        assert_eq!(of(&[400, 50]), (0, 250, 20_000));
        assert_eq!(of(&[7, 400, 50]), (1, 250, 20_000));
        // an inner axis that is longer than a block is cut evenly
        assert_eq!(of(&[50, 400]), (1, 200, 400));
        assert_eq!(of(&[3, 4, 5]), (0, 60, 60));
        assert_eq!(of(&[0, 4]), (0, 4, 0));
    }
}
