//! What the header alone tells of a stored array.

use super::{Meta, Store};
use flagstone_kernels::dtype::DType;

/// Shape, dtype and how the elements are cut and encoded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Extent {
    /// Lengths of the axes.
    pub shape: Vec<u64>,
    /// Element type, whatever the byte order in the file.
    pub dtype: DType,
    /// As [`Meta::chunks`](super::Meta::chunks).
    pub chunks: Option<Vec<u64>>,
    /// As [`Meta::shards`](super::Meta::shards).
    pub shards: Option<Vec<u64>>,
    /// The codec chain, as text.
    pub codec: String,
    /// The format: `hdf5`, `zarr`, `netcdf`, `npy`, `npz` or `raw`.
    pub format: &'static str,
}

impl Extent {
    /// What is known of a store of some format that is open.
    pub(super) fn of(store: &dyn Store, format: &'static str) -> Extent {
        let Meta { shape, dtype, chunks, shards, codec, .. } = store.meta().clone();
        Extent { shape, dtype, chunks, shards, codec, format }
    }
}
