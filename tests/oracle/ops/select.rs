//! What values decide: `x[mask]`, medians.

use super::Row;
use super::elementwise::condition;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_float, ulp};
use flagstone::{Array, Axes, DType, array::Index};

pub const ROWS: &[Row] = &[Row { weight: 5, draw: mask }, Row { weight: 2, draw: median }];

fn mask(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() {
        return None;
    }
    // by the array's own elements, by those of another, or by bools that are there
    let of = drawing.any(|drawing, v| drawing.shape(v) == shape && drawing.tensor(v).is_exact())?;
    let of = if drawing.tensor(x).is_exact() && drawing.dice.below(2) == 0 { x } else { of };
    let mask = if drawing.dtype(of) == DType::Bool { of } else { condition(drawing, of)? };
    let (x_, mask_) = (drawing.tensor(x), drawing.tensor(mask));
    let chosen: Vec<usize> = (0..x_.len()).filter(|&i| mask_.at(i).truth()).collect();
    let tensor = x_.clone().shaped(&[x_.len()]).picked(0, &[chosen]);
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].index([Index::Array(made[mask].clone())])));
    Some(drawing.push(Step { text: format!("v{x}[v{mask}]"), args: vec![x, mask], tensor, build }))
}

fn median(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if !tensor.is_exact() || is_complex(tensor.dtype) {
        return None;
    }
    let skip_nan = drawing.dice.below(3) == 0;
    let tensor = drawing.tensor(x);
    let dtype = if is_float(tensor.dtype) { tensor.dtype } else { DType::F64 };
    let mut values: Vec<f64> = tensor.numbers().map(Num::f).filter(|v| !(skip_nan && v.is_nan())).collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let value = if n == 0 || values.iter().any(|v| v.is_nan()) { f64::NAN } else { 0.5 * values[(n - 1) / 2] + 0.5 * values[n / 2] };
    let tensor = Tensor::new(dtype, &[], false, |_| (fit(Num::F(value), dtype), ulp(value, dtype)));
    let (name, engine): (&str, fn(&Array, Axes) -> Array) =
        if skip_nan { ("nanmedian", Array::nanmedian) } else { ("median", Array::median) };
    let text = format!("{name}(v{x})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], Axes::from(..)))) }))
}
