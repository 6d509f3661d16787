//! Products of matrices and vectors.

use super::elementwise::cast;
use super::manipulate::{drop_axes, insert_axes};
use super::{Array, Operand, counted};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, Op, ops};
use flagstone_kernels::dtype::DType;

/// `a @ b` with NumPy's rules for 1-D operands.
pub(super) fn matmul(a: &Expr, b: &Expr) -> Result<Expr> {
    let shapes = || format!("shapes {:?} and {:?}", a.shape, b.shape);
    if a.shape.is_empty() || b.shape.is_empty() {
        return Err(Error::bad_request("matmul", format!("{}: a scalar; use *", shapes())));
    }
    if a.shape.len() > 2 || b.shape.len() > 2 {
        return Err(Error::unsupported("matmul", format!("{}: stacks of matrices; multiply them one by one", shapes())));
    }
    let (k, l) = (a.shape[a.shape.len() - 1], b.shape[0]);
    if k != l {
        return Err(Error::bad_request("matmul", format!("{}: the inner lengths {k} and {l} differ", shapes())));
    }
    let common = a.dtype.promote(b.dtype);
    let inside = if matches!(common, DType::F16 | DType::BF16) { DType::F32 } else { common };
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    let (a, b) = (cast(a, inside)?, cast(b, inside)?);
    let a = if row { insert_axes(&a, &[0])? } else { a };
    let b = if column { insert_axes(&b, &[1])? } else { b };
    let mut product = Node::new(Op::Matmul(ops::Matmul { a, b }))?;
    let gone: Vec<usize> = [(row, 0), (column, 1)].iter().filter(|(gone, _)| *gone).map(|&(_, axis)| axis).collect();
    if !gone.is_empty() {
        product = drop_axes(&product, &gone)?;
    }
    cast(&product, common)
}

impl Array {
    /// The matrix product (`@`) of 1-D and 2-D arrays.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let a = zeros([2, 3], DType::F32);
    /// assert_eq!(a.matmul(&a.t()).shape().unwrap(), [2, 2]);
    /// assert_eq!(a.matmul(&zeros([3], DType::F32)).shape().unwrap(), [2]);
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: impl Into<Operand>) -> Array {
        let other = other.into();
        Array::build(|| match &other {
            Operand::Array(other) => counted::when_known("matmul", &[self.expr()?, other.expr()?], &[], |args| matmul(&args[0], &args[1])),
            Operand::Scalar(_) => Err(Error::bad_request("matmul", "a scalar; use *")),
        })
    }

    /// NumPy's `dot`: the matrix product of 1-D and 2-D arrays, the product with a scalar or 0-d array.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let v = zeros([3], DType::F32);
    /// assert_eq!(v.dot(&v).ndim().unwrap(), 0);
    /// ```
    #[track_caller]
    pub fn dot(&self, other: impl Into<Operand>) -> Array {
        let other = other.into();
        let single = |array: &Array| array.ndim().is_ok_and(|ndim| ndim == 0);
        match &other {
            Operand::Array(array) if !single(array) && !single(self) => self.matmul(other),
            _ => self * other,
        }
    }
}
