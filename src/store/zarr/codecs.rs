//! Codecs as metadata describes them → [`Chain`], or why it cannot be decoded here.

use super::blosc;
use super::chain::Chain;
use super::codec::{BytesCodec, Sum, SumKind};
use super::filter::{Elements, Filter};
use super::layout::{Coding, Parsed, lengths};
use flagstone_kernels::dtype::DType;
use serde_json::{Map, Value};
use zarrs::metadata::v3::MetadataV3;

/// Chains are not longer.
const CODECS_MAX: usize = 16;

/// Ours, or why not.
pub(super) fn v3(codecs: &[MetadataV3], file_chunk: &[u64], dtype: DType) -> Parsed<Coding> {
    if let [sharding] = codecs
        && sharding.name() == "sharding_indexed"
    {
        return v3_shards(sharding, file_chunk, dtype);
    }
    Ok(Coding::Chunks(v3_chain(codecs, file_chunk.len(), dtype)?))
}

fn v3_shards(sharding: &MetadataV3, file_chunk: &[u64], dtype: DType) -> Parsed<Coding> {
    let config = sharding.configuration().ok_or("no configuration")?;
    let inner = lengths(config.get("chunk_shape"))?;
    let divides = inner.len() == file_chunk.len() && inner.iter().zip(file_chunk).all(|(&i, &n)| i > 0 && n % i == 0);
    if !divides {
        return Err(format!("inner chunks of shape {inner:?} do not divide shards of shape {file_chunk:?}"));
    }
    let parse = |key: &str| -> Parsed<Vec<MetadataV3>> {
        serde_json::from_value(config.get(key).cloned().unwrap_or_default()).map_err(|e| e.to_string())
    };
    let chain = v3_chain(&parse("codecs")?, inner.len(), dtype)?;
    let index = v3_chain(&parse("index_codecs")?, 1, DType::U64)?;
    let index_checksum = match index.codecs[..] {
        [] => false,
        [BytesCodec::Sum(Sum::CRC32C)] => true,
        _ => return Err("a compressed shard index".into()),
    };
    if index.swap != cfg!(target_endian = "big") {
        return Err("a big-endian shard index".into());
    }
    let index_at_end = match config.get("index_location").map(Value::as_str) {
        None | Some(Some("end")) => true,
        Some(Some("start")) => false,
        Some(other) => return Err(format!("index_location {}", other.unwrap_or("that is no text"))),
    };
    Ok(Coding::Shards { chain, inner, index_at_end, index_checksum })
}

fn v3_chain(codecs: &[MetadataV3], rank: usize, dtype: DType) -> Parsed<Chain> {
    let mut chain = Chain::default();
    let mut elements = Elements { dtype, swap: cfg!(target_endian = "big") };
    let mut has_bytes = false;
    for codec in codecs {
        let empty = Map::new();
        let config: &Map<String, Value> = codec.configuration().map_or(&empty, |c| c);
        match (codec.name(), has_bytes) {
            ("transpose", false) => {
                // Older drafts name two orders by letters.
                let order: Vec<usize> = match config.get("order").and_then(Value::as_str) {
                    Some("C") => (0..rank).collect(),
                    Some("F") => (0..rank).rev().collect(),
                    Some(other) => return Err(format!("transpose of order {other}")),
                    None => lengths(config.get("order"))?.into_iter().map(|n| n as usize).collect(),
                };
                let mut sorted = order.clone();
                sorted.sort_unstable();
                if chain.order.is_some() || sorted != (0..rank).collect::<Vec<_>>() {
                    return Err(format!("transpose of order {order:?}"));
                }
                chain.order = Some(order).filter(|_| rank > 1);
            }
            ("bytes", false) => {
                has_bytes = true;
                let big = match config.get("endian") {
                    Some(Value::String(text)) if text == "little" => false,
                    Some(Value::String(text)) if text == "big" => true,
                    None | Some(Value::Null) if elements.dtype.size() == 1 => cfg!(target_endian = "big"),
                    // The specification asks for it, and zarr-python takes the order of its machine, which is this one for who wrote it.
                    None => false,
                    Some(other) => return Err(format!("endian {other}; expected \"little\" or \"big\"")),
                };
                if !chain.codecs.is_empty() && (big || chain.order.is_some()) {
                    // Writers do not agree on the order of elements that a filter sees then.
                    let what = if big { "big-endian" } else { "transposed" };
                    return Err(format!("the filter {} of {what} elements", chain.codecs[0].text()));
                }
                chain.swap = dtype.size() > 1 && big == cfg!(target_endian = "little");
            }
            (name, true) => chain.codecs.push(bytes_codec(name, config, dtype)?),
            (name, false) => {
                let filter = name.strip_prefix("numcodecs.").map(|name| Filter::parse(name, config, elements)).transpose()?.flatten();
                let filter = filter.ok_or_else(|| format!("codec {name:?}"))?;
                elements = filter.stored(elements);
                chain.codecs.push(BytesCodec::Filter(filter));
            }
        }
    }
    if !has_bytes {
        return Err("no bytes codec".into());
    }
    check_len(&chain)?;
    Ok(chain)
}

/// The chain of filters and compressor of a v2 array.
pub(super) fn v2(codecs: &[(String, Map<String, Value>)], dtype: DType, order: Option<Vec<usize>>, swap: bool) -> Parsed<Chain> {
    let mut chain = Chain { order, swap, codecs: Vec::new() };
    let mut elements = Elements { dtype, swap };
    for (name, config) in codecs {
        let codec = match Filter::parse(name, config, elements)? {
            Some(filter) => {
                elements = filter.stored(elements);
                BytesCodec::Filter(filter)
            }
            None => bytes_codec(name, config, dtype)?,
        };
        chain.codecs.push(codec);
    }
    check_len(&chain)?;
    Ok(chain)
}

fn check_len(chain: &Chain) -> Parsed<()> {
    match chain.codecs.len() {
        ..=CODECS_MAX => Ok(()),
        n => Err(format!("a chain of {n} codecs, at most {CODECS_MAX} are decoded")),
    }
}

fn bytes_codec(name: &str, config: &Map<String, Value>, dtype: DType) -> Parsed<BytesCodec> {
    let int = |key: &str, default: i64| match config.get(key) {
        None | Some(Value::Null) => Ok(default),
        Some(value) => value.as_i64().ok_or_else(|| format!("{name}: {key} is {value}")),
    };
    Ok(match name.strip_prefix("numcodecs.").unwrap_or(name) {
        "zstd" | "zarrs.zstd" => {
            let checksum = config.get("checksum").and_then(Value::as_bool).unwrap_or(false);
            BytesCodec::Zstd { level: int("level", 0)? as i32, checksum }
        }
        "gzip" => BytesCodec::Gzip { level: int("level", 1)?.clamp(0, 9) as u32 },
        "zlib" => BytesCodec::Zlib { level: int("level", 1)?.clamp(0, 9) as u32 },
        "lz4" => BytesCodec::Lz4,
        "bz2" => BytesCodec::Bz2,
        "lzma" => BytesCodec::Lzma { memory_bytes: lzma_bytes(config)? },
        "crc32c" | "crc32" | "adler32" | "fletcher32" => {
            let (kind, default) = match name.rsplit('.').next() {
                Some("crc32c") => (SumKind::Crc32c, "end"),
                Some("fletcher32") => (SumKind::Fletcher32, "end"),
                Some("crc32") => (SumKind::Crc32, "start"),
                _ => (SumKind::Adler32, "start"),
            };
            let first = match config.get("location").filter(|found| !found.is_null()).map_or(Some(default), Value::as_str) {
                Some("start") => true,
                Some("end") => false,
                _ => return Err(format!("{name}: location {}, expected \"start\" or \"end\"", config["location"])),
            };
            BytesCodec::Sum(Sum { kind, first })
        }
        "blosc" => {
            let shuffle = match config.get("shuffle") {
                Some(Value::String(text)) => match text.as_str() {
                    "noshuffle" => 0,
                    "shuffle" => 1,
                    "bitshuffle" => 2,
                    other => return Err(format!("blosc: shuffle {other:?}")),
                },
                Some(Value::Number(n)) => match n.as_i64() {
                    Some(-1) => 1,
                    Some(n @ 0..=2) => n as u8,
                    _ => return Err(format!("blosc: shuffle {n}")),
                },
                _ => 0,
            };
            BytesCodec::Blosc(blosc::Settings {
                inner: config.get("cname").and_then(Value::as_str).unwrap_or("lz4").to_string(),
                level: int("clevel", 5)?.clamp(0, 9) as u8,
                shuffle,
                item: int("typesize", dtype.size() as i64)?.clamp(1, 255) as usize,
                block_bytes: int("blocksize", 0)?.max(0) as u64,
            })
        }
        "shuffle" => {
            // NCZarr writes 0 for the length of the array's own elements.
            let item = match int("elementsize", 0)? {
                0 => dtype.size() as i64,
                given => given,
            };
            if !(1..=255).contains(&item) {
                return Err(format!("shuffle: elementsize {item}"));
            }
            BytesCodec::Shuffle { item: item as usize }
        }
        other => return Err(format!("codec or filter {other:?}; known are {KNOWN}")),
    })
}

const KNOWN: &str = "zstd, gzip, zlib, bz2, lzma, lz4, blosc, shuffle, delta, fixedscaleoffset, quantize, astype, bitround, \
                     packbits, crc32c, crc32, adler32, fletcher32";

/// What decoding lzma takes: the dictionary that the settings of the encoder say, and a MiB.
fn lzma_bytes(config: &Map<String, Value>) -> Parsed<u64> {
    const DICTIONARY_MIB: [u64; 10] = [1, 1, 2, 4, 4, 8, 8, 16, 32, 64];
    const DICTIONARY_BYTES_MAX: u64 = 1 << 30;
    if config.get("format").and_then(Value::as_u64).is_some_and(|format| format > 2) {
        return Err(format!("lzma: raw streams (format {}); xz and lzma files (1 and 2) are read", config["format"]));
    }
    let preset = |found: Option<&Value>| match found {
        None | Some(Value::Null) => Ok(DICTIONARY_MIB[6] << 20),
        // The highest bit asks for more work, not for more memory.
        Some(found) => match found.as_u64().map(|n| (n & !(1 << 31)) as usize) {
            Some(level) if level < DICTIONARY_MIB.len() => Ok(DICTIONARY_MIB[level] << 20),
            _ => Err(format!("lzma: preset {found}, expected 0 to 9")),
        },
    };
    let mut bytes = preset(config.get("preset"))?;
    for filter in config.get("filters").and_then(Value::as_array).into_iter().flatten() {
        bytes = bytes.max(match filter.get("dict_size").and_then(Value::as_u64) {
            Some(bytes) => bytes,
            None => preset(filter.get("preset"))?,
        });
    }
    if bytes > DICTIONARY_BYTES_MAX {
        return Err(format!("lzma: a dictionary of {bytes} bytes, at most {DICTIONARY_BYTES_MAX} are used"));
    }
    Ok(bytes + (1 << 20))
}
