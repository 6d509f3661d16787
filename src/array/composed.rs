//! Functions that are made of other functions: built at once where all lengths are known, else when they are counted.

use super::{Array, counted};
use crate::error::{Error, Result};

/// What `f` makes of `arrays`, of which it may ask the shapes. An error of `f` is the caller's, not one of a line of ours.
#[track_caller]
pub(super) fn composed(name: &str, arrays: &[&Array], f: impl Fn(&[Array]) -> Result<Array> + Send + Sync + 'static) -> Array {
    Array::build(|| {
        let exprs = arrays.iter().map(|array| array.expr()).collect::<Result<Vec<_>>>()?;
        counted::when_known(name, &exprs, &[], move |exprs| {
            let arrays: Vec<Array> = exprs.iter().cloned().map(Array::from_expr).collect();
            f(&arrays).and_then(|made| made.expr()).map_err(Error::without_place)
        })
    })
}
