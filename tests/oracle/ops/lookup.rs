//! Places in tables, and how often indices occur.

use super::Row;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, is_complex};
use flagstone::{Array, DType};

pub const ROWS: &[Row] = &[
    Row { weight: 2, draw: take },
    Row { weight: 1, draw: search },
    Row { weight: 1, draw: tally },
    Row { weight: 2, draw: take_along },
    Row { weight: 2, draw: update },
];

/// Some places of 0..n, few or many, of which some are counted from the end, as an array of one or two axes.
fn places(drawing: &mut Drawing, n: usize) -> (Vec<i64>, Vec<usize>) {
    let dice = &mut drawing.dice;
    let most = if dice.chance(3) { 3 * n.min(300) } else { 9 };
    let shape = if dice.chance(3) { vec![1 + dice.below(3), 1 + dice.below(1 + most / 2)] } else { vec![dice.below(most.max(9))] };
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

/// Places of each lane in itself.
fn take_along(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || shape.contains(&0) || drawing.tensor(x).len() > 20_000 {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let (n, m) = (shape[axis], 1 + drawing.dice.below(5));
    let mut out = shape.clone();
    out[axis] = m;
    let inner: usize = shape[axis + 1..].iter().product();
    // any rule will do that has another place for each
    let seed = drawing.dice.below(1000);
    let at: Vec<i64> = (0..out.iter().product()).map(|i: usize| ((i * 7 + seed) % (2 * n)) as i64 - n as i64).collect();
    let tensor = drawing.tensor(x);
    let place = |i: usize| {
        let from = if at[i] < 0 { at[i] + n as i64 } else { at[i] } as usize;
        (i / (m * inner) * n + from) * inner + i % inner
    };
    let tensor = Tensor::new(tensor.dtype, &out, tensor.is_exact(), |i| tensor.element(place(i)));
    let text = format!("v{x}.take_along_axis(places of {out:?} by {seed}, axis={axis})");
    let indices = Array::from(ndarray::ArrayD::from_shape_vec(out, at).unwrap());
    let build = move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].take_along_axis(&indices, Some(axis as i64)));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}

/// One number at a slice of every axis.
fn update(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    let slices: Vec<(usize, usize, usize)> = shape
        .iter()
        .map(|&n| {
            let start = drawing.dice.below(n + 1);
            (start, start + drawing.dice.below(n - start + 1), 1 + drawing.dice.below(3))
        })
        .collect();
    let tensor = drawing.tensor(x);
    let strides = tensor.strides();
    let is_set = |i: usize| {
        let along = |(axis, (start, stop, step)): (usize, &(usize, usize, usize))| {
            let at = i / strides[axis] % shape[axis];
            at >= *start && at < *stop && (at - start).is_multiple_of(*step)
        };
        slices.iter().enumerate().all(along)
    };
    let one = if crate::tensor::is_whole(tensor.dtype) { Num::I(1) } else { crate::tensor::fit(Num::F(1.0), tensor.dtype) };
    let tensor = Tensor::new(tensor.dtype, &shape, tensor.is_exact(), |i| if is_set(i) { (one, 0.0) } else { tensor.element(i) });
    let text = format!("v{x}.set({slices:?}, 1)");
    let items: Vec<flagstone::array::Index> = slices
        .iter()
        .map(|&(start, stop, step)| flagstone::array::Index::Slice(Some(start as i64), Some(stop as i64), Some(step as i64)))
        .collect();
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].set(items.clone(), 1))) }))
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
