//! Quantiles of elements with weights.

use super::quantiles::{Q, kept_places};
use crate::array::blocks::rows;
use crate::array::composed::composed;
use crate::array::manipulate::insert_axes;
use crate::array::{Array, Axes, Shape};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::rows::{Rows, Weighted};

/// The array with these axes as one, the last.
fn lanes(x: &Array, kept: &[usize], positions: &[usize]) -> Result<Array> {
    let shape = x.shape()?;
    let order: Vec<i64> = kept.iter().chain(positions).map(|&axis| axis as i64).collect();
    let mut lengths: Vec<i128> = kept.iter().map(|&axis| shape[axis] as i128).collect();
    lengths.push(positions.iter().map(|&axis| shape[axis] as i128).product());
    Ok(x.transpose(order).reshape(Shape(lengths)))
}

/// Quantiles by the inverted distribution of the weights, which have the array's shape, or, along one axis, its length. A task holds
/// whole lanes.
pub(super) fn quantile(name: &str, x: &Array, q: &Q, axes: &Axes, weights: &Array, skip_nan: bool) -> Array {
    let (q, axes) = (q.clone(), axes.clone());
    let of = name.to_string();
    composed(name, &[x, weights], move |arrays| {
        let (x, weights) = (&arrays[0], &arrays[1]);
        let (shape, dtype) = (x.shape()?, x.dtype()?);
        if dtype.is_complex() || weights.dtype()?.is_complex() {
            return Err(Error::bad_type(&of, format!("values of {dtype} and weights of {}; expected real ones", weights.dtype()?)));
        }
        let positions = axes.positions(&of, shape.len())?;
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !positions.contains(axis)).collect();
        let weights = match (&weights.shape()?[..], &positions[..]) {
            (given, _) if given == shape => weights.clone(),
            (&[n], &[axis]) if n == shape[axis] => {
                let others: Vec<i64> = (0..shape.len() as i64).filter(|&other| other != axis as i64).collect();
                weights.expand_dims(others).broadcast_to(shape.clone())
            }
            (given, _) => {
                let what =
                    format!("weights of shape {given:?} for an array of shape {shape:?}; expected the same, or the length of one axis");
                return Err(Error::bad_request(&of, what));
            }
        };
        let values = lanes(x, &kept, &positions)?.expr()?;
        if values.shape.contains(&0) {
            return Err(Error::bad_request(&of, format!("an array of shape {shape:?} has no element")));
        }
        let weights = lanes(&weights, &kept, &positions)?.astype(DType::F64).expr()?;
        let count = q.values.len() as u64;
        let kernel = Rows::Weighted(Weighted { dtype, q: q.values.clone(), skip_nan: skip_nan && dtype.is_float() });
        let found = Array::from_expr(rows::of_whole(kernel, &[values, weights], count, dtype)?);
        let found = if q.is_one { found.squeeze(-1) } else { found.moveaxis(-1, 0) };
        match axes.keepdims {
            true => insert_axes(&found.expr()?, &kept_places(&positions, &q)).map(Array::from_expr),
            false => Ok(found),
        }
    })
}
