//! What every stage promises, checked on small grids by enumerating its tasks, and while they run.

use super::{Drive, Plan, Product, Stage, StageNode, TaskBlocks, TaskSpec};
use crate::error::Result;
use crate::grid::BlockId;
use crate::memory::BlockKey;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Enumerates all tasks of all stages of `plan`: each block is written once, by the task that `producer` names,
/// and within its stage before it is read; `readers` counts the reads; no task needs more than `demand_bytes`;
/// `followers` names the tasks that read a block, of every stage that follows. `kept` tells the bytes of blocks that earlier plans left.
///
/// # Panics
/// Where a stage breaks its promise.
pub fn check_stages(plan: &Plan, what: &str, kept: &dyn Fn(BlockKey) -> u64) {
    let mut reads: HashMap<(usize, BlockKey), Vec<u64>> = HashMap::new();
    let mut sizes: HashMap<BlockKey, u64> = HashMap::new();
    let describe = |stage: usize, n: u64| {
        let mut spec = TaskSpec::default();
        plan.stages[stage].stage.describe(n, &mut spec);
        spec
    };
    for (at, node) in plan.stages.iter().enumerate() {
        let stage = &node.stage;
        let context = |n: u64| format!("{what}: stage {at} {} task {n}", stage.name());
        let own: HashSet<u64> = stage.products().iter().map(|product| product.id).collect();
        let inputs: HashSet<u64> = stage.inputs().into_iter().collect();
        let mut written = HashSet::new();
        for n in 0..stage.tasks() {
            let spec = describe(at, n);
            assert_eq!(spec, describe(at, n), "{} is described in two ways", context(n));
            for key in spec.reads.iter().chain(&spec.takes) {
                assert!(inputs.contains(&key.product), "{} reads {key:?}, which is no input", context(n));
                assert!(!own.contains(&key.product) || written.contains(key), "{} reads {key:?} before it is written", context(n));
                reads.entry((at, *key)).or_default().push(n);
            }
            for write in &spec.writes {
                assert!(own.contains(&write.key.product), "{} writes {:?}, which is no product", context(n), write.key);
                assert!(written.insert(write.key), "{} writes {:?} again", context(n), write.key);
                assert_eq!(stage.producer(write.key.product, write.key.block), n, "{}: producer of {:?}", context(n), write.key);
                let bytes = match write.takes {
                    Some(i) => sizes.get(&spec.takes[i]).copied().unwrap_or_else(|| kept(spec.takes[i])),
                    None => crate::memory::rounded(write.bytes),
                };
                assert!(sizes.insert(write.key, bytes).is_none(), "{}: {:?} has two writers", context(n), write.key);
            }
        }
    }
    for (at, node) in plan.stages.iter().enumerate() {
        let stage = &node.stage;
        let name = format!("{what}: stage {at} {}", stage.name());
        let demand = |n: u64| {
            let spec = describe(at, n);
            let held: HashSet<BlockKey> = spec.reads.iter().chain(&spec.takes).copied().collect();
            held.iter().map(|key| sizes.get(key).copied().unwrap_or_else(|| kept(*key))).sum::<u64>() + spec.new_bytes()
        };
        let inputs = stage.inputs();
        let written = sizes.keys().filter(|key| inputs.contains(&key.product));
        let left = reads.keys().filter(|(stage, key)| *stage == at && !sizes.contains_key(key)).map(|(_, key)| key);
        for key in written.chain(left) {
            let read = reads.get(&(at, *key)).cloned().unwrap_or_default();
            assert_eq!(stage.readers(key.product, key.block), read.len() as u64, "{name}: readers of {key:?}");
            let mut followers = Vec::new();
            stage.followers(key.product, key.block, &mut |n| followers.push(n));
            followers.sort_unstable();
            let must = node.drive == Drive::Following || !followers.is_empty();
            assert!(!must || followers == read, "{name}: {followers:?} follow {key:?}, {read:?} read it");
        }
        let (flops, all) = ((0..stage.tasks()).map(|n| stage.flops(n)).sum::<u64>(), stage.all_flops());
        assert!(flops.abs_diff(all) <= all / 2, "{name}: {flops} flops in its tasks, {all} in all");
        let most = (0..stage.tasks()).map(demand).max().unwrap_or(0);
        assert!(most <= stage.demand_bytes(), "{name}: a task needs {most} bytes, the bound is {}", stage.demand_bytes());
    }
}

/// `plan`, whose stages keep their promises by [`check_stages`], with memory that is no task's own work made useless: what
/// a task finds in its scratch and in its new blocks are bytes that make every result wrong that depends on them.
///
/// # Panics
/// As [`check_stages`].
pub fn watched(plan: &Plan, kept: &dyn Fn(BlockKey) -> u64) -> Plan {
    check_stages(plan, "watched", kept);
    let poisoned = |node: &StageNode| StageNode { stage: Arc::new(Poisoned(node.stage.clone())), drive: node.drive };
    Plan::new(plan.stages.iter().map(poisoned).collect(), plan.kept.clone()).with_last_reads(plan.last_reads.clone())
}

/// Of f16, bf16, f32 and f64 a NaN, of integers a number that is not 0, of bools one that is none.
const POISON: u8 = 0xff;
/// What stands behind the scratch of each task, and must stand there afterwards: so many bytes,
pub const GUARD_BYTES: usize = 64;
/// each of which is this.
const GUARD: u8 = 0xa5;

struct Poisoned(Arc<dyn Stage>);

impl Stage for Poisoned {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn products(&self) -> &[Product] {
        self.0.products()
    }
    fn inputs(&self) -> Vec<u64> {
        self.0.inputs()
    }
    fn tasks(&self) -> u64 {
        self.0.tasks()
    }
    fn demand_bytes(&self) -> u64 {
        self.0.demand_bytes().saturating_add(GUARD_BYTES as u64)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        self.0.describe(n, spec);
        spec.scratch_bytes += GUARD_BYTES as u64;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.0.readers(product, block)
    }
    fn producer(&self, product: u64, block: BlockId) -> u64 {
        self.0.producer(product, block)
    }
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        self.0.followers(product, block, each);
    }
    fn prefetch(&self, n: u64) {
        self.0.prefetch(n);
    }
    fn moved_bytes(&self) -> u64 {
        self.0.moved_bytes()
    }
    fn flops(&self, n: u64) -> u64 {
        self.0.flops(n)
    }
    fn all_flops(&self) -> u64 {
        self.0.all_flops()
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let mut spec = TaskSpec::default();
        self.0.describe(n, &mut spec);
        blocks.keep_back(GUARD_BYTES).fill(GUARD);
        let parts = blocks.parts();
        assert_eq!(parts.scratch.len() as u64, spec.scratch_bytes, "{} task {n}: scratch as described", self.name());
        parts.scratch.fill(POISON);
        for (block, write) in parts.writes.into_iter().zip(&spec.writes) {
            assert_eq!(block.len() as u64, write.bytes, "{} task {n}: {:?} as described", self.name(), write.key);
            if write.takes.is_none() {
                block.fill(POISON);
            }
        }
        let outcome = self.0.run(n, blocks);
        let untouched = blocks.keep_back(GUARD_BYTES).iter().all(|&byte| byte == GUARD);
        assert!(untouched, "{} task {n} wrote behind its scratch of {} bytes", self.name(), spec.scratch_bytes);
        outcome
    }
}
