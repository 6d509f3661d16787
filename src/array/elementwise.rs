//! Elementwise operations: dtypes promote, shapes broadcast, and both become explicit nodes.

use super::operand::{Arg, check_fits, common_dtype, integer, integer_range};
use super::{Array, Operand, counted};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Node, Op, ops};
use crate::grid::ChunkGrid;
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use flagstone_kernels::op::{BinaryOp, UnaryOp};
use flagstone_kernels::program::StepOp;
use std::cmp::Ordering;

/// The same value everywhere.
pub(super) fn constant(value: Scalar, dtype: DType, shape: &[u64]) -> Result<Expr> {
    let chunks = ChunkGrid::whole(shape);
    Node::new(Op::Full(ops::Full { value: cast_scalar(value, dtype), dtype, shape: shape.to_vec(), chunks }))
}

/// The value that an element of `dtype` has after `astype`.
fn cast_scalar(value: Scalar, dtype: DType) -> Scalar {
    let mut bytes = [0u8; 16];
    value.write(dtype, &mut bytes[..dtype.size()]);
    Scalar::read(dtype, &bytes[..dtype.size()])
}

/// `astype`; the node itself when it has the dtype.
pub(super) fn cast(expr: &Expr, dtype: DType) -> Result<Expr> {
    if expr.dtype == dtype {
        return Ok(expr.clone());
    }
    if let Op::Full(ops::Full { value, shape, chunks, .. }) = &expr.op {
        let value = cast_scalar(*value, dtype);
        return Node::new(Op::Full(ops::Full { value, dtype, shape: shape.clone(), chunks: chunks.clone() }));
    }
    Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Cast, args: vec![expr.clone()], dtype }))
}

/// `broadcast_to`; the node itself when it has the shape.
pub(super) fn broadcast(operation: &str, expr: &Expr, shape: &[u64]) -> Result<Expr> {
    if expr.shape == shape {
        return Ok(expr.clone());
    }
    let view = Affine::broadcast(&expr.shape, shape)
        .ok_or_else(|| Error::bad_request(operation, format!("shape {:?} does not broadcast to {shape:?}", expr.shape)))?;
    match &expr.op {
        Op::Full(ops::Full { value, dtype, .. }) => constant(*value, *dtype, shape),
        _ => Node::new(Op::View(ops::View { arg: expr.clone(), view })),
    }
}

/// The shape that several broadcast to.
pub(super) fn common_shape(operation: &str, shapes: &[&[u64]]) -> Result<Vec<u64>> {
    let ndim = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut common = vec![1u64; ndim];
    for shape in shapes {
        let skip = ndim - shape.len();
        for (axis, &n) in shape.iter().enumerate() {
            match (common[skip + axis], n) {
                (a, b) if a == b || b == 1 => {}
                (1, b) => common[skip + axis] = b,
                _ => {
                    let shapes: Vec<String> = shapes.iter().map(|shape| format!("{shape:?}")).collect();
                    return Err(Error::bad_request(operation, format!("shapes {} do not broadcast", shapes.join(" and "))));
                }
            }
        }
    }
    Ok(common)
}

/// The arguments as nodes of one shape; weak scalars become constants of `dtypes[i]`.
fn aligned(operation: &str, args: &[Arg], dtypes: &[DType]) -> Result<Vec<Expr>> {
    let mut exprs: Vec<Option<Expr>> = Vec::new();
    for (arg, &dtype) in args.iter().zip(dtypes) {
        exprs.push(match arg {
            Arg::Expr(expr) => Some(cast(expr, dtype)?),
            Arg::Weak(scalar) => {
                check_fits(operation, *scalar, dtype)?;
                None
            }
        });
    }
    if let Some(like) = exprs.iter().flatten().find(|expr| expr.is_counted()).cloned() {
        // a counted array stands beside itself and what can be as long as it
        let place = |((expr, arg), &dtype): ((Option<Expr>, &Arg), &DType)| match (expr, arg) {
            (Some(expr), _) if expr.is_counted() => Ok(expr),
            (Some(expr), _) => counted::spread(&expr, &like),
            (None, Arg::Weak(scalar)) => counted::spread(&constant(*scalar, dtype, &[])?, &like),
            (None, Arg::Expr(_)) => Err(Error::internal("an argument without a node")),
        };
        return exprs.into_iter().zip(args).zip(dtypes).map(place).collect();
    }
    let shapes: Vec<&[u64]> = exprs.iter().flatten().map(|expr| expr.shape.as_slice()).collect();
    let shape = common_shape(operation, &shapes)?;
    let place = |((expr, arg), &dtype): ((&Option<Expr>, &Arg), &DType)| match (expr, arg) {
        (Some(expr), _) => broadcast(operation, expr, &shape),
        (None, Arg::Weak(scalar)) => constant(*scalar, dtype, &shape),
        (None, Arg::Expr(_)) => Err(Error::internal("an argument without a node")),
    };
    exprs.iter().zip(args).zip(dtypes).map(place).collect()
}

/// Whether the arguments can stand beside each other before lengths that are counted are known.
fn fit(args: &[&Arg]) -> bool {
    let exprs = || args.iter().filter_map(|arg| if let Arg::Expr(expr) = arg { Some(expr) } else { None });
    let Some(like) = exprs().find(|expr| expr.is_counted()) else { return true };
    exprs().all(|expr| counted::same_lengths(expr, like) || counted::spreads(expr, like))
}

/// What `build` gives of `operands`, which are `args`, once the lengths of these are counted.
fn wait<const N: usize>(
    name: &str,
    args: &[&Arg],
    operands: [Operand; N],
    build: impl Fn(&[Operand; N]) -> Result<Expr> + Send + Sync + 'static,
) -> Result<Expr> {
    let exprs: Vec<Expr> = args.iter().filter_map(|arg| if let Arg::Expr(expr) = arg { Some(expr.clone()) } else { None }).collect();
    // the arrays are arguments of the node: kept here besides, they would be kept as they were built
    let scalars = operands.map(|operand| if let Operand::Scalar(scalar) = operand { Some(scalar) } else { None });
    counted::when_known(name, &exprs, &[], move |exprs| {
        let mut exprs = exprs.iter();
        let operands = scalars.map(|scalar| match scalar {
            Some(scalar) => Operand::Scalar(scalar),
            None => exprs.next().map_or(Operand::Scalar(Scalar::Bool(false)), |expr| Operand::Array(Array::from_expr(expr.clone()))),
        });
        build(&operands)
    })
}

/// A function of one array.
pub(super) fn unary(op: UnaryOp, expr: &Expr) -> Result<Expr> {
    if op == UnaryOp::Real && !expr.dtype.is_complex() {
        return Ok(expr.clone());
    }
    let types = op.types(expr.dtype).ok_or_else(|| Error::bad_type(op.name(), format!("not defined for {}", expr.dtype)))?;
    let arg = cast(expr, types.args)?;
    Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Unary(op), args: vec![arg], dtype: types.out }))
}

/// A function of two operands.
pub(super) fn binary(op: BinaryOp, a: &Operand, b: &Operand) -> Result<Expr> {
    let operands = [a.clone(), b.clone()];
    let (mut a, mut b) = (a.arg()?, b.arg()?);
    let name = op.name();
    if !fit(&[&a, &b]) {
        return wait(name, &[&a, &b], operands, move |[a, b]| binary(op, a, b));
    }
    if matches!(op, BinaryOp::LogicalAnd | BinaryOp::LogicalOr | BinaryOp::LogicalXor) {
        // only the truth of a scalar counts: it need not fit the array's dtype
        for arg in [&mut a, &mut b] {
            if let Arg::Weak(scalar) = arg {
                *arg = Arg::Weak(Scalar::Bool(cast_scalar(*scalar, DType::Bool) == Scalar::Bool(true)));
            }
        }
    }
    if let Some(expr) = comparison_out_of_range(op, &a, &b)? {
        return Ok(expr);
    }
    if let Some(expr) = mixed_sign_comparison(op, &a, &b)? {
        return Ok(expr);
    }
    let mut common = match (&a, &b) {
        (Arg::Expr(a), Arg::Expr(b)) => op.common(a.dtype, b.dtype),
        _ => common_dtype(&[&a, &b]),
    };
    if op == BinaryOp::Ldexp {
        let exponent = common_dtype(&[&b]);
        if exponent.is_float() || exponent.is_complex() {
            return Err(Error::bad_type(name, format!("the exponent is {exponent}; expected an integer dtype")));
        }
        common = match &a {
            // NumPy's first loop takes any integer
            Arg::Weak(scalar) if scalar.kind() != Kind::Float && scalar.kind() != Kind::Complex => DType::F16,
            a => common_dtype(&[a]),
        };
    }
    let negative = matches!(&b, Arg::Weak(scalar) if integer(*scalar).is_some_and(|i| i < 0));
    if op == BinaryOp::Power && (common.is_integer() || common == DType::Bool) && negative {
        return Err(Error::bad_request(name, format!("{common} to a negative integer power; use a float dtype or exponent")));
    }
    let types = op.types(common).ok_or_else(|| {
        let advice = if op == BinaryOp::Subtract { "; use ^ or logical_xor" } else { "" };
        let given: Vec<String> = [&a, &b]
            .iter()
            .map(|arg| match arg {
                Arg::Expr(expr) => expr.dtype.to_string(),
                Arg::Weak(scalar) => scalar.kind().name().to_string(),
            })
            .collect();
        Error::bad_type(name, format!("not defined for {}{advice}", given.join(" and ")))
    })?;
    if let Some(fast) = scalar_power(op, &b, types.out) {
        let arg = aligned(name, &[a], &[types.args])?;
        return Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Unary(fast), args: arg, dtype: types.out }));
    }
    let args = aligned(name, &[a, b], &[types.args; 2])?;
    Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Binary(op), args, dtype: types.out }))
}

/// The function that NumPy calls for a power with this scalar exponent: `x ** 2` is `square(x)`.
fn scalar_power(op: BinaryOp, exponent: &Arg, dtype: DType) -> Option<UnaryOp> {
    let Arg::Weak(exponent) = exponent else { return None };
    if op != BinaryOp::Power || matches!(exponent, Scalar::Complex(..) | Scalar::Bool(_)) {
        return None;
    }
    let inexact = dtype.is_float() || dtype.is_complex();
    let fast = match exponent.as_f64() {
        2.0 => UnaryOp::Square,
        0.5 if inexact => UnaryOp::Sqrt,
        -1.0 if inexact => UnaryOp::Reciprocal,
        1.0 if inexact => UnaryOp::Positive,
        _ => return None,
    };
    (fast.types(dtype).is_some_and(|types| types.args == dtype && types.out == dtype)).then_some(fast)
}

/// What comparing `a` with `b` gives when they stand in `order`.
fn holds(op: BinaryOp, order: Ordering) -> Option<bool> {
    Some(match op {
        BinaryOp::Equal => order == Ordering::Equal,
        BinaryOp::NotEqual => order != Ordering::Equal,
        BinaryOp::Less => order == Ordering::Less,
        BinaryOp::LessEqual => order != Ordering::Greater,
        BinaryOp::Greater => order == Ordering::Greater,
        BinaryOp::GreaterEqual => order != Ordering::Less,
        _ => return None,
    })
}

/// Comparing an integer array with an integer that its dtype does not hold: the answer is the same
/// everywhere, as in NumPy 2.
fn comparison_out_of_range(op: BinaryOp, a: &Arg, b: &Arg) -> Result<Option<Expr>> {
    let (expr, scalar, flipped) = match (a, b) {
        (Arg::Expr(expr), Arg::Weak(scalar)) => (expr, *scalar, false),
        (Arg::Weak(scalar), Arg::Expr(expr)) => (expr, *scalar, true),
        _ => return Ok(None),
    };
    let (Some(value), Some((low, high))) = (integer(scalar), integer_range(expr.dtype)) else { return Ok(None) };
    if (low..=high).contains(&value) {
        return Ok(None);
    }
    let array_is_less = (value > high) != flipped;
    let Some(answer) = holds(op, if array_is_less { Ordering::Less } else { Ordering::Greater }) else { return Ok(None) };
    if expr.is_counted() {
        return counted::spread(&constant(Scalar::Bool(answer), DType::Bool, &[])?, expr).map(Some);
    }
    let (shape, chunks) = (expr.shape.clone(), expr.chunks.clone());
    Node::new(Op::Full(ops::Full { value: Scalar::Bool(answer), dtype: DType::Bool, shape, chunks })).map(Some)
}

/// Comparing signed with 64-bit unsigned integers: exact, as in NumPy 2, where f64 would round.
fn mixed_sign_comparison(op: BinaryOp, a: &Arg, b: &Arg) -> Result<Option<Expr>> {
    let (Arg::Expr(a), Arg::Expr(b)) = (a, b) else { return Ok(None) };
    let mixed = |x: &Expr, y: &Expr| x.dtype.kind() == Kind::Signed && y.dtype == DType::U64;
    let Some(below) = holds(op, Ordering::Less).filter(|_| mixed(a, b) || mixed(b, a)) else { return Ok(None) };
    // where the signed one is negative, the order is known
    let (signed, answer) = if mixed(a, b) { (a, below) } else { (b, holds(op, Ordering::Greater).unwrap_or(below)) };
    let unsigned = |expr: &Expr| cast(expr, DType::U64).map(|expr| Operand::Array(Array::from_expr(expr)));
    let compared = binary(op, &unsigned(a)?, &unsigned(b)?)?;
    let zero = Operand::Scalar(Scalar::Int(0));
    let signed = Operand::Array(Array::from_expr(signed.clone()));
    let (side, join) = if answer { (BinaryOp::Less, BinaryOp::LogicalOr) } else { (BinaryOp::GreaterEqual, BinaryOp::LogicalAnd) };
    let side = binary(side, &signed, &zero)?;
    let array = |expr| Operand::Array(Array::from_expr(expr));
    binary(join, &array(compared), &array(side)).map(Some)
}

/// `where(condition, x, y)` of operands.
pub(super) fn choose(condition: &Operand, x: &Operand, y: &Operand) -> Result<Expr> {
    let operands = [condition.clone(), x.clone(), y.clone()];
    let (condition, x, y) = (condition.arg()?, x.arg()?, y.arg()?);
    if !fit(&[&condition, &x, &y]) {
        return wait("where", &[&condition, &x, &y], operands, |[condition, x, y]| choose(condition, x, y));
    }
    let dtype = common_dtype(&[&x, &y]);
    let args = aligned("where", &[condition, x, y], &[DType::Bool, dtype, dtype])?;
    Node::new(Op::Elementwise(ops::Elementwise { op: StepOp::Where, args, dtype }))
}

/// `x` where `condition` is true, else `y`.
///
/// ```
/// use flagstone::{DType, array::where_, zeros};
/// let x = zeros([3], DType::F32);
/// assert_eq!(where_(x.gt(0.0), &x, 1).dtype().unwrap(), DType::F32);
/// ```
#[track_caller]
pub fn where_(condition: impl Into<Operand>, x: impl Into<Operand>, y: impl Into<Operand>) -> Array {
    Array::build(|| choose(&condition.into(), &x.into(), &y.into()))
}

/// `x` limited to bounds; an integer bound beyond what the dtype holds limits nothing, as in NumPy.
#[track_caller]
pub(super) fn clipped(x: &Array, low: Option<Operand>, high: Option<Operand>) -> Array {
    let range = x.dtype().ok().and_then(integer_range);
    let value = |bound: &Operand| if let Operand::Scalar(scalar) = bound { integer(*scalar) } else { None };
    let idle_low = |bound: &Operand| matches!((value(bound), range), (Some(value), Some((lowest, _))) if value < lowest);
    let idle_high = |bound: &Operand| matches!((value(bound), range), (Some(value), Some((_, highest))) if value > highest);
    let mut x = x.clone();
    if let Some(low) = low.filter(|bound| !idle_low(bound)) {
        x = x.maximum(low);
    }
    if let Some(high) = high.filter(|bound| !idle_high(bound)) {
        x = x.minimum(high);
    }
    x
}

/// Whether `|a − b| ≤ atol + rtol·|b|`, NumPy's defaults being 1e-5 and 1e-8.
///
/// ```
/// use flagstone::{DType, array::isclose, zeros};
/// let x = zeros([3], DType::F64);
/// assert_eq!(isclose(&x, 1e-9, 1e-5, 1e-8, false).dtype().unwrap(), DType::Bool);
/// ```
#[track_caller]
pub fn isclose(a: impl Into<Operand>, b: impl Into<Operand>, rtol: f64, atol: f64, equal_nan: bool) -> Array {
    let strong = |operand: Operand| match operand {
        Operand::Array(array) => array,
        Operand::Scalar(scalar) => Array::build(|| constant(scalar, scalar.natural_dtype(), &[])),
    };
    let (a, b) = (strong(a.into()), strong(b.into()));
    let b = match b.dtype() {
        Ok(dtype) => b.astype(dtype.promote_weak(Kind::Float)),
        Err(_) => b,
    };
    let near = (&a - &b).abs().le(b.abs() * rtol + atol);
    let close = (near & b.isfinite()) | a.eq(&b);
    if equal_nan { close | (a.isnan() & b.isnan()) } else { close }
}

macro_rules! unary_methods {
    ($($name:ident = $op:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, "\n\n```\nlet x = flagstone::ones([3], flagstone::DType::F64);\nassert_eq!(x.",
                stringify!($name), "().shape().unwrap(), [3]);\n```")]
            #[track_caller]
            pub fn $name(&self) -> Array {
                Array::build(|| unary(UnaryOp::$op, &self.expr()?))
            }
        )* }
    };
}

unary_methods! {
    abs = Absolute, "Absolute values; of complex the magnitude.";
    fabs = Fabs, "Absolute values as floats.";
    sign = Sign, "−1, 0 or 1 by sign.";
    signbit = Signbit, "Whether the sign bit is set.";
    rint = Rint, "The nearest integers, halves to even.";
    floor = Floor, "The largest integers not above.";
    ceil = Ceil, "The smallest integers not below.";
    trunc = Trunc, "Integer parts.";
    sqrt = Sqrt, "Square roots.";
    cbrt = Cbrt, "Cube roots.";
    square = Square, "Squares.";
    reciprocal = Reciprocal, "1/x.";
    exp = Exp, "eˣ.";
    exp2 = Exp2, "2ˣ.";
    expm1 = Expm1, "eˣ − 1, exact near 0.";
    log = Log, "Natural logarithms.";
    log2 = Log2, "Logarithms to base 2.";
    log10 = Log10, "Logarithms to base 10.";
    log1p = Log1p, "log(1 + x), exact near 0.";
    sin = Sin, "Sines.";
    cos = Cos, "Cosines.";
    tan = Tan, "Tangents.";
    arcsin = Arcsin, "Inverse sines.";
    arccos = Arccos, "Inverse cosines.";
    arctan = Arctan, "Inverse tangents.";
    sinh = Sinh, "Hyperbolic sines.";
    cosh = Cosh, "Hyperbolic cosines.";
    tanh = Tanh, "Hyperbolic tangents.";
    arcsinh = Arcsinh, "Inverse hyperbolic sines.";
    arccosh = Arccosh, "Inverse hyperbolic cosines.";
    arctanh = Arctanh, "Inverse hyperbolic tangents.";
    deg2rad = Deg2rad, "Degrees to radians.";
    rad2deg = Rad2deg, "Radians to degrees.";
    isnan = Isnan, "Whether elements are NaN.";
    isinf = Isinf, "Whether elements are infinite.";
    isfinite = Isfinite, "Whether elements are neither NaN nor infinite.";
    logical_not = LogicalNot, "Whether elements are zero.";
    spacing = Spacing, "The distance to the next number.";
    real = Real, "Real parts.";
    imag = Imag, "Imaginary parts.";
    conj = Conjugate, "Complex conjugates.";
    angle = Angle, "Arguments of complex numbers, in radians.";
    i0 = I0, "The modified Bessel function I₀.";
    erf = Erf, "The error function.";
    erfc = Erfc, "1 − erf(x), exact for large x.";
    erfinv = Erfinv, "The inverse of erf.";
    erfcinv = Erfcinv, "The inverse of erfc.";
    gamma = Gamma, "Γ(x).";
    gammaln = Gammaln, "log |Γ(x)|.";
    digamma = Digamma, "The slope of log Γ.";
    expit = Expit, "1/(1 + e⁻ˣ).";
    logit = Logit, "log(x/(1 − x)).";
    log_expit = LogExpit, "log(1/(1 + e⁻ˣ)).";
}

macro_rules! binary_methods {
    ($($name:ident = $op:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, "\n\n```\nlet x = flagstone::ones([3], flagstone::DType::F64);\nassert_eq!(x.",
                stringify!($name), "(2).shape().unwrap(), [3]);\n```")]
            #[track_caller]
            pub fn $name(&self, other: impl Into<Operand>) -> Array {
                Array::build(|| binary(BinaryOp::$op, &self.into(), &other.into()))
            }
        )* }
    };
}

binary_methods! {
    lt = Less, "`self < other`, element by element.";
    le = LessEqual, "`self <= other`, element by element.";
    gt = Greater, "`self > other`, element by element.";
    ge = GreaterEqual, "`self >= other`, element by element.";
    eq = Equal, "`self == other`, element by element.";
    ne = NotEqual, "`self != other`, element by element.";
    floor_divide = FloorDivide, "Quotients rounded down.";
    fmod = Fmod, "Remainders with the sign of the dividend.";
    pow = Power, "Powers. Integers to negative integer powers are refused, as in NumPy.";
    float_power = FloatPower, "Powers computed in float64 or complex128.";
    maximum = Maximum, "The larger of two; NaN wins.";
    minimum = Minimum, "The smaller of two; NaN wins.";
    fmax = Fmax, "The larger of two; NaN loses.";
    fmin = Fmin, "The smaller of two; NaN loses.";
    logical_and = LogicalAnd, "Whether both are nonzero.";
    logical_or = LogicalOr, "Whether either is nonzero.";
    logical_xor = LogicalXor, "Whether exactly one is nonzero.";
    arctan2 = Arctan2, "The angle of the point (other, self).";
    hypot = Hypot, "√(x² + y²) without overflow.";
    copysign = Copysign, "Magnitudes with the other's signs.";
    nextafter = Nextafter, "The next number towards the other.";
    logaddexp = Logaddexp, "log(eˣ + eʸ).";
    logaddexp2 = Logaddexp2, "log2(2ˣ + 2ʸ).";
    xlogy = Xlogy, "x·log(y), 0 where x is 0.";
    xlog1py = Xlog1py, "x·log(1 + y), 0 where x is 0.";
    heaviside = Heaviside, "0 below zero, the other at zero, 1 above.";
}

macro_rules! integer_methods {
    ($($name:ident = $op:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = concat!($doc, "\n\n```\nlet x = flagstone::ones([3], flagstone::DType::I64);\nassert_eq!(x.",
                stringify!($name), "(2).shape().unwrap(), [3]);\n```")]
            #[track_caller]
            pub fn $name(&self, other: impl Into<Operand>) -> Array {
                Array::build(|| binary(BinaryOp::$op, &self.into(), &other.into()))
            }
        )* }
    };
}

integer_methods! {
    gcd = Gcd, "Greatest common divisors.";
    lcm = Lcm, "Least common multiples.";
    ldexp = Ldexp, "x·2ⁿ for an integer n.";
}

impl Array {
    /// The elements as `dtype`.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::I32).astype(DType::F64).dtype().unwrap(), DType::F64);
    /// ```
    #[track_caller]
    pub fn astype(&self, dtype: DType) -> Array {
        Array::build(|| cast(&self.expr()?, dtype))
    }

    /// The number of bits set in each integer.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::I32).bitwise_count().dtype().unwrap(), DType::U8);
    /// ```
    #[track_caller]
    pub fn bitwise_count(&self) -> Array {
        Array::build(|| unary(UnaryOp::BitwiseCount, &self.expr()?))
    }

    /// Values limited to `low..=high`.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::F32).clip(0.0, 1.0).dtype().unwrap(), DType::F32);
    /// ```
    #[track_caller]
    pub fn clip(&self, low: impl Into<Operand>, high: impl Into<Operand>) -> Array {
        clipped(self, Some(low.into()), Some(high.into()))
    }

    /// Rounded to `decimals` digits after the point, halves to even, as NumPy: `rint(x·10ᵈ)/10ᵈ`.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::F32).round(2).dtype().unwrap(), DType::F32);
    /// ```
    #[track_caller]
    pub fn round(&self, decimals: i32) -> Array {
        let Ok(dtype) = self.dtype() else { return self.clone() };
        let whole = dtype.is_integer() || dtype == DType::Bool;
        let scale = 10f64.powi(decimals.unsigned_abs() as i32);
        match decimals {
            0.. if dtype.is_integer() => self.clone(),
            0 => self.rint(),
            1.. => (self * scale).rint() / scale,
            _ if whole => ((self / scale).rint() * scale).astype(dtype),
            _ => (self / scale).rint() * scale,
        }
    }

    /// NaN replaced by `nan`, infinities by the given values or the largest finite ones.
    ///
    /// ```
    /// use flagstone::{DType, zeros};
    /// assert_eq!(zeros([2], DType::F32).nan_to_num(0.0, None, None).dtype().unwrap(), DType::F32);
    /// ```
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> Array {
        let Ok(dtype) = self.dtype() else { return self.clone() };
        let largest = match dtype {
            DType::F16 => half::f16::MAX.to_f64(),
            DType::BF16 => half::bf16::MAX.to_f64(),
            DType::F32 => f32::MAX as f64,
            DType::F64 => f64::MAX,
            _ if dtype.is_complex() => {
                let part = |part: Array| part.nan_to_num(nan, posinf, neginf);
                return part(self.real()) + part(self.imag()) * flagstone_kernels::dtype::C128::new(0.0, 1.0);
            }
            _ => return self.clone(),
        };
        let x = where_(self.isnan(), nan, self);
        let x = where_(self.eq(f64::INFINITY), posinf.unwrap_or(largest), x);
        where_(self.eq(f64::NEG_INFINITY), neginf.unwrap_or(-largest), x)
    }
}
