//! What changes no value: other chunks, arrays that are kept, arrays that are written and read back; and users'
//! functions of blocks.

use super::Row;
use crate::draw::{Build, Context, Drawing, Made, Step, V};
use crate::sources;
use crate::tensor::{Num, Tensor, fit};
use flagstone::array::{Boundary, Chunks, Halo, StoreOptions};
use flagstone::{Array, DType};
use ndarray::{ArrayD, ArrayViewD};

pub const ROWS: &[Row] = &[
    Row { weight: 2, draw: rechunk },
    Row { weight: 2, draw: persist },
    Row { weight: 2, draw: store },
    Row { weight: 3, draw: map_blocks },
    Row { weight: 2, draw: map_overlap },
];

fn rechunk(drawing: &mut Drawing, x: V) -> Option<V> {
    let shape = drawing.shape(x).to_vec();
    if shape.is_empty() {
        return None;
    }
    let sizes = sources::chunks(&mut drawing.dice, drawing.scale, &shape, 4000);
    let tensor = drawing.tensor(x).clone();
    let text = format!("v{x}.rechunk({sizes:?})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(made[x].rechunk(sizes.clone()))) }))
}

fn persist(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x).clone();
    let build: Build = Box::new(move |made, context| context.runtime.persist(&made[x]));
    Some(drawing.push(Step { text: format!("v{x}.persist()"), args: vec![x], tensor, build }))
}

/// Written by the engine in chunks of its own, and opened.
fn store(drawing: &mut Drawing, x: V) -> Option<V> {
    let (shape, dtype) = (drawing.shape(x).to_vec(), drawing.dtype(x));
    let ending = match dtype {
        DType::BF16 => ".zarr",
        _ => drawing.dice.one(&[".zarr", ".h5:/x", ".npy", ".zarr"]),
    };
    let own = ending != ".npy" && !shape.is_empty() && !shape.contains(&0) && drawing.dice.below(4) > 0;
    let chunks = own.then(|| sources::chunks(&mut drawing.dice, drawing.scale, &shape, 400));
    let text = format!("stored(v{x}, {ending:?}, chunks={chunks:?})");
    let tensor = drawing.tensor(x).clone();
    let build = move |made: &Made, context: &Context| {
        let address = format!("{}{ending}", context.path().display());
        let options = StoreOptions::new();
        let options = if let Some(chunks) = &chunks { options.chunks(Chunks::from(chunks.clone())) } else { options };
        context.runtime.store_with(&made[x], &address, &options)?;
        flagstone::open(&address)
    };
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(build) }))
}

/// Functions of blocks, by the dtype that they take.
struct Mapped {
    text: &'static str,
    takes: DType,
    gives: DType,
    value: fn(Num) -> Num,
    engine: fn(&Array) -> Array,
}

#[rustfmt::skip]
const MAPPED: &[Mapped] = &[
    Mapped { text: "b -> 2b + 1", takes: DType::F64, gives: DType::F64, value: |x| Num::F(x.f() * 2.0 + 1.0),
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, f64>| b.mapv(|v| v * 2.0 + 1.0)) },
    Mapped { text: "b -> (float32) b", takes: DType::F64, gives: DType::F32, value: |x| x,
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, f64>| b.mapv(|v| v as f32)) },
    Mapped { text: "b -> (float64) b / 2", takes: DType::F32, gives: DType::F64, value: |x| Num::F(x.f() / 2.0),
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, f32>| b.mapv(|v| v as f64 / 2.0)) },
    Mapped { text: "b -> b ^ 5", takes: DType::I32, gives: DType::I32, value: |x| Num::I(x.i() ^ 5),
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, i32>| b.mapv(|v| v ^ 5)) },
    Mapped { text: "b -> b > 3", takes: DType::I64, gives: DType::Bool, value: |x| Num::I((x.i() > 3) as i128),
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, i64>| b.mapv(|v| v > 3)) },
    Mapped { text: "b -> (int32) b, turned there and back", takes: DType::U8, gives: DType::I32, value: |x| x,
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, u8>| -> ArrayD<i32> { b.t().mapv(|v| v as i32).reversed_axes() }) },
    Mapped { text: "b -> !b", takes: DType::Bool, gives: DType::Bool, value: |x| Num::I(1 - x.i()),
        engine: |x| x.map_blocks(|b: ArrayViewD<'_, bool>| b.mapv(|v| !v)) },
];

fn map_blocks(drawing: &mut Drawing, x: V) -> Option<V> {
    let tensor = drawing.tensor(x);
    let rows: Vec<&Mapped> = MAPPED.iter().filter(|row| row.takes == tensor.dtype && tensor.is_exact()).collect();
    if rows.is_empty() {
        return None;
    }
    let row = drawing.dice.one(&rows);
    let tensor = Tensor::exact(row.gives, drawing.shape(x), |i| fit((row.value)(drawing.tensor(x).at(i)), row.gives));
    let engine = row.engine;
    let text = format!("map_blocks({}, v{x})", row.text);
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x]))) }))
}

/// Each block's elements one place on along its first axis, by what lies before it.
fn moved<T: flagstone::array::ArrayElement>(x: &Array, boundary: Boundary) -> Array {
    x.map_overlap(
        Halo::new(vec![[1, 0]].into_iter().chain(std::iter::repeat_n([0, 0], x.ndim().unwrap_or(1) - 1)).collect::<Vec<_>>())
            .boundary(boundary)
            .untrimmed(),
        |b: ArrayViewD<'_, T>| b.slice_axis(ndarray::Axis(0), ndarray::Slice::from(..-1)).to_owned(),
    )
}

fn map_overlap(drawing: &mut Drawing, x: V) -> Option<V> {
    let (dtype, shape) = (drawing.dtype(x), drawing.shape(x).to_vec());
    let engine: fn(&Array, Boundary) -> Array = match dtype {
        DType::Bool => moved::<bool>,
        DType::F64 => moved::<f64>,
        DType::F32 => moved::<f32>,
        DType::I64 => moved::<i64>,
        DType::I32 => moved::<i32>,
        DType::U8 => moved::<u8>,
        _ => return None,
    };
    if shape.is_empty() || shape.contains(&0) {
        return None;
    }
    let boundary = drawing.dice.one(&[Boundary::Periodic, Boundary::Nearest, Boundary::Reflect]);
    let (n, inner) = (shape[0], shape[1..].iter().product::<usize>());
    let tensor = drawing.tensor(x);
    let before = |i: usize| match (i / inner, boundary) {
        (0, Boundary::Periodic) => (n - 1) * inner + i,
        (0, _) => i,
        _ => i - inner,
    };
    let tensor = Tensor::new(dtype, &shape, tensor.is_exact(), |i| tensor.element(before(i)));
    let text = format!("map_overlap(one place on, v{x}, {boundary:?})");
    Some(drawing.push(Step { text, args: vec![x], tensor, build: Box::new(move |made, _| Ok(engine(&made[x], boundary))) }))
}
