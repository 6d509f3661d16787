//! What nodes become: products in the pool; of several results those that are wanted, and those that are made already.

use crate::grid::ChunkGrid;
use std::collections::HashMap;

/// A product in the pool that holds a node's elements.
#[derive(Clone)]
pub(super) struct Blocked {
    pub product: u64,
    pub grid: ChunkGrid,
}

/// Products of the nodes that have several results.
#[derive(Default)]
pub(super) struct Several {
    /// Which results are wanted.
    pub wanted: HashMap<u64, Vec<bool>>,
    /// Products of those that are made.
    pub made: HashMap<u64, Vec<Option<Blocked>>>,
}
