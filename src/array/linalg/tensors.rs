//! Arrays of more axes as matrices: some axes are the rows, the others the columns.

use super::{inv, solve};
use crate::array::Array;
use crate::array::axes::position;
use crate::array::composed::composed;
use crate::error::{Error, Refusal, Result};

fn elements(lengths: &[u64]) -> Result<u64> {
    let n = lengths.iter().try_fold(1u64, |n, &len| n.checked_mul(len));
    n.ok_or_else(|| Error::bad_request("linalg", format!("a side of {lengths:?} elements, more than 2⁶⁴")))
}

/// The inverse of `a` under `tensordot(.., .., ind)`: the first `ind` axes are its rows.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let a = (eye(6, 6, 0, DType::F64) * 2.0).reshape([2, 3, 6]);
/// assert_eq!(linalg::tensorinv(&a, 2).shape().unwrap(), [6, 2, 3]);
/// ```
#[track_caller]
pub fn tensorinv(a: &Array, ind: u64) -> Array {
    composed("tensorinv", &[a], move |arrays| {
        let shape = arrays[0].shape()?;
        let ind = ind as usize;
        if ind == 0 {
            return Err(Error::bad_request("tensorinv", "ind is 0; expected the number of axes that are rows, one at least"));
        }
        let (rows, columns) = shape.split_at(ind.min(shape.len()));
        let (m, n) = (elements(rows)?, elements(columns)?);
        if m != n {
            let what = format!("{rows:?} by {columns:?} elements, {m} rows and {n} columns; expected as many");
            return Err(Error::refused(Refusal::Matrix, "tensorinv", what));
        }
        Ok(inv(&arrays[0].reshape([m, n])).reshape([columns, rows].concat()))
    })
}

/// x with `tensordot(a, x, x.ndim)` = `b`: the first axes of `a`, those of `axes` being moved to its end before, are those of `b`.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}, ones};
/// let a = (eye(6, 6, 0, DType::F64) * 2.0).reshape([2, 3, 6]);
/// let x = linalg::tensorsolve(&a, &ones([2, 3], DType::F64), &[]);
/// assert_eq!(x.sum(..).item::<f64>().unwrap(), 3.0);
/// ```
#[track_caller]
pub fn tensorsolve(a: &Array, b: &Array, axes: &[i64]) -> Array {
    let axes = axes.to_vec();
    composed("tensorsolve", &[a, b], move |arrays| {
        let (a, b) = (&arrays[0], &arrays[1]);
        let ndim = a.ndim()?;
        let mut order: Vec<usize> = (0..ndim).collect();
        for &axis in &axes {
            let axis = position("tensorsolve", axis, ndim)?;
            order.retain(|&other| other != axis);
            order.push(axis);
        }
        let a = a.transpose(order.iter().map(|&axis| axis as i64).collect::<Vec<_>>());
        let (shape, lengths) = (a.shape()?, b.shape()?);
        let rest = shape[lengths.len().min(ndim)..].to_vec();
        let (rows, columns) = (elements(&lengths)?, elements(&rest)?);
        if rows != columns || elements(&shape)? != rows.saturating_mul(columns) {
            let what = format!("an array of shape {shape:?} for a right-hand side of {lengths:?}; expected as many unknowns as equations");
            return Err(Error::refused(Refusal::Matrix, "tensorsolve", what));
        }
        Ok(solve(&a.reshape([rows, columns]), &b.reshape([rows])).reshape(rest))
    })
}
