//! The mean of a stored array, in 256 MiB whatever its size: `mean random.h5:/x`.

use flagstone::{DType, Runtime, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: mean ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let mean: f64 = runtime.item(&x.mean(..).astype(DType::F64))?;
    println!("mean of {} values: {mean}", x.size()?);
    Ok(())
}
