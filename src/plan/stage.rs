//! The seam between algorithms and the scheduler.

use crate::error::Result;
use crate::events::Counters;
use crate::grid::BlockId;
use crate::memory::{BlockKey, Buffer, Grant};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Blocks that a stage writes, under one number in the pool.
#[derive(Clone, Debug)]
pub struct Product {
    /// The number; see [`new_product`].
    pub id: u64,
    /// For plans and messages.
    pub name: String,
    /// Number of blocks.
    pub blocks: u64,
}

impl Product {
    /// Of so many blocks, under a number of its own.
    pub fn new(name: impl Into<String>, blocks: u64) -> Product {
        Product { id: new_product(), name: name.into(), blocks }
    }
}

/// A number that no other product of this process has.
pub fn new_product() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A block that a task writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Which.
    pub key: BlockKey,
    /// Its bytes.
    pub bytes: u64,
    /// The position among the task's `takes` of the block whose buffer it continues, if any.
    pub takes: Option<usize>,
}

/// What a task touches. Its demand is derived from this and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskSpec {
    /// Blocks it reads; one may occur twice.
    pub reads: Vec<BlockKey>,
    /// Blocks with exactly one reader, whose buffers it goes on writing under a new number.
    pub takes: Vec<BlockKey>,
    /// Blocks it writes.
    pub writes: Vec<Write>,
    /// Bytes it needs besides, 64-byte aligned.
    pub scratch_bytes: u64,
}

impl TaskSpec {
    /// Empties the lists for the next description.
    pub fn clear(&mut self) {
        self.reads.clear();
        self.takes.clear();
        self.writes.clear();
        self.scratch_bytes = 0;
    }

    /// Bytes that must be free before it can start, beside the blocks it reads and takes.
    pub fn new_bytes(&self) -> u64 {
        let fresh = self.writes.iter().filter(|write| write.takes.is_none());
        let scratch = crate::memory::rounded(self.scratch_bytes);
        fresh.map(|write| crate::memory::rounded(write.bytes)).fold(scratch, u64::saturating_add)
    }
}

/// Tasks of one kind. Task `n` reads only inputs of the stage, and blocks written by tasks `< n`.
pub trait Stage: Send + Sync {
    /// For plans, progress and messages: `mean`, `load random.h5:/x`.
    fn name(&self) -> &str;
    /// What it writes.
    fn products(&self) -> &[Product];
    /// The products it reads, each once (its own when tasks go on from one another).
    fn inputs(&self) -> Vec<u64>;
    /// Number of tasks.
    fn tasks(&self) -> u64;
    /// Bytes that any one of its tasks holds at once at most: the blocks that it reads and takes, those it writes, its
    /// scratch. A closed form over the cuts that covers every task, whatever the number of tasks.
    fn demand_bytes(&self) -> u64;
    /// What task `n` touches. `spec` is empty.
    fn describe(&self, n: u64, spec: &mut TaskSpec);
    /// How often the tasks of this stage read or take `block` of `product`.
    fn readers(&self, product: u64, block: BlockId) -> u64;
    /// The task that writes `block` of `product`, one of [`Stage::products`].
    fn producer(&self, product: u64, block: BlockId) -> u64;
    /// Calls `each` with the tasks that read `block` of `product`, as often as they do: for stages that follow their producers.
    fn followers(&self, product: u64, block: BlockId, each: &mut dyn FnMut(u64)) {
        let _ = (product, block, each);
    }
    /// Tells the stores that task `n` will run soon.
    fn prefetch(&self, n: u64) {
        let _ = n;
    }
    /// Bytes of stores that all tasks will move, for `explain`.
    fn moved_bytes(&self) -> u64;
    /// Floating-point operations of task `n`, about; 0 where moving data takes longer. What progress goes by.
    fn flops(&self, n: u64) -> u64 {
        let _ = n;
        0
    }
    /// Those of all tasks, in closed form.
    fn all_flops(&self) -> u64 {
        0
    }
    /// Runs task `n`.
    ///
    /// # Errors
    /// What stores and kernels refuse.
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()>;
}

/// The memory of a running task: pinned blocks, blocks to write, scratch.
pub struct TaskBlocks {
    grant: Grant,
    writes: Vec<Buffer>,
    scratch: Buffer,
    /// Bytes at the end of `scratch` that the task does not get.
    kept_back: usize,
    /// Counts what stores move.
    pub counters: Arc<Counters>,
}

/// A task's memory, borrowed apart.
pub struct Parts<'a> {
    /// The blocks of `TaskSpec::reads`.
    pub reads: Vec<&'a [u8]>,
    /// The blocks of `TaskSpec::writes`; one that continues a taken block holds its bytes.
    pub writes: Vec<&'a mut [u8]>,
    /// `scratch_bytes` bytes.
    pub scratch: &'a mut [u8],
    /// Counts what stores move.
    pub counters: &'a Counters,
}

impl TaskBlocks {
    /// Lays out what `grant` gave as `spec` asks.
    ///
    /// # Errors
    /// `Internal` if the grant is smaller than the spec.
    pub fn new(mut grant: Grant, spec: &TaskSpec, counters: Arc<Counters>) -> Result<TaskBlocks> {
        let mut writes = Vec::with_capacity(spec.writes.len());
        for write in &spec.writes {
            writes.push(match write.takes {
                Some(i) => grant.take(i),
                None => grant.allocate(write.bytes)?,
            });
        }
        let scratch = grant.allocate(spec.scratch_bytes)?;
        Ok(TaskBlocks { grant, writes, scratch, kept_back: 0, counters })
    }

    /// Keeps the last `bytes` of scratch from the task, and gives them out.
    pub(super) fn keep_back(&mut self, bytes: usize) -> &mut [u8] {
        self.kept_back = bytes;
        let end = self.scratch.len() - bytes;
        &mut self.scratch[end..]
    }

    /// Borrows all parts at once.
    pub fn parts(&mut self) -> Parts<'_> {
        let grant = &self.grant;
        Parts {
            reads: (0..grant.reads()).map(|i| grant.read(i)).collect(),
            writes: self.writes.iter_mut().map(|buffer| &mut buffer[..]).collect(),
            scratch: {
                let end = self.scratch.len() - self.kept_back;
                &mut self.scratch[..end]
            },
            counters: &self.counters,
        }
    }

    /// Gives the written blocks to the pool and counts the readers off.
    pub fn publish(self, spec: &TaskSpec, readers: impl Fn(BlockKey) -> u64) {
        let TaskBlocks { mut grant, writes, scratch, .. } = self;
        drop(scratch);
        for (write, buffer) in spec.writes.iter().zip(writes) {
            grant.publish(write.key, buffer, readers(write.key));
        }
        grant.finish();
    }
}
