//! Users' functions of blocks.

use crate::error::{Error, Result};
use crate::expr::{Cut, Expr, Inferred, Op, Operation, Relabel, Through, record};
use crate::grid::{ChunkGrid, Region};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hasher;
use std::sync::{Arc, PoisonError, RwLock};

/// Which block a [`BlockFn`] is asked for.
#[derive(Clone, Debug)]
pub struct BlockInfo {
    /// Index of the block along each axis.
    pub index: Vec<u64>,
    /// Where it lies in the whole array.
    pub region: Region,
}

/// A user's function from blocks to a block.
pub trait BlockFn: Send + Sync {
    /// Computes the block into `out`; `args` are the blocks of the arguments at the same place.
    fn call(&self, info: &BlockInfo, args: &[View<'_>], out: &mut ViewMut<'_>);
}

/// Functions by the names that they stand under in plans that are written down.
static REGISTERED: RwLock<BTreeMap<String, Arc<dyn BlockFn>>> = RwLock::new(BTreeMap::new());

/// Lets `f` be named in plans that are written down, and be found by whoever reads one.
///
/// # Errors
/// `BadRequest` if the name is taken.
pub fn register(name: &str, f: Arc<dyn BlockFn>) -> Result<()> {
    let mut all = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    if all.contains_key(name) {
        return Err(Error::bad_request("register", format!("a function is registered as {name:?} already; choose another name")));
    }
    all.insert(name.to_string(), f);
    Ok(())
}

/// The function of that name.
pub fn registered(name: &str) -> Option<Arc<dyn BlockFn>> {
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// The name of a registered function.
pub fn registered_name(f: &Arc<dyn BlockFn>) -> Option<String> {
    let all = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    all.iter().find(|(_, other)| std::ptr::addr_eq(Arc::as_ptr(f), Arc::as_ptr(other))).map(|(name, _)| name.clone())
}

/// An operation by a user's function, block by block.
#[derive(Clone, Serialize, Deserialize)]
pub struct Function {
    /// Its name in messages and plans.
    pub name: String,
    /// The function.
    #[serde(with = "record::function")]
    pub f: Arc<dyn BlockFn>,
    /// Arguments, of the result's chunks (block for block; shapes may differ only by declared chunks).
    #[serde(with = "record::args")]
    pub args: Vec<Expr>,
    /// Declared dtype of the result.
    pub dtype: DType,
    /// Declared chunks of the result.
    pub chunks: ChunkGrid,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({:?})", self.name, self.args)
    }
}

impl Operation for Function {
    fn name(&self) -> &str {
        &self.name
    }

    fn args(&self) -> Vec<&Expr> {
        self.args.iter().collect()
    }

    fn args_mut(&mut self) -> Vec<&mut Expr> {
        self.args.iter_mut().collect()
    }

    fn infer(&self) -> Result<Inferred> {
        Ok(Inferred::known(self.chunks.shape(), self.dtype, self.chunks.clone()))
    }

    fn same(&self, other: &Op) -> bool {
        matches!(other, Op::Function(other) if std::ptr::addr_eq(Arc::as_ptr(&self.f), Arc::as_ptr(&other.f)) && self.name == other.name)
    }

    fn hash(&self, hasher: &mut dyn Hasher) {
        hasher.write(self.name.as_bytes());
    }

    fn detail(&self) -> String {
        String::new()
    }

    // blocks are called as declared
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
        false
    }

    fn refit(&mut self, _: &[Expr]) {}

    fn needs_chunks(&self) -> bool {
        true
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
