//! `x.oix[...]`: each item of an index selects along an axis of its own, so several lists give the outer product of their places.

use super::Array;
use super::indexing::Index;
use crate::error::{Error, Result};

const WHOLE: Index = Index::Slice(None, None, None);

/// The indices that select the same one after the other from an array of `ndim` axes, none of which has more than one list.
///
/// # Errors
/// `BadIndex` for an array of several axes, and for more axes or ellipses than there are.
pub(super) fn steps(ndim: usize, items: &[Index]) -> Result<Vec<Vec<Index>>> {
    let used = items.iter().filter(|item| !matches!(item, Index::NewAxis | Index::Ellipsis)).count();
    let ellipses = items.iter().filter(|item| matches!(item, Index::Ellipsis)).count();
    if used > ndim || ellipses > 1 {
        // the usual index says what is wrong with it
        return Ok(vec![items.to_vec()]);
    }
    let (mut plain, mut lists, mut axes) = (Vec::with_capacity(items.len()), Vec::new(), 0);
    for item in items {
        let is_list = match item {
            Index::Array(places) => match places.ndim()? {
                0 | 1 => true,
                n => return Err(Error::bad_index("oix", format!("an array of {n} axes as one item; expected places along one axis"))),
            },
            other => matches!(other, Index::List(_) | Index::Bools(_)),
        };
        if is_list {
            lists.push((axes, item.clone()));
        }
        plain.push(if is_list { WHOLE } else { item.clone() });
        axes += match item {
            Index::Int(_) => 0,
            Index::Ellipsis => ndim - used,
            _ => 1,
        };
    }
    // from the last axis on: a place alone takes its axis away
    let along = |(axis, item): (usize, Index)| std::iter::repeat_n(WHOLE, axis).chain([item]).collect();
    Ok(std::iter::once(plain).chain(lists.into_iter().rev().map(along)).collect())
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
            let steps = steps(self.ndim()?, index.as_ref())?;
            steps.iter().fold(self.clone(), |x, step| x.index(step)).expr()
        })
    }
}
