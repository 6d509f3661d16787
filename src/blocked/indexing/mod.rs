//! What chooses elements by values → stages.

pub(super) mod lookup;
pub(super) mod mask;
