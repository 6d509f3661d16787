//! What one task covers of a loop.

/// One box: its index among the boxes, where it starts, its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskBox {
    /// Index along each axis.
    pub index: Vec<u64>,
    /// First place.
    pub start: Vec<u64>,
    /// Lengths.
    pub shape: Vec<u64>,
}
