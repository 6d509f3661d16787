//! `numpy.ma` under its names.

use super::products::Covariances;
use super::values::{binary, everywhere, fill, nowhere};
use super::{Masked, farthest, order, products, rows, sets};
use crate::array::axes::position;
use crate::array::statistics::{diff, difference, weights_along};
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, Axes, Index, Operand, args, concatenate, elementwise, full, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::op::BinaryOp;

/// (a, axis, dtype, *, keepdims).
macro_rules! with_dtype {
    ($name:literal $method:ident $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "keepdims" = "False"] $doc,
            |a| reduced($name, &a[0], in_own_dtype($name, &a[0], axes($name, &a[1], &a[2], &Value::None, &a[3])?)?, |x, axes| x.$method(axes)))
    };
}
/// (a, axis, dtype, *, ddof, keepdims).
macro_rules! with_ddof {
    ($name:literal $method:ident $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "ddof" = "0", "keepdims" = "False"] $doc,
            |a| reduced($name, &a[0], in_own_dtype($name, &a[0], axes($name, &a[1], &a[2], &a[3], &a[4])?)?, |x, axes| x.$method(axes)))
    };
}
/// (a, axis, *, keepdims).
macro_rules! plain {
    ($name:literal $method:ident $doc:literal) => {
        sig!(method $name ["a", "axis" = "None"; "keepdims" = "False"] $doc,
            |a| reduced($name, &a[0], axes($name, &a[1], &Value::None, &Value::None, &a[2])?, |x, axes| x.$method(axes)))
    };
}
/// Masked by a comparison with a value, which then is the fill value where NumPy makes it that.
macro_rules! compared {
    ($name:literal $method:ident $doc:literal) => {
        sig!($name ["x", "value"; "copy" = "True"] $doc, |a| {
            let x = Masked::of($name, &a[0])?;
            let by = x.data.$method(args::operand($name, &a[1])?);
            given(x.or_where(by.mask()))
        })
    };
}
/// The data or the mask of something like a masked array.
macro_rules! like {
    ($name:literal $value:literal $doc:literal) => {
        sig!($name ["a", "dtype" = "None"] $doc, |a| {
            let (x, dtype) = (Masked::of($name, &a[0])?, args::dtype($name, &a[1])?);
            given(x.map(|x| x.full_like($value, dtype)))
        })
    };
}

/// Functions, by NumPy's names.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("ma.masked_array" ["data", "mask" = "False", "dtype" = "None"; "fill_value" = "None"] "Data and a mask, true where an element does not count.", |a| masked_array(a)),
    sig!("ma.array" ["data", "dtype" = "None", "copy" = "False"; "mask" = "False", "fill_value" = "None"] "Data and a mask, true where an element does not count.",
        |a| masked_array(&[a[0].clone(), a[3].clone(), a[1].clone(), a[4].clone()])),
    sig!("ma.masked_where" ["condition", "a"; "copy" = "True"] "Masked where condition holds.", |a| {
        let (condition, x) = (Masked::of("ma.masked_where", &a[0])?, Masked::of("ma.masked_where", &a[1])?);
        given(x.or_where(&condition.filled(false).astype(DType::Bool)))
    }),
    sig!("ma.masked_invalid" ["a"; "copy" = "True"] "Masked where elements are NaN or infinite.", |a| {
        let x = Masked::of("ma.masked_invalid", &a[0])?;
        let invalid = x.data.masked_invalid();
        given(x.or_where(invalid.mask()))
    }),
    sig!("ma.masked_equal" ["x", "value"; "copy" = "True"] "Masked where elements equal value, the fill value from then on.", |a| {
        let x = Masked::of("ma.masked_equal", &a[0])?;
        let equal = x.data.eq(args::operand("ma.masked_equal", &a[1])?);
        given(told(x.or_where(&equal), &a[1]))
    }),
    sig!("ma.masked_values" ["x", "value", "rtol" = "1e-05", "atol" = "1e-08"; "copy" = "True", "shrink" = "True"]
        "Masked where elements are close to value, the fill value from then on.", |a| masked_values(a)),
    compared!("ma.masked_not_equal" masked_not_equal "Masked where elements do not equal value."),
    compared!("ma.masked_less" masked_less "Masked where elements are less than value."),
    compared!("ma.masked_less_equal" masked_less_equal "Masked where elements are not greater than value."),
    compared!("ma.masked_greater" masked_greater "Masked where elements are greater than value."),
    compared!("ma.masked_greater_equal" masked_greater_equal "Masked where elements are not less than value."),
    sig!("ma.masked_inside" ["x", "v1", "v2"; "copy" = "True"] "Masked where elements lie between two values, or equal one of them.",
        |a| between("ma.masked_inside", a, Array::masked_inside)),
    sig!("ma.masked_outside" ["x", "v1", "v2"; "copy" = "True"] "Masked where elements lie beyond two values.",
        |a| between("ma.masked_outside", a, Array::masked_outside)),
    sig!("ma.fix_invalid" ["a", "mask" = "False", "copy" = "True", "fill_value" = "None"] "Masked where elements are NaN or infinite, with the fill value as their data.",
        |a| fix_invalid(a)),
    sig!("ma.getdata" ["a", "subok" = "True"] "All elements, those that do not count, too.", |a| Ok(Value::Array(Masked::of("ma.getdata", &a[0])?.data.clone()))),
    sig!("ma.getmaskarray" ["arr"] "True where an element does not count.", |a| Ok(Value::Array(Masked::of("ma.getmaskarray", &a[0])?.mask.clone()))),
    sig!("ma.getmask" ["a"] "True where an element does not count.", |a| Ok(Value::Array(Masked::of("ma.getmask", &a[0])?.mask.clone()))),
    sig!("ma.set_fill_value" ["a", "fill_value"] "The same with another fill value (NumPy changes it in place).", |a| {
        let x = Masked::of("ma.set_fill_value", &a[0])?;
        given(told(x, &a[1]))
    }),
    sig!(method "ma.filled" ["a", "fill_value" = "None"] "The data with the fill value where elements do not count.", |a| {
        let x = Masked::of("ma.filled", &a[0])?;
        Ok(Value::Array(match &a[1] {
            Value::None => x.filled_by_default(),
            value => x.filled(args::operand("ma.filled", value)?),
        }))
    }),
    sig!(method "ma.compressed" ["x"] "The elements that count, along one axis.", |a| Ok(Value::Array(Masked::of("ma.compressed", &a[0])?.compressed()))),
    sig!(method "ma.count" ["a", "axis" = "None", "keepdims" = "False"] "How many elements count.", |a| {
        let axes = axes("ma.count", &a[1], &Value::None, &Value::None, &a[2])?;
        Ok(Value::Array(Masked::of("ma.count", &a[0])?.count(axes)))
    }),
    with_dtype!("ma.sum" sum "The sum of what counts."),
    with_dtype!("ma.prod" prod "The product of what counts."),
    with_dtype!("ma.mean" mean "The mean of what counts."),
    with_ddof!("ma.var" var "The variance of what counts."),
    with_ddof!("ma.std" std "The standard deviation of what counts."),
    plain!("ma.min" min "The least of what counts."),
    plain!("ma.max" max "The greatest of what counts."),
    plain!("ma.any" any "Whether any element that counts is not zero."),
    plain!("ma.all" all "Whether all elements that count are not zero."),
    sig!(method "ma.ptp" ["a", "axis" = "None"; "keepdims" = "False"] "The greatest less the least of what counts.", |a| {
        let (x, axes) = (Masked::of("ma.ptp", &a[0])?, axes("ma.ptp", &a[1], &Value::None, &Value::None, &a[2])?);
        given(x.max(axes.clone()) - x.min(axes))
    }),
    sig!(method "ma.argmin" ["a", "axis" = "None"; "keepdims" = "False"] "Where the least of what counts is.", |a| extreme_at("ma.argmin", a, true)),
    sig!(method "ma.argmax" ["a", "axis" = "None"; "keepdims" = "False"] "Where the greatest of what counts is.", |a| extreme_at("ma.argmax", a, false)),
    sig!(method "ma.cumsum" ["a", "axis" = "None"] "Running sums of what counts, masked where the elements are.", |a| running("ma.cumsum", a, 0, Array::cumsum)),
    sig!(method "ma.cumprod" ["a", "axis" = "None"] "Running products of what counts, masked where the elements are.", |a| running("ma.cumprod", a, 1, Array::cumprod)),
    sig!("ma.average" ["a", "axis" = "None", "weights" = "None", "returned" = "False"; "keepdims" = "False"] "The weighted mean of what counts.", |a| average(a)),
    sig!(method "ma.nonzero" ["a"] "The places of what counts and is not zero, an array an axis.", |a| {
        let places = Masked::of("ma.nonzero", &a[0])?.filled(0).nonzero();
        Ok(Value::Tuple(places.into_iter().map(Value::Array).collect()))
    }),
    sig!("ma.where" ["condition", "x", "y"] "x where the condition holds, y elsewhere; masked where what is taken is, or the condition.", |a| chosen(a)),
    sig!(method "ma.sort" ["a", "axis" = "-1", "kind" = "None", "order" = "None", "endwith" = "True", "fill_value" = "None"; "stable" = "None"]
        "In ascending order along an axis, what does not count last, or first.", |a| ordered("ma.sort", a, order::sorted).map(Value::Masked)),
    sig!(method "ma.argsort" ["a", "axis" = "-1", "kind" = "None", "order" = "None", "endwith" = "True", "fill_value" = "None"; "stable" = "None"]
        "The places of the elements in ascending order, of what does not count last, or first.", |a| ordered("ma.argsort", a, order::places).map(Value::Array)),
    sig!("ma.median" ["a", "axis" = "None", "out" = "None", "overwrite_input" = "False", "keepdims" = "False"] "The exact median of what counts.", |a| {
        let axes = axes("ma.median", &a[1], &Value::None, &Value::None, &a[4])?;
        given(Masked::of("ma.median", &a[0])?.median(axes))
    }),
    sig!(method "ma.anom" ["a", "axis" = "None", "dtype" = "None"] "What counts less its mean.", |a| anomalies("ma.anom", a)),
    sig!("ma.anomalies" ["a", "axis" = "None", "dtype" = "None"] "What counts less its mean.", |a| anomalies("ma.anomalies", a)),
    sig!("ma.diff" ["a", "n" = "1", "axis" = "-1", "prepend" = "None", "append" = "None"] "Differences of neighbours, masked where one of them is.", |a| differences(a)),
    sig!("ma.ediff1d" ["arr", "to_end" = "None", "to_begin" = "None"] "Differences of neighbours among all elements, masked where one of them is.", |a| differences_of_all(a)),
    sig!(method "ma.dot" ["a", "b", "strict" = "False"] "The product over the last axis and the last but one; strict: a masked row or column is masked whole.", |a| {
        let (mut x, mut y) = (Masked::of("ma.dot", &a[0])?, Masked::of("ma.dot", &a[1])?);
        let n = y.data.ndim()?;
        if args::boolean("ma.dot", &a[2])? && x.data.ndim()? > 0 && n > 0 {
            (x, y) = (rows::spread(&x, -1), rows::spread(&y, if n == 1 { -1 } else { -2 }));
        }
        given(products::product(&x, &y, |a, b| a.dot(b)))
    }),
    sig!("ma.inner" ["a", "b"] "Sums of products over the last axes of what counts.", |a| given(products::inner(&Masked::of("ma.inner", &a[0])?, &Masked::of("ma.inner", &a[1])?))),
    sig!("ma.outer" ["a", "b"] "All products of two flattened arrays, masked where one of the factors is.", |a| given(products::outer(&Masked::of("ma.outer", &a[0])?, &Masked::of("ma.outer", &a[1])?))),
    sig!(method "ma.trace" ["a", "offset" = "0", "axis1" = "0", "axis2" = "1", "dtype" = "None"] "Sums along a diagonal of what counts.", |a| {
        let [offset, axis1, axis2] = [1, 2, 3].map(|at| args::integer("ma.trace", &a[at]));
        Ok(Value::Array(products::trace(&Masked::of("ma.trace", &a[0])?, offset?, [axis1?, axis2?], args::dtype("ma.trace", &a[4])?)))
    }),
    sig!("ma.maximum" ["a", "b" = "None"] "The greater of two, the second one where they have no order, masked where one of them is; of one its greatest.", |a| greater("ma.maximum", a, false)),
    sig!("ma.minimum" ["a", "b" = "None"] "The less of two, the second one where they have no order, masked where one of them is; of one its least.", |a| greater("ma.minimum", a, true)),
    sig!("ma.cov" ["x", "y" = "None", "rowvar" = "True", "bias" = "False", "allow_masked" = "True", "ddof" = "None"] "Covariances of variables, of what counts for both.", |a| {
        let usual = if args::boolean("ma.cov", &a[3])? { 0.0 } else { 1.0 };
        covariances("ma.cov", a, if matches!(a[5], Value::None) { usual } else { args::float("ma.cov", &a[5])? }, false)
    }),
    sig!("ma.corrcoef" ["x", "y" = "None", "rowvar" = "True"; "allow_masked" = "True"] "Correlation coefficients of variables, of what counts for both.", |a| {
        covariances("ma.corrcoef", &[&a[..3], &[Value::None, a[3].clone()]].concat(), 1.0, true)
    }),
    sig!("ma.allclose" ["a", "b", "masked_equal" = "True", "rtol" = "1e-05", "atol" = "1e-08"] "Whether all that counts is close; masked elements are, or are not.", |a| {
        alike("ma.allclose", a, |x, y| Ok(elementwise::isclose(&x.data, &y.data, args::float("ma.allclose", &a[3])?, args::float("ma.allclose", &a[4])?, false)))
    }),
    sig!("ma.allequal" ["a", "b", "fill_value" = "True"] "Whether all that counts is equal; masked elements are, or are not.", |a| alike("ma.allequal", a, |x, y| Ok(x.data.eq(&y.data)))),
    sig!("ma.unique" ["ar1", "return_index" = "False", "return_inverse" = "False"] "The different elements, ascending, those that do not count as one behind them.", |a| {
        if args::boolean("ma.unique", &a[1])? || args::boolean("ma.unique", &a[2])? {
            return Err(Error::unsupported("ma.unique", "return_index and return_inverse; fs.unique of what counts has them"));
        }
        sets::unique(&Masked::of("ma.unique", &a[0])?).map(Value::Masked)
    }),
    sig!("ma.intersect1d" ["ar1", "ar2", "assume_unique" = "False"] "Elements of both.", |a| of_sets("ma.intersect1d", a, sets::INTERSECTION)),
    sig!("ma.union1d" ["ar1", "ar2"] "Elements of either.", |a| of_sets("ma.union1d", a, sets::UNION)),
    sig!("ma.setdiff1d" ["ar1", "ar2", "assume_unique" = "False"] "Elements of the first that are none of the second.", |a| of_sets("ma.setdiff1d", a, sets::DIFFERENCE)),
    sig!("ma.setxor1d" ["ar1", "ar2", "assume_unique" = "False"] "Elements of exactly one.", |a| of_sets("ma.setxor1d", a, sets::ONE_OF_BOTH)),
    sig!("ma.mask_or" ["m1", "m2"; "copy" = "False", "shrink" = "True"] "True where one of two masks is.", |a| {
        let mask = |at: usize| Ok::<Array, Error>(if matches!(a[at], Value::None) { nowhere() } else { Masked::of("ma.mask_or", &a[at])?.data.astype(DType::Bool) });
        Ok(Value::Array(mask(0)? | mask(1)?))
    }),
    sig!("ma.count_masked" ["arr", "axis" = "None"] "How many elements do not count.", |a| {
        let axes = axes("ma.count_masked", &a[1], &Value::None, &Value::None, &Value::Scalar(Scalar::Bool(false)))?;
        Ok(Value::Array(Masked::of("ma.count_masked", &a[0])?.mask.sum(axes)))
    }),
    sig!("ma.masked_all" ["shape", "dtype" = "float64"] "An array of which nothing counts.", |a| {
        let (shape, dtype) = (args::shape("ma.masked_all", &a[0])?, args::dtype("ma.masked_all", &a[1])?);
        given(Masked::new(&full(shape, 0, Some(dtype.unwrap_or(DType::F64))), &everywhere()))
    }),
    sig!("ma.masked_all_like" ["arr"] "An array of that shape of which nothing counts.", |a| {
        given(Masked::new(&Masked::of("ma.masked_all_like", &a[0])?.data.full_like(0, None), &everywhere()))
    }),
    sig!("ma.mask_rowcols" ["a", "axis" = "None"] "Masked along all of a row (axis 0) or a column (axis 1) in which something is.", |a| {
        let axis = if matches!(a[1], Value::None) { None } else { Some(args::integer("ma.mask_rowcols", &a[1])?) };
        given(rows::masked_whole("ma.mask_rowcols", &Masked::of("ma.mask_rowcols", &a[0])?, axis)?)
    }),
    sig!("ma.mask_rows" ["a"] "Masked along all of a row in which something is.", |a| given(rows::masked_whole("ma.mask_rows", &Masked::of("ma.mask_rows", &a[0])?, Some(0))?)),
    sig!("ma.mask_cols" ["a"] "Masked along all of a column in which something is.", |a| given(rows::masked_whole("ma.mask_cols", &Masked::of("ma.mask_cols", &a[0])?, Some(1))?)),
    sig!("ma.compress_nd" ["x", "axis" = "None"] "The data without the places of axes at which something is masked.", |a| compressed("ma.compress_nd", &a[0], &a[1], None)),
    sig!("ma.compress_rowcols" ["x", "axis" = "None"] "The data without the rows (axis 0) and columns (axis 1) in which something is masked.", |a| compressed("ma.compress_rowcols", &a[0], &a[1], Some(2))),
    sig!("ma.compress_rows" ["a"] "The data without the rows in which something is masked.", |a| compressed("ma.compress_rows", &a[0], &Value::Scalar(Scalar::Int(0)), Some(2))),
    sig!("ma.compress_cols" ["a"] "The data without the columns in which something is masked.", |a| compressed("ma.compress_cols", &a[0], &Value::Scalar(Scalar::Int(1)), Some(2))),
    like!("ma.empty_like" 0 "An array of that shape under the same mask."),
    like!("ma.zeros_like" 0 "Zeros of that shape under the same mask."),
    like!("ma.ones_like" 1 "Ones of that shape under the same mask."),
];

type Called = Result<Value>;

fn given(masked: Masked) -> Called {
    Ok(Value::Masked(masked))
}

/// The same with the number `value` as its fill value; arrays are none.
fn told(masked: Masked, value: &Value) -> Masked {
    match value.number() {
        Some(value) => masked.with_fill_value(value),
        None => masked,
    }
}

fn axes(name: &str, axis: &Value, dtype: &Value, ddof: &Value, keepdims: &Value) -> Result<Axes> {
    let mut axes = args::axes(name, axis)?;
    axes.dtype = args::dtype(name, dtype)?;
    axes.ddof = if matches!(ddof, Value::None) { 0.0 } else { args::float(name, ddof)? };
    axes.keepdims = args::boolean(name, keepdims)?;
    Ok(axes)
}

fn reduced(name: &str, x: &Value, axes: Axes, f: fn(&Masked, Axes) -> Masked) -> Called {
    given(f(&Masked::of(name, x)?, axes))
}

/// (data, mask, dtype, fill_value).
fn masked_array(a: &[Value]) -> Called {
    let name = "ma.masked_array";
    let (mut x, mask) = (Masked::of(name, &a[0])?, args::array(name, &a[1])?);
    if let Some(dtype) = args::dtype(name, &a[2])? {
        x = x.map(|data| data.astype(dtype));
    }
    let mask = Masked::new(&x.data, &mask).mask;
    let x = x.or_where(&mask);
    given(fill(name, &a[3])?.map_or(x.clone(), |value| x.with_fill_value(value)))
}

fn masked_values(a: &[Value]) -> Called {
    let name = "ma.masked_values";
    let (x, value) = (Masked::of(name, &a[0])?, args::operand(name, &a[1])?);
    let same = match x.data.dtype()?.is_float() {
        true => elementwise::isclose(&x.data, value, args::float(name, &a[2])?, args::float(name, &a[3])?, false),
        false => x.data.eq(value),
    };
    given(told(x.or_where(&same), &a[1]))
}

fn between(name: &str, a: &[Value], f: fn(&Array, f64, f64) -> Masked) -> Called {
    let x = Masked::of(name, &a[0])?;
    let by = f(&x.data, args::float(name, &a[1])?, args::float(name, &a[2])?);
    given(x.or_where(by.mask()))
}

fn fix_invalid(a: &[Value]) -> Called {
    let name = "ma.fix_invalid";
    let (x, mask) = (Masked::of(name, &a[0])?, args::array(name, &a[1])?);
    let mask = Masked::new(&x.data, &mask).mask;
    let invalid = x.data.isfinite().logical_not();
    let x = fill(name, &a[3])?.map_or(x.clone(), |value| x.with_fill_value(value));
    let data = x.with(x.data.clone(), invalid.clone()).filled_by_default();
    given(x.with(data, &x.mask | mask | invalid))
}

/// (a, axis, kind, order, endwith, fill_value, *, stable).
fn ordered<T>(name: &str, a: &[Value], f: fn(&Masked, i64, bool) -> T) -> Result<T> {
    for (value, what) in
        [(&a[3], "order=, which is for fields"), (&a[5], "fill_value=; what does not count comes last, or first with endwith=False")]
    {
        if !matches!(value, Value::None) {
            return Err(Error::unsupported(name, what));
        }
    }
    let x = Masked::of(name, &a[0])?;
    let (x, axis) = if matches!(a[1], Value::None) { (x.both(Array::ravel), 0) } else { (x, args::integer(name, &a[1])?) };
    position(name, axis, x.data.ndim()?)?;
    Ok(f(&x, axis, args::boolean(name, &a[4])?))
}

fn anomalies(name: &str, a: &[Value]) -> Called {
    // of all it is a number, which is subtracted even if it is NaN
    let keepdims = Value::Scalar(Scalar::Bool(!matches!(a[1], Value::None)));
    let axes = in_own_dtype(name, &a[0], axes(name, &a[1], &a[2], &Value::None, &keepdims)?)?;
    let x = Masked::of(name, &a[0])?;
    given(&x - &x.mean(axes))
}

/// With the dtype of real numbers that no mask goes with, where none is given: NumPy does not divide them by counts.
fn in_own_dtype(name: &str, a: &Value, axes: Axes) -> Result<Axes> {
    if matches!(a, Value::Masked(_)) || axes.dtype.is_some() {
        return Ok(axes);
    }
    let dtype = Masked::of(name, a)?.data.dtype()?;
    Ok(Axes { dtype: dtype.is_float().then_some(dtype), ..axes })
}

/// (a, n, axis, prepend, append).
fn differences(a: &[Value]) -> Called {
    let name = "ma.diff";
    let (x, n, axis) = (Masked::of(name, &a[0])?, args::natural(name, &a[1])?, args::integer(name, &a[2])?);
    let end = |at: usize| if matches!(a[at], Value::None) { Ok(None) } else { Masked::of(name, &a[at]).map(Some) };
    let ends = [end(3)?, end(4)?];
    let data = diff(&x.data, n, axis, ends.each_ref().map(|end| end.as_ref().map(|end| &end.data)), difference);
    let mask = diff(&x.mask, n, axis, ends.each_ref().map(|end| end.as_ref().map(|end| &end.mask)), |later, earlier| Ok(later | earlier));
    given(x.with(data, mask))
}

/// (arr, to_end, to_begin).
fn differences_of_all(a: &[Value]) -> Called {
    let name = "ma.ediff1d";
    let x = Masked::of(name, &a[0])?.both(Array::ravel);
    let end = |at: usize| if matches!(a[at], Value::None) { Ok(None) } else { Masked::of(name, &a[at]).map(Some) };
    let (behind, before) = (end(1)?, end(2)?);
    let of = |place: fn(i64) -> Index| x.both(|part| part.index([place(1)]));
    let (later, earlier) = (of(|n| Index::Slice(Some(n), None, None)), of(|n| Index::Slice(None, Some(-n), None)));
    let parts: Vec<Masked> = before.into_iter().chain([&later - &earlier]).chain(behind).collect();
    let joined = |which: fn(&Masked) -> &Array| concatenate(&parts.iter().map(|part| which(part).ravel()).collect::<Vec<_>>(), 0);
    given(x.with(joined(Masked::data), joined(Masked::mask)))
}

/// (x, y, rowvar, bias, allow_masked).
fn covariances(name: &'static str, a: &[Value], ddof: f64, correlations: bool) -> Called {
    if !args::boolean(name, &a[4])? {
        return Err(Error::unsupported(name, "allow_masked=False, which would look at the mask before anything is computed"));
    }
    let further = if matches!(a[1], Value::None) { None } else { Some(Masked::of(name, &a[1])?) };
    let how = Covariances { in_rows: args::boolean(name, &a[2])?, ddof, correlations };
    given(products::covariance(name, &Masked::of(name, &a[0])?, further.as_ref(), how))
}

/// Whether what counts in both is all alike, where what does not count in one of them is alike or is not.
fn alike(name: &str, a: &[Value], f: impl Fn(&Masked, &Masked) -> Result<Array>) -> Called {
    let (x, y) = (Masked::of(name, &a[0])?, Masked::of(name, &a[1])?);
    let masked = args::boolean(name, &a[2])?;
    Ok(Value::Array(where_(&x.mask | &y.mask, masked, f(&x, &y)?).all(..)))
}

fn of_sets(name: &str, a: &[Value], (of, masked): sets::Operation) -> Called {
    given(sets::of_both(&Masked::of(name, &a[0])?, &Masked::of(name, &a[1])?, of, masked)?)
}

fn compressed(name: &str, x: &Value, axis: &Value, ndim: Option<usize>) -> Called {
    let x = Masked::of(name, x)?;
    if ndim.is_some_and(|ndim| x.data.ndim().is_ok_and(|n| n != ndim)) {
        return Err(Error::unsupported(name, format!("an array of {} axes; expected two", x.data.ndim()?)));
    }
    let axes = if matches!(axis, Value::None) { None } else { Some(args::integers(name, axis)?) };
    Ok(Value::Array(rows::without_masked(name, &x, axes.as_deref())?))
}

/// What does not count is farther than all else.
fn extreme_at(name: &str, a: &[Value], least: bool) -> Called {
    let (x, axes) = (Masked::of(name, &a[0])?, axes(name, &a[1], &Value::None, &Value::None, &a[2])?);
    let data = x.filled(farthest(x.data.dtype()?, least)?);
    Ok(Value::Array(if least { data.argmin(axes) } else { data.argmax(axes) }))
}

/// NumPy compares and takes one of both: NaN is neither less nor greater than the second.
fn greater(name: &str, a: &[Value], least: bool) -> Called {
    let x = Masked::of(name, &a[0])?;
    if matches!(a[1], Value::None) {
        return given(if least { x.min(..) } else { x.max(..) });
    }
    let first = if least { BinaryOp::Less } else { BinaryOp::Greater };
    let is_first = match (&a[0], &a[1]) {
        (Value::Masked(_), _) | (_, Value::Masked(_)) => binary(first, &a[0], &a[1])?,
        (x, y) => Masked::of(
            name,
            &Value::Array(Array::build(|| elementwise::binary(first, &args::operand(name, x)?, &args::operand(name, y)?))),
        )?,
    };
    let [taken, other] = [0, 1].map(|at| match &a[at] {
        Value::Masked(masked) => Ok(Operand::from(&masked.data)),
        plain => args::operand(name, plain),
    });
    given(x.with(where_(&is_first.data, taken?, other?), is_first.mask))
}

fn running(name: &str, a: &[Value], nothing: i64, f: fn(&Array, i64) -> Array) -> Called {
    let x = Masked::of(name, &a[0])?;
    given(match &a[1] {
        Value::None => x.with(f(&x.filled(nothing).ravel(), 0), x.mask.ravel()),
        axis => x.with(f(&x.filled(nothing), args::integer(name, axis)?), x.mask.clone()),
    })
}

fn average(a: &[Value]) -> Called {
    let name = "ma.average";
    let (x, axes) = (Masked::of(name, &a[0])?, axes(name, &a[1], &Value::None, &Value::None, &a[4])?);
    let weights = match &a[2] {
        Value::None => {
            let mean = x.mean(axes.clone());
            if !args::boolean(name, &a[3])? {
                return given(mean);
            }
            let counts = mean.with(x.count(axes).astype(mean.data.dtype()?), mean.mask.clone());
            return Ok(Value::Tuple(vec![Value::Masked(mean), Value::Masked(counts)]));
        }
        weights => {
            let weights = Masked::of(name, weights)?;
            let wide = weights_along(&x.data, &weights.data, &axes)?;
            let ones = x.data.full_like(1, Some(wide.dtype()?));
            x.with(ones * wide, &x.mask | weights_along(&x.data, &weights.mask, &axes)?)
        }
    };
    let sum = weights.map(|weights| weights.astype(DType::F64)).sum(axes.clone());
    let total = (&x * &weights).sum(axes);
    // a number is no array of NumPy's, and masks nothing
    let mean = match total.data.ndim()? {
        0 => total.zip(&sum, |total, sum| total / sum),
        _ => total / &sum,
    };
    if args::boolean(name, &a[3])? { Ok(Value::Tuple(vec![Value::Masked(mean), Value::Masked(sum)])) } else { given(mean) }
}

fn chosen(a: &[Value]) -> Called {
    let name = "ma.where";
    let [condition, x, y] = [0, 1, 2].map(|at| Masked::of(name, &a[at]));
    let (condition, x, y) = (condition?, x?, y?);
    let holds = condition.data.astype(DType::Bool);
    let operand = |value: &Value, masked: &Masked| match value {
        Value::Masked(_) => Ok(Operand::from(&masked.data)),
        plain => args::operand(name, plain),
    };
    let data = where_(&holds, operand(&a[1], &x)?, operand(&a[2], &y)?);
    given(Masked::new(&data, &(where_(&holds, &x.mask, &y.mask) | condition.mask)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What numpy.ma has a method for is one here.
    #[test]
    fn methods_are_those_of_numpy_ma() {
        let methods: Vec<&str> = SIGNATURES.iter().filter(|row| row.method).map(|row| row.name).collect();
        assert!(methods.contains(&"ma.mean") && !methods.contains(&"ma.where"));
        let x = Value::Array(Array::from(ndarray::arr1(&[1.0, 2.0, 3.0])));
        let row = |name: &str| SIGNATURES.iter().find(|row| row.name == name).unwrap();
        let bool = |b| Value::Scalar(Scalar::Bool(b));
        let masked = (row("ma.masked_equal").call)(&[x, Value::Scalar(Scalar::Float(2.0)), bool(true)]).unwrap();
        let Value::Masked(mean) = (row("ma.mean").call)(&[masked, Value::None, Value::None, bool(false)]).unwrap() else {
            panic!("not masked")
        };
        assert_eq!(mean.filled(-1.0).item::<f64>().unwrap(), 2.0);
    }
}
