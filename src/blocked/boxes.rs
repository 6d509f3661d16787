//! A loop cut into boxes, one a task, and the order in which they are visited.

use super::feed::{Data, Feed, Input};
use super::task_box::TaskBox;
use crate::grid::{AxisChunks, longest_elements, ravel, unravel};

/// In which order the boxes of a loop are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// C order.
    Rows,
    /// Square loops: (i, j), then (j, i), so that `x` and `x.T` are read together.
    Pairs,
    /// C order of the boxes on and above the diagonal of this axis and the next one, which are cut alike: those below have
    /// no task.
    Upper(usize),
}

/// The cuts of a loop along each axis.
#[derive(Clone, Debug)]
pub struct Boxes {
    /// One entry an axis.
    pub cuts: Vec<AxisChunks>,
    /// The visiting order.
    pub order: Order,
}

impl Boxes {
    /// Visited in C order.
    pub fn rows(cuts: Vec<AxisChunks>) -> Boxes {
        Boxes { cuts, order: Order::Rows }
    }

    /// Number of boxes along each axis.
    pub fn counts(&self) -> Vec<u64> {
        self.cuts.iter().map(AxisChunks::count).collect()
    }

    /// Number of boxes.
    pub fn len(&self) -> u64 {
        match self.order {
            Order::Rows | Order::Pairs => self.cuts.iter().map(AxisChunks::count).fold(1, u64::saturating_mul),
            Order::Upper(axis) => self.upper_counts(axis).iter().fold(1, |n, &count| n.saturating_mul(count)),
        }
    }

    /// Counts with the triangle as one axis.
    fn upper_counts(&self, axis: usize) -> Vec<u64> {
        let mut counts = self.counts();
        let side = counts.remove(axis);
        counts[axis] = upper_before(side, side);
        counts
    }

    /// Whether some boxes stand for a mirrored one, too.
    pub fn has_mirrors(&self) -> bool {
        matches!(self.order, Order::Upper(axis) if self.cuts[axis].count() > 1)
    }

    /// The index of the box without a task that the box at `index` stands for, if it does for one.
    pub fn mirrored(&self, index: &[u64]) -> Option<Vec<u64>> {
        let Order::Upper(axis) = self.order else { return None };
        let mut mirrored = index.to_vec();
        mirrored.swap(axis, axis + 1);
        (mirrored != index).then_some(mirrored)
    }

    /// How many boxes are visited of those that `ranges` say: first and number along each axis.
    pub fn visited_in(&self, ranges: &[(u64, u64)]) -> u64 {
        let among = |ranges: &[(u64, u64)]| ranges.iter().map(|(_, n)| n).product::<u64>();
        match self.order {
            Order::Rows | Order::Pairs => among(ranges),
            Order::Upper(axis) => among(&ranges[..axis]) * upper_within(ranges[axis], ranges[axis + 1]) * among(&ranges[axis + 2..]),
        }
    }

    /// Whether the box at `index` is visited itself, and not another one in its place.
    pub fn is_visited(&self, index: &[u64]) -> bool {
        !matches!(self.order, Order::Upper(axis) if index[axis] > index[axis + 1])
    }

    /// The box that is visited as the `n`-th.
    pub fn nth(&self, n: u64) -> TaskBox {
        let counts = self.counts();
        let index = match self.order {
            Order::Rows => unravel(n, &counts),
            Order::Pairs => pair(n, counts[0]).to_vec(),
            Order::Upper(axis) => {
                let mut index = unravel(n, &self.upper_counts(axis));
                let [i, j] = upper(index[axis], counts[axis]);
                index[axis] = j;
                index.insert(axis, i);
                index
            }
        };
        self.at(&index)
    }

    /// The box at `index`.
    pub fn at(&self, index: &[u64]) -> TaskBox {
        let (start, shape) = index.iter().zip(&self.cuts).map(|(&i, axis)| axis.chunk(i)).unzip();
        TaskBox { index: index.to_vec(), start, shape }
    }

    /// When the box at `index`, or the one that stands for it, is visited.
    pub fn number(&self, index: &[u64]) -> u64 {
        match self.order {
            Order::Rows => ravel(index, &self.counts()),
            Order::Pairs => pair_number(index[0], index[1], self.cuts[0].count()),
            Order::Upper(axis) => {
                let mut index = index.to_vec();
                let i = index.remove(axis);
                let (low, high) = (i.min(index[axis]), i.max(index[axis]));
                index[axis] = upper_before(low, self.cuts[axis].count()) + high - low;
                ravel(&index, &self.upper_counts(axis))
            }
        }
    }

    /// Elements of a box at most.
    pub fn longest_elements(&self) -> u64 {
        longest_elements(&self.cuts)
    }
}

/// Where the pairs of row `i` begin: rows before it have 1 + 2·(side − 1 − row) boxes each.
fn pairs_before(i: u64, side: u64) -> u64 {
    2 * i * side - i * i
}

fn pair(n: u64, side: u64) -> [u64; 2] {
    let (mut low, mut high) = (0, side - 1);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if pairs_before(middle, side) <= n { low = middle } else { high = middle - 1 }
    }
    let rest = n - pairs_before(low, side);
    if rest == 0 {
        return [low, low];
    }
    let other = low + 1 + (rest - 1) / 2;
    if rest % 2 == 1 { [low, other] } else { [other, low] }
}

fn pair_number(i: u64, j: u64, side: u64) -> u64 {
    let (low, high) = (i.min(j), i.max(j));
    if i == j {
        return pairs_before(i, side);
    }
    pairs_before(low, side) + 1 + 2 * (high - low - 1) + (i > j) as u64
}

/// Boxes on and above the diagonal in the first `i` of `side` rows.
fn upper_before(i: u64, side: u64) -> u64 {
    i * side - i * i.saturating_sub(1) / 2
}

/// The `n`-th box on or above the diagonal, in C order.
fn upper(n: u64, side: u64) -> [u64; 2] {
    let (mut low, mut high) = (0, side - 1);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if upper_before(middle, side) <= n { low = middle } else { high = middle - 1 }
    }
    [low, low + n - upper_before(low, side)]
}

/// How many (i, j) with i ≤ j there are, i and j from ranges of a first and a number.
pub fn upper_within((i, rows): (u64, u64), (j, columns): (u64, u64)) -> u64 {
    // rows above all columns have all of them; then each has one less than the row before
    let (i_end, j_end) = (i + rows, j + columns);
    let above = (j.max(i).min(i_end) - i) * columns;
    let (first, last) = (i.max(j), i_end.min(j_end));
    if first >= last {
        return above;
    }
    let (longest, shortest) = (j_end - first, j_end - (last - 1));
    above + (longest + shortest) * (last - first) / 2
}

/// Mirrored pairs where a square loop reads a product as it is and transposed, else rows.
pub fn visiting(feed: &Feed, cuts: &[AxisChunks]) -> Order {
    let product = |input: &Input| match &input.data {
        Data::Blocks { product, .. } => Some(*product),
        Data::Store(_) => None,
    };
    let mirrored = feed.inputs.iter().any(|a| {
        let axes = |input: &Input| input.view.source.iter().map(|f| f.axis).collect::<Vec<_>>();
        axes(a) == [Some(1), Some(0)]
            && feed.inputs.iter().any(|b| product(a).is_some() && product(a) == product(b) && axes(b) == [Some(0), Some(1)])
    });
    if mirrored && cuts.len() == 2 && cuts[0] == cuts[1] { Order::Pairs } else { Order::Rows }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_visit_every_box_once_and_mirrors_together() {
        for side in 1..7 {
            let boxes = Boxes { cuts: vec![AxisChunks::regular(side, 1); 2], order: Order::Pairs };
            let mut seen = std::collections::HashSet::new();
            for n in 0..boxes.len() {
                let b = boxes.nth(n);
                assert_eq!(boxes.number(&b.index), n);
                assert!(seen.insert(b.index.clone()));
                if b.index[0] < b.index[1] {
                    let mirror = boxes.nth(n + 1).index;
                    assert_eq!(mirror, [b.index[1], b.index[0]]);
                }
            }
            assert_eq!(seen.len() as u64, side * side);
        }
    }

    #[test]
    fn a_triangle_visits_each_box_or_its_mirror_once() {
        for side in 1..7u64 {
            let cuts = [2, side, side, 3].map(|n| AxisChunks::regular(n, 1)).to_vec();
            let boxes = Boxes { cuts, order: Order::Upper(1) };
            assert_eq!(boxes.len(), 2 * side * (side + 1) / 2 * 3);
            let mut seen = std::collections::HashSet::new();
            for n in 0..boxes.len() {
                let b = boxes.nth(n);
                assert!(b.index[1] <= b.index[2]);
                assert_eq!(boxes.number(&b.index), n);
                assert!(seen.insert(b.index.clone()));
                if let Some(mirrored) = boxes.mirrored(&b.index) {
                    assert_eq!(boxes.number(&mirrored), n);
                    assert!(seen.insert(mirrored));
                }
            }
            assert_eq!(seen.len() as u64, 2 * side * side * 3);
            for (i, rows, j, columns) in (0..side.pow(4)).map(|n| (n % side, n / side % side, n / side / side % side, n / side.pow(3))) {
                let (rows, columns) = (rows.min(side - i), columns.min(side - j));
                let counted = (i..i + rows).flat_map(|i| (j..j + columns).map(move |j| (i, j))).filter(|(i, j)| i <= j).count() as u64;
                assert_eq!(boxes.visited_in(&[(1, 1), (i, rows), (j, columns), (0, 2)]), 2 * counted, "{i}+{rows} {j}+{columns}");
            }
        }
    }
}
