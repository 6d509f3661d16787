//! A user's function of blocks, one task a block.

use super::feed::{Feed, carve, carved_bytes};
use crate::error::{ErrorKind, Result};
use crate::expr::{BlockInfo, Function};
use crate::grid::{BlockId, Region};
use crate::memory::{BlockKey, rounded};
use crate::plan::{Parts, Product, Stage, TaskBlocks, TaskSpec, Write};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::view::{View, ViewMut};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls the function for each block of its declared chunks.
pub struct FunctionStage {
    /// The function and what it declared.
    pub function: Function,
    /// Its arguments, evaluated at the block's place.
    pub args: Vec<(Feed, Fused)>,
    /// What it writes.
    pub product: Product,
    /// Scratch of a task at most.
    scratch_bytes: u64,
}

impl FunctionStage {
    /// Calls `function` on the values of `args`.
    pub fn new(function: Function, args: Vec<(Feed, Fused)>, product: Product) -> FunctionStage {
        let cuts = &function.chunks.axes;
        // the values of the arguments, and the most that loading and evaluating one of them takes
        let (mut held, mut working) = (0u64, 0);
        for (feed, fused) in &args {
            let item = fused.program.dtype(fused.outputs[0]).size() as u64;
            held = held.saturating_add(carved_bytes(function.chunks.largest_elements().saturating_mul(item)));
            working = feed.loading_boxes_bytes(cuts).saturating_add(carved_bytes(fused.scratch_bytes() as u64)).max(working);
        }
        FunctionStage { function, args, product, scratch_bytes: held.saturating_add(working) }
    }
}

impl Stage for FunctionStage {
    fn name(&self) -> &str {
        &self.function.name
    }
    fn products(&self) -> &[Product] {
        std::slice::from_ref(&self.product)
    }
    fn inputs(&self) -> Vec<u64> {
        let mut inputs: Vec<u64> = self.args.iter().flat_map(|(feed, _)| feed.products()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }
    fn tasks(&self) -> u64 {
        self.function.chunks.blocks()
    }
    fn demand_bytes(&self) -> u64 {
        let written = rounded(self.function.chunks.largest_elements().saturating_mul(self.function.dtype.size() as u64));
        let read = self.args.iter().map(|(feed, _)| feed.blocks_bytes(&self.function.chunks.axes)).fold(0, u64::saturating_add);
        read.saturating_add(written).saturating_add(rounded(self.scratch_bytes))
    }
    fn moved_bytes(&self) -> u64 {
        self.args.iter().map(|(feed, _)| feed.moved_bytes(&self.function.chunks.axes)).fold(0, u64::saturating_add)
    }
    fn describe(&self, n: u64, spec: &mut TaskSpec) {
        let (start, shape) = self.function.chunks.block(n);
        for (feed, _) in &self.args {
            feed.describe(&start, &shape, spec);
        }
        let bytes = shape.iter().product::<u64>() * self.function.dtype.size() as u64;
        spec.writes.push(Write { key: BlockKey { product: self.product.id, block: n }, bytes, takes: None });
        spec.scratch_bytes = self.scratch_bytes;
    }
    fn readers(&self, product: u64, block: BlockId) -> u64 {
        self.args.iter().map(|(feed, _)| feed.readers(&self.function.chunks.axes, product, block)).sum()
    }
    fn producer(&self, _product: u64, block: BlockId) -> u64 {
        block
    }
    fn run(&self, n: u64, blocks: &mut TaskBlocks) -> Result<()> {
        let (start, shape) = self.function.chunks.block(n);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let elements: u64 = shape.iter().product();
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let mut values = Vec::with_capacity(self.args.len());
        let mut first = 0;
        let mut spec = TaskSpec::default();
        for (feed, fused) in &self.args {
            let dtype = fused.program.dtype(fused.outputs[0]);
            let held = carve(&mut rest, elements * dtype.size() as u64);
            spec.clear();
            feed.describe(&start, &shape, &mut spec);
            let mine = &reads[first..first + spec.reads.len()];
            first += spec.reads.len();
            let mut working = &mut *rest;
            let kernel = carve(&mut working, fused.scratch_bytes() as u64);
            let views = feed.load((&start, &shape), &start, &shape, mine, &mut working, counters)?;
            fused.run(&start, &local, &views, &mut [ViewMut::dense(held, dtype, &local)], kernel);
            values.push((dtype, &*held));
        }
        let args: Vec<View<'_>> = values.iter().map(|(dtype, bytes)| View::dense(bytes, *dtype, &local)).collect();
        let index = crate::grid::unravel(n, &self.function.chunks.counts());
        let info = BlockInfo { index, region: Region::dense(&start, &shape) };
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
