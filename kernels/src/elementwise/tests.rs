//! Every operation of every dtype against formulas in wider arithmetic, and NumPy's odd cases by name.

use super::*;
use crate::dtype::Scalar;
use crate::isa::on_every_isa;

/// Elements of a tile, aligned for any dtype.
fn tile(dtype: DType, values: &[Scalar]) -> Vec<u128> {
    let mut words = vec![0u128; (values.len() * dtype.size()).div_ceil(16)];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    for (value, out) in values.iter().zip(bytes.chunks_exact_mut(dtype.size())) {
        value.write(dtype, out);
    }
    words
}

fn read(dtype: DType, words: &[u128], n: usize) -> Vec<Scalar> {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    bytes.chunks_exact(dtype.size()).take(n).map(|b| Scalar::read(dtype, b)).collect()
}

/// Runs a loop on every instruction set; the bits agree.
fn run(f: TileFn, args: &[&[u128]], out: DType, n: usize) -> Vec<Scalar> {
    let mut all: Vec<Vec<u128>> = Vec::new();
    on_every_isa(|| {
        let mut words = vec![0u128; (n * out.size()).div_ceil(16)];
        let at = |i: usize| args.get(i).unwrap_or(&args[0]).as_ptr().cast::<u8>();
        // SAFETY: the arguments hold n elements of the loop's dtypes, and there is room for n results.
        unsafe { f([at(0), at(1), at(2)], words.as_mut_ptr().cast(), n) };
        all.push(words);
    });
    for other in &all[1..] {
        for (a, b) in read(out, &all[0], n).iter().zip(read(out, other, n)) {
            let nan =
                |s: &Scalar| matches!(s, Scalar::Float(x) if x.is_nan()) || matches!(s, Scalar::Complex(x, y) if x.is_nan() || y.is_nan());
            assert!(a.same_bits(b) || (nan(a) && nan(&b)), "instruction sets differ: {a:?} {b:?}");
        }
    }
    read(out, &all[0], n)
}

fn unary_of(op: UnaryOp, dtype: DType, values: &[Scalar]) -> Vec<Scalar> {
    let types = op.types(dtype).unwrap();
    run(unary(op, types.args).unwrap(), &[&tile(types.args, values)], types.out, values.len())
}

fn binary_of(op: BinaryOp, dtype: DType, a: &[Scalar], b: &[Scalar]) -> Vec<Scalar> {
    let types = op.types(dtype).unwrap();
    run(binary(op, types.args).unwrap(), &[&tile(types.args, a), &tile(types.args, b)], types.out, a.len())
}

#[test]
fn whatever_types_allow_has_a_loop() {
    for dtype in DType::ALL {
        for &op in UnaryOp::ALL {
            if let Some(types) = op.types(dtype) {
                assert_eq!(op.types(types.args), Some(types), "{} of {dtype}: its own argument dtype", op.name());
                assert!(unary(op, types.args).is_some(), "{} of {dtype}", op.name());
            }
        }
        for &op in BinaryOp::ALL {
            if let Some(types) = op.types(dtype) {
                assert_eq!(op.types(types.args), Some(types), "{} of {dtype}: its own argument dtype", op.name());
                assert!(binary(op, types.args).is_some(), "{} of {dtype}", op.name());
            }
        }
    }
}

/// |got − want| within `ulps` of the dtype, or both infinite or NaN alike.
fn near(dtype: DType, got: f64, want: f64, ulps: f64) -> bool {
    let mut bytes = [0u8; 16];
    Scalar::Float(want).write(dtype, &mut bytes[..dtype.size()]);
    let rounded = Scalar::read(dtype, &bytes[..dtype.size()]).as_f64();
    let (digits, tiny) = match dtype {
        DType::F16 => (10, 2f64.powi(-24)),
        DType::BF16 => (7, 2f64.powi(-133)),
        DType::F32 => (23, 2f64.powi(-149)),
        _ => (52, 5e-324),
    };
    let ulp = (rounded.abs() * 2f64.powi(-digits)).max(tiny);
    got == rounded || (got.is_nan() && rounded.is_nan()) || (got - rounded).abs() <= ulps * ulp
}

#[test]
fn float_functions_follow_f64() {
    use UnaryOp::*;
    let table: &[(UnaryOp, fn(f64) -> f64)] = &[
        (Negative, |x| -x),
        (Absolute, f64::abs),
        (Rint, f64::round_ties_even),
        (Floor, f64::floor),
        (Ceil, f64::ceil),
        (Trunc, f64::trunc),
        (Sqrt, f64::sqrt),
        (Cbrt, f64::cbrt),
        (Square, |x| x * x),
        (Reciprocal, |x| 1.0 / x),
        (Exp, f64::exp),
        (Exp2, f64::exp2),
        (Expm1, f64::exp_m1),
        (Log, f64::ln),
        (Log2, f64::log2),
        (Log10, f64::log10),
        (Log1p, f64::ln_1p),
        (Sin, f64::sin),
        (Cos, f64::cos),
        (Tan, f64::tan),
        (Arcsin, f64::asin),
        (Arccos, f64::acos),
        (Arctan, f64::atan),
        (Sinh, f64::sinh),
        (Cosh, f64::cosh),
        (Tanh, f64::tanh),
        // not the inverse hyperbolic ones, of which Rust's own are off: NumPy's tables hold those (tests/python/check_umath.py)
        (Deg2rad, f64::to_radians),
        (Rad2deg, f64::to_degrees),
        (Positive, |x| x),
        (Fabs, f64::abs),
        (Real, |x| x),
        (Conjugate, |x| x),
    ];
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let values: Vec<Scalar> =
            (-150..150).map(|i| Scalar::Float(i as f64 / 16.0)).chain([f64::NAN, f64::INFINITY, -0.0, 1e4].map(Scalar::Float)).collect();
        let values = read(dtype, &tile(dtype, &values), values.len());
        for (op, formula) in table {
            for (x, got) in values.iter().zip(unary_of(*op, dtype, &values)) {
                let want = formula(x.as_f64());
                assert!(near(dtype, got.as_f64(), want, 1.5), "{} of {dtype} {x:?}: {got:?} for {want}", op.name());
            }
        }
    }
}

#[test]
fn float_pairs_follow_f64() {
    use BinaryOp::*;
    let table: &[(BinaryOp, fn(f64, f64) -> f64)] = &[
        (Add, |a, b| a + b),
        (Subtract, |a, b| a - b),
        (Multiply, |a, b| a * b),
        (Divide, |a, b| a / b),
        (Power, f64::powf),
        (Fmod, |a, b| a % b),
        (Arctan2, f64::atan2),
        (Hypot, f64::hypot),
        (Copysign, f64::copysign),
        (Fmax, f64::max),
        (Fmin, f64::min),
    ];
    let some = [-7.5, -2.0, -1.0, -0.5, -0.0, 0.0, 0.25, 1.0, 2.0, 3.5, 1e3, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let pairs: Vec<(Scalar, Scalar)> = some.iter().flat_map(|&a| some.iter().map(move |&b| (Scalar::Float(a), Scalar::Float(b)))).collect();
    let (a, b): (Vec<Scalar>, Vec<Scalar>) = pairs.into_iter().unzip();
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        for (op, formula) in table {
            for ((x, y), got) in a.iter().zip(&b).zip(binary_of(*op, dtype, &a, &b)) {
                let want = formula(x.as_f64(), y.as_f64());
                assert!(near(dtype, got.as_f64(), want, 1.0), "{} of {dtype} {x:?} {y:?}: {got:?} for {want}", op.name());
            }
        }
    }
}

#[test]
fn integers_follow_wide_arithmetic() {
    use BinaryOp::*;
    let table: &[(BinaryOp, fn(i128, i128) -> i128)] = &[
        (Add, |a, b| a + b),
        (Subtract, |a, b| a - b),
        (Multiply, |a, b| a.wrapping_mul(b)),
        (FloorDivide, |a, b| if b == 0 { 0 } else { a.div_euclid(b) - if b < 0 && a.rem_euclid(b) != 0 { 1 } else { 0 } }),
        (Remainder, |a, b| {
            if b == 0 {
                0
            } else {
                let r = a.rem_euclid(b);
                if r != 0 && b < 0 { r + b } else { r }
            }
        }),
        (Fmod, |a, b| if b == 0 { 0 } else { a % b }),
        (Maximum, i128::max),
        (Minimum, i128::min),
        (BitwiseAnd, |a, b| a & b),
        (BitwiseOr, |a, b| a | b),
        (BitwiseXor, |a, b| a ^ b),
        (Less, |a, b| (a < b) as i128),
        (Equal, |a, b| (a == b) as i128),
        (LogicalXor, |a, b| ((a != 0) != (b != 0)) as i128),
    ];
    for dtype in DType::ALL.into_iter().filter(|d| d.is_integer()) {
        let bits = dtype.size() as u32 * 8;
        let signed = dtype.kind() == crate::dtype::Kind::Signed;
        let (low, high) = if signed { (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1) } else { (0, (1i128 << bits) - 1) };
        let wrap = |x: i128| {
            let m = x.rem_euclid(1 << bits);
            if signed && m > high { m - (1 << bits) } else { m }
        };
        let scalar = |x: i128| if signed { Scalar::Int(x as i64) } else { Scalar::UInt(x as u64) };
        let wide = |s: Scalar| match s {
            Scalar::Int(i) => i as i128,
            Scalar::UInt(u) => u as i128,
            other => other.as_f64() as i128,
        };
        let some =
            [low, low + 1, 0, 1, 2, 3, 7, 8, 63, high - 1, high].into_iter().chain(if signed { vec![-1, -2, -7, -8] } else { vec![] });
        let some: Vec<i128> = some.collect();
        let pairs: Vec<(i128, i128)> = some.iter().flat_map(|&a| some.iter().map(move |&b| (a, b))).collect();
        let a: Vec<Scalar> = pairs.iter().map(|p| scalar(p.0)).collect();
        let b: Vec<Scalar> = pairs.iter().map(|p| scalar(p.1)).collect();
        for (op, formula) in table {
            for (&(x, y), got) in pairs.iter().zip(binary_of(*op, dtype, &a, &b)) {
                assert_eq!(wide(got), wrap(formula(x, y)), "{} of {dtype} {x} {y}", op.name());
            }
        }
        for (&(x, y), got) in pairs.iter().zip(binary_of(LeftShift, dtype, &a, &b)) {
            assert_eq!(wide(got), if (0..bits as i128).contains(&y) { wrap(x << y) } else { 0 }, "{dtype} {x} << {y}");
        }
        for (&(x, y), got) in pairs.iter().zip(binary_of(RightShift, dtype, &a, &b)) {
            assert_eq!(wide(got), x >> if (0..bits as i128).contains(&y) { y } else { 127 }, "{dtype} {x} >> {y}");
        }
        for (&(x, y), got) in pairs.iter().zip(binary_of(Power, dtype, &a, &b)) {
            if (0..=63).contains(&y) {
                let want = (0..y).fold(1i128, |p, _| wrap(p.wrapping_mul(x)));
                assert_eq!(wide(got), want, "{dtype} {x} ** {y}");
            }
        }
    }
}

#[test]
fn numpy_has_its_ways() {
    let int = |x: i64| vec![Scalar::Int(x)];
    let float = |x: f64| vec![Scalar::Float(x)];
    let one = |v: Vec<Scalar>| v[0].as_f64();
    assert_eq!(one(binary_of(BinaryOp::FloorDivide, DType::I8, &int(-128), &int(-1))), -128.0);
    assert_eq!(one(binary_of(BinaryOp::Power, DType::I32, &int(-1), &int(-3))), -1.0);
    assert_eq!(one(binary_of(BinaryOp::Power, DType::I32, &int(2), &int(-3))), 0.0);
    assert_eq!(one(binary_of(BinaryOp::FloorDivide, DType::F64, &float(1.0), &float(0.1))), 9.0);
    assert_eq!(one(binary_of(BinaryOp::FloorDivide, DType::F64, &float(-5.0), &float(f64::INFINITY))), -1.0);
    assert_eq!(one(binary_of(BinaryOp::FloorDivide, DType::F64, &float(5.0), &float(0.0))), f64::INFINITY);
    assert_eq!(one(binary_of(BinaryOp::Remainder, DType::F64, &float(-1.0), &float(3.0))), 2.0);
    assert!(one(binary_of(BinaryOp::Maximum, DType::F64, &float(f64::NAN), &float(3.0))).is_nan());
    assert!(one(binary_of(BinaryOp::Minimum, DType::F64, &float(3.0), &float(f64::NAN))).is_nan());
    assert_eq!(one(binary_of(BinaryOp::Fmax, DType::F32, &float(f64::NAN), &float(3.0))), 3.0);
    for op in [BinaryOp::Maximum, BinaryOp::Minimum, BinaryOp::Fmax, BinaryOp::Fmin] {
        for (dtype, second) in [(DType::F32, true), (DType::F64, true), (DType::F16, false)] {
            for x in [0.0, -0.0] {
                let want: f64 = if second { -x } else { x };
                assert_eq!(
                    one(binary_of(op, dtype, &float(x), &float(-x))).to_bits(),
                    want.to_bits(),
                    "{} of {x}, {} {dtype}",
                    op.name(),
                    -x
                );
            }
        }
    }
    assert_eq!(one(binary_of(BinaryOp::Heaviside, DType::F64, &float(0.0), &float(0.5))), 0.5);
    assert_eq!(one(binary_of(BinaryOp::Logaddexp, DType::F64, &float(f64::INFINITY), &float(f64::INFINITY))), f64::INFINITY);
    assert_eq!(one(binary_of(BinaryOp::Nextafter, DType::F32, &float(0.0), &float(1.0))), 2f64.powi(-149));
    assert_eq!(one(binary_of(BinaryOp::Ldexp, DType::F64, &float(3.0), &float(-2.0))), 0.75);
    assert_eq!(one(binary_of(BinaryOp::Gcd, DType::I16, &int(-12), &int(18))), 6.0);
    assert_eq!(one(binary_of(BinaryOp::Gcd, DType::I8, &int(-128), &int(-128))), -128.0);
    assert_eq!(one(binary_of(BinaryOp::Lcm, DType::I16, &int(-4), &int(6))), 12.0);
    assert_eq!(one(unary_of(UnaryOp::Spacing, DType::F64, &float(-1.0))), -f64::EPSILON);
    assert_eq!(one(unary_of(UnaryOp::Spacing, DType::F16, &float(65504.0))), f64::INFINITY);
    assert_eq!(one(unary_of(UnaryOp::Sign, DType::F64, &float(-2.5))), -1.0);
    assert_eq!(one(unary_of(UnaryOp::Angle, DType::F64, &float(-0.0))), std::f64::consts::PI);
    assert_eq!(one(unary_of(UnaryOp::BitwiseCount, DType::I8, &int(-128))), 1.0);
    assert_eq!(one(unary_of(UnaryOp::Reciprocal, DType::I32, &int(0))), i32::MIN as f64);
    assert_eq!(one(unary_of(UnaryOp::Sin, DType::F64, &float(1e300))), 1e300f64.sin());
    assert!(one(unary_of(UnaryOp::Sin, DType::F64, &float(f64::INFINITY))).is_nan());
    let z = |re, im| vec![Scalar::Complex(re, im)];
    assert_eq!(binary_of(BinaryOp::Power, DType::C128, &z(1.0, 2.0), &z(2.0, 0.0)), z(-3.0, 4.0));
    assert_eq!(binary_of(BinaryOp::Divide, DType::C128, &z(1.0, 2.0), &z(3.0, 4.0)), z(0.44, 0.08));
    assert_eq!(unary_of(UnaryOp::Sign, DType::C128, &z(3.0, 4.0)), z(0.6, 0.8));
    assert_eq!(unary_of(UnaryOp::Absolute, DType::C64, &z(3.0, 4.0)), float(5.0));
    assert_eq!(binary_of(BinaryOp::Maximum, DType::C128, &z(1.0, 2.0), &z(1.0, 3.0)), z(1.0, 3.0));
    assert_eq!(binary_of(BinaryOp::Add, DType::Bool, &[Scalar::Bool(true)], &[Scalar::Bool(true)]), [Scalar::Bool(true)]);
}

#[test]
fn casts_are_numpys() {
    let cast_one = |from: DType, value: Scalar, to: DType| run(cast(from, to), &[&tile(from, &[value])], to, 1)[0];
    for dtype in DType::ALL {
        for to in DType::ALL {
            for v in [0.0, 1.0] {
                assert_eq!(cast_one(dtype, Scalar::Float(v), to).as_f64(), v, "{dtype} to {to}");
            }
        }
    }
    let nan = Scalar::Float(f64::NAN);
    assert_eq!(cast_one(DType::F64, nan, DType::I32), Scalar::Int(i32::MIN as i64));
    assert_eq!(cast_one(DType::F32, nan, DType::I64), Scalar::Int(i64::MIN));
    assert_eq!(cast_one(DType::F64, nan, DType::U8), Scalar::UInt(0));
    assert_eq!(cast_one(DType::F64, nan, DType::Bool), Scalar::Bool(true));
    assert_eq!(cast_one(DType::F64, Scalar::Float(300.7), DType::I8), Scalar::Int(44));
    assert_eq!(cast_one(DType::F64, Scalar::Float(-1.5), DType::U16), Scalar::UInt(65535));
    assert_eq!(cast_one(DType::F64, Scalar::Float(1e10), DType::I32), Scalar::Int(i32::MIN as i64));
    assert_eq!(cast_one(DType::F64, Scalar::Float(1e19), DType::U64), Scalar::UInt(10_000_000_000_000_000_000));
    assert_eq!(cast_one(DType::I64, Scalar::Int(-1), DType::U8), Scalar::UInt(255));
    assert_eq!(cast_one(DType::C128, Scalar::Complex(0.0, 1.0), DType::Bool), Scalar::Bool(true));
    assert_eq!(cast_one(DType::F64, Scalar::Float(1e6), DType::F16), Scalar::Float(f64::INFINITY));
}

/// A scalar is written as an array of it is cast, for every pair of dtypes and what does not fit too.
#[test]
fn scalars_are_written_as_arrays_are_cast() {
    let numbers = [
        0.0,
        -0.0,
        1.5,
        -1.5,
        127.9,
        128.0,
        255.5,
        256.0,
        -300.0,
        65504.0,
        70000.0,
        2147483647.5,
        2147483648.0,
        -2147483649.0,
        1e10,
        -1e10,
        4294967296.5,
        9.3e18,
        1.9e19,
        -9.3e18,
        1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for from in DType::ALL {
        for to in DType::ALL {
            for x in numbers {
                let (mut given, mut cast, mut written) = ([0u128; 1], [0u128; 1], [0u8; 16]);
                Scalar::Float(x).write(from, &mut bytemuck::cast_slice_mut(&mut given)[..from.size()]);
                // SAFETY: one aligned element each.
                unsafe { super::cast(from, to)([given.as_ptr().cast(); 3], cast.as_mut_ptr().cast(), 1) };
                let value = Scalar::read(from, &bytemuck::cast_slice(&given)[..from.size()]);
                value.write(to, &mut written[..to.size()]);
                let cast = &bytemuck::cast_slice::<u128, u8>(&cast)[..to.size()];
                assert!(cast == &written[..to.size()] || Scalar::read(to, cast) != Scalar::read(to, cast), "{value:?}: {from} to {to}");
            }
        }
    }
    // as NumPy on x86-64
    let mut out = [0u8; 8];
    Scalar::Float(1e10).write(DType::I32, &mut out[..4]);
    assert_eq!(i32::from_ne_bytes(out[..4].try_into().unwrap()), i32::MIN);
}

/// NaN on either side stays in maximum and minimum, and is passed over by fmax and fmin: for every dtype that has one,
/// wherever in a tile, on every instruction set.
#[test]
fn extremes_treat_nan_on_either_side_alike() {
    use DType::*;
    for dtype in [F16, BF16, F32, F64, DType::C64, DType::C128] {
        let number = |x: f64| if dtype.is_complex() { Scalar::Complex(x, 1.0) } else { Scalar::Float(x) };
        let nans = match dtype.is_complex() {
            true => vec![Scalar::Complex(f64::NAN, 2.0), Scalar::Complex(2.0, f64::NAN), Scalar::Complex(f64::NAN, f64::NAN)],
            false => vec![Scalar::Float(f64::NAN), Scalar::Float(-f64::NAN)],
        };
        let is_nan = |x: &Scalar| *x != *x;
        for x in [0.0, -0.0, 3.5, -3.5, f64::INFINITY, f64::NEG_INFINITY].map(number) {
            for &nan in &nans {
                // a whole vector of each kind, and odd ends
                let (left, right) = (vec![nan; 37], vec![x; 37]);
                for op in [BinaryOp::Maximum, BinaryOp::Minimum, BinaryOp::Fmax, BinaryOp::Fmin] {
                    let keeps = matches!(op, BinaryOp::Maximum | BinaryOp::Minimum);
                    for (a, b, side) in [(&left, &right, "left"), (&right, &left, "right")] {
                        for (at, got) in binary_of(op, dtype, a, b).iter().enumerate() {
                            let right = if keeps { is_nan(got) } else { !is_nan(got) && got.as_f64() == x.as_f64() };
                            assert!(right, "{} of {x:?} and {nan:?} on the {side}, {dtype}, place {at}: {got:?}", op.name());
                        }
                    }
                }
            }
        }
    }
}
