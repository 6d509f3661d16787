//! Operations whose results have a length that values decide, and those of several results.

use super::Row;
use crate::draw::{Context, Drawing, Made, Step, V};
use crate::tensor::{Num, Tensor, is_complex, is_float, is_whole, range};
use flagstone::array::{Index, Value};
use flagstone::eval::Evaluator;
use flagstone::{Array, DType, Result};
use std::cmp::Ordering;

pub const ROWS: &[Row] = &[
    Row { weight: 2, draw: nonzero },
    Row { weight: 2, draw: unique },
    Row { weight: 2, draw: along },
    Row { weight: 1, draw: divmod },
    Row { weight: 1, draw: parts },
];

/// What `text` gives of the array `x`, by the names that `flagstone eval` knows.
fn evaluated(text: &str, x: &Array) -> Result<Array> {
    let mut evaluator = Evaluator::new();
    evaluator.define("x", Value::Array(x.clone()));
    match evaluator.run(text) {
        Ok(Value::Array(array)) => Ok(array),
        Ok(_) => panic!("{text} is no array"),
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Where elements are not zero, along one axis.
fn nonzero(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if tensor.ndim() == 0 || !tensor.is_exact() {
        return None;
    }
    let axis = drawing.dice.below(drawing.shape(x).len());
    let tensor = drawing.tensor(x);
    let (step, len) = (tensor.strides()[axis], tensor.shape[axis].max(1));
    let places: Vec<usize> = (0..tensor.len()).filter(|&i| tensor.at(i).truth()).map(|i| i / step % len).collect();
    let found = Tensor::exact(DType::I64, &[places.len()], |i| Num::I(places[i] as i128));
    let build = move |made: &Made, _: &Context| Ok(made[x].nonzero().swap_remove(axis));
    Some(drawing.push(Step { text: format!("v{x}.nonzero()[{axis}]"), args: vec![x], tensor: found, build: Box::new(build) }))
}

/// The different elements, or how often each occurs, where each stands first, which of them each element is.
fn unique(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if !tensor.is_exact() || is_complex(tensor.dtype) || tensor.ndim() == 0 {
        return None;
    }
    let gives = drawing.dice.below(4);
    let tensor = drawing.tensor(x);
    let order = |a: &usize, b: &usize| {
        let (a, b) = (tensor.at(*a), tensor.at(*b));
        let by_value = || {
            if a.before(b) {
                Ordering::Less
            } else if b.before(a) {
                Ordering::Greater
            } else {
                Ordering::Equal
            }
        };
        a.is_nan().cmp(&b.is_nan()).then_with(by_value)
    };
    let mut sorted: Vec<usize> = (0..tensor.len()).collect();
    sorted.sort_by(order);
    let groups: Vec<&[usize]> = sorted.chunk_by(|a, b| order(a, b) == Ordering::Equal).collect();
    let mut inverse = vec![0; tensor.len()];
    for (n, group) in groups.iter().enumerate() {
        group.iter().for_each(|&at| inverse[at] = n as i128);
    }
    let (name, found) = match gives {
        0 => ("values", Tensor::exact(tensor.dtype, &[groups.len()], |i| tensor.at(groups[i][0]))),
        1 => ("counts", Tensor::exact(DType::I64, &[groups.len()], |i| Num::I(groups[i].len() as i128))),
        2 => ("index", Tensor::exact(DType::I64, &[groups.len()], |i| Num::I(groups[i][0] as i128))),
        _ => ("inverse", Tensor::exact(DType::I64, &tensor.shape.clone(), |i| Num::I(inverse[i]))),
    };
    let build = move |made: &Made, _: &Context| {
        let all = made[x].unique();
        Ok([all.values, all.counts, all.index, all.inverse].into_iter().nth(gives).expect("one of four"))
    };
    let step = Step { text: format!("v{x}.unique().{name}"), args: vec![x], tensor: found, build: Box::new(build) };
    Some(drawing.push(step))
}

/// The places of one axis that bools choose, all of the others.
fn along(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || shape.len() > 3 {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let (keep, of) = (drawing.dice.below(5), 1 + drawing.dice.below(4));
    let chosen: Vec<bool> = (0..shape[axis]).map(|i| i * 7 % of.max(1) <= keep.min(of / 2)).collect();
    let places: Vec<usize> = (0..shape[axis]).filter(|&i| chosen[i]).collect();
    let strides = drawing.tensor(x).strides();
    let mut steps: Vec<Vec<usize>> = shape.iter().zip(&strides).map(|(&n, step)| (0..n).map(|i| i * step).collect()).collect();
    steps[axis] = places.into_iter().map(|i| i * strides[axis]).collect();
    let tensor = drawing.tensor(x).picked(0, &steps);
    let mask = Array::from(ndarray::ArrayD::from_shape_vec(vec![chosen.len()], chosen).unwrap());
    let build = move |made: &Made, _: &Context| {
        let all = |_| Index::Slice(None, None, None);
        Ok(made[x].index((0..axis).map(all).chain([Index::Array(mask.clone())]).collect::<Vec<_>>()))
    };
    let text = format!("v{x}.compress(every {of}th up to {keep}, axis={axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}

/// Quotient or remainder of integers by a small number.
fn divmod(drawing: &mut Drawing, x: V) -> Option<V> {
    let dtype = drawing.dtype(x);
    if !is_whole(dtype) || dtype == DType::Bool || !drawing.tensor(x).is_exact() {
        return None;
    }
    let by = 2 + drawing.dice.below(9) as i128;
    let by = if range(dtype).0 < 0 && drawing.dice.chance(2) { -by } else { by };
    let remainder = drawing.dice.chance(2);
    let floored = |a: i128| {
        let rest = a.rem_euclid(by.abs());
        let rest = if by < 0 && rest != 0 { rest + by } else { rest };
        if remainder { rest } else { (a - rest) / by }
    };
    let tensor = drawing.tensor(x).map(dtype, true, |value, _| (Num::I(floored(value.i())), 0.0));
    let text = format!("divmod(x, {by})[{}]", remainder as u8);
    let build = {
        let text = text.clone();
        move |made: &Made, _: &Context| evaluated(&text, &made[x])
    };
    Some(drawing.push(Step { text: format!("{text} of v{x}"), args: vec![x], tensor, build: Box::new(build) }))
}

/// The parts before and behind the point, or mantissa and exponent.
fn parts(drawing: &mut Drawing, x: V) -> Option<V> {
    let dtype = drawing.dtype(x);
    if !is_float(dtype) || !drawing.tensor(x).is_exact() || !drawing.facts(x).finite {
        return None;
    }
    let which = drawing.dice.below(4);
    // x = mantissa · 2^exponent, ½ ≤ |mantissa| < 1
    let exponent = |v: f64| if v == 0.0 { 0 } else { v.abs().log2().floor() as i32 };
    let exponent = |v: f64| {
        let near = exponent(v);
        let power = |n: i32| 2f64.powi(n / 2) * 2f64.powi(n - n / 2);
        (near - 1..near + 3).find(|&e| v == 0.0 || v.abs() < power(e)).unwrap_or(0) * (v != 0.0) as i32
    };
    let of = |v: f64| match which {
        0 => Num::F(v - v.trunc()),
        1 => Num::F(v.trunc()),
        2 => Num::F(v / 2f64.powi(exponent(v) / 2) / 2f64.powi(exponent(v) - exponent(v) / 2)),
        _ => Num::I(exponent(v) as i128),
    };
    let out = if which == 3 { DType::I32 } else { dtype };
    let tensor = drawing.tensor(x).map(out, true, |value, _| (of(value.f()), 0.0));
    let text = ["modf(x)[0]", "modf(x)[1]", "frexp(x)[0]", "frexp(x)[1]"][which];
    let build = move |made: &Made, _: &Context| evaluated(text, &made[x]);
    Some(drawing.push(Step { text: format!("{text} of v{x}"), args: vec![x], tensor, build: Box::new(build) }))
}
