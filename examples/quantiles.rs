//! Exact quartiles of each column, the largest values and how often each integer part occurs: `quantiles table.h5:/x`.

use flagstone::{DType, Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: quantiles ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let quartiles = x.quantile([0.25, 0.5, 0.75], 0);
    let first = runtime.compute::<f64>(&quartiles.index(idx![.., 0]))?;
    println!("quartiles of {} columns, those of the first {first:.3}", quartiles.shape()?[1]);
    let sorted = x.ravel().sort(0);
    println!("the largest {}", runtime.compute::<f32>(&sorted.index(idx![-3..]))?);
    let parts = x.floor().astype(DType::I64).unique();
    let (values, counts) = runtime.compute_many((&parts.values, &parts.counts))?;
    println!("integer parts {values}\noccur          {counts} times");
    Ok(())
}
