//! An array and labels of places along an axis or several → what is made of each group: `groupby(x, labels, axis)`, as flox gives dask.

mod quantiles;
pub(in crate::array) mod table;

use super::axes::position;
use super::elementwise::{cast, constant};
use super::sorting::tally::tally;
use super::{Array, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::grouped::{Fold, out_dtype};
use flagstone_kernels::op::ReduceOp;
use std::ops::Range;

/// Places along an axis of an array by label; see [`Array::groupby`].
#[derive(Clone, Debug)]
pub struct Groups {
    x: Array,
    labels: Array,
    axis: i64,
    groups: u64,
}

impl Array {
    /// The places along `axis` in `groups` groups by `labels`, integers, one a place; negative ones belong to no group. What is then
    /// asked has the groups in place of the axis. Labels of several axes are those of places along as many axes from `axis` on, as
    /// of the zones of a raster, which the groups replace.
    ///
    /// ```
    /// let x = flagstone::arange(0, 6, 1, None).astype(flagstone::DType::F64);
    /// let odd = flagstone::arange(0, 6, 1, None) % 2;
    /// assert_eq!(x.groupby(&odd, 0, 2).mean().compute::<f64>().unwrap().as_slice().unwrap(), [2.0, 3.0]);
    /// ```
    pub fn groupby(&self, labels: &Array, axis: i64, groups: u64) -> Groups {
        Groups { x: self.clone(), labels: labels.clone(), axis, groups }
    }

    /// Groups of places along `axis` by which of the bins between `edges`, ascending, the coordinate of each lies in: from an edge on,
    /// up to the next one. What lies beyond them is in none.
    ///
    /// ```
    /// let hours = flagstone::arange(0, 6, 1, None);
    /// let days = flagstone::Array::from(ndarray::arr1(&[0i64, 2, 6]));
    /// let x = flagstone::arange(0.0, 6.0, 1.0, None);
    /// assert_eq!(x.resample(&hours, &days, 0).sum().compute::<f64>().unwrap().as_slice().unwrap(), [1.0, 14.0]);
    /// ```
    #[track_caller]
    pub fn resample(&self, coordinate: &Array, edges: &Array, axis: i64) -> Groups {
        let bins = edges.shape().ok().filter(|shape| shape.len() == 1 && shape[0] > 1).map(|shape| shape[0] - 1);
        let labels = Array::build(|| {
            let Some(bins) = bins else {
                let what = format!("edges of shape {:?}; expected one axis and two edges at least", edges.shape()?);
                return Err(Error::bad_request("resample", what));
            };
            let bin = edges.searchsorted(coordinate.clone(), true) - 1;
            where_(bin.ge(bins as i64), -1, bin).expr()
        });
        self.groupby(&labels, axis, bins.unwrap_or(1))
    }
}

impl Groups {
    /// The axes that labels go along.
    fn along(&self) -> Result<Range<usize>> {
        let (ndim, of_labels) = (self.x.ndim()?, self.labels.ndim()?);
        let at = position("groupby", self.axis, ndim)?;
        if of_labels == 0 || at + of_labels > ndim {
            let what = format!(
                "labels of {of_labels} axes for those from {at} on of {ndim}; expected an axis at least, and no more than there are"
            );
            return Err(Error::bad_request("groupby", what));
        }
        Ok(at..at + of_labels)
    }

    /// The labels, none below 0 and none beyond the groups, to take with.
    fn places_to_take(&self) -> Array {
        self.labels.astype(DType::I64).clip(0, self.groups as i64 - 1)
    }

    /// `x` folded by label, parts combined, before the groups go back to the axis's place.
    fn folded(&self, x: &Array, fold: Fold) -> Result<Array> {
        let dtype = x.dtype()?;
        let dtype = match fold {
            Fold::Present => DType::F64,
            Fold::Sum | Fold::Product if dtype == DType::C64 => DType::C128,
            Fold::Sum | Fold::Product => match ReduceOp::Sum.out_dtype(dtype) {
                Some(out) if out.is_float() => DType::F64,
                Some(out) => out,
                None => dtype,
            },
            _ if dtype.is_complex() => return Err(Error::bad_type("groupby", format!("{dtype} has no order"))),
            _ => dtype,
        };
        let labels = self.checked_labels()?;
        let (along, groups) = (self.along()?, self.groups);
        let axis = along.start as i64;
        let rows = cast(
            &x.moveaxis(along.clone().map(|at| at as i64).collect::<Vec<_>>(), (0..along.len() as i64).collect::<Vec<_>>()).expr()?,
            dtype,
        )?;
        let folded = counted::when_known("groupby", &[rows, labels], &[], move |args| {
            let (rows, labels) = (&args[0], &args[1]);
            let (rows_shape, others) = rows.shape.split_at(labels.shape.len());
            check_lengths(&labels.shape, rows_shape, groups)?;
            if rows.shape.contains(&0) {
                let shape: Vec<u64> = std::iter::once(groups).chain(others.iter().copied()).collect();
                let nothing = match fold {
                    Fold::NanMin | Fold::NanMax => Scalar::Float(f64::NAN),
                    Fold::Product => Scalar::Int(1),
                    _ => Scalar::Int(0),
                };
                return constant(nothing, out_dtype(fold, rows.dtype), &shape);
            }
            let parts = Array::from_expr(Node::new(ops::Grouped::new(fold, rows, labels, groups).into())?);
            match fold {
                Fold::Sum | Fold::Present => parts.sum(0),
                Fold::Product => parts.prod(0),
                Fold::Min => parts.min(0),
                Fold::Max => parts.max(0),
                Fold::NanMin => parts.nanmin(0),
                Fold::NanMax => parts.nanmax(0),
            }
            .expr()
        })?;
        Ok(Array::from_expr(folded).moveaxis(0, axis))
    }

    /// The labels as int64.
    fn checked_labels(&self) -> Result<Expr> {
        let labels = self.labels.expr()?;
        if !labels.dtype.is_integer() {
            return Err(Error::bad_type("groupby", format!("labels of {}; expected integers", labels.dtype)));
        }
        cast(&labels, DType::I64)
    }

    /// How many places each group has, along the axis's place.
    fn places(&self) -> Result<Array> {
        let along = self.along()?;
        let counts = tally(&self.labels, None, self.groups, false)?;
        let mut shape = vec![1; self.x.ndim()? - along.len() + 1];
        shape[along.start] = self.groups;
        Ok(counts.reshape(shape))
    }

    /// Whether there can be NaN.
    fn has_nan(&self) -> Result<bool> {
        let dtype = self.x.dtype()?;
        Ok(dtype.is_float() || dtype.is_complex())
    }

    /// The sums of what is no NaN and how many there are of it, in the dtype that sums have and float64. One read of floats.
    fn present(&self) -> Result<(Array, Array)> {
        if self.x.dtype()?.is_complex() {
            let nan = self.x.isnan();
            let counts = self.folded(&nan.logical_not().astype(DType::I64), Fold::Sum)?.astype(DType::F64);
            return Ok((self.folded(&where_(nan, 0, self.x.clone()), Fold::Sum)?, counts));
        }
        let both = self.folded(&self.x, Fold::Present)?;
        Ok((both.real(), both.imag()))
    }

    /// The sums of the groups; 0 where one has no place. Small integers add up in 64 bits, floats in 64 and are rounded once.
    #[track_caller]
    pub fn sum(&self) -> Array {
        self.total(Fold::Sum, None)
    }

    /// As [`Groups::sum`] of what is no NaN.
    #[track_caller]
    pub fn nansum(&self) -> Array {
        self.total(Fold::Sum, Some(0))
    }

    /// The products of the groups; 1 where one has no place. Small integers multiply in 64 bits, floats in 64 and are rounded once.
    #[track_caller]
    pub fn prod(&self) -> Array {
        self.total(Fold::Product, None)
    }

    /// As [`Groups::prod`] of what is no NaN.
    #[track_caller]
    pub fn nanprod(&self) -> Array {
        self.total(Fold::Product, Some(1))
    }

    /// Sums or products, with `for_nan` in the place of each NaN.
    #[track_caller]
    fn total(&self, fold: Fold, for_nan: Option<i64>) -> Array {
        Array::build(|| {
            let has_nan = self.has_nan()?;
            let x = match for_nan {
                Some(value) if has_nan => where_(self.x.isnan(), value, self.x.clone()),
                _ => self.x.clone(),
            };
            let total = self.folded(&x, fold)?;
            (if has_nan { total.astype(self.x.dtype()?) } else { total }).expr()
        })
    }

    /// How many elements of each group are no NaN.
    #[track_caller]
    pub fn count(&self) -> Array {
        Array::build(|| {
            if self.has_nan()? {
                return self.present()?.1.astype(DType::I64).expr();
            }
            let shape = self.sum().shape()?;
            self.places()?.broadcast_to(shape).expr()
        })
    }

    /// The means of the groups; NaN where one has no place.
    #[track_caller]
    pub fn mean(&self) -> Array {
        self.centre(false)
    }

    /// As [`Groups::mean`] of what is no NaN; NaN where there is nothing else. One read.
    ///
    /// ```
    /// let x = flagstone::Array::from(ndarray::arr1(&[1.0, f64::NAN, 5.0]));
    /// let zones = flagstone::Array::from(ndarray::arr1(&[0, 0, 0]));
    /// assert_eq!(x.groupby(&zones, 0, 1).nanmean().item::<f64>().unwrap(), 3.0);
    /// ```
    #[track_caller]
    pub fn nanmean(&self) -> Array {
        self.centre(true)
    }

    #[track_caller]
    fn centre(&self, skip_nan: bool) -> Array {
        Array::build(|| {
            let (sums, counts) = self.added(skip_nan)?;
            let means = sums / counts;
            (if self.has_nan()? { means.astype(self.x.dtype()?) } else { means }).expr()
        })
    }

    /// Sums for means, and counts, of what is no NaN if `skip_nan`. Integers are added as floats: their sums may not fit 64 bits.
    fn added(&self, skip_nan: bool) -> Result<(Array, Array)> {
        if skip_nan && self.has_nan()? {
            return self.present();
        }
        let is_float = self.has_nan()? || self.x.dtype()?.is_complex();
        let values = if is_float { self.x.clone() } else { self.x.astype(DType::F64) };
        Ok((self.folded(&values, Fold::Sum)?, self.places()?))
    }

    /// The variances of the groups, about their own means: a second read.
    #[track_caller]
    pub fn var(&self, ddof: f64) -> Array {
        self.spread(ddof, false)
    }

    /// As [`Groups::var`] of what is no NaN; NaN where there is no more of it than `ddof`.
    #[track_caller]
    pub fn nanvar(&self, ddof: f64) -> Array {
        self.spread(ddof, true)
    }

    #[track_caller]
    fn spread(&self, ddof: f64, skip_nan: bool) -> Array {
        Array::build(|| {
            let (dtype, skip_nan) = (self.x.dtype()?, skip_nan && self.has_nan()?);
            let (sums, counts) = self.added(skip_nan)?;
            let means = (sums / &counts).take(&self.places_to_take(), self.along()?.start as i64);
            let squares = if dtype.is_complex() {
                let off = self.x.astype(DType::C128) - means;
                off.real().square() + off.imag().square()
            } else {
                (self.x.astype(DType::F64) - means).square()
            };
            let squares = if skip_nan { where_(self.x.isnan(), 0, squares) } else { squares };
            let (squares, free) = (self.folded(&squares, Fold::Sum)?, counts.astype(DType::F64) - ddof);
            let variances = if skip_nan { where_(free.le(0), f64::NAN, squares / &free) } else { squares / free.maximum(0) };
            let real = if dtype == DType::C64 { DType::F32 } else { dtype };
            (if real.is_float() { variances.astype(real) } else { variances }).expr()
        })
    }

    /// The standard deviations of the groups.
    #[track_caller]
    pub fn std(&self, ddof: f64) -> Array {
        self.var(ddof).sqrt()
    }

    /// As [`Groups::std`] of what is no NaN.
    #[track_caller]
    pub fn nanstd(&self, ddof: f64) -> Array {
        self.nanvar(ddof).sqrt()
    }

    /// The sums of the groups with a weight for each place that has a label, or for each element.
    #[track_caller]
    pub fn weighted_sum(&self, weights: &Array) -> Array {
        Array::build(|| {
            let dtype = self.x.dtype()?;
            let sums = self.folded(&(self.x.astype(DType::F64) * self.beside(weights)?), Fold::Sum)?;
            (if dtype.is_float() { sums.astype(dtype) } else { sums }).expr()
        })
    }

    /// The means of the groups with a weight for each place that has a label, or for each element; NaN where one has no place.
    #[track_caller]
    pub fn weighted_mean(&self, weights: &Array) -> Array {
        Array::build(|| {
            let (dtype, weights) = (self.x.dtype()?, self.beside(weights)?);
            let sums = self.folded(&(self.x.astype(DType::F64) * &weights), Fold::Sum)?;
            let means = sums / self.folded(&weights, Fold::Sum)?;
            (if dtype.is_float() { means.astype(dtype) } else { means }).expr()
        })
    }

    /// The weights as float64, those of labels beside their axes.
    fn beside(&self, weights: &Array) -> Result<Array> {
        let (ndim, along, weights) = (self.x.ndim()?, self.along()?, weights.astype(DType::F64));
        if weights.ndim()? != along.len() || ndim == along.len() {
            return Ok(weights);
        }
        Ok(weights.expand_dims((0..ndim).filter(|other| !along.contains(other)).map(|axis| axis as i64).collect::<Vec<_>>()))
    }

    /// Where along the axis (of several: in C order) the first least value of each group stands; −1 where one has no place. A NaN is
    /// the least. A second read.
    #[track_caller]
    pub fn argmin(&self) -> Array {
        self.place_of(Fold::Min, false)
    }

    /// Where along the axis (of several: in C order) the first greatest value of each group stands; −1 where one has no place. A NaN
    /// is the greatest. A second read.
    #[track_caller]
    pub fn argmax(&self) -> Array {
        self.place_of(Fold::Max, false)
    }

    /// As [`Groups::argmin`] of what is no NaN; −1 where there is nothing else.
    #[track_caller]
    pub fn nanargmin(&self) -> Array {
        self.place_of(Fold::Min, true)
    }

    /// As [`Groups::argmax`] of what is no NaN; −1 where there is nothing else.
    #[track_caller]
    pub fn nanargmax(&self) -> Array {
        self.place_of(Fold::Max, true)
    }

    #[track_caller]
    fn place_of(&self, fold: Fold, skips_nan: bool) -> Array {
        Array::build(|| {
            let has_nan = self.has_nan()?;
            let fold = match fold {
                Fold::Min if skips_nan && has_nan => Fold::NanMin,
                Fold::Max if skips_nan && has_nan => Fold::NanMax,
                fold => fold,
            };
            let own = self.folded(&self.x, fold)?.take(&self.places_to_take(), self.along()?.start as i64);
            let is_it = self.x.eq(&own);
            let is_it = if has_nan && !skips_nan { is_it | (self.x.isnan() & own.isnan()) } else { is_it };
            let first = self.folded(&where_(is_it, self.numbered()?, i64::MAX), Fold::Min)?;
            where_(first.eq(i64::MAX), -1, first).expr()
        })
    }

    /// Each place's number, in C order among those that have labels.
    fn numbered(&self) -> Result<Array> {
        let (shape, along) = (self.x.shape()?, self.along()?);
        // a term an axis
        let term = |at: usize| {
            let stride = shape[at + 1..along.end].iter().product::<u64>() as i64;
            let mut beside = vec![1; shape.len()];
            beside[at] = shape[at];
            (super::arange(0, shape[at] as i64, 1, None) * stride).reshape(beside)
        };
        Ok(along.clone().skip(1).fold(term(along.start), |places, at| places + term(at)))
    }

    /// The values at the first places of the groups (of several axes: in C order); NaN, or 0, where one has no place. A second
    /// read.
    #[track_caller]
    pub fn first(&self) -> Array {
        self.at_end(Fold::Min, false)
    }

    /// As [`Groups::first`], the last ones.
    #[track_caller]
    pub fn last(&self) -> Array {
        self.at_end(Fold::Max, false)
    }

    /// As [`Groups::first`] of what is no NaN.
    #[track_caller]
    pub fn nanfirst(&self) -> Array {
        self.at_end(Fold::Min, true)
    }

    /// As [`Groups::last`] of what is no NaN.
    #[track_caller]
    pub fn nanlast(&self) -> Array {
        self.at_end(Fold::Max, true)
    }

    #[track_caller]
    fn at_end(&self, end: Fold, skips_nan: bool) -> Array {
        Array::build(|| {
            let dtype = self.x.dtype()?;
            let numbered = self.numbered()?;
            let none = if end == Fold::Min { i64::MAX } else { -1 };
            let places = if skips_nan && self.has_nan()? { where_(self.x.isnan(), none, numbered.clone()) } else { numbered.clone() };
            let ends = self.folded(&places, end)?;
            let is_it = numbered.eq(ends.take(&self.places_to_take(), self.along()?.start as i64));
            // one value a group, and what leaves it as it is beside it
            if !dtype.is_float() {
                return self.folded(&where_(is_it, self.x.clone(), 0), Fold::Sum)?.astype(dtype).expr();
            }
            let found = self.folded(&where_(is_it, self.x.clone(), f64::INFINITY), Fold::Min)?;
            let nothing = if end == Fold::Min { ends.eq(i64::MAX) } else { ends.lt(0) };
            where_(nothing, f64::NAN, found).expr()
        })
    }

    /// Whether any value of each group is other than 0; false where one has no place.
    #[track_caller]
    pub fn any(&self) -> Array {
        Array::build(|| self.folded(&self.x.ne(0).astype(DType::U8), Fold::Max)?.eq(1).expr())
    }

    /// Whether all values of each group are other than 0; true where one has no place.
    #[track_caller]
    pub fn all(&self) -> Array {
        Array::build(|| self.folded(&self.x.ne(0).astype(DType::U8), Fold::Min)?.ne(0).expr())
    }

    /// The least values of the groups; NaN, or the dtype's greatest value, where one has no place. NaN wins.
    #[track_caller]
    pub fn min(&self) -> Array {
        self.extreme(Fold::Min)
    }

    /// The greatest values of the groups; NaN, or the dtype's least value, where one has no place. NaN wins.
    #[track_caller]
    pub fn max(&self) -> Array {
        self.extreme(Fold::Max)
    }

    /// As [`Groups::min`] of what is no NaN; NaN where there is nothing else.
    #[track_caller]
    pub fn nanmin(&self) -> Array {
        Array::build(|| if self.has_nan()? { self.folded(&self.x, Fold::NanMin)?.expr() } else { self.min().expr() })
    }

    /// As [`Groups::max`] of what is no NaN; NaN where there is nothing else.
    #[track_caller]
    pub fn nanmax(&self) -> Array {
        Array::build(|| if self.has_nan()? { self.folded(&self.x, Fold::NanMax)?.expr() } else { self.max().expr() })
    }

    #[track_caller]
    fn extreme(&self, fold: Fold) -> Array {
        Array::build(|| {
            let found = self.folded(&self.x, fold)?;
            (if found.dtype()?.is_float() { where_(self.places()?.eq(0), f64::NAN, found) } else { found }).expr()
        })
    }
}

fn check_lengths(labels: &[u64], places: &[u64], groups: u64) -> Result<()> {
    if labels != places {
        let what = format!("{} labels for {} places along the axis; expected as many", lengths(labels), lengths(places));
        return Err(Error::bad_request("groupby", what));
    }
    if groups == 0 {
        return Err(Error::bad_request("groupby", "0 groups; expected 1 at least"));
    }
    Ok(())
}

/// Lengths as text: 3 × 4.
fn lengths(shape: &[u64]) -> String {
    shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ")
}
