//! Computed arrays as text, the way NumPy 2 prints them with its default options: 8 digits, columns aligned,
//! lines of 75 characters, corners only of more than 1000 elements.
//!
//! The layout follows `numpy/_core/arrayprint.py` (BSD-3-Clause); digits come from Rust's formatter, which
//! like NumPy's dragon4 gives the shortest that read back, and rounds exactly.

use super::{AnyArray, Array, Index};
use crate::error::Result;
use crate::grid::element_count;
use flagstone_kernels::dtype::{DType, Kind, Scalar};
use half::{bf16, f16};
use std::fmt;

/// As NumPy prints it.
impl fmt::Display for AnyArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format(self))
    }
}

/// Arrays of more elements are shown by their corners.
const THRESHOLD: u64 = 1000;
/// Elements at each end of an axis that is not shown in full.
const EDGE: u64 = 3;
/// Digits after the point at most.
const PRECISION: usize = 8;
/// Characters on a line.
const LINE: usize = 75;

/// The part of an array that printing shows, when that is not all of it: three elements at each end of long
/// axes. Large arrays need not be computed whole to be printed.
///
/// # Errors
/// The array's own.
///
/// ```
/// use flagstone::{DType, array::corners, zeros};
/// assert_eq!(corners(&zeros([10_000, 4], DType::F64)).unwrap().unwrap().shape().unwrap(), [6, 4]);
/// assert!(corners(&zeros([10, 4], DType::F64)).unwrap().is_none());
/// ```
pub fn corners(array: &Array) -> Result<Option<Array>> {
    let shape = array.shape()?;
    if element_count(&shape).is_some_and(|n| n <= THRESHOLD) {
        return Ok(None);
    }
    let mut corner = array.clone();
    for (axis, &n) in shape.iter().enumerate() {
        if n > 2 * EDGE {
            let mut index = vec![Index::WHOLE; axis];
            index.push(Index::List((0..EDGE as i64).chain(n as i64 - EDGE as i64..n as i64).collect()));
            corner = corner.index(index);
        }
    }
    Ok(Some(corner))
}

/// The text of a computed array, as Python's `str`.
///
/// ```
/// use flagstone::array::{AnyArray, format};
/// let x = AnyArray::F64(ndarray::arr2(&[[1.0, 2.5], [-3.0, 1.0 / 3.0]]).into_dyn());
/// assert_eq!(format(&x), "[[ 1.          2.5       ]\n [-3.          0.33333333]]");
/// ```
pub fn format(array: &AnyArray) -> String {
    let shape: Vec<u64> = array.shape().iter().map(|&n| n as u64).collect();
    if shape.is_empty() {
        return array.item().map(|scalar| format_scalar(scalar, array.dtype())).unwrap_or_default();
    }
    if element_count(&shape).is_some_and(|n| n <= THRESHOLD) {
        return layout(&array.scalars(), array.dtype(), &shape, &shape);
    }
    let shown: Vec<u64> = shape.iter().map(|&n| n.min(2 * EDGE)).collect();
    let scalars = array.scalars();
    let at_edge = |&at: &u64| {
        let place = crate::grid::unravel(at, &shape);
        place.iter().zip(&shape).all(|(&p, &n)| p < EDGE || p + EDGE >= n)
    };
    let corner: Vec<Scalar> = (0..scalars.len() as u64).filter(at_edge).map(|at| scalars[at as usize]).collect();
    layout(&corner, array.dtype(), &shape, &shown)
}

/// The text of an array of `shape` of which [`corners`] were computed.
///
/// ```
/// use flagstone::array::{AnyArray, format_corners};
/// let ends = AnyArray::I64(ndarray::arr1(&[0, 1, 2, 1997, 1998, 1999]).into_dyn());
/// assert_eq!(format_corners(&ends, &[2000]), "[   0    1    2 ... 1997 1998 1999]");
/// ```
pub fn format_corners(corner: &AnyArray, shape: &[u64]) -> String {
    let shown: Vec<u64> = corner.shape().iter().map(|&n| n as u64).collect();
    layout(&corner.scalars(), corner.dtype(), shape, &shown)
}

/// A single value in full, as Python's `str` of a NumPy scalar.
///
/// ```
/// use flagstone::{DType, Scalar, array::format_scalar};
/// assert_eq!(format_scalar(Scalar::Float(1e-10), DType::F64), "1e-10");
/// assert_eq!(format_scalar(Scalar::Complex(1.0, 2.0), DType::C128), "(1+2j)");
/// ```
pub fn format_scalar(scalar: Scalar, dtype: DType) -> String {
    match scalar {
        Scalar::Bool(true) => "True".to_string(),
        Scalar::Bool(false) => "False".to_string(),
        Scalar::Int(i) => i.to_string(),
        Scalar::UInt(u) => u.to_string(),
        Scalar::Float(v) => full_float(v, dtype),
        Scalar::Complex(re, im) => {
            let part = |v: f64| {
                let text = full_float(v, dtype.real());
                text.strip_suffix(".0").map(str::to_string).unwrap_or(text)
            };
            let sign = if im.is_nan() || !im.is_sign_negative() { "+" } else { "" };
            if re == 0.0 && !re.is_sign_negative() { format!("{}j", part(im)) } else { format!("({}{sign}{}j)", part(re), part(im)) }
        }
    }
}

fn full_float(v: f64, dtype: DType) -> String {
    if !v.is_finite() {
        return not_finite(v, false);
    }
    let large = match dtype {
        DType::F32 => 1e6,
        DType::F16 | DType::BF16 => 1e3,
        _ => 1e16,
    };
    if v != 0.0 && !(1e-4..large).contains(&v.abs()) {
        let text = scientific(v, dtype, None, 0, false, 2);
        return text.replace(".e", "e");
    }
    let text = positional(v, dtype, None, false);
    if text.ends_with('.') { text + "0" } else { text }
}

fn not_finite(v: f64, plus: bool) -> String {
    let sign = if v.is_nan() {
        if plus { "+" } else { "" }
    } else if v < 0.0 {
        "-"
    } else if plus {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", if v.is_nan() { "nan" } else { "inf" })
}

/// The shortest decimal digits that read back as `v` in `dtype`, and the exponent of the first.
fn shortest(v: f64, dtype: DType) -> (String, i32) {
    let text = match dtype {
        DType::F32 => format!("{:e}", (v as f32).abs()),
        DType::F16 => shortest_by_trial(v, |text| f16::from_f64(text).to_f64()),
        DType::BF16 => shortest_by_trial(v, |text| bf16::from_f64(text).to_f64()),
        _ => format!("{:e}", v.abs()),
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or(0))
}

fn shortest_by_trial(v: f64, round: impl Fn(f64) -> f64) -> String {
    let v = v.abs();
    let texts = (0..8).map(|digits| format!("{v:.digits$e}"));
    let mut reads_back = texts.filter(|text| text.parse().is_ok_and(|read| round(read) == v));
    reads_back.next().unwrap_or_else(|| format!("{v:e}"))
}

fn sign_of(v: f64, plus: bool) -> &'static str {
    match (v.is_sign_negative(), plus) {
        (true, _) => "-",
        (false, true) => "+",
        (false, false) => "",
    }
}

/// `12.5`, with a point always, digits after it cut at `precision`.
fn positional(v: f64, dtype: DType, precision: Option<usize>, plus: bool) -> String {
    let (digits, exponent) = shortest(v, dtype);
    let fraction = (digits.len() as i64 - 1 - exponent as i64).max(0) as usize;
    let text = match precision {
        Some(precision) if fraction > precision => format!("{:.precision$}", v.abs()),
        _ if exponent < 0 => format!("0.{}{digits}", "0".repeat(-exponent as usize - 1)),
        _ if digits.len() as i32 <= exponent + 1 => format!("{digits}{}.", "0".repeat((exponent + 1) as usize - digits.len())),
        _ => format!("{}.{}", &digits[..exponent as usize + 1], &digits[exponent as usize + 1..]),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.trim_end_matches('0');
    format!("{}{whole}.{fraction}", sign_of(v, plus))
}

/// `1.25e+10`, as [`positional`] otherwise; at least `min_digits` after the point, all of them true.
fn scientific(v: f64, dtype: DType, precision: Option<usize>, min_digits: usize, plus: bool, exponent_digits: usize) -> String {
    let (digits, exponent) = shortest(v, dtype);
    let wanted = match precision {
        Some(precision) if digits.len() > precision + 1 => Some(precision),
        _ if digits.len() < min_digits + 1 => Some(min_digits),
        _ => None,
    };
    let (digits, exponent) = match wanted {
        Some(wanted) => {
            let text = format!("{:.wanted$e}", v.abs());
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            (mantissa.replace('.', ""), exponent.parse().unwrap_or(0))
        }
        None => (digits, exponent),
    };
    let fraction = digits[1..].trim_end_matches('0');
    let zeros = "0".repeat(min_digits.saturating_sub(fraction.len()));
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}{}.{fraction}{zeros}e{sign}{:0exponent_digits$}", sign_of(v, plus), &digits[..1], exponent.unsigned_abs())
}

/// How all floats of an array are written, so that their columns align: `FloatingFormat` of NumPy.
struct Floats {
    dtype: DType,
    plus: bool,
    exponential: bool,
    precision: usize,
    min_digits: usize,
    pad_left: usize,
    pad_right: usize,
    exponent_digits: usize,
}

impl Floats {
    fn new(values: &[f64], dtype: DType, plus: bool) -> Floats {
        let finite: Vec<f64> = values.iter().copied().filter(|v| v.is_finite()).collect();
        let mut format = Floats {
            dtype,
            plus,
            exponential: wants_exponent(&finite, dtype),
            precision: PRECISION,
            min_digits: 0,
            pad_left: 0,
            pad_right: 0,
            exponent_digits: 2,
        };
        let longest = |parts: &[String]| parts.iter().map(String::len).max().unwrap_or(0);
        if !finite.is_empty() {
            let write = |&v: &f64| match format.exponential {
                true => scientific(v, dtype, Some(PRECISION), 0, plus, 2),
                false => positional(v, dtype, Some(PRECISION), plus),
            };
            let texts: Vec<String> = finite.iter().map(write).collect();
            let mut parts = [Vec::new(), Vec::new(), Vec::new()];
            for text in &texts {
                let (mantissa, exponent) = text.split_once('e').unwrap_or((text, ""));
                let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
                parts[0].push(whole.to_string());
                parts[1].push(fraction.to_string());
                parts[2].push(exponent.to_string());
            }
            format.pad_left = longest(&parts[0]);
            format.pad_right = longest(&parts[1]);
            if format.exponential {
                format.precision = format.pad_right;
                format.min_digits = format.pad_right;
                format.exponent_digits = longest(&parts[2]) - 1;
                format.pad_right = format.exponent_digits + 2 + format.precision;
            }
        }
        if finite.len() < values.len() {
            let negative = plus || values.contains(&f64::NEG_INFINITY);
            let needed = (3 + usize::from(negative)).saturating_sub(format.pad_right + 1);
            format.pad_left = format.pad_left.max(needed).max(3usize.saturating_sub(format.pad_right + 1));
        }
        format
    }

    fn write(&self, v: f64) -> String {
        if !v.is_finite() {
            return format!("{:>1$}", not_finite(v, self.plus), self.pad_left + self.pad_right + 1);
        }
        if self.exponential {
            let text = scientific(v, self.dtype, Some(self.precision), self.min_digits, self.plus, self.exponent_digits);
            let whole = text.find('.').unwrap_or(0);
            return format!("{}{text}", " ".repeat(self.pad_left.saturating_sub(whole)));
        }
        let text = positional(v, self.dtype, Some(self.precision), self.plus);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        format!("{whole:>0$}.{fraction:<1$}", self.pad_left, self.pad_right)
    }
}

/// Whether values are so large, small or far apart that they need exponents; compared in their own dtype.
fn wants_exponent(finite: &[f64], dtype: DType) -> bool {
    let nonzero = || finite.iter().map(|v| v.abs()).filter(|&v| v != 0.0);
    let (Some(max), Some(min)) = (nonzero().reduce(f64::max), nonzero().reduce(f64::min)) else { return false };
    let round = |v: f64| match dtype {
        DType::F32 => v as f32 as f64,
        DType::F16 => f16::from_f64(v).to_f64(),
        DType::BF16 => bf16::from_f64(v).to_f64(),
        _ => v,
    };
    let cutoff = match dtype {
        DType::F32 => 1e6,
        DType::F16 | DType::BF16 => 1e3,
        _ => 1e8,
    };
    max >= cutoff || min < round(1e-4) || round(max / min) > 1000.0
}

/// The elements as words of one width.
fn words(scalars: &[Scalar], dtype: DType) -> Vec<String> {
    let part = |pick: fn(&Scalar) -> f64| scalars.iter().map(pick).collect::<Vec<f64>>();
    match dtype.kind() {
        Kind::Bool => scalars.iter().map(|&s| if s == Scalar::Bool(true) { " True".into() } else { "False".into() }).collect(),
        Kind::Signed | Kind::Unsigned => {
            let texts: Vec<String> = scalars.iter().map(|&s| format_scalar(s, dtype)).collect();
            let width = texts.iter().map(String::len).max().unwrap_or(0);
            texts.iter().map(|text| format!("{text:>width$}")).collect()
        }
        Kind::Float => {
            let values = part(|s| s.as_f64());
            let format = Floats::new(&values, dtype, false);
            values.iter().map(|&v| format.write(v)).collect()
        }
        Kind::Complex => {
            let (re, im) = (part(|s| s.as_f64()), part(|s| if let Scalar::Complex(_, im) = s { *im } else { 0.0 }));
            let (real, imaginary) = (Floats::new(&re, dtype.real(), false), Floats::new(&im, dtype.real(), true));
            let write = |(&re, &im): (&f64, &f64)| {
                let im = imaginary.write(im);
                let end = im.trim_end().len();
                format!("{}{}j{}", real.write(re), &im[..end], &im[end..])
            };
            re.iter().zip(&im).map(write).collect()
        }
    }
}

/// `words` in brackets: NumPy's `_formatArray`. `shown` is `shape` with long axes cut to their ends.
fn layout(scalars: &[Scalar], dtype: DType, shape: &[u64], shown: &[u64]) -> String {
    if shape.is_empty() {
        return scalars.first().map(|&scalar| format_scalar(scalar, dtype)).unwrap_or_default();
    }
    if shape.contains(&0) {
        return "[]".to_string();
    }
    let words = words(scalars, dtype);
    bracketed(&words, shape, shown, " ", LINE)
}

fn bracketed(words: &[String], shape: &[u64], shown: &[u64], indent: &str, width: usize) -> String {
    let each = words.len() / shown[0] as usize;
    let cut = shape[0] > shown[0];
    let before_dots = if cut { EDGE as usize } else { usize::MAX };
    let mut out = String::new();
    if shape.len() == 1 {
        let mut line = indent.to_string();
        let mut add = |word: &str, line: &mut String| {
            if line.len() + word.len() > width - 1 && line.len() > indent.len() {
                out.push_str(line.trim_end());
                out.push('\n');
                *line = indent.to_string();
            }
            line.push_str(word);
        };
        for (at, word) in words.iter().enumerate() {
            if at > 0 {
                line.push(' ');
            }
            if at == before_dots {
                add("...", &mut line);
                line.push(' ');
            }
            add(word, &mut line);
        }
        out.push_str(&line);
    } else {
        let gap = "\n".repeat(shape.len() - 1);
        let deeper = format!("{indent} ");
        for at in 0..shown[0] as usize {
            if at > 0 {
                out.push_str(&gap);
            }
            if at == before_dots {
                out.push_str(indent);
                out.push_str("...");
                out.push_str(&gap);
            }
            out.push_str(indent);
            out.push_str(&bracketed(&words[at * each..(at + 1) * each], &shape[1..], &shown[1..], &deeper, width - 1));
        }
    }
    format!("[{}]", &out[indent.len()..])
}
