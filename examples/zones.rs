//! Statistics of zones: `zones raster.h5:/x` finds the means and the greatest values of what lies between levels, whatever its shape.

use flagstone::{DType, Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: zones ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    // labels are an array of any shape, lazy as well: here whole numbers of the elements themselves
    let labels = x.clip(0.0, 19.0).floor().astype(DType::I64);
    let zones = x.ravel().groupby(&labels.ravel(), 0, 20);
    let (counts, means, greatest) = runtime.compute_many((&zones.count(), &zones.mean(), &zones.max()))?;
    println!("zone      elements  mean  greatest\n8, 9, 10: {counts}\n{means}\n{greatest}");
    let week = x.rolling(7, 0).mean();
    println!("means of 7 rows, of the first column {:.3}", runtime.compute::<f32>(&week.index(idx![6..10, 0]))?);
    Ok(())
}
