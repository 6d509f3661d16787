//! Linear systems, inverses and determinants.

use super::calls::dense;
use super::factor::{applied, factored, parity};
use super::{computed, one, several, square};
use crate::array::elementwise::cast;
use crate::array::{Array, identity, ones, where_, zeros};
use crate::error::{Error, Result};
use crate::expr::Expr;
use crate::expr::ops::{Applied, Factors, Zeros};
use flagstone_kernels::linalg::{Dense, Triangle};

/// How the matrix of [`solve_triangular`] is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sides {
    /// Its lower triangle counts, not the upper one.
    pub lower: bool,
    /// Its diagonal counts as ones.
    pub unit_diagonal: bool,
    /// It is transposed.
    pub transposed: bool,
    /// It is conjugated.
    pub conjugated: bool,
}

impl Sides {
    /// With the lower triangle, or the upper one.
    pub fn lower(mut self, lower: bool) -> Sides {
        self.lower = lower;
        self
    }
    /// With a diagonal that counts as ones, or as it is.
    pub fn unit_diagonal(mut self, unit_diagonal: bool) -> Sides {
        self.unit_diagonal = unit_diagonal;
        self
    }
    /// Transposed, or not.
    pub fn transposed(mut self, transposed: bool) -> Sides {
        self.transposed = transposed;
        self
    }
    /// Conjugated, or not.
    pub fn conjugated(mut self, conjugated: bool) -> Sides {
        self.conjugated = conjugated;
        self
    }
}

/// A matrix and its right-hand sides, or stacks of them, in one dtype.
struct System {
    a: Array,
    /// A matrix, where a vector was given, too.
    b: Array,
    is_vector: bool,
}

impl System {
    fn new(operation: &str, a: &Array, b: &Array) -> Result<System> {
        let (a, b) = (square(operation, a)?, b.expr()?);
        let n = a.shape[a.shape.len() - 1];
        let is_vector = b.shape.len() == 1;
        let rows = if is_vector { b.shape.last() } else { b.shape.iter().nth_back(1) };
        if rows != Some(&n) {
            return Err(Error::bad_request(
                operation,
                format!("a right-hand side of shape {:?}; expected [{n}] or [.., {n}, columns]", b.shape),
            ));
        }
        let dtype = a.dtype.promote(computed(operation, b.dtype)?);
        let (a, b) = (Array::from_expr(cast(&a, dtype)?), Array::from_expr(cast(&b, dtype)?));
        Ok(System { a, b: if is_vector { b.expand_dims([1]) } else { b }, is_vector })
    }

    /// Whether there are several, or the right-hand sides are those of several.
    fn is_stack(&self) -> Result<bool> {
        Ok(self.a.ndim()? > 2 || self.b.ndim()? > 2)
    }

    fn shaped(&self, x: &Array) -> Result<Expr> {
        if self.is_vector { x.squeeze([-1]).expr() } else { x.expr() }
    }

    /// What `call` finds, matrix by matrix.
    fn each(&self, call: Dense) -> Result<Array> {
        let (a, b) = (self.a.shape()?, self.b.shape()?);
        let (a, b) = (a.split_at(a.len() - 2), b.split_at(b.len() - 2));
        let axes = a.0.len().max(b.0.len());
        let along = |stack: &[u64], axis: usize| (axis + stack.len()).checked_sub(axes).map_or(1, |axis| stack[axis]);
        let lengths = |axis: usize| match (along(a.0, axis), along(b.0, axis)) {
            (n, m) if n == m || m == 1 => Ok(n),
            (1, m) => Ok(m),
            (n, m) => Err(Error::bad_request(call.name(), format!("stacks of {n} and {m} matrices along axis {axis} do not broadcast"))),
        };
        let stack = (0..axes).map(lengths).collect::<Result<Vec<u64>>>()?;
        if self.b.shape()?.contains(&0) || self.a.shape()?.contains(&0) {
            let last = self.b.shape()?;
            return Ok(zeros([&stack, &last[last.len() - 2..]].concat(), self.b.dtype()?));
        }
        let spread = |array: &Array, last: &[u64]| array.broadcast_to([&stack, last].concat()).expr();
        Ok(dense(call, spread(&self.a, a.1)?, Some(spread(&self.b, b.1)?))?.remove(0))
    }
}

/// The upper triangle of LU's factors.
const UPPER: Triangle = Triangle { lower: false, unit: false, transposed: false, conjugated: false };

/// x with a·x = b by LU with partial pivoting, for one right-hand side `[n]` or several `[n, r]`, which may be larger than memory,
/// too. A slice of columns of the result is solved for those alone. Computing it is an error where `a` is singular.
/// Flops: ⅔n³ + 2n²r.
///
/// ```
/// use flagstone::{Array, array::linalg, random};
/// let a: Array = random::normal(0.0, 1.0).shape([40, 40]).seed(1).into();
/// let b: Array = random::normal(0.0, 1.0).shape([40]).seed(2).into();
/// let x = linalg::solve(&a, &b);
/// assert!((a.matmul(&x) - &b).abs().max(..).item::<f64>().unwrap() < 1e-11);
/// ```
#[track_caller]
pub fn solve(a: &Array, b: &Array) -> Array {
    one("solve", &[a, b], |arrays| {
        let system = System::new("solve", &arrays[0], &arrays[1])?;
        if system.is_stack()? {
            return system.shaped(&system.each(Dense::Solve)?);
        }
        if system.b.shape()?.contains(&0) {
            return system.shaped(&system.b);
        }
        let f = factored(Factors::Lu, system.a.expr()?)?.remove(0);
        let y = applied(Applied::Lower, &f, &system.b, Zeros::None)?;
        system.shaped(&applied(Applied::Triangle(UPPER), &f, &y, Zeros::None)?)
    })
}

/// As [`solve`] for a Hermitian positive definite matrix, of which the lower triangle is read, by Cholesky. Flops: ⅓n³ + 2n²r.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}, ones};
/// let x = linalg::solve_positive(&(eye(3, 3, 0, DType::F64) * 4.0), &ones([3], DType::F64));
/// assert_eq!(x.sum(..).item::<f64>().unwrap(), 0.75);
/// ```
#[track_caller]
pub fn solve_positive(a: &Array, b: &Array) -> Array {
    one("solve", &[a, b], |arrays| {
        let system = System::new("solve", &arrays[0], &arrays[1])?;
        let lower = Triangle { lower: true, unit: false, transposed: false, conjugated: false };
        let adjoint = Triangle { transposed: true, conjugated: true, ..lower };
        if system.is_stack()? {
            let l = dense(Dense::Cholesky, system.a.expr()?, None)?.remove(0);
            let with = |b: &Array, kind| System { a: l.clone(), b: b.clone(), is_vector: false }.each(Dense::SolveTriangular(kind));
            return system.shaped(&with(&with(&system.b, lower)?, adjoint)?);
        }
        if system.b.shape()?.contains(&0) {
            return system.shaped(&system.b);
        }
        let l = factored(Factors::Cholesky, system.a.expr()?)?.remove(0);
        let y = applied(Applied::Triangle(lower), &l, &system.b, Zeros::None)?;
        system.shaped(&applied(Applied::Triangle(adjoint), &l, &y, Zeros::None)?)
    })
}

/// x with op(a)·x = b for a triangular matrix, or stacks of both; the other triangle is not looked at. Computing it is an error where the diagonal
/// has a zero. Flops: n²r.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}, ones};
/// let sides = linalg::Sides::default().lower(true);
/// let x = linalg::solve_triangular(&(eye(3, 3, 0, DType::F64) * 4.0), &ones([3], DType::F64), sides);
/// assert_eq!(x.sum(..).item::<f64>().unwrap(), 0.75);
/// ```
#[track_caller]
pub fn solve_triangular(a: &Array, b: &Array, sides: Sides) -> Array {
    one("solve_triangular", &[a, b], move |arrays| {
        let system = System::new("solve_triangular", &arrays[0], &arrays[1])?;
        let Sides { lower, unit_diagonal, transposed, conjugated } = sides;
        let kind = Triangle { lower, unit: unit_diagonal, transposed, conjugated };
        if system.is_stack()? {
            return system.shaped(&system.each(Dense::SolveTriangular(kind))?);
        }
        if system.b.shape()?.contains(&0) {
            return system.shaped(&system.b);
        }
        system.shaped(&applied(Applied::Triangle(kind), &system.a, &system.b, Zeros::None)?)
    })
}

/// The inverse, by LU. A slice of its columns is solved for those alone. Computing it is an error where `a` is singular. Flops: 2n³.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let x = linalg::inv(&(eye(3, 3, 0, DType::F64) * 4.0));
/// assert_eq!(x.sum(..).item::<f64>().unwrap(), 0.75);
/// ```
#[track_caller]
pub fn inv(a: &Array) -> Array {
    one("inv", &[a], |arrays| {
        let a = square("inv", &arrays[0])?;
        let (n, dtype) = (a.shape[a.shape.len() - 1], a.dtype);
        if a.shape.len() > 2 || n == 0 {
            return solve(&Array::from_expr(a), &identity(n, dtype)).expr();
        }
        // of M·Aᵀ = U: the inverse is Mᵀ·U⁻ᵀ, and U⁻ᵀ is lower triangular, a third of the work for a full right-hand side; the
        // rows are exchanged last, inside of columns
        let f = factored(Factors::Lu, Array::from_expr(a).t().expr()?)?.remove(0);
        let upper = Applied::Triangle(Triangle { transposed: true, ..UPPER });
        let y = applied(upper, &f, &identity(n, dtype), Zeros::Above)?;
        applied(Applied::LowerTransposed, &f, &y, Zeros::None)?.expr()
    })
}

/// The sign of the determinant and the logarithm of its absolute value, which do not overflow: (0, −inf) where `a` is
/// singular. Flops: ⅔n³.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// let [sign, log] = linalg::slogdet(&(eye(3, 3, 0, DType::F64) * -1.0));
/// assert_eq!((sign.item::<f64>().unwrap(), log.item::<f64>().unwrap()), (-1.0, 0.0));
/// ```
#[track_caller]
pub fn slogdet(a: &Array) -> [Array; 2] {
    several("slogdet", &[a], |arrays| {
        let a = square("slogdet", &arrays[0])?;
        let dtype = a.dtype;
        if a.shape.len() > 2 {
            let results = dense(Dense::SlogDet, a, None)?;
            return Ok([results[0].clone(), results[1].clone()]);
        }
        if a.shape[0] == 0 {
            return Ok([ones([0u64; 0], dtype), zeros([0u64; 0], dtype.real())]);
        }
        let outputs = factored(Factors::Lu, a)?;
        let diagonal = &outputs[4];
        let size = diagonal.abs();
        let sign = match dtype.is_complex() {
            // of a zero NumPy says 0
            true => where_(size.eq(0.0), 0.0, diagonal / where_(size.eq(0.0), 1.0, &size)).astype(dtype),
            false => diagonal.sign(),
        };
        Ok([sign.prod(..) * parity(&outputs[1], dtype)?, size.log().sum(..)])
    })
}

/// The determinant. Flops: ⅔n³.
///
/// ```
/// use flagstone::{DType, array::{eye, linalg}};
/// assert_eq!(linalg::det(&(eye(3, 3, 0, DType::F64) * 2.0)).item::<f64>().unwrap(), 8.0);
/// ```
#[track_caller]
pub fn det(a: &Array) -> Array {
    one("det", &[a], |arrays| {
        let a = square("det", &arrays[0])?;
        let dtype = a.dtype;
        if a.shape.len() > 2 {
            return dense(Dense::Det, a, None)?.remove(0).expr();
        }
        if a.shape[0] == 0 {
            return ones([0u64; 0], dtype).expr();
        }
        let outputs = factored(Factors::Lu, a.clone())?;
        let product = (outputs[4].prod(..) * parity(&outputs[1], dtype)?).astype(dtype);
        // on the way it may have been too large or too small where the whole is not
        let [sign, log] = slogdet(&Array::from_expr(a));
        let in_range = product.isfinite().logical_and(product.ne(0.0));
        where_(in_range, &product, (sign * log.exp()).astype(dtype)).expr()
    })
}
