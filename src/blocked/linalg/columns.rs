//! Which step of which column block is whose task: the order of a left-looking factorisation, in closed form.

use crate::blocked::space::{Order, Space};

/// Steps k = 0, 1, … of column blocks. Blocks advance in groups; in a group, each factored block of an earlier group is applied
/// to all before the next one is.
#[derive(Clone, Copy, Debug)]
pub struct Columns {
    /// Blocks that take steps.
    pub blocks: u64,
    /// Steps at most: blocks of factors.
    pub steps: u64,
    /// Blocks in a group.
    pub group: u64,
    /// Whether block j takes steps ..=j alone, as where step j factors it.
    pub is_triangular: bool,
    /// Whether steps are taken from the last to the first.
    pub is_backward: bool,
    /// Whether blocks and steps are counted from the last one: triangular, block j takes steps j.. alone then. There must be as many
    /// blocks as steps.
    pub is_mirrored: bool,
}

impl Columns {
    /// (j, k) counted from the other end, where they are.
    fn mirrored(&self, [j, k]: [u64; 2]) -> [u64; 2] {
        if self.is_mirrored { [self.blocks - 1 - j, self.steps - 1 - k] } else { [j, k] }
    }

    /// Whether the steps descend as they are counted.
    fn descends(&self) -> bool {
        self.is_backward != self.is_mirrored
    }

    /// Which steps there are: (j, k), step k of block j.
    pub fn space(&self) -> Space {
        let all = Space::of(&[self.blocks, self.steps]);
        match (self.is_triangular, self.is_mirrored) {
            (false, _) => all,
            (true, false) => all.triangle([1, 0]),
            (true, true) => all.triangle([0, 1]),
        }
    }

    /// How much further along k the step is that a block takes next.
    pub fn next(&self) -> i64 {
        if self.is_backward { -1 } else { 1 }
    }

    /// How many blocks take step `k`.
    pub fn takers(&self, k: u64) -> u64 {
        match (self.is_triangular, self.is_mirrored) {
            (false, _) => self.blocks,
            (true, false) => self.blocks.saturating_sub(k),
            (true, true) => (k + 1).min(self.blocks),
        }
    }

    /// Blocks in group `g`.
    fn members(&self, g: u64) -> u64 {
        self.group.min(self.blocks - g * self.group)
    }

    /// Steps that all blocks of group `g` take, and those of which each takes its own number.
    fn parts(&self, g: u64) -> (u64, u64) {
        if !self.is_triangular {
            return (self.steps, 0);
        }
        let first = g * self.group;
        (self.steps.min(first), self.steps.saturating_sub(first).min(self.members(g)))
    }

    /// Tasks of group `g`.
    fn inside(&self, g: u64) -> u64 {
        let ((all, own), members) = (self.parts(g), self.members(g));
        all * members + own * members - own * own.saturating_sub(1) / 2
    }

    /// Tasks of the groups before `g`, which are all full.
    fn before(&self, g: u64) -> u64 {
        let q = self.group;
        if !self.is_triangular {
            return g * q * self.steps;
        }
        // groups whose blocks are all factored by steps of their own
        let whole = g.min(self.steps / q);
        let mut tasks = q * q * (whole * whole.saturating_sub(1) / 2) + whole * (q * (q + 1) / 2);
        if g > whole {
            tasks += self.inside(whole) + (g - whole - 1) * q * self.steps;
        }
        tasks
    }
}

/// A task a step, at (j, k).
impl Order for Columns {
    fn len(&self) -> u64 {
        match self.blocks.div_ceil(self.group) {
            0 => 0,
            groups => self.before(groups - 1) + self.inside(groups - 1),
        }
    }

    fn place(&self, n: u64) -> Vec<u64> {
        let (mut low, mut high) = (0, self.blocks.div_ceil(self.group) - 1);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if self.before(middle) <= n { low = middle } else { high = middle - 1 }
        }
        let (g, first) = (low, low * self.group);
        let mut at = n - self.before(g);
        if self.descends() {
            at = self.inside(g) - 1 - at;
        }
        let ((all, own), members) = (self.parts(g), self.members(g));
        if at < all * members {
            return self.mirrored([first + at % members, at / members]).to_vec();
        }
        let (j, k) = ahead(at - all * members, members, own);
        self.mirrored([first + j, all + k]).to_vec()
    }

    fn number(&self, place: &[u64]) -> u64 {
        let [j, k] = self.mirrored([place[0], place[1]]);
        let (g, own_j) = (j / self.group, j % self.group);
        let ((all, own), members) = (self.parts(g), self.members(g));
        let at = if k < all { k * members + own_j } else { all * members + ahead_number(own_j, k - all, members, own) };
        self.before(g) + if self.descends() { self.inside(g) - 1 - at } else { at }
    }
}

/// Where the steps begin that factored block `k` of a group makes possible: (k, k + 1), then (k + 1, k + 1) at once, so that the
/// next block is factored while others still take step k; then the others.
fn run(k: u64, members: u64) -> u64 {
    1 + k * members - k * k.saturating_sub(1) / 2
}

fn ahead_number(j: u64, k: u64, members: u64, own: u64) -> u64 {
    match (j, k) {
        (0, 0) => 0,
        _ if j == k => run(k - 1, members) + 1,
        _ if j == k + 1 => run(k, members),
        _ => run(k, members) + (k + 1 < own) as u64 + (j - k - 1),
    }
}

fn ahead(at: u64, members: u64, own: u64) -> (u64, u64) {
    if at == 0 {
        return (0, 0);
    }
    let (mut low, mut high) = (0, own - 1);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if run(middle, members) <= at { low = middle } else { high = middle - 1 }
    }
    let (k, place) = (low, at - run(low, members));
    match place {
        0 => (k + 1, k),
        1 if k + 1 < own => (k + 1, k + 1),
        _ => (k + 1 + place - (k + 1 < own) as u64, k),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_step_has_one_task_after_those_it_needs() {
        for blocks in 1..9 {
            for steps in 1..9 {
                for group in 1..6 {
                    for kind in 0..8 {
                        let [is_triangular, is_backward, is_mirrored] = [1, 2, 4].map(|bit| kind & bit != 0);
                        if is_mirrored && blocks != steps {
                            continue;
                        }
                        let columns = Columns { blocks, steps, group, is_triangular, is_backward, is_mirrored };
                        let (space, mut done) = (columns.space(), HashSet::new());
                        let takes = |j: u64, k: u64| match (is_triangular, is_mirrored) {
                            (false, _) => true,
                            (true, false) => k <= j,
                            (true, true) => k >= j,
                        };
                        for n in 0..columns.len() {
                            let place = columns.place(n);
                            let (j, k) = (place[0], place[1]);
                            assert_eq!(columns.number(&place), n, "{columns:?} ({j}, {k})");
                            assert!(j < blocks && k < steps && takes(j, k) && space.has(&place), "{columns:?} ({j}, {k})");
                            let before = k.checked_add_signed(-columns.next()).filter(|&k| k < steps && takes(j, k));
                            assert!(before.is_none_or(|k| done.contains(&(j, k))), "{columns:?} ({j}, {k})");
                            assert_eq!(space.inner(1, -columns.next()).has(&place), before.is_some(), "{columns:?} ({j}, {k})");
                            // what is factored by its last step is applied later
                            if is_triangular && !is_backward && !is_mirrored && j != k {
                                assert!(done.contains(&(k, k)), "{columns:?} ({j}, {k})");
                            }
                            assert!(done.insert((j, k)));
                        }
                        let all = (0..blocks).flat_map(|j| (0..steps).map(move |k| (j, k))).filter(|&(j, k)| takes(j, k)).count() as u64;
                        assert_eq!(columns.len(), all, "{columns:?}");
                        assert_eq!((0..steps).map(|k| columns.takers(k)).sum::<u64>(), all, "{columns:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_block_is_factored_while_others_still_take_its_step() {
        let columns = Columns { blocks: 4, steps: 4, group: 4, is_triangular: true, is_backward: false, is_mirrored: false };
        let order: Vec<Vec<u64>> = (0..columns.len()).map(|n| columns.place(n)).collect();
        assert_eq!(order, [[0, 0], [1, 0], [1, 1], [2, 0], [3, 0], [2, 1], [2, 2], [3, 1], [3, 2], [3, 3]]);
    }
}
