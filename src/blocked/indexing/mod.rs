//! What chooses elements by values → stages.

mod elements_at;
pub(super) mod lookup;
pub(super) mod mask;
mod parts;
mod rows_at;
mod table_rows;
pub(super) mod take_elements;
pub(super) mod take_rows;
