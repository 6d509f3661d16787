//! What Python itself does, without NumPy: arithmetic of its numbers, and sequences.
//!
//! Whole numbers are Python's as far as they fit in 64 bits; one that does not is an error, never a wrapped
//! value.

use crate::array::Value;
use flagstone_kernels::dtype::{C128, DType, Scalar};
use std::cmp::Ordering;

type Outcome<T> = Result<T, String>;

/// A number as Python computes with it.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
    Complex(C128),
}

fn number(x: Scalar) -> Number {
    match x {
        Scalar::Bool(b) => Number::Int(b.into()),
        Scalar::Int(i) => Number::Int(i.into()),
        Scalar::UInt(u) => Number::Int(u.into()),
        Scalar::Float(x) => Number::Float(x),
        Scalar::Complex(re, im) => Number::Complex(C128::new(re, im)),
    }
}

fn integer(i: i128) -> Outcome<Scalar> {
    if let Ok(i) = i64::try_from(i) {
        return Ok(Scalar::Int(i));
    }
    let too_large = || "the whole number does not fit in 64 bits; write one of the operands as a float".to_string();
    u64::try_from(i).map(Scalar::UInt).map_err(|_| too_large())
}

/// `a op b` of two Python numbers, for every binary operator and comparison.
pub(super) fn binary(op: &str, a: Scalar, b: Scalar) -> Outcome<Scalar> {
    if matches!(op, "<" | "<=" | ">" | ">=" | "==" | "!=") {
        return compare(op, a, b).map(Scalar::Bool);
    }
    if let (Scalar::Bool(a), Scalar::Bool(b)) = (a, b) {
        match op {
            "&" => return Ok(Scalar::Bool(a & b)),
            "|" => return Ok(Scalar::Bool(a | b)),
            "^" => return Ok(Scalar::Bool(a ^ b)),
            _ => {}
        }
    }
    match (number(a), number(b)) {
        (Number::Int(a), Number::Int(b)) => integers(op, a, b),
        (Number::Complex(a), b) => complex(op, a, as_complex(b)),
        (a, Number::Complex(b)) => complex(op, as_complex(a), b),
        (a, b) => floats(op, as_float(a), as_float(b)),
    }
}

fn as_float(x: Number) -> f64 {
    match x {
        Number::Int(i) => i as f64,
        Number::Float(x) => x,
        Number::Complex(z) => z.re,
    }
}

fn as_complex(x: Number) -> C128 {
    match x {
        Number::Complex(z) => z,
        other => C128::new(as_float(other), 0.0),
    }
}

fn unfit(op: &str, kind: &str) -> String {
    format!("the operator {op} does not work on {kind}")
}

fn integers(op: &str, a: i128, b: i128) -> Outcome<Scalar> {
    let zero = || "division by zero".to_string();
    match op {
        "+" => integer(a + b),
        "-" => integer(a - b),
        "*" => integer(a * b),
        "/" => {
            if b == 0 {
                Err(zero())
            } else {
                Ok(Scalar::Float(divide(a, b)))
            }
        }
        "//" | "%" if b == 0 => Err(zero()),
        "//" => integer(a.div_euclid(b) - i128::from(b < 0 && a.rem_euclid(b) != 0)),
        "%" => {
            let rest = a.rem_euclid(b);
            integer(if b < 0 && rest != 0 { rest + b } else { rest })
        }
        "**" if b < 0 => floats(op, a as f64, b as f64),
        "**" => match (a, u32::try_from(b)) {
            (0 | 1, _) if b > 0 => integer(a),
            (-1, _) => integer(if b % 2 == 0 { 1 } else { -1 }),
            (_, Ok(exponent)) => integer(a.checked_pow(exponent).unwrap_or(i128::MAX)),
            _ => integer(i128::MAX),
        },
        "<<" | ">>" if b < 0 => Err("negative shift count".into()),
        "<<" => {
            let fits = a == 0 || b <= 64;
            integer(if a == 0 {
                0
            } else if fits {
                a.checked_mul(1 << b).unwrap_or(i128::MAX)
            } else {
                i128::MAX
            })
        }
        ">>" => integer(a >> b.min(100)),
        "&" => integer(a & b),
        "|" => integer(a | b),
        "^" => integer(a ^ b),
        _ => Err(unfit(op, "numbers")),
    }
}

/// a / b rounded once, also where a or b is no f64.
fn divide(a: i128, b: i128) -> f64 {
    const EXACT: u128 = 1 << 53;
    if a.unsigned_abs() <= EXACT && b.unsigned_abs() <= EXACT {
        return a as f64 / b as f64;
    }
    // At least 55 bits of quotient, the last one sticky: converting rounds as the exact quotient would.
    let (x, y) = (a.unsigned_abs(), b.unsigned_abs());
    let shift = (55 + (128 - y.leading_zeros()) as i32 - (128 - x.leading_zeros()) as i32).max(0);
    let quotient = ((x << shift) / y) | u128::from(!(x << shift).is_multiple_of(y));
    let size = quotient as f64 * 2f64.powi(-shift);
    if (a < 0) == (b < 0) { size } else { -size }
}

fn floats(op: &str, a: f64, b: f64) -> Outcome<Scalar> {
    let zero = || "float division by zero".to_string();
    Ok(Scalar::Float(match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" | "//" | "%" if b == 0.0 => return Err(zero()),
        "/" => a / b,
        "//" => floor_divide(a, b).0,
        "%" => floor_divide(a, b).1,
        "**" if a == 0.0 && b < 0.0 => return Err("0.0 cannot be raised to a negative power".into()),
        "**" if a < 0.0 && a.is_finite() && b.is_finite() && b != b.floor() => {
            return complex(op, C128::new(a, 0.0), C128::new(b, 0.0));
        }
        "**" => {
            let power = a.powf(b);
            if power.is_infinite() && a.is_finite() && b.is_finite() {
                return Err("the power is too large for a float".into());
            }
            power
        }
        _ => return Err(unfit(op, "floats")),
    }))
}

/// Python's quotient and remainder: the remainder has the sign of b.
fn floor_divide(a: f64, b: f64) -> (f64, f64) {
    let mut rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 {
        if (b < 0.0) != (rest < 0.0) {
            rest += b;
            quotient -= 1.0;
        }
    } else {
        rest = 0f64.copysign(b);
    }
    if quotient == 0.0 {
        return (0f64.copysign(a / b), rest);
    }
    let floor = quotient.floor();
    (if quotient - floor > 0.5 { floor + 1.0 } else { floor }, rest)
}

fn complex(op: &str, a: C128, b: C128) -> Outcome<Scalar> {
    let z = match op {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => quotient(a, b)?,
        "**" => power(a, b)?,
        _ => return Err(unfit(op, "complex numbers")),
    };
    Ok(Scalar::Complex(z.re, z.im))
}

/// Smith's quotient, as Python's.
fn quotient(a: C128, b: C128) -> Outcome<C128> {
    if b.re == 0.0 && b.im == 0.0 {
        return Err("complex division by zero".into());
    }
    Ok(if b.re.abs() >= b.im.abs() {
        let ratio = b.im / b.re;
        let size = b.re + b.im * ratio;
        C128::new((a.re + a.im * ratio) / size, (a.im - a.re * ratio) / size)
    } else {
        let ratio = b.re / b.im;
        let size = b.re * ratio + b.im;
        C128::new((a.re * ratio + a.im) / size, (a.im * ratio - a.re) / size)
    })
}

fn power(a: C128, b: C128) -> Outcome<C128> {
    let one = C128::new(1.0, 0.0);
    if b.im == 0.0 && b.re == b.re.floor() && b.re.abs() <= 100.0 {
        let (mut base, mut rest, mut out) = (a, b.re.abs() as u32, one);
        while rest > 0 {
            if rest & 1 == 1 {
                out *= base;
            }
            base *= base;
            rest >>= 1;
        }
        return if b.re < 0.0 { quotient(one, out) } else { Ok(out) };
    }
    if a.re == 0.0 && a.im == 0.0 {
        return if b.im != 0.0 || b.re < 0.0 {
            Err("0.0 cannot be raised to a negative or complex power".into())
        } else {
            Ok(C128::default())
        };
    }
    let (length, angle) = (a.re.hypot(a.im), a.im.atan2(a.re));
    let mut size = length.powf(b.re);
    let mut phase = angle * b.re;
    if b.im != 0.0 {
        size /= (angle * b.im).exp();
        phase += b.im * length.ln();
    }
    Ok(C128::new(size * phase.cos(), size * phase.sin()))
}

fn compare(op: &str, a: Scalar, b: Scalar) -> Outcome<bool> {
    let order = match (number(a), number(b)) {
        (Number::Complex(_), _) | (_, Number::Complex(_)) => {
            let same = as_complex(number(a)) == as_complex(number(b));
            return match op {
                "==" => Ok(same),
                "!=" => Ok(!same),
                _ => Err(unfit(op, "complex numbers")),
            };
        }
        (Number::Int(a), Number::Int(b)) => Some(a.cmp(&b)),
        (Number::Int(a), Number::Float(b)) => mixed(a, b),
        (Number::Float(a), Number::Int(b)) => mixed(b, a).map(Ordering::reverse),
        (Number::Float(a), Number::Float(b)) => a.partial_cmp(&b),
    };
    Ok(match op {
        "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order == Some(Ordering::Less),
        "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        ">" => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

/// The exact order of a whole number and a float: rounding to f64 keeps order, and ties are settled exactly.
fn mixed(a: i128, b: f64) -> Option<Ordering> {
    match (a as f64).partial_cmp(&b)? {
        Ordering::Equal => Some(a.cmp(&(b as i128))),
        order => Some(order),
    }
}

/// `op a` of a Python number.
pub(super) fn unary(op: &str, a: Scalar) -> Outcome<Scalar> {
    match (op, number(a)) {
        ("-", Number::Int(i)) => integer(-i),
        ("+", Number::Int(i)) => integer(i),
        ("~", Number::Int(i)) => integer(!i),
        ("-", Number::Float(x)) => Ok(Scalar::Float(-x)),
        ("-", Number::Complex(z)) => Ok(Scalar::Complex(-z.re, -z.im)),
        ("+", _) => Ok(a),
        _ => Err(unfit(op, "floats and complex numbers")),
    }
}

/// `int(x)`, `float(x)`, `complex(x)` of a Python number.
pub(super) fn convert(x: Scalar, dtype: DType) -> Outcome<Scalar> {
    match (dtype, number(x)) {
        (DType::I64, Number::Int(i)) => integer(i),
        (DType::I64, Number::Float(x)) if x.is_finite() => integer(x as i128),
        (DType::I64, Number::Float(_)) => Err("int() of nan or infinity".into()),
        (DType::C128, x) => {
            let z = as_complex(x);
            Ok(Scalar::Complex(z.re, z.im))
        }
        (_, Number::Complex(_)) => Err("a complex number has no order and no real value; use .real".into()),
        (_, x) => Ok(Scalar::Float(as_float(x))),
    }
}

/// Python's truth of a value; `None` where it depends on the values of an array.
pub(super) fn truth(value: &Value) -> Option<bool> {
    Some(match value {
        Value::Scalar(x) | Value::Typed(x, _) => match number(*x) {
            Number::Int(i) => i != 0,
            Number::Float(x) => x != 0.0,
            Number::Complex(z) => z.re != 0.0 || z.im != 0.0,
        },
        Value::None => false,
        Value::Str(text) => !text.is_empty(),
        Value::Tuple(items) | Value::List(items) => !items.is_empty(),
        Value::DType(_) | Value::Slice(..) | Value::Ellipsis => true,
        Value::Array(_) | Value::Masked(_) => return None,
    })
}

/// What Python's operators do where neither operand is a number or an array: join and repeat sequences,
/// compare for equality. `None`: not Python's business.
pub(super) fn sequences(op: &str, a: &Value, b: &Value) -> Option<Outcome<Value>> {
    use Value::{List, Scalar as Number, Str, Tuple};
    let equal = |same: bool| Some(Ok(Number(Scalar::Bool(same == (op == "==")))));
    match (op, a, b) {
        ("+", Tuple(a), Tuple(b)) => Some(Ok(Tuple(a.iter().chain(b).cloned().collect()))),
        ("+", List(a), List(b)) => Some(Ok(List(a.iter().chain(b).cloned().collect()))),
        ("+", Str(a), Str(b)) => Some(Ok(Str(format!("{a}{b}")))),
        ("*", Tuple(items), Number(n)) | ("*", Number(n), Tuple(items)) => Some(repeat(items, *n).map(Tuple)),
        ("*", List(items), Number(n)) | ("*", Number(n), List(items)) => Some(repeat(items, *n).map(List)),
        ("==" | "!=", Tuple(x), Tuple(y)) | ("==" | "!=", List(x), List(y)) => {
            if x.len() != y.len() {
                return equal(false);
            }
            let mut same = true;
            for (x, y) in x.iter().zip(y) {
                same &= equals(x, y)?;
            }
            equal(same)
        }
        ("==" | "!=", Str(_) | Value::None | Value::DType(_), _) | ("==" | "!=", _, Str(_) | Value::None | Value::DType(_)) => {
            equal(equals(a, b)?)
        }
        _ => None,
    }
}

/// Equality of values without arrays; a dtype equals its name, as in NumPy.
fn equals(a: &Value, b: &Value) -> Option<bool> {
    Some(match (a, b) {
        (Value::Array(_), _) | (_, Value::Array(_)) => return None,
        (Value::Scalar(a) | Value::Typed(a, _), Value::Scalar(b) | Value::Typed(b, _)) => compare("==", *a, *b).ok()?,
        (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => true,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::DType(a), Value::DType(b)) => a == b,
        (Value::DType(d), Value::Str(name)) | (Value::Str(name), Value::DType(d)) => DType::parse(name) == Some(*d),
        (Value::Tuple(a), Value::Tuple(b)) | (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).map(|(a, b)| equals(a, b)).collect::<Option<Vec<_>>>()?.iter().all(|&s| s)
        }
        _ => false,
    })
}

fn repeat(items: &[Value], n: Scalar) -> Outcome<Vec<Value>> {
    let Number::Int(n) = number(n) else { return Err("a sequence repeats a whole number of times".into()) };
    let times = usize::try_from(n.max(0)).unwrap_or(usize::MAX);
    match items.len().checked_mul(times) {
        Some(len) if len <= 1 << 20 => Ok(items.iter().cycle().take(len).cloned().collect()),
        _ => Err("the repeated sequence is too long; use full() or tile()".into()),
    }
}

/// `start:stop:step`.
pub(super) fn slice(parts: [Option<&Value>; 3]) -> Outcome<Value> {
    let part = |value: Option<&Value>| match value {
        None | Some(Value::None) => Ok(None),
        Some(value) => index(value).map(Some),
    };
    let (start, stop, step) = (part(parts[0])?, part(parts[1])?, part(parts[2])?);
    if step == Some(0) {
        return Err("slice step cannot be zero".into());
    }
    Ok(Value::Slice(start, stop, step))
}

fn index(value: &Value) -> Outcome<i64> {
    match value {
        Value::Scalar(x @ (Scalar::Bool(_) | Scalar::Int(_) | Scalar::UInt(_))) => {
            let Number::Int(i) = number(*x) else { return Err("a whole number is needed".into()) };
            // Past the end either way: Python clips slices too.
            Ok(i.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
        }
        Value::Array(_) => Err("slice bounds must be known before computing; this one is an array".into()),
        _ => Err("slice indices must be integers or None".into()),
    }
}

/// `items[at]` of a tuple, list or string.
pub(super) fn element(of: &Value, at: &Value) -> Outcome<Value> {
    let (len, kind) = match of {
        Value::Tuple(items) => (items.len(), "tuple"),
        Value::List(items) => (items.len(), "list"),
        Value::Str(text) => (text.chars().count(), "string"),
        _ => return Err("this value has no elements".into()),
    };
    let positions: Vec<usize> = match at {
        Value::Slice(start, stop, step) => steps(*start, *stop, step.unwrap_or(1), len as i64),
        other => {
            let i = index(other).map_err(|_| format!("{kind} indices must be integers or slices"))?;
            let place = if i < 0 { i + len as i64 } else { i };
            if place < 0 || place >= len as i64 {
                return Err(format!("{kind} index {i} is out of range: it has {len} elements"));
            }
            return Ok(match of {
                Value::Tuple(items) | Value::List(items) => items[place as usize].clone(),
                Value::Str(text) => Value::Str(text.chars().skip(place as usize).take(1).collect()),
                _ => Value::None,
            });
        }
    };
    let pick = |items: &[Value]| positions.iter().map(|&i| items[i].clone()).collect();
    Ok(match of {
        Value::Tuple(items) => Value::Tuple(pick(items)),
        Value::List(items) => Value::List(pick(items)),
        Value::Str(text) => {
            let chars: Vec<char> = text.chars().collect();
            Value::Str(positions.iter().map(|&i| chars[i]).collect())
        }
        _ => Value::None,
    })
}

/// The positions that a slice with a non-zero step chooses out of `len`.
fn steps(start: Option<i64>, stop: Option<i64>, step: i64, len: i64) -> Vec<usize> {
    let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clip = |at: i64| if at < 0 { (at.saturating_add(len)).max(low) } else { at.min(high) };
    let mut at = start.map_or(if step > 0 { low } else { high }, clip);
    let stop = stop.map_or(if step > 0 { high } else { low }, clip);
    let mut out = Vec::new();
    while if step > 0 { at < stop } else { at > stop } {
        out.push(at as usize);
        at = at.saturating_add(step);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use Scalar::{Bool, Complex, Float, Int, UInt};

    #[test]
    fn arithmetic_is_pythons() {
        for (a, op, b, out) in [
            (Int(7), "//", Int(-2), Int(-4)),
            (Int(-7), "//", Int(2), Int(-4)),
            (Int(-7), "//", Int(-2), Int(3)),
            (Int(7), "%", Int(-2), Int(-1)),
            (Int(-7), "%", Int(2), Int(1)),
            (Int(-8), "//", Int(-2), Int(4)),
            (Int(2), "**", Int(-1), Float(0.5)),
            (Int(2), "**", Int(63), UInt(1 << 63)),
            (Int(0), "**", Int(0), Int(1)),
            (Int(-1), "**", Int(i64::MAX), Int(-1)),
            (Bool(true), "+", Bool(true), Int(2)),
            (Bool(true), "&", Bool(false), Bool(false)),
            (Int(1), "/", Int(3), Float(1.0 / 3.0)),
            (Int(9007199254740993), "/", Int(3), Float(3002399751580331.0)),
            (Int(i64::MAX), "/", Int(3), Float(3.0744573456182584e18)),
            (Int(1), "/", UInt(u64::MAX), Float(5.421010862427522e-20)),
            (Float(-7.5), "%", Float(2.0), Float(0.5)),
            (Float(7.5), "//", Float(-2.0), Float(-4.0)),
            (Int(1), "+", Complex(0.0, 2.0), Complex(1.0, 2.0)),
            (Complex(0.0, 1.0), "**", Int(2), Complex(-1.0, 0.0)),
            (Int(1), "<<", Int(10), Int(1024)),
            (Int(-1), ">>", Int(200), Int(-1)),
            (Int(9007199254740993), "==", Float(9007199254740992.0), Bool(false)),
            (Int(1), "<", Float(f64::NAN), Bool(false)),
        ] {
            let found = binary(op, a, b).unwrap();
            assert!(found.same_bits(out), "{a:?} {op} {b:?} = {found:?}, not {out:?}");
        }
        for (a, op, b, part) in [
            (Int(1), "/", Int(0), "division by zero"),
            (Int(2), "**", Int(200), "64 bits"),
            (Int(1), "<<", Int(64), "64 bits"),
            (Int(3), "<<", Int(1000), "64 bits"),
            (Float(1.5), "&", Int(1), "does not work on floats"),
            (Complex(0.0, 1.0), "<", Int(1), "complex"),
            (Int(1), "@", Int(1), "does not work"),
            (Int(0), "**", Int(-1), "negative power"),
        ] {
            let error = binary(op, a, b).unwrap_err();
            assert!(error.contains(part), "{a:?} {op} {b:?}: {error}");
        }
    }

    #[test]
    fn slices_of_sequences_are_pythons() {
        for (start, stop, step, out) in [
            (None, None, 1, vec![0, 1, 2, 3, 4]),
            (None, None, -1, vec![4, 3, 2, 1, 0]),
            (Some(-2), None, 1, vec![3, 4]),
            (Some(10), None, -2, vec![4, 2, 0]),
            (Some(1), Some(-1), 2, vec![1, 3]),
            (Some(3), Some(1), 1, vec![]),
            (None, Some(-100), -1, vec![4, 3, 2, 1, 0]),
            (Some(i64::MIN), Some(i64::MAX), i64::MAX, vec![0]),
        ] {
            assert_eq!(steps(start, stop, step, 5), out, "{start:?}:{stop:?}:{step}");
        }
    }
}
