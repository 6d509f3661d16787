//! The oracle: each operation in the most obvious way, on whole arrays.

use super::recipe::{Bin, Item, Op, Red, Un, Weak};
use super::tensor::{Num, Tensor, fit, promote, ulp};
use flagstone::DType;
use ndarray::{ArrayD, Dimension, IxDyn};

/// The value of `op` over the values made before it; `sources` are the stored arrays.
pub fn apply(op: &Op, made: &[Tensor], sources: &[Tensor]) -> Tensor {
    match op {
        Op::Source(i) => sources[*i].clone(),
        Op::Unary(op, x) => unary(*op, &made[*x]),
        Op::Binary(op, a, b) => binary(*op, &made[*a], &made[*b]),
        Op::Scalar(op, x, weak) => binary(*op, &made[*x], &weak_tensor(*weak, made[*x].dtype)),
        Op::Where(c, a, b) => choose(&made[*c], &made[*a], &made[*b]),
        Op::Cast(dtype, x) => cast(&made[*x], *dtype),
        Op::Reduce { op, x, axes, keepdims, ddof } => reduce(*op, &made[*x], axes.as_deref(), *keepdims, *ddof),
        Op::Index(x, items) => index(&made[*x], items),
        Op::Transpose(x, order) => {
            let shape: Vec<usize> = order.iter().map(|&axis| made[*x].shape()[axis]).collect();
            made[*x].rearranged(&shape, |at| {
                let mut from = vec![0; at.len()];
                for (i, &axis) in order.iter().enumerate() {
                    from[axis] = at[i];
                }
                from
            })
        }
        Op::Flip(x, axes) => {
            let shape = made[*x].shape().to_vec();
            made[*x].rearranged(&shape, |at| (0..at.len()).map(|a| if axes.contains(&a) { shape[a] - 1 - at[a] } else { at[a] }).collect())
        }
        Op::Concatenate(parts, axis) => concatenate(&parts.iter().map(|&v| &made[v]).collect::<Vec<_>>(), *axis),
        Op::Matmul(a, b) => matmul(&made[*a], &made[*b]),
        Op::Mask(x, mask) => {
            let (x, mask) = (&made[*x], &made[*mask]);
            let chosen: Vec<Num> = x.values.iter().zip(&mask.values).filter(|(_, m)| m.truth()).map(|(v, _)| *v).collect();
            let errors: Vec<f64> = x.errors.iter().zip(&mask.values).filter(|(_, m)| m.truth()).map(|(e, _)| *e).collect();
            let shape = IxDyn(&[chosen.len()]);
            let values = ArrayD::from_shape_vec(shape.clone(), chosen).unwrap();
            Tensor { dtype: x.dtype, values, errors: ArrayD::from_shape_vec(shape, errors).unwrap(), exact: x.exact }
        }
        Op::Median(x) => median(&made[*x]),
        Op::Rechunk(x, _) | Op::Persist(x) => made[*x].clone(),
    }
}

fn weak_tensor(weak: Weak, beside: DType) -> Tensor {
    let (dtype, value) = match weak {
        Weak::Int(i) => (if beside == DType::Bool { DType::I64 } else { beside }, Num::I(i as i128)),
        Weak::Float(f) => (if matches!(beside, DType::F32 | DType::F64 | DType::C128) { beside } else { DType::F64 }, Num::F(f)),
    };
    Tensor::exact(dtype, ArrayD::from_elem(IxDyn(&[]), fit(value, dtype)))
}

fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F64)
}

/// Each element by a function of its value and error, that gives both.
fn map(x: &Tensor, dtype: DType, exact: bool, f: impl Fn(Num, f64) -> (Num, f64)) -> Tensor {
    let pairs: Vec<(Num, f64)> = x.values.iter().zip(&x.errors).map(|(&v, &e)| f(v, e)).collect();
    from_pairs(dtype, x.shape(), exact, pairs)
}

fn from_pairs(dtype: DType, shape: &[usize], exact: bool, pairs: Vec<(Num, f64)>) -> Tensor {
    let (values, errors): (Vec<Num>, Vec<f64>) = pairs.into_iter().unzip();
    let values = ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as places");
    Tensor { dtype, values, errors: ArrayD::from_shape_vec(IxDyn(shape), errors).expect("as many errors"), exact }
}

fn unary(op: Un, x: &Tensor) -> Tensor {
    let dtype = x.dtype;
    let round = |v: f64| fit(Num::F(v), dtype);
    // a function of which the last bit may differ
    let near = |v: f64| (round(v), 2.0 * ulp(v, dtype));
    match op {
        Un::Neg => map(x, dtype, x.exact, |v, e| match v {
            Num::C(re, im) => (Num::C(-re, -im), e),
            Num::F(f) => (Num::F(-f), e),
            other => (fit(Num::I(-other.i()), dtype), e),
        }),
        Un::Abs => match dtype {
            DType::C128 => map(x, DType::F64, false, |v, e| (Num::F(v.size()), e + 2.0 * ulp(v.size(), DType::F64))),
            DType::Bool => x.clone(),
            _ => map(x, dtype, x.exact, |v, e| match v {
                Num::F(f) => (Num::F(f.abs()), e),
                other => (fit(Num::I(other.i().abs()), dtype), e),
            }),
        },
        Un::Square => binary(Bin::Mul, x, x),
        Un::Sqrt => map(x, dtype, true, |v, _| (round(v.f().sqrt()), 0.0)),
        Un::Exp => map(x, dtype, false, |v, _| near(v.f().exp())),
        Un::Sin => map(x, dtype, false, |v, _| near(v.f().sin())),
        Un::Floor => map(x, dtype, true, |v, _| (Num::F(v.f().floor()), 0.0)),
        Un::IsNan => map(x, DType::Bool, true, |v, _| (Num::B(v.is_nan()), 0.0)),
        Un::Not => map(x, DType::Bool, true, |v, _| (Num::B(!v.truth()), 0.0)),
    }
}

/// The shape that both broadcast to.
pub fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let ndim = a.len().max(b.len());
    let length = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(ndim).map_or(1, |i| shape[i]);
    (0..ndim)
        .map(|axis| match (length(a, axis), length(b, axis)) {
            (n, m) if n == m => Some(n),
            (1, n) | (n, 1) => Some(n),
            _ => None,
        })
        .collect()
}

fn stretched(x: &Tensor, shape: &[usize]) -> Tensor {
    let own = x.shape().to_vec();
    let skip = shape.len() - own.len();
    x.rearranged(shape, |at| own.iter().zip(&at[skip..]).map(|(&n, &i)| if n == 1 { 0 } else { i }).collect())
}

pub fn binary_dtype(op: Bin, a: DType, b: DType) -> DType {
    let common = promote(a, b);
    match op {
        Bin::Lt | Bin::Ge | Bin::Eq | Bin::Ne | Bin::And | Bin::Or => DType::Bool,
        Bin::Div if !is_float(common) && common != DType::C128 => DType::F64,
        _ => common,
    }
}

fn binary(op: Bin, a: &Tensor, b: &Tensor) -> Tensor {
    let shape = broadcast(a.shape(), b.shape()).expect("drawn to broadcast");
    let common = promote(a.dtype, b.dtype);
    let dtype = binary_dtype(op, a.dtype, b.dtype);
    let (a, b) = (stretched(a, &shape), stretched(b, &shape));
    // products of complex numbers may be rounded in another place
    let exact = a.exact && b.exact && !(op == Bin::Mul && dtype == DType::C128);
    let each = |((&x, &y), (&ex, &ey)): ((&Num, &Num), (&f64, &f64))| {
        let (x, y) = (fit(x, common), fit(y, common));
        let value = element(op, x, y, common);
        let value = fit(value, dtype);
        let error = match op {
            _ if exact => 0.0,
            Bin::Mul => x.size() * ey + y.size() * ex + ex * ey + 4.0 * ulp(x.size() * y.size(), dtype),
            _ => ex + ey + 2.0 * ulp(value.size(), dtype),
        };
        (value, error)
    };
    let pairs = a.values.iter().zip(&b.values).zip(a.errors.iter().zip(&b.errors)).map(each).collect();
    from_pairs(dtype, &shape, exact, pairs)
}

fn element(op: Bin, x: Num, y: Num, common: DType) -> Num {
    let nan = x.is_nan() || y.is_nan();
    match op {
        Bin::And => Num::B(x.truth() && y.truth()),
        Bin::Or => Num::B(x.truth() || y.truth()),
        Bin::Eq => Num::B(x == y),
        Bin::Ne => Num::B(x != y),
        Bin::Lt if common == DType::Bool || matches!(x, Num::I(_)) => Num::B(x.i() < y.i()),
        Bin::Ge if common == DType::Bool || matches!(x, Num::I(_)) => Num::B(x.i() >= y.i()),
        Bin::Lt => Num::B(x.f() < y.f()),
        Bin::Ge => Num::B(x.f() >= y.f()),
        Bin::Div => Num::F(x.f() / y.f()),
        Bin::Maximum | Bin::Minimum if nan => Num::F(f64::NAN),
        Bin::Maximum => match x {
            Num::F(f) => Num::F(f.max(y.f())),
            _ => Num::I(x.i().max(y.i())),
        },
        Bin::Minimum => match x {
            Num::F(f) => Num::F(f.min(y.f())),
            _ => Num::I(x.i().min(y.i())),
        },
        Bin::Add | Bin::Sub | Bin::Mul => match (x, y) {
            (Num::C(a, b), Num::C(c, d)) => match op {
                Bin::Add => Num::C(a + c, b + d),
                Bin::Sub => Num::C(a - c, b - d),
                _ => Num::C(a * c - b * d, a * d + b * c),
            },
            (Num::F(f), Num::F(g)) => Num::F(match op {
                Bin::Add => f + g,
                Bin::Sub => f - g,
                _ => f * g,
            }),
            _ => Num::I(match op {
                Bin::Add => x.i() + y.i(),
                Bin::Sub => x.i() - y.i(),
                _ => x.i().wrapping_mul(y.i()),
            }),
        },
    }
}

fn choose(c: &Tensor, a: &Tensor, b: &Tensor) -> Tensor {
    let shape = broadcast(&broadcast(c.shape(), a.shape()).expect("drawn to broadcast"), b.shape()).expect("drawn to broadcast");
    let dtype = promote(a.dtype, b.dtype);
    let (c, a, b) = (stretched(c, &shape), cast(&stretched(a, &shape), dtype), cast(&stretched(b, &shape), dtype));
    let each = |(((&c, &x), &y), (&ex, &ey)): (((&Num, &Num), &Num), (&f64, &f64))| if c.truth() { (x, ex) } else { (y, ey) };
    let pairs = c.values.iter().zip(&a.values).zip(&b.values).zip(a.errors.iter().zip(&b.errors)).map(each).collect();
    from_pairs(dtype, &shape, a.exact && b.exact, pairs)
}

fn cast(x: &Tensor, dtype: DType) -> Tensor {
    map(x, dtype, x.exact, |v, e| (fit(v, dtype), if x.exact { 0.0 } else { e + ulp(v.size(), dtype) }))
}

pub fn reduce_dtype(op: Red, x: DType) -> DType {
    match op {
        Red::Sum | Red::Prod | Red::NanSum => match x {
            DType::Bool | DType::I32 | DType::I64 => DType::I64,
            DType::U8 | DType::U64 => DType::U64,
            _ => x,
        },
        Red::Mean | Red::NanMean | Red::Var | Red::Std if is_float(x) || (x == DType::C128 && matches!(op, Red::Mean | Red::NanMean)) => x,
        Red::Mean | Red::NanMean | Red::Var | Red::Std => DType::F64,
        Red::Min | Red::Max | Red::NanMin | Red::NanMax => x,
        Red::Any | Red::All => DType::Bool,
        Red::Argmin | Red::Argmax | Red::CountNonzero => DType::I64,
    }
}

fn reduce(op: Red, x: &Tensor, axes: Option<&[usize]>, keepdims: bool, ddof: u8) -> Tensor {
    let shape = x.shape().to_vec();
    let reduced = |axis: usize| axes.is_none_or(|axes| axes.contains(&axis));
    let kept: Vec<usize> = (0..shape.len()).filter(|&axis| !reduced(axis)).collect();
    let out: Vec<usize> = if keepdims {
        (0..shape.len()).map(|axis| if reduced(axis) { 1 } else { shape[axis] }).collect()
    } else {
        kept.iter().map(|&axis| shape[axis]).collect()
    };
    let mut lanes: Vec<Vec<(Num, f64)>> = vec![vec![]; out.iter().product()];
    for ((place, &value), &error) in x.values.indexed_iter().zip(&x.errors) {
        let lane = kept.iter().fold(0, |at, &axis| at * shape[axis] + place[axis]);
        lanes[lane].push((value, error));
    }
    let dtype = reduce_dtype(op, x.dtype);
    let whole = !is_float(dtype) && dtype != DType::C128;
    let exact = x.exact && (whole || matches!(op, Red::Min | Red::Max | Red::NanMin | Red::NanMax));
    let pairs = lanes.iter().map(|lane| one(op, lane, x.dtype, dtype, ddof)).collect();
    from_pairs(dtype, &out, exact, pairs)
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

fn one(op: Red, lane: &[(Num, f64)], from: DType, dtype: DType, ddof: u8) -> (Num, f64) {
    let skips = matches!(op, Red::NanSum | Red::NanMean | Red::NanMin | Red::NanMax);
    let lane: Vec<(Num, f64)> = lane.iter().copied().filter(|(v, _)| !(skips && v.is_nan())).collect();
    let n = lane.len() as f64;
    let floats = is_float(dtype) || dtype == DType::C128;
    let errors: f64 = lane.iter().map(|(_, e)| e).sum();
    let scaled = |by: f64| -> (Num, f64) {
        let (re, a) = sum(lane.iter().map(|(v, _)| v.c().0));
        let (im, b) = sum(lane.iter().map(|(v, _)| v.c().1));
        let value = fit(Num::C(re / by, im / by), dtype);
        (value, (a + b + errors) / by + 2.0 * ulp(re / by, dtype) + 2.0 * ulp(im / by, dtype))
    };
    match op {
        Red::Sum | Red::NanSum if floats => scaled(1.0),
        Red::Sum | Red::NanSum => (fit(Num::I(lane.iter().map(|(v, _)| v.i()).sum()), dtype), 0.0),
        Red::Mean | Red::NanMean if lane.is_empty() => (fit(Num::C(f64::NAN, f64::NAN), dtype), 0.0),
        Red::Mean | Red::NanMean => scaled(n),
        Red::Prod if floats => {
            let product = lane.iter().fold(1.0, |p, (v, _)| p * v.f());
            (fit(Num::F(product), dtype), 2.0 * n * ulp(product, dtype))
        }
        Red::Prod => (fit(Num::I(lane.iter().fold(1i128, |p, (v, _)| p.wrapping_mul(v.i()) as i64 as i128)), dtype), 0.0),
        Red::Var | Red::Std => {
            let mean = sum(lane.iter().map(|(v, _)| v.f())).0 / n;
            let squares = sum(lane.iter().map(|(v, _)| (v.f() - mean) * (v.f() - mean))).0;
            let size = lane.iter().map(|(v, _)| v.f().abs()).fold(0.0, f64::max);
            let var = squares / (n - ddof as f64).max(0.0);
            // the mean may be off by a few units, and with it every difference
            let off = 1e-13 * var.abs() + 8.0 * f64::EPSILON * size * var.abs().sqrt() + (8.0 * f64::EPSILON * size).powi(2);
            if op == Red::Var {
                (fit(Num::F(var), dtype), off + 2.0 * ulp(var, dtype))
            } else {
                let sd = var.sqrt();
                let off = if var.is_finite() { (var + off).sqrt() - (var - off).max(0.0).sqrt() } else { 0.0 };
                (fit(Num::F(sd), dtype), off + 2.0 * ulp(sd, dtype))
            }
        }
        Red::Min | Red::Max | Red::NanMin | Red::NanMax => {
            if lane.is_empty() || lane.iter().any(|(v, _)| v.is_nan()) {
                return (Num::F(f64::NAN), 0.0);
            }
            let least = matches!(op, Red::Min | Red::NanMin);
            let before = |a: Num, b: Num| if is_float(from) { a.f() < b.f() } else { a.i() < b.i() };
            let best = lane.iter().map(|(v, _)| *v).reduce(|a, b| if before(b, a) == least && a != b { b } else { a });
            (best.expect("not empty"), lane.iter().map(|(_, e)| *e).fold(0.0, f64::max))
        }
        Red::Argmin | Red::Argmax => {
            if let Some(at) = lane.iter().position(|(v, _)| v.is_nan()) {
                return (Num::I(at as i128), 0.0);
            }
            let better = |a: Num, b: Num| match op {
                Red::Argmin => {
                    if is_float(from) {
                        a.f() < b.f()
                    } else {
                        a.i() < b.i()
                    }
                }
                _ => {
                    if is_float(from) {
                        a.f() > b.f()
                    } else {
                        a.i() > b.i()
                    }
                }
            };
            let mut at = 0;
            for i in 1..lane.len() {
                if better(lane[i].0, lane[at].0) {
                    at = i;
                }
            }
            (Num::I(at as i128), 0.0)
        }
        Red::Any => (Num::B(lane.iter().any(|(v, _)| v.truth())), 0.0),
        Red::All => (Num::B(lane.iter().all(|(v, _)| v.truth())), 0.0),
        Red::CountNonzero => (Num::I(lane.iter().filter(|(v, _)| v.truth()).count() as i128), 0.0),
    }
}

/// The places that a Python slice takes of an axis of `len`.
pub fn places(slice: (Option<i64>, Option<i64>, Option<i64>), len: usize) -> Vec<usize> {
    let (len, step) = (len as i64, slice.2.unwrap_or(1));
    let bound = |at: i64| if at < 0 { at + len } else { at };
    let mut at = match slice.0 {
        Some(at) if step > 0 => bound(at).max(0),
        Some(at) => bound(at).min(len - 1),
        None => {
            if step > 0 {
                0
            } else {
                len - 1
            }
        }
    };
    let mut out = vec![];
    while (0..len).contains(&at) && slice.1.is_none_or(|stop| if step > 0 { at < bound(stop) } else { at > bound(stop) }) {
        out.push(at as usize);
        at += step;
    }
    out
}

fn index(x: &Tensor, items: &[Item]) -> Tensor {
    // for each axis of the source, its places, and whether the axis stays
    let mut taken: Vec<(Vec<usize>, bool)> = vec![];
    let mut shape = vec![];
    let mut follows: Vec<Option<usize>> = vec![];
    for item in items.iter().cloned().chain(std::iter::repeat(Item::Slice(None, None, None))) {
        let Some(&len) = x.shape().get(taken.len()) else {
            if matches!(item, Item::New) && shape.len() < 64 {
                shape.push(1);
                continue;
            }
            break;
        };
        let wrap = |at: i64| if at < 0 { (at + len as i64) as usize } else { at as usize };
        let places = match item {
            Item::New => {
                shape.push(1);
                continue;
            }
            Item::Int(at) => {
                taken.push((vec![wrap(at)], false));
                follows.push(None);
                continue;
            }
            Item::Slice(start, stop, step) => places((start, stop, step), len),
            Item::List(list) => list.iter().map(|&at| wrap(at)).collect(),
        };
        follows.push(Some(shape.len()));
        shape.push(places.len());
        taken.push((places, true));
    }
    x.rearranged(&shape, |at| taken.iter().zip(&follows).map(|((places, _), follow)| places[follow.map_or(0, |axis| at[axis])]).collect())
}

fn concatenate(parts: &[&Tensor], axis: usize) -> Tensor {
    let dtype = parts.iter().map(|part| part.dtype).reduce(promote).expect("at least one part");
    let parts: Vec<Tensor> = parts.iter().map(|part| cast(part, dtype)).collect();
    let mut shape = parts[0].shape().to_vec();
    shape[axis] = parts.iter().map(|part| part.shape()[axis]).sum();
    let find = |at: &[usize]| {
        let mut place = at.to_vec();
        let mut part = 0;
        while place[axis] >= parts[part].shape()[axis] {
            place[axis] -= parts[part].shape()[axis];
            part += 1;
        }
        (part, place)
    };
    let at = |place: &[usize]| {
        let (part, place) = find(place);
        (parts[part].values[&place[..]], parts[part].errors[&place[..]])
    };
    let pairs = ArrayD::from_shape_fn(IxDyn(&shape), |place| at(place.slice()));
    from_pairs(dtype, &shape, parts.iter().all(|part| part.exact), pairs.into_iter().collect())
}

fn matmul(a: &Tensor, b: &Tensor) -> Tensor {
    let dtype = promote(a.dtype, b.dtype);
    let (a, b) = (cast(a, dtype), cast(b, dtype));
    let (m, k) = (if a.shape().len() == 2 { a.shape()[0] } else { 1 }, *a.shape().last().expect("no scalar"));
    let n = if b.shape().len() == 2 { b.shape()[1] } else { 1 };
    let (av, bv): (Vec<Num>, Vec<Num>) = (a.values.iter().copied().collect(), b.values.iter().copied().collect());
    let (ae, be): (Vec<f64>, Vec<f64>) = (a.errors.iter().copied().collect(), b.errors.iter().copied().collect());
    let whole = !is_float(dtype) && dtype != DType::C128;
    let mut pairs = Vec::with_capacity(m * n);
    for i in 0..m {
        for j in 0..n {
            let (mut re, mut im, mut size, mut error, mut int) = (0.0f64, 0.0f64, 0.0f64, 0.0f64, 0i128);
            for l in 0..k {
                let (x, y) = (av[i * k + l], bv[l * n + j]);
                if whole {
                    int = int.wrapping_add(x.i().wrapping_mul(y.i()));
                    continue;
                }
                let ((xr, xi), (yr, yi)) = (x.c(), y.c());
                re += xr * yr - xi * yi;
                im += xr * yi + xi * yr;
                size += x.size() * y.size();
                error += x.size() * be[l * n + j] + y.size() * ae[i * k + l];
            }
            let value = if whole { Num::I(int) } else { Num::C(re, im) };
            pairs.push((fit(value, dtype), error + 4.0 * (k as f64 + 1.0) * ulp(size, dtype)));
        }
    }
    let shape: Vec<usize> = [(a.shape().len() == 2).then_some(m), (b.shape().len() == 2).then_some(n)].into_iter().flatten().collect();
    from_pairs(dtype, &shape, whole, pairs)
}

fn median(x: &Tensor) -> Tensor {
    let dtype = if is_float(x.dtype) { x.dtype } else { DType::F64 };
    let mut values: Vec<f64> = x.values.iter().map(|v| v.f()).collect();
    values.sort_by(f64::total_cmp);
    let n = values.len();
    let value = if n == 0 || values.iter().any(|v| v.is_nan()) { f64::NAN } else { 0.5 * values[(n - 1) / 2] + 0.5 * values[n / 2] };
    from_pairs(dtype, &[], false, vec![(fit(Num::F(value), dtype), ulp(value, dtype))])
}
