//! Rows and columns in which something does not count: masked whole, or left out.

use super::Masked;
use crate::array::axes::position;
use crate::array::{Array, axis as along};
use crate::error::{Error, Result};

/// Masked along all of `axis` where any element of it is.
pub(super) fn spread(x: &Masked, axis: i64) -> Masked {
    x.or_where(&x.mask.any(along([axis].as_slice()).keepdims()))
}

/// Masked along all of a row in which an element is masked (axis 0 or none given), and of a column (axis 1 or none given).
pub(super) fn masked_whole(name: &str, x: &Masked, axis: Option<i64>) -> Result<Masked> {
    if x.data.ndim()? != 2 {
        return Err(Error::unsupported(name, format!("an array of {} axes; expected two", x.data.ndim()?)));
    }
    let across = |axis: i64| x.mask.any(along([axis].as_slice()).keepdims());
    let mut out = x.clone();
    if matches!(axis, None | Some(0)) {
        out = out.or_where(&across(1));
    }
    if matches!(axis, None | Some(1) | Some(-1)) {
        out = out.or_where(&across(0));
    }
    Ok(out)
}

/// The data without the places of `axes`, of all by default, at which something is masked.
pub(super) fn without_masked(name: &str, x: &Masked, axes: Option<&[i64]>) -> Result<Array> {
    let ndim = x.data.ndim()?;
    let axes = match axes {
        None => (0..ndim).collect(),
        Some(axes) => axes.iter().map(|&axis| position(name, axis, ndim)).collect::<Result<Vec<_>>>()?,
    };
    axes.into_iter().try_fold(x.data.clone(), |data, axis| {
        let others: Vec<i64> = (0..ndim).filter(|&other| other != axis).map(|other| other as i64).collect();
        let kept = x.mask.any(others.as_slice()).logical_not();
        Ok(data.take(&kept.nonzero().remove(0), axis as i64))
    })
}
