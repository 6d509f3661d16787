//! Products of vectors, matrices and tensors, by NumPy's rules for every rank. What they are is said here, by labels of
//! axes; `contract` makes a node of it.

use super::axes::position;
use super::contract::{Label, Labelled, contract, inside};
use super::diagonal::{diagonal, two_axes};
use super::elementwise::{broadcast, cast, constant, unary};
use super::kron::kron;
use super::manipulate::view;
use super::{Array, Operand, counted, eye, stack};
use crate::error::{Error, Refusal, Result};
use crate::expr::{Affine, Expr, Follow};
use flagstone_kernels::dtype::DType;
use flagstone_kernels::op::UnaryOp;

/// Labels of axes in products of two.
const ROW: Label = 0;
const COLUMN: Label = 1;
const DEPTH: Label = 2;
/// Those of leading axes, counted from the last one.
const LEADING: Label = 1000;

/// Both cast to their common dtype, half precision to single, and the common one.
fn promoted(a: &Expr, b: &Expr) -> Result<(Expr, Expr, DType)> {
    let common = a.dtype.promote(b.dtype);
    Ok((cast(a, inside(common))?, cast(b, inside(common))?, common))
}

/// The complex conjugate; what is real is its own.
fn conjugate(expr: &Expr) -> Result<Expr> {
    if expr.dtype.is_complex() { unary(UnaryOp::Conjugate, expr) } else { Ok(expr.clone()) }
}

fn shapes(a: &Expr, b: &Expr) -> String {
    format!("shapes {:?} and {:?}", a.shape, b.shape)
}

/// Labels of `n` leading axes.
fn leading(n: usize) -> impl Iterator<Item = Label> {
    (0..n).rev().map(|at| LEADING + at as Label)
}

/// The sum of products of two by labels, with the axes that `out` names after the leading ones, which broadcast.
fn stacked(operation: &str, a: &Expr, of_a: &[Label], b: &Expr, of_b: &[Label], out: &[Label]) -> Result<Expr> {
    let (first, second) = (a.shape.len() - of_a.len(), b.shape.len() - of_b.len());
    for (n, m) in a.shape[..first].iter().rev().zip(b.shape[..second].iter().rev()) {
        if n != m && *n != 1 && *m != 1 {
            return Err(Error::bad_request(operation, format!("{}: the leading axes, {n} and {m} long, do not broadcast", shapes(a, b))));
        }
    }
    let (left, right, common) = promoted(a, b)?;
    let left = Labelled::new(&left, leading(first).chain(of_a.iter().copied()).collect());
    let right = Labelled::new(&right, leading(second).chain(of_b.iter().copied()).collect());
    let out: Vec<Label> = leading(first.max(second)).chain(out.iter().copied()).collect();
    cast(&contract(operation, left, right, &out)?.expr, common)
}

fn no_scalars(operation: &str, a: &Expr, b: &Expr) -> Result<()> {
    match a.shape.is_empty() || b.shape.is_empty() {
        true => Err(Error::bad_request(operation, format!("{}: a scalar; use *", shapes(a, b)))),
        false => Ok(()),
    }
}

fn same_inner(operation: &str, a: &Expr, b: &Expr, k: u64, l: u64) -> Result<()> {
    match k == l {
        true => Ok(()),
        false => Err(Error::bad_request(operation, format!("{}: the inner lengths {k} and {l} differ", shapes(a, b)))),
    }
}

/// `a @ b`: matrices in the last two axes, stacks of them in those before; 1-D operands are a row and a column.
pub(super) fn matmul(a: &Expr, b: &Expr) -> Result<Expr> {
    no_scalars("matmul", a, b)?;
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    let (k, l) = (a.shape[a.shape.len() - 1], b.shape[b.shape.len() - if column { 1 } else { 2 }]);
    same_inner("matmul", a, b, k, l)?;
    let of_a = if row { &[DEPTH][..] } else { &[ROW, DEPTH] };
    let of_b = if column { &[DEPTH][..] } else { &[DEPTH, COLUMN] };
    let out: Vec<Label> = [(!row).then_some(ROW), (!column).then_some(COLUMN)].into_iter().flatten().collect();
    stacked("matmul", a, of_a, b, of_b, &out)
}

/// A matrix times a vector, of stacks.
fn matvec(a: &Expr, b: &Expr) -> Result<Expr> {
    at_least("matvec", a, b, 2, 1)?;
    same_inner("matvec", a, b, a.shape[a.shape.len() - 1], b.shape[b.shape.len() - 1])?;
    stacked("matvec", a, &[ROW, DEPTH], b, &[DEPTH], &[ROW])
}

/// The conjugate of a vector times a matrix, of stacks.
fn vecmat(a: &Expr, b: &Expr) -> Result<Expr> {
    at_least("vecmat", a, b, 1, 2)?;
    same_inner("vecmat", a, b, a.shape[a.shape.len() - 1], b.shape[b.shape.len() - 2])?;
    stacked("vecmat", &conjugate(a)?, &[DEPTH], b, &[DEPTH, COLUMN], &[COLUMN])
}

fn at_least(operation: &str, a: &Expr, b: &Expr, first: usize, second: usize) -> Result<()> {
    match a.shape.len() >= first && b.shape.len() >= second {
        true => Ok(()),
        false => Err(Error::bad_request(operation, format!("{}; expected at least {first} and {second} axes", shapes(a, b)))),
    }
}

/// Sums of products over the axis of both.
fn vecdot(a: &Expr, b: &Expr, axis: i64) -> Result<Expr> {
    no_scalars("vecdot", a, b)?;
    let last = |expr: &Expr| -> Result<Expr> {
        let n = expr.shape.len();
        let at = position("vecdot", axis, n)?;
        let order: Vec<usize> = (0..n).filter(|&other| other != at).chain([at]).collect();
        view(expr, Affine::permute(&expr.shape, &order))
    };
    let (a, b) = (last(a)?, last(b)?);
    same_inner("vecdot", &a, &b, a.shape[a.shape.len() - 1], b.shape[b.shape.len() - 1])?;
    stacked("vecdot", &conjugate(&a)?, &[DEPTH], &b, &[DEPTH], &[])
}

/// Sums of products over pairs of axes; the others of `a`, then those of `b` stay.
fn over(operation: &str, a: &Expr, b: &Expr, pairs: &[(usize, usize)]) -> Result<Expr> {
    for &(i, j) in pairs {
        let (k, l) = (a.shape[i], b.shape[j]);
        if k != l {
            let what = format!("{}: axis {i} of the first has length {k}, axis {j} of the second {l}; expected the same", shapes(a, b));
            return Err(Error::bad_request(operation, what));
        }
    }
    let (left, right, common) = promoted(a, b)?;
    let of_a: Vec<Label> = (0..a.shape.len() as Label).collect();
    let own = |axis: usize| (a.shape.len() + axis) as Label;
    let paired = |axis: usize| pairs.iter().find(|(_, j)| *j == axis).map(|(i, _)| *i as Label);
    let of_b: Vec<Label> = (0..b.shape.len()).map(|axis| paired(axis).unwrap_or_else(|| own(axis))).collect();
    let kept = of_a.iter().copied().filter(|label| !of_b.contains(label));
    let out: Vec<Label> = kept.chain(of_b.iter().copied().filter(|label| !of_a.contains(label))).collect();
    cast(&contract(operation, Labelled::new(&left, of_a), Labelled::new(&right, of_b), &out)?.expr, common)
}

/// NumPy's `dot`: the last axis of `a` with the last but one of `b`, or its only one; 0-d operands scale.
pub(super) fn dot(a: &Expr, b: &Expr) -> Result<Expr> {
    if a.shape.is_empty() || b.shape.is_empty() {
        return over("dot", a, b, &[]);
    }
    over("dot", a, b, &[(a.shape.len() - 1, b.shape.len().saturating_sub(2))])
}

fn inner(a: &Expr, b: &Expr) -> Result<Expr> {
    if a.shape.is_empty() || b.shape.is_empty() {
        return over("inner", a, b, &[]);
    }
    over("inner", a, b, &[(a.shape.len() - 1, b.shape.len() - 1)])
}

fn vdot(a: &Expr, b: &Expr) -> Result<Expr> {
    if a.elements() != b.elements() {
        return Err(Error::bad_request("vdot", format!("{}; expected as many elements", shapes(a, b))));
    }
    let pairs = |n: usize| (0..n).map(|axis| (axis, axis)).collect::<Vec<_>>();
    if a.shape == b.shape {
        return over("vdot", &conjugate(a)?, b, &pairs(a.shape.len()));
    }
    let flat = |expr: &Expr| Array::from_expr(expr.clone()).ravel().expr();
    over("vdot", &conjugate(&flat(a)?)?, &flat(b)?, &pairs(1))
}

fn tensordot(a: &Expr, b: &Expr, axes: &Contracted) -> Result<Expr> {
    let (n, m) = (a.shape.len(), b.shape.len());
    let pairs: Vec<(usize, usize)> = match axes {
        Contracted::Last(count) => {
            let count = usize::try_from(*count)
                .ok()
                .filter(|&count| count <= n.min(m))
                .ok_or_else(|| Error::bad_request("tensordot", format!("axes={count} of {}; expected 0 to {}", shapes(a, b), n.min(m))))?;
            (0..count).map(|at| (n - count + at, at)).collect()
        }
        Contracted::Pairs(first, second) => {
            if first.len() != second.len() {
                let what = format!("{} axes of the first and {} of the second; expected as many", first.len(), second.len());
                return Err(Error::bad_request("tensordot", what));
            }
            let places = |axes: &[i64], n: usize| axes.iter().map(|&axis| position("tensordot", axis, n)).collect::<Result<Vec<_>>>();
            let (first, second) = (places(first, n)?, places(second, m)?);
            for places in [&first, &second] {
                if (1..places.len()).any(|at| places[..at].contains(&places[at])) {
                    return Err(Error::bad_request("tensordot", format!("axes {places:?} name an axis twice")));
                }
            }
            first.into_iter().zip(second).collect()
        }
    };
    over("tensordot", a, b, &pairs)
}

/// The axes that [`Array::tensordot`] sums over: a number of last axes of the first and first ones of the second, or
/// axes of the first with axes of the second.
///
/// ```
/// use flagstone::{DType, zeros};
/// let x = zeros([2, 3, 4], DType::F64);
/// assert_eq!(x.tensordot(zeros([3, 4, 5], DType::F64), 2).shape().unwrap(), [2, 5]);
/// assert_eq!(x.tensordot(zeros([5, 3], DType::F64), (1, -1)).shape().unwrap(), [2, 4, 5]);
/// assert_eq!(x.tensordot(&x, ([0, 2], [0, 2])).shape().unwrap(), [3, 3]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contracted {
    /// So many.
    Last(i64),
    /// Each of the first with the one at the same place of the second.
    Pairs(Vec<i64>, Vec<i64>),
}

impl From<i64> for Contracted {
    fn from(count: i64) -> Contracted {
        Contracted::Last(count)
    }
}

impl From<(i64, i64)> for Contracted {
    fn from((a, b): (i64, i64)) -> Contracted {
        Contracted::Pairs(vec![a], vec![b])
    }
}

impl<const N: usize> From<([i64; N], [i64; N])> for Contracted {
    fn from((a, b): ([i64; N], [i64; N])) -> Contracted {
        Contracted::Pairs(a.to_vec(), b.to_vec())
    }
}

impl From<(Vec<i64>, Vec<i64>)> for Contracted {
    fn from((a, b): (Vec<i64>, Vec<i64>)) -> Contracted {
        Contracted::Pairs(a, b)
    }
}

/// The component `at` of the last axis.
fn component(expr: &Expr, at: u64) -> Result<Array> {
    let axis = expr.shape.len() - 1;
    let mut affine = Affine::identity(&expr.shape);
    affine.source[axis] = Follow { start: at as i64, step: 0, axis: None };
    affine.shape.pop();
    Ok(Array::from_expr(view(expr, affine)?))
}

/// The same, with how many components its vectors along `axis` have: two or three, which decides about axes of the product.
fn components_known(expr: &Expr, axis: i64) -> Result<Expr> {
    let at = position("cross", axis, expr.shape.len())?;
    let waits = expr.counted.get(at).is_some_and(Option::is_some);
    if waits { counted::settled(expr, None) } else { Ok(expr.clone()) }
}

fn cross(a: &Expr, b: &Expr, axes: [i64; 3]) -> Result<Expr> {
    let last = |expr: &Expr, axis: i64| -> Result<Expr> {
        let at = position("cross", axis, expr.shape.len())?;
        let order: Vec<usize> = (0..expr.shape.len()).filter(|&other| other != at).chain([at]).collect();
        view(expr, Affine::permute(&expr.shape, &order))
    };
    let (left, right) = (last(a, axes[0])?, last(b, axes[1])?);
    let (n, m) = (left.shape[left.shape.len() - 1], right.shape[right.shape.len() - 1]);
    if !(2..=3).contains(&n) || !(2..=3).contains(&m) {
        return Err(Error::bad_request("cross", format!("{}: vectors of {n} and {m} components; expected 2 or 3", shapes(a, b))));
    }
    let x = (0..n).map(|at| component(&left, at)).collect::<Result<Vec<_>>>()?;
    let y = (0..m).map(|at| component(&right, at)).collect::<Result<Vec<_>>>()?;
    let third = &x[0] * &y[1] - &x[1] * &y[0];
    let (first, second) = match (n, m) {
        (2, 2) => return third.expr(),
        (2, _) => (&x[1] * &y[2], -(&x[0] * &y[2])),
        (_, 2) => (-(&x[2] * &y[1]), &x[2] * &y[0]),
        _ => (&x[1] * &y[2] - &x[2] * &y[1], &x[2] * &y[0] - &x[0] * &y[2]),
    };
    stack(&[first, second, third], axes[2]).expr()
}

fn matrix_power(a: &Expr, n: i64) -> Result<Expr> {
    let ndim = a.shape.len();
    if ndim < 2 || a.shape[ndim - 1] != a.shape[ndim - 2] {
        return Err(Error::refused(Refusal::Matrix, "matrix_power", format!("an array of shape {:?}; expected square matrices", a.shape)));
    }
    if n < 0 {
        return matrix_power(&super::linalg::inv(&Array::from_expr(a.clone())).expr()?, n.saturating_neg());
    }
    if n == 0 {
        let one = eye(a.shape[ndim - 1], a.shape[ndim - 1], 0, a.dtype).expr()?;
        return broadcast("matrix_power", &one, &a.shape);
    }
    let (mut square, mut power, mut left) = (a.clone(), None::<Expr>, n as u64);
    loop {
        if left & 1 == 1 {
            power = Some(match power {
                Some(power) => matmul(&power, &square)?,
                None => square.clone(),
            });
        }
        left >>= 1;
        match power {
            Some(power) if left == 0 => return Ok(power),
            _ => square = matmul(&square, &square)?,
        }
    }
}

/// The product of several matrices in the order that takes the fewest multiplications; the first and the last may be 1-D.
fn chained(arrays: &[Expr]) -> Result<Expr> {
    let n = arrays.len();
    if n < 2 {
        return Err(Error::bad_request("multi_dot", format!("{n} arrays; expected at least two")));
    }
    if let Some(at) = (0..n).find(|&at| arrays[at].shape.len() != 2 && !(arrays[at].shape.len() == 1 && (at == 0 || at == n - 1))) {
        let what = format!("array {at} has shape {:?}; expected a matrix, or a vector as the first or last", arrays[at].shape);
        return Err(Error::bad_request("multi_dot", what));
    }
    let (row, column) = (arrays[0].shape.len() == 1, arrays[n - 1].shape.len() == 1);
    let mut sides: Vec<f64> = vec![if row { 1.0 } else { arrays[0].shape[0] as f64 }];
    sides.extend(
        arrays.iter().enumerate().map(|(at, array)| if at == n - 1 && column { 1.0 } else { array.shape[array.shape.len() - 1] as f64 }),
    );
    // cost[i][j]: of the product of i..=j; the last multiplication is after split[i][j]
    let (mut cost, mut split) = (vec![vec![0.0; n]; n], vec![vec![0; n]; n]);
    for len in 1..n {
        for i in 0..n - len {
            let j = i + len;
            let of = |k: usize| cost[i][k] + cost[k + 1][j] + sides[i] * sides[k + 1] * sides[j + 1];
            let best = (i..j).fold(i, |best, k| if of(k) < of(best) { k } else { best });
            (cost[i][j], split[i][j]) = (of(best), best);
        }
    }
    fn product(arrays: &[Expr], split: &[Vec<usize>], i: usize, j: usize) -> Result<Expr> {
        if i == j {
            return Ok(arrays[i].clone());
        }
        let k = split[i][j];
        matmul(&product(arrays, split, i, k)?, &product(arrays, split, k + 1, j)?)
    }
    product(arrays, &split, 0, n - 1)
}

/// The product of two or more matrices (NumPy's `linalg.multi_dot`), in the order that takes the fewest multiplications. The
/// first may be a row, the last a column, of one axis.
///
/// ```
/// use flagstone::{DType, array::multi_dot, zeros};
/// let (a, b) = (zeros([10, 1000], DType::F64), zeros([1000, 10], DType::F64));
/// assert_eq!(multi_dot(&[&a, &b, &a]).shape().unwrap(), [10, 1000]);
/// ```
#[track_caller]
pub fn multi_dot(arrays: &[&Array]) -> Array {
    Array::build(|| {
        let exprs = arrays.iter().map(|array| array.expr()).collect::<Result<Vec<_>>>()?;
        counted::when_known("multi_dot", &exprs, &[], chained)
    })
}

/// The operand as an array: a number is 0-d, of the other's dtype as far as that can hold it.
fn array(operand: &Operand, other: &Expr) -> Result<Expr> {
    match operand {
        Operand::Array(array) => array.expr(),
        Operand::Scalar(scalar) => constant(*scalar, other.dtype.promote_weak(scalar.kind()), &[]),
    }
}

impl Array {
    /// What `f` builds of both, once their lengths are known.
    #[track_caller]
    fn times(&self, name: &str, other: impl Into<Operand>, f: impl Fn(&Expr, &Expr) -> Result<Expr> + Send + Sync + 'static) -> Array {
        let other = other.into();
        Array::build(|| {
            let own = self.expr()?;
            let other = array(&other, &own)?;
            counted::when_known(name, &[own, other], &[], move |args| f(&args[0], &args[1]))
        })
    }

    /// The matrix product (`@`): of the last two axes, the others broadcast; 1-D arrays are a row and a column.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let a = zeros([2, 3], DType::F32);
    /// assert_eq!(a.matmul(&a.t()).shape().unwrap(), [2, 2]);
    /// assert_eq!(a.matmul(&zeros([3], DType::F32)).shape().unwrap(), [2]);
    /// assert_eq!(zeros([7, 1, 2, 3], DType::F32).matmul(zeros([5, 3, 4], DType::F32)).shape().unwrap(), [7, 5, 2, 4]);
    /// ```
    #[track_caller]
    pub fn matmul(&self, other: impl Into<Operand>) -> Array {
        self.times("matmul", other, matmul)
    }

    /// NumPy's `dot`: the last axis with the other's last but one, or its only one; the product with a number or 0-d array.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let v = zeros([3], DType::F32);
    /// assert_eq!(v.dot(&v).ndim().unwrap(), 0);
    /// assert_eq!(zeros([4, 3], DType::F32).dot(zeros([2, 3, 5], DType::F32)).shape().unwrap(), [4, 2, 5]);
    /// ```
    #[track_caller]
    pub fn dot(&self, other: impl Into<Operand>) -> Array {
        let other = other.into();
        match &other {
            Operand::Scalar(_) => self * other,
            Operand::Array(_) => self.times("dot", other, dot),
        }
    }

    /// Sums of products over the last axes of both.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4, 3], DType::F32).inner(zeros([2, 3], DType::F32)).shape().unwrap(), [4, 2]);
    /// ```
    #[track_caller]
    pub fn inner(&self, other: impl Into<Operand>) -> Array {
        self.times("inner", other, inner)
    }

    /// The sum of the products of all elements, those of the first conjugated.
    ///
    /// ```
    /// use flagstone::{DType, ones};
    /// assert_eq!(ones([4, 3], DType::F32).vdot(ones([4, 3], DType::F32)).item::<f32>().unwrap(), 12.0);
    /// ```
    #[track_caller]
    pub fn vdot(&self, other: impl Into<Operand>) -> Array {
        self.times("vdot", other, vdot)
    }

    /// Sums of products along `axis` of both, the first conjugated, the other axes broadcast.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4, 3], DType::F32).vecdot(zeros([3], DType::F32), -1).shape().unwrap(), [4]);
    /// ```
    #[track_caller]
    pub fn vecdot(&self, other: impl Into<Operand>, axis: i64) -> Array {
        self.times("vecdot", other, move |a, b| vecdot(a, b, axis))
    }

    /// Matrices times vectors: the last two axes with the other's last one, those before broadcast.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([7, 4, 3], DType::F32).matvec(zeros([7, 3], DType::F32)).shape().unwrap(), [7, 4]);
    /// ```
    #[track_caller]
    pub fn matvec(&self, other: impl Into<Operand>) -> Array {
        self.times("matvec", other, matvec)
    }

    /// Conjugated vectors times matrices: the last axis with the other's last but one, those before broadcast.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([7, 4], DType::F32).vecmat(zeros([7, 4, 3], DType::F32)).shape().unwrap(), [7, 3]);
    /// ```
    #[track_caller]
    pub fn vecmat(&self, other: impl Into<Operand>) -> Array {
        self.times("vecmat", other, vecmat)
    }

    /// Sums of products over the axes that [`Contracted`] says: the other axes of this array, then those of the other stay.
    /// Several axes are one long one, the order of this array's axes.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// let (a, b) = (zeros([6, 4, 5], DType::F64), zeros([4, 5, 7], DType::F64));
    /// assert_eq!(a.tensordot(b, 2).shape().unwrap(), [6, 7]);
    /// ```
    #[track_caller]
    pub fn tensordot(&self, other: impl Into<Operand>, axes: impl Into<Contracted>) -> Array {
        let axes = axes.into();
        self.times("tensordot", other, move |a, b| tensordot(a, b, &axes))
    }

    /// All products of an element of this array with one of the other, both flattened ([`Array::ravel`]).
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4], DType::F32).outer(zeros([3], DType::F32)).shape().unwrap(), [4, 3]);
    /// ```
    #[track_caller]
    pub fn outer(&self, other: impl Into<Operand>) -> Array {
        self.times("outer", other, |a, b| {
            let flat = |expr: &Expr| Array::from_expr(expr.clone()).ravel();
            (flat(a).expand_dims(1) * flat(b).expand_dims(0)).expr()
        })
    }

    /// The Kronecker product: along each axis, each place of this array times all of the other.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4, 2], DType::F32).kron(zeros([3], DType::F32)).shape().unwrap(), [4, 6]);
    /// ```
    #[track_caller]
    pub fn kron(&self, other: impl Into<Operand>) -> Array {
        self.times("kron", other, kron)
    }

    /// The vector product of the vectors of 3 (or 2) components along an axis of each; the result has them along the third
    /// axis given.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4, 3], DType::F32).cross(zeros([3], DType::F32), [-1, -1, 0]).shape().unwrap(), [3, 4]);
    /// ```
    #[track_caller]
    pub fn cross(&self, other: impl Into<Operand>, axes: [i64; 3]) -> Array {
        let other = other.into();
        Array::build(|| {
            let own = self.expr()?;
            let (a, b) = (components_known(&own, axes[0])?, components_known(&array(&other, &own)?, axes[1])?);
            counted::when_known("cross", &[a, b], &[], move |args| cross(&args[0], &args[1], axes))
        })
    }

    /// The sum along a diagonal of two axes. Integers add up in 64 bits. Only squares along the diagonal are read.
    ///
    /// ```
    /// use flagstone::{DType, array::identity};
    /// assert_eq!(identity(5, DType::F64).trace(0, 0, 1).item::<f64>().unwrap(), 5.0);
    /// ```
    #[track_caller]
    pub fn trace(&self, offset: i64, axis1: i64, axis2: i64) -> Array {
        Array::build(|| {
            counted::when_known("trace", &[self.expr()?], &[], move |args| {
                let axes = two_axes("trace", &args[0], axis1, axis2)?;
                Array::from_expr(diagonal(&args[0], offset, axes)?).sum(-1).expr()
            })
        })
    }

    /// Square matrices to a power; to a negative one, that of the inverse.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([4, 3, 3], DType::F32).matrix_power(5).shape().unwrap(), [4, 3, 3]);
    /// ```
    #[track_caller]
    pub fn matrix_power(&self, n: i64) -> Array {
        Array::build(|| counted::when_known("matrix_power", &[self.expr()?], &[], move |args| matrix_power(&args[0], n)))
    }
}
