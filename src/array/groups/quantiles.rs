//! Exact quantiles of groups: a task holds whole lanes with their labels. A single lane too long for that is put in order by label and value,
//! out of core, and what lies at the places of the quantiles is taken from it.

use super::{Groups, check_lengths};
use crate::array::blocks::rows;
use crate::array::elementwise::constant;
use crate::array::sorting::tally::tally;
use crate::array::sorting::{Q, lexsort};
use crate::array::{Array, Index, counted, stack, where_, zeros};
use crate::error::{Error, Result};
use crate::sizes::graph;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::lanes::Method;
use flagstone_kernels::rows::{ByLabel, Rows};

/// Which quantiles.
#[derive(Clone)]
struct Wanted {
    q: Vec<f64>,
    /// The mean of the two elements in the middle, which does not overflow; otherwise what lies between the nearest two linearly.
    is_median: bool,
    /// Whether NaNs are no elements; otherwise one NaN makes the quantiles of its group NaN.
    skip_nan: bool,
}

impl Groups {
    /// The exact medians of the groups; NaN where one has no place, or a NaN. A task holds whole lanes along the axis, or along several as
    /// one; an array that is one lane of more than 2²⁰ elements is sorted.
    #[track_caller]
    pub fn median(&self) -> Array {
        self.quantile_by(&0.5.into(), true, false)
    }

    /// As [`Groups::median`] of what is no NaN; NaN where there is nothing else.
    #[track_caller]
    pub fn nanmedian(&self) -> Array {
        self.quantile_by(&0.5.into(), true, true)
    }

    /// Exact quantiles of the groups, between the nearest two values linearly; of several q along an axis before all others.
    ///
    /// ```
    /// let x = flagstone::arange(0.0, 6.0, 1.0, None);
    /// let odd = flagstone::arange(0, 6, 1, None) % 2;
    /// let found = x.groupby(&odd, 0, 2).quantile([0.0, 0.75]);
    /// assert_eq!(found.compute::<f64>().unwrap().into_raw_vec_and_offset().0, [0.0, 1.0, 3.0, 4.0]);
    /// ```
    #[track_caller]
    pub fn quantile(&self, q: impl Into<Q>) -> Array {
        self.quantile_by(&q.into(), false, false)
    }

    /// As [`Groups::quantile`] of what is no NaN; NaN where there is nothing else.
    #[track_caller]
    pub fn nanquantile(&self, q: impl Into<Q>) -> Array {
        self.quantile_by(&q.into(), false, true)
    }

    #[track_caller]
    fn quantile_by(&self, q: &Q, is_median: bool, skip_nan: bool) -> Array {
        Array::build(|| {
            let (dtype, groups) = (self.x.dtype()?, self.groups);
            if dtype.is_complex() {
                return Err(Error::bad_type("groupby", format!("{dtype} has no order")));
            }
            q.checked("groupby", 1.0)?;
            let labels = self.checked_labels()?;
            let along = self.along()?;
            let axis = along.start as i64;
            // several axes as one
            let (x, labels) = match along.len() {
                1 => (self.x.clone(), labels),
                _ => {
                    let (shape, of_labels) = (self.x.shape()?, labels.shape.clone());
                    check_lengths(&of_labels, &shape[along.clone()], groups)?;
                    let whole = [of_labels.iter().product()];
                    let merged = self.x.reshape([&shape[..along.start], &whole, &shape[along.end..]].concat());
                    (merged, Array::from_expr(labels).ravel().expr()?)
                }
            };
            let lanes = x.moveaxis(axis, -1).expr()?;
            let wanted = Wanted { q: q.values.clone(), is_median, skip_nan };
            let found = counted::when_known("groupby", &[lanes, labels], &[], move |args| {
                let (lanes, labels) = (&args[0], &args[1]);
                let n = lanes.shape[lanes.shape.len() - 1];
                check_lengths(&labels.shape, &[n], groups)?;
                let shape = [&lanes.shape[..lanes.shape.len() - 1], &[wanted.q.len() as u64, groups]].concat();
                if lanes.shape.contains(&0) || shape.contains(&0) {
                    return constant(Scalar::Float(f64::NAN), DType::F64, &shape);
                }
                if n > graph::GROUPED_LANE && lanes.elements() == n {
                    let (x, labels) = (Array::from_expr(lanes.clone()).ravel(), Array::from_expr(labels.clone()));
                    return by_order(&x, &labels, groups, &wanted)?.reshape(shape).expr();
                }
                let Wanted { q, is_median, skip_nan } = wanted.clone();
                let (len, method) = (q.len() as u64 * groups, if is_median { Method::Median } else { Method::Linear });
                let kernel = Rows::ByLabel(ByLabel { dtype: lanes.dtype, q, skip_nan, method, groups });
                Array::from_expr(rows::of_whole(kernel, &[lanes.clone(), labels.clone()], len, DType::F64)?).reshape(shape).expr()
            })?;
            let found = Array::from_expr(found).moveaxis(vec![-2, -1], vec![0, axis + 1]);
            let found = if q.is_one { found.index([Index::Int(0)]) } else { found };
            (if dtype.is_float() { found.astype(dtype) } else { found }).expr()
        })
    }
}

/// Quantiles of the elements of a sequence with each label, [quantiles, groups], as the kernel has them: the elements in order by label and
/// value are read at the places between which the quantiles lie.
fn by_order(x: &Array, labels: &Array, groups: u64, wanted: &Wanted) -> Result<Array> {
    let order = lexsort(&[x.clone(), labels.clone()], 0)?;
    let counts = tally(labels, None, groups, false)?;
    // labels below 0 stand before all others, NaNs behind all elements of their label
    let starts = counts.cumsum(0) - &counts + labels.lt(0).sum(..);
    let nans = if x.dtype()?.is_float() {
        tally(&where_(x.isnan(), labels.clone(), -1), None, groups, false)?
    } else {
        zeros([groups], DType::I64)
    };
    let known = &counts - &nans;
    let last = known.maximum(1) - 1;
    let q = Array::from(ndarray::Array1::from(wanted.q.clone())).expand_dims(1);
    let index = last.astype(DType::F64) * q;
    let (low, high) = match wanted.is_median {
        true => (last.floor_divide(2).broadcast_to(index.shape()?), (&last + 1).floor_divide(2).broadcast_to(index.shape()?)),
        false => {
            let low = index.floor().astype(DType::I64);
            (low.clone(), (low + 1).minimum(&last))
        }
    };
    let places = (stack(&[low.clone(), high.clone()], 0) + starts).minimum(x.shape()?[0] as i64 - 1);
    let found = x.take(&order.take(&places, 0), 0).astype(DType::F64);
    let (a, b) = (found.index([Index::Int(0)]), found.index([Index::Int(1)]));
    let mixed = if wanted.is_median {
        let sum = &a + &b;
        where_(sum.isfinite(), sum / 2.0, &a / 2.0 + &b / 2.0)
    } else {
        let part = &index - index.floor();
        where_(part.ge(0.5), &b - (&b - &a) * (1.0 - &part), &a + (&b - &a) * &part)
    };
    let nothing = if wanted.skip_nan { known.eq(0) } else { known.eq(0) | nans.gt(0) };
    let found = where_(nothing, f64::NAN, where_(low.eq(&high), a, mixed));
    found.required("groupby", &labels.max(..).lt(groups as i64), &format!("a label that is none of the {groups} groups"))
}
