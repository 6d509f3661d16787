//! What chooses elements → Inferred.

mod elements_at;
mod lookup;
mod mask;
mod rows_at;
mod spread;
mod view;

pub use elements_at::{Asked, ElementsAt};
pub use lookup::Lookup;
pub use mask::Mask;
pub use rows_at::{Places, RowsAt};
pub use spread::Spread;
pub use view::{View, mirrored};
