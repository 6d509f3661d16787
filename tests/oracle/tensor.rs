//! Whole arrays of one number type, with a bound on how far each element may be off.

use flagstone::DType;

/// A number of any kind; a bool is 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Num {
    I(i128),
    F(f64),
    C(f64, f64),
}

impl Num {
    pub fn f(self) -> f64 {
        match self {
            Num::I(i) => i as f64,
            Num::F(f) | Num::C(f, _) => f,
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
            Num::I(i) => i,
            Num::F(f) | Num::C(f, _) => f as i128,
        }
    }
    pub fn truth(self) -> bool {
        match self {
            Num::I(i) => i != 0,
            Num::F(f) => f != 0.0,
            Num::C(re, im) => re != 0.0 || im != 0.0,
        }
    }
    pub fn is_nan(self) -> bool {
        let (re, im) = self.c();
        re.is_nan() || im.is_nan()
    }
    /// |x|.
    pub fn size(self) -> f64 {
        match self {
            Num::C(re, im) => re.hypot(im),
            other => other.f().abs(),
        }
    }
    /// Before `other` in the order of real numbers.
    pub fn before(self, other: Num) -> bool {
        match (self, other) {
            (Num::I(a), Num::I(b)) => a < b,
            _ => self.f() < other.f(),
        }
    }
}

pub fn truth(b: bool) -> Num {
    Num::I(b as i128)
}

/// `x` to the nearest number with `bits` significant ones, ties to even; exponents under `least` are `least`'s
/// with fewer bits, and what rounds to over `greatest` is infinite.
fn rounded(x: f64, bits: i32, least: i32, greatest: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let exponent = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let grain = f64::from_bits(((exponent.max(least) - bits + 1 + 1023) as u64) << 52);
    let near = (x / grain).round_ties_even() * grain;
    if near.abs() > greatest { f64::INFINITY.copysign(x) } else { near }
}

/// `x` rounded to a float dtype.
fn round(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F16 => rounded(x, 11, -14, 65504.0),
        DType::BF16 => rounded(x, 8, -126, 3.3895313892515355e38),
        DType::F32 | DType::C64 => x as f32 as f64,
        _ => x,
    }
}

/// `x` as `dtype` holds it: integers wrap, floats round.
pub fn fit(x: Num, dtype: DType) -> Num {
    match dtype {
        DType::Bool => truth(x.truth()),
        DType::I8 => Num::I(x.i() as i8 as i128),
        DType::I16 => Num::I(x.i() as i16 as i128),
        DType::I32 => Num::I(x.i() as i32 as i128),
        DType::I64 => Num::I(x.i() as i64 as i128),
        DType::U8 => Num::I(x.i() as u8 as i128),
        DType::U16 => Num::I(x.i() as u16 as i128),
        DType::U32 => Num::I(x.i() as u32 as i128),
        DType::U64 => Num::I(x.i() as u64 as i128),
        DType::F32 => match x {
            Num::I(i) => Num::F(i as f32 as f64),
            other => Num::F(other.f() as f32 as f64),
        },
        DType::F16 | DType::BF16 | DType::F64 => Num::F(round(x.f(), dtype)),
        DType::C64 | DType::C128 => {
            let (re, im) = x.c();
            Num::C(round(re, dtype), round(im, dtype))
        }
    }
}

/// Least and greatest value of an integer dtype or bool.
pub fn range(dtype: DType) -> (i128, i128) {
    let bits = 8 * dtype.size() as u32;
    match dtype {
        DType::Bool => (0, 1),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        _ => (0, (1 << bits) - 1),
    }
}

pub fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
}

pub fn is_complex(dtype: DType) -> bool {
    matches!(dtype, DType::C64 | DType::C128)
}

fn is_signed(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64)
}

/// Integers and bool.
pub fn is_whole(dtype: DType) -> bool {
    !is_float(dtype) && !is_complex(dtype)
}

/// NumPy's promotion; bfloat16 with float16 gives float32.
pub fn promote(a: DType, b: DType) -> DType {
    use DType::*;
    if a == b || b == Bool {
        return a;
    }
    if a == Bool {
        return b;
    }
    // the least float that holds an integer dtype's values, or nearly
    let as_float = |dtype: DType, beside: DType| match dtype.size() {
        _ if !is_whole(dtype) => dtype,
        1 => beside,
        2 => F32,
        _ => F64,
    };
    if is_complex(a) || is_complex(b) {
        let wide = |dtype: DType| matches!(as_float(dtype, F32), F64 | C128);
        return if wide(a) || wide(b) { C128 } else { C64 };
    }
    if is_float(a) || is_float(b) {
        let (x, y) = (as_float(a, b), as_float(b, a));
        return match (x, y) {
            _ if x == y => x,
            (F16, BF16) | (BF16, F16) => F32,
            _ if x.size() > y.size() => x,
            _ => y,
        };
    }
    match (is_signed(a), is_signed(b)) {
        (true, false) | (false, true) => {
            let (signed, unsigned) = if is_signed(a) { (a, b) } else { (b, a) };
            *[I8, I16, I32, I64].iter().find(|&&dtype| dtype.size() >= signed.size() && dtype.size() > unsigned.size()).unwrap_or(&F64)
        }
        _ => {
            if a.size() > b.size() {
                a
            } else {
                b
            }
        }
    }
}

/// The distance between neighbouring numbers of `dtype` at `x`, or a little more.
pub fn ulp(x: f64, dtype: DType) -> f64 {
    match dtype {
        DType::F16 => x.abs() * 2f64.powi(-10) + 6e-8,
        DType::BF16 => x.abs() * 2f64.powi(-7) + 1e-40,
        DType::F32 | DType::C64 => x.abs() * f32::EPSILON as f64 + 1e-45,
        DType::F64 | DType::C128 => x.abs() * f64::EPSILON + 5e-324,
        _ => 0.0,
    }
}

/// The elements in C order.
#[derive(Clone, Debug)]
enum Values {
    I(Vec<i64>),
    /// Those of uint64.
    U(Vec<u64>),
    F(Vec<f64>),
    C(Vec<[f64; 2]>),
}

/// An array, and how far each of its elements may be off; without that, each must be the very value.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub dtype: DType,
    pub shape: Vec<usize>,
    values: Values,
    errors: Option<Vec<f64>>,
}

impl Tensor {
    /// Elements by their place in C order, which are the very values.
    pub fn exact(dtype: DType, shape: &[usize], mut value: impl FnMut(usize) -> Num) -> Tensor {
        let n = shape.iter().product();
        let values = match dtype {
            dtype if is_float(dtype) => Values::F((0..n).map(|i| value(i).f()).collect()),
            dtype if is_complex(dtype) => Values::C((0..n).map(|i| value(i).c().into()).collect()),
            DType::U64 => Values::U((0..n).map(|i| value(i).i() as u64).collect()),
            _ => Values::I((0..n).map(|i| value(i).i() as i64).collect()),
        };
        Tensor { dtype, shape: shape.to_vec(), values, errors: None }
    }
    /// Elements with how far they may be off; `exact` for not at all.
    pub fn new(dtype: DType, shape: &[usize], exact: bool, mut element: impl FnMut(usize) -> (Num, f64)) -> Tensor {
        if exact {
            return Tensor::exact(dtype, shape, |i| element(i).0);
        }
        let mut errors = Vec::with_capacity(shape.iter().product());
        let tensor = Tensor::exact(dtype, shape, |i| {
            let (value, error) = element(i);
            errors.push(error);
            value
        });
        Tensor { errors: Some(errors), ..tensor }
    }
    pub fn is_exact(&self) -> bool {
        self.errors.is_none()
    }
    pub fn ndim(&self) -> usize {
        self.shape.len()
    }
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }
    pub fn at(&self, i: usize) -> Num {
        match &self.values {
            Values::I(values) => Num::I(values[i] as i128),
            Values::U(values) => Num::I(values[i] as i128),
            Values::F(values) => Num::F(values[i]),
            Values::C(values) => Num::C(values[i][0], values[i][1]),
        }
    }
    pub fn error(&self, i: usize) -> f64 {
        self.errors.as_ref().map_or(0.0, |errors| errors[i])
    }
    pub fn element(&self, i: usize) -> (Num, f64) {
        (self.at(i), self.error(i))
    }
    pub fn numbers(&self) -> impl Iterator<Item = Num> + '_ {
        (0..self.len()).map(|i| self.at(i))
    }
    /// Distances in C order between neighbours along each axis.
    pub fn strides(&self) -> Vec<usize> {
        let mut strides = vec![1; self.ndim()];
        for axis in (1..self.ndim()).rev() {
            strides[axis - 1] = strides[axis] * self.shape[axis].max(1);
        }
        strides
    }

    /// Each element by a function of what stands at its place here.
    pub fn map(&self, dtype: DType, exact: bool, f: impl Fn(Num, f64) -> (Num, f64)) -> Tensor {
        Tensor::new(dtype, &self.shape, exact, |i| f(self.at(i), self.error(i)))
    }

    /// The element at place (i, j, …) of the result is the one at `first` + `steps[0][i]` + `steps[1][j]` + … here.
    pub fn picked(&self, first: usize, steps: &[Vec<usize>]) -> Tensor {
        let shape: Vec<usize> = steps.iter().map(Vec::len).collect();
        let mut places = vec![first];
        if shape.contains(&0) {
            places.clear();
        } else {
            for steps in steps {
                places = places.iter().flat_map(|at| steps.iter().map(move |step| at + step)).collect();
            }
        }
        Tensor::new(self.dtype, &shape, self.is_exact(), |i| self.element(places[i]))
    }

    /// The axes in another order.
    pub fn transposed(&self, order: &[usize]) -> Tensor {
        let strides = self.strides();
        let steps: Vec<Vec<usize>> = order.iter().map(|&axis| (0..self.shape[axis]).map(|i| i * strides[axis]).collect()).collect();
        self.picked(0, &steps)
    }

    /// Repeated to `shape`, to which it must broadcast.
    pub fn stretched(&self, shape: &[usize]) -> Tensor {
        if self.shape == shape {
            return self.clone();
        }
        let (strides, skip) = (self.strides(), shape.len() - self.ndim());
        let step = |axis: usize, i: usize| match axis.checked_sub(skip) {
            Some(own) if self.shape[own] != 1 => i * strides[own],
            _ => 0,
        };
        let steps: Vec<Vec<usize>> = shape.iter().enumerate().map(|(axis, &n)| (0..n).map(|i| step(axis, i)).collect()).collect();
        self.picked(0, &steps)
    }

    /// The same elements under another shape.
    pub fn shaped(self, shape: &[usize]) -> Tensor {
        assert_eq!(self.len(), shape.iter().product::<usize>(), "as many elements");
        Tensor { shape: shape.to_vec(), ..self }
    }

    /// As another dtype.
    pub fn cast(&self, dtype: DType) -> Tensor {
        if dtype == self.dtype {
            return self.clone();
        }
        self.map(dtype, self.is_exact(), |v, e| (fit(v, dtype), if self.is_exact() { 0.0 } else { e + ulp(v.size(), dtype) }))
    }

    /// The elements in C order as they lie in memory.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() * self.dtype.size());
        for value in self.numbers() {
            write(value, self.dtype, &mut out);
        }
        out
    }

    /// Where elements that lie in memory are not what they may be: the place, what was expected, what was found.
    pub fn difference(&self, dtype: DType, shape: &[usize], bytes: &[u8]) -> Option<String> {
        if (self.dtype, &self.shape[..]) != (dtype, shape) {
            return Some(format!("expected {} {:?}, got {dtype} {shape:?}", self.dtype, self.shape));
        }
        let wrong = (0..self.len()).find(|&i| !allows(self.at(i), self.error(i), read(dtype, bytes, i)))?;
        let place: Vec<usize> = self.strides().iter().zip(shape).map(|(stride, n)| wrong / stride % n).collect();
        let (want, error, have) = (self.at(wrong), self.error(wrong), read(dtype, bytes, wrong));
        Some(format!("at {place:?} of {shape:?} {dtype} expected {want:?} ± {error:e}, got {have:?}"))
    }
}

/// Whether `have` is within `error` of `want`.
fn allows(want: Num, error: f64, have: Num) -> bool {
    let close = |x: f64, y: f64| (x.is_nan() && y.is_nan()) || x == y || (error > 0.0 && (x - y).abs() <= error);
    match (want, have) {
        (Num::I(i), Num::I(j)) => i == j,
        // what is NaN somewhere has no other part to compare
        (Num::C(..), _) if want.is_nan() => have.is_nan(),
        _ => {
            let ((a, b), (c, d)) = (want.c(), have.c());
            close(a, c) && close(b, d)
        }
    }
}

/// A half-precision number by its bits: sign, exponent of `exponent` bits, the rest a fraction.
fn half(bits: u16, exponent: u32) -> f64 {
    let fraction = 15 - exponent;
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (e, m) = (((bits & 0x7fff) >> fraction) as i32, (bits & ((1 << fraction) - 1)) as f64);
    let (bias, grain) = ((1 << (exponent - 1)) - 1, 2f64.powi(-(fraction as i32)));
    match e {
        0 => sign * m * grain * 2f64.powi(1 - bias),
        e if e == 2 * bias + 1 => {
            if m == 0.0 {
                sign * f64::INFINITY
            } else {
                f64::NAN
            }
        }
        e => sign * (1.0 + m * grain) * 2f64.powi(e - bias),
    }
}

/// The bits of a number that half precision holds.
fn half_bits(x: f64, exponent: u32) -> u16 {
    let fraction = 15 - exponent;
    let bias = (1i32 << (exponent - 1)) - 1;
    let sign = if x.is_sign_negative() { 0x8000u16 } else { 0 };
    let top = ((2 * bias + 1) as u16) << fraction;
    if x.is_nan() {
        return top | 1 << (fraction - 1);
    }
    if x.is_infinite() {
        return sign | top;
    }
    let e = (((x.to_bits() >> 52) & 0x7ff) as i32 - 1023).max(1 - bias);
    let m = (x.abs() / 2f64.powi(e) * 2f64.powi(fraction as i32)) as u16;
    // a normal number's leading one adds 1 to the exponent field, which counts from the subnormals
    sign | ((((e + bias - 1) as u16) << fraction) + m)
}

/// Element `i` of elements that lie in memory.
pub fn read(dtype: DType, bytes: &[u8], i: usize) -> Num {
    let b = &bytes[i * dtype.size()..][..dtype.size()];
    macro_rules! number {
        ($t:ty, $b:expr) => {
            <$t>::from_ne_bytes($b.try_into().expect("as many bytes"))
        };
    }
    match dtype {
        DType::Bool => truth(b[0] != 0),
        DType::I8 => Num::I(b[0] as i8 as i128),
        DType::U8 => Num::I(b[0] as i128),
        DType::I16 => Num::I(number!(i16, b) as i128),
        DType::U16 => Num::I(number!(u16, b) as i128),
        DType::I32 => Num::I(number!(i32, b) as i128),
        DType::U32 => Num::I(number!(u32, b) as i128),
        DType::I64 => Num::I(number!(i64, b) as i128),
        DType::U64 => Num::I(number!(u64, b) as i128),
        DType::F16 => Num::F(half(number!(u16, b), 5)),
        DType::BF16 => Num::F(half(number!(u16, b), 8)),
        DType::F32 => Num::F(number!(f32, b) as f64),
        DType::F64 => Num::F(number!(f64, b)),
        DType::C64 => Num::C(number!(f32, b[..4]) as f64, number!(f32, b[4..]) as f64),
        DType::C128 => Num::C(number!(f64, b[..8]), number!(f64, b[8..])),
    }
}

fn write(value: Num, dtype: DType, out: &mut Vec<u8>) {
    match dtype {
        dtype if is_whole(dtype) => out.extend(&value.i().to_le_bytes()[..dtype.size()]),
        DType::F16 => out.extend(half_bits(value.f(), 5).to_ne_bytes()),
        DType::BF16 => out.extend(half_bits(value.f(), 8).to_ne_bytes()),
        DType::F32 => out.extend((value.f() as f32).to_ne_bytes()),
        DType::F64 => out.extend(value.f().to_ne_bytes()),
        DType::C64 => out.extend([value.c().0, value.c().1].iter().flat_map(|part| (*part as f32).to_ne_bytes())),
        _ => out.extend([value.c().0, value.c().1].iter().flat_map(|part| part.to_ne_bytes())),
    }
}

#[test]
fn every_half_precision_number_is_what_its_bits_say() {
    for bits in 0..=u16::MAX {
        for (exponent, dtype) in [(5, DType::F16), (8, DType::BF16)] {
            let value = half(bits, exponent);
            if value.is_nan() {
                assert!(half(half_bits(value, exponent), exponent).is_nan());
            } else {
                assert_eq!(half_bits(value, exponent), bits, "{value}");
                assert_eq!(fit(Num::F(value), dtype), Num::F(value));
            }
        }
    }
    // bfloat16 is the upper half of float32
    assert_eq!(half(0x4049, 8), f32::from_bits(0x4049_0000) as f64);
    assert_eq!(fit(Num::F(1.0 + 2f64.powi(-11)), DType::F16), Num::F(1.0), "a tie goes to even");
    assert_eq!(fit(Num::F(65520.0), DType::F16), Num::F(f64::INFINITY));
}
