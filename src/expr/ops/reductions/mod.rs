//! Sums and what is like them, along axes, running, by label → Inferred.

mod cumulative;
mod grouped;
mod reduce;
mod tally;

pub use cumulative::Cumulative;
pub use grouped::Grouped;
pub use reduce::{Reduce, recut};
pub use tally::Tally;
