//! Which of some numbered nodes stand below each node of a graph, as bits: a chain of n of them takes n² bits in all, and nodes that stand
//! above the same ones share theirs.

use crate::expr::Expr;
use std::collections::HashMap;
use std::rc::Rc;

/// A set of small numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Numbers(Rc<Vec<u64>>);

impl Numbers {
    /// All that are in one of `sets`, and `own`.
    pub fn joined<'a>(sets: impl Iterator<Item = &'a Numbers>, own: Option<usize>) -> Numbers {
        let mut all = Numbers::default();
        for set in sets {
            if set.holds(&all) {
                all = set.clone();
            } else if !all.holds(set) {
                let words = Rc::make_mut(&mut all.0);
                words.resize(words.len().max(set.0.len()), 0);
                words.iter_mut().zip(set.0.iter()).for_each(|(word, more)| *word |= more);
            }
        }
        if let Some(own) = own.filter(|&own| !all.contains(own)) {
            let words = Rc::make_mut(&mut all.0);
            words.resize(words.len().max(own / 64 + 1), 0);
            words[own / 64] |= 1 << (own % 64);
        }
        all
    }

    /// Whether `number` is one of them.
    pub fn contains(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word & 1 << (number % 64) != 0)
    }

    /// Whether some number is in both.
    pub fn meets(&self, other: &Numbers) -> bool {
        self.0.iter().zip(other.0.iter()).any(|(a, b)| a & b != 0)
    }

    /// Whether all of `other` are in these.
    fn holds(&self, other: &Numbers) -> bool {
        let fits = other.0.len() <= self.0.len() && other.0.iter().zip(self.0.iter()).all(|(b, a)| b & !a == 0);
        Rc::ptr_eq(&self.0, &other.0) || fits
    }
}

/// For each of `nodes`, in postorder, those that `is_counted` chooses at or below it, numbered in that order.
pub fn reach(nodes: &[Expr], is_counted: impl Fn(&Expr) -> bool) -> HashMap<u64, Numbers> {
    let mut reached: HashMap<u64, Numbers> = HashMap::with_capacity(nodes.len());
    let mut next = 0;
    for node in nodes {
        let own = is_counted(node).then_some(next);
        next += own.is_some() as usize;
        let below = Numbers::joined(node.op.args().into_iter().map(|arg| &reached[&arg.id]), own);
        reached.insert(node.id, below);
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_joined_whatever_their_lengths() {
        let set = |numbers: &[usize]| numbers.iter().fold(Numbers::default(), |all, &own| Numbers::joined([&all].into_iter(), Some(own)));
        let (a, b) = (set(&[3, 200]), set(&[64]));
        let both = Numbers::joined([&b, &a].into_iter(), None);
        assert_eq!(both, set(&[64, 200, 3]));
        assert!(both.contains(64) && both.contains(200) && !both.contains(65) && !both.contains(9999));
        assert!(both.meets(&a) && !a.meets(&b) && !a.meets(&Numbers::default()));
        let again = Numbers::joined([&a, &both].into_iter(), Some(3));
        assert!(Rc::ptr_eq(&again.0, &both.0), "what holds all is shared");
    }
}
