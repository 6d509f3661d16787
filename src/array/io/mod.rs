//! Addresses, memory ↔ arrays: what stands at an address or in memory as one, and how results are stored.

pub(super) mod in_memory;

use super::{Array, Chunks, decode};
use crate::error::Result;
use crate::expr::{Expr, Node, Op, ops, postorder};
use crate::grid::ChunkGrid;
use crate::store::{self, Codec, Create};
use flagstone_kernels::dtype::{DType, Scalar};
use std::path::Path;
use std::sync::Arc;

/// The array at an address, such as `random.h5:/x`, `data.zarr` or `x.npy`. Reads metadata only.
///
/// With `?decode=cf` behind it (`tas.nc:/tas?decode=cf`) the array is what the stored numbers stand for by the CF conventions,
/// lazily: `_FillValue`, `missing_value` and what is outside of `valid_range` become NaN, the rest is scaled by `scale_factor`
/// and `add_offset`.
///
/// A pattern (`a_*.nc:/tas`) stands for all files of such names as one array, in the order of the numbers in their names: one after the
/// other along the first axis, along another one with `?axis=lat`, by the values of a coordinate with `?by=time`, stacked along a new
/// axis with `?stack=0`. Their headers are read now, and each file is opened when something of it is needed.
///
/// # Errors
/// `Store` when there is none, or none that can be read, or many that are no one array; `BadRequest` for an address that is none.
///
/// ```no_run
/// # fn main() -> flagstone::Result<()> {
/// let mean: f64 = flagstone::open("random.h5:/x")?.mean(..).item()?;
/// # Ok(()) }
/// ```
pub fn open(address: impl AsRef<Path>) -> Result<Array> {
    let (address, decode) = store::decoding(store::text(address.as_ref())?)?;
    opened(store::open(address)?, decode)
}

/// The arrays at all of these addresses, patterns among them, as one: in this order, or that of a coordinate. `decode`: the values that
/// stored numbers stand for by the CF conventions, as in [`open`].
///
/// ```
/// # fn main() -> flagstone::Result<()> {
/// # let directory = tempfile::tempdir().unwrap();
/// # let at = |name: &str| directory.path().join(name).display().to_string();
/// use flagstone::{Runtime, arange, array::open_many, store::AsOne};
/// let runtime = Runtime::builder().memory_limit("64MiB").build()?;
/// for n in 0..3 {
///     runtime.store(&arange(10 * n, 10 * n + 10, 1, None), at(&format!("part_{n}.npy")))?;
/// }
/// let rows = open_many(&[at("part_*.npy")], &AsOne::default().stack(0), false)?;
/// assert_eq!(rows.shape()?, [3, 10]);
/// assert_eq!(rows.sum(..).item::<i64>()?, 435);
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`open`].
pub fn open_many<T: AsRef<Path>>(addresses: &[T], as_one: &store::AsOne, decode: bool) -> Result<Array> {
    if let [one] = addresses {
        let (address, asked) = store::decoding(store::text(one.as_ref())?)?;
        return match store::find(&address, as_one)? {
            Some(many) => opened(Arc::new(many), asked || decode),
            None => opened(store::open(address)?, asked || decode),
        };
    }
    opened(Arc::new(store::open_many(addresses, as_one)?), decode)
}

fn opened(store: Arc<dyn store::Store>, decode: bool) -> Result<Array> {
    let packing = decode.then(|| store.packing());
    let stored = Node::new(Op::Source(ops::Source { store })).map(Array::from_expr)?;
    match packing {
        Some(packing) => decode::values(&stored, &packing),
        None => Ok(stored),
    }
}

impl Array {
    /// Whether computing it reads stores: files, and what is far away; memory is none.
    ///
    /// # Errors
    /// What the array carries.
    ///
    /// ```
    /// assert!(!flagstone::arange(0, 10, 1, None).reads_stores().unwrap());
    /// ```
    pub fn reads_stores(&self) -> Result<bool> {
        let reads = |node: &Expr| matches!(&node.op, Op::Source(source) if !source.store.is_in_memory());
        Ok(postorder(&[self.expr()?]).iter().any(reads))
    }
}

/// The array that somebody else's `store` reads: what lies in another program's memory, or behind an interface of its own.
///
/// ```
/// use flagstone::{DType, array::from_store, store::InMemory};
/// let store = InMemory::new(DType::U8, &[2, 2], vec![1, 2, 3, 4]).unwrap();
/// assert_eq!(from_store(std::sync::Arc::new(store)).sum(..).item::<u64>().unwrap(), 10);
/// ```
#[track_caller]
pub fn from_store(store: Arc<dyn store::Store>) -> Array {
    Array::build(|| Node::new(Op::Source(ops::Source { store })))
}

/// How [`Array::store_with`] stores.
///
/// ```
/// use flagstone::array::StoreOptions;
/// let options = StoreOptions::new().chunks([100, 100]).overwrite(true);
/// assert!(options.codec.is_none());
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreOptions {
    /// Chunk shape; without it the format's choice.
    pub chunks: Option<Chunks>,
    /// Shard shape (Zarr v3).
    pub shards: Option<Vec<u64>>,
    /// The codec; without it the format's default.
    pub codec: Option<Codec>,
    /// HDF5: shuffle bytes before compression.
    pub shuffle: bool,
    /// HDF5: fletcher32; Zarr v3: crc32c.
    pub checksum: bool,
    /// Zarr format version, 2 or 3.
    pub zarr_version: u8,
    /// Attributes as JSON.
    pub attributes: serde_json::Map<String, serde_json::Value>,
    /// What the JSON of some of them does not say.
    pub attribute_kinds: store::AttributeKinds,
    /// Names of the axes.
    pub dimension_names: Option<Vec<Option<String>>>,
    /// Replace what is at the address.
    pub overwrite: bool,
    /// fsync before it returns.
    pub durable: bool,
    /// The value of elements that are never written (HDF5, Zarr); `None`: zero.
    pub fill: Option<Scalar>,
    /// What the elements are made of, in words that change when these do: see [`StoreOptions::resumable`].
    pub origin: Option<String>,
    /// Go on with what was stopped.
    pub resume: bool,
}

impl StoreOptions {
    /// With the attributes, names of the axes and fill value of an array that is there, such as
    /// [`store::Store::meta`](crate::store::Store::meta) gives; chunks and codec are the format's.
    pub fn like(meta: &store::Meta) -> StoreOptions {
        let (attributes, dimension_names) = (meta.attributes.clone(), meta.dimension_names.clone());
        let attribute_kinds = meta.attribute_kinds.clone();
        StoreOptions { attributes, attribute_kinds, dimension_names, fill: meta.fill, ..StoreOptions::default() }
    }
    /// The format's chunks and codec, replacing nothing.
    pub fn new() -> StoreOptions {
        StoreOptions::default()
    }
    /// With this chunk shape.
    pub fn chunks(mut self, chunks: impl Into<Chunks>) -> StoreOptions {
        self.chunks = Some(chunks.into());
        self
    }
    /// With this shard shape (Zarr v3).
    pub fn shards(mut self, shards: impl Into<Vec<u64>>) -> StoreOptions {
        self.shards = Some(shards.into());
        self
    }
    /// With this codec.
    pub fn codec(mut self, codec: Codec) -> StoreOptions {
        self.codec = Some(codec);
        self
    }
    /// Whether bytes are shuffled before compression (HDF5).
    pub fn shuffle(mut self, shuffle: bool) -> StoreOptions {
        self.shuffle = shuffle;
        self
    }
    /// Whether chunks carry a checksum.
    pub fn checksum(mut self, checksum: bool) -> StoreOptions {
        self.checksum = checksum;
        self
    }
    /// In this Zarr format version, 2 or 3.
    pub fn zarr_version(mut self, version: u8) -> StoreOptions {
        self.zarr_version = version;
        self
    }
    /// With these attributes.
    pub fn attributes(mut self, attributes: serde_json::Map<String, serde_json::Value>) -> StoreOptions {
        self.attributes = attributes;
        self
    }
    /// With these names of the axes.
    pub fn dimension_names(mut self, names: impl Into<Vec<Option<String>>>) -> StoreOptions {
        self.dimension_names = Some(names.into());
        self
    }
    /// Whether what is at the address is replaced.
    pub fn overwrite(mut self, overwrite: bool) -> StoreOptions {
        self.overwrite = overwrite;
        self
    }
    /// What is stopped or fails can be gone on with: chunks that are finished are kept aside. `origin` says in words what is stored, and
    /// changes when that does; with `resume` the call goes on with what an earlier one of the same origin, shape, chunks and codec left.
    /// Zarr directories; others begin anew.
    pub fn resumable(mut self, origin: impl Into<String>, resume: bool) -> StoreOptions {
        (self.origin, self.resume) = (Some(origin.into()), resume);
        self
    }
    /// Whether the data is on the disk before the call returns.
    pub fn durable(mut self, durable: bool) -> StoreOptions {
        self.durable = durable;
        self
    }
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            chunks: None,
            shards: None,
            codec: None,
            shuffle: true,
            checksum: false,
            zarr_version: 3,
            attributes: serde_json::Map::new(),
            attribute_kinds: store::AttributeKinds::new(),
            dimension_names: None,
            overwrite: false,
            durable: false,
            fill: None,
            origin: None,
            resume: false,
        }
    }
}

/// Chunks of so many bytes are stored as they are.
const CHUNK_BYTES: std::ops::RangeInclusive<u64> = (1 << 16)..=(64 << 20);

impl StoreOptions {
    /// What to create for an array that is being stored at `address`. Zarr keeps the array's own chunks where
    /// they are of a sensible size, so that storing what was read decodes each chunk once; and where `memory_bytes`, of which encoding one
    /// takes some two chunks beside what it is made of, has room for them.
    pub(super) fn create(&self, array: &crate::expr::Node, address: &str, memory_bytes: u64) -> Result<Create> {
        let chunk_bytes = array.chunks.largest_elements().saturating_mul(array.dtype.size() as u64);
        self.of(&array.shape, array.dtype, Some(&array.chunks).filter(|_| chunk_bytes <= memory_bytes / 4), address)
    }

    /// What to create for an array of `shape` whose own chunks are `own`, if it has any.
    pub(super) fn of(&self, shape: &[u64], dtype: DType, own: Option<&ChunkGrid>, address: &str) -> Result<Create> {
        let longest = |grid: ChunkGrid| grid.axes.iter().map(|axis| axis.longest().max(1)).collect::<Vec<u64>>();
        let chunks = match &self.chunks {
            Some(chunks) => Some(longest(chunks.grid("store", shape)?)),
            None => match own {
                Some(own) if matches!(store::target(address)?, store::Address::Zarr { .. }) => {
                    let own = longest(own.clone());
                    let bytes = own.iter().product::<u64>().saturating_mul(dtype.size() as u64);
                    // Those of shards are chosen where these do not fill them.
                    let fit = self.shards.as_ref().is_none_or(|shards| shards.iter().zip(&own).all(|(shard, chunk)| shard % chunk == 0));
                    (CHUNK_BYTES.contains(&bytes) && fit).then_some(own)
                }
                _ => None,
            },
        };
        Ok(Create {
            shape: shape.to_vec(),
            dtype,
            chunks,
            shards: self.shards.clone(),
            codec: self.codec.clone(),
            shuffle: self.shuffle,
            checksum: self.checksum,
            zarr_version: self.zarr_version,
            attributes: self.attributes.clone(),
            attribute_kinds: self.attribute_kinds.clone(),
            dimension_names: self.dimension_names.clone(),
            overwrite: self.overwrite,
            durable: self.durable,
            fill: self.fill,
            origin: self.origin.clone(),
            resume: self.resume,
        })
    }
}
