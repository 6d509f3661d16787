//! HDF5 files → regions, and back. libhdf5 opens, creates and describes, under its one lock; chunk addresses
//! are read once by walks of our own, and then workers `pread` and decode in Rust, in parallel.
//!
//! A file that is far away is opened through a driver of ours, which keeps blocks of metadata; workers fetch its chunks by range.
//!
//! Nothing of libhdf5 stays open for reading, so a file may be read and written in one process. External,
//! virtual and compact data and filters that are unknown here go through libhdf5, one call at a time.

mod arrays;
mod attribute_write;
mod attributes;
mod before_open;
mod bits;
mod btree2;
mod checksum;
mod chunk_table;
mod chunked;
mod collection;
mod decode;
mod dense;
mod dimensions;
mod driver;
mod far;
mod filter_names;
mod filters;
mod fractal;
mod groups;
mod header;
mod heaps;
mod identifiers;
mod index;
mod lagging;
mod library;
mod links;
mod local_heap;
mod lock;
mod lzf;
mod names;
mod objects;
mod open;
mod paths;
mod place;
mod read;
mod source;
mod through;
mod tree;
mod types;
mod write;

#[cfg(test)]
mod tests;

pub(in crate::store) use checksum::lookup3;
pub(crate) use dimensions::{is_netcdf, share_dimensions};
pub(crate) use groups::create_group;
pub(crate) use header::SIGNATURE;
pub(in crate::store) use library::may_grow;
pub use open::{exists, extent, open};
pub use tree::tree;
pub use write::create;
