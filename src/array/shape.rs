//! Shapes and chunk sizes as users write them: any integers, checked when an array is built.

use crate::error::{Error, Result};
use crate::expr::auto_chunks;
use crate::grid::{AxisChunks, ChunkGrid};

/// A shape as the user gave it: `[2, 3]`, `5`, `()`, a vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(pub Vec<i128>);

impl Shape {
    /// The lengths.
    ///
    /// # Errors
    /// `BadRequest` for a negative or an unaddressable length.
    pub fn lengths(&self, operation: &str) -> Result<Vec<u64>> {
        let one = |&n: &i128| match u64::try_from(n) {
            Ok(n) if n <= i64::MAX as u64 => Ok(n),
            _ => Err(Error::bad_request(operation, format!("shape {:?}: {n} is no length; expected 0..2⁶³", self.0))),
        };
        self.0.iter().map(one).collect()
    }
}

impl From<()> for Shape {
    fn from((): ()) -> Shape {
        Shape(vec![])
    }
}

/// Chunk sizes as the user gave them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chunks {
    /// About 2²⁰ elements in whole rows.
    Auto,
    /// One size for every axis.
    Same(i128),
    /// A size an axis; −1 is the whole axis.
    PerAxis(Vec<i128>),
    /// All lengths along every axis.
    Lengths(Vec<Vec<u64>>),
    /// An existing grid.
    Grid(ChunkGrid),
}

impl Chunks {
    /// The grid over `shape`.
    ///
    /// # Errors
    /// `BadRequest` when a size is not positive or there are too many or too few.
    pub fn grid(&self, operation: &str, shape: &[u64]) -> Result<ChunkGrid> {
        let bad = |what: String| Err(Error::bad_request(operation, what));
        let sizes = match self {
            Chunks::Auto => return Ok(auto_chunks(shape)),
            Chunks::Same(size) => vec![*size; shape.len()],
            Chunks::PerAxis(sizes) => sizes.clone(),
            Chunks::Grid(grid) if grid.shape() == shape => return Ok(grid.clone()),
            Chunks::Grid(grid) => return bad(format!("chunks of an array of shape {:?} on one of shape {shape:?}", grid.shape())),
            Chunks::Lengths(lengths) => {
                let sums: Vec<u64> = lengths.iter().map(|lengths| lengths.iter().sum()).collect();
                if sums != shape {
                    return bad(format!("chunk lengths add up to {sums:?}, the shape is {shape:?}"));
                }
                return Ok(ChunkGrid { axes: lengths.iter().map(|lengths| AxisChunks::from_lengths(lengths)).collect() });
            }
        };
        if sizes.len() != shape.len() {
            return bad(format!("{} chunk sizes for {} axes of shape {shape:?}", sizes.len(), shape.len()));
        }
        let cut = |(&n, &size): (&u64, &i128)| match size {
            -1 => Ok(AxisChunks::whole(n)),
            size if size > 0 => Ok(AxisChunks::regular(n, size.min(i64::MAX as i128) as u64)),
            size => bad(format!("chunk size {size}; expected a positive number, or -1 for the whole axis"))
                .map(|_: ChunkGrid| AxisChunks::whole(n)),
        };
        let axes: Result<Vec<AxisChunks>> = shape.iter().zip(&sizes).map(cut).collect();
        Ok(ChunkGrid { axes: axes? })
    }
}

impl From<&str> for Chunks {
    /// `"auto"`; other words are refused when the array is built.
    fn from(text: &str) -> Chunks {
        if text == "auto" { Chunks::Auto } else { Chunks::Same(0) }
    }
}

impl From<ChunkGrid> for Chunks {
    fn from(grid: ChunkGrid) -> Chunks {
        Chunks::Grid(grid)
    }
}

impl From<Vec<Vec<u64>>> for Chunks {
    fn from(lengths: Vec<Vec<u64>>) -> Chunks {
        Chunks::Lengths(lengths)
    }
}

macro_rules! from_integers {
    ($($t:ty),*) => { $(
        impl From<$t> for Shape {
            fn from(n: $t) -> Shape {
                Shape(vec![n as i128])
            }
        }
        impl<const N: usize> From<[$t; N]> for Shape {
            fn from(shape: [$t; N]) -> Shape {
                Shape(shape.iter().map(|&n| n as i128).collect())
            }
        }
        impl From<&[$t]> for Shape {
            fn from(shape: &[$t]) -> Shape {
                Shape(shape.iter().map(|&n| n as i128).collect())
            }
        }
        impl From<Vec<$t>> for Shape {
            fn from(shape: Vec<$t>) -> Shape {
                Shape::from(shape.as_slice())
            }
        }
        impl From<$t> for Chunks {
            fn from(n: $t) -> Chunks {
                Chunks::Same(n as i128)
            }
        }
        impl<const N: usize> From<[$t; N]> for Chunks {
            fn from(sizes: [$t; N]) -> Chunks {
                Chunks::PerAxis(sizes.iter().map(|&n| n as i128).collect())
            }
        }
        impl From<&[$t]> for Chunks {
            fn from(sizes: &[$t]) -> Chunks {
                Chunks::PerAxis(sizes.iter().map(|&n| n as i128).collect())
            }
        }
        impl From<Vec<$t>> for Chunks {
            fn from(sizes: Vec<$t>) -> Chunks {
                Chunks::from(sizes.as_slice())
            }
        }
    )* };
}
from_integers!(i32, i64, u32, u64, usize);
