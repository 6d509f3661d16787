//! Arrays → the same elements put elsewhere: rolled, repeated, padded, split, joined, inserted. All are views and joins of
//! views, so that a slice of one reads what it needs of its arguments.

mod edits;
mod joins;
mod pads;
mod repeats;
mod rolls;
mod splits;
pub(super) mod table;
mod table_calls;
mod windows;

pub use joins::{Nested, block, column_stack, dstack};
pub use pads::{Ends, Pad};
pub use splits::Sections;
