//! Groups of places along an axis or several, by labels: `groupby(x, labels, axis)`, as flox gives dask.

use super::as_many::up_to_greatest;
use super::axes::position;
use super::blocks::rows;
use super::composed::composed_as;
use super::elementwise::{cast, constant};
use super::sorting::tally::tally;
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, args, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Expr, Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::grouped::{Fold, out_dtype};
use flagstone_kernels::lanes::Method;
use flagstone_kernels::op::ReduceOp;
use flagstone_kernels::rows::{ByLabel, Rows};
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
            Fold::Sum if dtype == DType::C64 => DType::C128,
            Fold::Sum => match ReduceOp::Sum.out_dtype(dtype) {
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
                let nothing = if matches!(fold, Fold::NanMin | Fold::NanMax) { Scalar::Float(f64::NAN) } else { Scalar::Int(0) };
                return constant(nothing, out_dtype(fold, rows.dtype), &shape);
            }
            let parts = Array::from_expr(Node::new(ops::Grouped::new(fold, rows, labels, groups).into())?);
            match fold {
                Fold::Sum | Fold::Present => parts.sum(0),
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
        Array::build(|| {
            let sums = self.folded(&self.x, Fold::Sum)?;
            (if self.has_nan()? { sums.astype(self.x.dtype()?) } else { sums }).expr()
        })
    }

    /// As [`Groups::sum`] of what is no NaN.
    #[track_caller]
    pub fn nansum(&self) -> Array {
        Array::build(|| {
            if !self.has_nan()? {
                return self.sum().expr();
            }
            let there = where_(self.x.isnan(), 0, self.x.clone());
            self.folded(&there, Fold::Sum)?.astype(self.x.dtype()?).expr()
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
        self.place_of(Fold::Min)
    }

    /// Where along the axis (of several: in C order) the first greatest value of each group stands; −1 where one has no place. A NaN
    /// is the greatest. A second read.
    #[track_caller]
    pub fn argmax(&self) -> Array {
        self.place_of(Fold::Max)
    }

    #[track_caller]
    fn place_of(&self, fold: Fold) -> Array {
        Array::build(|| {
            let own = self.folded(&self.x, fold)?.take(&self.places_to_take(), self.along()?.start as i64);
            let is_it = self.x.eq(&own);
            let is_it = if self.x.dtype()?.is_float() { is_it | (self.x.isnan() & own.isnan()) } else { is_it };
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

    /// The exact medians of the groups; NaN where one has no place, or a NaN. A task holds whole lanes along the axis, or along several as
    /// one.
    #[track_caller]
    pub fn median(&self) -> Array {
        self.quantile_by(0.5, Method::Median)
    }

    /// Exact quantiles of the groups, between the nearest two values linearly.
    #[track_caller]
    pub fn quantile(&self, q: f64) -> Array {
        self.quantile_by(q, Method::Linear)
    }

    #[track_caller]
    fn quantile_by(&self, q: f64, method: Method) -> Array {
        Array::build(|| {
            let (dtype, groups) = (self.x.dtype()?, self.groups);
            if dtype.is_complex() || !(0.0..=1.0).contains(&q) {
                return Err(Error::bad_request("groupby", format!("the quantile {q} of {dtype}; expected 0 to 1 of real numbers")));
            }
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
            let found = counted::when_known("groupby", &[lanes, labels], &[], move |args| {
                let (lanes, labels) = (&args[0], &args[1]);
                let n = lanes.shape[lanes.shape.len() - 1];
                check_lengths(&labels.shape, &[n], groups)?;
                let shape = [&lanes.shape[..lanes.shape.len() - 1], &[groups]].concat();
                if lanes.shape.contains(&0) {
                    return constant(Scalar::Float(f64::NAN), DType::F64, &shape);
                }
                let kernel = Rows::ByLabel(ByLabel { dtype: lanes.dtype, q, method, groups });
                rows::of_whole(kernel, &[lanes.clone(), labels.clone()], groups, DType::F64)
            })?;
            let found = Array::from_expr(found).moveaxis(-1, axis);
            (if dtype.is_float() { found.astype(dtype) } else { found }).expr()
        })
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

const NAME: &str = "groupby_reduce";

/// What is made of groups, with `ddof` where that counts.
type Func = fn(&Groups, f64) -> Result<Array>;

/// The function of a name.
fn func_of(name: &Value) -> Result<Func> {
    let Value::Str(name) = name else {
        return Err(Error::bad_request(NAME, "expected the name of a function such as 'mean'"));
    };
    Ok(match name.as_str() {
        "sum" => |of, _| Ok(of.sum()),
        "mean" => |of, _| Ok(of.mean()),
        "var" => |of, ddof| Ok(of.var(ddof)),
        "std" => |of, ddof| Ok(of.std(ddof)),
        "min" => |of, _| Ok(of.min()),
        "max" => |of, _| Ok(of.max()),
        "nansum" => |of, _| Ok(of.nansum()),
        "nanmean" => |of, _| Ok(of.nanmean()),
        "nanvar" => |of, ddof| Ok(of.nanvar(ddof)),
        "nanstd" => |of, ddof| Ok(of.nanstd(ddof)),
        "nanmin" => |of, _| Ok(of.nanmin()),
        "nanmax" => |of, _| Ok(of.nanmax()),
        "count" => |of, _| Ok(of.count()),
        "argmin" => |of, _| Ok(of.argmin()),
        "argmax" => |of, _| Ok(of.argmax()),
        "first" => |of, _| Ok(of.first()),
        "last" => |of, _| Ok(of.last()),
        "nanfirst" => |of, _| Ok(of.nanfirst()),
        "nanlast" => |of, _| Ok(of.nanlast()),
        "any" => |of, _| Ok(of.any()),
        "all" => |of, _| Ok(of.all()),
        "median" => |of, _| Ok(of.median()),
        other => {
            let what = format!(
                "func '{other}'; expected sum, mean, var, std, min, max, nansum, nanmean, nanvar, nanstd, nanmin, nanmax, count, argmin, \
                 argmax, first, last, nanfirst, nanlast, any, all or median"
            );
            return Err(Error::bad_request(NAME, what));
        }
    })
}

/// What groups by label.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("groupby_reduce" ["array", "by"; "func" = "'mean'", "axis" = "0", "num_groups" = "None", "ddof" = "0"]
    "func ('sum', 'mean', 'var', 'std', 'min', 'max', these with 'nan' before them, 'count' of what is no NaN, 'argmin', 'argmax', 'first', 'last', 'nanfirst', 'nanlast', 'any', 'all', 'median') of the places along an axis, or as many from it on as by has, with each label 0, 1, … below num_groups, by default up to the greatest (flox).",
    |a| {
        let (x, labels, axis) = (args::array(NAME, &a[0])?, args::array(NAME, &a[1])?, args::integer(NAME, &a[3])?);
        let (func, ddof) = (func_of(&a[2])?, args::float(NAME, &a[5])?);
        if !matches!(a[4], Value::None) {
            return func(&x.groupby(&labels, axis, args::natural(NAME, &a[4])?), ddof).map(Value::Array);
        }
        // the number of groups follows from the labels, which are read once more
        let groups = up_to_greatest(&labels, 1)?;
        let one = func(&x.groupby(&labels, axis, 1), ddof)?.expr()?;
        let mut lengths = counted::lengths(&one);
        let at = position(NAME, axis, x.ndim()?)?;
        lengths.splice(at..at + 1, counted::lengths(&groups.expr()?));
        let made = composed_as(NAME, &[&x, &labels, &groups], Ok((lengths, one.dtype)), move |arrays| {
            func(&arrays[0].groupby(&arrays[1], axis, arrays[2].shape()?[0]), ddof)
        });
        made.check()?;
        Ok(Value::Array(made))
    }),
];
