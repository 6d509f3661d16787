//! Rows by label.

use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{AxisChunks, ChunkGrid};
use crate::sizes::graph;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::grouped::{Fold, folds};
use serde::{Deserialize, Serialize};
use std::hash::Hasher;

/// For each part of the first axis, the rows of each label folded: an array [parts, groups, other axes]. The parts are then reduced
/// as any array is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grouped {
    /// What becomes of the rows of a label.
    pub fold: Fold,
    /// The rows, not empty, of a dtype that the fold takes.
    #[serde(with = "record::arg")]
    pub values: Expr,
    /// A label a row, i64; negative for no group.
    #[serde(with = "record::arg")]
    pub labels: Expr,
    /// Number of groups; greater labels are an error.
    pub groups: u64,
    /// How the first axis is cut into parts.
    pub parts: AxisChunks,
}

impl Grouped {
    /// Groups of the rows of `values`, in parts that follow from its chunks and the number of groups.
    pub fn new(fold: Fold, values: &Expr, labels: &Expr, groups: u64) -> Grouped {
        let chunks = &values.chunks.axes[0];
        let parts = chunks.join(groups.saturating_mul(graph::GROUP_ROWS).div_ceil(chunks.longest().max(1)));
        Grouped { fold, values: values.clone(), labels: labels.clone(), groups, parts }
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
            || values.shape.first() != Some(&self.parts.len())
            || labels.shape != values.shape[..1]
        {
            return Err(Error::internal(format!("groups of {:?} {} by {:?} {}", values.shape, values.dtype, labels.shape, labels.dtype)));
        }
        let first = [AxisChunks::regular(self.parts.count(), 1), AxisChunks::whole(self.groups)];
        let chunks = ChunkGrid { axes: first.into_iter().chain(values.chunks.axes[1..].iter().cloned()).collect() };
        Ok(Inferred::known(chunks.shape(), values.dtype, chunks))
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
        let others = (1..self.values.shape.len()).map(|axis| Some(axis + 1));
        Through::Window(vec![std::iter::once(None).chain(others).collect(), vec![None]])
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
