//! Bytes that a reader of a far array asks for → mostly there already, else fetched now.

use super::{Ahead, Arrived, Bucket, Object, Part, Parts, Reply, Taken, Wanted};
use std::sync::Arc;

/// Parts of an object that lie so near are fetched with what lies between them.
const GAP_BYTES: u64 = 16 << 10;
/// Parts that lie side by side are fetched together up to so many bytes.
const RUN_BYTES: u64 = 2 << 20;
/// What is held of what is on its way, at most: 50 ms at five gigabytes a second.
const AHEAD_BYTES: u64 = 256 << 20;

/// How one array reads the objects it is in.
#[derive(Debug)]
pub(crate) struct Fetch {
    bucket: Arc<Bucket>,
    ahead: Ahead,
}

/// The bytes of a part.
pub(crate) enum Bytes<'a> {
    /// They were there: so many from a place on.
    Ahead(Arrived, usize, usize),
    /// They were fetched now.
    Now(&'a [u8]),
}

impl Bytes<'_> {
    pub(crate) fn get(&self) -> &[u8] {
        match self {
            Bytes::Ahead(arrived, at, len) => &arrived.bytes[*at..*at + *len],
            Bytes::Now(bytes) => bytes,
        }
    }
}

impl Fetch {
    /// Nothing is asked for yet.
    pub(crate) fn new(bucket: Arc<Bucket>) -> Fetch {
        Fetch { ahead: Ahead::new(bucket.clone()), bucket }
    }

    pub(crate) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Bytes of an object, of which `elements` are read: from what is here, else fetched into `room`; and what they are bytes of. `None`:
    /// there is no such object.
    ///
    /// # Errors
    /// What failed, with the URL.
    pub(crate) fn bytes<'a>(&self, key: &str, wanted: Wanted, elements: u64, room: &'a mut [u8]) -> Reply<Option<(Bytes<'a>, Object)>> {
        match self.ahead.take(key, wanted, elements)? {
            Taken::Missing => Ok(None),
            Taken::Here(arrived, at) => {
                // An object that somebody made shorter meanwhile gives fewer bytes than were asked for.
                let at = at.min(arrived.bytes.len());
                let there = arrived.bytes.len() - at;
                let len = match wanted {
                    Wanted::Range { len, .. } => there.min(usize::try_from(len).unwrap_or(usize::MAX)),
                    _ => there,
                };
                let object = arrived.object.clone();
                Ok(Some((Bytes::Ahead(arrived, at, len), object)))
            }
            Taken::NotFetched => {
                let found = self.bucket.read_watched(key, wanted, room, || self.ahead.let_go())?;
                Ok(found.map(|(len, object)| (Bytes::Now(&room[..len]), object)))
            }
        }
    }

    /// Asks for parts, behind those that were asked for before.
    pub(crate) fn want(&self, parts: Parts) {
        self.ahead.want(parts);
    }

    /// Bytes that keep the link busy.
    pub(crate) fn ahead_bytes(&self) -> u64 {
        AHEAD_BYTES
    }

    /// See [`Ahead::allow`].
    pub(crate) fn allow(&self, bytes: u64) -> Box<dyn Send> {
        self.ahead.allow(bytes)
    }
}

/// Stretches of one object, (first byte, length, elements) each → parts to fetch; those that lie side by side together.
pub(crate) fn together(key: &str, mut wanted: Vec<(u64, u64, u64)>) -> Vec<Part> {
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
