//! What any box of a loop reads and copies at most, as closed forms over how its cuts meet the blocks below. They
//! cover every box: a task that fits them can always start, so that nothing is refused once work has begun.

use super::feed::{Data, Feed, Input, carved_bytes};
use crate::expr::{Follow, gcd};
use crate::grid::{AxisChunks, BlockId, Region, Span};
use crate::memory::rounded;

/// Boxes along an axis that are looked at one by one, where closed forms would be wider than what is there.
const WINDOWS_FEW: u64 = 64;
/// The most that rounding adds to the bytes of a block.
pub const ROUNDING_BYTES: u64 = 4096;

/// How far beyond its own places along an axis a box looks, where the axis ends there nothing is seen. Turned, it sees the
/// places as if the axis began anew behind its end (1: what lies before a box, seen at the end of the axis) or before its
/// start (−1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Around {
    pub before: u64,
    pub after: u64,
    pub turn: i64,
}

impl Around {
    /// The first place and the number of those of an axis of `n` that the box of `len` places from `start` on sees.
    pub fn window(&self, start: u64, len: u64, n: u64) -> (u64, u64) {
        let end = |at: i128| (at + i128::from(self.turn) * i128::from(n)).clamp(0, i128::from(n)) as u64;
        let low = end(i128::from(start) - i128::from(self.before));
        let high = end(i128::from(start) + i128::from(len) + i128::from(self.after));
        if low < high { (low, high - low) } else { (0, 0) }
    }

    /// The first place and the number of those whose boxes see any of the `len` places from `start` on.
    fn seeing(&self, start: u64, len: u64, n: u64) -> Option<(u64, u64)> {
        let back = Around { before: self.after, after: self.before, turn: -self.turn };
        Some(back.window(start, len, n)).filter(|(_, n)| *n > 0)
    }

    fn is_none(&self) -> bool {
        *self == Around::default()
    }
}

/// The runs of places along a loop axis that are brought in one at a time: the cuts, or, where those are longer, pieces
/// of at most `piece` places from the start of each; or the cuts with what lies around them.
#[derive(Clone, Copy)]
pub struct Windows<'a> {
    pub cuts: &'a AxisChunks,
    pub piece: u64,
    pub around: Around,
}

impl<'a> Windows<'a> {
    /// One window a cut.
    pub fn whole(cuts: &'a AxisChunks) -> Windows<'a> {
        Windows { cuts, piece: u64::MAX, around: Around::default() }
    }

    /// One window a cut, with what lies around it.
    pub fn around(cuts: &'a AxisChunks, around: Around) -> Windows<'a> {
        Windows { around, ..Windows::whole(cuts) }
    }

    /// Places of the longest window.
    pub fn longest(&self) -> u64 {
        let (n, Around { before, after, turn }) = (self.cuts.len(), self.around);
        match turn {
            0 => self.cuts.longest().min(self.piece).saturating_add(before).saturating_add(after).min(n),
            turn if turn > 0 => before.min(n),
            _ => after.min(n),
        }
    }
}

/// Windows that start at `first`, `first + lattice`, … (only there if `lattice` is 0), of at most `places` places.
struct Family {
    first: u64,
    lattice: u64,
    places: u64,
}

/// Families that hold every window. `list_max` is how many windows may be listed one by one.
fn families(windows: &Windows, list_max: u64) -> Vec<Family> {
    let (cuts, around) = (windows.cuts, windows.around);
    if !around.is_none() {
        let (n, places) = (cuts.len(), windows.longest());
        return match around.turn {
            // the windows at the end, or the start, lie inside of the longest one
            turn if turn != 0 => vec![Family { first: if turn > 0 { n - places } else { 0 }, lattice: 0, places }],
            _ if cuts.count() <= list_max => {
                let window = |i: u64| cuts.chunk(i);
                let windows = (0..cuts.count()).map(window).map(|(start, len)| around.window(start, len, n));
                windows.map(|(first, places)| Family { first, lattice: 0, places }).collect()
            }
            _ => vec![Family { first: 0, lattice: 1, places }],
        };
    }
    let pieces_of = |start: u64, len: u64, step: u64| Family {
        first: start,
        lattice: if step < len { step } else { 0 },
        places: len.min(windows.piece).min(step),
    };
    match cuts {
        _ if matches!(cuts, AxisChunks::Irregular(_)) || cuts.count() <= list_max => {
            (0..cuts.count()).map(|i| cuts.chunk(i)).map(|(start, len)| pieces_of(start, len, windows.piece)).collect()
        }
        AxisChunks::Regular { len, first, chunk } | AxisChunks::Pieces { len, first, chunk, .. } => {
            let step = match cuts {
                AxisChunks::Pieces { piece, .. } if windows.piece < *piece => gcd(*piece, windows.piece),
                AxisChunks::Pieces { piece, .. } => *piece,
                _ => windows.piece,
            };
            let longest = windows.longest();
            let mut all = vec![Family { places: longest.min(*first), ..pieces_of(0, (*first).min(*len), step) }];
            if len > first {
                let lattice = if step < *chunk { gcd(step, *chunk) } else { *chunk };
                all.push(Family { first: *first, lattice, places: longest.min(len - first) });
            }
            all
        }
        AxisChunks::Irregular(_) => unreachable!("listed above"),
    }
}

/// What windows meet at most: how many chunks, and how many elements those hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Met {
    pub chunks: u64,
    pub elements: u64,
}

impl Met {
    /// At most as much as either.
    fn or(self, other: Met) -> Met {
        Met { chunks: self.chunks.max(other.chunks), elements: self.elements.max(other.elements) }
    }
}

/// What a run of `span` elements, one at least, meets of an axis wherever it begins.
fn met_anywhere(chunks: &AxisChunks, span: u64) -> Met {
    let of_length = |met: u64, chunk: u64| Met { chunks: met, elements: met.saturating_mul(chunk) };
    let met = match chunks {
        AxisChunks::Regular { chunk, .. } => of_length((span - 1).div_ceil(*chunk) + 1, *chunk),
        AxisChunks::Pieces { chunk, piece, .. } => of_length((span - 1) / piece + 2 + (span - 1) / chunk + 1, *piece),
        AxisChunks::Irregular(ends) => longest_run(ends, span),
    };
    Met { chunks: met.chunks.min(chunks.count()), elements: met.elements.min(chunks.len()) }
}

/// What a run of `span` elements anywhere meets; `ends` are those of the chunks.
fn longest_run(ends: &[u64], span: u64) -> Met {
    let start = |chunk: usize| if chunk == 0 { 0 } else { ends[chunk - 1] };
    let (mut low, mut most) = (0, Met::default());
    for high in 0..ends.len() {
        // from the last element of chunk `low` to the first one of chunk `high`
        while low < high && start(high) - (ends[low] - 1) + 1 > span {
            low += 1;
        }
        most = most.or(Met { chunks: (high - low + 1) as u64, elements: ends[high] - start(low) });
    }
    most
}

/// What one window of a family meets at most, seen through `f`.
fn met(chunks: &AxisChunks, f: &Follow, family: &Family) -> Met {
    let stride = f.step.unsigned_abs();
    let span = (family.places - 1) * stride + 1;
    let lattice = family.lattice.saturating_mul(stride);
    let anchor = f.start as i128 + f.step as i128 * family.first as i128;
    let of_length = |met: u64, chunk: u64| Met { chunks: met, elements: met.saturating_mul(chunk) };
    let met = match chunks {
        AxisChunks::Regular { first, chunk, .. } => {
            // how far into its chunk a window begins; one that runs backwards begins at its upper end
            let into = if f.step > 0 { anchor - *first as i128 } else { *first as i128 - 1 - anchor };
            let into = into.rem_euclid(*chunk as i128) as u64;
            let repeats = gcd(lattice, *chunk);
            of_length((into % repeats + (chunk - repeats) + span - 1) / chunk + 1, *chunk)
        }
        _ if family.lattice == 0 => {
            let end = anchor + f.step.signum() as i128 * (span as i128 - 1);
            let (low, high) = (chunks.find(anchor.min(end) as u64), chunks.find(anchor.max(end) as u64));
            let (last, len) = chunks.chunk(high);
            Met { chunks: high - low + 1, elements: last + len - chunks.chunk(low).0 }
        }
        AxisChunks::Pieces { chunk, piece, .. } => of_length((span - 1) / piece + 2 + (span - 1) / chunk + 1, *piece),
        AxisChunks::Irregular(ends) => longest_run(ends, span),
    };
    let places = family.places;
    Met { chunks: met.chunks.min(places), elements: met.elements.min(chunks.longest().saturating_mul(places)) }
}

/// How many chunks of a source axis one window of a loop axis sees through `f` at most, and the elements of those.
pub fn most_met(chunks: &AxisChunks, f: &Follow, windows: &Windows) -> Met {
    if chunks.is_empty() || windows.cuts.is_empty() {
        return Met::default();
    }
    let same = || f.start == 0 && f.step == 1 && windows.around.is_none() && windows.cuts == chunks;
    if f.axis.is_none() || f.step == 0 || chunks.count() == 1 || same() {
        return Met { chunks: 1, elements: chunks.longest() };
    }
    let list_max = match chunks {
        AxisChunks::Irregular(ends) => WINDOWS_FEW.max(4 * ends.len() as u64),
        _ => WINDOWS_FEW,
    };
    let seen = families(windows, list_max);
    let most = seen.iter().filter(|family| family.places > 0).map(|family| met(chunks, f, family)).fold(Met::default(), Met::or);
    Met { chunks: most.chunks.min(chunks.count()), elements: most.elements.min(chunks.len()) }
}

impl Input {
    /// Windows along the loop axis that a source axis follows, if it follows one.
    fn windows<'a>(f: &Follow, windows: &'a [Windows<'a>]) -> Option<&'a Windows<'a>> {
        f.axis.filter(|_| f.step != 0).map(|axis| &windows[axis])
    }

    /// Source elements from the first to the last that a window sees along source axis `at`, `slid` so far on by axes that slide.
    fn reach(&self, at: usize, windows: &[Windows], slid: u64) -> u64 {
        let f = &self.view.source[at];
        let own = Input::windows(f, windows).map_or(0, |w| w.longest().saturating_sub(1).saturating_mul(f.step.unsigned_abs()));
        own.saturating_add(slid).saturating_add(1)
    }

    /// What a window meets along source axis `at` at most, of blocks; of windows that slide all places are counted.
    fn met_along(&self, at: usize, chunks: &AxisChunks, windows: &[Windows]) -> Met {
        let f = &self.view.source[at];
        match self.view.slid(at) {
            (0, 0) => {
                Input::windows(f, windows).map_or(Met { chunks: 1, elements: chunks.longest() }, |windows| most_met(chunks, f, windows))
            }
            _ if chunks.is_empty() => Met::default(),
            (below, above) => met_anywhere(chunks, self.reach(at, windows, below.saturating_add(above))),
        }
    }

    /// Bytes of the blocks that a window sees at most; 0 for a store.
    fn blocks_bytes(&self, windows: &[Windows]) -> u64 {
        let Data::Blocks { grid, .. } = &self.data else { return 0 };
        let item = self.dtype.size() as u64;
        let (mut blocks, mut elements) = (1u64, 1u64);
        for (at, chunks) in grid.axes.iter().enumerate() {
            let seen = self.met_along(at, chunks, windows);
            blocks = blocks.saturating_mul(seen.chunks);
            elements = elements.saturating_mul(seen.elements);
        }
        let block = rounded(grid.largest_elements().saturating_mul(item));
        let apart = elements.saturating_mul(item).saturating_add(blocks.saturating_mul(ROUNDING_BYTES));
        blocks.saturating_mul(block).min(apart)
    }

    /// The extents of what a window brings in, along the source's axes.
    fn extents(&self, windows: &[Windows]) -> Region {
        let slides = |at: usize| self.view.slides.iter().filter(move |slide| slide.source == at);
        let slid = |at: usize| {
            let far = |windows: &Windows, step: i64| windows.longest().saturating_sub(1).saturating_mul(step.unsigned_abs());
            slides(at).map(|slide| far(&windows[slide.axis], slide.step)).fold(0, u64::saturating_add)
        };
        let span = |(at, f): (usize, &Follow)| match Input::windows(f, windows).map(Windows::longest) {
            _ if slides(at).next().is_some() => {
                let step = slides(at).fold(f.step.unsigned_abs(), |step, slide| gcd(step, slide.step.unsigned_abs()));
                Span { start: 0, len: (self.reach(at, windows, slid(at)) - 1) / step + 1, step }
            }
            Some(len) if len != 1 => Span { start: 0, len, step: f.step.unsigned_abs() },
            _ => Span::dense(0, 1),
        };
        Region(self.view.source.iter().enumerate().map(span).collect())
    }

    /// Bytes that bringing a window in takes at most, and those that decoding it takes meanwhile.
    fn loading_bytes(&self, windows: &[Windows]) -> (u64, u64) {
        let extents = self.extents(windows);
        let held = carved_bytes(extents.elements().saturating_mul(self.dtype.size() as u64));
        match &self.data {
            Data::Store(store) => (held, carved_bytes(store.scratch_bytes(&extents))),
            Data::Blocks { grid, .. } => {
                let copied = grid.axes.iter().enumerate().any(|(at, chunks)| self.met_along(at, chunks, windows).chunks > 1);
                (if copied { held } else { 0 }, 0)
            }
        }
    }
}

impl Feed {
    /// Bytes of the blocks that a box of `cuts` reads at most, counted for each input.
    pub fn blocks_bytes(&self, cuts: &[AxisChunks]) -> u64 {
        self.blocks_bytes_in(&cuts.iter().map(Windows::whole).collect::<Vec<_>>())
    }

    /// Bytes of the blocks that any of the windows sees at most, counted for each input.
    pub fn blocks_bytes_in(&self, windows: &[Windows]) -> u64 {
        self.inputs.iter().map(|input| input.blocks_bytes(windows)).fold(0, u64::saturating_add)
    }

    /// As [`Feed::reading`], where boxes see what lies `around` them.
    pub fn reading_around(
        &self,
        cuts: &[AxisChunks],
        around: &[Around],
        product: u64,
        block: BlockId,
    ) -> impl Iterator<Item = Vec<(u64, u64)>> {
        self.places_of(product, block).filter_map(move |places| {
            let boxes = places.iter().zip(cuts).zip(around).map(|((&(start, len), cuts), around)| {
                let (first, n) = around.seeing(start, len, cuts.len())?;
                let low = cuts.find(first);
                Some((low, cuts.find(first + n - 1) - low + 1))
            });
            boxes.collect()
        })
    }

    /// Bytes of scratch that [`Feed::load`] of any of the windows takes at most.
    pub fn loading_bytes(&self, windows: &[Windows]) -> u64 {
        let (mut held, mut decoding) = (0u64, 0);
        for input in &self.inputs {
            let (own, meanwhile) = input.loading_bytes(windows);
            held = held.saturating_add(own);
            decoding = meanwhile.max(decoding);
        }
        held.saturating_add(decoding)
    }

    /// As [`Feed::loading_bytes`], of whole boxes.
    pub fn loading_boxes_bytes(&self, cuts: &[AxisChunks]) -> u64 {
        self.loading_bytes(&cuts.iter().map(Windows::whole).collect::<Vec<_>>())
    }

    /// Bytes of stores that all boxes of `cuts` together read.
    pub fn moved_bytes(&self, cuts: &[AxisChunks]) -> u64 {
        let of = |input: &Input| {
            let Data::Store(_) = &input.data else { return 0 };
            let followed = |axis: usize| input.view.source.iter().any(|f| f.axis == Some(axis) && f.step != 0);
            // a box reads its own places along the axes that it follows, and again for each box along the others
            let along = (0..cuts.len()).map(|axis| if followed(axis) { cuts[axis].len() } else { cuts[axis].count() });
            along.fold(input.dtype.size() as u64, u64::saturating_mul)
        };
        self.inputs.iter().map(of).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every window meets, one by one.
    fn listed(chunks: &AxisChunks, f: &Follow, windows: &Windows) -> Met {
        let mut most = Met::default();
        for (start, len) in (0..windows.cuts.count()).map(|i| windows.cuts.chunk(i)) {
            let mut at = 0;
            while at < len {
                let n = windows.piece.min(len - at);
                let mut seen: Vec<u64> =
                    (start + at..start + at + n).map(|place| chunks.find((f.start + f.step * place as i64) as u64)).collect();
                seen.dedup();
                let elements = seen.iter().map(|&i| chunks.chunk(i).1).sum();
                most = most.or(Met { chunks: seen.len() as u64, elements });
                at += n;
            }
        }
        most
    }

    /// A few hundred cuts of an axis of `len`.
    fn cuts(len: u64) -> Vec<AxisChunks> {
        let mut all = Vec::new();
        for chunk in [1, 2, 3, 5, 8, 12, 40, 130, 400] {
            for first in [1, 2, 3, 7, 12, 400] {
                if first <= chunk {
                    let regular = AxisChunks::Regular { len, first, chunk };
                    all.extend([2, 3, 4].map(|piece| regular.split(piece)));
                    all.push(regular);
                }
            }
        }
        let lengths: Vec<u64> = (0..len)
            .map(|i| 1 + i * i % 7)
            .scan(0, |sum, n| {
                (*sum < len).then(|| {
                    let n = n.min(len - *sum);
                    *sum += n;
                    n
                })
            })
            .collect();
        all.push(AxisChunks::from_lengths(&lengths));
        all
    }

    #[test]
    fn no_window_meets_more_than_the_closed_form_says() {
        let (mut exact, mut all) = (0, 0);
        for len in [1, 7, 96, 150] {
            for (start, step) in [(0i64, 1i64), (5, 1), (0, 3), (2, 7), (len as i64 - 1, -1), (3 * (len as i64 - 1), -3)] {
                let source = (start.max(start + step * (len as i64 - 1)) + 1) as u64;
                let f = Follow { start, step, axis: Some(0) };
                for chunks in cuts(source) {
                    for cut in cuts(len) {
                        for piece in [u64::MAX, 1, 4, 6] {
                            let windows = Windows { piece, ..Windows::whole(&cut) };
                            let (bound, most) = (most_met(&chunks, &f, &windows), listed(&chunks, &f, &windows));
                            let covers = bound.chunks >= most.chunks && bound.elements >= most.elements;
                            assert!(covers, "{bound:?} < {most:?}: {chunks:?} by {cut:?} / {piece}, {f:?}");
                            all += 1;
                            exact += (bound.chunks == most.chunks) as u64;
                        }
                    }
                }
            }
        }
        // it is no use if it is far off
        assert!(exact * 10 >= all * 8, "{exact} of {all} are exact");
    }

    #[test]
    fn no_box_sees_more_around_it_than_the_closed_form_says_and_the_boxes_that_see_a_place_are_known() {
        for len in [1u64, 7, 96] {
            let f = Follow { start: 0, step: 1, axis: Some(0) };
            for cut in cuts(len).iter().step_by(5) {
                for (before, after, turn) in [(0, 0, 0), (1, 1, 0), (3, 0, 0), (0, 200, 0), (5, 2, 1), (2, 5, -1), (0, 3, 1), (0, 0, -1)] {
                    let around = Around { before, after, turn };
                    // the places as whole numbers: what lies beyond the axis is none of them
                    let sees = |start: u64, n: u64, place: u64| {
                        let at = place as i64 - turn * len as i64;
                        start as i64 - before as i64 <= at && at < (start + n + after) as i64
                    };
                    let boxes: Vec<(u64, u64)> = (0..cut.count()).map(|i| cut.chunk(i)).collect();
                    for &(start, n) in &boxes {
                        let (first, seen) = around.window(start, n, len);
                        let listed: Vec<u64> = (0..len).filter(|&place| sees(start, n, place)).collect();
                        assert_eq!((first..first + seen).collect::<Vec<_>>(), listed, "{cut:?} {around:?}");
                    }
                    let windows = Windows::around(cut, around);
                    for chunks in cuts(len) {
                        let bound = most_met(&chunks, &f, &windows);
                        for &(start, n) in &boxes {
                            let mut met: Vec<u64> = (0..len).filter(|&p| sees(start, n, p)).map(|p| chunks.find(p)).collect();
                            met.dedup();
                            let elements: u64 = met.iter().map(|&i| chunks.chunk(i).1).sum();
                            assert!(
                                bound.chunks >= met.len() as u64 && bound.elements >= elements,
                                "{bound:?} {chunks:?} {cut:?} {around:?}"
                            );
                        }
                        for (start, n) in (0..chunks.count()).map(|i| chunks.chunk(i)) {
                            let seeing = around
                                .seeing(start, n, len)
                                .map_or(vec![], |(first, n)| (cut.find(first)..=cut.find(first + n - 1)).collect::<Vec<u64>>());
                            let listed: Vec<u64> = (0..cut.count())
                                .filter(|&i| (start..start + n).any(|place| sees(cut.chunk(i).0, cut.chunk(i).1, place)))
                                .collect();
                            assert_eq!(seeing, listed, "{start} + {n}: {cut:?} {around:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn boxes_that_line_up_meet_what_they_hold() {
        let f = Follow { start: 0, step: 1, axis: Some(0) };
        let met =
            |chunk, cut| most_met(&AxisChunks::regular(1 << 40, chunk), &f, &Windows::whole(&AxisChunks::regular(1 << 40, cut))).chunks;
        assert_eq!(met(512, 512), 1);
        assert_eq!(met(512, 2048), 4);
        assert_eq!(met(2048, 512), 1);
        assert_eq!(met(500, 512), 3);
        assert_eq!(met(512, 500), 2);
        // a few long chunks among many short ones
        let mixed = AxisChunks::from_lengths(&[vec![1; 7000], vec![1000]].concat());
        let rows = AxisChunks::regular(8000, 200);
        assert_eq!(most_met(&mixed, &f, &Windows::whole(&rows)), Met { chunks: 200, elements: 1000 });
    }
}
