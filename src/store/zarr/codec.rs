//! One codec of a chain: bytes ↔ bytes, into buffers of the caller. Contexts live as long as their thread; nothing else is
//! allocated but what a library allocates inside, which [`BytesCodec::context_bytes`] counts.

use super::blosc;
use super::filter::Filter;
use crate::store::shuffle::unshuffle;
use std::cell::RefCell;
use std::io::Read;

/// A bytes → bytes codec.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BytesCodec {
    Zstd {
        level: i32,
        checksum: bool,
    },
    Gzip {
        level: u32,
    },
    Zlib {
        level: u32,
    },
    Bz2,
    /// xz or the older lzma format.
    Lzma {
        /// What a decoder may take: a dictionary and some.
        memory_bytes: u64,
    },
    /// numcodecs' LZ4: the decoded length in four bytes, then one raw block.
    Lz4,
    Blosc(blosc::Settings),
    Sum(Sum),
    /// numcodecs' byte shuffle.
    Shuffle {
        item: usize,
    },
    /// A filter that knows elements.
    Filter(Filter),
}

/// Four bytes of checksum, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) kind: SumKind,
    /// Before the bytes that it is of, not after.
    pub(super) first: bool,
}

/// How a checksum is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SumKind {
    Crc32c,
    Crc32,
    Adler32,
    Fletcher32,
}

impl Sum {
    /// Zarr's own checksum.
    pub(super) const CRC32C: Sum = Sum { kind: SumKind::Crc32c, first: false };

    fn name(self) -> &'static str {
        match self.kind {
            SumKind::Crc32c => "crc32c",
            SumKind::Crc32 => "crc32",
            SumKind::Adler32 => "adler32",
            SumKind::Fletcher32 => "fletcher32",
        }
    }

    fn of(self, data: &[u8]) -> u32 {
        match self.kind {
            SumKind::Crc32c => crc32c::crc32c(data),
            SumKind::Crc32 => libdeflater::crc32(data),
            SumKind::Adler32 => libdeflater::adler32(data),
            SumKind::Fletcher32 => fletcher32(data),
        }
    }

    /// The bytes without their checksum, if it is right.
    pub(super) fn checked(self, bytes: &[u8]) -> Result<&[u8], String> {
        let parts = match self.first {
            true => bytes.split_first_chunk::<4>().map(|(sum, data)| (data, sum)),
            false => bytes.split_last_chunk::<4>(),
        };
        let Some((data, sum)) = parts else { return Err(format!("{} bytes are too few for a checksum", bytes.len())) };
        let (stored, found) = (u32::from_le_bytes(*sum), self.of(data));
        if stored == found { Ok(data) } else { Err(format!("{} is {found:08x}, stored was {stored:08x}", self.name())) }
    }
}

/// Fletcher's checksum of big-endian words of two bytes, as HDF5 and numcodecs make it.
fn fletcher32(data: &[u8]) -> u32 {
    let (words, rest) = data.as_chunks::<2>();
    let (mut a, mut b) = (0u32, 0u32);
    let fold = |x: u32| (x & 0xffff) + (x >> 16);
    for run in words.chunks(360) {
        for word in run {
            a += u32::from(u16::from_be_bytes(*word));
            b += a;
        }
        (a, b) = (fold(a), fold(b));
    }
    if let [last] = rest {
        a += u32::from(*last) << 8;
        b += a;
        (a, b) = (fold(a), fold(b));
    }
    (a, b) = (fold(a), fold(b));
    b << 16 | a
}

/// Bytes that a compressor may make of `len`: generous to encoders that expand what does not compress (zlib-ng's quick level
/// adds an eighth), yet a bound on what is read.
pub(super) fn stored_bytes_max(len: u64) -> u64 {
    len.saturating_add(len / 8).saturating_add(4096)
}

impl BytesCodec {
    /// As people write it.
    pub(super) fn text(&self) -> String {
        match self {
            BytesCodec::Zstd { level, .. } => format!("zstd:{level}"),
            BytesCodec::Gzip { level } => format!("gzip:{level}"),
            BytesCodec::Zlib { level } => format!("zlib:{level}"),
            BytesCodec::Bz2 => "bz2".into(),
            BytesCodec::Lzma { .. } => "lzma".into(),
            BytesCodec::Lz4 => "lz4".into(),
            BytesCodec::Blosc(settings) => format!("blosc:{}:{}", settings.inner, settings.level),
            BytesCodec::Sum(sum) => sum.name().into(),
            BytesCodec::Shuffle { .. } => "shuffle".into(),
            BytesCodec::Filter(filter) => filter.text(),
        }
    }

    /// Whether decoding takes a part of the bytes as it is, so that it needs no buffer.
    pub(super) fn is_in_place(&self) -> bool {
        match self {
            BytesCodec::Sum(_) => true,
            BytesCodec::Filter(filter) => filter.is_nothing(),
            _ => false,
        }
    }

    /// Bytes that encoding `len` bytes makes at most.
    pub(super) fn stored_bytes(&self, len: u64) -> u64 {
        match self {
            BytesCodec::Sum(_) => len.saturating_add(4),
            BytesCodec::Shuffle { .. } => len,
            BytesCodec::Filter(filter) => filter.stored_bytes(len),
            _ => stored_bytes_max(len),
        }
    }

    /// Bytes that it allocates itself to decode what becomes `len` bytes.
    pub(super) fn context_bytes(&self, len: u64) -> u64 {
        match self {
            BytesCodec::Zstd { .. } => 192 << 10,
            BytesCodec::Gzip { .. } | BytesCodec::Zlib { .. } => 128 << 10,
            // 900,000 places of a block and its tables.
            BytesCodec::Bz2 => 4 << 20,
            BytesCodec::Lzma { memory_bytes } => *memory_bytes,
            BytesCodec::Blosc(settings) => settings.context_bytes(len),
            BytesCodec::Lz4 | BytesCodec::Sum(_) | BytesCodec::Shuffle { .. } | BytesCodec::Filter(_) => 0,
        }
    }

    /// Bytes that it allocates itself to encode `len` bytes.
    pub(super) fn encode_context_bytes(&self, len: u64) -> u64 {
        match self {
            BytesCodec::Zstd { level, .. } => zstd_encoder_bytes(*level),
            BytesCodec::Gzip { .. } | BytesCodec::Zlib { .. } => 10 << 20,
            BytesCodec::Blosc(settings) => settings.encode_context_bytes(len),
            _ => 0,
        }
    }
}

/// What a zstd context takes at most at `level` (measured by `zstd_contexts_stay_within_their_bound`).
fn zstd_encoder_bytes(level: i32) -> u64 {
    match level {
        ..=4 => 6 << 20,
        5..=9 => 24 << 20,
        10..=13 => 48 << 20,
        14..=17 => 128 << 20,
        _ => 800 << 20,
    }
}

thread_local! {
    static UNZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    static INFLATE: RefCell<Option<libdeflater::Decompressor>> = const { RefCell::new(None) };
    static ZSTD: RefCell<Option<(i32, bool, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
    static DEFLATE: RefCell<Option<(u32, libdeflater::Compressor)>> = const { RefCell::new(None) };
}

/// Decodes `from` into `to`; returns the bytes made.
///
/// # Errors
/// What does not fit, as text.
pub(super) fn decode(codec: &BytesCodec, from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    match codec {
        BytesCodec::Zstd { .. } => UNZSTD.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Some(zstd::bulk::Decompressor::new().map_err(|e| format!("zstd: {e}"))?);
            }
            let Some(context) = context else { return Err("zstd: no context".into()) };
            context.decompress_to_buffer(from, to).map_err(|e| format!("zstd: {e}"))
        }),
        BytesCodec::Gzip { .. } => gunzip(from, to),
        BytesCodec::Zlib { .. } => INFLATE.with_borrow_mut(|context| {
            let context = context.get_or_insert_with(libdeflater::Decompressor::new);
            context.zlib_decompress(from, to).map_err(|e| format!("zlib: {e}"))
        }),
        BytesCodec::Bz2 => read_all("bz2", bzip2::bufread::MultiBzDecoder::new(from), to),
        BytesCodec::Lzma { memory_bytes } => {
            let stream = liblzma::stream::Stream::new_auto_decoder(*memory_bytes, liblzma::stream::CONCATENATED);
            let stream = stream.map_err(|e| format!("lzma: {e}"))?;
            read_all("lzma", liblzma::bufread::XzDecoder::new_stream(from, stream), to)
        }
        BytesCodec::Lz4 => {
            let Some((len, block)) = from.split_first_chunk::<4>() else { return Err("lz4: no length".into()) };
            let len = u32::from_le_bytes(*len) as usize;
            let room = to.len();
            let to = to.get_mut(..len).ok_or_else(|| format!("lz4: {len} bytes, room for {room}"))?;
            lz4_flex::block::decompress_into(block, to).map_err(|e| format!("lz4: {e}"))
        }
        BytesCodec::Blosc(settings) => blosc::decode(from, to, settings),
        BytesCodec::Shuffle { item } => {
            let room = to.len();
            let to = to.get_mut(..from.len()).ok_or_else(|| format!("shuffle: {} bytes, room for {room}", from.len()))?;
            unshuffle(from, to, *item);
            Ok(from.len())
        }
        BytesCodec::Filter(filter) => filter.decode(from, to),
        BytesCodec::Sum(sum) => Err(format!("{} makes nothing", sum.name())),
    }
}

/// Unpacks bare deflate, of a member of a zip file.
///
/// # Errors
/// What does not fit, as text.
pub(super) fn inflate(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    INFLATE.with_borrow_mut(|context| {
        let context = context.get_or_insert_with(libdeflater::Decompressor::new);
        context.deflate_decompress(from, to).map_err(|e| format!("deflate: {e}"))
    })
}

/// One member at full speed; where there are several, each after the other.
fn gunzip(from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    let first = INFLATE.with_borrow_mut(|context| {
        let context = context.get_or_insert_with(libdeflater::Decompressor::new);
        context.gzip_decompress(from, to).map_err(|e| format!("gzip: {e}"))
    })?;
    // A member ends with the checksum and the length of what it holds: where those of the last one are those of the first,
    // and there is no room for the same once more, it is the only one.
    let ends_with_first = from.split_last_chunk::<8>().is_some_and(|(_, end)| {
        let (sum, len) = end.split_at(4);
        len == (first as u32).to_le_bytes() && sum == libdeflater::crc32(&to[..first]).to_le_bytes()
    });
    if first == to.len() || (ends_with_first && 2 * first > to.len()) {
        return Ok(first);
    }
    read_all("gzip", flate2::bufread::MultiGzDecoder::new(from), to)
}

/// All that `decoder` makes, which must fit.
fn read_all(name: &str, mut decoder: impl Read, to: &mut [u8]) -> Result<usize, String> {
    let fail = |e: std::io::Error| format!("{name}: {e}");
    let mut made = 0;
    while made < to.len() {
        match decoder.read(&mut to[made..]).map_err(fail)? {
            0 => return Ok(made),
            n => made += n,
        }
    }
    match decoder.read(&mut [0]).map_err(fail)? {
        0 => Ok(made),
        _ => Err(format!("{name}: decodes to more than {} bytes", to.len())),
    }
}

/// Encodes `from` into `to`; returns the bytes made.
///
/// # Errors
/// When the codec fails or is not one that is written, as text.
pub(super) fn encode(codec: &BytesCodec, from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    match codec {
        BytesCodec::Zstd { level, checksum } => ZSTD.with_borrow_mut(|context| {
            if !matches!(context, Some((l, c, _)) if l == level && c == checksum) {
                let mut fresh = zstd::bulk::Compressor::new(*level).map_err(|e| format!("zstd: {e}"))?;
                fresh.include_checksum(*checksum).map_err(|e| format!("zstd: {e}"))?;
                *context = Some((*level, *checksum, fresh));
            }
            let Some((_, _, context)) = context else { return Err("zstd: no context".into()) };
            context.compress_to_buffer(from, to).map_err(|e| format!("zstd: {e}"))
        }),
        BytesCodec::Gzip { level } => deflater(*level, |context| context.gzip_compress(from, to).map_err(|e| format!("gzip: {e}"))),
        BytesCodec::Zlib { level } => deflater(*level, |context| context.zlib_compress(from, to).map_err(|e| format!("zlib: {e}"))),
        BytesCodec::Blosc(settings) => blosc::encode(from, to, settings),
        other => Err(format!("{} is read, not written", other.text())),
    }
}

fn deflater(level: u32, run: impl FnOnce(&mut libdeflater::Compressor) -> Result<usize, String>) -> Result<usize, String> {
    DEFLATE.with_borrow_mut(|context| {
        if !matches!(context, Some((l, _)) if *l == level) {
            let lvl = libdeflater::CompressionLvl::new(level as i32).map_err(|_| format!("gzip has no level {level}"))?;
            *context = Some((level, libdeflater::Compressor::new(lvl)));
        }
        match context {
            Some((_, context)) => run(context),
            None => Err("gzip: no context".into()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zstd_contexts_stay_within_their_bound() {
        let data: Vec<u8> = (0..1u64 << 20).flat_map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).to_le_bytes()).collect();
        for level in [-3, 0, 1, 3, 4, 6, 9, 12, 16] {
            let mut context = zstd::bulk::Compressor::new(level).unwrap();
            let mut out = vec![0u8; stored_bytes_max(data.len() as u64) as usize];
            context.compress_to_buffer(&data, &mut out).unwrap();
            let used = context.context_mut().sizeof() as u64;
            assert!(used <= zstd_encoder_bytes(level), "level {level}: {used} bytes");
        }
    }

    #[test]
    fn members_of_gzip_follow_each_other() {
        let member = |data: &[u8]| {
            let mut out = vec![0; 100];
            let len = encode(&BytesCodec::Gzip { level: 1 }, data, &mut out).unwrap();
            out.truncate(len);
            out
        };
        // The same twice, so that only the lengths tell that there are two; an empty one; different ones.
        for parts in [[&b"abcdefgh"[..], b"abcdefgh"], [b"abc", b""], [b"", b"xyz"], [b"abc", b"defghi"]] {
            let stored = parts.map(member).concat();
            let want = parts.concat();
            for room in [want.len(), want.len() + 5] {
                let mut out = vec![0; room];
                let made = gunzip(&stored, &mut out).unwrap();
                assert_eq!(out[..made], want);
            }
            // What follows a member that fills the chunk is not looked at.
            if !parts[1].is_empty() {
                assert!(gunzip(&stored[..stored.len() - 1], &mut vec![0; want.len()]).is_err());
            }
        }
    }

    #[test]
    fn what_would_take_more_memory_than_announced_is_refused() {
        let options = liblzma::stream::LzmaOptions::new_preset(9).unwrap();
        let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
        let mut stored = Vec::new();
        liblzma::read::XzEncoder::new_stream(&[7u8; 1000][..], stream).read_to_end(&mut stored).unwrap();
        let mut out = [0; 1000];
        assert_eq!(decode(&BytesCodec::Lzma { memory_bytes: 66 << 20 }, &stored, &mut out), Ok(1000));
        assert!(decode(&BytesCodec::Lzma { memory_bytes: 9 << 20 }, &stored, &mut out).unwrap_err().contains("lzma"));
    }
}
