//! Products of a matrix in encoded chunks and one of few columns: the chunks end inside of the blocks that the depth is cut into, and each
//! is decoded once all the same, under the limit, to the same bits.

use flagstone::array::{StoreOptions, axis, linalg};
use flagstone::store::Codec;
use flagstone::{Array, DType, Runtime, open, random};
use std::sync::atomic::Ordering::SeqCst;

fn runtime(limit: &str, threads: usize) -> Runtime {
    Runtime::builder().memory_limit(limit).threads(threads).build().unwrap()
}

fn stored(array: &Array, chunks: [i64; 2]) -> (tempfile::TempDir, Array) {
    let dir = tempfile::tempdir().unwrap();
    let address = dir.path().join("x.zarr").display().to_string();
    let options = StoreOptions::new().chunks(chunks).codec(Codec::Zstd(1));
    runtime("256MiB", 2).store_with(array, &address, &options).unwrap();
    (dir, open(&address).unwrap())
}

fn bits(runtime: &Runtime, array: &Array) -> Vec<u64> {
    runtime.compute::<f64>(&array.astype(DType::F64)).unwrap().iter().map(|v| v.to_bits()).collect()
}

#[test]
fn each_chunk_is_decoded_once_to_the_same_bits() {
    for [rows, columns] in [[1300u64, 2500u64], [207, 1027]] {
        each_chunk_is_decoded_once(rows, columns);
    }
}

fn each_chunk_is_decoded_once(rows: u64, columns: u64) {
    for dtype in [DType::F64, DType::F32] {
        let x = random::normal(0.0, 1.0).shape([rows, columns]).seed(1).build().astype(dtype);
        let of = |n: u64, seed| random::normal(0.0, 1.0).shape([n, 5]).seed(seed).build().astype(dtype);
        let (right, left) = (of(columns, 2), of(rows, 3));
        for chunks in [[300, 200], [100, 2500], [171, 90], [130, 256], [64, 3]] {
            let (_dir, in_chunks) = stored(&x, chunks);
            let products = |x: &Array| [x.matmul(&right), x.t().matmul(&left), left.t().matmul(x), (x * 2.0 - 1.0).matmul(&right)];
            for (i, (plain, product)) in products(&x).iter().zip(products(&in_chunks)).enumerate() {
                let expected = bits(&runtime("256MiB", 1), plain);
                for (limit, threads) in [("256MiB", 1), ("64MiB", 2), ("12MiB", 2)] {
                    let runtime = runtime(limit, threads);
                    let what = format!("product {i} of {dtype} in {chunks:?} under {limit}");
                    assert_eq!(bits(&runtime, &product), expected, "{what}");
                    let decoded = runtime.counters().decoded_bytes.load(SeqCst);
                    // chunks at the edges are stored whole
                    let whole = |len: u64, chunk: i64| len.next_multiple_of(len.min(chunk as u64));
                    let once = whole(rows, chunks[0]) * whole(columns, chunks[1]) * dtype.size() as u64;
                    assert!(decoded == once || limit == "12MiB", "{what}: {decoded} bytes decoded of {once}");
                }
            }
        }
    }
}

/// A principal component analysis: means and the range of what is left without them in one read, the rest in another.
#[test]
fn a_centred_matrix_is_read_twice() {
    let (rows, columns) = (3000u64, 2000u64);
    let noise = random::normal(0.0, 1.0).shape([rows, columns]).seed(1).build();
    let [u, v] = [(rows, 2), (columns, 3)].map(|(n, seed)| Array::from(random::normal(0.0, 1.0).shape([n, 3]).seed(seed)));
    // means a thousand times what is left
    let x = u.matmul(v.t()) + noise * 1e-3 + 1000.0 * random::uniform(1.0, 2.0).shape([columns]).seed(4).build();
    for dtype in [DType::F64, DType::F32] {
        let (_dir, x) = stored(&x.astype(dtype), [300, 200]);
        let once = rows * columns * dtype.size() as u64;
        let by_columns = &x - x.mean(axis(0).keepdims());
        let by_rows = x.t() - x.t().mean(axis(1).keepdims());
        for (what, centred) in [("columns", by_columns), ("rows", by_rows)] {
            // a quarter of it in float64
            let runtime = runtime("12MiB", 2);
            let [u, s, vh] = linalg::svd_compressed(&centred, 3, 10, 0, 7);
            runtime.compute_many((&u, &s, &vh)).unwrap();
            let decoded = runtime.counters().decoded_bytes.load(SeqCst) as f64 / once as f64;
            assert!(decoded <= 2.0, "means of {what}, {dtype}: read {decoded} times");
        }
        // as near as when the matrix is there as it is
        let all = runtime("512MiB", 2);
        let centred = &x - x.mean(axis(0).keepdims());
        let left = |of: &Array| {
            let [u, s, vh] = linalg::svd_compressed(of, 3, 10, 0, 7);
            all.item::<f64>(&((u * s).matmul(vh) - &centred).astype(DType::F64).square().mean(..)).unwrap().sqrt()
        };
        let (found, expected) = (left(&centred), left(&all.persist(&centred).unwrap()));
        assert!((found / expected - 1.0).abs() < 1e-3 && found < 1.3e-3, "{dtype}: {found}, expected {expected}");
    }
}
