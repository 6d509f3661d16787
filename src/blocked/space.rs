//! Where the tasks of a stage stand: a box of places, a triangle, a chain; parts of it; and in which order they run.

use super::boxes::upper_within;
use crate::grid::{ravel, unravel};
use std::ops::Range;

/// Places: ranges along axes and, of a triangle, how far apart the places along two of them are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Space {
    along: Vec<Range<u64>>,
    /// Two axes, and by how much the place along the second is beyond that along the first.
    apart: Option<([usize; 2], Range<u64>)>,
}

/// In which order the tasks of a space run.
pub trait Order: Send + Sync {
    /// Number of tasks.
    fn len(&self) -> u64;
    /// Where task `n` stands.
    fn place(&self, n: u64) -> Vec<u64>;
    /// The task at `place`.
    fn number(&self, place: &[u64]) -> u64;
}

/// C order of a box of so many places along each axis.
pub(super) struct Rows(pub(super) Vec<u64>);

fn common(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

fn covers(outer: &Range<u64>, inner: &Range<u64>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// `whole`, cut at the ends of `parts`.
fn cut<'a>(whole: &'a Range<u64>, parts: impl Iterator<Item = &'a Range<u64>>) -> Vec<Range<u64>> {
    let mut ends: Vec<u64> = parts.chain([whole]).flat_map(|part| [part.start, part.end]).collect();
    ends.retain(|&end| whole.start <= end && end <= whole.end);
    ends.sort_unstable();
    ends.dedup();
    if ends.len() == 1 { vec![whole.clone()] } else { ends.windows(2).map(|ends| ends[0]..ends[1]).collect() }
}

impl Space {
    /// So many places along each axis.
    pub fn of(counts: &[u64]) -> Space {
        Space { along: counts.iter().map(|&n| 0..n).collect(), apart: None }
    }

    /// Those where the place along the second of `axes` is not before that along the first.
    pub fn triangle(mut self, axes: [usize; 2]) -> Space {
        self.apart = Some((axes, 0..u64::MAX));
        self
    }

    /// Those of these `places` along `axis`.
    pub fn at(&self, axis: usize, places: Range<u64>) -> Space {
        let mut part = self.clone();
        part.along[axis] = common(&self.along[axis], &places);
        part
    }

    /// Those of a triangle that are so far from its diagonal.
    pub fn apart(&self, distances: Range<u64>) -> Space {
        let apart = self.apart.as_ref().map(|(axes, own)| (*axes, common(own, &distances)));
        Space { along: self.along.clone(), apart }
    }

    /// Those that have another one `by` places further along `axis`.
    pub fn inner(&self, axis: usize, by: i64) -> Space {
        let moved = |range: &Range<u64>, by: i64| match range.end {
            u64::MAX => range.start.saturating_add_signed(by)..u64::MAX,
            end => range.start.saturating_add_signed(by)..end.saturating_add_signed(by),
        };
        let part = self.at(axis, moved(&self.along[axis], -by));
        match &self.apart {
            Some(([_, high], apart)) if axis == *high => part.apart(moved(apart, -by)),
            Some(([low, _], apart)) if axis == *low => part.apart(moved(apart, by)),
            _ => part,
        }
    }

    /// The others: those at the end of the axis, and before that those at the edge of the triangle.
    pub fn ends(&self, axis: usize, by: i64) -> Vec<Space> {
        let inner = self.inner(axis, by);
        let inner_along = self.at(axis, inner.along[axis].clone());
        let outside = |whole: &Range<u64>, inner: &Range<u64>| match inner.start > whole.start {
            true => whole.start..inner.start,
            false => inner.end..whole.end,
        };
        let edge = self.apart.iter().zip(&inner.apart).map(|((_, whole), (_, part))| inner_along.apart(outside(whole, part)));
        std::iter::once(self.at(axis, outside(&self.along[axis], &inner.along[axis]))).chain(edge).collect()
    }

    /// Places along each axis, of those that begin at the first.
    pub fn counts(&self) -> Vec<u64> {
        self.along.iter().map(|along| along.end).collect()
    }

    /// Whether `place` is one of these.
    pub fn has(&self, place: &[u64]) -> bool {
        let is_apart = |(axes, distances): &([usize; 2], Range<u64>)| {
            place[axes[1]].checked_sub(place[axes[0]]).is_some_and(|distance| distances.contains(&distance))
        };
        self.apart.as_ref().is_none_or(is_apart) && self.along.iter().zip(place).all(|(along, at)| along.contains(at))
    }

    /// Whether each place of `other`, of the same triangle, is one of these.
    pub(super) fn covers(&self, other: &Space) -> bool {
        let along = self.along.iter().zip(&other.along).all(|(own, other)| covers(own, other));
        let apart = self.apart.iter().zip(&other.apart).all(|((_, own), (_, other))| covers(own, other));
        along && apart
    }

    pub(super) fn count(&self) -> u64 {
        let length = |range: &Range<u64>| range.end - range.start;
        let Some(([low, high], distances)) = &self.apart else { return self.along.iter().map(length).product() };
        let (i, j) = (&self.along[*low], &self.along[*high]);
        let beyond = |distance: u64| upper_within((i.start + distance.min(j.end), length(i)), (j.start, length(j)));
        let others = self.along.iter().enumerate().filter(|(axis, _)| axis != low && axis != high);
        others.map(|(_, along)| length(along)).product::<u64>() * (beyond(distances.start) - beyond(distances.end))
    }

    /// Calls `each` with the places, in about as many steps.
    pub(super) fn each(&self, each: &mut dyn FnMut(&[u64])) {
        if self.count() > 0 {
            self.walk(&mut Vec::new(), each);
        }
    }

    /// These, cut so that each of `others`, parts of the same triangle, has all of a part or nothing.
    pub(super) fn cut(&self, others: &[&Space]) -> Vec<Space> {
        let mut parts = vec![self.clone()];
        for (axis, along) in self.along.iter().enumerate() {
            let cuts = cut(along, others.iter().map(|space| &space.along[axis]));
            parts = parts.iter().flat_map(|part| cuts.iter().map(|cut| part.at(axis, cut.clone()))).collect();
        }
        if let Some((_, apart)) = &self.apart {
            let cuts = cut(apart, others.iter().flat_map(|space| &space.apart).map(|(_, apart)| apart));
            parts = parts.iter().flat_map(|part| cuts.iter().map(|cut| part.apart(cut.clone()))).collect();
        }
        parts
    }

    fn walk(&self, place: &mut Vec<u64>, each: &mut dyn FnMut(&[u64])) {
        let axis = place.len();
        if axis == self.along.len() {
            return each(place);
        }
        let mut along = self.along[axis].clone();
        if let Some(([low, high], apart)) = &self.apart {
            // what there is to the first or the last place of the other axis, or to the one that it has by now
            let other = |axis: usize| place.get(axis).map_or(self.along[axis].clone(), |&at| at..at + 1);
            if axis == *high {
                let i = other(*low);
                along = common(&along, &(i.start + apart.start..(i.end - 1).saturating_add(apart.end)));
            } else if axis == *low {
                let j = other(*high);
                along = common(&along, &((j.start + 1).saturating_sub(apart.end)..j.end.saturating_sub(apart.start)));
            }
        }
        for at in along {
            place.push(at);
            self.walk(place, each);
            place.pop();
        }
    }
}

impl Order for Rows {
    fn len(&self) -> u64 {
        self.0.iter().product()
    }
    fn place(&self, n: u64) -> Vec<u64> {
        unravel(n, &self.0)
    }
    fn number(&self, place: &[u64]) -> u64 {
        ravel(place, &self.0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// All places of a box, in C order.
    pub(in crate::blocked) fn every(counts: &[u64]) -> impl Iterator<Item = Vec<u64>> {
        let counts = counts.to_vec();
        (0..counts.iter().product()).map(move |n| unravel(n, &counts))
    }

    /// Spaces of each kind.
    pub(in crate::blocked) fn whole() -> Vec<Space> {
        vec![
            Space::of(&[5]),
            Space::of(&[4, 3]),
            Space::of(&[5, 5]).triangle([0, 1]),
            Space::of(&[4, 6]).triangle([1, 0]),
            Space::of(&[2, 4, 5]).triangle([1, 2]),
        ]
    }

    #[test]
    fn places_of_a_space_are_counted_and_listed_as_one_by_one() {
        for space in whole() {
            let counts = space.counts();
            let mut parts = vec![space.clone()];
            for axis in 0..counts.len() {
                parts.push(space.at(axis, 1..3));
                for by in [1, 2, -1] {
                    // what has another place so far on, and what has none, are all of it
                    let (inner, ends) = (space.inner(axis, by), space.ends(axis, by));
                    for place in every(&counts).filter(|place| space.has(place)) {
                        let moved = place[axis].checked_add_signed(by).is_some_and(|at| {
                            let mut other = place.clone();
                            other[axis] = at;
                            space.has(&other)
                        });
                        assert_eq!(inner.has(&place), moved, "{space:?}, {place:?} by {by} along {axis}");
                        assert_eq!(
                            ends.iter().filter(|end| end.has(&place)).count(),
                            !moved as usize,
                            "{space:?}, {place:?} by {by} along {axis}"
                        );
                    }
                    parts.extend(ends.into_iter().chain([inner]));
                }
            }
            if space.apart.is_some() {
                parts.extend([space.apart(0..1), space.apart(1..u64::MAX), space.apart(2..3)]);
            }
            for part in parts {
                let expected: Vec<Vec<u64>> = every(&counts).filter(|place| part.has(place)).collect();
                let mut listed = Vec::new();
                part.each(&mut |place| listed.push(place.to_vec()));
                assert_eq!((listed, part.count()), (expected.clone(), expected.len() as u64), "{part:?}");
            }
        }
    }
}
