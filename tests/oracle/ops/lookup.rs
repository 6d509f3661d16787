//! Places in tables, and how often indices occur.

use super::Row;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, is_complex};
use flagstone::{Array, DType};

pub const ROWS: &[Row] = &[Row { weight: 2, draw: take }, Row { weight: 1, draw: search }, Row { weight: 1, draw: tally }];

/// Some places of 0..n, of which some are counted from the end, as an array of one or two axes.
fn places(drawing: &mut Drawing, n: usize) -> (Vec<i64>, Vec<usize>) {
    let dice = &mut drawing.dice;
    let shape = if dice.chance(3) { vec![1 + dice.below(3), 1 + dice.below(4)] } else { vec![dice.below(9)] };
    let places = (0..shape.iter().product()).map(|_| dice.below(2 * n) as i64 - n as i64).collect();
    (places, shape)
}

fn take(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || shape.len() > 3 {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let n = shape[axis];
    if n == 0 {
        return None;
    }
    let (at, at_shape) = places(drawing, n);
    if drawing.tensor(x).len() / n * at.len() > drawing.scale.elements_max() {
        return None;
    }
    let inner: usize = shape[axis + 1..].iter().product();
    let out: Vec<usize> = [&shape[..axis], &at_shape, &shape[axis + 1..]].concat();
    let tensor = drawing.tensor(x);
    let place = |i: usize| {
        let (outer, rest) = (i / (at.len() * inner).max(1), i % (at.len() * inner).max(1));
        let from = at[rest / inner];
        (outer * n + if from < 0 { from + n as i64 } else { from } as usize) * inner + rest % inner
    };
    let tensor = Tensor::new(tensor.dtype, &out, tensor.is_exact(), |i| tensor.element(place(i)));
    let text = format!("v{x}.take({at:?}.reshape({at_shape:?}), axis={axis})");
    let indices = Array::from(ndarray::ArrayD::from_shape_vec(at_shape, at).unwrap());
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].take(&indices, axis as i64))) }))
}

fn search(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if !tensor.is_exact() || is_complex(tensor.dtype) || tensor.len() > 100_000 {
        return None;
    }
    // in all its elements, sorted
    let mut all: Vec<Num> = tensor.numbers().collect();
    all.sort_by(|a, b| {
        a.is_nan().cmp(&b.is_nan()).then_with(|| {
            if a.before(*b) {
                std::cmp::Ordering::Less
            } else if b.before(*a) {
                std::cmp::Ordering::Greater
            } else {
                std::cmp::Ordering::Equal
            }
        })
    });
    let before = |a: Num, b: Num| !a.is_nan() && (b.is_nan() || a.before(b));
    let right = drawing.dice.chance(2);
    let tensor = drawing.tensor(x);
    let found = Tensor::exact(DType::I64, &tensor.shape.clone(), |i| {
        let value = tensor.at(i);
        let count = all.partition_point(|&other| if right { !before(value, other) } else { before(other, value) });
        Num::I(count as i128)
    });
    let text = format!("v{x}.ravel().sort(0).searchsorted(v{x}, right={right})");
    let build = move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].ravel().sort(0).searchsorted(made[x].clone(), right));
    Some(drawing.push(Step { text, args: vec![x], tensor: found, build: Box::new(build) }))
}

fn tally(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    if !matches!(tensor.dtype, DType::Bool | DType::U8 | DType::I8 | DType::I16) || tensor.ndim() == 0 {
        return None;
    }
    let bins = 1 + drawing.dice.below(30);
    let tensor = drawing.tensor(x);
    let mut counts = vec![0; bins];
    for value in tensor.numbers() {
        counts[value.i().rem_euclid(bins as i128) as usize] += 1;
    }
    let tensor = Tensor::exact(DType::I64, &[bins], |i| Num::I(counts[i]));
    let text = format!("bincount(v{x} % {bins}, minlength={bins})");
    let build =
        move |made: &crate::draw::Made, _: &crate::draw::Context| Ok((made[x].astype(DType::I64) % bins as i64).bincount(bins as u64));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}
