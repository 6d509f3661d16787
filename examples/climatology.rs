//! Means of the months, and what is left of a series without them, in two reads: `climatology tas.h5:/tas anomalies.zarr` for months
//! along the first axis.

use flagstone::{Runtime, arange, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, anomalies_address] = args.as_slice() else {
        return Err("usage: climatology SERIES ANOMALIES".into());
    };
    let runtime = Runtime::builder().memory_limit("256MiB").build()?;
    let x = open(address)?;
    let months = arange(0, x.shape()?[0] as i64, 1, None) % 12;
    let climatology = x.groupby(&months, 0, 12).mean();
    let anomalies = &x - climatology.take(&months, 0);
    runtime.store(&anomalies, anomalies_address)?;
    println!("means of the months {:.3}", runtime.compute::<f32>(&climatology.mean([1]))?);
    Ok(())
}
