//! Lengths and ends → arrays of coordinates, of indices and of tapers. All are made of ranges, so that nothing is stored.

mod coordinates;
mod spaced;
pub(super) mod table;
mod table_calls;
mod tapers;

pub use coordinates::{Indexing, Range, indices, meshgrid, mgrid, ogrid, tri};
pub use spaced::geomspace;
pub use tapers::{bartlett, blackman, hamming, hanning, kaiser};
