//! A pattern of file names → the addresses that it stands for, and the one array that they make.

use super::lengths::axis_of;
use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::{self, Meta};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::view::ViewMut;
use rayon::prelude::*;
use serde_json::Value;
use std::cmp::Ordering;

/// The addresses of a source: itself, or all files that its pattern names, `a_2` before `a_10`.
///
/// # Errors
/// `Store` when no file has such a name, `BadRequest` for a pattern that is none.
pub(super) fn expand(source: &str) -> Result<Vec<String>> {
    let (pattern, inside) = source.rsplit_once(':').map_or((source, None), |(file, inside)| (file, Some(inside)));
    if !pattern.contains(['*', '?', '[']) || store::exists(source) {
        return Ok(vec![source.to_string()]);
    }
    let paths = glob::glob(pattern).map_err(|e| Error::bad_request("convert", format!("the pattern {pattern:?}: {e}")))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|e| Error::store(source, e.to_string()))?;
        let path = store::text(&path)?;
        found.push(inside.map_or_else(|| path.to_string(), |inside| format!("{path}:{inside}")));
    }
    if found.is_empty() {
        return Err(Error::store(source, format!("no file is called as in {pattern}")));
    }
    found.sort_by(|a, b| parts(a).cmp(parts(b)));
    Ok(found)
}

/// Text and numbers of a name in turns: numbers are ordered by value.
fn parts(name: &str) -> impl Iterator<Item = (&str, u128)> {
    let mut rest = name;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (text, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        rest = after;
        Some((text, number.parse().unwrap_or(u128::MAX)))
    })
}

/// A source, and what its coordinate begins and ends with.
type Stretch = (String, Scalar, Scalar);

/// Puts sources in the order of a coordinate, the array of one axis beside each that has its name. It goes up or down in all of them, as
/// it does in the first one that has two values.
///
/// # Errors
/// `Store` where there is none, where its units are not the same in all, and where two sources overlap.
pub(super) fn order(sources: &mut Vec<String>, coordinate: &str) -> Result<()> {
    let ends: Vec<Result<(Stretch, Option<Value>)>> = sources.par_iter().map(|source| ends(source, coordinate)).collect();
    let mut found: Vec<Stretch> = Vec::new();
    let mut units: Option<Option<Value>> = None;
    for stretch in ends {
        let (stretch, unit) = stretch?;
        if *units.get_or_insert_with(|| unit.clone()) != unit {
            let text = |unit: &Option<Value>| unit.as_ref().map_or("no units".to_string(), Value::to_string);
            let what = format!("its {coordinate} is in {}, that of others in {}", text(&unit), text(&units.flatten()));
            return Err(Error::store(stretch.0, format!("{what}: values in unlike units give no order")));
        }
        found.push(stretch);
    }
    let goes_down =
        found.iter().find_map(|(_, first, last)| compare(*first, *last).filter(|order| order.is_ne())) == Some(Ordering::Greater);
    let along = |a: Scalar, b: Scalar| compare(a, b).map(|order| if goes_down { order.reverse() } else { order });
    found.sort_by(|a, b| along(a.1, b.1).unwrap_or(Ordering::Equal));
    let value = |x: Scalar| crate::array::format_scalar(x, x.natural_dtype());
    for pair in found.windows(2) {
        let ((a, from, to), (b, next, _)) = (&pair[0], &pair[1]);
        if along(*from, *to).is_none_or(Ordering::is_gt) || along(*to, *next) != Some(Ordering::Less) {
            let what = format!("its {coordinate} begins at {}, and that of {a} goes from {} to {}", value(*next), value(*from), value(*to));
            return Err(Error::store(b, format!("{what}: they overlap, or do not go one way")));
        }
    }
    *sources = found.into_iter().map(|(source, ..)| source).collect();
    Ok(())
}

/// What the coordinate of a source begins and ends with, and its units.
fn ends(source: &str, coordinate: &str) -> Result<(Stretch, Option<Value>)> {
    let (file, inside) = store::parse(source)?.into_parts();
    let beside = inside.trim_matches('/').rsplit_once('/').map_or(String::new(), |(group, _)| format!("{group}/"));
    let address = format!("{}:/{beside}{coordinate}", file.display());
    let store = store::open(&address)?;
    let meta = store.meta();
    let Some(last) = (meta.shape.len() == 1).then(|| meta.shape[0].checked_sub(1)).flatten() else {
        return Err(Error::store(address, format!("is of shape {:?}; expected values along one axis", meta.shape)));
    };
    let at = |place| -> Result<Scalar> {
        let region = Region::dense(&[place], &[1]);
        let mut out = vec![0; meta.dtype.size()];
        let mut scratch = vec![0; usize::try_from(store.scratch_bytes(&region)).map_err(|_| Error::internal("scratch"))?];
        store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &[1]), &mut scratch)?;
        Ok(Scalar::read(meta.dtype, &out))
    };
    Ok(((source.to_string(), at(0)?, at(last)?), meta.attributes.get("units").cloned()))
}

/// Which of two values comes first; integers exactly. `None` for what has no order.
fn compare(a: Scalar, b: Scalar) -> Option<Ordering> {
    let whole = |x| match x {
        Scalar::Int(i) => Some(i128::from(i)),
        Scalar::UInt(u) => Some(i128::from(u)),
        _ => None,
    };
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64().partial_cmp(&b.as_f64()),
    }
}

/// What several arrays are as one along an axis, and which axis that is: what the first one is, as long as all of them.
///
/// # Errors
/// `BadRequest` for an axis that they do not have, `Store` when they do not fit together.
pub(super) fn joined(sources: &[String], axis: Option<&str>) -> Result<(Meta, usize)> {
    let (first, rest) = sources.split_first().ok_or_else(|| Error::internal("a pattern without files"))?;
    let mut joined = store::open(first)?.meta().clone();
    let name = axis.unwrap_or("0");
    let axis = axis_of(&joined, name).ok_or_else(|| {
        let names: Vec<&str> = joined.dimension_names.iter().flatten().flatten().map(String::as_str).collect();
        let what = format!("{first} of shape {:?} has no axis {name:?}; its names are {names:?}", joined.shape);
        Error::bad_request("axis", what)
    })?;
    let across = |shape: &[u64]| -> Vec<u64> { shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &n)| n).collect() };
    let (of_first, dtype) = (joined.shape.clone(), joined.dtype);
    // Side by side, since each is a few calls of the system; the first one that fails is told.
    let extents: Vec<Result<(Vec<u64>, DType)>> = rest.par_iter().map(store::extent).collect();
    for (source, extent) in rest.iter().zip(extents) {
        let (shape, found) = extent?;
        if shape.len() != of_first.len() || across(&shape) != across(&of_first) || found != dtype {
            let what = format!("is {shape:?} {found}, the first one is {of_first:?} {dtype}");
            return Err(Error::store(source, format!("{what}: they are no one array along axis {axis}")));
        }
        joined.shape[axis] += shape[axis];
    }
    Ok((joined, axis))
}

/// What changes when somebody writes one of the sources anew, in words.
///
/// # Errors
/// Those of addresses that name no format.
pub(super) fn versions(sources: &[String]) -> Result<Vec<String>> {
    sources.par_iter().map(store::version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_by_their_numbers() {
        let mut names = ["a_10.h5", "a_9.h5", "a_010b.h5", "a.h5", "b_1.h5"];
        names.sort_by(|a, b| parts(a).cmp(parts(b)));
        assert_eq!(names, ["a.h5", "a_9.h5", "a_10.h5", "a_010b.h5", "b_1.h5"]);
    }
}
