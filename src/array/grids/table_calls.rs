//! The calls of the table that make coordinates.

use super::coordinates::sparse_indices;
use super::{Indexing, Range, spaced};
use crate::array::{Array, Value, arange, args, creation};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

type Called = Result<Value>;

fn given(array: Array) -> Called {
    Ok(Value::Array(array))
}

fn all(arrays: impl IntoIterator<Item = Array>) -> Called {
    Ok(Value::Tuple(arrays.into_iter().map(Value::Array).collect()))
}

/// (start, stop, num, endpoint, retstep, dtype, axis, device).
pub(super) fn linspace(a: &[Value]) -> Called {
    let name = "linspace";
    let (start, stop) = (args::operand(name, &a[0])?, args::operand(name, &a[1])?);
    let (num, endpoint, dtype) = (args::natural(name, &a[2])?, args::boolean(name, &a[3])?, args::dtype(name, &a[5])?);
    let with_step = args::boolean(name, &a[4])?;
    if spaced::are_numbers(&start, &stop) && !with_step {
        let (start, stop) = (args::float(name, &a[0])?, args::float(name, &a[1])?);
        return given(creation::linspace(start, stop, num, endpoint, dtype.unwrap_or(DType::F64)));
    }
    let (start, stop) = (spaced::strong(start)?, spaced::strong(stop)?);
    let [line, step] = spaced::between(&start, &stop, num, endpoint, dtype, args::integer(name, &a[6])?)?;
    if with_step { all([line, step]) } else { given(line) }
}

/// (start, stop, num, endpoint, dtype, axis).
pub(super) fn geomspace(a: &[Value]) -> Called {
    let name = "geomspace";
    let dtype = args::dtype(name, &a[4])?.unwrap_or(DType::F64);
    let (start, stop) = (args::float(name, &a[0])?, args::float(name, &a[1])?);
    given(super::geomspace(start, stop, args::natural(name, &a[2])?, args::boolean(name, &a[3])?, dtype))
}

/// (*xi, copy, sparse, indexing).
pub(super) fn meshgrid(a: &[Value]) -> Called {
    let indexing = match &a[3] {
        Value::Str(indexing) if indexing == "xy" => Indexing::Xy,
        Value::Str(indexing) if indexing == "ij" => Indexing::Ij,
        _ => return Err(Error::bad_request("meshgrid", "an unknown indexing; expected 'xy' or 'ij'")),
    };
    all(super::meshgrid(&args::arrays("meshgrid", &a[0])?, indexing, args::boolean("meshgrid", &a[2])?))
}

/// (dimensions, dtype, sparse).
pub(super) fn indices(a: &[Value]) -> Called {
    let (shape, dtype) = (args::shape("indices", &a[0])?, args::dtype("indices", &a[1])?.unwrap_or(DType::I64));
    match args::boolean("indices", &a[2])? {
        true => all(sparse_indices(&shape.lengths("indices")?, dtype)),
        false => given(super::indices(shape, dtype)),
    }
}

/// `start:stop:step` as the tuple (start, stop, step) that an index of `mgrid` comes as.
fn range(name: &str, value: &Value) -> Result<Range> {
    let parts = match value {
        Value::Tuple(parts) if parts.len() == 3 => parts,
        _ => return Err(Error::bad_request(name, "an index that is no slice; expected start:stop:step, or start:stop:5j for 5 places")),
    };
    let number = |value: &Value, otherwise: i64| match value {
        Value::None => Ok(Scalar::Int(otherwise)),
        other => args::scalar(name, "an end", other),
    };
    if matches!(parts[1], Value::None) {
        return Err(Error::bad_request(name, "a slice without an end; expected start:stop:step"));
    }
    let (start, stop, step) = (number(&parts[0], 0)?, number(&parts[1], 0)?, number(&parts[2], 1)?);
    Ok(match step {
        Scalar::Complex(re, im) => Range::counted(start, stop, re.hypot(im) as u64),
        step if step.as_f64() == 0.0 => return Err(Error::bad_request(name, "step 0; expected a step that moves")),
        step => Range::new(start, stop, step),
    })
}

fn ranges(name: &str, value: &Value) -> Result<Vec<Range>> {
    let (Value::Tuple(items) | Value::List(items)) = value else { return Err(Error::internal("arguments that are no tuple")) };
    items.iter().map(|item| range(name, item)).collect()
}

/// One slice alone is a line without an axis for the axis meant.
fn alone(a: &[Value]) -> bool {
    matches!(&a[0], Value::Tuple(items) if items.len() == 1)
}

pub(super) fn mgrid(a: &[Value]) -> Called {
    let grid = super::mgrid(&ranges("mgrid", &a[0])?);
    given(if alone(a) { grid.squeeze(0) } else { grid })
}

pub(super) fn ogrid(a: &[Value]) -> Called {
    let mut axes = super::ogrid(&ranges("ogrid", &a[0])?);
    if alone(a) { given(axes.remove(0)) } else { all(axes) }
}

/// (N, M, k, dtype).
pub(super) fn tri(a: &[Value]) -> Called {
    let rows = args::natural("tri", &a[0])?;
    let columns = if matches!(a[1], Value::None) { rows } else { args::natural("tri", &a[1])? };
    given(super::tri(rows, columns, args::integer("tri", &a[2])?, args::dtype("tri", &a[3])?.unwrap_or(DType::F64)))
}

/// (x, N, increasing).
pub(super) fn vander(a: &[Value]) -> Called {
    let columns = if matches!(a[1], Value::None) { None } else { Some(args::natural("vander", &a[1])?) };
    given(args::array("vander", &a[0])?.vander(columns, args::boolean("vander", &a[2])?))
}

pub(super) fn diag_indices(a: &[Value]) -> Called {
    let (n, ndim) = (args::natural("diag_indices", &a[0])?, args::natural("diag_indices", &a[1])?);
    if ndim > 64 {
        return Err(Error::bad_request("diag_indices", format!("{ndim} axes; expected 64 at most")));
    }
    all((0..ndim).map(|_| arange(0, n, 1, None)))
}

fn triangle_places(name: &str, rows: u64, columns: u64, k: i64) -> Called {
    let below = super::tri(rows, columns, if name.starts_with("tril") { k } else { k.saturating_sub(1) }, DType::Bool);
    all(if name.starts_with("tril") { below } else { below.logical_not() }.nonzero())
}

/// (n, k, m).
pub(super) fn triangle(name: &str, a: &[Value]) -> Called {
    let rows = args::natural(name, &a[0])?;
    let columns = if matches!(a[2], Value::None) { rows } else { args::natural(name, &a[2])? };
    triangle_places(name, rows, columns, args::integer(name, &a[1])?)
}

/// (arr, k).
pub(super) fn triangle_of(name: &str, a: &[Value]) -> Called {
    match args::array(name, &a[0])?.shape()?[..] {
        [rows, columns] => triangle_places(name, rows, columns, args::integer(name, &a[1])?),
        ref shape => Err(Error::bad_request(name, format!("an array of shape {shape:?}; expected two axes"))),
    }
}

/// How many places a taper has; fewer than one are none.
fn places(name: &str, n: &Value) -> Result<u64> {
    // a whole number of any dtype, as NumPy takes it
    match n.number() {
        Some(Scalar::Float(n)) if n.fract() == 0.0 && n.abs() < 2f64.powi(63) => Ok(n.max(0.0) as u64),
        _ => args::integer(name, n).map(|n| n.max(0) as u64),
    }
}

pub(super) fn taper(name: &str, a: &[Value]) -> Called {
    let n = places(name, &a[0])?;
    given(match name {
        "bartlett" => super::bartlett(n),
        "blackman" => super::blackman(n),
        "hamming" => super::hamming(n),
        _ => super::hanning(n),
    })
}

pub(super) fn kaiser(a: &[Value]) -> Called {
    given(super::kaiser(places("kaiser", &a[0])?, args::float("kaiser", &a[1])?))
}
