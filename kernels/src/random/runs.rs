//! (key, indices) → values of the laws that need an unknown number of random words. 16 consecutive elements
//! are a run; each run has a generator of its own, from which its elements are drawn in order. So an element
//! still follows from its index alone, at the price of drawing those before it in its run.

use super::ars::Key;
use super::further::Draw;
use super::run_rng::RunRng;
use crate::dtype::{DType, Scalar};
use rand_distr::Distribution as _;

const RUN: u64 = 16;

/// A law that draws from a generator of a run.
pub(super) enum RunLaw {
    Zero,
    Lognormal(rand_distr::LogNormal<f64>),
    Gamma(rand_distr::Gamma<f64>),
    Poisson(rand_distr::Poisson<f64>),
    Further(Draw),
}

impl RunLaw {
    pub(super) fn lognormal(mean: f64, sigma: f64) -> Result<RunLaw, String> {
        rand_distr::LogNormal::new(mean, sigma).map(RunLaw::Lognormal).map_err(|e| format!("lognormal: {e}"))
    }

    /// NumPy's gamma: a shape or scale of 0 gives 0.
    pub(super) fn gamma(shape: f64, scale: f64) -> Result<RunLaw, String> {
        if shape == 0.0 || scale == 0.0 {
            return Ok(RunLaw::Zero);
        }
        rand_distr::Gamma::new(shape, scale).map(RunLaw::Gamma).map_err(|e| format!("gamma: {e}"))
    }

    /// NumPy's poisson: a lam of 0 gives 0.
    pub(super) fn poisson(lam: f64) -> Result<RunLaw, String> {
        if lam == 0.0 {
            return Ok(RunLaw::Zero);
        }
        rand_distr::Poisson::new(lam).map(RunLaw::Poisson).map_err(|e| format!("poisson: {e}"))
    }

    pub(super) fn draw(&self, rng: &mut RunRng) -> f64 {
        match self {
            RunLaw::Zero => 0.0,
            RunLaw::Lognormal(law) => law.sample(rng),
            RunLaw::Gamma(law) => law.sample(rng),
            RunLaw::Poisson(law) => law.sample(rng),
            RunLaw::Further(draw) => draw(rng),
        }
    }
}

/// Writes elements `first`, `first` + `step`, … as `dtype` to `out`. Integers saturate.
pub(super) fn fill(law: &RunLaw, dtype: DType, key: &Key, first: u64, step: i64, out: &mut [u8]) {
    let mut rng = RunRng::new(key, 0);
    let mut drawn = [0.0; RUN as usize];
    let (mut run, mut count) = (None, 0);
    let mut index = first;
    for element in out.chunks_exact_mut(dtype.size()) {
        if run != Some(index / RUN) {
            run = Some(index / RUN);
            count = 0;
            rng = RunRng::new(key, index / RUN);
        }
        let place = (index % RUN) as usize;
        while count <= place {
            drawn[count] = law.draw(&mut rng);
            count += 1;
        }
        write(drawn[place], dtype, element);
        index = index.wrapping_add(step as u64);
    }
}

/// Writes a value as `dtype`; integers saturate.
pub(super) fn write(value: f64, dtype: DType, out: &mut [u8]) {
    match dtype {
        DType::F32 => out.copy_from_slice(&(value as f32).to_ne_bytes()),
        DType::F64 => out.copy_from_slice(&value.to_ne_bytes()),
        DType::I8 => out.copy_from_slice(&(value as i8).to_ne_bytes()),
        DType::U8 => out.copy_from_slice(&(value as u8).to_ne_bytes()),
        DType::I16 => out.copy_from_slice(&(value as i16).to_ne_bytes()),
        DType::U16 => out.copy_from_slice(&(value as u16).to_ne_bytes()),
        DType::I32 => out.copy_from_slice(&(value as i32).to_ne_bytes()),
        DType::U32 => out.copy_from_slice(&(value as u32).to_ne_bytes()),
        DType::I64 => out.copy_from_slice(&(value as i64).to_ne_bytes()),
        DType::U64 => out.copy_from_slice(&(value as u64).to_ne_bytes()),
        other => Scalar::Float(value).write(other, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::TryRng;

    /// Words of run 5, of two batches, as they are of ARS-7 in Python's integers.
    #[test]
    fn words_of_a_run_are_those_of_the_definition() {
        let key = Key::of(42, 7);
        let mut rng = RunRng::new(&key, 5);
        let words: Vec<u64> = (0..18).map(|_| rng.try_next_u64().unwrap_or_else(|never| match never {})).collect();
        assert_eq!(words[..2], [0x725d_c28e_0f69_a7b7, 0xe632_608b_307b_903b]);
        assert_eq!(words[16..], [0xe41c_b4e6_57b8_972e, 0x20d9_93f9_b9b4_2260]);
    }
}
