//! Chunks that are far away → regions: what is wanted of objects, and when; and their bytes, mostly there already.

use super::chain::Chain;
use super::layout::{ArrayLayout, Coding};
use super::shard::{INDEX_BYTES_MAX, ShardIndex, index_bytes};
use crate::error::{Error, Result};
use crate::grid::{Region, ravel};
use crate::store::chunk_parts::ChunkParts;
use crate::store::remote::{Ahead, Arrived, Bucket, Next, Part, Parts, Taken, Wanted};
use std::sync::Arc;

/// Inner chunks of a shard that lie so near are fetched with what lies between them.
const GAP_BYTES: u64 = 16 << 10;
/// Inner chunks that lie side by side are fetched together up to so many bytes.
const RUN_BYTES: u64 = 2 << 20;
/// What is held of what is on its way, at most: 50 ms at five gigabytes a second.
const AHEAD_BYTES: u64 = 256 << 20;

/// The objects of one array.
#[derive(Debug)]
pub(super) struct Far {
    bucket: Arc<Bucket>,
    prefix: String,
    ahead: Ahead,
    address: String,
}

/// The bytes of a part.
pub(super) enum Bytes<'a> {
    /// They were there.
    Ahead(Arrived, usize, usize),
    /// They were fetched now.
    Now(&'a [u8]),
}

impl Bytes<'_> {
    pub(super) fn get(&self) -> &[u8] {
        match self {
            Bytes::Ahead(arrived, at, len) => &arrived.bytes[*at..*at + *len],
            Bytes::Now(bytes) => bytes,
        }
    }
}

impl Far {
    pub(super) fn new(bucket: Arc<Bucket>, prefix: &str, address: &str) -> Far {
        Far { ahead: Ahead::new(bucket.clone()), bucket, prefix: prefix.to_string(), address: address.to_string() }
    }

    fn name(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn failed(&self, what: String) -> Error {
        Error::store(&self.address, what)
    }

    /// Bytes of an object with the length of the whole, of which `elements` are read: from what is here, else fetched into `room`.
    /// `None`: there is no such object.
    pub(super) fn bytes<'a>(&self, key: &str, wanted: Wanted, elements: u64, room: &'a mut [u8]) -> Result<Option<(Bytes<'a>, u64)>> {
        let name = self.name(key);
        match self.ahead.take(&name, wanted, elements).map_err(|what| self.failed(what))? {
            Taken::Missing => Ok(None),
            Taken::Here(arrived, at) => {
                let len = match wanted {
                    Wanted::Range { len, .. } => len as usize,
                    _ => arrived.bytes.len() - at,
                };
                let total = arrived.total;
                Ok(Some((Bytes::Ahead(arrived, at, len), total)))
            }
            Taken::NotFetched => match self.bucket.read(&name, wanted, room).map_err(|what| self.failed(what))? {
                None => Ok(None),
                Some((len, total)) => Ok(Some((Bytes::Now(&room[..len]), total))),
            },
        }
    }

    /// Bytes that keep the link busy.
    pub(super) fn ahead_bytes(&self) -> u64 {
        AHEAD_BYTES
    }

    pub(super) fn allow(&self, bytes: u64) -> Box<dyn Send> {
        self.ahead.allow(bytes)
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
        self.ahead.want(steps);
    }

    /// Bytes of all chunks, where the service tells.
    pub(super) fn stored_bytes(&self, layout: &ArrayLayout) -> Option<u64> {
        let mut sum = 0;
        let found = self.bucket.objects(&self.prefix, &mut |key, len| {
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
    let Ok(shard) = ShardIndex::of(&layout.file_chunk, inner, *index_at_end, *index_checksum, index.total) else { return Vec::new() };
    let Ok(entries) = shard.checked(&index.bytes) else { return Vec::new() };
    let limit = stored_bytes_max(chain, inner, layout);
    let mut wanted: Vec<(u64, u64, u64)> = Vec::new();
    let mut parts = ChunkParts::new(local, inner);
    while let Some(chunk_part) = parts.next() {
        if let Some((at, len)) = ShardIndex::entry_of(entries, ravel(&chunk_part.index, &shard.counts))
            && len > 0
            && len <= limit
            && at.checked_add(len).is_some_and(|end| end <= index.total)
        {
            wanted.push((at, len, chunk_part.elements()));
        }
    }
    wanted.sort_unstable();
    let mut parts: Vec<Part> = Vec::new();
    for (at, len, elements) in wanted {
        if let Some(Part { wanted: Wanted::Range { at: first, len: have }, elements: all, len_max, .. }) = parts.last_mut()
            && at <= *first + *have + GAP_BYTES
            && (at + len).saturating_sub(*first) <= RUN_BYTES
        {
            *have = (*have).max(at + len - *first);
            (*len_max, *all) = (*have, *all + elements);
            continue;
        }
        parts.push(Part { key: key.to_string(), wanted: Wanted::Range { at, len }, elements, len_max: len });
    }
    parts
}
