//! `x.oix[...]`: each item of an index selects along an axis of its own, so several lists give the outer product of their places.

use super::Array;
use super::index::{Index, complete};
use crate::error::{Error, Result};

/// The indices that select the same one after the other from an array of `shape`, none of which has more than one list.
///
/// # Errors
/// `BadIndex` for an array of several axes as an item, and for more axes or ellipses than there are.
pub(super) fn steps(shape: &[u64], items: &[Index]) -> Result<Vec<Vec<Index>>> {
    let many = |item: &Index| if let Index::Array(places) = item { places.ndim().map(|n| Some(n).filter(|&n| n > 1)) } else { Ok(None) };
    if let Some(n) = items.iter().find_map(|item| many(item).transpose()) {
        return Err(Error::bad_index("oix", format!("an array of {} axes as one item; expected places along one axis", n?)));
    }
    let mut plain = complete(shape, items)?;
    let (mut lists, mut axis) = (Vec::new(), 0);
    for item in &mut plain {
        if matches!(item, Index::List(_) | Index::Bools(_) | Index::Array(_)) {
            let list = std::mem::replace(item, Index::WHOLE);
            lists.push(std::iter::repeat_n(Index::WHOLE, axis).chain([list]).collect());
        }
        axis += !matches!(item, Index::Int(_)) as usize;
    }
    // from the last axis on: a place alone takes its axis away
    Ok(std::iter::once(plain).chain(lists.into_iter().rev()).collect())
}

impl Array {
    /// The elements at the places that each item of the index selects along its own axis: of lists the outer product, where
    /// [`Array::index`] takes lists together, as NumPy does. `x.oix(idx![[0, 2], [1, 3]])` is `x[ix_([0, 2], [1, 3])]`.
    ///
    /// # Errors
    /// Those of [`Array::index`], and for arrays of several axes as items.
    ///
    /// ```
    /// use flagstone::{DType, idx, zeros};
    /// let x = zeros([5, 4, 3], DType::F64);
    /// assert_eq!(x.oix(idx![[0, 2, 4], .., [2, 0]]).shape().unwrap(), [3, 4, 2]);
    /// ```
    #[track_caller]
    pub fn oix(&self, index: impl AsRef<[Index]>) -> Array {
        Array::build(|| {
            let steps = steps(&self.expr()?.shape, index.as_ref())?;
            steps.iter().fold(self.clone(), |x, step| x.index(step)).expr()
        })
    }
}
