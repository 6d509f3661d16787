//! The scheduler with stages that are made up: what is near, who runs first, who waits for whom.

use super::queue::{Queue, TaskId};
use super::worker::PASSED_OVER_MAX;
use super::{CancelToken, Machine, run};
use crate::error::{ErrorKind, Result};
use crate::events::Counters;
use crate::memory::{BlockKey, Pool, PoolOptions};
use crate::plan::{Drive, Plan, Product, Stage, StageNode, TaskBlocks, TaskSpec, Write};
use crate::sizes::WorkSizes;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A stage whose tasks are described by functions; task n writes block n.
struct Made {
    product: Product,
    inputs: Vec<u64>,
    spec: Box<dyn Fn(u64, &mut TaskSpec) + Send + Sync>,
    readers: Box<dyn Fn(u64) -> u64 + Send + Sync>,
    prefetch: Box<dyn Fn(u64) + Send + Sync>,
    run: Box<dyn Fn(u64, &mut TaskBlocks) -> Result<()> + Send + Sync>,
}

impl Made {
    fn new(tasks: u64, spec: impl Fn(u64, &mut TaskSpec) + Send + Sync + 'static) -> Made {
        Made {
            product: Product::new("made", tasks),
            inputs: vec![],
            spec: Box::new(spec),
            readers: Box::new(|_| 1),
            prefetch: Box::new(|_| ()),
            run: Box::new(|_, _| Ok(())),
        }
    }

    /// Tasks that need `bytes(n)` and do `run`.
    fn working(tasks: u64, bytes: impl Fn(u64) -> u64 + Send + Sync + 'static, run: impl Fn(u64) + Send + Sync + 'static) -> Made {
        let mut made = Made::new(tasks, move |n, spec| spec.scratch_bytes = bytes(n));
        made.run = Box::new(move |n, _| {
            run(n);
            Ok(())
        });
        made
    }
}

impl Stage for Made {
    fn name(&self) -> &str {
        "made"
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        self.inputs.clone()
    }
    fn tasks(&self) -> u64 {
        self.product.blocks
    }
    fn demand_bytes(&self) -> u64 {
        0
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        (self.spec)(n, spec);
    }
    fn readers(&self, _product: u64, block: u64) -> u64 {
        (self.readers)(block)
    }
    fn producer(&self, _product: u64, block: u64) -> u64 {
        block
    }
    fn prefetch(&self, n: u64) {
        (self.prefetch)(n);
    }
    fn moved_bytes(&self) -> u64 {
        0
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        (self.run)(n, blocks)
    }
}

fn ranked(stage: Made) -> StageNode {
    StageNode { stage: Arc::new(stage), drive: Drive::Ranked(0) }
}

fn key(product: u64, block: u64) -> BlockKey {
    BlockKey { product, block }
}

/// Runs the plan by `threads` under `limit_bytes`.
fn run_plan(plan: &Plan, threads: usize, limit_bytes: u64) -> (Result<()>, Arc<Counters>) {
    run_until(plan, threads, limit_bytes, &CancelToken::new())
}

fn run_until(plan: &Plan, threads: usize, limit_bytes: u64, cancel: &CancelToken) -> (Result<()>, Arc<Counters>) {
    let counters = Arc::new(Counters::default());
    let options =
        PoolOptions { limit_bytes, spill_dir: None, spill_cap_bytes: None, counters: counters.clone(), observer: None, disk: None };
    let pool = Pool::new(options).unwrap();
    let workers = (threads > 1).then(|| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    let machine = Machine {
        pool: &pool,
        workers: workers.as_ref(),
        limit_bytes,
        sizes: WorkSizes::default(),
        counters: &counters,
        observer: None,
        cancel,
    };
    let outcome = run(plan, &machine);
    assert_eq!(pool.usage().used_bytes, 0);
    (outcome, counters)
}

/// A disk that does not answer holds up the worker that asks it, and nobody else.
#[test]
fn a_prefetch_that_blocks_stops_nobody() {
    const TASKS: u64 = 40;
    let ran = Arc::new((Mutex::new(0), Condvar::new()));
    let in_time = Arc::new(AtomicBool::new(true));
    let (seen, timely) = (ran.clone(), in_time.clone());
    let mut stage = Made::working(
        TASKS,
        |_| 64,
        move |_| {
            *ran.0.lock().unwrap() += 1;
            ran.1.notify_all();
        },
    );
    stage.prefetch = Box::new(move |_| {
        if timely.load(SeqCst) {
            let guard = seen.0.lock().unwrap();
            let (_guard, waited) = seen.1.wait_timeout_while(guard, Duration::from_secs(10), |ran| *ran < TASKS).unwrap();
            timely.fetch_and(!waited.timed_out(), SeqCst);
        }
    });
    let (outcome, counters) = run_plan(&Plan::new(vec![ranked(stage)], vec![]), 2, 1 << 20);
    outcome.unwrap();
    assert!(in_time.load(SeqCst), "no task ran while a store was told of what will be read");
    assert_eq!(counters.tasks.load(SeqCst), TASKS);
}

#[test]
fn a_prefetch_that_panics_is_an_error() {
    for threads in [1, 2] {
        let mut stage = Made::working(4, |_| 64, |_| ());
        stage.prefetch = Box::new(|_| panic!("no luck"));
        let error = run_plan(&Plan::new(vec![ranked(stage)], vec![]), threads, 1 << 20).0.unwrap_err().to_string();
        assert!(error.contains("no luck") && error.contains("made task 0"), "{error}");
    }
}

/// A task that needs all memory, among small ones that always leave too little: after a few that pass it, they wait.
#[test]
fn a_large_task_is_not_passed_over_for_ever() {
    const LIMIT: u64 = 1 << 20;
    const SMALL: u64 = 200;
    const LARGE: u64 = 2;
    let started = Arc::new(AtomicU64::new(0));
    let before = Arc::new(AtomicU64::new(u64::MAX));
    let place = before.clone();
    let bytes = |n| if n == LARGE { LIMIT } else { LIMIT / 4 };
    let stage = Made::working(SMALL, bytes, move |n| {
        let at = started.fetch_add(1, SeqCst);
        if n == LARGE {
            place.store(at, SeqCst);
        }
        // of two workers, one is always in the middle of a task
        std::thread::sleep(Duration::from_millis(if n == 0 { 5 } else { 2 }));
    });
    let (outcome, counters) = run_plan(&Plan::new(vec![ranked(stage)], vec![]), 2, LIMIT);
    outcome.unwrap();
    assert_eq!(counters.tasks.load(SeqCst), SMALL);
    let before = before.load(SeqCst);
    assert!((1..=16).contains(&before), "{before} tasks ran before the large one");
}

/// The first task holds a quarter of the memory until the third has run; the second, which needs all of it, waits meanwhile and stops
/// nobody.
#[test]
fn small_tasks_run_beside_one_that_waits_for_memory() {
    const LIMIT: u64 = 1 << 20;
    let third_ran = Arc::new((Mutex::new(false), Condvar::new()));
    let in_time = Arc::new(AtomicBool::new(false));
    let (ran, seen) = (third_ran.clone(), in_time.clone());
    let bytes = |n| if n == 1 { LIMIT } else { LIMIT / 4 };
    let stage = Made::working(3, bytes, move |n| {
        let (flag, changed) = &*ran;
        match n {
            0 => {
                let flag = flag.lock().unwrap();
                let (flag, _) = changed.wait_timeout_while(flag, Duration::from_secs(20), |ran| !*ran).unwrap();
                seen.store(*flag, SeqCst);
            }
            1 => {}
            _ => {
                *flag.lock().unwrap() = true;
                changed.notify_all();
            }
        }
    });
    let (outcome, counters) = run_plan(&Plan::new(vec![ranked(stage)], vec![]), 2, LIMIT);
    outcome.unwrap();
    assert_eq!(counters.tasks.load(SeqCst), 3);
    assert!(in_time.load(SeqCst), "the third task waited with the second");
}

/// Task 0 runs until task 1, which needs all memory, was passed over as often as it may be. Once that has run it stops nobody: the last
/// task runs beside one that waits for all memory in its turn.
#[test]
fn a_task_that_was_passed_over_stops_nobody_once_it_ran() {
    const LIMIT: u64 = 1 << 20;
    const PASSED: u64 = PASSED_OVER_MAX as u64;
    const HOLDS: u64 = 2 + PASSED;
    let ran = Arc::new((Mutex::new(HashSet::new()), Condvar::new()));
    let in_time = Arc::new(AtomicBool::new(true));
    let seen = in_time.clone();
    let bytes = |n| if n == 1 || n == HOLDS + 1 { LIMIT } else { LIMIT / 4 };
    let stage = Made::working(HOLDS + 3, bytes, move |n| {
        let mut tasks = ran.0.lock().unwrap();
        let others =
            |tasks: &mut HashSet<u64>| if n == 0 { (2..2 + PASSED).all(|n| tasks.contains(&n)) } else { tasks.contains(&(HOLDS + 2)) };
        if n == 0 || n == HOLDS {
            let (guard, waited) = ran.1.wait_timeout_while(tasks, Duration::from_secs(10), |tasks| !others(tasks)).unwrap();
            seen.fetch_and(!waited.timed_out(), SeqCst);
            tasks = guard;
        }
        tasks.insert(n);
        ran.1.notify_all();
    });
    let (outcome, counters) = run_plan(&Plan::new(vec![ranked(stage)], vec![]), 2, LIMIT);
    outcome.unwrap();
    assert_eq!(counters.tasks.load(SeqCst), HOLDS + 3);
    assert!(in_time.load(SeqCst), "a task that had run kept others waiting");
}

/// What the queue says of next uses is what its tasks read, at every moment.
#[test]
fn next_uses_are_those_of_tasks_that_have_not_run() {
    const SOURCES: u64 = 7;
    const TASKS: u64 = 60;
    let source = Made::new(SOURCES, |_, _| ());
    let from = source.product.id;
    let reads = move |n: u64| [key(from, n * n % SOURCES), key(from, n * 3 % SOURCES), key(from, n / 9)];
    let mut reader = Made::new(TASKS, move |n, spec| spec.reads.extend(reads(n)));
    reader.inputs = vec![from];
    let plan = Plan::new(vec![ranked(reader)], vec![]);
    let cancel = CancelToken::new();
    let mut queue = Queue::new(&plan, u64::MAX, 2, WorkSizes::default(), &cancel);
    let mut told: HashMap<BlockKey, u64> = HashMap::new();
    let mut started: Vec<TaskId> = Vec::new();
    for step in 0.. {
        queue.fill(&|_| true, &mut |key, order| {
            told.insert(key, order);
        });
        if queue.is_done() {
            break;
        }
        // starts the first or the third that is ready; every other step ends one that runs, the newest first
        if let Some((order, task)) = queue.peek(if step % 3 == 0 { 2 } else { 0 }).or_else(|| queue.peek(0)) {
            assert_eq!(*queue.pop(order).unwrap(), TaskSpec { reads: reads(task.1).to_vec(), ..TaskSpec::default() });
            started.push(task);
        }
        if step % 2 == 1 || queue.peek(0).is_none() {
            let task = started.pop().unwrap();
            queue.finish(task);
            for key in reads(task.1) {
                told.insert(key, queue.next_use(key).unwrap_or(u64::MAX));
            }
        }
        let unfinished: HashSet<u64> = unfinished(&queue, &started);
        for block in 0..SOURCES {
            let next = unfinished.iter().copied().filter(|&n| reads(n).contains(&key(from, block))).min();
            assert_eq!(queue.next_use(key(from, block)), next, "block {block}, step {step}");
            if let Some(next) = next {
                assert_eq!(told[&key(from, block)], next, "block {block}, step {step}");
            }
        }
    }
}

/// Near tasks: those that are ready, and those that run. Task n has order n.
fn unfinished(queue: &Queue<'_>, started: &[TaskId]) -> HashSet<u64> {
    let ready = (0..).map_while(|skip| queue.peek(skip));
    ready.inspect(|&(order, task)| assert_eq!(order, task.1)).map(|(_, task)| task.1).chain(started.iter().map(|task| task.1)).collect()
}

/// Ten million blocks of 64 bytes, read by a hundred thousand tasks.
#[test]
fn the_window_does_not_grow_with_the_number_of_blocks() {
    const TASKS: u64 = 100_000;
    const EACH: u64 = 100;
    let mut blocks = Made::new(TASKS * EACH, |_, _| ());
    let id = blocks.product.id;
    blocks.spec = Box::new(move |n, spec| spec.writes.push(Write { key: key(id, n), bytes: 64, takes: None }));
    let mut reader = Made::new(TASKS, move |n, spec| spec.reads.extend((n * EACH..(n + 1) * EACH).map(|block| key(id, block))));
    reader.inputs = vec![id];
    let plan = Plan::new(vec![StageNode { stage: Arc::new(blocks), drive: Drive::Pulled }, ranked(reader)], vec![]);
    let (cancel, sizes) = (CancelToken::new(), WorkSizes::default());
    let mut queue = Queue::new(&plan, u64::MAX, 8, sizes, &cancel);
    let mut written: HashSet<BlockKey> = HashSet::new();
    let mut most = 0;
    for _ in 0..5000 {
        queue.fill(&|key| written.contains(&key), &mut |_, _| ());
        most = most.max(queue.window_bytes());
        let (order, task) = queue.peek(0).expect("something is ready");
        let spec = queue.pop(order).unwrap();
        written.extend(spec.writes.iter().map(|write| write.key));
        written.retain(|key| !spec.reads.contains(key));
        queue.finish(task);
    }
    // one more task than fits
    assert!(most > sizes.window_bytes_max / 2 && most <= sizes.window_bytes_max + 256 * 1024, "{most} bytes");
}

/// One task that needs millions of others: they are not all looked at once nobody wants the result.
#[test]
fn a_run_cancelled_while_tasks_are_looked_for_ends() {
    const TASKS: u64 = 1 << 40;
    const LOOKED_AT: u64 = 50;
    let cancel = CancelToken::new();
    let described = Arc::new(AtomicU64::new(0));
    let (counted, cancelling) = (described.clone(), cancel.clone());
    let mut chain = Made::new(TASKS, |_, _| ());
    let id = chain.product.id;
    chain.spec = Box::new(move |n, spec| {
        if counted.fetch_add(1, SeqCst) + 1 == LOOKED_AT {
            cancelling.cancel();
        }
        spec.writes.push(Write { key: key(id, n), bytes: 64, takes: None });
        spec.reads.extend(n.checked_sub(1).map(|before| key(id, before)));
    });
    chain.inputs = vec![id];
    let mut last = Made::new(1, move |_, spec| spec.reads.push(key(id, TASKS - 1)));
    last.inputs = vec![id];
    let plan = Plan::new(vec![StageNode { stage: Arc::new(chain), drive: Drive::Pulled }, ranked(last)], vec![]);
    for threads in [1, 2] {
        let (outcome, counters) = run_until(&plan, threads, 1 << 20, &cancel);
        assert!(matches!(outcome.unwrap_err().kind(), ErrorKind::Cancelled));
        assert_eq!((counters.tasks.load(SeqCst), described.load(SeqCst)), (0, LOOKED_AT));
    }
}
