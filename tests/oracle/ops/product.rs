//! Matrix products.

use super::Row;
use super::shape::push_transpose;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_whole, promote, ulp};
use flagstone::DType;
use flagstone::array::einsum;
use ndarray::{Array2, ArrayView2};

pub const ROWS: &[Row] =
    &[Row { weight: 7, draw: matmul }, Row { weight: 4, draw: tensordot }, Row { weight: 3, draw: stacked }, Row { weight: 2, draw: gram }];

fn matmul(drawing: &mut Drawing, x: V) -> Option<V> {
    let (shape, most) = (drawing.shape(x).to_vec(), drawing.scale.products_max());
    let &k = shape.last()?;
    let elements_max = drawing.scale.elements_max();
    let fits = |other: &[usize]| {
        let (rows, columns) = (shape.iter().product::<usize>() / k.max(1), other.get(1).copied().unwrap_or(1));
        rows * k * columns <= most && rows * columns <= elements_max
    };
    if shape.len() > 2 || !tame(drawing, x) {
        return None;
    }
    let y = match drawing.dice.below(2) {
        0 => None,
        _ => drawing.any(|drawing, v| {
            let other = drawing.shape(v);
            matches!(other.len(), 1 | 2) && other[0] == k && fits(other) && tame(drawing, v)
        }),
    };
    let y = match y {
        None if shape.len() == 2 && fits(&[shape[1], shape[0]]) => push_transpose(drawing, x, vec![1, 0]),
        y => y?,
    };
    let dtype = promote(drawing.dtype(x), drawing.dtype(y));
    let (a, b) = (drawing.tensor(x).cast(dtype), drawing.tensor(y).cast(dtype));
    let (m, n) = (if a.ndim() == 2 { a.shape[0] } else { 1 }, if b.ndim() == 2 { b.shape[1] } else { 1 });
    let product = product(drawing, [x, y], &a, &b, [m, k, n])?;
    let shape: Vec<usize> = [(a.ndim() == 2).then_some(m), (b.ndim() == 2).then_some(n)].into_iter().flatten().collect();
    let text = format!("v{x} @ v{y}");
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].matmul(&made[y])));
    Some(drawing.push(Step { text, args: vec![x, y], tensor: product.shaped(&shape), build }))
}

/// The product of `a` and `b` in the shape of matrices, which are `operands` in other orders; `None` where it would take long.
fn product(drawing: &Drawing, operands: [V; 2], a: &Tensor, b: &Tensor, [m, k, n]: [usize; 3]) -> Option<Tensor> {
    // whole numbers whose sums a float64 does not hold are multiplied one by one
    let bound = drawing.facts(operands[0]).largest * drawing.facts(operands[1]).largest * k as f64;
    let long = is_whole(a.dtype) && bound > 9e15;
    if long && m * n * k > 50_000_000 {
        return None;
    }
    Some(if long { wrapped(a, b, [m, k, n]) } else { multiplied(a, b, [m, k, n]) })
}

fn tame(drawing: &Drawing, v: V) -> bool {
    drawing.facts(v).largest < 1e15 && drawing.dtype(v) != DType::Bool
}

/// Over pairs of axes of the same length: as many as the dice say, in any order.
fn tensordot(drawing: &mut Drawing, x: V) -> Option<V> {
    let (most, elements_max) = (drawing.scale.products_max(), drawing.scale.elements_max());
    if !tame(drawing, x) || drawing.tensor(x).ndim() > 4 {
        return None;
    }
    let y = drawing.any(|drawing, v| tame(drawing, v) && drawing.tensor(v).ndim() <= 4)?;
    let (of_x, of_y) = (drawing.shape(x).to_vec(), drawing.shape(y).to_vec());
    let mut pairs: Vec<(usize, usize)> = vec![];
    for _ in 0..1 + drawing.dice.below(3) {
        let free = |i: usize, j: usize| of_x[i] == of_y[j] && !pairs.iter().any(|&(a, b)| a == i || b == j);
        let all: Vec<(usize, usize)> =
            (0..of_x.len()).flat_map(|i| (0..of_y.len()).map(move |j| (i, j))).filter(|&(i, j)| free(i, j)).collect();
        if !all.is_empty() {
            pairs.push(drawing.dice.one(&all));
        }
    }
    let (first, second): (Vec<usize>, Vec<usize>) = pairs.iter().copied().unzip();
    let rest = |n: usize, gone: &[usize]| (0..n).filter(|axis| !gone.contains(axis)).collect::<Vec<_>>();
    let (rows, columns) = (rest(of_x.len(), &first), rest(of_y.len(), &second));
    let count = |shape: &[usize], axes: &[usize]| axes.iter().map(|&axis| shape[axis]).product::<usize>();
    let [m, k, n] = [count(&of_x, &rows), count(&of_x, &first), count(&of_y, &columns)];
    if pairs.is_empty() || m * k * n > most || m * n > elements_max {
        return None;
    }
    let dtype = promote(drawing.dtype(x), drawing.dtype(y));
    let a = drawing.tensor(x).transposed(&[rows.clone(), first.clone()].concat()).cast(dtype);
    let b = drawing.tensor(y).transposed(&[second.clone(), columns.clone()].concat()).cast(dtype);
    let product = product(drawing, [x, y], &a, &b, [m, k, n])?;
    let shape: Vec<usize> = rows.iter().map(|&axis| of_x[axis]).chain(columns.iter().map(|&axis| of_y[axis])).collect();
    let text = format!("tensordot(v{x}, v{y}, ({first:?}, {second:?})) # @");
    let axes = |axes: &[usize]| axes.iter().map(|&axis| axis as i64).collect::<Vec<_>>();
    let axes = (axes(&first), axes(&second));
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].tensordot(&made[y], axes.clone())));
    Some(drawing.push(Step { text, args: vec![x, y], tensor: product.shaped(&shape), build }))
}

/// A stack of matrices with its transposes, as `matmul` or as `einsum`.
fn stacked(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    let &[places, m, k] = &shape[..] else { return None };
    if !tame(drawing, x) || places * m * m * k > drawing.scale.products_max() || places * m * m > drawing.scale.elements_max() {
        return None;
    }
    let dtype = drawing.dtype(x);
    let y = push_transpose(drawing, x, vec![0, 2, 1]);
    let (strides_x, strides_y) = (drawing.tensor(x).strides(), drawing.tensor(y).strides());
    let matrix = |tensor: &Tensor, strides: &[usize], place: usize, rows: usize, columns: usize| {
        let along = |n: usize, stride: usize| (0..n).map(|i| i * stride).collect::<Vec<_>>();
        tensor.picked(place * strides[0], &[along(rows, strides[1]), along(columns, strides[2])])
    };
    let mut parts = vec![];
    for place in 0..places {
        let a = matrix(drawing.tensor(x), &strides_x, place, m, k);
        let b = matrix(drawing.tensor(y), &strides_y, place, k, m);
        parts.push(product(drawing, [x, y], &a, &b, [m, k, m])?);
    }
    let exact = parts.iter().all(Tensor::is_exact);
    let tensor = Tensor::new(dtype, &[places, m, m], exact, |at| parts[at / (m * m)].element(at % (m * m)));
    let by_letters = drawing.dice.chance(2);
    let text = if by_letters { format!("einsum('bij,bjk->bik', v{x}, v{y}) # @") } else { format!("v{x} @ v{y}") };
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| {
        Ok(if by_letters { einsum("bij,bjk->bik", &[&made[x], &made[y]]) } else { made[x].matmul(&made[y]) })
    });
    Some(drawing.push(Step { text, args: vec![x, y], tensor, build }))
}

/// A matrix with its transpose: one triangle is computed.
fn gram(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    let &[m, k] = &shape[..] else { return None };
    if !tame(drawing, x) || m * m * k > drawing.scale.products_max() || m * m > drawing.scale.elements_max() {
        return None;
    }
    let y = push_transpose(drawing, x, vec![1, 0]);
    let (a, b) = (drawing.tensor(x).clone(), drawing.tensor(y).clone());
    let product = product(drawing, [x, y], &a, &b, [m, k, m])?;
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].matmul(&made[y])));
    Some(drawing.push(Step { text: format!("v{x} @ v{y}"), args: vec![x, y], tensor: product.shaped(&[m, m]), build }))
}

fn wrapped(a: &Tensor, b: &Tensor, [m, k, n]: [usize; 3]) -> Tensor {
    Tensor::exact(a.dtype, &[m, n], |at| {
        let (i, j) = (at / n, at % n);
        let sum = (0..k).fold(0i128, |sum, l| sum.wrapping_add(a.at(i * k + l).i().wrapping_mul(b.at(l * n + j).i())));
        fit(Num::I(sum), a.dtype)
    })
}

/// In float64; the parts of complex numbers each for themselves.
fn multiplied(a: &Tensor, b: &Tensor, [m, k, n]: [usize; 3]) -> Tensor {
    let (dtype, complex) = (a.dtype, is_complex(a.dtype));
    let matrix = |x: &Tensor, shape: (usize, usize), part: fn(Num) -> f64| {
        Array2::from_shape_vec(shape, x.numbers().map(part).collect()).expect("as many elements")
    };
    let (re, im): (fn(Num) -> f64, fn(Num) -> f64) = (|v| v.c().0, |v| v.c().1);
    let (ar, br) = (matrix(a, (m, k), re), matrix(b, (k, n), re));
    let mut product = [ar.dot(&br), Array2::zeros((0, 0))];
    if complex {
        let (ai, bi) = (matrix(a, (m, k), im), matrix(b, (k, n), im));
        product = [&product[0] - &ai.dot(&bi), ar.dot(&bi) + ai.dot(&br)];
    }
    // Σ|x·y| ≤ |row|·|column|, and so with the errors
    let norms = |x: &Tensor, (rows, columns): (usize, usize), of_rows: bool, what: fn((Num, f64)) -> f64| -> Vec<f64> {
        let squares: Vec<f64> = (0..x.len()).map(|i| what(x.element(i)).powi(2)).collect();
        let squares = ArrayView2::from_shape((rows, columns), &squares).expect("as many elements");
        squares.sum_axis(ndarray::Axis(of_rows as usize)).iter().map(|sum| sum.sqrt()).collect()
    };
    let (size, error): (fn((Num, f64)) -> f64, fn((Num, f64)) -> f64) = (|(v, _)| v.size(), |(_, e)| e);
    let (rows, columns) = (norms(a, (m, k), true, size), norms(b, (k, n), false, size));
    let exact = a.is_exact() && b.is_exact();
    let (row_errors, column_errors) = match exact {
        true => (vec![0.0; m], vec![0.0; n]),
        false => (norms(a, (m, k), true, error), norms(b, (k, n), false, error)),
    };
    Tensor::new(dtype, &[m, n], is_whole(dtype), |at| {
        let (i, j) = (at / n, at % n);
        let value = match (is_whole(dtype), complex) {
            (true, _) => Num::I(product[0][[i, j]] as i128),
            (_, true) => Num::C(product[0][[i, j]], product[1][[i, j]]),
            _ => Num::F(product[0][[i, j]]),
        };
        let spread = rows[i] * column_errors[j] + columns[j] * row_errors[i] + row_errors[i] * column_errors[j];
        // half precision rounds once more
        let unit = ulp(rows[i] * columns[j], if dtype.size() == 2 { DType::F32 } else { dtype });
        (fit(value, dtype), spread + 4.0 * (k as f64 + 1.0) * unit + 2.0 * ulp(value.size(), dtype))
    })
}
