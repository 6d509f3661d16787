//! The column blocks of a matrix that is not there yet: evaluated a slice of rows at a time, where a step or a box begins with them.

use crate::blocked::feed::{Feed, carve, carved_bytes};
use crate::error::Result;
use crate::events::Counters;
use crate::grid::AxisChunks;
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// The column blocks of a matrix whose values `fused` makes of `feed`.
pub struct Source {
    pub feed: Feed,
    pub fused: Fused,
    pub dtype: DType,
    /// The column blocks.
    pub columns: AxisChunks,
    /// Rows that are brought in at once: from the first of a box on, so many.
    slices: AxisChunks,
    kernel_bytes: u64,
}

impl Source {
    /// Columns in blocks of `width`, whole, or one block of them all, a box of `rows` at a time.
    pub fn new(feed: Feed, reg: Reg, dtype: DType, width: u64, rows: &AxisChunks, work: &WorkSizes) -> Source {
        let fused = Fused::new(feed.program.clone(), vec![reg], vec![]);
        let columns = AxisChunks::regular(feed.shape[1], width);
        let slices = rows.split((work.step_slice_elements / width).max(1));
        Source { kernel_bytes: fused.scratch_bytes() as u64, feed, fused, dtype, columns, slices }
    }

    pub fn rows(&self) -> u64 {
        self.feed.shape[0]
    }

    /// Bytes of a column block at most.
    pub fn block_bytes(&self) -> u64 {
        self.bytes(self.columns.longest())
    }

    pub fn bytes(&self, columns: u64) -> u64 {
        self.rows().saturating_mul(columns).saturating_mul(self.dtype.size() as u64)
    }

    /// Boxes, of which each is one block.
    pub fn boxes(&self) -> Vec<AxisChunks> {
        vec![AxisChunks::whole(self.rows()), self.columns.clone()]
    }

    pub fn scratch_bytes(&self) -> u64 {
        let loading = self.feed.loading_boxes_bytes(&[self.slices.clone(), self.columns.clone()]);
        carved_bytes(self.kernel_bytes).saturating_add(loading)
    }

    /// Evaluates block `j` into `out`.
    pub fn bring(&self, j: u64, reads: &[&[u8]], out: &mut [u8], scratch: &mut [u8], counters: &Counters) -> Result<()> {
        self.bring_below(j, 0, reads, out, scratch, counters)
    }

    /// Evaluates the rows of block `j` from `top` on into `out`.
    pub fn bring_below(&self, j: u64, top: u64, reads: &[&[u8]], out: &mut [u8], scratch: &mut [u8], counters: &Counters) -> Result<()> {
        let (first, w) = self.columns.chunk(j);
        self.bring_box([0, first], [self.rows(), w], top, reads, out, scratch, counters)
    }

    /// Evaluates the rows of `place`, first and number, into `out`, where all columns are one block.
    pub fn bring_rows(&self, place: (u64, u64), reads: &[&[u8]], out: &mut [u8], scratch: &mut [u8], counters: &Counters) -> Result<()> {
        self.bring_box([place.0, 0], [place.1, self.columns.len()], 0, reads, out, scratch, counters)
    }

    /// Evaluates the box of shape `whole` from `from` on, without its first `skip` rows.
    fn bring_box(
        &self,
        from: [u64; 2],
        whole: [u64; 2],
        skip: u64,
        reads: &[&[u8]],
        out: &mut [u8],
        scratch: &mut [u8],
        counters: &Counters,
    ) -> Result<()> {
        let ([top, first], [height, w]) = (from, whole);
        let row_bytes = w as usize * self.dtype.size();
        let slice = self.slices.longest().max(1);
        let mut row = skip;
        while row < height {
            // slices begin at the same rows whatever is left out
            let rows = (slice - row % slice).min(height - row);
            let (start, shape) = ([top + row, first], [rows, w]);
            let mut rest = &mut scratch[..];
            let kernel = carve(&mut rest, self.kernel_bytes);
            let views: Vec<View<'_>> = self.feed.load((&from, &whole), &start, &shape, reads, &mut rest, counters)?;
            let local = [rows as usize, w as usize];
            let to = &mut out[(row - skip) as usize * row_bytes..][..rows as usize * row_bytes];
            self.fused.run(&start, &local, &views, &mut [ViewMut::dense(to, self.dtype, &local)], kernel);
            row += rows;
        }
        Ok(())
    }
}
