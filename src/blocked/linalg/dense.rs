//! Stacks of matrices: a task has some whole ones, and calls LAPACK for each.

use crate::blocked::boxes::Boxes;
use crate::blocked::lower::{LowerAll, Lowering};
use crate::blocked::made::Blocked;
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Blocks, Evaluating, Layout, Tasks, Work, Writes};
use crate::blocked::{blocking, feed::Feed};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::{Expr, ops};
use crate::grid::{AxisChunks, ChunkGrid, longest_elements};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::linalg;
use flagstone_kernels::program::Reg;
use flagstone_kernels::view::{View, ViewMut};

/// Calls for the matrices of boxes along the axes of the stack.
struct DenseStage {
    work: Work,
    call: linalg::Dense,
    dtype: DType,
    programs: Vec<Fused>,
    /// Last axes and dtype of every result; what is not wanted is not written.
    makes: Vec<linalg::ResultShape>,
    wanted: Vec<bool>,
    /// Axes of the stack.
    stack: usize,
    /// The kernel of the values, the values of both arguments, and what the call takes.
    layout: Layout<4>,
}

impl DenseStage {
    fn new(of: &ops::Dense, feeds: &[(Feed, Reg)], wanted: &[bool], cuts: Vec<AxisChunks>) -> Result<DenseStage> {
        let (m, n, columns) = of.sides().ok_or_else(|| Error::internal("no matrices"))?;
        let (call, dtype, stack) = (of.call, of.arg.dtype, cuts.len());
        let makes = call.makes(dtype, m, n, columns);
        // a box has whole matrices of both arguments: their last axes are axes of the loop, of one box each
        let mut all = cuts.clone();
        let mut reads = Vec::new();
        for (feed, _) in feeds {
            let axes: Vec<usize> = (0..stack).chain([all.len(), all.len() + 1]).collect();
            all.extend(feed.shape[stack..].iter().map(|&n| AxisChunks::whole(n)));
            reads.push(Access { feed: feed.clone(), axes });
        }
        let boxes = Boxes::rows(all);
        let programs: Vec<Fused> = feeds.iter().map(|(feed, reg)| Fused::new(feed.program.clone(), vec![*reg], vec![])).collect();
        let together = longest_elements(&cuts);
        let held =
            |feed: &Feed| feed.shape[stack..].iter().fold(together.saturating_mul(dtype.size() as u64), |n, &len| n.saturating_mul(len));
        let kernel = programs.iter().map(|program| program.scratch_bytes() as u64).max().unwrap_or(0);
        let other = feeds.get(1).map_or(0, |(feed, _)| held(feed));
        let layout = Layout::new([kernel, held(&feeds[0].0), other, call.scratch_bytes(dtype, m, n, columns)]);
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let writes = makes.iter().zip(wanted).filter(|(_, wanted)| **wanted).map(|((last, dtype), _)| {
            let product = Product::new(call.name(), boxes.len());
            let item = last.iter().fold(dtype.size() as u64, |n, &len| n.saturating_mul(len));
            Writes { product, blocks: Blocks::Elements { axes: (0..stack).collect(), item } }
        });
        let writes = writes.collect();
        let work = Work::new(call.name(), boxes, reads, writes, scratch);
        Ok(DenseStage { work, call, dtype, programs, makes, wanted: wanted.to_vec(), stack, layout })
    }

    /// The product and cuts of each result that is wanted.
    fn made(&self) -> Vec<Option<Blocked>> {
        let mut written = self.work.writes.iter();
        let of = |((last, _), wanted): (&linalg::ResultShape, &bool)| {
            let writes = wanted.then(|| written.next()).flatten()?;
            let axes = self.work.boxes.cuts[..self.stack].iter().cloned().chain(last.iter().map(|&n| AxisChunks::whole(n)));
            Some(Blocked { product: writes.product.id, grid: ChunkGrid { axes: axes.collect() } })
        };
        self.makes.iter().zip(&self.wanted).map(of).collect()
    }
}

impl Tasks for DenseStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut scratch = scratch;
        let [kernel, first, second, call] = self.layout.split(&mut scratch);
        let mut evaluating = Evaluating { reads: &reads, kernel, scratch, counters };
        let mut args = Vec::new();
        for ((access, fused), held) in self.work.reads.iter().zip(&self.programs).zip([first, second]) {
            args.push(evaluating.values(access, fused, task_box, held)?);
        }
        if let linalg::Dense::Eigh { lower } = self.call
            && self.is_small(&args)
        {
            let n = args[0].1[self.stack];
            return self.eigh_small(n, lower, args[0].0, writes).map_err(|at| self.refused(task_box, at as u64, "has NaN or infinity"));
        }
        let matrices: usize = task_box.shape[..self.stack].iter().map(|&n| n as usize).product();
        for at in 0..matrices {
            let args: Vec<View<'_>> = args.iter().map(|(held, local)| nth(held, self.dtype, &local[self.stack..], at)).collect();
            let mut written = writes.iter_mut();
            let mut out: Vec<Option<ViewMut<'_>>> = Vec::new();
            for ((last, dtype), wanted) in self.makes.iter().zip(&self.wanted) {
                let block = wanted.then(|| written.next()).flatten();
                let last: Vec<usize> = last.iter().map(|&n| n as usize).collect();
                let bytes = last.iter().product::<usize>() * dtype.size();
                out.push(block.map(|block| ViewMut::dense(&mut block[at * bytes..][..bytes], *dtype, &last)));
            }
            self.call.run(&args, &mut out, call).map_err(|why| self.refused(task_box, at as u64, &why))?;
        }
        Ok(())
    }
}

impl DenseStage {
    /// Whether many matrices are done side by side faster than LAPACK does them one after the other.
    fn is_small(&self, args: &[(&[u8], Vec<usize>)]) -> bool {
        args[0].1.last().is_some_and(|&n| (1..=linalg::SMALL_MAX).contains(&n)) && matches!(self.dtype, DType::F32 | DType::F64)
    }

    /// Eigenvalues and eigenvectors of all matrices of a task; on failure the number of the matrix.
    fn eigh_small(&self, n: usize, lower: bool, held: &[u8], writes: Vec<&mut [u8]>) -> std::result::Result<(), usize> {
        fn typed<T: linalg::Real>(n: usize, lower: bool, held: &[u8], out: [Option<&mut [u8]>; 2]) -> std::result::Result<(), usize> {
            let [values, vectors] = out.map(|out| out.map(bytemuck::cast_slice_mut));
            linalg::eigh_small::<T>(bytemuck::cast_slice(held), n, lower, values, vectors)
        }
        let mut written = writes.into_iter();
        let out = [0, 1].map(|at| self.wanted[at].then(|| written.next()).flatten());
        match self.dtype {
            DType::F32 => typed::<f32>(n, lower, held, out),
            _ => typed::<f64>(n, lower, held, out),
        }
    }

    fn refused(&self, task_box: &TaskBox, at: u64, why: &str) -> Error {
        let inside = crate::grid::unravel(at, &task_box.shape[..self.stack]);
        let place: Vec<String> = inside.iter().zip(&task_box.start).map(|(i, start)| (i + start).to_string()).collect();
        let which = if place.is_empty() { "the matrix".to_string() } else { format!("the matrix at ({})", place.join(", ")) };
        ErrorKind::Numerical { operation: self.call.name().to_string(), what: format!("{which} {why}") }.into()
    }
}

/// The `n`-th matrix of dense ones.
fn nth<'a>(held: &'a [u8], dtype: DType, shape: &[usize], n: usize) -> View<'a> {
    let bytes = shape.iter().product::<usize>() * dtype.size();
    View::dense(&held[n * bytes..][..bytes], dtype, shape)
}

impl LowerAll for ops::Dense {
    fn lower_all(&self, _node: &Expr, wanted: &[bool], lowering: &mut Lowering<'_>) -> Result<Vec<Option<Blocked>>> {
        let mut feeds = Vec::new();
        for arg in std::iter::once(&self.arg).chain(&self.other) {
            let (feed, regs) = lowering.feed(&[arg], &arg.shape)?;
            feeds.push((feed, regs[0]));
        }
        let stack = self.arg.shape.len() - 2;
        let matrix: u64 = self.arg.shape[stack..].iter().fold(1u64, |n, &len| n.saturating_mul(len)).max(1);
        let natural = blocking::of_size(&feeds[0].0, lowering.budget.work().task_elements, lowering.budget.work());
        let of = |elements: u64| {
            let mut cuts = natural[..stack].to_vec();
            // as many whole matrices as a task has elements
            let most = (elements / matrix).max(1);
            if let Some(last) = cuts.last_mut() {
                let have = last.longest().max(1);
                *last = last.join((most / have).max(1));
            }
            blocking::shrink(&mut cuts, most);
            DenseStage::new(self, &feeds, wanted, cuts)
        };
        let stages = blocking::task_sizes(lowering.budget.work()).map(of).collect::<Result<Vec<_>>>()?;
        let stage = blocking::first_within(stages.into_iter(), |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2);
        let made = stage.made();
        let rank = lowering.rank_of(&stage.inputs());
        let drive = if stack == 0 { Drive::Ranked(rank) } else { Drive::Pulled };
        lowering.push(stage, drive);
        Ok(made)
    }
}
