//! What has no argument (stores, constants, what follows from the index, kept blocks) → Inferred.

mod full;
mod generate;
mod resident;
mod source;

pub use full::{Full, constant};
pub use generate::Generate;
pub use resident::Resident;
pub use source::Source;
