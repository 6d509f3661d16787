//! Shape and strides → a loop of few axes, in the order that the reduction asks for.

use crate::program::{Leaf, Program};

/// The loop: its extents, and the strides of every operand (bytes; elements of the generated array for
/// generators).
pub(super) struct Space {
    pub shape: Vec<usize>,
    pub strides: Vec<Vec<isize>>,
    /// Which of the axes are reduced.
    pub reduced: Vec<bool>,
}

/// The axes in the order of the loop. Where the last one, whatever its length, is reduced: kept, then reduced.
/// Where it is kept: the outer kept ones, the reduced ones, then the kept ones after the last reduced. Both keep C order
/// among the kept and among the reduced. In a plain run (`reduced` is `None`) an axis along which a transposed input is dense
/// comes next to the innermost.
pub(super) fn order_for(shape: &[usize], reduced: Option<&[bool]>, strides: &[Vec<isize>], program: &Program) -> Vec<usize> {
    let axes: Vec<usize> = (0..shape.len()).filter(|&a| shape[a] != 1).collect();
    let Some(&innermost) = axes.last() else { return axes };
    let Some(reduced) = reduced else {
        let mut order = axes;
        let outer = &order[..order.len() - 1];
        let along = program.leaves.iter().enumerate().find_map(|(leaf, kind)| {
            let Leaf::Input { dtype, .. } = kind else { return None };
            let size = dtype.size() as isize;
            let across = strides[leaf][innermost];
            if across == 0 || across == size { None } else { outer.iter().position(|&a| strides[leaf][a] == size) }
        });
        if let Some(i) = along {
            let axis = order.remove(i);
            order.insert(order.len() - 1, axis);
        }
        return order;
    };
    let kept = |a: &usize| !reduced[*a];
    let trailing = if reduced[reduced.len() - 1] { 0 } else { axes.iter().rev().take_while(|a| kept(a)).count() };
    let (head, tail) = axes.split_at(axes.len() - trailing);
    let outer = head.iter().copied().filter(kept);
    outer.chain(head.iter().copied().filter(|a| !kept(a))).chain(tail.iter().copied()).collect()
}

impl Space {
    /// Merges neighbours of `order` where every operand's strides allow it and both are reduced or both kept.
    pub(super) fn new(shape: &[usize], order: &[usize], reduced: &[bool], strides: &[Vec<isize>]) -> Space {
        let mut space = Space { shape: Vec::new(), strides: vec![Vec::new(); strides.len()], reduced: Vec::new() };
        let mut last: Option<usize> = None;
        for &axis in order {
            let extent = shape[axis] as isize;
            let merges = last.is_some_and(|l| reduced[l] == reduced[axis])
                && strides.iter().zip(&space.strides).all(|(given, own)| *own.last().unwrap() == given[axis] * extent);
            if merges {
                *space.shape.last_mut().unwrap() *= shape[axis];
            } else {
                space.shape.push(shape[axis]);
                space.reduced.push(reduced[axis]);
            }
            for (own, given) in space.strides.iter_mut().zip(strides) {
                if merges {
                    own.pop();
                }
                own.push(given[axis]);
            }
            last = Some(axis);
        }
        if space.shape.is_empty() {
            space.shape.push(1);
            space.reduced.push(false);
            space.strides.iter_mut().for_each(|s| s.push(0));
        }
        space
    }

    /// The extent of the trailing axes over which operand `k`, of `size` bytes an element, is dense.
    pub(super) fn dense_len(&self, k: usize, size: usize) -> usize {
        let mut len = 1;
        for axis in (0..self.shape.len()).rev() {
            if self.shape[axis] != 1 && self.strides[k][axis] != (len * size) as isize {
                break;
            }
            len *= self.shape[axis];
        }
        len
    }

    /// Places in all.
    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Extent of the innermost axis.
    pub(super) fn inner(&self) -> usize {
        self.shape[self.shape.len() - 1]
    }

    /// The index of flat place `at`.
    pub(super) fn unravel(&self, mut at: usize, index: &mut Vec<usize>) {
        index.resize(self.shape.len(), 0);
        for axis in (0..self.shape.len()).rev() {
            index[axis] = at % self.shape[axis];
            at /= self.shape[axis];
        }
    }

    /// The offset of operand `k` at `index`.
    pub(super) fn offset(&self, k: usize, index: &[usize]) -> isize {
        index.iter().zip(&self.strides[k]).map(|(&i, &s)| (i as isize).wrapping_mul(s)).fold(0, isize::wrapping_add)
    }
}
