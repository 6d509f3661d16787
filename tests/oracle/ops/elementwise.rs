//! Functions of one element, of two, with a scalar; casts; a choice of two.

use super::Row;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_float, is_whole, promote, range, truth, ulp};
use flagstone::array::{Operand, where_};
use flagstone::{Array, DType};

pub const ROWS: &[Row] = &[
    Row { weight: 5, draw: unary },
    Row { weight: 2, draw: cast },
    Row { weight: 4, draw: scalar },
    Row { weight: 6, draw: binary },
    Row { weight: 2, draw: choose },
];

/// What a function is defined for.
type Takes = fn(DType) -> bool;

fn numbers(dtype: DType) -> bool {
    dtype != DType::Bool
}
fn all(_: DType) -> bool {
    true
}
fn real(dtype: DType) -> bool {
    !is_complex(dtype)
}
fn real_numbers(dtype: DType) -> bool {
    real(dtype) && numbers(dtype)
}

/// The dtype of a function that gives floats: of the argument's own, or one with as many bits for whole numbers.
fn float_of(dtype: DType) -> DType {
    match dtype.size() {
        _ if !is_whole(dtype) => dtype,
        1 => DType::F16,
        2 => DType::F32,
        _ => DType::F64,
    }
}
/// The float of SciPy's special functions: double but for single itself.
fn special_of(dtype: DType) -> DType {
    if dtype == DType::F32 { DType::F32 } else { DType::F64 }
}
fn same(dtype: DType) -> DType {
    dtype
}
fn bool(_: DType) -> DType {
    DType::Bool
}
fn part(dtype: DType) -> DType {
    match dtype {
        DType::C64 => DType::F32,
        DType::C128 => DType::F64,
        other => other,
    }
}

/// How near to the exact value a function must come.
#[derive(Clone, Copy, PartialEq)]
enum Near {
    /// The very value; of arguments that may be off, as far off as they.
    Exactly,
    /// The very value, of the very argument: others are not drawn, as a bound would not follow.
    Decides,
    /// So many units in the last place, of the very argument with |x| up to so much.
    Ulps(f64, f64),
}
use Near::*;

struct Unary {
    text: &'static str,
    takes: Takes,
    out: fn(DType) -> DType,
    near: Near,
    value: fn(Num) -> Num,
    engine: fn(&Array) -> Array,
}

fn of_float(x: Num, f: fn(f64) -> f64) -> Num {
    Num::F(f(x.f()))
}

#[rustfmt::skip]
const UNARY: &[Unary] = &[
    Unary { text: "-{}", takes: numbers, out: same, near: Exactly, engine: |x| -x, value: |x| match x {
        Num::I(i) => Num::I(-i),
        Num::F(f) => Num::F(-f),
        Num::C(re, im) => Num::C(-re, -im),
    } },
    Unary { text: "abs({})", takes: real, out: same, near: Exactly, engine: Array::abs, value: |x| match x {
        Num::I(i) => Num::I(i.abs()),
        other => Num::F(other.f().abs()),
    } },
    Unary { text: "abs({})", takes: is_complex, out: part, near: Ulps(2.0, 1e18), engine: Array::abs, value: |x| Num::F(x.size()) },
    Unary { text: "square({})", takes: real_numbers, out: same, near: Decides, engine: Array::square, value: |x| match x {
        Num::I(i) => Num::I(i.wrapping_mul(i)),
        other => Num::F(other.f() * other.f()),
    } },
    Unary { text: "sign({})", takes: real_numbers, out: same, near: Decides, engine: Array::sign, value: |x| match x {
        Num::I(i) => Num::I(i.signum()),
        other if other.is_nan() => other,
        other => Num::F((other.f() > 0.0) as u8 as f64 - (other.f() < 0.0) as u8 as f64),
    } },
    Unary { text: "sqrt({})", takes: real, out: float_of, near: Decides, engine: Array::sqrt, value: |x| of_float(x, f64::sqrt) },
    Unary { text: "floor({})", takes: is_float, out: same, near: Decides, engine: Array::floor, value: |x| of_float(x, f64::floor) },
    Unary { text: "trunc({})", takes: is_float, out: same, near: Decides, engine: Array::trunc, value: |x| of_float(x, f64::trunc) },
    Unary { text: "rint({})", takes: is_float, out: same, near: Decides, engine: Array::rint, value: |x| of_float(x, f64::round_ties_even) },
    Unary { text: "exp({})", takes: real, out: float_of, near: Ulps(2.0, 10.0), engine: Array::exp, value: |x| of_float(x, f64::exp) },
    Unary { text: "sin({})", takes: real, out: float_of, near: Ulps(2.0, 1e5), engine: Array::sin, value: |x| of_float(x, f64::sin) },
    Unary { text: "cos({})", takes: real, out: float_of, near: Ulps(2.0, 1e5), engine: Array::cos, value: |x| of_float(x, f64::cos) },
    Unary { text: "tanh({})", takes: real, out: float_of, near: Ulps(2.0, 1e5), engine: Array::tanh, value: |x| of_float(x, f64::tanh) },
    Unary { text: "arctan({})", takes: real, out: float_of, near: Ulps(2.0, 1e30), engine: Array::arctan, value: |x| of_float(x, f64::atan) },
    Unary { text: "log1p({})", takes: real, out: float_of, near: Ulps(2.0, 1e30), engine: Array::log1p, value: |x| of_float(x, f64::ln_1p) },
    Unary { text: "expit({})", takes: real, out: special_of, near: Ulps(4.0, 80.0), engine: Array::expit, value: |x| of_float(x, |x| 1.0 / (1.0 + (-x).exp())) },
    Unary { text: "log_expit({})", takes: real, out: special_of, near: Ulps(4.0, 80.0), engine: Array::log_expit, value: |x| of_float(x, |x| x.min(0.0) - (-x.abs()).exp().ln_1p()) },
    Unary { text: "isnan({})", takes: all, out: bool, near: Decides, engine: Array::isnan, value: |x| truth(x.is_nan()) },
    Unary { text: "isfinite({})", takes: all, out: bool, near: Decides, engine: Array::isfinite, value: |x| truth(x.c().0.is_finite() && x.c().1.is_finite()) },
    Unary { text: "logical_not({})", takes: all, out: bool, near: Decides, engine: Array::logical_not, value: |x| truth(!x.truth()) },
    Unary { text: "~{}", takes: is_whole, out: same, near: Decides, engine: |x| !x, value: |x| Num::I(-1 - x.i()) },
    Unary { text: "real({})", takes: is_complex, out: part, near: Exactly, engine: Array::real, value: |x| Num::F(x.c().0) },
    Unary { text: "imag({})", takes: is_complex, out: part, near: Exactly, engine: Array::imag, value: |x| Num::F(x.c().1) },
    Unary { text: "conj({})", takes: is_complex, out: same, near: Exactly, engine: Array::conj, value: |x| Num::C(x.c().0, -x.c().1) },
];

fn unary(drawing: &mut Drawing, x: V) -> Option<V> {
    let (tensor, facts) = (drawing.tensor(x), drawing.facts(x));
    let (dtype, exact) = (tensor.dtype, tensor.is_exact());
    let fits = |row: &&Unary| {
        (row.takes)(dtype)
            && match row.near {
                Exactly => true,
                Decides => exact,
                Ulps(_, largest) => exact && facts.largest <= largest,
            }
    };
    let rows: Vec<&Unary> = UNARY.iter().filter(fits).collect();
    let row = drawing.dice.one(&rows);
    let out = (row.out)(dtype);
    // the argument as the function takes it, which for whole numbers may be a float
    let arg = if is_float(out) && is_whole(dtype) { out } else { dtype };
    let each = |v: Num, e: f64| {
        // a bool's bits are its truth
        let value = if dtype == DType::Bool && row.text == "~{}" { truth(!v.truth()) } else { fit((row.value)(fit(v, arg)), out) };
        let error = if let Ulps(ulps, _) = row.near { ulps * ulp(value.size(), out) } else { e };
        (value, error)
    };
    let tensor = drawing.tensor(x).map(out, matches!(row.near, Decides) || (row.near == Exactly && exact), each);
    let engine = row.engine;
    let text = row.text.replace("{}", &format!("v{x}"));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x]))) }))
}

fn cast(drawing: &mut Drawing, x: V) -> Option<V> {
    let to = drawing.dice.one(&DType::ALL);
    let (tensor, facts) = (drawing.tensor(x), drawing.facts(x));
    let fits = match (is_whole(tensor.dtype), is_whole(to)) {
        _ if is_complex(tensor.dtype) => is_complex(to),
        (true, true) => true,
        // over the range, what a machine gives is its own
        (false, true) => {
            let (low, high) = range(to);
            let whole = |v: Num| to == DType::Bool || (v.f().trunc() >= low as f64 && v.f().trunc() <= high as f64 && v.f().abs() < 9e18);
            tensor.is_exact() && (to == DType::Bool || facts.finite) && tensor.numbers().all(whole)
        }
        // an element that may be off must not be near what overflows
        (_, false) => tensor.is_exact() || facts.largest < 6e4,
    };
    if !fits {
        return None;
    }
    let tensor = tensor.cast(to);
    let text = format!("v{x}.astype({to})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].astype(to))) }))
}

/// How the error of a function of two follows from theirs.
#[derive(Clone, Copy, PartialEq)]
enum Spread {
    Add,
    Multiply,
    /// Of the very arguments only.
    Decides,
}

struct Binary {
    text: &'static str,
    /// By the common dtype.
    takes: Takes,
    out: fn(DType) -> DType,
    spread: Spread,
    value: fn(Num, Num) -> Num,
    engine: fn(&Array, Operand) -> Array,
}

fn division(dtype: DType) -> DType {
    if is_whole(dtype) { DType::F64 } else { dtype }
}
fn integers(dtype: DType) -> bool {
    is_whole(dtype) && numbers(dtype)
}

fn arithmetic(x: Num, y: Num, whole: fn(i128, i128) -> i128, parts: fn(f64, f64) -> f64) -> Num {
    match (x, y) {
        (Num::I(x), Num::I(y)) => Num::I(whole(x, y)),
        (Num::C(a, b), Num::C(c, d)) => Num::C(parts(a, c), parts(b, d)),
        _ => Num::F(parts(x.f(), y.f())),
    }
}

fn product(x: Num, y: Num) -> Num {
    match (x, y) {
        (Num::C(a, b), Num::C(c, d)) => Num::C(a * c - b * d, a * d + b * c),
        _ => arithmetic(x, y, i128::wrapping_mul, |x, y| x * y),
    }
}

/// One of two, NaN before all.
fn better(x: Num, y: Num, second: bool) -> Num {
    if !x.is_nan() && (y.is_nan() || second) { y } else { x }
}

#[rustfmt::skip]
const BINARY: &[Binary] = &[
    Binary { text: "+", takes: all, out: same, spread: Spread::Add, engine: |a, b| a + b, value: |x, y| arithmetic(x, y, |x, y| x + y, |x, y| x + y) },
    Binary { text: "-", takes: numbers, out: same, spread: Spread::Add, engine: |a, b| a - b, value: |x, y| arithmetic(x, y, |x, y| x - y, |x, y| x - y) },
    Binary { text: "*", takes: all, out: same, spread: Spread::Multiply, engine: |a, b| a * b, value: product },
    Binary { text: "/", takes: real, out: division, spread: Spread::Decides, engine: |a, b| a / b, value: |x, y| Num::F(x.f() / y.f()) },
    Binary { text: "//", takes: integers, out: same, spread: Spread::Decides, engine: |a, b| a.floor_divide(b), value: |x, y| {
        Num::I(if y.i() == 0 { 0 } else { x.i().div_euclid(y.i()) - (y.i() < 0 && x.i().rem_euclid(y.i()) != 0) as i128 })
    } },
    Binary { text: "maximum", takes: real, out: same, spread: Spread::Decides, engine: |a, b| a.maximum(b), value: |x, y| better(x, y, x.before(y)) },
    Binary { text: "minimum", takes: real, out: same, spread: Spread::Decides, engine: |a, b| a.minimum(b), value: |x, y| better(x, y, y.before(x)) },
    Binary { text: "<", takes: real, out: bool, spread: Spread::Decides, engine: |a, b| a.lt(b), value: |x, y| truth(x.before(y)) },
    Binary { text: ">=", takes: real, out: bool, spread: Spread::Decides, engine: |a, b| a.ge(b), value: |x, y| truth(y.before(x) || x == y) },
    Binary { text: "==", takes: all, out: bool, spread: Spread::Decides, engine: |a, b| a.eq(b), value: |x, y| truth(x == y) },
    Binary { text: "!=", takes: all, out: bool, spread: Spread::Decides, engine: |a, b| a.ne(b), value: |x, y| truth(x != y) },
    Binary { text: "&", takes: is_whole, out: same, spread: Spread::Decides, engine: |a, b| a & b, value: |x, y| Num::I(x.i() & y.i()) },
    Binary { text: "|", takes: is_whole, out: same, spread: Spread::Decides, engine: |a, b| a | b, value: |x, y| Num::I(x.i() | y.i()) },
    Binary { text: "^", takes: is_whole, out: same, spread: Spread::Decides, engine: |a, b| a ^ b, value: |x, y| Num::I(x.i() ^ y.i()) },
];

/// The shape that all broadcast to.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let ndim = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(ndim).map_or(1, |i| shape[i]);
    let joined = |axis: usize| match (length(a, axis), length(b, axis)) {
        (n, m) if n == m => Some(n),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    };
    (0..ndim).map(joined).collect()
}

/// Another value that broadcasts with those of `shape`, which may be `x` itself.
pub fn partner(drawing: &mut Drawing, shape: &[usize]) -> Option<V> {
    let largest = drawing.scale.elements_max();
    drawing.any(|drawing, v| {
        let joined = broadcast(drawing.shape(v), shape);
        joined.is_some_and(|shape| shape.iter().product::<usize>() <= largest)
    })
}

/// Rows that are defined for two dtypes and for values that may be off or may not.
fn fitting(common: DType, exact: bool) -> Vec<&'static Binary> {
    BINARY.iter().filter(|row| (row.takes)(common) && (exact || row.spread != Spread::Decides)).collect()
}

fn combined(row: &Binary, a: &Tensor, b: &Tensor) -> Tensor {
    let shape = broadcast(&a.shape, &b.shape).expect("drawn to broadcast");
    let common = promote(a.dtype, b.dtype);
    let out = (row.out)(common);
    let (a, b) = (a.stretched(&shape), b.stretched(&shape));
    // products of complex numbers may be rounded in another place
    let exact = a.is_exact() && b.is_exact() && !(row.spread == Spread::Multiply && is_complex(out));
    // integers are divided as floats
    let arg = if is_float(out) { out } else { common };
    Tensor::new(out, &shape, exact, |i| {
        let ((x, ex), (y, ey)) = (a.element(i), b.element(i));
        let value = fit((row.value)(fit(x, arg), fit(y, arg)), out);
        let error = match row.spread {
            _ if exact => 0.0,
            Spread::Multiply => x.size() * ey + y.size() * ex + ex * ey + 4.0 * ulp(x.size() * y.size(), out),
            _ => ex + ey + 2.0 * ulp(value.size(), out) + ulp(x.size(), common) + ulp(y.size(), common),
        };
        (value, error)
    })
}

fn binary(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    let y = partner(drawing, &shape)?;
    let (a, b) = (drawing.tensor(x), drawing.tensor(y));
    let rows = fitting(promote(a.dtype, b.dtype), a.is_exact() && b.is_exact());
    let row = drawing.dice.one(&rows);
    Some(push_binary(drawing, row, x, y))
}

fn push_binary(drawing: &mut Drawing, row: &'static Binary, x: V, y: V) -> V {
    let tensor = combined(row, drawing.tensor(x), drawing.tensor(y));
    let engine = row.engine;
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(engine(&made[x], (&made[y]).into())));
    drawing.push(Step { text: format!("v{x} {} v{y}", row.text), args: vec![x, y], tensor, build })
}

/// `x` less `y`, which broadcasts to it.
pub fn subtract(drawing: &mut Drawing, x: V, y: V) -> Option<V> {
    let row = BINARY.iter().find(|row| row.text == "-").expect("a difference");
    (row.takes)(promote(drawing.dtype(x), drawing.dtype(y))).then(|| push_binary(drawing, row, x, y))
}

/// A scalar that lifts the kind of an array and never its size.
#[derive(Clone, Copy)]
enum Weak {
    Int(i64),
    Float(f64),
}

impl Weak {
    fn operand(self) -> Operand {
        match self {
            Weak::Int(i) => i.into(),
            Weak::Float(f) => f.into(),
        }
    }
    /// Beside an array of a dtype.
    fn tensor(self, beside: DType) -> Tensor {
        let (dtype, value) = match self {
            Weak::Int(i) => (if beside == DType::Bool { DType::I64 } else { beside }, Num::I(i as i128)),
            Weak::Float(f) => (if is_whole(beside) { DType::F64 } else { beside }, Num::F(f)),
        };
        Tensor::exact(dtype, &[], |_| fit(value, dtype))
    }
    fn text(self) -> String {
        match self {
            Weak::Int(i) => format!("{i}"),
            Weak::Float(f) => format!("{f:?}"),
        }
    }
}

fn scalar(drawing: &mut Drawing, x: V) -> Option<V> {
    let weak = match drawing.dice.below(2) {
        0 => Weak::Int(drawing.dice.below(4) as i64),
        _ => Weak::Float(drawing.dice.below(9) as f64 / 2.0 - 1.0),
    };
    with_scalar(drawing, x, weak, |_| true)
}

fn with_scalar(drawing: &mut Drawing, x: V, weak: Weak, wanted: fn(&Binary) -> bool) -> Option<V> {
    let tensor = drawing.tensor(x);
    let other = weak.tensor(tensor.dtype);
    let common = promote(tensor.dtype, other.dtype);
    let rows: Vec<&Binary> = fitting(common, tensor.is_exact()).into_iter().filter(|row| wanted(row)).collect();
    if rows.is_empty() {
        return None;
    }
    let row = drawing.dice.one(&rows);
    let tensor = combined(row, drawing.tensor(x), &other);
    let engine = row.engine;
    let text = format!("v{x} {} {}", row.text, weak.text());
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], weak.operand()))) }))
}

/// Bools of the shape of `x`, of which some are true.
pub fn condition(drawing: &mut Drawing, x: V) -> Option<V> {
    let weak = Weak::Float(drawing.dice.below(7) as f64 / 2.0);
    with_scalar(drawing, x, weak, |row| matches!(row.text, "<" | ">=" | "!="))
}

fn choose(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    let y = partner(drawing, &shape)?;
    let joined = broadcast(&shape, drawing.shape(y))?;
    let z = partner(drawing, &joined)?;
    let c = match drawing.dice.below(3) {
        0 => y,
        _ => condition(drawing, z)?,
    };
    let joined = broadcast(&joined, drawing.shape(c))?;
    if joined.iter().product::<usize>() > drawing.scale.elements_max() || !drawing.tensor(c).is_exact() {
        return None;
    }
    let dtype = promote(drawing.dtype(x), drawing.dtype(y));
    let [c_, a, b] =
        [drawing.tensor(c).clone(), drawing.tensor(x).cast(dtype), drawing.tensor(y).cast(dtype)].map(|t| t.stretched(&joined));
    let tensor = Tensor::new(dtype, &joined, a.is_exact() && b.is_exact(), |i| if c_.at(i).truth() { a.element(i) } else { b.element(i) });
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(where_(&made[c], &made[x], &made[y])));
    Some(drawing.push(Step { text: format!("where(v{c}, v{x}, v{y})"), args: vec![c, x, y], tensor, build }))
}
