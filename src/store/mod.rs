//! Addresses → bytes of regions, and back. The only module that names file formats.
//!
//! A [`Store`] reads any region of one array into a view that the caller owns; a [`Writer`] takes whole
//! granules. Neither caches, schedules or starts threads: workers call them side by side.

mod address;
mod attribute;
mod bitshuffle;
mod box_read;
mod chunk_parts;
mod codec_text;
#[doc(hidden)]
pub mod conformance;
mod copy_box;
mod extent;
pub mod flat;
mod formats;
pub mod hdf5;
mod in_memory;
mod many;
mod netcdf;
mod on_disk;
mod opening;
mod packing;
mod publish;
mod reach;
mod record;
#[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "without clients nothing is fetched"))]
mod remote;
mod shuffle;
mod sniff;
mod stamp;
mod together;
mod tree;
mod zarr;
mod zip;

pub use address::{Address, parse, target, text};
pub use attribute::{AttributeKind, AttributeKinds};
pub use extent::Extent;
pub(crate) use formats::rehearse;
pub(crate) use formats::require_apart;
pub use formats::{create, create_group, exists, extent, is_begun, map, share_dimensions};
pub use in_memory::{InMemory, MemoryWriter};
pub use many::{AsOne, Many, decoding, find, open_many};
pub(crate) use netcdf::is_default_fill;
pub use opening::{open, tree, version, versions};
pub use packing::Packing;
pub use tree::{Node, Refused};

use crate::error::{Error, Result};
use crate::grid::{ChunkGrid, Marks, Region};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::view::{View, ViewMut};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

/// What is known of a stored array without reading elements.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Meta {
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// Element type, whatever the byte order in the file.
    pub dtype: DType,
    /// The smallest box that is read as a whole: a chunk, or the inner chunk of a shard; `None` where any
    /// region can be read at the cost of its own bytes (contiguous files).
    pub chunks: Option<Vec<u64>>,
    /// The box that one writer must write as a whole, when it is larger than `chunks`: a shard.
    pub shards: Option<Vec<u64>>,
    /// The codec chain as text, for people: `none`, `shuffle + deflate`, `zstd:0`.
    pub codec: String,
    /// Whether a chunk has to be decoded, or fetched, as a whole (false: plain bytes that are near).
    pub compressed: bool,
    /// The value of elements that were never written.
    pub fill: Option<Scalar>,
    /// Names of the axes, where the format keeps them.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// Attributes as JSON.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What the JSON of some of them does not say (HDF5, NetCDF).
    pub attribute_kinds: AttributeKinds,
}

impl Meta {
    /// The axis of this name, or of this number.
    pub(crate) fn axis_named(&self, name: &str) -> Option<usize> {
        let named = self.dimension_names.iter().flatten().position(|found| found.as_deref() == Some(name));
        named.or_else(|| name.parse().ok().filter(|&axis: &usize| axis < self.shape.len()))
    }
    /// What is known of the values that the stored numbers stand for ([`Packing`]), which are of `dtype`: NaN is what is missing.
    #[must_use]
    pub fn decoded(self, dtype: DType) -> Meta {
        let mut meta = Meta { dtype, fill: dtype.is_float().then_some(Scalar::Float(f64::NAN)), ..self };
        for name in Packing::ATTRIBUTES {
            meta.attributes.remove(name);
        }
        if dtype == DType::Bool {
            meta.attributes.remove("dtype");
        }
        meta
    }

    /// Plain uncompressed bytes of which any region can be read.
    pub fn plain(shape: Vec<u64>, dtype: DType) -> Meta {
        Meta {
            shape,
            dtype,
            chunks: None,
            shards: None,
            codec: "none".into(),
            compressed: false,
            fill: None,
            dimension_names: None,
            attributes: serde_json::Map::new(),
            attribute_kinds: AttributeKinds::new(),
        }
    }
}

/// Bytes that a read moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moved {
    /// As stored.
    pub stored_bytes: u64,
    /// As decoded (whole chunks, also where only a part was asked for).
    pub decoded_bytes: u64,
}

impl Moved {
    /// Bytes that are stored as they are: decoding them gives as many.
    pub fn plain(bytes: u64) -> Moved {
        Moved { stored_bytes: bytes, decoded_bytes: bytes }
    }
}

impl std::ops::AddAssign for Moved {
    fn add_assign(&mut self, other: Moved) {
        self.stored_bytes += other.stored_bytes;
        self.decoded_bytes += other.decoded_bytes;
    }
}

/// One stored array, open for reading. Any number of threads may read at once.
pub trait Store: Send + Sync + Debug {
    /// The address that opens it, for messages.
    fn address(&self) -> &str;
    /// Shape, dtype, chunks and the rest.
    fn meta(&self) -> &Meta;
    /// Where it is cut into boxes that are read as a whole, as [`Meta::chunks`] says of arrays whose chunks have one length; `None` where
    /// any region can be read at the cost of its own bytes.
    fn chunk_grid(&self) -> Option<ChunkGrid> {
        let meta = self.meta();
        meta.chunks.as_ref().map(|chunks| ChunkGrid::regular(&meta.shape, chunks))
    }
    /// How its numbers stand for values, by the CF conventions.
    fn packing(&self) -> Packing {
        Packing::from_json(&self.meta().attributes, self.meta().dtype)
    }
    /// Bytes of scratch that [`Store::read`] of `region` needs at most: staging for stored bytes and for
    /// chunks of which only a part is wanted, and what its codecs allocate themselves. Follows from the lengths and
    /// steps of the region, wherever it lies, and does not fall as they grow.
    fn scratch_bytes(&self, region: &Region) -> u64;
    /// Reads `region` into `out`, which has its shape and the store's dtype (native byte order, any
    /// strides). `scratch` has at least `scratch_bytes(region)` bytes, 64-byte aligned.
    ///
    /// # Errors
    /// `Store` for a file that is short, corrupt or unreadable: never a panic, never wrong values.
    fn read(&self, region: &Region, out: &mut ViewMut<'_>, scratch: &mut [u8]) -> Result<Moved>;
    /// Tells the operating system that `region` will be read soon, or a store that is far away: it fetches within what
    /// [`Store::allow_ahead`] allows. Returns at once.
    fn prefetch(&self, region: &Region) {
        let _ = region;
    }
    /// Bytes of what it is told to prefetch that the store can make use of, beside the scratch of its readers. 0: it is near, and holds
    /// nothing.
    fn ahead_bytes(&self) -> u64 {
        0
    }
    /// Lets the store hold so many bytes of what it is told to prefetch, until what is returned is dropped. Who calls has counted
    /// them against the limit.
    fn allow_ahead(&self, bytes: u64) -> Box<dyn Send> {
        let _ = bytes;
        Box::new(())
    }
    /// Bytes that the array's values take as stored, if that can be told without reading them. May list as many files
    /// as there are chunks.
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
    /// Its elements, dense in C order, where they are in memory and no address leads to them.
    fn values(&self) -> Option<&[u8]> {
        None
    }
    /// Whether its elements are in memory as they are, so that looking at some costs nothing.
    fn is_in_memory(&self) -> bool {
        self.values().is_some()
    }
    /// Bytes that this handle keeps in memory (chunk indexes): charged to the limit.
    fn resident_bytes(&self) -> u64 {
        0
    }
    /// The store to read instead, where the files were written since this one was opened: the same array as it is now. `None` where nothing
    /// has changed. Asked before each computation.
    ///
    /// # Errors
    /// `Store` where it is another array now, naming both.
    fn renewed(&self) -> Result<Option<Arc<dyn Store>>> {
        Ok(None)
    }
    /// The file that holds its elements, where it is another than its address names.
    fn elsewhere(&self) -> Option<&Path> {
        None
    }
    /// What this handle keeps in memory together with others: a number that is the same for all who share it, and its bytes at most.
    /// They are charged to the limit once.
    fn shared_bytes(&self) -> Option<(usize, u64)> {
        None
    }
}

/// How values are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Codec {
    /// Plain bytes.
    None,
    /// Zstandard at a level.
    Zstd(i32),
    /// gzip (Zarr) or deflate (HDF5) at a level 0..=9.
    Gzip(u32),
    /// Blosc with an inner codec (`lz4`, `zstd`, `blosclz`, `lz4hc`, `zlib`), level, byte shuffle.
    Blosc {
        /// Inner codec.
        inner: String,
        /// Level 0..=9.
        level: u8,
    },
    /// LZF (HDF5 only).
    Lzf,
}

/// What to create.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Create {
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// Element type.
    pub dtype: DType,
    /// Chunk shape; `None`: the format's choice (contiguous for HDF5 and flat files without a codec).
    pub chunks: Option<Vec<u64>>,
    /// Shard shape (Zarr v3), a multiple of `chunks`.
    pub shards: Option<Vec<u64>>,
    /// The codec; `None`: the format's default (`blosc:lz4:5` for Zarr, plain for the others).
    pub codec: Option<Codec>,
    /// Whether HDF5 chunks are byte-shuffled before compression and carry a fletcher32 checksum.
    pub shuffle: bool,
    /// HDF5: add a fletcher32 checksum. Zarr v3: add crc32c.
    pub checksum: bool,
    /// Zarr format version, 2 or 3.
    pub zarr_version: u8,
    /// The value of elements that are never written, which files say (HDF5, Zarr); `None`: zero.
    pub fill: Option<Scalar>,
    /// Attributes as JSON.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What the JSON of some of them does not say: numbers that are not 64 bits wide (HDF5), texts that read as numbers. One that does not fit
    /// its attribute is left alone.
    pub attribute_kinds: AttributeKinds,
    /// Names of the axes.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// Replace what is at the address. Without it an existing array is an error, and is left alone.
    pub overwrite: bool,
    /// fsync before commit returns.
    pub durable: bool,
    /// What the elements are made of, in words that change when these do. Then a Zarr directory keeps a journal of what is finished, and
    /// what is dropped without [`Writer::commit`] stays aside, hidden, for a writer of the same that goes on with it.
    pub origin: Option<String>,
    /// Go on with what a writer of the same array and origin left.
    pub resume: bool,
}

impl Create {
    /// One element of the fill value, native byte order.
    ///
    /// # Errors
    /// `BadRequest` for a value that the dtype does not hold.
    pub(crate) fn fill_bytes(&self, address: &str) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.dtype.size()];
        if let Some(fill) = self.fill {
            fill.write(self.dtype, &mut bytes);
            let back = Scalar::read(self.dtype, &bytes);
            // Of a float it is what the dtype can hold of it, as with any element.
            if !self.dtype.is_float() && back.as_f64() != fill.as_f64() {
                return Err(Error::bad_request(address, format!("the fill value {} is no {}", fill.as_f64(), self.dtype)));
            }
        }
        Ok(bytes)
    }

    /// An array with the format's default chunks and codec, that replaces nothing.
    pub fn new(shape: Vec<u64>, dtype: DType) -> Create {
        Create {
            shape,
            dtype,
            chunks: None,
            shards: None,
            codec: None,
            shuffle: true,
            checksum: false,
            zarr_version: 3,
            fill: None,
            attributes: serde_json::Map::new(),
            attribute_kinds: AttributeKinds::new(),
            dimension_names: None,
            overwrite: false,
            durable: false,
            origin: None,
            resume: false,
        }
    }
}

/// An array being written. Dropped without [`Writer::commit`], it leaves nothing behind but what a later one may go on with
/// ([`Create::origin`]), and what stood at the address before is still there.
pub trait Writer: Send + Sync {
    /// The boxes that must be written whole, each by one call: chunks, shards, or rows of a flat file
    /// (all ones: any region).
    fn granule(&self) -> &[u64];
    /// Bytes that should lie one after the other in what one call of [`Writer::write`] is given: shorter runs cost a call of the system
    /// each. 0 where that does not matter.
    fn run_bytes(&self) -> u64 {
        0
    }
    /// Scratch bytes for [`Writer::write`] of a region of `shape`.
    fn scratch_bytes(&self, shape: &[u64]) -> u64;
    /// The same where the data lie dense in C order: less where they are stored from where they lie.
    fn dense_scratch_bytes(&self, shape: &[u64]) -> u64 {
        self.scratch_bytes(shape)
    }
    /// Writes `data` at the dense `region`, a union of granules (cut only by the array's edge). Threads
    /// may write different regions at once. Returns the bytes stored.
    ///
    /// # Errors
    /// `Store` when the disk fails or is full.
    fn write(&self, region: &Region, data: &View<'_>, scratch: &mut [u8]) -> Result<u64>;
    /// Granules that an earlier writer finished, which this one went on with ([`Create::resume`]); asked for once.
    fn take_finished(&self) -> Option<Marks> {
        None
    }
    /// Makes the array visible at its address, metadata last.
    ///
    /// # Errors
    /// `Store` when that fails; then nothing is visible.
    fn commit(&self) -> Result<()>;
}
