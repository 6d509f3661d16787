//! Chunks and stretches of a far file → their bytes, mostly there already, and what is wanted of it ahead of its readers.

use super::chunked::Chunked;
use crate::grid::Region;
use crate::store::chunk_parts::{ChunkPart, ChunkParts};
use crate::store::remote::{Bytes, FarFile, Fetch, Next, Part, Reply, Wanted, together};
use std::sync::Arc;

/// Chunks that are looked up at once: those of them that lie side by side are fetched together.
const GROUP: usize = 256;
/// Plain elements are fetched in slabs of about so many bytes: at 40 MB/s one takes half of a round trip of 50 ms.
const SLAB_BYTES: u64 = 1 << 20;

/// A far file whose elements are read.
#[derive(Debug)]
pub(super) struct Far {
    file: Arc<FarFile>,
    fetch: Fetch,
}

impl Far {
    /// Nothing of the file is wanted yet.
    pub(super) fn new(file: &Arc<FarFile>) -> Far {
        Far { file: file.clone(), fetch: file.fetch() }
    }

    pub(super) fn file(&self) -> &Arc<FarFile> {
        &self.file
    }

    pub(super) fn fetch(&self) -> &Fetch {
        &self.fetch
    }

    /// `len` bytes at `at`, out of which `elements` are read: from what is here, else fetched into `room`.
    ///
    /// # Errors
    /// What failed, with the URL; also when the file was written anew since it was opened.
    pub(super) fn bytes<'a>(&self, at: u64, len: u64, elements: u64, room: &'a mut [u8]) -> Reply<Bytes<'a>> {
        if len == 0 {
            return Ok(Bytes::Now(&[]));
        }
        let url = self.file.url();
        let room = room.get_mut(..len as usize).ok_or_else(|| format!("{url}: no room for {len} bytes"))?;
        let found = self.fetch.bytes(self.file.key(), Wanted::Range { at, len }, elements, room).map_err(|what| self.file.why(what))?;
        let (bytes, object) = found.ok_or_else(|| format!("{url}: is gone while it is read"))?;
        self.file.require_same(&object)?;
        match bytes.get().len() as u64 {
            got if got == len => Ok(bytes),
            got => Err(format!("{url}: {got} bytes came of {len} at byte {at}")),
        }
    }

    /// Asks for the chunks that `region` touches.
    pub(super) fn want_chunks(&self, region: &Region, chunked: &Arc<Chunked>) {
        let (mut parts, chunked, key) = (ChunkParts::new(region, &chunked.chunk), chunked.clone(), self.file.key().to_string());
        let mut group = Vec::new().into_iter();
        self.fetch.want(Box::new(std::iter::from_fn(move || {
            if group.len() == 0 {
                let mut wanted = Vec::new();
                while wanted.len() < GROUP
                    && let Some(part) = parts.next()
                {
                    let entry = chunked.index.get(&part.index, &chunked.counts).filter(|entry| entry.len > 0);
                    wanted.extend(entry.map(|entry| (entry.at, u64::from(entry.len), part.elements())));
                }
                group = together(&key, wanted).into_iter();
            }
            group.next().map(Next::Fetch)
        })));
    }

    /// Asks for what `region` needs of elements that lie as `plain` says.
    pub(super) fn want_plain(&self, region: &Region, plain: Plain) {
        let (mut parts, key) = (ChunkParts::new(region, &plain.slab), self.file.key().to_string());
        self.fetch.want(Box::new(std::iter::from_fn(move || {
            let part = parts.next()?;
            let (at, len) = plain.stretch(part);
            let wanted = Wanted::Range { at, len };
            Some(Next::Fetch(Part { key: key.clone(), wanted, elements: part.elements(), len_max: len }))
        })));
    }
}

/// Elements that lie in C order in a file, seen as slabs each of which is one stretch of it.
#[derive(Debug)]
pub(super) struct Plain {
    /// Lengths of a slab.
    pub(super) slab: Vec<u64>,
    /// Byte of the first element.
    base: u64,
    /// Bytes from one element to the next along each axis.
    strides: Vec<u64>,
    /// Bytes of what is read of an element.
    item: u64,
}

impl Plain {
    /// Elements of `shape`, the axes inside of an element behind the `outer` ones, from byte `base` on, `strides` bytes apart.
    pub(super) fn new(base: u64, shape: &[u64], outer: usize, element_bytes: u64, strides: Vec<u64>, item: u64) -> Plain {
        let mut slab: Vec<u64> = shape.iter().map(|&n| n.max(1)).collect();
        let mut bytes = element_bytes.max(1);
        for n in slab[..outer].iter_mut().rev() {
            *n = (*n).min(SLAB_BYTES / bytes).max(1);
            bytes = bytes.saturating_mul(*n);
        }
        // An axis that is cut ends the stretch: those before it have one place.
        let cut = (0..outer).rev().find(|&axis| slab[axis] < shape[axis]).unwrap_or(0);
        slab[..cut].fill(1);
        Plain { slab, base, strides, item }
    }

    /// Bytes of the longest stretch.
    pub(super) fn stretch_bytes_max(&self) -> u64 {
        self.slab.iter().zip(&self.strides).map(|(n, stride)| (n - 1) * stride).sum::<u64>() + self.item
    }

    /// The bytes from the first to the last element of a part of a slab.
    pub(super) fn stretch(&self, part: &ChunkPart) -> (u64, u64) {
        let axes = || part.index.iter().zip(&self.slab).zip(&part.local.0).zip(&self.strides);
        let first: u64 = axes().map(|(((index, n), span), stride)| (index * n + span.start) * stride).sum();
        let reach: u64 = axes().map(|((_, span), stride)| (span.len - 1) * span.step * stride).sum();
        (self.base + first, reach + self.item)
    }

    /// Bytes from one element of a part to the next.
    pub(super) fn steps(&self, part: &ChunkPart) -> Vec<isize> {
        // A step may be longer than the slab; with one place it is never taken.
        let step = |(span, &stride): (&crate::grid::Span, &u64)| (if span.len > 1 { span.step * stride } else { stride }) as isize;
        part.local.0.iter().zip(&self.strides).map(step).collect()
    }
}
