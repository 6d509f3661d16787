//! Views → views. The algebra of push-down: what a view needs of each argument, and what is left outside.

use crate::expr::{Affine, Follow};
use crate::grid::{Region, Span};

/// A view in two: a choice of ascending places along each axis, then the rest.
pub(super) struct Window {
    /// The places.
    pub inner: Region,
    /// Flips, drops, moves and repeats axes of what `inner` selects.
    pub outer: Affine,
}

/// The view as numbers, to look it up by. Not empty, unlike the key that stands for the whole.
pub(super) fn key(view: &Affine) -> Vec<i64> {
    let source = view.source.iter().flat_map(|f| [f.start, f.step, f.axis.map_or(-1, |axis| axis as i64)]);
    std::iter::once(view.source.len() as i64).chain(source).chain(view.shape.iter().map(|&n| n as i64)).collect()
}

/// A view that takes each element once, then one that repeats them; no second one where none repeats.
pub(super) fn split_repeats(view: &Affine) -> (Affine, Option<Affine>) {
    let followed = |axis: &usize| view.source.iter().any(|f| f.axis == Some(*axis) && f.step != 0);
    let axes: Vec<usize> = (0..view.shape.len()).filter(followed).collect();
    let shape: Vec<u64> = axes.iter().map(|&axis| view.shape[axis]).collect();
    if shape.iter().product::<u64>() == view.shape.iter().product::<u64>() {
        return (view.clone(), None);
    }
    let source = view.source.iter().map(|f| match f.axis.and_then(|axis| axes.iter().position(|&a| a == axis)) {
        Some(axis) => Follow { axis: Some(axis), ..*f },
        None => Follow { start: f.start, step: 0, axis: None },
    });
    let again = axes.iter().map(|&axis| Follow { start: 0, step: 1, axis: Some(axis) }).collect();
    (Affine::new(source.collect(), shape), Some(Affine::new(again, view.shape.clone())))
}

/// The least dense box around the regions.
pub(super) fn cover(regions: &[Region]) -> Region {
    let axes = 0..regions.first().map_or(0, |region| region.0.len());
    Region(
        axes.map(|axis| {
            let start = regions.iter().map(|region| region.0[axis].start).min().unwrap_or(0);
            let stop = regions.iter().map(|region| region.0[axis].stop()).max().unwrap_or(0);
            Span::dense(start, stop - start)
        })
        .collect(),
    )
}

/// Elements of the boxes around the regions, summed: what reading each on its own costs.
pub(super) fn extents(regions: &[Region]) -> u64 {
    let one = |region: &Region| region.0.iter().fold(1u64, |n, span| n.saturating_mul(span.stop() - span.start));
    regions.iter().map(one).fold(0, u64::saturating_add)
}

/// The region as a view.
pub(super) fn select(region: &Region) -> Affine {
    let follow = |(axis, span): (usize, &Span)| Follow { start: span.start as i64, step: span.step as i64, axis: Some(axis) };
    Affine::new(region.0.iter().enumerate().map(follow).collect(), region.shape())
}

/// `view`, as a view of the dense `cover` that holds it.
pub(super) fn within(view: &Affine, cover: &Region) -> Affine {
    let source = view.source.iter().zip(&cover.0).map(|(f, span)| Follow { start: f.start - span.start as i64, ..*f });
    Affine { source: source.collect(), ..view.clone() }
}

/// The places that a view of an array of `shape` selects, ascending, and how it arranges them. Axes that are not `narrowed`
/// stay whole inside: outside their places are chosen.
pub(super) fn split_window(view: &Affine, shape: &[u64], narrowed: &[bool]) -> Window {
    let mut inner = view.region();
    let mut source = view.source.clone();
    for (axis, (f, span)) in source.iter_mut().zip(&mut inner.0).enumerate() {
        if !narrowed[axis] {
            *span = Span::dense(0, shape[axis]);
            continue;
        }
        *f = match f.axis.filter(|_| f.step != 0) {
            Some(axis) if f.step < 0 => Follow { start: span.len as i64 - 1, step: -1, axis: Some(axis) },
            Some(axis) => Follow { start: 0, step: 1, axis: Some(axis) },
            None => Follow { start: 0, step: 0, axis: None },
        };
    }
    let outer = Affine::new(source, view.shape.clone());
    Window { inner, outer }
}

/// What an argument of `shape` contributes to the window `inner` of the result: the window's places of the axes
/// that the result keeps, by `kept`, and all of the others.
pub(super) fn argument(shape: &[u64], kept: &[Option<usize>], inner: &Region) -> Affine {
    let mut region = Region::whole(shape);
    for (span, place) in region.0.iter_mut().zip(kept) {
        if let Some(axis) = place {
            *span = inner.0[*axis];
        }
    }
    select(&region)
}

/// Which parts of a concatenation along `axis` a view takes, in its order, and what of each; `ends` are
/// the ends of the parts. The view has an element.
pub(super) fn parts(view: &Affine, axis: usize, ends: &[u64]) -> Vec<(usize, Affine)> {
    let follow = view.source[axis];
    let span = view.region().0[axis];
    let holds = |place: u64| ends.partition_point(|&end| end <= place);
    let (from, to) = (holds(span.start), holds(span.stop() - 1));
    let mut parts = Vec::new();
    for part in from..=to {
        let (start, end) = (if part == 0 { 0 } else { ends[part - 1] }, ends[part]);
        // places span.start + i·span.step of the part, counted upwards
        let before = |place: u64| place.saturating_sub(span.start).div_ceil(span.step).min(span.len);
        let (low, high) = (before(start), before(end));
        if low == high {
            continue;
        }
        let mut view = view.clone();
        let first = if follow.step < 0 && span.len > 1 { high - 1 } else { low };
        view.source[axis].start = (span.start + first * span.step - start) as i64;
        if let Some(axis) = follow.axis.filter(|_| span.len > 1) {
            view.shape[axis] = high - low;
        }
        parts.push((part, view));
    }
    if follow.step < 0 {
        parts.reverse();
    }
    parts
}
