//! Short rows of a table at places that lie in blocks of the pool.

use crate::error::{Error, Result};
use crate::expr::operation::made_by_a_stage;
use crate::expr::record::not_data;
use crate::expr::{Expr, Inferred, Op, Operation, Relabel, Through};
use crate::grid::{AxisChunks, ChunkGrid};
use flagstone_kernels::dtype::DType;
use std::any::Any;
use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

/// Places along the first axis of a table, in any order, each as often as it is asked for: in blocks of the pool, of which it is known how they
/// are spread over the table.
pub struct Asked {
    /// Their number in the pool.
    pub product: u64,
    /// Of a place: `U32`, or of a table too long for that `U64`.
    pub dtype: DType,
    /// How they are cut into blocks.
    pub blocks: AxisChunks,
    /// How the table is cut into parts.
    pub parts: AxisChunks,
    /// Of each block how many of its places are in each part. Empty while they are not read.
    pub counts: Vec<u32>,
    /// Dropping the last of them removes the blocks.
    pub owner: Option<Arc<dyn Any + Send + Sync>>,
}

impl Asked {
    /// Blocks of what is asked of one part by one block.
    pub fn pairs(&self) -> u64 {
        self.blocks.count().saturating_mul(self.parts.count())
    }

    /// What is known of them, and the groups in which parts are read: two follow one another only where together they have more than a block.
    pub fn standing_bytes(&self) -> u64 {
        const GROUP_BYTES: u64 = 48;
        let groups = self.blocks.count().saturating_mul(2).saturating_add(self.parts.count());
        self.pairs().saturating_mul(size_of::<u32>() as u64).saturating_add(groups.saturating_mul(GROUP_BYTES))
    }
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} places in {} blocks, of {} parts", self.blocks.len(), self.blocks.count(), self.parts.count())
    }
}

/// The rows of a table, which are what stands at a place of its first axis, at places that were read.
#[derive(Clone, Debug)]
pub struct ElementsAt {
    /// The table.
    pub table: Expr,
    /// Where.
    pub asked: Arc<Asked>,
    /// The chunks that a user sees, and how many rows there are.
    pub chunks: ChunkGrid,
}

not_data!(ElementsAt, "places that were read are in the memory of one process");

impl Operation for ElementsAt {
    fn name(&self) -> &str {
        "take"
    }

    fn args(&self) -> Vec<&Expr> {
        vec![&self.table]
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        vec![&mut self.table]
    }

    fn infer(&self) -> Result<Inferred> {
        let (shape, Asked { blocks, parts, .. }) = (self.chunks.shape(), &*self.asked);
        let (rows, table) = (shape.first().copied(), self.table.shape.first().copied());
        if rows != Some(blocks.len()) || table != Some(parts.len()) || shape.get(1..) != self.table.shape.get(1..) {
            return Err(Error::internal(format!("rows of {:?} in {:?}", self.table.shape, shape)));
        }
        Ok(Inferred::known(shape, self.table.dtype, self.chunks.clone()).standing(self.asked.standing_bytes()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::ElementsAt(other) if Arc::ptr_eq(&self.asked, &other.asked))
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write_usize(Arc::as_ptr(&self.asked) as usize);
    }

    fn detail(&self) -> String {
        format!("{:?}", self.asked)
    }

    // rows that nobody reads are taken all the same: they come with others
    fn through(&self) -> Through<'_> {
        Through::Stop
    }

    made_by_a_stage!();

    fn relabel(&self, _: &ChunkGrid) -> Relabel {
        Relabel::View
    }
}
