//! `numpy.ma` under its names.

use super::values::fill;
use super::{Masked, farthest};
use crate::array::statistics::weights_along;
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, Axes, args, elementwise, where_};
use crate::error::Result;
use flagstone_kernels::dtype::DType;

/// (a, axis, dtype, *, keepdims).
macro_rules! with_dtype {
    ($name:literal $method:ident $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "keepdims" = "False"] $doc,
            |a| reduced($name, &a[0], axes($name, &a[1], &a[2], &Value::None, &a[3])?, |x, axes| x.$method(axes)))
    };
}
/// (a, axis, dtype, *, ddof, keepdims).
macro_rules! with_ddof {
    ($name:literal $method:ident $doc:literal) => {
        sig!(method $name ["a", "axis" = "None", "dtype" = "None"; "ddof" = "0", "keepdims" = "False"] $doc,
            |a| reduced($name, &a[0], axes($name, &a[1], &a[2], &a[3], &a[4])?, |x, axes| x.$method(axes)))
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

/// What does not count is farther than all else.
fn extreme_at(name: &str, a: &[Value], least: bool) -> Called {
    let (x, axes) = (Masked::of(name, &a[0])?, axes(name, &a[1], &Value::None, &Value::None, &a[2])?);
    let data = x.filled(farthest(x.data.dtype()?, least)?);
    Ok(Value::Array(if least { data.argmin(axes) } else { data.argmax(axes) }))
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
        Value::None => x.map(|data| data.full_like(1.0, None)),
        weights => {
            let weights = Masked::of(name, weights)?;
            let wide = weights_along(&x.data, &weights.data, &axes)?;
            let ones = x.data.full_like(1, Some(wide.dtype()?));
            x.with(ones * wide, &x.mask | weights_along(&x.data, &weights.mask, &axes)?)
        }
    };
    let sum = weights.map(|weights| weights.astype(DType::F64)).sum(axes.clone());
    let mean = (&x * &weights).sum(axes) / &sum;
    if args::boolean(name, &a[3])? { Ok(Value::Tuple(vec![Value::Masked(mean), Value::Masked(sum)])) } else { given(mean) }
}

fn chosen(a: &[Value]) -> Called {
    let name = "ma.where";
    let [condition, x, y] = [0, 1, 2].map(|at| Masked::of(name, &a[at]));
    let (condition, x, y) = (condition?, x?, y?);
    let holds = condition.data.astype(DType::Bool);
    let operand = |value: &Value, masked: &Masked| match value {
        Value::Masked(_) => Ok(crate::array::Operand::from(&masked.data)),
        plain => args::operand(name, plain),
    };
    let data = where_(&holds, operand(&a[1], &x)?, operand(&a[2], &y)?);
    given(Masked::new(&data, &(where_(&holds, &x.mask, &y.mask) | condition.mask)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flagstone_kernels::dtype::Scalar;

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
