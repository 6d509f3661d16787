//! The arrays that a recipe starts from: in memory, in every format, and made.

use super::dice::{Dice, Stream};
use super::random::{self, Law};
use super::tensor::{Num, Tensor, fit, is_whole, range, truth};
use flagstone::expr::{Node, ops};
use flagstone::grid::Region;
use flagstone::store::conformance::Scratch;
use flagstone::store::{self, Codec, Create, InMemory, Writer};
use flagstone::{Array, DType, arange};
use flagstone_kernels::view::View;
use std::path::Path;
use std::sync::Arc;

/// Where the elements come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Memory,
    Npy,
    Zarr,
    Hdf5,
    Hdf5Chunked,
    Arange,
    Random(Law),
}

/// What the elements are like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Style {
    /// Small integers, with many ties.
    Whole,
    /// Values of all signs with fractions.
    Wild,
    /// As `Wild`, some NaN.
    Nan,
}

#[derive(Clone, Debug)]
pub struct Source {
    pub kind: Kind,
    pub dtype: DType,
    pub shape: Vec<usize>,
    pub chunks: Vec<usize>,
    pub style: Style,
    pub seed: u64,
}

/// How large arrays are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// Lengths up to 40, which one task does.
    Small,
    /// The same under sizes so small that these make hundreds of blocks, and reductions trees many levels deep.
    Tiny,
    /// 0.2 to 5 million elements: blocks split, reductions are trees, products have many tasks.
    Large,
}

impl Scale {
    /// No value has more elements.
    pub fn elements_max(self) -> usize {
        if self == Scale::Large { 12_000_000 } else { 10_000 }
    }
    /// No product takes more multiplications.
    pub fn products_max(self) -> usize {
        if self == Scale::Large { 2_500_000_000 } else { 3_000_000 }
    }
    /// A file for each chunk: more are not written.
    fn chunks_max(self) -> usize {
        if self == Scale::Large { 1200 } else { 48 }
    }
}

fn dtype(dice: &mut Dice, kind: Kind) -> DType {
    use DType::*;
    match kind {
        Kind::Arange => dice.one(&[I64, F64]),
        Kind::Random(Law::Integers(..)) => dice.one(&[I64, I32, U8, I16, U32, I8, U16, U64]),
        Kind::Random(_) => dice.one(&[F64, F32]),
        _ => {
            let usual = [F64, F32, F64, F32, I32, U8, Bool, I64];
            let rare = [F16, BF16, C64, C128, I8, I16, U16, U32, U64];
            let dtype = if dice.chance(3) { dice.one(&rare) } else { dice.one(&usual) };
            // only Zarr and memory hold bfloat16
            if dtype == BF16 && !matches!(kind, Kind::Memory | Kind::Zarr) { F16 } else { dtype }
        }
    }
}

fn shape(dice: &mut Dice, scale: Scale) -> Vec<usize> {
    let ndim = dice.one(&[2, 2, 1, 3, 0, 2]);
    if scale == Scale::Large {
        // elements: a product of lengths that line up with no chunk
        let n = match dice.chance(5) {
            true => dice.one(&[1_900_000, 2_000_003, 3_300_000, 5_000_000]),
            false => dice.one(&[400_000, 250_000, 709_524, 1_000_000, 610_000]) - dice.below(50_000),
        };
        return match ndim {
            0 | 1 => vec![n],
            // a product of which is large
            2 if dice.chance(4) => vec![dice.between(2500, 3400), dice.between(70, 120)],
            2 => {
                let m = dice.one(&[700, 500, 1000, 400, 1201, 97, 2048, 3000, 7, 20_000]) + dice.below(30);
                vec![m, (n / m).max(2)]
            }
            _ => {
                let (a, b) = (dice.between(9, 90), dice.between(30, 120));
                vec![a, b, (n / a / b).max(2)]
            }
        };
    }
    let lengths = [5, 8, 13, 1, 21, 2, 40, 0, 33];
    let square = dice.chance(3).then(|| dice.one(&lengths));
    let longest = match (scale, ndim) {
        (Scale::Tiny, 3) => 8,
        (Scale::Tiny, 2) => 21,
        (_, 3) => 13,
        _ => 40,
    };
    // a line is longer than it is broad
    let mut length = || square.unwrap_or_else(|| dice.one(&lengths)).min(longest) * if scale == Scale::Tiny && ndim == 1 { 9 } else { 1 };
    (0..ndim).map(|_| length()).collect()
}

/// A shape that has something to do with one that was drawn before.
fn related(dice: &mut Dice, shape: &[usize]) -> Vec<usize> {
    let mut shape = shape.to_vec();
    match dice.below(6) {
        0 if shape.len() > 1 => shape.reverse(),
        1 if shape.len() > 1 => drop(shape.remove(0)),
        2 if shape.len() > 1 => {
            let axis = dice.below(shape.len());
            shape[axis] = 1;
        }
        3 if !shape.is_empty() => shape[0] = (shape[0] / 2 + dice.below(9)).max(1),
        _ => {}
    }
    shape
}

/// Chunk shapes that line up with nothing, and the usual ones.
pub fn chunks(dice: &mut Dice, scale: Scale, shape: &[usize], count_max: usize) -> Vec<usize> {
    let whole = |shape: &[usize]| shape.iter().map(|&n| n.max(1)).collect::<Vec<usize>>();
    let mut chunks = match (scale, shape.len()) {
        (Scale::Small | Scale::Tiny, _) | (_, 0) | (_, 3..) => shape.iter().map(|&n| 1 + dice.below(n.max(1))).collect(),
        (_, 1) => vec![dice.one(&[400, 65_536, 1000, 333_333, 10_007, usize::MAX])],
        _ => match dice.below(7) {
            0 => vec![500, 500],
            1 => vec![700, 900],
            2 => vec![100, 3000],
            3 => vec![dice.between(1, 64), usize::MAX],
            4 => vec![usize::MAX, usize::MAX],
            5 => vec![usize::MAX, dice.between(20, 300)],
            _ => shape.iter().map(|&n| 1 + dice.below(n.max(1))).collect(),
        },
    };
    for (chunk, &n) in chunks.iter_mut().zip(&whole(shape)) {
        *chunk = (*chunk).min(n);
    }
    while shape.iter().zip(&chunks).map(|(&n, &c)| n.div_ceil(c)).product::<usize>() > count_max {
        let (axis, _) = shape.iter().zip(&chunks).enumerate().max_by_key(|(_, (n, c))| *n / *c).expect("an axis");
        chunks[axis] = (chunks[axis] * 2).min(shape[axis]);
    }
    chunks
}

/// A source; `before` is the shape of another.
pub fn draw(dice: &mut Dice, scale: Scale, before: Option<&[usize]>) -> Source {
    let law = dice.one(&[Law::Uniform(-2.0, 3.0), Law::Integers(0, 100), Law::Normal(0.5, 2.0), Law::Exponential(3.0)]);
    let kinds = [Kind::Memory, Kind::Zarr, Kind::Hdf5Chunked, Kind::Hdf5, Kind::Npy, Kind::Arange, Kind::Random(law)];
    let kind = dice.one(&kinds);
    let dtype = dtype(dice, kind);
    let mut shape = match before {
        Some(before) if dice.below(4) > 0 => related(dice, before),
        _ => shape(dice, scale),
    };
    // bit by bit, a block of random bits takes a while
    while matches!(kind, Kind::Random(_)) && shape.iter().product::<usize>() > 1_500_000 {
        let longest = (0..shape.len()).max_by_key(|&axis| shape[axis]).expect("an axis");
        shape[longest] = shape[longest].div_ceil(2);
    }
    // what is no file may have very many chunks
    let count_max = if matches!(kind, Kind::Zarr | Kind::Hdf5Chunked) { scale.chunks_max() } else { 10 * scale.chunks_max() };
    let chunks = chunks(dice, scale, &shape, count_max);
    let style = dice.one(&[Style::Wild, Style::Whole, Style::Wild, Style::Nan]);
    Source { kind, dtype, shape, chunks, style, seed: dice.below(1 << 16) as u64 }
}

fn elements(source: &Source) -> Tensor {
    let mut stream = Stream::new(source.seed);
    let dtype = source.dtype;
    let fraction = |stream: &mut Stream| (stream.next() % 2001) as f64 / 100.0 - 10.0 + (stream.next() % 1000) as f64 * 1e-7;
    Tensor::exact(dtype, &source.shape, |_| {
        let whole = (stream.next() % 9) as i128 - 3;
        let value = match (source.style, dtype) {
            (_, DType::Bool) => truth(stream.next().is_multiple_of(3)),
            (Style::Whole, dtype) if is_whole(dtype) => Num::I(whole.max(range(dtype).0)),
            (_, dtype) if is_whole(dtype) => {
                // all of a narrow dtype, and ±10⁵ of a wide one
                let (low, high) = (range(dtype).0.max(-100_000), range(dtype).1.min(100_000));
                Num::I(low + stream.next() as i128 % (high - low + 1))
            }
            (Style::Whole, DType::C64 | DType::C128) => Num::C(whole as f64, (stream.next() % 5) as f64),
            (_, DType::C64 | DType::C128) => Num::C(fraction(&mut stream), fraction(&mut stream)),
            (Style::Nan, _) if stream.next().is_multiple_of(37) => Num::F(f64::NAN),
            (Style::Whole, _) => Num::F(whole as f64),
            _ => Num::F(fraction(&mut stream)),
        };
        fit(value, dtype)
    })
}

fn lengths(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|&n| n as u64).collect()
}

/// An array of bytes in memory.
fn in_memory(tensor: &Tensor) -> Array {
    let stored = InMemory::new(tensor.dtype, &lengths(&tensor.shape), tensor.bytes()).expect("as many bytes");
    Array::from_expr(Node::new(ops::Source { store: Arc::new(stored) }.into()).expect("a source"))
}

/// Writes all elements: small arrays by threads in small parts, large ones in slabs of many granules.
fn write(writer: &dyn Writer, tensor: &Tensor) {
    let (shape, bytes) = (lengths(&tensor.shape), tensor.bytes());
    if tensor.len() < 20_000 {
        return store::conformance::write_all(writer, &shape, tensor.dtype, &bytes);
    }
    let whole = View::dense(&bytes, tensor.dtype, &tensor.shape);
    let rows = (tensor.shape[0] / 4).max(1).next_multiple_of(writer.granule()[0] as usize);
    for first in (0..tensor.shape[0]).step_by(rows) {
        let (mut start, mut len) = (vec![0; tensor.ndim()], tensor.shape.clone());
        (start[0], len[0]) = (first, rows.min(tensor.shape[0] - first));
        let needed = writer.scratch_bytes(&lengths(&len));
        let region = Region::dense(&lengths(&start), &lengths(&len));
        writer.write(&region, &whole.part(&start, &len), Scratch::new(needed).bytes(needed)).expect("to write");
    }
    writer.commit().expect("to commit");
}

/// The array for Flagstone and for the oracle; what is written is `path` with an ending.
pub fn open(source: &Source, path: &Path) -> (Array, Tensor) {
    let (dtype, shape) = (source.dtype, lengths(&source.shape));
    match source.kind {
        Kind::Arange => {
            let n = source.shape.iter().product::<usize>() as i64;
            let (start, step) = (source.seed as i64 % 7 - 3, 1 + source.seed as i64 % 3);
            let array = if dtype == DType::I64 {
                arange(start, start + n * step, step, None)
            } else {
                arange(start as f64, (start + n * step) as f64, step as f64, None)
            };
            let tensor = Tensor::exact(dtype, &source.shape, |i| fit(Num::I((start + i as i64 * step) as i128), dtype));
            (array.reshape(shape).rechunk(source.chunks.clone()), tensor)
        }
        Kind::Random(law) => {
            let described = match law {
                Law::Uniform(low, high) => flagstone::random::uniform(low, high),
                Law::Integers(low, high) => flagstone::random::integers(low, high),
                Law::Normal(loc, scale) => flagstone::random::normal(loc, scale),
                Law::Exponential(scale) => flagstone::random::exponential(scale),
            };
            let array = described.dtype(dtype).shape(shape).seed(source.seed).build();
            (array.rechunk(source.chunks.clone()), random::tensor(law, dtype, &source.shape, source.seed))
        }
        Kind::Memory => {
            let tensor = elements(source);
            (in_memory(&tensor).rechunk(source.chunks.clone()), tensor)
        }
        Kind::Npy | Kind::Zarr | Kind::Hdf5 | Kind::Hdf5Chunked => {
            let tensor = elements(source);
            let mut create = Create::new(shape.clone(), dtype);
            let path = path.display();
            let address = match source.kind {
                Kind::Npy => format!("{path}.npy"),
                Kind::Zarr => format!("{path}.zarr"),
                _ => format!("{path}.h5:/x"),
            };
            if matches!(source.kind, Kind::Zarr | Kind::Hdf5Chunked) && !shape.is_empty() && !shape.contains(&0) {
                create.chunks = Some(lengths(&source.chunks));
                create.codec = Some(if source.kind == Kind::Zarr { Codec::Zstd(1) } else { Codec::Gzip(1) });
            }
            let writer = store::create(&address, &create).unwrap_or_else(|e| panic!("{source:?}: {e}"));
            write(&*writer, &tensor);
            (flagstone::open(&address).unwrap_or_else(|e| panic!("{source:?}: {e}")), tensor)
        }
    }
}
