//! The rows of choices, of tests of kind and of SciPy's special functions in the table of what users can call.

use super::python::{function1, function2};
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, Missing, args, choose, piecewise, select};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::Scalar;
use flagstone_kernels::op::{BinaryOp, UnaryOp};
use std::sync::Arc;

type Called = Result<Value>;

macro_rules! special1 {
    ($name:literal $op:ident $doc:literal) => { sig!($name ["x"] $doc, |a| function1(UnaryOp::$op, &a[0])) };
}

/// Choices, tests, special functions.
pub(super) static SIGNATURES: &[Signature] = &[
    sig!("select" ["condlist", "choicelist", "default" = "0"] "The choice of the first condition that holds.", |a| select_of(a)),
    sig!(method "choose" ["a", "choices", "out" = "None", "mode" = "'raise'"] "The choice by its number; another number is an error, or goes to the nearest ('clip') or around ('wrap').", |a| choose_of(a)),
    sig!("piecewise" ["x", "condlist", "funclist"] "Values by conditions.", |a| piecewise_of(a)),
    sig!("isreal" ["x"] "Whether the imaginary part is 0.", |a| Ok(Value::Array(args::array("isreal", &a[0])?.imag().eq(0)))),
    sig!("iscomplex" ["x"] "Whether the imaginary part is not 0.", |a| Ok(Value::Array(args::array("iscomplex", &a[0])?.imag().ne(0)))),
    sig!("isrealobj" ["x"] "Whether the dtype is not complex.", |a| is_complex("isrealobj", &a[0]).map(|complex| truth(!complex))),
    sig!("iscomplexobj" ["x"] "Whether the dtype is complex.", |a| is_complex("iscomplexobj", &a[0]).map(truth)),
    sig!("isscalar" ["element"] "Whether it is a number and no array.", |a| Ok(truth(matches!(a[0], Value::Scalar(_) | Value::Typed(..) | Value::Str(_))))),
    special1!("i0" I0 "The modified Bessel function I₀."),
    special1!("special.erf" Erf "The error function (SciPy)."),
    special1!("special.erfc" Erfc "1 − erf (SciPy)."),
    special1!("special.erfinv" Erfinv "The inverse of erf (SciPy)."),
    special1!("special.erfcinv" Erfcinv "The inverse of erfc (SciPy)."),
    special1!("special.gamma" Gamma "Γ (SciPy)."),
    special1!("special.gammaln" Gammaln "log |Γ| (SciPy)."),
    special1!("special.digamma" Digamma "The slope of log Γ (SciPy)."),
    special1!("special.psi" Digamma "The slope of log Γ (SciPy)."),
    special1!("special.expit" Expit "1/(1 + e⁻ˣ) (SciPy)."),
    special1!("special.logit" Logit "log(x/(1 − x)) (SciPy)."),
    special1!("special.log_expit" LogExpit "log(1/(1 + e⁻ˣ)) (SciPy)."),
    sig!("special.xlogy" ["x", "y"] "x·log(y), 0 where x is 0 (SciPy).", |a| function2(BinaryOp::Xlogy, &a[0], &a[1])),
    sig!("special.xlog1py" ["x", "y"] "x·log(1 + y), 0 where x is 0 (SciPy).", |a| function2(BinaryOp::Xlog1py, &a[0], &a[1])),
];

fn truth(holds: bool) -> Value {
    Value::Scalar(Scalar::Bool(holds))
}

fn is_complex(name: &str, x: &Value) -> Result<bool> {
    Ok(args::array(name, x)?.dtype()?.is_complex())
}

/// The items of a list or tuple.
fn items<'a>(name: &str, what: &str, value: &'a Value) -> Result<&'a [Value]> {
    match value {
        Value::List(items) | Value::Tuple(items) => Ok(items),
        _ => Err(Error::bad_request(name, format!("{what} that are no list; expected a list"))),
    }
}

/// (condlist, choicelist, default).
fn select_of(a: &[Value]) -> Called {
    let conditions = args::arrays("select", &a[0])?;
    let choices = items("select", "choices", &a[1])?.iter().map(|choice| args::operand("select", choice)).collect::<Result<Vec<_>>>()?;
    Ok(Value::Array(select(&conditions, &choices, args::operand("select", &a[2])?)))
}

/// (a, choices, out, mode).
fn choose_of(a: &[Value]) -> Called {
    let missing = match &a[3] {
        Value::Str(mode) if mode == "wrap" => Missing::Wrap,
        Value::Str(mode) if mode == "clip" => Missing::Clip,
        Value::Str(mode) if mode == "raise" => Missing::Refuse,
        _ => return Err(Error::bad_request("choose", "an unknown mode; expected 'raise', 'clip' or 'wrap'")),
    };
    Ok(Value::Array(choose(&args::array("choose", &a[0])?, &args::arrays("choose", &a[1])?, missing)))
}

/// (x, condlist, funclist): the functions are values here.
fn piecewise_of(a: &[Value]) -> Called {
    let name = "piecewise";
    let x = args::array(name, &a[0])?;
    args::require_fitting(name, &a[2], x.dtype()?)?;
    let conditions = match &a[1] {
        Value::Array(array) if array.ndim()? <= x.ndim()? => vec![array.clone()],
        list => args::arrays(name, list)?,
    };
    let one = |value: &Value| {
        let value = args::array(name, value)?;
        let branch: super::choices::Branch = Arc::new(move |_: &Array| value.clone());
        Ok(branch)
    };
    let pieces = items(name, "values", &a[2])?.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(Value::Array(piecewise(&x, &conditions, &pieces)))
}
