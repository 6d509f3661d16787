//! Reductions over every subset of axes, of all elements or of those that a mask chooses.

use super::Row;
use super::elementwise::{condition, subtract};
use crate::draw::{Drawing, Facts, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_float, is_whole, truth, ulp};
use flagstone::{Array, Axes, DType, axis};

pub const ROWS: &[Row] = &[Row { weight: 12, draw: reduce }, Row { weight: 3, draw: centred }];

/// The elements that one element of the result is made of.
struct Lane<'a> {
    x: &'a Tensor,
    only: Option<&'a Tensor>,
    first: usize,
    len: usize,
    skip_nan: bool,
    /// The dtype of the result.
    out: DType,
    ddof: u8,
}

impl Lane<'_> {
    fn elements(&self) -> impl Iterator<Item = (Num, f64)> + '_ {
        let chosen = |i: &usize| self.only.is_none_or(|only| only.at(*i).truth());
        let places = (self.first..self.first + self.len).filter(chosen);
        places.map(|i| self.x.element(i)).filter(|(v, _)| !(self.skip_nan && v.is_nan()))
    }
    fn numbers(&self) -> impl Iterator<Item = Num> + '_ {
        self.elements().map(|(v, _)| v)
    }
    fn count(&self) -> f64 {
        self.elements().count() as f64
    }
}

/// Σ and a bound of its error, with the rounding errors of the additions added up beside it.
fn sum(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut sum, mut rest, mut size) = (0.0f64, 0.0f64, 0.0f64);
    for v in values {
        let next = sum + v;
        rest += if sum.abs() >= v.abs() { (sum - next) + v } else { (v - next) + sum };
        sum = next;
        size += v.abs();
    }
    if sum.is_finite() { (sum + rest, 4.0 * f64::EPSILON * size) } else { (sum, 0.0) }
}

/// Σ/`by` as the lane's result.
fn scaled(lane: &Lane<'_>, by: f64) -> (Num, f64) {
    let (re, a) = sum(lane.numbers().map(|v| v.c().0));
    let (im, b) = if is_complex(lane.out) { sum(lane.numbers().map(|v| v.c().1)) } else { (0.0, 0.0) };
    let errors: f64 = if lane.x.is_exact() { 0.0 } else { lane.elements().map(|(_, e)| e).sum() };
    let value = fit(if is_complex(lane.out) { Num::C(re / by, im / by) } else { Num::F(re / by) }, lane.out);
    (value, (a + b + errors) / by + 2.0 * ulp(re / by, lane.out) + 2.0 * ulp(im / by, lane.out))
}

fn total(lane: &Lane<'_>) -> (Num, f64) {
    if is_whole(lane.out) { (fit(Num::I(lane.numbers().map(Num::i).sum()), lane.out), 0.0) } else { scaled(lane, 1.0) }
}

fn mean(lane: &Lane<'_>) -> (Num, f64) {
    match lane.count() {
        0.0 => (fit(Num::C(f64::NAN, f64::NAN), lane.out), 0.0),
        n => scaled(lane, n),
    }
}

fn product(lane: &Lane<'_>) -> (Num, f64) {
    if is_whole(lane.out) {
        return (fit(Num::I(lane.numbers().fold(1i128, |p, v| p.wrapping_mul(v.i()) as i64 as i128)), lane.out), 0.0);
    }
    let product = lane.numbers().fold(1.0, |p, v| p * v.f());
    (fit(Num::F(product), lane.out), 2.0 * lane.count() * ulp(product, lane.out))
}

/// The variance and how far it may be off.
fn spread(lane: &Lane<'_>) -> (f64, f64) {
    let n = lane.count();
    let mean = sum(lane.numbers().map(Num::f)).0 / n;
    let squares = sum(lane.numbers().map(|v| (v.f() - mean) * (v.f() - mean))).0;
    let size = lane.numbers().map(|v| v.f().abs()).fold(0.0, f64::max);
    let var = squares / (n - lane.ddof as f64).max(0.0);
    // the mean may be off by a few units, and with it every difference
    let off = 1e-13 * var.abs() + 8.0 * f64::EPSILON * size * var.abs().sqrt() + (8.0 * f64::EPSILON * size).powi(2);
    (var, off)
}

fn variance(lane: &Lane<'_>) -> (Num, f64) {
    let (var, off) = spread(lane);
    (fit(Num::F(var), lane.out), off + 2.0 * ulp(var, lane.out))
}

fn deviation(lane: &Lane<'_>) -> (Num, f64) {
    let (var, off) = spread(lane);
    let sd = var.sqrt();
    let off = if var.is_finite() { (var + off).sqrt() - (var - off).max(0.0).sqrt() } else { 0.0 };
    (fit(Num::F(sd), lane.out), off + 2.0 * ulp(sd, lane.out))
}

fn extreme(lane: &Lane<'_>, before: fn(Num, Num) -> bool) -> (Num, f64) {
    let best = lane.numbers().reduce(|a, b| if !a.is_nan() && (b.is_nan() || before(b, a)) { b } else { a });
    let error = if lane.x.is_exact() { 0.0 } else { lane.elements().map(|(_, e)| e).fold(0.0, f64::max) };
    (best.unwrap_or(Num::F(f64::NAN)), error)
}

fn place(lane: &Lane<'_>, before: fn(Num, Num) -> bool) -> (Num, f64) {
    let better = |a: Num, b: Num| !a.is_nan() && (b.is_nan() || before(b, a));
    let best = lane.numbers().enumerate().reduce(|a, b| if better(a.1, b.1) { b } else { a });
    (Num::I(best.expect("drawn with elements").0 as i128), 0.0)
}

/// What a reduction asks of its argument.
#[derive(Clone, Copy, PartialEq)]
enum Asks {
    /// Adds up: what may be off, the result is as well.
    Sum,
    /// Chooses one of the elements, of which there must be one.
    Choice,
    /// As `Choice`, and its place: over one axis or all.
    Place,
    /// Squares differences.
    Squares,
    /// Multiplies: the result overflows soon.
    Product,
    /// Counts or looks for elements.
    Truth,
}

struct Reduction {
    name: &'static str,
    asks: Asks,
    skip_nan: bool,
    out: fn(DType) -> DType,
    value: fn(&Lane<'_>) -> (Num, f64),
    engine: fn(&Array, Axes) -> Array,
}

fn wide(dtype: DType) -> DType {
    match dtype {
        DType::Bool | DType::I8 | DType::I16 | DType::I32 | DType::I64 => DType::I64,
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => DType::U64,
        other => other,
    }
}
fn fraction(dtype: DType) -> DType {
    if is_whole(dtype) { DType::F64 } else { dtype }
}
fn same(dtype: DType) -> DType {
    dtype
}
fn bool(_: DType) -> DType {
    DType::Bool
}
fn index(_: DType) -> DType {
    DType::I64
}

#[rustfmt::skip]
const REDUCTIONS: &[Reduction] = &[
    Reduction { name: "sum", asks: Asks::Sum, skip_nan: false, out: wide, value: total, engine: Array::sum },
    Reduction { name: "mean", asks: Asks::Sum, skip_nan: false, out: fraction, value: mean, engine: Array::mean },
    Reduction { name: "max", asks: Asks::Choice, skip_nan: false, out: same, value: |lane| extreme(lane, |a, b| b.before(a)), engine: Array::max },
    Reduction { name: "min", asks: Asks::Choice, skip_nan: false, out: same, value: |lane| extreme(lane, Num::before), engine: Array::min },
    Reduction { name: "std", asks: Asks::Squares, skip_nan: false, out: fraction, value: deviation, engine: Array::std },
    Reduction { name: "var", asks: Asks::Squares, skip_nan: false, out: fraction, value: variance, engine: Array::var },
    Reduction { name: "argmax", asks: Asks::Place, skip_nan: false, out: index, value: |lane| place(lane, |a, b| b.before(a)), engine: Array::argmax },
    Reduction { name: "argmin", asks: Asks::Place, skip_nan: false, out: index, value: |lane| place(lane, Num::before), engine: Array::argmin },
    Reduction { name: "any", asks: Asks::Truth, skip_nan: false, out: bool, value: |lane| (truth(lane.numbers().any(Num::truth)), 0.0), engine: Array::any },
    Reduction { name: "all", asks: Asks::Truth, skip_nan: false, out: bool, value: |lane| (truth(lane.numbers().all(Num::truth)), 0.0), engine: Array::all },
    Reduction { name: "count_nonzero", asks: Asks::Truth, skip_nan: false, out: index, value: |lane| (Num::I(lane.numbers().filter(|v| v.truth()).count() as i128), 0.0), engine: Array::count_nonzero },
    Reduction { name: "prod", asks: Asks::Product, skip_nan: false, out: wide, value: product, engine: Array::prod },
    Reduction { name: "nansum", asks: Asks::Sum, skip_nan: true, out: wide, value: total, engine: Array::nansum },
    Reduction { name: "nanmean", asks: Asks::Sum, skip_nan: true, out: fraction, value: mean, engine: Array::nanmean },
    Reduction { name: "nanmax", asks: Asks::Choice, skip_nan: true, out: same, value: |lane| extreme(lane, |a, b| b.before(a)), engine: Array::nanmax },
    Reduction { name: "nanmin", asks: Asks::Choice, skip_nan: true, out: same, value: |lane| extreme(lane, Num::before), engine: Array::nanmin },
    Reduction { name: "nanstd", asks: Asks::Squares, skip_nan: true, out: fraction, value: deviation, engine: Array::nanstd },
    Reduction { name: "nanvar", asks: Asks::Squares, skip_nan: true, out: fraction, value: variance, engine: Array::nanvar },
];

impl Reduction {
    /// Whether a bound of the result's error follows for lanes of `len` elements.
    fn fits(&self, x: &Tensor, facts: Facts, len: usize, axes: Option<usize>, masked: bool) -> bool {
        let (complex, float, exact) = (is_complex(x.dtype), is_float(x.dtype), x.is_exact());
        // a sum that is not finite depends on the order in which it overflowed
        let moderate = facts.largest <= 1e30 || !(float || complex);
        match self.asks {
            Asks::Sum => moderate && (exact || !self.skip_nan) && !(complex && self.skip_nan),
            Asks::Choice => len > 0 && !complex && !masked && (exact || !self.skip_nan),
            Asks::Place => len > 0 && !complex && !masked && exact && axes.is_none_or(|n| n == 1),
            Asks::Squares => !complex && exact && moderate && (facts.finite || !float || !x.numbers().any(|v| v.f().is_infinite())),
            Asks::Product => !complex && exact && (!float || (x.dtype == DType::F64 && len <= 40 && facts.finite && facts.largest <= 1e6)),
            Asks::Truth => exact && !(masked && self.name == "count_nonzero"),
        }
    }
}

fn reduce(drawing: &mut Drawing, x: V) -> Option<V> {
    let ndim = drawing.tensor(x).ndim();
    let axes = match drawing.dice.below(3) {
        0 => None,
        1 if ndim > 0 => Some(vec![drawing.dice.below(ndim)]),
        _ => Some((0..ndim).filter(|_| drawing.dice.below(2) == 0).collect()),
    };
    let keepdims = drawing.dice.chance(3);
    let only = if drawing.dice.chance(6) { condition(drawing, x) } else { None };
    push(drawing, x, axes, keepdims, only, |_| true)
}

/// The array less its mean, or the like.
fn centred(drawing: &mut Drawing, x: V) -> Option<V> {
    let ndim = drawing.tensor(x).ndim();
    let axes = match drawing.dice.below(3) {
        0 => None,
        _ if ndim > 0 => Some(vec![drawing.dice.below(ndim)]),
        _ => None,
    };
    let kept = push(drawing, x, axes, true, None, |row| matches!(row.name, "mean" | "max" | "sum"))?;
    subtract(drawing, x, kept)
}

fn push(
    drawing: &mut Drawing,
    x: V,
    axes: Option<Vec<usize>>,
    keepdims: bool,
    only: Option<V>,
    wanted: fn(&Reduction) -> bool,
) -> Option<V> {
    let tensor = drawing.tensor(x);
    let (shape, ndim) = (tensor.shape.clone(), tensor.ndim());
    let reduced = |axis: &usize| axes.as_ref().is_none_or(|axes| axes.contains(axis));
    let (gone, kept): (Vec<usize>, Vec<usize>) = (0..ndim).partition(reduced);
    let len: usize = gone.iter().map(|&axis| shape[axis]).product();
    let facts = drawing.facts(x);
    let count = axes.as_ref().map(Vec::len);
    let rows: Vec<&Reduction> =
        REDUCTIONS.iter().filter(|row| wanted(row) && row.fits(tensor, facts, len, count, only.is_some())).collect();
    if rows.is_empty() {
        return None;
    }
    let row = drawing.dice.one(&rows);
    let ddof = if row.asks == Asks::Squares { drawing.dice.below(2) as u8 } else { 0 };

    // reduced axes last: the elements of a lane stand side by side
    let order: Vec<usize> = kept.iter().chain(&gone).copied().collect();
    let arranged = |tensor: &Tensor| if order.is_sorted() { tensor.clone() } else { tensor.transposed(&order) };
    let (x_, only_) = (arranged(drawing.tensor(x)), only.map(|only| arranged(drawing.tensor(only))));
    let (from, floats) = (x_.dtype, is_float(x_.dtype) || is_complex(x_.dtype));
    let out = (row.out)(from);
    let exact = x_.is_exact() && (is_whole(out) || row.asks == Asks::Choice);
    let kept_shape: Vec<usize> = kept.iter().map(|&axis| shape[axis]).collect();
    let tensor = Tensor::new(out, &kept_shape, exact, |i| {
        let lane = Lane { x: &x_, only: only_.as_ref(), first: i * len, len, skip_nan: row.skip_nan && floats, out, ddof };
        (row.value)(&lane)
    });
    let tensor = match keepdims {
        true => tensor.shaped(&(0..ndim).map(|axis| if gone.contains(&axis) { 1 } else { shape[axis] }).collect::<Vec<_>>()),
        false => tensor,
    };
    let mut text = format!("v{x}.{}(axis={axes:?}", row.name);
    for (holds, option) in [(keepdims, ", keepdims=True"), (ddof > 0, ", ddof=1")] {
        text += if holds { option } else { "" };
    }
    text += &only.map_or(String::new(), |only| format!(", where=v{only}"));
    let engine = row.engine;
    let build = move |made: &crate::draw::Made, _: &crate::draw::Context| {
        let mut options: Axes = match &axes {
            None => axis(..),
            Some(axes) => axis(axes.clone()),
        };
        if keepdims {
            options = options.keepdims();
        }
        if ddof > 0 {
            options = options.ddof(ddof);
        }
        if let Some(only) = only {
            options = options.only(&made[only]);
        }
        Ok(engine(&made[x], options))
    };
    let args = std::iter::once(x).chain(only).collect();
    Some(drawing.push(Step { text: text + ")", args, tensor, build: Box::new(build) }))
}
