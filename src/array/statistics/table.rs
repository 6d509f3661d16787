//! The rows of differences, convolutions and statistics in the table of what users can call by NumPy's and SciPy's names.

use super::hypotheses;
use super::table_calls::*;
use super::{polyadd, polyder, polymul, polysub};
use crate::array::table::{default, params, sig};
use crate::array::value::{Param, Signature};

/// Functions of neighbours, of pairs and of moments.
pub(in crate::array) static SIGNATURES: &[Signature] = &[
    sig!("diff" ["a", "n" = "1", "axis" = "-1", "prepend" = "None", "append" = "None"] "Differences of neighbours.", |a| diff(a)),
    sig!("ediff1d" ["ary", "to_end" = "None", "to_begin" = "None"] "Differences of neighbours among all elements.", |a| ediff1d(a)),
    sig!("gradient" ["f", "*varargs"; "axis" = "None", "edge_order" = "1"] "Slopes along axes.", |a| gradient(a)),
    sig!("trapezoid" ["y", "x" = "None", "dx" = "1.0", "axis" = "-1"] "Areas by the trapezoidal rule.", |a| trapezoid(a)),
    sig!("trapz" ["y", "x" = "None", "dx" = "1.0", "axis" = "-1"] "Areas by the trapezoidal rule.", |a| trapezoid(a)),
    sig!("unwrap" ["p", "discont" = "None", "axis" = "-1"; "period" = "6.283185307179586"] "Angles without jumps.", |a| unwrap(a)),
    sig!("convolve" ["a", "v", "mode" = "'full'"] "Convolutions of two sequences.", |a| slide("convolve", a)),
    sig!("correlate" ["a", "v", "mode" = "'valid'"] "Correlations of two sequences.", |a| slide("correlate", a)),
    sig!("cov" ["m", "y" = "None", "rowvar" = "True", "bias" = "False", "ddof" = "None", "fweights" = "None", "aweights" = "None"; "dtype" = "None"]
        "Covariances of variables.", |a| cov(a)),
    sig!("corrcoef" ["x", "y" = "None", "rowvar" = "True"; "dtype" = "None"] "Correlation coefficients of variables.", |a| corrcoef(a)),
    sig!("average" ["a", "axis" = "None", "weights" = "None", "returned" = "False"; "keepdims" = "False"] "Weighted means.", |a| average(a)),
    sig!("polyval" ["p", "x"] "A polynomial, the highest power first.", |a| polyval(a)),
    sig!("polyadd" ["a1", "a2"] "The sum of two polynomials.", |a| of_two_polynomials("polyadd", polyadd, a)),
    sig!("polysub" ["a1", "a2"] "The difference of two polynomials.", |a| of_two_polynomials("polysub", polysub, a)),
    sig!("polymul" ["a1", "a2"] "The product of two polynomials.", |a| of_two_polynomials("polymul", polymul, a)),
    sig!("polyder" ["p", "m" = "1"] "Slopes of a polynomial.", |a| of_polynomial("polyder", polyder, a)),
    sig!("polyint" ["p", "m" = "1", "k" = "None"] "Areas under a polynomial, of these values at 0.", |a| areas(a)),
    sig!("poly" ["seq_of_zeros"] "The polynomial with these zeros, or the characteristic one of a matrix.", |a| of_zeros(a)),
    sig!("polydiv" ["u", "v"] "Quotient and remainder of two polynomials.", |a| polydiv(a)),
    sig!("polyfit" ["x", "y", "deg", "rcond" = "None"; "w" = "None"] "The polynomial nearest to points, by least squares.", |a| polyfit(a)),
    sig!("roots" ["p"] "The zeros of a polynomial.", |a| roots(a)),
    sig!("array_equiv" ["a1", "a2"] "Whether two arrays are equal once broadcast.", |a| array_equiv(a)),
    sig!("stats.moment" ["a", "order" = "1", "axis" = "0", "nan_policy" = "'propagate'"; "center" = "None", "keepdims" = "False"]
        "Central moments (SciPy).", |a| moment(a)),
    sig!("stats.skew" ["a", "axis" = "0", "bias" = "True", "nan_policy" = "'propagate'"; "keepdims" = "False"] "Skewness (SciPy).", |a| skew(a)),
    sig!("stats.kurtosis" ["a", "axis" = "0", "fisher" = "True", "bias" = "True", "nan_policy" = "'propagate'"; "keepdims" = "False"]
        "Kurtosis (SciPy).", |a| kurtosis(a)),
    sig!("stats.ttest_1samp" ["a", "popmean", "axis" = "0"] "Whether a mean is popmean: t and its probability (SciPy).", |a| ttest_1samp(a)),
    sig!("stats.ttest_ind" ["a", "b", "axis" = "0", "equal_var" = "True"] "Whether two means are equal: t and its probability (SciPy).", |a| ttest_ind(a)),
    sig!("stats.ttest_rel" ["a", "b", "axis" = "0"] "Whether pairs differ by 0 in the mean: t and its probability (SciPy).", |a| ttest_rel(a)),
    sig!("stats.chisquare" ["f_obs", "f_exp" = "None", "ddof" = "0", "axis" = "0"] "Frequencies held against those expected: χ² and its probability (SciPy).",
        |a| chisquare(a)),
    sig!("stats.power_divergence" ["f_obs", "f_exp" = "None", "ddof" = "0", "axis" = "0", "lambda_" = "None"]
        "Frequencies held against those expected: a divergence and its probability (SciPy).", |a| power_divergence(a)),
    sig!("stats.f_oneway" ["*samples"; "axis" = "0"] "Whether the means of groups are equal: F and its probability (SciPy).", |a| f_oneway(a)),
    sig!("stats.skewtest" ["a", "axis" = "0", "nan_policy" = "'propagate'"] "Whether a skewness is a normal law's: z and its probability (SciPy).",
        |a| of_shape("skewtest", hypotheses::skewtest, a)),
    sig!("stats.kurtosistest" ["a", "axis" = "0", "nan_policy" = "'propagate'"] "Whether a kurtosis is a normal law's: z and its probability (SciPy).",
        |a| of_shape("kurtosistest", hypotheses::kurtosistest, a)),
    sig!("stats.normaltest" ["a", "axis" = "0", "nan_policy" = "'propagate'"] "Whether values follow a normal law: χ² and its probability (SciPy).",
        |a| of_shape("normaltest", hypotheses::normaltest, a)),
];
