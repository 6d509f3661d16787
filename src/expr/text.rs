//! Expr → text, for `explain` and messages.

use super::{Affine, Expr, Op};
use std::collections::HashMap;
use std::fmt::Write;

/// The expression as lines `%n = operation(arguments)  shape dtype`, arguments first; a node that is used
/// twice stands once.
pub fn text(roots: &[Expr]) -> String {
    let mut out = String::new();
    let mut numbers = HashMap::new();
    for node in super::postorder(roots) {
        let number = numbers.len();
        let args: Vec<String> = node.op.args().iter().map(|arg| format!("%{}", numbers[&arg.id])).collect();
        let mut args = args.join(", ");
        let detail = detail(&node.op);
        if !detail.is_empty() {
            if !args.is_empty() {
                args.push_str(", ");
            }
            args.push_str(&detail);
        }
        let shape: Vec<String> = node.shape.iter().map(|n| if node.counted.is_some() { format!("≤{n}") } else { n.to_string() }).collect();
        let _ = writeln!(out, "%{number} = {}({args})  [{}] {}", node.op.name(), shape.join(", "), node.dtype);
        numbers.insert(node.id, number);
    }
    out
}

fn detail(op: &Op) -> String {
    match op {
        Op::Source(store) => store.address().to_string(),
        Op::Full { value, .. } => format!("{value:?}"),
        Op::Generate { generator, .. } => format!("{:?}", generator.rule),
        Op::View { view, .. } => affine(view),
        Op::Reduce(reduce) => {
            let mut text = format!("axes={:?}", reduce.axes);
            if reduce.mask.is_some() {
                text.push_str(", where");
            }
            text
        }
        Op::Concatenate { axis, .. } => format!("axis={axis}"),
        Op::Rechunk { chunks, .. } => format!("{:?}", chunks.axes.iter().map(|axis| axis.longest()).collect::<Vec<_>>()),
        _ => String::new(),
    }
}

/// A view as an index of its source, with `→axis` where axes move: `[0::100, :→0]`.
fn affine(view: &Affine) -> String {
    let one = |(at, f): (usize, &super::Follow)| match f.axis {
        None => f.start.to_string(),
        Some(axis) => {
            let slice = if (f.start, f.step) == (0, 1) { ":".to_string() } else { format!("{}::{}", f.start, f.step) };
            if axis == at { slice } else { format!("{slice}→{axis}") }
        }
    };
    format!("[{}]", view.source.iter().enumerate().map(one).collect::<Vec<_>>().join(", "))
}
