//! Damaged files: an error or a value, where all has checksums an error or the right one; never a panic, never a huge allocation, never
//! without end.

mod damage;
mod files;
mod h5;
mod numpy;
mod zarr;
