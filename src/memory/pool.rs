//! Options → [`Pool`]: what the engine asks of memory.

use super::BlockKey;
use super::disk::SpillDisk;
use super::grant::{Grant, Reservation};
use super::ledger::{Ledger, Place};
use super::mapping::Memory;
use super::residency::{Request, Residency, State};
use super::spill::Spill;
use crate::error::{Bytes, Result};
use crate::events::{Counters, Observer};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// What a pool is made with.
#[derive(Clone)]
pub struct PoolOptions {
    /// Bytes it may hold; `u64::MAX` for no limit.
    pub limit_bytes: u64,
    /// Where to spill; otherwise `$FLAGSTONE_SPILL_DIR`, `$TMPDIR`, /var/tmp or the working directory.
    pub spill_dir: Option<PathBuf>,
    /// Bytes that the spill file may take.
    pub spill_cap_bytes: Option<u64>,
    /// Where to count.
    pub counters: Arc<Counters>,
    /// Who hears of spilling.
    pub observer: Option<Arc<dyn Observer>>,
    /// What to spill to instead of a file: for tests.
    pub disk: Option<Arc<dyn SpillDisk>>,
}

/// What a pool holds, in bytes but `blocks`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All that counts against the limit but the free list.
    pub used_bytes: u64,
    /// Promised to tasks and reservations and not yet made buffers.
    pub reserved_bytes: u64,
    /// Blocks in memory.
    pub resident_bytes: u64,
    /// Of these, pinned.
    pub pinned_bytes: u64,
    /// Blocks on disk only, by their size in memory.
    pub spilled_bytes: u64,
    /// Warm memory that nobody uses.
    pub free_bytes: u64,
    /// Blocks, wherever they are.
    pub blocks: u64,
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} used ({} promised, {} in blocks, of which {} pinned), {} spilled, {} free",
            Bytes(self.used_bytes),
            Bytes(self.reserved_bytes),
            Bytes(self.resident_bytes),
            Bytes(self.pinned_bytes),
            Bytes(self.spilled_bytes),
            Bytes(self.free_bytes)
        )
    }
}

/// Holds the blocks of a runtime within its memory limit. Cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Residency>);

impl Pool {
    /// A pool with nothing in it.
    ///
    /// # Errors
    /// `Spill` if the spill directory that was asked for does not exist or lies in memory.
    pub fn new(options: PoolOptions) -> Result<Pool> {
        let spill = Spill::new(options.spill_dir, options.spill_cap_bytes, options.disk)?;
        let state = State {
            ledger: Ledger::new(options.limit_bytes),
            held: HashMap::new(),
            copies: HashMap::new(),
            memory: Memory::default(),
            epoch: 0,
            waiting: 0,
        };
        let inner =
            Residency { state: Mutex::new(state), change: Condvar::new(), spill, counters: options.counters, observer: options.observer };
        Ok(Pool(Arc::new(inner)))
    }

    /// The limit; `u64::MAX` for none.
    pub fn limit_bytes(&self) -> u64 {
        self.0.lock().ledger.limit()
    }

    /// All or nothing: pins every block of `reads` and `takes`, bringing spilled ones back, and reserves
    /// `new_bytes`; evicts unpinned blocks to make room. `None`: not now, because of what others hold; try
    /// again after [`Pool::wait_change`] from an epoch read *before* this call. Never waits for a task.
    ///
    /// # Errors
    /// `WouldNotFit` if it could not succeed with nothing held but reservations; `Spill` if a block cannot be written or
    /// read back (nothing is lost then: the block stays where it was); `Internal` for blocks that do not exist.
    pub fn admit(&self, request: &Request) -> Result<Option<Grant>> {
        let Some(id) = self.0.admit(request, false)? else { return Ok(None) };
        let state = self.0.lock();
        // SAFETY: the grant pins these blocks as long as it lives; a pinned block is neither moved, freed nor
        // written, and `Grant::read` bounds the borrow by the grant, which keeps the pool alive.
        let reads = request.reads.iter().map(|key| unsafe { state.held[key].mapping.slice_unbound(state.held[key].len) }).collect();
        drop(state);
        Ok(Some(Grant::new(self.0.clone(), id, reads, request.takes)))
    }

    /// A standing reservation for memory outside the pool: results handed to the user, chunk indexes, handles.
    /// `None`: not now.
    ///
    /// # Errors
    /// As [`Pool::admit`].
    pub fn reserve(&self, bytes: u64) -> Result<Option<Reservation>> {
        let request = Request { new_bytes: bytes, ..Request::default() };
        Ok(self.0.admit(&request, true)?.map(|id| Reservation::new(self.0.clone(), id, bytes)))
    }

    /// When a block is needed next: smaller is sooner, `u64::MAX` unknown. Who is needed latest is evicted first;
    /// among the unknown, the least recently used. May be told before the block exists; holds until told anew.
    pub fn set_next_use(&self, key: BlockKey, at: u64) {
        self.0.lock().ledger.set_next_use(key, at);
    }

    /// Whether there is such a block, in memory or on disk.
    pub fn contains(&self, key: BlockKey) -> bool {
        self.0.lock().ledger.contains(key)
    }

    /// Drops a block wherever it is, as soon as nobody holds it.
    pub fn remove(&self, key: BlockKey) {
        let mut state = self.0.lock();
        let freed = state.ledger.remove(key);
        self.0.free(&mut state, freed);
    }

    /// [`Pool::remove`] of all blocks of a product.
    pub fn remove_product(&self, product: u64) {
        let mut state = self.0.lock();
        let freed = state.ledger.remove_product(product);
        self.0.free(&mut state, freed);
    }

    /// The blocks of a product, which nobody holds, stay no longer until they are removed: each goes after so many more reads, one at
    /// least.
    pub fn expect_readers(&self, product: u64, readers: impl Fn(u64) -> u64) {
        self.0.lock().ledger.expect_readers(product, readers);
    }

    /// Gives the warm free list to the system: when a computation ends.
    pub fn trim(&self) {
        self.0.lock().memory.trim(0);
    }

    /// A number that grows whenever something was released, published, spilled or restored.
    pub fn changed(&self) -> u64 {
        self.0.lock().epoch
    }

    /// Sleeps until [`Pool::changed`] is no longer `seen`, or for `timeout`. Returns the epoch.
    pub fn wait_change(&self, seen: u64, timeout: Duration) -> u64 {
        let mut state = self.0.lock();
        if state.epoch == seen {
            state.waiting += 1;
            let waited = self.0.change.wait_timeout_while(state, timeout, |state| state.epoch == seen);
            state = waited.unwrap_or_else(|poison| poison.into_inner()).0;
            state.waiting -= 1;
        }
        state.epoch
    }

    /// Bytes of a block; 0 where there is none.
    pub fn block_bytes(&self, key: BlockKey) -> u64 {
        self.0.lock().ledger.blocks.get(&key).map_or(0, |block| block.bytes)
    }

    /// What it holds now.
    pub fn usage(&self) -> Usage {
        let state = self.0.lock();
        let mut usage = Usage {
            used_bytes: state.ledger.used(),
            reserved_bytes: state.ledger.unfilled() + state.ledger.standing(),
            free_bytes: state.memory.free_bytes(),
            blocks: state.ledger.blocks.len() as u64,
            ..Usage::default()
        };
        for block in state.ledger.blocks.values() {
            if matches!(block.place, Place::Spilled | Place::Restoring) {
                usage.spilled_bytes += block.bytes;
            } else {
                usage.resident_bytes += block.bytes;
                usage.pinned_bytes += if block.pins > 0 { block.bytes } else { 0 };
            }
        }
        usage
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({:?} of {})", self.usage(), Bytes(self.limit_bytes()))
    }
}
