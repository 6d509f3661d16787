//! How many elements a mask selects: what is known of a length that is counted.

use crate::grid::AxisChunks;
use std::sync::OnceLock;

/// How many elements a mask selects: found at most once.
#[derive(Debug, Default)]
pub struct Count(pub OnceLock<u64>, pub OnceLock<Runs>);

/// How many elements a mask selects in each of the boxes that it was counted in.
#[derive(Debug)]
pub struct Runs {
    /// How the mask was cut: boxes stand in C order of the array.
    pub cuts: Vec<AxisChunks>,
    /// One count a box.
    pub counts: Vec<u64>,
}
