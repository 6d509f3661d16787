//! Groups of places along an axis, by labels: `groupby(x, labels, axis)`, as flox gives dask.

use super::axes::position;
use super::elementwise::{cast, constant};
use super::table::{default, params, sig};
use super::value::{Param, Signature, Value};
use super::{Array, args, counted, where_};
use crate::error::{Error, Result};
use crate::expr::{Node, ops};
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::grouped::Fold;
use flagstone_kernels::op::ReduceOp;

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
    /// asked has the groups in place of the axis.
    ///
    /// ```
    /// let x = flagstone::arange(0, 6, 1, None).astype(flagstone::DType::F64);
    /// let odd = flagstone::arange(0, 6, 1, None) % 2;
    /// assert_eq!(x.groupby(&odd, 0, 2).mean().compute::<f64>().unwrap().as_slice().unwrap(), [2.0, 3.0]);
    /// ```
    pub fn groupby(&self, labels: &Array, axis: i64, groups: u64) -> Groups {
        Groups { x: self.clone(), labels: labels.clone(), axis, groups }
    }
}

impl Groups {
    /// `x` folded by label, parts combined, before the groups go back to the axis's place.
    fn folded(&self, x: &Array, fold: Fold) -> Result<Array> {
        let dtype = x.dtype()?;
        let dtype = match fold {
            Fold::Sum if dtype == DType::C64 => DType::C128,
            Fold::Sum => match ReduceOp::Sum.out_dtype(dtype) {
                Some(out) if out.is_float() => DType::F64,
                Some(out) => out,
                None => dtype,
            },
            _ if dtype.is_complex() => return Err(Error::bad_request("groupby", format!("{dtype} has no order"))),
            _ => dtype,
        };
        let labels = self.labels.expr()?;
        if !labels.dtype.is_integer() || labels.shape.len() != 1 {
            return Err(Error::bad_request(
                "groupby",
                format!("labels of shape {:?} {}; expected integers along one axis", labels.shape, labels.dtype),
            ));
        }
        let (axis, groups) = (position("groupby", self.axis, x.ndim()?)? as i64, self.groups);
        let rows = cast(&x.moveaxis(axis, 0).expr()?, dtype)?;
        let folded = counted::when_known("groupby", &[rows, cast(&labels, DType::I64)?], &[], move |args| {
            let (rows, labels) = (&args[0], &args[1]);
            if labels.shape[0] != rows.shape[0] {
                let what = format!("{} labels for {} places along the axis; expected as many", labels.shape[0], rows.shape[0]);
                return Err(Error::bad_request("groupby", what));
            }
            if groups == 0 {
                return Err(Error::bad_request("groupby", "0 groups; expected 1 at least"));
            }
            if rows.shape.contains(&0) {
                let shape: Vec<u64> = std::iter::once(groups).chain(rows.shape[1..].iter().copied()).collect();
                return constant(Scalar::Int(0), rows.dtype, &shape);
            }
            let parts = Array::from_expr(Node::new(ops::Grouped::new(fold, rows, labels, groups).into())?);
            match fold {
                Fold::Sum => parts.sum(0),
                Fold::Min => parts.min(0),
                Fold::Max => parts.max(0),
            }
            .expr()
        })?;
        Ok(Array::from_expr(folded).moveaxis(0, axis))
    }

    /// How many places each group has, along the axis's place.
    fn places(&self) -> Result<Array> {
        let ndim = self.x.ndim()?;
        let axis = position("groupby", self.axis, ndim)?;
        let labels = self.labels.astype(DType::I64);
        let labels = where_(labels.lt(0), self.groups as i64, labels);
        let counts = labels.bincount(self.groups + 1).index([super::Index::Slice(None, Some(self.groups as i64), None)]);
        let mut shape = vec![1; ndim];
        shape[axis] = self.groups;
        Ok(counts.reshape(shape))
    }

    /// The sums of the groups; 0 where one has no place. Small integers add up in 64 bits, floats in 64 and are rounded once.
    #[track_caller]
    pub fn sum(&self) -> Array {
        Array::build(|| {
            let dtype = self.x.dtype()?;
            let sums = self.folded(&self.x, Fold::Sum)?;
            (if dtype.is_float() || dtype.is_complex() { sums.astype(dtype) } else { sums }).expr()
        })
    }

    /// How many places each group has.
    #[track_caller]
    pub fn count(&self) -> Array {
        Array::build(|| {
            let shape = self.sum().shape()?;
            self.places()?.broadcast_to(shape).expr()
        })
    }

    /// The means of the groups; NaN where one has no place.
    #[track_caller]
    pub fn mean(&self) -> Array {
        Array::build(|| {
            let dtype = self.x.dtype()?;
            let means = self.folded(&self.x, Fold::Sum)? / self.places()?;
            (if dtype.is_float() || dtype.is_complex() { means.astype(dtype) } else { means }).expr()
        })
    }

    /// The variances of the groups, about their own means: a second read.
    #[track_caller]
    pub fn var(&self, ddof: f64) -> Array {
        Array::build(|| {
            let dtype = self.x.dtype()?;
            let x = self.x.astype(DType::F64);
            let means = self.folded(&x, Fold::Sum)? / self.places()?;
            let axis = position("groupby", self.axis, x.ndim()?)? as i64;
            let off = &x - means.take(&self.labels.clip(0, self.groups as i64 - 1), axis);
            let squares = self.folded(&off.square(), Fold::Sum)?;
            let variances = squares / (self.places()?.astype(DType::F64) - ddof);
            (if dtype.is_float() { variances.astype(dtype) } else { variances }).expr()
        })
    }

    /// The standard deviations of the groups.
    #[track_caller]
    pub fn std(&self, ddof: f64) -> Array {
        self.var(ddof).sqrt()
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

    #[track_caller]
    fn extreme(&self, fold: Fold) -> Array {
        Array::build(|| {
            let found = self.folded(&self.x, fold)?;
            (if found.dtype()?.is_float() { where_(self.places()?.eq(0), f64::NAN, found) } else { found }).expr()
        })
    }
}

/// What groups by label.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("groupby_reduce" ["array", "by"; "func" = "'mean'", "axis" = "0", "num_groups" = "None", "ddof" = "0"]
    "func ('sum', 'mean', 'var', 'std', 'min', 'max', 'count') of the places along an axis with each label 0, 1, … below num_groups (flox).",
    |a| {
        const NAME: &str = "groupby_reduce";
        let (x, labels, axis) = (args::array(NAME, &a[0])?, args::array(NAME, &a[1])?, args::integer(NAME, &a[3])?);
        let groups = match &a[4] {
            Value::None => return Err(Error::unsupported(NAME, "the number of groups follows from the values; pass num_groups, above the greatest label")),
            groups => args::natural(NAME, groups)?,
        };
        let (of, ddof) = (x.groupby(&labels, axis, groups), args::float(NAME, &a[5])?);
        Ok(Value::Array(match &a[2] {
            Value::Str(func) => match func.as_str() {
                "sum" => of.sum(),
                "mean" => of.mean(),
                "var" => of.var(ddof),
                "std" => of.std(ddof),
                "min" => of.min(),
                "max" => of.max(),
                "count" => of.count(),
                other => return Err(Error::bad_request(NAME, format!("func '{other}'; expected sum, mean, var, std, min, max or count"))),
            },
            _ => return Err(Error::bad_request(NAME, "expected the name of a function such as 'mean'")),
        }))
    }),
];
