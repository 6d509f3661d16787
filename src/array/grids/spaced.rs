//! Values spaced evenly, on a line or on a scale of logarithms, between numbers or between arrays.

use crate::array::composed::composed;
use crate::array::{Array, Operand, arange, concatenate, linspace, logspace};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

/// `num` values from `start` to `stop` whose quotients are the same; `stop` is the last one if `endpoint`.
///
/// ```
/// use flagstone::{DType, array::geomspace};
/// let x = geomspace(1.0, 1000.0, 4, true, DType::F64);
/// assert_eq!(x.compute::<f64>().unwrap().as_slice().unwrap(), [1.0, 10.0, 100.0, 1000.0]);
/// ```
#[track_caller]
pub fn geomspace(start: f64, stop: f64, num: u64, endpoint: bool, dtype: DType) -> Array {
    composed("geomspace", &[], move |_| {
        if start == 0.0 || stop == 0.0 {
            return Err(Error::bad_request("geomspace", format!("from {start} to {stop}; expected neither to be 0")));
        }
        let sign = start.signum();
        let (low, high) = (start * sign, stop * sign);
        let inside = logspace(low.log10(), high.log10(), num, endpoint, 10.0, DType::F64);
        // the ends are what they were said to be, which a power of 10 may miss by a bit
        let last = endpoint && num > 1;
        let one = |value: f64| linspace(value, value, 1, true, DType::F64);
        let line = match num {
            0 => inside,
            _ => {
                let middle = inside.index(crate::idx![1..(num - u64::from(last)) as i64]);
                let mut parts = vec![one(low), middle];
                if last {
                    parts.push(one(high));
                }
                concatenate(&parts, 0)
            }
        };
        Ok((line * sign).astype(dtype))
    })
}

/// `num` values from each element of `start` to that of `stop`, along a new axis at `axis`; and the steps between them.
pub(super) fn between(start: &Array, stop: &Array, num: u64, endpoint: bool, dtype: Option<DType>, axis: i64) -> Result<[Array; 2]> {
    let wide = |x: &Array| Ok::<_, Error>(x.dtype()?.promote(DType::F64));
    let inside = wide(start)?.promote(wide(stop)?);
    let (start, stop) = (start.astype(inside), stop.astype(inside));
    let gaps = if endpoint { num.saturating_sub(1) } else { num };
    let distance = &stop - &start;
    let step = if gaps > 0 { &distance / gaps as f64 } else { &distance * f64::NAN };
    let ndim = distance.ndim()?;
    let count = arange(0, num, 1, None).astype(DType::F64).expand_dims((1..=ndim as i64).collect::<Vec<_>>());
    let moved = if gaps > 0 { count * &step } else { count * &distance };
    let line = moved + &start;
    let line = match endpoint && num > 1 {
        true => {
            let end = stop.broadcast_to(distance.shape()?).expand_dims(0);
            concatenate(&[line.index(crate::idx![..num as i64 - 1]), end], 0)
        }
        false => line,
    };
    let dtype = dtype.unwrap_or(inside);
    let line = if dtype.is_integer() { line.floor().astype(dtype) } else { line.astype(dtype) };
    Ok([line.moveaxis(0, axis), step])
}

/// A number as an array of its own dtype.
pub(super) fn strong(operand: Operand) -> Result<Array> {
    match operand {
        Operand::Array(array) => Ok(array),
        Operand::Scalar(scalar) => Ok(Array::from_expr(crate::array::elementwise::constant(scalar, scalar.natural_dtype(), &[])?)),
    }
}

/// Whether both are real numbers, of which a line is made at once.
pub(super) fn are_numbers(start: &Operand, stop: &Operand) -> bool {
    let real = |operand: &Operand| matches!(operand, Operand::Scalar(scalar) if !matches!(scalar, Scalar::Complex(..)));
    real(start) && real(stop)
}
