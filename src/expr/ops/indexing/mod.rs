//! What chooses elements → Inferred.

mod lookup;
mod mask;
mod rows_at;
mod spread;
mod view;

pub use lookup::Lookup;
pub use mask::Mask;
pub use rows_at::{Places, RowsAt};
pub use spread::Spread;
pub use view::{View, mirrored};
