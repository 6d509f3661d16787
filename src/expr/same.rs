//! Whether two arrays are one, as far as can be told without computing.

use super::{Expr, Node};
use std::collections::HashSet;
use std::sync::Arc;

/// Whether both are made by the same operations on the same stores, so that they have the same elements. Others may have the same elements
/// all the same.
pub fn same(a: &Expr, b: &Expr) -> bool {
    let mut seen = HashSet::new();
    let mut pairs = vec![(a.clone(), b.clone())];
    while let Some((a, b)) = pairs.pop() {
        if Arc::ptr_eq(&a, &b) || !seen.insert((a.id, b.id)) {
            continue;
        }
        if !same_but_for_arguments(&a, &b) {
            return false;
        }
        let args = a.op.args().into_iter().zip(b.op.args());
        pairs.extend(args.map(|(a, b)| (a.clone(), b.clone())));
    }
    true
}

/// Whether two nodes would be the same of the same arguments.
pub fn same_but_for_arguments(a: &Node, b: &Node) -> bool {
    let alike = a.shape == b.shape && a.dtype == b.dtype && a.chunks == b.chunks && a.is_counted() == b.is_counted();
    alike && a.op.args().len() == b.op.args().len() && a.op.same(&b.op)
}
