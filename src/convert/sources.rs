//! A pattern of file names → the addresses that it stands for, and the one array that they make.

use super::lengths::axis_of;
use crate::error::{Error, Result};
use crate::store::{self, Meta};

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

/// What several arrays are as one along an axis, and which axis that is.
///
/// # Errors
/// `BadRequest` for an axis that they do not have, `Store` when they do not fit together.
pub(super) fn joined(sources: &[String], axis: Option<&str>) -> Result<(Meta, usize)> {
    let mut joined: Option<(Meta, usize)> = None;
    for source in sources {
        let store = store::open(source)?;
        let meta = store.meta();
        let Some((first, axis)) = &mut joined else {
            let name = axis.unwrap_or("0");
            let found = axis_of(meta, name).ok_or_else(|| {
                let names: Vec<&str> = meta.dimension_names.iter().flatten().flatten().map(String::as_str).collect();
                let what = format!("{source} of shape {:?} has no axis {name:?}; its names are {names:?}", meta.shape);
                Error::bad_request("axis", what)
            })?;
            joined = Some((meta.clone(), found));
            continue;
        };
        let (mut want, mut have) = (first.shape.clone(), meta.shape.clone());
        if want.len() == have.len() {
            (want[*axis], have[*axis]) = (0, 0);
        }
        if want != have || first.dtype != meta.dtype {
            let what = format!("is {:?} {}, the first one is {:?} {}", meta.shape, meta.dtype, first.shape, first.dtype);
            return Err(Error::store(source, format!("{what}: they are no one array along axis {axis}")));
        }
        first.shape[*axis] += meta.shape[*axis];
    }
    joined.ok_or_else(|| Error::internal("a pattern without files"))
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
