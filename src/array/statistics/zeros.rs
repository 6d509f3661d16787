//! Polynomials and their zeros, quotients of polynomials, and the polynomial that is nearest to points.

use super::moments::floats;
use super::polynomials::length;
use crate::array::composed::{check_pieces, composed};
use crate::array::manipulate::concatenate;
use crate::array::{Array, Index, linalg, zeros};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// Elements `start..stop` along axis 0, negative ones from the end.
fn part(x: &Array, start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>) -> Array {
    x.index([Index::Slice(start.into(), stop.into(), None)])
}

/// The coefficients, the highest power first and 1, of the polynomial with these zeros; of a square matrix those of its characteristic
/// polynomial, real where the matrix is. Of complex zeros they stay complex, where NumPy looks whether they come in pairs.
///
/// ```
/// use flagstone::{arange, array::poly};
/// // (x − 1)(x − 2)
/// assert_eq!(poly(&arange(1, 3, 1, None)).compute::<f64>().unwrap().as_slice().unwrap(), [1.0, -3.0, 2.0]);
/// ```
#[track_caller]
pub fn poly(zeros: &Array) -> Array {
    composed("poly", &[zeros], |arrays| {
        let x = floats(&arrays[0])?;
        let of_matrix = x.ndim()? == 2;
        let real = !x.dtype()?.is_complex();
        let roots = if of_matrix { linalg::eig(&x)[0].clone() } else { x };
        let n = length("poly", &roots)?;
        if n == 0 {
            return Ok(crate::array::ones(Vec::<u64>::new(), DType::F64));
        }
        check_pieces("poly", n, "multiply polynomials of fewer zeros")?;
        let zero = crate::array::zeros([1], roots.dtype()?);
        let one = &zero + 1.0;
        let times = |p: Array, k: i64| {
            let root = part(&roots, k, k + 1);
            concatenate(&[p.clone(), zero.clone()], 0) - concatenate(&[zero.clone(), p], 0) * root
        };
        let p = (0..n as i64).fold(one, times);
        Ok(if of_matrix && real { p.real() } else { p })
    })
}

/// The zeros of the polynomial with these coefficients, the highest power first and not 0: the eigenvalues of its companion matrix,
/// complex. NumPy drops zeros at the front, which here are an error when it is computed.
///
/// ```
/// use flagstone::{Array, array::roots};
/// // x² − 3x + 2
/// let found = roots(&Array::from(ndarray::arr1(&[1.0, -3.0, 2.0]))).real().sort(0);
/// let found = found.compute::<f64>().unwrap();
/// assert!((found[0] - 1.0).abs() < 1e-14 && (found[1] - 2.0).abs() < 1e-14);
/// ```
#[track_caller]
pub fn roots(p: &Array) -> Array {
    composed("roots", &[p], |arrays| {
        let p = floats(&arrays[0])?;
        let n = length("roots", &p)?;
        if n < 2 {
            return Ok(crate::array::zeros([0], p.dtype()?));
        }
        let first = -part(&p, 1, None) / part(&p, 0, 1);
        let below = crate::array::eye(n - 2, n - 1, 0, p.dtype()?);
        let companion = concatenate(&[first.expand_dims([0]), below], 0);
        Ok(linalg::eig(&companion)[0].clone())
    })
}

/// Quotient and remainder of two polynomials, the highest power first. The remainder has one coefficient less than the divisor, one at
/// least; NumPy drops its zeros at the front.
///
/// ```
/// use flagstone::{Array, array::polydiv};
/// let [p, by] = [[3.0, 5.0, 2.0].as_slice(), &[2.0, 1.0]].map(|p| Array::from(ndarray::ArrayView1::from(p).to_owned()));
/// let [quotient, rest] = polydiv(&p, &by);
/// assert_eq!(quotient.compute::<f64>().unwrap().as_slice().unwrap(), [1.5, 1.75]);
/// assert_eq!(rest.compute::<f64>().unwrap().as_slice().unwrap(), [0.25]);
/// ```
#[track_caller]
pub fn polydiv(u: &Array, v: &Array) -> [Array; 2] {
    let at = |wanted: usize| {
        composed("polydiv", &[u, v], move |arrays| divided(&arrays[0], &arrays[1]).map(|[q, r]| if wanted == 0 { q } else { r }))
    };
    [at(0), at(1)]
}

fn divided(u: &Array, v: &Array) -> Result<[Array; 2]> {
    let dtype = floats(u)?.dtype()?.promote(floats(v)?.dtype()?);
    let (u, v) = (u.astype(dtype), v.astype(dtype));
    let (n, m) = (length("polydiv", &u)?, length("polydiv", &v)?);
    if n == 0 || m == 0 {
        return Err(Error::bad_request("polydiv", "a polynomial without coefficients; expected one at least"));
    }
    if n < m {
        return Ok([zeros([1], dtype), u]);
    }
    check_pieces("polydiv", n - m + 1, "divide by a polynomial of a higher degree")?;
    let (mut quotient, mut rest) = (Vec::new(), u);
    for _ in 0..=n - m {
        let factor = part(&rest, 0, 1) / part(&v, 0, 1);
        // what it leaves of the first m coefficients, of which the first one is gone
        let left = part(&rest, 1, m as i64) - &factor * part(&v, 1, None);
        rest = concatenate(&[left, part(&rest, m as i64, None)], 0);
        quotient.push(factor);
    }
    let rest = if m == 1 { zeros([1], dtype) } else { rest };
    Ok([concatenate(&quotient, 0), rest])
}

/// The coefficients, the highest power first, of the polynomial of degree `degree` that is nearest to `y` at `x` by least squares; of
/// several columns of `y` each. `weights` are factors of the distances. Read once, however many points there are; powers of
/// `x` are scaled before, as NumPy does.
///
/// ```
/// use flagstone::{arange, array::polyfit};
/// let x = arange(0.0, 50.0, 1.0, None);
/// let line = polyfit(&x, &(&x * 2.0 + 1.0), 1, None, None).compute::<f64>().unwrap();
/// assert!((line[0] - 2.0).abs() < 1e-12 && (line[1] - 1.0).abs() < 1e-12);
/// ```
#[track_caller]
pub fn polyfit(x: &Array, y: &Array, degree: u64, rcond: Option<f64>, weights: Option<&Array>) -> Array {
    let mut given = vec![x, y];
    given.extend(weights);
    composed("polyfit", &given, move |arrays| {
        let (x, y) = (floats(&arrays[0])?, floats(&arrays[1])?);
        let (n, rows) = (length("polyfit", &x)?, y.shape()?);
        if !matches!(rows.len(), 1 | 2) || rows[0] != n || n == 0 {
            return Err(Error::bad_request("polyfit", format!("y of shape {rows:?} at {n} places; expected as many rows, one at least")));
        }
        let is_vector = rows.len() == 1;
        let (mut a, mut b) = (x.vander(degree + 1, false), if is_vector { y.expand_dims([1]) } else { y });
        if let Some(weights) = arrays.get(2) {
            let w = floats(weights)?;
            if w.shape()? != [n] {
                return Err(Error::bad_request("polyfit", format!("weights of shape {:?}; expected [{n}]", w.shape()?)));
            }
            let w = w.expand_dims([1]);
            (a, b) = (a * &w, b * &w);
        }
        let scale = a.abs().square().sum(0).sqrt();
        let epsilon = x.dtype()?.epsilon();
        let [c, ..] = linalg::lstsq(&(a / &scale), &b, Some(rcond.unwrap_or(n as f64 * epsilon)));
        let c = c / scale.expand_dims([1]);
        Ok(if is_vector { c.squeeze([1]) } else { c })
    })
}
