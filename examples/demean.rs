//! The deviation of the columns once every row has mean 0: `demean table.h5:/x`.

use flagstone::{DType, Runtime, axis, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: demean ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let centred = &x - x.mean(axis(1).keepdims());
    let deviation = runtime.compute::<f64>(&centred.std(0).astype(DType::F64))?;
    println!("{} columns, deviation of the first {:.4}", deviation.len(), deviation[0]);
    Ok(())
}
