//! What one filter stored → the bytes before it, for the filters that come as plugins, and for szip, nbit and scaleoffset. No plugin is
//! loaded, and libhdf5 is not asked, so chunks are decoded side by side.
//!
//! No length in a chunk is believed: each is held against the bytes that are there and against the room of the caller, so a
//! damaged chunk is an error. Nothing is allocated but what a codec's library needs, of which [`CONTEXT_BYTES`] is the bound.

mod bit_reader;
mod bitshuffled;
mod blosc;
mod blosclz;
mod bytes;
mod frame;
mod inner;
mod lz4;
mod nbit;
mod scaleoffset;
mod szip;

use super::filter_names::{BITSHUFFLE, BLOSC, BLOSC2, BZIP2, LZ4, NBIT, SCALEOFFSET, SZIP, ZSTD};
use super::library::FilterInfo;
use bitshuffled::Bitshuffle;
use nbit::Nbit;
use scaleoffset::ScaleOffset;
use szip::Szip;

/// What the libraries of codecs keep for each thread at most: bzip2's tables are the largest.
pub(super) const CONTEXT_BYTES: u64 = 6 << 20;

/// A filter that is undone here, and never applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    /// Blosc 1 (32001).
    Blosc,
    /// Blosc 2 (32026): a frame, or a chunk alone.
    Blosc2,
    /// LZ4 in blocks (32004).
    Lz4,
    /// Bit shuffle (32008), with a codec inside or none.
    Bitshuffle(Bitshuffle),
    /// Zstandard (32015).
    Zstd,
    /// bzip2 (307).
    Bzip2,
    /// szip (4).
    Szip(Szip),
    /// nbit (5).
    Nbit(Nbit),
    /// scaleoffset (6).
    ScaleOffset(ScaleOffset),
}

impl Decoder {
    /// Of a filter of elements of `item` bytes; `None` where it is none of these, or its values are unusual.
    pub(super) fn new(info: &FilterInfo, item: usize) -> Option<Decoder> {
        Some(match info.id {
            SZIP => Decoder::Szip(Szip::new(&info.values)?),
            NBIT => Decoder::Nbit(Nbit::new(&info.values, item)?),
            SCALEOFFSET => Decoder::ScaleOffset(ScaleOffset::new(&info.values, item)?),
            BZIP2 => Decoder::Bzip2,
            BLOSC => Decoder::Blosc,
            BLOSC2 => Decoder::Blosc2,
            LZ4 => Decoder::Lz4,
            ZSTD => Decoder::Zstd,
            BITSHUFFLE => Decoder::Bitshuffle(Bitshuffle::new(&info.values)?),
            _ => return None,
        })
    }

    /// Whether what it stores has another length than what it got.
    pub(super) fn compresses(&self) -> bool {
        !matches!(self, Decoder::Bitshuffle(of) if of.is_plain())
    }

    /// Bytes of work to give at most `room` bytes.
    pub(super) fn work_bytes(&self, room: usize) -> usize {
        match self {
            // Blocks, each of which may be as long as the chunk.
            Decoder::Blosc => 2 * room,
            Decoder::Blosc2 => 4 * room,
            Decoder::Bitshuffle(_) => 2 * room,
            Decoder::Szip(_) => room,
            Decoder::Lz4 | Decoder::Zstd | Decoder::Bzip2 | Decoder::Nbit(_) | Decoder::ScaleOffset(_) => 0,
        }
    }

    /// Undoes the filter; returns the bytes that it gave, at most those of `dst`.
    ///
    /// # Errors
    /// What is wrong with the stored bytes.
    pub(super) fn undo(&self, src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
        match self {
            Decoder::Blosc => blosc::decode(src, dst, work),
            Decoder::Blosc2 => frame::decode(src, dst, work),
            Decoder::Lz4 => lz4::decode(src, dst),
            Decoder::Bitshuffle(of) => of.decode(src, dst, work),
            Decoder::Zstd => inner::zstd(src, dst),
            Decoder::Bzip2 => inner::bzip2(src, dst),
            Decoder::Szip(of) => of.decode(src, dst, work),
            Decoder::Nbit(of) => of.decode(src, dst),
            Decoder::ScaleOffset(of) => of.decode(src, dst),
        }
    }
}
