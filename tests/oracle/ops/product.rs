//! Matrix products.

use super::Row;
use super::shape::push_transpose;
use crate::draw::{Drawing, Step, V};
use crate::tensor::{Num, Tensor, fit, is_complex, is_whole, promote, ulp};
use flagstone::DType;
use ndarray::{Array2, ArrayView2};

pub const ROWS: &[Row] = &[Row { weight: 7, draw: matmul }];

fn matmul(drawing: &mut Drawing, x: V) -> Option<V> {
    let (shape, most) = (drawing.shape(x).to_vec(), drawing.scale.products_max());
    let &k = shape.last()?;
    let elements_max = drawing.scale.elements_max();
    let fits = |other: &[usize]| {
        let (rows, columns) = (shape.iter().product::<usize>() / k.max(1), other.get(1).copied().unwrap_or(1));
        rows * k * columns <= most && rows * columns <= elements_max
    };
    let tame = |drawing: &Drawing, v: V| drawing.facts(v).largest < 1e15 && drawing.dtype(v) != DType::Bool;
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
    // whole numbers whose sums a float64 does not hold are multiplied one by one
    let bound = drawing.facts(x).largest * drawing.facts(y).largest * k as f64;
    if is_whole(dtype) && bound > 9e15 && m * n * k > 50_000_000 {
        return None;
    }
    let product = match is_whole(dtype) {
        true if bound > 9e15 => wrapped(&a, &b, [m, k, n]),
        _ => multiplied(&a, &b, [m, k, n]),
    };
    let shape: Vec<usize> = [(a.ndim() == 2).then_some(m), (b.ndim() == 2).then_some(n)].into_iter().flatten().collect();
    let text = format!("v{x} @ v{y}");
    let build = Box::new(move |made: &crate::draw::Made, _: &crate::draw::Context| Ok(made[x].matmul(&made[y])));
    Some(drawing.push(Step { text, args: vec![x, y], tensor: product.shaped(&shape), build }))
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
