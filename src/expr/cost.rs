//! A node, what its arguments cost → what an element of it costs.

use super::{Expr, Node};

/// Roughly what an element of `node` costs, in additions: its operation, and what lies below it in the same loop. `of` says what this
/// gave for an argument.
///
/// What ends a loop, a concatenation too, counts alone: if the parts of a concatenation counted, its cost would fall as parts are
/// dropped, and a second run of a pass would push further than the first.
pub fn element_cost(node: &Node, of: impl Fn(&Expr) -> u64) -> u64 {
    let below = if node.op.ends_loop() { 0 } else { node.op.args().into_iter().map(of).fold(0, u64::saturating_add) };
    below.saturating_add(node.op.cost())
}
