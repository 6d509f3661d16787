//! Regions of an open dataset, read by any number of threads at once: contiguous data by `pread` straight
//! into the caller's view, chunks by `pread` and decoding.

use super::chunk_table::Entry;
use super::chunked::Chunked;
use super::far::{Far, Plain};
use super::filters::padded;
use super::source::Source;
use super::through::Through;
use super::types::Element;
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::box_read::{self, BoxFile, PIECE_BYTES, file_strides};
use crate::store::chunk_parts::{ChunkPart, ChunkParts, for_each_part};
use crate::store::copy_box::{self, dense_bytes, normalise_bool};
use crate::store::reach::will_need;
use crate::store::remote::FarFile;
use crate::store::{Meta, Moved, Packing, Store};
use flagstone_kernels::copy::{fill, swap_bytes};
use flagstone_kernels::view::{View, ViewMut, dense_strides};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A dataset open for reading.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) address: String,
    pub(super) source: Source,
    pub(super) meta: Meta,
    pub(super) packing: Packing,
    /// What of each element of the file is read.
    pub(super) element: Element,
    /// Native bytes of an element that was never written, before its bits are made a number.
    pub(super) fill: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) stored: Option<u64>,
    /// Another file than the address names, to which a link led.
    pub(super) elsewhere: Option<PathBuf>,
}

/// How elements are stored.
#[derive(Debug)]
pub(super) enum Kind {
    /// At this byte of the file; nowhere if never written.
    Contiguous(Option<u64>),
    Chunked(Arc<Chunked>),
    Through(Through),
}

impl Dataset {
    /// Bytes from one place to the next along each axis of stored elements of `shape`, the axes inside of an element included.
    fn strides(&self, shape: &[u64]) -> Vec<u64> {
        let (outer, inner) = shape.split_at(shape.len() - self.element.axes.len());
        let mut strides = file_strides(outer, self.element.bytes as u64);
        strides.extend(file_strides(inner, self.meta.dtype.size() as u64));
        strides
    }

    /// Reads a dense box of elements that starts at byte `base` of a file on a disk.
    fn read_box(
        &self,
        file: &File,
        base: u64,
        shape: &[u64],
        region: &Region,
        out: &mut ViewMut<'_>,
        scratch: &mut [u8],
    ) -> std::io::Result<u64> {
        let base = base + self.element.offset as u64;
        let stored = BoxFile { file, base, dtype: self.meta.dtype, swap: self.element.of.swap, shape, order: None };
        let strides = self.element.is_part().then(|| self.strides(shape));
        stored.read_strided(strides.as_deref(), region, out, scratch)
    }

    fn far(&self) -> Option<&Far> {
        match &self.source {
            Source::Near(_) => None,
            Source::Far(far) => Some(far),
        }
    }

    fn check(&self, region: &Region, out: &ViewMut<'_>) -> Result<()> {
        let shape = &self.meta.shape;
        let inside = region.0.len() == shape.len() && region.0.iter().zip(shape).all(|(s, n)| s.stop() <= *n && (s.len == 0 || s.step > 0));
        let same = out.shape().iter().map(|&n| n as u64).eq(region.shape()) && out.dtype() == self.meta.dtype;
        if inside && same {
            return Ok(());
        }
        Err(Error::bad_request(
            "read",
            format!("{region} into {} {:?} from {}: {} {shape:?}", out.dtype(), out.shape(), self.address, self.meta.dtype),
        ))
    }

    fn read_chunk(&self, chunked: &Chunked, part: &ChunkPart, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        let (place, inside) = (&part.index[..], &part.local);
        let Some(entry) = chunked.index.get(place, &chunked.counts) else {
            fill(&self.fill, out);
            return Ok(Moved::default());
        };
        let at_edge = || place.iter().zip(&chunked.chunk).zip(&self.meta.shape).any(|((p, c), n)| (p + 1) * c > *n);
        let plain = chunked.pipeline.skips_all(entry.mask) || chunked.plain_edges && at_edge();
        if plain && entry.len as usize != chunked.chunk_bytes {
            return Err(self.bad_chunk(place, entry, &format!("a plain chunk has {} bytes", chunked.chunk_bytes)));
        }
        let file = match &self.source {
            Source::Near(file) => file,
            Source::Far(far) => {
                let (room, rest) = scratch.split_at_mut(padded(entry.len as usize));
                let bytes = far.bytes(entry.at, entry.len.into(), part.elements(), room);
                let bytes = bytes.map_err(|what| self.bad_chunk(place, entry, &what))?;
                if plain {
                    self.put(chunked, inside, bytes.get(), out);
                    return Ok(Moved::plain(entry.len.into()));
                }
                return self.decode(chunked, part, entry, bytes.get(), out, rest);
            }
        };
        if plain {
            let n = self.read_box(file, entry.at, &chunked.chunk, inside, out, scratch).map_err(|e| self.failed(place, entry, &e))?;
            return Ok(Moved { stored_bytes: n, decoded_bytes: n });
        }
        let (stored, rest) = scratch.split_at_mut(padded(entry.len as usize));
        let stored = &mut stored[..entry.len as usize];
        file.read_exact_at(stored, entry.at).map_err(|e| self.failed(place, entry, &e))?;
        self.decode(chunked, part, entry, stored, out, rest)
    }

    /// Decodes the bytes of a chunk and puts `part` of it into `out`, at once where it can.
    fn decode(
        &self,
        chunked: &Chunked,
        part: &ChunkPart,
        entry: Entry,
        stored: &[u8],
        out: &mut ViewMut<'_>,
        scratch: &mut [u8],
    ) -> Result<Moved> {
        let (place, inside) = (&part.index[..], &part.local);
        let whole = inside.0.iter().zip(&chunked.chunk).all(|(s, c)| s.len == *c);
        let moved = Moved { stored_bytes: entry.len.into(), decoded_bytes: chunked.chunk_bytes as u64 };
        if whole
            && !self.element.is_part()
            && let Some(bytes) = dense_bytes(out)
        {
            chunked.pipeline.decode(entry.mask, stored, bytes, scratch).map_err(|what| self.bad_chunk(place, entry, &what))?;
            if self.element.of.swap {
                swap_bytes(self.meta.dtype, bytes);
            }
            return Ok(moved);
        }
        let (chunk, work) = scratch.split_at_mut(padded(chunked.chunk_bytes));
        let chunk = &mut chunk[..chunked.chunk_bytes];
        chunked.pipeline.decode(entry.mask, stored, chunk, work).map_err(|what| self.bad_chunk(place, entry, &what))?;
        self.put(chunked, inside, chunk, out);
        Ok(moved)
    }

    /// Copies what `inside` says of a decoded chunk to `out`.
    fn put(&self, chunked: &Chunked, inside: &Region, chunk: &[u8], out: &mut ViewMut<'_>) {
        let dense: Vec<isize> = self.strides(&chunked.chunk).into_iter().map(|d| d as isize).collect();
        let offset = self.element.offset as isize + inside.0.iter().zip(&dense).map(|(s, &d)| s.start as isize * d).sum::<isize>();
        // A step may be longer than the chunk; with one place it is never taken.
        let strides: Vec<isize> = inside.0.iter().zip(&dense).map(|(s, &d)| if s.len > 1 { s.step as isize * d } else { d }).collect();
        let view = View::strided(chunk, self.meta.dtype, out.shape(), &strides, offset);
        copy_box::copy(&view, out, self.element.of.swap);
    }

    /// How elements from byte `base` on are fetched, of a file that is far away.
    fn plain(&self, base: u64) -> Plain {
        let (shape, element) = (&self.meta.shape, &self.element);
        let outer = shape.len() - element.axes.len();
        let strides = self.strides(shape);
        Plain::new(base + element.offset as u64, shape, outer, element.bytes as u64, strides, self.meta.dtype.size() as u64)
    }

    /// Reads elements that lie in C order from byte `base` on; returns the bytes.
    fn read_contiguous(&self, base: u64, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<u64> {
        let doing = || format!("reading {region} of the data at byte {base} of the file");
        let far = match &self.source {
            Source::Near(file) => {
                let read = self.read_box(file, base, &self.meta.shape, region, out, scratch);
                return read.map_err(|e| Error::store_io(&self.address, &doing(), &e));
            }
            Source::Far(far) => far,
        };
        let (plain, mut fetched) = (self.plain(base), 0);
        for_each_part(region, &plain.slab, |part| {
            let (at, len) = plain.stretch(part);
            let bytes = far.bytes(at, len, part.elements(), scratch);
            let bytes = bytes.map_err(|what| Error::store(&self.address, format!("{}: {what}", doing())))?;
            let view = View::strided(bytes.get(), self.meta.dtype, &part.shape, &plain.steps(part), 0);
            copy_box::copy(&view, &mut out.part(&part.start, &part.shape), self.element.of.swap);
            fetched += len;
            Ok(())
        })?;
        Ok(fetched)
    }

    fn bad_chunk(&self, place: &[u64], entry: Entry, what: &str) -> Error {
        Error::store(&self.address, format!("chunk {place:?}, {} bytes at byte {} of the file: {what}", entry.len, entry.at))
    }

    fn failed(&self, place: &[u64], entry: Entry, e: &std::io::Error) -> Error {
        Error::store_io(&self.address, &format!("chunk {place:?}, {} bytes at byte {} of the file", entry.len, entry.at), e)
    }
}

impl Store for Dataset {
    fn address(&self) -> &str {
        &self.address
    }
    fn meta(&self) -> &Meta {
        &self.meta
    }
    fn packing(&self) -> Packing {
        self.packing.clone()
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        // Between parts of elements lies the rest: as much is read at once as is worth a call.
        let staging = if self.element.is_part() { PIECE_BYTES } else { box_read::scratch_bytes(region, self.meta.dtype) };
        match &self.kind {
            Kind::Contiguous(Some(base)) if self.far().is_some() => self.plain(*base).stretch_bytes_max(),
            Kind::Contiguous(_) => staging,
            Kind::Through(through) => through.scratch_bytes(region, self.meta.dtype.size() as u64),
            Kind::Chunked(chunked) if chunked.pipeline.is_empty() && self.far().is_none() => staging,
            Kind::Chunked(chunked) => {
                let decode =
                    padded(chunked.stored_most as usize) as u64 + padded(chunked.chunk_bytes) as u64 + chunked.pipeline.decode_scratch();
                // Chunks whose filters were all skipped are read like plain ones.
                decode.max(staging)
            }
        }
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        self.check(region, out)?;
        if region.elements() == 0 {
            return Ok(Moved::default());
        }
        if (scratch.len() as u64) < self.scratch_bytes(region) {
            return Err(Error::internal(format!(
                "{}: {} bytes of scratch, {} are needed",
                self.address,
                scratch.len(),
                self.scratch_bytes(region)
            )));
        }
        let mut moved = Moved::default();
        match &self.kind {
            Kind::Contiguous(None) => fill(&self.fill, out),
            Kind::Contiguous(Some(base)) => {
                moved = Moved::plain(self.read_contiguous(*base, region, out, scratch)?);
            }
            Kind::Chunked(chunked) => for_each_part(region, &chunked.chunk, |part| {
                moved += self.read_chunk(chunked, part, &mut out.part(&part.start, &part.shape), scratch)?;
                Ok(())
            })?,
            Kind::Through(through) => {
                let n = through.read(&self.address, region, out, scratch)?;
                moved = Moved { stored_bytes: n, decoded_bytes: n };
            }
        }
        normalise_bool(out);
        if self.element.of.bits.is_some() {
            copy_box::each_dense(out, |bytes| self.element.of.expand_bits(bytes));
        }
        Ok(moved)
    }
    fn prefetch(&self, region: &Region) {
        /// Advice costs a call an extent; more than this is slower than no advice.
        const CALLS_MAX: u32 = 4096;
        let inside = region.0.len() == self.meta.shape.len() && region.0.iter().zip(&self.meta.shape).all(|(s, n)| s.stop() <= *n);
        if !inside || region.elements() == 0 {
            return;
        }
        let file = match (&self.source, &self.kind) {
            (Source::Near(file), _) => file,
            (Source::Far(far), Kind::Chunked(chunked)) => return far.want_chunks(region, chunked),
            (Source::Far(far), Kind::Contiguous(Some(base))) => return far.want_plain(region, self.plain(*base)),
            (Source::Far(_), _) => return,
        };
        let mut calls = 0;
        match &self.kind {
            Kind::Contiguous(Some(base)) => {
                // With the rest of each element around.
                let item = (self.element.bytes / self.element.axes.iter().product::<u64>().max(1) as usize) as u64;
                let shape: Vec<usize> = self.meta.shape.iter().map(|&n| n as usize).collect();
                let strides = dense_strides(&shape, 1);
                // One extent an index of the axes before the first that the region covers densely.
                let run = (0..shape.len())
                    .find(|&a| region.0[a..].iter().zip(&self.meta.shape[a..]).skip(1).all(|(s, n)| s.len == *n))
                    .unwrap_or(0);
                let counts: Vec<usize> = region.0[..run].iter().map(|s| s.len as usize).collect();
                let mut at = vec![0; run];
                let reach = region.0.get(run).map_or(1, |s| (s.stop() - s.start) * strides[run] as u64);
                let from = region.0.get(run).map_or(0, |s| s.start * strides[run] as u64);
                loop {
                    let outer: u64 =
                        at.iter().zip(&region.0).zip(&strides).map(|((&i, s), &d)| (s.start + i as u64 * s.step) * d as u64).sum();
                    will_need(file, base + (outer + from) * item, reach * item);
                    calls += 1;
                    if calls >= CALLS_MAX || !copy_box::advance(&mut at, &counts) {
                        break;
                    }
                }
            }
            Kind::Chunked(chunked) => {
                let mut parts = ChunkParts::new(region, &chunked.chunk);
                while let Some(part) = parts.next().filter(|_| calls < CALLS_MAX) {
                    if let Some(entry) = chunked.index.get(&part.index, &chunked.counts) {
                        will_need(file, entry.at, entry.len.into());
                        calls += 1;
                    }
                }
            }
            Kind::Contiguous(None) | Kind::Through(_) => {}
        }
    }
    fn stored_bytes(&self) -> Option<u64> {
        self.stored
    }
    fn elsewhere(&self) -> Option<&Path> {
        self.elsewhere.as_deref()
    }
    fn ahead_bytes(&self) -> u64 {
        match (self.far(), &self.kind) {
            (Some(far), Kind::Chunked(_) | Kind::Contiguous(Some(_))) => far.fetch().ahead_bytes(),
            _ => 0,
        }
    }
    fn allow_ahead(&self, bytes: u64) -> Box<dyn Send> {
        self.far().map_or_else(|| Box::new(()) as Box<dyn Send>, |far| far.fetch().allow(bytes))
    }
    fn resident_bytes(&self) -> u64 {
        match &self.kind {
            Kind::Chunked(chunked) => chunked.index.resident_bytes(),
            _ => 0,
        }
    }
    fn shared_bytes(&self) -> Option<(usize, u64)> {
        self.far().map(|_| FarFile::shared_bytes())
    }
}
