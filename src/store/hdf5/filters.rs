//! Stored bytes ↔ a chunk's bytes: chains of filters, undone here in parallel. Those that every HDF5 reader has are applied here
//! too; all others are undone by `decode`.

use super::checksum::fletcher32;
use super::decode::{self, Decoder};
use super::filter_names::{DEFLATE, FLETCHER32, LZF, NBIT, SCALEOFFSET, SHUFFLE};
use super::library::FilterInfo;
use super::lzf;
use crate::store::shuffle;
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use std::cell::RefCell;

/// One step between a chunk's bytes and what is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Shuffle(usize),
    Deflate(u32),
    Lzf,
    Fletcher32,
    /// One that is undone here, and never applied.
    Other(Decoder),
}

impl Filter {
    fn new(info: &FilterInfo, item: usize) -> Option<Filter> {
        Some(match info.id {
            DEFLATE => Filter::Deflate(info.values.first().copied().unwrap_or(6)),
            SHUFFLE => Filter::Shuffle(info.values.first().map_or(item, |&n| n as usize)),
            FLETCHER32 => Filter::Fletcher32,
            LZF => Filter::Lzf,
            _ => Filter::Other(Decoder::new(info, item)?),
        })
    }
    fn compresses(&self) -> bool {
        match self {
            Filter::Deflate(_) | Filter::Lzf => true,
            Filter::Other(decoder) => decoder.compresses(),
            Filter::Shuffle(_) | Filter::Fletcher32 => false,
        }
    }
    /// Whether its result is a second copy of the bytes.
    fn moves(&self) -> bool {
        self.compresses() || matches!(self, Filter::Shuffle(2..) | Filter::Other(_))
    }
    /// The most bytes that it stores for `len`.
    fn stores_most(&self, len: usize) -> usize {
        match self {
            Filter::Fletcher32 => len + 4,
            // What does not shrink grows a little: a length a block, a marker a few hundred bytes.
            _ if self.compresses() => len + len / 8 + 4096,
            _ => len,
        }
    }
    /// Bytes of work beside those of the chain, to give at most `room` bytes.
    fn work_bytes(&self, room: usize) -> usize {
        if let Filter::Other(decoder) = self { decoder.work_bytes(room) } else { 0 }
    }
}

/// How many bytes entered a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entered {
    /// These, whatever was stored.
    Exactly(usize),
    /// As many as the filter gives back: a compressor came before it.
    AtMost(usize),
}

impl Entered {
    fn room(self) -> usize {
        match self {
            Entered::Exactly(n) | Entered::AtMost(n) => n,
        }
    }
}

/// The filters of a dataset, in the order in which they are applied when writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    filters: Vec<Filter>,
    chunk_bytes: usize,
}

/// Bytes of libdeflate's decoder, one a thread.
const DECODER_BYTES: u64 = 64 << 10;
/// Bytes of libdeflate's encoder up to level 9, one a thread.
const ENCODER_BYTES: u64 = 2 << 20;

thread_local! {
    static DECODER: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static ENCODER: RefCell<Option<(u32, Compressor)>> = const { RefCell::new(None) };
}

/// Bytes that these filters store at least: libhdf5 reads so many of a chunk, whether it has them or not.
pub(super) fn stored_min(infos: &[FilterInfo]) -> u64 {
    4 * infos.iter().rev().take_while(|info| info.id == FLETCHER32).count() as u64
}

/// Which filter's values are of no elements of `item` bytes: libhdf5 believes them, and reads or writes past the elements.
pub(super) fn of_another_type(infos: &[FilterInfo], item: usize) -> Option<usize> {
    infos.iter().position(|info| [NBIT, SCALEOFFSET].contains(&info.id) && Decoder::new(info, item).is_none())
}

/// The next multiple of a cache line.
pub(super) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(64)
}

impl Pipeline {
    /// `None` where libhdf5 has to decode: a filter that is not known here.
    pub(super) fn new(infos: &[FilterInfo], chunk_bytes: usize, item: usize) -> Option<Pipeline> {
        let filters: Vec<Filter> = infos.iter().map(|info| Filter::new(info, item)).collect::<Option<_>>()?;
        let sizes = filters.iter().all(|f| *f != Filter::Shuffle(0));
        (sizes && filters.len() <= 31).then_some(Pipeline { filters, chunk_bytes })
    }

    /// Whether stored bytes are the chunk's bytes.
    pub(super) fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// Whether a chunk with this mask is stored as it is.
    pub(super) fn skips_all(&self, mask: u32) -> bool {
        (0..self.filters.len()).all(|i| mask & 1 << i != 0)
    }

    /// Bytes of one working buffer, how many there are, and what filters need beside.
    fn work(&self) -> (usize, usize, usize) {
        let (mut room, mut most, mut beside) = (self.chunk_bytes, self.chunk_bytes, 0);
        for filter in &self.filters {
            beside = beside.max(filter.work_bytes(room));
            room = filter.stores_most(room);
            most = most.max(room);
        }
        let moves = self.filters.iter().filter(|f| f.moves()).count();
        let first = self.filters.iter().position(|f| f.moves()).unwrap_or(0);
        let late = moves > 0 && self.filters[..first].contains(&Filter::Fletcher32);
        (padded(most), (moves + usize::from(late)).saturating_sub(1).min(2), padded(beside))
    }

    /// Working bytes of [`Pipeline::decode`].
    pub(super) fn decode_scratch(&self) -> u64 {
        let (bytes, n, beside) = self.work();
        let others = self.filters.iter().any(|f| matches!(f, Filter::Other(_)));
        (bytes * n + beside) as u64 + if others { decode::CONTEXT_BYTES } else { DECODER_BYTES }
    }

    /// Undoes the filters that `mask` does not name. `out` has the chunk's bytes.
    ///
    /// # Errors
    /// What is wrong with the stored bytes.
    pub(super) fn decode(&self, mask: u32, stored: &[u8], out: &mut [u8], work: &mut [u8]) -> Result<(), String> {
        let active: Vec<&Filter> = self.filters.iter().enumerate().filter(|(i, _)| mask & 1 << i == 0).map(|(_, f)| f).collect();
        let mut before = Vec::with_capacity(active.len());
        let mut entered = Entered::Exactly(self.chunk_bytes);
        for filter in &active {
            before.push(entered);
            entered = match (entered, filter) {
                (Entered::Exactly(n), f) if !f.compresses() => Entered::Exactly(f.stores_most(n)),
                (n, f) => Entered::AtMost(f.stores_most(n.room())),
            };
        }
        let (bytes, n, _) = self.work();
        let (mut back, rest) = work.split_at_mut(bytes * n.min(1));
        let (mut front, beside) = rest.split_at_mut(bytes * n.saturating_sub(1));
        let (mut worked, mut written, mut len) = (false, false, stored.len());
        for (i, filter) in active.iter().enumerate().rev() {
            let src = if worked { &front[..len] } else { &stored[..len] };
            if **filter == Filter::Fletcher32 {
                len = verify(src)?;
                continue;
            }
            if !filter.moves() {
                continue;
            }
            let last = !active[..i].iter().any(|f| f.moves() || **f == Filter::Fletcher32);
            // What is not compressed gives as many bytes as there are.
            let want = match before[i] {
                Entered::AtMost(most) if !filter.compresses() && src.len() <= most => Entered::Exactly(src.len()),
                other => other,
            };
            let dst = if last { &mut *out } else { &mut back[..want.room()] };
            let made = undo(filter, src, dst, beside)?;
            if let Entered::Exactly(want) = want
                && made != want
            {
                return Err(format!("a filter gives {made} bytes, expected {want}"));
            }
            len = made;
            if last {
                written = true;
                break;
            }
            std::mem::swap(&mut front, &mut back);
            worked = true;
        }
        if !written {
            let src = if worked { &front[..len] } else { &stored[..len] };
            if src.len() != out.len() {
                return Err(format!("{} bytes are stored, a chunk has {}", src.len(), out.len()));
            }
            out.copy_from_slice(src);
        }
        Ok(())
    }

    /// Bytes that [`Pipeline::encode`] needs beside the chunk: two buffers, and the encoder's own.
    pub(super) fn encode_scratch(&self) -> u64 {
        2 * padded(self.chunk_bytes + 4) as u64 + ENCODER_BYTES + lzf::ENCODE_BYTES
    }

    /// Applies the filters to `chunk`; returns the bytes to store, in one of the two halves of `work`, and
    /// the mask of filters that were skipped because they did not make the chunk smaller.
    pub(super) fn encode<'a>(&self, chunk: &[u8], work: &'a mut [u8]) -> (&'a [u8], u32) {
        let half = padded(self.chunk_bytes + 4);
        let (mut now, rest) = work.split_at_mut(half);
        let mut next = &mut rest[..half];
        now[..chunk.len()].copy_from_slice(chunk);
        let (mut len, mut mask) = (chunk.len(), 0);
        for (i, filter) in self.filters.iter().enumerate() {
            let done = match filter {
                Filter::Shuffle(0 | 1) => Some(len),
                Filter::Shuffle(size) => {
                    shuffle::shuffle(&now[..len], &mut next[..len], *size);
                    std::mem::swap(&mut now, &mut next);
                    Some(len)
                }
                Filter::Fletcher32 => {
                    let sum = fletcher32(&now[..len]);
                    now[len..len + 4].copy_from_slice(&sum.to_le_bytes());
                    Some(len + 4)
                }
                Filter::Deflate(_) | Filter::Lzf => {
                    let room = len.saturating_sub(1);
                    let n = match filter {
                        Filter::Deflate(level) => deflate(*level, &now[..len], &mut next[..room]),
                        _ => lzf::encode(&now[..len], &mut next[..room]),
                    };
                    if n.is_some() {
                        std::mem::swap(&mut now, &mut next);
                    }
                    n
                }
                // Nobody writes these: left out, which the mask says.
                Filter::Other(_) => None,
            };
            match done {
                Some(n) => len = n,
                None => mask |= 1 << i,
            }
        }
        (&now[..len], mask)
    }
}

fn deflate(level: u32, src: &[u8], dst: &mut [u8]) -> Option<usize> {
    ENCODER.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|(of, _)| *of != level) {
            let lvl = CompressionLvl::new(level.min(9) as i32).unwrap_or_default();
            *kept = Some((level, Compressor::new(lvl)));
        }
        let (_, encoder) = kept.as_mut()?;
        encoder.zlib_compress(src, dst).ok()
    })
}

/// Length without the checksum at the end, which must match.
fn verify(src: &[u8]) -> Result<usize, String> {
    let Some(len) = src.len().checked_sub(4) else { return Err("too short for its checksum".into()) };
    let kept = u32::from_le_bytes([src[len], src[len + 1], src[len + 2], src[len + 3]]);
    let sum = fletcher32(&src[..len]);
    // Before HDF5 1.6.3 the two bytes of each half were swapped.
    let swapped = (sum & 0x00ff_00ff) << 8 | (sum & 0xff00_ff00) >> 8;
    if kept == sum || kept == swapped {
        return Ok(len);
    }
    Err(format!("fletcher32 is {sum:#010x}, the file says {kept:#010x}: its bytes have changed"))
}

/// Undoes one filter; returns how many bytes it gave.
fn undo(filter: &Filter, src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
    match filter {
        Filter::Deflate(_) => DECODER.with_borrow_mut(|decoder| {
            decoder.zlib_decompress(src, dst).map_err(|e| match e {
                libdeflater::DecompressionError::InsufficientSpace => {
                    format!("deflate gives more than the {} bytes expected", dst.len())
                }
                libdeflater::DecompressionError::BadData => "deflate finds bad data".into(),
            })
        }),
        Filter::Lzf => lzf::decode(src, dst).ok_or_else(|| format!("lzf does not give the {} bytes expected", dst.len())),
        Filter::Other(decoder) => decoder.undo(src, dst, work),
        Filter::Shuffle(size) if src.len() == dst.len() => {
            shuffle::unshuffle(src, dst, *size);
            Ok(dst.len())
        }
        _ => Err(format!("{} bytes are stored, a chunk has {}", src.len(), dst.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shuffle of one-byte elements, which does nothing.
    const BYTE_SHUFFLE: i32 = -SHUFFLE;

    fn chain(ids: &[i32]) -> Vec<FilterInfo> {
        ids.iter()
            .map(|&id| FilterInfo { id: id.abs(), values: if id == SHUFFLE { vec![4] } else { vec![1] }, name: String::new() })
            .collect()
    }

    #[test]
    fn every_chain_is_undone_whatever_was_skipped() {
        let smooth: Vec<u8> = (0..1000u32).flat_map(|i| (i / 3).to_le_bytes()).collect();
        let noise: Vec<u8> = (0..4000u32).map(|i| (i.wrapping_mul(2654435761) >> 17) as u8).collect();
        for ids in [
            &[SHUFFLE, DEFLATE][..],
            &[SHUFFLE, DEFLATE, FLETCHER32],
            &[FLETCHER32, SHUFFLE, DEFLATE],
            &[SHUFFLE, LZF],
            &[LZF, FLETCHER32],
            &[FLETCHER32],
            &[SHUFFLE],
            &[DEFLATE],
            &[SHUFFLE, SHUFFLE, FLETCHER32, DEFLATE],
            &[BYTE_SHUFFLE, DEFLATE, FLETCHER32],
            &[DEFLATE, SHUFFLE],
            &[LZF, DEFLATE],
        ] {
            let pipeline = Pipeline::new(&chain(ids), 4000, 4).unwrap();
            for raw in [&smooth, &noise] {
                let mut work = vec![0; pipeline.encode_scratch() as usize];
                if ids == [FLETCHER32, SHUFFLE, DEFLATE] || ids.len() == 4 {
                    // encode writes the order of `create`; these only read.
                    continue;
                }
                let (stored, mask) = pipeline.encode(raw, &mut work);
                assert!(raw == &noise || mask == 0, "{ids:?}");
                let mut out = vec![0; 4000];
                let mut work = vec![0; pipeline.decode_scratch() as usize];
                pipeline.decode(mask, stored, &mut out, &mut work).unwrap();
                assert_eq!(&out, raw, "{ids:?}");
                let mut cut = vec![0; 4000];
                assert!(pipeline.decode(mask, &stored[..stored.len() - 1], &mut cut, &mut work).is_err(), "{ids:?}");
            }
        }
    }

    #[test]
    fn checksums_below_a_compressor_are_checked_and_dropped() {
        let raw: Vec<u8> = (0..4000u32).map(|i| (i / 9) as u8).collect();
        let mut summed = raw.clone();
        summed.extend(fletcher32(&raw).to_le_bytes());
        let mut planes = vec![0; summed.len()];
        shuffle::shuffle(&summed, &mut planes, 4);
        let mut stored = vec![0; 8000];
        let n = deflate(3, &planes, &mut stored).unwrap();
        let pipeline = Pipeline::new(&chain(&[FLETCHER32, SHUFFLE, DEFLATE]), 4000, 4).unwrap();
        let (mut out, mut work) = (vec![0; 4000], vec![0; pipeline.decode_scratch() as usize]);
        pipeline.decode(0, &stored[..n], &mut out, &mut work).unwrap();
        assert_eq!(out, raw);
        summed[7] ^= 1;
        shuffle::shuffle(&summed, &mut planes, 4);
        let n = deflate(3, &planes, &mut stored).unwrap();
        let message = pipeline.decode(0, &stored[..n], &mut out, &mut work).unwrap_err();
        assert!(message.contains("fletcher32"), "{message}");
    }

    #[test]
    fn filters_that_are_unknown_here_are_left_to_the_library() {
        assert!(Pipeline::new(&chain(&[NBIT]), 100, 4).is_none());
        assert!(Pipeline::new(&chain(&[SHUFFLE, 32013]), 100, 4).is_none());
        assert_eq!(of_another_type(&chain(&[SHUFFLE, SCALEOFFSET]), 4), Some(1));
        assert_eq!(of_another_type(&chain(&[SHUFFLE, 32013]), 4), None);
    }

    #[test]
    fn sums_at_the_end_are_always_stored() {
        for (ids, least) in
            [(&[][..], 0), (&[DEFLATE], 0), (&[DEFLATE, FLETCHER32], 4), (&[FLETCHER32, DEFLATE], 0), (&[FLETCHER32, FLETCHER32], 8)]
        {
            assert_eq!(stored_min(&chain(ids)), least, "{ids:?}");
        }
    }
}
