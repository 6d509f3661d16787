//! Rows of one or several arrays → a row of another: what needs whole lanes along the last axis, or a part of them and what lies
//! around it. Elements at places, the greatest ones, windows that roll, quantiles with weights and by label, values of laws with
//! parameters of their own.

mod along;
mod drawn;
mod quantiles;
mod rolling;
mod slide;
mod top;

pub use along::{Held, Required};
pub use drawn::Drawn;
pub use quantiles::{ByLabel, Weighted};
pub use rolling::{Fold, Rolling};
pub use slide::Slide;
pub use top::Top;

use crate::dtype::DType;
use serde::{Deserialize, Serialize};

/// What is made of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rows {
    /// Of n elements of a dtype, m places and m other elements: the n elements, with the others at those places. Of several
    /// for one place the last one stays.
    PutAlong(DType),
    /// The greatest or least elements.
    Top(Top),
    /// Something of the window around each element.
    Rolling(Rolling),
    /// Of elements of a dtype and fewer others, which slide along them: the sums of their products at each place.
    Slide(Slide),
    /// Quantiles of elements with weights.
    Weighted(Weighted),
    /// A quantile of the elements with each label.
    ByLabel(ByLabel),
    /// Of random words and parameters, an element each: values of a law.
    Drawn(Drawn),
    /// Of integers, places of an axis from its start, or a refusal.
    Held(Held),
    /// Of bools, the same: one that is false is refused, for this reason.
    Required(Required),
}

/// Why rows were refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A place that is none of so many.
    Place(i64, usize),
    /// A label that is none of so many groups.
    Label(i64, usize),
    /// A weight that is negative or not finite, or none that is positive.
    Weights,
    /// Parameters that a law does not take, and why.
    Parameters(String),
    /// What must hold does not, and what that is.
    Required(String),
}

impl Rows {
    /// NumPy's name, or that of whoever has it.
    pub fn name(&self) -> &str {
        match self {
            Rows::PutAlong(_) => "put_along_axis",
            Rows::Top(top) => top.name(),
            Rows::Rolling(rolling) => rolling.name(),
            Rows::Slide(_) => "convolve",
            Rows::Weighted(_) => "quantile",
            Rows::ByLabel(_) => "groupby",
            Rows::Drawn(of) => of.law.full_name(),
            Rows::Held(_) => "index",
            Rows::Required(of) => &of.by,
        }
    }

    /// How many of the last axes of an argument a row is: items of a state have an axis for their bytes.
    pub fn row_axes(&self) -> usize {
        if matches!(self, Rows::Top(Top { of_items: true, .. })) { 2 } else { 1 }
    }

    /// Bytes beside the rows, where those of the arguments have `lens` elements.
    pub fn scratch_bytes(&self, lens: &[u64]) -> u64 {
        match self {
            Rows::PutAlong(_) | Rows::Slide(_) | Rows::Drawn(_) | Rows::Held(_) | Rows::Required(_) => 0,
            Rows::Top(top) => top.scratch_bytes(lens[0]),
            Rows::Rolling(rolling) => rolling.scratch_bytes(),
            Rows::Weighted(of) => of.scratch_bytes(lens[0]),
            Rows::ByLabel(of) => of.scratch_bytes(lens[0]),
        }
    }

    /// Makes each of the dense rows of `out` of the dense rows of `args`, which have `lens` elements; of an argument with one
    /// row of the same for all. Rows begin at the place `first` of their axis.
    ///
    /// # Errors
    /// The first place, label or weight that is none.
    ///
    /// # Panics
    /// If a buffer is shorter than said, or not aligned to 8 bytes.
    pub fn run(&self, args: &[&[u8]], lens: &[usize], first: u64, out: &mut [u8], scratch: &mut [u8]) -> Result<(), Refused> {
        match self {
            Rows::PutAlong(dtype) => along::put(*dtype, args[0], args[1], args[2], lens, out),
            Rows::Top(top) => {
                top.run(args[0], lens[0], first, out, scratch);
                Ok(())
            }
            Rows::Rolling(rolling) => {
                rolling.run(bytemuck::cast_slice(args[0]), lens[0], first, bytemuck::cast_slice_mut(out), scratch);
                Ok(())
            }
            Rows::Slide(of) => {
                of.run(args[0], args[1], first, out);
                Ok(())
            }
            Rows::Weighted(of) => of.run(args[0], bytemuck::cast_slice(args[1]), lens[0], out, scratch),
            Rows::ByLabel(of) => of.run(args[0], bytemuck::cast_slice(args[1]), lens[0], out, scratch),
            Rows::Drawn(of) => of.run(args, out),
            Rows::Held(of) => of.run(bytemuck::cast_slice(args[0]), bytemuck::cast_slice_mut(out)),
            Rows::Required(of) => of.run(args[0], out),
        }
    }
}
