//! Basic indexing, integer lists and boolean masks, in NumPy's meaning.

use super::Array;
use super::counted::{self, Length, is_counted, when_known};
use super::elementwise::constant;
use super::index::{Index, complete, list_comes_first, mask_axes, parted, place, slice_bounds};
use super::io::in_memory::at_hand;
use super::lookup::{Places, pointwise, take};
use super::manipulate::{cut_as, join, view};
use crate::error::{Error, Result};
use crate::expr::{Affine, Expr, Follow, Node, ops};
use crate::grid::AxisChunks;
use flagstone_kernels::dtype::{DType, Scalar};
use std::sync::Arc;

/// A list of more slices than this is looked up.
const LIST_PIECES_MAX: usize = 4096;

/// Fewer slices are views, however often they name the same places.
const TABLE_PIECES_MIN: usize = 16;

/// Indices in memory are looked at while the graph is built where they are no more,
const AT_HAND_MAX: u64 = 1 << 20;

/// and taken as slices where those are no more.
const AT_HAND_PIECES_MAX: usize = 256;

/// The list as slices (start, step, length): runs of a constant step, repeats included.
fn runs(list: &[i64]) -> Vec<(i64, i64, u64)> {
    let mut runs = Vec::new();
    let mut at = 0;
    while at < list.len() {
        let Some(&next) = list.get(at + 1) else {
            runs.push((list[at], 1, 1));
            break;
        };
        let step = next.wrapping_sub(list[at]);
        let mut end = at + 2;
        while end < list.len() && list[end].wrapping_sub(list[end - 1]) == step {
            end += 1;
        }
        runs.push((list[at], step, (end - at) as u64));
        at = end;
    }
    runs
}

/// Whether what makes so many slices of an axis of `len` places is a table that is looked up: slices would be more than that has places,
/// and what each computes of it is computed again.
fn is_table(slices: usize, len: u64) -> bool {
    slices >= TABLE_PIECES_MIN && slices as u64 > len
}

/// The array at `items`.
pub(super) fn indexed(expr: &Expr, items: &[Index]) -> Result<Expr> {
    if let Some(Index::Refused(what)) = items.iter().find(|item| matches!(item, Index::Refused(_))) {
        return Err(Error::bad_index("index", what));
    }
    if let Some((items, behind)) = parted(expr.shape.len(), items)? {
        let found = indexed(expr, &items)?;
        let at = found.shape.len() - 1 - behind;
        return Array::from_expr(found).squeeze([at as i64]).expr();
    }
    if let Some(found) = indexed_at_hand(expr, items)? {
        return Ok(found);
    }
    let masks = items.iter().filter(|item| matches!(item, Index::Array(_))).count();
    if masks > 0 {
        if let Some((expr, items)) = with_axes_of_bools(expr, items)? {
            return indexed(&expr, &items);
        }
        return match whole_mask(expr, items) {
            Some(mask) => masked(expr, mask),
            None if expr.is_counted() => later(expr, items),
            None => at_places(expr, &spread_masks(expr, items)?),
        };
    }
    let items = expanded(expr, items)?;
    if expr.is_counted() {
        if items.iter().filter(|item| matches!(item, Index::List(_) | Index::Bools(_))).count() > 1 {
            return later(expr, &items);
        }
        let lengths = bounds(expr, &items)?;
        if items.iter().all(|item| matches!(item, Index::Slice(None, None, None | Some(1)))) {
            return Ok(expr.clone());
        }
        return counted::deferred("index", std::slice::from_ref(expr), || Ok((lengths, expr.dtype)), move |args| indexed(&args[0], &items));
    }
    let lists: Vec<usize> = (0..items.len()).filter(|&at| matches!(items[at], Index::List(_))).collect();
    match lists[..] {
        [] => view(expr, affine(expr, &items, None)?),
        [at] => listed(expr, &items, at),
        _ => at_places(expr, &items),
    }
}

/// An index whose arrays are taken together, of an array whose lengths are not known: what it selects, once they are.
fn later(expr: &Expr, items: &[Index]) -> Result<Expr> {
    let mut args = vec![expr.clone()];
    for item in items {
        if let Index::Array(array) = item {
            args.push(array.expr()?);
        }
    }
    let items = items.to_vec();
    let bools = items.iter().filter_map(|item| if let Index::Bools(bools) = item { Some(bools.len() as u64) } else { None });
    when_known("index", &args, &bools.collect::<Vec<_>>(), move |args| {
        let mut arrays = args[1..].iter();
        let with = |item: &Index| match item {
            Index::Array(_) => arrays.next().map_or_else(|| item.clone(), |array| Index::Array(Array::from_expr(array.clone()))),
            other => other.clone(),
        };
        indexed(&args[0], &items.iter().map(with).collect::<Vec<_>>())
    })
}

/// The array at `items`, where the indices among them are in memory and few slices.
pub(super) fn indexed_at_hand(expr: &Expr, items: &[Index]) -> Result<Option<Expr>> {
    let Some((items, axis, longest)) = with_places_at_hand(expr, items)? else { return Ok(None) };
    let found = indexed(expr, &items)?;
    // chunks as long as those that were selected from, not one a slice
    let mut chunks = found.chunks.clone();
    chunks.axes[axis] = AxisChunks::regular(chunks.axes[axis].len(), longest);
    cut_as(found, chunks).map(Some)
}

/// The items with a list in the place of the one array of integers among them, where its elements are in memory and make few slices: what
/// is known when the graph is built reads only what it names. Beside them the axis of
/// the result that the list makes, and the longest chunk of the one that is indexed.
fn with_places_at_hand(expr: &Expr, items: &[Index]) -> Result<Option<(Vec<Index>, usize, u64)>> {
    let part = |item: &&Index| matches!(item, Index::Array(_) | Index::List(_) | Index::Bools(_));
    let (Some(at), 1) = (items.iter().position(|item| matches!(item, Index::Array(_))), items.iter().filter(part).count()) else {
        return Ok(None);
    };
    let Index::Array(array) = &items[at] else { return Ok(None) };
    let indices = array.expr()?;
    if indices.shape.len() != 1 || indices.is_counted() || expr.is_counted() {
        return Ok(None);
    }
    let integer = |scalar: &Scalar| match scalar {
        Scalar::Int(i) => Some(*i),
        Scalar::UInt(u) => i64::try_from(*u).ok(),
        _ => None,
    };
    let elements = if indices.dtype.is_integer() { at_hand(&indices, AT_HAND_MAX)? } else { None };
    let Some(list) = elements.and_then(|elements| elements.iter().map(integer).collect::<Option<Vec<i64>>>()) else { return Ok(None) };
    let slices = runs(&list).len();
    if list.is_empty() || slices > AT_HAND_PIECES_MAX {
        return Ok(None);
    }
    let mut items = expanded(expr, items)?;
    let Some(at) = items.iter().position(|item| matches!(item, Index::Array(_))) else { return Ok(None) };
    let axis = items[..at].iter().filter(|item| !matches!(item, Index::NewAxis)).count();
    if is_table(slices, expr.shape[axis]) {
        return Ok(None);
    }
    let made = items[..at].iter().filter(|item| !matches!(item, Index::Int(_))).count();
    items[at] = Index::List(list);
    let made = if list_comes_first(&items) { 0 } else { made };
    Ok(Some((items, made, expr.chunks.axes[axis].longest())))
}

/// The mask of an index that is nothing else and has as many axes as the array, or too many.
pub(super) fn whole_mask<'a>(expr: &Expr, items: &'a [Index]) -> Option<&'a Array> {
    let mut others = items.iter().filter(|item| !matches!(item, Index::Ellipsis));
    let (Some(Index::Array(mask)), None) = (others.next(), others.next()) else { return None };
    let of = mask.expr().ok()?;
    // what has no other meaning is refused there
    let whole = of.shape.len() >= expr.shape.len();
    (of.dtype == DType::Bool && whole || !(of.dtype == DType::Bool || of.dtype.is_integer())).then_some(mask)
}

/// Where a single bool is among the items, the array with an axis of length 1 in its place, and the items with a mask of that axis:
/// one that is true adds an axis, one that is not selects nothing.
pub(super) fn with_axes_of_bools(expr: &Expr, items: &[Index]) -> Result<Option<(Expr, Vec<Index>)>> {
    let (mut before, mut masked, mut found) = (Vec::new(), Vec::new(), false);
    for item in items {
        match (mask_axes(item)?, item) {
            (Some(0), Index::Array(mask)) => {
                found = true;
                before.push(Index::NewAxis);
                masked.push(Index::Array(mask.reshape([1])));
                continue;
            }
            (_, Index::NewAxis) => {}
            (_, Index::Ellipsis) => before.push(Index::Ellipsis),
            (axes, _) => before.extend((0..axes.unwrap_or(1)).map(|_| Index::Slice(None, None, None))),
        }
        masked.push(item.clone());
    }
    if found { Ok(Some((indexed(expr, &before)?, masked))) } else { Ok(None) }
}

/// The items with each mask replaced by the places where it is true, an array of them for each of its axes.
pub(super) fn spread_masks(expr: &Expr, items: &[Index]) -> Result<Vec<Index>> {
    let mut out = Vec::new();
    let mut axis = 0;
    for item in complete(&expr.shape, items)? {
        match (mask_axes(&item)?, item) {
            (Some(axes), Index::Array(mask)) => {
                check_mask(expr, axis, &mask.expr()?)?;
                out.extend(mask.nonzero().into_iter().map(Index::Array));
                axis += axes;
                continue;
            }
            (_, Index::Bools(bools)) => out.push(Index::List(set_places(&bools))),
            (_, Index::NewAxis) => {
                out.push(Index::NewAxis);
                continue;
            }
            (_, other) => out.push(other),
        }
        axis += 1;
    }
    Ok(out)
}

/// Where `bools` are true.
fn set_places(bools: &[bool]) -> Vec<i64> {
    (0..).zip(bools).filter(|(_, set)| **set).map(|(at, _)| at).collect()
}

/// The slices of an index with arrays of integers among its items, and along which axes of what they select the arrays are
/// indices: `items` has one for every axis and new axis.
pub(super) fn places_of(expr: &Expr, items: &[Index]) -> Result<(Vec<Index>, Vec<usize>, Vec<Places>)> {
    let of = |at: i64| super::full(Vec::<u64>::new(), at, Some(DType::I64));
    let (mut sliced, mut axes, mut places) = (Vec::new(), Vec::new(), Vec::new());
    let mut axis = 0;
    for item in items {
        axis += !matches!(item, Index::NewAxis) as usize;
        let axis = axis.saturating_sub(1);
        let indices = match item {
            Index::Array(indices) => indices.clone(),
            Index::Int(at) => of(place(*at, axis, expr.shape[axis])?),
            Index::List(list) => {
                let places = list.iter().map(|&at| place(at, axis, expr.shape[axis])).collect::<Result<Vec<i64>>>()?;
                Array::from(ndarray::Array1::from(places))
            }
            other => {
                sliced.push(other.clone());
                continue;
            }
        };
        axes.push(sliced.len());
        sliced.push(Index::Slice(None, None, None));
        places.push(Places { indices: indices.expr()?, held: !matches!(item, Index::Array(_)) });
    }
    Ok((sliced, axes, places))
}

/// An index with arrays of integers among its items: slices first, then the places.
fn at_places(expr: &Expr, items: &[Index]) -> Result<Expr> {
    let items = expanded(expr, items)?;
    let (sliced, axes, places) = places_of(expr, &items)?;
    let sliced = indexed(expr, &sliced)?;
    pointwise(&sliced, &axes, &places, list_comes_first(&items))
}

/// The items without ellipsis and bools, one for every axis and new axis.
pub(super) fn expanded(expr: &Expr, items: &[Index]) -> Result<Vec<Index>> {
    let mut items = complete(&expr.shape, items)?;
    let along_axes = items.iter_mut().filter(|item| !matches!(item, Index::NewAxis));
    for (axis, item) in along_axes.enumerate() {
        let Index::Bools(bools) = item else { continue };
        let (n, len, counted) = (bools.len() as u64, expr.shape[axis], is_counted(expr, axis));
        if n > len || (n < len && !counted) {
            return Err(Error::bad_index("index", format!("{n} bools for axis {axis} with length {len}")));
        }
        if !counted {
            *item = Index::List(set_places(bools));
        }
    }
    Ok(items)
}

/// How many places `start..stop` has at most of an axis of at most `n`, of which it has `len`. A shorter axis gives fewer, but
/// where the one is counted from the front and the other from the end: `-5:3` has 3 of 3, and none of 9.
fn longest_slice((start, stop): (Option<i64>, Option<i64>), stride: i64, len: u64, n: u64) -> u64 {
    let within = |most: i64| n.min(most.unsigned_abs()).div_ceil(stride.unsigned_abs());
    match (start, stop) {
        (Some(start), Some(stop)) if stride > 0 && start < 0 && stop >= 0 => within(stop),
        (Some(start), Some(stop)) if stride < 0 && start >= 0 && stop < 0 => within(start.saturating_add(1)),
        _ => len,
    }
}

/// The lengths of what `items` select of an array of which some are not known yet.
fn bounds(expr: &Expr, items: &[Index]) -> Result<Vec<Length>> {
    let mut lengths: Vec<Length> = Vec::new();
    let mut axis = 0;
    let mut list = None;
    for item in items {
        let n = expr.shape.get(axis).copied().unwrap_or(0);
        match item {
            Index::NewAxis => {
                lengths.push((1, None));
                continue;
            }
            Index::Int(at) => drop(place(*at, axis, n)?),
            Index::Slice(start, stop, step) => {
                let (_, stride, len) = slice_bounds((*start, *stop, *step), n)?;
                lengths.push(match expr.counted.get(axis).cloned().flatten() {
                    None => (len, None),
                    // all of them are as many as before
                    Some(count) if (*start, *stop, stride.unsigned_abs()) == (None, None, 1) => (n, Some(count)),
                    Some(_) => (longest_slice((*start, *stop), stride, len, n), Some(Arc::default())),
                });
            }
            Index::List(places) => {
                places.iter().try_for_each(|&at| place(at, axis, n).map(|_| ()))?;
                list = Some(lengths.len());
                lengths.push((places.len() as u64, None));
            }
            Index::Bools(bools) => {
                list = Some(lengths.len());
                lengths.push((bools.iter().filter(|set| **set).count() as u64, None));
            }
            Index::Ellipsis | Index::Array(_) | Index::Refused(_) => return Err(Error::internal("an index that was not expanded")),
        }
        axis += 1;
    }
    if let Some(at) = list.filter(|_| list_comes_first(items)) {
        let length = lengths.remove(at);
        lengths.insert(0, length);
    }
    Ok(lengths)
}

/// The choice of elements of `items`, the list (if any) replaced by one of its runs.
fn affine(expr: &Expr, items: &[Index], run: Option<(i64, i64, u64)>) -> Result<Affine> {
    let mut source = Vec::new();
    let mut shape = Vec::new();
    let mut keep = |start: i64, step: i64, len: u64, source: &mut Vec<Follow>| {
        let (start, step) = match len {
            0 => (0, 1),
            1 => (start, 1),
            _ => (start, step),
        };
        // a place that repeats is a broadcast axis
        let axis = (step != 0).then_some(shape.len());
        source.push(Follow { start, step, axis });
        shape.push(len);
    };
    for item in items {
        let axis = source.len();
        match item {
            Index::NewAxis => keep(0, 1, 1, &mut Vec::new()),
            Index::Int(at) => source.push(Follow { start: place(*at, axis, expr.shape[axis])?, step: 0, axis: None }),
            Index::Slice(start, stop, step) => {
                let (start, step, len) = slice_bounds((*start, *stop, *step), expr.shape[axis])?;
                keep(start, step, len, &mut source);
            }
            Index::List(_) => {
                let (start, step, len) = run.unwrap_or((0, 1, 0));
                keep(start, step, len, &mut source);
            }
            Index::Ellipsis | Index::Bools(_) | Index::Array(_) | Index::Refused(_) => {
                return Err(Error::internal("an index that was not expanded"));
            }
        }
    }
    Ok(Affine::new(source, shape))
}

/// One list among `items`, at item `at`: slices of constant step, concatenated.
fn listed(expr: &Expr, items: &[Index], at: usize) -> Result<Expr> {
    let Index::List(list) = &items[at] else { return Err(Error::internal("no list")) };
    let axis = items[..at].iter().filter(|item| !matches!(item, Index::NewAxis)).count();
    let places: Vec<i64> = list.iter().map(|&i| place(i, axis, expr.shape[axis])).collect::<Result<_>>()?;
    let runs = runs(&places);
    if runs.len() > LIST_PIECES_MAX || is_table(runs.len(), expr.shape[axis]) {
        return at_places(expr, items);
    }
    let out_axis = items[..at].iter().filter(|item| !matches!(item, Index::Int(_))).count();
    let result = match runs[..] {
        [] => view(expr, affine(expr, items, None)?)?,
        [run] => view(expr, affine(expr, items, Some(run))?)?,
        _ => {
            let args: Result<Vec<Expr>> = runs.iter().map(|&run| view(expr, affine(expr, items, Some(run))?)).collect();
            join(args?, out_axis)?
        }
    };
    if list_comes_first(items) && out_axis > 0 {
        let mut order: Vec<usize> = (0..result.shape.len()).filter(|&i| i != out_axis).collect();
        order.insert(0, out_axis);
        return view(&result, Affine::permute(&result.shape, &order));
    }
    Ok(result)
}

/// `x[mask]`: the elements where a bool array of the same shape is true, in C order.
fn masked(expr: &Expr, mask: &Array) -> Result<Expr> {
    let mask = mask.expr()?;
    if mask.dtype != DType::Bool {
        return Err(Error::bad_index("index", format!("an array of {} as an index; expected bool or integers", mask.dtype)));
    }
    if expr.is_counted() || mask.is_counted() {
        if mask.shape.len() != expr.shape.len() {
            let what = format!("a mask of {} axes on an array of {}; expected as many at most", mask.shape.len(), expr.shape.len());
            return Err(Error::bad_index("index", what));
        }
        let bound = expr.elements().min(mask.elements());
        let known = || Ok((vec![(bound, Some(Arc::default()))], expr.dtype));
        return counted::deferred("index", &[expr.clone(), mask], known, |args| selected(&args[0], &args[1]));
    }
    selected(expr, &mask)
}

/// Refuses a mask of other lengths than the axes of `expr` from `first` on have; one of length 0 selects nothing, whatever the axis
/// has. What is counted is not known yet.
fn check_mask(expr: &Expr, first: usize, mask: &Expr) -> Result<()> {
    let fits = |(at, &n): (usize, &u64)| match expr.shape.get(first + at) {
        Some(&len) => n == len || n == 0 || is_counted(expr, first + at) || is_counted(mask, at),
        None => false,
    };
    if mask.shape.iter().enumerate().all(fits) {
        return Ok(());
    }
    let what =
        format!("a mask of shape {:?} on an array of shape {:?}, from axis {first} on; expected the same lengths", mask.shape, expr.shape);
    Err(Error::bad_index("index", what))
}

/// [`masked`] of arrays whose lengths are known.
fn selected(expr: &Expr, mask: &Expr) -> Result<Expr> {
    check_mask(expr, 0, mask)?;
    if mask.shape.len() < expr.shape.len() {
        return Err(Error::internal("a mask of leading axes taken for one of all"));
    }
    if mask.shape != expr.shape {
        return constant(Scalar::Int(0), expr.dtype, &[0]);
    }
    let count = counted::count_of(mask);
    Node::new(ops::Mask { arg: expr.clone(), mask: mask.clone(), count, len: None }.into())
}

impl Array {
    /// The elements at an index in NumPy's meaning; see [`idx!`](crate::idx).
    ///
    /// ```
    /// use flagstone::{DType, idx, zeros};
    /// let x = zeros([5, 4], DType::F64);
    /// assert_eq!(x.index(idx![1..4, -1]).shape().unwrap(), [3]);
    /// assert_eq!(x.index(idx![x.gt(0.0)]).ndim().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn index(&self, index: impl AsRef<[Index]>) -> Array {
        Array::build(|| indexed(&self.expr()?, index.as_ref()))
    }
}

impl Array {
    /// The elements at the integers `indices` along `axis`, negative ones from the end.
    ///
    /// ```
    /// let x = flagstone::arange(0, 10, 2, None).take(&flagstone::arange(2, 0, -1, None), 0);
    /// assert_eq!(x.compute::<i64>().unwrap().as_slice().unwrap(), [4, 2]);
    /// ```
    #[track_caller]
    pub fn take(&self, indices: &Array, axis: i64) -> Array {
        Array::build(|| {
            let expr = self.expr()?;
            let axis = super::axes::position("take", axis, expr.shape.len())?;
            let mut items = vec![Index::WHOLE; axis];
            items.push(Index::Array(indices.clone()));
            match indexed_at_hand(&expr, &items)? {
                Some(taken) => Ok(taken),
                None => take("take", &expr, &indices.expr()?, axis),
            }
        })
    }
}
