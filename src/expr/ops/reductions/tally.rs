//! How often indices occur.

use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::tally::Even;
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// For each part of an array of indices, how often each index occurs in it, or the sum of its weights: a row of bins a part. The
/// rows are then summed as any array is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tally {
    /// Indices, i64; or f64 values that lie between edges.
    #[serde(with = "record::arg")]
    pub indices: Expr,
    /// The edges.
    pub even: Option<Even>,
    /// Weights of the same shape, f64.
    #[serde(with = "record::optional")]
    pub weights: Option<Expr>,
    /// Number of bins.
    pub bins: u64,
    /// Whether an index without a bin is an error; it is left out otherwise.
    pub strict: bool,
    /// The parts.
    pub parts: ChunkGrid,
}

impl Tally {
    /// A tally of `indices` in parts that follow from chunks and number of bins.
    pub fn new(indices: &Expr, even: Option<Even>, weights: Option<&Expr>, bins: u64, strict: bool) -> Tally {
        let most = graph::TALLY_ELEMENTS.max(bins);
        let parts = parts_of(&indices.chunks.axes, |elements| most / elements, most);
        Tally { indices: indices.clone(), even, weights: weights.cloned(), bins, strict, parts }
    }

    /// Dtype of the bins.
    pub fn dtype(&self) -> DType {
        if self.weights.is_some() { DType::F64 } else { DType::I64 }
    }
}

/// Chunks as parts: where they have few elements, as many are joined as `joined` says of their number; where they have many, they are split
/// into parts of about `most`.
pub(super) fn parts_of(chunks: &[AxisChunks], joined: impl Fn(u64) -> u64, most: u64) -> ChunkGrid {
    let mut axes = chunks.to_vec();
    let elements = |axes: &[AxisChunks]| longest_elements(axes);
    for axis in (0..axes.len()).rev() {
        axes[axis] = axes[axis].join(joined(elements(&axes).max(1)));
    }
    let whole = elements(&axes) <= graph::TALLY_CHUNK_ELEMENTS;
    for axis in 0..axes.len() {
        let have = elements(&axes);
        if have > most && !whole {
            let longest = axes[axis].longest();
            axes[axis] = axes[axis].split((longest / have.div_ceil(most)).max(1));
        }
    }
    ChunkGrid { axes }
}

impl Operation for Tally {
    fn name(&self) -> &str {
        if self.even.is_some() { "histogram" } else { "bincount" }
    }

    fn args(&self) -> Vec<&Expr> {
        std::iter::once(&self.indices).chain(&self.weights).collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        std::iter::once(&mut self.indices).chain(&mut self.weights).collect()
    }

    fn infer(&self) -> Result<Inferred> {
        let fits = self.weights.as_ref().is_none_or(|weights| weights.shape == self.indices.shape && weights.dtype == DType::F64);
        let dtype = if self.even.is_some() { DType::F64 } else { DType::I64 };
        if !fits || self.indices.dtype != dtype || self.parts.shape() != self.indices.shape {
            return Err(Error::internal(format!("a tally of {:?} {}", self.indices.shape, self.indices.dtype)));
        }
        let shape = vec![self.parts.blocks(), self.bins];
        let chunks = ChunkGrid::regular(&shape, &[1, self.bins.max(1)]);
        Ok(Inferred::known(shape, self.dtype(), chunks))
    }

    fn same(&self, other: &Op) -> bool {
        let what = |tally: &Tally| (tally.bins, tally.strict, tally.weights.is_some(), tally.even);
        matches!(other, Op::Tally(other) if what(self) == what(other) && self.parts == other.parts)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.bins);
    }

    fn detail(&self) -> String {
        match &self.even {
            Some(even) => format!("bins={}, range=({}, {})", self.bins, even.low, even.high),
            None => format!("minlength={}", self.bins),
        }
    }

    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
