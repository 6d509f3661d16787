//! Stored bytes of a chunk ↔ its elements, through a chain of codecs that write straight into buffers of
//! the caller. Contexts live as long as their thread; nothing else is allocated here but what blosc
//! allocates inside, which [`Chain::context_bytes`] counts.

use super::blosc;
use crate::store::shuffle::unshuffle;
use std::cell::RefCell;

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
    /// numcodecs' LZ4: the decoded length in four bytes, then one raw block.
    Lz4,
    Blosc(blosc::Settings),
    Crc32c,
    /// numcodecs' byte shuffle.
    Shuffle {
        item: usize,
    },
}

impl BytesCodec {
    /// As people write it.
    pub(super) fn text(&self) -> String {
        match self {
            BytesCodec::Zstd { level, .. } => format!("zstd:{level}"),
            BytesCodec::Gzip { level } => format!("gzip:{level}"),
            BytesCodec::Zlib { level } => format!("zlib:{level}"),
            BytesCodec::Lz4 => "lz4".into(),
            BytesCodec::Blosc(settings) => format!("blosc:{}:{}", settings.inner, settings.level),
            BytesCodec::Crc32c => "crc32c".into(),
            BytesCodec::Shuffle { .. } => "shuffle".into(),
        }
    }
}

/// How elements of a chunk become bytes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Chain {
    /// Stored axis i is axis `order[i]` of the chunk; `None`: C order.
    pub(super) order: Option<Vec<usize>>,
    /// Whether elements are stored in the other byte order.
    pub(super) swap: bool,
    /// In the order of encoding.
    pub(super) codecs: Vec<BytesCodec>,
}

/// Bytes that a chunk of `len` may take when stored: generous to encoders that expand what does not
/// compress (zlib-ng's quick level adds an eighth), yet a bound on what is read.
pub(super) fn stored_bytes_max(len: u64) -> u64 {
    len.saturating_add(len / 8).saturating_add(4096)
}

impl Chain {
    /// Whether chunks are plain bytes, of which any part can be read.
    pub(super) fn is_plain(&self) -> bool {
        self.codecs.is_empty()
    }

    /// As people write it.
    pub(super) fn text(&self) -> String {
        let mut parts = Vec::new();
        if self.order.is_some() {
            parts.push("transpose".to_string());
        }
        if self.swap {
            parts.push(if cfg!(target_endian = "little") { "big-endian" } else { "little-endian" }.to_string());
        }
        parts.extend(self.codecs.iter().map(BytesCodec::text));
        if parts.is_empty() { "none".into() } else { parts.join(" + ") }
    }

    /// Codecs that need a buffer for what they make.
    fn buffered(&self) -> usize {
        self.codecs.iter().filter(|c| **c != BytesCodec::Crc32c).count()
    }

    /// Staging between codecs for a chunk of `len` bytes.
    pub(super) fn between_bytes(&self, len: u64) -> u64 {
        if self.buffered() > 1 { stored_bytes_max(len).saturating_mul(2) } else { 0 }
    }

    /// Bytes that codecs allocate themselves to decode a chunk of `len` bytes.
    pub(super) fn context_bytes(&self, len: u64) -> u64 {
        let one = |codec: &BytesCodec| match codec {
            BytesCodec::Zstd { .. } => 192 << 10,
            BytesCodec::Gzip { .. } | BytesCodec::Zlib { .. } => 64 << 10,
            BytesCodec::Blosc(settings) => settings.context_bytes(len),
            BytesCodec::Lz4 | BytesCodec::Crc32c | BytesCodec::Shuffle { .. } => 0,
        };
        self.codecs.iter().map(one).sum()
    }

    /// Decodes `stored` into `out`, which it must fill exactly. `between` has [`Chain::between_bytes`].
    ///
    /// # Errors
    /// What does not fit, as text.
    pub(super) fn decode(&self, stored: &[u8], out: &mut [u8], between: &mut [u8]) -> Result<(), String> {
        let half = between.len() / 2;
        let (mut ping, mut pong) = between.split_at_mut(half);
        let mut left = self.buffered();
        let mut now: &[u8] = stored;
        for codec in self.codecs.iter().rev() {
            if *codec == BytesCodec::Crc32c {
                now = checked(now)?;
                continue;
            }
            left -= 1;
            if left == 0 {
                let made = decode_one(codec, now, out)?;
                if made != out.len() {
                    return Err(format!("decodes to {made} bytes, the chunk has {}", out.len()));
                }
                return Ok(());
            }
            let made = decode_one(codec, now, ping)?;
            // Each half is used once: chains that would need a third go through zarrs.
            now = &std::mem::take(&mut ping)[..made];
            std::mem::swap(&mut ping, &mut pong);
        }
        if now.len() != out.len() {
            return Err(format!("{} bytes, the chunk has {}", now.len(), out.len()));
        }
        out.copy_from_slice(now);
        Ok(())
    }

    /// Encodes `data`, the bytes of a chunk in stored order, into `out`; returns the bytes made.
    /// `between` has [`Chain::between_bytes`].
    ///
    /// # Errors
    /// When a codec fails, as text.
    pub(super) fn encode(&self, data: &[u8], out: &mut [u8]) -> Result<usize, String> {
        let mut made = None;
        for codec in &self.codecs {
            made = Some(match (codec, made) {
                (BytesCodec::Crc32c, len) => {
                    let len = match len {
                        Some(len) => len,
                        None => {
                            out[..data.len()].copy_from_slice(data);
                            data.len()
                        }
                    };
                    let sum = crc32c::crc32c(&out[..len]).to_le_bytes();
                    out[len..len + 4].copy_from_slice(&sum);
                    len + 4
                }
                (codec, None) => encode_one(codec, data, out)?,
                (codec, Some(_)) => return Err(format!("cannot write {} after another codec", codec.text())),
            });
        }
        match made {
            Some(len) => Ok(len),
            None => {
                out[..data.len()].copy_from_slice(data);
                Ok(data.len())
            }
        }
    }

    /// Bytes that codecs allocate themselves to encode a chunk of `len` bytes.
    pub(super) fn encode_context_bytes(&self, len: u64) -> u64 {
        let one = |codec: &BytesCodec| match codec {
            BytesCodec::Zstd { level, .. } => zstd_encoder_bytes(*level),
            BytesCodec::Gzip { .. } | BytesCodec::Zlib { .. } => 10 << 20,
            BytesCodec::Blosc(settings) => settings.encode_context_bytes(len),
            _ => 0,
        };
        self.codecs.iter().map(one).sum()
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

/// The bytes before a trailing little-endian crc32c, if it is right.
pub(super) fn checked(bytes: &[u8]) -> Result<&[u8], String> {
    let Some((data, sum)) = bytes.split_last_chunk::<4>() else {
        return Err(format!("{} bytes are too few for a checksum", bytes.len()));
    };
    let (stored, found) = (u32::from_le_bytes(*sum), crc32c::crc32c(data));
    if stored == found { Ok(data) } else { Err(format!("crc32c is {found:08x}, stored was {stored:08x}")) }
}

thread_local! {
    static UNZSTD: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    static INFLATE: RefCell<Option<libdeflater::Decompressor>> = const { RefCell::new(None) };
    static ZSTD: RefCell<Option<(i32, bool, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
    static DEFLATE: RefCell<Option<(u32, libdeflater::Compressor)>> = const { RefCell::new(None) };
}

fn decode_one(codec: &BytesCodec, from: &[u8], to: &mut [u8]) -> Result<usize, String> {
    match codec {
        BytesCodec::Zstd { .. } => UNZSTD.with_borrow_mut(|context| {
            if context.is_none() {
                *context = Some(zstd::bulk::Decompressor::new().map_err(|e| format!("zstd: {e}"))?);
            }
            let Some(context) = context else { return Err("zstd: no context".into()) };
            context.decompress_to_buffer(from, to).map_err(|e| format!("zstd: {e}"))
        }),
        BytesCodec::Gzip { .. } => INFLATE.with_borrow_mut(|context| {
            let context = context.get_or_insert_with(libdeflater::Decompressor::new);
            context.gzip_decompress(from, to).map_err(|e| format!("gzip: {e}"))
        }),
        BytesCodec::Zlib { .. } => INFLATE.with_borrow_mut(|context| {
            let context = context.get_or_insert_with(libdeflater::Decompressor::new);
            context.zlib_decompress(from, to).map_err(|e| format!("zlib: {e}"))
        }),
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
        BytesCodec::Crc32c => Err("crc32c makes nothing".into()),
    }
}

fn encode_one(codec: &BytesCodec, from: &[u8], to: &mut [u8]) -> Result<usize, String> {
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

    fn chain(codecs: Vec<BytesCodec>) -> Chain {
        Chain { codecs, ..Chain::default() }
    }

    #[test]
    fn chains_decode_what_they_encode_and_refuse_what_is_damaged() {
        let data: Vec<u8> = (0..10_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let blosc = blosc::Settings { inner: "lz4".into(), level: 5, shuffle: 1, item: 4, block_bytes: 0 };
        for codecs in [
            vec![],
            vec![BytesCodec::Crc32c],
            vec![BytesCodec::Zstd { level: 3, checksum: false }],
            vec![BytesCodec::Zstd { level: 1, checksum: true }, BytesCodec::Crc32c],
            vec![BytesCodec::Gzip { level: 1 }],
            vec![BytesCodec::Zlib { level: 6 }],
            vec![BytesCodec::Blosc(blosc)],
        ] {
            let chain = chain(codecs);
            let mut stored = vec![0u8; stored_bytes_max(data.len() as u64) as usize];
            let len = chain.encode(&data, &mut stored).unwrap();
            stored.truncate(len);
            let mut out = vec![0u8; data.len()];
            chain.decode(&stored, &mut out, &mut []).unwrap();
            assert_eq!(out, data);
            assert!(chain.decode(&stored[..len - 1], &mut out, &mut []).is_err(), "{}: short", chain.text());
            let mut long = vec![0u8; data.len() + 1];
            assert!(chain.decode(&stored, &mut long, &mut []).is_err(), "{}: too few", chain.text());
            let mut short = vec![0u8; data.len() - 1];
            assert!(chain.decode(&stored, &mut short, &mut []).is_err(), "{}: too many", chain.text());
        }
    }

    #[test]
    fn a_shuffle_below_a_compressor_goes_through_the_staging() {
        let data: Vec<u8> = (0..1000u32).flat_map(|i| i.to_le_bytes()).chain([9, 8]).collect();
        let n = 1000;
        let mut planes = vec![0u8; data.len()];
        for i in 0..n {
            for b in 0..4 {
                planes[b * n + i] = data[i * 4 + b];
            }
        }
        planes[4 * n..].copy_from_slice(&[9, 8]);
        let zlib = BytesCodec::Zlib { level: 1 };
        let mut stored = vec![0u8; 8000];
        let len = chain(vec![zlib.clone()]).encode(&planes, &mut stored).unwrap();
        let both = chain(vec![BytesCodec::Shuffle { item: 4 }, zlib]);
        let mut between = vec![0u8; both.between_bytes(data.len() as u64) as usize];
        let mut out = vec![0u8; data.len()];
        both.decode(&stored[..len], &mut out, &mut between).unwrap();
        assert_eq!(out, data);
    }

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
}
