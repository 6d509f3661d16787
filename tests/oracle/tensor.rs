//! Whole arrays of one number type, with a bound on how far each element may be off.

use flagstone::DType;
use ndarray::{ArrayD, Dimension, IxDyn};

/// A number of any kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Num {
    B(bool),
    I(i128),
    F(f64),
    C(f64, f64),
}

impl Num {
    pub fn f(self) -> f64 {
        match self {
            Num::B(b) => b as u8 as f64,
            Num::I(i) => i as f64,
            Num::F(f) => f,
            Num::C(re, _) => re,
        }
    }
    pub fn c(self) -> (f64, f64) {
        match self {
            Num::C(re, im) => (re, im),
            other => (other.f(), 0.0),
        }
    }
    pub fn i(self) -> i128 {
        match self {
            Num::B(b) => b as i128,
            Num::I(i) => i,
            Num::F(f) | Num::C(f, _) => f as i128,
        }
    }
    pub fn truth(self) -> bool {
        match self {
            Num::B(b) => b,
            Num::I(i) => i != 0,
            Num::F(f) => f != 0.0,
            Num::C(re, im) => re != 0.0 || im != 0.0,
        }
    }
    pub fn is_nan(self) -> bool {
        let (re, im) = self.c();
        re.is_nan() || im.is_nan()
    }
    pub fn size(self) -> f64 {
        let (re, im) = self.c();
        re.hypot(im)
    }
}

/// `x` as `dtype` holds it: integers wrap, floats round.
pub fn fit(x: Num, dtype: DType) -> Num {
    match dtype {
        DType::Bool => Num::B(x.truth()),
        DType::U8 => Num::I(x.i() as u8 as i128),
        DType::I32 => Num::I(x.i() as i32 as i128),
        DType::I64 => Num::I(x.i() as i64 as i128),
        DType::U64 => Num::I(x.i() as u64 as i128),
        DType::F32 => Num::F(x.f() as f32 as f64),
        DType::F64 => Num::F(x.f()),
        DType::C128 => {
            let (re, im) = x.c();
            Num::C(re, im)
        }
        other => panic!("{other} is not drawn"),
    }
}

/// NumPy's promotion, for the dtypes that are drawn.
pub fn promote(a: DType, b: DType) -> DType {
    use DType::*;
    let rank = |dtype| [Bool, U8, I32, I64, U64, F32, F64, C128].iter().position(|&d| d == dtype).expect("a drawn dtype");
    let (low, high) = if rank(a) <= rank(b) { (a, b) } else { (b, a) };
    match (low, high) {
        (I32 | I64, U64) => F64,
        (I32 | I64 | U64, F32) => F64,
        _ => high,
    }
}

/// The distance between neighbouring numbers of `dtype` at `x`.
pub fn ulp(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F32 => x.abs() * f32::EPSILON as f64 + 1e-45,
        DType::F64 | DType::C128 => x.abs() * f64::EPSILON + 5e-324,
        _ => 0.0,
    }
}

/// An array and how far each of its elements may be off.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub dtype: DType,
    pub values: ArrayD<Num>,
    pub errors: ArrayD<f64>,
    /// Whether every element must be the very value.
    pub exact: bool,
}

impl Tensor {
    pub fn exact(dtype: DType, values: ArrayD<Num>) -> Tensor {
        let errors = ArrayD::zeros(values.raw_dim());
        Tensor { dtype, values, errors, exact: true }
    }
    pub fn shape(&self) -> &[usize] {
        self.values.shape()
    }
    pub fn len(&self) -> usize {
        self.values.len()
    }
    /// The same choice of places of values and errors.
    pub fn rearranged(&self, shape: &[usize], from: impl Fn(&[usize]) -> Vec<usize>) -> Tensor {
        let values = ArrayD::from_shape_fn(IxDyn(shape), |at| self.values[&from(at.slice())[..]]);
        let errors = ArrayD::from_shape_fn(IxDyn(shape), |at| self.errors[&from(at.slice())[..]]);
        Tensor { dtype: self.dtype, values, errors, exact: self.exact }
    }
    /// From elements in C order as they lie in memory.
    pub fn from_bytes(dtype: DType, shape: &[usize], bytes: &[u8]) -> Tensor {
        let f64_at = |b: &[u8]| f64::from_ne_bytes(b.try_into().unwrap());
        let read = |b: &[u8]| match dtype {
            DType::Bool => Num::B(b[0] != 0),
            DType::U8 => Num::I(b[0] as i128),
            DType::I32 => Num::I(i32::from_ne_bytes(b.try_into().unwrap()) as i128),
            DType::I64 => Num::I(i64::from_ne_bytes(b.try_into().unwrap()) as i128),
            DType::U64 => Num::I(u64::from_ne_bytes(b.try_into().unwrap()) as i128),
            DType::F32 => Num::F(f32::from_ne_bytes(b.try_into().unwrap()) as f64),
            DType::F64 => Num::F(f64_at(b)),
            DType::C128 => Num::C(f64_at(&b[..8]), f64_at(&b[8..])),
            other => panic!("{other} is not drawn"),
        };
        let values: Vec<Num> = bytes.chunks_exact(dtype.size()).map(read).collect();
        Tensor::exact(dtype, ArrayD::from_shape_vec(IxDyn(shape), values).expect("as many values as places"))
    }
    /// The elements in C order as they lie in memory.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * self.dtype.size());
        for value in &self.values {
            match self.dtype {
                DType::Bool => out.push(value.truth() as u8),
                DType::U8 => out.push(value.i() as u8),
                DType::I32 => out.extend((value.i() as i32).to_ne_bytes()),
                DType::I64 => out.extend((value.i() as i64).to_ne_bytes()),
                DType::U64 => out.extend((value.i() as u64).to_ne_bytes()),
                DType::F32 => out.extend((value.f() as f32).to_ne_bytes()),
                DType::F64 => out.extend(value.f().to_ne_bytes()),
                DType::C128 => {
                    let (re, im) = value.c();
                    out.extend(re.to_ne_bytes());
                    out.extend(im.to_ne_bytes());
                }
                other => panic!("{other} is not drawn"),
            }
        }
        out
    }

    /// Where `got` is not what it may be: the place, what was expected and what was found.
    pub fn difference(&self, got: &Tensor) -> Option<String> {
        if (self.dtype, self.shape()) != (got.dtype, got.shape()) {
            return Some(format!("expected {} {:?}, got {} {:?}", self.dtype, self.shape(), got.dtype, got.shape()));
        }
        for ((place, &want), &have) in self.values.indexed_iter().zip(&got.values) {
            let error = self.errors[&place];
            let ((a, b), (c, d)) = (want.c(), have.c());
            let close = |x: f64, y: f64| (x.is_nan() && y.is_nan()) || x == y || (!self.exact && (x - y).abs() <= error);
            let same = match (want, have) {
                (Num::I(i), Num::I(j)) => i == j,
                // what is NaN somewhere has no other part to compare
                (Num::C(..), _) if want.is_nan() => have.is_nan(),
                _ => close(a, c) && close(b, d),
            };
            if !same {
                return Some(format!("at {:?} expected {want:?} ± {error:e}, got {have:?}", place.slice()));
            }
        }
        None
    }
}
