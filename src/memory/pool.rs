//! Requests → grants. The ledger with memory, the spill file and threads around it.
//!
//! One mutex guards the ledger and the maps; no I/O happens under it. A block that is being written or read
//! is in the state Spilling or Restoring, in which nobody else touches it, so its bytes are used outside.

use super::BlockKey;
use super::disk::SpillDisk;
use super::grant::{Grant, Held, Reservation};
use super::ledger::{Ledger, Out, Place, Refusal, Ticket};
use super::mapping::{Mapping, Memory};
use super::spill::{Spill, SpillCopy};
use crate::error::{Bytes, Error, ErrorKind, Result};
use crate::events::{Counters, Event, Observer};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Free memory that may overlap what is promised to tasks, at most.
const OVERLAP_BYTES: u64 = 32 << 20;
/// Free memory kept at most.
const FREE_BYTES: u64 = 1 << 30;

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

/// What a task needs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// Blocks that it reads; one may occur several times.
    pub reads: &'a [BlockKey],
    /// Blocks whose buffers it takes over.
    pub takes: &'a [BlockKey],
    /// Bytes of its outputs and scratch, the sum of [`rounded`](super::rounded) over its buffers.
    pub new_bytes: u64,
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
pub struct Pool(Arc<Inner>);

pub(super) struct Inner {
    state: Mutex<State>,
    change: Condvar,
    spill: Spill,
    counters: Arc<Counters>,
    observer: Option<Arc<dyn Observer>>,
}

struct State {
    ledger: Ledger,
    held: HashMap<BlockKey, Held>,
    copies: HashMap<BlockKey, Copy>,
    memory: Memory,
    epoch: u64,
    waiting: usize,
}

struct Copy {
    /// Shared with a reader while the block is Restoring.
    spilled: Arc<SpillCopy>,
    len: usize,
}

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
            Inner { state: Mutex::new(state), change: Condvar::new(), spill, counters: options.counters, observer: options.observer };
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

    /// Wakes every sleeper of [`Pool::wait_change`]: for changes outside the pool, such as a cancellation.
    pub fn wake(&self) {
        self.0.bump(&mut self.0.lock());
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

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    fn bump(&self, state: &mut State) {
        state.epoch += 1;
        if state.waiting > 0 {
            self.change.notify_all();
        }
    }

    /// Begins a grant and does its I/O; the grant's number.
    fn admit(&self, request: &Request, standing: bool) -> Result<Option<u64>> {
        let mut state = self.lock();
        let mut ticket = match state.ledger.begin(request.reads, request.takes, request.new_bytes, standing) {
            Ok(ticket) => ticket,
            Err(refusal) => return refuse(refusal, state.ledger.limit(), if standing { 0 } else { state.ledger.standing() }),
        };
        for key in std::mem::take(&mut ticket.dropped) {
            if let Some(held) = state.held.remove(&key) {
                state.memory.give_back(held.mapping);
            }
        }
        let moved = if ticket.victims.is_empty() && ticket.restores.is_empty() {
            state.ledger.funded(&mut ticket);
            Ok(())
        } else {
            drop(state);
            let moved = self.make_room(&mut ticket).and_then(|()| self.bring_back(&mut ticket));
            state = self.lock();
            moved
        };
        state.trim();
        self.counters.peak_reserved_bytes.fetch_max(state.ledger.used(), Relaxed);
        match moved {
            Ok(()) => Ok(Some(ticket.grant)),
            Err(error) => {
                let freed = state.ledger.abort(ticket);
                self.free(&mut state, freed);
                Err(error)
            }
        }
    }

    fn make_room(&self, ticket: &mut Ticket) -> Result<()> {
        for key in ticket.victims.clone() {
            let started = Instant::now();
            let bytes: &[u8] = {
                let state = self.lock();
                let held = &state.held[&key];
                // SAFETY: a Spilling block is neither moved, freed nor written until `spilled` below.
                unsafe { held.mapping.slice_unbound(held.len) }
            };
            let copy = self.write(bytes)?;
            Counters::add(&self.counters.spilled_bytes, bytes.len() as u64);
            Counters::add(&self.counters.spill_written_bytes, copy.stored_bytes());
            self.tell(true, bytes.len(), started);
            let mut state = self.lock();
            let out = state.ledger.spilled(ticket, key);
            if let Some(held) = state.held.remove(&key) {
                let copy = Copy { spilled: Arc::new(copy), len: held.len };
                state.memory.give_back(held.mapping);
                match out {
                    Out::Spilled => drop(state.copies.insert(key, copy)),
                    Out::Gone => self.spill.free(&copy.spilled),
                }
            }
            state.trim();
            self.bump(&mut state);
        }
        self.lock().ledger.funded(ticket);
        Ok(())
    }

    /// Writes a block out; where the cap on disk presses, copies of blocks that are in memory as well go.
    fn write(&self, bytes: &[u8]) -> Result<SpillCopy> {
        self.spill.write(bytes, &|| {
            let mut state = self.lock();
            let resident = |key: &&BlockKey| state.ledger.blocks.get(key).is_some_and(|block| block.place == Place::Resident);
            let Some(spare) = state.copies.keys().find(resident).copied() else { return false };
            state.ledger.made_dirty(spare);
            if let Some(copy) = state.copies.remove(&spare) {
                self.spill.free(&copy.spilled);
            }
            true
        })
    }

    fn bring_back(&self, ticket: &mut Ticket) -> Result<()> {
        for key in ticket.restores.clone() {
            let started = Instant::now();
            let (mut mapping, copy, len) = {
                let mut state = self.lock();
                let (copy, len) = (state.copies[&key].spilled.clone(), state.copies[&key].len);
                let bytes = state.ledger.filling(ticket, key);
                (state.obtain(bytes)?, copy, len)
            };
            let read = self.spill.read(&copy, mapping.slice_mut(len));
            let mut state = self.lock();
            if let Err(error) = read {
                state.memory.give_back(mapping);
                return Err(error);
            }
            state.held.insert(key, Held { mapping, len });
            state.ledger.restored(ticket, key);
            self.bump(&mut state);
            drop(state);
            Counters::add(&self.counters.spill_read_bytes, copy.stored_bytes());
            self.tell(false, len, started);
        }
        Ok(())
    }

    fn tell(&self, written: bool, len: usize, started: Instant) {
        if let Some(observer) = &self.observer {
            observer.event(&Event::Spilled { written, bytes: len as u64, started, ended: Instant::now() });
        }
    }

    /// Frees blocks that the ledger let go.
    fn free(&self, state: &mut State, keys: Vec<BlockKey>) {
        for key in keys {
            if let Some(held) = state.held.remove(&key) {
                state.memory.give_back(held.mapping);
            }
            if let Some(copy) = state.copies.remove(&key) {
                self.spill.free(&copy.spilled);
            }
        }
        state.trim();
        self.bump(state);
    }

    pub(super) fn allocate(&self, grant: u64, bytes: u64) -> Result<Mapping> {
        let mut state = self.lock();
        if !state.ledger.allocate(grant, bytes) {
            let left = state.ledger.reserve_of(grant);
            return Err(Error::internal(format!("a task asked for a buffer of {bytes} bytes, {left} are left of what it reserved")));
        }
        state.obtain(bytes).inspect_err(|_| state.ledger.drop_buffer(grant, bytes))
    }

    pub(super) fn reserve_of(&self, grant: u64) -> u64 {
        self.lock().ledger.reserve_of(grant)
    }

    pub(super) fn drop_buffer(&self, grant: u64, mapping: Mapping) {
        let mut state = self.lock();
        state.ledger.drop_buffer(grant, mapping.bytes());
        state.memory.give_back(mapping);
        state.trim();
        self.bump(&mut state);
    }

    /// False, and the memory freed, if there is such a block.
    pub(super) fn publish(&self, grant: u64, key: BlockKey, mapping: Mapping, len: usize, readers: u64) -> bool {
        let mut state = self.lock();
        let published = state.ledger.publish(grant, key, mapping.bytes(), readers);
        if published {
            state.held.insert(key, Held { mapping, len });
        } else {
            state.ledger.drop_buffer(grant, mapping.bytes());
            state.memory.give_back(mapping);
        }
        self.bump(&mut state);
        published
    }

    pub(super) fn take(&self, grant: u64, key: BlockKey) -> (Mapping, usize) {
        let mut state = self.lock();
        state.ledger.take(grant, key);
        if let Some(copy) = state.copies.remove(&key) {
            self.spill.free(&copy.spilled);
        }
        let held = state.held.remove(&key).expect("a block that is pinned to be taken is in memory");
        (held.mapping, held.len)
    }

    pub(super) fn end_grant(&self, grant: u64, finished: bool) {
        let mut state = self.lock();
        let freed = state.ledger.release(grant, finished);
        self.free(&mut state, freed);
    }
}

impl State {
    /// Memory that the ledger has counted already.
    fn obtain(&mut self, bytes: u64) -> Result<Mapping> {
        let mapping = self.memory.obtain(bytes).or_else(|_| {
            self.memory.trim(0);
            self.memory.obtain(bytes)
        });
        self.trim();
        mapping.map_err(|error| {
            let what = format!("the system refused {} of memory: {error}; set a smaller memory limit", Bytes(bytes));
            Error::bad_request("memory limit", what)
        })
    }

    // Free memory fits under the limit beside all that is promised. Pending bytes are promised to nobody who runs
    // yet. Of promised bytes that are not buffers yet, some may be warm free memory: they are about to become
    // buffers, most likely of that very memory; some, though, are what a task's codecs allocate themselves.
    fn trim(&mut self) {
        let beside = (self.ledger.limit() - self.ledger.used()).saturating_add(self.ledger.pending());
        let overlap = self.ledger.unfilled().min(OVERLAP_BYTES).min(self.ledger.limit() / 8);
        self.memory.trim(beside.saturating_add(overlap).min(FREE_BYTES));
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(|poison| poison.into_inner());
        for (_, held) in state.held.drain() {
            state.memory.release(held.mapping);
        }
    }
}

/// The refusal as an error, beside `standing_bytes` that tasks cannot have.
fn refuse(refusal: Refusal, limit_bytes: u64, standing_bytes: u64) -> Result<Option<u64>> {
    match refusal {
        Refusal::NotNow => Ok(None),
        Refusal::TooLarge(needed_bytes) => Err(ErrorKind::WouldNotFit {
            operation: "task".into(),
            needed_bytes,
            limit_bytes: limit_bytes - standing_bytes,
            smallest_bytes: needed_bytes.saturating_add(standing_bytes),
            advice: "; raise the memory limit, or for a large result store it instead".into(),
        }
        .into()),
        Refusal::Missing(key) => Err(Error::internal(format!("a task wants {key}, which is not in the pool"))),
        Refusal::Conflict(key) => Err(Error::internal(format!("a task takes {key} and uses it otherwise as well"))),
    }
}
