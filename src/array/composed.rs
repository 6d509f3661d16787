//! Functions that are made of other functions: built at once where all lengths are known, else when they are counted.

use super::Array;
use super::counted::{self, Length};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow};
use flagstone_kernels::dtype::DType;

/// A function that would need more pieces than these of its argument is refused: planning costs as many operations.
pub(super) const PIECES_MAX: u64 = 4096;

/// What `f` makes of `arrays`, of which it may ask the shapes. An error of `f` is the caller's, not one of a line of ours.
#[track_caller]
pub(super) fn composed(name: &str, arrays: &[&Array], f: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static) -> Array {
    composed_of(name, arrays, &[], f)
}

/// As [`composed`], where a length that is not known yet may have to be one of `lengths`.
#[track_caller]
pub(super) fn composed_of(
    name: &str,
    arrays: &[&Array],
    lengths: &[u64],
    f: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static,
) -> Array {
    Array::build(|| counted::when_known(name, &exprs(arrays)?, lengths, of_arrays(f)))
}

/// As [`composed`], of a result of the lengths and the dtype `known` where lengths of `arrays` are not known yet.
#[track_caller]
pub(super) fn composed_as(
    name: &str,
    arrays: &[&Array],
    known: Result<(Vec<Length>, DType)>,
    f: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static,
) -> Array {
    Array::build(|| counted::deferred(name, &exprs(arrays)?, || known, of_arrays(f)))
}

fn exprs(arrays: &[&Array]) -> Result<Vec<Expr>> {
    arrays.iter().map(|array| array.expr()).collect()
}

fn of_arrays(f: impl Fn(&[Array]) -> Result<Array>) -> impl Fn(&[Expr]) -> Result<Expr> {
    move |exprs| {
        let arrays: Vec<Array> = exprs.iter().cloned().map(Array::from_expr).collect();
        f(&arrays).and_then(|made| made.expr()).map_err(Error::without_place)
    }
}

/// Refuses what would be made of more pieces than [`PIECES_MAX`].
pub(super) fn check_pieces(operation: &str, pieces: u64, instead: &str) -> Result<()> {
    match pieces <= PIECES_MAX {
        true => Ok(()),
        false => Err(Error::unsupported(operation, format!("{pieces} pieces, over {PIECES_MAX}; {instead}"))),
    }
}

/// Places along an axis: the first one, the step (0 repeats it) and how many.
pub(super) type Stretch = (i64, i64, u64);

/// The places `stretches` of an axis, one stretch after the other: views, so that a slice of it reads what it needs.
pub(super) fn picked(operation: &str, x: &Expr, axis: usize, stretches: &[Stretch]) -> Result<Expr> {
    let one = |&(start, step, len): &Stretch| {
        let mut view = Affine::identity(&x.shape);
        let (start, step) = match len {
            0 => (0, 1),
            1 => (start, 1),
            _ => (start, step),
        };
        view.source[axis] = Follow { start, step, axis: (step != 0).then_some(axis) };
        view.shape[axis] = len;
        super::manipulate::view(x, view)
    };
    let full: Vec<&Stretch> = stretches.iter().filter(|stretch| stretch.2 > 0).collect();
    check_pieces(operation, full.len() as u64, "take the array apart and join what is wanted of it")?;
    match full[..] {
        [] => one(&(0, 1, 0)),
        [stretch] => one(stretch),
        _ => {
            let args: Vec<Expr> = full.into_iter().map(one).collect::<Result<_>>()?;
            super::manipulate::join(args, axis)
        }
    }
}
