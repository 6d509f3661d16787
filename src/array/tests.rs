//! Tests of the array layer that need no runtime: shapes, dtypes, nodes and text against NumPy's.

use super::{
    AnyArray, Array, Axes, Chunks, Index, Observations, Pad, Value, axis, binary, concatenate, format, format_scalar, function, isclose,
    method, random, stack, where_,
};
use crate::expr::{Expr, Op, Runs, ops};
use crate::grid::{element_count, ravel, unravel};
use crate::{DType, Runtime, arange, from_function, idx, ones, zeros};
use flagstone_kernels::dtype::{C64, C128, Scalar};
use flagstone_kernels::generate::Rule;
use flagstone_kernels::op::{BinaryOp, ReduceOp};
use flagstone_kernels::program::StepOp;
use half::f16;
use ndarray::{ArrayD, IxDyn};
use serde_json::Value as Json;

/// The values of views and concatenations of an integer arange, one by one.
fn values(expr: &Expr) -> Vec<i64> {
    let n = element_count(&expr.shape).unwrap();
    match &expr.op {
        Op::Generate(ops::Generate { generator, .. }) => match generator.rule {
            Rule::Arange { start_int, step_int, .. } => (0..n as i64).map(|i| start_int + i * step_int).collect(),
            ref other => panic!("{other:?}"),
        },
        Op::View(ops::View { arg, view }) => {
            let source = values(arg);
            let at = |i| {
                let out = unravel(i, &view.shape);
                let place = view.source.iter().map(|f| (f.start + f.axis.map_or(0, |axis| f.step * out[axis] as i64)) as u64);
                source[ravel(&place.collect::<Vec<_>>(), &arg.shape) as usize]
            };
            (0..n).map(at).collect()
        }
        Op::Concatenate(ops::Concatenate { args, axis }) => {
            let parts: Vec<Vec<i64>> = args.iter().map(values).collect();
            let at = |i| {
                let mut place = unravel(i, &expr.shape);
                let mut part = 0;
                while place[*axis] >= args[part].shape[*axis] {
                    place[*axis] -= args[part].shape[*axis];
                    part += 1;
                }
                parts[part][ravel(&place, &args[part].shape) as usize]
            };
            (0..n).map(at).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn counting(shape: &[u64]) -> Array {
    arange(0, element_count(shape).unwrap(), 1, None).reshape(shape)
}

fn number(json: &Json) -> f64 {
    json.as_str().unwrap().parse().unwrap()
}

#[test]
fn indexing_selects_what_numpy_selects() {
    let rows: Vec<Json> = serde_json::from_str(include_str!("../../tests/data/numpy_index.json")).unwrap();
    assert!(rows.len() >= 300);
    for row in rows {
        let lengths = |json: &Json| json.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>();
        let item = |json: &Json| {
            let parts = json.as_array().unwrap();
            let integers = || parts[1..].iter().map(|part| part.as_i64().unwrap()).collect::<Vec<_>>();
            match parts[0].as_str().unwrap() {
                "slice" => Index::Slice(parts[1].as_i64(), parts[2].as_i64(), parts[3].as_i64()),
                "int" => Index::Int(integers()[0]),
                "list" => Index::List(integers()),
                "bools" => Index::Bools(parts[1..].iter().map(|part| part.as_bool().unwrap()).collect()),
                "none" => Index::NewAxis,
                "ellipsis" => Index::Ellipsis,
                other => panic!("{other}"),
            }
        };
        let items: Vec<Index> = row["items"].as_array().unwrap().iter().map(item).collect();
        let got = counting(&lengths(&row["shape"])).index(items);
        if row["error"].as_bool() == Some(true) {
            assert!(got.check().is_err(), "{row}");
            continue;
        }
        assert_eq!(got.shape().unwrap_or_else(|error| panic!("{error}: {row}")), lengths(&row["result"]), "{row}");
        let expected: Vec<i64> = row["values"].as_array().unwrap().iter().map(|v| v.as_i64().unwrap()).collect();
        assert_eq!(values(&got.expr().unwrap()), expected, "{row}");
    }
}

#[test]
fn the_macro_reads_every_item() {
    let x = counting(&[600, 20]);
    let picked = |array: Array| values(&array.expr().unwrap());
    assert_eq!(x.index(idx![500..100;-2, 0]).shape().unwrap(), [200]);
    assert_eq!(picked(x.index(idx![500..496;-2, 0])), [10000, 9960]);
    assert_eq!(picked(x.index(idx![-1, 18..])), [11998, 11999]);
    assert_eq!(picked(x.index(idx![..;300, [10, 1, 5]])), [10, 1, 5, 6010, 6001, 6005]);
    assert_eq!(x.index(idx![..., None, 3]).shape().unwrap(), [600, 1]);
    assert_eq!(x.index(idx![super::NewAxis, ..2, super::Ellipsis]).shape().unwrap(), [1, 2, 20]);
    assert_eq!(x.index(idx![]).shape().unwrap(), [600, 20]);
    let last = 599;
    assert_eq!(picked(x.index(idx![last, last - 580])), [11999]);
    let error = x.index(idx![0, 20]).check().unwrap_err().to_string();
    assert!(error.contains("index 20 is out of bounds for axis 1 with length 20"), "{error}");
    assert!(x.index(idx![.., ..;0]).check().unwrap_err().to_string().contains("step 0"));
}

#[test]
fn orthogonal_items_go_along_axes_of_their_own() {
    let x = counting(&[6, 5, 4]);
    let picked = |array: Array| values(&array.expr().unwrap());
    let expected: Vec<i64> = [5, 0].iter().flat_map(|i| [1, 1, 4].map(|j| i * 20 + j * 4 + 3)).collect();
    assert_eq!(picked(x.oix(idx![[-1, 0], [1, 1, 4], -1])), expected);
    assert_eq!(x.oix(idx![..., [3, 0, 0]]).shape().unwrap(), [6, 5, 3]);
    assert_eq!(x.oix(idx![[0, 2], None, 2..4, [true, false, false, true]]).shape().unwrap(), [2, 1, 2, 2]);
    let square = Index::Array(counting(&[2, 2]));
    let error = x.oix([square]).check().unwrap_err().to_string();
    assert!(error.contains("oix: an array of 2 axes as one item"), "{error}");
    assert!(x.oix(idx![0, [0], 0, 0]).check().unwrap_err().to_string().contains("4 indices for an array of 3 axes"));
    assert!(x.oix(idx![[0], [5]]).check().unwrap_err().to_string().contains("index 5 is out of bounds"));
}

#[test]
fn masks_build_without_counting() {
    let x = zeros([4, 5], DType::F32);
    let mask = x.gt(0.0);
    let (a, b) = (x.index(idx![&mask]), (&x * 2.0).index(idx![&mask]));
    assert_eq!(format!("{a:?}"), "Array(mask [≤20] float32, chunks [20])");
    // one mask, one count: they add up without knowing it; so do single values and scalars
    let sum = (&a + &b - a.mean(..)) * 2.0;
    assert!(sum.expr().unwrap().is_counted());
    assert_eq!(sum.mean(..).ndim().unwrap(), 0);
    assert!(x.index(idx![zeros([4, 4], DType::Bool)]).check().unwrap_err().to_string().contains("same lengths"));
    assert_eq!(x.index(idx![zeros([4], DType::Bool)]).ndim().unwrap(), 2);
    assert_eq!(x.index(idx![zeros([4, 5], DType::I64)]).shape().unwrap(), [4, 5, 5]);
    assert!(x.index(idx![zeros([4, 5], DType::F32)]).check().unwrap_err().to_string().contains("expected bool or integers"));
    // counted meanwhile: lengths are known, and everything above is rebuilt
    let Op::Mask(ops::Mask { count, .. }) = &a.expr().unwrap().op else { panic!("{a:?}") };
    count.0.set(7).unwrap();
    count.1.set(Runs { cuts: vec![], counts: vec![7] }).unwrap();
    assert_eq!(a.shape().unwrap(), [7]);
    assert_eq!(sum.shape().unwrap(), [7]);
    assert_eq!(sum.rechunk(3).chunks().unwrap().axes[0].lengths().collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(sum.index(idx![-1]).ndim().unwrap(), 0);
}

#[test]
fn dtypes_promote_as_in_numpy() {
    use DType::*;
    let of = |dtype| ones([2], dtype);
    for (got, expected) in [
        (of(F32) * 2.0, F32),
        (of(F32) + 1, F32),
        (of(I8) + 1, I8),
        (of(I8) * 1.0, F64),
        (of(U8) + of(I8), I16),
        (of(I64) + of(U64), F64),
        (of(Bool) + of(Bool), Bool),
        (of(Bool) + 1, I64),
        (of(Bool) * 1.5, F64),
        (of(F16) + of(F32), F32),
        (of(I32) / of(I32), F64),
        (of(F32) * num_complex::Complex::new(0.0, 1.0), DType::C64),
        (of(I16) + of(F32), F32),
        (of(I32) + of(F32), F64),
        (of(U8).pow(2), U8),
        (2.0 - of(F32), F32),
        (2 * of(I16), I16),
        (of(I8).sin(), F16),
        (of(I32).sqrt(), F64),
        (of(DType::C64).abs(), F32),
        (of(F32).gt(1), Bool),
        (of(I8).sum(..), I64),
        (of(U8).sum(..), U64),
        (of(F32).sum(..), F32),
        (of(I8).mean(..), F64),
        (of(F16).mean(..), F16),
        (of(Bool).argmax(..), I64),
        (of(I8).sum(axis(0).dtype(I8)), I8),
        (where_(of(Bool), 1, of(F32)), F32),
        (where_(of(Bool), 1, 2.0), F64),
        (of(I64).median(..), F64),
        (of(F32).median(..), F32),
        (of(F16).matmul(of(F16)), F16),
        (of(Bool).matmul(of(Bool)), Bool),
        (isclose(of(F32), 1, 1e-5, 1e-8, true), Bool),
        (of(U8).clip(-1, 300), U8),
        (of(U8) / 300, F64),
        (of(U8).arctan2(300), F16),
        (of(U8).logical_and(300), Bool),
        (of(F32).round(2), F32),
        (of(I32).round(-1), I32),
        (of(U64).lt(of(I64)), Bool),
        (of(I16).lt(70_000), Bool),
    ] {
        assert_eq!(got.dtype().unwrap_or_else(|error| panic!("{error}: expected {expected}")), expected, "{got:?}");
    }
}

#[test]
fn bad_calls_carry_their_place_and_words() {
    use DType::*;
    let line = line!() + 1;
    let bad = zeros([2, 3], F64) + zeros([2], F64);
    let error = (bad * 2.0).sum(..).index(idx![..]).check().unwrap_err();
    assert_eq!(error.place().map(|at| (at.file(), at.line())), Some((file!(), line)));
    assert!(error.to_string().starts_with("add: shapes [2, 3] and [2] do not broadcast (built at "), "{error}");
    let x = zeros([2, 3], F64);
    for (bad, words) in [
        (zeros([2], U8) + 300, "integer 300 is out of bounds for uint8"),
        (zeros([2], U8) - -1, "integer -1 is out of bounds for uint8"),
        (zeros([2], I64).pow(-1), "negative integer power"),
        (zeros([2], DType::C64).floor(), "floor: not defined for complex64"),
        (zeros([2], Bool) - zeros([2], Bool), "logical_xor"),
        (x.sum(2), "axis 2 of an array with 2 axes"),
        (x.sum([0, -2]), "name an axis twice"),
        (x.argmin([0, 1]), "expected one axis, or all"),
        (zeros([0, 3], F64).max(0), "axis 0 of shape [0, 3] has no element"),
        (x.quantile(1.5, ..), "1.5 is no quantile; expected 0 to 1"),
        (x.sort(2), "axis 2 of an array with 2 axes"),
        (x.matmul(&x), "the inner lengths 3 and 2 differ"),
        (x.matmul(2.0), "use *"),
        (x.squeeze(0), "axis 0 has length 2"),
        (x.transpose([0]), "expected each axis once"),
        (x.reshape([4, -1]), "into shape"),
        (x.rechunk([0, 1]), "chunk size 0"),
        (x.rechunk([1]), "1 chunk sizes for 2 axes"),
        (concatenate(&[x.clone(), zeros([2, 2], F64)], 0), "differ in more than axis 0"),
        (concatenate(&[], 0), "no arrays"),
        (zeros([-1], F64), "-1 is no length"),
        (zeros([1u64 << 40, 1 << 40], F64), "over 2⁶³ bytes"),
        (arange(0, 1, 0, None), "step 0"),
        (arange(0.0, f64::INFINITY, 1.0, None), "not finite"),
        (random::normal(0.0, -1.0).shape(2).build(), "scale is -1"),
        (random::normal(f64::NAN, 1.0).shape(2).build(), "loc is NaN"),
        (random::exponential(f64::INFINITY).shape(2).build(), "scale is inf"),
        (random::poisson(1e19).shape(2).build(), "more than int64 holds"),
        (random::uniform(2.0, 1.0).shape(2).build(), "expected low ≤ high"),
        (random::integers(0, 300).dtype(U8).build(), "out of bounds for uint8"),
        (random::normal(0.0, 1.0).dtype(I8).build(), "expected float32 or float64"),
    ] {
        let error = bad.check().expect_err(words);
        assert!(error.to_string().contains(words), "{error}\nexpected {words}");
        assert_eq!(error.place().map(|at| at.file()), Some(file!()), "{error}");
    }
    let error = zeros([2], F32).compute::<f64>().unwrap_err().to_string();
    assert!(error.contains("float32") && error.contains("float64") && error.contains(".astype(DType::F64)"), "{error}");
}

#[test]
fn comparisons_with_what_a_dtype_does_not_hold_are_known() {
    let x = zeros([3], DType::U8);
    for (array, expected) in [(x.lt(300), true), (x.gt(300), false), (x.ge(-1), true), (x.eq(-1), false), (x.ne(256), true)] {
        let expr = array.expr().unwrap();
        assert!(matches!(expr.op, Op::Full(ops::Full { value: Scalar::Bool(answer), .. }) if answer == expected), "{expr:?}");
    }
    let Ok(Value::Array(flipped)) = binary("<", Value::Scalar(Scalar::Int(300)), Value::Array(x)) else { panic!("no array") };
    assert!(matches!(flipped.expr().unwrap().op, Op::Full(ops::Full { value: Scalar::Bool(false), .. })));
}

#[test]
fn nodes_have_explicit_casts_and_broadcasts() {
    let (x, row) = (counting(&[4, 3]), ones([3], DType::F32).sqrt());
    let sum = (x + row).expr().unwrap();
    let Op::Elementwise(ops::Elementwise { op: StepOp::Binary(BinaryOp::Add), args, dtype: DType::F64 }) = &sum.op else {
        panic!("{sum:?}")
    };
    assert!(args.iter().all(|arg| arg.shape == [4, 3] && arg.dtype == DType::F64));
    assert!(matches!(args[0].op, Op::Elementwise(ops::Elementwise { op: StepOp::Cast, .. })));
    assert!(matches!(args[1].op, Op::View(_)));
    let doubled = (ones([4, 3], DType::F32).sqrt() * 2).expr().unwrap();
    let Op::Elementwise(ops::Elementwise { args, .. }) = &doubled.op else { panic!("{doubled:?}") };
    assert!(matches!(&args[1].op, Op::Full(ops::Full { value: Scalar::Float(2.0), dtype: DType::F32, shape, .. }) if shape == &[4, 3]));
    let std = ones([4, 3], DType::F32).nanstd(axis(-1).keepdims().ddof(1)).expr().unwrap();
    let Op::Reduce(reduce) = &std.op else { panic!("{std:?}") };
    assert_eq!((reduce.reduction.op, reduce.reduction.skip_nan, reduce.reduction.ddof), (ReduceOp::Std, true, 1.0));
    assert_eq!((reduce.axes.as_slice(), reduce.cells.len(), std.shape.as_slice()), (&[1][..], 1, &[4, 1][..]));
    let integers = ones([4], DType::I32).nansum(..).expr().unwrap();
    assert!(matches!(&integers.op, Op::Reduce(reduce) if !reduce.reduction.skip_nan));
    let only = ones([4, 3], DType::F32).sum(axis(0).only(&ones([3], DType::Bool))).expr().unwrap();
    assert!(matches!(&only.op, Op::Reduce(reduce) if reduce.mask.as_ref().unwrap().shape == [4, 3]));
}

#[test]
fn axes_move_as_in_numpy() {
    let x = counting(&[2, 3, 4]);
    let shape = |array: Array| array.shape().unwrap();
    let first = |array: Array| values(&array.expr().unwrap())[..3].to_vec();
    assert_eq!(shape(x.moveaxis([0, 1], [-1, 0])), [3, 4, 2]);
    assert_eq!(first(x.moveaxis(0, -1)), [0, 12, 1]);
    assert_eq!(first(x.transpose((2, 0, 1))), [0, 4, 8]);
    assert_eq!(first(x.flip((0, 2))), [15, 14, 13]);
    assert_eq!(first(x.swapaxes(0, 1).t()), [0, 4, 8]);
    assert_eq!(shape(x.reshape([2, 1, 3, 4, 1]).squeeze(..)), [2, 3, 4]);
    let y = x.index(idx![.., 0]);
    assert_eq!(shape(y.reshape([1, 2, 1, 4])), [1, 2, 1, 4]);
    let both = stack(&[y.clone(), y.flip(1)], 1);
    assert_eq!(values(&both.expr().unwrap()), [0, 1, 2, 3, 3, 2, 1, 0, 12, 13, 14, 15, 15, 14, 13, 12]);
    assert_eq!(shape(zeros([3], DType::F32).matmul(zeros([3, 2], DType::F64))), [2]);
    assert_eq!(x.rechunk(Chunks::Lengths(vec![vec![1, 1], vec![3], vec![1, 3]])).chunks().unwrap().counts(), [2, 1, 2]);
    assert_eq!(shape(x.sum(Axes::from(..).keepdims())), [1, 1, 1]);
}

#[test]
fn ranges_have_numpys_lengths() {
    for (start, stop, step, length) in
        [(0.0, 1.0, 0.1, 10), (1.0, 1.3, 0.1, 4), (0.0, -1.0, 0.5, 0), (5.0, 0.0, -2.0, 3), (0.5, 0.5, 1.0, 0)]
    {
        assert_eq!(arange(start, stop, step, None).shape().unwrap(), [length], "{start} {stop} {step}");
    }
    assert_eq!(values(&arange(5, -4, -4, None).expr().unwrap()), [5, 1, -3]);
    assert_eq!(arange(0, 3, 1, DType::F32).dtype().unwrap(), DType::F32);
}

#[test]
fn signatures_bind_every_name() {
    let mut names: Vec<&str> = super::signatures().map(|signature| signature.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name twice");
    for name in ["mean", "nanargmax", "where", "random.normal", "linspace", "matmul", "logaddexp2", "concatenate"] {
        assert!(function(name).is_some(), "{name}");
    }
    for name in ["mean", "std", "transpose", "reshape", "astype", "clip", "rechunk", "flatten"] {
        assert!(method(name).is_some(), "{name}");
    }
    let refused = (function("apply_along_axis").unwrap().call)(&[Value::Tuple(vec![])]).unwrap_err().to_string();
    assert!(refused.starts_with("apply_along_axis: not supported yet"), "{refused}");
    assert!(method("concatenate").is_none() && function("flatten").is_none());
    // every default can be given to the call it belongs to
    let x = Value::Array(ones([4], DType::F64));
    let default = |text: &str| match text {
        "None" => Value::None,
        "True" => Value::Scalar(Scalar::Bool(true)),
        "False" => Value::Scalar(Scalar::Bool(false)),
        "float64" => Value::DType(DType::F64),
        "\"auto\"" => Value::Str("auto".into()),
        text if text.starts_with('\'') => Value::Str(text.trim_matches('\'').into()),
        number => match number.parse::<i64>() {
            Ok(i) => Value::Scalar(Scalar::Int(i)),
            Err(_) => Value::Scalar(Scalar::Float(number.parse().unwrap())),
        },
    };
    for signature in super::signatures().filter(|signature| signature.method) {
        let required = signature.params.iter().filter(|param| param.default.is_none()).count();
        if required == 1 {
            let mut args: Vec<Value> = signature.params.iter().map(|param| param.default.map_or(Value::None, default)).collect();
            let of_matrices = ["trace", "diagonal"].contains(&signature.name.trim_start_matches("ma."));
            args[0] = if of_matrices { Value::Array(ones([4, 4], DType::F64)) } else { x.clone() };
            let result = (signature.call)(&args).unwrap_or_else(|error| panic!("{}: {error}", signature.name)).filled();
            let results = if let Value::Tuple(results) = result { results } else { vec![result] };
            for result in results {
                let Value::Array(result) = result else { panic!("{}: {result:?}", signature.name) };
                result.check().unwrap_or_else(|error| panic!("{}: {error}", signature.name));
            }
        }
    }
}

#[test]
fn arrays_print_as_numpy_prints() {
    let cases: Json = serde_json::from_str(include_str!("../../tests/data/numpy_printed.json")).unwrap();
    let dtype = |json: &Json| match json["dtype"].as_str().unwrap() {
        "F64" => DType::F64,
        "F32" => DType::F32,
        "F16" => DType::F16,
        "I64" => DType::I64,
        "U8" => DType::U8,
        "Bool" => DType::Bool,
        "C64" => DType::C64,
        "C128" => DType::C128,
        other => panic!("{other}"),
    };
    let rows = cases["arrays"].as_array().unwrap();
    assert!(rows.len() > 50);
    for row in rows {
        let shape: Vec<usize> = row["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let n = shape.iter().product::<usize>();
        let pairs: Vec<(f64, f64)> = match &row["values"] {
            Json::Array(values) => values.iter().map(|v| (number(&v[0]), v.get(1).map_or(0.0, number))).collect(),
            step => (0..n).map(|i| (i as f64 * number(&step["step"][0]), 0.0)).collect(),
        };
        fn dense<T>(shape: &[usize], pairs: &[(f64, f64)], f: impl Fn((f64, f64)) -> T) -> ArrayD<T> {
            ArrayD::from_shape_vec(IxDyn(shape), pairs.iter().map(|&pair| f(pair)).collect()).unwrap()
        }
        let array = match dtype(row) {
            DType::F64 => AnyArray::F64(dense(&shape, &pairs, |v| v.0)),
            DType::F32 => AnyArray::F32(dense(&shape, &pairs, |v| v.0 as f32)),
            DType::F16 => AnyArray::F16(dense(&shape, &pairs, |v| f16::from_f64(v.0))),
            DType::I64 => {
                let whole = |v: &Json| v[0].as_str().unwrap().parse::<i64>().unwrap();
                let whole: Option<Vec<i64>> = row["values"].as_array().map(|values| values.iter().map(whole).collect());
                let whole = whole.unwrap_or_else(|| pairs.iter().map(|v| v.0 as i64).collect());
                AnyArray::I64(ArrayD::from_shape_vec(IxDyn(&shape), whole).unwrap())
            }
            DType::U8 => AnyArray::U8(dense(&shape, &pairs, |v| v.0 as u8)),
            DType::Bool => AnyArray::Bool(dense(&shape, &pairs, |v| v.0 != 0.0)),
            DType::C64 => AnyArray::C64(dense(&shape, &pairs, |v| C64::new(v.0 as f32, v.1 as f32))),
            _ => AnyArray::C128(dense(&shape, &pairs, |v| C128::new(v.0, v.1))),
        };
        assert_eq!(format(&array), row["text"].as_str().unwrap(), "{} {shape:?}", row["dtype"]);
    }
    for row in cases["scalars"].as_array().unwrap() {
        let value = match (&row["value"][0], row["value"].get(1)) {
            (re, Some(im)) => Scalar::Complex(number(re), number(im)),
            (v, None) => Scalar::Float(number(v)),
        };
        assert_eq!(format_scalar(value, dtype(row)), row["text"].as_str().unwrap(), "{value:?}");
    }
}

#[test]
fn results_that_could_not_be_addressed_are_refused_when_they_are_built() {
    let half = || from_function([1u64 << 62], None, |_| 1u8);
    let column = zeros([1u64 << 40, 1], DType::F64);
    let huge = [
        ("full", zeros([1u64 << 62], DType::F64)),
        ("concatenate", concatenate(&[half(), half(), half(), half()], 0)),
        ("concatenate", concatenate(&[half(), half()], 0)),
        ("astype", half().astype(DType::U16)),
        ("matmul", column.matmul(column.transpose([1, 0]))),
        ("sum", from_function([2, 1u64 << 61], None, |_| 1u8).sum(0)),
        ("index", half().broadcast_to([2, 1u64 << 62])),
        ("astype", half().sqrt().exp()),
    ];
    for (name, array) in huge {
        let error = array.check().expect_err(name).to_string();
        assert!(error.contains(name) && error.contains("2⁶³ bytes"), "{name}: {error}");
    }
    assert!(half().sum(0).check().is_ok());
}

#[test]
fn arrays_of_very_many_chunks_are_joined_without_a_list_of_them() {
    let quarter = |more: u64| from_function([(1u64 << 61) + more], None, |_| 1u8);
    for (array, n) in [
        (concatenate(&[quarter(0), quarter(0)], 0), 1 << 62),
        // chunks that do not go on over the seam
        (concatenate(&[quarter(1), quarter(0)], 0), (1 << 62) + 1),
        (ones([10], DType::U8).pad([1u64 << 50, 1 << 50], &Pad::Constant(Scalar::Int(0).into())), (1 << 51) + 10),
    ] {
        assert_eq!(array.shape().unwrap(), [n]);
        assert!(array.sum(0).check().is_ok());
    }
    let runtime = Runtime::builder().memory_limit("64MiB").threads(1).build().unwrap();
    let error = runtime.item::<u64>(&concatenate(&[quarter(1), quarter(0)], 0).sum(0)).unwrap_err().to_string();
    assert!(error.contains("blocks of unequal lengths"), "{error}");
}

#[test]
fn what_was_cut_is_whole_again_where_it_is_put_together_in_order() {
    let x = counting(&[4, 3, 2]);
    let id = |array: &Array| array.expr().unwrap().id;
    let rows = |of: &[i64]| of.iter().map(|&i| x.index(idx![i])).collect::<Vec<Array>>();
    assert_eq!(id(&stack(&rows(&[0, 1, 2, 3]), 0)), id(&x));
    assert_eq!(id(&concatenate(&[x.index(idx![..1]), x.index(idx![1..3]), x.index(idx![3..])], 0)), id(&x));
    let columns: Vec<Array> = (0..3).map(|i| x.index(idx![.., i])).collect();
    for (array, is_view) in [
        (stack(&rows(&[0, 1, 2, 3]), -1), true),
        (stack(&columns, 0), true),
        (stack(&rows(&[0, 1, 2]), 0), false),
        (stack(&rows(&[0, 2, 1, 3]), 0), false),
        (stack(&rows(&[1, 2, 3, 0]), 1), false),
        (concatenate(&[x.index(idx![..2]), x.index(idx![1..])], 0), false),
        (concatenate(&[x.index(idx![..2]), x.index(idx![2..])], 1), false),
        (concatenate(&[x.index(idx![..;2]), x.index(idx![1..;2])], 0), false),
    ] {
        let expr = array.expr().unwrap();
        assert_eq!(matches!(expr.op, Op::View(_)), is_view, "{}", expr.op.name());
        assert_eq!(matches!(expr.op, Op::Concatenate(_)), !is_view, "{}", expr.op.name());
    }
    let turned = stack(&rows(&[0, 1, 2, 3]), 1).expr().unwrap();
    assert_eq!(values(&turned), (0..24).map(|i| i / 8 * 2 + i / 2 % 4 * 6 + i % 2).collect::<Vec<i64>>());
}

#[test]
fn a_variable_that_turns_out_to_be_alone_keeps_its_axes() {
    let x = arange(0.0, 8.0, 1.0, None).reshape([4, 2]);
    let row = x.index(idx![x.index(idx![.., 0]).lt(1.0), ..]).cov(Observations::new());
    let found = row.compute::<f64>().unwrap();
    assert_eq!((found.shape(), found[[0, 0]]), (&[1, 1][..], 0.5));
    assert_eq!(x.index(idx![..1]).cov(Observations::new()).compute::<f64>().unwrap().shape(), &[] as &[usize]);
}
