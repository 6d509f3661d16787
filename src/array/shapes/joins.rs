//! Arrays with axes added to what is needed, and put together along one of them.

use crate::array::composed::composed;
use crate::array::{Array, concatenate};
use crate::error::{Error, Result};

impl Array {
    /// With an axis at least.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros((), flagstone::DType::F64).atleast_1d().shape().unwrap(), [1]);
    /// ```
    #[track_caller]
    pub fn atleast_1d(&self) -> Array {
        self.with_axes([&[0], &[], &[]])
    }

    /// With two axes at least: of one axis, a row.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([3], flagstone::DType::F64).atleast_2d().shape().unwrap(), [1, 3]);
    /// ```
    #[track_caller]
    pub fn atleast_2d(&self) -> Array {
        self.with_axes([&[0, 1], &[0], &[]])
    }

    /// With three axes at least: one stands in the middle, two come first.
    ///
    /// ```
    /// assert_eq!(flagstone::zeros([3], flagstone::DType::F64).atleast_3d().shape().unwrap(), [1, 3, 1]);
    /// ```
    #[track_caller]
    pub fn atleast_3d(&self) -> Array {
        self.with_axes([&[0, 1, 2], &[0, 2], &[2]])
    }

    /// New axes at the places that stand under the number of axes.
    #[track_caller]
    fn with_axes(&self, new: [&'static [i64]; 3]) -> Array {
        match self.ndim().ok().and_then(|ndim| new.get(ndim)) {
            Some(places) if !places.is_empty() => self.expand_dims(*places),
            _ => self.clone(),
        }
    }
}

/// Arrays one behind the other: along axis 2, with fewer axes as [`Array::atleast_3d`] adds them.
///
/// ```
/// use flagstone::{DType, array::dstack, zeros};
/// let x = zeros([2, 3], DType::F32);
/// assert_eq!(dstack(&[x.clone(), x]).shape().unwrap(), [2, 3, 2]);
/// ```
#[track_caller]
pub fn dstack(arrays: &[Array]) -> Array {
    concatenate(&arrays.iter().map(Array::atleast_3d).collect::<Vec<_>>(), 2)
}

/// Arrays beside one another, of one axis as columns.
///
/// ```
/// use flagstone::{DType, array::column_stack, zeros};
/// let x = zeros([3], DType::F32);
/// assert_eq!(column_stack(&[x.clone(), x]).shape().unwrap(), [3, 2]);
/// ```
#[track_caller]
pub fn column_stack(arrays: &[Array]) -> Array {
    let columns: Vec<Array> = arrays.iter().map(|array| array.with_axes([&[0, 1], &[1], &[]])).collect();
    concatenate(&columns, 1)
}

/// Arrays in lists of lists, as [`block`] puts them together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Nested {
    /// An array.
    Array(Array),
    /// What stands beside one another.
    List(Vec<Nested>),
}

impl From<&Array> for Nested {
    fn from(array: &Array) -> Nested {
        Nested::Array(array.clone())
    }
}

impl<T: Into<Nested>> From<Vec<T>> for Nested {
    fn from(list: Vec<T>) -> Nested {
        Nested::List(list.into_iter().map(Into::into).collect())
    }
}

impl Nested {
    /// How many lists stand around every array.
    fn depth(&self) -> Result<usize> {
        let Nested::List(items) = self else { return Ok(0) };
        let depths = items.iter().map(Nested::depth).collect::<Result<Vec<_>>>()?;
        match depths[..] {
            [] => Err(Error::bad_request("block", "an empty list; expected arrays in it")),
            [first, ref others @ ..] if others.iter().all(|&depth| depth == first) => Ok(1 + first),
            _ => Err(Error::bad_request("block", format!("lists of depths {depths:?} in one list; expected arrays at one depth"))),
        }
    }

    fn leaves<'a>(&'a self, found: &mut Vec<&'a Array>) {
        match self {
            Nested::Array(array) => found.push(array),
            Nested::List(items) => items.iter().for_each(|item| item.leaves(found)),
        }
    }

    /// The next of `leaves`, or what stands in the list: joined along the axis `depth` from the end.
    fn joined(&self, depth: i64, leaves: &mut std::slice::Iter<'_, Array>) -> Result<Array> {
        match self {
            Nested::Array(_) => leaves.next().cloned().ok_or_else(|| Error::internal("fewer arrays than places in block")),
            Nested::List(items) => {
                let parts = items.iter().map(|item| item.joined(depth - 1, leaves)).collect::<Result<Vec<_>>>()?;
                Ok(concatenate(&parts, -depth))
            }
        }
    }
}

/// Arrays in lists of lists as one: the innermost lists join along the last axis, those around them along the last but one.
///
/// ```
/// use flagstone::{DType, array::block, ones, zeros};
/// let (a, b) = (ones([2, 2], DType::F64), zeros([2, 3], DType::F64));
/// assert_eq!(block(vec![vec![&a, &b], vec![&b, &a]]).shape().unwrap(), [4, 5]);
/// ```
#[track_caller]
pub fn block(arrays: impl Into<Nested>) -> Array {
    let nested = arrays.into();
    let mut leaves = Vec::new();
    nested.leaves(&mut leaves);
    let shape = nested.clone();
    composed("block", &leaves, move |arrays| {
        let depth = shape.depth()?;
        let ndim = arrays.iter().map(Array::ndim).collect::<Result<Vec<_>>>()?.into_iter().fold(depth, usize::max);
        let full = |array: &Array| Ok(array.expand_dims((0..(ndim - array.ndim()?) as i64).collect::<Vec<_>>()));
        let arrays = arrays.iter().map(full).collect::<Result<Vec<_>>>()?;
        shape.joined(depth as i64, &mut arrays.iter())
    })
}
