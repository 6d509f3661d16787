//! A user's function of blocks, one task a block.

use super::boxes::{Boxes, Tile};
use super::feed::{Feed, carve, carved_bytes};
use super::lower::{Lower, Lowering, Made};
use super::work::{Access, Blocks, Tasks, Work, Writes};
use crate::error::{ErrorKind, Result};
use crate::expr::{BlockInfo, Expr, Function};
use crate::grid::Region;
use crate::plan::{Drive, Parts, Product, TaskBlocks, TaskSpec, new_product};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::view::{View, ViewMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls the function for each block of its declared chunks.
pub struct FunctionStage {
    work: Work,
    /// The function and what it declared.
    function: Function,
    /// The programs of its arguments, each with one output.
    programs: Vec<Fused>,
}

impl FunctionStage {
    /// Calls `function` on the values of `args`, evaluated at the block's place.
    pub fn new(function: Function, args: Vec<(Feed, Fused)>, product: Product) -> FunctionStage {
        let boxes = Boxes::rows(function.chunks.axes.clone());
        // the values of the arguments, and the most that loading and evaluating one of them takes
        let (mut held, mut kernel) = (0u64, 0);
        for (_, fused) in &args {
            let item = fused.program.dtype(fused.outputs[0]).size() as u64;
            held = held.saturating_add(carved_bytes(boxes.longest_elements().saturating_mul(item)));
            kernel = carved_bytes(fused.scratch_bytes() as u64).max(kernel);
        }
        let (reads, programs): (Vec<Access>, Vec<Fused>) = args.into_iter().map(|(feed, fused)| (Access::whole(feed), fused)).unzip();
        let scratch = held.saturating_add(kernel).saturating_add(Work::loading_bytes(&boxes, &reads));
        let blocks = Blocks::Elements { axes: (0..boxes.cuts.len()).collect(), item: function.dtype.size() as u64 };
        let work = Work::new(&function.name, boxes, reads, vec![Writes { product, blocks }], scratch);
        FunctionStage { work, function, programs }
    }
}

impl Tasks for FunctionStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, tile: &Tile, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = tile.shape.iter().map(|&n| n as usize).collect();
        let elements: u64 = tile.shape.iter().product();
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let mut values = Vec::with_capacity(self.programs.len());
        let mut first = 0;
        let mut spec = TaskSpec::default();
        for (access, fused) in self.work.reads.iter().zip(&self.programs) {
            let dtype = fused.program.dtype(fused.outputs[0]);
            let held = carve(&mut rest, elements * dtype.size() as u64);
            spec.clear();
            access.feed.describe(&tile.start, &tile.shape, &mut spec);
            let mine = &reads[first..first + spec.reads.len()];
            first += spec.reads.len();
            let mut working = &mut *rest;
            let kernel = carve(&mut working, fused.scratch_bytes() as u64);
            let views = access.feed.load_box(tile, mine, &mut working, counters)?;
            fused.run(&tile.start, &local, &views, &mut [ViewMut::dense(held, dtype, &local)], kernel);
            values.push((dtype, &*held));
        }
        let args: Vec<View<'_>> = values.iter().map(|(dtype, bytes)| View::dense(bytes, *dtype, &local)).collect();
        let info = BlockInfo { index: tile.index.clone(), region: Region::dense(&tile.start, &tile.shape) };
        let write = &mut *writes[0];
        // the user's function may leave elements unwritten: they are zero, not another block's values
        write.fill(0);
        let mut out = ViewMut::dense(write, self.function.dtype, &local);
        catch_unwind(AssertUnwindSafe(|| self.function.f.call(&info, &args, &mut out))).map_err(|panic| {
            ErrorKind::Panicked {
                operation: self.function.name.clone(),
                block: format!("{:?}", info.index),
                message: crate::error::panic_message(&*panic),
            }
            .into()
        })
    }
}

impl Lower for Function {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Made> {
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            let (feed, regs) = lowering.feed(&[arg], &arg.shape)?;
            let fused = Fused::new(feed.program.clone(), regs, vec![]);
            args.push((feed, fused));
        }
        let product = Product { id: new_product(), name: self.name.clone(), blocks: self.chunks.blocks() };
        let made = Made { product: product.id, grid: self.chunks.clone() };
        lowering.push(FunctionStage::new(self.clone(), args, product), Drive::Pulled);
        Ok(made)
    }
}
