//! Arrays → their discrete Fourier transforms along axes of any chunks, under NumPy's names: a task transforms whole lanes.

mod long;
pub(in crate::array) mod table;

use super::elementwise::{cast, constant};
use super::lanes::lanes;
use super::{Array, axes::position, counted};
use crate::error::{Error, Result};
use crate::expr::Expr;
use flagstone_kernels::dtype::{DType, Scalar};
use flagstone_kernels::fft::{Fft, Kind};
use flagstone_kernels::lanes::Lane;

/// Which of the two directions is divided by the length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Norm {
    /// The inverse: NumPy's default.
    #[default]
    Backward,
    /// Each by its square root.
    Ortho,
    /// The forward one.
    Forward,
}

impl Norm {
    fn scale(self, n: usize, inverse: bool) -> f64 {
        match (self, inverse) {
            (Norm::Ortho, _) => 1.0 / (n as f64).sqrt(),
            (Norm::Backward, true) | (Norm::Forward, false) => 1.0 / n as f64,
            _ => 1.0,
        }
    }

    fn swapped(self) -> Norm {
        match self {
            Norm::Backward => Norm::Forward,
            Norm::Forward => Norm::Backward,
            Norm::Ortho => Norm::Ortho,
        }
    }
}

/// The transform of each lane along `axis`, cut or padded to `n`.
fn along(name: &'static str, kind: Kind, expr: &Expr, n: Option<i64>, axis: i64, norm: Norm) -> Result<Expr> {
    counted::when_known(name, std::slice::from_ref(expr), &[], move |args| {
        let expr = &args[0];
        let axis = position(name, axis, expr.shape.len())?;
        let length = match n {
            Some(n) => n,
            None if kind == Kind::FromHalf => 2 * (expr.shape[axis] as i64 - 1),
            None => expr.shape[axis] as i64,
        };
        let length = usize::try_from(length).ok().filter(|&n| n > 0).ok_or_else(|| {
            Error::bad_request(name, format!("a transform of length {length} of an array of shape {:?}; expected 1 or more", expr.shape))
        })?;
        let is_double = !matches!(expr.dtype, DType::F16 | DType::BF16 | DType::F32 | DType::C64);
        let dtype = match (kind == Kind::Real, is_double) {
            (true, _) if expr.dtype.is_complex() => {
                return Err(Error::bad_type(name, format!("{} values; expected real ones", expr.dtype)));
            }
            (true, true) => DType::F64,
            (true, false) => DType::F32,
            (false, true) => DType::C128,
            (false, false) => DType::C64,
        };
        let scale = norm.scale(length, matches!(kind, Kind::Inverse | Kind::FromHalf));
        let arg = cast(expr, dtype)?;
        // real values of what is real itself are as wide
        let ends_in_half = kind == Kind::FromHalf && expr.dtype == DType::F16;
        let ended = |out: Expr| if ends_in_half { cast(&out, DType::F16) } else { Ok(out) };
        if let Some(way) = long::way(length as u64).filter(|_| !arg.shape.contains(&0)) {
            return ended(long::along(kind, &Array::from_expr(arg), axis, (length as u64, way), scale)?.expr()?);
        }
        let fft = Fft::new(kind, dtype, length, scale);
        if arg.shape.contains(&0) {
            let mut shape = arg.shape.clone();
            shape[axis] = fft.out_len();
            return ended(constant(Scalar::Int(0), fft.out(), &shape)?);
        }
        ended(lanes(Lane::Fft(std::sync::Arc::new(fft)), arg, axis)?)
    })
}

macro_rules! one_axis {
    ($($name:ident = $kind:ident, $doc:literal;)*) => { $(
        #[doc = concat!($doc, " along `axis`, of length `n` if given.\n\n```\nuse flagstone::{DType, array::fft, ones};\n",
            "let x = fft::", stringify!($name), "(&ones([4, 8], DType::F64), Some(6), 0, fft::Norm::Backward);\nassert_eq!(x.shape().unwrap()[1], 8);\n```")]
        #[track_caller]
        pub fn $name(a: &Array, n: Option<i64>, axis: i64, norm: Norm) -> Array {
            Array::build(|| along(concat!("fft.", stringify!($name)), Kind::$kind, &a.expr()?, n, axis, norm))
        }
    )* };
}

one_axis! {
    fft = Forward, "The discrete Fourier transform";
    ifft = Inverse, "The inverse transform";
    rfft = Real, "The first half, n/2 + 1 values, of the transform of real values";
    irfft = FromHalf, "The real values of such a half";
}

/// The real transform of what has Hermitian symmetry, given by its first half.
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// assert_eq!(fft::hfft(&ones([5], DType::F64), None, 0, fft::Norm::Backward).shape().unwrap(), [8]);
/// ```
#[track_caller]
pub fn hfft(a: &Array, n: Option<i64>, axis: i64, norm: Norm) -> Array {
    irfft(&a.conj(), n, axis, norm.swapped())
}

/// The inverse of [`hfft`].
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// assert_eq!(fft::ihfft(&ones([8], DType::F64), None, 0, fft::Norm::Backward).shape().unwrap(), [5]);
/// ```
#[track_caller]
pub fn ihfft(a: &Array, n: Option<i64>, axis: i64, norm: Norm) -> Array {
    rfft(a, n, axis, norm.swapped()).conj()
}

/// The axes of a transform of several, with a length for each if given.
#[derive(Clone, Debug)]
struct Several(Vec<(i64, Option<i64>)>);

impl Several {
    /// `axes`, or as many of the last ones as there are lengths, or all.
    fn new(name: &str, ndim: usize, s: Option<&[Option<i64>]>, axes: Option<&[i64]>) -> Result<Several> {
        let ndim = ndim as i64;
        let axes: Vec<i64> = match (axes, s) {
            (Some(axes), _) => axes.to_vec(),
            (None, Some(s)) => (ndim - s.len() as i64..ndim).collect(),
            (None, None) => (0..ndim).collect(),
        };
        if s.is_some_and(|s| s.len() != axes.len()) {
            return Err(Error::bad_request(name, format!("{} lengths for {} axes", s.map_or(0, <[_]>::len), axes.len())));
        }
        // −1 is the axis's own length
        let length = |at: usize| s.and_then(|s| s[at]).filter(|&n| n != -1);
        Ok(Several(axes.iter().enumerate().map(|(at, &axis)| (axis, length(at))).collect()))
    }
}

/// The transform over several axes: all by default. Of the lengths `s`, None and −1 are an axis's own.
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// let x = fft::fftn(&ones([4, 8], DType::F64), None, None, fft::Norm::Backward);
/// assert_eq!(x.shape().unwrap(), [4, 8]);
/// ```
#[track_caller]
pub fn fftn(a: &Array, s: Option<&[Option<i64>]>, axes: Option<&[i64]>, norm: Norm) -> Array {
    Array::build(|| {
        let Several(axes) = Several::new("fft.fftn", a.ndim()?, s, axes)?;
        axes.iter().rev().fold(a.astype(complex(a)?), |a, &(axis, n)| fft(&a, n, axis, norm)).expr()
    })
}

/// The inverse transform over several axes: all by default.
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// let x = fft::ifftn(&ones([4, 8], DType::F64), Some(&[Some(6)]), Some(&[1]), fft::Norm::Backward);
/// assert_eq!(x.shape().unwrap(), [4, 6]);
/// ```
#[track_caller]
pub fn ifftn(a: &Array, s: Option<&[Option<i64>]>, axes: Option<&[i64]>, norm: Norm) -> Array {
    Array::build(|| {
        let Several(axes) = Several::new("fft.ifftn", a.ndim()?, s, axes)?;
        axes.iter().rev().fold(a.astype(complex(a)?), |a, &(axis, n)| ifft(&a, n, axis, norm)).expr()
    })
}

/// The transform of real values over several axes, of the last of which the first half is given.
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// let x = fft::rfftn(&ones([4, 8], DType::F64), None, None, fft::Norm::Backward);
/// assert_eq!(x.shape().unwrap(), [4, 5]);
/// ```
#[track_caller]
pub fn rfftn(a: &Array, s: Option<&[Option<i64>]>, axes: Option<&[i64]>, norm: Norm) -> Array {
    Array::build(|| {
        let Several(axes) = Several::new("fft.rfftn", a.ndim()?, s, axes)?;
        let Some((&(last, n), others)) = axes.split_last() else { return a.expr() };
        others.iter().rev().fold(rfft(a, n, last, norm), |a, &(axis, n)| fft(&a, n, axis, norm)).expr()
    })
}

/// The inverse of [`rfftn`]. The last axis is of even length unless `s` says otherwise: −1 there is the length that `a` has.
///
/// ```
/// use flagstone::{DType, array::fft, ones};
/// let x = fft::irfftn(&ones([4, 5], DType::F64), None, None, fft::Norm::Backward);
/// assert_eq!(x.shape().unwrap(), [4, 8]);
/// ```
#[track_caller]
pub fn irfftn(a: &Array, s: Option<&[Option<i64>]>, axes: Option<&[i64]>, norm: Norm) -> Array {
    Array::build(|| {
        let Several(axes) = Several::new("fft.irfftn", a.ndim()?, s, axes)?;
        let Some((&(last, n), others)) = axes.split_last() else { return a.expr() };
        // as many values as there are of the transform, not as many as it was of
        let as_long = s.and_then(<[_]>::last) == Some(&Some(-1));
        let n = if as_long { Some(a.shape()?[position("fft.irfftn", last, a.ndim()?)?] as i64) } else { n };
        let a = others.iter().fold(a.clone(), |a, &(axis, n)| ifft(&a, n, axis, norm));
        irfft(&a, n, last, norm).expr()
    })
}

fn complex(a: &Array) -> Result<DType> {
    Ok(match a.dtype()? {
        DType::F16 | DType::BF16 | DType::F32 | DType::C64 => DType::C64,
        _ => DType::C128,
    })
}

/// The frequencies of a transform of length `n` of samples `d` apart.
///
/// ```
/// let x = flagstone::array::fft::fftfreq(4, 0.5);
/// assert_eq!(x.compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 0.5, -1.0, -0.5]);
/// ```
#[track_caller]
pub fn fftfreq(n: u64, d: f64) -> Array {
    let n = n as i64;
    let (positive, negative) = (super::arange(0, (n + 1) / 2, 1, None), super::arange(-(n / 2), 0, 1, None));
    super::concatenate(&[positive, negative], 0).astype(DType::F64) * (1.0 / (n as f64 * d))
}

/// The frequencies of the first half of a transform of length `n` of samples `d` apart.
///
/// ```
/// let x = flagstone::array::fft::rfftfreq(4, 0.5);
/// assert_eq!(x.compute::<f64>().unwrap().as_slice().unwrap(), [0.0, 0.5, 1.0]);
/// ```
#[track_caller]
pub fn rfftfreq(n: u64, d: f64) -> Array {
    super::arange(0, n as i64 / 2 + 1, 1, None).astype(DType::F64) * (1.0 / (n as f64 * d))
}

/// `a` with the zero frequency moved to the middle of `axes` (all by default); back again if `inverse`.
pub(in crate::array) fn shifted(name: &'static str, a: &Array, axes: Option<&[i64]>, inverse: bool) -> Result<Array> {
    let shape = a.shape()?;
    let all: Vec<i64> = (0..shape.len() as i64).collect();
    axes.unwrap_or(&all).iter().try_fold(a.clone(), |a, &axis| {
        let axis = position(name, axis, shape.len())?;
        let n = shape[axis];
        let first = if inverse { n / 2 } else { n.div_ceil(2) } as i64;
        let part = |start: Option<i64>, stop: Option<i64>| {
            let mut items = vec![super::Index::WHOLE; shape.len()];
            items[axis] = super::Index::Slice(start, stop, None);
            a.index(items)
        };
        Ok(super::concatenate(&[part(Some(first), None), part(None, Some(first))], axis as i64))
    })
}
