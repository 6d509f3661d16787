//! [`Create`] → an empty array aside, its metadata, and the groups above it.

use super::chain::Chain;
use super::codec::{BytesCodec, Sum};
use super::document::Documents;
use super::encode::{Encoder, shard_index_bytes};
use super::far_write;
use super::keys::Keys;
use super::place::Place;
use super::write::ZarrWriter;
use super::{Found, blosc, document, fill, group_there, look, nczarr, other_version, xarray};
use crate::error::{Error, Result};
use crate::store::in_memory::dense_len;
use crate::store::publish::{already_exists, behind_links, parent, partial_path};
use crate::store::reach::near_misses;
use crate::store::{AttributeKinds, Codec, Create, Writer};
use flagstone_kernels::dtype::{DType, Scalar};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::{fs, io};
use zarrs::metadata::v3::ArrayMetadataV3;

/// What chunks take when the caller does not say.
const CHUNK_BYTES: u64 = 8 << 20;
/// The same inside shards.
const INNER_CHUNK_BYTES: u64 = 1 << 20;
/// Blosc's own limit on one buffer.
const BLOSC_BYTES_MAX: u64 = i32::MAX as u64 - 16;

/// Starts an array at `path` of the Zarr directory `root`.
///
/// # Errors
/// `BadRequest` for chunks, shards or codecs that cannot be; `Store` where something stands that may not
/// be replaced, or the directory cannot be written.
pub(crate) fn create(root: &Path, path: &str, address: &str, create: &Create) -> Result<Box<dyn Writer>> {
    let refuse = |what: String| Error::bad_request(address, what);
    if !(2..=3).contains(&create.zarr_version) {
        return Err(refuse(format!("Zarr version {}, known are 2 and 3", create.zarr_version)));
    }
    let (chunk, shard) = chunk_shapes(create).map_err(refuse)?;
    let chain = chain(create, &chunk).map_err(refuse)?;
    if create.zarr_version == 2 && create.dtype == DType::BF16 {
        return Err(Error::unsupported(address, "bfloat16 in Zarr v2, which has no code for it; use version 3"));
    }
    let names = create.dimension_names.as_ref().map_or(create.shape.len(), Vec::len);
    if names != create.shape.len() {
        return Err(refuse(format!("{names} dimension names for {} axes", create.shape.len())));
    }
    if dense_len(&create.shape, create.dtype).is_none() {
        return Err(refuse(format!("shape {:?} is too large", create.shape)));
    }
    let fill = create.fill_bytes(address)?;
    let documents = match create.zarr_version {
        2 => v2_documents(create, &chunk, &chain),
        _ => v3_documents(create, &chunk, shard.as_deref(), &chain),
    };
    let documents = documents.map_err(refuse)?;

    let keys = if create.zarr_version == 2 { Keys { prefixed: false, separator: '.' } } else { Keys { prefixed: true, separator: '/' } };
    let (root, path) = &outermost(root, path);
    let granule = shard.clone().unwrap_or_else(|| chunk.clone());
    let inner = shard.map(|_| chunk);
    let encoder = Encoder::new(address, create.clone(), fill, chain, keys, granule, inner);
    match Place::below(root, path, address)? {
        Place::Directory(target) => create_directory(root, target, encoder, documents),
        Place::Far { .. } => far_write::create(root, path, encoder, documents),
        Place::Zip { .. } => Err(Error::unsupported(
            address,
            "a zip file is read, not written; write a directory and zip it: `cd x.zarr && zip -0r ../x.zarr.zip .`",
        )),
    }
}

/// The directory of the outermost group that an address names by its ending, behind links, and the path inside: `a.zarr/x` is `a.zarr:/x`.
fn outermost(root: &Path, path: &str) -> (PathBuf, String) {
    let named = |directory: &&Path| directory.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zarr"));
    let above = root.ancestors().skip(1).filter(named).last();
    let above = above.filter(|_| crate::store::remote::url(root).is_none());
    let inside = above.and_then(|above| Some((above, root.strip_prefix(above).ok()?.to_str()?)));
    match inside {
        Some((above, inside)) => (behind_links(above), format!("{inside}/{}", path.trim_matches('/')).trim_end_matches('/').to_string()),
        None => (behind_links(root), path.to_string()),
    }
}

/// Starts an array in the directory `target`.
fn create_directory(root: &Path, target: PathBuf, encoder: Encoder, documents: Documents) -> Result<Box<dyn Writer>> {
    let address = encoder.address.clone();
    check_target(&target, &address, encoder.create.overwrite)?;
    let groups = missing_groups(root, &target, &address, encoder.create.zarr_version)?;
    let place = target.ancestors().skip(1).find(|d| d.is_dir() && d.starts_with(root));
    let place = place.map_or_else(|| parent(root).to_path_buf(), Path::to_path_buf);
    if !place.is_dir() {
        return Err(Error::store(&address, format!("the directory {} does not exist{}", place.display(), near_misses(&place))));
    }
    let above = target.ancestors().skip(1).take_while(|d| d.starts_with(root)).map(Path::to_path_buf).collect();
    let failed = |e: io::Error| Error::store_io(&address, "creating the array's directory", &e);
    Ok(Box::new(ZarrWriter::new(&place, encoder, target, above, groups, documents).map_err(failed)?))
}

/// Makes a group with these attributes, and what their JSON does not say, at `path` of the Zarr directory `root`, and the groups above
/// it; of a group that is there attributes of the same names are replaced.
///
/// # Errors
/// `Store` where an array stands or something cannot be written, `BadRequest` for a version that cannot be.
pub(crate) fn create_group(
    root: &Path,
    path: &str,
    address: &str,
    (attributes, kinds): (&Map<String, Value>, &AttributeKinds),
    version: u8,
) -> Result<()> {
    let (root, path) = &outermost(root, path);
    let target = match Place::below(root, path, address)? {
        Place::Directory(target) => target,
        Place::Far { .. } => return far_write::create_group(root, path, address, (attributes, kinds), version),
        Place::Zip { .. } => return Err(Error::unsupported(address, "a zip file is read, not written")),
    };
    let failed = |e: io::Error| Error::store_io(address, "writing the group", &e);
    let (mut kept, mut kept_kinds) = group_there(&Place::Directory(target.clone()), address, version)?;
    let groups = missing_groups(root, &target, address, version)?;
    fs::create_dir_all(&target).map_err(failed)?;
    let put = |file: PathBuf, text: String| {
        let aside = partial_path(parent(&file), &file);
        fs::write(&aside, text).and_then(|()| fs::rename(&aside, &file)).map_err(failed)
    };
    groups.into_iter().try_for_each(|(file, text)| put(file, text))?;
    nczarr::replace((&mut kept, &mut kept_kinds), (attributes, kinds));
    let kept = document::marked_numbers(&nczarr::written(&kept, &kept_kinds, version), &kept_kinds);
    if version == 2 {
        put(target.join(".zattrs"), document::bare_words(&format!("{:#}", Value::Object(kept))))?;
        return put(target.join(".zgroup"), format!("{:#}", json!({"zarr_format": 2})));
    }
    let group = json!({"zarr_format": 3, "node_type": "group", "attributes": kept});
    put(target.join("zarr.json"), document::bare_words(&format!("{group:#}")))
}

/// Only an array is replaced, and only when asked to.
fn check_target(target: &Path, address: &str, overwrite: bool) -> Result<()> {
    if target.symlink_metadata().is_err() {
        return Ok(());
    }
    if !overwrite {
        return Err(already_exists(address));
    }
    match look(&Place::Directory(target.to_path_buf()), address) {
        Ok(Found::Nothing) => Err(Error::store(address, "exists and is no Zarr array; it is not replaced")),
        Ok(Found::Group { .. }) => Err(Error::store(address, "is a group; it is not replaced by an array")),
        // A corrupt array may be replaced.
        _ => Ok(()),
    }
}

/// Group documents to write at commit, outermost first.
fn missing_groups(root: &Path, target: &Path, address: &str, version: u8) -> Result<Vec<(PathBuf, String)>> {
    let mut missing = Vec::new();
    let mut above: Vec<&Path> = target.ancestors().skip(1).take_while(|d| d.starts_with(root)).collect();
    above.reverse();
    for directory in above {
        match look(&Place::Directory(directory.to_path_buf()), address)? {
            Found::Group { version: found, .. } if found != version => {
                let what = other_version(directory.display(), found, version);
                return Err(Error::bad_request(address, what));
            }
            Found::Group { version: 3, document, .. } => {
                let file = directory.join("zarr.json");
                // Of one that is too long only the kind was read.
                if document.get("attributes").is_none() && file.metadata().is_ok_and(|found| found.len() > document::KEPT_BYTES_MAX) {
                    let what = format!("{} is too long to be changed; remove its consolidated metadata first", file.display());
                    return Err(Error::store(address, what));
                }
            }
            Found::Group { .. } => {}
            Found::Nothing if version == 2 => missing.push((directory.join(".zgroup"), json!({"zarr_format": 2}))),
            Found::Nothing => {
                missing.push((directory.join("zarr.json"), json!({"zarr_format": 3, "node_type": "group", "attributes": {}})))
            }
            _ => return Err(Error::store(address, format!("{} is an array; nothing can be put below it", directory.display()))),
        }
    }
    Ok(missing.into_iter().map(|(file, document)| (file, format!("{document:#}"))).collect())
}

/// Inner chunks and shards.
fn chunk_shapes(create: &Create) -> std::result::Result<(Vec<u64>, Option<Vec<u64>>), String> {
    let rank = create.shape.len();
    let check = |what: &str, given: &Vec<u64>| {
        if given.len() != rank || given.contains(&0) {
            return Err(format!("{what} of shape {given:?} for an array of shape {:?}", create.shape));
        }
        match dense_len(given, create.dtype) {
            Some(n) if n <= 1 << 40 => Ok(()),
            _ => Err(format!("{what} of shape {given:?} are too large")),
        }
    };
    if let Some(chunks) = &create.chunks {
        check("chunks", chunks)?;
    }
    let Some(shards) = &create.shards else {
        let chunk = create.chunks.clone();
        return Ok((chunk.unwrap_or_else(|| near_square(&create.shape, create.dtype.size(), CHUNK_BYTES)), None));
    };
    if create.zarr_version != 3 {
        return Err("shards need Zarr version 3".into());
    }
    check("shards", shards)?;
    // a chunk that is as long as the array is a shard along that axis, too: chunks were clipped to it
    let mut shards = shards.clone();
    for (at, shard) in shards.iter_mut().enumerate() {
        if let Some(chunk) = create.chunks.as_ref().filter(|chunks| chunks[at] >= create.shape[at].max(1) && *shard >= chunks[at]) {
            *shard = chunk[at];
        }
    }
    let chunk = create.chunks.clone().unwrap_or_else(|| {
        let wanted = near_square(&shards, create.dtype.size(), INNER_CHUNK_BYTES);
        // The longest length up to the wanted one that divides the shard.
        wanted.iter().zip(&shards).map(|(&w, &s)| (1..=w).rev().find(|n| s % n == 0).unwrap_or(1)).collect()
    });
    if chunk.iter().zip(&shards).any(|(c, s)| s % c != 0) {
        return Err(format!("shards of shape {shards:?} are no multiple of chunks of shape {chunk:?}"));
    }
    Ok((chunk, Some(shards)))
}

/// A box of about `bytes` with sides as equal as the shape allows.
pub(super) fn near_square(shape: &[u64], item: usize, bytes: u64) -> Vec<u64> {
    let mut left = (bytes / item as u64).max(1) as f64;
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    axes.sort_by_key(|&axis| shape[axis]);
    let mut chunk = vec![1; shape.len()];
    for (done, &axis) in axes.iter().enumerate() {
        let side = left.powf(1.0 / (axes.len() - done) as f64);
        // Rounding must not make 1023 of 1024.
        chunk[axis] = ((side + 1e-6) as u64).clamp(1, shape[axis].max(1));
        left /= chunk[axis] as f64;
    }
    chunk
}

fn chain(create: &Create, chunk: &[u64]) -> std::result::Result<Chain, String> {
    let item = create.dtype.size();
    let default = Codec::Blosc { inner: "lz4".into(), level: 5 };
    let mut codecs = match create.codec.as_ref().unwrap_or(&default) {
        Codec::None => vec![],
        Codec::Zstd(level) => vec![BytesCodec::Zstd { level: *level, checksum: false }],
        Codec::Gzip(level) => vec![BytesCodec::Gzip { level: *level }],
        Codec::Blosc { inner, level } => {
            let bytes = dense_len(chunk, create.dtype).unwrap_or(u64::MAX);
            if bytes > BLOSC_BYTES_MAX {
                return Err(format!("blosc takes chunks of at most 2 GiB, {chunk:?} of {} is {bytes} bytes", create.dtype));
            }
            if !crate::store::codec_text::BLOSC_INNER.contains(&inner.as_str()) {
                return Err(format!("blosc has no inner codec {inner:?}"));
            }
            let shuffle = u8::from(item > 1);
            vec![BytesCodec::Blosc(blosc::Settings { inner: inner.clone(), level: *level, shuffle, item, block_bytes: 0 })]
        }
        Codec::Lzf => return Err("lzf is a codec of HDF5; Zarr has none, zstd:3, gzip:1 and blosc:lz4:5".into()),
    };
    if create.checksum {
        if create.zarr_version != 3 {
            return Err("a checksum needs Zarr version 3".into());
        }
        codecs.push(BytesCodec::Sum(Sum::CRC32C));
    }
    Ok(Chain { order: None, swap: cfg!(target_endian = "big"), codecs })
}

fn v3_codecs(chain: &Chain, dtype: DType) -> std::result::Result<Vec<Value>, String> {
    // An empty configuration keeps zarrs from shortening the codec to its name, which zarr-python refuses.
    let mut codecs = vec![if dtype.size() == 1 {
        json!({"name": "bytes", "configuration": {}})
    } else {
        json!({"name": "bytes", "configuration": {"endian": "little"}})
    }];
    for codec in &chain.codecs {
        codecs.push(match codec {
            BytesCodec::Zstd { level, checksum } => {
                json!({"name": "zstd", "configuration": {"level": level, "checksum": checksum}})
            }
            BytesCodec::Gzip { level } => json!({"name": "gzip", "configuration": {"level": level}}),
            BytesCodec::Blosc(s) => json!({"name": "blosc", "configuration": {
                "typesize": s.item, "cname": s.inner, "clevel": s.level,
                "shuffle": if s.shuffle == 1 { "shuffle" } else { "noshuffle" }, "blocksize": s.block_bytes,
            }}),
            BytesCodec::Sum(Sum::CRC32C) => json!({"name": "crc32c", "configuration": {}}),
            other => return Err(format!("{} is not written", other.text())),
        });
    }
    Ok(codecs)
}

fn v3_documents(create: &Create, chunk: &[u64], shard: Option<&[u64]>, chain: &Chain) -> std::result::Result<Documents, String> {
    fn read<T: serde::de::DeserializeOwned>(value: Value) -> std::result::Result<T, String> {
        serde_json::from_value(value).map_err(|e| e.to_string())
    }
    let fill_value = fill::text(create.fill.unwrap_or(Scalar::Int(0)), create.dtype);
    let mut codecs = v3_codecs(chain, create.dtype)?;
    if let Some(shard) = shard {
        if shard_index_bytes(shard, chunk).is_none() {
            return Err(format!("shards of shape {shard:?} have too many chunks of shape {chunk:?}"));
        }
        codecs = vec![json!({"name": "sharding_indexed", "configuration": {
            "chunk_shape": chunk, "codecs": codecs,
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
            "index_location": "end",
        }})];
    }
    let grid = json!({"name": "regular", "configuration": {"chunk_shape": shard.unwrap_or(chunk)}});
    let metadata =
        ArrayMetadataV3::new(create.shape.clone(), read(grid)?, read(json!(create.dtype.name()))?, read(fill_value)?, read(json!(codecs))?);
    let metadata = metadata
        .with_attributes(attributes(create, &xarray::written(&create.attributes, create.dtype)))
        .with_dimension_names(create.dimension_names.clone());
    Ok(vec![("zarr.json", document::bare_words(&metadata.to_string_pretty()))])
}

/// Attributes as a document has them.
fn attributes(create: &Create, attributes: &Map<String, Value>) -> Map<String, Value> {
    let typed = nczarr::written(attributes, &create.attribute_kinds, create.zarr_version);
    document::marked_numbers(&typed, &create.attribute_kinds)
}

fn v2_documents(create: &Create, chunk: &[u64], chain: &Chain) -> std::result::Result<Documents, String> {
    let compressor = match chain.codecs.first() {
        None => Value::Null,
        Some(BytesCodec::Zstd { level, .. }) => json!({"id": "zstd", "level": level}),
        Some(BytesCodec::Gzip { level }) => json!({"id": "gzip", "level": level}),
        Some(BytesCodec::Blosc(s)) => {
            json!({"id": "blosc", "cname": s.inner, "clevel": s.level, "shuffle": s.shuffle, "blocksize": s.block_bytes})
        }
        Some(other) => return Err(format!("{} is not written", other.text())),
    };
    let fill_value = xarray::written_v2(create).map_or(Value::Null, |fill| fill::text(fill, create.dtype));
    let mark = if create.dtype.size() == 1 { '|' } else { '<' };
    let metadata = json!({
        "zarr_format": 2, "shape": create.shape, "chunks": chunk, "dtype": format!("{mark}{}", create.dtype.code()),
        "compressor": compressor, "fill_value": fill_value, "order": "C", "filters": null,
        "dimension_separator": ".",
    });
    let mut attributes = attributes(create, &create.attributes);
    // xarray opens no group in which an array has none, and scalars have no axis that could be nameless
    let none = vec![];
    if let Some(names) = create.dimension_names.as_ref().or(create.shape.is_empty().then_some(&none)) {
        attributes.insert("_ARRAY_DIMENSIONS".into(), json!(names));
    }
    let mut documents = Vec::new();
    if !attributes.is_empty() {
        documents.push((".zattrs", document::bare_words(&format!("{:#}", Value::Object(attributes)))));
    }
    documents.push((".zarray", format!("{metadata:#}")));
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_chunks_are_about_square_and_about_8_mib() {
        assert_eq!(near_square(&[16000, 16000], 8, CHUNK_BYTES), [1024, 1024]);
        assert_eq!(near_square(&[10, 1_000_000], 8, CHUNK_BYTES), [10, 104857]);
        assert_eq!(near_square(&[], 8, CHUNK_BYTES), [0u64; 0]);
        assert_eq!(near_square(&[0, 5], 8, CHUNK_BYTES), [1, 5]);
        assert_eq!(near_square(&[100], 1, CHUNK_BYTES), [100]);
    }
}
