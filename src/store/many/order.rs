//! Arrays in the order of a coordinate that lies beside each of them.

use crate::error::{Error, Result};
use crate::grid::Region;
use crate::store::together::together;
use crate::store::{address, formats};
use flagstone_kernels::dtype::Scalar;
use flagstone_kernels::view::ViewMut;
use rayon::prelude::*;
use serde_json::Value;
use std::cmp::Ordering;

/// A source, and what its coordinate begins and ends with.
type Stretch = (String, Scalar, Scalar);

/// Puts sources in the order of a coordinate, the array of one axis beside each that has its name. It goes up or down in all of them, as
/// it does in the first one that has two values. Where sources are stacked it has one value in each.
///
/// # Errors
/// `Store` where there is none, where its units are not the same in all, and where two sources overlap.
pub(super) fn order(sources: &mut Vec<String>, coordinate: &str, are_stacked: bool) -> Result<()> {
    let ends: Vec<Result<(Stretch, Option<Value>)>> =
        together(|| sources.par_iter().map(|source| ends(source, coordinate, are_stacked)).collect());
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
    let value = |x: Scalar| match x {
        Scalar::Int(i) => i.to_string(),
        Scalar::UInt(u) => u.to_string(),
        other => other.as_f64().to_string(),
    };
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
fn ends(source: &str, coordinate: &str, are_stacked: bool) -> Result<(Stretch, Option<Value>)> {
    let (file, inside) = address::parse(source)?.into_parts();
    let beside = inside.trim_matches('/').rsplit_once('/').map_or(String::new(), |(group, _)| format!("{group}/"));
    let at = format!("{}:/{beside}{coordinate}", file.display());
    let store = formats::open_one(&at)?;
    let meta = store.meta();
    let last = match meta.shape[..] {
        [] if are_stacked => Some(0),
        [1] => Some(0),
        [n] if !are_stacked => n.checked_sub(1),
        _ => None,
    };
    let Some(last) = last else {
        let expected = if are_stacked { "one value" } else { "values along one axis" };
        return Err(Error::store(at, format!("is of shape {:?}; expected {expected}", meta.shape)));
    };
    let value_at = |place| -> Result<Scalar> {
        let ones = vec![1; meta.shape.len()];
        let region = Region::dense(&vec![place; ones.len()], &ones);
        let mut out = vec![0; meta.dtype.size()];
        let mut scratch = vec![0; usize::try_from(store.scratch_bytes(&region)).map_err(|_| Error::internal("scratch"))?];
        store.read(&region, &mut ViewMut::dense(&mut out, meta.dtype, &vec![1; ones.len()]), &mut scratch)?;
        Ok(Scalar::read(meta.dtype, &out))
    };
    Ok(((source.to_string(), value_at(0)?, value_at(last)?), meta.attributes.get("units").cloned()))
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
