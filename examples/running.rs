//! Running totals and extremes, differences and slopes along an axis: `running table.h5:/x`.

use flagstone::{Runtime, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: running ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let totals = x.cumsum(0);
    // the last running total is a sum, and is computed as one
    println!("totals of the first columns {:.1}", runtime.compute::<f32>(&totals.index(idx![-1, ..4]))?);
    let records = x.cummax(0);
    let new = records.diff(1, 0).gt(0.0).sum(0);
    println!("the greatest so far grew {:.2} times a column", runtime.item::<f64>(&new.mean(..))?);
    let steepest = x.diff(1, 1).abs().max(..);
    println!("neighbours in a row differ by {:.3} at most", runtime.item::<f32>(&steepest)?);
    println!("the area under the first row is {:.1}", runtime.item::<f32>(&x.index(idx![0]).trapezoid(1.0, 0))?);
    Ok(())
}
