//! A loop cut into boxes, one a task, and the order in which they are visited.

use super::feed::{Data, Feed, Input};
use crate::grid::{AxisChunks, ravel, unravel};

/// In which order the boxes of a loop are visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// C order.
    Rows,
    /// Square loops: (i, j), then (j, i), so that `x` and `x.T` are read together.
    Pairs,
}

/// The cuts of a loop along each axis.
#[derive(Clone, Debug)]
pub struct Boxes {
    /// One entry an axis.
    pub cuts: Vec<AxisChunks>,
    /// The visiting order.
    pub order: Order,
}

/// One box: its index among the boxes, where it starts, its shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Index along each axis.
    pub index: Vec<u64>,
    /// First place.
    pub start: Vec<u64>,
    /// Lengths.
    pub shape: Vec<u64>,
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
        self.cuts.iter().map(AxisChunks::count).fold(1, u64::saturating_mul)
    }

    /// The box that is visited as the `n`-th.
    pub fn nth(&self, n: u64) -> Tile {
        let counts = self.counts();
        let index = match self.order {
            Order::Rows => unravel(n, &counts),
            Order::Pairs => pair(n, counts[0]).to_vec(),
        };
        self.at(&index)
    }

    /// The box at `index`.
    pub fn at(&self, index: &[u64]) -> Tile {
        let (start, shape) = index.iter().zip(&self.cuts).map(|(&i, axis)| axis.chunk(i)).unzip();
        Tile { index: index.to_vec(), start, shape }
    }

    /// When the box at `index` is visited.
    pub fn number(&self, index: &[u64]) -> u64 {
        match self.order {
            Order::Rows => ravel(index, &self.counts()),
            Order::Pairs => pair_number(index[0], index[1], self.cuts[0].count()),
        }
    }

    /// Elements of a box at most.
    pub fn longest_elements(&self) -> u64 {
        self.cuts.iter().map(AxisChunks::longest).fold(1, u64::saturating_mul)
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
}
