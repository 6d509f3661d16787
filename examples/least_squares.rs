//! The combination of the columns of a tall matrix that is nearest to its row sums, in one read: `least_squares table.h5:/x`.

use flagstone::{DType, Runtime, array::linalg, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: least_squares ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let a = open(&address)?.astype(DType::F64);
    let [x, left, rank, _] = linalg::lstsq(&a, &a.sum(1), None);
    let (x, left, rank) = runtime.compute_many((&x, &left.sum(..), &rank))?;
    println!("{} coefficients, rank {rank}, sum of squares left {left}", x.shape()[0]);
    Ok(())
}
