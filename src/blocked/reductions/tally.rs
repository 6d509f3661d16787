//! How often indices occur, a row of bins a part.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::task_box::{TaskBox, slices};
use crate::blocked::work::{Access, Blocks, Layout, Tasks, Work, Writes};
use crate::error::{Error, Result};
use crate::expr::{Expr, Operation, ops};
use crate::grid::{AxisChunks, ChunkGrid, unravel};
use crate::plan::{Parts, Product, TaskBlocks};
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::program::Reg;
use flagstone_kernels::tally;
use flagstone_kernels::view::{View, ViewMut};

/// Tallies the parts of an array, a block a part.
struct TallyStage {
    work: Work,
    strict: bool,
    weighted: bool,
    bins: u64,
    even: Option<tally::Even>,
    /// Lengths of what is evaluated at once, before it is tallied: elements that follow one another in C order.
    slice: Vec<u64>,
    /// Whether no more than these are brought in at once: of what is plain, a slice is brought in as well as all.
    brings_slices: bool,
    fused: Fused,
    /// Of the kernel, the indices, the weights and the edges.
    layout: Layout<4>,
}

impl TallyStage {
    fn new(of: &ops::Tally, feed: Feed, registers: Vec<Reg>, work: &WorkSizes) -> TallyStage {
        let boxes = Boxes::rows(of.parts.axes.clone());
        let longest: Vec<usize> = boxes.cuts.iter().map(|cuts| cuts.longest() as usize).collect();
        let first = slices(&longest, work.tally_slice_elements.max(1) as usize).next().map(|(_, shape)| shape);
        let slice: Vec<u64> = first.unwrap_or_default().into_iter().map(|len| len.max(1) as u64).collect();
        let values = slice.iter().product::<u64>().saturating_mul(8);
        let fused = Fused::new(feed.program.clone(), registers, vec![]);
        let edges = if of.even.is_some() { of.bins.saturating_add(1).saturating_mul(8) } else { 0 };
        let layout = Layout::new([fused.scratch_bytes() as u64, values, if of.weights.is_some() { values } else { 0 }, edges]);
        let brings_slices = !blocking::decodes(&feed);
        let reads = vec![Access::whole(feed)];
        let cut = |(cuts, &len): (&AxisChunks, &u64)| if brings_slices { cuts.split(len) } else { cuts.clone() };
        let brought = Boxes::rows(boxes.cuts.iter().zip(&slice).map(cut).collect());
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&brought, &reads));
        let product = Product::new("bins", boxes.len());
        let writes = vec![Writes { product, blocks: Blocks::Elements { axes: vec![], item: of.bins.saturating_mul(8) } }];
        let work = Work::new(of.name(), boxes, reads, writes, scratch);
        TallyStage {
            work,
            strict: of.strict,
            weighted: of.weights.is_some(),
            bins: of.bins,
            even: of.even,
            slice,
            brings_slices,
            fused,
            layout,
        }
    }
}

impl Tasks for TallyStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let [kernel, indices, weights, edges] = self.layout.split(&mut rest);
        let feed = &self.work.reads[0].feed;
        let whole = if self.brings_slices { None } else { Some(feed.load_box(task_box, &reads, &mut rest, counters)?) };
        let of = if self.even.is_some() { DType::F64 } else { DType::I64 };
        let bins = &mut *writes[0];
        bins.fill(0);
        let edges = bytemuck::cast_slice_mut(edges);
        if let Some(even) = &self.even {
            even.edges(&mut edges[..self.bins as usize + 1]);
        }
        let counts: Vec<u64> = task_box.shape.iter().zip(&self.slice).map(|(n, len)| n.div_ceil(*len)).collect();
        for n in 0..counts.iter().product() {
            let at: Vec<u64> = unravel(n, &counts).iter().zip(&self.slice).map(|(place, len)| place * len).collect();
            let start: Vec<u64> = task_box.start.iter().zip(&at).map(|(first, at)| first + at).collect();
            let lens: Vec<u64> = task_box.shape.iter().zip(&at).zip(&self.slice).map(|((n, at), &len)| len.min(n - at)).collect();
            let [at, shape] = [&at, &lens].map(|places| places.iter().map(|&place| place as usize).collect::<Vec<usize>>());
            let elements: usize = shape.iter().product();
            let mut room = &mut *rest;
            let views: Vec<View<'_>> = match &whole {
                Some(views) => views.iter().map(|view| view.part(&at, &shape)).collect(),
                None => feed.load((&task_box.start, &task_box.shape), &start, &lens, &reads, &mut room, counters)?,
            };
            let mut out = vec![ViewMut::dense(&mut indices[..elements * 8], of, &shape)];
            if self.weighted {
                out.push(ViewMut::dense(&mut weights[..elements * 8], DType::F64, &shape));
            }
            self.fused.run(&start, &shape, &views, &mut out, kernel);
            drop(out);
            let weights = if self.weighted { &weights[..elements * 8] } else { &[] };
            self.tally(&indices[..elements * 8], weights, edges, bins)?;
        }
        Ok(())
    }
}

impl TallyStage {
    /// Adds elements to their bins.
    fn tally(&self, elements: &[u8], weights: &[u8], edges: &[f64], bins: &mut [u8]) -> Result<()> {
        if let Some(even) = &self.even {
            let (values, edges) = (bytemuck::cast_slice(elements), &edges[..self.bins as usize + 1]);
            match self.weighted {
                false => even.count(values, edges, bytemuck::cast_slice_mut(bins)),
                true => even.add(values, bytemuck::cast_slice(weights), edges, bytemuck::cast_slice_mut(bins)),
            }
            return Ok(());
        }
        let indices = bytemuck::cast_slice(elements);
        let tallied = match self.weighted {
            false => tally::count(indices, self.strict, bytemuck::cast_slice_mut(bins)),
            true => tally::add(indices, bytemuck::cast_slice(weights), self.strict, bytemuck::cast_slice_mut(bins)),
        };
        tallied.map_err(|bad| match bad.0 {
            at if at < 0 => Error::bad_request("bincount", format!("the value {at}; expected 0 or more")),
            at => Error::bad_request(
                "bincount",
                format!("the value {at} has no bin of {}; pass a minlength above the greatest value", self.bins),
            ),
        })
    }
}

impl Lower for ops::Tally {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let args: Vec<&Expr> = std::iter::once(&self.indices).chain(&self.weights).collect();
        let (feed, registers) = lowering.feed(&args, &self.indices.shape)?;
        let bytes = self.parts.blocks().saturating_mul(self.bins).saturating_mul(8);
        let drive = lowering.drive_of_parts(&[&feed], self.parts.blocks(), bytes);
        let stage = TallyStage::new(self, feed, registers, lowering.budget.work());
        let axes = vec![AxisChunks::regular(self.parts.blocks(), 1), AxisChunks::whole(self.bins)];
        let made = Blocked { product: stage.work.writes[0].product.id, grid: ChunkGrid { axes } };
        lowering.push(stage, drive);
        Ok(made)
    }
}
