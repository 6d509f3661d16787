//! The rows of `fft.*` in the table of what users can call by NumPy's names.

use super::Norm;
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature, Value};
use crate::array::{Array, args};
use crate::error::{Error, Result};

macro_rules! one {
    ($name:literal $f:ident $doc:literal) => {
        sig!($name ["a", "n" = "None", "axis" = "-1", "norm" = "None"] $doc, |a| {
            let n = if matches!(a[1], Value::None) { None } else { Some(args::integer($name, &a[1])?) };
            Ok(Value::Array(super::$f(&args::array($name, &a[0])?, n, args::integer($name, &a[2])?, norm($name, &a[3])?)))
        })
    };
}
macro_rules! several {
    ($name:literal $f:ident $axes:literal $doc:literal) => {
        sig!($name ["a", "s" = "None", "axes" = $axes, "norm" = "None"] $doc, |a| {
            let (s, axes) = (lengths($name, &a[1])?, integers($name, &a[2])?);
            Ok(Value::Array(super::$f(&args::array($name, &a[0])?, s.as_deref(), axes.as_deref(), norm($name, &a[3])?)))
        })
    };
}

/// Fourier transforms.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    one!("fft.fft" fft "The discrete Fourier transform along an axis."),
    one!("fft.ifft" ifft "Its inverse."),
    one!("fft.rfft" rfft "The first half of the transform of real values."),
    one!("fft.irfft" irfft "Real values from the first half of their transform."),
    one!("fft.hfft" hfft "The real transform of the first half of what has Hermitian symmetry."),
    one!("fft.ihfft" ihfft "Its inverse."),
    several!("fft.fft2" fftn "(-2, -1)" "The transform over two axes."),
    several!("fft.ifft2" ifftn "(-2, -1)" "Its inverse."),
    several!("fft.fftn" fftn "None" "The transform over several axes."),
    several!("fft.ifftn" ifftn "None" "Its inverse."),
    several!("fft.rfft2" rfftn "(-2, -1)" "The transform of real values over two axes."),
    several!("fft.irfft2" irfftn "(-2, -1)" "Its inverse."),
    several!("fft.rfftn" rfftn "None" "The transform of real values over several axes."),
    several!("fft.irfftn" irfftn "None" "Its inverse."),
    sig!("fft.fftfreq" ["n", "d" = "1.0"] "The frequencies of a transform.",
        |a| Ok(Value::Array(super::fftfreq(args::natural("fft.fftfreq", &a[0])?, args::float("fft.fftfreq", &a[1])?)))),
    sig!("fft.rfftfreq" ["n", "d" = "1.0"] "The frequencies of the first half of a transform.",
        |a| Ok(Value::Array(super::rfftfreq(args::natural("fft.rfftfreq", &a[0])?, args::float("fft.rfftfreq", &a[1])?)))),
    sig!("fft.fftshift" ["x", "axes" = "None"] "The zero frequency in the middle.", |a| shifted("fft.fftshift", a, false)),
    sig!("fft.ifftshift" ["x", "axes" = "None"] "The zero frequency first again.", |a| shifted("fft.ifftshift", a, true)),
];

fn integers(name: &str, value: &Value) -> Result<Option<Vec<i64>>> {
    if matches!(value, Value::None) { Ok(None) } else { args::integers(name, value).map(Some) }
}

/// Lengths of axes, of which None is an axis's own.
fn lengths(name: &str, value: &Value) -> Result<Option<Vec<Option<i64>>>> {
    let one = |value: &Value| if matches!(value, Value::None) { Ok(None) } else { args::integer(name, value).map(Some) };
    match value {
        Value::None => Ok(None),
        Value::Tuple(items) | Value::List(items) => items.iter().map(one).collect::<Result<Vec<_>>>().map(Some),
        other => Ok(Some(args::integers(name, other)?.into_iter().map(Some).collect())),
    }
}

fn norm(name: &str, value: &Value) -> Result<Norm> {
    match value {
        Value::None => Ok(Norm::Backward),
        Value::Str(norm) if norm == "backward" => Ok(Norm::Backward),
        Value::Str(norm) if norm == "ortho" => Ok(Norm::Ortho),
        Value::Str(norm) if norm == "forward" => Ok(Norm::Forward),
        _ => Err(Error::bad_request(name, "expected norm 'backward', 'ortho' or 'forward'")),
    }
}

fn shifted(name: &'static str, a: &[Value], inverse: bool) -> Result<Value> {
    let (x, axes) = (args::array(name, &a[0])?, integers(name, &a[1])?);
    Ok(Value::Array(Array::build(|| super::shifted(name, &x, axes.as_deref(), inverse)?.expr())))
}
