//! Parts of arrays as blocks of another → stages.

pub(super) mod concatenate;
pub(super) mod recut;
pub(super) mod reshape;
