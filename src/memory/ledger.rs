//! Requests → who may hold what. The accounting of the memory limit, without memory, files, locks or time.
//!
//! ```text
//!            publish                        begin (chosen as victim, dirty)
//!   (none) ───────────▶ Resident(pins) ─────────────────────────────────────▶ Spilling
//!                        ▲      │ ▲  │  begin (victim, clean: its copy is on disk)  │ spilled
//!               restored │      │ └──┼───────────── spilled(failed) ────────────────┤
//!                        │      │    └──────────────────────────────┐               ▼
//!                    Restoring  │ take, last reader, remove         └──────────▶ Spilled
//!                        ▲      ▼                                                   │
//!                        │    (none)                                                │
//!                        └───────────────────── begin (wanted) ─────────────────────┘
//! ```
//! Invariants, checked by `model.rs` over all interleavings of small cases:
//! - `used` ≤ limit, always; what is in memory ≤ `used`. A block counts until its bytes have left.
//! - A grant is begun whole or not at all. Who begins one spills its own victims and waits for nobody's
//!   grant; the room of a victim belongs to who chose it. So if no grant is held, any request that fits alone
//!   begins, and there is no deadlock.
//! - Bytes of a block change only before it is published or after it is taken; a pinned block stays put.

use super::BlockKey;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Resident,
    Spilling,
    Spilled,
    Restoring,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    pub(crate) bytes: u64,
    pub(crate) place: Place,
    pub(crate) pins: u32,
    /// Pinned to be taken: nobody else may pin it.
    exclusive: bool,
    /// A copy of it is on disk.
    pub(crate) clean: bool,
    /// Reads until it is freed; `u64::MAX` for a block that stays until removed.
    readers: u64,
    next_use: u64,
    touched: u64,
    /// To be freed at the last unpin, or when its I/O ends.
    doomed: bool,
    /// Where it stands in `evictable`, if it does.
    rank: Option<(u64, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Holding {
    reads: Vec<BlockKey>,
    takes: Vec<BlockKey>,
    published: Vec<BlockKey>,
    /// Promised and not yet turned into buffers.
    reserve: u64,
    /// Memory outside the pool: a reservation, not a task.
    standing: bool,
}

/// A grant that was begun and whose I/O its holder now does: victims out, then restores in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) grant: u64,
    /// Blocks to write out.
    pub(crate) victims: Vec<BlockKey>,
    /// Blocks that left already, since their copies are on disk: their memory is to be freed now.
    pub(crate) dropped: Vec<BlockKey>,
    /// Blocks to read back once the victims are out.
    pub(crate) restores: Vec<BlockKey>,
    /// What the grant adds: restored bytes and the reserve.
    extra: u64,
    victim_bytes: u64,
    out_bytes: u64,
    funded: bool,
    restored_bytes: u64,
    /// Bytes of the restore that has memory and is being read.
    filling_bytes: u64,
}

impl Ticket {
    /// Bytes that it makes pending until it is funded.
    fn pending(&self) -> u64 {
        self.extra.saturating_sub(self.victim_bytes) + self.out_bytes
    }

    #[cfg(test)]
    pub(crate) fn is_funded(&self) -> bool {
        self.funded
    }
}

/// Why a request is not begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Others hold too much, or are moving a block: try again after a change.
    NotNow,
    /// It would not fit alone; bytes needed.
    TooLarge(u64),
    /// A block that is not in the pool: a defect of the caller.
    Missing(BlockKey),
    /// A block both read and taken, or taken twice: a defect of the caller.
    Conflict(BlockKey),
}

/// What became of a block whose spilling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    /// Its memory is to be freed, its copy kept.
    Spilled,
    /// It was removed meanwhile: both are to be freed.
    Gone,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ledger {
    limit: u64,
    used: u64,
    unfilled: u64,
    pending: u64,
    standing: u64,
    evictable_bytes: u64,
    pub(crate) blocks: BTreeMap<BlockKey, Block>,
    /// (next use, age, key): the last one leaves first.
    evictable: BTreeSet<(u64, u64, BlockKey)>,
    /// Next uses told of blocks that do not exist yet.
    hints: BTreeMap<BlockKey, u64>,
    grants: BTreeMap<u64, Holding>,
    next_grant: u64,
    clock: u64,
}

impl Ledger {
    pub(crate) fn new(limit: u64) -> Ledger {
        Ledger {
            limit,
            used: 0,
            unfilled: 0,
            pending: 0,
            standing: 0,
            evictable_bytes: 0,
            blocks: BTreeMap::new(),
            evictable: BTreeSet::new(),
            hints: BTreeMap::new(),
            grants: BTreeMap::new(),
            next_grant: 0,
            clock: 0,
        }
    }

    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes promised: blocks in memory, buffers out, reserves and reservations.
    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that tasks were promised and have not yet turned into buffers.
    pub(crate) fn unfilled(&self) -> u64 {
        self.unfilled
    }

    /// Bytes counted and not in memory: victims that are out, and restores and reserves that wait for them.
    pub(crate) fn pending(&self) -> u64 {
        self.pending
    }

    /// Bytes of standing reservations.
    pub(crate) fn standing(&self) -> u64 {
        self.standing
    }

    /// Begins a grant: pins all its blocks, chooses who must leave, promises the reserve. Or changes nothing.
    pub(crate) fn begin(&mut self, reads: &[BlockKey], takes: &[BlockKey], new_bytes: u64, standing: bool) -> Result<Ticket, Refusal> {
        let extra = self.admissible(reads, takes, new_bytes, standing)?;
        // From here on it succeeds.
        let shortage = self.shortage(extra);
        let restores = self.pin(reads, takes);
        let (victims, dropped, victim_bytes) = self.evict(shortage);
        self.used += extra.saturating_sub(victim_bytes);
        self.pending += extra.saturating_sub(victim_bytes);
        debug_assert!(self.used <= self.limit);
        let grant = self.next_grant;
        self.next_grant += 1;
        let holding = Holding { reads: reads.to_vec(), takes: takes.to_vec(), standing, ..Holding::default() };
        self.grants.insert(grant, holding);
        Ok(Ticket {
            grant,
            victims,
            dropped,
            restores,
            extra,
            victim_bytes,
            out_bytes: 0,
            funded: false,
            restored_bytes: 0,
            filling_bytes: 0,
        })
    }

    /// Bytes that are missing for `extra` more.
    fn shortage(&self, extra: u64) -> u64 {
        extra.saturating_sub(self.limit - self.used)
    }

    /// Bytes that a grant needs beside the blocks that are in memory already; or why it cannot begin now, or ever.
    fn admissible(&self, reads: &[BlockKey], takes: &[BlockKey], new_bytes: u64, standing: bool) -> Result<u64, Refusal> {
        let (wanted, taken) = distinct(reads, takes)?;
        let (mut whole, mut extra, mut own_evictable, mut blocked) = (new_bytes, new_bytes, 0u64, false);
        for (key, exclusive) in wanted.iter().map(|&key| (key, false)).chain(taken.iter().map(|&key| (key, true))) {
            let block = self.blocks.get(&key).filter(|block| !block.doomed).ok_or(Refusal::Missing(key))?;
            whole = whole.saturating_add(block.bytes);
            blocked |= match block.place {
                Place::Spilling | Place::Restoring => true,
                _ => block.exclusive || exclusive && block.pins > 0,
            };
            match block.place {
                Place::Spilled => extra = extra.saturating_add(block.bytes),
                _ if block.rank.is_some() => own_evictable += block.bytes,
                _ => {}
            }
        }
        // what stands is held for longer than any task: waiting for it would not end
        if whole > self.limit - if standing { 0 } else { self.standing } {
            return Err(Refusal::TooLarge(whole));
        }
        // its own blocks cannot leave for it
        if blocked || self.shortage(extra) > self.evictable_bytes - own_evictable {
            return Err(Refusal::NotNow);
        }
        Ok(extra)
    }

    /// Pins the blocks of a grant. Returns those that have to be read back.
    fn pin(&mut self, reads: &[BlockKey], takes: &[BlockKey]) -> Vec<BlockKey> {
        let mut restores = Vec::new();
        for (&key, exclusive) in reads.iter().map(|key| (key, false)).chain(takes.iter().map(|key| (key, true))) {
            self.clock += 1;
            let clock = self.clock;
            self.change(key, |block| {
                block.pins += 1;
                block.exclusive = exclusive;
                block.touched = clock;
                if block.place == Place::Spilled {
                    block.place = Place::Restoring;
                    restores.push(key);
                }
            });
        }
        restores
    }

    /// Lets blocks go that cover `shortage`: some are to be written first, others have a good copy and leave at
    /// once. Returns both, and the bytes of those to be written.
    fn evict(&mut self, shortage: u64) -> (Vec<BlockKey>, Vec<BlockKey>, u64) {
        let (mut victims, mut dropped, mut victim_bytes) = (Vec::new(), Vec::new(), 0);
        for key in self.choose_victims(shortage) {
            let bytes = self.blocks[&key].bytes;
            if self.blocks[&key].clean {
                self.change(key, |block| block.place = Place::Spilled);
                self.used -= bytes;
                dropped.push(key);
            } else {
                self.change(key, |block| block.place = Place::Spilling);
                victim_bytes += bytes;
                victims.push(key);
            }
        }
        (victims, dropped, victim_bytes)
    }

    /// The blocks whose next use is latest (least recently used where none is known), as few as cover `shortage`.
    fn choose_victims(&self, shortage: u64) -> Vec<BlockKey> {
        let (mut chosen, mut bytes) = (Vec::new(), 0);
        for &(_, _, key) in self.evictable.iter().rev() {
            if bytes >= shortage {
                break;
            }
            bytes += self.blocks[&key].bytes;
            chosen.push(key);
        }
        // The last large one may have made earlier small ones needless.
        let mut at = chosen.len();
        while at > 0 {
            at -= 1;
            let len = self.blocks[&chosen[at]].bytes;
            if bytes - len >= shortage {
                bytes -= len;
                chosen.remove(at);
            }
        }
        chosen
    }

    /// The writing of a victim ended well.
    pub(crate) fn spilled(&mut self, ticket: &mut Ticket, key: BlockKey) -> Out {
        ticket.victims.retain(|&victim| victim != key);
        let mut doomed = false;
        let bytes = self.change(key, |block| {
            block.place = Place::Spilled;
            block.clean = true;
            doomed = block.doomed;
            block.bytes
        });
        ticket.out_bytes += bytes;
        self.pending += bytes;
        if doomed {
            self.blocks.remove(&key);
            return Out::Gone;
        }
        Out::Spilled
    }

    /// All victims are out: the reserve may be used, and the restores read.
    pub(crate) fn funded(&mut self, ticket: &mut Ticket) {
        debug_assert!(ticket.victims.is_empty() && ticket.out_bytes == ticket.victim_bytes && !ticket.funded);
        self.used -= ticket.victim_bytes.saturating_sub(ticket.extra);
        let restored: u64 = ticket.restores.iter().map(|key| self.blocks[key].bytes).sum();
        let reserve = ticket.extra - restored;
        self.pending -= ticket.pending();
        self.pending += restored;
        ticket.funded = true;
        if let Some(holding) = self.grants.get_mut(&ticket.grant) {
            holding.reserve = reserve;
            let counter = if holding.standing { &mut self.standing } else { &mut self.unfilled };
            *counter += reserve;
        }
    }

    /// A restore is given memory, to be read into.
    pub(crate) fn filling(&mut self, ticket: &mut Ticket, key: BlockKey) -> u64 {
        ticket.filling_bytes = self.blocks[&key].bytes;
        self.pending -= ticket.filling_bytes;
        ticket.filling_bytes
    }

    /// A block was read back.
    pub(crate) fn restored(&mut self, ticket: &mut Ticket, key: BlockKey) {
        ticket.restores.retain(|&other| other != key);
        let bytes = self.change(key, |block| {
            block.place = Place::Resident;
            block.bytes
        });
        ticket.restored_bytes += bytes;
        ticket.filling_bytes = 0;
    }

    /// The I/O of a begun grant failed: what moved stays where it is now, the rest is as before. Returns the
    /// blocks to free, and in `ticket.victims` those that stay resident.
    pub(crate) fn abort(&mut self, ticket: Ticket) -> Vec<BlockKey> {
        let mut freed = Vec::new();
        if ticket.funded {
            self.used -= ticket.extra - ticket.restored_bytes;
            let restores: u64 = ticket.restores.iter().map(|key| self.blocks[key].bytes).sum();
            self.pending -= restores - ticket.filling_bytes;
        } else {
            self.pending -= ticket.pending();
            self.used -= ticket.extra.saturating_sub(ticket.victim_bytes) + ticket.out_bytes;
        }
        for &key in &ticket.victims {
            self.change(key, |block| block.place = Place::Resident);
            self.free_if_doomed(key, &mut freed);
        }
        for &key in &ticket.restores {
            self.change(key, |block| block.place = Place::Spilled);
        }
        if let Some(holding) = self.grants.remove(&ticket.grant) {
            let counter = if holding.standing { &mut self.standing } else { &mut self.unfilled };
            *counter -= holding.reserve;
            for key in holding.reads.into_iter().chain(holding.takes) {
                self.unpin(key, false, &mut freed);
            }
        }
        freed
    }

    /// Takes `bytes` out of the grant's reserve for a buffer; false past it.
    pub(crate) fn allocate(&mut self, grant: u64, bytes: u64) -> bool {
        let Some(holding) = self.grants.get_mut(&grant).filter(|holding| holding.reserve >= bytes) else { return false };
        holding.reserve -= bytes;
        self.unfilled -= bytes;
        true
    }

    /// What is left of the grant's reserve.
    pub(crate) fn reserve_of(&self, grant: u64) -> u64 {
        self.grants.get(&grant).map_or(0, |holding| holding.reserve)
    }

    /// A buffer was dropped: back to the reserve of its grant, or to all if that is gone.
    pub(crate) fn drop_buffer(&mut self, grant: u64, bytes: u64) {
        match self.grants.get_mut(&grant) {
            Some(holding) => {
                holding.reserve += bytes;
                self.unfilled += bytes;
            }
            None => self.used -= bytes,
        }
    }

    /// A buffer becomes a block, pinned by the grant. False if there is such a block: a defect.
    pub(crate) fn publish(&mut self, grant: u64, key: BlockKey, bytes: u64, readers: u64) -> bool {
        if self.blocks.contains_key(&key) {
            return false;
        }
        self.clock += 1;
        let block = Block {
            bytes,
            place: Place::Resident,
            pins: 1,
            exclusive: false,
            clean: false,
            readers,
            next_use: self.hints.remove(&key).unwrap_or(u64::MAX),
            touched: self.clock,
            doomed: false,
            rank: None,
        };
        self.blocks.insert(key, block);
        match self.grants.get_mut(&grant) {
            Some(holding) => holding.published.push(key),
            None => self.unpin(key, false, &mut Vec::new()),
        }
        true
    }

    /// The grant takes a block that it pinned to take: the block is no more, its bytes belong to a buffer.
    pub(crate) fn take(&mut self, grant: u64, key: BlockKey) -> bool {
        let Some(holding) = self.grants.get_mut(&grant) else { return false };
        let Some(at) = holding.takes.iter().position(|&other| other == key) else { return false };
        holding.takes.swap_remove(at);
        self.blocks.remove(&key);
        true
    }

    /// Ends a grant. `finished` counts its reads off. Returns the blocks to free.
    pub(crate) fn release(&mut self, grant: u64, finished: bool) -> Vec<BlockKey> {
        let mut freed = Vec::new();
        let Some(holding) = self.grants.remove(&grant) else { return freed };
        let counter = if holding.standing { &mut self.standing } else { &mut self.unfilled };
        *counter -= holding.reserve;
        self.used -= holding.reserve;
        for key in holding.reads.into_iter().chain(holding.takes) {
            self.unpin(key, finished, &mut freed);
        }
        for key in holding.published {
            self.unpin(key, false, &mut freed);
        }
        freed
    }

    /// When the block is needed next; kept for a block that does not exist yet.
    pub(crate) fn set_next_use(&mut self, key: BlockKey, at: u64) {
        if self.blocks.contains_key(&key) {
            self.change(key, |block| block.next_use = at);
        } else if at == u64::MAX {
            self.hints.remove(&key);
        } else {
            self.hints.insert(key, at);
        }
    }

    pub(crate) fn contains(&self, key: BlockKey) -> bool {
        self.blocks.get(&key).is_some_and(|block| !block.doomed)
    }

    /// Frees the block now, or as soon as it is unpinned and still. Returns the blocks to free now.
    pub(crate) fn remove(&mut self, key: BlockKey) -> Vec<BlockKey> {
        let mut freed = Vec::new();
        self.hints.remove(&key);
        if self.blocks.contains_key(&key) {
            self.change(key, |block| block.doomed = true);
            self.free_if_doomed(key, &mut freed);
        }
        freed
    }

    /// [`Ledger::remove`] of all blocks of a product.
    pub(crate) fn remove_product(&mut self, product: u64) -> Vec<BlockKey> {
        let all = BlockKey { product, block: 0 }..=BlockKey { product, block: u64::MAX };
        let hinted: Vec<BlockKey> = self.hints.range(all.clone()).map(|(&key, _)| key).collect();
        hinted.iter().for_each(|key| {
            self.hints.remove(key);
        });
        let keys: Vec<BlockKey> = self.blocks.range(all).map(|(&key, _)| key).collect();
        keys.into_iter().flat_map(|key| self.remove(key)).collect()
    }

    /// Blocks of a product that stayed until removed now go after so many more reads, one at least.
    pub(crate) fn expect_readers(&mut self, product: u64, readers: impl Fn(u64) -> u64) {
        let all = BlockKey { product, block: 0 }..=BlockKey { product, block: u64::MAX };
        self.blocks.range_mut(all).for_each(|(key, block)| block.readers = readers(key.block).max(1));
    }

    /// The copy on disk of a resident block was given up.
    pub(crate) fn made_dirty(&mut self, key: BlockKey) {
        self.change(key, |block| block.clean = false);
    }

    fn unpin(&mut self, key: BlockKey, count_off: bool, freed: &mut Vec<BlockKey>) {
        self.change(key, |block| {
            block.pins -= 1;
            block.exclusive = false;
            if count_off && block.readers != u64::MAX {
                block.readers = block.readers.saturating_sub(1);
                block.doomed |= block.readers == 0;
            }
        });
        self.free_if_doomed(key, freed);
    }

    fn free_if_doomed(&mut self, key: BlockKey, freed: &mut Vec<BlockKey>) {
        let Some(block) = self.blocks.get(&key) else { return };
        if !block.doomed || block.pins > 0 || matches!(block.place, Place::Spilling | Place::Restoring) {
            return;
        }
        if block.place == Place::Resident {
            self.used -= block.bytes;
        }
        self.blocks.remove(&key);
        freed.push(key);
    }

    /// Changes a block that exists and puts it where it now belongs among the evictable.
    fn change<T>(&mut self, key: BlockKey, how: impl FnOnce(&mut Block) -> T) -> T {
        let block = self.blocks.get_mut(&key).expect("the ledger changes only blocks that it has");
        if let Some((next_use, age)) = block.rank.take() {
            self.evictable.remove(&(next_use, age, key));
            self.evictable_bytes -= block.bytes;
        }
        let value = how(block);
        if block.place == Place::Resident && block.pins == 0 && !block.doomed {
            let rank = (block.next_use, u64::MAX - block.touched);
            block.rank = Some(rank);
            self.evictable.insert((rank.0, rank.1, key));
            self.evictable_bytes += block.bytes;
        }
        value
    }

    /// Recounts everything from the blocks and grants: the test of the invariants. `buffer_bytes` are the
    /// buffers out, `moving` the tickets begun and not ended.
    #[cfg(test)]
    pub(crate) fn check(&self, buffer_bytes: u64, moving: &[&Ticket]) {
        assert!(self.used <= self.limit, "{} used of {}", self.used, self.limit);
        let in_memory: u64 = self.blocks.values().filter(|b| matches!(b.place, Place::Resident | Place::Spilling)).map(|b| b.bytes).sum();
        let reserves: u64 = self.grants.values().map(|holding| holding.reserve).sum();
        assert_eq!(reserves, self.unfilled + self.standing);
        // While victims leave, the larger of what they were and what replaces them counts.
        let pending: u64 = moving
            .iter()
            .map(
                |t| if t.funded { t.restores.iter().map(|key| self.blocks[key].bytes).sum::<u64>() - t.filling_bytes } else { t.pending() },
            )
            .sum();
        assert_eq!(self.pending, pending);
        let filling: u64 = moving.iter().map(|t| t.filling_bytes).sum();
        assert_eq!(self.used, in_memory + reserves + buffer_bytes + pending + filling);
        let listed: u64 = self.blocks.values().filter(|b| b.rank.is_some()).map(|b| b.bytes).sum();
        assert_eq!(listed, self.evictable_bytes);
        assert_eq!(self.evictable.len(), self.blocks.values().filter(|b| b.rank.is_some()).count());
        for (key, block) in &self.blocks {
            assert_eq!(block.rank.is_some(), block.place == Place::Resident && block.pins == 0 && !block.doomed, "{key:?}");
            let of = |keys: &[BlockKey]| keys.iter().filter(|&other| other == key).count();
            let pins: usize = self.grants.values().map(|h| of(&h.reads) + of(&h.takes) + of(&h.published)).sum();
            assert_eq!(pins, block.pins as usize, "{key:?}");
        }
    }
}

/// The keys read, each once, and the keys taken.
fn distinct(reads: &[BlockKey], takes: &[BlockKey]) -> Result<(Vec<BlockKey>, Vec<BlockKey>), Refusal> {
    let mut wanted = reads.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut taken = takes.to_vec();
    taken.sort_unstable();
    match taken
        .windows(2)
        .find(|pair| pair[0] == pair[1])
        .map(|pair| pair[0])
        .or_else(|| taken.iter().copied().find(|key| wanted.binary_search(key).is_ok()))
    {
        Some(key) => Err(Refusal::Conflict(key)),
        None => Ok((wanted, taken)),
    }
}
