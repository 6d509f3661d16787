//! Einstein's summation: text of labels → products by labels, two at a time. For up to [`EXACT_MAX`] operands the order
//! that takes the fewest multiplications is found; for more, the cheapest pair is taken each time.

use super::contract::{Label, Labelled, contract, inside};
use super::diagonal::diagonal;
use super::elementwise::cast;
use super::{Array, counted};
use crate::error::{Error, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::DType;

/// Of more operands than this not every order is looked at.
const EXACT_MAX: usize = 8;
/// Labels of the axes that an ellipsis stands for, counted from the last one.
const ELLIPSIS: Label = 1 << 16;

fn bad(what: String) -> Error {
    Error::bad_request("einsum", what)
}

/// The labels of one term, in two where an ellipsis stands.
#[derive(Clone, Debug)]
struct Term {
    before: Vec<Label>,
    after: Option<Vec<Label>>,
}

impl Term {
    fn read(text: &str) -> Result<Term> {
        let labels = |part: &str| -> Result<Vec<Label>> {
            let one = |c: char| match c {
                c if c.is_ascii_alphabetic() => Ok(c as Label),
                c => Err(bad(format!("{c:?} in {text:?}; expected letters, one ellipsis (...), commas, and -> before the result"))),
            };
            part.chars().map(one).collect()
        };
        match text.split_once("...") {
            None => Ok(Term { before: labels(text)?, after: None }),
            Some((before, after)) => Ok(Term { before: labels(before)?, after: Some(labels(after)?) }),
        }
    }

    /// The labels of `ndim` axes.
    fn of(&self, number: usize, ndim: usize) -> Result<Vec<Label>> {
        let Some(after) = &self.after else {
            if self.before.len() != ndim {
                let n = self.before.len();
                return Err(bad(format!(
                    "operand {number} has {ndim} axes, its subscripts name {n}; expected as many, or an ellipsis (...)"
                )));
            }
            return Ok(self.before.clone());
        };
        let named = self.before.len() + after.len();
        let hidden = ndim
            .checked_sub(named)
            .ok_or_else(|| bad(format!("operand {number} has {ndim} axes, its subscripts name {named}; expected at most as many")))?;
        Ok(self.before.iter().copied().chain(hidden_labels(hidden)).chain(after.iter().copied()).collect())
    }
}

fn hidden_labels(n: usize) -> impl Iterator<Item = Label> {
    (0..n).rev().map(|at| ELLIPSIS + at as Label)
}

fn name(label: Label) -> String {
    char::from_u32(label).filter(char::is_ascii_alphabetic).map_or_else(|| "...".to_string(), |c| c.to_string())
}

/// Subscripts, read: a term an operand, and that of the result where it is given.
#[derive(Clone, Debug)]
struct Subscripts {
    terms: Vec<Term>,
    out: Option<Term>,
}

impl Subscripts {
    fn read(text: &str) -> Result<Subscripts> {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (inputs, out) = match text.split_once("->") {
            Some((inputs, out)) => (inputs, Some(Term::read(out)?)),
            None => (text.as_str(), None),
        };
        Ok(Subscripts { terms: inputs.split(',').map(Term::read).collect::<Result<_>>()?, out })
    }

    /// The labels of the result, where those of the operands are `labels`.
    fn result(&self, labels: &[Vec<Label>]) -> Result<Vec<Label>> {
        let hidden = labels.iter().flatten().filter(|&&label| label >= ELLIPSIS).map(|label| label - ELLIPSIS + 1).max().unwrap_or(0);
        let Some(out) = &self.out else {
            // alphabetically, what occurs once
            let mut once: Vec<Label> = labels.iter().flatten().copied().filter(|&label| label < ELLIPSIS).collect();
            once.sort_unstable();
            let alone = |at: usize| (at == 0 || once[at - 1] != once[at]) && once.get(at + 1) != Some(&once[at]);
            let once = (0..once.len()).filter(|&at| alone(at)).map(|at| once[at]).collect::<Vec<_>>();
            return Ok(hidden_labels(hidden as usize).chain(once).collect());
        };
        if out.after.is_none() && hidden > 0 {
            return Err(bad("the ellipsis of the operands stands for axes, and the result has none; expected ... in the result".into()));
        }
        let all: Vec<Label> = match &out.after {
            None => out.before.clone(),
            Some(after) => out.before.iter().copied().chain(hidden_labels(hidden as usize)).chain(after.iter().copied()).collect(),
        };
        for (at, &label) in all.iter().enumerate() {
            if all[..at].contains(&label) {
                return Err(bad(format!("the result has the subscript {:?} twice; expected each once", name(label))));
            }
            if !labels.iter().any(|labels| labels.contains(&label)) {
                return Err(bad(format!("the result has the subscript {:?}, which no operand has", name(label))));
            }
        }
        Ok(all)
    }
}

/// The operand with each label once: of axes with the same label, the diagonal.
fn without_repeats(expr: &Expr, mut labels: Vec<Label>) -> Result<Labelled> {
    let mut expr = expr.clone();
    loop {
        let repeat = (0..labels.len()).find_map(|j| labels[..j].iter().position(|&label| label == labels[j]).map(|i| (i, j)));
        let Some((i, j)) = repeat else { return Ok(Labelled { expr, labels }) };
        let (n, m) = (expr.shape[i], expr.shape[j]);
        if n != m {
            return Err(bad(format!("the subscript {:?} stands for axes of length {n} and {m} of one operand", name(labels[i]))));
        }
        expr = diagonal(&expr, 0, [i, j])?;
        let label = labels.remove(j);
        labels.remove(i);
        labels.push(label);
    }
}

/// In which order pairs of operands are multiplied: places among those that are left, the product going to the end.
fn path(operands: &[Vec<Label>], out: &[Label], length: &impl Fn(Label) -> f64) -> Vec<(usize, usize)> {
    if operands.len() <= EXACT_MAX { exact_path(operands, out, length) } else { greedy_path(operands, out, length) }
}

/// What a product of `own` operands, given by bits, has: labels that the result or another operand has, too.
fn left(operands: &[Vec<Label>], out: &[Label], own: usize) -> Vec<Label> {
    let (mut inside, mut outside) = (Vec::new(), out.to_vec());
    for (at, labels) in operands.iter().enumerate() {
        if own >> at & 1 == 1 { inside.extend(labels) } else { outside.extend(labels) }
    }
    inside.sort_unstable();
    inside.dedup();
    inside.retain(|label| outside.contains(label));
    inside
}

fn cost(a: &[Label], b: &[Label], length: &impl Fn(Label) -> f64) -> f64 {
    let more = b.iter().filter(|label| !a.contains(label));
    a.iter().chain(more).map(|&label| length(label)).product()
}

/// The order of least multiplications: the best for every set of operands from those for its parts.
fn exact_path(operands: &[Vec<Label>], out: &[Label], length: &impl Fn(Label) -> f64) -> Vec<(usize, usize)> {
    let n = operands.len();
    let labels: Vec<Vec<Label>> = (0..1usize << n)
        .map(|own| if own.count_ones() == 1 { operands[own.trailing_zeros() as usize].clone() } else { left(operands, out, own) })
        .collect();
    let mut best = vec![(0.0, 0usize); 1 << n];
    for own in 1..1usize << n {
        if own.count_ones() < 2 {
            continue;
        }
        let mut least = (f64::INFINITY, 0);
        // each division into two once: the first operand is on the left
        let mut part = (own - 1) & own;
        while part > 0 {
            if part & own & own.wrapping_neg() != 0 {
                let rest = own & !part;
                let total = best[part].0 + best[rest].0 + cost(&labels[part], &labels[rest], length);
                if total < least.0 || least.1 == 0 {
                    least = (total, part);
                }
            }
            part = (part - 1) & own;
        }
        best[own] = least;
    }
    // the products, inner ones first
    let (mut order, mut todo) = (Vec::new(), vec![(1usize << n) - 1]);
    while let Some(own) = todo.pop() {
        if own.count_ones() > 1 {
            order.push(own);
            todo.extend([best[own].1, own & !best[own].1]);
        }
    }
    let mut standing: Vec<usize> = (0..n).map(|at| 1 << at).collect();
    let mut pairs = Vec::new();
    for own in order.into_iter().rev() {
        let place = |part: usize| standing.iter().position(|&other| other == part).unwrap_or_default();
        let pair = (place(best[own].1), place(own & !best[own].1));
        standing.retain(|part| own & part == 0);
        standing.push(own);
        pairs.push(pair);
    }
    pairs
}

/// Each time the pair whose product is the smallest beside what it replaces.
fn greedy_path(operands: &[Vec<Label>], out: &[Label], length: &impl Fn(Label) -> f64) -> Vec<(usize, usize)> {
    let mut standing = operands.to_vec();
    let mut pairs = Vec::new();
    let size = |labels: &[Label]| labels.iter().map(|&label| length(label)).product::<f64>();
    while standing.len() > 1 {
        let mut least = (f64::INFINITY, 0, 1, Vec::new());
        for i in 0..standing.len() {
            for j in i + 1..standing.len() {
                let made = left(&standing, out, 1 << i | 1 << j);
                let growth = size(&made) - size(&standing[i]) - size(&standing[j]);
                if growth < least.0 || least.3.is_empty() && growth == least.0 {
                    least = (growth, i, j, made);
                }
            }
        }
        let (_, i, j, made) = least;
        standing.remove(j);
        standing.remove(i);
        standing.push(made);
        pairs.push((i, j));
    }
    pairs
}

/// `einsum` of arrays whose lengths are known.
pub(super) fn summed(subscripts: &str, exprs: &[Expr], dtype: Option<DType>) -> Result<Expr> {
    let subscripts = Subscripts::read(subscripts)?;
    if subscripts.terms.len() != exprs.len() {
        return Err(bad(format!("{} terms for {} operands; expected as many", subscripts.terms.len(), exprs.len())));
    }
    let labels: Vec<Vec<Label>> =
        subscripts.terms.iter().zip(exprs).enumerate().map(|(at, (term, expr))| term.of(at, expr.shape.len())).collect::<Result<_>>()?;
    let out = subscripts.result(&labels)?;
    let mut common = exprs.iter().map(|expr| expr.dtype).reduce(DType::promote).unwrap_or(DType::F64);
    if let Some(dtype) = dtype {
        if common.promote(dtype) != dtype {
            return Err(bad(format!("dtype={dtype} cannot hold every {common}; cast the operands with astype first")));
        }
        common = dtype;
    }
    let mut standing: Vec<Labelled> = Vec::with_capacity(exprs.len());
    for (expr, labels) in exprs.iter().zip(labels) {
        standing.push(without_repeats(&cast(expr, inside(common))?, labels)?);
    }
    for at in 0..standing.len() {
        for &label in &standing[at].labels {
            let (n, longest) = (standing[at].len(label), standing.iter().filter_map(|other| other.len(label)).find(|&n| n != 1));
            if n != Some(1) && n != longest {
                let lengths = [longest.unwrap_or(1), n.unwrap_or(1)];
                return Err(bad(format!("the subscript {:?} stands for axes of length {} and {}", name(label), lengths[0], lengths[1])));
            }
        }
    }
    let lengths = |standing: &[Labelled], label: Label| standing.iter().filter_map(|one| one.len(label)).find(|&n| n != 1).unwrap_or(1);
    if standing.len() == 1 {
        let one = standing.remove(0).summed(&out)?;
        return cast(&one.ordered(&out)?, common);
    }
    let operands: Vec<Vec<Label>> = standing.iter().map(|one| one.labels.clone()).collect();
    let all = standing.clone();
    for (i, j) in path(&operands, &out, &|label| lengths(&all, label) as f64) {
        let (b, a) = (standing.remove(i.max(j)), standing.remove(i.min(j)));
        let rest: Vec<Label> = standing.iter().flat_map(|one| one.labels.iter().copied()).collect();
        let own = a.labels.iter().chain(b.labels.iter().filter(|label| !a.labels.contains(label)));
        let kept: Vec<Label> = match standing.is_empty() {
            true => out.clone(),
            false => own.copied().filter(|label| out.contains(label) || rest.contains(label)).collect(),
        };
        standing.push(contract("einsum", a, b, &kept)?);
    }
    let last = standing.pop().ok_or_else(|| bad("no operand; expected at least one".into()))?;
    cast(&last.expr, common)
}

/// NumPy's `einsum`: products of arrays whose axes are labelled by letters, summed over those that the result has not.
/// Without `->` the result has the letters that occur once, in alphabetical order. `...` stands for axes that broadcast.
///
/// ```
/// use flagstone::{DType, array::einsum, ones};
/// let (a, b) = (ones([2, 3], DType::F64), ones([3, 4], DType::F64));
/// assert_eq!(einsum("ij,jk->ki", &[&a, &b]).shape().unwrap(), [4, 2]);
/// assert_eq!(einsum("ij,jk", &[&a, &b]).shape().unwrap(), [2, 4]);
/// assert_eq!(einsum("...j->...", &[&a]).shape().unwrap(), [2]);
/// assert!(einsum("ij,jk->z", &[&a, &b]).check().unwrap_err().to_string().contains("which no operand has"));
/// ```
#[track_caller]
pub fn einsum(subscripts: &str, operands: &[&Array]) -> Array {
    Array::build(|| {
        let exprs = operands.iter().map(|array| array.expr()).collect::<Result<Vec<_>>>()?;
        let subscripts = subscripts.to_string();
        counted::when_known("einsum", &exprs, &[], move |exprs| summed(&subscripts, exprs, None))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<Label> {
        text.chars().map(|c| c as Label).collect()
    }

    #[test]
    fn the_cheapest_order_is_found() {
        let operands = ["ab", "bc", "cd"].map(labels).to_vec();
        let tall = |label: Label| if label == 'c' as Label { 1000.0 } else { 10.0 };
        // (bc, cd) first: 10·1000·10, then 10·10·10
        assert_eq!(exact_path(&operands, &labels("ad"), &tall), [(1, 2), (0, 1)]);
        let wide = |label: Label| if label == 'b' as Label { 1000.0 } else { 10.0 };
        assert_eq!(exact_path(&operands, &labels("ad"), &wide), [(0, 1), (1, 0)]);
        assert_eq!(greedy_path(&operands, &labels("ad"), &wide).len(), 2);
    }

    #[test]
    fn every_order_of_a_chain_multiplies_all() {
        for n in [3, 8, 12] {
            let operands: Vec<Vec<Label>> = (0..n).map(|at| vec![at, at + 1]).collect();
            let mut standing: Vec<Vec<u32>> = (0..n).map(|at| vec![at]).collect();
            for (i, j) in path(&operands, &[0, n], &|label| f64::from(label % 3 + 2)) {
                let (b, a) = (standing.remove(i.max(j)), standing.remove(i.min(j)));
                standing.push([a, b].concat());
            }
            assert_eq!(standing.len(), 1);
            standing[0].sort_unstable();
            assert_eq!(standing[0], (0..n).collect::<Vec<_>>());
        }
    }
}
