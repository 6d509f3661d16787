//! Refuses a plan of which some task could never start.

use super::{Plan, TaskSpec};
use crate::budget::Budget;
use crate::error::{ErrorKind, Result};
use crate::memory::BlockKey;

/// Bytes that the largest task of stage `index` holds at once: what it reads, takes, writes and its scratch.
fn demand(plan: &Plan, index: usize, block_bytes: &dyn Fn(BlockKey) -> u64) -> u64 {
    let stage = &plan.stages[index].stage;
    if stage.tasks() == 0 {
        return 0;
    }
    let mut spec = TaskSpec::default();
    stage.describe(stage.largest(), &mut spec);
    let held: u64 = spec.reads.iter().chain(&spec.takes).map(|key| block_size(plan, *key, block_bytes)).sum();
    held + spec.new_bytes()
}

/// Bytes of a block: as its producer writes it, or as the pool says for one that was there before.
fn block_size(plan: &Plan, key: BlockKey, block_bytes: &dyn Fn(BlockKey) -> u64) -> u64 {
    match plan.producer(key.product) {
        Some(index) => {
            let stage = &plan.stages[index].stage;
            let mut spec = TaskSpec::default();
            stage.describe(stage.producer(key.product, key.block), &mut spec);
            spec.writes.iter().find(|write| write.key == key).map_or(0, |write| crate::memory::rounded(write.bytes))
        }
        None => block_bytes(key),
    }
}

/// The demand of each stage's largest task, in bytes. `block_bytes` gives the size of a block that no stage of the
/// plan writes.
pub fn demands(plan: &Plan, block_bytes: &dyn Fn(BlockKey) -> u64) -> Vec<u64> {
    (0..plan.stages.len()).map(|index| demand(plan, index, block_bytes)).collect()
}

/// The smallest limit under which the plan would run.
pub fn smallest_limit(plan: &Plan, block_bytes: &dyn Fn(BlockKey) -> u64) -> u64 {
    demands(plan, block_bytes).into_iter().max().unwrap_or(0)
}

/// Refuses a plan of which some task needs more than the limit.
///
/// # Errors
/// `WouldNotFit`, naming the operation that needs the most.
pub fn check(plan: &Plan, budget: &Budget, block_bytes: &dyn Fn(BlockKey) -> u64) -> Result<()> {
    let demands = demands(plan, block_bytes);
    let Some((index, &needed)) = demands.iter().enumerate().max_by_key(|&(_, bytes)| bytes) else {
        return Ok(());
    };
    if needed <= budget.memory_bytes {
        return Ok(());
    }
    Err(ErrorKind::WouldNotFit {
        operation: plan.stages[index].stage.name().to_string(),
        needed_bytes: needed,
        limit_bytes: budget.memory_bytes,
        smallest_bytes: needed,
        advice: String::new(),
    }
    .into())
}
