//! The calls of the table that put elements elsewhere.

use super::{Ends, Nested, Pad, Sections};
use crate::array::axes::position;
use crate::array::composed::composed;
use crate::array::{Array, Index, Value, arange, args, dtypes, elementwise, vstack};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};

type Called = Result<Value>;

fn given(array: Array) -> Called {
    Ok(Value::Array(array))
}

fn all(arrays: Vec<Array>) -> Called {
    Ok(Value::Tuple(arrays.into_iter().map(Value::Array).collect()))
}

fn is_none(value: &Value) -> bool {
    matches!(value, Value::None)
}

/// (a, shift, axis): shifts and axes pair up, one of either going with all of the other.
pub(super) fn roll(a: &[Value]) -> Called {
    let (x, shifts) = (args::array("roll", &a[0])?, args::integers("roll", &a[1])?);
    if is_none(&a[2]) {
        return given(shifts.iter().fold(x, |x, &shift| x.roll(shift, ..)));
    }
    let axes = args::integers("roll", &a[2])?;
    let (n, m) = (shifts.len(), axes.len());
    if n != m && n != 1 && m != 1 {
        return Err(Error::bad_request("roll", format!("{n} shifts for {m} axes; expected as many, or one")));
    }
    let pairs = if n == 0 || m == 0 { 0 } else { n.max(m) };
    given((0..pairs).fold(x, |x, i| x.roll(shifts[if n == 1 { 0 } else { i }], axes[if m == 1 { 0 } else { i }])))
}

pub(super) fn rot90(a: &[Value]) -> Called {
    match args::integers("rot90", &a[2])?[..] {
        [first, second] => given(args::array("rot90", &a[0])?.rot90(args::integer("rot90", &a[1])?, [first, second])),
        ref axes => Err(Error::bad_request("rot90", format!("axes {axes:?}; expected two different axes"))),
    }
}

pub(super) fn rollaxis(a: &[Value]) -> Called {
    given(args::array("rollaxis", &a[0])?.rollaxis(args::integer("rollaxis", &a[1])?, args::integer("rollaxis", &a[2])?))
}

pub(super) fn tile(a: &[Value]) -> Called {
    given(args::array("tile", &a[0])?.tile(args::shape("tile", &a[1])?))
}

pub(super) fn repeat(a: &[Value]) -> Called {
    let name = "repeat";
    let (x, axes) = (args::array(name, &a[0])?, args::axes(name, &a[2])?);
    given(match &args::told(name, &a[1])? {
        Value::Tuple(items) | Value::List(items) => {
            let counts = items.iter().map(|count| args::natural(name, count)).collect::<Result<Vec<_>>>()?;
            x.repeat_each(&counts, axes)
        }
        times => x.repeat(args::natural(name, times)?, axes),
    })
}

pub(super) fn resize(a: &[Value]) -> Called {
    given(args::array("resize", &a[0])?.resize(args::shape("resize", &a[1])?))
}

/// One for both ends of all axes, a pair for every axis, or one or a pair for each axis.
fn ends<T: Copy>(what: &str, value: &Value, item: impl Fn(&Value) -> Result<T>) -> Result<Ends<T>> {
    let row = |items: &[Value]| match items {
        [both] => item(both).map(|both| [both; 2]),
        [before, behind] => Ok([item(before)?, item(behind)?]),
        _ => Err(Error::bad_request(
            "pad",
            format!("{what}: {} values for an axis; expected one, or one before and one behind", items.len()),
        )),
    };
    let nested = |items: &[Value]| items.iter().any(|item| matches!(item, Value::Tuple(_) | Value::List(_)));
    match value {
        Value::Tuple(items) | Value::List(items) if nested(items) => {
            let each = |value: &Value| match value {
                Value::Tuple(items) | Value::List(items) => row(items),
                one => item(one).map(|both| [both; 2]),
            };
            items.iter().map(each).collect::<Result<Vec<_>>>().map(Ends)
        }
        Value::Tuple(items) | Value::List(items) => row(items).map(Ends::from),
        both => item(both).map(Ends::from),
    }
}

/// (array, pad_width, mode, stat_length, constant_values, end_values, reflect_type).
pub(super) fn pad(a: &[Value]) -> Called {
    let name = "pad";
    let x = args::array(name, &a[0])?;
    let widths = ends("pad_width", &args::told(name, &a[1])?, |value| args::natural(name, value))?;
    let Value::Str(mode) = &a[2] else {
        return Err(Error::bad_type(
            name,
            "a mode that is no string; expected for example 'edge', or a function: `Array::pad_with`, in Python fs.pad",
        ));
    };
    let scalar = |value: &Value| args::scalar(name, "the value", value);
    let scalars = |what: &str, value: &Value| if is_none(value) { Ok(Ends::from(Scalar::Int(0))) } else { ends(what, value, scalar) };
    let lengths = || match &a[3] {
        Value::None => Ok(None),
        lengths => ends("stat_length", lengths, |value| args::natural(name, value)).map(Some),
    };
    let odd = || match &a[6] {
        Value::None => Ok(false),
        Value::Str(kind) if kind == "even" || kind == "odd" => Ok(kind == "odd"),
        _ => Err(Error::bad_request(name, "an unknown reflect_type; expected 'even' or 'odd'")),
    };
    let (mode_, own) = match mode.as_str() {
        "constant" => (Pad::Constant(scalars("constant_values", &a[4])?), 4),
        "linear_ramp" => (Pad::LinearRamp(scalars("end_values", &a[5])?), 5),
        "maximum" => (Pad::Maximum(lengths()?), 3),
        "mean" => (Pad::Mean(lengths()?), 3),
        "median" => (Pad::Median(lengths()?), 3),
        "minimum" => (Pad::Minimum(lengths()?), 3),
        "reflect" => (Pad::Reflect { odd: odd()? }, 6),
        "symmetric" => (Pad::Symmetric { odd: odd()? }, 6),
        "edge" => (Pad::Edge, 0),
        "wrap" => (Pad::Wrap, 0),
        "empty" => (Pad::Empty, 0),
        other => {
            let known =
                "'constant', 'edge', 'linear_ramp', 'maximum', 'mean', 'median', 'minimum', 'reflect', 'symmetric', 'wrap', 'empty'";
            return Err(Error::bad_request(name, format!("mode '{other}'; expected {known}")));
        }
    };
    for (at, keyword) in [(3, "stat_length"), (4, "constant_values"), (5, "end_values"), (6, "reflect_type")] {
        if at != own && !is_none(&a[at]) {
            return Err(Error::bad_request(name, format!("{keyword} with mode '{mode}', which has no use for it; leave it out")));
        }
    }
    given(x.pad(widths, &mode_))
}

pub(super) fn at_least(name: &str, a: &[Value]) -> Called {
    let arrays = args::arrays(name, &a[0])?;
    let one = |x: &Array| match name {
        "atleast_1d" => x.atleast_1d(),
        "atleast_2d" => x.atleast_2d(),
        _ => x.atleast_3d(),
    };
    match &arrays[..] {
        [x] => given(one(x)),
        _ => all(arrays.iter().map(one).collect()),
    }
}

pub(super) fn block(a: &[Value]) -> Called {
    fn nested(value: &Value) -> Result<Nested> {
        match value {
            Value::List(items) => items.iter().map(nested).collect::<Result<Vec<_>>>().map(Nested::List),
            Value::Tuple(_) => Err(Error::bad_request("block", "a tuple; expected lists of arrays")),
            one => args::array("block", one).map(Nested::Array),
        }
    }
    given(super::block(nested(&a[0])?))
}

pub(super) fn dstack(a: &[Value]) -> Called {
    given(super::dstack(&args::arrays("dstack", &a[0])?))
}

pub(super) fn column_stack(a: &[Value]) -> Called {
    given(super::column_stack(&args::arrays("column_stack", &a[0])?))
}

pub(super) fn split(name: &str, x: &Value, sections: &Value, axis: &Value) -> Called {
    let (x, axis) = (args::array(name, x)?, args::integer(name, axis)?);
    let sections = match sections {
        Value::Tuple(_) | Value::List(_) => Sections::At(args::integers(name, sections)?),
        parts => Sections::Parts(args::natural(name, parts)?),
    };
    all(if name == "array_split" { x.array_split(sections, axis) } else { x.split(sections, axis) })
}

/// hsplit, vsplit, dsplit: along axis 1, 0, 2.
pub(super) fn split_of(name: &str, a: &[Value]) -> Called {
    let ndim = args::array(name, &a[0])?.ndim()?;
    let (axis, least) = match name {
        "hsplit" => (i64::from(ndim > 1), 1),
        "vsplit" => (0, 2),
        _ => (2, 3),
    };
    if ndim < least {
        return Err(Error::bad_request(name, format!("an array of {ndim} axes; expected {least} or more")));
    }
    split("split", &a[0], &a[1], &Value::Scalar(Scalar::Int(axis)))
}

pub(super) fn unstack(a: &[Value]) -> Called {
    all(args::array("unstack", &a[0])?.unstack(args::integer("unstack", &a[1])?)?)
}

pub(super) fn append(a: &[Value]) -> Called {
    given(args::array("append", &a[0])?.append(&args::array("append", &a[1])?, args::axes("append", &a[2])?))
}

pub(super) fn insert(a: &[Value]) -> Called {
    let (x, values) = (args::array("insert", &a[0])?, args::array("insert", &a[2])?);
    args::require_fitting("insert", &a[2], x.dtype()?)?;
    given(x.insert(&args::index(&args::told("insert", &a[1])?)?, &values, args::axes("insert", &a[3])?))
}

pub(super) fn delete(a: &[Value]) -> Called {
    given(args::array("delete", &a[0])?.delete(&args::index(&args::told("delete", &a[1])?)?, args::axes("delete", &a[2])?))
}

pub(super) fn diag(a: &[Value]) -> Called {
    given(args::array("diag", &a[0])?.diag(args::integer("diag", &a[1])?))
}

pub(super) fn diagflat(a: &[Value]) -> Called {
    given(args::array("diagflat", &a[0])?.diagflat(args::integer("diagflat", &a[1])?))
}

pub(super) fn diagonal(a: &[Value]) -> Called {
    let [offset, axis1, axis2] = [1, 2, 3].map(|at| args::integer("diagonal", &a[at]));
    given(args::array("diagonal", &a[0])?.diagonal(offset?, axis1?, axis2?))
}

pub(super) fn diagonal_of_matrices(a: &[Value]) -> Called {
    given(args::array("diagonal", &a[0])?.diagonal(args::integer("diagonal", &a[1])?, -2, -1))
}

/// (x, window_shape, axis): without axes one length for each axis.
pub(super) fn sliding_window_view(a: &[Value]) -> Called {
    let name = "sliding_window_view";
    let x = args::array(name, &a[0])?;
    let lengths = match &a[1] {
        Value::Tuple(items) | Value::List(items) => items.iter().map(|n| args::natural(name, n)).collect::<Result<Vec<_>>>()?,
        one => vec![args::natural(name, one)?],
    };
    let axes = if is_none(&a[2]) { (0..x.ndim()? as i64).collect() } else { args::integers(name, &a[2])? };
    if axes.len() != lengths.len() {
        return Err(Error::bad_request(name, format!("{} lengths for {} axes; expected as many", lengths.len(), axes.len())));
    }
    given(x.sliding_window_view(&axes.into_iter().zip(lengths).collect::<Vec<_>>()))
}

pub(super) fn broadcast_shapes(a: &[Value]) -> Called {
    let (Value::Tuple(shapes) | Value::List(shapes)) = &a[0] else { return Err(Error::internal("arguments that are no tuple")) };
    let shapes =
        shapes.iter().map(|shape| args::shape("broadcast_shapes", shape)?.lengths("broadcast_shapes")).collect::<Result<Vec<_>>>()?;
    let common = elementwise::common_shape("broadcast_shapes", &shapes.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    Ok(Value::Tuple(common.into_iter().map(|n| Value::Scalar(Scalar::Int(n as i64))).collect()))
}

pub(super) fn row_stack(a: &[Value]) -> Called {
    given(vstack(&dtypes::arrays_as("row_stack", &a[0], &a[1], &a[2])?))
}

/// Sequences, each along an axis of its own; of bool ones the places that are true.
pub(super) fn open_mesh(a: &[Value]) -> Called {
    let name = "ix_";
    let (Value::Tuple(sequences) | Value::List(sequences)) = &a[0] else { return Err(Error::internal("arguments that are no tuple")) };
    let n = sequences.len();
    let along = |(at, sequence): (usize, &Value)| {
        let x = args::array(name, sequence)?;
        if x.ndim()? != 1 {
            return Err(Error::bad_request(name, format!("a sequence of {} axes; expected one", x.ndim()?)));
        }
        let places = if x.dtype()? == DType::Bool { x.nonzero().remove(0) } else { x };
        // an empty list is one of no places
        let places = if places.expr()?.shape == [0] { places.astype(DType::I64) } else { places };
        let axes: Vec<i64> = (0..n as i64).filter(|&axis| axis != at as i64).collect();
        Ok(places.expand_dims(axes))
    };
    all(sequences.iter().enumerate().map(along).collect::<Result<Vec<_>>>()?)
}

pub(super) fn diag_indices_from(a: &[Value]) -> Called {
    let name = "diag_indices_from";
    let of = args::array(name, &a[0])?;
    let along = || {
        composed(name, &[&of], move |arrays| {
            let shape = arrays[0].shape()?;
            if shape.len() < 2 || shape.iter().any(|&n| n != shape[0]) {
                return Err(Error::bad_request(name, format!("an array of shape {shape:?}; expected two axes at least, of one length")));
            }
            Ok(arange(0, shape[0] as i64, 1, None))
        })
    };
    all((0..of.expr()?.shape.len().max(1)).map(|_| along()).collect())
}

/// (x, indexer, axis): lists of lists of places.
pub(super) fn shuffle(a: &[Value]) -> Called {
    let name = "shuffle";
    let (Value::List(lists) | Value::Tuple(lists)) = &a[1] else {
        return Err(Error::bad_request(name, "an indexer that is no list; expected lists of places"));
    };
    let places = lists.iter().map(|list| args::integers(name, list)).collect::<Result<Vec<_>>>()?.concat();
    let x = args::array(name, &a[0])?;
    let axis = position(name, args::integer(name, &a[2])?, x.ndim()?)?;
    let mut index = vec![Index::WHOLE; axis];
    index.push(Index::List(places));
    given(x.index(index))
}
