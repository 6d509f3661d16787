//! What the order of values decides → procedures of sorted runs and brackets; functions of whole lanes.

pub(super) mod lanes;
pub(super) mod merge;
pub(super) mod quantile;
