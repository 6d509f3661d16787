//! The one table of what users can call by NumPy's names: parameters, defaults, a line of doc, the call.

use super::calls::*;
use super::python::{function1, function2};
use super::value::{Param, Signature, Value};
use super::{args, dtypes, manipulate, product_calls as products};
use crate::error::Error;
use flagstone_kernels::op::{BinaryOp, ReduceOp, ScanOp, UnaryOp};

macro_rules! default {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}
macro_rules! params {
    ($($name:literal $(= $default:literal)?),* $(; $($kname:literal $(= $kdefault:literal)?),*)?) => {
        &[
            $(Param { name: $name, default: default!($($default)?), keyword_only: false },)*
            $($(Param { name: $kname, default: default!($($kdefault)?), keyword_only: true },)*)?
        ]
    };
}
macro_rules! sig {
    (moves [$($at:literal),*] $($row:tt)*) => {
        Signature { of_masked: $crate::array::value::OfMasked::Moves(&[$($at),*]), ..sig!($($row)*) }
    };
    (moves $($row:tt)*) => { sig!(moves [0] $($row)*) };
    (each $($row:tt)*) => { Signature { of_masked: $crate::array::value::OfMasked::Each, ..sig!($($row)*) } };
    (method $($row:tt)*) => { Signature { method: true, ..sig!($($row)*) } };
    ($name:literal [$($params:tt)*] $doc:literal, $call:expr) => { sig!($name [$($params)*] -> [] $doc, $call) };
    ($name:literal [$($params:tt)*] -> $results:tt $doc:literal, $call:expr) => {
        Signature { name: $name, params: params!($($params)*), results: &$results, doc: $doc, method: false, of_masked: $crate::array::value::OfMasked::Itself, call: $call }
    };
}
pub(super) use {default, params, sig};

macro_rules! ufunc1 {
    ($name:literal $op:ident $doc:literal) => { sig!($name ["x"] $doc, |a| function1(UnaryOp::$op, &a[0])) };
}
macro_rules! ufunc2 {
    ($name:literal $op:ident $doc:literal) => { sig!($name ["x1", "x2"] $doc, |a| function2(BinaryOp::$op, &a[0], &a[1])) };
}
/// mean: (a, axis, dtype, *, keepdims, where).
macro_rules! with_dtype {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "keepdims" = "False", "where" = "None"] $doc,
            |a| reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], dtype: &a[2], keepdims: &a[3], only: &a[4], ..Options::NONE }))
    };
}
/// sum, prod: (a, axis, dtype, *, keepdims, where, initial).
macro_rules! with_dtype_and_initial {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "keepdims" = "False", "where" = "None", "initial" = "None"] $doc,
            |a| reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], dtype: &a[2], keepdims: &a[3], only: &a[4], initial: &a[5], ..Options::NONE }))
    };
}
/// min, max: (a, axis, *, keepdims, where, initial).
macro_rules! with_initial {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None"; "keepdims" = "False", "where" = "None", "initial" = "None"] $doc,
            |a| reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], keepdims: &a[2], only: &a[3], initial: &a[4], ..Options::NONE }))
    };
}
/// var, std.
macro_rules! with_ddof {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "ddof" = "0", "keepdims" = "False", "where" = "None", "correction" = "None", "mean" = "None"] $doc,
            |a| {
                let ddof = one_of("ddof", &a[3], "correction", &a[6])?;
                if !matches!(a[7], Value::None) {
                    let options = Options { axis: &a[1], dtype: &a[2], keepdims: &a[4], only: &a[5], ddof, ..Options::NONE };
                    return spread_around(ReduceOp::$op, $nan, &a[0], &a[7], options);
                }
                reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], dtype: &a[2], keepdims: &a[4], only: &a[5], ddof, ..Options::NONE })
            })
    };
}
/// any, all.
macro_rules! with_where {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None"; "keepdims" = "False", "where" = "None"] $doc,
            |a| reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], keepdims: &a[2], only: &a[3], ..Options::NONE }))
    };
}
/// argmin, argmax, count_nonzero.
macro_rules! plain {
    ($name:literal $op:ident $nan:literal $doc:literal) => {
        sig!(method $name ["a", "axis" = "None"; "keepdims" = "False"] $doc,
            |a| reduction(ReduceOp::$op, $nan, &a[0], Options { axis: &a[1], keepdims: &a[2], ..Options::NONE }))
    };
}
/// Functions, by NumPy's names.
pub(super) static SIGNATURES: &[Signature] = &[
    // creation
    sig!("array" ["object", "dtype" = "None"; "copy" = "True", "order" = "'K'", "subok" = "False", "ndmin" = "0"] "An array of numbers or of what is one already.", |a| array(a)),
    sig!("asarray" ["a", "dtype" = "None", "order" = "None"; "device" = "None", "copy" = "None"] "An array of numbers or of what is one already.", |a| as_array(&a[0], &a[1])),
    sig!("asanyarray" ["a", "dtype" = "None", "order" = "None"; "device" = "None", "copy" = "None"] "An array of numbers or of what is one already.", |a| as_array(&a[0], &a[1])),
    sig!("ascontiguousarray" ["a", "dtype" = "None"] "An array with an axis at least.", |a| as_lines(&a[0], &a[1])),
    sig!("asfortranarray" ["a", "dtype" = "None"] "An array: it has no order in memory.", |a| as_array(&a[0], &a[1])),
    sig!("zeros" ["shape", "dtype" = "float64", "order" = "'C'"; "device" = "None", "chunks" = "None"] "Zeros.", |a| filled("zeros", &a[0], &int(0), &or_float(&a[1]), &a[4])),
    sig!("ones" ["shape", "dtype" = "float64", "order" = "'C'"; "device" = "None", "chunks" = "None"] "Ones.", |a| filled("ones", &a[0], &int(1), &or_float(&a[1]), &a[4])),
    sig!("empty" ["shape", "dtype" = "float64", "order" = "'C'"; "device" = "None", "chunks" = "None"] "Values that do not matter: zeros.", |a| filled("empty", &a[0], &int(0), &or_float(&a[1]), &a[4])),
    sig!("full" ["shape", "fill_value", "dtype" = "None", "order" = "'C'"; "device" = "None", "chunks" = "None"] "The same value everywhere.", |a| filled("full", &a[0], &a[1], &a[2], &a[5])),
    sig!("zeros_like" ["a", "dtype" = "None", "order" = "'K'", "subok" = "True", "shape" = "None"; "device" = "None"] "Zeros in the shape of an array.", |a| like("zeros_like", &a[0], &int(0), &a[1], &a[4])),
    sig!("ones_like" ["a", "dtype" = "None", "order" = "'K'", "subok" = "True", "shape" = "None"; "device" = "None"] "Ones in the shape of an array.", |a| like("ones_like", &a[0], &int(1), &a[1], &a[4])),
    sig!("empty_like" ["a", "dtype" = "None", "order" = "'K'", "subok" = "True", "shape" = "None"; "device" = "None"] "Zeros in the shape of an array.", |a| like("empty_like", &a[0], &int(0), &a[1], &a[4])),
    sig!("full_like" ["a", "fill_value", "dtype" = "None", "order" = "'K'", "subok" = "True", "shape" = "None"; "device" = "None"] "One value in the shape of an array.", |a| like("full_like", &a[0], &a[1], &a[2], &a[5])),
    sig!("arange" ["start", "stop" = "None", "step" = "1", "dtype" = "None"; "device" = "None", "chunks" = "None"] "start, start + step, … below stop.", |a| arange(a)),
    sig!("logspace" ["start", "stop", "num" = "50", "endpoint" = "True", "base" = "10.0", "dtype" = "None"] "Values evenly spaced on a log scale.", |a| logspace(a)),
    sig!("eye" ["N", "M" = "None", "k" = "0", "dtype" = "float64", "order" = "'C'"; "device" = "None"] "Ones on a diagonal.", |a| eye(&a[0], &a[1], &a[2], &a[3])),
    sig!("identity" ["n", "dtype" = "float64"] "The identity matrix.", |a| eye(&a[0], &Value::None, &int(0), &a[1])),
    // elementwise, one array
    ufunc1!("negative" Negative "−x."),
    ufunc1!("positive" Positive "+x."),
    ufunc1!("absolute" Absolute "|x|."),
    ufunc1!("abs" Absolute "|x|."),
    ufunc1!("fabs" Fabs "|x| as float."),
    ufunc1!("sign" Sign "−1, 0 or 1."),
    ufunc1!("signbit" Signbit "Whether the sign bit is set."),
    ufunc1!("rint" Rint "Nearest integers, halves to even."),
    ufunc1!("floor" Floor "Largest integers not above."),
    ufunc1!("ceil" Ceil "Smallest integers not below."),
    ufunc1!("trunc" Trunc "Integer parts."),
    ufunc1!("fix" Trunc "Integer parts."),
    ufunc1!("sqrt" Sqrt "Square roots."),
    ufunc1!("cbrt" Cbrt "Cube roots."),
    ufunc1!("square" Square "Squares."),
    ufunc1!("reciprocal" Reciprocal "1/x."),
    ufunc1!("exp" Exp "eˣ."),
    ufunc1!("exp2" Exp2 "2ˣ."),
    ufunc1!("expm1" Expm1 "eˣ − 1."),
    ufunc1!("log" Log "Natural logarithms."),
    ufunc1!("log2" Log2 "Logarithms to base 2."),
    ufunc1!("log10" Log10 "Logarithms to base 10."),
    ufunc1!("log1p" Log1p "log(1 + x)."),
    ufunc1!("sin" Sin "Sines."),
    ufunc1!("cos" Cos "Cosines."),
    ufunc1!("tan" Tan "Tangents."),
    ufunc1!("arcsin" Arcsin "Inverse sines."),
    ufunc1!("arccos" Arccos "Inverse cosines."),
    ufunc1!("arctan" Arctan "Inverse tangents."),
    ufunc1!("asin" Arcsin "Inverse sines."),
    ufunc1!("acos" Arccos "Inverse cosines."),
    ufunc1!("atan" Arctan "Inverse tangents."),
    ufunc1!("sinh" Sinh "Hyperbolic sines."),
    ufunc1!("cosh" Cosh "Hyperbolic cosines."),
    ufunc1!("tanh" Tanh "Hyperbolic tangents."),
    ufunc1!("arcsinh" Arcsinh "Inverse hyperbolic sines."),
    ufunc1!("arccosh" Arccosh "Inverse hyperbolic cosines."),
    ufunc1!("arctanh" Arctanh "Inverse hyperbolic tangents."),
    ufunc1!("asinh" Arcsinh "Inverse hyperbolic sines."),
    ufunc1!("acosh" Arccosh "Inverse hyperbolic cosines."),
    ufunc1!("atanh" Arctanh "Inverse hyperbolic tangents."),
    ufunc1!("deg2rad" Deg2rad "Degrees to radians."),
    ufunc1!("radians" Deg2rad "Degrees to radians."),
    ufunc1!("rad2deg" Rad2deg "Radians to degrees."),
    ufunc1!("degrees" Rad2deg "Radians to degrees."),
    ufunc1!("isnan" Isnan "Whether NaN."),
    ufunc1!("isinf" Isinf "Whether infinite."),
    ufunc1!("isfinite" Isfinite "Whether neither NaN nor infinite."),
    sig!("isposinf" ["x"] "Whether +∞.", |a| infinite("isposinf", &a[0], f64::INFINITY)),
    sig!("isneginf" ["x"] "Whether −∞.", |a| infinite("isneginf", &a[0], f64::NEG_INFINITY)),
    ufunc1!("logical_not" LogicalNot "Whether zero."),
    ufunc1!("invert" Invert "Bits flipped."),
    ufunc1!("bitwise_not" Invert "Bits flipped."),
    ufunc1!("bitwise_invert" Invert "Bits flipped."),
    ufunc1!("spacing" Spacing "Distance to the next number."),
    ufunc1!("bitwise_count" BitwiseCount "Bits that are set."),
    ufunc1!("real" Real "Real parts."),
    ufunc1!("imag" Imag "Imaginary parts."),
    sig!(method "conjugate" ["x"] "Complex conjugates.", |a| function1(UnaryOp::Conjugate, &a[0])),
    sig!(method "conj" ["x"] "Complex conjugates.", |a| function1(UnaryOp::Conjugate, &a[0])),
    sig!(each "angle" ["z", "deg" = "False"] "Arguments of complex numbers.", |a| angle(&a[0], &a[1])),
    sig!("sinc" ["x"] "sin(πx)/(πx).", |a| sinc(&a[0])),
    sig!("nan_to_num" ["x", "copy" = "True", "nan" = "0.0", "posinf" = "None", "neginf" = "None"] "NaN and infinities replaced.", |a| nan_to_num(a)),
    sig!(each method "round" ["a", "decimals" = "0"] "Rounded to decimals, halves to even.", |a| round(&a[0], &a[1])),
    sig!(each "around" ["a", "decimals" = "0"] "Rounded to decimals, halves to even.", |a| round(&a[0], &a[1])),
    // elementwise, two arrays
    ufunc2!("add" Add "x1 + x2."),
    ufunc2!("subtract" Subtract "x1 − x2."),
    ufunc2!("multiply" Multiply "x1 · x2."),
    ufunc2!("divide" Divide "x1 / x2."),
    ufunc2!("true_divide" Divide "x1 / x2."),
    ufunc2!("floor_divide" FloorDivide "Quotients rounded down."),
    ufunc2!("remainder" Remainder "Remainders with the divisor's sign."),
    ufunc2!("mod" Remainder "Remainders with the divisor's sign."),
    ufunc2!("fmod" Fmod "Remainders with the dividend's sign."),
    ufunc2!("power" Power "Powers."),
    ufunc2!("pow" Power "Powers."),
    ufunc2!("float_power" FloatPower "Powers in float64."),
    ufunc2!("maximum" Maximum "The larger; NaN wins."),
    ufunc2!("minimum" Minimum "The smaller; NaN wins."),
    ufunc2!("fmax" Fmax "The larger; NaN loses."),
    ufunc2!("fmin" Fmin "The smaller; NaN loses."),
    ufunc2!("equal" Equal "x1 == x2."),
    ufunc2!("not_equal" NotEqual "x1 != x2."),
    ufunc2!("less" Less "x1 < x2."),
    ufunc2!("less_equal" LessEqual "x1 <= x2."),
    ufunc2!("greater" Greater "x1 > x2."),
    ufunc2!("greater_equal" GreaterEqual "x1 >= x2."),
    ufunc2!("logical_and" LogicalAnd "Both nonzero."),
    ufunc2!("logical_or" LogicalOr "Either nonzero."),
    ufunc2!("logical_xor" LogicalXor "Exactly one nonzero."),
    ufunc2!("bitwise_and" BitwiseAnd "Bits of both."),
    ufunc2!("bitwise_or" BitwiseOr "Bits of either."),
    ufunc2!("bitwise_xor" BitwiseXor "Bits of exactly one."),
    ufunc2!("left_shift" LeftShift "Bits to the left."),
    ufunc2!("right_shift" RightShift "Bits to the right."),
    ufunc2!("bitwise_left_shift" LeftShift "Bits to the left."),
    ufunc2!("bitwise_right_shift" RightShift "Bits to the right."),
    ufunc2!("arctan2" Arctan2 "Angles of points."),
    ufunc2!("atan2" Arctan2 "Angles of points."),
    ufunc2!("hypot" Hypot "√(x1² + x2²)."),
    ufunc2!("copysign" Copysign "Magnitudes with other signs."),
    ufunc2!("nextafter" Nextafter "The next number towards x2."),
    ufunc2!("logaddexp" Logaddexp "log(eˣ¹ + eˣ²)."),
    ufunc2!("logaddexp2" Logaddexp2 "log2(2ˣ¹ + 2ˣ²)."),
    ufunc2!("heaviside" Heaviside "The step function."),
    ufunc2!("gcd" Gcd "Greatest common divisors."),
    ufunc2!("lcm" Lcm "Least common multiples."),
    ufunc2!("ldexp" Ldexp "x1 · 2^x2."),
    sig!("divmod" ["x1", "x2"] "Quotients rounded down, and remainders.", |a| divmod(&a[0], &a[1])),
    sig!("modf" ["x"] "Fractional and integral parts.", |a| modf(&a[0])),
    sig!("frexp" ["x"] "Mantissas and exponents.", |a| frexp(&a[0])),
    sig!("isclose" ["a", "b", "rtol" = "1e-05", "atol" = "1e-08", "equal_nan" = "False"] "Whether |a − b| ≤ atol + rtol·|b|.", |a| isclose(a)),
    sig!("allclose" ["a", "b", "rtol" = "1e-05", "atol" = "1e-08", "equal_nan" = "False"] "Whether all are close.", |a| allclose(a)),
    sig!("array_equal" ["a1", "a2", "equal_nan" = "False"] "Whether shapes and all elements are equal.", |a| array_equal(a)),
    sig!("where" ["condition", "x" = "None", "y" = "None"] "x where the condition holds, else y; of a condition alone, where it holds.", |a| where_of(a)),
    sig!(each method "clip" ["a", "a_min" = "None", "a_max" = "None"; "min" = "None", "max" = "None"] "Limited to a range.", |a| clip(a)),
    sig!(each method "astype" ["x", "dtype"; "copy" = "True", "device" = "None"] "As another dtype.", |a| astype(&a[0], &a[1], &Value::None)),
    sig!(moves method "copy" ["a", "order" = "'K'", "subok" = "False"] "The array itself: arrays never change.", |a| Ok(Value::Array(args::array("copy", &a[0])?))),
    // reductions
    with_dtype_and_initial!("sum" Sum false "Sums."),
    with_dtype_and_initial!("prod" Prod false "Products."),
    with_dtype!("mean" Mean false "Arithmetic means."),
    with_ddof!("var" Var false "Variances."),
    with_ddof!("std" Std false "Standard deviations."),
    with_initial!("min" Min false "Smallest values."),
    with_initial!("max" Max false "Largest values."),
    with_initial!("amin" Min false "Smallest values."),
    with_initial!("amax" Max false "Largest values."),
    with_where!("any" Any false "Whether any is nonzero."),
    with_where!("all" All false "Whether all are nonzero."),
    plain!("argmin" Argmin false "Where the first smallest value is."),
    plain!("argmax" Argmax false "Where the first largest value is."),
    plain!("count_nonzero" CountNonzero false "How many are nonzero."),
    with_dtype_and_initial!("nansum" Sum true "Sums of what is not NaN."),
    with_dtype_and_initial!("nanprod" Prod true "Products of what is not NaN."),
    with_dtype!("nanmean" Mean true "Means of what is not NaN."),
    with_ddof!("nanvar" Var true "Variances of what is not NaN."),
    with_ddof!("nanstd" Std true "Standard deviations of what is not NaN."),
    with_initial!("nanmin" Min true "Smallest values, NaN skipped."),
    with_initial!("nanmax" Max true "Largest values, NaN skipped."),
    plain!("nanargmin" Argmin true "Where the first smallest value is, NaN skipped."),
    plain!("nanargmax" Argmax true "Where the first largest value is, NaN skipped."),
    sig!(method "ptp" ["a", "axis" = "None"; "keepdims" = "False"] "Largest minus smallest.", |a| ptp(&a[0], &a[1], &a[2])),
    // running totals
    sig!(method "cumsum" ["a", "axis" = "None", "dtype" = "None"] "Running sums.", |a| cumulative(ScanOp::Sum, false, a)),
    sig!(method "cumprod" ["a", "axis" = "None", "dtype" = "None"] "Running products.", |a| cumulative(ScanOp::Prod, false, a)),
    sig!("nancumsum" ["a", "axis" = "None", "dtype" = "None"] "Running sums, NaN counting as 0.", |a| cumulative(ScanOp::Sum, true, a)),
    sig!("nancumprod" ["a", "axis" = "None", "dtype" = "None"] "Running products, NaN counting as 1.", |a| cumulative(ScanOp::Prod, true, a)),
    sig!("cumulative_sum" ["x"; "axis" = "None", "dtype" = "None", "include_initial" = "False"] "Running sums, from 0 on if asked.", |a| cumulative_with_initial(ScanOp::Sum, a)),
    sig!("cumulative_prod" ["x"; "axis" = "None", "dtype" = "None", "include_initial" = "False"] "Running products, from 1 on if asked.", |a| cumulative_with_initial(ScanOp::Prod, a)),
    sig!("cummax" ["a", "axis" = "None", "dtype" = "None"] "Running maxima.", |a| cumulative(ScanOp::Max, false, a)),
    sig!("cummin" ["a", "axis" = "None", "dtype" = "None"] "Running minima.", |a| cumulative(ScanOp::Min, false, a)),
    // triangles
    sig!(moves "tril" ["m", "k" = "0"] "Zeros above a diagonal.", |a| Ok(Value::Array(args::array("tril", &a[0])?.tril(args::integer("tril", &a[1])?)))),
    sig!(moves "triu" ["m", "k" = "0"] "Zeros below a diagonal.", |a| Ok(Value::Array(args::array("triu", &a[0])?.triu(args::integer("triu", &a[1])?)))),
    // shape
    sig!(moves "transpose" ["a", "axes" = "None"] "Axes in another order.", |a| transpose(&a[0], &a[1])),
    sig!(moves "permute_dims" ["a", "axes" = "None"] "Axes in another order.", |a| transpose(&a[0], &a[1])),
    sig!(moves "matrix_transpose" ["x"] "The last two axes exchanged.", |a| matrix_transpose(&a[0])),
    sig!(moves method "swapaxes" ["a", "axis1", "axis2"] "Two axes exchanged.", |a| swapaxes(a)),
    sig!(moves "moveaxis" ["a", "source", "destination"] "Axes moved.", |a| moveaxis(a)),
    sig!(moves method "squeeze" ["a", "axis" = "None"] "Without axes of length 1.", |a| squeeze(&a[0], &a[1])),
    sig!(moves "expand_dims" ["a", "axis"] "New axes of length 1.", |a| expand_dims(&a[0], &a[1])),
    sig!(moves "flip" ["m", "axis" = "None"] "Reversed along axes.", |a| flip(&a[0], &a[1])),
    sig!(moves "flipud" ["m"] "Reversed along axis 0.", |a| flip(&a[0], &int(0))),
    sig!(moves "fliplr" ["m"] "Reversed along axis 1.", |a| flip(&a[0], &int(1))),
    sig!(moves "concatenate" ["arrays", "axis" = "0"; "dtype" = "None", "casting" = "'same_kind'"] "One after the other along an axis.", |a| joined("concatenate", manipulate::concatenate, a)),
    sig!(moves "concat" ["arrays", "axis" = "0"; "dtype" = "None", "casting" = "'same_kind'"] "One after the other along an axis.", |a| joined("concat", manipulate::concatenate, a)),
    sig!(moves "stack" ["arrays", "axis" = "0"; "dtype" = "None", "casting" = "'same_kind'"] "Together along a new axis.", |a| joined("stack", manipulate::stack, a)),
    sig!(moves "vstack" ["tup"; "dtype" = "None", "casting" = "'same_kind'"] "Below one another.", |a| Ok(Value::Array(manipulate::vstack(&dtypes::arrays_as("vstack", &a[0], &a[1], &a[2])?)))),
    sig!(moves "hstack" ["tup"; "dtype" = "None", "casting" = "'same_kind'"] "Beside one another.", |a| Ok(Value::Array(manipulate::hstack(&dtypes::arrays_as("hstack", &a[0], &a[1], &a[2])?)))),
    sig!(moves "broadcast_to" ["array", "shape"] "Repeated to a shape.", |a| broadcast_to(&a[0], &a[1])),
    sig!("broadcast_arrays" ["*args"] "Repeated to one shape.", |a| broadcast_arrays(&a[0])),
    sig!(moves "reshape" ["a", "shape", "order" = "'C'"; "copy" = "None"] "The same elements under another shape.", |a| reshape(&a[0], &a[1], &a[2])),
    sig!(moves method "ravel" ["a", "order" = "'C'"] "All elements along one axis.", |a| ravel(&a[0], &a[1])),
    sig!(moves method "rechunk" ["x", "chunks" = "\"auto\""] "The same elements in other chunks.", |a| rechunk(&a[0], &a[1])),
    sig!("can_cast" ["from_", "to", "casting" = "'safe'"] "Whether a dtype may be cast to another.", |a| dtypes::can_cast_call(a)),
    sig!("isdtype" ["dtype", "kind"] "Whether a dtype is of a kind.", |a| dtypes::isdtype(a)),
    sig!("linalg.matrix_transpose" ["x"] "The last two axes exchanged.", |a| matrix_transpose(&a[0])),
    sig!("result_type" ["*arrays_and_dtypes"] "The dtype that several promote to.", |a| dtypes::result_type(a)),
    sig!("promote_types" ["type1", "type2"] "The dtype that two promote to.", |a| dtypes::promote_types(a)),
    sig!("shape" ["a"] "The lengths of the axes.", |a| attribute_of("shape", &a[0])),
    sig!("ndim" ["a"] "The number of axes.", |a| attribute_of("ndim", &a[0])),
    sig!("size" ["a", "axis" = "None"] "The number of elements.", |a| size(&a[0], &a[1])),
    // products
    sig!("matmul" ["x1", "x2"] "The matrix product of the last two axes.", |a| products::matmul(a)),
    sig!(method "dot" ["a", "b"] "The product over the last axis and the last but one.", |a| products::dot(a)),
    sig!("vdot" ["a", "b"] "The sum of all products, the first conjugated.", |a| products::of_two("vdot", a, |a, b| a.vdot(b))),
    sig!("vecdot" ["x1", "x2"; "axis" = "-1"] "Sums of products along an axis, the first conjugated.", |a| products::vecdot(a, &a[2])),
    sig!("matvec" ["x1", "x2"] "Matrices times vectors.", |a| products::of_two("matvec", a, |a, b| a.matvec(b))),
    sig!("vecmat" ["x1", "x2"] "Conjugated vectors times matrices.", |a| products::of_two("vecmat", a, |a, b| a.vecmat(b))),
    sig!("inner" ["a", "b"] "Sums of products over the last axes.", |a| products::of_two("inner", a, |a, b| a.inner(b))),
    sig!("outer" ["a", "b"] "All products of two flattened arrays.", |a| products::outer(a)),
    sig!("kron" ["a", "b"] "The Kronecker product.", |a| products::of_two("kron", a, |a, b| a.kron(b))),
    sig!("tensordot" ["a", "b", "axes" = "2"] "Sums of products over pairs of axes.", |a| products::tensordot(a)),
    sig!("einsum" ["subscripts", "*operands"; "dtype" = "None", "optimize" = "False"] "Products by labels of axes.", |a| products::einsum(a)),
    sig!("cross" ["a", "b", "axisa" = "-1", "axisb" = "-1", "axisc" = "-1", "axis" = "None"] "Vector products.", |a| products::cross(a)),
    sig!(method "trace" ["a", "offset" = "0", "axis1" = "0", "axis2" = "1", "dtype" = "None"] "Sums along a diagonal.", |a| products::trace(a)),
    sig!("linalg.matmul" ["x1", "x2"] "The matrix product of the last two axes.", |a| products::matmul(a)),
    sig!("linalg.tensordot" ["x1", "x2"; "axes" = "2"] "Sums of products over pairs of axes.", |a| products::tensordot(a)),
    sig!("linalg.vecdot" ["x1", "x2"; "axis" = "-1"] "Sums of products along an axis, the first conjugated.", |a| products::vecdot(a, &a[2])),
    sig!("linalg.outer" ["x1", "x2"] "All products of two vectors.", |a| products::outer_of_vectors(a)),
    sig!("linalg.cross" ["x1", "x2"; "axis" = "-1"] "Vector products of 3 components.", |a| products::cross_of_three(a)),
    sig!("linalg.trace" ["x"; "offset" = "0", "dtype" = "None"] "Sums along a diagonal of the last two axes.", |a| products::trace_of_matrices(a)),
    sig!("linalg.multi_dot" ["arrays"] "The product of several matrices, in the cheapest order.", |a| products::multi_dot(a)),
    sig!("linalg.matrix_power" ["a", "n"] "Square matrices to a power.", |a| products::matrix_power(a)),
];

/// Methods whose parameters differ from the function's, or that are no functions.
pub(super) static METHODS: &[Signature] = &[
    sig!(moves method "transpose" ["a", "*axes"] "Axes in another order.", |a| transpose_spread(&a[0], &a[1])),
    sig!(moves method "reshape" ["a", "*shape"; "order" = "'C'", "copy" = "None"] "The same elements under another shape.", |a| reshape_spread(&a[0], &a[1], &a[2])),
    sig!(moves method "flatten" ["a", "order" = "'C'"] "All elements along one axis.", |a| ravel(&a[0], &a[1])),
    sig!(each method "clip" ["a", "min" = "None", "max" = "None"] "Limited to a range.", |a| clip(&[a[0].clone(), a[1].clone(), a[2].clone(), Value::None, Value::None])),
    sig!(moves method "compress" ["a", "condition", "axis" = "None"] "The elements where a condition of one axis holds.", |a| super::sorting::table::compress(&[a[1].clone(), a[0].clone(), a[2].clone()])),
    sig!(each method "astype" ["a", "dtype", "order" = "'K'", "casting" = "'unsafe'", "subok" = "True", "copy" = "True"] "As another dtype.", |a| astype(&a[0], &a[1], &a[3])),
];

macro_rules! not_yet {
    ($($name:literal: $advice:literal;)*) => {
        &[$(sig!(method $name ["*args", "**kwargs"] $advice, |_| Err(Error::unsupported($name, $advice)))),*]
    };
}

/// What NumPy has and this version has not: refused by name.
pub(super) static NOT_YET: &[Signature] = not_yet! {
    "apply_along_axis": "functions of lanes"; "apply_over_axes": "functions of axes";
};
