//! Whole rows of a table: what stands between two places of its first axis, evaluated.

use crate::blocked::feed::Feed;
use crate::blocked::work::Layout;
use crate::error::Result;
use crate::events::Counters;
use crate::grid::{AxisChunks, BlockId};
use crate::plan::TaskSpec;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::ViewMut;
use std::ops::Range;

/// A table that tasks read between places, none across the cuts of its first axis.
pub(super) struct TableRows {
    feed: Feed,
    fused: Fused,
    /// Cuts of the loop: rows are whole.
    boxes: Vec<AxisChunks>,
    row_bytes: usize,
    /// Of the kernel, and the rows.
    layout: Layout<2>,
    /// Of those, and loading them.
    pub scratch_bytes: u64,
}

impl TableRows {
    /// Rows of `row_bytes` each that register `reg` of `feed` is, cut by `cuts`.
    pub fn new(feed: &Feed, reg: Reg, cuts: &AxisChunks, row_bytes: u64) -> TableRows {
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let boxes: Vec<_> = std::iter::once(cuts.clone()).chain(feed.shape[1..].iter().map(|&n| AxisChunks::whole(n))).collect();
        let layout = Layout::new([fused.scratch_bytes() as u64, cuts.longest().saturating_mul(row_bytes)]);
        let scratch_bytes = layout.bytes().saturating_add(feed.loading_boxes_bytes(&boxes));
        TableRows { feed: feed.clone(), fused, boxes, row_bytes: row_bytes as usize, layout, scratch_bytes }
    }

    /// The products that it reads.
    pub fn products(&self) -> Vec<u64> {
        self.feed.products()
    }

    /// Bytes of the blocks that a task reads at most.
    pub fn blocks_bytes(&self) -> u64 {
        self.feed.blocks_bytes(&self.boxes)
    }

    /// Bytes of stores that are moved if each box is read once.
    pub fn moved_bytes(&self) -> u64 {
        self.feed.moved_bytes(&self.boxes)
    }

    /// Start and shape of the rows at `places`.
    fn seen(&self, places: &Range<u64>) -> (Vec<u64>, Vec<u64>) {
        let mut start = vec![0; self.feed.shape.len()];
        let mut shape = self.feed.shape.clone();
        (start[0], shape[0]) = (places.start, places.end - places.start);
        (start, shape)
    }

    /// Adds the blocks that the rows at `places` are in.
    pub fn describe(&self, places: &Range<u64>, spec: &mut TaskSpec) {
        let (start, shape) = self.seen(places);
        self.feed.describe(&start, &shape, spec);
    }

    /// Tells the stores of a task that will read the rows at `places`.
    pub fn prefetch(&self, places: &Range<u64>) {
        let (start, shape) = self.seen(places);
        self.feed.prefetch(&start, &shape);
    }

    /// How often tasks read `block` of `product`, of which each reads the `places` of one of `groups`: these ascend at both ends.
    pub fn readers<G>(&self, product: u64, block: BlockId, groups: &[G], places: impl Fn(&G) -> &Range<u64>) -> u64 {
        let seeing = |seen: Vec<(u64, u64)>| {
            let (first, n) = seen[0];
            let before = groups.partition_point(|group| places(group).end <= first);
            (groups.partition_point(|group| places(group).start < first + n).max(before) - before) as u64
        };
        self.feed.places_of(product, block).map(seeing).sum()
    }

    /// The rows at `places`, dense, at the front of `scratch`; `reads` are the blocks that were described.
    ///
    /// # Errors
    /// What stores refuse.
    pub fn rows<'a>(&self, places: &Range<u64>, reads: &[&'a [u8]], scratch: &'a mut [u8], counters: &Counters) -> Result<&'a [u8]> {
        let (start, shape) = self.seen(places);
        let mut rest = scratch;
        let [kernel, held] = self.layout.split(&mut rest);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let held = &mut held[..local[0] * self.row_bytes];
        let views = self.feed.load((&start, &shape), &start, &shape, reads, &mut rest, counters)?;
        let dtype = self.fused.program.dtype(self.fused.outputs[0]);
        self.fused.run(&start, &local, &views, &mut [ViewMut::dense(&mut *held, dtype, &local)], kernel);
        Ok(held)
    }
}
