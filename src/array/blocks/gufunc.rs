//! Generalised ufuncs: functions of the last axes of arrays, repeated over all others, by NumPy's signatures such as `(i,j),(j)->(i)`.

use super::values::OfBlocks;
use super::{called, of_type};
use crate::array::elementwise::{broadcast, common_shape};
use crate::array::{Array, ArrayElement, Index, counted};
use crate::error::{Error, Result};
use crate::expr::{BlockArg, BlockFn, BlockInfo, CallAxis, Expr, Function};
use crate::grid::{AxisChunks, ChunkGrid};
use ndarray::{ArrayD, ArrayViewD, IxDyn};
use std::sync::Arc;

const NAME: &str = "apply_gufunc";

/// Lengths of core axes that are results' alone.
pub type CoreSizes<'a> = &'a [(&'a str, u64)];

/// A signature: the names of the core axes of each argument and each result.
#[derive(Clone, Debug, PartialEq)]
struct Signature {
    args: Vec<Vec<String>>,
    results: Vec<Vec<String>>,
}

impl Signature {
    /// As NumPy writes them; spaces do not matter.
    fn of(text: &str) -> Result<Signature> {
        let bad = || Error::bad_request(NAME, format!("the signature '{text}'; expected one such as '(i,j),(j)->(i)'"));
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let (args, results) = packed.split_once("->").ok_or_else(bad)?;
        let is_name = |name: &str| {
            let mut letters = name.chars();
            letters.next().is_some_and(|c| c.is_alphabetic() || c == '_') && letters.all(|c| c.is_alphanumeric() || c == '_')
        };
        let side = |side: &str| -> Option<Vec<Vec<String>>> {
            let inner = side.strip_prefix('(')?.strip_suffix(')')?;
            let one = |core: &str| match core {
                "" => Some(Vec::new()),
                core => core.split(',').map(|name| is_name(name).then(|| name.to_string())).collect(),
            };
            inner.split("),(").map(one).collect()
        };
        match (side(args), side(results)) {
            (Some(args), Some(results)) => Ok(Signature { args, results }),
            _ => Err(bad()),
        }
    }

    /// The lengths of all core axes, by name.
    fn sizes(&self, args: &[Expr], declared: &[(String, u64)]) -> Result<Vec<(String, u64)>> {
        let mut sizes: Vec<(String, u64)> = declared.to_vec();
        for (n, (core, arg)) in self.args.iter().zip(args).enumerate() {
            let Some(skip) = arg.shape.len().checked_sub(core.len()) else {
                let what = format!("argument {n} of shape {:?} for ({}); expected {} axes at least", arg.shape, core.join(","), core.len());
                return Err(Error::bad_request(NAME, what));
            };
            for (name, &len) in core.iter().zip(&arg.shape[skip..]) {
                match sizes.iter().find(|(known, _)| known == name) {
                    None => sizes.push((name.clone(), len)),
                    Some((_, known)) if *known == len => {}
                    Some((_, known)) => {
                        return Err(Error::bad_request(
                            NAME,
                            format!("the core axis '{name}' has lengths {known} and {len}; expected one"),
                        ));
                    }
                }
            }
        }
        let results = self.results.iter().flatten();
        if let Some(name) = results.into_iter().find(|name| !sizes.iter().any(|(known, _)| known == *name)) {
            return Err(Error::bad_request(NAME, format!("the core axis '{name}' is of no argument; expected its length")));
        }
        Ok(sizes)
    }
}

fn lengths(core: &[String], sizes: &[(String, u64)]) -> Vec<u64> {
    core.iter().filter_map(|name| sizes.iter().find(|(known, _)| known == name)).map(|(_, n)| *n).collect()
}

/// All results, each flattened along its core axes, one after the other along a last axis; and the core shapes.
fn packed<T: ArrayElement, U: ArrayElement>(
    signature: &Signature,
    args: &[Expr],
    declared: &[(String, u64)],
    f: &Arc<impl Fn(&[ArrayViewD<'_, T>]) -> Vec<ArrayD<U>> + Send + Sync + 'static>,
) -> Result<(Expr, Vec<Vec<u64>>)> {
    let sizes = signature.sizes(args, declared)?;
    let cores: Vec<Vec<u64>> = signature.results.iter().map(|core| lengths(core, &sizes)).collect();
    if let Some((name, _)) = sizes.iter().find(|(_, n)| *n == 0) {
        return Err(Error::bad_request(NAME, format!("the core axis '{name}' has no element")));
    }
    let loops: Vec<&[u64]> = args.iter().zip(&signature.args).map(|(arg, core)| &arg.shape[..arg.shape.len() - core.len()]).collect();
    let looped = common_shape(NAME, &loops)?;
    let (ndim, total) = (looped.len(), cores.iter().map(|core| core.iter().product::<u64>()).sum::<u64>());
    // along the loop, what is made, then the core axes of the arguments by name
    let mut axes = vec![CallAxis::Free; ndim];
    axes.push(CallAxis::Cut(AxisChunks::whole(total)));
    axes.extend(sizes.iter().map(|(_, n)| CallAxis::Cut(AxisChunks::whole(*n))));
    let mut called_with = Vec::new();
    for (arg, core) in args.iter().zip(&signature.args) {
        let shape = [&looped[..], &lengths(core, &sizes)].concat();
        let at = |name: &String| sizes.iter().position(|(known, _)| known == name).map(|at| ndim + 1 + at);
        let follows = (0..ndim).chain(core.iter().filter_map(at)).collect();
        called_with.push(BlockArg { expr: broadcast(NAME, arg, &shape)?, axes: follows, sees: Vec::new() });
    }
    let Some(first) = called_with.first() else { return Err(Error::bad_request(NAME, "no argument; expected one at least")) };
    let mut chunks = first.expr.chunks.axes[..ndim].to_vec();
    chunks.push(AxisChunks::whole(total));
    let (of_results, f) = (cores.clone(), f.clone());
    let gives = move |info: &BlockInfo, args: &[ArrayViewD<'_, T>]| -> ArrayD<U> {
        let made = f(args);
        assert_eq!(made.len(), of_results.len(), "the function gave another number of results (left) than its signature says (right)");
        let looped: Vec<usize> = info.region.0[..ndim].iter().map(|span| span.len as usize).collect();
        let flat = |(made, core): (&ArrayD<U>, &Vec<u64>)| {
            let shape: Vec<usize> = looped.iter().copied().chain(core.iter().map(|&n| n as usize)).collect();
            assert_eq!(made.shape(), shape, "the function gave a block of another shape (left) than was declared (right)");
            let len = core.iter().product::<u64>() as usize;
            let shape: Vec<usize> = looped.iter().copied().chain([len]).collect();
            made.to_shape(IxDyn(&shape)).unwrap_or_else(|_| unreachable!("as many elements")).into_owned()
        };
        let mut flat: Vec<ArrayD<U>> = made.iter().zip(&of_results).map(flat).collect();
        if flat.len() == 1 {
            return flat.remove(0);
        }
        let views: Vec<ArrayViewD<'_, U>> = flat.iter().map(|array| array.view()).collect();
        ndarray::concatenate(ndarray::Axis(ndim), &views).unwrap_or_else(|_| unreachable!("of one loop"))
    };
    let f: Arc<dyn BlockFn> = Arc::new(OfBlocks::new(gives));
    let chunks = ChunkGrid { axes: chunks };
    let expr = called(Function { name: NAME.into(), f: f.into(), args: called_with, axes, dtype: U::DTYPE, chunks })?;
    Ok((expr, cores))
}

/// Results from where they stand one after the other.
fn unpacked(all: &Array, ndim: usize, cores: &[Vec<u64>]) -> Result<Vec<Array>> {
    let mut at = 0i64;
    let mut results = Vec::new();
    for core in cores {
        let len = core.iter().product::<u64>() as i64;
        let item = if core.is_empty() { Index::Int(at) } else { Index::Slice(Some(at), Some(at + len), None) };
        let mut items = vec![Index::WHOLE; ndim];
        items.push(item);
        at += len;
        let part = all.index(items);
        results.push(match core.len() {
            0 | 1 => part,
            _ => {
                let shape = [&all.shape()?[..ndim], core].concat();
                part.reshape(shape)
            }
        });
    }
    Ok(results)
}

/// `f` of the core axes of `args`, the last ones, by a signature such as `(i,j),(j)->(i)`, repeated over all others, which are
/// broadcast against each other. `f` is given blocks: as many places of the other axes as a task has room for, then the core axes
/// whole; it gives an array a result, with the same places and the result's core axes. `sizes` has the lengths of core axes that
/// no argument has. All results are made in one read.
///
/// ```
/// use flagstone::array::apply_gufunc;
/// use ndarray::Axis;
/// let x = flagstone::ones([5, 3], flagstone::DType::F64);
/// let both = |blocks: &[ndarray::ArrayViewD<f64>]| {
///     let last = Axis(blocks[0].ndim() - 1);
///     vec![blocks[0].sum_axis(last), blocks[0].mapv(|v| v + 1.0)]
/// };
/// let found = apply_gufunc("(i)->(),(i)", &[&x], &[], both);
/// assert_eq!(found[0].compute::<f64>().unwrap().as_slice().unwrap(), [3.0; 5]);
/// assert_eq!(found[1].shape().unwrap(), [5, 3]);
/// ```
#[track_caller]
pub fn apply_gufunc<T: ArrayElement, U: ArrayElement>(
    signature: &str,
    args: &[&Array],
    sizes: CoreSizes<'_>,
    f: impl Fn(&[ArrayViewD<'_, T>]) -> Vec<ArrayD<U>> + Send + Sync + 'static,
) -> Vec<Array> {
    let sizes: Vec<(String, u64)> = sizes.iter().map(|(name, n)| (name.to_string(), *n)).collect();
    let f = Arc::new(f);
    let make = || -> Result<Vec<Array>> {
        let signature = Signature::of(signature)?;
        if signature.args.len() != args.len() {
            let what = format!("{} arguments for a signature of {}", args.len(), signature.args.len());
            return Err(Error::bad_request(NAME, what));
        }
        let exprs = args.iter().map(|array| of_type::<T>(NAME, array)).collect::<Result<Vec<_>>>()?;
        if !exprs.iter().any(|expr| expr.is_counted()) {
            let (all, cores) = packed(&signature, &exprs, &sizes, &f)?;
            return unpacked(&Array::from_expr(all.clone()), all.shape.len() - 1, &cores);
        }
        // each waits for the lengths by itself
        let one = |n: usize| {
            let (signature, sizes, f) = (signature.clone(), sizes.clone(), f.clone());
            let result = counted::when_known(NAME, &exprs, &[], move |args| {
                let (all, cores) = packed(&signature, args, &sizes, &f)?;
                unpacked(&Array::from_expr(all.clone()), all.shape.len() - 1, &cores)?[n].expr()
            });
            result.map(Array::from_expr)
        };
        (0..signature.results.len()).map(one).collect()
    };
    make().unwrap_or_else(|error| vec![Array::build(|| Err(error))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read_as_numpy_reads_them() {
        let of = |text: &str| Signature::of(text).map(|found| (found.args, found.results));
        let names =
            |all: &[&[&str]]| all.iter().map(|core| core.iter().map(|name| name.to_string()).collect()).collect::<Vec<Vec<String>>>();
        assert_eq!(of("(i, j),(j) -> (i),()").unwrap(), (names(&[&["i", "j"], &["j"]]), names(&[&["i"], &[]])));
        assert_eq!(of("()->()").unwrap(), (names(&[&[]]), names(&[&[]])));
        for bad in ["", "(i)", "(i->(i)", "i->i", "(i,)->()", "(1)->()", "(i)(j)->()"] {
            assert!(of(bad).unwrap_err().to_string().contains("expected one such as"), "{bad}");
        }
    }
}
