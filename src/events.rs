//! What happens during a computation, told to whoever watches. The engine never needs a listener.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// How much a stage has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageSize {
    /// Its name.
    pub name: String,
    /// Number of tasks.
    pub tasks: u64,
    /// Floating-point operations of all of them, about; 0 where they move data.
    pub flops: u64,
}

/// Floating-point operations in the time that a task takes without any: 8 MiB moved.
const FLOPS_OF_A_TASK: u64 = 1 << 27;

/// How much work `tasks` tasks with `flops` floating-point operations together are, in a unit of time that is the same for all plans:
/// what progress is measured in.
pub fn work(tasks: u64, flops: u64) -> u64 {
    tasks.saturating_mul(FLOPS_OF_A_TASK >> 20).saturating_add(flops >> 20)
}

impl StageSize {
    /// Of so many tasks and floating-point operations.
    pub fn new(name: impl Into<String>, tasks: u64, flops: u64) -> StageSize {
        StageSize { name: name.into(), tasks, flops }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A plan starts.
    PlanStarted {
        /// Its stages, producers before consumers.
        stages: &'a [StageSize],
    },
    /// A task ended.
    TaskFinished {
        /// Position of the stage in the plan.
        stage: usize,
        /// The task's number in the stage.
        task: u64,
        /// The worker that ran it.
        worker: usize,
        /// Floating-point operations that it was, about; 0 where it moved data.
        flops: u64,
        /// When it started.
        started: Instant,
        /// When it ended.
        ended: Instant,
    },
    /// A block went to the spill file or came back.
    Spilled {
        /// Whether it was written (true) or read back.
        written: bool,
        /// Bytes of the block in memory.
        bytes: u64,
        /// When it started.
        started: Instant,
        /// When it ended.
        ended: Instant,
    },
    /// The plan ended, well or not.
    PlanFinished,
    /// Something the user should know that is not an error.
    Warning(&'a str),
}

/// Listens to a computation. Called from worker threads: quick, and never computing.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);
}

/// Counts kept during a computation; all in bytes but `tasks`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes read from stores, as stored.
    pub read_bytes: AtomicU64,
    /// Bytes that decoding gave.
    pub decoded_bytes: AtomicU64,
    /// Bytes written to stores, as stored.
    pub written_bytes: AtomicU64,
    /// Bytes of blocks spilled, in memory size.
    pub spilled_bytes: AtomicU64,
    /// Bytes written to the spill file.
    pub spill_written_bytes: AtomicU64,
    /// Bytes read back from the spill file.
    pub spill_read_bytes: AtomicU64,
    /// Tasks run.
    pub tasks: AtomicU64,
    /// Parts of tasks that were run by workers with nothing else to do.
    pub helped: AtomicU64,
    /// Largest number of bytes reserved at once.
    pub peak_reserved_bytes: AtomicU64,
    /// Largest size of the scheduler's window of near tasks.
    pub peak_window_bytes: AtomicU64,
    /// Warnings of tasks that nobody was told yet.
    warnings: Mutex<Vec<String>>,
}

impl Counters {
    /// What the user should know that is no error: told as [`Event::Warning`] when the task has ended.
    pub fn warn(&self, text: String) {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    /// The warnings that were not taken yet.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds `n` to one of them.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Relaxed);
    }
}
