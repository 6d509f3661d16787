//! Means with weights, correlations and shapes of distributions: `statistics table.h5:/x`.

use flagstone::array::Observations;
use flagstone::{Runtime, arange, axis, idx, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("usage: statistics ADDRESS")?;
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(&address)?;
    let n = x.shape()?[0] as i64;
    let (mean, deviation) = runtime.compute_many((&x.mean(..), &x.std(axis(..).ddof(1))))?;
    println!("mean {mean}, standard deviation {deviation}");
    // later rows count more
    let weights = arange(1, n + 1, 1, None).expand_dims(1);
    let recent = (&x * &weights).sum(0) / weights.sum(..);
    println!("weighted means of the first columns {:.3}", runtime.compute::<f64>(&recent.index(idx![..4]))?);
    let correlations = x.index(idx![.., ..4]).t().corrcoef(Observations::new());
    println!("correlations of four columns\n{:.2}", runtime.compute::<f64>(&correlations)?);
    println!("skewness {:.4}, kurtosis {:.4}", runtime.item::<f32>(&x.skew(true, ..))?, runtime.item::<f32>(&x.kurtosis(true, true, ..))?);
    Ok(())
}
