//! Statistics of zones: `zones raster.h5:/x` finds the means and the greatest values of what lies between levels, whatever its shape.

use flagstone::{DType, Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: zones ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    // labels are an array of any shape, lazy as well: here whole numbers of the elements themselves
    let labels = x.clip(0.0, 19.0).floor().astype(DType::I64);
    let zones = x.groupby(&labels, 0, 20);
    let of_three = |found: flagstone::Array| found.index(idx![8..11]);
    let (counts, means, greatest) = runtime.compute_many((&of_three(zones.count()), &of_three(zones.mean()), &of_three(zones.max())))?;
    println!("of the zones 8, 9 and 10\nelements {counts}\nmeans {means}\ngreatest {greatest}");
    let week = x.rolling(7, 0).mean();
    println!("means of 7 rows, of the first column {:.3}", runtime.compute::<f32>(&week.index(idx![6..10, 0]))?);
    Ok(())
}
