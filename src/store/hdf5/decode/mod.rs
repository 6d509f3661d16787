//! What one filter stored → the bytes before it, for the filters that come as plugins, and for szip and nbit. No plugin is loaded, so chunks
//! are decoded side by side.
//!
//! No length in a chunk is believed: each is held against the bytes that are there and against the room of the caller, so a
//! damaged chunk is an error. Nothing is allocated but what a codec's library needs, of which [`CONTEXT_BYTES`] is the bound.

mod bit_reader;
mod bitshuffled;
mod blosc;
mod blosclz;
mod frame;
mod inner;
mod lz4;
mod nbit;
mod szip;

pub(super) use nbit::Nbit;
pub(super) use szip::Szip;

/// What the libraries of codecs keep for each thread at most: bzip2's tables are the largest.
pub(super) const CONTEXT_BYTES: u64 = 6 << 20;

/// A filter that is undone here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plugin {
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
}

/// Settings of the bit shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bitshuffle {
    /// Bytes of an element.
    pub(super) size: usize,
    /// Elements of a block.
    pub(super) block: usize,
    pub(super) codec: Inner,
}

/// The codec behind the bit shuffle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inner {
    None,
    Lz4,
    Zstd,
}

impl Plugin {
    /// Whether what it stores has another length than what it got.
    pub(super) fn compresses(&self) -> bool {
        !matches!(self, Plugin::Bitshuffle(Bitshuffle { codec: Inner::None, .. }))
    }

    /// Bytes of work to give at most `room` bytes.
    pub(super) fn work_bytes(&self, room: usize) -> usize {
        match self {
            // Blocks, each of which may be as long as the chunk.
            Plugin::Blosc => 2 * room,
            Plugin::Blosc2 => 4 * room,
            Plugin::Bitshuffle(_) => 2 * room,
            Plugin::Szip(_) => room,
            Plugin::Lz4 | Plugin::Zstd | Plugin::Bzip2 | Plugin::Nbit(_) => 0,
        }
    }

    /// Undoes the filter; returns the bytes that it gave, at most those of `dst`.
    ///
    /// # Errors
    /// What is wrong with the stored bytes.
    pub(super) fn undo(&self, src: &[u8], dst: &mut [u8], work: &mut [u8]) -> Result<usize, String> {
        match self {
            Plugin::Blosc => blosc::decode(src, dst, work),
            Plugin::Blosc2 => frame::decode(src, dst, work),
            Plugin::Lz4 => lz4::decode(src, dst),
            Plugin::Bitshuffle(of) => bitshuffled::decode(*of, src, dst, work),
            Plugin::Zstd => inner::zstd(src, dst),
            Plugin::Bzip2 => inner::bzip2(src, dst),
            Plugin::Szip(of) => of.decode(src, dst, work),
            Plugin::Nbit(of) => of.decode(src, dst),
        }
    }
}

/// The four bytes at `at` as a little-endian number.
fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The `N` bytes at `at` as a big-endian number.
fn be<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    let found = bytes.get(at..at.checked_add(N)?)?;
    Some(found.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
}
