//! Fourier transforms of one lane: complex or real, forward or inverse, cut or padded with zeros to a length.

use crate::dtype::DType;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex;
use rustfft::{FftNum, FftPlanner};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Which transform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Complex to complex, exponent −2πi.
    Forward,
    /// Complex to complex, exponent 2πi.
    Inverse,
    /// Real to the first half of its Hermitian transform: n/2 + 1 of them.
    Real,
    /// From such a half to n real numbers.
    FromHalf,
}

impl Kind {
    /// Whether it is of values of `dtype`.
    fn takes(self, dtype: DType) -> bool {
        if self == Kind::Real { matches!(dtype, DType::F32 | DType::F64) } else { matches!(dtype, DType::C64 | DType::C128) }
    }
}

/// A transform of lanes. Its tables are made once.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Described", into = "Described")]
pub struct Fft {
    kind: Kind,
    dtype: DType,
    n: usize,
    scale: f64,
    plan: Plan,
}

#[derive(Clone)]
enum Plan {
    Single(Steps<f32>),
    Double(Steps<f64>),
}

/// Real values are transformed as half as many complex ones, where their number is even.
#[derive(Clone)]
enum Steps<R> {
    Complex(Arc<dyn rustfft::Fft<R>>),
    Real(Arc<dyn RealToComplex<R>>),
    FromHalf(Arc<dyn ComplexToReal<R>>),
}

/// What a transform is made of.
#[derive(Serialize, Deserialize)]
struct Described {
    kind: Kind,
    dtype: DType,
    n: usize,
    scale: f64,
}

impl From<Fft> for Described {
    fn from(fft: Fft) -> Described {
        Described { kind: fft.kind, dtype: fft.dtype, n: fft.n, scale: fft.scale }
    }
}

impl TryFrom<Described> for Fft {
    type Error = String;

    fn try_from(of: Described) -> Result<Fft, String> {
        if of.n == 0 || !of.kind.takes(of.dtype) {
            return Err(format!("{:?} of {} {}", of.kind, of.n, of.dtype));
        }
        Ok(Fft::new(of.kind, of.dtype, of.n, of.scale))
    }
}

impl PartialEq for Fft {
    fn eq(&self, other: &Fft) -> bool {
        let what = |fft: &Fft| (fft.kind, fft.dtype, fft.n, fft.scale.to_bits());
        what(self) == what(other)
    }
}

impl fmt::Debug for Fft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} {}", self.kind, self.n, self.dtype)
    }
}

impl Fft {
    /// A transform of length `n` > 0 of values of `dtype` (float32, float64, complex64 or complex128; complex unless the kind is
    /// [`Kind::Real`]), multiplied by `scale`.
    ///
    /// # Panics
    /// If the kind has no such dtype.
    pub fn new(kind: Kind, dtype: DType, n: usize, scale: f64) -> Fft {
        assert!(kind.takes(dtype), "{kind:?} of {dtype}");
        let plan = match dtype {
            DType::F32 | DType::C64 => Plan::Single(Steps::new(kind, n)),
            _ => Plan::Double(Steps::new(kind, n)),
        };
        Fft { kind, dtype, n, scale, plan }
    }

    /// NumPy's name.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Forward => "fft",
            Kind::Inverse => "ifft",
            Kind::Real => "rfft",
            Kind::FromHalf => "irfft",
        }
    }

    /// Of the values.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Of what comes out.
    pub fn out(&self) -> DType {
        match (self.kind, self.is_double()) {
            (Kind::FromHalf, false) => DType::F32,
            (Kind::FromHalf, true) => DType::F64,
            (_, false) => DType::C64,
            (_, true) => DType::C128,
        }
    }

    fn is_double(&self) -> bool {
        matches!(self.plan, Plan::Double(_))
    }

    /// How many elements come out.
    pub fn out_len(&self) -> u64 {
        if self.kind == Kind::Real { self.n as u64 / 2 + 1 } else { self.n as u64 }
    }

    fn item_bytes(&self) -> u64 {
        if self.is_double() { 16 } else { 8 }
    }

    /// Bytes of the buffers of a lane.
    pub fn scratch_bytes(&self) -> u64 {
        let working = match &self.plan {
            Plan::Single(steps) => steps.working(),
            Plan::Double(steps) => steps.working(),
        };
        // real values take half of what complex ones take
        let held = if self.kind == Kind::Real { self.n.div_ceil(2) } else { self.n };
        (held as u64).saturating_add(working as u64).saturating_mul(self.item_bytes())
    }

    /// Bytes of the tables, which all lanes share, at most: twiddle factors of each stage, and of a longer transform, of two or three times as many
    /// values, in the place of a prime that is no small number.
    pub fn tables_bytes(&self) -> u64 {
        let n = self.n as u64;
        let is_real = matches!(self.kind, Kind::Real | Kind::FromHalf);
        let (of, apart) = if is_real && n.is_multiple_of(2) { (n / 2, n / 2) } else { (n, 0) };
        let prime = largest_prime(of);
        let longer = if prime > PRIME_MAX { prime.saturating_mul(5) } else { 0 };
        of.saturating_add(of / 4)
            .saturating_add(longer)
            .saturating_add(apart)
            .saturating_mul(self.item_bytes())
            .saturating_add(TABLES_BYTES)
    }

    /// From one dense lane to another.
    ///
    /// # Panics
    /// If a buffer is shorter than said, or not aligned to 16 bytes.
    pub fn run(&self, lane: &[u8], out: &mut [u8], scratch: &mut [u8]) {
        match &self.plan {
            Plan::Single(steps) => self.transform(steps, lane, out, scratch),
            Plan::Double(steps) => self.transform(steps, lane, out, scratch),
        }
    }

    fn transform<R>(&self, steps: &Steps<R>, lane: &[u8], out: &mut [u8], scratch: &mut [u8])
    where
        R: FftNum + bytemuck::Pod + num_traits::Float,
        Complex<R>: bytemuck::Pod,
    {
        let item = size_of::<Complex<R>>();
        let scale = <R as num_traits::NumCast>::from(self.scale).unwrap_or_else(R::one);
        let held = if self.kind == Kind::Real { self.n.div_ceil(2) } else { self.n };
        let (buffer, rest) = scratch.split_at_mut(held * item);
        let working: &mut [Complex<R>] = bytemuck::cast_slice_mut(&mut rest[..steps.working() * item]);
        buffer.fill(0);
        match steps {
            Steps::Complex(plan) => {
                let (lane, buffer): (&[Complex<R>], &mut [Complex<R>]) = (bytemuck::cast_slice(lane), bytemuck::cast_slice_mut(buffer));
                let n = lane.len().min(self.n);
                buffer[..n].copy_from_slice(&lane[..n]);
                plan.process_with_scratch(buffer, working);
                let out: &mut [Complex<R>] = bytemuck::cast_slice_mut(out);
                out.iter_mut().zip(&*buffer).for_each(|(out, value)| *out = value.scale(scale));
            }
            Steps::Real(plan) => {
                let (lane, buffer): (&[R], &mut [R]) = (bytemuck::cast_slice(lane), bytemuck::cast_slice_mut(buffer));
                let (out, n): (&mut [Complex<R>], _) = (bytemuck::cast_slice_mut(out), lane.len().min(self.n));
                buffer[..n].copy_from_slice(&lane[..n]);
                plan.process_with_scratch(&mut buffer[..self.n], out, working).expect("buffers of the lengths that it asks for");
                out.iter_mut().for_each(|out| *out = out.scale(scale));
            }
            Steps::FromHalf(plan) => {
                let (lane, buffer): (&[Complex<R>], &mut [Complex<R>]) = (bytemuck::cast_slice(lane), bytemuck::cast_slice_mut(buffer));
                let (out, n): (&mut [R], _) = (bytemuck::cast_slice_mut(out), lane.len().min(self.n / 2 + 1));
                buffer[..n].copy_from_slice(&lane[..n]);
                // what is its own mirror image is real
                buffer[0].im = R::zero();
                if self.n.is_multiple_of(2) {
                    buffer[self.n / 2].im = R::zero();
                }
                plan.process_with_scratch(&mut buffer[..self.n / 2 + 1], out, working).expect("buffers of the lengths that it asks for");
                out.iter_mut().for_each(|out| *out = *out * scale);
            }
        }
    }
}

/// Primes up to this have kernels of their own.
const PRIME_MAX: u64 = 31;
/// Of what a transform is beside its tables.
const TABLES_BYTES: u64 = 16384;

/// The largest prime that divides `n`; 1 of 1.
pub fn largest_prime(mut n: u64) -> u64 {
    let (mut largest, mut factor) = (1, 2);
    while factor * factor <= n {
        if n.is_multiple_of(factor) {
            (n, largest) = (n / factor, factor);
        } else {
            factor += 1;
        }
    }
    largest.max(n)
}

impl<R: FftNum> Steps<R> {
    fn new(kind: Kind, n: usize) -> Steps<R> {
        match kind {
            Kind::Forward => Steps::Complex(FftPlanner::new().plan_fft_forward(n)),
            Kind::Inverse => Steps::Complex(FftPlanner::new().plan_fft_inverse(n)),
            Kind::Real => Steps::Real(RealFftPlanner::new().plan_fft_forward(n)),
            Kind::FromHalf => Steps::FromHalf(RealFftPlanner::new().plan_fft_inverse(n)),
        }
    }

    /// Complex numbers that it works on beside its buffers.
    fn working(&self) -> usize {
        match self {
            Steps::Complex(plan) => plan.get_inplace_scratch_len(),
            Steps::Real(plan) => plan.get_scratch_len(),
            Steps::FromHalf(plan) => plan.get_scratch_len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::C128;

    /// The definition.
    fn slow(x: &[C128], n: usize, sign: f64) -> Vec<C128> {
        let term = |j: usize, k: usize| {
            let angle = sign * 2.0 * std::f64::consts::PI * ((j * k) % n) as f64 / n as f64;
            x.get(j).copied().unwrap_or_default() * C128::new(angle.cos(), angle.sin())
        };
        (0..n).map(|k| (0..n).map(|j| term(j, k)).sum()).collect()
    }

    fn run<T: bytemuck::Pod, U: bytemuck::Pod + Default>(fft: &Fft, lane: &[T]) -> Vec<U> {
        let mut out = vec![U::default(); fft.out_len() as usize];
        let mut scratch = vec![0u128; (fft.scratch_bytes() / 16 + 1) as usize];
        fft.run(bytemuck::cast_slice(lane), bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch));
        out
    }

    #[test]
    fn every_kind_is_its_definition() {
        let x: Vec<C128> = (0..9).map(|i| C128::new((i as f64).sin(), (i as f64 * 0.7).cos())).collect();
        let near = |a: &[C128], b: &[C128]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).norm() < 1e-12);
        for n in [1, 2, 5, 8, 9, 12, 17] {
            let forward: Vec<C128> = run(&Fft::new(Kind::Forward, DType::C128, n, 1.0), &x);
            assert!(near(&forward, &slow(&x[..n.min(9)], n, -1.0)), "{n}");
            let inverse: Vec<C128> = run(&Fft::new(Kind::Inverse, DType::C128, n, 2.0), &x);
            assert!(near(&inverse, &slow(&x[..n.min(9)], n, 1.0).iter().map(|v| v * 2.0).collect::<Vec<_>>()), "{n}");
            let real: Vec<f64> = x.iter().map(|v| v.re).collect();
            let half: Vec<C128> = run(&Fft::new(Kind::Real, DType::F64, n, 1.0), &real);
            let whole: Vec<C128> = real.iter().take(n).map(|&re| C128::new(re, 0.0)).collect();
            assert!(near(&half, &slow(&whole, n, -1.0)[..n / 2 + 1]), "{n}");
            let back: Vec<f64> = run(&Fft::new(Kind::FromHalf, DType::C128, n, 1.0 / n as f64), &half);
            assert!(back.iter().enumerate().all(|(i, v)| (v - real.get(i).copied().unwrap_or(0.0)).abs() < 1e-12), "{n}");
        }
    }
}
