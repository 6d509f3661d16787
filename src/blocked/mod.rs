//! Expr → Stages. Each operation as tasks over blocks; the one place that chooses block shapes.
//!
//! A *loop* is an elementwise expression over its leaves, and a stage is a loop with something at its end:
//! a reduction, blocks, a writer. What cannot be part of a loop (a reduction's result, a product of
//! matrices) becomes a product of its own, which loops read as a leaf.

mod blocking;
mod boxes;
mod deferred;
mod emit;
mod feed;
mod flops;
mod function;
mod indexing;
mod linalg;
mod lower;
mod made;
mod map;
mod need;
mod operations;
mod output;
mod places;
mod procedure;
mod reach;
mod reductions;
mod resident;
mod shapes;
mod share;
mod siblings;
mod sorting;
mod space;
mod task_box;
mod work;
mod write;

pub use lower::{Destination, Lowered, Sink, lower};
pub use operations::procedure;
pub use procedure::{Bound, Keeper, Procedure, Step, procedures};

use flagstone_kernels::program::{Leaf, Program, Reg};

/// The input slot that register `reg` is, when nothing is computed on the way.
fn plain_input(program: &Program, reg: Reg) -> Option<usize> {
    match program.leaves.get(reg as usize) {
        Some(Leaf::Input { slot, .. }) => Some(*slot),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
