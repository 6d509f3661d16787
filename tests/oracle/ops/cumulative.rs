//! Running totals along an axis.

use super::Row;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_float, is_whole, ulp};
use flagstone::{Array, DType};

pub const ROWS: &[Row] = &[Row { weight: 3, draw: cumulative }];

struct Total {
    name: &'static str,
    /// Whether it chooses among the elements; else it adds up.
    chooses: bool,
    /// Takes the next element of a lane into what is there.
    next: fn(Num, Num) -> Num,
    engine: fn(&Array, i64) -> Array,
}

fn add(a: Num, b: Num) -> Num {
    match (a, b) {
        (Num::I(a), Num::I(b)) => Num::I(a + b),
        _ => Num::F(a.f() + b.f()),
    }
}

fn larger(a: Num, b: Num) -> Num {
    if a.is_nan() || !(b.is_nan() || a.before(b)) { a } else { b }
}

fn smaller(a: Num, b: Num) -> Num {
    if a.is_nan() || !(b.is_nan() || b.before(a)) { a } else { b }
}

const TOTALS: [Total; 3] = [
    Total { name: "cumsum", chooses: false, next: add, engine: Array::cumsum },
    Total { name: "cummax", chooses: true, next: larger, engine: Array::cummax },
    Total { name: "cummin", chooses: true, next: smaller, engine: Array::cummin },
];

fn cumulative(drawing: &mut Drawing, x: V) -> Option<V> {
    let (tensor, facts) = (drawing.tensor(x), drawing.facts(x));
    let (ndim, dtype, float) = (tensor.ndim(), tensor.dtype, is_float(tensor.dtype));
    // a sum that is not finite depends on the order in which it overflowed
    if ndim == 0 || is_complex(dtype) || !tensor.is_exact() || float && (facts.largest > 1e30 || !facts.finite) {
        return None;
    }
    let total = drawing.dice.one(&TOTALS.iter().collect::<Vec<_>>());
    let axis = drawing.dice.below(ndim);
    let x_ = drawing.tensor(x);
    let out = match dtype {
        _ if total.chooses || float => dtype,
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => DType::U64,
        _ => DType::I64,
    };
    let (step, len) = (x_.strides()[axis], x_.shape[axis]);
    let exact = is_whole(out) || total.chooses;
    let (mut values, mut errors) = (vec![Num::I(0); x_.len()], vec![0.0; x_.len()]);
    for first in (0..x_.len()).filter(|at| at / step % len.max(1) == 0) {
        let (mut so_far, mut size) = (x_.at(first), 0.0);
        for i in 0..len {
            let at = first + i * step;
            if i > 0 {
                so_far = (total.next)(so_far, x_.at(at));
            }
            size += x_.at(at).size();
            values[at] = fit(so_far, out);
            errors[at] = (i + 1) as f64 * f64::EPSILON * size + 2.0 * ulp(so_far.f(), out);
        }
    }
    let shape = x_.shape.clone();
    let tensor = Tensor::new(out, &shape, exact, |at| (values[at], errors[at]));
    let text = format!("v{x}.{}(axis={axis})", total.name);
    let engine = total.engine;
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], axis as i64))) }))
}
