//! Chunks that are far away → regions: what is wanted of objects, and when; and their bytes, mostly there already.

use super::chain::Chain;
use super::layout::{ArrayLayout, Coding};
use super::shard::{INDEX_BYTES_MAX, ShardIndex, index_bytes};
use crate::error::{Error, Result};
use crate::grid::{Region, ravel};
use crate::store::chunk_parts::ChunkParts;
use crate::store::remote::{Arrived, Bucket, Bytes, Fetch, Next, Object, PAST_END, Part, Parts, Wanted, together};
use std::sync::Arc;

/// The objects of one array.
#[derive(Debug)]
pub(super) struct Far {
    fetch: Fetch,
    prefix: String,
    address: String,
}

impl Far {
    pub(super) fn new(bucket: Arc<Bucket>, prefix: &str, address: &str) -> Far {
        Far { fetch: Fetch::new(bucket), prefix: prefix.to_string(), address: address.to_string() }
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// Bytes of an object, of which `elements` are read: from what is here, else fetched into `room`; and what they are bytes of. `None`:
    /// there is no such object.
    pub(super) fn bytes<'a>(&self, key: &str, wanted: Wanted, elements: u64, room: &'a mut [u8]) -> Result<Option<(Bytes<'a>, Object)>> {
        self.fetch.bytes(&self.name(key), wanted, elements, room).map_err(|what| Error::store(&self.address, what))
    }

    /// `len` bytes from `at` on of an object whose state is known, as [`Far::bytes`]: who wrote it anew meanwhile put others there.
    pub(super) fn part_of<'a>(
        &self,
        object: &Object,
        key: &str,
        (at, len): (u64, u64),
        elements: u64,
        room: &'a mut [u8],
    ) -> Result<Bytes<'a>> {
        let name = self.name(key);
        let fail = |what: String| Error::store(&self.address, what);
        let changed = |now: &Object| fail(format!("{}: {}", self.fetch.bucket().url(&name), object.changed(now)));
        match self.fetch.bytes(&name, Wanted::Range { at, len }, elements, room) {
            Ok(Some((_, now))) if now != *object => Err(changed(&now)),
            Ok(Some((bytes, _))) if bytes.get().len() as u64 != len => {
                Err(fail(format!("{}: {} bytes came of {len} at byte {at}", self.fetch.bucket().url(&name), bytes.get().len())))
            }
            Ok(Some((bytes, _))) => Ok(bytes),
            Ok(None) => Err(fail(format!("{}: is gone while it is read", self.fetch.bucket().url(&name)))),
            // The bytes are within what it was: it is shorter now.
            Err(what) if what.contains(PAST_END) => match self.fetch.bucket().read(&name, Wanted::Range { at: 0, len: 1 }, &mut [0]) {
                Ok(Some((_, now))) => Err(changed(&now)),
                _ => Err(fail(what)),
            },
            Err(what) => Err(fail(what)),
        }
    }

    /// Bytes that keep the link busy.
    pub(super) fn ahead_bytes(&self) -> u64 {
        self.fetch.ahead_bytes()
    }

    pub(super) fn allow(&self, bytes: u64) -> Box<dyn Send> {
        self.fetch.allow(bytes)
    }

    /// Asks for what `region` needs.
    pub(super) fn want(&self, region: &Region, layout: &Arc<ArrayLayout>) {
        let steps: Parts = match &layout.coding {
            Coding::Chunks(chain) => {
                let len_max = stored_bytes_max(chain, &layout.file_chunk, layout);
                let (mut parts, layout, prefix) = (ChunkParts::new(region, &layout.file_chunk), layout.clone(), self.prefix.clone());
                Box::new(std::iter::from_fn(move || {
                    let chunk_part = parts.next()?;
                    let key = format!("{prefix}{}", layout.keys.key(&chunk_part.index));
                    Some(Next::Fetch(Part { key, wanted: Wanted::Whole, elements: chunk_part.elements(), len_max }))
                }))
            }
            Coding::Shards { .. } => shards(region, layout.clone(), self.prefix.clone()),
            Coding::Foreign(..) => return,
        };
        self.fetch.want(steps);
    }

    /// Bytes of all chunks, where the service tells.
    pub(super) fn stored_bytes(&self, layout: &ArrayLayout) -> Option<u64> {
        let mut sum = 0;
        let found = self.fetch.bucket().objects(&self.prefix, &mut |key, len| {
            if key.strip_prefix(&self.prefix).is_some_and(|key| layout.is_chunk(key)) {
                sum += len;
            }
            true
        });
        found.is_ok().then_some(sum)
    }
}

fn stored_bytes_max(chain: &Chain, unit: &[u64], layout: &ArrayLayout) -> u64 {
    chain.stored_bytes_max(layout.bytes_of(unit))
}

/// For each shard its index, and behind it the inner chunks that it names.
fn shards(region: &Region, layout: Arc<ArrayLayout>, prefix: String) -> Parts {
    let mut parts = ChunkParts::new(region, &layout.file_chunk);
    Box::new(std::iter::from_fn(move || {
        loop {
            let Coding::Shards { inner, index_at_end, index_checksum, .. } = &layout.coding else { return None };
            let len = index_bytes(&layout.file_chunk, inner, *index_checksum)?;
            let chunk_part = parts.next()?;
            // Of an index that is too long single entries are read, when they are needed.
            if len > INDEX_BYTES_MAX {
                continue;
            }
            let wanted = if *index_at_end { Wanted::Last(len) } else { Wanted::Range { at: 0, len } };
            let key = format!("{prefix}{}", layout.keys.key(&chunk_part.index));
            let part = Part { key: key.clone(), wanted, elements: chunk_part.elements(), len_max: len };
            let (local, layout) = (chunk_part.local.clone(), layout.clone());
            let then = move |index: &Arrived| -> Parts { Box::new(stretches(&layout, &local, index, &key).into_iter().map(Next::Fetch)) };
            return Some(Next::FetchThen(part, Box::new(then)));
        }
    }))
}

/// The inner chunks that a region of a shard needs, those that lie side by side together. An index that is damaged names none:
/// who reads it says so.
fn stretches(layout: &ArrayLayout, local: &Region, index: &Arrived, key: &str) -> Vec<Part> {
    let Coding::Shards { chain, inner, index_at_end, index_checksum } = &layout.coding else { return Vec::new() };
    let Ok(shard) = ShardIndex::of(&layout.file_chunk, inner, *index_at_end, *index_checksum, index.object.total) else {
        return Vec::new();
    };
    let Ok(entries) = shard.checked(&index.bytes) else { return Vec::new() };
    let limit = stored_bytes_max(chain, inner, layout);
    let mut wanted: Vec<(u64, u64, u64)> = Vec::new();
    let mut parts = ChunkParts::new(local, inner);
    while let Some(chunk_part) = parts.next() {
        if let Some((at, len)) = ShardIndex::entry_of(entries, ravel(&chunk_part.index, &shard.counts))
            && len > 0
            && len <= limit
            && at.checked_add(len).is_some_and(|end| end <= index.object.total)
        {
            wanted.push((at, len, chunk_part.elements()));
        }
    }
    together(key, wanted)
}
