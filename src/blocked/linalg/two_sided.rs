//! The tasks of a reduction to a band, panel by panel, each applied to the rest from both sides: what they read, write and hand on, for a
//! Hermitian matrix ([`super::band`]) and for any other ([`super::bidiagonal`]).

use crate::blocked::places::{Along, Blocks, Fed, Graph, HERE, Touches};
use crate::blocked::space::{Order, Space};
use crate::plan::Product;

/// What is done to `blocks` column blocks at (step, block, half). A step s is, of block s, half 0: it is brought up to
/// date and becomes a panel (of the last one nothing but its diagonal block is left); of each later block j, half 0: it is brought up
/// to date with panel s − 1, or brought in, and half 1: it gives its part of X of panel s; then, of block s, half 1: X becomes W.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    pub blocks: u64,
}

impl Steps {
    /// Tasks before step `s`.
    fn before(&self, s: u64) -> u64 {
        s * (2 * self.blocks + 1 - s)
    }
}

impl Order for Steps {
    fn len(&self) -> u64 {
        self.before(self.blocks - 1) + 1
    }

    fn place(&self, n: u64) -> Vec<u64> {
        let (mut low, mut high) = (0, self.blocks - 1);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.before(middle) <= n { low = middle } else { high = middle - 1 }
        }
        let (s, at) = (low, n - self.before(low));
        match at {
            0 => vec![s, s, 0],
            _ if n + 1 == self.before(s + 1) => vec![s, s, 1],
            _ => vec![s, s + at.div_ceil(2), (at - 1) % 2],
        }
    }

    fn number(&self, place: &[u64]) -> u64 {
        match (place[0], place[1] - place[0], place[2]) {
            (s, 0, 0) => self.before(s),
            (s, 0, _) => self.before(s + 1) - 1,
            (s, later, half) => self.before(s) + 2 * later - 1 + half,
        }
    }
}

/// The products of the stage, by their places in the list.
pub const BLOCKS: usize = 0;
pub const SUMS: usize = 1;
pub const PANELS: usize = 2;
pub const TRIANGLES: usize = 3;
pub const SECOND: usize = 4;
pub const BAND: usize = 5;

/// Bytes of the largest blocks.
pub struct Largest {
    /// Of a column block, V, X and W.
    pub block: u64,
    pub triangle: u64,
    pub band: u64,
}

/// Where column blocks come from.
pub enum From {
    /// Each is a box of a loop. The last one is its diagonal block at last, and no panel.
    Loop(Fed),
    /// They are those of this product. All become panels.
    Product(u64),
}

/// The tasks of all steps of so many column blocks.
pub fn graph(name: &str, blocks: u64, from: From, bytes: &Largest) -> Graph {
    let steps = Steps { blocks };
    let last = steps.blocks - 1;
    let is_last_panel = matches!(from, From::Product(_));
    let (all, panels) = (steps.len(), if is_last_panel { blocks } else { last });
    let names = [("blocks", all), ("sums", all), ("reflectors", panels), ("T", panels), ("W", last), ("band", blocks)];
    let products: Vec<Product> = names.map(|(what, blocks)| Product::new(format!("{name}: {what}"), blocks)).into();
    let [way, sums] = [BLOCKS, SUMS].map(|at| Blocks::of_tasks(products[at].id, bytes.block));
    let [v, t, second] = [(PANELS, panels, bytes.block), (TRIANGLES, panels, bytes.triangle), (SECOND, last, bytes.block)]
        .map(|(at, count, bytes)| Blocks::new(products[at].id, &[count], bytes));
    let band = Blocks::new(products[BAND].id, &[blocks], bytes.band);
    // the steps before the last one, and their tasks
    let space = Space::of(&[blocks, blocks, 2]).triangle([0, 1]);
    let halves = [0, 1].map(|half| space.at(2, half..half + 1));
    let early = halves.clone().map(|half| half.at(0, 0..last));
    let panel = halves[0].at(0, 0..panels).apart(0..1);
    let finish = [early[1].apart(0..1)];
    let [update, multiply] = early.clone().map(|half| half.apart(1..blocks));
    // blocks that come from the step before; one that is no panel is not written again
    let (first, later) = (halves[0].at(0, 0..1), halves[0].at(0, 1..blocks));
    let (kept, end) = match is_last_panel {
        true => (later.clone(), later.at(0, 0..0)),
        false => (later.at(0, 1..last), later.at(0, last..blocks)),
    };
    let at = |s: i64, j: i64| [Along::At(0, s), Along::At(1, j), Along::At(2, 0)];
    let half = |s: i64, j: Along, half: u64| [Along::At(0, s), j, Along::One(half)];
    let left = way.along(half(-1, Along::At(1, 0), 1));
    let before = [Along::At(0, -1)];
    let mut takes = vec![
        left.clone().within([kept]),
        way.along(half(0, Along::At(1, 0), 0)).within([multiply.clone()]),
        sums.along(at(0, -1)).within([early[1].apart(2..blocks)]),
        sums.along(half(0, Along::One(last), 1)).within(finish.clone()),
    ];
    let mut feeds = Vec::new();
    match from {
        From::Loop(fed) => feeds.push(Fed { within: Some(vec![first]), ..fed }),
        From::Product(id) => takes.push(Blocks::new(id, &[blocks], bytes.block).along([Along::At(1, 0)]).within([first])),
    }
    // the first step goes on with other buffers than later ones
    let in_steps = |touches: Touches, places: &Space| {
        let first = touches.clone().within([places.at(0, 0..1)]);
        let later = touches.within([places.at(0, 1..blocks)]).taking(0);
        [if is_last_panel { first.taking(4) } else { first }, later]
    };
    let [first_panel, later_panel] = in_steps(v.along([HERE]), &panel);
    let [first_update, later_update] = in_steps(way.along(at(0, 0)), &update);
    Graph {
        feeds,
        reads: vec![
            left.within([end]),
            v.along(before.clone()).within([later.clone()]),
            second.along(before).within([later]),
            v.along([HERE]).within([early[1].clone()]),
            t.along([HERE]).within(finish.clone()),
        ],
        takes,
        writes: vec![
            first_panel,
            later_panel,
            t.along([HERE]).within([panel]),
            band.along([HERE]).within([halves[0].apart(0..1)]),
            first_update,
            later_update,
            way.along(at(0, 0)).within([multiply.clone()]).taking(1),
            sums.along(at(0, 0)).within([multiply]).taking(2),
            second.along([HERE]).within(finish).taking(3),
        ],
        ..Graph::new(&format!("{name}: to a band"), products, space, Box::new(steps))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_its_number() {
        for blocks in 1..9 {
            let steps = Steps { blocks };
            let mut all = Vec::new();
            for s in 0..blocks {
                all.push(vec![s, s, 0]);
                all.extend((s + 1..blocks).flat_map(|j| [vec![s, j, 0], vec![s, j, 1]]));
                all.extend((s + 1 < blocks).then(|| vec![s, s, 1]));
            }
            assert_eq!(all, (0..steps.len()).map(|n| steps.place(n)).collect::<Vec<_>>(), "{blocks}");
            assert!(all.iter().zip(0..).all(|(place, n)| steps.number(place) == n), "{blocks}");
        }
    }
}
