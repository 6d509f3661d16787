//! What an index is made of, in NumPy's meaning; the [`idx!`](crate::idx) macro.

use super::Array;
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;

/// One item of an index.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Index {
    /// One place; negative from the end. The axis goes.
    Int(i64),
    /// `start:stop:step`.
    Slice(Option<i64>, Option<i64>, Option<i64>),
    /// A new axis of length 1.
    NewAxis,
    /// As many full slices as there are axes left.
    Ellipsis,
    /// Places in any order.
    List(Vec<i64>),
    /// The places that are true.
    Bools(Vec<bool>),
    /// A bool array of the array's shape, or places along one axis as an array of integers.
    Array(Array),
    /// A step on what is no slice: refused in these words.
    #[doc(hidden)]
    Refused(String),
}

/// A new axis in `idx![..]`, as NumPy's `newaxis`.
#[derive(Clone, Copy, Debug)]
pub struct NewAxis;

/// `...` in `idx![..]`.
#[derive(Clone, Copy, Debug)]
pub struct Ellipsis;

impl Index {
    /// All of an axis.
    pub(super) const WHOLE: Index = Index::Slice(None, None, None);

    /// The same slice with a step: what `a..b;step` means. Of anything else an index that is refused, as building
    /// never fails.
    pub fn step(self, step: i64) -> Index {
        let given = match self {
            Index::Slice(start, stop, None) => return Index::Slice(start, stop, Some(step)),
            Index::Slice(_, _, Some(first)) => format!("the steps {first} and {step} on one slice"),
            Index::Int(at) => format!("the step {step} on the integer {at}"),
            Index::NewAxis => format!("the step {step} on a new axis"),
            Index::Ellipsis => format!("the step {step} on an ellipsis"),
            Index::List(_) | Index::Bools(_) => format!("the step {step} on a list"),
            Index::Array(_) => format!("the step {step} on an array"),
            refused @ Index::Refused(_) => return refused,
        };
        Index::Refused(format!("{given}; only a slice has one step, as in 5..;2"))
    }
}

/// An index in NumPy's meaning, for [`Array::index`]: integers, `a..b`, `a..b;step` (`500..100;-2` goes
/// down), `..` for a whole axis, `...` for all axes left, `NewAxis` or `None`, lists, and bool arrays.
///
/// ```
/// use flagstone::{DType, idx, zeros};
/// let x = zeros([600, 600], DType::F64);
/// assert_eq!(x.index(idx![..100, 500..100;-2]).shape().unwrap(), [100, 200]);
/// assert_eq!(x.index(idx![..;100]).shape().unwrap(), [6, 600]);
/// assert_eq!(x.index(idx![..., None, -1]).shape().unwrap(), [600, 1]);
/// assert_eq!(x.index(idx![.., [10, 1, 5]]).shape().unwrap(), [600, 3]);
/// ```
#[macro_export]
macro_rules! idx {
    (@ [$($done:expr,)*]) => {{
        // 500..100;-2 goes down, and is not empty
        #[allow(clippy::reversed_empty_ranges)]
        let index = ::std::vec::Vec::<$crate::array::Index>::from([$($done),*]);
        index
    }};
    (@ [$($done:expr,)*] ... $(, $($rest:tt)*)?) => {
        $crate::idx!(@ [$($done,)* $crate::array::Index::Ellipsis,] $($($rest)*)?)
    };
    (@ [$($done:expr,)*] None $(, $($rest:tt)*)?) => {
        $crate::idx!(@ [$($done,)* $crate::array::Index::NewAxis,] $($($rest)*)?)
    };
    (@ [$($done:expr,)*] $item:expr ; $step:expr $(, $($rest:tt)*)?) => {
        $crate::idx!(@ [$($done,)* $crate::array::Index::from($item).step($step),] $($($rest)*)?)
    };
    (@ [$($done:expr,)*] $item:expr $(, $($rest:tt)*)?) => {
        $crate::idx!(@ [$($done,)* $crate::array::Index::from($item),] $($($rest)*)?)
    };
    ($($all:tt)*) => { $crate::idx!(@ [] $($all)*) };
}

impl From<std::ops::RangeFull> for Index {
    fn from(_: std::ops::RangeFull) -> Index {
        Index::WHOLE
    }
}
impl From<NewAxis> for Index {
    fn from(_: NewAxis) -> Index {
        Index::NewAxis
    }
}
impl From<Ellipsis> for Index {
    fn from(_: Ellipsis) -> Index {
        Index::Ellipsis
    }
}
impl From<Array> for Index {
    fn from(mask: Array) -> Index {
        Index::Array(mask)
    }
}
impl From<&Array> for Index {
    fn from(mask: &Array) -> Index {
        Index::Array(mask.clone())
    }
}
impl<const N: usize> From<[bool; N]> for Index {
    fn from(bools: [bool; N]) -> Index {
        Index::Bools(bools.to_vec())
    }
}
impl From<Vec<bool>> for Index {
    fn from(bools: Vec<bool>) -> Index {
        Index::Bools(bools)
    }
}

/// A place too far for an index is past the end of any axis, not before it.
fn whole(at: i128) -> i64 {
    at.min(i64::MAX as i128) as i64
}

macro_rules! from_integers {
    ($($t:ty),*) => { $(
        impl From<$t> for Index {
            fn from(at: $t) -> Index {
                Index::Int(whole(at as i128))
            }
        }
        impl From<std::ops::Range<$t>> for Index {
            fn from(range: std::ops::Range<$t>) -> Index {
                Index::Slice(Some(whole(range.start as i128)), Some(whole(range.end as i128)), None)
            }
        }
        impl From<std::ops::RangeFrom<$t>> for Index {
            fn from(range: std::ops::RangeFrom<$t>) -> Index {
                Index::Slice(Some(whole(range.start as i128)), None, None)
            }
        }
        impl From<std::ops::RangeTo<$t>> for Index {
            fn from(range: std::ops::RangeTo<$t>) -> Index {
                Index::Slice(None, Some(whole(range.end as i128)), None)
            }
        }
        impl<const N: usize> From<[$t; N]> for Index {
            fn from(list: [$t; N]) -> Index {
                Index::List(list.iter().map(|&at| whole(at as i128)).collect())
            }
        }
        impl From<&[$t]> for Index {
            fn from(list: &[$t]) -> Index {
                Index::List(list.iter().map(|&at| whole(at as i128)).collect())
            }
        }
        impl From<Vec<$t>> for Index {
            fn from(list: Vec<$t>) -> Index {
                Index::from(list.as_slice())
            }
        }
    )* };
}
from_integers!(i32, i64, usize);

/// Start, step and length of a slice of an axis of `len`: Python's `slice.indices`.
pub(super) fn slice_bounds(slice: (Option<i64>, Option<i64>, Option<i64>), len: u64) -> Result<(i64, i64, u64)> {
    let step = slice.2.unwrap_or(1);
    if step == 0 {
        return Err(Error::bad_request("index", "a slice with step 0; expected a step that moves"));
    }
    let len = len as i64;
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |at: i64| if at < 0 { at.saturating_add(len).max(low) } else { at.min(high) };
    let start = slice.0.map_or(if step > 0 { low } else { high }, clamp);
    let stop = slice.1.map_or(if step > 0 { high } else { low }, clamp);
    let distance = if step > 0 { stop - start } else { start - stop };
    let count = if distance <= 0 { 0 } else { (distance as u64).div_ceil(step.unsigned_abs()) };
    Ok((start, step, count))
}

pub(super) fn place(at: i64, axis: usize, len: u64) -> Result<i64> {
    let from_start = if at < 0 { at.saturating_add(len as i64) } else { at };
    if (0..len as i64).contains(&from_start) {
        Ok(from_start)
    } else {
        Err(Error::bad_index("index", format!("index {at} is out of bounds for axis {axis} with length {len}")))
    }
}

/// Whether `item` is an array of bool, and of how many axes.
pub(super) fn mask_axes(item: &Index) -> Result<Option<usize>> {
    match item {
        Index::Array(mask) if mask.dtype()? == DType::Bool => mask.ndim().map(Some),
        _ => Ok(None),
    }
}

/// NumPy: integers beside a list are part of the list; where a slice stands between them, its axis comes first.
pub(super) fn list_comes_first(items: &[Index]) -> bool {
    let part = |item: &Index| matches!(item, Index::Int(_) | Index::List(_) | Index::Bools(_) | Index::Array(_));
    let advanced: Vec<usize> = (0..items.len()).filter(|&i| part(&items[i])).collect();
    advanced.windows(2).any(|pair| pair[1] != pair[0] + 1)
}

/// NumPy: an ellipsis parts what stands before and behind it also where it stands for no axis. The items with a new axis in its place, and how
/// many axes of what is selected lie behind that; `None` where no ellipsis does so.
pub(super) fn parted(ndim: usize, items: &[Index]) -> Result<Option<(Vec<Index>, usize)>> {
    let Some(at) = items.iter().position(|item| matches!(item, Index::Ellipsis)) else { return Ok(None) };
    let (before, behind) = (&items[..at], &items[at + 1..]);
    let is_place = |item: &Index| matches!(item, Index::Int(_) | Index::List(_) | Index::Bools(_) | Index::Array(_));
    let is_list = |item: &Index| is_place(item) && !matches!(item, Index::Int(_));
    let parts = before.iter().any(is_place) && behind.iter().any(is_place) && items.iter().any(is_list);
    let is_last = !behind.iter().any(|item| matches!(item, Index::Ellipsis));
    if !parts || !is_last || items.iter().map(axes_of).sum::<Result<usize>>()? != ndim {
        return Ok(None);
    }
    let after = behind.iter().filter(|item| !is_place(item)).count();
    Ok(Some(([before, &[Index::NewAxis], behind].concat(), after)))
}

/// How many axes of the indexed array an item takes up.
fn axes_of(item: &Index) -> Result<usize> {
    match item {
        Index::NewAxis | Index::Ellipsis => Ok(0),
        item => mask_axes(item).map(|axes| axes.unwrap_or(1)),
    }
}

/// The items of an index of an array of `shape`, full slices in place of the ellipsis and of axes that are not named.
///
/// # Errors
/// `BadIndex` for items of more axes than there are, and for two ellipses.
pub(super) fn complete(shape: &[u64], items: &[Index]) -> Result<Vec<Index>> {
    let used = items.iter().map(axes_of).sum::<Result<usize>>()?;
    let Some(left) = shape.len().checked_sub(used) else {
        let what = format!("{used} indices for an array of {} axes, shape {shape:?}", shape.len());
        return Err(Error::bad_index("index", what));
    };
    let is_ellipsis = |item: &Index| matches!(item, Index::Ellipsis);
    let at = items.iter().position(is_ellipsis).unwrap_or(items.len());
    let behind = items.get(at + 1..).unwrap_or_default();
    if behind.iter().any(is_ellipsis) {
        return Err(Error::bad_index("index", "more than one ellipsis"));
    }
    Ok(items[..at].iter().cloned().chain(std::iter::repeat_n(Index::WHOLE, left)).chain(behind.iter().cloned()).collect())
}
