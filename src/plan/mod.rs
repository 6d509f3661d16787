//! Stages → a Plan. A stage is a numbered family of block tasks; a plan is stages, who reads whose blocks, and what the largest task of
//! each needs, which the runtime holds against the memory limit. No task is ever stored.

#[doc(hidden)]
pub mod check_stage;
mod demand;
mod explain;
mod stage;

pub use demand::{demand_bytes, most_demanding};
pub use explain::{Explanation, StageLine};
pub use stage::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write, new_product};

use std::collections::HashMap;
use std::sync::Arc;

/// When the tasks of a stage are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drive {
    /// In their own order. Stages of one rank advance side by side (so that what they share is read once),
    /// after those of lower rank.
    Ranked(u32),
    /// When another task needs a block that they write.
    Pulled,
    /// As soon as all blocks that they read have been asked for.
    Following,
}

/// A stage and when it runs.
#[derive(Clone)]
pub struct StageNode {
    /// The tasks.
    pub stage: Arc<dyn Stage>,
    /// When they run.
    pub drive: Drive,
}

/// Stages in the order of what reads what.
#[derive(Clone, Default)]
pub struct Plan {
    /// Producers before consumers.
    pub stages: Vec<StageNode>,
    /// Products that stay in the pool when the plan is done.
    pub kept: Vec<u64>,
    /// Products of earlier plans that are read for the last time: each of their blocks goes with its last reader.
    pub last_reads: Vec<u64>,
    producer: HashMap<u64, usize>,
    consumers: HashMap<u64, Vec<usize>>,
}

impl Plan {
    /// Indexes who writes and who reads each product.
    pub fn new(stages: Vec<StageNode>, kept: Vec<u64>) -> Plan {
        let mut producer = HashMap::new();
        let mut consumers: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, node) in stages.iter().enumerate() {
            for product in node.stage.products() {
                producer.insert(product.id, index);
            }
            for product in node.stage.inputs() {
                consumers.entry(product).or_default().push(index);
            }
        }
        Plan { stages, kept, last_reads: Vec::new(), producer, consumers }
    }

    /// The same, which reads these products of earlier plans for the last time.
    pub fn with_last_reads(mut self, products: Vec<u64>) -> Plan {
        self.last_reads = products;
        self
    }

    /// The stage that writes `product`; `None` for one that was there before.
    pub fn producer(&self, product: u64) -> Option<usize> {
        self.producer.get(&product).copied()
    }

    /// The stages that read `product`, each once.
    pub fn consumers(&self, product: u64) -> &[usize] {
        self.consumers.get(&product).map_or(&[], Vec::as_slice)
    }

    /// How many reads a block will see; `u64::MAX` if it stays. Of a block that was there before, how many it will see yet.
    pub fn readers(&self, product: u64, block: u64) -> u64 {
        if self.kept.contains(&product) {
            return u64::MAX;
        }
        self.consumers(product).iter().map(|&s| self.stages[s].stage.readers(product, block)).sum()
    }

    /// Tasks of all stages.
    pub fn tasks(&self) -> u64 {
        self.stages.iter().map(|node| node.stage.tasks()).sum()
    }
}
