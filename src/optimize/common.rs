//! Expr → Expr. Common subexpressions: of nodes that do the same to the same nodes, one is kept.
//!
//! Sameness is by value for constants (bit by bit) and generators, by pointer for stores, resident blocks
//! and users' functions: two handles of one file may have been opened before and after it was written.

use crate::error::Result;
use crate::expr::{Expr, Node, Op, rebuild};
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::sync::Arc;

pub(super) fn pass(roots: &[Expr]) -> Result<Vec<Expr>> {
    let mut kept: HashMap<u64, Vec<Expr>> = HashMap::new();
    rebuild(roots, |node| {
        let like = kept.entry(digest(node)).or_default();
        if let Some(same) = like.iter().find(|other| same(node, other)) {
            return Ok(same.clone());
        }
        like.push(node.clone());
        Ok(node.clone())
    })
}

/// Equal for nodes that are the same; arguments are known by id, as they were joined before.
fn digest(node: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    discriminant(&node.op).hash(&mut hasher);
    (&node.shape, node.dtype).hash(&mut hasher);
    for arg in node.op.args() {
        arg.id.hash(&mut hasher);
    }
    match &node.op {
        Op::Source(store) => Arc::as_ptr(store).cast::<()>().hash(&mut hasher),
        Op::Resident(resident) => Arc::as_ptr(resident).hash(&mut hasher),
        Op::Full { value, .. } => value.as_f64().to_bits().hash(&mut hasher),
        Op::Generate { generator, .. } => format!("{:?}", generator.rule).hash(&mut hasher),
        Op::Elementwise { .. } => node.op.name().hash(&mut hasher),
        Op::View { view, .. } => {
            for follow in &view.source {
                (follow.start, follow.step, follow.axis).hash(&mut hasher);
            }
        }
        Op::Reduce(reduce) => (node.op.name(), &reduce.axes).hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

fn same(a: &Node, b: &Node) -> bool {
    let (x, y) = (a.op.args(), b.op.args());
    let args = x.len() == y.len() && x.iter().zip(&y).all(|(x, y)| Arc::ptr_eq(x, y));
    args && a.shape == b.shape
        && a.dtype == b.dtype
        && a.chunks == b.chunks
        && a.counted.is_some() == b.counted.is_some()
        && same_op(&a.op, &b.op)
}

/// Whether the two do the same, arguments aside.
fn same_op(a: &Op, b: &Op) -> bool {
    match (a, b) {
        (Op::Source(a), Op::Source(b)) => std::ptr::addr_eq(Arc::as_ptr(a), Arc::as_ptr(b)),
        (Op::Resident(a), Op::Resident(b)) => Arc::ptr_eq(a, b),
        (Op::Full { value: a, .. }, Op::Full { value: b, .. }) => a.same_bits(*b),
        // equal text besides: 0.0 == -0.0, but they generate different bits
        (Op::Generate { generator: a, .. }, Op::Generate { generator: b, .. }) => {
            a == b && format!("{:?}", a.rule) == format!("{:?}", b.rule)
        }
        (Op::Function(a), Op::Function(b)) => std::ptr::addr_eq(Arc::as_ptr(&a.f), Arc::as_ptr(&b.f)) && a.name == b.name,
        (Op::Elementwise { op: a, .. }, Op::Elementwise { op: b, .. }) => a == b,
        (Op::View { view: a, .. }, Op::View { view: b, .. }) => a == b,
        (Op::Reduce(a), Op::Reduce(b)) => {
            let (r, s) = (&a.reduction, &b.reduction);
            r == s
                && r.ddof.to_bits() == s.ddof.to_bits()
                && (a.mask.is_some(), &a.axes, a.keepdims, &a.cells) == (b.mask.is_some(), &b.axes, b.keepdims, &b.cells)
        }
        (Op::Concatenate { axis: a, .. }, Op::Concatenate { axis: b, .. }) => a == b,
        (Op::Median { mask: a, .. }, Op::Median { mask: b, .. }) => a.is_some() == b.is_some(),
        (Op::Rechunk { .. }, Op::Rechunk { .. }) | (Op::Matmul { .. }, Op::Matmul { .. }) | (Op::Mask { .. }, Op::Mask { .. }) => true,
        _ => false,
    }
}
