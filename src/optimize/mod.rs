//! Expr → Expr. Less work for the same bits: no pass changes the shape, dtype, chunks or value of a root,
//! nor the cells of a reduction, and none knows the memory limit.

mod common;
mod expand;
mod fold;
mod pushdown;
mod rechunk;
#[cfg(test)]
mod tests;
mod window;

use crate::error::{Error, Result};
use crate::expr::{Cells, Cut, Expr, postorder, rebuild, recut};
use crate::sizes::NumericsSizes;
use std::collections::HashSet;

/// A pass: what stands in the place of each root.
type Pass = fn(&[Expr]) -> Result<Vec<Expr>>;

/// Always run. Equal masks have to be one node before masked operands can be seen to fit each other.
const EXPAND: &[(&str, Pass)] = &[("common subexpressions", common::pass), ("expand", expand::pass)];

/// Rechunks go first: push-down and folding then meet no node that only renames chunks. Casts are folded
/// before push-down, so that it copies fewer steps. Push-down makes equal views out of slices that were
/// taken at different heights; the last pass joins them.
const PASSES: &[(&str, Pass)] =
    &[("rechunk removal", rechunk::pass), ("fold", fold::pass), ("push-down", pushdown::pass), ("common subexpressions", common::pass)];

/// Rewrites what lowering does not know, and what fixes bits: reductions of masked arrays become masked
/// reductions over cells of the whole array. Runs with and without optimisation, so that both agree.
///
/// # Errors
/// What has no meaning after all, as the minimum of a masked array without elements.
pub fn expand(roots: &[Expr]) -> Result<Vec<Expr>> {
    run(EXPAND, roots.to_vec())
}

/// `expand`, then fewer operations on fewer elements: equal operations once, slices taken where data
/// begins. No `Rechunk` is left but of selections that are not counted. What it returns it leaves as it is when it runs again.
///
/// # Errors
/// As `expand`.
pub fn optimize(roots: &[Expr]) -> Result<Vec<Expr>> {
    let expanded = expand(roots)?;
    let optimised = run(PASSES, expanded.clone())?;
    check_cells(&expanded, &optimised)?;
    Ok(optimised)
}

/// Cuts reductions by the sizes of the runtime that computes them. Between `expand` and `optimize`, while arguments have
/// the chunks that users gave them.
///
/// # Errors
/// As `expand`.
pub fn cut(roots: &[Expr], sizes: &NumericsSizes) -> Result<Vec<Expr>> {
    if *sizes == NumericsSizes::default() {
        return Ok(roots.to_vec());
    }
    rebuild(roots, |node| match recut(&node.op, sizes) {
        Some(op) => node.replaced_by(op, node.chunks.clone()),
        None => Ok(node.clone()),
    })
}

fn run(passes: &[(&str, Pass)], mut roots: Vec<Expr>) -> Result<Vec<Expr>> {
    for (name, pass) in passes {
        let after = pass(&roots)?;
        check(name, &roots, &after)?;
        roots = after;
    }
    Ok(roots)
}

/// A pass keeps shape, dtype and chunks of the roots.
fn check(pass: &str, before: &[Expr], after: &[Expr]) -> Result<()> {
    for (a, b) in before.iter().zip(after) {
        if a.shape != b.shape || a.dtype != b.dtype || a.chunks != b.chunks {
            let what = format!("{pass} turned {} {:?} {} into {} {:?} {}", a.op.name(), a.shape, a.dtype, b.op.name(), b.shape, b.dtype);
            return Err(Error::internal(what));
        }
    }
    Ok(())
}

/// No reduction is cut as none was cut before: the cells are part of the arithmetic.
fn check_cells(before: &[Expr], after: &[Expr]) -> Result<()> {
    let nodes = postorder(before);
    let known: HashSet<&[Cells]> = nodes.iter().filter_map(|node| node.op.cut()).map(|cut| cut.cells).collect();
    for node in postorder(after) {
        if let Some(Cut { cells, .. }) = node.op.cut()
            && !known.contains(cells)
        {
            return Err(Error::internal(format!("optimising left a {} in other cells", node.op.name())));
        }
    }
    Ok(())
}
