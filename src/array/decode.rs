//! Stored numbers → the values that they stand for, by the CF conventions, as elementwise operations.

use super::elementwise::where_;
use super::{Array, Operand};
use crate::error::{Error, Result};
use crate::store::Packing;
use flagstone_kernels::dtype::{DType, Kind, Scalar};

/// The values of `stored`: missing ones are NaN, the others scaled. The dtype is what NumPy gives for stored × scale + offset;
/// integers that are not scaled become float32 where that holds them all, else float64, and stay as they are where none can
/// be missing.
///
/// # Errors
/// `Unsupported` for numbers that are not real and stand for others.
pub(super) fn values(stored: &Array, packing: &Packing) -> Result<Array> {
    if *packing == Packing::default() {
        return Ok(stored.clone());
    }
    let dtype = stored.dtype()?;
    if matches!(dtype.kind(), Kind::Bool | Kind::Complex) {
        return Err(Error::unsupported("decode=cf", format!("values of dtype {dtype}; real numbers are decoded")));
    }
    let stored = packing.read_as.map_or(stored.clone(), |dtype| stored.astype(dtype));
    let mut missing: Option<Array> = None;
    let mut miss = |more: Array| missing = Some(missing.take().map_or(more.clone(), |found| found.logical_or(&more)));
    for &value in packing.missing.iter().filter(|value| !value.as_f64().is_nan()) {
        miss(stored.eq(Operand::Scalar(value)));
    }
    if let Some(low) = packing.valid_min {
        miss(stored.lt(Operand::Scalar(low)));
    }
    if let Some(high) = packing.valid_max {
        miss(stored.gt(Operand::Scalar(high)));
    }
    let mut values = stored;
    // A scalar with a dtype of its own promotes as an array does.
    if let Some((of, scale)) = packing.scale {
        values = values.astype(values.dtype()?.promote(of)) * Operand::Scalar(scale);
    }
    if let Some((of, offset)) = packing.offset {
        values = values.astype(values.dtype()?.promote(of)) + Operand::Scalar(offset);
    }
    let Some(missing) = missing else { return Ok(values) };
    let dtype = values.dtype()?;
    if dtype.kind() != Kind::Float {
        values = values.astype(if dtype.size() <= 2 { DType::F32 } else { DType::F64 });
    }
    Ok(where_(&missing, Operand::Scalar(Scalar::Float(f64::NAN)), &values))
}
