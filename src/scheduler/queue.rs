//! Which tasks are near, what they wait for, and which is next.

use super::CancelToken;
use crate::memory::BlockKey;
use crate::plan::{Drive, Plan, TaskSpec};
use crate::sizes::WorkSizes;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// A task: its stage's position in the plan and its number there.
pub type TaskId = (usize, u64);

/// A task near enough to have been described.
struct Near {
    spec: Arc<TaskSpec>,
    order: u64,
    /// Tasks that must finish before it is ready.
    missing: usize,
    dependents: Vec<TaskId>,
    bytes: u64,
}

/// A stage that is visited in its own order.
struct Driver {
    stage: usize,
    rank: u32,
    next: u64,
    tasks: u64,
}

/// The near tasks.
///
/// ```text
/// (far) --expand--> waiting --last input written--> ready --pop--> running --finish--> (gone)
/// ```
/// Invariant: a task is expanded after the tasks that write what it reads, so `order` is topological.
pub struct Queue<'a> {
    plan: &'a Plan,
    near: HashMap<TaskId, Near>,
    ready: BTreeMap<u64, TaskId>,
    drivers: Vec<Driver>,
    /// Tasks of following stages that nobody has asked for yet: each of them comes, or the run is not done.
    following_left: u64,
    /// Tasks of following stages, and how many of their blocks nobody has been asked to write yet.
    followers: HashMap<TaskId, usize>,
    /// The near readers of each block, in order; one that reads it twice stands once.
    uses: HashMap<BlockKey, VecDeque<u64>>,
    /// Near tasks whose stores have not been told of them yet, the nearest first.
    hints: VecDeque<TaskId>,
    next_order: u64,
    near_bytes: u64,
    near_drivers: usize,
    /// Blocks named by near tasks, each time.
    near_keys: usize,
    bytes_max: u64,
    workers: usize,
    sizes: WorkSizes,
    cancel: &'a CancelToken,
}

/// A near task beside the blocks it names, at most.
const TASK_BYTES: u64 = 384;
/// A block that a near task names, at most: in the task, among the uses, and in the pool's note of its next use.
const KEY_BYTES: u64 = 256;

impl<'a> Queue<'a> {
    /// An empty window over `plan` that is filled up to `bytes_max` bytes of blocks.
    pub fn new(plan: &'a Plan, bytes_max: u64, workers: usize, sizes: WorkSizes, cancel: &'a CancelToken) -> Queue<'a> {
        let drivers = plan.stages.iter().enumerate().filter_map(|(stage, node)| match node.drive {
            Drive::Ranked(rank) => Some(Driver { stage, rank, next: 0, tasks: node.stage.tasks() }),
            _ => None,
        });
        let following = plan.stages.iter().filter(|node| node.drive == Drive::Following);
        Queue {
            following_left: following.map(|node| node.stage.tasks()).sum(),
            plan,
            near: HashMap::new(),
            ready: BTreeMap::new(),
            drivers: drivers.collect(),
            followers: HashMap::new(),
            uses: HashMap::new(),
            hints: VecDeque::new(),
            next_order: 0,
            near_bytes: 0,
            near_drivers: 0,
            near_keys: 0,
            bytes_max,
            workers,
            sizes,
            cancel,
        }
    }

    /// Whether every task has run.
    pub fn is_done(&self) -> bool {
        self.near.is_empty() && self.following_left == 0 && self.drivers.iter().all(|driver| driver.next == driver.tasks)
    }

    /// Bytes that the window itself takes, at most.
    pub fn window_bytes(&self) -> u64 {
        self.near.len() as u64 * TASK_BYTES + (self.near_keys + self.followers.len()) as u64 * KEY_BYTES
    }

    fn is_full(&self) -> bool {
        let sizes = &self.sizes;
        let ahead = |tasks: u64| self.near_drivers as u64 >= tasks.saturating_mul(self.workers as u64);
        let far = ahead(sizes.window_tasks_min) && (self.near_bytes >= self.bytes_max || ahead(sizes.window_tasks_max));
        ahead(1) && (far || self.window_bytes() >= sizes.window_bytes_max)
    }

    /// Expands driver tasks until the window is full, or some of them if others are ready. `present` tells which blocks exist;
    /// `uses` hears of every block whose next use became known. Once the run is cancelled, it returns as it is.
    pub fn fill(&mut self, present: &dyn Fn(BlockKey) -> bool, uses: &mut dyn FnMut(BlockKey, u64)) {
        let mut expanded = 0u64;
        while !self.is_full() && !self.cancel.is_cancelled() && (expanded < self.sizes.window_fill_max || self.ready.is_empty()) {
            expanded += 1;
            // of the lowest rank that is not done, the stage that has got least far
            let rank = self.drivers.iter().filter(|d| d.next < d.tasks).map(|d| d.rank).min();
            let Some(rank) = rank else { return };
            let far = |d: &Driver| d.next as f64 / d.tasks as f64;
            let candidates = self.drivers.iter_mut().filter(|d| d.rank == rank && d.next < d.tasks);
            let Some(driver) = candidates.min_by(|a, b| far(a).total_cmp(&far(b))) else { return };
            let task = (driver.stage, driver.next);
            driver.next += 1;
            if !self.near.contains_key(&task) {
                self.expand(task, present, uses);
            }
        }
    }

    /// Makes `root` and all that it needs near, producers first. Without recursion: chains can be long.
    fn expand(&mut self, root: TaskId, present: &dyn Fn(BlockKey) -> bool, uses: &mut dyn FnMut(BlockKey, u64)) {
        let mut stack = vec![(root, None::<TaskSpec>)];
        while let Some((task, described)) = stack.pop() {
            // one task may need many others; a run that was cancelled takes no more tasks, so what is missing is not missed
            if self.cancel.is_cancelled() {
                return;
            }
            if self.near.contains_key(&task) {
                continue;
            }
            let Some(spec) = described else {
                let mut spec = TaskSpec::default();
                self.plan.stages[task.0].stage.describe(task.1, &mut spec);
                let mut producers: Vec<TaskId> =
                    spec.reads.iter().chain(&spec.takes).filter(|key| !present(**key)).filter_map(|key| self.writer(*key)).collect();
                producers.retain(|producer| !self.near.contains_key(producer));
                side_by_side(&mut producers);
                stack.push((task, Some(spec)));
                // the first read is expanded first
                stack.extend(producers.into_iter().rev().map(|producer| (producer, None)));
                continue;
            };
            self.admit(task, spec, present, uses, &mut stack);
        }
    }

    fn is_driver(&self, task: TaskId) -> bool {
        matches!(self.plan.stages[task.0].drive, Drive::Ranked(_))
    }

    fn writer(&self, key: BlockKey) -> Option<TaskId> {
        let stage = self.plan.producer(key.product)?;
        Some((stage, self.plan.stages[stage].stage.producer(key.product, key.block)))
    }

    fn admit(
        &mut self,
        task: TaskId,
        spec: TaskSpec,
        present: &dyn Fn(BlockKey) -> bool,
        uses: &mut dyn FnMut(BlockKey, u64),
        stack: &mut Vec<(TaskId, Option<TaskSpec>)>,
    ) {
        let order = self.next_order;
        self.next_order += 1;
        let mut waits = BTreeSet::new();
        for &key in spec.reads.iter().chain(&spec.takes) {
            let readers = self.uses.entry(key).or_default();
            if readers.back() != Some(&order) {
                readers.push_back(order);
            }
            if let Some(&first) = readers.front() {
                uses(key, first);
            }
            if !present(key)
                && let Some(writer) = self.writer(key)
                && self.near.contains_key(&writer)
            {
                waits.insert(writer);
            }
        }
        for writer in &waits {
            if let Some(near) = self.near.get_mut(writer) {
                near.dependents.push(task);
            }
        }
        if waits.is_empty() {
            self.ready.insert(order, task);
        }
        let bytes = spec.new_bytes();
        self.near_bytes += bytes;
        self.near_drivers += self.is_driver(task) as usize;
        self.following_left -= (self.plan.stages[task.0].drive == Drive::Following) as u64;
        self.follow(&spec, stack);
        self.hints.push_back(task);
        if self.hints.len() as u64 > self.sizes.window_hints_max {
            self.hints.pop_front();
        }
        self.near_keys += keys(&spec);
        self.near.insert(task, Near { spec: Arc::new(spec), order, missing: waits.len(), dependents: Vec::new(), bytes });
    }

    /// The nearest task that has not been started and whose stores have not been told of it. They are told outside of
    /// the lock: a disk may be slow.
    pub fn next_hint(&mut self) -> Option<TaskId> {
        while let Some(task) = self.hints.pop_front() {
            if self.near.get(&task).is_some_and(|near| near.missing > 0 || self.ready.contains_key(&near.order)) {
                return Some(task);
            }
        }
        None
    }

    /// Expands the tasks of following stages for which `spec` writes the last block.
    fn follow(&mut self, spec: &TaskSpec, stack: &mut Vec<(TaskId, Option<TaskSpec>)>) {
        for write in &spec.writes {
            for &consumer in self.plan.consumers(write.key.product) {
                let node = &self.plan.stages[consumer];
                if node.drive != Drive::Following {
                    continue;
                }
                let followers = &mut self.followers;
                node.stage.followers(write.key.product, write.key.block, &mut |n| {
                    let missing = followers.entry((consumer, n)).or_insert_with(|| {
                        let mut spec = TaskSpec::default();
                        node.stage.describe(n, &mut spec);
                        spec.reads.len()
                    });
                    *missing -= 1;
                    if *missing == 0 {
                        followers.remove(&(consumer, n));
                        // under what is being expanded now: it comes after its producers
                        stack.insert(0, ((consumer, n), None));
                    }
                });
            }
        }
    }

    /// The first ready task past `skip` others: its place in the order and itself.
    pub fn peek(&self, skip: usize) -> Option<(u64, TaskId)> {
        self.ready.iter().nth(skip).map(|(&order, &task)| (order, task))
    }

    /// Takes a ready task out, to run it.
    pub fn pop(&mut self, order: u64) -> Option<Arc<TaskSpec>> {
        let task = self.ready.remove(&order)?;
        Some(self.near[&task].spec.clone())
    }

    /// Puts a task back that could not be admitted.
    pub fn put_back(&mut self, order: u64, task: TaskId) {
        self.ready.insert(order, task);
    }

    /// The next use of a block, if it is near.
    pub fn next_use(&self, key: BlockKey) -> Option<u64> {
        self.uses.get(&key).and_then(|readers| readers.front().copied())
    }

    /// Notes that a task is done; those that only waited for it become ready. The blocks it read have new next uses.
    pub fn finish(&mut self, task: TaskId) {
        let Some(near) = self.near.remove(&task) else { return };
        self.near_bytes -= near.bytes;
        self.near_keys -= keys(&near.spec);
        self.near_drivers -= self.is_driver(task) as usize;
        for dependent in near.dependents {
            if let Some(waiting) = self.near.get_mut(&dependent) {
                waiting.missing -= 1;
                if waiting.missing == 0 {
                    self.ready.insert(waiting.order, dependent);
                }
            }
        }
        for key in near.spec.reads.iter().chain(&near.spec.takes) {
            if let Some(readers) = self.uses.get_mut(key) {
                if let Ok(at) = readers.binary_search(&near.order) {
                    readers.remove(at);
                }
                if readers.is_empty() {
                    self.uses.remove(key);
                }
            }
        }
    }
}

/// Tasks of several stages in an order in which all advance at one pace: what two of them read is then read while it is there. Those of one
/// stage stay in order.
fn side_by_side(tasks: &mut [TaskId]) {
    let mut counts: BTreeMap<usize, u64> = BTreeMap::new();
    tasks.iter().for_each(|task| *counts.entry(task.0).or_default() += 1);
    if counts.len() < 2 {
        return;
    }
    let mut seen: BTreeMap<usize, u64> = BTreeMap::new();
    let far = |task: &TaskId| {
        let at = seen.entry(task.0).or_default();
        *at += 1;
        // at / count, as integers of one scale
        ((*at as u128) << 64) / counts[&task.0] as u128
    };
    let mut placed: Vec<(u128, TaskId)> = tasks.iter().map(far).zip(tasks.iter().copied()).collect();
    placed.sort_by_key(|&(far, (stage, _))| (far, stage));
    tasks.iter_mut().zip(placed).for_each(|(task, (_, placed))| *task = placed);
}

/// How many blocks a task names.
fn keys(spec: &TaskSpec) -> usize {
    spec.reads.len() + spec.takes.len() + spec.writes.len()
}
