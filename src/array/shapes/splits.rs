//! One array → its parts along an axis.

use crate::array::Array;
use crate::array::axes::position;
use crate::array::composed::{check_pieces, composed_of, picked};
use crate::error::{Error, Result};

/// Where an axis is cut.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sections {
    /// So many parts.
    Parts(u64),
    /// Before these places; negative ones count from the end.
    At(Vec<i64>),
}

impl From<u64> for Sections {
    fn from(parts: u64) -> Sections {
        Sections::Parts(parts)
    }
}

impl From<&[i64]> for Sections {
    fn from(places: &[i64]) -> Sections {
        Sections::At(places.to_vec())
    }
}

impl<const N: usize> From<[i64; N]> for Sections {
    fn from(places: [i64; N]) -> Sections {
        Sections::At(places.to_vec())
    }
}

impl Sections {
    fn count(&self) -> u64 {
        match self {
            Sections::Parts(parts) => *parts,
            Sections::At(places) => places.len() as u64 + 1,
        }
    }

    /// First place and length of part `i` of an axis of `n`.
    fn part(&self, i: u64, n: u64) -> (u64, u64) {
        match self {
            Sections::Parts(parts) => {
                let (each, longer) = (n / parts, n % parts);
                (i * each + i.min(longer), each + u64::from(i < longer))
            }
            Sections::At(places) => {
                let place = |at: i64| (if at < 0 { at.saturating_add(n as i64) } else { at }).clamp(0, n as i64) as u64;
                let start = (i as usize).checked_sub(1).map_or(0, |before| place(places[before]));
                let end = places.get(i as usize).map_or(n, |&at| place(at));
                (start, end.saturating_sub(start))
            }
        }
    }
}

/// The parts; `equal` refuses those of different lengths where only their number is given.
#[track_caller]
fn parts(name: &'static str, x: &Array, sections: &Sections, axis: i64, equal: bool) -> Vec<Array> {
    let refused = |error: Error| vec![Array::build(|| Err(error))];
    if sections.count() == 0 {
        return refused(Error::bad_request(name, "0 parts; expected one or more"));
    }
    if let Err(error) = check_pieces(name, sections.count(), "take slices as they are needed") {
        return refused(error);
    }
    let one = |i: u64| {
        let sections = sections.clone();
        // a length that is not known yet may be one that divides
        composed_of(name, &[x], &[sections.count()], move |arrays| {
            let x = arrays[0].expr()?;
            let axis = position(name, axis, x.shape.len())?;
            let n = x.shape[axis];
            if let Sections::Parts(parts) = sections
                && equal
                && n % parts != 0
            {
                let what = format!("an axis with length {n} into {parts} parts; expected a number that divides it, or use array_split");
                return Err(Error::bad_request(name, what));
            }
            let (start, len) = sections.part(i, n);
            picked(name, &x, axis, &[(start as i64, 1, len)]).map(Array::from_expr)
        })
    };
    (0..sections.count()).map(one).collect()
}

impl Array {
    /// The parts of an axis: so many of one length, or those between the given places.
    ///
    /// ```
    /// let x = flagstone::zeros([6, 2], flagstone::DType::F64);
    /// assert_eq!(x.split(3, 0)[1].shape().unwrap(), [2, 2]);
    /// assert_eq!(x.split([1, 4], 0)[1].shape().unwrap(), [3, 2]);
    /// ```
    #[track_caller]
    pub fn split(&self, sections: impl Into<Sections>, axis: i64) -> Vec<Array> {
        parts("split", self, &sections.into(), axis, true)
    }

    /// As [`Array::split`], the first parts being one longer where the length does not divide.
    ///
    /// ```
    /// let x = flagstone::zeros([7], flagstone::DType::F64);
    /// assert_eq!(x.array_split(3, 0)[0].shape().unwrap(), [3]);
    /// ```
    #[track_caller]
    pub fn array_split(&self, sections: impl Into<Sections>, axis: i64) -> Vec<Array> {
        parts("array_split", self, &sections.into(), axis, false)
    }

    /// The arrays that lie along an axis, without it.
    ///
    /// # Errors
    /// Those of the array, and `Unsupported` for an axis of more than 4096.
    ///
    /// ```
    /// let x = flagstone::zeros([6, 2], flagstone::DType::F64);
    /// assert_eq!(x.unstack(1).unwrap()[0].shape().unwrap(), [6]);
    /// ```
    pub fn unstack(&self, axis: i64) -> Result<Vec<Array>> {
        let shape = self.shape()?;
        let at = position("unstack", axis, shape.len())?;
        check_pieces("unstack", shape[at], "take slices as they are needed")?;
        let one = |i: u64| Ok(Array::from_expr(picked("unstack", &self.known()?, at, &[(i as i64, 1, 1)])?).squeeze(at as i64));
        (0..shape[at]).map(one).collect()
    }
}
