//! Chunk files → regions.

use super::chain::Chain;
use super::codec::{self, stored_bytes_max};
use super::document;
use super::far::Far;
use super::foreign::Foreign;
use super::layout::{ArrayLayout, Coding};
use super::place::{Opened, Place};
use super::shard::{INDEX_BYTES_MAX, Right, ShardIndex, index_bytes};
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::box_read::{BoxFile, PIECE_BYTES, file_strides, stored_strides};
use crate::store::chunk_parts::{ChunkPart, for_each_part};
use crate::store::copy_box::{copy, dense_bytes, normalise_bool};
use crate::store::in_memory::check_region;
use crate::store::packing::Packing;
use crate::store::reach::will_need;
use crate::store::remote::Wanted;
use crate::store::{Meta, Moved, Store};
use flagstone_kernels::copy::fill;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::view::{View, ViewMut};
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

/// Chunk files that one [`Store::prefetch`] opens at most.
const PREFETCH_FILES: usize = 64;

/// A Zarr array, open for reading.
#[derive(Debug)]
pub(super) struct ZarrStore {
    address: String,
    place: Place,
    layout: Arc<ArrayLayout>,
    /// Of an array that is far away, its objects.
    far: Option<Far>,
    /// The longest chunk that is packed in a zip file, packed and unpacked.
    packed_bytes: (u64, u64),
    foreign: Option<Foreign>,
    right: Right,
}

/// One encoded chunk inside a file.
struct Stored<'a> {
    file: &'a File,
    at: u64,
    len: u64,
    /// CRC-32 of the bytes, where one is known.
    sum: Option<u32>,
    key: &'a str,
}

/// Whether chunks of this layout can be decoded, as [`ZarrStore::new`] would find, without a look at one.
///
/// # Errors
/// `Unsupported` for chains of codecs that nobody here decodes.
pub(super) fn require_codecs(place: &Place, layout: &ArrayLayout, address: &str) -> Result<()> {
    match (&layout.coding, place) {
        (Coding::Foreign(metadata, why), Place::Directory(_)) => Foreign::check((**metadata).clone(), why, address),
        (Coding::Foreign(_, why), _) => Err(only_in_directories(why, address)),
        _ => Ok(()),
    }
}

fn only_in_directories(why: &str, address: &str) -> Error {
    Error::unsupported(address, format!("codecs that are read in directories alone, of files on a disk: {why}"))
}

impl ZarrStore {
    pub(super) fn new(address: &str, place: Place, mut layout: ArrayLayout) -> Result<ZarrStore> {
        let foreign = match (&layout.coding, &place) {
            (Coding::Foreign(metadata, why), Place::Directory(directory)) => {
                Some(Foreign::new(directory, (**metadata).clone(), why, address)?)
            }
            (Coding::Foreign(_, why), _) => return Err(only_in_directories(why, address)),
            _ => None,
        };
        let packed_bytes = place.packed_bytes(|key| layout.is_chunk(key));
        if packed_bytes.1 > 0 && matches!(layout.coding, Coding::Shards { .. }) {
            return Err(Error::unsupported(address, "shards that are packed in the zip file; write it anew without packing: `zip -0`"));
        }
        let far = match &place {
            Place::Far { bucket, prefix } => {
                // A round trip costs as much as a chunk: what is far is fetched whole, plain or not.
                layout.meta.compressed = true;
                Some(Far::new(bucket.clone(), prefix, address))
            }
            _ => None,
        };
        Ok(ZarrStore { address: address.to_string(), place, layout: Arc::new(layout), far, packed_bytes, foreign, right: Right::default() })
    }

    fn dtype(&self) -> DType {
        self.layout.meta.dtype
    }

    /// The box that is decoded as a whole.
    fn unit(&self) -> &[u64] {
        match &self.layout.coding {
            Coding::Shards { inner, .. } => inner,
            _ => &self.layout.file_chunk,
        }
    }

    fn unit_bytes(&self) -> u64 {
        self.layout.bytes_of(self.unit())
    }

    /// The sizes of the chunk files at `prefix`, the start of a key, and below.
    fn files_bytes(&self, prefix: &str) -> std::io::Result<u64> {
        let directory = match &self.place {
            Place::Directory(directory) => directory,
            Place::Zip { archive, prefix, .. } => {
                let chunks = archive.below(prefix).filter(|(key, _)| self.layout.is_chunk(key));
                return Ok(chunks.map(|(_, member)| member.stored).sum());
            }
            Place::Far { .. } => return Err(std::io::ErrorKind::Unsupported.into()),
        };
        let mut bytes = 0;
        for entry in std::fs::read_dir(directory.join(prefix))? {
            let key = format!("{prefix}{}", entry?.file_name().to_string_lossy());
            // links are followed, as by those who read; what vanishes meanwhile is not there
            let Ok(found) = std::fs::metadata(directory.join(&key)) else { continue };
            if found.is_dir() {
                let deeper = format!("{key}/");
                if self.layout.keys.may_start(&deeper) {
                    bytes += self.files_bytes(&deeper)?;
                }
            } else if self.layout.is_chunk(&key) {
                bytes += found.len();
            }
        }
        Ok(bytes)
    }

    fn bad(&self, key: &str, what: impl std::fmt::Display) -> Error {
        Error::store(&self.address, format!("chunk {key}: {what}"))
    }

    /// Reads `part` of one encoded chunk into `out`.
    fn read_unit(&self, chain: &Chain, stored: &Stored<'_>, part: &ChunkPart, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        let unit = self.unit();
        let unit_bytes = self.unit_bytes();
        let io = |e| Error::store_io(&self.address, &format!("chunk {}: reading {} bytes at {}", stored.key, stored.len, stored.at), &e);
        if chain.is_plain() {
            if stored.len != unit_bytes {
                return Err(self.bad(stored.key, format!("has {} bytes, {unit_bytes} are expected", stored.len)));
            }
            let order = chain.order.as_deref();
            let shape: Vec<u64> = order.map_or_else(|| unit.to_vec(), |order| order.iter().map(|&a| unit[a]).collect());
            let base = stored.at + self.layout.element_offset() as u64;
            let plain = BoxFile { file: stored.file, base, dtype: self.dtype(), swap: chain.swap, shape: &shape, order };
            let strides = self.layout.part.as_ref().map(|field| file_strides(&shape, field.element_bytes));
            let bytes = plain.read_strided(strides.as_deref(), &part.local, out, scratch).map_err(io)?;
            return Ok(Moved { stored_bytes: bytes, decoded_bytes: bytes });
        }
        let limit = chain.stored_bytes_max(unit_bytes);
        if stored.len > limit {
            return Err(self.bad(stored.key, format!("has {} bytes stored, more than {limit} for {unit_bytes} decoded", stored.len)));
        }
        let (staging, scratch) = scratch.split_at_mut(limit as usize);
        let (between, decoded) = scratch.split_at_mut(chain.between_bytes(unit_bytes) as usize);
        let staging = &mut staging[..stored.len as usize];
        stored.file.read_exact_at(staging, stored.at).map_err(io)?;
        if let Some(sum) = stored.sum {
            self.check_sum(staging, sum, stored.key)?;
        }
        self.decode(chain, staging, stored.key, between, decoded, part, out)?;
        Ok(Moved { stored_bytes: stored.len, decoded_bytes: unit_bytes })
    }

    /// Decodes the bytes of a chunk and puts `part` of it into `out`, at once where it can.
    fn decode(
        &self,
        chain: &Chain,
        stored: &[u8],
        key: &str,
        between: &mut [u8],
        decoded: &mut [u8],
        part: &ChunkPart,
        out: &mut ViewMut<'_>,
    ) -> Result<()> {
        let fail = |what: String| self.bad(key, what);
        let straight = !chain.swap && chain.order.is_none() && self.layout.part.is_none() && part.is_whole(self.unit());
        if let Some(bytes) = dense_bytes(out).filter(|_| straight) {
            return chain.decode(stored, bytes, between).map_err(fail);
        }
        let decoded = &mut decoded[..self.unit_bytes() as usize];
        chain.decode(stored, decoded, between).map_err(fail)?;
        self.copy_part(decoded, chain, part, out);
        Ok(())
    }

    fn check_sum(&self, bytes: &[u8], sum: u32, key: &str) -> Result<()> {
        match libdeflater::crc32(bytes) {
            found if found == sum => Ok(()),
            found => Err(self.bad(key, format!("its CRC-32 in the zip file is {sum:08x}, the bytes have {found:08x}"))),
        }
    }

    /// Reads `part` of a chunk that is packed in a zip file.
    fn read_packed(&self, opened: &Opened<'_>, key: &str, part: &ChunkPart, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        let (Coding::Chunks(chain), Some(packed)) = (&self.layout.coding, opened.packed) else {
            return Err(Error::internal("shards that are packed"));
        };
        let unit_bytes = self.unit_bytes();
        let limit = chain.stored_bytes_max(unit_bytes);
        let ((stored_max, len_max), between) = (self.packed_scratch(), chain.between_bytes(unit_bytes));
        if opened.len > stored_max || packed.len > len_max {
            let what = format!("{} bytes packed and {} unpacked, more than {limit} for {unit_bytes} decoded", opened.len, packed.len);
            return Err(self.bad(key, what));
        }
        let (stored, scratch) = scratch.split_at_mut(stored_max as usize);
        let (unpacked, scratch) = scratch.split_at_mut(len_max as usize);
        let (between, decoded) = scratch.split_at_mut(between as usize);
        let (stored, unpacked) = (&mut stored[..opened.len as usize], &mut unpacked[..packed.len as usize]);
        let io = |e| Error::store_io(&self.address, &format!("chunk {key}: reading {} bytes at {}", opened.len, opened.at), &e);
        opened.file().read_exact_at(stored, opened.at).map_err(io)?;
        let made = codec::inflate(stored, unpacked).map_err(|what| self.bad(key, what))?;
        if made != unpacked.len() {
            return Err(self.bad(key, format!("unpacks to {made} bytes, {} were announced", unpacked.len())));
        }
        if let Some(sum) = opened.sum {
            self.check_sum(unpacked, sum, key)?;
        }
        self.decode(chain, unpacked, key, between, decoded, part, out)?;
        Ok(Moved { stored_bytes: opened.len, decoded_bytes: unit_bytes })
    }

    /// Staging for what is packed in a zip file, packed and unpacked.
    fn packed_scratch(&self) -> (u64, u64) {
        let Coding::Chunks(chain) = &self.layout.coding else { return (0, 0) };
        let limit = chain.stored_bytes_max(self.unit_bytes());
        let (stored, len) = self.packed_bytes;
        // Deflate may expand what it cannot pack.
        (stored.min(stored_bytes_max(limit)), len.min(limit))
    }

    /// Copies `part` of a decoded chunk to `out`.
    fn copy_part(&self, decoded: &[u8], chain: &Chain, part: &ChunkPart, out: &mut ViewMut<'_>) {
        let shape: Vec<usize> = self.unit().iter().map(|&n| n as usize).collect();
        let strides = stored_strides(&shape, chain.order.as_deref(), self.layout.element_bytes());
        let spans = &part.local.0;
        let offset = self.layout.element_offset() as isize + spans.iter().zip(&strides).map(|(s, &n)| s.start as isize * n).sum::<isize>();
        let steps: Vec<isize> = spans.iter().zip(&strides).map(|(s, &n)| s.step as isize * n).collect();
        copy(&View::strided(decoded, self.dtype(), &part.shape, &steps, offset), out, chain.swap);
    }

    fn read_foreign(&self, foreign: &Foreign, key: &str, len: u64, part: &ChunkPart, out: &mut ViewMut<'_>) -> Result<Moved> {
        let unit_bytes = self.unit_bytes();
        let limit = stored_bytes_max(unit_bytes).saturating_mul(2);
        if len > limit {
            return Err(self.bad(key, format!("has {len} bytes stored, more than {limit} for {unit_bytes} decoded")));
        }
        let decoded = foreign.chunk(&part.index).map_err(|what| self.bad(key, what))?;
        if decoded.len() as u64 != unit_bytes {
            return Err(self.bad(key, format!("decodes to {} bytes, the chunk has {unit_bytes}", decoded.len())));
        }
        self.copy_part(&decoded, &Chain::default(), part, out);
        Ok(Moved { stored_bytes: len, decoded_bytes: unit_bytes })
    }

    /// Reads `part` of one object that is far away into `out`.
    fn read_far(&self, far: &Far, part: &ChunkPart, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        let key = self.layout.keys.key(&part.index);
        match &self.layout.coding {
            Coding::Chunks(chain) => self.read_far_chunk(far, chain, &key, part, out, scratch),
            Coding::Shards { chain, inner, index_at_end, index_checksum } => {
                let len = index_bytes(&self.layout.file_chunk, inner, *index_checksum).unwrap_or(u64::MAX);
                let is_short = len <= INDEX_BYTES_MAX;
                let (room, scratch) = scratch.split_at_mut(len.clamp(16, INDEX_BYTES_MAX) as usize);
                // Of an index that is too long, the first or last bytes tell how long the shard is.
                let (asked, mut few) = (if is_short { len } else { 16 }, [0; 16]);
                let (whole, pieces) = room.split_at_mut(if is_short { len as usize } else { 0 });
                let wanted = if *index_at_end { Wanted::Last(asked) } else { Wanted::Range { at: 0, len: asked } };
                let place = if is_short { whole } else { &mut few[..] };
                let Some((bytes, shard)) = far.bytes(&key, wanted, part.elements(), place)? else {
                    fill(&self.layout.fill, out);
                    return Ok(Moved::default());
                };
                let index = ShardIndex::of(&self.layout.file_chunk, inner, *index_at_end, *index_checksum, shard.total);
                let index = index.map_err(|what| self.bad(&key, what))?;
                let entries = is_short.then(|| index.checked(bytes.get())).transpose().map_err(|what| self.bad(&key, what))?;
                if index.must_verify() {
                    // What it was when it was right, it is: later parts are of the same state or an error.
                    self.right.once((&key, shard.total, &shard.state), || {
                        let read = |at, place: &mut [u8], hand_on: &mut dyn FnMut(&[u8])| {
                            let len = place.len() as u64;
                            far.part_of(&shard, &key, (at, len), 0, place).map(|bytes| hand_on(bytes.get()))
                        };
                        index.verify(pieces, read)?.map_err(|what| self.bad(&key, what))
                    })?;
                }
                let mut moved = Moved::default();
                for_each_part(&part.local, inner, |inner_part| {
                    let n = crate::grid::ravel(&inner_part.index, &index.counts);
                    let entry = match entries {
                        Some(entries) => ShardIndex::entry_of(entries, n),
                        None => {
                            let mut room = [0; 16];
                            ShardIndex::entry_of(far.part_of(&shard, &key, (index.at + 16 * n, 16), 0, &mut room)?.get(), 0)
                        }
                    };
                    let mut out = out.part(&inner_part.start, &inner_part.shape);
                    let Some((at, len)) = entry else {
                        fill(&self.layout.fill, &mut out);
                        return Ok(());
                    };
                    if at.checked_add(len).is_none_or(|end| end > shard.total) || len == 0 {
                        let what = format!("inner chunk {:?}: {len} bytes at {at} of a shard of {}", inner_part.index, shard.total);
                        return Err(self.bad(&key, what));
                    }
                    let limit = chain.stored_bytes_max(self.unit_bytes());
                    if len > limit {
                        let what = format!("has {len} bytes stored, more than {limit} for {} decoded", self.unit_bytes());
                        return Err(self.bad(&key, what));
                    }
                    let (staging, scratch) = scratch.split_at_mut(limit as usize);
                    let stored = far.part_of(&shard, &key, (at, len), inner_part.elements(), staging)?;
                    moved += self.put_far_unit(chain, &key, stored.get(), inner_part, &mut out, scratch)?;
                    Ok(())
                })?;
                Ok(moved)
            }
            Coding::Foreign(..) => Err(Error::internal("a foreign chain far away")),
        }
    }

    /// Reads `part` of one encoded chunk, all of an object, into `out`.
    fn read_far_chunk(
        &self,
        far: &Far,
        chain: &Chain,
        key: &str,
        part: &ChunkPart,
        out: &mut ViewMut<'_>,
        scratch: &mut [u8],
    ) -> Result<Moved> {
        let (staging, scratch) = scratch.split_at_mut(chain.stored_bytes_max(self.unit_bytes()) as usize);
        let Some((bytes, _)) = far.bytes(key, Wanted::Whole, part.elements(), staging)? else {
            fill(&self.layout.fill, out);
            return Ok(Moved::default());
        };
        self.put_far_unit(chain, key, bytes.get(), part, out, scratch)
    }

    /// Decodes the bytes of a chunk that came from far away, and puts `part` of it into `out`.
    fn put_far_unit(
        &self,
        chain: &Chain,
        key: &str,
        stored: &[u8],
        part: &ChunkPart,
        out: &mut ViewMut<'_>,
        scratch: &mut [u8],
    ) -> Result<Moved> {
        let unit_bytes = self.unit_bytes();
        if chain.is_plain() {
            if stored.len() as u64 != unit_bytes {
                return Err(self.bad(key, format!("has {} bytes, {unit_bytes} are expected", stored.len())));
            }
            self.copy_part(stored, chain, part, out);
        } else {
            let (between, decoded) = scratch.split_at_mut(chain.between_bytes(unit_bytes) as usize);
            self.decode(chain, stored, key, between, decoded, part, out)?;
        }
        Ok(Moved { stored_bytes: stored.len() as u64, decoded_bytes: unit_bytes })
    }

    /// Reads `part` of one file into `out`.
    fn read_file(&self, part: &ChunkPart, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        if let Some(far) = &self.far {
            return self.read_far(far, part, out, scratch);
        }
        let key = self.layout.keys.key(&part.index);
        let Some(opened) = self.place.open(&key, &self.address)? else {
            fill(&self.layout.fill, out);
            return Ok(Moved::default());
        };
        if opened.packed.is_some() {
            return self.read_packed(&opened, &key, part, out, scratch);
        }
        let (file, base, len, sum) = (opened.file(), opened.at, opened.len, opened.sum);
        match (&self.layout.coding, &self.foreign) {
            (Coding::Chunks(chain), _) => self.read_unit(chain, &Stored { file, at: base, len, sum, key: &key }, part, out, scratch),
            (Coding::Shards { chain, inner, index_at_end, index_checksum }, _) => {
                let index = ShardIndex::of(&self.layout.file_chunk, inner, *index_at_end, *index_checksum, len)
                    .map_err(|what| self.bad(&key, what))?;
                let (room, scratch) = scratch.split_at_mut(index.scratch_bytes() as usize);
                let io = |e| Error::store_io(&self.address, &format!("chunk {key}: reading the shard's index"), &e);
                if index.must_verify() {
                    let found = file.metadata().map_err(io)?;
                    let state = (&key, base, len, found.ino(), found.mtime(), found.mtime_nsec());
                    self.right.once(state, || {
                        let read = |at, place: &mut [u8], hand_on: &mut dyn FnMut(&[u8])| {
                            file.read_exact_at(place, base + at).map(|()| hand_on(place))
                        };
                        index.verify(room, read).map_err(io)?.map_err(|what| self.bad(&key, what))
                    })?;
                }
                let loaded = index.load(file, base, room).map_err(io)?.map_err(|what| self.bad(&key, what))?;
                let mut moved = Moved::default();
                for_each_part(&part.local, inner, |inner_part| {
                    let entry = index.entry(&inner_part.index, loaded, file, base).map_err(io)?;
                    let mut out = out.part(&inner_part.start, &inner_part.shape);
                    let Some((at, n)) = entry else {
                        fill(&self.layout.fill, &mut out);
                        return Ok(());
                    };
                    if at.checked_add(n).is_none_or(|end| end > len) {
                        let what = format!("inner chunk {:?}: {n} bytes at {at} of a shard of {len}", inner_part.index);
                        return Err(self.bad(&key, what));
                    }
                    moved += self.read_unit(
                        chain,
                        &Stored { file, at: base + at, len: n, sum: None, key: &key },
                        inner_part,
                        &mut out,
                        scratch,
                    )?;
                    Ok(())
                })?;
                Ok(moved)
            }
            (Coding::Foreign(..), Some(foreign)) => self.read_foreign(foreign, &key, len, part, out),
            (Coding::Foreign(..), None) => Err(Error::internal("a foreign chain without its decoder")),
        }
    }
}

impl Store for ZarrStore {
    fn address(&self) -> &str {
        &self.address
    }
    fn meta(&self) -> &Meta {
        &self.layout.meta
    }
    fn packing(&self) -> Packing {
        let (meta, missing) = (&self.layout.meta, self.layout.missing.filter(|_| !self.layout.meta.attributes.contains_key("_FillValue")));
        Packing::from_json(&meta.attributes, meta.dtype).and_missing(missing, meta.dtype)
    }
    fn stored_bytes(&self) -> Option<u64> {
        match &self.far {
            Some(far) => far.stored_bytes(&self.layout),
            None => self.files_bytes("").ok(),
        }
    }
    fn ahead_bytes(&self) -> u64 {
        self.far.as_ref().map_or(0, Far::ahead_bytes)
    }
    fn allow_ahead(&self, bytes: u64) -> Box<dyn Send> {
        match &self.far {
            Some(far) => far.allow(bytes),
            None => Box::new(()),
        }
    }
    fn resident_bytes(&self) -> u64 {
        let right = match &self.layout.coding {
            Coding::Shards { inner, index_checksum, .. } => index_bytes(&self.layout.file_chunk, inner, *index_checksum),
            _ => None,
        };
        let right = right.filter(|&len| len > INDEX_BYTES_MAX).map_or(0, |_| Right::BYTES);
        document::attributes_bytes(&self.layout.meta.attributes) + self.place.resident_bytes() + right
    }
    fn scratch_bytes(&self, region: &Region) -> u64 {
        if region.elements() == 0 {
            return 0;
        }
        let unit = self.unit_bytes();
        let chain_bytes = |chain: &Chain| {
            if chain.is_plain() {
                return if self.far.is_some() { unit.max(16) } else { unit.clamp(16, PIECE_BYTES) };
            }
            let staged = chain.stored_bytes_max(unit).saturating_add(chain.between_bytes(unit)).saturating_add(unit);
            staged.saturating_add(chain.context_bytes(unit))
        };
        match &self.layout.coding {
            Coding::Chunks(chain) => {
                // A plain chunk is read in steps, one that is packed as a whole.
                let (stored, len) = self.packed_scratch();
                let whole = if len > 0 { unit.saturating_add(128 << 10) } else { 0 };
                chain_bytes(chain).saturating_add(stored).saturating_add(len).saturating_add(whole)
            }
            Coding::Shards { chain, inner, index_checksum, .. } => {
                let index = index_bytes(&self.layout.file_chunk, inner, *index_checksum).unwrap_or(0);
                chain_bytes(chain).saturating_add(index.clamp(16, INDEX_BYTES_MAX))
            }
            // What zarrs allocates: the file, the chunk, and one more of each between codecs.
            Coding::Foreign(..) => stored_bytes_max(unit).saturating_mul(5),
        }
    }
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved> {
        check_region(&self.address, &self.layout.meta, region, out)?;
        let mut moved = Moved::default();
        for_each_part(region, &self.layout.file_chunk, |part| {
            moved += self.read_file(part, &mut out.part(&part.start, &part.shape), scratch)?;
            Ok(())
        })?;
        normalise_bool(out);
        Ok(moved)
    }
    fn prefetch(&self, region: &Region) {
        if let Some(far) = &self.far {
            return far.want(region, &self.layout);
        }
        let mut left = PREFETCH_FILES;
        // An error only ends the walk: the limit is reached, or reading will say what is wrong.
        let _ = for_each_part(region, &self.layout.file_chunk, |part| {
            left = left.checked_sub(1).ok_or_else(|| Error::internal("enough"))?;
            let Some(opened) = self.place.open(&self.layout.keys.key(&part.index), &self.address)? else { return Ok(()) };
            // Of a shard most may not be wanted; its length says nothing, so only whole ones are fetched.
            let sharded = matches!(self.layout.coding, Coding::Shards { .. });
            if !sharded || part.is_whole(&self.layout.file_chunk) {
                will_need(opened.file(), opened.at, opened.len);
            }
            Ok(())
        });
    }
}
