//! One worker's loop: pick, reserve, run, publish.

use super::queue::{Queue, TaskId};
use super::{IN_TASK, Machine, tell};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Counters, Event};
use crate::memory::{BlockKey, Request};
use crate::plan::{Plan, TaskBlocks, TaskSpec};
use flagstone_kernels::crew::Crew;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A task that was passed over this often stops other admissions until it runs.
pub(super) const PASSED_OVER_MAX: u32 = 8;
/// How many ready tasks a worker tries before it waits.
const TRIED_MAX: usize = 4;
/// For so long nothing runs and nothing can start before that is called a defect: a restore takes less.
const STALLED: Duration = Duration::from_secs(10);
/// Wakes a waiting worker now and then, to see a cancellation.
const WAIT: Duration = Duration::from_millis(20);

struct State<'a> {
    queue: Queue<'a>,
    error: Option<Error>,
    /// How often the first ready task was passed over, and which it was.
    passed_over: (u64, u32),
    running: usize,
    /// Whether a worker is telling stores what will be read: one at a time, so that a slow disk leaves the others to work.
    prefetching: bool,
    /// When it was first seen that nothing runs, though tasks are left.
    stalled: Option<Instant>,
}

/// What the workers of one run share.
pub struct Shared<'a> {
    plan: &'a Plan,
    machine: &'a Machine<'a>,
    state: Mutex<State<'a>>,
    /// Rung when a task finished: others may be ready, or there may be none left.
    crew: Arc<Crew>,
}

enum Next {
    Prefetch(TaskId),
    Run(u64, TaskId, Arc<TaskSpec>),
    Wait,
    Stop,
}

impl<'a> Shared<'a> {
    /// Nothing run yet.
    pub fn new(plan: &'a Plan, machine: &'a Machine<'a>) -> Shared<'a> {
        let workers = machine.workers.map_or(1, |pool| pool.current_num_threads());
        let queue = Queue::new(plan, machine.limit_bytes.saturating_mul(2), workers, machine.sizes, machine.cancel);
        let state = State { queue, error: None, passed_over: (0, 0), running: 0, prefetching: false, stalled: None };
        Shared { plan, machine, state: Mutex::new(state), crew: Arc::default() }
    }

    /// The error that stopped the run, if any.
    pub fn into_error(self) -> Option<Error> {
        Counters::add(&self.machine.counters.helped, self.crew.helped());
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).error
    }

    fn lock(&self) -> MutexGuard<'_, State<'a>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs tasks until none is left, one fails, or the run is cancelled.
    pub fn work(&self, worker: usize) {
        let mut skip = 0;
        loop {
            let (epoch, rings) = (self.machine.pool.changed(), self.crew.rings());
            match self.next(skip) {
                Next::Stop => {
                    self.crew.ring();
                    return;
                }
                Next::Wait => {
                    skip = 0;
                    self.wait(epoch, rings);
                }
                Next::Prefetch(task) => {
                    let stage = &self.plan.stages[task.0].stage;
                    let outcome = catch_unwind(AssertUnwindSafe(|| stage.prefetch(task.1)));
                    let mut state = self.lock();
                    state.prefetching = false;
                    if let Err(panic) = outcome {
                        // before another one begins: the first that panics is the error
                        state.error.get_or_insert_with(|| self.panicked(task, &*panic));
                        drop(state);
                        return self.crew.ring();
                    }
                }
                Next::Run(order, task, spec) => match self.attempt(worker, order, task, &spec) {
                    Ok(true) => skip = 0,
                    Ok(false) => skip += 1,
                    Err(error) => return self.fail(error),
                },
            }
        }
    }

    /// Stops the run with an error, if it is the first.
    fn fail(&self, error: Error) {
        self.lock().error.get_or_insert(error);
        self.crew.ring();
    }

    fn next(&self, skip: usize) -> Next {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.error.is_some() || self.machine.cancel.is_cancelled() {
            return Next::Stop;
        }
        let pool = self.machine.pool;
        state.queue.fill(&|key| pool.contains(key), &mut |key, order| pool.set_next_use(key, order));
        self.machine.counters.peak_window_bytes.fetch_max(state.queue.window_bytes(), Relaxed);
        if self.machine.cancel.is_cancelled() || state.queue.is_done() {
            return Next::Stop;
        }
        if !state.prefetching
            && let Some(task) = state.queue.next_hint()
        {
            state.prefetching = true;
            return Next::Prefetch(task);
        }
        if skip > 0 {
            let Some((order, _)) = state.queue.peek(0) else { return Next::Wait };
            let times = if state.passed_over.0 == order { state.passed_over.1 } else { 0 };
            if skip >= TRIED_MAX || times >= PASSED_OVER_MAX && state.running > 0 {
                return Next::Wait;
            }
            state.passed_over = (order, times + 1);
        }
        match state.queue.peek(skip) {
            Some((order, task)) => match state.queue.pop(order) {
                Some(spec) => Next::Run(order, task, spec),
                None => Next::Wait,
            },
            None => Next::Wait,
        }
    }

    /// Waits until a task finished or shares what it does, or, where none runs, until the pool changed since `epoch`.
    fn wait(&self, epoch: u64, rings: u64) {
        let mut guard = self.lock();
        if guard.running > 0 {
            guard.stalled = None;
        } else if guard.stalled.get_or_insert_with(Instant::now).elapsed() > STALLED {
            // the plan's check lets no such plan through: better an error than a hang
            let first = guard.queue.peek(0).map(|(_, (stage, task))| format!("task {task} of {}", self.plan.stages[stage].stage.name()));
            let first = first.unwrap_or_else(|| "and none waits".to_string());
            let what = format!("no task can start, first {first}; {}", self.machine.pool.usage());
            guard.error.get_or_insert(Error::internal(what));
            return;
        }
        let others_run = guard.error.is_none() && guard.running > 0;
        drop(guard);
        if others_run {
            self.crew.rest(rings, WAIT);
        } else {
            self.machine.pool.wait_change(epoch, WAIT);
        }
    }

    /// Runs the task if its memory can be had now. `false`: not now.
    fn attempt(&self, worker: usize, order: u64, task: TaskId, spec: &TaskSpec) -> Result<bool> {
        self.lock().running += 1;
        let request = Request { reads: &spec.reads, takes: &spec.takes, new_bytes: spec.new_bytes() };
        let granted = self.machine.pool.admit(&request);
        let grant = match granted {
            Ok(Some(grant)) => grant,
            Ok(None) => {
                let mut state = self.lock();
                state.running -= 1;
                state.queue.put_back(order, task);
                return Ok(false);
            }
            Err(error) => {
                self.lock().running -= 1;
                return Err(self.named(task.0, error));
            }
        };
        let started = Instant::now();
        let outcome = self.run(task, spec, grant);
        let ended = Instant::now();
        let mut state = self.lock();
        state.running -= 1;
        state.stalled = None;
        let blocks = outcome?;
        // The blocks become visible before the queue may call their readers ready.
        drop(state);
        blocks.publish(spec, |key: BlockKey| self.plan.readers(key.product, key.block));
        state = self.lock();
        state.queue.finish(task);
        for key in spec.reads.iter().chain(&spec.takes).chain(spec.writes.iter().map(|write| &write.key)) {
            self.machine.pool.set_next_use(*key, state.queue.next_use(*key).unwrap_or(u64::MAX));
        }
        drop(state);
        self.crew.ring();
        Counters::add(&self.machine.counters.tasks, 1);
        tell(
            self.machine,
            &Event::TaskFinished {
                stage: task.0,
                task: task.1,
                worker,
                flops: self.plan.stages[task.0].stage.flops(task.1),
                started,
                ended,
            },
        );
        self.machine.counters.take_warnings().iter().for_each(|text| tell(self.machine, &Event::Warning(text)));
        Ok(true)
    }

    /// A refusal of the pool, under the name of the stage. The plan's check looks at the tasks that can need the
    /// most; one that needs more all the same is refused here, and the caller learns what would do.
    fn named(&self, stage: usize, error: Error) -> Error {
        match error.kind() {
            ErrorKind::WouldNotFit { needed_bytes, limit_bytes, smallest_bytes, advice, .. } => ErrorKind::WouldNotFit {
                operation: self.plan.stages[stage].stage.name().to_string(),
                needed_bytes: *needed_bytes,
                limit_bytes: *limit_bytes,
                smallest_bytes: *smallest_bytes,
                advice: advice.clone(),
            }
            .into(),
            _ => error,
        }
    }

    fn run(&self, task: TaskId, spec: &TaskSpec, grant: crate::memory::Grant) -> Result<TaskBlocks> {
        let mut blocks = TaskBlocks::new(grant, spec, self.machine.counters.clone())?;
        let stage = &self.plan.stages[task.0].stage;
        IN_TASK.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.crew.run(|| stage.run(task.1, &mut blocks))));
        IN_TASK.set(false);
        match outcome {
            Ok(result) => result.map(|()| blocks),
            Err(panic) => Err(self.panicked(task, &*panic)),
        }
    }

    fn panicked(&self, task: TaskId, panic: &(dyn std::any::Any + Send)) -> Error {
        let name = self.plan.stages[task.0].stage.name();
        Error::internal(format!("{name} task {}: {}", task.1, crate::error::panic_message(panic)))
    }
}
