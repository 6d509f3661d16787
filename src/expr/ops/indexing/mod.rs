//! What chooses elements → Inferred.

mod lookup;
mod mask;
mod spread;
mod view;

pub use lookup::Lookup;
pub use mask::Mask;
pub use spread::Spread;
pub use view::{View, mirrored};
