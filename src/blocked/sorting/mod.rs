//! What the order of values decides → procedures of sorted runs and brackets; functions of whole lanes.

pub(super) mod apart;
mod bounds;
pub(super) mod external;
pub(super) mod lanes;
mod merge;
pub(super) mod quantile;
mod runs;
