//! Requests, buffers and blocks → where their bytes lie. The ledger with memory, the spill file and threads around it.
//!
//! One mutex guards the ledger and the maps; no I/O happens under it. A block that is being written or read
//! is in the state Spilling or Restoring, in which nobody else touches it, so its bytes are used outside.

use super::BlockKey;
use super::ledger::{Ledger, Out, Place, Refusal, Ticket};
use super::mapping::{Mapping, Memory};
use super::spill::{Spill, SpillCopy};
use crate::error::{Bytes, Error, ErrorKind, Result};
use crate::events::{Counters, Event, Observer};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// Free memory that may overlap what is promised to tasks, at most.
const OVERLAP_BYTES: u64 = 32 << 20;
/// Free memory kept at most.
const FREE_BYTES: u64 = 1 << 30;

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

/// What is shared by a pool, its grants and their buffers.
pub(super) struct Residency {
    pub(super) state: Mutex<State>,
    pub(super) change: Condvar,
    pub(super) spill: Spill,
    pub(super) counters: Arc<Counters>,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

/// What is guarded by its mutex.
pub(super) struct State {
    pub(super) ledger: Ledger,
    pub(super) held: HashMap<BlockKey, Held>,
    pub(super) copies: HashMap<BlockKey, Copy>,
    pub(super) memory: Memory,
    pub(super) epoch: u64,
    pub(super) waiting: usize,
}

/// A block on disk.
pub(super) struct Copy {
    /// Shared with a reader while the block is Restoring.
    spilled: Arc<SpillCopy>,
    len: usize,
}

/// A block in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) mapping: Mapping,
    pub(super) len: usize,
}

impl Residency {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poison| poison.into_inner())
    }

    pub(super) fn bump(&self, state: &mut State) {
        state.epoch += 1;
        if state.waiting > 0 {
            self.change.notify_all();
        }
    }

    /// Begins a grant and does its I/O; the grant's number.
    pub(super) fn admit(&self, request: &Request, standing: bool) -> Result<Option<u64>> {
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
    pub(super) fn free(&self, state: &mut State, keys: Vec<BlockKey>) {
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

impl Drop for Residency {
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
