//! Expr → text, for `explain` and messages.

use super::Expr;
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
        let detail = node.op.detail();
        if !detail.is_empty() {
            if !args.is_empty() {
                args.push_str(", ");
            }
            args.push_str(&detail);
        }
        let shape: Vec<String> = node.lengths();
        let _ = writeln!(out, "%{number} = {}({args})  [{}] {}", node.op.name(), shape.join(", "), node.dtype);
        numbers.insert(node.id, number);
    }
    out
}
