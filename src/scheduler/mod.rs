//! Plan → run. Workers take the ready task that stands first in the order of the plan, reserve all it
//! needs at once, run it and publish what it wrote.
//!
//! Tasks exist only while they are near: a window of tasks ahead of the workers is *expanded*, each
//! behind the tasks that write what it reads. The window gives eviction its exact next uses and stores
//! their read-ahead. No task waits for another while it holds memory, so nothing can deadlock: when
//! nothing runs, nothing is pinned, and the plan's check says that the first task fits.

mod queue;
mod worker;

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Counters, Event, Observer, StageSize};
use crate::memory::Pool;
use crate::plan::{Plan, StageNode};
use crate::sizes::WorkSizes;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stops a computation from another thread, or from a signal handler.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }
    /// Stops the computations that were given this token, soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether [`CancelToken::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a run needs beside the plan.
pub struct Machine<'a> {
    /// Where blocks live.
    pub pool: &'a Pool,
    /// Threads; `None` runs all on the caller's.
    pub workers: Option<&'a rayon::ThreadPool>,
    /// Bytes of memory, which bound how far the scheduler looks ahead.
    pub limit_bytes: u64,
    /// How far it looks ahead otherwise.
    pub sizes: WorkSizes,
    /// What is counted.
    pub counters: &'a Arc<Counters>,
    /// Who listens.
    pub observer: Option<&'a Arc<dyn Observer>>,
    /// Stops the run.
    pub cancel: &'a CancelToken,
}

thread_local! {
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
}

/// Refuses to compute inside of a block function: it would wait for the worker that it stands on.
///
/// # Errors
/// `BadRequest` when called from a task.
pub fn refuse_inside_task() -> Result<()> {
    if IN_TASK.get() {
        return Err(Error::bad_request("compute", "called inside of a block function; pass what it needs as further arguments instead"));
    }
    Ok(())
}

/// Runs all tasks of `plan`. Afterwards only its kept products are in the pool; after an error, none.
///
/// # Errors
/// The first error of a task, `Cancelled`, or a failure of the spill file.
pub fn run(plan: &Plan, machine: &Machine<'_>) -> Result<()> {
    let size = |node: &StageNode| StageSize::new(node.stage.name(), node.stage.tasks(), node.stage.all_flops());
    tell(machine, &Event::PlanStarted { stages: &plan.stages.iter().map(size).collect::<Vec<_>>() });
    for &product in &plan.last_reads {
        machine.pool.expect_readers(product, |block| plan.readers(product, block));
    }
    let shared = worker::Shared::new(plan, machine);
    match machine.workers {
        Some(pool) => {
            pool.broadcast(|context| shared.work(context.index()));
        }
        None => shared.work(0),
    }
    tell(machine, &Event::PlanFinished);
    let failed = shared.into_error();
    for node in &plan.stages {
        for product in node.stage.products() {
            if failed.is_some() || !plan.kept.contains(&product.id) {
                machine.pool.remove_product(product.id);
            }
        }
    }
    match failed {
        Some(error) => Err(error),
        None if machine.cancel.is_cancelled() => Err(ErrorKind::Cancelled.into()),
        None => Ok(()),
    }
}

fn tell(machine: &Machine<'_>, event: &Event<'_>) {
    if let Some(observer) = machine.observer {
        observer.event(event);
    }
}

#[cfg(test)]
mod tests;
