//! The same elements elsewhere: slices, lists, new axes, other orders, one array after the other.

use super::Row;
use crate::draw::{Context, Drawing, Made, Step, V};
use crate::tensor::{Tensor, promote};
use flagstone::array::{Index, Pad, concatenate as concatenated};

pub const ROWS: &[Row] = &[
    Row { weight: 5, draw: index },
    Row { weight: 2, draw: transpose },
    Row { weight: 2, draw: flip },
    Row { weight: 5, draw: concatenate },
    Row { weight: 1, draw: broadcast_to },
    Row { weight: 3, draw: reshape },
    Row { weight: 2, draw: roll },
    Row { weight: 2, draw: repeat },
    Row { weight: 2, draw: pad },
    Row { weight: 3, draw: windows },
];

/// The places that a Python slice takes of an axis of `len`.
fn places(slice: (Option<i64>, Option<i64>, Option<i64>), len: usize) -> Vec<usize> {
    let (len, step) = (len as i64, slice.2.unwrap_or(1));
    let bound = |at: i64| if at < 0 { at + len } else { at };
    let mut at = match slice.0 {
        Some(at) if step > 0 => bound(at).max(0),
        Some(at) => bound(at).min(len - 1),
        None if step > 0 => 0,
        None => len - 1,
    };
    let mut out = vec![];
    while (0..len).contains(&at) && slice.1.is_none_or(|stop| if step > 0 { at < bound(stop) } else { at > bound(stop) }) {
        out.push(at as usize);
        at += step;
    }
    out
}

fn items(drawing: &mut Drawing, shape: &[usize]) -> Vec<Index> {
    let dice = &mut drawing.dice;
    let mut items = vec![];
    for &n in shape {
        let len = n as i64;
        let mut end = || (dice.below(3) > 0).then(|| dice.below(2 * n + 3) as i64 - len - 1);
        let (start, stop) = (end(), end());
        let item = match dice.below(7) {
            0 if n > 0 && !items.iter().any(|item| matches!(item, Index::List(_))) => Index::Int(dice.below(2 * n) as i64 - len),
            1 if n > 0 && items.is_empty() => Index::List((0..1 + dice.below(4)).map(|_| dice.below(2 * n) as i64 - len).collect()),
            2 => {
                items.push(Index::NewAxis);
                Index::Slice(start, stop, None)
            }
            3 => Index::Slice(start, stop, Some(-1 - dice.below(3) as i64)),
            4 => Index::Slice(None, None, Some(-1)),
            5 => Index::Slice(start, None, Some(1 + dice.below(3) as i64)),
            _ => Index::Slice(start, stop, Some(1 + dice.below(2) as i64)),
        };
        items.push(item);
    }
    if dice.chance(4) {
        items.pop();
    }
    items
}

/// `x[items]` for integers, slices, new axes and one list.
fn indexed(x: &Tensor, items: &[Index]) -> Tensor {
    let strides = x.strides();
    let (mut first, mut steps, mut axis) = (0, vec![], 0);
    let wrap = |at: i64, axis: usize| if at < 0 { (at + x.shape[axis] as i64) as usize } else { at as usize };
    for item in items {
        let taken: Vec<usize> = match item {
            Index::NewAxis => {
                steps.push(vec![0]);
                continue;
            }
            Index::Int(at) => {
                first += wrap(*at, axis) * strides[axis];
                axis += 1;
                continue;
            }
            Index::Slice(start, stop, step) => places((*start, *stop, *step), x.shape[axis]),
            Index::List(list) => list.iter().map(|&at| wrap(at, axis)).collect(),
            other => unreachable!("{other:?} is not drawn here"),
        };
        steps.push(taken.iter().map(|at| at * strides[axis]).collect());
        axis += 1;
    }
    steps.extend((axis..x.ndim()).map(|axis| (0..x.shape[axis]).map(|i| i * strides[axis]).collect()));
    x.picked(first, &steps)
}

fn text(items: &[Index]) -> String {
    let end = |end: &Option<i64>| end.map_or(String::new(), |at| at.to_string());
    let item = |item: &Index| match item {
        Index::Int(at) => at.to_string(),
        Index::Slice(start, stop, step) => format!("{}:{}:{}", end(start), end(stop), end(step)),
        Index::List(list) => format!("{list:?}"),
        _ => "None".to_string(),
    };
    items.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn index(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.len() > 6 {
        return None;
    }
    let items = items(drawing, &shape);
    let tensor = indexed(drawing.tensor(x), &items);
    let text = format!("v{x}[{}]", text(&items));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].index(&items))) }))
}

fn transpose(drawing: &mut Drawing, x: V) -> Option<V> {
    let ndim = drawing.tensor(x).ndim();
    if ndim < 2 {
        return None;
    }
    let mut order: Vec<usize> = (0..ndim).collect();
    order.rotate_left(1 + drawing.dice.below(ndim - 1));
    let t = push_transpose(drawing, x, order);
    let square = drawing.shape(x) == drawing.shape(t);
    if square && drawing.dice.below(2) == 0 { super::elementwise::subtract(drawing, x, t) } else { Some(t) }
}

pub fn push_transpose(drawing: &mut Drawing, x: V, order: Vec<usize>) -> V {
    let tensor = drawing.tensor(x).transposed(&order);
    let text = format!("v{x}.transpose({order:?})");
    drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].transpose(order.clone()))) })
}

fn flip(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    let ndim = tensor.ndim();
    if ndim == 0 {
        return None;
    }
    let axis = drawing.dice.below(ndim);
    let items: Vec<Index> = (0..ndim).map(|a| Index::Slice(None, None, Some(if a == axis { -1 } else { 1 }))).collect();
    let tensor = indexed(drawing.tensor(x), &items);
    let text = format!("flip(v{x}, {axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].flip(vec![axis]))) }))
}

fn concatenate(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let count = 2 + drawing.dice.below(2);
    let fits = |drawing: &Drawing, v: V| {
        let other = drawing.shape(v);
        other.len() == shape.len() && (0..shape.len()).all(|a| a == axis || other[a] == shape[a])
    };
    let parts: Vec<V> = (0..count).map_while(|_| drawing.any(fits)).collect();
    let tensors: Vec<&Tensor> = parts.iter().map(|&v| drawing.tensor(v)).collect();
    if tensors.iter().map(|tensor| tensor.len()).sum::<usize>() > drawing.scale.elements_max() {
        return None;
    }
    let dtype = tensors.iter().map(|tensor| tensor.dtype).reduce(promote)?;
    // of each part, as many elements as lie behind the axis, and so on for each place before it
    let behind: usize = shape[axis + 1..].iter().product();
    let runs: Vec<usize> = tensors.iter().map(|tensor| tensor.shape[axis] * behind).collect();
    let whole: usize = runs.iter().sum();
    let cast: Vec<Tensor> = tensors.iter().map(|tensor| tensor.cast(dtype)).collect();
    let mut joined = shape.clone();
    joined[axis] = tensors.iter().map(|tensor| tensor.shape[axis]).sum();
    let tensor = Tensor::new(dtype, &joined, cast.iter().all(Tensor::is_exact), |i| {
        let (outer, mut within) = (i / whole, i % whole);
        let mut part = 0;
        while within >= runs[part] {
            within -= runs[part];
            part += 1;
        }
        cast[part].element(outer * runs[part] + within)
    });
    let names: Vec<String> = parts.iter().map(|v| format!("v{v}")).collect();
    let text = format!("concatenate(({}), axis={axis})", names.join(", "));
    let args = parts.clone();
    let build = move |made: &Made, _: &Context| {
        let arrays: Vec<_> = parts.iter().map(|&v| made[v].clone()).collect();
        Ok(concatenated(&arrays, axis as i64))
    };
    Some(drawing.push(Step { text, args, tensor, build: Box::new(build) }))
}

fn broadcast_to(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.len() > 3 || drawing.tensor(x).len() > 100_000 {
        return None;
    }
    let mut wide: Vec<usize> = shape.iter().map(|&n| if n == 1 { 1 + drawing.dice.below(5) } else { n }).collect();
    if drawing.dice.chance(2) {
        wide.insert(0, 1 + drawing.dice.below(4));
    }
    let tensor = drawing.tensor(x).stretched(&wide);
    let text = format!("broadcast_to(v{x}, {wide:?})");
    let lengths: Vec<u64> = wide.iter().map(|&n| n as u64).collect();
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].broadcast_to(lengths.clone()))) }))
}

fn reshape(drawing: &mut Drawing, x: V) -> Option<V> {
    let mut left = drawing.tensor(x).len();
    if left == 0 {
        return None;
    }
    let mut shape = vec![];
    while left > 1 && shape.len() < 3 && !drawing.dice.chance(4) {
        let divisors: Vec<usize> = (2..=left.min(400)).filter(|d| left.is_multiple_of(*d)).collect();
        let Some(&by) = divisors.get(drawing.dice.below(divisors.len().max(1))) else { break };
        shape.push(by);
        left /= by;
    }
    shape.insert(drawing.dice.below(shape.len() + 1), left);
    let tensor = drawing.tensor(x).clone().shaped(&shape);
    let text = format!("v{x}.reshape({shape:?})");
    let lengths: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let build = move |made: &Made, _: &Context| Ok(made[x].reshape(lengths.clone()));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}

/// `x` with the places of each axis taken in the order of a list.
fn picked(x: &Tensor, places: &[Vec<usize>]) -> Tensor {
    let steps: Vec<Vec<usize>> = places.iter().zip(x.strides()).map(|(list, stride)| list.iter().map(|at| at * stride).collect()).collect();
    x.picked(0, &steps)
}

fn whole(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().map(|&n| (0..n).collect()).collect()
}

/// Along an axis, or of all elements in C order.
fn roll(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let shift = drawing.dice.below(4 * shape[axis] + 5) as i64 - 2 * shape[axis] as i64;
    if drawing.dice.chance(3) {
        let all = drawing.tensor(x).len();
        let from = |i: usize| (i as i64 - shift).rem_euclid(all as i64) as usize;
        let tensor = drawing.tensor(x);
        let rolled = Tensor::new(tensor.dtype, &shape, tensor.is_exact(), |i| tensor.element(from(i)));
        let text = format!("roll(v{x}, {shift})");
        return Some(drawing.push(Step {
            text,
            args: vec![x],
            tensor: rolled,
            build: Box::new(move |made, _| Ok(made[x].roll(shift, ..))),
        }));
    }
    let mut places = whole(&shape);
    let n = shape[axis];
    places[axis] = (0..n as i64).map(|i| (i - shift).rem_euclid(n as i64) as usize).collect();
    let tensor = picked(drawing.tensor(x), &places);
    let text = format!("roll(v{x}, {shift}, axis={axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].roll(shift, axis as i64))) }))
}

fn repeat(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || 3 * drawing.tensor(x).len() > drawing.scale.elements_max() {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    if shape[axis] > 200 {
        return None;
    }
    let counts: Vec<u64> = (0..shape[axis]).map(|_| drawing.dice.below(4) as u64).collect();
    let mut places = whole(&shape);
    places[axis] = counts.iter().enumerate().flat_map(|(at, &count)| vec![at; count as usize]).collect();
    let tensor = picked(drawing.tensor(x), &places);
    let text = format!("repeat(v{x}, {counts:?}, axis={axis})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].repeat_each(&counts, axis as i64))) }))
}

/// By the edge, mirrored, or from the other end.
fn pad(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || shape.contains(&0) {
        return None;
    }
    let mut widths = vec![[0u64; 2]; shape.len()];
    let axis = drawing.dice.below(shape.len());
    widths[axis] = [drawing.dice.below(7) as u64, drawing.dice.below(7) as u64];
    let n = shape[axis] as i64;
    let longer = shape[axis] as u64 + widths[axis][0] + widths[axis][1];
    if drawing.tensor(x).len() / shape[axis] * longer as usize > drawing.scale.elements_max() {
        return None;
    }
    let kind = drawing.dice.below(4);
    let place = |at: i64| match kind {
        0 => at.clamp(0, n - 1),
        1 => at.rem_euclid(n),
        2 => {
            let within = at.rem_euclid(2 * n);
            within.min(2 * n - 1 - within)
        }
        _ if n == 1 => 0,
        _ => {
            let within = at.rem_euclid(2 * n - 2);
            within.min(2 * n - 2 - within)
        }
    };
    let mut places = whole(&shape);
    places[axis] = (-(widths[axis][0] as i64)..n + widths[axis][1] as i64).map(|at| place(at) as usize).collect();
    let tensor = picked(drawing.tensor(x), &places);
    let mode = match kind {
        0 => Pad::Edge,
        1 => Pad::Wrap,
        2 => Pad::Symmetric { odd: false },
        _ => Pad::Reflect { odd: false },
    };
    let text = format!("pad(v{x}, {widths:?}, {mode:?})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].pad(widths.clone(), &mode))) }))
}

/// Overlapping ones along an axis.
fn windows(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() || shape.len() > 4 {
        return None;
    }
    let axis = drawing.dice.below(shape.len());
    let len = 1 + drawing.dice.below(8);
    if len > shape[axis] || len * drawing.tensor(x).len() > drawing.scale.elements_max() {
        return None;
    }
    let stride = drawing.tensor(x).strides()[axis];
    let mut places = whole(&shape);
    places[axis].truncate(shape[axis] - len + 1);
    let steps = places.iter().zip(drawing.tensor(x).strides()).map(|(list, stride)| list.iter().map(|at| at * stride).collect());
    let steps: Vec<Vec<usize>> = steps.chain([(0..len).map(|at| at * stride).collect()]).collect();
    let tensor = drawing.tensor(x).picked(0, &steps);
    let text = format!("sliding_window_view(v{x}, {len}, axis={axis})");
    let build = move |made: &Made, _: &Context| Ok(made[x].sliding_window_view(&[(axis as i64, len as u64)]));
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}
