//! Block shapes, from the layout of what is read, the granules of what is written, and the budget. None of
//! it changes a bit of any result: reductions keep their cells.

use super::feed::{Data, Feed};
use crate::budget::Budget;
use crate::expr::Cells;
use crate::grid::{AxisChunks, longest_elements};
use crate::sizes::WorkSizes;

/// How a loop is best cut.
#[derive(Clone, Debug)]
pub struct Natural {
    /// Cuts that follow what is read.
    pub cuts: Vec<AxisChunks>,
    /// Whether cutting elsewhere costs decoding or copying again.
    pub rigid: bool,
    /// Elements that are held for each that is seen: blocks of the pool are held as a whole.
    pub held: u64,
}

/// The cuts that the loop's dominant input asks for: whole chunks of an encoded store, blocks of a product;
/// whole rows where any region costs its own bytes.
pub fn natural(feed: &Feed) -> Natural {
    /// An operand whose elements are seen so many times is small beside what is made of it.
    const BROADCAST_MANY: u64 = 16;

    let total: u64 = feed.shape.iter().product();
    let mut best: Option<(u64, Vec<AxisChunks>, u64)> = None;
    for input in &feed.inputs {
        let seen = input.view.region().elements();
        let (grid, held) = match &input.data {
            Data::Store(store) => match store.chunk_grid().filter(|_| store.meta().compressed) {
                Some(grid) => (grid, 1),
                None => continue,
            },
            Data::Blocks { grid, .. } => (grid.clone(), grid.largest_elements()),
        };
        // an operand that is broadcast many times does not dominate: its blocks are kept
        if seen.saturating_mul(BROADCAST_MANY) > total && best.as_ref().is_none_or(|(most, ..)| seen > *most) {
            let cuts = input.view.chunks(&grid).axes;
            let held = held / longest_elements(&cuts).max(1);
            best = Some((seen, cuts, held.max(1)));
        }
    }
    match best {
        Some((_, cuts, held)) => Natural { cuts, rigid: true, held },
        None => {
            // plain chunked stores: follow their chunks where those are large enough to be read at speed
            let plain = feed.inputs.iter().find_map(|input| match &input.data {
                Data::Store(store) => store.chunk_grid().map(|grid| input.view.chunks(&grid)),
                Data::Blocks { .. } => None,
            });
            let cuts = plain.unwrap_or_else(|| crate::expr::auto_chunks(&feed.shape)).axes;
            Natural { cuts, rigid: false, held: 1 }
        }
    }
}

/// Cuts of about a task's elements for an elementwise loop: tiny natural blocks joined along the fastest
/// axes, and, where that costs nothing, large ones split along the slowest.
pub fn elementwise(feed: &Feed, work: &WorkSizes) -> Vec<AxisChunks> {
    of_size(feed, work.task_elements, work)
}

/// As [`elementwise`], for loops that hold several words for each element: of a quarter of the elements, `smaller` times
/// halved; from where that is no help, chunks that are decoded whole are cut, too.
pub fn frugal(feed: &Feed, smaller: u32, work: &WorkSizes) -> Vec<AxisChunks> {
    let most = ((work.task_elements / 4) >> smaller).max(work.least_elements);
    let mut cuts = of_size(feed, most, work);
    if smaller > 0 && !decodes(feed) {
        shrink(&mut cuts, most);
    }
    cuts
}

/// Cuts of at most `most` elements where that costs nothing, tiny ones joined: as far as the blocks that are held for them allow.
pub fn of_size(feed: &Feed, most: u64, work: &WorkSizes) -> Vec<AxisChunks> {
    let natural = natural(feed);
    let mut cuts = natural.cuts;
    for axis in (0..cuts.len()).rev() {
        let have = longest_elements(&cuts).max(1);
        let held = have.saturating_mul(natural.held);
        if have >= work.tiny_elements.min(most) || held >= most {
            break;
        }
        cuts[axis] = cuts[axis].join(most / held);
    }
    if !natural.rigid {
        shrink(&mut cuts, most);
    }
    cuts
}

/// Cuts of the axes beside `axis` for tasks that hold all of it, such that a task has at most `lanes` places of the others: chunks are
/// joined or cut from their starts, so that no part lies across two. Along `axis` they are of one place.
pub fn of_lanes(feed: &Feed, axis: usize, lanes: u64) -> Vec<AxisChunks> {
    let mut cuts = natural(feed).cuts;
    cuts[axis] = AxisChunks::whole(1);
    for other in (0..cuts.len()).rev().filter(|&other| other != axis) {
        cuts[other] = cuts[other].join(lanes / longest_elements(&cuts).max(1));
    }
    shrink(&mut cuts, lanes.max(1));
    cuts
}

/// The first of `stages`, which have ever smaller tasks, that needs at most `most_bytes`; where none does, the first that
/// needs hardly more than the least of them.
pub fn first_within<S>(stages: impl Iterator<Item = S>, demand_bytes: impl Fn(&S) -> u64, most_bytes: u64) -> S {
    let mut tried: Vec<(u64, S)> = Vec::new();
    for stage in stages {
        let demand = demand_bytes(&stage);
        if demand <= most_bytes {
            return stage;
        }
        tried.push((demand, stage));
    }
    let least = tried.iter().map(|(demand, _)| *demand).min().unwrap_or(0);
    let enough = tried.into_iter().find(|(demand, _)| *demand <= least.saturating_add(least / 8));
    enough.map(|(_, stage)| stage).expect("at least one stage was tried")
}

/// Elements of a task, halved as far as a small limit asks for it. There is one size at least.
pub fn task_sizes(work: &WorkSizes) -> impl Iterator<Item = u64> {
    let least = work.least_elements.max(1);
    std::iter::successors(Some(work.task_elements.max(least)), |most| Some(most / 2)).take_while(move |most| *most >= least)
}

/// The largest of what `make` builds of ever smaller cuts for `feeds` that needs at most `most_bytes`. Chunks that have to
/// be decoded whole are cut only when nothing else is within the budget: their parts decode them again.
pub fn shrunk<S>(
    feeds: &[&Feed],
    make: impl Fn(Vec<Vec<AxisChunks>>) -> S,
    demand_bytes: impl Fn(&S) -> u64,
    most_bytes: u64,
    budget: &Budget,
) -> S {
    let work = budget.work();
    let sizes = || task_sizes(work);
    let made = |most: u64| make(feeds.iter().map(|feed| of_size(feed, most, work)).collect());
    let made = first_within(sizes().map(made), &demand_bytes, most_bytes);
    if demand_bytes(&made) <= budget.memory_bytes {
        return made;
    }
    let cut = |most: u64| {
        let cut = |feed: &&Feed| {
            let mut cuts = of_size(feed, most, work);
            shrink(&mut cuts, most);
            cuts
        };
        make(feeds.iter().map(cut).collect())
    };
    first_within(std::iter::once(made).chain(sizes().map(cut)), &demand_bytes, budget.memory_bytes)
}

/// Splits along the slowest axes until a block has at most `most` elements.
pub fn shrink(cuts: &mut [AxisChunks], most: u64) {
    for axis in 0..cuts.len() {
        let have = longest_elements(cuts);
        if have <= most {
            return;
        }
        let longest = cuts[axis].longest();
        let piece = (longest / have.div_ceil(most)).max(1);
        cuts[axis] = cuts[axis].split(piece);
    }
}

/// What `make` builds of cuts that are unions of a writer's granules: as near to the natural ones as that allows, and smaller
/// only where that brings its demand within `most_bytes` or nearer to it.
pub fn for_writer<S>(
    feed: &Feed,
    granule: &[u64],
    work: &WorkSizes,
    make: impl Fn(Vec<AxisChunks>) -> S,
    demand_bytes: impl Fn(&S) -> u64,
    most_bytes: u64,
) -> S {
    let natural = natural(feed);
    let wanted = elementwise(feed, work);
    let granule: Vec<u64> = granule.iter().map(|&g| g.max(1)).collect();
    let first: Vec<u64> = (0..granule.len())
        .map(|axis| {
            let (g, want) = (granule[axis], wanted[axis].longest().max(1));
            let least = lcm(g, want);
            let size = if natural.rigid && least <= 8 * g.max(want) { least } else { want.div_ceil(g) * g };
            size.min(feed.shape[axis].max(1).div_ceil(g) * g)
        })
        .collect();
    let cut = |lens: &Vec<u64>| {
        let along = |axis: usize| {
            let (natural_cuts, len, g) = (&natural.cuts[axis], lens[axis], granule[axis]);
            // parts of what is read, so that none lies across two of them
            let parts = natural.rigid && len < natural_cuts.longest() && granular(natural_cuts, g);
            if parts { natural_cuts.split(len) } else { AxisChunks::regular(feed.shape[axis], len) }
        };
        make((0..lens.len()).map(along).collect())
    };
    // the axis with the most granules in a block gives first, the slowest of equals
    let smaller = |lens: &Vec<u64>| {
        // a box of few elements holds little beside the blocks that it reads
        if lens.iter().product::<u64>() <= work.least_elements {
            return None;
        }
        let gives = (0..lens.len()).filter(|&a| lens[a] > granule[a]).max_by_key(|&a| (lens[a] / granule[a], lens.len() - a))?;
        let mut lens = lens.clone();
        lens[gives] = (lens[gives] / 2).div_ceil(granule[gives]).max(1) * granule[gives];
        Some(lens)
    };
    first_within(std::iter::successors(Some(first), smaller).map(|lens| cut(&lens)), demand_bytes, most_bytes)
}

/// Whether each cut lies between two of a writer's granules.
fn granular(cuts: &AxisChunks, granule: u64) -> bool {
    granule == 1
        || match *cuts {
            AxisChunks::Regular { len, first, chunk } => len <= first || (first % granule == 0 && chunk % granule == 0),
            AxisChunks::Pieces { .. } | AxisChunks::Irregular(_) => false,
        }
}

pub fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

/// Cuts for a reduction: kept axes into blocks of the result, reduced axes into aligned runs of cells, a
/// power of two of them, so that every task is a node of the tree. `slack` makes tasks 2^`slack` times smaller; `cut`
/// lets them cut chunks that are decoded whole.
pub fn for_reduction(feed: &Feed, reduced: &[bool], cells: &[Cells], budget: &Budget, slack: u32, cut: bool) -> Vec<AxisChunks> {
    let natural = natural(feed);
    let rigid = natural.rigid && !cut;
    let work = budget.work();
    let mut of_cells = cells.iter();
    let mut cell_of = |reduced: bool| if reduced { of_cells.next() } else { None };
    let cells: Vec<Option<&Cells>> = reduced.iter().map(|&reduced| cell_of(reduced)).collect();
    let chunks = |(natural, cells): (&AxisChunks, &Option<&Cells>)| cells.map_or_else(|| natural.clone(), |cells| cells.chunks.clone());
    let mut cuts: Vec<AxisChunks> = natural.cuts.iter().zip(&cells).map(chunks).collect();
    cut_kept(&mut cuts, feed, &cells, rigid, slack, work);
    let total: u64 = feed.shape.iter().product();
    let share = total / (budget.threads as u64 * 16).max(1);
    let share = share.clamp(work.reduce_elements_min, work.reduce_elements_max);
    let most = if rigid { work.task_elements } else { share } >> slack;
    join_reduced(&mut cuts, feed, &cells, most);
    if cut || !decodes(feed) {
        let too_large = if natural.rigid { most } else { work.reduce_elements_max };
        split_cells(&mut cuts, &cells, most, too_large);
    }
    cuts
}

/// Kept axes in blocks of about as many elements as partials should have, whole rows where those are innermost.
fn cut_kept(cuts: &mut [AxisChunks], feed: &Feed, cells: &[Option<&Cells>], rigid: bool, slack: u32, work: &WorkSizes) {
    let cell = |(cuts, cells): (&AxisChunks, &Option<&Cells>)| cells.map_or(1, |cells| cells.cell.min(cuts.longest().max(1)));
    let cell_elements: u64 = cuts.iter().zip(cells).map(cell).product();
    let is_inner_kept = cells.last().is_some_and(Option::is_none);
    let row = if is_inner_kept { work.kept_row_elements } else { 1 };
    let target = (work.kept_elements / cell_elements.max(1)).max(row) >> slack;
    let mut kept: u64 = 1;
    for axis in (0..cuts.len()).rev().filter(|&axis| cells[axis].is_none()) {
        let left = (target / kept).max(1);
        if !rigid {
            cuts[axis] = AxisChunks::regular(feed.shape[axis], left);
        } else if cuts[axis].longest() < left && longest_elements(cuts) < work.tiny_elements {
            cuts[axis] = cuts[axis].join(left / cuts[axis].longest().max(1));
        }
        kept *= cuts[axis].longest().max(1);
    }
}

/// Reduced axes in runs of chunks, the innermost first: a whole axis before the next one joins.
fn join_reduced(cuts: &mut [AxisChunks], feed: &Feed, cells: &[Option<&Cells>], most: u64) {
    for axis in (0..cuts.len()).rev().filter(|&axis| cells[axis].is_some()) {
        let mut run = 1;
        while run < cuts[axis].count() && longest_elements(cuts).saturating_mul(2 * run) <= most {
            run *= 2;
        }
        if run < cuts[axis].count() {
            cuts[axis] = cuts[axis].join(run);
            break;
        }
        cuts[axis] = AxisChunks::whole(feed.shape[axis]);
    }
}

/// Of chunks too large for a task, aligned parts of their cells. Of plain bytes only a cell is held at once.
fn split_cells(cuts: &mut [AxisChunks], cells: &[Option<&Cells>], most: u64, too_large: u64) {
    for axis in 0..cuts.len() {
        let Some(cells) = cells[axis] else { continue };
        let mut piece = cells.cell;
        if longest_elements(cuts) <= too_large || cuts[axis].longest() <= piece {
            continue;
        }
        let others = longest_elements(cuts) / cuts[axis].longest();
        while piece.saturating_mul(2 * others) <= most && piece < cuts[axis].longest() {
            piece *= 2;
        }
        // parts of single chunks only: runs of several stay whole
        cuts[axis] = cells.chunks.split(piece);
    }
}

/// Whether the loop reads chunks that have to be decoded whole.
pub fn decodes(feed: &Feed) -> bool {
    feed.inputs.iter().any(|input| matches!(&input.data, Data::Store(store) if store.meta().compressed))
}
