//! Values → how many bins of equal width a histogram of them should have, by one of NumPy's rules.

use super::tally::{self, Edges};
use crate::array::as_many::as_many;
use crate::array::composed::{composed, composed_as};
use crate::array::{Array, Index, counted, full, where_};
use crate::error::{Error, Result};
use crate::sizes::graph::COUNTED_BINS_MAX;
use flagstone_kernels::dtype::DType;

/// How the width of a bin follows from the values, as NumPy's `histogram_bin_edges` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Auto,
    Doane,
    FreedmanDiaconis,
    Rice,
    Scott,
    SquareRoot,
    Sturges,
}

impl Rule {
    /// By its name.
    ///
    /// # Errors
    /// For what is none, and for 'stone'.
    pub(super) fn named(operation: &str, name: &str) -> Result<Rule> {
        Ok(match name {
            "auto" => Rule::Auto,
            "doane" => Rule::Doane,
            "fd" => Rule::FreedmanDiaconis,
            "rice" => Rule::Rice,
            "scott" => Rule::Scott,
            "sqrt" => Rule::SquareRoot,
            "sturges" => Rule::Sturges,
            "stone" => {
                let what = "the rule 'stone', which makes a histogram for each number of bins up to the root of the number of values";
                return Err(Error::unsupported(operation, what));
            }
            other => {
                let what = format!("'{other}' as a rule for bins; expected auto, doane, fd, rice, scott, sqrt or sturges");
                return Err(Error::bad_request(operation, what));
            }
        })
    }

    /// The width of a bin of `values`, float64, of which there are some.
    ///
    /// Sources: Freedman and Diaconis (1981); Scott (1979); Doane (1976); Sturges (1926).
    fn width(self, values: &Array) -> Result<Array> {
        let n = values.size()? as f64;
        let span = || values.max(..) - values.min(..);
        let root = || span() / n.sqrt();
        let sturges = || span() / (n.log2() + 1.0);
        let between_quarters = || {
            let quarters = values.quantile([0.25, 0.75], ..);
            (quarters.index([Index::Int(1)]) - quarters.index([Index::Int(0)])) * (2.0 * n.powf(-1.0 / 3.0))
        };
        Ok(match self {
            Rule::SquareRoot => root(),
            Rule::Sturges => sturges(),
            Rule::Rice => span() / (2.0 * n.powf(1.0 / 3.0)),
            Rule::Scott => values.std(..) * (24.0 * std::f64::consts::PI.sqrt() / n).powf(1.0 / 3.0),
            Rule::FreedmanDiaconis => between_quarters(),
            Rule::Auto => between_quarters().maximum(root() / 2.0).minimum(sturges()),
            Rule::Doane if n <= 2.0 => values.min(..) * 0.0,
            Rule::Doane => {
                let spread = (6.0 * (n - 2.0) / ((n + 1.0) * (n + 3.0))).sqrt();
                let deviation = values.std(..);
                let lean = ((values - values.mean(..)) / &deviation).pow(3.0).mean(..);
                let width = span() / ((lean.abs() / spread + 1.0).log2() + (1.0 + n.log2()));
                where_(deviation.gt(0.0), width, 0.0)
            }
        })
    }
}

/// How many bins: a number without axes.
fn bins(x: &Array, rule: Rule, range: Option<(f64, f64)>) -> Result<Array> {
    let is_whole = !x.dtype()?.is_float();
    let x = x.astype(DType::F64);
    let inside = match range {
        Some((low, high)) => x.index([Index::Array(x.ge(low).logical_and(x.le(high)))]),
        None => x,
    };
    Ok(composed("histogram", &[&inside], move |arrays| {
        let values = &arrays[0];
        if values.size()? == 0 {
            return Ok(full(Vec::<u64>::new(), 1.0, Some(DType::F64)));
        }
        let span = match range {
            Some((low, high)) => full(Vec::<u64>::new(), high - low, Some(DType::F64)),
            None => values.max(..) - values.min(..),
        };
        let width = rule.width(values)?;
        // whole numbers have no bins between them
        let width = if is_whole { where_(width.gt(0.0), width.maximum(1.0), &width) } else { width };
        Ok(where_(width.eq(0.0), 1.0, (span / width).ceil()))
    }))
}

/// Counts and edges by a rule; the bins are counted first.
pub(super) fn histogram(name: &str, x: &Array, rule: Rule, range: Option<(f64, f64)>, density: bool) -> Result<[Array; 2]> {
    let edges = Array::from_expr(as_many(&(bins(x, rule, range)? + 1.0), COUNTED_BINS_MAX)?);
    let between = edges.index([Index::Slice(Some(1), None, None)]);
    let one = tally::histogram(x, Edges::Even(1, range), density, None)?;
    let made = move |arrays: &[Array]| {
        let n = arrays[1].shape()?[0];
        if !(2..COUNTED_BINS_MAX).contains(&n) {
            let what = format!("a rule that gives no number of bins below {COUNTED_BINS_MAX}; expected finite values, or a range");
            return Err(Error::bad_request("histogram", what));
        }
        tally::histogram(&arrays[0], Edges::Even(n - 1, range), density, None)
    };
    let known = |lengths: &Array, dtype: DType| Ok((counted::lengths(&lengths.expr()?), dtype));
    let made_edges = made;
    let counts = composed_as(name, &[x, &edges], known(&between, one.0.dtype()?), move |arrays| Ok(made(arrays)?.0));
    let edges = composed_as(name, &[x, &edges], known(&edges, one.1.dtype()?), move |arrays| Ok(made_edges(arrays)?.1));
    counts.check()?;
    edges.check()?;
    Ok([counts, edges])
}
