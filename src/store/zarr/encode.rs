//! Elements of a region → encoded chunks or shards, appended to one object after the other, wherever those are.

use super::chain::Chain;
use super::keys::Keys;
use crate::error::{Error, Result};
use crate::grid::{Region, Span, ravel};
use crate::store::Create;
use crate::store::chunk_parts::{ChunkPart, for_each_part};
use crate::store::copy_box::copy;
use crate::store::in_memory::{check_write, dense_len};
use flagstone_kernels::view::{View, ViewMut};

/// A file or object being written from its start to its end.
pub(super) trait Object {
    /// Puts bytes behind those before.
    ///
    /// # Errors
    /// `Store` when they cannot be written.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;
    /// Ends it.
    ///
    /// # Errors
    /// As [`Object::append`].
    fn finish(self: Box<Self>) -> Result<()>;
}

/// Makes the object of a key.
pub(super) type Make<'a> = &'a dyn Fn(&str) -> Result<Box<dyn Object + 'a>>;

/// Hears of each granule that is finished: its key, its place in the grid of granules, the bytes stored.
pub(super) type Finished<'a> = &'a dyn Fn(&str, &[u64], u64) -> Result<()>;

/// How one array is encoded.
#[derive(Debug)]
pub(super) struct Encoder {
    pub(super) address: String,
    pub(super) create: Create,
    /// One element of the fill value.
    fill: Vec<u8>,
    chain: Chain,
    keys: Keys,
    /// The box of one object.
    granule: Vec<u64>,
    /// Inner chunks, when objects are shards.
    inner: Option<Vec<u64>>,
}

/// Bytes of a shard's index with its checksum.
pub(super) fn shard_index_bytes(shard: &[u64], inner: &[u64]) -> Option<u64> {
    let count = shard.iter().zip(inner).try_fold(1u64, |n, (s, i)| n.checked_mul(s / i))?;
    count.checked_mul(16)?.checked_add(4).filter(|&n| n <= 1 << 30)
}

impl Encoder {
    pub(super) fn new(
        address: &str,
        create: Create,
        mut fill: Vec<u8>,
        chain: Chain,
        keys: Keys,
        granule: Vec<u64>,
        inner: Option<Vec<u64>>,
    ) -> Encoder {
        if chain.swap {
            fill.chunks_exact_mut(create.dtype.real().size()).for_each(<[u8]>::reverse);
        }
        Encoder { address: address.to_string(), create, fill, chain, keys, granule, inner }
    }

    pub(super) fn granule(&self) -> &[u64] {
        &self.granule
    }

    fn unit(&self) -> &[u64] {
        self.inner.as_ref().unwrap_or(&self.granule)
    }

    fn unit_bytes(&self) -> u64 {
        dense_len(self.unit(), self.create.dtype).unwrap_or(u64::MAX)
    }

    fn index_bytes(&self) -> u64 {
        self.inner.as_ref().map_or(0, |inner| shard_index_bytes(&self.granule, inner).unwrap_or(u64::MAX))
    }

    /// Scratch of [`Encoder::write`], and what codecs allocate themselves.
    pub(super) fn scratch_bytes(&self) -> u64 {
        let unit = self.unit_bytes();
        let buffers = unit.saturating_add(self.chain.encoded_bytes(unit)).saturating_add(self.index_bytes());
        buffers.saturating_add(self.chain.encode_context_bytes(unit))
    }

    /// The same for dense regions of `shape`, one after the other over the array. A chunk is encoded from where it lies where it is
    /// whole, one region, and in the right order of bytes.
    pub(super) fn dense_scratch_bytes(&self, shape: &[u64]) -> u64 {
        let whole = shape.iter().zip(&self.create.shape).zip(&self.granule).all(|((n, len), g)| n == g && len.is_multiple_of(*g));
        let as_it_lies = whole && self.inner.is_none() && !self.chain.swap;
        self.scratch_bytes() - if as_it_lies { self.unit_bytes() } else { 0 }
    }

    /// Bytes of an object at most.
    pub(super) fn object_bytes_max(&self) -> u64 {
        let units: u64 = self.granule.iter().zip(self.unit()).map(|(g, u)| g / u).product();
        self.chain.stored_bytes_max(self.unit_bytes()).saturating_mul(units).saturating_add(self.index_bytes())
    }

    /// The key of a granule.
    pub(super) fn key(&self, index: &[u64]) -> String {
        self.keys.key(index)
    }

    /// Granules along each axis.
    pub(super) fn counts(&self) -> Vec<u64> {
        self.create.shape.iter().zip(&self.granule).map(|(n, g)| n.div_ceil(*g)).collect()
    }

    /// Writes `data`, which lies at `region`, whole objects of it. Returns the bytes stored.
    ///
    /// # Errors
    /// What fails to be encoded or written.
    pub(super) fn write(
        &self,
        region: &Region,
        data: &View<'_>,
        scratch: &mut [u8],
        make: Make<'_>,
        finished: Finished<'_>,
    ) -> Result<u64> {
        check_write(&self.address, &self.create, region, data)?;
        let whole = region.0.iter().zip(&self.granule).zip(&self.create.shape);
        let mut aligned = whole.map(|((s, g), &n)| s.start % g == 0 && ((s.start + s.len) % g == 0 || s.start + s.len == n));
        if region.elements() > 0 && !aligned.all(|ok| ok) {
            let what = format!("write of {region} cuts chunks of {:?}", self.granule);
            return Err(Error::internal(format!("{}: {what}", self.address)));
        }
        let mut stored = 0;
        for_each_part(region, &self.granule, |part| {
            let key = self.key(&part.index);
            let bytes = self.write_object(&key, part, &data.part(&part.start, &part.shape), scratch, make)?;
            stored += bytes;
            finished(&key, &part.index, bytes)
        })?;
        Ok(stored)
    }

    /// What is stored of one chunk, made in `stored` where it is encoded; `None` when it holds nothing but the fill value.
    fn encode<'a>(&self, data: &View<'a>, padded: &'a mut [u8], stored: &'a mut [u8], key: &str) -> Result<Option<&'a [u8]>> {
        let shape: Vec<usize> = self.unit().iter().map(|&n| n as usize).collect();
        let bytes = match data.as_bytes().filter(|_| data.shape() == shape && !self.chain.swap) {
            Some(bytes) => bytes,
            None => {
                let none = || Error::internal(format!("{}: no room for a copy of chunk {key}", self.address));
                let padded = padded.get_mut(..self.unit_bytes() as usize).ok_or_else(none)?;
                if data.shape() != shape {
                    padded.chunks_exact_mut(self.fill.len()).for_each(|element| element.copy_from_slice(&self.fill));
                }
                let origin = vec![0; shape.len()];
                let mut whole = ViewMut::dense(padded, self.create.dtype, &shape);
                copy(data, &mut whole.part(&origin, data.shape()), self.chain.swap);
                &*padded
            }
        };
        if self.is_fill(bytes) {
            return Ok(None);
        }
        let made = self.chain.encode(bytes, stored);
        made.map(Some).map_err(|what| Error::store(&self.address, format!("chunk {key}: {what}")))
    }

    /// Whether these elements, as they are stored, are nothing but the fill value.
    fn is_fill(&self, bytes: &[u8]) -> bool {
        match is_zero(&self.fill) {
            true => is_zero(bytes),
            false => bytes.chunks_exact(self.fill.len()).all(|element| element == self.fill),
        }
    }

    fn write_object(&self, key: &str, part: &ChunkPart, data: &View<'_>, scratch: &mut [u8], make: Make<'_>) -> Result<u64> {
        let (index, scratch) = scratch.split_at_mut(self.index_bytes() as usize);
        // nothing for copies where there was to be none
        let has_copies = (scratch.len() + index.len()) as u64 >= self.scratch_bytes();
        let (padded, stored) = scratch.split_at_mut(if has_copies { self.unit_bytes() as usize } else { 0 });
        let Some(inner) = &self.inner else {
            let Some(bytes) = self.encode(data, padded, stored, key)? else { return Ok(0) };
            let mut object = make(key)?;
            object.append(bytes)?;
            object.finish()?;
            return Ok(bytes.len() as u64);
        };
        // Never written is all ones, in the index too.
        index.fill(0xff);
        let counts: Vec<u64> = self.granule.iter().zip(inner).map(|(g, i)| g / i).collect();
        let mut at = 0;
        let mut object = None;
        let local = Region(part.shape.iter().map(|&n| Span::dense(0, n as u64)).collect());
        for_each_part(&local, inner, |inner_part| {
            let Some(bytes) = self.encode(&data.part(&inner_part.start, &inner_part.shape), padded, stored, key)? else { return Ok(()) };
            let object = match &mut object {
                Some(object) => object,
                none => none.insert(make(key)?),
            };
            object.append(bytes)?;
            let entry = &mut index[16 * ravel(&inner_part.index, &counts) as usize..][..16];
            entry[..8].copy_from_slice(&u64::to_le_bytes(at));
            entry[8..].copy_from_slice(&(bytes.len() as u64).to_le_bytes());
            at += bytes.len() as u64;
            Ok(())
        })?;
        let Some(mut object) = object else { return Ok(0) };
        let (entries, sum) = index.split_at_mut(self.index_bytes() as usize - 4);
        sum.copy_from_slice(&crc32c::crc32c(entries).to_le_bytes());
        object.append(index)?;
        object.finish()?;
        Ok(at + index.len() as u64)
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    // Whole words first, and a stop at the first block that holds something.
    let (blocks, rest) = bytes.as_chunks::<256>();
    blocks.iter().all(|block| block.iter().fold(0, |a, b| a | b) == 0) && rest.iter().all(|&b| b == 0)
}
