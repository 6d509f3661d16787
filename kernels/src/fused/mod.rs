//! Program + views → views and partials. A register program run tile by tile, its intermediates in cache.
//!
//! The loop's axes are put in an order (kept, then reduced, or the other way about), those of length 1
//! are dropped and neighbours merged where every operand allows. A tile is then a flat range of at most
//! 1024 places of that loop: an operand that lies dense there is used where it is, any other is packed.

mod code;
mod masked;
mod operand;
mod pack;
mod space;

use crate::program::{Program, Reg};
use crate::reduce::{PartialAt, Places, Reduction, TILE};
use crate::view::{View, ViewMut};
use code::{Code, TOGETHER};
use masked::Mask;
use operand::{Place, Sink, Source};
use space::{Space, order_for};

/// An inner axis of at least this length is not cut across by tiles of a plain run.
const LONG: usize = 256;

/// A program, what to store of it, and what to reduce.
#[derive(Debug)]
pub struct Fused {
    /// The program.
    pub program: Program,
    /// The registers that go to the outputs.
    pub outputs: Vec<Reg>,
    /// The registers that are reduced, and how.
    pub reductions: Vec<(Reg, Reduction)>,
    /// Their masks.
    masks: Vec<Option<Mask>>,
    code: Code,
}

impl Fused {
    /// Finds the loops of every step.
    ///
    /// # Panics
    /// If a step has no loop for its dtypes, or reads a register that is not before it: a planner's bug.
    pub fn new(program: Program, outputs: Vec<Reg>, reductions: Vec<(Reg, Reduction)>) -> Fused {
        Fused::with_masks(program, outputs, reductions.into_iter().map(|(reg, reduction)| (reg, None, reduction)).collect())
    }

    /// As [`Fused::new`], each reduction over the elements where a bool register is true, if one is given.
    /// The program gets the steps that masks need, so its registers may have other numbers.
    ///
    /// # Panics
    /// As [`Fused::new`], or if a mask is no bool register or `Reduction::masked` does not say that there is one.
    pub fn with_masks(mut program: Program, mut outputs: Vec<Reg>, reductions: Vec<(Reg, Option<Reg>, Reduction)>) -> Fused {
        let (reductions, masks) = masked::lower(&mut program, &mut outputs, reductions);
        let code = Code::new(&program, &outputs, &reductions, &masks);
        Fused { program, outputs, reductions, masks, code }
    }

    /// Bytes of scratch that a run needs: registers, packed panels, lanes.
    pub fn scratch_bytes(&self) -> usize {
        self.code.scratch_bytes
    }

    /// Evaluates over the box of the loop that starts at `origin` and has `shape`; the views have `shape`.
    ///
    /// # Panics
    /// If a view has another shape or dtype than the program says, or the scratch is short or not
    /// 64-byte aligned.
    pub fn run(&self, origin: &[u64], shape: &[usize], inputs: &[View], outputs: &mut [ViewMut], scratch: &mut [u8]) {
        if shape.contains(&0) {
            return;
        }
        let mut bound = self.enter(origin, shape, None, inputs, outputs, scratch);
        let total = bound.space.len();
        let inner = bound.space.inner();
        if inner < LONG {
            for at in (0..total).step_by(TILE) {
                bound.evaluate(at, TILE.min(total - at));
            }
            return;
        }
        let width = even_width(inner);
        let rows = total / inner;
        let together = if bound.transposed() { TOGETHER } else { 1 };
        for first in (0..rows).step_by(together) {
            for column in (0..inner).step_by(width) {
                for row in first..rows.min(first + together) {
                    bound.evaluate(row * inner + column, width.min(inner - column));
                }
            }
        }
    }

    /// As [`Fused::run`], and reduces the registers of `self.reductions` over the axes where `reduced` is
    /// true. The box is one cell; `partials[i]` (64-byte aligned) is overwritten. `full` is the whole
    /// array's shape: an arg- reduction's index is flat among the reduced axes of it.
    ///
    /// # Panics
    /// As [`Fused::run`], or if a partial is short or not aligned.
    pub fn reduce(
        &self,
        origin: &[u64],
        shape: &[usize],
        full: &[u64],
        reduced: &[bool],
        inputs: &[View],
        outputs: &mut [ViewMut],
        partials: &mut [&mut [u8]],
        scratch: &mut [u8],
    ) {
        assert_eq!(partials.len(), self.reductions.len(), "fused: a partial for each reduction");
        assert!(origin.len() == shape.len() && full.len() == shape.len() && reduced.len() == shape.len(), "fused: axes of {shape:?}");
        let extent = |of: bool| -> usize { (0..shape.len()).filter(|&a| reduced[a] == of).map(|a| shape[a]).product() };
        let (kept, count) = (extent(false), extent(true));
        for ((_, reduction), partial) in self.reductions.iter().zip(partials.iter_mut()) {
            reduction.empty(kept, partial);
            Reduction::set_count(partial, count as u64);
        }
        if kept == 0 || count == 0 {
            return;
        }
        let axes = (0..shape.len()).filter(|&a| reduced[a]);
        let places = Places { axes: axes.map(|a| (shape[a], origin[a], full[a])).collect() };
        let targets: Vec<*mut u8> = partials.iter_mut().map(|p| p.as_mut_ptr()).collect();
        let selected = self.reductions.iter().map(|(_, reduction)| reduction.state_bytes(kept)).collect();
        let bound = self.enter(origin, shape, Some(reduced), inputs, outputs, scratch);
        let mut cell = Cell { bound, reductions: &self.reductions, masks: &self.masks, targets, selected, kept, places };
        // by the last axis, whatever its length: slices of kept axes must not change the order of arithmetic
        match reduced.last() {
            Some(false) => {
                let columns = (0..shape.len()).rev().take_while(|&a| !reduced[a] || shape[a] == 1).map(|a| shape[a]).product();
                cell.by_columns(count, columns);
            }
            _ => cell.by_lanes(count),
        }
    }

    /// Puts the operands in the order of the loop.
    fn enter<'a>(
        &'a self,
        origin: &[u64],
        shape: &[usize],
        reduced: Option<&[bool]>,
        inputs: &[View],
        outputs: &mut [ViewMut],
        scratch: &mut [u8],
    ) -> Bound<'a> {
        assert_eq!(origin.len(), shape.len(), "fused: axes of {shape:?}");
        assert_eq!(outputs.len(), self.outputs.len(), "fused: a view for each output");
        assert!(scratch.len() >= self.code.scratch_bytes, "fused: scratch of {} bytes, given {}", self.code.scratch_bytes, scratch.len());
        assert!((scratch.as_ptr() as usize).is_multiple_of(64), "fused: scratch is 64-byte aligned");
        let mut strides: Vec<Vec<isize>> = Vec::new();
        let mut sources = Vec::new();
        for leaf in &self.program.leaves {
            let (source, steps) = Source::new(leaf, origin, shape, inputs);
            sources.push(source);
            strides.push(steps);
        }
        let mut sinks = Vec::new();
        for (view, &reg) in outputs.iter_mut().zip(&self.outputs) {
            let dtype = self.program.dtype(reg);
            assert!(
                view.shape() == shape && view.dtype() == dtype,
                "fused: an output of {shape:?} {dtype}, given {:?} {}",
                view.shape(),
                view.dtype()
            );
            strides.push(view.strides().to_vec());
            sinks.push(Sink { base: view.ptr(), size: dtype.size(), alignment: operand::alignment(dtype) });
        }
        let order = order_for(shape, reduced, &strides, &self.program);
        let space = Space::new(shape, &order, reduced.unwrap_or(&vec![false; shape.len()]), &strides);
        let scratch = scratch.as_mut_ptr();
        for (leaf, source) in sources.iter_mut().enumerate() {
            source.bind(&space, leaf, scratch, &self.code.buffers[leaf]);
        }
        let registers = vec![std::ptr::null(); self.code.registers];
        Bound { code: &self.code, space, sources, sinks, outputs: &self.outputs, registers, scratch, index: Vec::new() }
    }
}

/// A width of at most a tile that cuts `inner` evenly.
fn even_width(inner: usize) -> usize {
    inner.div_ceil(inner.div_ceil(TILE)).next_multiple_of(32).min(TILE)
}

/// A program bound to its operands.
struct Bound<'a> {
    code: &'a Code,
    space: Space,
    sources: Vec<Source<'a>>,
    sinks: Vec<Sink>,
    outputs: &'a [Reg],
    registers: Vec<*const u8>,
    scratch: *mut u8,
    /// Room for the index of a tile.
    index: Vec<usize>,
}

impl Bound<'_> {
    fn transposed(&self) -> bool {
        self.sources.iter().any(|source| source.has_panel())
    }

    /// Evaluates the tile of places `at .. at + n` and stores the outputs.
    fn evaluate(&mut self, at: usize, n: usize) {
        let mut place = Place { index: std::mem::take(&mut self.index), at, n };
        self.space.unravel(at, &mut place.index);
        for (leaf, source) in self.sources.iter_mut().enumerate() {
            self.registers[leaf] = source.load(&self.space, leaf, &place);
        }
        let leaves = self.sources.len();
        for (k, step) in self.code.steps.iter().enumerate() {
            // SAFETY: offsets lie inside the scratch, whose size `enter` checked.
            let mut to = unsafe { self.scratch.add(step.buffer) };
            if let Some(output) = step.output
                && let Some(direct) = self.sinks[output].direct(&self.space, leaves + output, &place)
            {
                to = direct;
            }
            let [a, b, c] = step.args.map(|reg| self.registers[reg as usize]);
            // SAFETY: registers hold n ≤ TILE elements of the dtypes that the loop was found for; `to` is
            // no live register.
            unsafe { (step.run)([a, b, c], to, n) };
            self.registers[leaves + k] = to;
        }
        for (output, sink) in self.sinks.iter().enumerate() {
            // SAFETY: the register holds n elements of the sink's size.
            unsafe { sink.store(&self.space, leaves + output, &place, self.registers[self.outputs[output] as usize]) };
        }
        self.index = place.index;
    }
}

/// One cell being reduced.
struct Cell<'a> {
    bound: Bound<'a>,
    reductions: &'a [(Reg, Reduction)],
    masks: &'a [Option<Mask>],
    targets: Vec<*mut u8>,
    /// Where in each partial the counts of selected values lie, if it has them.
    selected: Vec<usize>,
    kept: usize,
    places: Places,
}

impl Cell<'_> {
    fn target(&self, i: usize, at: usize) -> PartialAt {
        PartialAt { partial: self.targets[i], kept: self.kept, at }
    }

    fn tile(&self, i: usize) -> *const u8 {
        self.bound.registers[self.reductions[i].0 as usize]
    }

    fn lanes(&self, i: usize, together: usize) -> *mut u8 {
        let reduction = &self.bound.code.reductions[i];
        // SAFETY: the code reserved TOGETHER states here.
        unsafe { self.bound.scratch.add(reduction.lanes + together * reduction.lane_stride) }
    }

    /// The mask of the tile's `n` values.
    fn mask(&self, i: usize, n: usize) -> Option<&[u8]> {
        // SAFETY: the register holds the tile's n bools.
        self.masks[i].map(|mask| unsafe { std::slice::from_raw_parts(self.bound.registers[mask.reg as usize], n) })
    }

    fn in_runs(&self, i: usize) -> bool {
        self.masks[i].is_some_and(|mask| mask.runs)
    }

    /// The count of selected values of a kept element.
    fn selected(&self, i: usize, at: usize) -> *mut u64 {
        // SAFETY: the partial of a masked reduction has a count for each kept element here.
        unsafe { self.targets[i].add(self.selected[i]).cast::<u64>().add(at) }
    }

    fn count(&self, i: usize, at: usize, mask: &[u8]) {
        // SAFETY: a count of the partial, to which no reference is held.
        unsafe { *self.selected(i, at) += masked::count(mask) };
    }

    /// Counts rows of `width` places, one for each kept element from `first` on.
    fn count_columns(&self, i: usize, first: usize, mask: &[u8], width: usize) {
        // SAFETY: `width` counts of the partial, to which no other reference is held.
        let counts = unsafe { std::slice::from_raw_parts_mut(self.selected(i, first), width) };
        for row in mask.chunks_exact(width) {
            for (count, &m) in counts.iter_mut().zip(row) {
                *count += (m != 0) as u64;
            }
        }
    }

    /// Feeds lanes the selected ones of the `n` values from `from` on in the tile, the first at reduced place `at`.
    fn feed_runs(&self, i: usize, together: usize, from: usize, n: usize, at: usize) {
        let reduction = &self.bound.code.reductions[i];
        let Some(mask) = self.mask(i, from + n) else { return };
        masked::runs(&mask[from..], |first, n| {
            // SAFETY: started lanes; the run lies in the tile.
            unsafe {
                let values = self.tile(i).add((from + first) * reduction.size);
                (reduction.loops.feed)(self.lanes(i, together), values, n, at + first, &self.places)
            };
        });
    }

    /// Gives the loops the selected runs of `rows` rows of `width` values.
    fn column_runs(&self, i: usize, element: usize, rows: usize, width: usize, row: usize) {
        let reduction = &self.bound.code.reductions[i];
        let Some(mask) = self.mask(i, rows * width) else { return };
        for (r, mask) in mask.chunks_exact(width).enumerate() {
            masked::runs(mask, |first, n| {
                // SAFETY: the run lies in the tile, its kept elements in the partial.
                unsafe {
                    let values = self.tile(i).add((r * width + first) * reduction.size);
                    let block = self.bound.scratch.add(reduction.block);
                    (reduction.loops.rows)(self.target(i, element + first), values, 1, n, block, row + r, &self.places)
                };
            });
        }
    }

    /// The innermost axis is reduced: `len` values for each kept element, in lanes.
    fn by_lanes(&mut self, len: usize) {
        let code = self.bound.code;
        if len <= TILE {
            let rows = if self.bound.transposed() { 1 } else { TILE / len };
            for first in (0..self.kept).step_by(rows) {
                let rows = rows.min(self.kept - first);
                self.bound.evaluate(first * len, rows * len);
                for (i, reduction) in code.reductions.iter().enumerate() {
                    if let Some(mask) = self.mask(i, rows * len) {
                        for (row, mask) in mask.chunks_exact(len).enumerate() {
                            self.count(i, first + row, mask);
                        }
                    }
                    if self.in_runs(i) {
                        for row in 0..rows {
                            // SAFETY: lanes lie in the scratch; the element is in the partial.
                            unsafe { (reduction.loops.start)(self.lanes(i, 0)) };
                            self.feed_runs(i, 0, row * len, len, 0);
                            // SAFETY: as above.
                            unsafe { (reduction.loops.close)(self.lanes(i, 0), self.target(i, first + row)) };
                        }
                        continue;
                    }
                    // SAFETY: the tile holds rows · len values of the reduction's dtype.
                    unsafe { (reduction.loops.whole)(self.lanes(i, 0), self.target(i, first), self.tile(i), rows, len, &self.places) };
                }
            }
            return;
        }
        let together = if self.bound.transposed() { TOGETHER } else { 1 };
        for first in (0..self.kept).step_by(together) {
            let last = self.kept.min(first + together);
            for (i, reduction) in code.reductions.iter().enumerate() {
                for element in first..last {
                    // SAFETY: lanes lie in the scratch.
                    unsafe { (reduction.loops.start)(self.lanes(i, element - first)) };
                }
            }
            for at in (0..len).step_by(TILE) {
                let n = TILE.min(len - at);
                for element in first..last {
                    self.bound.evaluate(element * len + at, n);
                    for (i, reduction) in code.reductions.iter().enumerate() {
                        if let Some(mask) = self.mask(i, n) {
                            self.count(i, element, mask);
                        }
                        if self.in_runs(i) {
                            self.feed_runs(i, element - first, 0, n, at);
                            continue;
                        }
                        // SAFETY: started lanes; the tile holds n values.
                        unsafe { (reduction.loops.feed)(self.lanes(i, element - first), self.tile(i), n, at, &self.places) };
                    }
                }
            }
            for (i, reduction) in code.reductions.iter().enumerate() {
                for element in first..last {
                    // SAFETY: started lanes; the element is in the partial.
                    unsafe { (reduction.loops.close)(self.lanes(i, element - first), self.target(i, element)) };
                }
            }
        }
    }

    /// The innermost axis is kept: `rows` rows of `columns` kept elements, for each outer kept place.
    fn by_columns(&mut self, rows: usize, columns: usize) {
        let code = self.bound.code;
        let width = even_width(columns).min(columns);
        let deep = if width == columns { (TILE / columns).max(1) } else { 1 };
        // panels are packed along rows; where columns are single, the rows lie along the inner axis
        let deep = if self.bound.transposed() && columns > 1 { 1 } else { deep };
        for outer in 0..self.kept / columns {
            for column in (0..columns).step_by(width) {
                let width = width.min(columns - column);
                let first = outer * columns + column;
                for row in (0..rows).step_by(deep) {
                    let n = deep.min(rows - row);
                    self.bound.evaluate((outer * rows + row) * columns + column, n * width);
                    for (i, reduction) in code.reductions.iter().enumerate() {
                        if let Some(mask) = self.mask(i, n * width) {
                            self.count_columns(i, first, mask, width);
                        }
                        if self.in_runs(i) {
                            self.column_runs(i, first, n, width, row);
                            continue;
                        }
                        // SAFETY: the tile holds n · width values; the kept elements are in the partial.
                        unsafe {
                            let block = self.bound.scratch.add(reduction.block);
                            (reduction.loops.rows)(self.target(i, first), self.tile(i), n, width, block, row, &self.places)
                        };
                    }
                }
                for (i, reduction) in code.reductions.iter().enumerate() {
                    // SAFETY: as above.
                    unsafe { (reduction.loops.flush)(self.target(i, first), width, self.bound.scratch.add(reduction.block), rows) };
                }
            }
        }
    }
}

#[cfg(test)]
mod mask_tests;
#[cfg(test)]
pub(crate) mod tests;
