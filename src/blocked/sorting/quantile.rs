//! Exact quantiles by selection on order-preserving keys: a sample brackets each, one read counts below and
//! above and collects what is inside; where a bracket missed, histograms narrow it down, 16 bits a read. Several quantiles
//! look at the same reads.

use crate::blocked::blocking;
use crate::blocked::boxes::Boxes;
use crate::blocked::feed::Feed;
use crate::blocked::lower::{Lower, Lowering, lower_loop};
use crate::blocked::made::Blocked;
use crate::blocked::plain_input;
use crate::blocked::procedure::{self, Bound, Keeper, Procedure};
use crate::blocked::task_box::TaskBox;
use crate::blocked::work::{Access, Layout, Tasks, Work};
use crate::budget::Budget;
use crate::error::{Error, Result};
use crate::expr::{Expr, constant, joined, ops};
use crate::grid::ChunkGrid;
use crate::plan::{Parts, Plan, Stage, TaskBlocks};
use crate::sizes::WorkSizes;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fused::Fused;
use flagstone_kernels::lanes::Method;
use flagstone_kernels::program::Reg;
use flagstone_kernels::select::{bracket, compress, count_nan, from_key, histogram, keys, tiles_of_keys};
use flagstone_kernels::view::{View, ViewMut};
use std::sync::{Arc, Mutex, PoisonError};

/// How often its boxes are halved under a small limit.
const SMALLER_MAX: u32 = 6;
/// Bits that a histogram resolves.
const BITS: u32 = 16;
/// Reads at worst: a sample, a bracket that misses, and histograms down to a single value, for both values that a quantile may lie between.
const READS_MAX: u32 = 2 + 2 * (u64::BITS / BITS);

/// What a read of all values looks for.
#[derive(Clone, Copy, Debug)]
enum Look {
    /// So many values of each of some boxes.
    Sample(u64),
    /// Those between two keys, inclusive.
    Bracket(u64, u64),
    /// How many have each value of the 16 bits above `shift`, among keys in `low..=high`.
    Histogram { low: u64, high: u64, shift: u32 },
}

impl Look {
    /// Bins of its histogram.
    fn bins(&self) -> usize {
        if matches!(self, Look::Histogram { .. }) { 1 << BITS } else { 0 }
    }

    /// Words that a task of `elements` values needs for what it finds.
    fn found_words(&self, elements: u64, keys_max: u64) -> u64 {
        match self {
            Look::Sample(values) => elements.min(2 * values),
            Look::Bracket(low, high) if low == high => 0,
            Look::Bracket(..) => elements.min(kept_max(keys_max)),
            Look::Histogram { .. } => 1 << BITS,
        }
    }
}

/// Keys of those inside of a bracket that one task may keep.
fn kept_max(keys_max: u64) -> u64 {
    keys_max / 4
}

/// Standard deviations of a quantile's place in a sample that its bracket reaches to either side.
const DEVIATIONS: f64 = 3.5;

/// Values of each box of a sample so large that its bracket of any of `elements` leaves as many between its ends as are kept, where
/// the sample itself is no larger.
fn sampled(elements: u64, keys_max: u64, work: &WorkSizes) -> u64 {
    // a bracket around the middle of n values has a part DEVIATIONS/√n of all
    let n = (DEVIATIONS * elements as f64 / keys_max as f64).powi(2).min(keys_max as f64 / 4.0);
    (n as u64).div_ceil(work.quantile_boxes).max(work.quantile_values)
}

/// What one read found, all tasks together.
#[derive(Default)]
struct Found {
    below: u64,
    nans: u64,
    total: u64,
    inside: Vec<u64>,
    inside_count: u64,
    counts: Vec<u64>,
}

/// What is to be done next.
enum Next {
    /// Look at all values again.
    Read(Look),
    /// The quantile.
    Is(Scalar),
}

/// A quantile on its way.
struct One {
    dtype: DType,
    q: f64,
    method: Method,
    look: Option<(Look, Arc<Mutex<Found>>)>,
    /// Keys of the two values found so far.
    middles: Vec<u64>,
    total: Option<u64>,
    /// Keys inside of its bracket that are kept.
    keys_max: u64,
    /// Values of each box of its sample.
    values: u64,
    value: Option<Scalar>,
}

/// Quantiles on their way.
pub struct Selection {
    dtype: DType,
    out: DType,
    method: Method,
    is_one: bool,
    /// The values and, if there is one, the mask.
    roots: Vec<Expr>,
    all: Vec<One>,
    keys_max: u64,
}

impl Selection {
    /// The quantiles, as `out`.
    pub fn new(out: DType, of: &ops::Quantile, work: &WorkSizes) -> Selection {
        let roots = std::iter::once(&of.arg).chain(&of.mask).cloned().collect();
        let (dtype, method, count) = (of.arg.dtype, of.method, of.q.len().max(1) as u64);
        let elements: u64 = of.arg.shape.iter().product();
        // a task may keep a quarter of them: where all values are few, that is all of them
        let keys_max = (work.quantile_keys_max / count).min(elements.saturating_mul(4)).max(4);
        let values = sampled(elements, keys_max, work);
        let one = |&q: &f64| One { dtype, q, method, look: None, middles: vec![], total: None, keys_max, values, value: None };
        Selection { dtype, out, method, is_one: of.is_one, roots, all: of.q.iter().map(one).collect(), keys_max }
    }

    /// The plan of one read for several looks, each of which puts what it finds into its own.
    fn plan(&self, looks: &[(Look, Arc<Mutex<Found>>)], budget: &Budget) -> Result<Plan> {
        lower_loop(&self.roots, budget, |feed, registers| {
            Arc::new(LookStage::new(feed, registers, looks, self.keys_max, self.dtype, budget))
        })
    }

    /// What stands in the place of the quantiles.
    fn are(&self, values: &[Scalar]) -> Result<Expr> {
        if self.is_one {
            return constant(values[0], self.out, &ChunkGrid { axes: vec![] });
        }
        let each = values.iter().map(|&value| constant(value, self.out, &ChunkGrid::whole(&[1]))).collect::<Result<Vec<_>>>()?;
        joined(each, 0)
    }
}

impl One {
    /// The ranks of the two values of `total` between which it lies, and how far from the first.
    fn ranks(&self, total: u64) -> (u64, u64, f64) {
        self.method.between(self.q, total)
    }

    /// What follows from the last look, the first of all if there was none.
    fn next(&mut self, is_empty: bool) -> Next {
        let Some((look, found)) = self.look.take() else {
            return if is_empty { Next::Is(Scalar::Float(f64::NAN)) } else { Next::Read(Look::Sample(self.values)) };
        };
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        match look {
            Look::Sample(_) => self.after_sample(&mut found),
            Look::Bracket(low, high) => self.after_bracket(low, high, &mut found),
            Look::Histogram { low, high, shift } => self.after_histogram(low, high, shift, &found),
        }
    }

    /// A bracket that holds the quantile of all, if the sample is like them.
    fn after_sample(&self, found: &mut Found) -> Next {
        if found.nans > 0 {
            return Next::Is(Scalar::Float(f64::NAN));
        }
        found.inside.sort_unstable();
        let n = found.inside.len();
        if n < 64 {
            return Next::Read(Look::Bracket(0, u64::MAX));
        }
        // at an end of the sample there may be any value
        let margin = (DEVIATIONS * (n as f64 * self.q * (1.0 - self.q)).sqrt()).ceil() as usize + 2;
        let at = (self.q * n as f64) as usize;
        let low = at.checked_sub(margin).map_or(0, |low| found.inside[low]);
        Next::Read(Look::Bracket(low, found.inside.get(at + margin).copied().unwrap_or(u64::MAX)))
    }

    /// The quantile, if the bracket holds all that it needs; else where it is.
    fn after_bracket(&mut self, low: u64, high: u64, found: &mut Found) -> Next {
        self.total = Some(found.total);
        if found.nans > 0 || found.total == 0 {
            return Next::Is(Scalar::Float(f64::NAN));
        }
        let (first, last, part) = self.ranks(found.total);
        let ranks = [first, last];
        let hit = |rank: u64| rank >= found.below && rank < found.below + found.inside_count;
        if ranks.iter().all(|&rank| hit(rank)) && (low == high || found.inside_count as usize <= found.inside.len()) {
            found.inside.sort_unstable();
            let key = |rank: u64| if low == high { low } else { found.inside[(rank - found.below) as usize] };
            return Next::Is(self.mixed(key(first), key(last), part));
        }
        // what was counted says where both are, mostly
        let end = found.below + found.inside_count;
        let (low, high) = match ranks {
            [_, last] if last < found.below => (0, low - 1),
            [first, _] if first >= end => (high + 1, u64::MAX),
            [first, last] if first >= found.below && last < end => (low, high),
            _ => (0, u64::MAX),
        };
        let bits = u64::BITS - (high - low).leading_zeros();
        Next::Read(Look::Histogram { low, high, shift: bits.saturating_sub(BITS) })
    }

    /// The bin that holds the quantile, looked at closer, until it is one value.
    fn after_histogram(&mut self, low: u64, high: u64, shift: u32, found: &Found) -> Next {
        let total = self.total.unwrap_or(0);
        let (one, other, part) = self.ranks(total);
        let rank = if self.middles.is_empty() { one } else { other };
        let mut before = found.below;
        let mut bin = 0;
        while before + found.counts[bin] <= rank {
            before += found.counts[bin];
            bin += 1;
        }
        let first = low + ((bin as u64) << shift);
        let last = (first + ((1u64 << shift) - 1)).min(high);
        let both = self.middles.is_empty() && before + found.counts[bin] > other;
        if shift > 0 && both && found.counts[bin] <= self.keys_max {
            return Next::Read(Look::Bracket(first, last));
        }
        if shift > 0 {
            return Next::Read(Look::Histogram { low: first, high: last, shift: shift.saturating_sub(BITS) });
        }
        self.middles.push(first);
        if self.middles.len() == 1 && one != other {
            if before + found.counts[bin] > rank + 1 {
                self.middles.push(first);
            } else if let Some(next) = (bin + 1..found.counts.len()).find(|&b| found.counts[b] > 0) {
                self.middles.push(low + next as u64);
            } else {
                return Next::Read(Look::Histogram { low: 0, high: u64::MAX, shift: 64 - BITS });
            }
        }
        Next::Is(self.mixed(self.middles[0], *self.middles.last().unwrap_or(&first), part))
    }

    /// What lies between two keys.
    fn mixed(&self, low: u64, high: u64, part: f64) -> Scalar {
        let (a, b) = (from_key(low, self.dtype), from_key(high, self.dtype));
        if low == high { a } else { Scalar::Float(self.method.mix(a.as_f64(), b.as_f64(), part)) }
    }
}

impl Procedure for Selection {
    fn describe(&self) -> String {
        let what = match &self.all[..] {
            _ if self.method == Method::Median => "the median".to_string(),
            [one] => format!("the quantile {}", one.q),
            all => format!("{} quantiles", all.len()),
        };
        format!("select {what} of {:?}, in 2 reads where the values are in random order", self.roots[0].shape)
    }
    fn most(&self) -> Bound {
        let standing_bytes = self.all.len() as u64 * (self.keys_max * 8 + (8 << BITS));
        Bound { standing_bytes, kept_bytes: 0, reads: READS_MAX }
    }
    fn most_demanding(&self, budget: &Budget) -> Result<Plan> {
        let plan = |look: Look| self.plan(&[(look, Arc::default())], budget);
        let bracket = plan(Look::Bracket(0, u64::MAX))?;
        // small boxes have fewer values to keep than a histogram has bins
        let histogram = plan(Look::Histogram { low: 0, high: u64::MAX, shift: 64 - BITS })?;
        let needed = |plan: &Plan| crate::plan::demand_bytes(plan);
        Ok(if needed(&bracket) >= needed(&histogram) { bracket } else { histogram })
    }
    fn bound(&self, _budget: &Budget) -> Result<Vec<Expr>> {
        Ok(vec![self.are(&vec![Scalar::Int(0); self.all.len()])?])
    }
    fn step(&mut self, budget: &Budget, _: &dyn Keeper) -> Result<procedure::Step> {
        let is_empty = self.roots[0].shape.contains(&0);
        let mut looks: Vec<(Look, Arc<Mutex<Found>>)> = Vec::new();
        for one in self.all.iter_mut().filter(|one| one.value.is_none()) {
            match one.next(is_empty) {
                Next::Is(value) => one.value = Some(value),
                // one sample does for all
                Next::Read(Look::Sample(_)) if !looks.is_empty() => one.look = Some(looks[0].clone()),
                Next::Read(look) => {
                    let found = Arc::new(Mutex::new(Found {
                        counts: vec![0; look.bins()],
                        // at once what `standing_bytes` counts, so that it does not double on the way
                        inside: Vec::with_capacity(if matches!(look, Look::Bracket(..)) { self.keys_max as usize } else { 0 }),
                        ..Found::default()
                    }));
                    one.look = Some((look, found.clone()));
                    looks.push((look, found));
                }
            }
        }
        if looks.is_empty() {
            let values: Vec<Scalar> = self.all.iter().filter_map(|one| one.value).collect();
            return Ok(procedure::Step::Done(vec![self.are(&values)?]));
        }
        Ok(procedure::Step::Run(self.plan(&looks, budget)?))
    }
}

/// One read of all values.
struct LookStage {
    work: Work,
    fused: Fused,
    /// What is looked for, and where what is found goes. A sample is the only look of its read.
    looks: Vec<(Look, Arc<Mutex<Found>>)>,
    keys_max: u64,
    dtype: DType,
    /// Of the mask, the values, those of them that the mask selects, the keys or counts that are found, and the kernel.
    layout: Layout<5>,
}

impl LookStage {
    fn new(
        feed: Feed,
        registers: Vec<Reg>,
        looks: &[(Look, Arc<Mutex<Found>>)],
        keys_max: u64,
        dtype: DType,
        budget: &Budget,
    ) -> LookStage {
        let of = |smaller| LookStage::cut(feed.clone(), registers.clone(), looks, keys_max, dtype, smaller, budget.work());
        blocking::first_within((0..=SMALLER_MAX).map(of), |stage| stage.demand_bytes(), budget.share_bytes())
    }

    fn cut(
        feed: Feed,
        registers: Vec<Reg>,
        looks: &[(Look, Arc<Mutex<Found>>)],
        keys_max: u64,
        dtype: DType,
        smaller: u32,
        sizes: &WorkSizes,
    ) -> LookStage {
        let look = looks[0].0;
        let mut boxes = Boxes::rows(blocking::frugal(&feed, smaller, sizes));
        let mut chosen = None;
        if let Look::Sample(values) = look {
            if !blocking::natural(&feed).rigid {
                // plain data: as many elements as are taken do
                boxes = Boxes::rows(blocking::of_size(&feed, 2 * values, sizes));
            }
            let boxes_read = boxes.len().min(sizes.quantile_boxes);
            chosen = Some((0..boxes_read).map(|n| (n as u128 * boxes.len() as u128 / boxes_read as u128) as u64).collect());
        }
        let fused = Fused::new(feed.program.clone(), registers, vec![]);
        let (elements, item) = (boxes.longest_elements(), dtype.size() as u64);
        let found_bytes = looks.iter().map(|(look, _)| look.found_words(elements, keys_max) * 8).max().unwrap_or(0);
        let layout = Layout::new([elements, elements * item, elements * item, found_bytes, fused.scratch_bytes() as u64]);
        let reads = vec![Access::whole(feed)];
        let scratch = layout.bytes().saturating_add(Work::loading_bytes(&boxes, &reads));
        let name = match look {
            Look::Sample(_) => "quantile: sample",
            Look::Bracket(..) => "quantile: bracket",
            Look::Histogram { .. } => "quantile: histogram",
        };
        let mut work = Work::new(name, boxes, reads, vec![], scratch);
        work.chosen = chosen;
        LookStage { work, fused, looks: looks.to_vec(), keys_max, dtype, layout }
    }
}

impl Tasks for LookStage {
    fn work(&self) -> &Work {
        &self.work
    }
    fn run(&self, _n: u64, task_box: &TaskBox, blocks: &mut TaskBlocks) -> Result<()> {
        let local: Vec<usize> = task_box.shape.iter().map(|&n| n as usize).collect();
        let elements: usize = local.iter().product();
        let item = self.dtype.size();
        let Parts { reads, scratch, counters, .. } = blocks.parts();
        let mut rest = scratch;
        let [mask, values, taken, kept, kernel] = self.layout.split(&mut rest);
        let (mask, values) = (&mut mask[..elements], &mut values[..elements * item]);
        let kept: &mut [u64] = bytemuck::cast_slice_mut(kept);
        let views = self.work.reads[0].feed.load_box(task_box, &reads, &mut rest, counters)?;
        let is_masked = self.fused.outputs.len() > 1;
        // nothing is computed on the way: as they were brought in
        let plain = plain_input(&self.fused.program, self.fused.outputs[0]).filter(|_| !is_masked);
        let plain = plain.map(|slot| &views[slot]).filter(|view| view.shape() == local && view.dtype() == self.dtype);
        let selected: &[u8] = match plain.and_then(View::as_bytes) {
            Some(values) => values,
            None => {
                let mut outputs = vec![ViewMut::dense(&mut *values, self.dtype, &local)];
                if is_masked {
                    outputs.push(ViewMut::dense(&mut *mask, DType::Bool, &local));
                }
                self.fused.run(&task_box.start, &local, &views, &mut outputs, kernel);
                drop(outputs);
                if is_masked {
                    let count = compress(&View::dense(values, self.dtype, &local), &View::dense(mask, DType::Bool, &local), taken);
                    &taken[..count * item]
                } else {
                    values
                }
            }
        };
        for (look, found) in &self.looks {
            self.look(*look, found, selected, kept);
        }
        Ok(())
    }
}

impl LookStage {
    /// Adds what is found among the values of one task.
    fn look(&self, look: Look, found: &Mutex<Found>, values: &[u8], kept: &mut [u64]) {
        let item = self.dtype.size();
        let total = values.len() / item;
        let words = look.found_words(self.work.boxes.longest_elements(), self.keys_max) as usize;
        let kept = &mut kept[..words];
        // what is found here is added under the lock at the end
        let (mut below, mut inside_count, mut filled, mut nans) = (0, 0, 0, 0);
        let is_float = self.dtype.is_float();
        match look {
            Look::Sample(values_taken) => {
                let step = (total / values_taken as usize).max(1);
                for (to, from) in kept.iter_mut().zip(values.chunks_exact(item).step_by(step)) {
                    keys(from, self.dtype, std::slice::from_mut(to));
                    filled += 1;
                }
                tiles_of_keys(values, self.dtype, |tile| nans += if is_float { count_nan(tile) } else { 0 });
            }
            Look::Bracket(low, high) => tiles_of_keys(values, self.dtype, |tile| {
                let found = bracket(tile, low, high, kept, &mut filled);
                below += found.below;
                inside_count += found.inside;
                nans += if is_float { found.nan } else { 0 };
            }),
            Look::Histogram { low, high, shift } => {
                kept.fill(0);
                tiles_of_keys(values, self.dtype, |tile| {
                    below += histogram(tile, low, high, shift, kept);
                    nans += if is_float { count_nan(tile) } else { 0 };
                });
            }
        }
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        found.below += below;
        found.inside_count += inside_count;
        found.nans += nans;
        found.total += total as u64;
        if matches!(look, Look::Histogram { .. }) {
            for (sum, n) in found.counts.iter_mut().zip(kept) {
                *sum += *n;
            }
        } else if matches!(look, Look::Sample(_))
            || inside_count <= kept_max(self.keys_max) && found.inside.len() + filled <= self.keys_max as usize
        {
            found.inside.extend_from_slice(&kept[..filled]);
        }
    }
}

impl Lower for ops::Quantile {
    fn lower(&self, _node: &Expr, _lowering: &mut Lowering<'_>) -> Result<Blocked> {
        Err(Error::internal("a quantile reached lowering before its procedure ran"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The median of `total` f64.
    fn median(total: u64) -> One {
        let (dtype, method) = (DType::F64, Method::Median);
        One { dtype, q: 0.5, method, look: None, middles: vec![], total: Some(total), keys_max: 64, values: 16, value: None }
    }

    #[test]
    fn a_bracket_that_ends_just_before_the_quantile_is_looked_behind() {
        // ranks 400..500 were inside, the median of 1001 has rank 500, of 799 rank 399
        let found = |total| Found { below: 400, inside_count: 100, inside: vec![7; 100], total, ..Found::default() };
        let next = median(1001).after_bracket(10, 20, &mut found(1001));
        assert!(matches!(next, Next::Read(Look::Histogram { low: 21, high: u64::MAX, .. })));
        let next = median(799).after_bracket(10, 20, &mut found(799));
        assert!(matches!(next, Next::Read(Look::Histogram { low: 0, high: 9, .. })));
        let next = median(999).after_bracket(10, 20, &mut found(999));
        assert!(matches!(next, Next::Is(_)));
    }

    #[test]
    fn a_bin_that_holds_one_of_two_middle_values_is_looked_at_closer() {
        let mut found = Found { total: 10, counts: vec![0; 1 << BITS], ..Found::default() };
        (found.counts[3], found.counts[9]) = (5, 5);
        let next = median(10).after_histogram(0, u64::MAX, 48, &found);
        assert!(matches!(next, Next::Read(Look::Histogram { low, shift: 32, .. }) if low == 3 << 48));
        // both in one bin, few enough to keep
        (found.counts[3], found.counts[9]) = (6, 4);
        let next = median(10).after_histogram(0, u64::MAX, 48, &found);
        assert!(matches!(next, Next::Read(Look::Bracket(low, high)) if low == 3 << 48 && high == (4 << 48) - 1));
    }
}
