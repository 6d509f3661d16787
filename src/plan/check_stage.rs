//! What every stage promises, checked on small grids by enumerating its tasks.

use super::{Plan, TaskSpec};
use crate::memory::BlockKey;
use std::collections::{HashMap, HashSet};

/// Enumerates all tasks of all stages of `plan`: each block is written once, by the task that `producer` names,
/// and within its stage before it is read; `readers` counts the reads; no task needs more than `demand_bytes`;
/// `follower` names a task that reads the block.
///
/// # Panics
/// Where a stage breaks its promise.
pub fn check_stages(plan: &Plan, what: &str) {
    let mut reads: HashMap<(usize, BlockKey), u64> = HashMap::new();
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
                *reads.entry((at, *key)).or_default() += 1;
            }
            for write in &spec.writes {
                assert!(own.contains(&write.key.product), "{} writes {:?}, which is no product", context(n), write.key);
                assert!(written.insert(write.key), "{} writes {:?} again", context(n), write.key);
                assert_eq!(stage.producer(write.key.product, write.key.block), n, "{}: producer of {:?}", context(n), write.key);
                let bytes = match write.takes {
                    Some(i) => sizes[&spec.takes[i]],
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
            held.iter().map(|key| sizes.get(key).copied().unwrap_or(0)).sum::<u64>() + spec.new_bytes()
        };
        let inputs = stage.inputs();
        for (key, _) in sizes.iter().filter(|(key, _)| inputs.contains(&key.product)) {
            let read = reads.get(&(at, *key)).copied().unwrap_or(0);
            assert_eq!(stage.readers(key.product, key.block), read, "{name}: readers of {key:?}");
            if let Some(n) = stage.follower(key.product, key.block) {
                assert!(describe(at, n).reads.contains(key), "{name}: task {n} does not read {key:?}, which it follows");
            }
        }
        let most = (0..stage.tasks()).map(demand).max().unwrap_or(0);
        assert!(most <= stage.demand_bytes(), "{name}: a task needs {most} bytes, the bound is {}", stage.demand_bytes());
    }
}
