//! The calls of the table that are differences, convolutions and statistics.

use super::{Observations, Overlap, Spacing, convolve, correlate, differences, fit, hypotheses, polynomials, zeros};
use crate::array::axes::position;
use crate::array::composed::composed;
use crate::array::{Array, Axes, Index, Operand, Value, args, concatenate};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

type Called = Result<Value>;

fn given(array: Array) -> Called {
    Ok(Value::Array(array))
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::None)
}

fn optional(name: &str, value: &Value) -> Result<Option<Array>> {
    if is_none(value) { Ok(None) } else { args::array(name, value).map(Some) }
}

/// (a, n, axis, prepend, append).
pub(super) fn diff(a: &[Value]) -> Called {
    let x = args::array("diff", &a[0])?;
    if x.ndim()? == 0 {
        return Err(Error::bad_request("diff", "an array without axes; expected one axis at least"));
    }
    let (before, behind) = (optional("diff", &a[3])?, optional("diff", &a[4])?);
    let (n, axis) = (args::natural("diff", &a[1])?, args::integer("diff", &a[2])?);
    given(differences::diff(&x, n, axis, [before.as_ref(), behind.as_ref()], differences::difference))
}

pub(super) fn ediff1d(a: &[Value]) -> Called {
    let (end, begin) = (optional("ediff1d", &a[1])?, optional("ediff1d", &a[2])?);
    given(args::array("ediff1d", &a[0])?.ediff1d(begin.as_ref(), end.as_ref()))
}

/// (f, *varargs, axis, edge_order): no spacing, one for all axes, or one an axis.
pub(super) fn gradient(a: &[Value]) -> Called {
    let name = "gradient";
    let f = args::array(name, &a[0])?;
    let ndim = f.ndim()?;
    let axes: Vec<i64> = if is_none(&a[2]) { (0..ndim as i64).collect() } else { args::integers(name, &a[2])? };
    let order = u8::try_from(args::integer(name, &a[3])?).unwrap_or(0);
    let (Value::Tuple(spacings) | Value::List(spacings)) = &a[1] else { return Err(Error::internal("arguments that are no tuple")) };
    let spacing = |value: &Value| -> Result<Spacing> {
        match args::operand(name, value)? {
            Operand::Scalar(step) => Ok(Spacing::Step(step.as_f64())),
            Operand::Array(place) if place.ndim()? == 0 => args::float(name, &args::told(name, value)?).map(Spacing::Step),
            Operand::Array(places) => Ok(Spacing::At(places)),
        }
    };
    let spacings = spacings.iter().map(spacing).collect::<Result<Vec<_>>>()?;
    let spacings = match spacings.len() {
        0 => vec![Spacing::Step(1.0); axes.len()],
        1 if matches!(spacings[0], Spacing::Step(_)) => vec![spacings[0].clone(); axes.len()],
        n if n == axes.len() => spacings,
        n => return Err(Error::bad_type(name, format!("{n} spacings for {} axes; expected none, one number, or as many", axes.len()))),
    };
    if axes.iter().map(|&axis| position(name, axis, ndim)).collect::<Result<std::collections::BTreeSet<_>>>()?.len() != axes.len() {
        return Err(Error::bad_request(name, format!("axes {axes:?} name an axis twice")));
    }
    let slopes: Vec<Array> = axes.iter().zip(spacings).map(|(&axis, spacing)| f.gradient(spacing, axis, order)).collect();
    match &slopes[..] {
        [one] => given(one.clone()),
        _ => Ok(Value::Tuple(slopes.into_iter().map(Value::Array).collect())),
    }
}

/// (y, x, dx, axis).
pub(super) fn trapezoid(a: &[Value]) -> Called {
    let name = "trapezoid";
    let places = match optional(name, &a[1])? {
        Some(x) => Operand::Array(x),
        None => args::operand(name, &a[2])?,
    };
    given(args::array(name, &a[0])?.trapezoid(places, args::integer(name, &a[3])?))
}

/// (p, discont, axis, period).
pub(super) fn unwrap(a: &[Value]) -> Called {
    let name = "unwrap";
    let discont = if is_none(&a[1]) { None } else { Some(args::float(name, &a[1])?) };
    given(args::array(name, &a[0])?.unwrap_phase(discont, args::integer(name, &a[2])?, args::operand(name, &a[3])?))
}

/// (a, v, mode) of convolve and correlate.
pub(super) fn slide(name: &str, a: &[Value]) -> Called {
    let overlap = match &a[2] {
        Value::Str(mode) if mode == "full" => Overlap::Full,
        Value::Str(mode) if mode == "same" => Overlap::Same,
        Value::Str(mode) if mode == "valid" => Overlap::Valid,
        _ => return Err(Error::bad_request(name, "an unknown mode; expected 'full', 'same' or 'valid'")),
    };
    let (x, v) = (args::array(name, &a[0])?, args::array(name, &a[1])?);
    given(if name == "convolve" { convolve(&x, &v, overlap) } else { correlate(&x, &v, overlap) })
}

/// (m, y, rowvar, bias, ddof, fweights, aweights, dtype).
pub(super) fn cov(a: &[Value]) -> Called {
    let name = "cov";
    let mut how = observations(name, &a[1], &a[2], &a[7])?;
    how = match &a[4] {
        Value::None => how.ddof(if args::boolean(name, &a[3])? { 0.0 } else { 1.0 }),
        ddof => how.ddof(args::integer(name, ddof)? as f64),
    };
    if let Some(counts) = optional(name, &a[5])? {
        how = how.frequencies(&counts);
    }
    if let Some(weights) = optional(name, &a[6])? {
        how = how.weights(&weights);
    }
    given(args::array(name, &a[0])?.cov(how))
}

fn observations(name: &str, further: &Value, rowvar: &Value, dtype: &Value) -> Result<Observations> {
    let mut how = Observations::new();
    if let Some(further) = optional(name, further)? {
        how = how.with(&further);
    }
    if !args::boolean(name, rowvar)? {
        how = how.in_rows();
    }
    Ok(match args::dtype(name, dtype)? {
        Some(dtype) => how.dtype(dtype),
        None => how,
    })
}

/// (x, y, rowvar, dtype).
pub(super) fn corrcoef(a: &[Value]) -> Called {
    given(args::array("corrcoef", &a[0])?.corrcoef(observations("corrcoef", &a[1], &a[2], &a[3])?))
}

/// The weights of `axes` as an array of as many axes as `x`.
pub(in crate::array) fn weights_along(x: &Array, weights: &Array, axes: &Axes) -> Result<Array> {
    let (shape, own) = (x.shape()?, weights.shape()?);
    if own == shape {
        return Ok(weights.clone());
    }
    let Some(named) = &axes.axes else {
        return Err(Error::bad_request("average", format!("weights of shape {own:?} for {shape:?}; expected an axis to be named")));
    };
    let places = named.iter().map(|&axis| position("average", axis, shape.len())).collect::<Result<Vec<_>>>()?;
    if own != places.iter().map(|&at| shape[at]).collect::<Vec<_>>() {
        return Err(Error::bad_request(
            "average",
            format!("weights of shape {own:?} for axes {named:?} of {shape:?}; expected their lengths"),
        ));
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|&i| places[i]);
    let others: Vec<i64> = (0..shape.len()).filter(|at| !places.contains(at)).map(|at| at as i64).collect();
    Ok(weights.transpose(order.iter().map(|&i| i as i64).collect::<Vec<_>>()).expand_dims(others))
}

/// (a, axis, weights, returned, keepdims).
pub(super) fn average(a: &[Value]) -> Called {
    let name = "average";
    let mut axes = args::axes(name, &a[1])?;
    axes.keepdims = args::boolean(name, &a[4])?;
    let x = args::array(name, &a[0])?;
    let (mean, sum) = match optional(name, &a[2])? {
        None => {
            let mean = x.mean(axes.clone());
            let count = composed(name, &[&x, &mean], move |arrays| {
                let (n, m) = (arrays[0].size()?, arrays[1].size()?);
                Ok(arrays[1].full_like(n as f64 / m as f64, None))
            });
            (mean, count)
        }
        Some(weights) => {
            let over = axes.clone();
            let wide = composed(name, &[&x, &weights], move |arrays| weights_along(&arrays[0], &arrays[1], &over));
            let whole = |dtype: DType| !(dtype.is_float() || dtype.is_complex());
            let mut dtype = x.dtype()?.promote(wide.dtype()?);
            if whole(x.dtype()?) {
                dtype = dtype.promote(DType::F64);
            }
            let weights = wide.astype(dtype);
            let sum = weights.sum(axes.clone());
            ((x.astype(dtype) * weights).sum(axes) / &sum, sum)
        }
    };
    if !args::boolean(name, &a[3])? {
        return given(mean);
    }
    let sum = composed(name, &[&sum, &mean], |arrays| Ok(arrays[0].broadcast_to(arrays[1].shape()?)));
    Ok(Value::Tuple(vec![Value::Array(mean), Value::Array(sum)]))
}

pub(super) fn polyval(a: &[Value]) -> Called {
    given(differences::polyval(&args::array("polyval", &a[0])?.atleast_1d(), &args::array("polyval", &a[1])?))
}

pub(super) fn of_two_polynomials(name: &str, make: fn(&Array, &Array) -> Array, a: &[Value]) -> Called {
    given(make(&args::array(name, &a[0])?.atleast_1d(), &args::array(name, &a[1])?.atleast_1d()))
}

/// (p, m).
pub(super) fn of_polynomial(name: &str, make: fn(&Array, u64) -> Array, a: &[Value]) -> Called {
    given(make(&args::array(name, &a[0])?, args::natural(name, &a[1])?))
}

/// (p, m, k).
pub(super) fn areas(a: &[Value]) -> Called {
    let name = "polyint";
    let (p, m) = (args::array(name, &a[0])?, args::natural(name, &a[1])?);
    if matches!(a[2], Value::None) {
        return given(super::polyint(&p, m));
    }
    let k = args::array(name, &a[2])?.ravel();
    let n = k.size()?;
    if n != m && (n != 1 || m == 0) {
        return Err(Error::bad_request(name, format!("{n} constants for areas taken {m} times; expected one, or one for each")));
    }
    let constant = |at: u64| {
        let at = if n == 1 { 0 } else { at as i64 };
        k.index([Index::Slice(Some(at), Some(at + 1), None)])
    };
    let once = |p: Array, at: u64| {
        composed(name, &[&p, &constant(at)], |arrays| {
            let whole = super::polyint(&arrays[0], 1);
            Ok(concatenate(&[whole.index([Index::Slice(None, Some(-1), None)]), arrays[1].clone()], 0))
        })
    };
    given((0..m).fold(p, once))
}

pub(super) fn of_zeros(a: &[Value]) -> Called {
    given(zeros::poly(&args::array("poly", &a[0])?))
}

pub(super) fn roots(a: &[Value]) -> Called {
    given(zeros::roots(&args::array("roots", &a[0])?))
}

pub(super) fn polydiv(a: &[Value]) -> Called {
    let [quotient, rest] = polynomials::polydiv(&args::array("polydiv", &a[0])?, &args::array("polydiv", &a[1])?);
    Ok(Value::Tuple(vec![Value::Array(quotient), Value::Array(rest)]))
}

/// (x, y, deg, rcond, w).
pub(super) fn polyfit(a: &[Value]) -> Called {
    let name = "polyfit";
    let (x, y, degree) = (args::array(name, &a[0])?, args::array(name, &a[1])?, args::natural(name, &a[2])?);
    let rcond = if is_none(&a[3]) { None } else { Some(args::float(name, &a[3])?) };
    given(fit::polyfit(&x, &y, degree, rcond, optional(name, &a[4])?.as_ref()))
}

pub(super) fn array_equiv(a: &[Value]) -> Called {
    given(args::array("array_equiv", &a[0])?.array_equiv(&args::array("array_equiv", &a[1])?))
}

/// The axes of SciPy's statistics, and what they do not take here.
fn axes_of(name: &str, axis: &Value, nan_policy: &Value, keepdims: &Value) -> Result<Axes> {
    match nan_policy {
        Value::Str(policy) if policy == "propagate" => {}
        _ => return Err(Error::unsupported(name, "a nan_policy other than 'propagate'; leave NaN out with a mask as index")),
    }
    let mut axes = args::axes(name, axis)?;
    axes.keepdims = args::boolean(name, keepdims)?;
    Ok(axes)
}

/// (a, order, axis, nan_policy, center, keepdims).
pub(super) fn moment(a: &[Value]) -> Called {
    let name = "moment";
    let axes = axes_of(name, &a[2], &a[3], &a[5])?;
    let order = args::natural(name, &a[1])?;
    let order = u32::try_from(order)
        .ok()
        .filter(|&order| order <= 64)
        .ok_or_else(|| Error::unsupported(name, format!("order {order}; expected 64 at most")))?;
    let center = if is_none(&a[4]) { None } else { Some(args::float(name, &a[4])?) };
    given(args::array(name, &a[0])?.moment(order, center, axes))
}

/// (a, axis, bias, nan_policy, keepdims).
pub(super) fn skew(a: &[Value]) -> Called {
    given(args::array("skew", &a[0])?.skew(args::boolean("skew", &a[2])?, axes_of("skew", &a[1], &a[3], &a[4])?))
}

/// (a, axis, fisher, bias, nan_policy, keepdims).
pub(super) fn kurtosis(a: &[Value]) -> Called {
    let name = "kurtosis";
    let axes = axes_of(name, &a[1], &a[4], &a[5])?;
    given(args::array(name, &a[0])?.kurtosis(args::boolean(name, &a[2])?, args::boolean(name, &a[3])?, axes))
}

fn both(found: hypotheses::Tested) -> Called {
    Ok(Value::Tuple(found.into_iter().map(Value::Array).collect()))
}

/// (a, popmean, axis).
pub(super) fn ttest_1samp(a: &[Value]) -> Called {
    let name = "ttest_1samp";
    both(hypotheses::ttest_1samp(&args::array(name, &a[0])?, args::float(name, &a[1])?, args::integer(name, &a[2])?))
}

/// (a, b, axis, equal_var).
pub(super) fn ttest_ind(a: &[Value]) -> Called {
    let name = "ttest_ind";
    let (axis, equal) = (args::integer(name, &a[2])?, args::boolean(name, &a[3])?);
    both(hypotheses::ttest_ind(&args::array(name, &a[0])?, &args::array(name, &a[1])?, equal, axis))
}

/// (a, b, axis).
pub(super) fn ttest_rel(a: &[Value]) -> Called {
    let name = "ttest_rel";
    both(hypotheses::ttest_rel(&args::array(name, &a[0])?, &args::array(name, &a[1])?, args::integer(name, &a[2])?))
}

fn divergence(name: &str, a: &[Value], lambda: f64) -> Called {
    let expected = optional(name, &a[1])?;
    let (ddof, axis) = (args::float(name, &a[2])?, args::integer(name, &a[3])?);
    both(hypotheses::power_divergence(&args::array(name, &a[0])?, expected.as_ref(), ddof, axis, lambda))
}

/// (f_obs, f_exp, ddof, axis).
pub(super) fn chisquare(a: &[Value]) -> Called {
    divergence("chisquare", a, 1.0)
}

/// (f_obs, f_exp, ddof, axis, lambda_).
pub(super) fn power_divergence(a: &[Value]) -> Called {
    let name = "power_divergence";
    let known = [
        ("pearson", 1.0),
        ("log-likelihood", 0.0),
        ("freeman-tukey", -0.5),
        ("mod-log-likelihood", -1.0),
        ("neyman", -2.0),
        ("cressie-read", 2.0 / 3.0),
    ];
    let lambda = match &a[4] {
        Value::None => 1.0,
        Value::Str(word) => known.iter().find(|(name, _)| name == word).map(|(_, lambda)| *lambda).ok_or_else(|| {
            let names: Vec<String> = known.iter().map(|(name, _)| format!("'{name}'")).collect();
            Error::bad_request(name, format!("lambda_='{word}'; expected a number or one of {}", names.join(", ")))
        })?,
        number => args::float(name, number)?,
    };
    divergence(name, a, lambda)
}

/// (*samples, axis).
pub(super) fn f_oneway(a: &[Value]) -> Called {
    both(hypotheses::f_oneway(&args::arrays("f_oneway", &a[0])?, args::integer("f_oneway", &a[1])?))
}

/// (a, axis, nan_policy).
pub(super) fn of_shape(name: &str, make: fn(&Array, i64) -> hypotheses::Tested, a: &[Value]) -> Called {
    axes_of(name, &a[1], &a[2], &Value::Scalar(Scalar::Bool(false)))?;
    both(make(&args::array(name, &a[0])?, args::integer(name, &a[1])?))
}
