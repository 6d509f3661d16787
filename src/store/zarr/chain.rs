//! Stored bytes of a chunk ↔ its elements, through a chain of codecs that write straight into buffers of
//! the caller.

use super::codec::{self, BytesCodec, Sum};

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

impl Chain {
    /// Whether chunks are plain bytes, of which any part can be read.
    pub(super) fn is_plain(&self) -> bool {
        self.codecs.is_empty()
    }

    /// Whether a codec takes elements for numbers.
    pub(super) fn has_filters(&self) -> bool {
        self.codecs.iter().any(|codec| matches!(codec, BytesCodec::Filter(_)))
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

    /// The codec that is decoded last, straight into the chunk; `None` where a checksum is still to be taken off then.
    fn straight(&self) -> Option<usize> {
        let first = self.codecs.iter().position(|codec| !codec.is_in_place())?;
        let sums = self.codecs[..first].iter().any(|codec| matches!(codec, BytesCodec::Sum(_)));
        (!sums).then_some(first)
    }

    /// Bytes that a chunk of `len` may take when stored.
    pub(super) fn stored_bytes_max(&self, len: u64) -> u64 {
        self.codecs.iter().fold(len, |len, codec| codec.stored_bytes(len))
    }

    /// Staging between codecs for a chunk of `len` bytes: two buffers that take turns.
    pub(super) fn between_bytes(&self, len: u64) -> u64 {
        let straight = self.straight();
        if self.codecs.iter().enumerate().all(|(i, codec)| codec.is_in_place() || Some(i) == straight) {
            return 0;
        }
        // What the last codec makes is what is stored.
        let inner = &self.codecs[..self.codecs.len() - 1];
        let (_, longest) = inner.iter().fold((len, 0), |(len, longest): (u64, u64), codec| {
            let stored = codec.stored_bytes(len);
            (stored, longest.max(stored))
        });
        longest.saturating_mul(2)
    }

    /// Bytes that codecs allocate themselves to decode a chunk of `len` bytes.
    pub(super) fn context_bytes(&self, len: u64) -> u64 {
        let mut len = len;
        let mut sum = 0u64;
        for codec in &self.codecs {
            sum = sum.saturating_add(codec.context_bytes(len));
            len = codec.stored_bytes(len);
        }
        sum
    }

    /// Decodes `stored` into `out`, which it must fill exactly. `between` has [`Chain::between_bytes`].
    ///
    /// # Errors
    /// What does not fit, as text.
    pub(super) fn decode(&self, stored: &[u8], out: &mut [u8], between: &mut [u8]) -> Result<(), String> {
        let (mut free, mut used) = between.split_at_mut(between.len() / 2);
        let straight = self.straight();
        // What is decoded so far: the start of `used` once `made` says how much of it.
        let (mut from, mut made): (&[u8], Option<usize>) = (stored, None);
        for (i, codec) in self.codecs.iter().enumerate().rev() {
            if let BytesCodec::Sum(sum) = codec {
                match made {
                    None => from = sum.checked(from)?,
                    Some(len) => {
                        sum.checked(&used[..len])?;
                        if sum.first {
                            used.copy_within(4..len, 0);
                        }
                        made = Some(len - 4);
                    }
                }
                continue;
            }
            if codec.is_in_place() {
                continue;
            }
            let now = made.map_or(from, |len| &used[..len]);
            if Some(i) == straight {
                return fills(codec::decode(codec, now, out)?, out.len());
            }
            let len = codec::decode(codec, now, free)?;
            std::mem::swap(&mut free, &mut used);
            made = Some(len);
        }
        let now = made.map_or(from, |len| &used[..len]);
        fills(now.len(), out.len())?;
        out.copy_from_slice(now);
        Ok(())
    }

    /// Bytes that [`Chain::encode`] needs room for, of a chunk of `len`: what is plain stays where it is.
    pub(super) fn encoded_bytes(&self, len: u64) -> u64 {
        if self.is_plain() { 0 } else { self.stored_bytes_max(len) }
    }

    /// What is stored of `data`, the bytes of a chunk in stored order: made in `out`, of [`Chain::encoded_bytes`], or `data` itself.
    ///
    /// # Errors
    /// When a codec fails, as text.
    pub(super) fn encode<'a>(&self, data: &'a [u8], out: &'a mut [u8]) -> Result<&'a [u8], String> {
        let mut made = None;
        for codec in &self.codecs {
            made = Some(match (codec, made) {
                (BytesCodec::Sum(Sum::CRC32C), len) => {
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
                (codec, None) => codec::encode(codec, data, out)?,
                (codec, Some(_)) => return Err(format!("cannot write {} after another codec", codec.text())),
            });
        }
        Ok(made.map_or(data, |len| &out[..len]))
    }

    /// Bytes that codecs allocate themselves to encode a chunk of `len` bytes.
    pub(super) fn encode_context_bytes(&self, len: u64) -> u64 {
        self.codecs.iter().map(|codec| codec.encode_context_bytes(len)).sum()
    }
}

fn fills(made: usize, wanted: usize) -> Result<(), String> {
    if made == wanted { Ok(()) } else { Err(format!("decodes to {made} bytes, the chunk has {wanted}")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::zarr::blosc;
    use crate::store::zarr::codec::stored_bytes_max;

    fn chain(codecs: Vec<BytesCodec>) -> Chain {
        Chain { codecs, ..Chain::default() }
    }

    #[test]
    fn chains_decode_what_they_encode_and_refuse_what_is_damaged() {
        let data: Vec<u8> = (0..10_000u32).flat_map(|i| (i / 7).to_le_bytes()).collect();
        let blosc = blosc::Settings { inner: "lz4".into(), level: 5, shuffle: 1, item: 4, block_bytes: 0 };
        for codecs in [
            vec![],
            vec![BytesCodec::Sum(Sum::CRC32C)],
            vec![BytesCodec::Zstd { level: 3, checksum: false }],
            vec![BytesCodec::Zstd { level: 1, checksum: true }, BytesCodec::Sum(Sum::CRC32C)],
            vec![BytesCodec::Gzip { level: 1 }],
            vec![BytesCodec::Zlib { level: 6 }],
            vec![BytesCodec::Blosc(blosc)],
        ] {
            let chain = chain(codecs);
            let mut stored = vec![0u8; stored_bytes_max(data.len() as u64) as usize];
            let stored = chain.encode(&data, &mut stored).unwrap();
            let mut out = vec![0u8; data.len()];
            chain.decode(stored, &mut out, &mut []).unwrap();
            assert_eq!(out, data);
            assert!(chain.decode(&stored[..stored.len() - 1], &mut out, &mut []).is_err(), "{}: short", chain.text());
            let mut long = vec![0u8; data.len() + 1];
            assert!(chain.decode(stored, &mut long, &mut []).is_err(), "{}: too few", chain.text());
            let mut short = vec![0u8; data.len() - 1];
            assert!(chain.decode(stored, &mut short, &mut []).is_err(), "{}: too many", chain.text());
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
        let len = chain(vec![zlib.clone()]).encode(&planes, &mut stored).unwrap().len();
        let both = chain(vec![BytesCodec::Shuffle { item: 4 }, zlib]);
        let mut between = vec![0u8; both.between_bytes(data.len() as u64) as usize];
        let mut out = vec![0u8; data.len()];
        both.decode(&stored[..len], &mut out, &mut between).unwrap();
        assert_eq!(out, data);
    }
}
