//! What the order of values decides: sorted lanes, their places, quantiles of lanes.

use super::Row;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_float, ulp};
use flagstone::{Array, Axes, DType, QuantileMethod};
use std::cmp::Ordering;

pub const ROWS: &[Row] = &[Row { weight: 3, draw: sort }, Row { weight: 2, draw: quantile }, Row { weight: 2, draw: top }];

/// NumPy's order: numbers without a NaN first, then those with one in the imaginary part, in the real part, in both.
fn before(a: Num, b: Num) -> Ordering {
    let class = |x: Num| {
        let (re, im) = x.c();
        (re.is_nan() as u8) * 2 + im.is_nan() as u8
    };
    if let (Num::I(a), Num::I(b)) = (a, b) {
        return a.cmp(&b);
    }
    let (x, y) = (a.c(), b.c());
    let part = |a: f64, b: f64| a.partial_cmp(&b).unwrap_or(Ordering::Equal);
    class(a).cmp(&class(b)).then(part(x.0, y.0)).then(part(x.1, y.1))
}

/// For each lane along `axis`, the first element and the distance between elements.
fn lanes(tensor: &Tensor, axis: usize) -> (Vec<usize>, usize, usize) {
    let (step, len) = (tensor.strides()[axis], tensor.shape[axis]);
    ((0..tensor.len()).filter(|at| at / step % len.max(1) == 0).collect(), step, len)
}

fn sort(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if tensor.ndim() == 0 || !tensor.is_exact() {
        return None;
    }
    let (ndim, places) = (tensor.ndim(), drawing.dice.chance(2));
    let axis = drawing.dice.below(ndim);
    let tensor = drawing.tensor(x);
    let (firsts, step, len) = lanes(tensor, axis);
    let mut values = vec![Num::I(0); tensor.len()];
    for first in firsts {
        let mut order: Vec<usize> = (0..len).collect();
        order.sort_by(|&a, &b| before(tensor.at(first + a * step), tensor.at(first + b * step)));
        for (i, from) in order.into_iter().enumerate() {
            values[first + i * step] = if places { Num::I(from as i128) } else { tensor.at(first + from * step) };
        }
    }
    let tensor = Tensor::exact(if places { DType::I64 } else { tensor.dtype }, &tensor.shape.clone(), |at| values[at]);
    let (name, engine): (_, fn(&Array, i64) -> Array) = if places { ("argsort", Array::argsort) } else { ("sort", Array::sort) };
    let text = format!("v{x}.{name}(axis={axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], axis as i64))) }))
}

/// The greatest or least of lanes, or their places: the ends of what is sorted.
fn top(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if tensor.ndim() == 0 || !tensor.is_exact() {
        return None;
    }
    let (ndim, places, greatest) = (tensor.ndim(), drawing.dice.chance(2), drawing.dice.chance(2));
    let (axis, k) = (drawing.dice.below(ndim), 1 + drawing.dice.below(6));
    let tensor = drawing.tensor(x);
    let (firsts, step, len) = lanes(tensor, axis);
    let mut shape = tensor.shape.clone();
    shape[axis] = k.min(len);
    // lanes in C order, then where they stand in the result
    let inner: usize = shape[axis + 1..].iter().product();
    let mut values = vec![Num::I(0); shape.iter().product()];
    for (n, first) in firsts.into_iter().enumerate() {
        let mut order: Vec<usize> = (0..len).collect();
        order.sort_by(|&a, &b| before(tensor.at(first + a * step), tensor.at(first + b * step)));
        if greatest {
            order.reverse();
        }
        for (i, from) in order.into_iter().take(k).enumerate() {
            let at = (n / inner * shape[axis] + i) * inner + n % inner;
            values[at] = if places { Num::I(from as i128) } else { tensor.at(first + from * step) };
        }
    }
    let tensor = Tensor::exact(if places { DType::I64 } else { tensor.dtype }, &shape, |at| values[at]);
    let (name, engine): (_, fn(&Array, i64, i64) -> Array) = if places { ("argtopk", Array::argtopk) } else { ("topk", Array::topk) };
    let k = if greatest { k as i64 } else { -(k as i64) };
    let text = format!("v{x}.{name}({k}, axis={axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], k, axis as i64))) }))
}

/// Methods by a rule that is simple: where between the sorted values the quantile lies.
const METHODS: [(QuantileMethod, fn(f64, f64) -> f64); 4] = [
    (QuantileMethod::Linear, |n, q| q * (n - 1.0)),
    (QuantileMethod::Hazen, |n, q| (n * q - 0.5).clamp(0.0, n - 1.0)),
    (QuantileMethod::Lower, |n, q| (q * (n - 1.0)).floor()),
    (QuantileMethod::Higher, |n, q| (q * (n - 1.0)).ceil()),
];

fn quantile(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    let (ndim, dtype) = (tensor.ndim(), tensor.dtype);
    if ndim < 2 || !tensor.is_exact() || is_complex(dtype) || dtype == DType::Bool || tensor.len() == 0 {
        return None;
    }
    let (axis, skip_nan) = (drawing.dice.below(ndim), drawing.dice.chance(3));
    let (method, place) = METHODS[drawing.dice.below(METHODS.len())];
    // fractions whose products with lengths are exact
    let q = drawing.dice.below(9) as f64 / 8.0;
    let tensor = drawing.tensor(x);
    let discrete = matches!(method, QuantileMethod::Lower | QuantileMethod::Higher);
    let out = if discrete || is_float(dtype) { dtype } else { DType::F64 };
    let (firsts, step, len) = lanes(tensor, axis);
    let results: Vec<(Num, f64)> = firsts
        .into_iter()
        .map(|first| {
            let mut lane: Vec<Num> = (0..len).map(|i| tensor.at(first + i * step)).collect();
            if lane.iter().any(|v| v.is_nan()) {
                if !skip_nan || lane.iter().all(|v| v.is_nan()) {
                    return (Num::F(f64::NAN), 0.0);
                }
                lane.retain(|v| !v.is_nan());
            }
            lane.sort_by(|a, b| before(*a, *b));
            let at = place(lane.len() as f64, q);
            let (low, high) = (lane[at.floor() as usize], lane[at.ceil() as usize]);
            if discrete {
                return (low, 0.0);
            }
            let (a, b) = (low.f(), high.f());
            let value = if a == b && at.fract() == 0.0 { a } else { a + (b - a) * at.fract() };
            let slack = if value.is_finite() { (a.abs() + b.abs()) * 4.0 * f64::EPSILON + 2.0 * ulp(value, out) } else { 0.0 };
            (fit(Num::F(value), out), slack)
        })
        .collect();
    let mut shape = tensor.shape.clone();
    shape.remove(axis);
    let tensor = Tensor::new(out, &shape, discrete, |at| results[at]);
    let text = format!("quantile(v{x}, {q}, axis={axis}, method={}, skip_nan={skip_nan})", method.name());
    let build = move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].quantile_by(q, Axes::from(axis), method, skip_nan));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}
