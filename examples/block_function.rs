//! A function of one's own on every block: `block_function random.h5:/x` counts values by their size.

use flagstone::{DType, Runtime, open};
use ndarray::ArrayViewD;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: block_function ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?.astype(DType::F64);
    let power = x.map_blocks(|block: ArrayViewD<f64>| block.mapv(|value| value.abs().log2().floor() as i32));
    for exponent in -3..3 {
        let count: i64 = runtime.item(&power.eq(exponent).count_nonzero(..))?;
        println!("{count:>12} values of at least 2^{exponent}, below 2^{}", exponent + 1);
    }
    Ok(())
}
