//! Polynomials and their zeros.

use super::moments::floats;
use super::polynomials::{length, part};
use crate::array::composed::{check_pieces, composed};
use crate::array::manipulate::concatenate;
use crate::array::{Array, linalg};

use flagstone_kernels::dtype::DType;

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
