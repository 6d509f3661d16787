//! Data and a mask → an array of which some elements do not count, as `numpy.ma` has it: the mask is true where they do not.

mod order;
mod products;
mod rows;
mod sets;
pub(super) mod table;
mod values;

use super::elementwise::where_;
use super::{Array, Axes, Index, Operand, full};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::{DType, Scalar};
use std::ops::{Add, Div, Mul, Neg, Sub};
pub(super) use values::{attribute, attribute_of_both, binary, index, moved, orthogonal, set_index, unary};

/// Data and a mask, true where an element does not count. Reductions leave those out, and mask what nothing is left of.
///
/// ```
/// use flagstone::arange;
/// let x = arange(0.0, 6.0, 1.0, None).masked_greater(3.0);
/// assert_eq!(x.mean(..).filled(-1.0).item::<f64>().unwrap(), 1.5);
/// assert_eq!((&x * 2.0).filled(0.0).compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 2.0, 4.0, 6.0, 0.0, 0.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Masked {
    data: Array,
    mask: Array,
    /// What [`Masked::filled_by_default`] puts where elements do not count, unless that is what its dtype has.
    fill_value: Option<Scalar>,
}

impl Masked {
    /// The elements of `data`, of which those do not count where `mask`, broadcast to its shape, is true.
    #[track_caller]
    pub fn new(data: &Array, mask: &Array) -> Masked {
        let mask = Array::build(|| {
            let mask = mask.astype(DType::Bool);
            let data = data.expr()?;
            if data.is_counted() || mask.expr()?.is_counted() {
                return (mask | data_like(&Array::from_expr(data))).expr();
            }
            super::elementwise::broadcast("masked_array", &mask.expr()?, &data.shape)
        });
        Masked { data: data.clone(), mask, fill_value: None }
    }

    /// All elements, those that do not count with whatever value they have.
    pub fn data(&self) -> &Array {
        &self.data
    }

    /// True where an element does not count.
    pub fn mask(&self) -> &Array {
        &self.mask
    }

    /// The data with `value` where elements do not count.
    #[track_caller]
    pub fn filled(&self, value: impl Into<Operand>) -> Array {
        let value = value.into();
        Array::build(|| {
            let dtype = self.data.dtype()?;
            where_(&self.mask, value, &self.data).astype(dtype).expr()
        })
    }

    /// The same with another [`Masked::fill_value`].
    pub fn with_fill_value(mut self, value: Scalar) -> Masked {
        self.fill_value = Some(value);
        self
    }

    /// What [`Masked::with_fill_value`] was given.
    pub fn own_fill_value(&self) -> Option<Scalar> {
        self.fill_value
    }

    /// What stands for elements that do not count where nobody says what, without axes and of the data's dtype: what
    /// [`Masked::with_fill_value`] was given, or what NumPy has for the dtype (1e20, 999999, true).
    #[track_caller]
    pub fn fill_value(&self) -> Array {
        Array::build(|| {
            let dtype = self.data.dtype()?;
            let usual = || match dtype {
                DType::Bool => Scalar::Bool(true),
                dtype if dtype.is_float() || dtype.is_complex() => Scalar::Float(1e20),
                _ => Scalar::Int(999_999),
            };
            full((), self.fill_value.unwrap_or_else(usual), None).astype(dtype).expr()
        })
    }

    /// The data with [`Masked::fill_value`] where elements do not count.
    #[track_caller]
    pub fn filled_by_default(&self) -> Array {
        self.filled(self.fill_value())
    }

    /// Other data under another mask.
    fn with(&self, data: Array, mask: Array) -> Masked {
        Masked { data, mask, fill_value: self.fill_value }
    }

    /// The elements that count, in C order along one axis.
    #[track_caller]
    pub fn compressed(&self) -> Array {
        self.data.index([Index::Array(self.mask.logical_not())])
    }

    /// How many elements count.
    #[track_caller]
    pub fn count(&self, axes: impl Into<Axes>) -> Array {
        self.mask.logical_not().sum(axes)
    }

    /// `f` of the data, under the same mask.
    pub fn map(&self, f: impl Fn(&Array) -> Array) -> Masked {
        self.with(f(&self.data), self.mask.clone())
    }

    /// `f` of the data of both, masked where either is.
    pub fn zip(&self, other: impl Into<MaskedOperand>, f: impl Fn(&Array, Operand) -> Array) -> Masked {
        match other.into() {
            MaskedOperand::Plain(other) => self.with(f(&self.data, other), self.mask.clone()).spread(),
            MaskedOperand::Masked(other) => self.with(f(&self.data, Operand::from(&other.data)), &self.mask | &other.mask),
        }
    }

    /// The mask repeated to the data's shape, where that grew.
    fn spread(self) -> Masked {
        Masked { fill_value: self.fill_value, ..Masked::new(&self.data, &self.mask) }
    }

    /// Masked also where `condition` holds.
    pub fn or_where(&self, condition: &Array) -> Masked {
        self.with(self.data.clone(), &self.mask | condition)
    }

    fn reduced(&self, axes: impl Into<Axes>, f: impl Fn(&Array, Axes) -> Array) -> Masked {
        let axes = axes.into();
        let plain = Axes { ddof: 0.0, dtype: None, only: None, ..axes.clone() };
        self.with(f(&self.data, axes.only(&self.mask.logical_not())), self.mask.all(plain))
    }

    /// The sums of what counts.
    #[track_caller]
    pub fn sum(&self, axes: impl Into<Axes>) -> Masked {
        self.reduced(axes, |x, axes| x.sum(axes))
    }

    /// The products.
    #[track_caller]
    pub fn prod(&self, axes: impl Into<Axes>) -> Masked {
        self.reduced(axes, |x, axes| x.prod(axes))
    }

    /// The means: float64 but of float16, as NumPy divides by counts; along axes that are left they are masked where they are not finite.
    #[track_caller]
    pub fn mean(&self, axes: impl Into<Axes>) -> Masked {
        let mean = self.reduced(self.wide(axes.into(), &[DType::F32]), |x, axes| x.mean(axes));
        if mean.data.ndim().is_ok_and(|ndim| ndim > 0) {
            let endless = mean.data.isfinite().logical_not();
            return mean.or_where(&endless);
        }
        mean
    }

    /// With the dtype float64 where none is given and the data are of one of `narrow`.
    fn wide(&self, axes: Axes, narrow: &[DType]) -> Axes {
        let is_narrow = self.data.dtype().is_ok_and(|dtype| narrow.contains(&dtype));
        let dtype = axes.dtype.or_else(|| is_narrow.then_some(DType::F64));
        Axes { dtype, ..axes }
    }

    /// The variances, float64 of real dtypes.
    #[track_caller]
    pub fn var(&self, axes: impl Into<Axes>) -> Masked {
        let axes = self.wide(axes.into(), &[DType::F16, DType::F32]);
        let enough = self.count(Axes { ddof: 0.0, dtype: None, only: None, ..axes.clone() }).gt(axes.ddof);
        self.reduced(axes, |x, axes| x.var(axes)).or_where(&enough.logical_not())
    }

    /// The standard deviations.
    #[track_caller]
    pub fn std(&self, axes: impl Into<Axes>) -> Masked {
        self.var(axes).map(|variance| variance.sqrt())
    }

    /// The least values.
    #[track_caller]
    pub fn min(&self, axes: impl Into<Axes>) -> Masked {
        self.extreme(axes, true)
    }

    /// The greatest values.
    #[track_caller]
    pub fn max(&self, axes: impl Into<Axes>) -> Masked {
        self.extreme(axes, false)
    }

    /// Whether any element that counts is not zero.
    #[track_caller]
    pub fn any(&self, axes: impl Into<Axes>) -> Masked {
        self.reduced(axes, |x, axes| x.any(axes))
    }

    /// Whether all elements that count are not zero.
    #[track_caller]
    pub fn all(&self, axes: impl Into<Axes>) -> Masked {
        self.reduced(axes, |x, axes| x.all(axes))
    }

    #[track_caller]
    fn extreme(&self, axes: impl Into<Axes>, least: bool) -> Masked {
        let axes = axes.into();
        // what does not count is no less, or no greater, than all others
        let data = Array::build(|| self.filled(farthest(self.data.dtype()?, least)?).expr());
        let data = if least { data.min(axes.clone()) } else { data.max(axes.clone()) };
        self.with(data, self.mask.all(axes))
    }
}

fn data_like(data: &Array) -> Array {
    data.full_like(false, Some(DType::Bool))
}

/// The greatest value of a dtype, or the least.
fn farthest(dtype: DType, greatest: bool) -> Result<Scalar> {
    let infinity = if greatest { f64::INFINITY } else { f64::NEG_INFINITY };
    match dtype {
        dtype if dtype.is_float() => Ok(Scalar::Float(infinity)),
        DType::Bool => Ok(Scalar::Bool(greatest)),
        dtype => match super::operand::integer_range(dtype) {
            Some((low, high)) => {
                let end = if greatest { high } else { low };
                Ok(i64::try_from(end).map_or(Scalar::UInt(end as u64), Scalar::Int))
            }
            None => Err(Error::bad_type("min", format!("{dtype} has no order"))),
        },
    }
}

/// Another operand of a masked array.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum MaskedOperand {
    /// All of it counts.
    Plain(Operand),
    /// Masked, too.
    Masked(Masked),
}

impl From<&Masked> for MaskedOperand {
    fn from(masked: &Masked) -> MaskedOperand {
        MaskedOperand::Masked(masked.clone())
    }
}

impl From<Masked> for MaskedOperand {
    fn from(masked: Masked) -> MaskedOperand {
        MaskedOperand::Masked(masked)
    }
}

impl From<&Array> for MaskedOperand {
    fn from(array: &Array) -> MaskedOperand {
        MaskedOperand::Plain(Operand::from(array))
    }
}

impl From<f64> for MaskedOperand {
    fn from(value: f64) -> MaskedOperand {
        MaskedOperand::Plain(Operand::from(value))
    }
}

impl From<i64> for MaskedOperand {
    fn from(value: i64) -> MaskedOperand {
        MaskedOperand::Plain(Operand::from(value))
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $symbol:tt;)*) => { $(
        impl<O: Into<MaskedOperand>> $trait<O> for &Masked {
            type Output = Masked;
            fn $method(self, other: O) -> Masked {
                self.zip(other, |x, y| x $symbol y)
            }
        }
        impl<O: Into<MaskedOperand>> $trait<O> for Masked {
            type Output = Masked;
            fn $method(self, other: O) -> Masked {
                &self $symbol other
            }
        }
    )* };
}
operators! {
    Add add +;
    Sub sub -;
    Mul mul *;
}

/// Quotients; masked also where they are no numbers, as `numpy.ma` has it.
impl<O: Into<MaskedOperand>> Div<O> for &Masked {
    type Output = Masked;
    fn div(self, other: O) -> Masked {
        let other = other.into();
        let divisor = match &other {
            MaskedOperand::Plain(other) => other.clone(),
            MaskedOperand::Masked(other) => Operand::from(&other.data),
        };
        let none = values::no_quotient(&self.data, &divisor);
        let quotient = self.zip(other, |x, y| x / y);
        let endless = quotient.data.isfinite().logical_not();
        quotient.or_where(&none).or_where(&endless)
    }
}

impl<O: Into<MaskedOperand>> Div<O> for Masked {
    type Output = Masked;
    fn div(self, other: O) -> Masked {
        &self / other
    }
}

impl Neg for &Masked {
    type Output = Masked;
    fn neg(self) -> Masked {
        self.map(|x| -x)
    }
}

macro_rules! masked_by {
    ($($name:ident $compare:ident, $doc:literal;)*) => {
        impl Array { $(
            #[doc = $doc]
            #[track_caller]
            pub fn $name(&self, value: impl Into<Operand>) -> Masked {
                self.masked_where(&self.$compare(value))
            }
        )* }
    };
}
masked_by! {
    masked_equal eq, "Masked where elements equal `value`.";
    masked_not_equal ne, "Masked where elements do not equal `value`.";
    masked_less lt, "Masked where elements are less than `value`.";
    masked_less_equal le, "Masked where elements are not greater than `value`.";
    masked_greater gt, "Masked where elements are greater than `value`.";
    masked_greater_equal ge, "Masked where elements are not less than `value`.";
}

impl Array {
    /// Masked where `condition` holds.
    ///
    /// ```
    /// let x = flagstone::arange(0, 5, 1, None);
    /// assert_eq!(x.masked_where(&x.eq(2)).count(..).item::<i64>().unwrap(), 4);
    /// ```
    #[track_caller]
    pub fn masked_where(&self, condition: &Array) -> Masked {
        Masked::new(self, condition)
    }

    /// Masked where elements are NaN or infinite.
    #[track_caller]
    pub fn masked_invalid(&self) -> Masked {
        self.masked_where(&self.isfinite().logical_not())
    }

    /// Masked where elements lie between two values, which may be given in any order, those themselves included.
    #[track_caller]
    pub fn masked_inside(&self, one: f64, other: f64) -> Masked {
        self.masked_where(&(self.ge(one.min(other)) & self.le(one.max(other))))
    }

    /// Masked where elements lie beyond two values, which may be given in any order.
    #[track_caller]
    pub fn masked_outside(&self, one: f64, other: f64) -> Masked {
        self.masked_where(&(self.lt(one.min(other)) | self.gt(one.max(other))))
    }
}
