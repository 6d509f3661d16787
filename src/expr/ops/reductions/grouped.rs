//! Places by label.

use super::tally::parts_of;
use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::grouped::{Fold, folds, out_dtype};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// For each part of the axes that labels go along, which are the first ones, the rows of each label folded: an array [parts, groups, other
/// axes]. The parts are then reduced as any array is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grouped {
    /// What becomes of the rows of a label.
    pub fold: Fold,
    /// The rows, not empty, of a dtype that the fold takes.
    #[serde(with = "record::arg")]
    pub values: Expr,
    /// A label a row, i64, of the shape of the first axes; negative for no group.
    #[serde(with = "record::arg")]
    pub labels: Expr,
    /// Number of groups; greater labels are an error.
    pub groups: u64,
    /// How the first axes are cut into parts.
    pub parts: ChunkGrid,
}

impl Grouped {
    /// Groups of the rows of `values`, in parts that follow from its chunks and the number of groups.
    pub fn new(fold: Fold, values: &Expr, labels: &Expr, groups: u64) -> Grouped {
        // of rows with much beside them as few as groups ask for: more would be taken in narrower pieces, each of which decodes chunks again
        let (along, others) = values.shape.split_at(labels.shape.len());
        let few = groups.saturating_mul(graph::GROUP_ROWS);
        let enough = graph::GROUP_ELEMENTS / others.iter().fold(1, |n: u64, &len| n.saturating_mul(len)).max(1);
        let joined = |rows: u64| few.div_ceil(rows).max(enough / rows);
        let parts = parts_of(&values.chunks.axes[..along.len()], joined, few.max(graph::TALLY_ELEMENTS));
        Grouped { fold, values: values.clone(), labels: labels.clone(), groups, parts }
    }

    /// What of a part is folded at once along the first axis: rows with something beside them chunk by chunk, in order, which changes no bit.
    pub fn windows(&self) -> AxisChunks {
        let (parts, chunks) = (&self.parts.axes[0], &self.values.chunks.axes[0]);
        let has_others = self.values.shape.len() > self.parts.axes.len();
        if has_others && chunks.count() > parts.count() { chunks.clone() } else { parts.clone() }
    }

    /// Rows of a part at most.
    pub fn rows(&self) -> u64 {
        longest_elements(&self.parts.axes)
    }
}

impl Operation for Grouped {
    fn name(&self) -> &str {
        "groupby"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.values, &self.labels]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.values, &mut self.labels]
    }

    fn infer(&self) -> Result<Inferred> {
        let (values, labels) = (&self.values, &self.labels);
        if labels.dtype != DType::I64
            || !folds(self.fold, values.dtype)
            || labels.shape.is_empty()
            || !values.shape.starts_with(&labels.shape)
            || labels.shape != self.parts.shape()
        {
            return Err(Error::internal(format!("groups of {:?} {} by {:?} {}", values.shape, values.dtype, labels.shape, labels.dtype)));
        }
        let first = [AxisChunks::regular(self.parts.blocks(), 1), AxisChunks::whole(self.groups)];
        let others = &values.chunks.axes[labels.shape.len()..];
        let chunks = ChunkGrid { axes: first.into_iter().chain(others.iter().cloned()).collect() };
        Ok(Inferred::known(chunks.shape(), out_dtype(self.fold, values.dtype), chunks))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Grouped(other) if (self.fold, self.groups, &self.parts) == (other.fold, other.groups, &other.parts))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_u64(self.groups);
    }

    fn detail(&self) -> String {
        format!("{:?}, num_groups={}", self.fold, self.groups).to_lowercase()
    }

    // places of the other axes are on their own
    fn through(&self) -> Through<'_> {
        let along = self.labels.shape.len();
        let others = (along..self.values.shape.len()).map(|axis| Some(axis - along + 2));
        Through::Window(vec![std::iter::repeat_n(None, along).chain(others).collect(), vec![None; along]])
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
