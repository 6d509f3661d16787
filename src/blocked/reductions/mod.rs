//! Sums and what is like them → stages whose partials combine.

pub(super) mod combine;
pub(super) mod cumulative;
pub(super) mod grouped;
pub(super) mod reduce;
pub(super) mod tally;
pub(super) mod tree;
