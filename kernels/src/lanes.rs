//! A lane (all elements along one axis) → another lane: sorted, its quantiles, its Fourier transform.

use crate::dtype::{DType, Scalar};
use crate::fft::Fft;
use crate::isa::{Loop, dispatch};
use crate::select::{count_nan, from_key, keys};
use crate::sort::{Gives, Sorter};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is done to each lane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Lane {
    /// Its values in order, or their places.
    Sort(Sorter),
    /// A part of that, which is selected.
    Part(Part),
    /// Some of its quantiles.
    Quantiles(Arc<Quantiles>),
    /// Its Fourier transform.
    Fft(Arc<Fft>),
}

/// Places of a lane that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What is ordered, and what comes out.
    pub sorter: Sorter,
    /// The first of them.
    pub first: u64,
    /// How many, one at least.
    pub count: u64,
}

/// Quantiles of a lane of a real dtype.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Of the values.
    pub dtype: DType,
    /// Of what comes out.
    pub out: DType,
    /// Which, each in [0, 1].
    pub q: Vec<f64>,
    /// Where between two values a quantile lies.
    pub method: Method,
    /// Whether NaNs are no values; otherwise one NaN makes all quantiles NaN.
    pub skip_nan: bool,
}

/// Where a quantile lies: NumPy's names, of which nine are those of Hyndman and Fan (1996).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "NumPy's names")]
#[non_exhaustive]
pub enum Method {
    InvertedCdf,
    AveragedInvertedCdf,
    ClosestObservation,
    InterpolatedInvertedCdf,
    Hazen,
    Weibull,
    Linear,
    MedianUnbiased,
    NormalUnbiased,
    Lower,
    Higher,
    Midpoint,
    Nearest,
    /// The mean of the two middle values: `median`. Differs from `Midpoint` in that it takes no account of q.
    Median,
}

impl Method {
    /// By NumPy's name.
    pub fn of_name(name: &str) -> Option<Method> {
        Method::NAMES.iter().find(|(other, _)| *other == name).map(|(_, method)| *method)
    }

    /// NumPy's name.
    pub fn name(self) -> &'static str {
        Method::NAMES.iter().find(|(_, other)| *other == self).map_or("median", |(name, _)| name)
    }

    /// All that a user can name.
    pub const NAMES: [(&'static str, Method); 13] = [
        ("inverted_cdf", Method::InvertedCdf),
        ("averaged_inverted_cdf", Method::AveragedInvertedCdf),
        ("closest_observation", Method::ClosestObservation),
        ("interpolated_inverted_cdf", Method::InterpolatedInvertedCdf),
        ("hazen", Method::Hazen),
        ("weibull", Method::Weibull),
        ("linear", Method::Linear),
        ("median_unbiased", Method::MedianUnbiased),
        ("normal_unbiased", Method::NormalUnbiased),
        ("lower", Method::Lower),
        ("higher", Method::Higher),
        ("midpoint", Method::Midpoint),
        ("nearest", Method::Nearest),
    ];

    /// Whether every quantile is one of the values.
    pub fn is_discrete(self) -> bool {
        matches!(self, Method::InvertedCdf | Method::ClosestObservation | Method::Lower | Method::Higher | Method::Nearest)
    }

    /// What lies `part` of the way from `a` to `b`; the mean of both for a median, which does not overflow.
    pub fn mix(self, a: f64, b: f64, part: f64) -> f64 {
        match self {
            Method::Median if (a + b).is_finite() => (a + b) / 2.0,
            Method::Median => a / 2.0 + b / 2.0,
            _ if part >= 0.5 => b - (b - a) * (1.0 - part),
            _ => a + (b - a) * part,
        }
    }

    /// The places of the two sorted values, of `n` > 0, between which the quantile lies, and how far from the first.
    pub fn between(self, q: f64, n: u64) -> (u64, u64, f64) {
        let (count, last) = (n as f64, (n - 1) as f64);
        // Hyndman and Fan's plotting positions
        let plotted = |alpha: f64, beta: f64| count * q + (alpha + q * (1.0 - alpha - beta)) - 1.0;
        let one = |index: f64| {
            let place = index.clamp(0.0, last) as u64;
            (place, place, 0.0)
        };
        // the next place up, unless `index` is a place by itself and `stays`
        let boundary = |index: f64, stays: bool| {
            let floor = index.floor();
            one(if index == floor && stays { floor } else { floor + 1.0 })
        };
        let index = match self {
            Method::InvertedCdf => return boundary(count * q - 1.0, true),
            Method::ClosestObservation => {
                let index = count * q - 1.5;
                return boundary(index, index.floor().rem_euclid(2.0) == 1.0);
            }
            Method::Lower => return one((last * q).floor()),
            Method::Higher => return one((last * q).ceil()),
            Method::Nearest => return one((last * q).round_ties_even()),
            Method::Median => return ((n - 1) / 2, n / 2, 0.5),
            Method::AveragedInvertedCdf => count * q - 1.0,
            Method::InterpolatedInvertedCdf => plotted(0.0, 1.0),
            Method::Hazen => plotted(0.5, 0.5),
            Method::Weibull => plotted(0.0, 0.0),
            Method::Linear => last * q,
            Method::MedianUnbiased => plotted(1.0 / 3.0, 1.0 / 3.0),
            Method::NormalUnbiased => plotted(3.0 / 8.0, 3.0 / 8.0),
            Method::Midpoint => 0.5 * ((last * q).floor() + (last * q).ceil()),
        };
        if index >= last {
            return one(last);
        }
        if index < 0.0 {
            return one(0.0);
        }
        let part = index - index.floor();
        let part = match self {
            Method::AveragedInvertedCdf => {
                if part == 0.0 {
                    0.5
                } else {
                    1.0
                }
            }
            Method::Midpoint => {
                if part == 0.0 {
                    0.0
                } else {
                    0.5
                }
            }
            _ => part,
        };
        (index as u64, index as u64 + 1, part)
    }
}

impl Lane {
    /// NumPy's name.
    pub fn name(&self) -> &'static str {
        match self {
            Lane::Sort(sorter) | Lane::Part(Part { sorter, .. }) => match sorter.gives {
                Gives::Values => "sort",
                Gives::Places => "argsort",
            },
            Lane::Quantiles(of) if of.method == Method::Median => "median",
            Lane::Quantiles(_) => "quantile",
            Lane::Fft(fft) => fft.name(),
        }
    }

    /// Dtype of the lanes.
    pub fn dtype(&self) -> DType {
        match self {
            Lane::Sort(sorter) | Lane::Part(Part { sorter, .. }) => sorter.dtype,
            Lane::Quantiles(of) => of.dtype,
            Lane::Fft(fft) => fft.dtype(),
        }
    }

    /// Dtype of what comes out.
    pub fn out(&self) -> DType {
        match self {
            Lane::Sort(sorter) | Lane::Part(Part { sorter, .. }) => sorter.out(),
            Lane::Quantiles(of) => of.out,
            Lane::Fft(fft) => fft.out(),
        }
    }

    /// How long a lane of `n` elements comes out.
    pub fn len(&self, n: u64) -> u64 {
        match self {
            Lane::Sort(_) => n,
            Lane::Part(part) => part.count,
            Lane::Quantiles(of) => of.q.len() as u64,
            Lane::Fft(fft) => fft.out_len(),
        }
    }

    /// Bytes beside a lane of `n` elements and what comes out.
    pub fn scratch_bytes(&self, n: u64) -> u64 {
        match self {
            Lane::Sort(sorter) | Lane::Part(Part { sorter, .. }) => n.saturating_mul(sorter.item_bytes() as u64),
            Lane::Quantiles(_) => n.saturating_mul(8),
            Lane::Fft(fft) => fft.scratch_bytes(),
        }
    }

    /// Bytes of tables that all lanes share.
    pub fn tables_bytes(&self) -> u64 {
        match self {
            Lane::Sort(_) | Lane::Part(_) | Lane::Quantiles(_) => 0,
            Lane::Fft(fft) => fft.tables_bytes(),
        }
    }

    /// From one dense lane to another.
    ///
    /// # Panics
    /// If a buffer is shorter than said, or not aligned to 8 bytes.
    pub fn run(&self, lane: &[u8], out: &mut [u8], scratch: &mut [u8]) {
        let n = lane.len() / self.dtype().size();
        match self {
            Lane::Sort(sorter) => {
                let items = &mut scratch[..n * sorter.item_bytes()];
                sorter.items(lane, |i| i as u64, items);
                sorter.sort(items);
                sorter.write(items, out);
            }
            Lane::Part(Part { sorter, first, count }) => {
                let items = &mut scratch[..n * sorter.item_bytes()];
                sorter.items(lane, |i| i as u64, items);
                sorter.write(sorter.part(items, *first as usize, *count as usize), out);
            }
            Lane::Fft(fft) => fft.run(lane, out, scratch),
            Lane::Quantiles(of) => of.run(lane, out, bytemuck::cast_slice_mut(&mut scratch[..n * 8])),
        }
    }
}

impl Quantiles {
    fn run(&self, lane: &[u8], out: &mut [u8], all: &mut [u64]) {
        keys(lane, self.dtype, all);
        let nans = if self.dtype.is_float() { count_nan(all) as usize } else { 0 };
        let known = all.len() - nans;
        if known == 0 || (nans > 0 && !self.skip_nan) {
            self.q.iter().enumerate().for_each(|(at, _)| self.put(out, at, f64::NAN));
            return;
        }
        // NaNs are the greatest keys: all before them are values
        if self.q.len() > 2 {
            all.sort_unstable();
        }
        for (at, &q) in self.q.iter().enumerate() {
            let (low, high, part) = self.method.between(q, known as u64);
            let (low_at, high_at) = (low as usize, high as usize);
            if at == 1 && self.q.len() == 2 {
                keys(lane, self.dtype, all);
            }
            let (a, b) = if self.q.len() > 2 { (all[low_at], all[high_at]) } else { self.pair(lane, all, low_at, high_at) };
            let value = |key: u64| from_key(key, self.dtype);
            if low == high && self.out == self.dtype {
                value(a).write(self.out, self.place(out, at));
                continue;
            }
            let (a, b) = (value(a).as_f64(), value(b).as_f64());
            self.put(out, at, if low == high { a } else { self.method.mix(a, b, part) });
        }
    }

    /// The keys of two places in order, the same or neighbours. `all` are the keys of `lane`, and no more afterwards.
    /// A sample brackets them, one pass keeps what lies in the bracket; where it missed, all keys are selected from.
    fn pair(&self, lane: &[u8], all: &mut [u64], low: usize, high: usize) -> (u64, u64) {
        if all.len() >= 8 * SAMPLE {
            let step = all.len() / SAMPLE;
            let mut sample: [u64; SAMPLE] = std::array::from_fn(|i| all[i * step]);
            sample.sort_unstable();
            // some three standard deviations of the middle's place in the sample
            let (at, margin) = (low / step, 3 * SAMPLE.isqrt() / 2);
            let first = at.checked_sub(margin).map_or(0, |at| sample[at.min(SAMPLE - 1)]);
            let last = sample.get(at + margin + 1).copied().unwrap_or(u64::MAX);
            let [below, inside] = dispatch(Keep { keys: &mut *all, first, last });
            let found = (below <= low && high < below + inside).then(|| neighbours(&mut all[..inside], low - below, high - below));
            if let Some(found) = found {
                return found;
            }
            keys(lane, self.dtype, all);
        }
        neighbours(all, low, high)
    }

    fn put(&self, out: &mut [u8], at: usize, value: f64) {
        Scalar::Float(value).write(self.out, self.place(out, at));
    }

    fn place<'a>(&self, out: &'a mut [u8], at: usize) -> &'a mut [u8] {
        let size = self.out.size();
        &mut out[at * size..][..size]
    }
}

/// Keys of a lane that are sorted to bracket one of its values.
const SAMPLE: usize = 512;

/// The keys of two places in order, the same or neighbours.
fn neighbours(keys: &mut [u64], low: usize, high: usize) -> (u64, u64) {
    let (_, &mut a, above) = keys.select_nth_unstable(low);
    (a, if high == low { a } else { above.iter().copied().min().unwrap_or(a) })
}

/// Moves the keys in [first, last] to the front, over what stood there; how many were less, and how many there are.
struct Keep<'a> {
    keys: &'a mut [u64],
    first: u64,
    last: u64,
}

impl Loop for Keep<'_> {
    type Out = [usize; 2];
    #[inline(always)]
    fn run(self) -> [usize; 2] {
        let Keep { keys, first, last } = self;
        let (mut below, mut kept) = (0, 0);
        for i in 0..keys.len() {
            let key = keys[i];
            // always written, and kept where it counts: nothing to predict
            keys[kept] = key;
            kept += (key >= first && key <= last) as usize;
            below += (key < first) as usize;
        }
        [below, kept]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantiles(x: &[f64], q: &[f64], method: Method, skip_nan: bool) -> Vec<f64> {
        let lane = Lane::Quantiles(Arc::new(Quantiles { dtype: DType::F64, out: DType::F64, q: q.to_vec(), method, skip_nan }));
        let mut out = vec![0.0; q.len()];
        let mut scratch = vec![0u64; x.len()];
        lane.run(bytemuck::cast_slice(x), bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch));
        out
    }

    #[test]
    fn long_lanes_are_bracketed_and_give_what_sorting_gives() {
        let n = 20_001u64;
        let scattered = |i: u64| ((i * 7919) % n) as f64;
        let lanes: [(&str, Vec<f64>); 6] = [
            ("scattered", (0..n).map(scattered).collect()),
            ("ascending", (0..n).map(|i| i as f64).collect()),
            ("two values", (0..n).map(|i| (i % 2) as f64).collect()),
            ("one value", vec![3.0; n as usize]),
            // what is sampled is greater than all else: the bracket misses
            ("periodic", (0..n).map(|i| if i % (n / SAMPLE as u64) == 0 { 1e6 + i as f64 } else { scattered(i) }).collect()),
            ("with NaN", (0..n).map(|i| if i % 3 == 0 { f64::NAN } else { scattered(i) }).collect()),
        ];
        for (what, lane) in &lanes {
            for len in [n as usize, n as usize - 1] {
                let lane = &lane[..len];
                let mut sorted: Vec<f64> = lane.iter().copied().filter(|x| !x.is_nan()).collect();
                sorted.sort_unstable_by(f64::total_cmp);
                for q in [0.0, 0.001, 0.3, 0.5, 0.99, 1.0] {
                    let at = q * (sorted.len() - 1) as f64;
                    let (a, b) = (sorted[at as usize], sorted[(at as usize + 1).min(sorted.len() - 1)]);
                    let got = quantiles(lane, &[q], Method::Linear, true);
                    assert_eq!(got, [Method::Linear.mix(a, b, at - at.floor())], "{what}, {len} values, {q}");
                    let both = quantiles(lane, &[0.5, q], Method::Lower, true);
                    assert_eq!(both[1], a, "{what}, {len} values, {q} after another");
                }
            }
        }
    }

    #[test]
    fn every_method_gives_what_numpy_gives() {
        // np.quantile([15, 20, 35, 40, 50], [.05, .3, .4, .5, 1], method=…)
        let x = [35.0, 15.0, 50.0, 20.0, 40.0];
        let q = [0.05, 0.3, 0.4, 0.5, 1.0];
        for (name, expected) in EXPECTED {
            let method = Method::of_name(name).unwrap();
            for (at, got) in quantiles(&x, &q, method, false).into_iter().enumerate() {
                assert!((got - expected[at]).abs() < 1e-9, "{name} of {}: {got}, expected {}", q[at], expected[at]);
                assert_eq!(quantiles(&x, &q[at..at + 1], method, false), [got], "{name} alone");
            }
        }
    }

    const EXPECTED: [(&str, [f64; 5]); 13] = [
        ("inverted_cdf", [15.0, 20.0, 20.0, 35.0, 50.0]),
        ("averaged_inverted_cdf", [15.0, 20.0, 27.5, 35.0, 50.0]),
        ("closest_observation", [15.0, 20.0, 20.0, 20.0, 50.0]),
        ("interpolated_inverted_cdf", [15.0, 17.5, 20.0, 27.5, 50.0]),
        ("hazen", [15.0, 20.0, 27.5, 35.0, 50.0]),
        ("weibull", [15.0, 19.0, 26.0, 35.0, 50.0]),
        ("linear", [16.0, 23.0, 29.0, 35.0, 50.0]),
        ("median_unbiased", [15.0, 19.666666666666668, 27.0, 35.0, 50.0]),
        ("normal_unbiased", [15.0, 19.75, 27.125, 35.0, 50.0]),
        ("lower", [15.0, 20.0, 20.0, 35.0, 50.0]),
        ("higher", [20.0, 35.0, 35.0, 35.0, 50.0]),
        ("midpoint", [17.5, 27.5, 27.5, 35.0, 50.0]),
        ("nearest", [15.0, 20.0, 35.0, 35.0, 50.0]),
    ];

    #[test]
    fn nan_is_the_quantile_unless_it_is_skipped() {
        let x = [2.0, f64::NAN, 1.0];
        assert!(quantiles(&x, &[0.0], Method::Linear, false)[0].is_nan());
        assert_eq!(quantiles(&x, &[0.0, 0.5, 1.0], Method::Linear, true), [1.0, 1.5, 2.0]);
        assert!(quantiles(&[f64::NAN], &[0.5], Method::Linear, true)[0].is_nan());
    }

    #[test]
    fn lanes_sort() {
        let lane = Lane::Sort(Sorter { dtype: DType::F32, gives: Gives::Places });
        let x = [3f32, 1.0, 2.0, 1.0];
        let (mut out, mut scratch) = ([0i64; 4], [0u64; 8]);
        lane.run(bytemuck::cast_slice(&x), bytemuck::cast_slice_mut(&mut out), bytemuck::cast_slice_mut(&mut scratch));
        assert_eq!((out, lane.scratch_bytes(4)), ([1, 3, 2, 0], 64));
    }
}
