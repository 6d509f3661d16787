//! Tests of hypotheses: a statistic, and with what probability chance alone gives one at least as far out. Under SciPy's names and by its
//! formulas (`scipy/stats`, BSD-3-Clause), over axis `axis`, without a loop over lanes.

use crate::array::composed::composed;
use crate::array::{Array, Axes, apply_gufunc, axis as along, concatenate, where_};
use crate::error::{Error, Result};
use flagstone_kernels::dtype::DType;
use ndarray::{ArrayViewD, Zip};
use statrs::function::beta::checked_beta_reg;
use statrs::function::gamma::checked_gamma_ur;

/// A statistic and its probability.
pub type Tested = [Array; 2];

/// How a statistic is distributed where there is nothing but chance.
#[derive(Clone, Copy, Debug)]
enum Law {
    /// Normal, both tails.
    Normal,
    /// χ² of so many degrees of freedom, the upper tail.
    ChiSquare(f64),
    /// F of two degrees of freedom, the upper tail.
    F(f64, f64),
}

impl Law {
    fn tail(self, x: f64) -> f64 {
        let of = |found: Option<f64>| found.unwrap_or(f64::NAN);
        match self {
            _ if x.is_nan() => f64::NAN,
            Law::Normal if x.is_infinite() => 0.0,
            Law::Normal => of(checked_gamma_ur(0.5, x * x / 2.0).ok()),
            Law::ChiSquare(_) | Law::F(..) if x <= 0.0 => 1.0,
            Law::ChiSquare(_) | Law::F(..) if x.is_infinite() => 0.0,
            Law::ChiSquare(df) => of(checked_gamma_ur(df / 2.0, x / 2.0).ok()),
            Law::F(above, below) => of(checked_beta_reg(below / 2.0, above / 2.0, below / (below + above * x)).ok()),
        }
    }
}

/// Both tails of Student's t of `df` degrees of freedom.
fn student(t: f64, df: f64) -> f64 {
    if t.is_nan() || df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    if t.is_infinite() { 0.0 } else { checked_beta_reg(df / 2.0, 0.5, df / (df + t * t)).unwrap_or(f64::NAN) }
}

fn tails(statistic: &Array, law: Law) -> Array {
    statistic.map_blocks(move |block: ArrayViewD<'_, f64>| block.mapv(|x| law.tail(x)))
}

fn student_tails(t: &Array, df: &Array) -> Array {
    let both = |blocks: &[ArrayViewD<'_, f64>]| vec![Zip::from(&blocks[0]).and_broadcast(&blocks[1]).map_collect(|t, df| student(*t, *df))];
    apply_gufunc("(),()->()", &[t, df], &[], both).remove(0)
}

/// Both results of a test of arrays in f64.
#[track_caller]
fn tested(name: &'static str, arrays: &[&Array], f: impl Fn(&[Array]) -> Result<Tested> + Clone + Send + Sync + 'static) -> Tested {
    [0, 1].map(|at| {
        let f = f.clone();
        composed(name, arrays, move |arrays| {
            let wide = |x: &Array| match x.dtype()? {
                dtype if dtype.is_complex() => Err(Error::bad_request(name, format!("not defined for {dtype}; use .real() and .imag()"))),
                _ => Ok(x.astype(DType::F64)),
            };
            let wide = arrays.iter().map(wide).collect::<Result<Vec<_>>>()?;
            f(&wide).map(|found| found[at].clone())
        })
    })
}

/// The length of an axis, as a number.
fn len(name: &str, x: &Array, axis: i64) -> Result<f64> {
    let shape = x.shape()?;
    Ok(shape[crate::array::axes::position(name, axis, shape.len())?] as f64)
}

fn unbiased(axis: i64) -> Axes {
    along(axis).ddof(1.0)
}

/// Student's test that a mean is `popmean`.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let [t, p] = stats::ttest_1samp(&arange(0.0, 9.0, 1.0, None), 4.0, 0);
/// assert_eq!((t.item::<f64>().unwrap(), p.item::<f64>().unwrap()), (0.0, 1.0));
/// ```
#[track_caller]
pub fn ttest_1samp(a: &Array, popmean: f64, axis: i64) -> Tested {
    tested("ttest_1samp", &[a], move |arrays| of_mean("ttest_1samp", &arrays[0], popmean, axis))
}

fn of_mean(name: &str, x: &Array, popmean: f64, axis: i64) -> Result<Tested> {
    let n = len(name, x, axis)?;
    let t = (x.mean(axis) - popmean) / (x.var(unbiased(axis)) / n).sqrt();
    let df = t.full_like(n - 1.0, None);
    Ok([t.clone(), student_tails(&t, &df)])
}

/// Student's test that two means are equal, of samples of equal variance, or of any (Welch's) where `equal_var` is false.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let x = arange(0.0, 9.0, 1.0, None);
/// let [t, p] = stats::ttest_ind(&x, &x, true, 0);
/// assert_eq!((t.item::<f64>().unwrap(), p.item::<f64>().unwrap()), (0.0, 1.0));
/// ```
#[track_caller]
pub fn ttest_ind(a: &Array, b: &Array, equal_var: bool, axis: i64) -> Tested {
    let name = "ttest_ind";
    tested(name, &[a, b], move |arrays| {
        let (a, b) = (&arrays[0], &arrays[1]);
        let (n, m) = (len(name, a, axis)?, len(name, b, axis)?);
        let (va, vb) = (a.var(unbiased(axis)), b.var(unbiased(axis)));
        let apart = a.mean(axis) - b.mean(axis);
        let (df, scale) = match equal_var {
            true => {
                let df = n + m - 2.0;
                (apart.full_like(df, None), ((va * (n - 1.0) + vb * (m - 1.0)) / df * (1.0 / n + 1.0 / m)).sqrt())
            }
            false => {
                let (va, vb) = (va / n, vb / m);
                let df = (&va + &vb).square() / (va.square() / (n - 1.0) + vb.square() / (m - 1.0));
                // of two samples without variance
                (where_(df.isnan(), 1.0, df), (va + vb).sqrt())
            }
        };
        let t = apart / scale;
        Ok([t.clone(), student_tails(&t, &df)])
    })
}

/// Student's test that the mean of the differences of pairs is 0.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let x = arange(0.0, 9.0, 1.0, None);
/// let [t, _] = stats::ttest_rel(&(&x * 2.0), &x, 0);
/// assert!((t.item::<f64>().unwrap() - 4.38).abs() < 0.01);
/// ```
#[track_caller]
pub fn ttest_rel(a: &Array, b: &Array, axis: i64) -> Tested {
    tested("ttest_rel", &[a, b], move |arrays| of_mean("ttest_rel", &(&arrays[0] - &arrays[1]), 0.0, axis))
}

/// The Cressie-Read divergence of observed frequencies from expected ones. Without expected ones, all are expected to be equal: their
/// mean. λ = 1 is Pearson's χ², λ = 0 the likelihood ratio. `ddof` is taken off the degrees of freedom.
///
/// ```
/// use flagstone::{ones, DType, array::stats};
/// let [x, p] = stats::power_divergence(&ones([4], DType::F64), None, 0.0, 0, 1.0);
/// assert_eq!((x.item::<f64>().unwrap(), p.item::<f64>().unwrap()), (0.0, 1.0));
/// ```
#[track_caller]
pub fn power_divergence(observed: &Array, expected: Option<&Array>, ddof: f64, axis: i64, lambda: f64) -> Tested {
    let name = "power_divergence";
    let mut given = vec![observed];
    given.extend(expected);
    tested(name, &given, move |arrays| {
        let o = &arrays[0];
        let e = arrays.get(1).cloned().unwrap_or_else(|| o.mean(along(axis).keepdims()));
        let terms = match lambda {
            1.0 => (o - &e).square() / &e,
            0.0 => o.xlogy(o / &e) * 2.0,
            -1.0 => e.xlogy(&e / o) * 2.0,
            lambda => o * ((o / &e).pow(lambda) - 1.0) * (2.0 / (lambda * (lambda + 1.0))),
        };
        let statistic = terms.sum(axis);
        let df = len(name, &terms, axis)? - 1.0 - ddof;
        Ok([statistic.clone(), tails(&statistic, Law::ChiSquare(df))])
    })
}

/// The analysis of variance of groups: whether their means are equal.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let x = arange(0.0, 9.0, 1.0, None);
/// let [f, p] = stats::f_oneway(&[x.clone(), x], 0);
/// assert_eq!((f.item::<f64>().unwrap(), p.item::<f64>().unwrap()), (0.0, 1.0));
/// ```
#[track_caller]
pub fn f_oneway(groups: &[Array], axis: i64) -> Tested {
    let name = "f_oneway";
    let given: Vec<&Array> = groups.iter().collect();
    tested(name, &given, move |groups| {
        if groups.len() < 2 {
            return Err(Error::bad_request(name, format!("{} groups; expected two at least", groups.len())));
        }
        let all = concatenate(groups, axis);
        let (n, k) = (len(name, &all, axis)?, groups.len() as f64);
        // about the mean of all, so that squares do not drown what they differ by
        let mean = all.mean(along(axis).keepdims());
        let total = (&all - &mean).square().sum(axis);
        let own = |group: &Array| -> Result<Array> { Ok((group - &mean).sum(axis).square() / len(name, group, axis)?) };
        let between = groups.iter().map(own).collect::<Result<Vec<_>>>()?.into_iter().reduce(|sum, own| sum + own);
        let between = between.ok_or_else(|| Error::internal("no group"))?;
        let (above, below) = (k - 1.0, n - k);
        let f = (&between / above) / ((total - &between) / below);
        Ok([f.clone(), tails(&f, Law::F(above, below))])
    })
}

/// D'Agostino's test that the skewness is that of a normal law; NaN for fewer than eight samples.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let [z, p] = stats::skewtest(&arange(0.0, 9.0, 1.0, None), 0);
/// assert!(z.item::<f64>().unwrap().abs() < 1.1 && p.item::<f64>().unwrap() > 0.3);
/// ```
#[track_caller]
pub fn skewtest(a: &Array, axis: i64) -> Tested {
    tested("skewtest", &[a], move |arrays| {
        let z = skewness(&arrays[0], axis)?;
        Ok([z.clone(), tails(&z, Law::Normal)])
    })
}

/// NaN, where there are too few samples to tell.
fn unknown(x: &Array, axis: i64) -> Array {
    x.mean(axis).full_like(f64::NAN, None)
}

fn skewness(x: &Array, axis: i64) -> Result<Array> {
    let n = len("skewtest", x, axis)?;
    if n < 8.0 {
        return Ok(unknown(x, axis));
    }
    let y = x.skew(true, axis) * (((n + 1.0) * (n + 3.0)) / (6.0 * (n - 2.0))).sqrt();
    let beta = 3.0 * (n * n + 27.0 * n - 70.0) * (n + 1.0) * (n + 3.0) / ((n - 2.0) * (n + 5.0) * (n + 7.0) * (n + 9.0));
    let w = -1.0 + (2.0 * (beta - 1.0)).sqrt();
    let (delta, alpha) = (1.0 / (0.5 * w.ln()).sqrt(), (2.0 / (w - 1.0)).sqrt());
    let y = where_(y.eq(0.0), 1.0, y) / alpha;
    Ok((&y + (y.square() + 1.0).sqrt()).log() * delta)
}

/// Anscombe's and Glynn's test that the kurtosis is that of a normal law; NaN for fewer than five samples.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let [z, _] = stats::kurtosistest(&arange(0.0, 20.0, 1.0, None), 0);
/// assert!((z.item::<f64>().unwrap() + 1.7058).abs() < 1e-3);
/// ```
#[track_caller]
pub fn kurtosistest(a: &Array, axis: i64) -> Tested {
    tested("kurtosistest", &[a], move |arrays| {
        let z = tailedness(&arrays[0], axis)?;
        Ok([z.clone(), tails(&z, Law::Normal)])
    })
}

fn tailedness(x: &Array, axis: i64) -> Result<Array> {
    let n = len("kurtosistest", x, axis)?;
    if n < 5.0 {
        return Ok(unknown(x, axis));
    }
    let expected = 3.0 * (n - 1.0) / (n + 1.0);
    let variance = 24.0 * n * (n - 2.0) * (n - 3.0) / ((n + 1.0) * (n + 1.0) * (n + 3.0) * (n + 5.0));
    let standard = (x.kurtosis(false, true, axis) - expected) / variance.sqrt();
    let root =
        6.0 * (n * n - 5.0 * n + 2.0) / ((n + 7.0) * (n + 9.0)) * ((6.0 * (n + 3.0) * (n + 5.0)) / (n * (n - 2.0) * (n - 3.0))).sqrt();
    let a = 6.0 + 8.0 / root * (2.0 / root + (1.0 + 4.0 / (root * root)).sqrt());
    let first = 1.0 - 2.0 / (9.0 * a);
    let below = standard * (2.0 / (a - 4.0)).sqrt() + 1.0;
    let ratio = ((1.0 - 2.0 / a) / below.abs()).pow(1.0 / 3.0);
    let second = below.sign() * where_(below.eq(0.0), f64::NAN, ratio);
    Ok((first - second) / (2.0 / (9.0 * a)).sqrt())
}

/// D'Agostino's and Pearson's test that both are those of a normal law.
///
/// ```
/// use flagstone::{arange, array::stats};
/// let [x, p] = stats::normaltest(&arange(0.0, 20.0, 1.0, None), 0);
/// assert!(x.item::<f64>().unwrap() > 2.0 && p.item::<f64>().unwrap() < 0.4);
/// ```
#[track_caller]
pub fn normaltest(a: &Array, axis: i64) -> Tested {
    tested("normaltest", &[a], move |arrays| {
        let x = skewness(&arrays[0], axis)?.square() + tailedness(&arrays[0], axis)?.square();
        Ok([x.clone(), tails(&x, Law::ChiSquare(2.0))])
    })
}
