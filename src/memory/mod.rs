//! Blocks → residency. It alone counts bytes and spills.
