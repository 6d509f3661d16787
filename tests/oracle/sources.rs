//! The stored arrays of a recipe, in every format.

use super::recipe::{Kind, Source, Style};
use super::tensor::{Num, Tensor, fit};
use flagstone::expr::{Node, ops};
use flagstone::runtime::CancelToken;
use flagstone::store::{self, Codec, Create};
use flagstone::{Array, DType, Runtime, arange, random};
use ndarray::{ArrayD, IxDyn};
use std::path::Path;

/// The same arrays for Flagstone and for the oracle.
pub struct Opened {
    pub arrays: Vec<Array>,
    pub tensors: Vec<Tensor>,
}

/// A stream of numbers that looks random.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) ^ (self.0 << 17 >> 40)
    }
    fn fraction(&mut self) -> f64 {
        (self.next() % 2001) as f64 / 100.0 - 10.0 + (self.next() % 1000) as f64 * 1e-7
    }
}

fn elements(source: &Source) -> Tensor {
    let mut stream = Stream(source.seed.wrapping_mul(0x9E3779B97F4A7C15) ^ 12345);
    let mut one = || {
        let whole = (stream.next() % 9) as f64 - 3.0;
        let value = match (source.style, source.dtype) {
            (_, DType::Bool) => Num::B(stream.next().is_multiple_of(3)),
            (Style::Whole, DType::U8) => Num::I(stream.next() as i128 % 5),
            (_, DType::U8) => Num::I(stream.next() as i128 % 256),
            (Style::Whole, DType::I32) => Num::I(whole as i128),
            (_, DType::I32) => Num::I(stream.next() as i128 % 200_001 - 100_000),
            (Style::Whole, DType::C128) => Num::C(whole, (stream.next() % 5) as f64),
            (_, DType::C128) => Num::C(stream.fraction(), stream.fraction()),
            (Style::Nan, _) if stream.next().is_multiple_of(37) => Num::F(f64::NAN),
            (Style::Whole, _) => Num::F(whole),
            _ => Num::F(stream.fraction()),
        };
        fit(value, source.dtype)
    };
    Tensor::exact(source.dtype, ArrayD::from_shape_simple_fn(IxDyn(&source.shape), &mut one))
}

/// Writes and opens all of them.
pub fn open(sources: &[Source], directory: &Path) -> Opened {
    let (arrays, tensors) = sources.iter().enumerate().map(|(i, source)| one(source, &directory.join(i.to_string()))).unzip();
    Opened { arrays, tensors }
}

fn one(source: &Source, path: &Path) -> (Array, Tensor) {
    let shape: Vec<u64> = source.shape.iter().map(|&n| n as u64).collect();
    match source.kind {
        Kind::Arange => {
            let n = source.shape.iter().product::<usize>() as i64;
            let (start, step) = (source.seed as i64 % 7 - 3, 1 + source.seed as i64 % 3);
            let array = if source.dtype == DType::I64 {
                arange(start, start + n * step, step, None)
            } else {
                arange(start as f64, (start + n * step) as f64, step as f64, None)
            };
            let mut i = -1;
            let next = || {
                i += 1;
                fit(Num::I((start + i * step) as i128), source.dtype)
            };
            let tensor = Tensor::exact(source.dtype, ArrayD::from_shape_simple_fn(IxDyn(&source.shape), next));
            (array.reshape(shape).rechunk(source.chunks.clone()), tensor)
        }
        Kind::Random => {
            let array: Array = random::normal(0.5, 2.0).dtype(source.dtype).shape(shape).seed(source.seed).build();
            let array = array.rechunk(source.chunks.clone());
            // the generator itself is tested beside it: here one plain pass says what it gives
            let plain = Runtime::builder().no_memory_limit().threads(1).optimize(false).build().unwrap();
            let dense = plain.compute_exprs(&[array.expr().unwrap()], &CancelToken::new()).unwrap();
            let tensor = Tensor::from_bytes(source.dtype, &source.shape, dense[0].bytes());
            (array, tensor)
        }
        Kind::Memory => {
            let tensor = elements(source);
            let store = flagstone::store::InMemory::new(source.dtype, &shape, tensor.bytes()).unwrap();
            let node = Node::new(ops::Source { store: std::sync::Arc::new(store) }.into()).unwrap();
            (Array::from_expr(node).rechunk(source.chunks.clone()), tensor)
        }
        Kind::Npy | Kind::Zarr | Kind::Hdf5 | Kind::Hdf5Chunked => {
            let tensor = elements(source);
            let mut create = Create::new(shape.clone(), source.dtype);
            let path = path.display();
            let address = match source.kind {
                Kind::Npy => format!("{path}.npy"),
                Kind::Zarr => format!("{path}.zarr"),
                _ => format!("{path}.h5:/x"),
            };
            if matches!(source.kind, Kind::Zarr | Kind::Hdf5Chunked) && !shape.is_empty() && !shape.contains(&0) {
                create.chunks = Some(source.chunks.iter().map(|&n| n as u64).collect());
                create.codec = Some(if source.kind == Kind::Zarr { Codec::Zstd(1) } else { Codec::Gzip(1) });
            }
            let writer = store::create(&address, &create).unwrap_or_else(|e| panic!("{source:?}: {e}"));
            store::conformance::write_all(&*writer, &shape, source.dtype, &tensor.bytes());
            (flagstone::open(&address).unwrap_or_else(|e| panic!("{source:?}: {e}")), tensor)
        }
    }
}
