//! What chooses elements by values → stages.

pub(super) mod lookup;
pub(super) mod mask;
mod rows_at;
pub(super) mod take_rows;
