//! Damaged chunks: an error or the right values, never a panic.
