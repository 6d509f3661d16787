//! A user's function, one task a call. What it sees beyond the places of a call is read with them; what lies beyond the ends of
//! an array is filled in by the task.

use super::blocking;
use super::boxes::Boxes;
use super::feed::{Feed, carve, carved_bytes};
use super::lower::{Lower, Lowering};
use super::made::Blocked;
use super::need::Around;
use super::shapes::recut::{decoded_often, recut_lanes};
use super::task_box::TaskBox;
use super::work::{Access, Blocks, Tasks, Work, Writes};
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Callee, Expr, Function, mirrored};
use crate::grid::{AxisChunks, ChunkGrid, Region, longest_elements};
use crate::plan::{Drive, Parts, Product, Stage, TaskBlocks, TaskSpec};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::fused::Fused;
use flagstone_kernels::halo::{Boundary, fill};
use flagstone_kernels::program::Reg;
use flagstone_kernels::rows::Refused;
use flagstone_kernels::view::{View, ViewMut};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Calls the function for each box of its calls.
struct FunctionStage {
    work: Work,
    /// The function and what it declared.
    function: Function,
    /// The chunks of the result, a chunk a call.
    grid: ChunkGrid,
    /// For each argument the programs of its accesses, each with one output.
    programs: Vec<Vec<Fused>>,
}

/// What is read of an argument: how far around each call, and through which feed.
type Fed = Vec<(Vec<Around>, Feed, Reg)>;

/// What one call is given of an argument along an axis: the first place, before the start of the axis where negative, how many
/// places, and which of those are of the array.
struct Seen {
    first: i64,
    places: usize,
    inside: Range<usize>,
}

impl FunctionStage {
    /// Calls `function` for the boxes of `cuts` on the values of its arguments.
    fn new(function: &Function, args: &[Fed], cuts: Vec<AxisChunks>) -> FunctionStage {
        let free = |at: usize| if function.axes[at] == CallAxis::Free { &cuts[at] } else { &function.chunks.axes[at] };
        let grid = ChunkGrid { axes: (0..function.chunks.axes.len()).map(|at| free(at).clone()).collect() };
        let boxes = Boxes::rows(cuts);
        let item = function.dtype.size() as u64;
        // the values of the arguments, and the most that loading and evaluating one of them takes; a user's function makes a block
        // of its own, and bools of another kind
        let (own, copies_of_bool) = match &function.f {
            Callee::User(_) => (grid.largest_elements().saturating_mul(item), 2),
            Callee::Rows(rows) => (rows.scratch_bytes(&row_lens(function, &boxes)), 1),
        };
        let mut held = carved_bytes(own);
        let mut given = Vec::with_capacity(args.len());
        let (mut kernel, mut loading) = (0, 0);
        let (mut reads, mut around, mut programs) = (Vec::new(), Vec::new(), Vec::new());
        for (arg, feds) in function.args.iter().zip(args) {
            let dtype = arg.expr.dtype;
            let bytes = window_elements(arg, &boxes).saturating_mul(dtype.size() as u64);
            let copies = if dtype == DType::Bool { copies_of_bool } else { 1 };
            held = held.saturating_add(carved_bytes(bytes).saturating_mul(copies));
            given.push(bytes);
            let mut of_arg = Vec::new();
            for (seen, feed, reg) in feds {
                let fused = Fused::new(feed.program.clone(), vec![*reg], vec![]);
                kernel = carved_bytes(fused.scratch_bytes() as u64).max(kernel);
                loading = Work::loading_bytes_around(&boxes, &access(arg, feed), seen).max(loading);
                reads.push(access(arg, feed));
                around.push(seen.clone());
                of_arg.push(fused);
            }
            programs.push(of_arg);
        }
        if let Callee::User(f) = &function.f {
            held = held.saturating_add(f.own_bytes(&given, own));
        }
        let scratch = held.saturating_add(kernel).saturating_add(loading);
        let product = Product::new(function.name.clone(), grid.blocks());
        let writes = vec![Writes { product, blocks: Blocks::Called { grid: grid.clone(), item } }];
        let work = Work::new(&function.name, boxes, reads, writes, scratch).seeing(around);
        FunctionStage { work, function: function.clone(), grid, programs }
    }
}

fn access(arg: &BlockArg, feed: &Feed) -> Access {
    Access { feed: feed.clone(), axes: arg.axes.clone() }
}

/// Places that a call is given along an axis of an argument at most.
fn longest_seen(arg: &BlockArg, at: usize, boxes: &Boxes) -> u64 {
    let longest = boxes.cuts[arg.axes[at]].longest();
    match arg.sees.get(at) {
        None => longest,
        Some(&(before, after, boundary)) => {
            let places = longest.saturating_add(before).saturating_add(after);
            if boundary == Boundary::None { places.min(arg.expr.shape[at]) } else { places }
        }
    }
}

/// Elements that a call is given of an argument at most.
fn window_elements(arg: &BlockArg, boxes: &Boxes) -> u64 {
    (0..arg.axes.len()).map(|at| longest_seen(arg, at, boxes)).fold(1, u64::saturating_mul)
}

/// Elements of the rows of each argument at most.
fn row_lens(function: &Function, boxes: &Boxes) -> Vec<u64> {
    let Callee::Rows(rows) = &function.f else { return Vec::new() };
    let of = |arg: &BlockArg| {
        let ndim = arg.axes.len();
        (ndim - rows.row_axes()..ndim).map(|at| longest_seen(arg, at, boxes)).fold(1, u64::saturating_mul)
    };
    function.args.iter().map(of).collect()
}

/// What is read of an argument around each call, and along which axes it is mirrored: once as it lies, and where it goes on beyond
/// its ends as if it began anew there, mirrored or not.
fn turns(arg: &BlockArg) -> Vec<(Vec<Around>, Vec<usize>)> {
    let mut all = vec![(Vec::new(), Vec::new())];
    for at in 0..arg.axes.len() {
        let (before, after, boundary) = arg.sees.get(at).copied().unwrap_or_default();
        let goes_on = matches!(boundary, Boundary::Periodic | Boundary::Reflect) && before + after > 0;
        let turns: &[i64] = if goes_on { &[0, 1, -1] } else { &[0] };
        let longer = |(around, mirrored): &(Vec<Around>, Vec<usize>)| {
            let one = |&turn: &i64| {
                let axis = (turn != 0 && boundary == Boundary::Reflect).then_some(at);
                let around = around.iter().copied().chain([Around { before, after, turn }]).collect();
                (around, mirrored.iter().copied().chain(axis).collect())
            };
            turns.iter().map(one).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all
}

/// What the call for `len` places from `start` on is given along an axis.
fn seen(arg: &BlockArg, at: usize, start: u64, len: u64) -> Seen {
    let n = arg.expr.shape[at] as i64;
    let (before, after, boundary) = arg.sees.get(at).copied().unwrap_or_default();
    let (low, high) = (start as i64 - before as i64, (start + len + after) as i64);
    let (from, to) = if boundary == Boundary::None { (low.max(0), high.min(n)) } else { (low, high) };
    Seen { first: from, places: (to - from) as usize, inside: (low.max(0) - from) as usize..(high.min(n) - from) as usize }
}

impl Tasks for FunctionStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let Parts { reads, mut writes, scratch, counters } = blocks.parts();
        let mut rest = scratch;
        let mut values = Vec::with_capacity(self.programs.len());
        let (mut first, mut at) = (0, 0);
        let mut spec = TaskSpec::default();
        for (arg, programs) in self.function.args.iter().zip(&self.programs) {
            let dtype = arg.expr.dtype;
            let along = |axis: usize| seen(arg, axis, task_box.start[arg.axes[axis]], task_box.shape[arg.axes[axis]]);
            let seen: Vec<Seen> = (0..arg.axes.len()).map(along).collect();
            let local: Vec<usize> = seen.iter().map(|seen| seen.places).collect();
            let held = carve(&mut rest, (local.iter().product::<usize>() * dtype.size()) as u64);
            for (access, fused) in (at..).zip(programs) {
                let (start, shape) = self.work.part(access, task_box);
                if shape.contains(&0) {
                    continue;
                }
                let feed = &self.work.reads[access].feed;
                spec.clear();
                feed.describe(&start, &shape, &mut spec);
                let mine = &reads[first..first + spec.reads.len()];
                first += spec.reads.len();
                let mut working = &mut *rest;
                let kernel = carve(&mut working, fused.scratch_bytes() as u64);
                let views = feed.load((&start, &shape), &start, &shape, mine, &mut working, counters)?;
                // where these places stand among those of the call
                let place = |axis: usize| {
                    let turned = self.work.turn(access, axis) * feed.shape[axis] as i64;
                    (start[axis] as i64 - turned - seen[axis].first) as usize
                };
                let to: Vec<usize> = (0..seen.len()).map(place).collect();
                let count: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
                let mut whole = ViewMut::dense(&mut *held, dtype, &local);
                fused.run(&start, &count, &views, &mut [whole.part(&to, &count)], kernel);
            }
            at += programs.len();
            for (axis, seen) in seen.into_iter().enumerate() {
                fill(held, dtype, &local, axis, seen.inside, arg.sees.get(axis).copied().unwrap_or_default().2);
            }
            values.push((dtype, &*held, local));
        }
        let write = &mut *writes[0];
        match &self.function.f {
            Callee::User(f) => self.call(f, n, task_box, &values, write),
            Callee::Rows(rows) => {
                let args: Vec<&[u8]> = values.iter().map(|(_, bytes, _)| *bytes).collect();
                let len = |local: &Vec<usize>| local[local.len() - rows.row_axes()..].iter().product();
                let lens: Vec<usize> = values.iter().map(|(_, _, local)| len(local)).collect();
                let first = self.function.args[0].axes.last().map_or(0, |&axis| task_box.start[axis]);
                rows.run(&args, &lens, first, write, rest).map_err(|refused| self.refused(refused))
            }
        }
    }
}

impl FunctionStage {
    /// Calls a user's function.
    fn call(
        &self,
        f: &Arc<dyn BlockFn>,
        n: u64,
        task_box: &TaskBox,
        values: &[(DType, &[u8], Vec<usize>)],
        write: &mut [u8],
    ) -> Result<()> {
        let args: Vec<View<'_>> = values.iter().map(|(dtype, bytes, local)| View::dense(bytes, *dtype, local)).collect();
        let (start, shape) = self.grid.block(n);
        let info = BlockInfo { index: task_box.index[..shape.len()].to_vec(), region: Region::dense(&start, &shape) };
        // the user's function may leave elements unwritten: they are zero, not another block's values
        write.fill(0);
        let local: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        let mut out = ViewMut::dense(write, self.function.dtype, &local);
        catch_unwind(AssertUnwindSafe(|| f.call(&info, &args, &mut out))).map_err(|panic| {
            let error: Error = ErrorKind::Panicked {
                operation: self.function.name.clone(),
                block: format!("{:?}", info.index),
                message: crate::error::panic_message(&*panic),
            }
            .into();
            match panic.downcast::<Box<Cause>>() {
                Ok(cause) => error.caused_by(*cause),
                Err(_) => error,
            }
        })
    }

    /// What a kernel refused, in words.
    fn refused(&self, refused: Refused) -> Error {
        let what = match refused {
            Refused::Place(at, n) => {
                return Error::bad_index(&self.function.name, format!("index {at} is out of bounds for an axis with length {n}"));
            }
            Refused::Label(label, groups) => format!("the label {label} of {groups} groups; expected 0 to {}", groups - 1),
            Refused::Weights => "a weight that is negative or not finite, or none above 0; expected numbers from 0 on".to_string(),
            Refused::Required(what) => what,
            // the name stands before the message already
            Refused::Parameters(what) => what.split_once(": ").map_or(what.clone(), |(_, what)| what.to_string()),
        };
        Error::bad_request(&self.function.name, what)
    }
}

impl Function {
    /// The stage that calls it, in tasks of at most half a share where that can be had.
    fn stage(&self, args: &[Fed], lowering: &Lowering<'_>) -> Result<FunctionStage> {
        let sizes = blocking::task_sizes(lowering.budget.work()).take(if self.axes.contains(&CallAxis::Free) { usize::MAX } else { 1 });
        let cuts = sizes.map(|most| self.cuts_of(args, most, lowering)).collect::<Result<Vec<_>>>()?;
        let stages = cuts.into_iter().map(|cuts| FunctionStage::new(self, args, cuts));
        Ok(blocking::first_within(stages, |stage| stage.demand_bytes(), lowering.budget.share_bytes() / 2))
    }

    /// The cuts of calls of about `most` elements where that follows from free axes: as the largest argument is best read.
    fn cuts_of(&self, args: &[Fed], most: u64, lowering: &Lowering<'_>) -> Result<Vec<AxisChunks>> {
        let mut cuts = self.cuts()?;
        let is_free = |axis: usize| self.axes[axis] == CallAxis::Free;
        let largest = self.args.iter().zip(args).max_by_key(|(arg, _)| arg.expr.elements());
        let Some((arg, fed)) = largest.filter(|_| self.axes.contains(&CallAxis::Free)) else { return Ok(cuts) };
        let feed = &fed[0].1;
        for (&axis, natural) in arg.axes.iter().zip(blocking::of_size(feed, most, lowering.budget.work())) {
            if is_free(axis) {
                cuts[axis] = natural;
            }
        }
        // what is cut already is part of every call
        let places = |cuts: &[AxisChunks]| longest_elements(cuts);
        let mut free: Vec<AxisChunks> = (0..cuts.len()).filter(|&axis| is_free(axis)).map(|axis| cuts[axis].clone()).collect();
        let given = places(&cuts) / places(&free).max(1);
        let left = (most / given.max(1)).max(1);
        blocking::shrink(&mut free, left);
        // small ones are joined, so that a call has enough to do
        if let Some(last) = free.last_mut().filter(|_| !blocking::natural(feed).rigid) {
            let have = last.longest().max(1);
            *last = last.join(left / have.max(1));
        }
        blocking::shrink(&mut free, left);
        let mut free = free.into_iter();
        for (axis, cuts) in cuts.iter_mut().enumerate() {
            if let Some(finer) = is_free(axis).then(|| free.next()).flatten() {
                *cuts = finer;
            }
        }
        Ok(cuts)
    }
}

impl Lower for Function {
    fn lower(&self, _node: &Expr, lowering: &mut Lowering<'_>) -> Result<Blocked> {
        let mut args = Vec::with_capacity(self.args.len());
        for arg in &self.args {
            let mut fed = Vec::new();
            for (around, axes) in turns(arg) {
                let (feed, regs) = lowering.feed(&[&mirrored(&arg.expr, &axes)?], &arg.expr.shape)?;
                fed.push((around, feed, regs[0]));
            }
            args.push(fed);
        }
        let mut stage = self.stage(&args, lowering)?;
        for (n, arg) in self.args.iter().enumerate() {
            // what is seen around a call is decoded twice at most, along an axis
            let [(_, feed, reg)] = &args[n][..] else { continue };
            let often = if arg.sees.is_empty() { decoded_often(&access(arg, feed), &stage.work.boxes, lowering) } else { None };
            if let Some([cuts, from]) = often {
                let along = cuts.iter().zip(&from).position(|(cuts, from)| cuts.count() < from.count()).unwrap_or(0);
                let (feed, reg) = recut_lanes(lowering, &arg.expr, (feed.clone(), *reg), &cuts, &from, along);
                (args[n][0].1, args[n][0].2) = (feed, reg);
                stage = self.stage(&args, lowering)?;
            }
        }
        let made = Blocked { product: stage.work.writes[0].product.id, grid: stage.grid.clone() };
        lowering.push(stage, Drive::Pulled);
        Ok(made)
    }
}
